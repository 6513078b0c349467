# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""RE2 patterns, as sops' rules are written in: what RE2 (in Go's form) takes means the same here, all else is refused.

Private to the collection. sops treats a selector that it cannot compile as one that never matches and so writes
secrets in clear; here such a pattern is an error. The only question asked is whether a pattern is found in a text,
so greediness and captures mean nothing. It is answered in linear time, see `regex_automaton`.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable

from .._errors import LimitError, UnsupportedError
from .regex_automaton import Alternatives, Automaton, Characters, Edge, Node, Repeat, Sequence, Test
from .regex_characters import PERL, POSIX, category, folded, in_ranges

_MAX_PATTERN = 2000
_MAX_REPEAT = 1000
_MAX_DEPTH = 100
_LAST = 0x10FFFF
_SHORT = 200
"""Length of pattern and text up to which Python's `re` may do the search: its cost cannot get out of hand."""
_MAX_PATHS = 40
_CONTROLS = {"a": "\a", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_SURROGATES = re.compile("[\ud800-\udfff]")


class Pattern:
    """A pattern that was accepted."""

    def __init__(self, source: str, node: Node) -> None:
        self.source = source
        self._node = node
        self._automaton: Automaton | None = None
        self._search = _simple_search(source, node)

    def found_in(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the text."""
        ascii_only = text.isascii()
        if self._search is not None and ascii_only and len(text) <= _SHORT:
            return self._search(text) is not None
        if self._automaton is None:
            self._automaton = Automaton(self._node)
        if not ascii_only:
            # A byte that is not UTF-8 is one such character for Go.
            text = _SURROGATES.sub("\ufffd", text)
        found = self._automaton.found_in(text)
        if found is None:
            raise LimitError(
                f"a text of {len(text)} characters is too long for the pattern {self.source!r}",
                hint="use fewer and smaller repetitions",
            )
        return found

    def found_among(self, texts: set[str]) -> set[str]:
        """The texts that the pattern matches."""
        search = self._search
        if search is None or not "".join(texts).isascii() or max(map(len, texts), default=0) > _SHORT:
            return {text for text in texts if self.found_in(text)}
        return {text for text in texts if search(text)}


def compile_re2(source: str, *, where: str | None = None) -> Pattern:
    """Compile an RE2 pattern; UnsupportedError if RE2 would not take it, or if it needs tables that are not here."""
    known = _compiled.get(source)
    if known is None:
        if len(_compiled) >= _MAX_COMPILED:
            _compiled.clear()
        known = _compiled[source] = Pattern(source, _Parser(source, where).parse())
    return known


_compiled: dict[str, Pattern] = {}
_MAX_COMPILED = 500


class _Parser:
    def __init__(self, source: str, where: str | None) -> None:
        self.source = source
        self.where = where
        self.at = 0
        self.flags: frozenset[str] = frozenset()
        self.depth = 0

    def refuse(self, why: str) -> t.NoReturn:
        shown = self.source if len(self.source) <= _MAX_PATTERN else f"{self.source[:80]}…"
        raise UnsupportedError(
            f"the pattern {shown!r} is refused: {why}",
            where=self.where,
            hint="write it as RE2 has it: literals, classes, groups, alternatives, repetitions and anchors",
        )

    def peek(self, length: int = 1) -> str:
        return self.source[self.at : self.at + length]

    def take(self) -> str:
        char = self.peek()
        if not char:
            self.refuse("it ends too early")
        self.at += 1
        return char

    # --- structure

    def parse(self) -> Node:
        if len(self.source) > _MAX_PATTERN:
            self.refuse(f"it is longer than {_MAX_PATTERN} characters")
        if _SURROGATES.search(self.source):
            self.refuse("it is not valid text")
        node = self.alternatives()
        if self.at < len(self.source):
            self.refuse("it has an unexpected )")
        return node

    def alternatives(self) -> Node:
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            self.refuse("it is nested too deeply")
        outer = self.flags
        nodes = [self.sequence()]
        while self.peek() == "|":
            self.at += 1
            nodes.append(self.sequence())
        self.flags = outer
        self.depth -= 1
        return nodes[0] if len(nodes) == 1 else Alternatives(nodes)

    def sequence(self) -> Node:
        parts: list[Node] = []
        repeated = False
        while self.peek() not in ("", "|", ")"):
            begin = self.at
            count = self.repetition()
            if count is None:
                self.atom(parts)
                repeated = False
                continue
            if repeated:
                self.refuse("it repeats a repetition")
            if not parts:
                self.refuse("it repeats nothing")
            if self.peek() == "?":
                self.at += 1
            parts[-1] = self.repeat(parts[-1], *count, counted=self.source[begin] == "{")
            repeated = True
        return parts[0] if len(parts) == 1 else Sequence(parts)

    def repeat(self, node: Node, low: int, high: int | None, *, counted: bool) -> Node:
        repeat = Repeat(node, low, high)
        if counted and not _is_small(repeat, _MAX_REPEAT):
            self.refuse(f"it repeats more than {_MAX_REPEAT} times")
        return repeat

    def repetition(self) -> tuple[int, int | None] | None:
        simple = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(self.peek())
        if simple is not None:
            self.at += 1
            return simple
        match = re.compile(r"\{(0|[1-9][0-9]*)(?:(,)(0|[1-9][0-9]*)?)?\}").match(self.source, self.at)
        if match is None:
            return None
        low = int(match[1][:6])
        high = low if match[2] is None else int(match[3][:6]) if match[3] else None
        if low > _MAX_REPEAT or (high is not None and (high > _MAX_REPEAT or high < low)):
            self.refuse(f"it repeats more than {_MAX_REPEAT} times, or less than nothing")
        self.at = match.end()
        return low, high

    # --- atoms

    def atom(self, parts: list[Node]) -> None:
        char = self.take()
        if char == "(":
            self.group(parts)
        elif char == "[":
            parts.append(self.char_class())
        elif char == ".":
            parts.append(Characters((lambda _char: True) if "s" in self.flags else (lambda char: char != "\n")))
        elif char == "^":
            parts.append(Edge("line start" if "m" in self.flags else "start"))
        elif char == "$":
            parts.append(Edge("line end" if "m" in self.flags else "end"))
        elif char == "\\":
            self.escape(parts)
        else:
            parts.append(self.literal(char))

    def literal(self, char: str) -> Node:
        if "i" in self.flags:
            return Characters(folded(lambda other: other == char))
        return Characters(lambda other: other == char, char)

    def group(self, parts: list[Node]) -> None:
        if self.peek() != "?":
            parts.append(self.grouped(self.flags))
            return
        match = re.compile(r"\?P?<([A-Za-z0-9_]+)>").match(self.source, self.at)
        if match is not None:
            self.at = match.end()
            parts.append(self.grouped(self.flags))
            return
        match = re.compile(r"\?([imsU]*)(?:-([imsU]+))?([:)])").match(self.source, self.at)
        if match is None:
            self.refuse("it holds a kind of group that RE2 does not have, or an unknown flag")
        self.at = match.end()
        flags = (self.flags | frozenset(match[1])) - frozenset(match[2] or "")
        if match[3] == ":":
            parts.append(self.grouped(flags))
        else:
            self.flags = flags

    def grouped(self, flags: frozenset[str]) -> Node:
        outer, self.flags = self.flags, flags
        node = self.alternatives()
        self.flags = outer
        if self.peek() != ")":
            self.refuse("a group is not closed")
        self.at += 1
        return node

    def escape(self, parts: list[Node]) -> None:
        char = self.peek()
        edge = {"A": "start", "z": "end", "b": "boundary", "B": "no boundary"}.get(char)
        if edge is not None:
            self.at += 1
            parts.append(Edge(edge))
        elif char == "Q":
            end = self.source.find("\\E", self.at)
            text = self.source[self.at + 1 : end if end >= 0 else len(self.source)]
            self.at = end + 2 if end >= 0 else len(self.source)
            parts.extend(self.literal(each) for each in text)
        else:
            self.at -= 1
            test = self.escaped_class()
            if test is None:
                self.at += 1
                parts.append(self.literal(self.escaped_char()))
            else:
                parts.append(Characters(test))

    def escaped_char(self) -> str:
        """The character named after a backslash."""
        char = self.take()
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "x":
            match = re.compile(r"([0-9A-Fa-f]{2})|\{0*([0-9A-Fa-f]{1,6})\}").match(self.source, self.at)
            if match is None or int(match[1] or match[2], 16) > _LAST:
                self.refuse("\\x is not followed by a character code")
            self.at = match.end()
            return chr(int(match[1] or match[2], 16))
        octal = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}").match(self.source, self.at - 1)
        if octal is not None:
            self.at = octal.end()
            return chr(int(octal[0], 8))
        if char.isascii() and not char.isalnum():
            return char
        return self.refuse(f"\\{char} has no meaning in RE2")

    # --- classes

    def char_class(self) -> Node:
        negated = self.peek() == "^"
        self.at += negated
        tests: list[Test] = []
        first = True
        while first or self.peek() != "]":
            first = False
            tests.append(self.posix_class() or self.escaped_class() or self.char_range())
        self.at += 1
        test = tests[0] if len(tests) == 1 else (lambda char: any(each(char) for each in tests))
        return Characters((lambda char: not test(char)) if negated else test)

    def char_range(self) -> Test:
        low = high = self.class_char()
        if self.peek() == "-" and self.peek(2) not in ("-", "-]"):
            self.at += 1
            high = self.class_char()
            if high < low:
                self.refuse("a range in [] runs backwards")
        return self.fold(lambda char: low <= char <= high)

    def class_char(self) -> str:
        char = self.take()
        return self.escaped_char() if char == "\\" else char

    def posix_class(self) -> Test | None:
        if self.peek(2) != "[:":
            return None
        end = self.source.find(":]", self.at + 2)
        if end < 0:
            return None
        name = self.source[self.at + 2 : end]
        ranges = POSIX.get(name.removeprefix("^"))
        if ranges is None:
            self.refuse("there is no class of that name in [: :]")
        self.at = end + 2
        return self.signed(in_ranges(ranges), negated=name.startswith("^"))

    def escaped_class(self) -> Test | None:
        """A class, of Perl or of Unicode."""
        char = self.peek(2)[1:] if self.peek() == "\\" else ""
        if char and char.lower() in PERL:
            self.at += 2
            return self.signed(in_ranges(PERL[char.lower()]), negated=char.isupper())
        if not char or char not in "pP":
            return None
        match = re.compile(r"\\[pP](?:([A-Za-z])|\{(\^?)([A-Za-z_]+)\})").match(self.source, self.at)
        test = category(match[1] or match[3]) if match is not None else None
        if match is None or test is None:
            self.refuse("only general categories such as \\p{Lu} are known here, no scripts")
        self.at = match.end()
        return self.signed(test, negated=(char == "P") is not bool(match[2]))

    def signed(self, test: Test, *, negated: bool) -> Test:
        test = self.fold(test)
        return (lambda char: not test(char)) if negated else test

    def fold(self, test: Test) -> Test:
        return folded(test) if "i" in self.flags else test


def _is_small(node: Node, limit: int) -> bool:
    """Go's limit: counts of repetitions, multiplied along the way inside, stay below 1000."""
    if isinstance(node, Repeat):
        count = node.low if node.high is None else node.high
        if count > limit:
            return False
        return _is_small(node.node, limit // count if count > 0 else limit)
    if isinstance(node, Sequence | Alternatives):
        return all(_is_small(part, limit) for part in node.parts)
    return True


# --- simple patterns ------------------------------------------------------------------------------


def _simple_search(source: str, node: Node) -> Callable[[str], object] | None:
    """Python's own search for ASCII text, if the pattern cannot make it slow; it is several times faster."""
    if len(source) > _SHORT or _paths(node, repeated=False) > _MAX_PATHS:
        return None
    return re.compile(_spell(node)).search


def _paths(node: Node, *, repeated: bool) -> int:
    """In how many ways a text can be read at most, with 3 for an open end: too many if a repeated part has choices."""
    if isinstance(node, Sequence):
        total = 1
        for part in node.parts:
            total = min(total * _paths(part, repeated=repeated), _MAX_PATHS + 1)
        return total
    if isinstance(node, Alternatives):
        return sum(_paths(part, repeated=repeated) for part in node.parts)
    if isinstance(node, Repeat):
        if repeated or _paths(node.node, repeated=True) > 1 or not isinstance(node.node, Characters):
            return _MAX_PATHS + 1
        return 3 if node.high is None or node.high > node.low + 3 else node.high - node.low + 1
    return 1


_EDGES = {
    "start": "\\A",
    "end": "\\Z",
    "line start": "(?m:^)",
    "line end": "(?m:$)",
    "boundary": "\\b",
    "no boundary": "(?!\\b)",
}


def _spell(node: Node) -> str:
    """The node in Python's syntax; a class is spelled out, character by character."""
    if isinstance(node, Sequence):
        return "".join(_spell(part) for part in node.parts)
    if isinstance(node, Alternatives):
        return f"(?:{'|'.join(_spell(part) for part in node.parts)})"
    if isinstance(node, Repeat):
        return f"{_spell(node.node)}{{{node.low},{'' if node.high is None else node.high}}}"
    if isinstance(node, Edge):
        return _EDGES[node.kind]
    if node.char is not None:
        return re.escape(node.char)
    members = [f"\\x{code:02x}" for code in range(128) if node.test(chr(code))]
    return f"[{''.join(members)}]" if members else "(?!)"
