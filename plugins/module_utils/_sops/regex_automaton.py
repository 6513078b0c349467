# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Searching with an automaton: each character is looked at once, whatever the pattern.

Private to the collection. A pattern becomes a list of instructions (Thompson's construction). All ways through them
are followed at once; the set of places reached is remembered with where each character leads from it, so that
most steps are one look into a dictionary.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable

Test = Callable[[str], bool]
"""Whether one character belongs to a class."""

_MAX_INSTRUCTIONS = 20_000
_MAX_WORK = 200_000
_MAX_STATES = 2_000


class Characters(t.NamedTuple):
    """Any character that passes the test."""

    test: Test
    char: str | None = None
    """The only one, if it is so simple."""


class Edge(t.NamedTuple):
    """A place between characters: `start`, `line end`, `boundary` …."""

    kind: str


class Sequence(t.NamedTuple):
    """One after the other."""

    parts: list[t.Any]


class Alternatives(t.NamedTuple):
    """One of them."""

    parts: list[t.Any]


class Repeat(t.NamedTuple):
    """Between `low` and `high` times; None is without end."""

    node: t.Any
    low: int
    high: int | None


Node: t.TypeAlias = "Characters | Edge | Sequence | Alternatives | Repeat"


class _Step(t.NamedTuple):
    """An instruction: pass a character or an edge and go on, or only go on; without a way on it is the end."""

    test: Test | None
    edge: str
    ways: tuple[int, ...]


class _State:
    """A set of places after some character."""

    __slots__ = ("before", "next", "places")

    def __init__(self, places: frozenset[int], before: str) -> None:
        self.places = places
        self.before = before
        """The character before: its kind matters for edges."""
        self.next: dict[str, _State | None] = {}
        """By character, `""` for the end of the text; None if the pattern is found."""


class _LimitReached(Exception):  # noqa: N818  (never leaves this file)
    pass


class Automaton:
    """A pattern ready to search with."""

    def __init__(self, node: Node) -> None:
        self._steps: list[_Step] = [_Step(None, "", ())]
        self._work = 0
        self._states: dict[tuple[frozenset[int], str], _State] = {}
        try:
            self._start = self._add(node, 0)
        except _LimitReached:
            self._start = -1

    def found_in(self, text: str) -> bool | None:
        """Whether the pattern is in the text; None if that would cost too much."""
        self._work = 0
        if self._start < 0:
            return None
        try:
            return self._search(text)
        except _LimitReached:
            return None

    def _search(self, text: str) -> bool:
        state = self._state(frozenset(), "")
        for char in text:
            try:
                following = state.next[char]
            except KeyError:
                following = self._follow(state, char)
            if following is None:
                return True
            state = following
        if "" not in state.next:
            self._follow(state, "")
        return state.next[""] is None

    # --- making the instructions, the last first

    def _new(self, step: _Step) -> int:
        if len(self._steps) >= _MAX_INSTRUCTIONS:
            raise _LimitReached
        self._steps.append(step)
        return len(self._steps) - 1

    def _add(self, node: Node, then: int) -> int:
        """Add the instructions for a node that go on at `then`; where they begin."""
        if isinstance(node, Characters):
            return self._new(_Step(node.test, "", (then,)))
        if isinstance(node, Edge):
            return self._new(_Step(None, node.kind, (then,)))
        if isinstance(node, Sequence):
            for part in reversed(node.parts):
                then = self._add(part, then)
            return then
        if isinstance(node, Alternatives):
            return self._new(_Step(None, "", tuple(self._add(part, then) for part in node.parts)))
        return self._add_repeat(node, then)

    def _add_repeat(self, node: Repeat, then: int) -> int:
        if node.high is None:
            loop = self._new(_Step(None, "", ()))
            self._steps[loop] = _Step(None, "", (self._add(node.node, loop), then))
            then = loop
        else:
            end = then
            for _turn in range(node.high - node.low):
                then = self._new(_Step(None, "", (self._add(node.node, then), end)))
        for _turn in range(node.low):
            then = self._add(node.node, then)
        return then

    # --- following them

    def _state(self, places: frozenset[int], before: str) -> _State:
        kind = _kind(before)
        known = self._states.get((places, kind))
        if known is None:
            if len(self._states) >= _MAX_STATES:
                self._states.clear()
            known = self._states[places, kind] = _State(places, kind)
        return known

    def _follow(self, state: _State, char: str) -> _State | None:
        """Where a character leads: all places behind it, from those reached so far and from a new beginning."""
        seen = {*state.places, self._start}
        todo = list(seen)
        reached: set[int] = set()
        while todo:
            place = todo.pop()
            step = self._steps[place]
            if step.test is not None:
                if char and step.test(char):
                    reached.update(step.ways)
                continue
            if place == 0:
                state.next[char] = None
                return None
            if step.edge and not _is_edge(step.edge, state.before, char):
                continue
            for way in step.ways:
                if way not in seen:
                    seen.add(way)
                    todo.append(way)
        self._work += len(seen)
        if self._work > _MAX_WORK:
            raise _LimitReached
        following = state.next[char] = self._state(frozenset(reached), char)
        return following


def _kind(char: str) -> str:
    """A character that stands for all that are alike at an edge."""
    if char in ("", "\n"):
        return char
    return "a" if _is_word(char) else " "


def _is_word(char: str) -> bool:
    return char == "_" or (char.isascii() and char.isalnum())


def _is_edge(kind: str, before: str, after: str) -> bool:
    if kind == "start":
        return before == ""
    if kind == "end":
        return after == ""
    if kind == "line start":
        return before in ("", "\n")
    if kind == "line end":
        return after in ("", "\n")
    return (_is_word(before) is not _is_word(after)) is (kind == "boundary")
