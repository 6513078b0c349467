# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for objects, with an end.

Private to the collection.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .._errors import NotReadyError, WaitTimeoutError
from .api import Api
from .events import warnings_about
from .objects import Object, Reference
from .readiness import Readiness, State, readiness
from .watch import Collection, View, Watch

INTERVAL = 0.2
LONGEST_REST = 0.5
"""Seconds after which the clock is looked at, also when nothing has changed; the cluster is not asked then."""


def silence(message: str) -> None:
    """Say nothing."""


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

    @property
    def remaining(self) -> float:
        """Return the seconds that are left."""
        return max(0.0, self.end - self.clock())

    def pause(self, seconds: float = INTERVAL) -> None:
        """Let the cluster work for a moment."""
        self.sleep(seconds)


def by_itself(found: Object, _objects: Mapping[Reference, Object]) -> Readiness:
    """Judge an object by nothing but itself."""
    return readiness(found)


def wait_until_ready(
    api: Api,
    wanted: Iterable[Reference],
    deadline: Deadline,
    progress: Callable[[str], None],
    *,
    labels: str = "",
    also: Iterable[Collection] = (),
    judge: Callable[[Object, Mapping[Reference, Object]], Readiness] = by_itself,
    view: Callable[[Api, Callable[[str], None]], View] = Watch,
) -> None:
    """Wait until all objects are ready by the rules of kstatus; an absent object is waited for.

    Args:
        api: the cluster.
        wanted: the objects.
        deadline: the end of all waiting.
        progress: is told each object that gets ready, and what keeps the others.
        labels: a selector that all these objects match, so that one watch per kind is enough.
        also: further objects that `judge` needs.
        judge: says how an object stands, given all objects that are looked at.
        view: opens the look at the cluster.

    Raises:
        NotReadyError: one has failed for good.
        WaitTimeoutError: the time is over; the message names each object with its last state.
        UnreachableError: the server is still away when the time is over.
    """
    pending = list(wanted)
    told: dict[Reference, str] = {}
    looked = view(api, progress)
    try:
        for collection in dict.fromkeys((*_collections(pending, labels), *also)):
            looked.add(collection)
        while True:
            objects = looked.objects
            states = {target: _state(objects, target, judge) for target in pending}
            for target, state in states.items():
                if state.state is State.FAILED:
                    events = warnings_about(api, state.about or target)
                    raise NotReadyError(
                        state.message or "has failed", where=str(target), hint=state.hint, events=events
                    )
                if state.is_ready:
                    progress(f"{target} is ready")
                elif state.message and told.get(target, "") != state.message:
                    progress(f"{target}: {state.message}")
                told[target] = state.message
            pending = [target for target in pending if not states[target].is_ready]
            if not pending:
                return
            if deadline.is_over:
                if looked.trouble:
                    raise looked.trouble
                kept = "; ".join(f"{target}: {states[target].message}" for target in pending)
                hints = [states[target].hint for target in pending if states[target].hint]
                raise WaitTimeoutError(
                    f"not ready after {deadline.seconds:.0f} seconds: {kept}",
                    hint=hints[0] if hints else "look at the events and Pods of these objects, or allow more time",
                )
            looked.rest(min(deadline.remaining, LONGEST_REST))
    finally:
        looked.close()


def _collections(wanted: Sequence[Reference], labels: str) -> Iterator[Collection]:
    for target in wanted:
        if labels:
            yield Collection(target.api_version, target.kind, target.namespace, labels=labels)
        else:
            yield Collection(target.api_version, target.kind, target.namespace, target.name)


def _state(
    objects: Mapping[Reference, Object],
    target: Reference,
    judge: Callable[[Object, Mapping[Reference, Object]], Readiness],
) -> Readiness:
    found = objects.get(target)
    return judge(found, objects) if found else Readiness(State.IN_PROGRESS, "does not exist")
