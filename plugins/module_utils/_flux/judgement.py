# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is an object of Flux done, at work, or has it failed now? By its own status, at an exact revision.

Private to the collection. Pure. A failing object is "in progress" for ever by the rules of kstatus,
since its controller will try again; here it has failed as soon as the try that counts has.
"""

from __future__ import annotations

import typing as t

from .._kubernetes.objects import Object, conditions
from .._kubernetes.readiness import Readiness, State, text
from .hints import flatten, is_passing

REQUESTED = "reconcile.fluxcd.io/requestedAt"
# The object waits for another one, which is judged by itself.
BLOCKED = "DependencyNotReady"
_WAITING = (BLOCKED, "Progressing")
_NO_ARTIFACT = "artifact not found"
UNANSWERED = "has not answered the request yet"
_LASTING = ("authentica", "credential", "not found", "couldn't find remote ref")


class Request(t.NamedTuple):
    """What is asked of an object."""

    token: str | None = None
    """The reconcile that was requested; an answer to an older one says nothing."""
    version: int = 0
    """The version of the object with the request in it; an older one has not been asked yet."""
    revision: str | None = None
    """The revision that a Kustomization has to have applied; None when it follows another source."""


NOTHING = Request()


def is_suspended(found: Object) -> bool:
    """Return whether Flux leaves this object alone."""
    return bool((found.get("spec") or {}).get("suspend"))


def artifact_revision(source: Object | None) -> str:
    """Return the revision that a source offers, empty when it has none yet."""
    return str((((source or {}).get("status") or {}).get("artifact") or {}).get("revision") or "")


def judge_source(found: Object, request: Request = NOTHING) -> Readiness:
    """Judge a GitRepository, OCIRepository or Bucket."""
    ready = conditions(found).get("Ready") or {}
    early = _early(found, request)
    if early:
        return early
    if ready.get("status") == "True" and _is_observed(found) and artifact_revision(found):
        return Readiness(State.CURRENT, f"at {artifact_revision(found)}")
    if ready.get("status") == "False" and _is_seen(found, ready):
        return Readiness(State.FAILED, flatten(text(ready)))
    return Readiness(State.IN_PROGRESS, flatten(text(ready)))


def judge_kustomization(found: Object, request: Request = NOTHING) -> Readiness:
    """Judge a Kustomization."""
    ready = conditions(found).get("Ready") or {}
    early = _early(found, request)
    if early:
        return early
    status = found.get("status") or {}
    applied, attempted = status.get("lastAppliedRevision"), status.get("lastAttemptedRevision")
    wanted = request.revision or attempted
    if ready.get("status") == "True" and _is_observed(found) and applied == attempted == wanted and applied:
        return Readiness(State.CURRENT, f"at {applied}")
    message = flatten(text(ready))
    if ready.get("status") != "False" or not _is_seen(found, ready):
        return Readiness(State.IN_PROGRESS, message)
    if ready.get("reason") in _WAITING or _NO_ARTIFACT in message or is_passing(message):
        return Readiness(State.IN_PROGRESS, message)
    # A failure of an older revision says nothing, unless it answers the very request. A wrong path is found
    # before the revision is noted.
    counts = request.token or attempted == wanted or "path not found" in message
    return Readiness(State.FAILED if counts else State.IN_PROGRESS, message)


def judge_release(found: Object, request: Request = NOTHING) -> Readiness:
    """Judge a HelmRelease; its controller says by `Stalled` when it tries no more."""
    ready = conditions(found).get("Ready") or {}
    early = _early(found, request)
    if early:
        return early
    message = flatten(text(ready))
    if ready.get("status") == "True" and _is_observed(found):
        return Readiness(State.CURRENT, message)
    at_work = (conditions(found).get("Reconciling") or {}).get("status") == "True"
    if ready.get("status") != "False" or not _is_seen(found, ready) or at_work:
        return Readiness(State.IN_PROGRESS, message)
    if ready.get("reason") in _WAITING or is_passing(message):
        return Readiness(State.IN_PROGRESS, message)
    return Readiness(State.FAILED, message)


def has_applied(found: Object, revision: str | None) -> bool:
    """Return whether a Kustomization has sent this revision to the cluster, be it that it still waits for what it sent."""
    status = found.get("status") or {}
    if revision is None or status.get("lastAppliedRevision") == revision:
        return True
    told = [str(condition.get("message") or "") for condition in conditions(found).values()]
    return any("health check" in message.lower() and revision in message for message in told)


def is_blocked(state: Readiness) -> bool:
    """Return whether an object waits for others that it depends on."""
    return state.state is State.IN_PROGRESS and state.message.startswith(BLOCKED)


def is_lasting(message: str) -> bool:
    """Return whether a failure of a source will not pass by itself; others deserve a second look."""
    return any(part in message.lower() for part in _LASTING)


def _early(found: Object, request: Request) -> Readiness | None:
    listed = conditions(found)
    if (found.get("metadata") or {}).get("deletionTimestamp"):
        return Readiness(State.TERMINATING, "is being deleted")
    if request.token and not _is_answered(found, request):
        return Readiness(State.IN_PROGRESS, UNANSWERED)
    stalled = listed.get("Stalled") or {}
    if stalled.get("status") == "True" and _is_seen(found, stalled):
        return Readiness(State.FAILED, flatten(text(stalled)))
    return None


def _is_answered(found: Object, request: Request) -> bool:
    metadata = found.get("metadata") or {}
    asked = (metadata.get("annotations") or {}).get(REQUESTED)
    # Somebody else may have asked after us. Flux answers the last request only, and that answer is as good.
    awaited = asked if asked and version_of(found) >= request.version else request.token
    return (found.get("status") or {}).get("lastHandledReconcileAt") == awaited


def version_of(found: Object) -> int:
    """Return the version of an object; a later one is greater, in every API server that is conformant."""
    version = str((found.get("metadata") or {}).get("resourceVersion") or "")
    return int(version) if version.isdecimal() else 0


def _is_observed(found: Object) -> bool:
    return bool(
        (found.get("status") or {}).get("observedGeneration") == (found.get("metadata") or {}).get("generation")
    )


def _is_seen(found: Object, condition: t.Mapping[str, t.Any]) -> bool:
    """Return whether a condition is about the present spec; its own count is right where that of the status lags."""
    generation = (found.get("metadata") or {}).get("generation")
    return bool(condition.get("observedGeneration", generation) == generation)
