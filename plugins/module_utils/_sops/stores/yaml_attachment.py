# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""On which node the YAML library of sops hangs each comment, as a head, line or foot comment.

Private to the collection. A selector that goes by comments has to see them in the order in which sops visits them,
whatever that is, so this follows the scanner of go.yaml.in/yaml 3.0.4 step by step: `scan_comments`,
`scan_line_comment` and `unroll_indent` with their marks, and the look-ahead of the token queue, since a comment goes
to the first token that is looked at after the comment was scanned. The tokens are those of libyaml, its ancestor;
`yaml_nodes` makes nodes of the outcome. Ten times slower than `yaml_comments`, so other selectors go by that.
"""

from __future__ import annotations

import re
import typing as t

from .yaml_events import tokens

Lines = list[t.Optional[int]]  # noqa: UP045  (ansible-test)
"""The lines of a comment: where the sign of each stands, None for a blank line in between."""

_BREAKS = "\n\r\x85\u2028\u2029"
_WIDE_BREAKS = "\x85\u2028\u2029"
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_GAP = re.compile("[ \t\n\r\x85\u2028\u2029]*")
_LINE = re.compile("[^\n\r\x85\u2028\u2029]*")
_END = "\0"
_FARTHEST = 512
"""How far the library looks for a comment; a blank line more than that above it is not seen."""
_LONGEST_KEY = 1024


class Mark(t.NamedTuple):
    """A place in the text; lines and columns count from 0."""

    at: int = 0
    line: int = 0
    column: int = 0


class _Key(t.NamedTuple):
    """What a colon may yet make a key of."""

    token: int
    """Number of the token."""
    mark: Mark


class Note:
    """A comment that waits for the token it belongs to."""

    __slots__ = ("end", "foot", "head", "line", "scan", "start", "token")

    def __init__(self, scan: int, token: int, start: Mark, end: int) -> None:
        self.scan = scan
        self.token = token
        """The first token that starts here or later takes it."""
        self.start = start
        self.end = end
        self.head: Lines = []
        self.line: Lines = []
        self.foot: Lines = []

    def clear(self) -> None:
        """What a taken comment is in the queue: nothing, at place 0."""
        self.__init__(0, 0, Mark(), 0)  # type: ignore[misc]


class Token(t.NamedTuple):
    """A token of the library. Kinds are the names of PyYAML's classes without their last word."""

    kind: str
    start: int
    end: int
    value: str = ""


_VIRTUAL = frozenset(("BlockMappingStart", "BlockSequenceStart", "BlockEnd", "StreamStart"))
"""Tokens that stand for indentation; they are made anew here, since comments move them."""


class _Source(t.NamedTuple):
    """A token of libyaml."""

    kind: str
    start: Mark
    end: Mark
    style: str
    value: str


def _physical(text: str, where: str | None) -> list[_Source]:
    """The tokens that stand in the text."""
    found = []
    for token in tokens(text, where):
        kind = token.__class__.__name__.removesuffix("Token")
        start, end = token.start_mark, token.end_mark
        # A key of zero width is a simple one: its place in the queue depends on when it is found.
        if kind in _VIRTUAL or (kind == "Key" and start.index == end.index):
            continue
        has_value = kind in ("Scalar", "Anchor", "Alias")
        found.append(
            _Source(
                kind,
                Mark(start.index, start.line, start.column),
                Mark(end.index, end.line, end.column),
                (token.style or "") if kind == "Scalar" else "",
                token.value if has_value else "",
            )
        )
    return found


class Scanner:
    """Tokens and comments in the order in which the library comes upon them."""

    def __init__(self, text: str, where: str | None = None) -> None:
        self._text = text
        self._source = _physical(text, where)
        self._next = 0
        self.tokens: list[Token] = []
        self.head = 0
        self.notes: list[Note] = []
        self.notes_head = 0
        self._at, self._line, self._column, self._newlines = 0, 0, 0, 0
        self._indent = -1
        self._indents: list[int] = []
        self._flow = 0
        self._key_allowed = True
        # The possible simple key of each flow level: number of its token and where it starts.
        self._keys: list[_Key | None] = [None]

    def peek(self) -> Token:
        """The token at the head of the queue, scanned with two more behind it."""
        while self.head >= len(self.tokens) - 2 or self._may_be_key(self.head):
            self._fetch()
        return self.tokens[self.head]

    def _may_be_key(self, number: int) -> bool:
        for level, key in enumerate(self._keys):
            if key is not None and key.token == number:
                return self._valid_key(level) is not None
        return False

    def _valid_key(self, level: int = -1) -> _Key | None:
        key = self._keys[level]
        if key is not None and (key.mark.line < self._line or key.mark.at + _LONGEST_KEY < self._at):
            self._keys[level] = key = None
        return key

    # --- tokens ---

    def _fetch(self) -> None:
        if not self.tokens:
            self.tokens.append(Token("StreamStart", 0, 0))
            return
        scan = self._mark()
        self._to_next_token()
        self._unroll(self._column, scan)
        if self._next >= len(self._source):
            self.tokens.append(Token("StreamEnd", self._at, self._at))
            return
        kind, start, end, style, value = self._source[self._next]
        self._next += 1
        if kind in ("StreamEnd", "Directive", "DocumentStart", "DocumentEnd"):
            self._unroll(-1, self._mark())
            self._keys[-1] = None
            self._key_allowed = False
            self.tokens.append(Token(kind, self._at, end.at))
            self._go(end)
            if kind == "Directive":
                self._leave_line()
            return
        mark = self._mark()
        # Comments behind a colon or comma are about what stands before it.
        is_joint = self._char() == ("," if self._flow else ":")
        comment_at = self.tokens[-1].start if is_joint else mark.at
        self._put(Token(kind, start.at, end.at, value), mark, end, style)
        if self.tokens[-1].kind != "BlockEntry":
            self._line_comment(comment_at)

    def _put(self, token: Token, mark: Mark, end: Mark, style: str) -> None:
        kind = token.kind
        if kind in ("Scalar", "Alias", "Anchor", "Tag") and style not in ("|", ">"):
            self._save_key(mark)
            self._key_allowed = False
        elif kind in ("FlowSequenceStart", "FlowMappingStart"):
            self._save_key(mark)
            self._keys.append(None)
            self._flow += 1
            self._key_allowed = True
        elif kind in ("FlowSequenceEnd", "FlowMappingEnd"):
            self._keys.pop()
            self._flow -= 1
            self._key_allowed = False
        elif kind == "Value":
            self._put_colon(mark)
        else:
            if kind == "BlockEntry":
                self._roll(mark, "BlockSequenceStart")
            elif kind == "Key":
                self._roll(mark, "BlockMappingStart")
            self._keys[-1] = None
            self._key_allowed = kind != "Key" or not self._flow
        if style in ("|", ">"):
            self._pass_block(token, end)
        else:
            self._go(end)
            if kind == "Scalar" and not style:
                self._pass_gap()
        self.tokens.append(token)

    def _put_colon(self, mark: Mark) -> None:
        key = self._valid_key()
        if key is None:
            self._roll(mark, "BlockMappingStart")
            self._key_allowed = not self._flow
            return
        number, start = key.token, key.mark
        self.tokens.insert(number, Token("Key", start.at, start.at))
        self._roll(start, "BlockMappingStart", number)
        self._keys[-1] = None
        self._key_allowed = False

    def _save_key(self, mark: Mark) -> None:
        if self._key_allowed:
            self._keys[-1] = _Key(len(self.tokens), mark)

    def _roll(self, mark: Mark, kind: str, number: int | None = None) -> None:
        if not self._flow and self._indent < mark.column:
            self._indents.append(self._indent)
            self._indent = mark.column
            token = Token(kind, mark.at, mark.at)
            self.tokens.insert(len(self.tokens) if number is None else number, token)

    def _unroll(self, column: int, scan: Mark) -> None:
        """End blocks; the end of one moves up to a comment in its own column, so that it is a foot comment there."""
        if self._flow:
            return
        at = scan.at - 1
        while self._indent > column:
            stop = at
            for note in reversed(self.notes):
                if note.end < stop:
                    break
                if note.start.column == self._indent + 1:
                    at = note.start.at
                stop = note.scan
            self.tokens.append(Token("BlockEnd", at, at))
            self._indent = self._indents.pop()

    # --- places ---

    def _mark(self) -> Mark:
        return Mark(self._at, self._line, self._column)

    def _go(self, mark: Mark) -> None:
        """On to the end of a token."""
        self._at, self._line, self._column = mark
        self._newlines = 0

    def _pass_gap(self) -> None:
        """Blanks and breaks behind a plain scalar are scanned with it."""
        end = t.cast("re.Match[str]", _GAP.match(self._text, self._at)).end()
        self._pass_to(end)
        if self._newlines:
            self._key_allowed = True

    def _pass_block(self, token: Token, end: Mark) -> None:
        """A block scalar reaches to the line below it; there can be a comment on its header line."""
        stop = token.start + len(self._text[token.start : end.at].rstrip(" \t" + _BREAKS))
        line = t.cast("re.Match[str]", _LINE.match(self._text, token.start, max(end.at, token.start)))
        sign = line[0].find("#")
        if sign >= 0:
            note = Note(0, token.start, Mark(token.start + sign, self._line, self._column + sign), 0)
            note.line = [token.start + sign]
            self.notes.append(note)
        self._go(end)
        self._newlines = len(_BREAK.findall(self._text, stop, end.at))

    def _leave_line(self) -> None:
        end = t.cast("re.Match[str]", _LINE.match(self._text, self._at)).end()
        self._column += end - self._at
        self._at = end
        if self._char() != _END:
            self._pass_break()

    def _pass_to(self, end: int) -> None:
        """On over blanks and breaks."""
        last = self._at
        for match in _BREAK.finditer(self._text, self._at, end):
            self._line += 1
            self._newlines += 1
            self._column = 0
            last = match.end()
        self._column += end - last
        self._at = end

    def _pass_break(self) -> None:
        self._at += 2 if self._text.startswith("\r\n", self._at) else 1
        self._line += 1
        self._column = 0
        self._newlines += 1

    def _char(self, ahead: int = 0) -> str:
        at = self._at + ahead
        return self._text[at] if at < len(self._text) else _END

    # --- comments ---

    def _to_next_token(self) -> None:
        scan = self._mark()
        while True:
            while (char := self._char()) in (" ", "\t") or (char == "\ufeff" and self._column == 0):
                self._at += 1
                self._column += 1
            self._move_line_comment()
            if self._char() == "#":
                self._comments(scan)
            if self._char() == _END or self._char() not in _BREAKS:
                return
            self._pass_break()
            if not self._flow:
                self._key_allowed = True

    def _move_line_comment(self) -> None:
        """The comment behind a key whose list starts below it becomes one above the first item."""
        if not self.notes or not self.notes[-1].line or self._char() in _BREAKS:
            return
        if [token.kind for token in self.tokens[-2:]] != ["BlockSequenceStart", "BlockEntry"]:
            return
        note = self.notes[-1]
        note.head, note.line = note.line, []
        if note.start.line == self._line - 1:
            note.token = self._at

    def _line_comment(self, token: int) -> None:
        """A comment on the line of the token that was just scanned."""
        if self._newlines:
            return
        ahead = 0
        while ahead < _FARTHEST and self._char(ahead) in (" ", "\t"):
            ahead += 1
        if ahead < _FARTHEST and self._char(ahead) == "#":
            self._at += ahead
            self._column += ahead
            note = Note(0, token, self._mark(), 0)
            note.line = [self._read_comment()]
            self.notes.append(note)

    def _read_comment(self) -> int:
        start = self._at
        self._at = t.cast("re.Match[str]", _LINE.match(self._text, start)).end()
        self._column += self._at - start
        self._newlines = 0
        return start

    def _comments(self, scan: Mark) -> None:  # noqa: C901, PLR0912, PLR0915  (one loop with many ends, as it is there)
        """Comments on lines of their own, up to the next token.

        Those right below a token with a blank line below them are its foot; the rest is the head of what follows.
        """
        token = self.tokens[-1]
        if token.kind == "FlowEntry" and len(self.tokens) > 1:
            token = self.tokens[-2]
        token_at, scan_at = token.start, scan.at
        start = Mark()
        indent = max(self._indent, 0)
        recent_empty, first_empty = False, self._newlines <= 1
        line, column = self._line, self._column
        found: Lines = []
        foot_line = -1
        if scan.line > 0:
            foot_line = self._line - self._newlines + 1
            if not self._newlines and self._column > 1:
                foot_line += 1

        def is_left() -> bool:
            return start.column - 1 < indent

        def add_foot() -> None:
            nonlocal scan_at, token_at, found
            note = Note(scan_at, token_at, start, self._at + peek)
            note.foot = found
            self.notes.append(note)
            scan_at = token_at = self._at + peek
            found = []

        peek = -1
        while (peek := peek + 1) < _FARTHEST:
            column += 1
            char = self._char(peek)
            if char in (" ", "\t"):
                continue
            closes = self._flow > 0 and char in ("]", "}")
            is_break = char in _BREAKS
            # The library goes by bytes here: what follows the first one of such a break is no blank.
            is_odd = peek > 0 and self._char(peek - 1) in _WIDE_BREAKS
            if not is_odd and (closes or is_break or char == _END):
                if closes or not recent_empty:
                    is_foot = first_empty and ((start.line == foot_line and token.kind != "Value") or is_left())
                    if closes or is_foot:
                        if found:
                            if is_left():
                                token_at = start.at
                            add_foot()
                    elif found and char != _END:
                        found.append(None)
                if not is_break:
                    break
                first_empty, recent_empty = False, True
                column = 0
                line += 1
                continue
            if found and (closes or (column - 1 < indent and column != start.column)):
                add_foot()
            if char != "#" or is_odd:
                break
            if not found:
                start = Mark(self._at + peek, line, column)
            recent_empty = False
            self._pass_to(self._at + peek)
            found.append(self._read_comment())
            peek = column = 0
            line = self._line
            indent = max(self._indent, 0)
        if found:
            note = Note(scan_at, start.at, start, self._at + peek - 1)
            note.head = found
            self.notes.append(note)
