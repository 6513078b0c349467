# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing to the cluster in stages: look, try everything on the server, write only what differs.

Private to the collection.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from .._errors import ApiError, ConflictError, WaitTimeoutError
from .._kubernetes.api import Api, concurrently
from .._kubernetes.compare import Action, Planned
from .._kubernetes.objects import Object, Reference, labels, reference
from .._kubernetes.ownership import Conflict, conflicts, handed_on, replacing
from .._kubernetes.wait import Deadline
from .migration import migrate
from .planning import MANAGER, PART_OF, is_bootstrap, plan_one, predicted
from .wanted import Stage, Wanted

__all__ = ["MANAGER", "Applier"]

_ATTEMPTS = 5
"""How often an object is looked at again when somebody else writes it at the same moment."""

# What other kinds need comes before them.
_ORDER = (
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "PriorityClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "NetworkPolicy",
    "Deployment",
    "GitRepository",
    "Kustomization",
)


class Applier:
    """Plans and writes the objects of one run, and remembers what it did."""

    def __init__(self, api: Api, *, check_mode: bool, progress: Callable[[str], None]) -> None:
        self._api = api
        self._check_mode = check_mode
        self._progress = progress
        self._wanted: dict[Reference, Wanted] = {}
        self._lock = threading.Lock()
        self.live: dict[Reference, Object] = {}
        self.done: dict[Reference, Planned] = {}
        self.drift: dict[Reference, Planned] = {}
        self.written: list[Planned] = []
        self.not_compared: list[Reference] = []
        """Objects of Flux that the user may not even try to write."""

    def look(self, targets: set[Reference], manifests: Mapping[Reference, Object]) -> None:
        """Read objects, many of a kind with one request."""

        def by_kind(target: Reference) -> tuple[str, str, str]:
            return target[:3]

        targets = {*targets, *(_namespace(target) for target in targets if target.namespace)}
        groups = [list(group) for _kind, group in groupby(sorted(targets, key=by_kind), key=by_kind)]
        for found in concurrently(lambda group: self._read(group, manifests), groups):
            self.live |= found

    def plan(self, stages: Sequence[Stage]) -> dict[Reference, Planned]:
        """Try all objects of these stages on the server; nothing is written.

        Raises:
            ApiError: the server would refuse one of them.
            ConflictError: fields of them belong to managers from which they may not be taken.
        """
        wanted = {item.reference: item for stage in stages for item in stage.wanted}
        self._wanted |= wanted
        # All are tried at the same time; they are told in the order of writing.
        self.done |= {target: Planned(item.manifest, Action.UNCHANGED) for target, item in wanted.items()}
        found = concurrently(self._try, wanted.values())
        _insist({target: entry for target, entry in zip(wanted, found, strict=True) if entry})
        return {target: self.done[target] for target in wanted}

    def write(self, stage: Stage, deadline: Deadline) -> bool:
        """Write what differs in a stage and return whether anything did; in check mode only say so."""
        if self._check_mode:
            return any(self.done[item.reference].is_due for item in stage.wanted)
        late = [item for item in stage.wanted if self.done[item.reference].predicted]
        if late:
            self._await_kinds({item.reference for item in late}, deadline)
            self.plan([Stage(stage.name, late)])
        due = [self.done[item.reference] for item in stage.wanted if self.done[item.reference].is_due]
        due.sort(key=lambda item: _rank(item.reference.kind))
        for _rank_of, group in groupby(due, key=lambda item: _rank(item.reference.kind)):
            concurrently(functools.partial(self._write, deadline=deadline), group)
        return bool(due)

    def _try(self, item: Wanted) -> tuple[Conflict, ...]:
        target, live = item.reference, self.live.get(item.reference)
        absent = target.namespace and _namespace(target) not in self.live
        if absent or not self._api.is_served(target.api_version, target.kind):
            found = predicted(item, live)
        else:
            found = plan_one(self._api, item, live)
        with self._lock:
            self.done[target] = found.planned
            if found.drift:
                self.drift[target] = found.drift
            if not found.is_compared:
                self.not_compared.append(target)
        return found.conflicts

    def _write(self, item: Planned, *, deadline: Deadline) -> None:
        target = item.reference
        for attempt in range(_ATTEMPTS):
            try:
                if item.is_due:
                    self._write_once(item, deadline)
                    self.written.append(item)
                    self._progress(f"{target} {item.action.value}")
            except ApiError as exc:
                # Since it was planned somebody else has written it: another run, or Flux, which has taken it over.
                if not conflicts(exc) or attempt == _ATTEMPTS - 1:
                    raise
                found = self._api.get(target)
                self.live.pop(target, None)
                self.live |= {target: found} if found else {}
                foreign = self._try(self._wanted[target])
                _insist({target: foreign} if foreign else {})
                item = self.done[target]
            else:
                return

    def _write_once(self, item: Planned, deadline: Deadline) -> None:
        target = item.reference
        if item.stored:
            migrate(self._api, self.live[target], item.wanted, manager=MANAGER, progress=self._progress)
        if item.heir:
            self._hand_on(target, item.heir)
        if item.is_kept:
            return
        if item.is_recreated:
            self._delete(target, deadline)
        applied = self._api.apply(item.wanted, manager=MANAGER, force=item.is_forced)
        if item.surplus:
            applied = self._api.merge(target, {"data": dict.fromkeys(item.surplus)}, manager=MANAGER)
        self.live[target] = applied

    def _hand_on(self, target: Reference, heir: str) -> None:
        """Give what the command `flux` owns to the one who applies the object from now on."""
        for attempt in range(_ATTEMPTS):
            found = self._api.get(target)
            entries = handed_on(found or {}, is_bootstrap, heir)
            if not found or not entries:
                return
            try:
                self.live[target] = self._api.json_patch(target, replacing(found, entries), manager=MANAGER)
            except ApiError as exc:
                # The test in the patch: it has been written since it was read.
                if exc.status != 422 or attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def _delete(self, target: Reference, deadline: Deadline) -> None:
        """Delete an object and wait until it is gone; a run that ends here leaves it to the next one to make it."""
        uid = (self.live[target].get("metadata") or {}).get("uid")
        self._api.delete(target, uid=uid)
        while (found := self._api.get(target)) and (found.get("metadata") or {}).get("uid") == uid:
            if deadline.is_over:
                raise WaitTimeoutError("is still being deleted", where=str(target), hint="what holds its finalizers?")
            deadline.pause()

    def _await_kinds(self, targets: set[Reference], deadline: Deadline) -> None:
        """Wait until definitions that were just made are served: established is not yet visible."""
        self._api.forget()
        for target in sorted(targets):
            while not self._api.is_served(target.api_version, target.kind):
                if deadline.is_over:
                    raise WaitTimeoutError(
                        f"{target.kind} in {target.api_version} is not served by the cluster",
                        where=str(target),
                        hint="gotk-components.yaml must define this kind in this version",
                    )
                deadline.pause()
                self._api.forget()

    def _read(self, group: list[Reference], manifests: Mapping[Reference, Object]) -> dict[Reference, Object]:
        found: dict[Reference, Object] = {}
        first = group[0]
        selectors = {labels(manifests.get(target) or {}).get(PART_OF) for target in group}
        selector = selectors.pop() if len(selectors) == 1 else None
        if len(group) > 2 and selector:
            listed = self._api.list(first.api_version, first.kind, first.namespace, labels=f"{PART_OF}={selector}")
            found = {reference(item): item for item in listed}
        for target in group:
            if target not in found and (single := self._api.get(target)):
                found[target] = single
        return {target: found[target] for target in group if target in found}


def _namespace(target: Reference) -> Reference:
    return Reference("v1", "Namespace", "", target.namespace)


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else _ORDER.index("Deployment")


def _insist(found: Mapping[Reference, Sequence[Conflict]]) -> None:
    """Raise if fields belong to managers from which they may not be taken.

    Raises:
        ConflictError: with the objects, their fields and managers.
    """
    if not found:
        return
    told = []
    for target, entries in sorted(found.items()):
        by_manager = {manager: [e.field for e in entries if e.manager == manager] for manager, _field in entries}
        told += [f"{target}: {', '.join(fields)} belong to {manager}" for manager, fields in by_manager.items()]
    raise ConflictError(
        "another manager has set fields otherwise, and would set them again: " + "; ".join(told),
        hint="stop that manager from writing them (or delete the object, if that does no harm), then run again",
    )
