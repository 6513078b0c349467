# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast lane: YAML files in which each line is one key, one item, one comment or text of a literal block.

Values can also be flow collections that start and end on the line (`yaml_lines_flow`).

Private to the collection. That is how most files look, and all that sops writes. Such a file is read by methods
of `str` alone, which takes a third of the time of the general scanner and spares the import of PyYAML. Whatever
is not plainly of this form makes `scan` return None: then the general scanner decides, also about what is
wrong. What comes back is exactly the tree that the general scanner makes.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator

from ..tree import NULL, STR, Box, Branch, Comment, Leaf, Limits, Tree
from . import yaml_lines_metadata
from .base import METADATA_KEY
from .yaml_scalars import WORDS, Untypable, resolve

_PIECE = 1 << 16
"""Characters that are cut into lines at once: the next ones are put where these were, which spares fresh memory."""
_MAX_KEY = 500
"""YAML wants the colon within 1,024 characters."""
_CONTROLS = tuple(chr(code) for code in (*range(10), *range(11, 32), 127))
_CONTROL_BYTES = "".join(_CONTROLS).encode()
_SMALL = 1 << 14
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*\Z")
_QUOTED_KEY = re.compile(r"""(?:"([^"\\]++)"|'([^']++)')\Z""")
_UNUSUAL_KEYS = frozenset((*WORDS, METADATA_KEY))
_PLAIN_STARTS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_/")
"""What starts with one of these and holds no blank is a string, unless it ends in a colon or is one of the `WORDS`."""
_NO_PLAIN_STARTS = frozenset("#,[]{}&*!|>'\"%@`?:")
_QUOTES = frozenset("'\"")
_BREAKS = " \t\r\n\x85\u2028\u2029"

_new_leaf = tuple.__new__


class _OtherForm(Exception):  # noqa: N818  (not an error: another reader takes the file)
    """The file, or a line of it, is not of the simple form."""


class _Remark(t.NamedTuple):
    """A comment on a line of its own: where the line starts, the sign stands, and the line ends."""

    line: int
    sign: int
    end: int


def scan(text: str, prefix: str, limits: Limits) -> Tree | None:
    """The tree of a file of simple form, None for any other."""
    if not _is_simple(text) or text.count("#") > limits.comments or text.count("\n") > limits.nodes:
        return None
    try:
        return _Lines(text, prefix, limits).scan()
    except (_OtherForm, Untypable, yaml_lines_metadata.OtherTypeError):
        return None


def _is_simple(text: str) -> bool:
    """Whether there are only printable characters and line feeds, one of them at the end."""
    if text[-1:] != "\n":
        return False
    if not text.isascii():
        return text.replace("\n", "").isprintable()
    if len(text) < _SMALL:
        return len(text.encode("ascii").translate(None, _CONTROL_BYTES)) == len(text)
    # Searches for one character each are faster still, but take longer to start.
    return not any(control in text for control in _CONTROLS)


def _lines_of(text: str) -> Iterator[list[str]]:
    at = 0
    while at < len(text):
        stop = text.find("\n", at + _PIECE)
        stop = len(text) if stop < 0 else stop
        yield text[at:stop].split("\n")
        at = stop + 1


class _Lines:
    """One pass over the lines of a text."""

    def __init__(self, text: str, prefix: str, limits: Limits) -> None:
        self.text = text
        self.limits = limits
        self.tree = Tree(text, prefix, [], [], [], [], [])
        self.root = Box(None, "", "")
        self.box: Box | None = None
        """Innermost open container, None outside of documents."""
        self.column = -1
        """Column at which the next key of `box` can stand; -1 if something else has to be looked at first."""
        self.depth = 0
        self.closed: list[Box] = []
        """Containers that ended since the last token, innermost first."""
        self.position = 0
        """End of the last token."""
        self.behind = 0
        """End of the last token with the comment behind it."""
        self.flow: Box | None = None
        """The last flow collection, and where it ends: comments behind it are told apart from those behind a value."""
        self.flow_end = -1
        self.comes_open = False
        """The last token was a key, a dash or the start of a document, so that its value is still to come."""
        self.has_comment = False
        """There is a comment behind the last token that has no container yet."""
        self.remark: _Remark | None = None
        """That comment, if there is only one and it has a line of its own."""
        self.null = -1
        """Where the value of the last key stands if nothing follows; -1 if the value is there."""
        self.skip = 0
        """End of the last literal block."""
        self.before_metadata: tuple[int, int] | None = None
        """Number of leaves and containers before the metadata that is being read."""

    def scan(self) -> Tree:  # noqa: C901  (one loop on purpose: it runs for every line)
        """Read all lines."""
        add = self.tree.leaves.append
        box = self.root
        seen, path, column = box.seen, "", -1
        here = 0
        for lines in _lines_of(self.text):
            for line in lines:
                start = here
                here += len(line) + 1
                if not line or start < self.skip:
                    continue
                left, colon, value = line.partition(": ")
                key = left.lstrip(" ")
                if colon and len(left) - len(key) == column:
                    begin = start + column
                    if self.has_comment:
                        self.attach_comments(begin, box, box, column, line=start)
                else:
                    entry = self.turn(line, start)
                    box = self.box or self.root
                    seen, path, column = box.seen, box.path, self.column
                    if entry is None:
                        continue
                    begin, left, value = entry
                    key = left
                at = here - 1 - len(value)
                if key in seen or len(key) > _MAX_KEY or not (key.isidentifier() or _KEY.match(key)):
                    key = self.quoted_key(key, box)
                elif key in _UNUSUAL_KEYS:
                    self.check_unusual(key, box, value)
                seen.add(key)
                box.last = key
                if value[:1] in _PLAIN_STARTS and " " not in value and value[-1] != ":" and value not in WORDS:
                    self.position = end = at + len(value)
                    add(_new_leaf(Leaf, (at, end, "", STR, value, f"{path}{key}:", box, key, at)))
                    self.comes_open = False
                    continue
                stripped = value.strip(" ")
                if not stripped or stripped[0] == "#":
                    self.open_key(box, key, begin, left.lstrip(" "), has_comment=bool(stripped))
                    column = -1
                    continue
                self.add_value(value, at, here, box, key, f"{path}{key}:")
        return self.finish()

    def finish(self) -> Tree:
        """The tree at the end of the text."""
        tree = self.tree
        length = len(self.text)
        self.end_document(length)
        if not tree.branches or len(tree.leaves) > self.limits.nodes:
            raise _OtherForm
        if self.has_comment:
            self.attach_comments(length, self.root, self.root, self.root.indent)
        if len(tree.branches) > 1 and tree.comments:
            self.settle_comments()
        return tree

    # --- lines that are not one more key with its value

    def turn(self, line: str, start: int) -> tuple[int, str, str] | None:
        """Read a line that opens or closes something; what is left of it to read: place and text of a key, its value."""
        body = line.lstrip(" ")
        if not body:
            return None
        column = len(line) - len(body)
        begin = start + column
        if body[0] == "#":
            self.remark = None if self.has_comment else _Remark(start, begin, start + len(line))
            self.has_comment = True
            return None
        if body[0] == "-":
            if column == 0 and body == "---":
                self.start_document(start)
                return None
            return self.item(body, begin, column)
        self.enter(begin, column, is_item=False)
        key, colon, value = body.partition(": ")
        if colon:
            return begin, key, value
        if body[-1] != ":":
            raise _OtherForm
        return begin, body[:-1], ""

    def item(self, body: str, begin: int, column: int) -> tuple[int, str, str] | None:
        """Read an item of a list: a value, or the first key of a mapping."""
        text = body[2:]
        last = self.box
        is_word = text[:1] in _PLAIN_STARTS and " " not in text and text[-1] != ":" and body[1] == " "
        if is_word and text not in WORDS and last is not None and last.is_sequence and last.indent == column:
            # One more word in the list that is open.
            at = begin + 2
            if self.has_comment:
                self.attach_comments(at, last, last, column, dash=last, line=begin - column)
            last.count += 1
            end = self.position = at + len(text)
            leaf = (at, end, "", STR, text, last.path, last, last.key, at)
            self.tree.leaves.append(_new_leaf(Leaf, leaf))
            self.comes_open = False
            return None
        text = body[1:].lstrip(" ")
        if body[1:2] != " " or not text or text[0] == "#" or text[:2] in ("-", "- "):
            raise _OtherForm
        box = self.enter(begin, column, is_item=True)
        box.count += 1
        at = begin + len(body) - len(text)
        entry = _entry_of_item(text)
        if entry is None:
            if self.has_comment:
                self.attach_comments(at, box, box, box.indent, dash=box, line=begin - column)
            self.closed.clear()
            self.add_value(text, at, at + len(text) + 1, box, box.key, box.path)
            return None
        opened = Box(box, box.key, box.path)
        self.open(opened, at, column + at - begin, dash=box, line=begin - column)
        self.column = opened.indent
        return at, *entry

    def enter(self, begin: int, column: int, *, is_item: bool) -> Box:
        """The container of the key or item at this column: closes what ends before it, opens it if it is the first."""
        box = self.box
        if box is None:
            return self.open_root(begin, column, is_item=is_item)
        if self.null >= 0:
            if column > box.indent or (is_item and column == box.indent):
                return self.open_value(begin, column, box, is_item=is_item)
            self.add_null(box)
        if column < box.indent or box.is_sequence is not is_item:
            box = self.close_to(column, box, is_item=is_item)
        if box.indent != column or box.is_sequence is not is_item:
            raise _OtherForm
        if not is_item:
            if self.has_comment:
                self.attach_comments(begin, box, box, column, line=begin - column)
            self.closed.clear()
        self.box = box
        self.column = -1 if is_item else column
        return box

    def close_to(self, column: int, box: Box, *, is_item: bool) -> Box:
        """Close the containers that a key or item at this column is not in."""
        while column < box.indent or (column == box.indent and box.is_sequence and not is_item):
            parent = box.parent
            if parent is None:
                raise _OtherForm
            self.closed.append(box)
            # Nobody asks again, and a set is large: that of the next container is put where this one was.
            box.seen.clear()
            self.depth -= 1
            if parent is self.root and self.before_metadata is not None:
                self.end_metadata(box)
            box = parent
        return box

    def open_root(self, begin: int, column: int, *, is_item: bool) -> Box:
        """Open the mapping of a document, and the document itself if no marker did."""
        if is_item or column:
            raise _OtherForm
        tree = self.tree
        if not tree.branches:
            tree.boxes.append(self.root)
            tree.branches.append(Branch(self.root, begin, explicit=False))
        branch = tree.branches[-1]
        branch.empty = False
        branch.root_begin = begin
        self.open(self.root, begin, 0)
        self.column = 0
        return self.root

    def open_value(self, begin: int, column: int, box: Box, *, is_item: bool) -> Box:
        """Open the container that is the value of the last key."""
        key = box.last
        opened = Box(box, key, f"{box.path}{key}:", is_sequence=is_item)
        self.null = -1
        # The token of a list in the column of its key is the dash, that of any other has no width.
        self.open(opened, begin, column, end=begin + (is_item and column == box.indent), line=begin - column)
        self.column = -1 if is_item else column
        return opened

    def open(
        self, box: Box, begin: int, column: int, *, end: int = -1, dash: Box | None = None, line: int = -1
    ) -> None:
        """Open a container at its first token."""
        box.indent = column
        parent = box.parent
        if parent is not None:
            box.begin = begin
            box.first = len(self.tree.leaves)
            self.tree.boxes.append(box)
        if self.has_comment:
            at_column = column if dash is None else dash.indent
            self.attach_comments(begin, box, parent or box, at_column, dash=dash, line=line)
        self.closed.clear()
        self.depth += 1
        if self.depth > self.limits.depth:
            raise _OtherForm
        self.position = begin if end < 0 else end
        self.comes_open = True
        self.box = box

    # --- keys and values

    def quoted_key(self, raw: str, box: Box) -> str:
        """The text of a key in quotes; there is no other that is not one of the usual ones."""
        match = _QUOTED_KEY.match(raw)
        if match is None:
            raise _OtherForm
        key = match[1] or match[2]
        # Quotes around these mean something, and do not mean the same to everybody.
        if key in box.seen or len(raw) > _MAX_KEY or key in ("<<", METADATA_KEY):
            raise _OtherForm
        return key

    def check_unusual(self, key: str, box: Box, value: str) -> None:
        """The name of the metadata is a key like others below the root; at the root its value stands below it."""
        if key != METADATA_KEY or (box.parent is None and value.strip(" ")):
            raise _OtherForm

    def open_key(self, box: Box, key: str, begin: int, written: str, *, has_comment: bool) -> None:
        """Take a key whose value, if any, stands below it."""
        if key == METADATA_KEY and box is self.root:
            if not has_comment and self.usual_metadata(begin):
                return
            branch = self.tree.branches[-1]
            branch.metadata_span = (begin, begin)
            branch.metadata_before = self.position
            self.before_metadata = (len(self.tree.leaves), len(self.tree.boxes))
        self.position = begin + len(written)
        self.null = self.position + 1
        self.column = -1
        self.comes_open = True
        self.has_comment = has_comment
        self.remark = None

    def add_null(self, box: Box) -> None:
        """The last key has no value."""
        at, key = self.null, box.last
        if key == METADATA_KEY and box is self.root:
            raise _OtherForm
        self.tree.leaves.append(Leaf(at, at, "", NULL, "", f"{box.path}{key}:", box, key, at))
        self.position = at
        self.null = -1

    def add_value(self, value: str, at: int, next_line: int, box: Box, key: str, path: str) -> None:
        """Take a value on the line of its key or dash."""
        text = value.lstrip(" ")
        start = at + len(value) - len(text)
        style = text[0]
        if style in _QUOTES:
            stop = text.find(style, 1)
            data = text[1:stop]
            if stop < 0 or (style == '"' and "\\" in data):
                raise _OtherForm
            kind, end, rest = STR, start + stop + 1, text[stop + 1 :]
        elif style == "|":
            end, data = self.literal(text, next_line, box)
            self.tree.leaves.append(_new_leaf(Leaf, (start, end, style, STR, data, path, box, key, start)))
            self.position = start + len(self.text[start:end].rstrip(_BREAKS))
            self.comes_open = False
            return
        elif style in "[{":
            self.add_flow(text, start, box, key, path)
            return
        else:
            style = ""
            text, sign, remark = text.partition(" #")
            word = text.rstrip(" ")
            if word[0] in _NO_PLAIN_STARTS or word[-1] == ":" or ": " in word or word[:2] in ("-", "- "):
                raise _OtherForm
            kind, data = resolve(word)
            end = start + len(word)
            rest = f"{text[len(word) :]}{sign}{remark}" if sign else ""
        self.tree.leaves.append(_new_leaf(Leaf, (start, end, style, kind, data, path, box, key, start)))
        self.position = end
        self.comes_open = False
        if rest:
            self.comment_behind(rest, end, box, start, inline=True)

    def comment_behind(self, rest: str, at: int, box: Box, order: int, *, inline: bool) -> None:
        """Take what stands behind a value on its line, if anything but blanks; it is a comment, with a blank before it."""
        text = rest.lstrip(" ")
        if not text:
            return
        if text[0] != "#" or rest[0] != " " or self.before_metadata is not None:
            raise _OtherForm
        self.behind = at + len(rest)
        start = self.behind - len(text) + 1
        self.tree.comments.append(Comment(start, self.behind, text[1:], box, order, inline))

    def add_flow(self, text: str, start: int, parent: Box, key: str, path: str) -> None:
        """Take a flow collection with all that is in it."""
        from .yaml_lines_flow import OtherFlowError, open_flow, read_flow  # noqa: PLC0415 - start-up time

        if self.before_metadata is not None or text.count(",") > self.limits.nodes:
            raise _OtherForm
        column = start - self.text.rfind("\n", 0, start) - 1
        first = open_flow(self.tree, text[0], start, column, parent, key, path)
        try:
            stop = read_flow(self.tree, text, start, column, first, self.limits.depth - self.depth)
        except OtherFlowError:
            raise _OtherForm from None
        self.position = self.flow_end = start + stop
        self.flow = first
        self.comes_open = False
        # For sops it is inside of the collection, but for an item of a list.
        box, inline = (parent, True) if parent.is_sequence else (first, False)
        self.comment_behind(text[stop:], start + stop, box, start, inline=inline)

    def literal(self, header: str, at: int, box: Box) -> tuple[int, str]:
        """End and text of a literal block whose lines start at `at`."""
        header = header.rstrip(" ")
        if header not in ("|", "|-"):
            raise _OtherForm
        text = self.text
        first = text[at : text.find("\n", at)]
        column = len(first) - len(first.lstrip(" "))
        if column <= box.indent or column == len(first):
            raise _OtherForm
        lead = first[:column]
        lines = []
        while at < len(text):
            stop = text.index("\n", at)
            line = text[at:stop]
            if line:
                if line.isspace():
                    raise _OtherForm
                if not line.startswith(lead):
                    break
            lines.append(line[column:])
            at = stop + 1
        self.skip = at
        return at, "\n".join(lines).rstrip("\n") + ("\n" if header == "|" else "")

    # --- comments

    def attach_comments(
        self, end: int, target: Box, inner: Box, column: int, *, dash: Box | None = None, line: int = -1
    ) -> None:
        """Give the comments between the last token and `end`, which stands on the line that starts at `line`, their containers."""
        if self.before_metadata is not None:
            raise _OtherForm
        self.has_comment = False
        indent = self.closed[0].indent if self.closed else inner.indent
        remark = self.remark
        if remark is not None and line >= 0 and self.is_plain(remark, column, indent, line):
            start = remark.sign + 1
            box = target if dash is None else dash
            text = self.text[start : remark.end]
            self.tree.comments.append(Comment(start, remark.end, text, box, remark.sign, inline=False))
            return
        from .yaml_comments import After, Previous, between  # noqa: PLC0415 - start-up time

        last = self.closed[0] if self.closed else self.box or self.root
        token = self.flow if self.flow is not None and self.flow_end == self.position else last
        previous = Previous(token, last, self.comes_open)
        start = max(self.position, self.behind)
        between(self.tree, start, end, previous, After(target, column, dash), self.closed, indent)

    def is_plain(self, remark: _Remark, column: int, indent: int, line: int) -> bool:
        """Whether a comment can only be about what comes next, as nearly all are.

        It cannot if it is in another column than the next key and that is left of the last one, nor if it is right below
        the last token and has a blank line below it: then it can be at the foot of a block.
        """
        own = remark.sign - remark.line
        if column < indent and own != column:
            return False
        if line == remark.end + 1 or (self.comes_open and own >= indent):
            return True
        return self.text.find("\n", max(self.position, self.behind)) + 1 != remark.line

    def settle_comments(self) -> None:
        """Move the comments around the markers of documents to where they belong."""
        from .yaml_comments import Marker, settle  # noqa: PLC0415 - start-up time

        later = [(number, branch.start) for number, branch in enumerate(self.tree.branches) if number]
        settle(self.tree, [Marker(number, -1, start, start + 3) for number, start in later])

    # --- documents

    def start_document(self, start: int) -> None:
        """Take a `---` line."""
        tree = self.tree
        self.end_document(start)
        if self.has_comment:
            self.attach_comments(start, self.root, self.root, self.root.indent)
        self.closed.clear()
        if len(tree.branches) >= self.limits.documents:
            raise _OtherForm
        if tree.branches:
            self.root = Box(None, "", "", begin=start, first=len(tree.leaves))
        tree.boxes.append(self.root)
        tree.branches.append(Branch(self.root, start, explicit=True))
        self.position = start + 3
        self.comes_open = True

    def end_document(self, end: int) -> None:
        """Close all containers."""
        branches = self.tree.branches
        if not branches:
            return
        box = self.box
        if box is None:
            raise _OtherForm
        if self.null >= 0:
            self.add_null(box)
        self.closed.append(self.close_to(0, box, is_item=False))
        self.depth = 0
        self.box = None
        self.column = -1
        branches[-1].end = end

    # --- metadata

    def usual_metadata(self, begin: int) -> bool:
        """Take the whole metadata at once if it has the usual form."""
        branch = self.tree.branches[-1]
        end = yaml_lines_metadata.take_usual(self.text, begin, branch)
        if end < 0:
            return False
        branch.metadata_before = self.position
        self.skip = end
        self.position = end - 1
        self.null = -1
        self.column = -1
        self.comes_open = False
        self.has_comment = False
        return True

    def end_metadata(self, box: Box) -> None:
        """Take the leaves and containers of the metadata out of the tree and make data of them."""
        tree = self.tree
        first_leaf, first_box = self.before_metadata or (0, 0)
        leaves, boxes = tree.leaves[first_leaf:], tree.boxes[first_box:]
        del tree.leaves[first_leaf:], tree.boxes[first_box:]
        if len(leaves) > self.limits.nodes or leaves[-1].start == leaves[-1].end or box.is_sequence:
            raise _OtherForm
        self.position = yaml_lines_metadata.take_read(self.text, tree.branches[-1], box, leaves, boxes)
        self.before_metadata = None
        self.closed.clear()
        self.box = self.root
        self.comes_open = False


def _entry_of_item(text: str) -> tuple[str, str] | None:
    """Key and value of an item, None if it is a value."""
    if text[0] in "|[{":
        return None
    key, colon, value = text.partition(": ")
    if text[0] in _QUOTES:
        left = key if colon else key.removesuffix(":")
        return (left, value) if left is not text and _QUOTED_KEY.match(left) else None
    if colon:
        return (key, value) if " #" not in key else None
    if text[-1] == ":" and " #" not in text:
        return text[:-1], ""
    return None
