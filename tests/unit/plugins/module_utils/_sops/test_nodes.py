# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes: the content of trees in sops' order, and of plain data."""

from __future__ import annotations

import typing as t
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import EmissionError, FluxseedError, LimitError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import (
    CommentNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    documents_of,
    from_data,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml_data import to_python
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import (
    BOOL,
    COMMENT,
    FLOAT,
    INT,
    NULL,
    STR,
    TIME,
    Limits,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import yaml_documents

STORE = YamlStore()


def outline(node: Node | CommentNode) -> t.Any:
    """A node as data: comments as `#text`, inline ones as `<text`."""
    if isinstance(node, CommentNode):
        return ("<" if node.inline else "#") + node.text.strip()
    if isinstance(node, ScalarNode):
        return node.text
    if isinstance(node, SequenceNode):
        return [outline(item) for item in node.items]
    return tuple(outline(item) if isinstance(item, CommentNode) else {item[0]: outline(item[1])} for item in node.items)


def outline_of(text: str) -> list[t.Any]:
    return [outline(document) for document in documents_of(STORE.load(text.encode()))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# a\nk: v # b\n# c\n", ("#a", "<b", {"k": "v"}, "#c")),
        ("k: # a\n  b: 1\n", ("#a", {"k": ({"b": "1"},)})),
        ("k: # a\nm: 1\n", ("#a", {"k": ""}, {"m": "1"})),
        ("k: &x # a\n  b: 1\n", ({"k": ("#a", {"b": "1"})},)),
        ("k: &x # a\n  v\n", ("<a", {"k": "v"})),
        ("k: [v] # a\n", ({"k": ["#a", "v"]},)),
        ("k: {b: 1} # a\n", ({"k": ("#a", {"b": "1"})},)),
        ("k: [] # a\nm: {} # b\n", ({"k": ["#a"]}, {"m": ("#b",)})),
        ("l:\n- [v] # a\n- {b: 1} # b\n- [] # c\n", ({"l": ["<a", ["v"], "<b", ({"b": "1"},), "<c", []]},)),
        ("k: [[v], # a\n w]\n", ({"k": ["<a", ["v"], "w"]},)),
        ("k: {b: [v] # a\n , c: w # b\n }\n", ({"k": ({"b": ["#a", "v"]}, "<b", {"c": "w"})},)),
        ("l:\n- # a\n  b: 1\n- # b\n  - v\n- # c\n  w\n", ({"l": [("#a", {"b": "1"}), ["#b", "v"], "#c", "w"]},)),
        ("l:\n-\n  # a\n  b: 1\n", ({"l": [("#a", {"b": "1"})]},)),
        ("l:\n  - a: 1\n    # b\n  # c\n  - d\n", ({"l": [({"a": "1"}, "#b"), "#c", "d"]},)),
        ("{a: 1} # b\n", ("#b", {"a": "1"})),
        ("--- # a\nk: 1\n... # b\n# c\n", ("#a", {"k": "1"}, "#b", "#c")),
        ("a: &x {b: 1} # c\nd: *x # e\nf: 1\n", ({"a": ("#c", {"b": "1"})}, "<e", {"d": ("#c", {"b": "1"})}, {"f": "1"})),
        ("l:\n- &x [v] # a\n- *x # b\n", ({"l": ["<a", ["v"], "<b", ["v"]]},)),
        ("a: &x\n  # b\n  c: [&y {d: 1}, *y]\ne: *x\n", (
            {"a": ("#b", {"c": [({"d": "1"},), ({"d": "1"},)]})}, {"e": ("#b", {"c": [({"d": "1"},), ({"d": "1"},)]})},
        )),
        ("a: &x {}\nb: *x # c\n<<: *x\n", ({"a": ()}, "<c", {"b": ()}, {"<<": ()})),
        ("&x a: &y b\n*y : *x\n", ({"a": "b"}, {"b": "a"})),
    ],
)  # fmt: skip
def test_items_and_comments_are_in_the_order_of_sops(text: str, expected: t.Any) -> None:
    """Each as in the tree that sops 3.13.3 makes, but for comments that it drops (behind `...`)."""
    assert outline_of(text) == [expected]


def test_values_and_comments_can_be_replaced() -> None:
    tree = STORE.load(b"# a\nl: [x, y, z]\n")
    documents = documents_of(tree, [(INT, "1"), None, (COMMENT, " c")], ["b"])
    expected = SequenceNode([ScalarNode(INT, "1"), ScalarNode(STR, "y"), CommentNode(" c")])
    assert documents == [MappingNode([CommentNode("b"), ("l", expected)])]
    assert documents_of(tree, None, [None])[0].items[0] == CommentNode(" a")


@pytest.mark.parametrize(
    ("data", "node"),
    [
        (None, ScalarNode(NULL, "")), (True, ScalarNode(BOOL, "True")), (-5, ScalarNode(INT, "-5")), (1.0, ScalarNode(FLOAT, "1")), ("x", ScalarNode(STR, "x")),
        (b"\xff", ScalarNode(STR, "\udcff")), (date(2024, 1, 1), ScalarNode(TIME, "2024-01-01T00:00:00Z")),
        (datetime(2024, 1, 1, tzinfo=UTC), ScalarNode(TIME, "2024-01-01T00:00:00Z")),
            (datetime(2024, 1, 1), ScalarNode(TIME, "2024-01-01T00:00:00Z")),  # noqa: DTZ001
        (datetime(2001, 12, 14, 21, 59, 43, 100000, timezone(-timedelta(hours=5, minutes=30))), ScalarNode(TIME, "2001-12-14T21:59:43.1-05:30")),
        ((1, [2]), SequenceNode([ScalarNode(INT, "1"), SequenceNode([ScalarNode(INT, "2")])])), ({}, MappingNode()),
        ({"b": {"c": []}, "a": 1}, MappingNode([("b", MappingNode([("c", SequenceNode())])), ("a", ScalarNode(INT, "1"))])),
    ],
    ids=repr,
)  # fmt: skip
def test_plain_data_become_nodes(data: t.Any, node: Node) -> None:
    assert from_data(data) == node


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({1: 2}, "a key is not a string"), (2**63, "64 bits"), (object(), "type object"), ({"a": ["\ud800"]}, "surrogate"), ({"\ud800": 1}, "surrogate"),
        (datetime(2024, 1, 1, tzinfo=timezone(timedelta(seconds=1))), "^$"),
    ],
    ids=["key", "integer", "object", "surrogate", "key with a surrogate", "offset in seconds"],
)  # fmt: skip
def test_what_no_store_can_hold_is_refused(data: t.Any, message: str) -> None:
    if message == "^$":
        assert from_data(data) == ScalarNode(TIME, "2024-01-01T00:00:00Z")
        return
    with pytest.raises(EmissionError, match=message):
        from_data(data)


def test_data_without_end_are_refused_by_their_number() -> None:
    endless: list[t.Any] = []
    endless.append(endless)
    with pytest.raises(LimitError, match="more than 1000"):
        from_data(endless, limits=Limits(nodes=1000))


def test_nodes_are_compared_by_content_and_shown() -> None:
    assert MappingNode() != SequenceNode()
    assert repr(MappingNode([("a", SequenceNode())])) == "MappingNode([('a', SequenceNode([]))])"


def python(node: Node) -> t.Any:
    if isinstance(node, ScalarNode):
        return to_python(node.type, node.text)
    if isinstance(node, SequenceNode):
        return [python(item) for item in node.items if not isinstance(item, CommentNode)]
    return {item[0]: python(item[1]) for item in node.items if not isinstance(item, CommentNode)}


@given(st.integers(0, 2**32))
def test_readers_of_data_see_the_same_values(seed: int) -> None:
    """Two ways through a file, one set of types."""
    content = yaml_documents.document(yaml_documents.seeded(seed)).encode()
    try:
        documents = documents_of(STORE.load(content))
    except FluxseedError:
        return
    assert repr([python(document) for document in documents]) == repr(STORE.data(content))
