# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting one entry: only what has to change does."""

from __future__ import annotations

import difflib
import re
import typing as t
from datetime import UTC, datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    AlreadyEncryptedError,
    EmissionError,
    FluxseedError,
    LimitError,
    PathNotFoundError,
    TreePathError,
    ValueFormatError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import (
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    documents_of,
    from_data,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.paths import (
    Path,
    find,
    outline,
    replaced,
    values_of,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import yaml_documents

PLAIN = b"""\
# the database
kind: Secret
stringData:
  user: admin
  password: "hunter2"   # keep it
  list: [a, b, c]
  hosts:
  # first
  - one
  - two: x
    three: z

  text: |
    line 1
    line 2
  empty: {}
  nothing:
number: 5
"""


def early() -> datetime:
    return datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def content(rule: Rule, store: Store) -> bytes:
    return document.encrypt(PLAIN, rule, store=store, clock=early).content


def changed_lines(old: bytes, new: bytes) -> list[str]:
    """Keys of the lines that differ, removed and added."""
    lines = difflib.unified_diff(old.decode().splitlines(), new.decode().splitlines(), n=0, lineterm="")
    return [re.sub(r"[:=].*|[\s\"]", "", line) for line in lines if not line.startswith(("---", "+++", "@@"))]


def difference(old: bytes, new: bytes) -> str:
    """Lines removed and added."""
    lines = difflib.unified_diff(old.decode().splitlines(), new.decode().splitlines(), n=0, lineterm="")
    return "\n".join(line for line in lines if not line.startswith(("---", "+++", "@@")))


# --- one value ------------------------------------------------------------------------------------


def test_a_value_changes_its_line_the_mac_and_the_time(content: bytes, ring: KeyRing, store: Store) -> None:
    change = document.set(content, ("stringData", "password"), "new", ring, store=store)
    changed = ["password", "lastmodified", "mac"]
    assert changed_lines(content, change.content) == [
        "-password",
        "+password",
        *(s + c for s in "-+" for c in changed[1:]),
    ]
    assert change.reason == ("content",)
    assert document.decrypt(change.content, ring, store=store) == PLAIN.replace(b"hunter2", b"new")


def test_people_see_which_value_changed_and_no_value(content: bytes, ring: KeyRing, store: Store) -> None:
    change = document.set(content, ("stringData", "password"), "new", ring, store=store)
    assert difference(change.before.encode(), change.after.encode()) == (
        "-  password: ***   #***\n+  password: *** (changed)   #***"
    )
    assert repr(change) == "Change(needed=True, reason=('content',))"


def test_the_value_that_is_there_is_no_change(content: bytes, ring: KeyRing, store: Store) -> None:
    for path, value in (
        (("number",), 5),
        (("stringData", "hosts", 1), {"two": "x", "three": "z"}),
        (("stringData", "nothing"), None),
    ):
        change = document.set(content, path, value, ring, store=store)
        assert (change.needed, change.reason, change.content) == (False, (), content)
        assert change.before == change.after


@pytest.mark.parametrize(
    ("value", "bytes_form"), [(6, b"6"), (6.0, b"6.0"), ("6", b'"6"'), (True, b"true"), (None, b"null"), ("", b'""')]
)
def test_a_value_keeps_its_type(content: bytes, ring: KeyRing, store: Store, value: t.Any, bytes_form: bytes) -> None:
    """Sops makes a float of any bare number."""
    change = document.set(content, ("number",), value, ring, store=store)
    assert document.decrypt(change.content, ring, store=store) == PLAIN.replace(b"number: 5", b"number: " + bytes_form)
    assert repr(document.values(change.content, ring, store=store)[0]["number"]) == repr(value)


def test_a_value_in_clear_is_replaced_in_clear(ring: KeyRing, store: Store, rule: Rule) -> None:
    old = document.encrypt(b"a_unencrypted: 'x'  # why\nb: y\n", rule, store=store).content
    new = document.set(old, ("a_unencrypted",), "z", ring, store=store).content
    assert new.startswith(b"a_unencrypted: 'z'  #ENC[")
    assert document.values(new, ring, store=store) == [{"a_unencrypted": "z", "b": "y"}]


# --- the layout around ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value", "expected"),
    [
        pytest.param('["new"]', '{"a": [{"x": 1}]}', "+new:\n+  a:\n+  - x: 1", id="new-key"),
        pytest.param('["stringData"]["nothing"]', '"x"', "-  nothing:\n+  nothing: x", id="null"),
        pytest.param(
            '["stringData"]["empty"]["a"]["b"]', "1", "-  empty: {}\n+  empty:\n+    a:\n+      b: 1", id="empty"
        ),
        pytest.param(
            '["stringData"]["list"][1]', '"B, C"', "-  list: [a, b, c]\n+  list: [a, 'B, C', c]", id="flow-item"
        ),
        pytest.param('["stringData"]["list"][9]', '"d"', "-  list: [a, b, c]\n+  list: [a, b, c, d]", id="flow-append"),
        pytest.param(
            '["stringData"]["hosts"][7]',
            '{"a": {"b": [1]}, "e": "x\\ny\\n"}',
            "+  - a:\n+      b:\n+      - 1\n+    e: |\n+      x\n+      y",
            id="block-append",
        ),
        pytest.param(
            '["stringData"]["hosts"][0]', '{"a": 1, "b": 2}', "-  - one\n+  - a: 1\n+    b: 2", id="item-to-mapping"
        ),
        pytest.param('["stringData"]["hosts"][0]', "[1, [2]]", "-  - one\n+  - - 1\n+    - - 2", id="item-to-list"),
        pytest.param(
            '["stringData"]["hosts"][1]["two"]', '{"q": []}', "-  - two: x\n+  - two:\n+      q: []", id="first-of-item"
        ),
        pytest.param('["stringData"]["hosts"][1]', '"s"', "-  - two: x\n-    three: z\n+  - s", id="mapping-to-scalar"),
        pytest.param(
            '["stringData"]["hosts"]',
            '"s"',
            "-  hosts:\n+  hosts: s\n-  - one\n-  - two: x\n-    three: z",
            id="comments-stay",
        ),
        pytest.param('["stringData"]["text"]', '"a\\nb\\n"', "-    line 1\n-    line 2\n+    a\n+    b", id="literal"),
        pytest.param(
            '["stringData"]["user"]', '{"a": 1}', "-  user: admin\n+  user:\n+    a: 1", id="scalar-to-mapping"
        ),
        pytest.param(
            '["stringData"]["password"]["x"]',
            "[1]",
            '-  password: "hunter2"   # keep it\n+  password:   # keep it\n+    x:\n+    - 1',
            id="scalar-in-the-way",
        ),
        pytest.param('["new"][5]["k"]', "true", "+new:\n+- k: true", id="new-list-starts-at-0"),
        pytest.param('["stringData"]["hosts"][1]["four"]', '" x"', "+    four: ' x'", id="last-key-of-item"),
    ],
)
def test_an_entry_takes_the_layout_around_it(
    content: bytes, ring: KeyRing, store: Store, path: str, value: str, expected: str
) -> None:
    change = document.set(content, document.parse_path(path), document.parse_value(value), ring, store=store)
    assert difference(PLAIN, document.decrypt(change.content, ring, store=store)) == expected
    assert b"hunter2" not in change.content
    kept = set(re.findall(rb"ENC\[[^\]]*\]", content)) & set(re.findall(rb"ENC\[[^\]]*\]", change.content))
    assert len(kept) >= 7


@pytest.mark.parametrize(
    ("plain", "path", "value", "expected"),
    [
        pytest.param(b"{}\n", '["a"]', "1", b"a: 1\n", id="empty-root"),
        pytest.param(b"---\n", '["a"]', "1", b"---\na: 1\n", id="null-root"),
        pytest.param(b"a: 1", '["b"]', "2", b"a: 1\nb: 2", id="no-final-break"),
        pytest.param(b"a: 1\r\nc: 2\r\n", '["b"]', '{"x": 1}', b"a: 1\r\nc: 2\r\nb:\r\n    x: 1\r\n", id="crlf"),
        pytest.param(b"\xef\xbb\xbfa: 1\n", '["b"]', "2", b"\xef\xbb\xbfa: 1\nb: 2\n", id="bom"),
        pytest.param(
            b"{\n  a: 1,\n  b: 2\n}\n", '["c"]', "[3]", b"{\n  a: 1,\n  b: 2,\n  c: [3]\n}\n", id="flow-lines"
        ),
        pytest.param(b'{"a": 1}\n', '["b"]', '{"x": "y"}', b'{"a": 1, "b": {x: "y"}}\n', id="flow-quotes"),
        pytest.param(b"a: {b: , c: 1}\n", '["a"]["b"]', "2", b"a: {b: 2, c: 1}\n", id="flow-null"),
        pytest.param(b"a:\n  - &x 1\n  - b\n", '["a"][0]', '"y"', b'a:\n  - &x "y"\n  - b\n', id="anchor-stays"),
        pytest.param(b"a: |+\n  x\n\n\nb: 1\n", '["a"]', '{"k": 1}', b"a:\n    k: 1\nb: 1\n", id="kept-blank-lines"),
        pytest.param(
            b"- a: 1\n".replace(b"- ", b"l:\n- "), '["l"][0]["b"]', "2", b"l:\n- a: 1\n  b: 2\n", id="indentless"
        ),
        pytest.param(b"a: 'x'\n", '["a"]', '"it\'s"', b"a: 'it''s'\n", id="quotes-stay"),
        pytest.param(b"a: x\n", '["a"]', '"true"', b'a: "true"\n', id="quotes-where-needed"),
    ],
)
def test_layouts(rule: Rule, ring: KeyRing, store: Store, plain: bytes, path: str, value: str, expected: bytes) -> None:
    content = document.encrypt(plain, rule, store=store).content
    change = document.set(content, document.parse_path(path), document.parse_value(value), ring, store=store)
    assert document.decrypt(change.content, ring, store=store) == expected


def test_where_no_layout_is_known_the_values_are_right_all_the_same(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"? a\n: # c\n  {b: 1}\n", rule, store=store).content
    change = document.set(content, ("a",), [1, "\n x"], ring, store=store)
    assert document.values(change.content, ring, store=store) == [{"a": [1, "\n x"]}]


@pytest.mark.parametrize(
    ("plain", "path", "value"),
    [
        pytest.param(b"a: &x {b: 1}\nc: *x\n", ("c", "d"), 2, id="below-an-alias"),
        pytest.param(b"a: &x 1\nc: *x\n", ("a",), {"b": 1}, id="anchor-goes"),
        pytest.param(b"a: &x [1]\nc: *x\n", ("a", 0), 2, id="value-of-an-anchor"),
        pytest.param(b"? [a, b]\n: 1\n".replace(b"[a, b]", b"a"), ("a",), None, id="explicit-key"),
        pytest.param(b"a: {b: c}\n", ("a", "b"), [1, "x"], id="container-in-flow"),
        pytest.param(b"a: {b}\n", ("a", "b"), 1, id="flow-key-without-colon"),
        pytest.param(b"a: [b: 1]\n", ("a", 0, "c"), 1, id="pair-without-braces"),
        pytest.param(b"a: 1\n", ("k" * 1500,), 1, id="long-key"),
        pytest.param(b"--- {}\n", ("a",), 1, id="root-behind-a-marker"),
        pytest.param(b"--- {} # c\n", ("a", "b"), "x", id="root-before-a-comment"),
        pytest.param(b"# only\n---\n# comments\n...\n", ("a",), 1, id="null-root-with-comments"),
        pytest.param(b"a:\n  # note\n  b: 1\n", ("a",), "one\ntwo\n", id="literal-and-comment"),
        pytest.param(b"l:\n-\n  - 1\n- # c\n  x: 1\n", ("l", 1), {"y": 2}, id="comment-behind-a-dash"),
        pytest.param(b"l:\n- 1\n# c\n-  2\n", ("l", 1), {"y": 2, "z": 3}, id="wide-dash"),
        pytest.param(b"l:\n- - 1\n  - 2\n- 3\n", ("l", 0, 1), "a\nb\n", id="literal-in-list"),
    ],
)
def test_odd_places_hold_the_value_too(
    rule: Rule, ring: KeyRing, store: Store, plain: bytes, path: Path, value: t.Any
) -> None:
    content = document.encrypt(plain, rule, store=store).content
    root = documents_of(store.load(document.decrypt(content, ring, store=store)))[0]
    change = document.set(content, path, value, ring, store=store)
    wanted = replaced(root, path, from_data(value))
    assert isinstance(wanted, MappingNode)
    after = documents_of(store.load(document.decrypt(change.content, ring, store=store)))
    assert outline(after) == outline([wanted])


@pytest.mark.parametrize(
    ("kind", "plain", "path", "value"),
    [
        ("ini", b"a = 1\n", ("s",), {}),
        ("ini", b"[s]\na = 1\n", ("odd;name", "k"), "x"),
        ("ini", b"[s]\na = 1\n", ("s", "odd = key"), "x"),
        ("ini", b"", ("DEFAULT", "k"), "x"),
        ("dotenv", b"#c", ("A",), "x"),
        ("json", b'{"a": {"b": [1]}}', ("a", "b", 0), {"c": "d"}),
    ],
    ids=str,
)
def test_odd_places_of_other_formats(
    rule: Rule, ring: KeyRing, kind: str, plain: bytes, path: Path, value: t.Any
) -> None:
    store = store_for("", kind)
    content = document.encrypt(plain or b"\n", rule, store=store).content
    change = document.set(content, path, value, ring, store=store)
    root = documents_of(store.load(document.decrypt(change.content, ring, store=store)))[0]
    assert outline([MappingNode([("x", find(root, path))])]) == outline([MappingNode([("x", from_data(value))])])


def test_the_document_can_be_chosen(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"a: 1\n---\na: 2\n", rule, store=store).content
    first = document.set(content, ("b",), 3, ring, store=store).content
    second = document.set(first, ("a",), 4, ring, store=store, document=1).content
    assert document.decrypt(second, ring, store=store) == b"a: 1\nb: 3\n---\na: 4\n"
    with pytest.raises(PathNotFoundError, match="there is no document 3: the file has 2"):
        document.set(content, ("a",), 1, ring, store=store, document=2)


# --- other formats --------------------------------------------------------------------------------

JSON = b'{\n  "a": "x",\n  "l": [1, "two"],\n  "o": {\n    "k": "v"\n  },\n  "z": null\n}\n'
DOTENV = b"# c\nA=1\n\nB=two words\n"
INI = b"top=1\n\n[sec]\n; note\nk      = v\nlonger = w\n\n[other]\na=b\n"


@pytest.mark.parametrize(
    ("kind", "plain", "path", "value", "expected"),
    [
        ("json", JSON, '["a"]', '"y"', '-  "a": "x",\n+  "a": "y",'),
        ("json", JSON, '["n"]', '{"q": [1]}', '-  "z": null\n+  "z": null,\n+  "n": {\n+    "q": [\n+      1\n+    ]\n+  }'),
        ("json", JSON, '["l"][5]', '{"a": []}', '-  "l": [1, "two"],\n+  "l": [1, "two", {"a": []}],'),
        ("json", JSON, '["o"]["m"]', "1.0", '-    "k": "v"\n+    "k": "v",\n+    "m": 1.0'),
        ("json", JSON, '["o"]', "false", '-  "o": {\n-    "k": "v"\n-  },\n+  "o": false,'),
        ("json", JSON, '["z"]', "{}", '-  "z": null\n+  "z": {}'),
        ("json", b"{}", '["a"]["b"]', "1", '-{}\n+{\n+\t"a": {\n+\t\t"b": 1\n+\t}\n+}'),
        ("json", b'{"a": 1}\n', '["b"]', "[2]", '-{"a": 1}\n+{"a": 1, "b": [2]}'),
        ("dotenv", DOTENV, '["A"]', '"2"', "-A=1\n+A=2"),
        ("dotenv", DOTENV, '["N"]', '"a\\nb"', "+N=a\\nb"),
        ("dotenv", DOTENV, '["N"]', "true", "+N=true"),
        ("dotenv", DOTENV, '["N"]', "1.0", "+N=1.0"),
        ("dotenv", b"# only\n", '["N"]', "5", "+N=5"),
        ("ini", INI, '["sec"]["k"]', '"y"', "-k      = v\n+k      = y"),
        ("ini", INI, '["sec"]["new"]', "true", "+new    = true"),
        ("ini", INI, '["other"]["c"]', '"; d"', "+c=`; d`"),
        ("ini", INI, '["third"]', '{"x": 1, "long": "2"}', "+\n+[third]\n+x    = 1\n+long = 2"),
        ("ini", INI, '["DEFAULT"]["t"]', '"1"', "+t=1"),
        ("ini", b"[a]\n[b]\nx = 1\n", '["a"]["k"]', '"1"', "+k = 1"),
    ],
)  # fmt: skip
def test_other_formats_keep_their_layout_too(
    rule: Rule, ring: KeyRing, kind: str, plain: bytes, path: str, value: str, expected: str
) -> None:
    store = store_for("", kind)
    content = document.encrypt(plain, rule, store=store).content
    change = document.set(content, document.parse_path(path), document.parse_value(value), ring, store=store)
    assert difference(plain, document.decrypt(change.content, ring, store=store)) == expected


def test_the_whole_of_a_binary_file(rule: Rule, ring: KeyRing) -> None:
    store = store_for("", "binary")
    content = document.encrypt(b"\x00\xff", rule, store=store).content
    change = document.set(content, ("data",), b"\xfe\x00", ring, store=store)
    assert document.decrypt(change.content, ring, store=store) == b"\xfe\x00"
    with pytest.raises(EmissionError):
        document.set(content, ("other",), "x", ring, store=store)


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [("dotenv", ("X",), {"a": 1}), ("dotenv", ("X",), None), ("ini", ("X",), "1"), ("ini", ("s", "X"), None),
     ("ini", ("s", "X"), [1]), ("dotenv", ("A", "b"), 1), ("dotenv", ("X=Y",), "1"), ("dotenv", ("X\n",), "1")],
    ids=str,
)  # fmt: skip
def test_what_a_format_cannot_hold_is_refused(rule: Rule, ring: KeyRing, kind: str, path: Path, value: t.Any) -> None:
    store = store_for("", kind)
    content = document.encrypt({"dotenv": b"A=1\n", "ini": b"[s]\na = 1\n"}[kind], rule, store=store).content
    with pytest.raises(FluxseedError) as caught:
        document.set(content, path, value, ring, store=store)
    assert caught.value.exit_code == 4


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "error", "code"),
    [
        ((), TreePathError, 7),
        (("list", -1), TreePathError, 7),
        (("list", 2_000_000_000), TreePathError, 7),
        (("a",) * 201, TreePathError, 7),
        (("stringData", "list", "key"), PathNotFoundError, 1),
        (("stringData", 0), PathNotFoundError, 1),
        (("sops",), AlreadyEncryptedError, 203),
    ],
    ids=str,
)
def test_a_bad_path_is_a_clean_error(
    content: bytes, ring: KeyRing, store: Store, path: Path, error: type[FluxseedError], code: int
) -> None:
    """Most of these make sops crash, or succeed without having done anything."""
    with pytest.raises(error) as caught:
        document.set(content, path, {"x": "the-value"}, ring, store=store, name="s.yaml")
    assert caught.value.exit_code == code
    assert "s.yaml" in str(caught.value)
    assert "the-value" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "x", "{", "1 2", "nan", "Infinity", "-Infinity", "1e999", "'a'"])
def test_what_is_not_json_is_refused_without_being_quoted(text: str) -> None:
    with pytest.raises(ValueFormatError, match="the value is not JSON") as caught:
        document.parse_value(text)
    assert caught.value.exit_code == 7
    assert caught.value.__cause__ is None


def test_json_values() -> None:
    assert document.parse_value("18446744073709551616") == ScalarNode("float", "18446744073709552000")
    assert document.parse_value("-9223372036854775808") == ScalarNode("int", "-9223372036854775808")
    assert document.parse_value('"\\udc80"') == ScalarNode("str", "\ufffd")
    assert document.parse_value('{"a": [null, true], "a": 1.50}') == MappingNode(
        [
            ("a", SequenceNode([ScalarNode("null", ""), ScalarNode("bool", "True")])),
            ("a", ScalarNode("float", "1.5")),
        ]
    )
    with pytest.raises(LimitError):
        document.parse_value("[" * 100_000)


def test_data_that_no_file_can_hold_is_refused(content: bytes, ring: KeyRing, store: Store) -> None:
    for value in (object(), {1: 2}, 2**70, "\ud800"):
        with pytest.raises(ValueFormatError) as caught:
            document.set(content, ("a",), value, ring, store=store)
        assert caught.value.exit_code == 7


def test_values_nested_deeper_than_python_recurses(content: bytes, ring: KeyRing, store: Store) -> None:
    value: t.Any = "x"
    for _turn in range(300):
        value = [value]
    change = document.set(content, ("deep",), value, ring, store=store)
    assert b"hunter2" not in change.content
    assert document.extract(change.content, ("deep", *[0] * 199), ring, store=store).count(b"- ") == 101


# --- any document ---------------------------------------------------------------------------------

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["x", "", "true", " lead", "two\nlines\n", "a: b", "it's", "\n x", "#", "\x85", "é😀"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b c", "yes", "1"]), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


def all_paths(root: Node) -> list[tuple[Path, Node]]:
    found: list[tuple[Path, Node]] = [((), root)]
    for path, node in found:
        if not isinstance(node, ScalarNode):
            items = enumerate(values_of(node))
            found += [((*path, key if isinstance(node, MappingNode) else n), value) for n, (key, value) in items]
    return found


def encrypted(seed: int, rule: Rule, store: Store) -> bytes:
    """A random file; those that cannot be encrypted are passed over."""
    while True:
        try:
            plain = yaml_documents.document(yaml_documents.seeded(seed)).encode()
            return document.encrypt(plain, rule, store=store, clock=early).content
        except FluxseedError:
            seed += 1


@settings(max_examples=40, deadline=None)
@example(seed=967866, choice=4, value=None)
@given(seed=st.integers(0, 2**32), choice=st.integers(0, 2**32), value=VALUES)
def test_what_is_set_is_there_and_nothing_else_changes(
    rule: Rule, ring: KeyRing, store: Store, seed: int, choice: int, value: t.Any
) -> None:
    content = encrypted(seed, rule, store)
    root = documents_of(store.load(document.decrypt(content, ring, store=store)))[0]
    places = all_paths(root)
    path, node = places[choice % len(places)]
    if not isinstance(node, ScalarNode):
        path = (*path, "a new key" if isinstance(node, MappingNode) else 1_000_000)
    change = document.set(content, path, value, ring, store=store)
    plain = document.decrypt(change.content, ring, store=store)
    wanted = replaced(root, path, from_data(value))
    assert isinstance(wanted, MappingNode)
    assert outline(documents_of(store.load(plain))) == outline([wanted])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 2**32), st.sampled_from(["x", "two\nlines\n", "true", "é"]))
def test_one_leaf_set_changes_one_token_and_can_be_extracted(
    rule: Rule, ring: KeyRing, store: Store, seed: int, choice: int, value: str
) -> None:
    content = encrypted(seed, rule, store)
    root = documents_of(store.load(document.decrypt(content, ring, store=store)))[0]
    places = [
        path for path, node in all_paths(root)
        if isinstance(node, ScalarNode) and node.text and not any("_unencrypted" in str(part) for part in path)
        and node.text != value
    ]  # fmt: skip
    if not places:
        return
    path = places[choice % len(places)]
    change = document.set(content, path, value, ring, store=store)
    assert document.extract(change.content, path, ring, store=store) == value.encode()
    token = re.compile(rb"ENC\[AES256_GCM,[^\]]*\]")
    old, new = token.findall(content), token.findall(change.content)
    differing = [number for number, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    assert len(differing) == 2
    assert token.sub(b"", re.sub(rb"lastmodified.*", b"", content)) == token.sub(
        b"", re.sub(rb"lastmodified.*", b"", change.content)
    )
