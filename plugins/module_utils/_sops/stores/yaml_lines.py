# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast lane: YAML files in which each line is one key, one item, one comment or text of a literal block.

Values can also be flow collections that start and end on the line, of simple words and texts in quotes.

Private to the collection. That is how most files look, and all that sops writes. Such a file is read by methods
of `str` alone, which takes a third of the time of the general scanner and spares the import of PyYAML. Whatever
is not plainly of this form makes `scan` return None: then the general scanner decides, also about what is
wrong. What comes back is exactly the tree that the general scanner makes.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Sequence

from ..tree import BOOL, INT, NULL, STR, Box, Branch, Leaf, Limits, Tree
from .base import METADATA_KEY
from .yaml_scalars import WORDS, Untypable, resolve

_MAX_KEY = 500
"""YAML wants the colon within 1,024 characters."""
_CONTROLS = tuple(chr(code) for code in (*range(10), *range(11, 32), 127))
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*\Z")
_UNUSUAL_KEYS = frozenset((*WORDS, METADATA_KEY))
_PLAIN_STARTS = frozenset("ABCDEGHIJKLMOPQRSUVWXYZabcdeghijklmopqrsuvwxyz_/")
"""What starts with one of these and holds no blank is a string, unless it ends in a colon."""
_NO_PLAIN_STARTS = frozenset("#,[]{}&*!|>'\"%@`?:")
_BREAKS = " \t\r\n\x85\u2028\u2029"
_FLOW_ITEM = re.compile(
    r""" *(?:([A-Za-z_][A-Za-z0-9_./-]*+): ++)?"""  # key
    r"""(?:([\[{])|"""  # opening bracket of a collection
    r"""("[^"\\]*+"|'[^']*+'|(?:[A-Za-z0-9_./~+]|-(?=[A-Za-z0-9.]))[A-Za-z0-9_./~+@=-]*+(?: ++[A-Za-z0-9_./~+@=-]++)*+)"""
    r""" *+([,\]}]))"""  # what follows a scalar
)
_FLOW_CLOSE = re.compile(r" *+([\]}])")
_FLOW_NEXT = re.compile(r" *+([,\]}])")
_USUAL_METADATA = re.compile(
    r"sops:\n    age:\n(?P<age>(?:        - enc: \|\n(?:            [^ \n][^\n]*\n)+          recipient: age1[a-z0-9]+\n)+)"
    r"(?:    encrypted_regex: (?P<encrypted_regex>\^\([A-Za-z|]+\)\$)\n)?"
    r'    lastmodified: (?P<lastmodified>"[0-9TZ:+.-]+")\n    mac: (?P<mac>ENC\[[^\s#]+\])\n'
    r"(?:    unencrypted_suffix: (?P<unencrypted_suffix>_[a-z]+)\n)?    version: (?P<version>[0-9]+\.[0-9]+\.[0-9]+)\n(?=---|\Z)"
)
"""The metadata of a file for age recipients, as sops and this engine write it; no other form is met as often."""

_new_leaf = tuple.__new__


class _OtherForm(Exception):  # noqa: N818  (not an error: another reader takes the file)
    """The file, or a line of it, is not of the simple form."""


class _Entry(t.NamedTuple):
    """A key and what stands behind it on its line."""

    key: str
    begin: int
    value: str
    value_begin: int


def scan(text: str, prefix: str, limits: Limits) -> Tree | None:
    """The tree of a file of simple form, None for any other."""
    if not _is_simple(text):
        return None
    try:
        return _Lines(text, prefix, limits).scan()
    except (_OtherForm, Untypable):
        return None


def _is_simple(text: str) -> bool:
    """Whether there are only printable characters and line feeds, one of them at the end."""
    if text[-1:] != "\n":
        return False
    if text.isascii():
        return not any(control in text for control in _CONTROLS)
    return text.replace("\n", "").isprintable()


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
        self.flow: Box | None = None
        """The last flow collection, and where it ends: comments behind it are told apart from those behind a value."""
        self.flow_end = -1
        self.comes_open = False
        """The last token was a key, a dash or the start of a document, so that its value is still to come."""
        self.has_comment = False
        """There is a comment behind the last token."""
        self.null = -1
        """Where the value of the last key stands if nothing follows; -1 if the value is there."""
        self.skip = 0
        """End of the last literal block."""
        self.before_metadata: tuple[int, int] | None = None
        """Number of leaves and containers before the metadata that is being read."""

    def scan(self) -> Tree:
        """Read all lines."""
        leaves = self.tree.leaves
        add = leaves.append
        box = self.root
        seen, path, column = box.seen, "", -1
        here = 0
        for line in self.text.split("\n"):
            start = here
            here += len(line) + 1
            if not line or start < self.skip:
                continue
            left, colon, value = line.partition(": ")
            key = left.lstrip(" ")
            if colon and len(left) - len(key) == column:
                begin = start + column
                at = start + len(left) + 2
                if self.has_comment:
                    self.attach_comments(begin, box, box, column)
            else:
                entry = self.turn(line, start)
                box = self.box or self.root
                seen, path, column = box.seen, box.path, self.column
                if entry is None:
                    continue
                key, begin, value, at = entry
            if key in seen or len(key) > _MAX_KEY or not (key.isidentifier() or _KEY.match(key)):
                raise _OtherForm
            if key in _UNUSUAL_KEYS:
                _check_unusual(key, box, value)
            seen.add(key)
            box.last = key
            if value[:1] in _PLAIN_STARTS and " " not in value and value[-1] != ":":
                end = at + len(value)
                add(_new_leaf(Leaf, (at, end, "", STR, value, f"{path}{key}:", box, key, at)))
                self.position = end
                self.comes_open = False
                continue
            stripped = value.strip(" ")
            if not stripped or stripped[0] == "#":
                self.open_key(box, key, begin, has_comment=bool(stripped))
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

    def turn(self, line: str, start: int) -> _Entry | None:
        """Read a line that opens or closes something; an entry is what is left of it to read."""
        body = line.lstrip(" ")
        if not body:
            return None
        column = len(line) - len(body)
        begin = start + column
        if body[0] == "#":
            self.has_comment = True
            return None
        if body[0] == "-":
            if column == 0 and body == "---":
                self.start_document(start)
                return None
            return self.item(body, begin, column)
        self.enter(begin, column, is_item=False)
        return _entry(body, begin)

    def item(self, body: str, begin: int, column: int) -> _Entry | None:
        """Read an item of a list: a value, or the first key of a mapping."""
        text = body[2:]
        last = self.box
        if (
            last is not None
            and last.is_sequence
            and last.indent == column
            and not self.has_comment
            and text[:1] in _PLAIN_STARTS
            and " " not in text
            and text[-1] != ":"
            and body[1] == " "
        ):
            # One more word in the list that is open.
            last.count += 1
            at = begin + 2
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
        entry = _entry_of_item(text, at)
        if entry is None:
            if self.has_comment:
                self.attach_comments(at, box, box, box.indent, dash=box)
            self.closed.clear()
            self.add_value(text, at, at + len(text) + 1, box, box.key, box.path)
            return None
        opened = Box(box, box.key, box.path)
        self.open(opened, at, column + at - begin, dash=box)
        self.column = opened.indent
        return entry

    def enter(self, begin: int, column: int, *, is_item: bool) -> Box:
        """The container of the key or item at this column: closes what ends before it, opens it if it is the first."""
        box = self.box
        if box is None:
            return self.open_root(begin, column, is_item=is_item)
        if self.null >= 0:
            if column > box.indent or (is_item and column == box.indent):
                return self.open_value(begin, column, box, is_item=is_item)
            self.add_null(box)
        box = self.close_to(column, box, is_item=is_item)
        if box.indent != column or box.is_sequence is not is_item:
            raise _OtherForm
        if not is_item:
            if self.has_comment:
                self.attach_comments(begin, box, box, column)
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
        opened = Box(box, box.last, f"{box.path}{box.last}:", is_sequence=is_item)
        self.null = -1
        # The token of a list in the column of its key is the dash, that of any other has no width.
        self.open(opened, begin, column, end=begin + (is_item and column == box.indent))
        self.column = -1 if is_item else column
        return opened

    def open(self, box: Box, begin: int, column: int, *, end: int = -1, dash: Box | None = None) -> None:
        """Open a container at its first token."""
        box.indent = column
        parent = box.parent
        if parent is not None:
            box.begin = begin
            box.first = len(self.tree.leaves)
            self.tree.boxes.append(box)
        if self.has_comment:
            self.attach_comments(begin, box, parent or box, column if dash is None else dash.indent, dash=dash)
        self.closed.clear()
        self.depth += 1
        if self.depth > self.limits.depth:
            raise _OtherForm
        self.position = begin if end < 0 else end
        self.comes_open = True
        self.box = box

    # --- keys and values

    def open_key(self, box: Box, key: str, begin: int, *, has_comment: bool) -> None:
        """Take a key whose value, if any, stands below it."""
        if key == METADATA_KEY and box is self.root:
            if not has_comment and self.usual_metadata(begin):
                return
            branch = self.tree.branches[-1]
            branch.metadata_span = (begin, begin)
            branch.metadata_before = self.position
            self.before_metadata = (len(self.tree.leaves), len(self.tree.boxes))
        self.position = begin + len(key)
        self.null = self.position + 1
        self.column = -1
        self.comes_open = True
        self.has_comment = has_comment

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
        if style in "[{":
            self.add_flow(text, start, box, key, path)
            return
        if style in "'\"":
            end, kind, data = self.quoted(text, start)
        elif style == "|":
            end, kind, data = self.literal(text, next_line, box)
        else:
            style = ""
            end, kind, data = self.plain(text, start)
        self.tree.leaves.append(_new_leaf(Leaf, (start, end, style, kind, data, path, box, key, start)))
        self.position = start + len(self.text[start:end].rstrip(_BREAKS)) if style == "|" else end
        self.comes_open = False

    def add_flow(self, text: str, start: int, parent: Box, key: str, path: str) -> None:
        """Take a flow collection with all that is in it."""
        if self.before_metadata is not None:
            raise _OtherForm
        column = start - self.text.rfind("\n", 0, start) - 1
        first = self.open_flow(text[0], start, column, parent, key, path)
        stop = self.read_flow(text, start, column, first)
        rest = text[stop:].lstrip(" ")
        if rest:
            if rest[0] != "#" or text[stop] != " ":
                raise _OtherForm
            self.has_comment = True
        self.position = self.flow_end = start + stop
        self.flow = first
        self.comes_open = False

    def open_flow(self, bracket: str, start: int, column: int, parent: Box, key: str, path: str) -> Box:
        """Open a flow collection at its bracket."""
        tree = self.tree
        opened = Box(
            parent,
            key,
            path,
            is_sequence=bracket == "[",
            flow=True,
            indent=column + 1,
            begin=start,
            first=len(tree.leaves),
        )
        tree.boxes.append(opened)
        return opened

    def read_flow(self, text: str, start: int, column: int, first: Box) -> int:
        """Read up to the bracket that closes `first`, whose own opens the text; the place behind it."""
        add = self.tree.leaves.append
        box = first
        depth = self.depth + 1
        at = 1
        is_new = True
        while True:
            if depth > self.limits.depth:
                raise _OtherForm
            closing = _FLOW_CLOSE.match(text, at) if is_new else None
            if closing is None:
                item = _FLOW_ITEM.match(text, at)
                if item is None:
                    raise _OtherForm
                key, bracket, scalar, sign = item.groups()
                path = _path_in_flow(box, key)
                key = box.key if key is None else key
                at = item.end()
                if bracket is not None:
                    box = self.open_flow(bracket, start + at - 1, column + at - 1, box, key, path)
                    depth += 1
                    is_new = True
                    continue
                place = start + item.start(3)
                style = scalar[0] if scalar[0] in "'\"" else ""
                kind, data = (STR, scalar[1:-1]) if style else resolve(scalar)
                add(_new_leaf(Leaf, (place, place + len(scalar), style, kind, data, path, box, key, place)))
                is_new = False
            else:
                sign, at = closing[1], closing.end()
            while sign != ",":
                if (sign == "]") is not box.is_sequence:
                    raise _OtherForm
                if box is first:
                    return at
                box = box.parent or first
                depth -= 1
                following = _FLOW_NEXT.match(text, at)
                if following is None:
                    raise _OtherForm
                sign, at = following[1], following.end()
            is_new = False

    def quoted(self, text: str, start: int) -> tuple[int, str, str]:
        """End, type and text of a quoted value."""
        stop = text.find(text[0], 1)
        data = text[1:stop]
        rest = text[stop + 1 :].lstrip(" ")
        if stop < 0 or (text[0] == '"' and "\\" in data):
            raise _OtherForm
        if rest:
            if rest[0] != "#" or text[stop + 1] != " ":
                raise _OtherForm
            self.has_comment = True
        return start + stop + 1, STR, data

    def plain(self, text: str, start: int) -> tuple[int, str, str]:
        """End, type and text of a value without quotes."""
        stop = text.find(" #")
        if stop >= 0:
            self.has_comment = True
            text = text[:stop]
        text = text.rstrip(" ")
        if text[0] in _NO_PLAIN_STARTS or text[-1] == ":" or ": " in text or text[:2] in ("-", "- "):
            raise _OtherForm
        kind, data = resolve(text)
        return start + len(text), kind, data

    def literal(self, header: str, at: int, box: Box) -> tuple[int, str, str]:
        """End, type and text of a literal block whose lines start at `at`."""
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
        return at, STR, "\n".join(lines).rstrip("\n") + ("\n" if header == "|" else "")

    # --- comments

    def attach_comments(self, end: int, target: Box, inner: Box, column: int, *, dash: Box | None = None) -> None:
        """Give the comments between the last token and `end` their containers."""
        from .yaml_comments import After, Previous, between  # noqa: PLC0415 - start-up time

        if self.before_metadata is not None:
            raise _OtherForm
        last = self.closed[0] if self.closed else self.box or self.root
        indent = self.closed[0].indent if self.closed else inner.indent
        token = self.flow if self.flow is not None and self.flow_end == self.position else last
        previous = Previous(token, last, self.comes_open)
        between(self.tree, self.position, end, previous, After(target, column, dash), self.closed, indent)
        self.has_comment = False

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
        match = _USUAL_METADATA.match(self.text, begin)
        if match is None:
            return False
        branch = self.tree.branches[-1]
        data: dict[str, t.Any] = {"age": _age_entries(match["age"])}
        for key, text in match.groupdict().items():
            if text is None or key == "age":
                continue
            start, end = match.span(key)
            style = '"' if text[0] == '"' else ""
            data[key] = text.strip('"')
            branch.metadata_leaves[key] = Leaf(start, end, style, STR, data[key], "", self.root, key, start)
        branch.metadata = data
        branch.metadata_before = self.position
        branch.metadata_span = (begin, end)
        self.skip = match.end()
        self.position = end
        self.null = -1
        self.column = -1
        self.comes_open = False
        self.has_comment = False
        return True

    def end_metadata(self, box: Box) -> None:
        """Take the leaves and containers of the metadata out of the tree and make data of them."""
        tree = self.tree
        branch = tree.branches[-1]
        first_leaf, first_box = self.before_metadata or (0, 0)
        leaves, boxes = tree.leaves[first_leaf:], tree.boxes[first_box:]
        del tree.leaves[first_leaf:], tree.boxes[first_box:]
        if len(leaves) > self.limits.nodes or leaves[-1].start == leaves[-1].end or box.is_sequence:
            raise _OtherForm
        branch.metadata = _data(box, leaves, boxes)
        start = (branch.metadata_span or (0, 0))[0]
        end = start + len(self.text[start : leaves[-1].end].rstrip(_BREAKS))
        branch.metadata_span = (start, end)
        for leaf in leaves:
            if leaf.box is box:
                text = leaf.text if leaf.style else self.text[leaf.start : leaf.end]
                entry = Leaf(leaf.start, leaf.end, leaf.style, STR, text, "", self.root, leaf.key, leaf.start)
                branch.metadata_leaves[leaf.key] = entry
        self.before_metadata = None
        self.closed.clear()
        self.box = self.root
        self.position = end
        self.comes_open = False


def _age_entries(text: str) -> list[dict[str, str]]:
    """The entries of the list `age` in its usual form."""
    entries = []
    for part in text.split("        - enc: |\n")[1:]:
        *armor, recipient, _end = part.split("\n")
        enc = "".join(f"{line[12:]}\n" for line in armor)
        entries.append({"enc": enc, "recipient": recipient.rpartition(" ")[2]})
    return entries


def _check_unusual(key: str, box: Box, value: str) -> None:
    """The name of the metadata is a key like others below the root; at the root its value stands below it."""
    if key != METADATA_KEY or (box.parent is None and value.strip(" ")):
        raise _OtherForm


def _path_in_flow(box: Box, key: str | None) -> str:
    """Path of an item of a flow collection; takes the key."""
    if key is None:
        if not box.is_sequence:
            raise _OtherForm
        box.count += 1
        return box.path
    if box.is_sequence or key in box.seen or len(key) > _MAX_KEY or key in WORDS:
        raise _OtherForm
    box.seen.add(key)
    box.last = key
    return f"{box.path}{key}:"


def _entry(text: str, begin: int) -> _Entry:
    """Key and value of a line that starts with a key."""
    key, colon, value = text.partition(": ")
    if colon:
        return _Entry(key, begin, value, begin + len(key) + 2)
    if text[-1] != ":":
        raise _OtherForm
    return _Entry(text[:-1], begin, "", begin + len(text))


def _entry_of_item(text: str, begin: int) -> _Entry | None:
    """Key and value of an item, None if it is a value."""
    if text[0] in "'\"|[{":
        return None
    key, colon, value = text.partition(": ")
    if colon:
        return _Entry(key, begin, value, begin + len(key) + 2) if " #" not in key else None
    if text[-1] == ":" and " #" not in text:
        return _Entry(text[:-1], begin, "", begin + len(text))
    return None


def _data(root: Box, leaves: Sequence[Leaf], boxes: Sequence[Box]) -> t.Any:
    """Plain data of the metadata."""
    made: dict[Box, t.Any] = {}
    parts: list[tuple[int, Box | Leaf]] = [(box.begin, box) for box in boxes]
    parts += [(leaf.start, leaf) for leaf in leaves]
    parts.sort(key=_start)
    for _at, part in parts:
        if isinstance(part, Box):
            value: t.Any = [] if part.is_sequence else {}
            made[part] = value
            owner = part.parent
        else:
            value, owner = _value(part), part.box
        if part is root or owner is None:
            continue
        if owner.is_sequence:
            made[owner].append(value)
        else:
            made[owner][part.key] = value
    return made[root]


def _start(part: tuple[int, Box | Leaf]) -> int:
    return part[0]


def _value(leaf: Leaf) -> t.Any:
    if leaf.type == STR:
        return leaf.text
    if leaf.type == INT:
        return int(leaf.text)
    if leaf.type == BOOL:
        return leaf.text == "True"
    raise _OtherForm
