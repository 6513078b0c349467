# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of libyaml: the one place that imports PyYAML, and of it only the binding to libyaml.

Private to the collection. The pure Python parser refuses legal files and is some twenty times slower, so
it is no substitute. Offsets count characters.
"""

from __future__ import annotations

import re
import typing as t

from ..._errors import LimitError, MalformedFileError, MissingLibraryError
from ..tree import line_of
from .base import place

try:
    from yaml._yaml import CParser
    from yaml.error import MarkedYAMLError, YAMLError
    from yaml.events import (
        AliasEvent,
        DocumentEndEvent,
        DocumentStartEvent,
        MappingEndEvent,
        MappingStartEvent,
        ScalarEvent,
        SequenceEndEvent,
        SequenceStartEvent,
        StreamEndEvent,
    )

    HAS_LIBYAML = True
except ImportError:
    HAS_LIBYAML = False
    # Names alone, so that the files of the store can be imported; `events` raises before any of them is met.
    AliasEvent = DocumentEndEvent = DocumentStartEvent = None  # type: ignore[assignment,misc]
    MappingEndEvent = MappingStartEvent = ScalarEvent = None  # type: ignore[assignment,misc]
    SequenceEndEvent = SequenceStartEvent = StreamEndEvent = None  # type: ignore[assignment,misc]

__all__ = [
    "AliasEvent",
    "DocumentEndEvent",
    "DocumentStartEvent",
    "MappingEndEvent",
    "MappingStartEvent",
    "ScalarEvent",
    "SequenceEndEvent",
    "SequenceStartEvent",
    "StreamEndEvent",
    "events",
    "tokens",
]

_MAX_TAG_DIRECTIVES = 1000
"""libyaml compares each of a document with all the others."""
_TAG_DIRECTIVE = re.compile("(?:\\A|[\n\r\x85\u2028\u2029])\ufeff?%TAG")
_MAX_TABS = 20
"""Each is found by reading the file once more."""
_TAB_BEFORE_COMMENT = re.compile("[?:] *\t[ \t]*#")
_TABS = re.compile("\t[ \t]*(?=#)")
_FORBIDDEN = "[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"


def events(text: str, where: str | None) -> t.Iterator[t.Any]:
    """All events; errors name the line and never quote the text."""
    return _all(text, where, "get_event")


def tokens(text: str, where: str | None) -> t.Iterator[t.Any]:
    """All tokens; errors as for events."""
    return _all(text, where, "get_token")


def _all(text: str, where: str | None, method: str) -> t.Iterator[t.Any]:
    if not HAS_LIBYAML:
        raise MissingLibraryError(
            "PyYAML with libyaml", hint="install a wheel of PyYAML, or build it with the libyaml headers at hand"
        )
    if text.count("%TAG") > _MAX_TAG_DIRECTIVES and len(_TAG_DIRECTIVE.findall(text)) > _MAX_TAG_DIRECTIVES:
        raise LimitError(f"the file holds more than {_MAX_TAG_DIRECTIVES} %TAG directives", where=where)
    try:
        if "\t" in text and _TAB_BEFORE_COMMENT.search(text) is not None:
            yield from _with_tabs(text, where, method)
            return
        get = getattr(CParser(text), method)
        event = get()
        while event is not None:
            yield event
            event = get()
    except MarkedYAMLError as exc:
        line = exc.problem_mark.line + 1 if exc.problem_mark else None
        raise MalformedFileError(f"the file is not YAML: {exc.problem}", where=place(where, line)) from None
    except YAMLError:
        # Its text quotes the character.
        forbidden = re.search(_FORBIDDEN, text)
        line = None if forbidden is None else line_of(text, forbidden.start())
        message = "the file is not YAML: it holds a character that YAML forbids"
        raise MalformedFileError(message, where=place(where, line)) from None


def _with_tabs(text: str, where: str | None, method: str) -> t.Iterator[t.Any]:
    """The same where a tab stands between an explicit key sign and a comment: sops takes it for a blank, libyaml does not."""
    done = 0
    for _turn in range(_MAX_TABS):
        get = getattr(CParser(text), method)
        try:
            for number, event in enumerate(iter(get, None)):
                if number >= done:
                    done += 1
                    yield event
        except MarkedYAMLError as exc:
            at = exc.problem_mark.index if exc.problem_mark else len(text)
            tabs = _TABS.match(text, at)
            if tabs is None:
                raise
            text = text[:at] + " " * len(tabs[0]) + text[tabs.end() :]
        else:
            return
    raise LimitError(f"the file holds more than {_MAX_TABS} tabs between a key sign and a comment", where=where)
