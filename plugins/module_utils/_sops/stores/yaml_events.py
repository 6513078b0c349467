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

from ..._errors import MalformedFileError, MissingLibraryError
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
]

_FORBIDDEN = "[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"


def events(text: str, where: str | None) -> t.Iterator[t.Any]:
    """All events; errors name the line and never quote the text."""
    if not HAS_LIBYAML:
        raise MissingLibraryError(
            "PyYAML with libyaml", hint="install a wheel of PyYAML, or build it with the libyaml headers at hand"
        )
    get = CParser(text).get_event
    try:
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
