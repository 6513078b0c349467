# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding, exchanging and removing entries in the text of a plain YAML file.

Private to the collection. An entry takes over the layout of the container that it goes into: its column, block or
flow, one line or many. What these rules do not cover is answered with None, and the file is written anew then; the
caller reads every result back and compares, so a rule may be simple.
"""

from __future__ import annotations

import re
import typing as t
from collections import deque
from collections.abc import Iterator

from ..nodes import CommentNode, MappingNode, Node, ScalarNode, SequenceNode
from ..paths import Path, is_deep, wrapped
from ..tree import NULL, STR, Edit, Tree, apply_edits
from . import yaml_extents
from .yaml_extents import ALIAS, MAPPING, SCALAR, SEQUENCE, Extent, Item, child
from .yaml_scalars import double_quoted, is_utf8, spell_string, spell_typed

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_COLON = re.compile(r"[ \t]*:")
_BAD_LINE = re.compile("[ \t]\\Z|[^\t -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]")
_LONGEST_KEY = 1000
_DEFAULT_STEP = 4


class _Rendered(t.NamedTuple):
    """A value as text: what follows the colon or dash, and the lines below, indented."""

    inline: str
    lines: list[str]
    is_literal: bool = False


class _Columns(t.NamedTuple):
    """Where the lines of a value start that has lines of its own."""

    block: int
    """Of a mapping or a block scalar."""
    listed: int
    """Of a list: its dashes may stand in the column of the key."""


class _Spliced(t.NamedTuple):
    """Where a value stands for its container: after the colon or dash, up to its last character."""

    after: int
    value: Extent
    columns: _Columns
    dash: bool


def put(tree: Tree, document: int, path: Path, node: Node, *, literals: bool = True) -> str | None:
    """The text with a value at a path; `literals` allows block scalars for texts of several lines."""
    root = yaml_extents.read(tree.text, document)
    if root is None or is_deep(node):
        return None
    return _Writer(tree.text, root, literals=literals).put(path, node)


def drop(tree: Tree, document: int, path: Path) -> str | None:
    """The text without the entry at a path, its lines included."""
    root = yaml_extents.read(tree.text, document)
    if root is None:
        return None
    return _Writer(tree.text, root, literals=True).drop(path)


class _Writer:
    def __init__(self, text: str, root: Extent, *, literals: bool) -> None:
        self.text = text
        self.root = root
        self.literals = literals
        found = _BREAK.search(text)
        self.new_line = found[0] if found is not None and found[0] in ("\r\n", "\r") else "\n"
        self.step, self.dash = _layout(root)

    # --- finding

    def _descend(self, path: Path) -> tuple[list[tuple[Extent, Item]], Path]:
        """The entries that exist on the way, outermost first, and the rest of the path."""
        chain: list[tuple[Extent, Item]] = []
        at = self.root
        for depth, part in enumerate(path):
            item = child(at, part)
            if item is None:
                return chain, path[depth:]
            chain.append((at, item))
            at = item.value
        return chain, ()

    # --- setting

    def put(self, path: Path, node: Node) -> str | None:
        chain, rest = self._descend(path)
        at = chain[-1][1].value if chain else self.root
        if not rest:
            return self._exchange(chain, node)
        node = wrapped(rest[1:], node)
        if at.kind == SCALAR or not at.items:
            # Nothing there that has a layout of its own: the container is written where it stands.
            whole = SequenceNode([node]) if isinstance(rest[0], int) else MappingNode([(rest[0], node)])
            return self._exchange(chain, whole)
        if at.kind == ALIAS:
            return None
        edit = self._append_flow(at, rest[0], node) if at.flow else self._append_block(at, rest[0], node)
        return None if edit is None else apply_edits(self.text, [edit])

    def _append_block(self, at: Extent, part: str | int, node: Node) -> Edit | None:
        lines = self._item_lines(node, at.column) if isinstance(part, int) else self._entry_lines(part, node, at.column)
        if lines is None:
            return None
        end = self._line_end(at.end)
        return Edit(end, end, "".join(self.new_line + line for line in lines))

    def _append_flow(self, at: Extent, part: str | int, node: Node) -> Edit | None:
        last = at.items[-1]
        if self.text[at.first] not in "{[" and self.text[at.start] not in "{[":
            return None
        line_start = self._line_start(last.start)
        lead = self.text[line_start : last.start]
        separator = f",{self.new_line}{lead}" if not lead.strip() and last.start > at.start else ", "
        spelled = _flow(node)
        if isinstance(part, str):
            quoted = last.key_start >= 0 and self.text[last.key_start] == '"'
            spelled = f"{double_quoted(part) if quoted else spell_string(part, '', flow=True)}: {spelled}"
        return Edit(last.end, last.end, separator + spelled)

    def _exchange(self, chain: list[tuple[Extent, Item]], node: Node) -> str | None:
        if not chain:
            return self._exchange_root(node)
        parent, item = chain[-1]
        if parent.flow:
            return self._exchange_flow(parent, item, node)
        place = self._place(parent, item)
        if place is None:
            return None
        rendered = self._render(node, place.columns)
        return None if rendered is None else apply_edits(self.text, self._value_edits(place, rendered))

    def _exchange_flow(self, parent: Extent, item: Item, node: Node) -> str | None:
        value = item.value
        lead = ""
        start = value.start
        if value.start == value.end and parent.kind == MAPPING:
            colon = _COLON.match(self.text, item.key_end)
            lead = " " if colon else ": "
            start = colon.end() if colon else item.key_end
        return apply_edits(self.text, [Edit(start, max(start, value.end), lead + _flow(node))])

    def _exchange_root(self, node: Node) -> str | None:
        root = self.root
        rendered = self._render(node, _Columns(0, 0))
        if rendered is None or not isinstance(node, MappingNode):
            return None
        body = rendered.inline or self.new_line.join(rendered.lines)
        before = self.text[self._line_start(root.start) : root.start]
        after = self.text[root.end : self._line_end(root.end)]
        if before.strip():
            body = self.new_line + body
        elif before:
            return None
        if after.strip() or (root.start == root.end and root.end < len(self.text) and not after):
            body += self.new_line if root.start == root.end and not before.strip() else ""
        return apply_edits(self.text, [Edit(root.start, root.end, body)])

    def _value_edits(self, place: _Spliced, new: _Rendered) -> list[Edit]:
        text = self.text
        value = place.value
        gap = text[place.after : value.start]
        line = _BREAK.search(gap)
        first, rest = (gap[: line.start()], gap[line.start() :].rstrip()) if line else ("", "")
        first = first.rstrip()
        if place.dash and new.lines and not new.is_literal and "#" not in gap:
            # The first line of a container stands behind the dash.
            lead = gap if not line and gap else " "
            body = self.new_line.join([new.lines[0][place.columns.block :], *new.lines[1:]])
            return [Edit(place.after, value.end, lead + body)]
        inline = f" {new.inline}" if new.inline else ""
        below = "".join(self.new_line + each for each in new.lines)
        if line is not None:
            # Comments between the key and its value stay.
            parts = (inline, first, below, rest) if new.is_literal else (inline, first, rest, below)
            return [Edit(place.after, value.end, "".join(parts))]
        if not new.lines:
            return [Edit(value.start, value.end, new.inline if gap else inline)]
        end = self._line_end(value.end)
        return [Edit(place.after, value.end, inline), Edit(end, end, below)]

    def _place(self, parent: Extent, item: Item) -> _Spliced | None:
        value = item.value
        if parent.kind == SEQUENCE:
            dash = self._dash(parent, item)
            if dash is None:
                return None
            same_line = value.start > dash + 1 and not _BREAK.search(self.text, dash, value.start)
            column = parent.column + (value.start - dash if same_line else 2)
            return _Spliced(dash + 1, value, _Columns(column, column), dash=True)
        colon = _COLON.match(self.text, item.key_end)
        if colon is None or value.start < colon.end():
            return None
        return _Spliced(colon.end(), value, self._below(parent.column), dash=False)

    def _dash(self, parent: Extent, item: Item) -> int | None:
        """Where the dash of an item stands."""
        number = next(i for i, each in enumerate(parent.items) if each is item)
        if number == 0:
            return parent.first
        at = self._line_end(parent.items[number - 1].end)
        while at < item.value.start:
            line = at + len(_break_at(self.text, at))
            end = self._line_end(line)
            dash = line + parent.column
            if self.text[dash : dash + 1] == "-" and not self.text[line:dash].strip(" "):
                return dash
            at = end
        return None

    # --- removing

    def drop(self, path: Path) -> str | None:
        chain, rest = self._descend(path)
        if rest:
            return None
        parent, item = chain[-1]
        if len(parent.items) == 1:
            empty: Node = SequenceNode() if parent.kind == SEQUENCE else MappingNode()
            return self._exchange(chain[:-1], empty)
        number = next(i for i, each in enumerate(parent.items) if each is item)
        if parent.flow:
            return apply_edits(self.text, [self._drop_flow(parent, number)])
        edit = self._drop_block(parent, number)
        return None if edit is None else apply_edits(self.text, [edit])

    def _drop_flow(self, parent: Extent, number: int) -> Edit:
        item = parent.items[number]
        if number + 1 < len(parent.items):
            return Edit(item.start, parent.items[number + 1].start, "")
        return Edit(parent.items[number - 1].end, item.end, "")

    def _drop_block(self, parent: Extent, number: int) -> Edit | None:
        item = parent.items[number]
        start: int | None = item.key_start
        if parent.kind == SEQUENCE:
            start = self._dash(parent, item)
        if start is None:
            return None
        end = self._line_end(item.end)
        line = self._line_start(start)
        if self.text[line:start].strip(" "):
            return self._drop_first(parent, start, end)
        after = end + len(_break_at(self.text, end))
        if after > end or line == 0:
            return Edit(line, after, "")
        # The last line of a text without final break: the one before ends it now.
        return Edit(line - (2 if self.text[line - 2 : line] == "\r\n" else 1), end, "")

    def _drop_first(self, parent: Extent, start: int, end: int) -> Edit | None:
        """Drop an entry that stands behind the dash of its container: the next one takes its place."""
        following = parent.items[1]
        begin = following.key_start if parent.kind == MAPPING else self._dash(parent, following)
        if begin is None:
            return None
        return Edit(start, end if "#" in self.text[end:begin] else begin, "")

    # --- text

    def _line_end(self, index: int) -> int:
        found = _BREAK.search(self.text, index)
        return found.start() if found else len(self.text)

    def _line_start(self, index: int) -> int:
        return max(self.text.rfind("\n", 0, index), self.text.rfind("\r", 0, index)) + 1

    # --- rendering

    def _below(self, column: int) -> _Columns:
        """For the value of a key in this column."""
        return _Columns(column + self.step, column + self.dash)

    def _render(self, node: Node, columns: _Columns) -> _Rendered | None:
        if isinstance(node, ScalarNode):
            body = self._literal(node, columns.block)
            return body or _Rendered(_scalar(node), [])
        if not any(not isinstance(item, CommentNode) for item in node.items):
            return _Rendered("[]" if isinstance(node, SequenceNode) else "{}", [])
        lines: list[str] | None
        if isinstance(node, SequenceNode):
            lines = self._sequence_lines(node, columns.listed)
        else:
            lines = self._mapping_lines(node, columns.block)
        return None if lines is None else _Rendered("", lines)

    def _mapping_lines(self, node: MappingNode, column: int) -> list[str] | None:
        made: list[str] = []
        for item in node.items:
            lines = [] if isinstance(item, CommentNode) else self._entry_lines(item[0], item[1], column)
            if lines is None:
                return None
            made += lines
        return made

    def _sequence_lines(self, node: SequenceNode, column: int) -> list[str] | None:
        made: list[str] = []
        for item in node.items:
            lines = [] if isinstance(item, CommentNode) else self._item_lines(item, column)
            if lines is None:
                return None
            made += lines
        return made

    def _entry_lines(self, key: str, node: Node, column: int) -> list[str] | None:
        if len(key) > _LONGEST_KEY or not is_utf8(key):
            return None
        rendered = self._render(node, self._below(column))
        if rendered is None:
            return None
        start = f"{' ' * column}{spell_string(key, '', flow=False)}:"
        return [f"{start} {rendered.inline}" if rendered.inline else start, *rendered.lines]

    def _item_lines(self, node: Node, column: int) -> list[str] | None:
        inner = column + 2
        rendered = self._render(node, _Columns(inner, inner))
        if rendered is None:
            return None
        dash = " " * column + "- "
        if rendered.inline:
            return [dash + rendered.inline, *rendered.lines]
        return [dash + rendered.lines[0][inner:], *rendered.lines[1:]]

    def _literal(self, node: ScalarNode, column: int) -> _Rendered | None:
        """A block scalar, if the text has several lines and can stand there as it is."""
        text = node.text
        if not self.literals or node.type != STR or "\n" not in text or not is_utf8(text):
            return None
        lines = text.removesuffix("\n").split("\n")
        if not lines[0] or lines[0][0] in " \t" or text.endswith("\n\n") or any(map(_BAD_LINE.search, lines)):
            return None
        header = "|" if text.endswith("\n") else "|-"
        return _Rendered(header, [" " * column + line if line else "" for line in lines], is_literal=True)


def _break_at(text: str, index: int) -> str:
    found = _BREAK.match(text, index)
    return found[0] if found else ""


def _layout(root: Extent) -> tuple[int, int]:
    """Indentation of a mapping, and of a list, below a key: as the document has it."""
    step = dash = -1
    for parent, block in _blocks(root):
        if parent.kind != MAPPING:
            continue
        if block.kind == MAPPING and step < 0:
            step = block.column - parent.column
        if block.kind == SEQUENCE and dash < 0:
            dash = block.column - parent.column
        if step >= 0 and dash >= 0:
            break
    if step < 0:
        step = dash if dash > 0 else _DEFAULT_STEP
    return step, step if dash < 0 else dash


def _blocks(root: Extent) -> Iterator[tuple[Extent, Extent]]:
    """Every block container with the block containers in it, outer ones first."""
    queue = deque([root])
    while queue:
        at = queue.popleft()
        for item in at.items:
            value = item.value
            if value.items and not value.flow:
                yield at, value
                queue.append(value)


def _scalar(node: ScalarNode) -> str:
    if node.type == NULL:
        return "null"
    return spell_string(node.text, "", flow=False) if node.type == STR else spell_typed(node.type, node.text)


def _flow(node: Node) -> str:
    if isinstance(node, ScalarNode):
        if node.type == STR:
            return spell_string(node.text, "", flow=True)
        return _scalar(node)
    values = [item for item in node.items if not isinstance(item, CommentNode)]
    if isinstance(node, SequenceNode):
        return "[" + ", ".join(_flow(t.cast("Node", item)) for item in values) + "]"
    pairs = t.cast("list[tuple[str, Node]]", values)
    return "{" + ", ".join(f"{spell_string(key, '', flow=True)}: {_flow(value)}" for key, value in pairs) + "}"
