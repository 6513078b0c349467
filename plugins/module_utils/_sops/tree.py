# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words every store shares: leaves, comments, containers and the tree they form.

Private to the collection. A tree is the text of a file plus positions: each leaf and comment knows
where it stands, so that changing a value means replacing its span and nothing else.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Sequence
from dataclasses import dataclass, field

STR, INT, FLOAT, BOOL, TIME, COMMENT, NULL = "str", "int", "float", "bool", "time", "comment", "null"
"""The types of leaves; all but `NULL` are also written as the `type:` of a token."""

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


class Limits(t.NamedTuple):
    """What a parser refuses before it costs time or memory."""

    size: int = 64 * 1024 * 1024
    depth: int = 1000
    documents: int = 10_000
    nodes: int = 2_000_000
    copies: int = 100_000
    """Leaves that aliases may add."""


DEFAULT_LIMITS = Limits()


class Box:
    """A mapping or list. `path` is the additional data of its leaves: keys, each followed by a colon."""

    __slots__ = (
        "begin", "count", "expects_key", "first", "flow", "indent", "is_sequence", "key", "last", "parent", "path", "seen",
    )  # fmt: skip

    def __init__(
        self,
        parent: Box | None,
        key: str,
        path: str,
        *,
        is_sequence: bool = False,
        flow: bool = False,
        indent: int = 0,
        begin: int = 0,
        first: int = 0,
    ) -> None:
        self.parent = parent
        self.key = key
        self.path = path
        self.is_sequence = is_sequence
        self.flow = flow
        self.indent = indent
        self.expects_key = not is_sequence
        self.seen: set[str] = set()
        self.last = key
        self.count = 0
        """Items of a list."""
        self.begin = begin
        """Where it opens in the text; comments and leaves at or after this place can be in it."""
        self.first = first
        """Number of leaves of the tree before it."""


class Leaf(t.NamedTuple):
    """One value. `text` is the byte form (see `values`) as text; undecodable bytes are surrogates."""

    start: int
    end: int
    style: str
    """Spelling in the file: `''` plain, `'`, `"`, `|` or `>`; only the store reads it."""
    type: str
    text: str
    path: str
    box: Box
    key: str
    begin: int
    """Where the properties (anchor, tag) before the value start; `start` without any. Negative: copy of an alias."""


class Comment(t.NamedTuple):
    """One comment line; the span is its text without the leading sign."""

    start: int
    end: int
    text: str
    box: Box
    order: int
    """Place among the items of the file: where it stands, but before its value for one behind a value."""
    inline: bool
    """It stands behind a value, on the same line."""


@dataclass
class Branch:
    """One document of a file, with what a store needs to add or drop the metadata there."""

    root: Box
    start: int
    explicit: bool
    end: int = 0
    """Where the document ends: at its end marker, the next start marker or the end of the text."""
    empty: bool = True
    null_span: tuple[int, int] | None = None
    root_begin: int = 0
    last_end: int = -1
    """End of the last value of a flow root, -1 if it holds none."""
    metadata: t.Any = None
    metadata_span: tuple[int, int] | None = None
    metadata_before: int = 0
    """End of what stands before the metadata."""
    metadata_leaves: dict[str, Leaf] = field(default_factory=dict)


@dataclass
class Tree:
    """A whole file: text, branches, and all leaves and comments in file order."""

    text: str
    prefix: str
    """A byte order mark, or nothing: not part of `text`, kept on writing."""
    branches: list[Branch]
    leaves: list[Leaf]
    comments: list[Comment]
    aliases: list[tuple[int, int, int, int, int, int]]
    """(start, end, first leaf, last leaf + 1 of the anchor; the same of the copy)."""
    boxes: list[Box]
    """All containers in file order, roots included; those of copies too."""

    def line_of(self, index: int) -> int:
        """Line number, from 1, of a position."""
        return line_of(self.text, index)


class Step(t.NamedTuple):
    """One step of a walk; exactly one of the three is set."""

    box: Box | None = None
    """A container opens. It closes at the first step whose own container is not in it."""
    leaf: int = -1
    """Index into `leaves`."""
    comment: int = -1
    """Index into `comments`."""


def walk(tree: Tree) -> list[Step]:
    """Containers, leaves and comments in the order in which sops visits them."""
    # The leaves of a copy stand where the alias does.
    copied = {number: start for start, _end, _first, _last, copy, end in tree.aliases for number in range(copy, end)}
    steps = [(box.begin, box.first, 0, Step(box=box)) for box in tree.boxes]
    steps += [
        (copied.get(number, leaf.begin) if copied else leaf.begin, number, 2, Step(leaf=number))
        for number, leaf in enumerate(tree.leaves)
    ]
    # A comment can stand before the container that it is in: behind an anchor, or above a whole document.
    steps += [
        (max(comment.order, comment.box.begin), comment.box.first, 1, Step(comment=number))
        for number, comment in enumerate(tree.comments)
    ]
    steps.sort(key=_step_order)
    return [step[3] for step in steps]


def _step_order(step: tuple[int, int, int, Step]) -> tuple[int, int, int]:
    return step[:3]


class Edit(t.NamedTuple):
    """Replace `text[start:end]` by `text`."""

    start: int
    end: int
    text: str


def line_of(text: str, index: int) -> int:
    """Line number, from 1, of a position in a text."""
    return len(_BREAK.findall(text, 0, max(index, 0))) + 1


def apply_edits(text: str, edits: Sequence[Edit]) -> str:
    """The text with all edits done; they may come in any order but do not overlap."""
    parts = []
    done = 0
    for start, end, new in sorted(edits, key=_position):
        parts.append(text[done:start])
        parts.append(new)
        done = end
    parts.append(text[done:])
    return "".join(parts)


def _position(edit: Edit) -> tuple[int, int]:
    return edit[0], edit[1]
