# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON and binary files against sops itself: both read what the other writes, and whole files are the same bytes."""

from __future__ import annotations

import json
import re

import pytest
from oracle_tools import Sops

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError, MalformedFileError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import documents_of
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.binary import BinaryStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.json import JsonStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.values import is_token
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import json_documents, yaml_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

JSON, BINARY = JsonStore(), BinaryStore()
ODD = (
    '"<é>&\\u2028\\u2029\\u007f\\/\\b\\f\\n\\r\\t\\u0000\\u001f"', '"\\ud800"', '"\\udc00\\ud83d\\ude00x"', '""', "[]", "{}", "null", "true", "false",
    "0", "-0", "-17", "9223372036854775807", "-9223372036854775808", "9223372036854775808", "18446744073709551616",
    "1.0", "-2.50", "1e2", "1E-7", "0.000001", "1e20", "1e21", "1e100", "5e-324", "1.7976931348623157e308", "1e-400", "0.1", "123456789.125",
    '{"a": 1, "a": [1, [2, {"b": "x"}]], "": {"": "y"}}', '[1, "x", [], {}, null, [[true]]]', '"ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]"',
)  # fmt: skip
MEMBERS = ", ".join(f'"{name}{number}": {text}' for number, text in enumerate(ODD) for name in ("k", "k_unencrypted "))
PLAIN = f'{{{MEMBERS}, "note_clear": "x", "<&é": {{"deep_secret": ["s", 5], "deep": 1}}}}'.encode()
SELECTORS = {
    "unencrypted_suffix": " 1",
    "encrypted_suffix": "_secret",
    "unencrypted_regex": "^(note|k1)",
    "encrypted_regex": "(_secret|^k2)",
}


def run(sops: Sops, verb: str, content: bytes, *options: str, kind: str = "json") -> bytes:
    done = sops.run(verb, *options, "--input-type", kind, "--output-type", kind, "/dev/stdin", data=content)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def bare(content: bytes) -> str:
    """An encrypted file without what is random."""
    text = re.sub(r"data:[^\"]*,type", "type", content.decode())
    return re.sub(r'("(?:enc|lastmodified)": ").*"', r'\1"', text)


def option(kind: str) -> str:
    return "--" + kind.replace("_", "-")


@pytest.mark.parametrize("kind", SELECTORS)
def test_both_read_what_the_other_writes_and_whole_files_are_the_same(
    kind: str, keys: Keys, sops: Sops, ring: KeyRing
) -> None:
    pattern = SELECTORS[kind]
    ours = document.encrypt(PLAIN, Rule.of([keys.public], **{kind: pattern}), store=JSON).content
    theirs = run(sops, "encrypt", PLAIN, "--age", keys.public, option(kind), pattern)
    plain = run(sops, "decrypt", theirs)
    assert run(sops, "decrypt", ours) == plain
    opened = document.decrypt(theirs, ring, store=JSON)
    assert [leaf[4:6] for leaf in JSON.load(opened).leaves] == [leaf[4:6] for leaf in JSON.load(PLAIN).leaves]
    # sops writes whole floats as integers, so the nodes are taken from the typed text.
    documents = documents_of(JSON.load(opened))
    assert JSON.emit(documents) == plain
    tree = JSON.load(theirs)
    assert JSON.emit(documents_of(tree), tree.branches[0].metadata) == theirs
    assert [is_token(leaf.text) for leaf in JSON.load(ours).leaves] == [is_token(leaf.text) for leaf in tree.leaves]
    assert not document.edit(theirs, opened, ring, store=JSON).needed


@pytest.mark.parametrize("indent", [0, 1, 4])
def test_other_indentations_are_the_same(indent: int, sops: Sops, keys: Keys) -> None:
    theirs = run(sops, "--indent", PLAIN, str(indent), "encrypt", "--age", keys.public)
    tree = JSON.load(theirs)
    assert JSON.emit(documents_of(tree), tree.branches[0].metadata, indent=indent) == theirs


def test_a_first_encryption_in_the_layout_of_sops_is_that_of_sops(sops: Sops, keys: Keys) -> None:
    plain = run(sops, "decrypt", run(sops, "encrypt", PLAIN, "--age", keys.public)).replace(b"-0,", b"0,")
    ours = document.encrypt(plain, Rule.of([keys.public]), store=JSON).content
    again = run(sops, "encrypt", plain, "--age", keys.public)
    assert bare(ours).replace("\\u003a", ":") == bare(again)


def test_one_value_changed_by_each_leaves_the_other_tokens(sops: Sops, keys: Keys, ring: KeyRing) -> None:
    path = sops.folder / "shared.json"
    content = document.encrypt(b'{\n  "a": "one",\n  "b": ["x", 2]\n}\n', Rule.of([keys.public]), store=JSON).content
    path.write_bytes(content)
    assert sops.run("set", str(path), '["a"]', '"two"').returncode == 0
    changed = path.read_bytes()
    assert document.values(changed, ring, store=JSON) == [{"a": "two", "b": ["x", 2]}]
    back = document.edit(changed, document.decrypt(changed, ring, store=JSON).replace(b"two", b"six"), ring, store=JSON)
    kept = re.findall(rb"ENC\[[^\]]*(?:str|int)\]", content)[1:3]
    assert all(token in changed and token in back.content for token in kept)
    assert json.loads(run(sops, "decrypt", back.content)) == {"a": "six", "b": ["x", 2]}


BAD = {
    "array": b"[1]", "string": b'"x"', "number": b"5", "null": b"null", "empty": b"", "blank": b" \n", "mark": b'\xef\xbb\xbf{"a": 1}',
    "out of range": b'{"a": 1E400}', "broken off": b'{"a": 1', "half a string": b'{"a": "x', "half a key": b'{"a', "comma": b'{"a": 1,}',
    "list comma": b'{"a": [1,]}', "colons": b'{"a":: 1}', "zero": b'{"a": 01}', "NaN": b'{"a": NaN}', "comment": b'{"a": 1 // c\n}',
    "break": b'{"a": "x\ny"}', "escape": b'{"a": "\\x"}', "bracket": b'{"a": [1}}', "key": b"{1: 2}", "no value": b'{"a"}', "form feed": b'{"a":\x0c1}',
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_input_has_the_same_exit_code(name: str, sops: Sops, keys: Keys) -> None:
    types = ("--input-type", "json", "--output-type", "json")
    done = sops.run("encrypt", "--age", keys.public, *types, "/dev/stdin", data=BAD[name])
    with pytest.raises(MalformedFileError) as caught:
        document.encrypt(BAD[name], Rule.of([keys.public]), store=JSON)
    assert caught.value.exit_code == done.returncode == 2


@pytest.mark.parametrize(
    ("plain", "kept"),
    [
        (b'{"a": 1}\n{"b": 2}\n', {"a": 1}),
        (b'{"a": 1, "b":', {"a": 1}),
        (b'{"a": [1,', {}),
        (b'{"a": "\xff"}', {"a": "\ufffd"}),
        (b'{"a": 18446744073709551615}', {"a": 18446744073709552000}),
    ],
    ids=repr,
)
def test_sops_loses_data_that_we_refuse(plain: bytes, kept: dict[str, object], sops: Sops, keys: Keys) -> None:
    theirs = run(sops, "encrypt", plain, "--age", keys.public)
    assert json.loads(run(sops, "decrypt", theirs)) == kept
    with pytest.raises(FluxseedError):
        document.encrypt(plain, Rule.of([keys.public]), store=JSON)


def test_a_clear_negative_zero_is_lost_by_sops_and_kept_here(sops: Sops, keys: Keys, ring: KeyRing) -> None:
    plain = b'{"a_unencrypted": -0.0, "b": 1}'
    theirs = run(sops, "encrypt", plain, "--age", keys.public)
    types = ("--input-type", "json", "--output-type", "json")
    assert sops.run("decrypt", *types, "/dev/stdin", data=theirs).returncode == 51
    ours = document.encrypt(plain, Rule.of([keys.public]), store=JSON).content
    assert document.decrypt(ours, ring, store=JSON) == plain
    assert run(sops, "decrypt", ours) == b'{\n\t"a_unencrypted": -0,\n\t"b": 1\n}\n'
    tree = JSON.load(ours)
    run(sops, "decrypt", JSON.emit(documents_of(tree), tree.branches[0].metadata))


def test_comments_of_a_converted_list_are_dropped_by_both(sops: Sops, keys: Keys, ring: KeyRing) -> None:
    types = ("--input-type", "yaml", "--output-type", "json")
    plain = b"l:\n  # one\n  - x\n  # two\n"
    done = sops.run("encrypt", "--age", keys.public, *types, "/dev/stdin", data=plain)
    assert done.stdout.count(b"type:comment") in (0, 1, 2)
    assert json.loads(run(sops, "decrypt", done.stdout)) == {"l": ["x"]}
    assert document.values(done.stdout, ring, store=JSON) == [{"l": ["x"]}]


ROUNDS, BATCH = 4, 40


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_random_documents_agree(seed: int, keys: Keys, sops: Sops, ring: KeyRing) -> None:
    """Many documents as members of one file: the same values and types, and the same bytes as sops for whole files."""
    rng = yaml_documents.seeded(seed)
    texts: list[str] = []
    while len(texts) < BATCH:
        content = json_documents.content(rng)
        try:
            document.encrypt(content, Rule.of([keys.public]), store=JSON)
        except FluxseedError:
            continue
        # A clear -0.0 is what sops itself cannot read back.
        texts.append(re.sub(r"-0\.0(?![0-9])", "-0.5", content.decode()))
    plain = ("{" + ",\n".join(f'"d{number}": {text}' for number, text in enumerate(texts)) + "}").encode()
    kind = tuple(SELECTORS)[seed % len(SELECTORS)]
    pattern = ("_unencrypted", "data", "(pass|^d1)", "^(a|b)$")[seed % 4]
    ours = document.encrypt(plain, Rule.of([keys.public], **{kind: pattern}), store=JSON).content
    theirs = run(sops, "encrypt", plain, "--age", keys.public, option(kind), pattern)
    opened = document.decrypt(theirs, ring, store=JSON)
    written = JSON.emit(documents_of(JSON.load(plain)))
    assert run(sops, "decrypt", ours) == run(sops, "decrypt", theirs) == re.sub(rb"-0\.0(?![0-9])", b"-0", written)
    back = JSON.load(document.decrypt(ours, ring, store=JSON))
    assert [leaf[3:6] for leaf in back.leaves] == [leaf[3:6] for leaf in JSON.load(plain).leaves]
    assert [leaf[4:6] for leaf in JSON.load(opened).leaves] == [leaf[4:6] for leaf in JSON.load(plain).leaves]


# --- binary ---------------------------------------------------------------------------------------

CONTENTS = {
    "empty": b"",
    "text": "é\n".encode(),
    "bytes": bytes(range(256)),
    "json": b'{"data": "x"}',
    "mark": b"\xef\xbb\xbfx",
}


@pytest.mark.parametrize("name", CONTENTS)
def test_binary_files_open_on_both_sides_and_are_laid_out_alike(
    name: str, keys: Keys, sops: Sops, ring: KeyRing
) -> None:
    content = CONTENTS[name]
    ours = document.encrypt(content, Rule.of([keys.public]), store=BINARY).content
    theirs = run(sops, "encrypt", content, "--age", keys.public, kind="binary")
    assert bare(ours) == bare(theirs)
    assert run(sops, "decrypt", ours, kind="binary") == content
    assert document.decrypt(theirs, ring, store=BINARY) == content
    edited = document.edit(theirs, content + b"\x00", ring, store=BINARY).content
    assert run(sops, "decrypt", edited, kind="binary") == content + b"\x00"
    assert bare(edited).replace("ENC[AES256_GCM,type:str]", "") == bare(theirs).replace("ENC[AES256_GCM,type:str]", "")


@pytest.mark.parametrize("plain", [b'{"a": "x"}', b'{"data": 5}', b'{"data": ["x"]}'], ids=repr)
def test_what_holds_no_binary_data_has_the_same_exit_code(plain: bytes, keys: Keys, sops: Sops, ring: KeyRing) -> None:
    theirs = run(sops, "encrypt", plain, "--age", keys.public)
    done = sops.run("decrypt", "--input-type", "binary", "--output-type", "binary", "/dev/stdin", data=theirs)
    with pytest.raises(FluxseedError) as caught:
        document.decrypt(theirs, ring, store=BINARY)
    assert caught.value.exit_code == done.returncode == 4


def test_sops_encrypts_an_encrypted_binary_file_once_more(keys: Keys, sops: Sops) -> None:
    once = run(sops, "encrypt", b"x", "--age", keys.public, kind="binary")
    run(sops, "encrypt", once, "--age", keys.public, kind="binary")
    with pytest.raises(FluxseedError) as caught:
        document.encrypt(once, Rule.of([keys.public]), store=BINARY)
    assert caught.value.exit_code == 203
