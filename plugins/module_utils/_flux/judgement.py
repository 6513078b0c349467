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

# The object waits for another one, which is judged by itself.
_WAITING = ("DependencyNotReady", "Progressing")
_NO_ARTIFACT = "artifact not found"
UNANSWERED = "has not answered the request yet"
_LASTING = ("authentica", "credential", "not found", "couldn't find remote ref")


class Request(t.NamedTuple):
    """What is asked of an object."""

    token: str | None = None
    """The reconcile that was requested; an answer to an older one says nothing."""
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
    """Judge a GitRepository."""
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


def is_lasting(message: str) -> bool:
    """Return whether a failure of a source will not pass by itself; others deserve a second look."""
    return any(part in message.lower() for part in _LASTING)


def _early(found: Object, request: Request) -> Readiness | None:
    metadata, status, listed = found.get("metadata") or {}, found.get("status") or {}, conditions(found)
    if metadata.get("deletionTimestamp"):
        return Readiness(State.TERMINATING, "is being deleted")
    if request.token and status.get("lastHandledReconcileAt") != request.token:
        return Readiness(State.IN_PROGRESS, UNANSWERED)
    stalled = listed.get("Stalled") or {}
    if stalled.get("status") == "True" and _is_seen(found, stalled):
        return Readiness(State.FAILED, flatten(text(stalled)))
    return None


def _is_observed(found: Object) -> bool:
    return bool(
        (found.get("status") or {}).get("observedGeneration") == (found.get("metadata") or {}).get("generation")
    )


def _is_seen(found: Object, condition: t.Mapping[str, t.Any]) -> bool:
    """Return whether a condition is about the present spec; its own count is right where that of the status lags."""
    generation = (found.get("metadata") or {}).get("generation")
    return bool(condition.get("observedGeneration", generation) == generation)
