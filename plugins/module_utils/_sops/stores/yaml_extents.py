# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the keys and values of one YAML document stand, as nested nodes: what adding and removing entries needs.

Private to the collection. The tree of the engine knows leaves; this knows extents too: from the first to the last
character of every value, containers included.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator

from .yaml_events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    events,
)

SCALAR, MAPPING, SEQUENCE, ALIAS = "scalar", "mapping", "sequence", "alias"

_BREAKS = " \t\r\n\x85\u2028\u2029"
_KEEP = re.compile(r"[|>][-0-9]*\+")


class Item(t.NamedTuple):
    """One entry of a container; a list has no keys."""

    key: str
    key_start: int
    key_end: int
    value: Extent

    @property
    def start(self) -> int:
        """Where the entry starts in a flow collection."""
        return self.value.start if self.key_start < 0 else self.key_start

    @property
    def end(self) -> int:
        """Where it ends."""
        return max(self.value.end, self.key_end)


class Extent:
    """One value: where it stands, with its anchor and tag."""

    __slots__ = ("column", "end", "first", "flow", "items", "kind", "start", "style")

    def __init__(
        self, kind: str, start: int, end: int, *, style: str = "", flow: bool = False, column: int = 0
    ) -> None:
        self.kind = kind
        self.start = start
        self.end = end
        """Behind its last character; blank lines after it do not count."""
        self.style = style
        self.flow = flow
        self.column = column
        """Of the keys or dashes of a block collection."""
        self.first = start
        """Its first key or dash."""
        self.items: list[Item] = []


def read(text: str, document: int) -> Extent | None:
    """The root value of a document, None if there is no such document."""
    number = -1
    source = events(text, None)
    for event in source:
        if event.__class__ is DocumentStartEvent:
            number += 1
            if number == document:
                return _value(text, next(source), source)
    return None


def _value(text: str, event: t.Any, source: Iterator[t.Any]) -> Extent:
    """One value with all that is in it; a stack instead of recursion, for files nested deeply."""
    stack: list[tuple[Extent, tuple[str, int, int] | None]] = []
    while True:
        cls = event.__class__
        done: Extent | None = None
        if cls is MappingEndEvent or cls is SequenceEndEvent:
            done, _key = stack.pop()
            done.end = event.end_mark.index if done.flow else done.items[-1].end if done.items else done.end
        elif cls is MappingStartEvent or cls is SequenceStartEvent:
            stack.append((_container(text, event), None))
        else:
            done = _scalar(text, event)
        if done is not None:
            if not stack:
                return done
            _add(stack, done, event.value if cls is ScalarEvent else "")
        event = next(source)
        if event.__class__ is DocumentEndEvent:
            return stack[0][0] if stack else Extent(SCALAR, 0, 0)


def _add(stack: list[tuple[Extent, tuple[str, int, int] | None]], done: Extent, text: str) -> None:
    container, key = stack[-1]
    if container.kind == SEQUENCE:
        container.items.append(Item("", -1, -1, done))
    elif key is None:
        stack[-1] = (container, (text, done.start, done.end))
    else:
        container.items.append(Item(*key, done))
        stack[-1] = (container, None)


def _container(text: str, event: t.Any) -> Extent:
    end = event.end_mark.index
    flow = bool(event.flow_style)
    sequence = event.__class__ is SequenceStartEvent
    indentless = sequence and not flow and end > event.start_mark.index and text[end - 1] == "-"
    shift = 1 if indentless else 0
    made = Extent(
        SEQUENCE if sequence else MAPPING, event.start_mark.index, end, flow=flow, column=event.end_mark.column - shift
    )
    made.first = end - shift
    return made


def _scalar(text: str, event: t.Any) -> Extent:
    start, end = event.start_mark.index, event.end_mark.index
    if event.__class__ is AliasEvent:
        return Extent(ALIAS, start, end)
    style = event.style or ""
    if style in ("|", ">"):
        body = text[start:end]
        kept = _KEEP.search(body.split("\n", 1)[0]) is not None
        end = start + len(body.removesuffix("\n") if kept else body.rstrip(_BREAKS))
    return Extent(SCALAR, start, end, style=style)


def child(at: Extent, part: str | int) -> Item | None:
    """The entry that a component of a path leads to; of a repeated key the first."""
    if at.kind == SEQUENCE and isinstance(part, int):
        return at.items[part] if part < len(at.items) else None
    if at.kind == MAPPING and isinstance(part, str):
        return next((item for item in at.items if item.key == part and item.key_start >= 0), None)
    return None
