# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""RE2 patterns on Python's `re`: a checked subset with the same meaning, everything else refused.

Private to the collection. SOPS rules are RE2 patterns. sops treats a selector that it cannot compile
as one that never matches and so writes secrets in clear; here such a pattern is an error.

The pattern is parsed into a small tree and written again in Python's syntax, with the classes spelled
out (`\d` is ASCII in RE2) and `$` as the very end. `re` backtracks, RE2 does not. So a repeated part
must be deterministic: at each character there is one way to go on (Glushkov's test, with each way counted), which rules
out `(a+)+` and `(a|a)*` and keeps `([^/]+/)*`.
"""

from __future__ import annotations

import math
import re
import typing as t
from dataclasses import dataclass, field
from itertools import pairwise

from .._errors import LimitError, UnsupportedError

_MAX_PATTERN = 2000
_MAX_REPEAT = 1000
_MAX_CHOICES = 20
_MAX_STEPS = 200_000_000
_LAST = 0x10FFFF

Ranges = tuple[tuple[int, int], ...]

_DIGIT: Ranges = ((0x30, 0x39),)
_SPACE: Ranges = ((0x09, 0x0A), (0x0C, 0x0D), (0x20, 0x20))
_WORD: Ranges = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_PERL = {"d": _DIGIT, "s": _SPACE, "w": _WORD}
_POSIX: dict[str, Ranges] = {
    "alnum": ((0x30, 0x39), (0x41, 0x5A), (0x61, 0x7A)),
    "alpha": ((0x41, 0x5A), (0x61, 0x7A)),
    "ascii": ((0x00, 0x7F),),
    "blank": ((0x09, 0x09), (0x20, 0x20)),
    "cntrl": ((0x00, 0x1F), (0x7F, 0x7F)),
    "digit": _DIGIT,
    "graph": ((0x21, 0x7E),),
    "lower": ((0x61, 0x7A),),
    "print": ((0x20, 0x7E),),
    "punct": ((0x21, 0x2F), (0x3A, 0x40), (0x5B, 0x60), (0x7B, 0x7E)),
    "space": ((0x09, 0x0D), (0x20, 0x20)),
    "upper": ((0x41, 0x5A),),
    "word": _WORD,
    "xdigit": ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66)),
}
_ANCHORS = {"A": "\\A", "z": "\\Z", "b": "(?a:\\b)", "B": "(?a:\\B)"}
_CONTROLS = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}


@dataclass(frozen=True)
class Pattern:
    """A pattern that was accepted."""

    source: str
    _compiled: re.Pattern[str]
    _open_ended: int

    def found_in(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the text; refuses a text that could take too long."""
        if self._open_ended > 1 and len(text) ** self._open_ended / math.factorial(self._open_ended) > _MAX_STEPS:
            raise LimitError(
                f"a text of {len(text)} characters is too long for the pattern {self.source!r}",
                hint="use fewer open-ended repetitions",
            )
        return self._compiled.search(text) is not None


@dataclass
class _Node:
    """A part of the pattern: its Python spelling and what the test for determinism needs."""

    python: str
    nullable: bool = True
    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    branching: bool = False
    """Whether it can match in more than one way or length."""


@dataclass
class _Parser:
    source: str
    where: str | None
    at: int = 0
    sets: list[Ranges] = field(default_factory=list)
    follow: list[list[int]] = field(default_factory=list)
    flags: frozenset[str] = frozenset()
    open_ended: int = 0
    choices: int = 0
    depth: int = 0
    names: set[str] = field(default_factory=set)

    def refuse(self, why: str) -> t.NoReturn:
        raise UnsupportedError(
            f"the pattern {self.source!r} is refused: {why}",
            where=self.where,
            hint="write it with what RE2 and Python share: literals, classes, groups, alternatives and simple repetitions",
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

    def parse(self) -> _Node:
        node = self.alternatives()
        if self.at < len(self.source):
            self.refuse("it has an unexpected )")
        return node

    def alternatives(self) -> _Node:
        self.depth += 1
        if self.depth > 50:
            self.refuse("it is nested too deeply")
        flags = self.flags
        nodes = [self.sequence()]
        while self.peek() == "|":
            self.at += 1
            nodes.append(self.sequence())
        self.flags = flags
        self.depth -= 1
        if len(nodes) == 1:
            return nodes[0]
        self.choose()
        return _Node(
            "|".join(n.python for n in nodes),
            any(n.nullable for n in nodes),
            frozenset().union(*(n.first for n in nodes)),
            frozenset().union(*(n.last for n in nodes)),
            branching=True,
        )

    def sequence(self) -> _Node:
        total = _Node("")
        while self.peek() not in ("", "|", ")"):
            node = self.repeated()
            for position in total.last:
                self.follow[position].extend(node.first)
            total = _Node(
                total.python + node.python,
                total.nullable and node.nullable,
                total.first | node.first if total.nullable else total.first,
                total.last | node.last if node.nullable else node.last,
                branching=total.branching or node.branching,
            )
        return total

    def repeated(self) -> _Node:
        atom = self.atom()
        count = self.repetition()
        if count is None:
            return atom
        if atom.python in ("", "^", "\\Z", "\\A", "$"):
            self.refuse("it repeats something without length")
        low, high, spelling = count
        lazy = ""
        if self.peek() == "?":
            self.at += 1
            lazy = "?"
        if self.repetition() is not None or self.peek() == "+":
            self.refuse("it repeats a repetition")
        if low != high:
            self.choose()
        if high is None or high - low >= 10:
            self.open_ended += 1
        if high is None or high > 1:
            for position in atom.last:
                self.follow[position].extend(atom.first)
            if atom.branching or atom.nullable:
                self.demand_one_way(atom)
        return _Node(
            atom.python + spelling + lazy,
            atom.nullable or low == 0,
            atom.first,
            atom.last,
            branching=atom.branching or low != high,
        )

    def choose(self) -> None:
        self.choices += 1
        if self.choices > _MAX_CHOICES:
            self.refuse(f"it has more than {_MAX_CHOICES} alternatives and repetitions, which can take forever")

    def repetition(self) -> tuple[int, int | None, str] | None:
        char = self.peek()
        if char in ("*", "+", "?") and char:
            self.at += 1
            return {"*": (0, None, "*"), "+": (1, None, "+"), "?": (0, 1, "?")}[char]
        match = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}").match(self.source, self.at)
        if match is None:
            return None
        low = int(match[1][:6])
        high = low if match[2] is None else int(match[3][:6]) if match[3] else None
        if low > _MAX_REPEAT or (high is not None and (high > _MAX_REPEAT or high < low)):
            self.refuse(f"it repeats more than {_MAX_REPEAT} times, or less than nothing")
        self.at = match.end()
        return low, high, match[0]

    def demand_one_way(self, atom: _Node) -> None:
        """Refuse a repeated part that could match the same text in two ways."""
        if atom.nullable:
            self.refuse("it repeats a part that may be empty")
        seen: set[int] = set()
        todo = list(atom.first)
        groups = [list(atom.first)]
        while todo:
            position = todo.pop()
            if position not in seen:
                seen.add(position)
                groups.append(self.follow[position])
                todo.extend(self.follow[position])
        for group in groups:
            bounds = sorted(bound for position in group for bound in self.sets[position])
            if any(after[0] <= before[1] for before, after in pairwise(bounds)):
                self.refuse("a repeated part can match the same text in several ways, which can take forever")

    # --- atoms

    def atom(self) -> _Node:
        char = self.take()
        if char in "*+?":
            self.refuse("it repeats nothing")
        special = {
            "(": self.group,
            "[": self.char_class,
            ".": self.any,
            "^": self.start,
            "$": self.end,
            "\\": self.escape,
        }
        return special[char]() if char in special else self.literal(ord(char))

    def any(self) -> _Node:
        if "s" in self.flags:
            return self.one_of("(?s:.)", ((0, _LAST),))
        return self.one_of("[^\\n]", ((0, 9), (11, _LAST)))

    def start(self) -> _Node:
        return _Node("(?m:^)" if "m" in self.flags else "\\A")

    def end(self) -> _Node:
        return _Node("(?m:$)" if "m" in self.flags else "\\Z")

    def one_of(self, python: str, ranges: Ranges) -> _Node:
        if "i" in self.flags:
            ranges = _with_other_case(ranges)
            python = f"(?i:{python})"
        self.sets.append(_merge(ranges))
        self.follow.append([])
        here = frozenset((len(self.sets) - 1,))
        return _Node(python, nullable=False, first=here, last=here)

    def literal(self, code: int) -> _Node:
        self.check_case(code)
        return self.one_of(re.escape(chr(code)), ((code, code),))

    def check_case(self, code: int) -> None:
        if "i" in self.flags and code > 127:
            self.refuse("case is ignored only for ASCII letters")

    def group(self) -> _Node:
        if self.peek() != "?":
            return self.grouped(self.flags)
        match = re.compile(r"\?P?<([A-Za-z_][A-Za-z0-9_]*)>").match(self.source, self.at)
        if match is not None:
            if match[1] in self.names:
                self.refuse("it names two groups alike")
            self.names.add(match[1])
            self.at = match.end()
            return self.grouped(self.flags)
        match = re.compile(r"\?([ims]*)(?:-([ims]+))?([:)])").match(self.source, self.at)
        if match is None or (match[3] == ")" and not (match[1] or match[2])):
            self.refuse("it holds a kind of group that RE2 does not have, or an unknown flag")
        self.at = match.end()
        flags = (self.flags | frozenset(match[1])) - frozenset(match[2] or "")
        if match[3] == ":":
            return self.grouped(flags)
        self.flags = flags
        return _Node("")

    def grouped(self, flags: frozenset[str]) -> _Node:
        outer, self.flags = self.flags, flags
        node = self.alternatives()
        self.flags = outer
        if self.take() != ")":
            self.refuse("a group is not closed")
        node.python = f"(?:{node.python})"
        return node

    def escape(self) -> _Node:
        char = self.take()
        if char in _ANCHORS:
            return _Node(_ANCHORS[char])
        if char.lower() in _PERL:
            ranges = _PERL[char.lower()]
            ranges = _invert(ranges) if char.isupper() else ranges
            return self.one_of(_spell(ranges), ranges)
        if char == "Q":
            return self.quoted()
        self.at -= 1
        return self.literal(self.escaped_code())

    def quoted(self) -> _Node:
        end = self.source.find("\\E", self.at)
        text = self.source[self.at : end if end >= 0 else len(self.source)]
        self.at = end + 2 if end >= 0 else len(self.source)
        if self.repetition() is not None:
            self.refuse("it repeats quoted text")
        total = _Node("")
        for char in text:
            node = self.literal(ord(char))
            for position in total.last:
                self.follow[position].extend(node.first)
            total = _Node(total.python + node.python, False, total.first or node.first, node.last)
        return total

    def escaped_code(self) -> int:
        """Code of the character named after a backslash."""
        char = self.take()
        if char in _CONTROLS:
            return _CONTROLS[char]
        if char == "x":
            match = re.compile(r"([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\}").match(self.source, self.at)
            if match is None or int(match[1] or match[2], 16) > _LAST:
                self.refuse("\\x is not followed by a character code")
            self.at = match.end()
            return int(match[1] or match[2], 16)
        if char == "0":
            match = re.compile(r"[0-7]{0,2}").match(self.source, self.at)
            digits = match[0] if match else ""
            self.at += len(digits)
            return int(digits or "0", 8)
        if char.isascii() and not char.isalnum():
            return ord(char)
        return self.refuse(f"\\{char} has no meaning that RE2 and Python share")

    def char_class(self) -> _Node:
        negated = self.peek() == "^"
        self.at += negated
        ranges: list[tuple[int, int]] = []
        first = True
        while first or self.peek() != "]":
            first = False
            named = self.named_class()
            if named is not None:
                ranges.extend(named)
                continue
            low = high = self.class_char()
            if self.peek() == "-" and self.peek(2) not in ("-", "-]"):
                self.at += 1
                high = self.class_char()
                if high < low:
                    self.refuse("a range in [] runs backwards")
            self.check_case(high)
            ranges.append((low, high))
        self.at += 1
        merged = _merge(tuple(ranges))
        if "i" in self.flags:
            merged = _merge(_with_other_case(merged))
        if negated:
            merged = _invert(merged)
        return self.one_of(_spell(merged), merged)

    def named_class(self) -> Ranges | None:
        match = re.compile(r"\[:(\^?)([a-z]+):\]").match(self.source, self.at)
        if match is not None:
            if match[2] not in _POSIX:
                self.refuse(f"there is no class [:{match[2]}:]")
            self.at = match.end()
            ranges = _POSIX[match[2]]
            return _invert(ranges) if match[1] else ranges
        if self.peek() == "\\" and self.peek(2)[1:].lower() in _PERL:
            name = self.peek(2)[1:]
            self.at += 2
            ranges = _PERL[name.lower()]
            return _invert(ranges) if name.isupper() else ranges
        return None

    def class_char(self) -> int:
        char = self.take()
        if char == "\\":
            return self.escaped_code()
        return ord(char)


def _merge(ranges: Ranges) -> Ranges:
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def _invert(ranges: Ranges) -> Ranges:
    inverted = []
    at = 0
    for low, high in _merge(ranges):
        if low > at:
            inverted.append((at, low - 1))
        at = high + 1
    if at <= _LAST:
        inverted.append((at, _LAST))
    return tuple(inverted)


def _with_other_case(ranges: Ranges) -> Ranges:
    """Add the other case of ASCII letters, and the two letters beyond ASCII that fold to one (long s, Kelvin)."""
    added: list[tuple[int, int]] = []
    for low, high in ranges:
        for start, end, shift in ((0x41, 0x5A, 32), (0x61, 0x7A, -32)):
            if low <= end and high >= start:
                added.append((max(low, start) + shift, min(high, end) + shift))
    folded = _merge((*ranges, *added))
    for code, letter in ((0x17F, 0x73), (0x212A, 0x6B)):
        if any(low <= letter <= high for low, high in folded):
            folded = (*folded, (code, code))
    return _merge(folded)


def _spell(ranges: Ranges) -> str:
    if not ranges:
        return "(?!)"
    return "[" + "".join(f"\\U{low:08x}-\\U{high:08x}" for low, high in ranges) + "]"


def compile_re2(source: str, *, where: str | None = None) -> Pattern:
    """Compile an RE2 pattern; UnsupportedError if it is outside of the subset with equal meaning."""
    parser = _Parser(source, where)
    if len(source) > _MAX_PATTERN:
        parser.refuse(f"it is longer than {_MAX_PATTERN} characters")
    node = parser.parse()
    try:
        compiled = re.compile(node.python)
    except (re.error, OverflowError, RecursionError):
        parser.refuse("it cannot be compiled")
    return Pattern(source, compiled, parser.open_ended)
