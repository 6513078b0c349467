# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One part of a document on its own."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    EmissionError,
    FluxseedError,
    MacMismatchError,
    PathNotFoundError,
    TreePathError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.paths import Path, format_path
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for

PLAIN = b"""\
s: text
n: 5
f: 1.5
b: true
z: null
t: 2024-01-02
e: ""
m:
  # note
  k: [1, {x: "y"}]
  l: |
    a
    b
"""


@pytest.fixture
def content(rule: Rule, store: Store) -> bytes:
    return document.encrypt(PLAIN, rule, store=store).content


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ('["s"]', b"text"),
        ('["n"]', b"5\n"),
        ('["f"]', b"1.5\n"),
        ('["b"]', b"true\n"),
        ('["z"]', b"null\n"),
        ('["t"]', b"2024-01-02T00:00:00Z\n"),
        ('["e"]', b""),
        ('["m"]["l"]', b"a\nb\n"),
        ('["m"]["k"]', b'- 1\n- x: "y"\n'),
        ('["m"]["k"][1]', b'x: "y"\n'),
        ('["m"]', b'# note\nk:\n    - 1\n    - x: "y"\nl: |\n    a\n    b\n'),
    ],
)
def test_a_string_is_raw_and_all_else_is_a_document(
    content: bytes, ring: KeyRing, store: Store, path: str, expected: bytes
) -> None:
    assert document.extract(content, document.parse_path(path), ring, store=store) == expected


@pytest.mark.parametrize(
    ("kind", "path", "expected"),
    [
        ("json", '["s"]', b"text"),
        ("json", '["n"]', b"5"),
        ("json", '["z"]', b"null"),
        ("json", '["m"]["k"]', b'[\n\t1,\n\t{\n\t\t"x": "y"\n\t}\n]'),
        ("json", '["m"]["k"][1]', b'{\n\t"x": "y"\n}\n'),
        ("dotenv", '["m"]["k"][1]', b"x=y\n"),
        ("ini", '["n"]', b"5"),
        ("ini", '["m"]["k"]', b'[1,{"x": "y"}]'),
        ("binary", '["s"]', b"text"),
    ],
)
def test_the_output_can_be_of_another_format(
    content: bytes, ring: KeyRing, store: Store, kind: str, path: str, expected: bytes
) -> None:
    output = store_for("", kind)
    assert document.extract(content, document.parse_path(path), ring, store=store, output_store=output) == expected


@pytest.mark.parametrize(
    ("kind", "path"), [("dotenv", ("n",)), ("binary", ("n",)), ("dotenv", ("m",)), ("binary", ("m",))]
)
def test_what_the_format_cannot_hold_is_refused(
    content: bytes, ring: KeyRing, store: Store, kind: str, path: Path
) -> None:
    with pytest.raises(EmissionError) as caught:
        document.extract(content, path, ring, store=store, output_store=store_for("", kind))
    assert caught.value.exit_code == 4


@pytest.mark.parametrize(
    ("path", "error", "code"),
    [
        (("nope",), PathNotFoundError, 1),
        (("m", "k", 2), PathNotFoundError, 1),
        (("m", 0), PathNotFoundError, 1),
        (("m", "k", "x"), PathNotFoundError, 1),
        (("s", "below"), PathNotFoundError, 1),
        (("m", "k", -1), TreePathError, 91),
        ((), TreePathError, 91),
    ],
    ids=str,
)
def test_a_path_that_leads_nowhere(
    content: bytes, ring: KeyRing, store: Store, path: Path, error: type[FluxseedError], code: int
) -> None:
    with pytest.raises(error) as caught:
        document.extract(content, path, ring, store=store, name="s.yaml")
    assert caught.value.exit_code == code
    assert "s.yaml" in str(caught.value)


def test_the_document_can_be_chosen_and_others_are_left_out(rule: Rule, ring: KeyRing, store: Store) -> None:
    """Sops prints the other documents too."""
    content = document.encrypt(b"a: {b: 1}\n---\na: {b: 2}\n", rule, store=store).content
    assert document.extract(content, ("a",), ring, store=store) == b"b: 1\n"
    assert document.extract(content, ("a",), ring, store=store, document=1) == b"b: 2\n"
    with pytest.raises(PathNotFoundError, match="there is no document 3"):
        document.extract(content, ("a",), ring, store=store, document=2)


def test_the_mac_is_verified_unless_asked_otherwise_by_name(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"a_unencrypted: 1\nb: c\n", rule, store=store).content.replace(b"ed: 1", b"ed: 2")
    with pytest.raises(MacMismatchError):
        document.extract(content, ("b",), ring, store=store)
    assert document.extract(content, ("b",), ring, store=store, ignore_mac=True) == b"c"


# --- the text form of paths -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ('["a"]', ("a",)),
        ("['a'][\"b\"][0]", ("a", "b", 0)),
        ('["a b:c"][""]', ("a b:c", "")),
        ("[007]", (7,)),
    ],
)
def test_paths_are_read_as_by_sops(text: str, path: Path) -> None:
    assert document.parse_path(text) == path
    assert document.parse_path(format_path(path)) == path


@pytest.mark.parametrize(
    "text", ["", "a", '["a"', '["a"]x', "[]", "[x]", '[")', "['a\"]", "a[0]", "[-1]", "[" + "9" * 30 + "]", "[1.5]"]
)
def test_what_is_no_path_is_refused_with_the_code_of_the_command(text: str) -> None:
    for for_extract, code in ((False, 7), (True, 91)):
        with pytest.raises(TreePathError) as caught:
            document.parse_path(text, for_extract=for_extract)
        assert caught.value.exit_code == code
