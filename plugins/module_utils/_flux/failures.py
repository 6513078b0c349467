# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a failure counts, and all that is told with it: the message, the last warnings, the next step.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable
from dataclasses import dataclass, field

from .._errors import NotReadyError
from .._kubernetes.api import Api
from .._kubernetes.events import warnings_about
from .._kubernetes.objects import Object, Reference
from .._kubernetes.readiness import Readiness, State
from .._kubernetes.wait import Deadline
from .hints import flatten
from .judgement import UNANSWERED

GRACE = 3.0
"""Seconds that a failure which may pass by itself has to last before it counts."""


class Advise(t.Protocol):
    """Knows the next step."""

    def __call__(self, target: Reference, found: Object | None, message: str, /) -> str | None:
        """Return what to do about an object with this message, None when nobody knows."""


@dataclass
class Failures:
    """Follows the states of objects, tells what has changed, and stops at a failure that counts."""

    api: Api
    deadline: Deadline
    progress: Callable[[str], None]
    hide: Callable[[str], str]
    advise: Advise
    _told: dict[Reference, set[Readiness]] = field(default_factory=dict)
    _since: dict[Reference, tuple[str, float]] = field(default_factory=dict)

    def note(self, target: Reference, found: Object | None, state: Readiness, *, lasting: bool) -> None:
        """Take note of a state.

        Args:
            target: the object.
            found: as it was seen.
            state: how it stands.
            lasting: a failure does not pass by itself, so that there is no point in a second look.

        Raises:
            NotReadyError: it has failed, and not just for a moment.
        """
        self._tell(target, state._replace(message=self.hide(state.message)))
        if state.is_ready:
            self._since.pop(target, None)
        if state.state is not State.FAILED:
            # A controller that tries again is "in progress" in between; that does not make it a new failure.
            return
        before, since = self._since.get(target, ("", 0.0))
        if before != state.message:
            since = self.deadline.clock()
            self._since[target] = (state.message, since)
        if lasting or self.deadline.clock() - since >= GRACE:
            self.fail(target, found, state.message)

    def fail(self, target: Reference, found: Object | None, message: str, hint: str | None = None) -> t.NoReturn:
        """Stop, with all that is known about a failure."""
        hint = hint or self.advise(target, found, message)
        told = map(flatten, warnings_about(self.api, target))
        # What the object says itself need not be said twice.
        news = [event for event in told if " ".join(event.partition(": ")[2].split())[:100] not in message]
        raise NotReadyError(
            self.hide(message),
            where=str(target),
            hint=self.hide(hint) if hint else None,
            events=tuple(self.hide(event) for event in news),
        )

    def _tell(self, target: Reference, state: Readiness) -> None:
        told = self._told.setdefault(target, set())
        is_news = state.message not in {"", UNANSWERED} or state.state is not State.IN_PROGRESS
        # One that tries again and again says the same again and again.
        if is_news and state not in told:
            told.add(state)
            word = f"{state.state.value} " if state.state in {State.CURRENT, State.FAILED} else ""
            self.progress(f"{target}: {word}{state.message}")
