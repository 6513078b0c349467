# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be done to one object, by asking the server; nothing is written.

Private to the collection.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from .._errors import ApiError
from .._kubernetes.api import Api
from .._kubernetes.compare import Action, Difference, Planned, plan
from .._kubernetes.objects import Object, labels, with_data
from .._kubernetes.ownership import Conflict, appliers, conflicts, handed_on
from . import migration
from .secrets import flux_owner
from .wanted import Wanted

MANAGER = "kubectl-flux-seed"
"""Flux takes over what managers with the prefix `kubectl` own; any other name would stay a co-owner for ever."""
FLUX_MANAGER = "kustomize-controller"
BOOTSTRAP_MANAGER = "flux"
"""`flux bootstrap` and `flux install`. Flux does not take over from it: what Git drops would stay in the cluster."""
PART_OF = "app.kubernetes.io/part-of"

# As the library with which Flux applies tells them.
_IMMUTABLE = re.compile(r"is immutable|immutable field|cannot change roleRef", re.IGNORECASE)
_RECREATED = frozenset({"Deployment", "Service", "ClusterRoleBinding", "RoleBinding"})


class Plan(t.NamedTuple):
    """What is to be done, and what is not."""

    planned: Planned
    drift: Planned | None = None
    """What differs from Git, and is left to Flux."""
    conflicts: tuple[Conflict, ...] = ()
    """Fields that somebody else would set again; nothing may be written then."""
    is_compared: bool = True
    """False: the user may not even try; Flux has the object, so it is left to it."""


def plan_one(api: Api, item: Wanted, live: Object | None) -> Plan:
    """Try an object on the server, and say what is to be done.

    Raises:
        ApiError: the server would refuse it.
    """
    if live is None:
        outcome = api.apply(item.manifest, manager=MANAGER, dry_run=True)
        return Plan(plan(with_data(item.manifest), None, outcome, exact_data=item.exact_data))
    is_flux_s = flux_owner(live) is not None
    is_left = item.left_to_flux and is_flux_s
    stored = migration.dropped(live, item.manifest)
    # The API refuses a definition without a version in which objects are stored; with it the rest can be tried.
    tried = migration.transition(live, item.manifest) if stored else item.manifest
    try:
        # Forced, because an unforced one conflicts on values that are only written in another way.
        outcome = api.apply(tried, manager=MANAGER, dry_run=True)
    except ApiError as exc:
        if is_left and exc.status == 403:
            return Plan(Planned(item.manifest, Action.UNCHANGED), is_compared=False)
        if not _is_recreatable(exc, live):
            raise
        found = Planned(item.manifest, Action.CONFIGURED, _immutable(exc, item.manifest, live), is_recreated=True)
    else:
        found = plan(with_data(item.manifest), live, outcome, exact_data=item.exact_data)
    owners = _owners(live, FLUX_MANAGER if is_flux_s else MANAGER)
    if is_left or (is_flux_s and not found.is_due):
        kept = Planned(item.manifest, Action.UNCHANGED, is_kept=True)
        return Plan(_with(kept, stored, owners, live), found if is_left and found.is_due else None)
    due = _with(found, stored, owners, live)
    if not due.is_due or found.is_recreated:
        return Plan(due)
    clashing = _conflicts(api, tried)
    foreign = tuple(entry for entry in clashing if not _may_take(entry.manager, item))
    return Plan(dataclasses.replace(due, is_forced=bool(clashing)), conflicts=foreign)


def predicted(item: Wanted, live: Object | None) -> Plan:
    """Say what is to be done to an object that cannot be tried yet: its namespace or its kind is not there."""
    return Plan(Planned(item.manifest, Action.CONFIGURED if live else Action.CREATED, predicted=True))


def is_bootstrap(manager: str) -> bool:
    """Return whether this is the manager of Flux' command."""
    return manager == BOOTSTRAP_MANAGER


def _conflicts(api: Api, manifest: Object) -> list[Conflict]:
    try:
        api.apply(manifest, manager=MANAGER, dry_run=True, force=False)
    except ApiError as exc:
        found = conflicts(exc)
        if not found:
            raise
        return found
    return []


def _may_take(manager: str, item: Wanted) -> bool:
    """Return whether a manager will not set the field again, or only to what Git says."""
    if manager.startswith("kubectl") or manager in {BOOTSTRAP_MANAGER, "before-first-apply"}:
        return True
    return item.is_from_git and manager == FLUX_MANAGER


def _owners(live: Object, heir: str) -> tuple[Difference, ...]:
    if not handed_on(live, is_bootstrap, heir):
        return ()
    there = appliers(live)
    return (
        Difference("metadata.managedFields", there, [*(name for name in there if not is_bootstrap(name))] or [heir]),
    )


def _with(found: Planned, stored: tuple[str, ...], owners: tuple[Difference, ...], live: Object) -> Planned:
    """Add what is to be done to an object besides applying it."""
    if not stored and not owners:
        return found
    differences = [*found.differences, *owners]
    if stored:
        there = migration.stored_versions(live)
        differences.append(
            Difference("status.storedVersions", there, [migration.storage_version(found.wanted)]),
        )
    heir = (FLUX_MANAGER if flux_owner(live) else MANAGER) if owners else ""
    return dataclasses.replace(
        found, action=Action.CONFIGURED, differences=tuple(differences), stored=stored, heir=heir
    )


def _is_recreatable(error: ApiError, live: Object) -> bool:
    return (
        error.status == 422
        and live.get("kind") in _RECREATED
        and labels(live).get(PART_OF) == "flux"
        and bool(_IMMUTABLE.search(error.message))
    )


def _immutable(error: ApiError, wanted: Object, live: Object) -> tuple[Difference, ...]:
    fields = [field for _reason, message, field in error.causes if field and _IMMUTABLE.search(message)]
    return tuple(Difference(field, _at(live, field), _at(wanted, field)) for field in fields)


def _at(found: t.Any, path: str) -> t.Any:
    for key in path.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found
