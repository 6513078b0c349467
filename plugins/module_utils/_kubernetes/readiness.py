# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is an object ready? The rules of kstatus, as `kubectl wait`, Flux and Helm use them, without their traps.

Private to the collection. Pure: objects in, judgement out.
"""

from __future__ import annotations

import enum
import typing as t
from collections.abc import Callable

from .objects import Object, Reference, conditions


class State(enum.Enum):
    """Where an object stands."""

    CURRENT = "ready"
    IN_PROGRESS = "in progress"
    FAILED = "failed"
    TERMINATING = "being deleted"


class Readiness(t.NamedTuple):
    """The judgement, with the reason the object itself gives."""

    state: State
    message: str = ""
    hint: str | None = None
    about: Reference | None = None
    """The object that gives the reason, when it is another one."""

    @property
    def is_ready(self) -> bool:
        """Return whether there is nothing left to wait for."""
        return self.state is State.CURRENT


def readiness(found: Object) -> Readiness:
    """Judge an object; the first rule that says something counts."""
    metadata, status = found.get("metadata") or {}, found.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return Readiness(State.TERMINATING, "is being deleted")
    observed = status.get("observedGeneration")
    if observed is not None and observed != metadata.get("generation"):
        return Readiness(State.IN_PROGRESS, "its controller has not seen it yet")
    listed = conditions(found)
    for name, state in (("Reconciling", State.IN_PROGRESS), ("Stalled", State.FAILED)):
        if _is(listed, name):
            return Readiness(state, text(listed[name]))
    special = _KINDS.get(str(found.get("kind")))
    if special:
        return special(found, listed)
    if "Ready" in listed:
        state = State.CURRENT if _is(listed, "Ready") else State.IN_PROGRESS
        return Readiness(state, text(listed["Ready"]))
    return Readiness(State.CURRENT)


def text(condition: t.Mapping[str, t.Any]) -> str:
    """Return reason and message of a condition in one line."""
    reason, message = str(condition.get("reason") or ""), " ".join(str(condition.get("message") or "").split())
    return f"{reason}: {message}" if reason and message else reason or message


def _is(listed: dict[str, dict[str, t.Any]], name: str, value: str = "True") -> bool:
    return name in listed and listed[name].get("status") == value


def _definition(_found: Object, listed: dict[str, dict[str, t.Any]]) -> Readiness:
    if _is(listed, "NamesAccepted", "False"):
        return Readiness(State.FAILED, text(listed["NamesAccepted"]))
    if _is(listed, "Established"):
        return Readiness(State.CURRENT)
    if _is(listed, "Established", "False") and listed["Established"].get("reason") != "Installing":
        return Readiness(State.FAILED, text(listed["Established"]))
    return Readiness(State.IN_PROGRESS, "is not established yet")


def _namespace(found: Object, _listed: dict[str, dict[str, t.Any]]) -> Readiness:
    phase = (found.get("status") or {}).get("phase")
    if phase == "Terminating":
        return Readiness(State.TERMINATING, "is being deleted")
    # kstatus has no rule here and takes a namespace without status for ready.
    return Readiness(State.CURRENT if phase == "Active" else State.IN_PROGRESS, f"phase {phase}")


def _deployment(found: Object, listed: dict[str, dict[str, t.Any]]) -> Readiness:
    status, wanted = found.get("status") or {}, (found.get("spec") or {}).get("replicas", 1)
    progressing = listed.get("Progressing") or {}
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return Readiness(State.FAILED, text(progressing))
    if "observedGeneration" not in status:
        return Readiness(State.IN_PROGRESS, "its controller has not seen it yet")
    for field, word in (
        ("replicas", "created"),
        ("updatedReplicas", "updated"),
        ("availableReplicas", "available"),
        ("readyReplicas", "ready"),
    ):
        count = status.get(field) or 0
        if count < wanted:
            return Readiness(State.IN_PROGRESS, f"{count} of {wanted} replicas {word}")
    if (status.get("replicas") or 0) > wanted:
        return Readiness(State.IN_PROGRESS, "old replicas are being removed")
    if not _is(listed, "Available"):
        return Readiness(State.IN_PROGRESS, text(listed.get("Available") or {}) or "is not available yet")
    return Readiness(State.CURRENT)


_KINDS: t.Mapping[str, Callable[[Object, dict[str, dict[str, t.Any]]], Readiness]] = {
    "CustomResourceDefinition": _definition,
    "Namespace": _namespace,
    "Deployment": _deployment,
}
