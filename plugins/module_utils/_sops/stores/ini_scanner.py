# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over an INI text: every value and comment with its position and path.

Private to the collection. A comment is what sops takes for one: the lines above a key or section and what
stands behind it, together. In the tree it follows its key, or is the first item of its section.
Comments that sops loses (at the end of the file, behind quoted values) belong to no section.
"""

from __future__ import annotations

import typing as t

from ..._errors import LimitError, MalformedFileError
from ..tree import STR, Box, Branch, Comment, Leaf, Limits, Tree
from ..values import is_token
from .flat_text import line_at
from .ini_syntax import IniSyntaxError, Value, line_end, read_key, read_value, sign_in, skip_space, trimmed_end

DEFAULT = "DEFAULT"
METADATA = "sops"


class Piece(t.NamedTuple):
    """A line, or the end of one, that is part of a comment. The span begins with the sign."""

    start: int
    end: int
    own_line: bool
    in_header: bool = False
    """It stands behind the name of a section, where no token can: the name ends at the last `]`."""


class Stored:
    """The section with the metadata."""

    def __init__(self, start: int, end: int) -> None:
        self.start = start
        """Begin of the line of its name."""
        self.end = end
        """Begin of the line after its last key."""
        self.count = 1
        """How many such sections there are."""
        self.entries: list[Leaf] = []


class IniTree(Tree):
    """A tree that knows of which pieces its comments are made."""

    pieces: list[tuple[Piece, ...]]
    """Parallel to `comments`."""


class Scanner:
    """One pass over the lines of a text."""

    def __init__(self, text: str, prefix: str, where: str | None, limits: Limits) -> None:
        self.text = text
        self.where = where
        self.limits = limits
        self.root = Box(None, "", "")
        self.section = Box(self.root, DEFAULT, f"{DEFAULT}:")
        self.branch = Branch(self.root, 0, explicit=False, end=len(text), empty=False)
        boxes = [self.root, self.section]
        self.tree = IniTree(text, prefix, [self.branch], [], [], [], boxes, comment_breaks="")
        self.tree.pieces = []
        self.pending: list[Piece] = []
        self.in_metadata = False
        self.dashes = 0

    def scan(self) -> IniTree:
        at = 0
        while at < len(self.text):
            try:
                at = self.line(at)
            except IniSyntaxError as exc:
                raise MalformedFileError(str(exc), where=line_at(self.where, self.text, at)) from None
        self.lose_pending()
        tree = self.tree
        together = sorted(zip(tree.comments, tree.pieces, strict=True), key=_start)
        tree.comments = [comment for comment, _pieces in together]
        tree.pieces = [pieces for _comment, pieces in together]
        return tree

    def line(self, at: int) -> int:
        """Take one line, or what it opens; returns where the next one begins."""
        stop = line_end(self.text, at)
        start = skip_space(self.text, at, stop)
        if start == stop:
            return stop
        if self.text[start] in "#;":
            self.pending.append(self.piece(start, stop, own_line=True))
            self.check(len(self.pending) + len(self.tree.comments), self.limits.comments, "comments", start)
            return stop
        if self.text[start] == "[":
            self.header(at, start, stop)
            return stop
        return self.entry(start, stop)

    def piece(self, start: int, stop: int, *, own_line: bool, in_header: bool = False) -> Piece:
        return Piece(start, trimmed_end(self.text, start, stop), own_line, in_header)

    # --- sections

    def header(self, at: int, start: int, stop: int) -> None:
        close = self.text.rfind("]", start, stop)
        if close < 0:
            raise IniSyntaxError("the name of a section is not closed")
        name = self.text[start + 1 : close]
        if not name:
            raise IniSyntaxError("the name of a section is empty")
        sign = sign_in(self.text, close + 1, stop)
        self.dashes = 0
        self.in_metadata = name == METADATA
        if self.in_metadata:
            self.lose_pending()
            self.open_metadata(at, stop)
            return
        box = Box(self.root, name, f"{name}:", begin=start, first=len(self.tree.leaves))
        self.tree.boxes.append(box)
        self.check(len(self.tree.boxes), self.limits.nodes, "sections", start)
        self.section = box
        self.root.seen.add(name)
        if sign >= 0:
            self.pending.append(self.piece(sign, stop, own_line=False, in_header=True))
        self.close_comment(box, start)

    def open_metadata(self, at: int, stop: int) -> None:
        stored: Stored | None = self.branch.metadata
        if stored is None:
            self.branch.metadata = Stored(at, stop)
            self.branch.metadata_span = (at, stop)
        else:
            stored.count += 1

    # --- keys

    def entry(self, start: int, stop: int) -> int:
        name, after = read_key(self.text, start, stop)
        if name == "-":
            self.dashes += 1
            name = f"#{self.dashes}"
        value = read_value(self.text, after)
        if self.in_metadata:
            self.store(name, value)
            return value.following
        if name in self.section.seen:
            raise IniSyntaxError("a key occurs twice in a section, and sops would drop all but the last value")
        self.section.seen.add(name)
        path = f"{self.section.path}{name}:"
        leaf = Leaf(value.start, value.end, value.style, STR, value.text, path, self.section, name, value.start)
        self.tree.leaves.append(leaf)
        self.check(len(self.tree.leaves), self.limits.nodes, "values", start)
        behind = value.comment
        if behind >= 0 and value.comment_counts:
            self.pending.append(self.piece(behind, line_end(self.text, behind), own_line=False))
        self.close_comment(self.section, value.start + 1)
        if behind >= 0 and not value.comment_counts:
            self.lose(self.piece(behind, value.following, own_line=False))
        return value.following

    def store(self, name: str, value: Value) -> None:
        self.pending.clear()
        stored: Stored = self.branch.metadata
        if stored.count == 1:
            stored.end = value.following
            leaf = Leaf(value.start, value.end, value.style, STR, value.text, "", self.section, name, value.start)
            stored.entries.append(leaf)
            self.check(len(stored.entries), self.limits.nodes, "values", value.start)
            self.branch.metadata_leaves[name] = leaf

    def check(self, count: int, limit: int, what: str, index: int) -> None:
        if count > limit:
            raise LimitError(f"the file holds more than {limit} {what}", where=line_at(self.where, self.text, index))

    # --- comments

    def close_comment(self, box: Box, order: int) -> None:
        """What was gathered is the comment of this section, or of a key in it."""
        pieces, self.pending = self.pending, []
        if not pieces:
            return
        last = len(pieces) - 1
        raw = [
            self.text[each.start : each.end if number == last else line_end(self.text, each.start)]
            for number, each in enumerate(pieces)
        ]
        first = self.without_sign(pieces[0])
        text = "".join(raw)
        text = text.lstrip(text[0] + " ")
        own = self.text[first : pieces[0].end]
        if is_token(own):
            # The other lines are marks of where its text goes, unless somebody put a new comment there.
            text = own
            if any(self.text[each.start : each.end].strip(self.text[each.start] + " ") for each in pieces[1:]):
                pieces = pieces[:1]
        self.add(Comment(first, pieces[0].end, text, box, order, inline=False), tuple(pieces))

    def lose_pending(self) -> None:
        for each in self.pending:
            self.lose(each)
        self.pending = []

    def lose(self, piece: Piece) -> None:
        """A comment that sops does not see: after all others, in no section."""
        first = self.without_sign(piece)
        text = self.text[first : piece.end]
        self.add(Comment(first, piece.end, text, self.root, len(self.text) + 1, inline=False), (piece,))

    def without_sign(self, piece: Piece) -> int:
        body = self.text[piece.start : piece.end]
        return piece.end - len(body.lstrip(body[0] + " "))

    def add(self, comment: Comment, pieces: tuple[Piece, ...]) -> None:
        self.tree.comments.append(comment)
        self.tree.pieces.append(pieces)


def _start(pair: tuple[Comment, tuple[Piece, ...]]) -> int:
    return pair[0].start
