# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words every store shares: leaves, comments, containers and the tree they form.

Private to the collection. A tree is the text of a file plus positions: each leaf and comment knows
where it stands, so that changing a value means replacing its span and nothing else.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from operator import itemgetter, lt

STR, INT, FLOAT, BOOL, TIME, COMMENT, NULL = "str", "int", "float", "bool", "time", "comment", "null"
"""The types of leaves; all but `NULL` are also written as the `type:` of a token."""

_BREAKS = "\n\r\x85\u2028\u2029"
_EDITS_AT_ONCE = 512


class Limits(t.NamedTuple):
    """What a parser refuses before it costs time or memory."""

    size: int = 64 * 1024 * 1024
    depth: int = 1000
    documents: int = 10_000
    nodes: int = 250_000
    """Values: to read so many takes about a second."""
    comments: int = 100_000
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


class Branch:
    """One document of a file, with what a store needs to add or drop the metadata there."""

    __slots__ = (
        "empty", "end", "explicit", "last_end", "metadata", "metadata_before", "metadata_leaves", "metadata_span", "null_span",
        "root", "root_begin", "start",
    )  # fmt: skip

    def __init__(
        self, root: Box, start: int, explicit: bool, *, end: int = 0, empty: bool = True, metadata: t.Any = None
    ) -> None:
        self.root = root
        self.start = start
        self.explicit = explicit
        self.end = end
        """Where the document ends: at its end marker, the next start marker or the end of the text."""
        self.empty = empty
        self.null_span: tuple[int, int] | None = None
        self.root_begin = 0
        self.last_end = -1
        """End of the last value of a flow root, -1 if it holds none."""
        self.metadata = metadata
        self.metadata_span: tuple[int, int] | None = None
        self.metadata_before = 0
        """End of what stands before the metadata."""
        self.metadata_leaves: dict[str, Leaf] = {}


class Tree:
    """A whole file: text, branches, and all leaves and comments in file order."""

    __slots__ = ("aliases", "boxes", "branches", "comment_breaks", "comments", "leaves", "prefix", "steps", "text")

    def __init__(
        self,
        text: str,
        prefix: str,
        branches: list[Branch],
        leaves: list[Leaf],
        comments: list[Comment],
        aliases: list[Alias],
        boxes: list[Box],
        comment_breaks: str = "\n\r\x85\u2028\u2029",
    ) -> None:
        self.text = text
        self.prefix = prefix
        """A byte order mark, or nothing: not part of `text`, kept on writing."""
        self.branches = branches
        self.leaves = leaves
        self.comments = comments
        self.aliases = aliases
        self.boxes = boxes
        """All containers in file order, roots included; those of copies too."""
        self.comment_breaks = comment_breaks
        """Characters that no comment of the store can hold."""
        self.steps: t.Callable[[Tree], list[Step]] = walk
        """Containers, leaves and comments exactly as sops visits them, where `walk` is not sure of the comments."""

    def line_of(self, index: int) -> int:
        """Line number, from 1, of a position."""
        return line_of(self.text, index)


class Alias(t.NamedTuple):
    """A repetition of what stands elsewhere: the span, then ranges into `leaves` and `boxes` of the anchor and the copy."""

    start: int
    end: int
    first: int
    last: int
    """One after the last leaf."""
    copy: int
    copy_end: int
    box: int
    box_end: int
    copy_box: int


class Step(t.NamedTuple):
    """One step of a walk; exactly one of the first three is set."""

    box: Box | None = None
    """A container opens. It closes at the first step whose own container is not in it."""
    leaf: int = -1
    """Index into `leaves`."""
    comment: int = -1
    """Index into `comments`."""
    copy: Box | None = None
    """Container of a comment that an alias repeats: the index is that of the comment below the anchor."""


def walk(tree: Tree) -> list[Step]:
    """Containers, leaves and comments in the order in which sops visits them."""
    copied = {number for alias in tree.aliases for number in range(alias.copy_box, _copy_box_end(alias))}
    steps: list[tuple[int, int, int, Step | Alias]] = [
        (box.begin, box.first, 0, Step(box=box)) for number, box in enumerate(tree.boxes) if number not in copied
    ]
    steps += [(leaf.begin, number, 2, Step(leaf=number)) for number, leaf in enumerate(tree.leaves) if leaf.begin >= 0]
    # A comment can stand before the container that it is in: behind an anchor, or above a whole document.
    # One behind a container comes before all that is in that.
    steps += [
        (comment.box.begin, comment.box.first, 1, Step(comment=number))
        if comment.order <= comment.box.begin
        else (comment.order, -1, 1, Step(comment=number))
        for number, comment in enumerate(tree.comments)
    ]
    steps += [(alias.start, alias.copy, 0, alias) for alias in tree.aliases]
    steps.sort(key=_step_order)
    done: list[Step] = []
    opened: dict[Box, int] = {}
    for *_place, step in steps:
        for each in [step] if isinstance(step, Step) else _repeated(tree, step, done, opened):
            if each.box is not None:
                opened[each.box] = len(done)
            done.append(each)
    return done


def exact_steps(tree: Tree) -> list[Step]:
    """The order of sops itself, and what it does not see of comments where that stands."""
    visited = tree.steps(tree)
    seen = {step.comment for step in visited}
    lost = [number for number in reversed(range(len(tree.comments))) if number not in seen]
    done: list[Step] = []
    for step in visited:
        begin = tree.leaves[step.leaf].begin if step.leaf >= 0 else -1
        while lost and tree.comments[lost[-1]].order < begin:
            done.append(Step(comment=lost.pop()))
        done.append(step)
    return done + [Step(comment=number) for number in reversed(lost)]


def _copy_box_end(alias: Alias) -> int:
    return alias.copy_box + alias.box_end - alias.box


def _repeated(tree: Tree, alias: Alias, done: Sequence[Step], opened: Mapping[Box, int]) -> list[Step]:
    """The steps of an anchor once more, in the containers of the copy."""
    if alias.box == alias.box_end:
        return [Step(leaf=number) for number in range(alias.copy, alias.copy_end)]
    copies = dict(
        zip(tree.boxes[alias.box : alias.box_end], tree.boxes[alias.copy_box : _copy_box_end(alias)], strict=True)
    )
    steps: list[Step] = []
    for number in range(opened[tree.boxes[alias.box]], len(done)):
        step = done[number]
        container = (
            step.box or step.copy or (tree.leaves[step.leaf].box if step.leaf >= 0 else tree.comments[step.comment].box)
        )
        copy = copies.get(container)
        if copy is None:
            break
        if step.box is not None:
            steps.append(Step(box=copy))
        elif step.leaf >= 0:
            steps.append(Step(leaf=step.leaf - alias.first + alias.copy))
        else:
            steps.append(Step(comment=step.comment, copy=copy))
    return steps


def _step_order(step: tuple[int, int, int, Step | Alias]) -> tuple[int, int, int]:
    return step[:3]


_position = itemgetter(0, 1)


class Edit(t.NamedTuple):
    """Replace `text[start:end]` by `text`."""

    start: int
    end: int
    text: str


AnyEdit = tuple[int, int, str]
"""An edit, or the same without names where there are many."""


def line_of(text: str, index: int) -> int:
    """Line number, from 1, of a position in a text."""
    end = max(index, 0)
    return 1 - text.count("\r\n", 0, end) + sum(text.count(sign, 0, end) for sign in _BREAKS)


def apply_edits(text: str, edits: Sequence[AnyEdit]) -> str:
    """The text with all edits done; they may come in any order but do not overlap."""
    done = 0
    starts = [edit[0] for edit in edits]
    if not all(map(lt, starts, starts[1:])):
        edits = sorted(edits, key=_position)
    del starts
    whole = []
    # Joined piece by piece: the next ones are put where these were, which spares fresh memory.
    for at in range(0, len(edits), _EDITS_AT_ONCE):
        parts = []
        for start, end, new in edits[at : at + _EDITS_AT_ONCE]:
            parts.append(text[done:start])
            parts.append(new)
            done = end
        whole.append("".join(parts))
    whole.append(text[done:])
    return "".join(whole)
