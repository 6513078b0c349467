# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""dotenv files of ours in sops, and those of sops here."""

from __future__ import annotations

import re

import pytest
from oracle_tools import Sops
from properties import Checker
from sops_library import Library, content_of, nodes_of

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import documents_of
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.dotenv import DotenvStore
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import cases, flat_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.random_documents import (
    PATTERNS,
    Document,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

pytestmark = pytest.mark.interop

STORE = DotenvStore()
TYPE = ("--input-type", "dotenv", "--output-type", "dotenv")
PLAIN = (
    b"# top comment\r\n#\n#double ## comment\nUSER=admin\n\nEMPTY=\nexport A=1\n lead = x \nfoo =bar\nQUOTED=\"a b\"\n'q'='x'\n"
    b"LINES=one\\ntwo\\\\n\\\nCR=x\r\nONLY_CR=\r\nURL=https://e.x/?a=b&c=d#f\nHASH=# no comment\nTWICE=1\nTWICE=2\n=no key\n"
    b"clear_unencrypted=in clear\nsops=allowed\n\xff\xfe=\x80\xff\nUNI=\xc3\xa4\xe6\x97\xa5\xf0\x9f\x98\x80\xe2\x80\xa8x\n#last"
)  # fmt: skip
WITHOUT_EMPTY_LINES = PLAIN.replace(b"\n\n", b"\n") + b"\n"
SELECTORS = {kind: patterns[0] for kind, patterns in PATTERNS.items() if "comment" not in kind}


@pytest.mark.parametrize("kind", SELECTORS)
def test_our_file_opens_in_sops_with_every_byte(kind: str, keys: Keys, sops: Sops) -> None:
    """Sops itself drops empty lines and ends the last line; everything else comes back as it was."""
    content = document.encrypt(PLAIN, Rule.of([keys.public], **{kind: SELECTORS[kind]}), store=STORE).content
    done = sops.run("decrypt", *TYPE, "/dev/stdin", data=content)
    assert (done.returncode, done.stdout) == (0, WITHOUT_EMPTY_LINES), done.stderr
    assert b"possibly unencrypted" not in done.stderr


@pytest.mark.parametrize("kind", SELECTORS)
def test_a_file_of_sops_opens_here_and_is_written_the_same(kind: str, keys: Keys, sops: Sops, ring: KeyRing) -> None:
    options = ("--age", keys.public, f"--{kind.replace('_', '-')}", SELECTORS[kind])
    done = sops.run("encrypt", *options, *TYPE, "/dev/stdin", data=PLAIN)
    assert done.returncode == 0, done.stderr
    assert document.is_encrypted(done.stdout)
    assert document.decrypt(done.stdout, ring, store=STORE) == WITHOUT_EMPTY_LINES
    tree = STORE.load(done.stdout)
    assert STORE.emit(documents_of(tree), STORE.metadata(tree)) == done.stdout


def test_one_value_changed_in_a_file_of_sops_changes_three_lines(keys: Keys, sops: Sops, ring: KeyRing) -> None:
    content = sops.run("encrypt", "--age", keys.public, *TYPE, "/dev/stdin", data=PLAIN).stdout
    plain = document.decrypt(content, ring, store=STORE)
    assert not document.edit(content, plain, ring, store=STORE, rule=Rule.of([keys.public])).needed
    changed = plain.replace(b"=admin", b"=root")
    new = document.edit(content, changed, ring, store=STORE).content
    pairs = zip(content.split(b"\n"), new.split(b"\n"), strict=True)
    lines = {after.partition(b"=")[0] for before, after in pairs if before != after}
    assert lines - {b"sops_lastmodified"} == {b"USER", b"sops_mac"}
    assert sops.run("decrypt", *TYPE, "/dev/stdin", data=new).stdout == changed


BAD = {
    "nothing": b"",
    "no equals sign": b"A=1\nB\n",
    "an empty line with a carriage return": b"A=1\r\n\r\n",
    "a comment behind a byte order mark": b"\xef\xbb\xbf#c\nA=1\n",
    "a byte order mark": b"\xef\xbb\xbfA=1\n",
    "a comment behind a blank": b" # c\n",
    "a reserved key": b"sops_a=1\n",
    "encrypted already": b"A=ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]\nsops_mac=x\n",
    "a null byte": b"A=\x00\n",
}


def code_of(content: bytes, keys: Keys) -> int:
    try:
        document.encrypt(content, Rule.of([keys.public]), store=STORE)
    except FluxseedError as exc:
        return exc.exit_code
    return 0


@pytest.mark.parametrize("name", BAD)
def test_bad_input_has_the_exit_code_of_sops(name: str, keys: Keys, sops: Sops) -> None:
    done = sops.run("encrypt", "--age", keys.public, *TYPE, "/dev/stdin", data=BAD[name])
    assert code_of(BAD[name], keys) == done.returncode


def test_metadata_of_other_writers_is_refused_with_the_exit_code_of_sops(keys: Keys, sops: Sops, ring: KeyRing) -> None:
    good = document.encrypt(b"A=1\n", Rule.of([keys.public]), store=STORE).content
    damages = {
        "a key twice": good + b"sops_version=1\n",
        "used in two ways": good + b"sops_age=1\n",
        "a list with a hole": good.replace(b"__list_0__map_recipient", b"__list_1000000000__map_recipient"),
        "carriage returns": good.replace(b"\n", b"\r\n"),
        "no metadata": b"A=1\n",
        "nothing": b"",
    }
    for name, content in damages.items():
        with pytest.raises(FluxseedError) as caught:
            document.decrypt(content, ring, store=STORE)
        done = sops.run("decrypt", *TYPE, "/dev/stdin", data=content)
        assert (name, caught.value.exit_code) == (name, done.returncode)


def test_random_files_agree(checker: Checker) -> None:
    """The properties of properties.py for files with more odd lines; all selectors."""
    checked = 0
    for number in range(300):
        rng = flat_documents.seeded(number)
        kind = rng.choice(list(PATTERNS))
        content = flat_documents.as_bytes(flat_documents.dotenv(rng, repeated=False))
        checker.check(Document("dotenv", content, (kind, rng.choice(PATTERNS[kind])), number % 5 == 0), rng)
        checked += 1
    assert checked == 300


CONVERTED = b"s: text\nm: \"two\\nlines\"\ni: 5\nj: -7\nb: true\nf: 1.0\ng: 1.5\nh: 1000000.0\nk: 1e-7\nt: 2001-12-14t21:59:43.10-05:00\n# c\nz: ''\n"


def test_content_of_another_format_is_written_as_by_sops(library: Library) -> None:
    answer = library.ask("load", store="yaml", output="dotenv", data=CONVERTED)
    assert answer.error == ""
    assert STORE.emit(nodes_of(answer.documents)) == answer.plain


def test_sops_writes_clear_truth_values_so_that_nobody_can_verify_them(keys: Keys, sops: Sops, ring: KeyRing) -> None:
    """Not in the fact sheet: `true` is written, `True` is what the MAC is over; ours writes the latter."""
    options = ("--age", keys.public, "--input-type", "yaml", "--output-type", "dotenv")
    theirs = sops.run("encrypt", *options, "/dev/stdin", data=b"a_unencrypted: true\nb: x\n").stdout
    assert re.search(rb"^a_unencrypted=true$", theirs, re.MULTILINE)
    assert sops.run("decrypt", *TYPE, "/dev/stdin", data=theirs).returncode == 51
    ours = theirs.replace(b"=true", b"=True")
    assert sops.run("decrypt", *TYPE, "/dev/stdin", data=ours).returncode == 0
    assert document.values(ours, ring, store=STORE) == [{"a_unencrypted": "True", "b": "x"}]


def test_every_file_of_the_generator_is_read_the_same(library: Library) -> None:
    for number in range(1000):
        content = flat_documents.as_bytes(flat_documents.dotenv(flat_documents.seeded(number)))
        answer = library.ask("load", store="dotenv", data=content)
        tree = STORE.load(content)
        assert content_of(documents_of(tree)) == answer.documents


CASES = [
    case
    for case in cases.read_all()
    if case.header["store"] == "dotenv" and case.header["expect"] in {"same", "values"}
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_our_hard_files_open_in_sops(case: cases.Case, keys: Keys, sops: Sops, library: Library) -> None:
    """What sops makes of the plain file is what it makes of ours."""
    rule = Rule.of([keys.public], encrypted_regex=case.header.get("regex"))
    done = sops.run("decrypt", *TYPE, "/dev/stdin", data=document.encrypt(case.body, rule, store=STORE).content)
    answer = library.ask("load", store="dotenv", data=case.body)
    if answer.error.startswith("panic"):
        assert b"panic" in done.stderr
        return
    assert (done.returncode, done.stdout) == (0, answer.plain or b""), done.stderr
