# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until the cluster has what Git has: the source, the root and all Kustomizations below it.

Private to the collection.
"""

from __future__ import annotations

import datetime as dt
import typing as t
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from .._errors import NotReadyError, WaitTimeoutError
from .._kubernetes.api import Api
from .._kubernetes.objects import Object, Reference, reference
from .._kubernetes.readiness import Readiness, State
from .._kubernetes.wait import Deadline
from .hints import hint_for
from .judgement import (
    NOTHING,
    UNANSWERED,
    Request,
    artifact_revision,
    is_lasting,
    is_suspended,
    judge_kustomization,
    judge_source,
)
from .manifests import KUSTOMIZE_GROUP, source_of

REQUESTED = "reconcile.fluxcd.io/requestedAt"
REQUEST_MANAGER = "flux-client-side-apply"
"""Flux does not take over what this manager owns; a request under a `kubectl` name would be reverted."""
GRACE = 3.0
"""Seconds that a failure which may pass by itself has to last before it counts."""


def now() -> str:
    """Return a token for a request: the time, as Flux's own tools write it."""
    return dt.datetime.now(dt.UTC).isoformat()


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
    tree: dict[Reference, Object] = field(default_factory=dict)
    """The Kustomizations as they were last seen."""
    requested: list[Reference] = field(default_factory=list)
    _told: dict[Reference, Readiness] = field(default_factory=dict)
    _failing_since: dict[Reference, float] = field(default_factory=dict)
    _requests: dict[Reference, Request] = field(default_factory=dict)

    def arrive(self, *, ask_source: bool, ask_tree: bool, fresh: bool) -> Arrived:
        """Wait for the source and then for the tree.

        What has failed already is always asked to try again, since it would wait long before it did by itself.

        Args:
            ask_source: request a fetch.
            ask_tree: request a reconcile of Kustomizations that have tried this revision before.
            fresh: the source was made by this run, so it needs no request.

        Raises:
            NotReadyError: an object has failed, with the reason that its controller gives.
            WaitTimeoutError: the time is over; the message names all that is not ready.
        """
        source = self.api.get(self.source)
        if source and not is_suspended(source):
            failed = judge_source(source).state is State.FAILED
            if (ask_source or failed) and not fresh:
                self._ask(self.source)
            source = self._source_at_rest()
        revision = artifact_revision(source)
        self._look()
        for found in self.tree.values():
            if not is_suspended(found) and self._is_to_be_asked(found, revision, ask=ask_tree):
                self._ask(reference(found))
        return self._tree_at_rest(source, revision)

    def _is_to_be_asked(self, found: Object, revision: str, *, ask: bool) -> bool:
        """Return whether waiting would be in vain: the object has tried this revision, and will not so soon again."""
        attempted = (found.get("status") or {}).get("lastAttemptedRevision") == revision
        failed = judge_kustomization(found, self._wanted(found, revision)).state is State.FAILED
        return attempted and (ask or failed)

    def _ask(self, target: Reference) -> None:
        token = self.token()
        self.api.merge(target, {"metadata": {"annotations": {REQUESTED: token}}}, manager=REQUEST_MANAGER)
        self._requests[target] = Request(token)
        self.requested.append(target)
        self.progress(f"{target}: reconcile requested")

    def _source_at_rest(self) -> Object:
        while True:
            found = self.api.get(self.source)
            if found is None:
                state = Readiness(State.IN_PROGRESS, "does not exist")
            else:
                state = judge_source(found, self._requests.get(self.source, NOTHING))
            self._look_at(self.source, state, lasting=is_lasting(state.message))
            if found is not None and state.is_ready:
                return found
            self._rest({self.source: state})

    def _tree_at_rest(self, source: Object | None, revision: str) -> Arrived:
        while True:
            self._look()
            states: dict[Reference, Readiness] = {}
            suspended = [self.source] if source and is_suspended(source) else []
            for target, found in self.tree.items():
                if is_suspended(found):
                    suspended.append(target)
                    continue
                wanted = self._wanted(found, revision)
                states[target] = judge_kustomization(found, wanted)
                lasting = wanted.token is not None or "path not found" not in states[target].message
                self._look_at(target, states[target], lasting=lasting)
            if self.root not in self.tree:
                states[self.root] = Readiness(State.IN_PROGRESS, "does not exist")
            if all(state.is_ready for state in states.values()):
                return Arrived(revision, tuple(suspended))
            self._rest(states)

    def _wanted(self, found: Object, revision: str) -> Request:
        same = source_of(found) == ("GitRepository", self.source.namespace, self.source.name)
        token = self._requests.get(reference(found), NOTHING).token
        return Request(token, revision if same else None)

    def _look(self) -> None:
        listed = self.api.list(self.root.api_version, "Kustomization")
        self.tree = tree_below(self.root, {reference(found): found for found in listed})

    def _look_at(self, target: Reference, state: Readiness, *, lasting: bool) -> None:
        """Tell what has changed, and stop at a failure that counts."""
        state = state._replace(message=self.hide(state.message))
        is_news = state.message not in {"", UNANSWERED} or state.state is not State.IN_PROGRESS
        if is_news and self._told.get(target) != state:
            self._told[target] = state
            word = "" if state.state is State.IN_PROGRESS else f"{state.state.value} "
            self.progress(f"{target}: {word}{state.message}")
        if state.state is State.TERMINATING:
            raise NotReadyError("is being deleted", where=str(target), hint="wait until it is gone, then run again")
        if state.state is not State.FAILED:
            self._failing_since.pop(target, None)
            return
        since = self._failing_since.setdefault(target, self.deadline.clock())
        if lasting or self.deadline.clock() - since >= GRACE:
            raise NotReadyError(state.message, where=str(target), hint=hint_for(state.message))

    def _rest(self, states: Mapping[Reference, Readiness]) -> None:
        if not self.deadline.is_over:
            self.deadline.pause()
            return
        waiting = {target: state for target, state in states.items() if not state.is_ready}
        told = "; ".join(
            f"{target}: {self.hide(state.message) or 'no status yet'}" for target, state in waiting.items()
        )
        hints = [hint for state in waiting.values() if (hint := hint_for(state.message))]
        raise WaitTimeoutError(
            f"not ready after {self.deadline.seconds:.0f} seconds: {told}",
            hint=hints[0] if hints else "the log of the controller in question tells more; or allow more time",
        )


def tree_below(root: Reference, every: Mapping[Reference, Object]) -> dict[Reference, Object]:
    """Return the root and what it has applied, and that has applied, of all Kustomizations; by their inventories."""
    tree: dict[Reference, Object] = {}
    pending = [root]
    while pending:
        target = pending.pop(0)
        found = every.get(target)
        if found is None or target in tree:
            continue
        tree[target] = found
        for kind, group, namespace, name in inventory(found):
            if (kind, group) == ("Kustomization", KUSTOMIZE_GROUP):
                pending.append(Reference(root.api_version, kind, namespace, name))
    return tree


def inventory(kustomization: Object) -> Iterator[tuple[str, str, str, str]]:
    """Yield kind, group, namespace and name of what a Kustomization has applied."""
    entries = ((kustomization.get("status") or {}).get("inventory") or {}).get("entries") or []
    for entry in entries:
        parts = str(t.cast("Mapping[str, t.Any]", entry).get("id") or "").split("_")
        if len(parts) == 4:
            namespace, name, group, kind = parts
            # Names of roles may hold a colon, which Flux writes as two underscores; those are of no interest here.
            yield kind, group, namespace, name
