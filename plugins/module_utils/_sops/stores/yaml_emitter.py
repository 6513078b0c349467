# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML text from nodes, laid out as sops lays it out: for metadata, new files and files in another format.

Private to the collection. The bytes are those of sops 3.13.3 as long as sops reads them back as the same
content. Where it does not, a text goes into double quotes, and a comment that sops would move or drop
stays where it belongs.
"""

from __future__ import annotations

import binascii
import re
import typing as t
from collections.abc import Iterator, Sequence

from ..._errors import EmissionError, InvalidInputError
from ..nodes import CommentNode, MappingNode, Node, ScalarNode, SequenceNode
from ..tree import BOOL, FLOAT, INT, NULL, STR, TIME
from ..values import to_bytes
from .yaml_scalars import double_quoted, is_quoted_by_sops, is_utf8, single_quoted, spell_float_as_sops

_DEFAULT_INDENT = 4
_SMALLEST, _LARGEST = 2, 9
_LONGEST_KEY = 128
_MERGE_KEY = "<<"
_BINARY = "!!binary "

_SAFE = re.compile(r"(?!(?i:y|n|yes|no|on|off|true|false|null)\Z)[A-Za-z_/][A-Za-z0-9_/.+-]*\Z")
_TO_ESCAPE = re.compile("[^\n -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\u2028\u2029]")
_TO_QUOTE = re.compile(r" |[#,\[\]{}&*!|>'\"%@`]|[-?:](?: |\Z)|---|\.\.\.|.*(?:: |:\Z| #| \Z)")
_NOT_IN_LITERAL = re.compile(" (?:\n|\\Z)|\\A\t|[^\t\n -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\u2028\u2029]")
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_NOT_IN_COMMENT = re.compile("[^\t -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")


def emit(documents: Sequence[MappingNode], indent: int | None = None) -> str:
    """A file with these documents; `indent` as the option of sops has it."""
    writer = _Writer(_width(indent))
    for number, document in enumerate(documents):
        if number:
            writer.lines.append("---")
        writer.document(document)
    return "".join([f"{line}\n" for line in writer.lines])


def flow(data: t.Any) -> str:
    """The data on one line, which is also JSON."""
    import json  # noqa: PLC0415  (start-up time: few files need it)

    return json.dumps(data, ensure_ascii=False)


def _width(indent: int | None) -> int:
    """Columns per level; sops takes 0 for the default and what it cannot do for 2."""
    if not indent:
        return _DEFAULT_INDENT
    if indent < 0:
        raise InvalidInputError(
            f"an indent of {indent} is not possible in YAML", hint="use 2 to 9, or 0 for the default"
        )
    return indent if _SMALLEST <= indent <= _LARGEST else _SMALLEST


class _Entry(t.NamedTuple):
    """A value of a mapping or list with the comments that go with it."""

    above: list[str]
    behind: list[str]
    key: str
    node: Node


class _Frame(t.NamedTuple):
    """A mapping or list that is being written."""

    entries: Iterator[_Entry]
    below: list[str]
    column: int
    is_sequence: bool


class _Writer:
    """Turns nodes into lines; a stack instead of recursion, as files may be nested deeply."""

    def __init__(self, width: int) -> None:
        self.lines: list[str] = []
        self._width = width
        self._lead = ""
        """Start of the line that is next, if it is not blank: dashes, or the colon below a long key."""
        self._frames: list[_Frame] = []

    def document(self, root: MappingNode) -> None:
        """One document, without a marker."""
        entries, below = _entries(root)
        if not entries:
            self._comments(below, 0)
            self._line(0, "{}")
        self._open(entries, below, 0, is_sequence=False)
        while self._frames:
            frame = self._frames[-1]
            entry = next(frame.entries, None)
            if entry is None:
                self._comments(frame.below, frame.column)
                self._frames.pop()
            elif frame.is_sequence:
                self._item(entry, frame.column)
            else:
                self._pair(entry, frame.column)

    def _open(self, entries: list[_Entry], below: list[str], column: int, *, is_sequence: bool) -> None:
        if entries:
            self._frames.append(_Frame(iter(entries), below, column, is_sequence))

    def _line(self, column: int, text: str) -> None:
        self.lines.append(self._lead.ljust(column) + text)
        self._lead = ""

    def _comments(self, texts: Sequence[str], column: int) -> None:
        for text in texts:
            first, *others = _BREAK.split(text)
            # No comment ends early and lets the rest of its text become content.
            for line in (first, *(other[1:] if other[:1] == "#" else f" {other}" for other in others)):
                self._line(column, f"#{_printable(line)}")

    def _next(self, column: int) -> int:
        """A nested block starts at the next multiple of the indent."""
        return (column // self._width + 1) * self._width

    def _item(self, entry: _Entry, column: int) -> None:
        above, behind, _key, node = entry
        if isinstance(node, ScalarNode):
            self._comments(above, column)
            self._scalar(column, "-", node, behind, column + 2, hint=self._width == _SMALLEST)
            return
        entries, below = _entries(node)
        if not entries:
            self._comments((*above, *below), column)
            self._line(column, f"- {_empty(node)}{_behind(behind)}")
            return
        # What is above the first value inside cannot stand behind the dash.
        self._comments((*above, *behind, *entries[0].above), column)
        entries[0] = entries[0]._replace(above=[])
        self._lead = self._lead.ljust(column) + "- "
        self._open(entries, below, column + 2, is_sequence=isinstance(node, SequenceNode))

    def _pair(self, entry: _Entry, column: int) -> None:
        above, behind, key, node = entry
        nested = self._next(column)
        hint = column % self._width == 0
        entries, below = ([], []) if isinstance(node, ScalarNode) else _entries(node)
        self._comments((*above, *behind) if entries else above, column)
        simple = _simple_key(key, node)
        if simple is None:
            self._scalar(column, "?", ScalarNode(STR, key), [], nested, hint=hint)
        start = ":" if simple is None else f"{simple}:"
        if isinstance(node, ScalarNode):
            self._scalar(column, start, node, behind, nested, hint=hint)
        elif not entries:
            self._hollow(column, start, node, below, nested)
        else:
            if simple is None:
                self._lead = self._lead.ljust(column) + start
            else:
                self._line(column, start)
            self._open(entries, below, nested, is_sequence=isinstance(node, SequenceNode))

    def _hollow(self, column: int, start: str, node: Node, comments: list[str], nested: int) -> None:
        """An empty mapping or list as the value of a key; comments stand between its brackets."""
        brackets = _empty(node)
        if not comments:
            self._line(column, f"{start} {brackets}")
            return
        self._line(column, f"{start} {brackets[0]}")
        self._comments(comments, nested)
        self._line(0, brackets[1])

    def _scalar(self, column: int, start: str, node: ScalarNode, behind: list[str], nested: int, *, hint: bool) -> None:
        """One value; `nested` is the column of a block, and `hint` whether the width of a level names it."""
        if node.type != STR:
            self._line(column, f"{start} {_spell(node)}{_behind(behind)}")
            return
        header, body = _string(node.text, self._width if hint else 0)
        self._line(column, f"{start} {header}{_behind(behind)}")
        self.lines.extend(" " * nested + line if line else "" for line in body)


def _entries(container: MappingNode | SequenceNode) -> tuple[list[_Entry], list[str]]:
    """The values of a container with the comments before each, and the comments after the last."""
    entries: list[_Entry] = []
    is_mapping = container.__class__ is MappingNode
    nothing: list[str] = []
    above = behind = nothing
    items: list[t.Any] = list(container.items)
    for item in items:
        if item.__class__ is not CommentNode:
            entries.append(_Entry(above, behind, *(item if is_mapping else ("", item))))
            above = behind = nothing
        elif item.inline:
            behind = [*behind, item.text]
        else:
            above = [*above, item.text]
    return entries, above + behind


def _empty(node: Node) -> str:
    return "[]" if isinstance(node, SequenceNode) else "{}"


def _behind(comments: list[str]) -> str:
    return f" #{_printable(' '.join(_BREAK.split(' #'.join(comments))))}" if comments else ""


def _printable(text: str) -> str:
    return _NOT_IN_COMMENT.sub("\ufffd", text)


def _simple_key(key: str, node: Node) -> str | None:
    """The key as it stands before a colon on its line; None if it has to be written on lines of its own."""
    if _SAFE.match(key) and len(key) <= _LONGEST_KEY:
        return key
    if key == _MERGE_KEY and _can_be_merged(node):
        return "!!merge <<"
    spelled, body = _string(key, 0)
    measured = spelled.replace(" ", "") if spelled.startswith(_BINARY) else key
    if body or len(to_bytes(measured)) > _LONGEST_KEY or _BREAK.search(measured):
        return None
    return spelled


def _can_be_merged(node: Node) -> bool:
    """Whether sops reads the node back as the value of a merge key."""
    if isinstance(node, SequenceNode):
        return all(isinstance(item, MappingNode | CommentNode) for item in node.items)
    return isinstance(node, MappingNode)


def _spell(node: ScalarNode) -> str:
    """A value that is no string."""
    if node.type in (INT, TIME):
        return node.text
    if node.type == FLOAT:
        return spell_float_as_sops(float(node.text))
    if node.type == BOOL:
        return node.text.lower()
    if node.type == NULL:
        return "null"
    raise EmissionError(f"a value of type {node.type} cannot be written in YAML")


def _string(text: str, hint: int) -> tuple[str, Sequence[str]]:
    """A string on one line, or the header and the lines of a literal block.

    `hint` is the number that says how far a block is indented, 0 where that would be another one.
    """
    if _SAFE.match(text):
        return text, ()
    if not is_utf8(text):
        return _binary(text)
    if "\n" in text:
        return _literal(text, hint) or (_double_quoted(text), ())
    if not text or text == _MERGE_KEY or _TO_ESCAPE.search(text) or is_quoted_by_sops(text):
        return _double_quoted(text), ()
    return (single_quoted(text) if _TO_QUOTE.match(text) else text), ()


def _double_quoted(text: str) -> str:
    return double_quoted(text, as_sops=True)


def _literal(text: str, hint: int) -> tuple[str, Sequence[str]] | None:
    """Header and lines of a literal block, None if the text cannot be one."""
    needs_hint = text[0] in " \n"
    if _NOT_IN_LITERAL.search(text) or (needs_hint and not hint):
        return None
    body = text.removesuffix("\n")
    chomping = "-" if body == text else "+" if body[-1:] in ("", "\n") else ""
    return f"|{hint if needs_hint else ''}{chomping}", body.split("\n")


def _binary(text: str) -> tuple[str, Sequence[str]]:
    """Bytes that are no text; long ones on lines of 70 characters."""
    encoded = binascii.b2a_base64(to_bytes(text), newline=False).decode("ascii")
    lines = [encoded[at : at + 70] for at in range(0, len(encoded), 70)]
    return (_BINARY + encoded, ()) if len(lines) == 1 else (f"{_BINARY}|", lines)
