# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for objects, with an end.

Private to the collection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from .._errors import NotReadyError, WaitTimeoutError
from .api import Api, concurrently
from .objects import Reference
from .readiness import Readiness, State, readiness

INTERVAL = 0.2


@dataclass
class Deadline:
    """One limit for all that a run waits for."""

    seconds: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    end: float = field(init=False)

    def __post_init__(self) -> None:
        self.end = self.clock() + self.seconds

    @property
    def is_over(self) -> bool:
        """Return whether nothing may be waited for any more."""
        return self.clock() >= self.end

    def pause(self, seconds: float = INTERVAL) -> None:
        """Let the cluster work for a moment."""
        self.sleep(seconds)


def wait_until_ready(
    api: Api, wanted: Iterable[Reference], deadline: Deadline, progress: Callable[[str], None]
) -> None:
    """Wait until all objects are ready by the rules of kstatus; an absent object is waited for.

    Raises:
        NotReadyError: one has failed for good.
        WaitTimeoutError: the time is over; the message names each object with its last state.
    """
    pending = list(wanted)
    while True:
        states = dict(zip(pending, concurrently(lambda target: _state(api, target), pending), strict=True))
        for target, found in states.items():
            if found.state is State.FAILED:
                raise NotReadyError(found.message or "has failed", where=str(target))
            if found.is_ready:
                progress(f"{target} is ready")
        pending = [target for target in pending if not states[target].is_ready]
        if not pending:
            return
        if deadline.is_over:
            told = "; ".join(f"{target}: {states[target].message}" for target in pending)
            raise WaitTimeoutError(
                f"not ready after {deadline.seconds:.0f} seconds: {told}",
                hint="look at the events and Pods of these objects, or allow more time",
            )
        deadline.pause()


def _state(api: Api, target: Reference) -> Readiness:
    found = api.get(target)
    return readiness(found) if found else Readiness(State.IN_PROGRESS, "does not exist")
