# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers, values and comments of a YAML file in the order in which sops visits them.

Private to the collection. For selectors that go by comments, where one comment more or less above a value decides
whether it is encrypted.
"""

from __future__ import annotations

import typing as t
from bisect import bisect_right
from collections.abc import Iterator, Sequence

from ..tree import AnyEdit, Box, Step, Tree, apply_edits
from .base import METADATA_KEY
from .yaml_attachment import Lines, Scanner
from .yaml_nodes import ALIAS, MAPPING, SCALAR, SEQUENCE, Document, Node, Parser
from .yaml_splices import metadata_edits

OPEN, LEAF, COMMENT = "open", "leaf", "comment"


class Visit(t.NamedTuple):
    """One stop on the way through a document."""

    kind: str
    place: int = -1
    """Where the sign of a comment stands."""
    depth: int = 0
    """Containers around it."""


_Visits = Iterator["Visit | _Visits"]


def visits(document: Document, *, has_metadata: bool) -> Iterator[Visit]:
    """Everything in a document in sops' order; the metadata is left out, not what stands above it."""
    open_now: list[_Visits] = [_document(document, has_metadata=has_metadata)]
    while open_now:
        found = next(open_now[-1], None)
        if found is None:
            open_now.pop()
        elif isinstance(found, Visit):
            yield found._replace(depth=len(open_now))
        else:
            open_now.append(found)


def _document(document: Document, *, has_metadata: bool) -> _Visits:
    root = document.root
    yield Visit(OPEN)
    yield from _comments(document.head, root.head, root.line)
    if root.kind == MAPPING:
        yield from _items(root, has_metadata=has_metadata)
        yield from _comments(root.foot)
    yield from _comments(document.foot)


def _comments(*notes: Lines) -> Iterator[Visit]:
    for lines in notes:
        for place in lines:
            if place is not None:
                yield Visit(COMMENT, place)


def _items(node: Node, *, has_metadata: bool = False) -> _Visits:
    for at in range(0, len(node.content) - 1, 2):
        key, value = node.content[at : at + 2]
        yield from _comments(key.head, key.line)
        is_leaf = value.kind in (SCALAR, ALIAS)
        if is_leaf:
            yield from _comments(value.head, value.line)
        if not (has_metadata and key.value == METADATA_KEY):
            yield from _value(value, handled=is_leaf)
        if is_leaf:
            yield from _comments(value.foot)
        yield from _comments(key.foot)


def _value(node: Node, *, handled: bool) -> _Visits:
    """The value of a key or an item; `handled` says that its own comments were seen to by what it stands in."""
    if node.kind == ALIAS:
        node, handled = t.cast("Node", node.target), False
    if node.kind == SCALAR:
        yield Visit(LEAF)
    else:
        yield _container(node, handled=handled)


def _container(node: Node, *, handled: bool) -> _Visits:
    yield Visit(OPEN)
    if not handled:
        yield from _comments(node.head, node.line)
    if node.kind == SEQUENCE:
        for item in node.content:
            yield from _comments(item.head, item.line)
            yield from _value(item, handled=True)
            yield from _comments(item.foot)
    else:
        yield from _items(node)
    if not handled:
        yield from _comments(node.foot)


def steps(tree: Tree, *, as_it_stands: bool = False) -> list[Step]:
    """The same for a tree; of a plain one as it will be read once it is encrypted, unless it is taken as it stands."""
    edits = [] if as_it_stands else sorted(metadata_edits(tree))
    text = apply_edits(tree.text, edits)
    moved = _Moved(edits)
    numbers = {comment.start - 1: number for number, comment in enumerate(tree.comments)}
    boxes = iter(tree.boxes)
    leaf = 0
    done: list[Step] = []
    open_now: list[Box] = []
    for document in Parser(Scanner(text)).parse():
        for kind, place, depth in visits(document, has_metadata=True):
            del open_now[depth - (kind == OPEN) :]
            if kind == OPEN:
                open_now.append(next(boxes))
                done.append(Step(box=open_now[-1]))
            elif kind == LEAF:
                done.append(Step(leaf=leaf))
                leaf += 1
            elif (number := numbers.get(moved.back(place))) is not None:
                done.append(Step(comment=number, copy=open_now[-1]))
    return done


class _Moved:
    """Places of a text before it was edited."""

    def __init__(self, edits: Sequence[AnyEdit]) -> None:
        self._ends: list[int] = []
        self._by: list[int] = []
        by = 0
        for start, end, new in edits:
            self._ends.append(start + by + len(new))
            by += len(new) - (end - start)
            self._by.append(by)

    def back(self, place: int) -> int:
        number = bisect_right(self._ends, place) - 1
        return place if number < 0 else place - self._by[number]
