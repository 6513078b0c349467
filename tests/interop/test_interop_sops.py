# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of sops open here, ours open there, and edits keep what did not change."""

from __future__ import annotations

import difflib
import math
import re
import typing as t

import pytest
from oracle_tools import Sops

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    FluxseedError,
    MacMismatchError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import yaml_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys

pytestmark = pytest.mark.interop

FILES = {
    "secret": b'apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\nstringData:\n  user: admin\n  password: "hunter2"   # changed\n  port: 5432\n',
    "comments": b"# top\na: 1 # inline\nb:\n  # head\n  c: 2\n  # foot\n\n# before d\nd: {x: 1} # flow\ne: # key line\n  f: 3\n",
    "comments in lists": b"l:\n  # first\n  - a\n  # second\n  - b: 1 # inline\n  - [c] # flow\n  # last\nm: 1\n",
    "several documents": b"a: 1\n---\n# second\nb: [x, y]\n---\nc: {d: e}\n...\n",
    "block scalars": b"a: |\n  line 1\n\n  line 2\nb: |-\n  no end\nc: |+\n  kept\n\nd: >-\n  folded\n  text\ne: |2\n   indented\n  less\n",
    "types": b"i: 1\nj: -0\nh: 0x1F\no: 017\nu: 1_000\nf: 1.5\ng: 1e100\nn: .nan\ny: .inf\nb: true\nw: yes\nq: ~\ns: ''\nt: '1'\n",
    "timestamps": b"a: 2024-01-01\nb: 2001-12-14t21:59:43.10-05:00\nc: 2001-12-14 21:59:43.1\nd: 2001-13-01\n",
    "unicode": "ä: \u65e5\u672c\u8a9e\nb: \U0001f600\n\u65e5\u672c: \"\\u2028\"\nc: 'caf\u00e9'\n".encode(),
    "flow": b"{a: 1, b: [x, {c: d}], e: 'f', g: \"h\", }\n",
    "carriage returns": b"# top\r\na: 1\r\nb: |\r\n  x\r\n  y\r\nl:\r\n- z # c\r\n",
    "byte order mark": b"\xef\xbb\xbfa: 1\nb: 2\n",
    "empty things": b"a: {}\nb: []\nc: ''\nd: null\ne:\nf: [null, '']\n",
    "no final break": b"a: 1\nb:\n  - x",
    "odd keys": b"'a b': 1\n\"c:d\": 2\n? e\n: 3\nyes: 4\n'': 5\n",
    "clear alias": b"xt_unencrypted: &x {p: 1}\nyt_unencrypted: *x\nz: s\n",
    "tags": b"a: !!str 5\nb: !!int 7\nc: !mine v\nd: !!binary aGk=\n",
    "indented root": b"  a: 1\n  b:\n    c: 2\n",
}  # fmt: skip
SELECTORS: dict[str, tuple[str, str]] = {
    "all": ("--unencrypted-suffix", "_unencrypted"),
    "regex": ("--encrypted-regex", "^(stringData|b|l|a|i)$"),
    "suffix": ("--unencrypted-suffix", "nencrypted"),
}


def rule_for(keys: Keys, selector: str) -> Rule:
    option, pattern = SELECTORS[selector]
    return Rule.of([keys.public], **{option.removeprefix("--").replace("-", "_"): pattern})


def comparable(data: t.Any) -> t.Any:
    """Whole floats come back from sops as integers, which is its own loss; NaN equals itself here."""
    if isinstance(data, dict):
        return {key: comparable(value) for key, value in data.items()}
    if isinstance(data, list):
        return [comparable(value) for value in data]
    if isinstance(data, float) and math.isfinite(data) and data == int(data):
        return repr(int(data))
    return repr(data)


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("name", FILES)
def test_our_file_opens_in_sops(name: str, selector: str, keys: Keys, sops: Sops, store: YamlStore) -> None:
    """Same values, right MAC, every comment opened."""
    content = document.encrypt(FILES[name], rule_for(keys, selector), store=store).content
    plain, said = sops.decrypt(content)
    assert comparable(store.data(plain)) == comparable(store.data(FILES[name]))
    assert b"possibly unencrypted comment" not in said


@pytest.mark.parametrize("selector", SELECTORS)
@pytest.mark.parametrize("name", FILES)
def test_a_file_of_sops_opens_here(
    name: str, selector: str, keys: Keys, sops: Sops, store: YamlStore, ring: KeyRing
) -> None:
    content = sops.encrypt(FILES[name], keys.public, *SELECTORS[selector])
    assert document.is_encrypted(content)
    plain = document.decrypt(content, ring, store=store)
    assert comparable(store.data(plain)) == comparable(store.data(FILES[name]))
    assert b"ENC[" not in plain


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_sops_stays_as_it_is_until_something_changes(
    name: str, keys: Keys, sops: Sops, store: YamlStore, ring: KeyRing
) -> None:
    content = sops.encrypt(FILES[name], keys.public)
    plain = document.decrypt(content, ring, store=store)
    change = document.edit(content, plain, ring, store=store, rule=Rule.of([keys.public]))
    assert not change.needed
    assert change.content == content


def test_a_clear_negative_zero_is_a_loss_of_sops_itself(
    keys: Keys, sops: Sops, store: YamlStore, ring: KeyRing
) -> None:
    """Sops writes -0.0 in clear as -0, an integer, so nobody can verify its MAC; ours keeps it."""
    plain = b"a_unencrypted: -0.0\nb: 1\n"
    theirs = sops.encrypt(plain, keys.public)
    assert sops.run("decrypt", "--input-type", "yaml", "/dev/stdin", data=theirs).returncode == 51
    with pytest.raises(MacMismatchError):
        document.decrypt(theirs, ring, store=store)
    ours = document.encrypt(plain, Rule.of([keys.public]), store=store).content
    assert sops.decrypt(ours)[0] == b"a_unencrypted: -0\nb: 1\n"


def test_one_value_changed_in_a_file_of_sops_changes_three_lines(
    keys: Keys, sops: Sops, store: YamlStore, ring: KeyRing
) -> None:
    plain = b"# top\nuser: admin\npassword: 'true'\ntext: |\n  line 1\n  line 2\nlist:\n  - a\n  - b\n"
    content = sops.encrypt(plain, keys.public)
    old = document.decrypt(content, ring, store=store)
    change = document.edit(content, old.replace(b"admin", b"root"), ring, store=store)
    lines = difflib.unified_diff(content.decode().splitlines(), change.content.decode().splitlines(), n=0, lineterm="")
    changed = {re.sub(r"[ +]|:.*", "", line) for line in lines if line.startswith("+") and not line.startswith("+++")}
    assert changed - {"lastmodified"} == {"user", "mac"}
    assert store.data(sops.decrypt(change.content)[0]) == store.data(plain.replace(b"admin", b"root"))


def test_a_value_that_sops_changes_keeps_our_other_tokens(
    keys: Keys, sops: Sops, store: YamlStore, ring: KeyRing, rule: Rule
) -> None:
    path = sops.folder / "ours.yaml"
    content = document.encrypt(b"a: one\nb: [x, y]\n", rule, store=store).content
    path.write_bytes(content)
    done = sops.run("set", str(path), '["a"]', '"two"')
    assert done.returncode == 0, done.stderr
    changed = path.read_bytes()
    assert document.values(changed, ring, store=store) == [{"a": "two", "b": ["x", "y"]}]
    assert set(re.findall(rb"'(ENC[^']*)'", content)) <= set(re.findall(rb"ENC\[[^\]]*\]", changed))


def test_new_files_from_data_look_as_those_of_sops(keys: Keys, sops: Sops, store: YamlStore) -> None:
    """The layout of `dump` is that of a file decrypted by sops, byte for byte."""
    data = {
        "l": [{"k": {"x": 1}, "enc": "text\nmore\n"}, ["a", [], ["b", {"c": "d"}]], {}],
        "s": {"a": "true", "b": "yes", "c": "a: b", "d": "", "e": "line\nno end", "f": " x", "g": 1.5, "h": None, "i": False, "j": "tab\t", "k": "0x1F"},
        "u": ["é", "\U0001f600", "- x", "x:", "#c", "a #b", "1:20", "2024-01-01", "<", "@h", "'q'", "\\", '"', "~", "=", "?", "-", "|"],
        "t\tab": {"deep": {"deeper": {"deepest": "x\n\ny\n"}}},
    }  # fmt: skip
    plain = store.dump(data)
    assert sops.decrypt(sops.encrypt(plain, keys.public))[0].decode() == plain.decode()


def test_metadata_is_laid_out_as_by_sops(keys: Keys, sops: Sops, store: YamlStore) -> None:
    """Without the parts that are random, both blocks are the same bytes."""

    def bare(content: bytes) -> str:
        block = content.decode().partition("sops:\n")[2]
        block = re.sub(r"(?<=AGE ENCRYPTED FILE-----\n).*?(?= *-----END)", "", block, flags=re.DOTALL)
        return re.sub(r'(mac: ENC).*|(lastmodified: ").*', r"\1\2", block)

    plain = b"a: 1\nstringData: {b: c}\n"
    ours = document.encrypt(plain, rule_for(keys, "regex"), store=store).content
    assert bare(ours) == bare(sops.encrypt(plain, keys.public, *SELECTORS["regex"]))


def test_the_wrong_key_is_refused_by_both_with_the_same_exit_code(keys: Keys, sops: Sops, store: YamlStore) -> None:
    other = Keys(*age.generate_identity())
    content = document.encrypt(b"a: 1\n", Rule.of([other.public]), store=store).content
    done = sops.run("decrypt", "--input-type", "yaml", "/dev/stdin", data=content)
    with pytest.raises(DataKeyError) as caught:
        document.decrypt(content, gather(NOWHERE, [("x", keys.private)]), store=store)
    assert caught.value.exit_code == done.returncode == 128
    assert other.public in str(caught.value)


def test_a_changed_clear_value_is_refused_by_both_with_the_same_exit_code(
    keys: Keys, sops: Sops, store: YamlStore, ring: KeyRing
) -> None:
    content = document.encrypt(b"a_unencrypted: 1\nb: 2\n", Rule.of([keys.public]), store=store).content
    content = content.replace(b"a_unencrypted: 1", b"a_unencrypted: 2")
    done = sops.run("decrypt", "--input-type", "yaml", "/dev/stdin", data=content)
    with pytest.raises(MacMismatchError) as caught:
        document.decrypt(content, ring, store=store)
    assert caught.value.exit_code == done.returncode == 51


def test_mac_only_encrypted_is_honoured(keys: Keys, sops: Sops, store: YamlStore, ring: KeyRing) -> None:
    options = ["--age", keys.public, "--encrypted-regex", "^b$", "--input-type", "yaml", "--output-type", "yaml"]
    done = sops.run("--mac-only-encrypted", "encrypt", *options, "/dev/stdin", data=b"a: 1\nb: 2\n")
    assert done.returncode == 0, done.stderr
    content = done.stdout.replace(b"a: 1", b"a: 3")
    assert document.decrypt(content, ring, store=store) == b"a: 3\nb: 2\n"
    changed = document.edit(content, b"a: 3\nb: 4\n", ring, store=store).content
    assert sops.decrypt(changed)[0] == b"a: 3\nb: 4\n"


def test_our_rewrapped_recipients_open_in_sops(keys: Keys, sops: Sops, store: YamlStore) -> None:
    other = Keys(*age.generate_identity())
    content = document.encrypt(b"a: 1\n", Rule.of([other.public]), store=store).content
    change = document.edit(
        content,
        b"a: 1\n",
        gather(NOWHERE, [("x", other.private)]),
        store=store,
        rule=Rule.of([keys.public, other.public]),
    )
    assert sops.decrypt(change.content)[0] == b"a: 1\n"


ROUNDS, BATCH = 4, 30


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_random_documents_agree(seed: int, keys: Keys, sops: Sops, store: YamlStore, ring: KeyRing) -> None:
    """Many documents as one file: sops reads ours, we read those of sops, same values, comments opened.

    A few comments may come out in another container than sops sees; it keeps those as they are and warns.
    """
    rng = yaml_documents.seeded(seed)
    texts: list[str] = []
    while len(texts) < BATCH:
        text = yaml_documents.document(rng)
        try:
            document.encrypt(text.encode(), Rule.of([keys.public]), store=store)
        except FluxseedError:
            continue
        texts.append(text)
    plain = "---\n".join(texts).encode()
    data = comparable(store.data(plain))
    selector = ("all", "regex")[seed % 2]
    ours = document.encrypt(plain, rule_for(keys, selector), store=store).content
    decrypted, said = sops.decrypt(ours)
    assert comparable(store.data(decrypted)) == data
    assert said.count(b"possibly unencrypted comment") <= 2
    theirs = sops.encrypt(plain, keys.public, *SELECTORS[selector])
    opened = document.decrypt(theirs, ring, store=store)
    assert comparable(store.data(opened)) == data
    assert opened.count(b"#ENC[AES") <= 2
