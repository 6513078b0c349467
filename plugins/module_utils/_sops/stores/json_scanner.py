# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over a JSON text: every value with its position and path.

Private to the collection. Numbers are typed as sops types them; keys may occur twice, each is a value of its own.
What follows the object is refused: sops ignores it, so it would stay in clear or be lost.
"""

from __future__ import annotations

import re
import typing as t
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]  # (missing in typeshed)

from ..._errors import LimitError, MalformedFileError
from ..tree import BOOL, FLOAT, INT, NULL, STR, Box, Branch, Leaf, Limits, Tree
from ..values import format_float
from .base import METADATA_KEY, place

_BLANK = re.compile(r"[ \t\r\n]*")
_KEY = re.compile(r'[ \t\r\n]*"([^"\\\x00-\x1f]*)"')
_COLON = re.compile(r"[ \t\r\n]*:[ \t\r\n]*")
_VALUE = re.compile(
    r'"([^"\\\x00-\x1f]*)"|(-?(?:0|[1-9][0-9]*))((?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)|(true|false|null)|([\[{])'
)
_MEMBER = re.compile(rf"{_KEY.pattern}{_COLON.pattern}()(?:{_VALUE.pattern})")
"""A whole member, unless key or value holds escapes: the place of the value is that of the empty group."""

_AFTER = re.compile(r"[ \t\r\n]*([,\]}])")
_CLOSING = {True: re.compile(r"[ \t\r\n]*\]"), False: re.compile(r"[ \t\r\n]*\}")}
_SURROGATE = re.compile("[\ud800-\udfff]")
_new_leaf = tuple.__new__
_WORDS = {"true": (BOOL, "True"), "false": (BOOL, "False"), "null": (NULL, "")}


class Member(t.NamedTuple):
    """Where one member of the outermost object stands."""

    key_start: int
    key_end: int
    value_start: int
    value_end: int


class JsonBranch(Branch):
    """The object of the file, with the places of its members; the metadata is none of them."""

    __slots__ = ("close", "members", "metadata_key_start")

    def __init__(self, root: Box, start: int) -> None:
        super().__init__(root, start, False)
        self.root_begin = start
        self.members: list[Member] = []
        self.close = start
        """Where its closing brace stands."""
        self.metadata_key_start = -1


class Scanner:
    """One pass over a text."""

    def __init__(self, text: str, where: str | None, limits: Limits) -> None:
        self.text = text
        self.where = where
        self.limits = limits
        begin = t.cast("re.Match[str]", _BLANK.match(text)).end()
        if text[begin : begin + 1] != "{":
            self._refuse_root(begin)
        self.root = Box(None, "", "", flow=True, begin=begin)
        self.branch = JsonBranch(self.root, begin)
        self.tree = Tree(text, "", [self.branch], [], [], [], [self.root])
        self._append = self.tree.leaves.append
        self._key_span = (0, 0)
        self._value_start = 0
        self._in_metadata = False
        self._outside = (0, 0)

    # --- errors

    def fail(self, message: str, index: int, *, kind: type[MalformedFileError] = MalformedFileError) -> t.NoReturn:
        line = self.text.count("\n", 0, index) + 1
        raise kind(message, where=place(self.where, line))

    def _refuse_root(self, index: int) -> t.NoReturn:
        sign = self.text[index : index + 1]
        if not sign:
            self.fail("the file is not JSON: it holds nothing but blanks", index)
        if sign == "[":
            raise MalformedFileError(
                "the file is a list, SOPS encrypts JSON files with an object only",
                where=place(self.where, self.text.count("\n", 0, index) + 1),
                hint='make the list a member of an object: {"data": […]}',
            )
        if sign in '"-0123456789' or self.text.startswith(tuple(_WORDS), index):
            self.fail("the file is a single value, SOPS encrypts JSON files with an object only", index)
        self.fail("the file is not JSON: it does not begin with {", index)

    def _broken(self, what: str, index: int) -> t.NoReturn:
        index = t.cast("re.Match[str]", _BLANK.match(self.text, index)).end()
        if index >= len(self.text):
            self.fail("the file is not JSON: it ends before its object is closed", index)
        self.fail(f"the file is not JSON: {what}", index)

    # --- the pass

    def scan(self) -> Tree:
        """The tree of the text."""
        box: Box | None = self.root
        at = self.root.begin + 1
        depth = 1
        ended = _CLOSING[False].match(self.text, at) is not None
        most, deepest = self.limits.nodes, self.limits.depth
        leaves, boxes = self.tree.leaves, self.tree.boxes
        while box is not None:
            if not ended:
                opened, at = self._item(box, at)
                if len(leaves) + len(boxes) > most:
                    self.fail(f"the file holds more than {most} values", at, kind=LimitError)
                if opened is not None:
                    depth += 1
                    if depth > deepest:
                        self.fail(f"the file is nested deeper than {deepest} levels", at, kind=LimitError)
                    box = opened
                    ended = _CLOSING[box.is_sequence].match(self.text, at) is not None
                    continue
                if box is self.root:
                    self._member_ends(at)
            match = _AFTER.match(self.text, at)
            sign = match[1] if match is not None else ""
            if match is None or (sign == ("}" if box.is_sequence else "]")):
                self._broken("a comma or a closing bracket is missing", at)
            ended = sign != ","
            at = match.end()
            if ended:
                box = self._close(box, at)
                depth -= 1
        rest = t.cast("re.Match[str]", _BLANK.match(self.text, at)).end()
        if rest < len(self.text):
            self.fail("there is text after the closing brace, which SOPS would ignore", rest)
        self.branch.end = len(self.text)
        return self.tree

    def _close(self, box: Box, at: int) -> Box | None:
        if box.parent is None:
            self.branch.close = at - 1
        elif box.parent is self.root:
            self._member_ends(at)
        return box.parent

    def _item(self, box: Box, at: int) -> tuple[Box | None, int]:
        """One item: the container that opens, or None after a leaf, and the place behind."""
        text = self.text
        box.count += 1
        if box.is_sequence:
            at = t.cast("re.Match[str]", _BLANK.match(text, at)).end()
            return self._value(_VALUE.match(text, at), box, box.key, box.path, at)
        match = _MEMBER.match(text, at)
        if match is None:
            key, at = self._key(box, at)
            return self._value(_VALUE.match(text, at), box, key, f"{box.path}{key}:", at)
        key = match[1]
        start = match.start(2)
        if box is self.root:
            self._root_key(key, match.start(1) - 1, match.end(1) + 1, start)
        return self._value(match, box, key, f"{box.path}{key}:", start)

    def _value(self, match: re.Match[str] | None, box: Box, key: str, path: str, at: int) -> tuple[Box | None, int]:
        if match is None:
            return None, self._escaped_string(box, key, path, at)
        content, whole, rest, word, bracket = match.groups()[-5:]
        end = match.end()
        if content is not None:
            self._append(_new_leaf(Leaf, (at, end, '"', STR, content, path, box, key, at)))
        elif whole is not None:
            self._append(Leaf(at, end, "", *self._number(whole, rest, at), path, box, key, at))
        elif word is not None:
            self._append(Leaf(at, end, "", *_WORDS[word], path, box, key, at))
        else:
            opened = Box(box, key, path, is_sequence=bracket == "[", flow=True, begin=at, first=len(self.tree.leaves))
            self.tree.boxes.append(opened)
            return opened, end
        return None, end

    def _key(self, box: Box, at: int) -> tuple[str, int]:
        """A key, and the place behind its colon."""
        text = self.text
        match = _KEY.match(text, at)
        if match is not None:
            key, start, end = match[1], match.start(1) - 1, match.end()
        else:
            start = t.cast("re.Match[str]", _BLANK.match(text, at)).end()
            if text[start : start + 1] != '"':
                self._broken("a key in double quotes is missing", start)
            key, end = self._string(start)
        colon = _COLON.match(text, end)
        if colon is None:
            self._broken("a colon is missing behind a key", end)
        if box is self.root:
            self._root_key(key, start, end, colon.end())
        return key, colon.end()

    def _escaped_string(self, box: Box, key: str, path: str, at: int) -> int:
        """A string that holds escapes, the only value left; the place behind it."""
        if self.text[at : at + 1] != '"':
            self._broken("a value is missing, or is not what JSON knows", at)
        content, end = self._string(at)
        self._append(Leaf(at, end, self.text[at:end], STR, content, path, box, key, at))
        return end

    def _string(self, at: int) -> tuple[str, int]:
        content, end, broken_at = "", at, -1
        try:
            content, end = scanstring(self.text, at + 1, True)
        except JSONDecodeError as exc:
            broken_at = exc.pos
        if broken_at >= 0:
            # Not from inside of the handler: that error carries the whole text.
            self.fail(
                "the file is not JSON: a string is not closed, or holds a bad escape or control character", broken_at
            )
        # Half of a pair of surrogates is no character: sops reads and writes U+FFFD.
        return _SURROGATE.sub("\ufffd", content), end

    def _number(self, whole: str, rest: str, at: int) -> tuple[str, str]:
        if not rest:
            if len(whole) < 19:
                return INT, "0" if whole == "-0" else whole
            if len(whole) < 21 and -(2**63) <= int(whole) < 2**63:
                return INT, whole
        value = float(whole + rest)
        if value in (float("inf"), float("-inf")):
            self.fail("a number is out of range", at)
        return FLOAT, format_float(value)

    # --- the outermost object

    def _root_key(self, key: str, start: int, end: int, value_start: int) -> None:
        self._key_span = (start, end)
        self._value_start = value_start
        if key == METADATA_KEY:
            self._metadata_begins(start)

    def _metadata_begins(self, start: int) -> None:
        branch = self.branch
        if branch.metadata_span is not None:
            self.fail("the entry sops occurs twice", start)
        branch.metadata_key_start = start
        branch.metadata_before = branch.members[-1].value_end if branch.members else self.root.begin + 1
        self._in_metadata = True
        self._outside = (len(self.tree.leaves), len(self.tree.boxes))

    def _member_ends(self, at: int) -> None:
        branch, tree = self.branch, self.tree
        if not self._in_metadata:
            branch.members.append(Member(*self._key_span, self._value_start, at))
            branch.last_end = at
            branch.empty = False
            return
        self._in_metadata = False
        leaf_count, box_count = self._outside
        leaves, boxes = tree.leaves[leaf_count:], tree.boxes[box_count:]
        del tree.leaves[leaf_count:], tree.boxes[box_count:]
        branch.metadata = to_data(boxes, leaves)
        branch.metadata_span = (branch.metadata_key_start, at)
        if boxes:
            branch.metadata_leaves = {leaf.key: leaf for leaf in leaves if leaf.box is boxes[0] and leaf.type == STR}


def to_data(boxes: t.Sequence[Box], leaves: t.Sequence[Leaf]) -> t.Any:
    """Plain Python data of containers and leaves in file order; of a key that occurs twice the last value counts."""
    made: dict[Box, t.Any] = {}
    result: t.Any = None
    nodes: list[tuple[int, Box | Leaf]] = [(box.begin, box) for box in boxes]
    nodes += [(leaf.start, leaf) for leaf in leaves]
    nodes.sort(key=_place)
    for _start, node in nodes:
        if isinstance(node, Box):
            value: t.Any = [] if node.is_sequence else {}
            made[node] = value
            container = made.get(node.parent) if node.parent is not None else None
        else:
            value = _to_python(node)
            container = made.get(node.box)
        if container is None:
            result = value
        elif isinstance(container, list):
            container.append(value)
        else:
            container[node.key] = value
    return result


def _place(node: tuple[int, Box | Leaf]) -> int:
    return node[0]


def _to_python(leaf: Leaf) -> t.Any:
    kind, text = leaf.type, leaf.text
    if kind == STR:
        return text
    if kind == INT:
        return int(text)
    if kind == BOOL:
        return text == "True"
    return float(text) if kind == FLOAT else None
