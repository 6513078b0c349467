# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""INI files of ours in sops, and those of sops here."""

from __future__ import annotations

import re

import pytest
from oracle_tools import Sops
from properties import Checker
from sops_library import Library, comments_in, content_of, nodes_of, values_in

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError, MalformedFileError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import documents_of
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.ini import IniStore
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import cases, flat_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.random_documents import (
    PATTERNS,
    Document,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

pytestmark = pytest.mark.interop

STORE = IniStore()
TYPE = ("--input-type", "ini", "--output-type", "ini")
PLAIN = """\
; of the first key
before = any section

# of s, line 1
;   line 2

; line 3
[s] ; line 4
a = plain value ; inline
  b: 'single' # inline
c="double"
d = `back ; # quotes`
e = \"\"\"triple " quotes\"\"\"
f = `two
lines ; x` ; behind lines
g = \"\"\"-----BEGIN KEY-----
abc==

-----END KEY-----\"\"\"

; of h
; and more of h
h = continued \\
   line ; all of it
"quoted = key" = 1
empty =
only comment = ; c
clear_unencrypted = in clear
url = https://e.x/?a=b&c=d
dir = c:\\dir\\
next line = x

[ padded ]
\u00fcn\u00ef = \u00e4\u65e5\U0001f600
[s]
a = again
- = counted
[DEFAULT]
k = v
[x]y]
l = m
; after the last key
# and more
""".encode()
SELECTORS = {kind: patterns[0] for kind, patterns in PATTERNS.items() if "comment" not in kind}


def as_sops_writes_it(plain: bytes, library: Library) -> bytes:
    answer = library.ask("load", store="ini", data=plain)
    assert not answer.error
    return answer.plain or b""


@pytest.mark.parametrize("kind", SELECTORS)
def test_our_file_opens_in_sops_as_the_plain_one_would(kind: str, keys: Keys, sops: Sops, library: Library) -> None:
    """Values and comments: what sops makes of the plain file is what it makes of ours."""
    content = document.encrypt(PLAIN, Rule.of([keys.public], **{kind: SELECTORS[kind]}), store=STORE).content
    done = sops.run("decrypt", *TYPE, "/dev/stdin", data=content)
    assert (done.returncode, done.stdout) == (0, as_sops_writes_it(PLAIN, library)), done.stderr
    assert b"possibly unencrypted" not in done.stderr


def test_our_file_comes_back_but_for_continued_lines(keys: Keys, ring: KeyRing) -> None:
    content = document.encrypt(PLAIN, Rule.of([keys.public]), store=STORE).content
    assert document.decrypt(content, ring, store=STORE) == PLAIN.replace(
        b"continued \\\n   line ; all of it", b"`continued line ; all of it`"
    ).replace(b"dir = c:\\dir\\\nnext line = x", b"dir = c:\\dirnext line = x")


@pytest.mark.parametrize("kind", SELECTORS)
def test_a_file_of_sops_opens_here_and_is_written_the_same(
    kind: str, keys: Keys, sops: Sops, ring: KeyRing, library: Library
) -> None:
    # A key that sops counts is written as a comment by it.
    plain = PLAIN.replace(b"- = counted\n", b"")
    options = ("--age", keys.public, f"--{kind.replace('_', '-')}", SELECTORS[kind])
    done = sops.run("encrypt", *options, *TYPE, "/dev/stdin", data=plain)
    assert done.returncode == 0, done.stderr
    assert document.is_encrypted(done.stdout)
    opened = document.decrypt(done.stdout, ring, store=STORE)
    # The blanks in a comment of several lines are in its text; sops drops them on writing.
    assert opened.replace(b";   line 2", b"; line 2") == as_sops_writes_it(plain, library)
    tree = STORE.load(done.stdout)
    assert STORE.emit(documents_of(tree), STORE.metadata(tree)) == done.stdout


def test_one_value_changed_in_a_file_of_sops_changes_three_lines(keys: Keys, sops: Sops, ring: KeyRing) -> None:
    content = sops.run("encrypt", "--age", keys.public, *TYPE, "/dev/stdin", data=PLAIN.replace(b"- =", b"x =")).stdout
    plain = document.decrypt(content, ring, store=STORE)
    assert not document.edit(content, plain, ring, store=STORE, rule=Rule.of([keys.public])).needed
    changed = plain.replace(b"plain value", b"other value")
    new = document.edit(content, changed, ring, store=STORE).content
    pairs = zip(content.split(b"\n"), new.split(b"\n"), strict=True)
    lines = {after.partition(b"=")[0].strip() for before, after in pairs if before != after}
    assert lines - {b"lastmodified"} == {b"a", b"mac"}
    assert sops.run("decrypt", *TYPE, "/dev/stdin", data=new).stdout == changed.replace(b";   line 2", b"; line 2")


BAD = {
    "nothing": b"",
    "no delimiter": b"[s]\na\n",
    "an open section": b"[s\n",
    "a section without a name": b"[]\n",
    "no key": b"= 1\n",
    "an empty key": b'"" = 1\n',
    "open quotes of a key": b'"a = 1\n',
    "open quotes": b"a = `x\n",
    "open quotes at the end": b'a = """',
    "a byte order mark": b"\xef\xbb\xbf[s]\na = 1\n",
    "a reserved section": b"[sops]\na = 1\n",
    "sections alone": b"[s]\n[t]\n",
    "not UTF-8": b"[s]\na = \xff\n",
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


@pytest.mark.parametrize(
    ("plain", "lost"),
    [
        pytest.param(b"[s]\na = 1\na = 2\n", b"1", id="a repeated key"),
        pytest.param(b"[s]\na = `x` yz\n", b"yz", id="text behind quotes"),
    ],
)
def test_what_sops_drops_without_a_word_is_refused(plain: bytes, lost: bytes, library: Library) -> None:
    assert lost not in as_sops_writes_it(plain, library)
    with pytest.raises(MalformedFileError):
        STORE.load(plain)


def test_metadata_of_other_writers_is_refused_with_the_exit_code_of_sops(keys: Keys, sops: Sops, ring: KeyRing) -> None:
    good = document.encrypt(b"[s]\na = 1\n", Rule.of([keys.public]), store=STORE).content
    damages = {
        "two sections": good + b"[sops]\nversion = 1\n",
        "used in two ways": good + b"age = 1\n",
        "a list with a hole": good.replace(b"__list_0__map_recipient", b"__list_1000000000__map_recipient"),
        "no metadata": b"[s]\na = 1\n",
        "an empty section": b"[s]\na = 1\n[sops]\n",
        "nothing": b"",
    }
    for name, content in damages.items():
        with pytest.raises(FluxseedError) as caught:
            document.decrypt(content, ring, store=STORE)
        done = sops.run("decrypt", *TYPE, "/dev/stdin", data=content)
        assert (name, caught.value.exit_code) == (name, done.returncode)


def test_metadata_in_lines_is_read_by_both(keys: Keys, sops: Sops, ring: KeyRing) -> None:
    """Releases 3.13.0 and 3.13.1 wrote so; carriage returns do no harm either."""
    good = document.encrypt(b"[s]\na = 1\n", Rule.of([keys.public]), store=STORE).content
    lines = re.sub(
        rb"(?m)^(age__list_0__map_enc +=) (.*)$",
        lambda match: match[1] + b' """' + match[2].replace(b"\\n", b"\n") + b'"""',
        good,
    )
    assert lines != good
    for content in (lines, good.replace(b"\n", b"\r\n")):
        assert document.values(content, ring, store=STORE) == [{"DEFAULT": {}, "s": {"a": "1"}}]
        assert sops.run("decrypt", *TYPE, "/dev/stdin", data=content).stdout == b"[s]\na = 1\n"


def test_every_file_of_the_generator_is_read_the_same(library: Library) -> None:
    """Values always; comments but for those that sops does not see, which come last."""
    panics = 0
    for number in range(1000):
        content = flat_documents.as_bytes(flat_documents.ini(flat_documents.seeded(number)))
        answer = library.ask("load", store="ini", data=content)
        panics += answer.error.startswith("panic")
        if not answer.documents:
            continue
        ours, theirs = content_of(documents_of(STORE.load(content)))[0], answer.documents[0]
        assert values_in(ours) == values_in(theirs)
        assert comments_in(ours)[: len(comments_in(theirs))] == comments_in(theirs)
    assert panics < 200


def test_random_files_agree(checker: Checker) -> None:
    """The properties of properties.py for files with more odd comments; all selectors."""
    for number in range(300):
        rng = flat_documents.seeded(number)
        kind = rng.choice(list(PATTERNS))
        content = flat_documents.as_bytes(flat_documents.ini(rng))
        if b"- =" in content:
            # A key that sops counts (#1) is written as a comment by it.
            continue
        checker.check(Document("ini", content, (kind, rng.choice(PATTERNS[kind])), number % 5 == 0), rng)


CONVERTED = b"""\
# top
s:
  # section comment
  t: text
  m: "two\\nlines\\n"
  i: 5
  # of the key before it, for sops
  b: true
  f: 1.0
  g: 1000000.0
  h: 1e-7
  d: 2001-12-14t21:59:43.10-05:00
  e: ''
  lead: ' x'
  hash: "a#b;c"
  tick: "a`b;c"
  "a:b": colon
  "q\\"q": quote
  "t`t": tick
empty: {}
other:
  x: y
"""


def test_content_of_another_format_is_written_as_by_sops(library: Library) -> None:
    answer = library.ask("load", store="yaml", output="ini", data=CONVERTED)
    assert answer.error == ""
    assert STORE.emit(nodes_of(answer.documents)) == answer.plain


def test_a_first_section_in_another_case_than_DEFAULT_is_a_loss_of_sops(library: Library) -> None:  # noqa: N802
    """Not in the fact sheet: it is written without its name, so its values have another path from then on."""
    answer = library.ask("load", store="yaml", output="ini", data=b"default:\n  a: b\n")
    assert answer.plain == b"a = b\n"
    assert STORE.emit(nodes_of(answer.documents)) == b"[default]\na = b\n"


CASES = [
    case for case in cases.read_all() if case.header["store"] == "ini" and case.header["expect"] in {"same", "values"}
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_our_hard_files_open_in_sops(case: cases.Case, keys: Keys, sops: Sops, library: Library) -> None:
    """What sops makes of the plain file is what it makes of ours."""
    rule = Rule.of([keys.public], encrypted_regex=case.header.get("regex"))
    done = sops.run("decrypt", *TYPE, "/dev/stdin", data=document.encrypt(case.body, rule, store=STORE).content)
    answer = library.ask("load", store="ini", data=case.body)
    if answer.error.startswith("panic"):
        assert b"panic" in done.stderr
        return
    assert (done.returncode, done.stdout) == (0, answer.plain or b""), done.stderr
