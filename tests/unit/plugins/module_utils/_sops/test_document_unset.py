# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing one entry: its lines go, everything else stays."""

from __future__ import annotations

import difflib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    FluxseedError,
    MalformedFileError,
    PathNotFoundError,
    TreePathError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import MappingNode, ScalarNode, documents_of
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.paths import Path, outline, removed, values_of
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import yaml_documents

PLAIN = b"""\
# the database
kind: Secret
stringData:
  user: admin
  # about the password
  password: "hunter2"   # goes with it
  list: [a, b, c]
  hosts:
  # first
  - one
  - two: x
    # between
    three: z
  - only: w

  text: |
    line 1
    line 2
  flow: {a: 1}
number: 5
"""


def difference(old: bytes, new: bytes) -> str:
    """Lines removed and added."""
    lines = difflib.unified_diff(old.decode().splitlines(), new.decode().splitlines(), n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


@pytest.fixture
def content(rule: Rule, store: Store) -> bytes:
    return document.encrypt(PLAIN, rule, store=store).content


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ('["kind"]', "-kind: Secret"),
        ('["number"]', "-number: 5"),
        ('["stringData"]["password"]', '-  password: "hunter2"   # goes with it'),
        ('["stringData"]["list"][0]', "-  list: [a, b, c]\n+  list: [b, c]"),
        ('["stringData"]["list"][2]', "-  list: [a, b, c]\n+  list: [a, b]"),
        ('["stringData"]["hosts"][0]', "-  - one"),
        ('["stringData"]["hosts"][1]', "-  - two: x\n-    # between\n-    three: z"),
        ('["stringData"]["hosts"][1]["two"]', "-  - two: x\n+  - "),
        ('["stringData"]["hosts"][1]["three"]', "-    three: z"),
        ('["stringData"]["hosts"][2]["only"]', "-  - only: w\n+  - {}"),
        ('["stringData"]["text"]', "-  text: |\n-    line 1\n-    line 2"),
        ('["stringData"]["flow"]["a"]', "-  flow: {a: 1}\n+  flow: {}"),
    ],
)
def test_the_lines_of_the_entry_go(content: bytes, ring: KeyRing, store: Store, path: str, expected: str) -> None:
    change = document.unset(content, document.parse_path(path), ring, store=store)
    assert difference(PLAIN, document.decrypt(change.content, ring, store=store)) == expected
    assert change.reason == ("content",)


@pytest.mark.parametrize(
    ("plain", "path", "expected"),
    [
        pytest.param(b"a: 1\n", '["a"]', b"{}\n", id="last-of-root"),
        pytest.param(b"# c\nl:\n- a\n", '["l"][0]', b"# c\nl: []\n", id="last-of-list"),
        pytest.param(
            b"k:\n  # note\n  a: 1\nb: 2\n", '["k"]["a"]', b"k: {}\n  # note\nb: 2\n", id="comment-above-the-last"
        ),
        pytest.param(b"a: 1\nb: 2", '["b"]', b"a: 1", id="no-final-break"),
        pytest.param(b"a: 1\r\nb: 2\r\n", '["a"]', b"b: 2\r\n", id="crlf"),
        pytest.param(b"l:\n- a: 1\n  b: 2\n", '["l"][0]["a"]', b"l:\n- b: 2\n", id="first-behind-a-dash"),
        pytest.param(b"l:\n- - 1\n  - 2\n", '["l"][0][0]', b"l:\n- - 2\n", id="list-in-list"),
        pytest.param(b"{\n  a: 1,\n  b: 2\n}\n", '["b"]', b"{\n  a: 1\n}\n", id="flow-lines"),
        pytest.param(b"a:\nb: 2\n", '["a"]', b"b: 2\n", id="null"),
    ],
)
def test_layouts(rule: Rule, ring: KeyRing, store: Store, plain: bytes, path: str, expected: bytes) -> None:
    content = document.encrypt(plain, rule, store=store).content
    change = document.unset(content, document.parse_path(path), ring, store=store)
    assert document.decrypt(change.content, ring, store=store) == expected


@pytest.mark.parametrize(
    ("kind", "plain", "path", "expected"),
    [
        ("json", b'{\n  "a": 1,\n  "b": [1, 2],\n  "c": {"d": 3}\n}\n', '["a"]', b'{\n  "b": [1, 2],\n  "c": {"d": 3}\n}\n'),
        ("json", b'{\n  "a": 1,\n  "b": 2\n}\n', '["b"]', b'{\n  "a": 1\n}\n'),
        ("json", b'{"c": {"d": 3}, "l": [1]}', '["c"]["d"]', b'{"c": {}, "l": [1]}'),
        ("json", b'{"c": {"d": 3}, "l": [1]}', '["l"][0]', b'{"c": {"d": 3}, "l": []}'),
        ("dotenv", b"# c\nA=1\n\nB=2\n", '["A"]', b"# c\n\nB=2\n"),
        ("dotenv", b"A=1\nB=2", '["B"]', b"A=1"),
        ("ini", b"[s]\n; note\na = 1\nb = 2\n\n[t]\nc = 3\n", '["s"]["a"]', b"[s]\n; note\nb = 2\n\n[t]\nc = 3\n"),
        ("ini", b"[s]\na = 1\n\n; about t\n[t]\nc = 3\n", '["s"]', b"; about t\n[t]\nc = 3\n"),
        ("ini", b"[s]\na = 1\n\n[t]\nc = 3", '["t"]', b"[s]\na = 1\n"),
    ],
)  # fmt: skip
def test_other_formats_keep_their_layout_too(
    rule: Rule, ring: KeyRing, kind: str, plain: bytes, path: str, expected: bytes
) -> None:
    store = store_for("", kind)
    content = document.encrypt(plain, rule, store=store).content
    change = document.unset(content, document.parse_path(path), ring, store=store)
    assert document.decrypt(change.content, ring, store=store) == expected


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (("stringData", "nope"), r'\["stringData"\]\["nope"\]: key not found: nope'),
        (("stringData", "list", 3), r'\["stringData"\]\["list"\]\[3\]: index 3 is out of bounds'),
    ],
)
def test_what_is_not_there_is_an_error_or_no_change(
    content: bytes, ring: KeyRing, store: Store, path: Path, message: str
) -> None:
    with pytest.raises(PathNotFoundError, match=message) as caught:
        document.unset(content, path, ring, store=store, name="s.yaml")
    assert caught.value.exit_code == 1
    assert str(caught.value).startswith("s.yaml: ")
    change = document.unset(content, path, ring, store=store, idempotent=True)
    assert (change.needed, change.content) == (False, content)


@pytest.mark.parametrize(
    ("path", "error", "code"),
    [
        (("kind", "below"), PathNotFoundError, 1),
        (("stringData", "list", "key"), PathNotFoundError, 1),
        (("stringData", 0), PathNotFoundError, 1),
        (("stringData", "nope", 0, "x", -1), TreePathError, 7),
        ((), TreePathError, 7),
    ],
    ids=str,
)
def test_a_path_that_cannot_be_is_an_error_even_if_idempotent(
    content: bytes, ring: KeyRing, store: Store, path: Path, error: type[FluxseedError], code: int
) -> None:
    with pytest.raises(error) as caught:
        document.unset(content, path, ring, store=store, idempotent=True)
    assert caught.value.exit_code == code


def test_a_file_that_is_no_document_has_the_exit_code_of_sops(ring: KeyRing, store: Store) -> None:
    with pytest.raises(MalformedFileError) as caught:
        document.unset(b"{", ("a",), ring, store=store)
    assert caught.value.exit_code == 1


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 2**32), st.booleans())
def test_what_is_unset_is_gone_and_set_then_unset_is_the_file_before(
    rule: Rule, ring: KeyRing, store: Store, seed: int, choice: int, back: bool
) -> None:
    while True:
        try:
            plain = yaml_documents.document(yaml_documents.seeded(seed)).encode()
            content = document.encrypt(plain, rule, store=store).content
            break
        except FluxseedError:
            seed += 1
    before = document.decrypt(content, ring, store=store)
    root = documents_of(store.load(before))[0]
    if back:
        done = document.set(content, ("a new key",), ["x", {"y": "two\nlines\n"}], ring, store=store).content
        assert (
            document.decrypt(document.unset(done, ("a new key",), ring, store=store).content, ring, store=store)
            == before
        )
        return
    key, value = values_of(root)[choice % len(values_of(root))]
    path: Path = (key,)
    while not isinstance(value, ScalarNode) and values_of(value) and choice % 3:
        number = choice % len(values_of(value))
        name, below = values_of(value)[number]
        path, value = (*path, name if isinstance(value, MappingNode) else number), below
    change = document.unset(content, path, ring, store=store)
    wanted = removed(root, path)
    assert isinstance(wanted, MappingNode)
    after = document.decrypt(change.content, ring, store=store)
    assert outline(documents_of(store.load(after))) == outline([wanted])
