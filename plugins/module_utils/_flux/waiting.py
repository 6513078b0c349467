# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until the cluster has what Git has: the source, the root and all that it applies, level by level.

Private to the collection.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field

from .._errors import NotReadyError, WaitTimeoutError
from .._kubernetes.api import Api
from .._kubernetes.objects import Object, Reference, reference
from .._kubernetes.readiness import Readiness, State
from .._kubernetes.wait import LONGEST_REST, Deadline
from .._kubernetes.watch import View, Watch
from .dependencies import dead_end
from .failures import GRACE, Advise, Failures
from .forest import children, source_reference
from .hints import hint_for, is_passing
from .judgement import (
    NOTHING,
    REQUESTED,
    Request,
    artifact_revision,
    has_applied,
    is_blocked,
    is_lasting,
    is_suspended,
    judge_kustomization,
    judge_release,
    judge_source,
    version_of,
)
from .scope import Scope

REQUEST_MANAGER = "flux-client-side-apply"
"""Flux does not take over what this manager owns; a request under a `kubectl` name would be reverted."""
NUDGE = 10.0
"""Seconds after which something that can pass once something else is there is asked to try again."""
_ABSENT = Readiness(State.IN_PROGRESS, "does not exist")


def now() -> str:
    """Return a token for a request: the time, as Flux's own tools write it."""
    return dt.datetime.now(dt.UTC).isoformat()


def no_advice(_target: Reference, _found: Object | None, message: str) -> str | None:
    """Say what a message means, without a look at the cluster."""
    return hint_for(message)


@dataclass(frozen=True)
class Arrived:
    """What the cluster has in the end."""

    revision: str
    suspended: tuple[Reference, ...] = ()


@dataclass
class Waiting:
    """One wait for a whole tree."""

    api: Api
    source: Reference
    root: Reference
    deadline: Deadline
    progress: Callable[[str], None]
    token: Callable[[], str] = now
    hide: Callable[[str], str] = str
    """Takes secrets out of a message: controllers have been seen to quote what they could not read."""
    advise: Advise = no_advice
    helm_releases: bool = False
    whole: bool = True
    """Wait for what the root applies too."""
    view: Callable[[Api, Callable[[str], None]], View] = Watch
    requested: list[Reference] = field(default_factory=list)
    _requests: dict[Reference, Request] = field(default_factory=dict)
    _resting_since: float | None = None
    _stuck: dict[Reference, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._seen = Scope(self.api, self.source, self.root, self.whole, self.helm_releases)
        self._failures = Failures(self.api, self.deadline, self.progress, self.hide, self.advise)

    @property
    def tree(self) -> dict[Reference, Object]:
        """Return the Kustomizations as they were last seen, parents first."""
        return self._seen.tree

    def arrive(self, *, ask_source: bool, ask_tree: bool, fresh: bool, ask_all: bool = False) -> Arrived:
        """Wait for the source and then for the tree.

        What has failed already is always asked to try again, since it would wait long before it did by itself.

        Args:
            ask_source: request a fetch.
            ask_tree: request a reconcile of Kustomizations that have tried this revision before.
            fresh: the source was made by this run, so it needs no request.
            ask_all: request a reconcile of the root, and when it is done of all below it, whatever they have tried.

        Raises:
            NotReadyError: an object has failed, with the reason that its controller gives and the last warnings.
            WaitTimeoutError: the time is over; the message names all that is not ready.
            UnreachableError: the server is still away when the time is over.
        """
        with closing(self.view(self.api, self.progress)) as view:
            self._seen.watch_source(view)
            source = self._seen.objects.get(self.source)
            if source and not is_suspended(source):
                failed = judge_source(source).state is State.FAILED
                if (ask_source or failed) and not fresh:
                    self.request(self.source)
                self._source_at_rest(view)
            self._seen.watch_tree(view)
            if ask_all and self.root in self.tree and not is_suspended(self.tree[self.root]):
                self.request(self.root)
                # The root may wait for those.
                self._request_where_needed(ask_tree=False, ask_all=False)
                self._root_at_rest(view)
            self._request_where_needed(ask_tree=ask_tree, ask_all=ask_all)
            return self._tree_at_rest(view)

    def fetch(self) -> Arrived:
        """Request a fetch of the source, and wait for nothing else; one that is suspended is left as it is.

        Raises:
            NotReadyError: it has failed, with the reason that its controller gives and the last warnings.
            WaitTimeoutError: the time is over.
        """
        with closing(self.view(self.api, self.progress)) as view:
            self._seen.watch_source(view)
            if is_suspended(self._seen.objects.get(self.source) or {}):
                return Arrived(artifact_revision(self._seen.objects.get(self.source)), (self.source,))
            self.request(self.source)
            self._source_at_rest(view)
            return Arrived(artifact_revision(self._seen.objects.get(self.source)))

    def request(self, target: Reference) -> None:
        """Request a reconcile of one object."""
        token = self.token()
        asked = self.api.merge(target, {"metadata": {"annotations": {REQUESTED: token}}}, manager=REQUEST_MANAGER)
        self._requests[target] = Request(token, version_of(asked))
        self.requested.append(target)
        self.progress(f"{target}: reconcile requested")

    def _request_where_needed(self, *, ask_tree: bool, ask_all: bool) -> None:
        for target, found in self.tree.items():
            if target in self._requests or is_suspended(found):
                continue
            if (ask_all and self.whole) or self._is_to_be_asked(found, ask=ask_tree):
                self.request(target)
        for target, found in self._seen.releases.items() if ask_all else ():
            if not is_suspended(found):
                self.request(target)

    def _is_to_be_asked(self, found: Object, *, ask: bool) -> bool:
        """Return whether waiting would be in vain: the object has tried this revision, and will not so soon again."""
        wanted = self._wanted(found)
        attempted = (found.get("status") or {}).get("lastAttemptedRevision")
        failed = judge_kustomization(found, wanted).state is State.FAILED
        return attempted is not None and attempted == (wanted.revision or attempted) and (ask or failed)

    # --- until all are at rest ------------------------------------------------------------------

    def _source_at_rest(self, view: View) -> None:
        while True:
            found = self._seen.objects.get(self.source)
            state = judge_source(found, self._requests.get(self.source, NOTHING)) if found else _ABSENT
            self._note(self.source, state, lasting=is_lasting(state.message))
            if state.is_ready:
                return
            self._rest(view, {self.source: state})
            self._seen.look(view)

    def _root_at_rest(self, view: View) -> None:
        while (found := self.tree.get(self.root)) is not None:
            state = judge_kustomization(found, self._wanted(found))
            self._note(self.root, state, lasting=True)
            if state.is_ready:
                return
            if self.whole:
                # One that waits for what it has applied fails only when its own patience is over.
                self._states()
            self._rest(view, {self.root: state})
            self._seen.look(view)

    def _tree_at_rest(self, view: View) -> Arrived:
        while True:
            self._seen.look(view)
            states = self._states()
            if all(state.is_ready for state in states.values()):
                every = {self.source: self._seen.objects.get(self.source) or {}, **self.tree, **self._seen.releases}
                suspended = tuple(target for target, found in every.items() if is_suspended(found))
                return Arrived(artifact_revision(every[self.source]), suspended)
            self._look_for_dead_ends(states)
            self._nudge(states)
            self._rest(view, states)

    def _states(self) -> dict[Reference, Readiness]:
        """Judge all that is not suspended."""
        states = {
            target: self._judged(target, found)
            for target, found in (*self.tree.items(), *self._seen.releases.items())
            if not is_suspended(found)
        }
        states |= self._other_sources()
        return states if self.root in self.tree else {**states, self.root: _ABSENT}

    def _judged(self, target: Reference, found: Object) -> Readiness:
        if target.kind == "Kustomization":
            wanted = self._wanted(found)
            state = judge_kustomization(found, wanted)
            # A path that is not there may be one that the next revision brings.
            lasting = wanted.token is not None or "path not found" not in state.message
            if state.state is State.FAILED and not self._is_wanted(target):
                # Its parent has not applied this revision yet, in which it may be changed, or gone.
                state = state._replace(state=State.IN_PROGRESS)
        else:
            state = judge_release(found, self._requests.get(target, NOTHING))
            lasting = False
        self._note(target, state, lasting=lasting)
        return state

    def _is_wanted(self, target: Reference) -> bool:
        """Return whether those above a Kustomization have applied the revision that is wanted now."""
        above = [found for found in self.tree.values() if target in children(found, target.api_version)]
        above = [found for found in above if reference(found) != target]
        return not above or any(
            is_suspended(found) or has_applied(found, self._wanted(found).revision) for found in above
        )

    def _other_sources(self) -> dict[Reference, Readiness]:
        """Judge the sources that Kustomizations wait for, besides the one of the root."""
        states: dict[Reference, Readiness] = {}
        for found in self.tree.values():
            target = source_reference(found, self.source.api_version)
            source = self._seen.objects.get(target) if target else None
            if target is None or source is None or target == self.source or is_suspended(source):
                continue
            # One that has something to offer does not keep its Kustomizations waiting.
            if target not in states and not artifact_revision(source):
                states[target] = judge_source(source, self._requests.get(target, NOTHING))
                self._note(target, states[target], lasting=is_lasting(states[target].message))
        return states

    def _wanted(self, found: Object) -> Request:
        """Return what a Kustomization has to have applied: what its source offers now, also when that has moved on."""
        target = source_reference(found, self.source.api_version)
        revision = artifact_revision(self._seen.objects.get(target)) if target else ""
        return self._requests.get(reference(found), NOTHING)._replace(revision=revision or None)

    def _note(self, target: Reference, state: Readiness, *, lasting: bool) -> None:
        if state.state is State.TERMINATING and target in {self.source, self.root}:
            raise NotReadyError("is being deleted", where=str(target), hint="wait until it is gone, then run again")
        self._failures.note(target, self._seen.objects.get(target), state, lasting=lasting)

    # --- what does not get anywhere by itself -----------------------------------------------------

    def _look_for_dead_ends(self, states: Mapping[Reference, Readiness]) -> None:
        """Stop at Kustomizations that wait for something that cannot come."""
        blocked = [target for target, state in states.items() if is_blocked(state)]
        settled = all(state.is_ready for target, state in states.items() if target not in blocked)
        if not settled:
            self._resting_since = None
        elif self._resting_since is None:
            self._resting_since = self.deadline.clock()
        rests = self._resting_since is not None and self.deadline.clock() - self._resting_since >= GRACE
        for target in blocked:
            end = dead_end(self.tree[target], self._seen.kustomizations)
            if end and (end.is_certain or rests):
                message = f"{states[target].message}: {end.message}"
                self._failures.fail(target, self.tree[target], message, end.hint)

    def _nudge(self, states: Mapping[Reference, Readiness]) -> None:
        """Ask those again that have met something missing, such as a kind, when nothing else is at work any more.

        By themselves they try again only after their interval, which is longer than anybody waits.
        """
        for target, state in states.items():
            if target.kind == "Kustomization" and state.state is State.IN_PROGRESS and is_passing(state.message):
                self._stuck.setdefault(target, self.deadline.clock())
            elif state.is_ready:
                self._stuck.pop(target, None)
        self._stuck = {target: since for target, since in self._stuck.items() if target in states}
        at_work = [
            target
            for target, state in states.items()
            if not state.is_ready and target not in self._stuck and not is_blocked(state)
        ]
        for target, since in self._stuck.items():
            waited = self.deadline.clock() - since
            if waited >= NUDGE or (waited >= GRACE and not at_work and target not in self._requests):
                self._stuck[target] = self.deadline.clock()
                self.request(target)

    def _rest(self, view: View, states: Mapping[Reference, Readiness]) -> None:
        if not self.deadline.is_over:
            view.rest(min(self.deadline.remaining, LONGEST_REST))
            return
        if view.trouble:
            raise view.trouble
        waiting = {target: state for target, state in states.items() if not state.is_ready}
        told = "; ".join(f"{target}: {state.message or 'no status yet'}" for target, state in waiting.items())
        advice = (
            self.advise(target, self._seen.objects.get(target), state.message) for target, state in waiting.items()
        )
        hint = next(filter(None, advice), "the log of the controller in question tells more; or allow more time")
        raise WaitTimeoutError(
            self.hide(f"not ready after {self.deadline.seconds:.0f} seconds: {told}"), hint=self.hide(hint)
        )
