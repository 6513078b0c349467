# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain Python data from the events of a YAML text.

Private to the collection.
"""

from __future__ import annotations

import typing as t

from ..._errors import LimitError, MalformedFileError
from ..tree import BOOL, FLOAT, INT, STR, TIME, Limits
from ..values import parse_time
from .base import place
from .yaml_events import (
    AliasEvent,
    DocumentEndEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)
from .yaml_scalars import Untypable, resolve, resolve_tagged


class _Frame:
    """A container under construction."""

    __slots__ = ("anchor", "has_key", "key", "made", "merge", "merges", "weight")

    def __init__(self, made: dict[t.Any, t.Any] | list[t.Any], anchor: str | None) -> None:
        self.made = made
        self.anchor = anchor
        self.has_key = False
        self.key: t.Any = None
        self.merge = False
        self.merges: list[t.Any] = []
        self.weight = 1


class Builder:
    """Makes plain Python data from events; an alias shares the object of its anchor."""

    def __init__(self, where: str | None, limits: Limits, *, nested: bool = False) -> None:
        self.where = where
        self.limits = limits
        self.nested = nested
        """The events are those of one value inside of a document, not of whole documents."""
        self.finished_key: t.Any = None
        """Key of the value that the last event completed directly in the outermost mapping."""
        self._frames: list[_Frame] = []
        self._anchors: dict[str, tuple[t.Any, int]] = {}
        self._result: t.Any = None
        self._nodes = 0
        self._is_later = False
        """This is not the first document of the file."""

    def take(self) -> t.Any:
        """The finished document or value."""
        self._is_later = True
        result, self._result = self._result, None
        self._anchors = {}
        return result

    def feed(self, event: t.Any) -> bool:
        """Take one event; true when a document (or the nested value) is complete."""
        cls = event.__class__
        self.finished_key = None
        if cls is ScalarEvent:
            return self._add(*self._scalar(event), event)
        if cls is MappingStartEvent or cls is SequenceStartEvent:
            self._open({} if cls is MappingStartEvent else [], event)
            return False
        if cls is MappingEndEvent or cls is SequenceEndEvent:
            return self._close(event)
        if cls is AliasEvent:
            if event.anchor not in self._anchors:
                self._fail("an alias names an anchor that is not there, or contains itself", event)
            value, weight = self._anchors[event.anchor]
            return self._add(value, False, event, weight)
        return cls is DocumentEndEvent

    def _fail(self, message: str, event: t.Any, kind: type[MalformedFileError] = MalformedFileError) -> t.NoReturn:
        raise kind(message, where=place(self.where, event.start_mark.line + 1))

    def _open(self, made: dict[t.Any, t.Any] | list[t.Any], event: t.Any) -> None:
        if len(self._frames) >= self.limits.depth:
            self._fail(f"the file is nested deeper than {self.limits.depth} levels", event, LimitError)
        if self._frames and isinstance(self._frames[-1].made, dict) and not self._frames[-1].has_key:
            self._fail("a key is a mapping or a list", event)
        if event.anchor is not None:
            self._anchors.pop(event.anchor, None)
        self._frames.append(_Frame(made, event.anchor))

    def _close(self, event: t.Any) -> bool:
        frame = self._frames.pop()
        if isinstance(frame.made, dict):
            for source in frame.merges:
                for mapping in source if isinstance(source, list) else [source]:
                    frame.made = {**mapping, **frame.made}
        if frame.anchor is not None:
            self._anchors[frame.anchor] = (frame.made, frame.weight)
        return self._add(frame.made, False, event, frame.weight)

    def _scalar(self, event: t.Any) -> tuple[t.Any, bool]:
        """Value of a scalar, and whether it is the merge key."""
        text, style, tag = event.value, event.style, event.tag
        try:
            if tag is not None and tag != "!":
                kind, data = resolve_tagged(text, tag, plain=not style)
            elif style:
                kind, data = STR, text
            else:
                kind, data = resolve(text)
        except Untypable as exc:
            # Too big for a token, but a number all the same for those who only read.
            if not text.isdigit():
                self._fail(str(exc), event)
            kind, data = INT, text
        value = to_python(kind, data)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, 1)
        return value, text == "<<" and not style

    def _merges(self, value: t.Any, event: t.Any) -> bool:
        """Whether a merge key with this value merges."""
        if value is None or _can_be_merged(value):
            return True
        if not self._is_later:
            self._fail("a merge key (<<) does not hold a mapping", event)
        # sops looks at merge keys in the first document only, and writes a text << like one.
        return False

    def _add(self, value: t.Any, merge: bool, event: t.Any, weight: int = 1) -> bool:
        self._nodes += weight
        if self._nodes > self.limits.nodes:
            self._fail(f"the file holds more than {self.limits.nodes} values", event, LimitError)
        if not self._frames:
            self._result = value
            return self.nested
        frame = self._frames[-1]
        frame.weight += weight
        made = frame.made
        if isinstance(made, list):
            made.append(value)
        elif not frame.has_key:
            if isinstance(value, dict | list):
                self._fail("a key is a mapping or a list", event)
            if value in made and not merge:
                self._fail("a key occurs twice in the same mapping", event)
            frame.key, frame.merge, frame.has_key = value, merge, True
        else:
            frame.has_key = False
            frame.merge = frame.merge and self._merges(value, event)
            if frame.merge:
                frame.merges.append({} if value is None else value)
            else:
                made[frame.key] = value
            if len(self._frames) == 1:
                self.finished_key = frame.key
        return False


def _can_be_merged(value: t.Any) -> bool:
    """Whether this is something that a merge key can hold."""
    return isinstance(value, dict) or (isinstance(value, list) and all(isinstance(each, dict) for each in value))


def to_python(kind: str, data: str) -> t.Any:
    """The Python value of a type and byte form."""
    if kind == STR:
        return data
    if kind == INT:
        return int(data)
    if kind == BOOL:
        return data == "True"
    if kind == FLOAT:
        return float(data)
    if kind == TIME:
        return parse_time(data)
    return None
