# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing to the cluster in stages: look, try everything on the server, write only what differs.

Private to the collection.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

from .._errors import WaitTimeoutError
from .._kubernetes.api import Api, concurrently
from .._kubernetes.compare import Action, Planned, plan
from .._kubernetes.objects import Object, Reference, labels, reference, with_data
from .._kubernetes.wait import Deadline
from .secrets import flux_owner

MANAGER = "kubectl-flux-seed"
"""Flux takes over what managers with the prefix `kubectl` own; any other name would stay a co-owner for ever."""

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
_PART_OF = "app.kubernetes.io/part-of"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """One object that is to be in the cluster."""

    manifest: Object = dataclasses.field(repr=False)
    exact_data: bool = False
    """Keys of a Secret that are not in the manifest have to go."""
    left_to_flux: bool = False
    """Once Flux has applied the object itself, it is not written any more: Git tells Flux what is due."""

    @property
    def reference(self) -> Reference:
        """Return what identifies the object."""
        return reference(self.manifest)


@dataclasses.dataclass
class Stage:
    """Objects that are written before the next ones are tried."""

    name: str
    wanted: Sequence[Wanted]


class Applier:
    """Plans and writes the objects of one run, and remembers what it did."""

    def __init__(self, api: Api, *, check_mode: bool, progress: Callable[[str], None]) -> None:
        self._api = api
        self._check_mode = check_mode
        self._progress = progress
        self.live: dict[Reference, Object] = {}
        self.done: dict[Reference, Planned] = {}
        self.drift: dict[Reference, Planned] = {}

    def look(self, targets: set[Reference], manifests: Mapping[Reference, Object]) -> None:
        """Read objects, many of a kind with one request."""

        def by_kind(target: Reference) -> tuple[str, str, str]:
            return target[:3]

        targets = {*targets, *(_namespace(target) for target in targets if target.namespace)}
        groups = [list(group) for _kind, group in groupby(sorted(targets, key=by_kind), key=by_kind)]
        for found in concurrently(lambda group: self._read(group, manifests), groups):
            self.live |= found

    def plan(self, stages: Sequence[Stage]) -> dict[Reference, Planned]:
        """Try all objects of these stages on the server; nothing is written."""
        wanted = [item for stage in stages for item in stage.wanted]
        planned = concurrently(self._try, wanted)
        for item, found in zip(wanted, planned, strict=True):
            kept = found
            if item.left_to_flux and found.action is Action.CONFIGURED and flux_owner(self.live.get(item.reference)):
                self.drift[item.reference] = found
                kept = dataclasses.replace(found, action=Action.UNCHANGED, differences=())
            self.done[item.reference] = kept
        return {item.reference: self.done[item.reference] for item in wanted}

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
            concurrently(self._write, group)
        return bool(due)

    def _write(self, item: Planned) -> None:
        applied = self._api.apply(item.wanted, manager=MANAGER)
        if item.surplus:
            applied = self._api.merge(item.reference, {"data": dict.fromkeys(item.surplus)}, manager=MANAGER)
        self.live[item.reference] = applied
        self._progress(f"{item.reference} {item.action.value}")

    def _try(self, item: Wanted) -> Planned:
        target, live = item.reference, self.live.get(item.reference)
        absent = target.namespace and _namespace(target) not in self.live
        if absent or not self._api.is_served(target.api_version, target.kind):
            return Planned(item.manifest, Action.CONFIGURED if live else Action.CREATED, predicted=True)
        outcome = self._api.apply(item.manifest, manager=MANAGER, dry_run=True)
        return plan(with_data(item.manifest), live, outcome, exact_data=item.exact_data)

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
        selectors = {labels(manifests.get(target) or {}).get(_PART_OF) for target in group}
        selector = selectors.pop() if len(selectors) == 1 else None
        if len(group) > 2 and selector:
            listed = self._api.list(first.api_version, first.kind, first.namespace, labels=f"{_PART_OF}={selector}")
            found = {reference(item): item for item in listed}
        for target in group:
            if target not in found and (single := self._api.get(target)):
                found[target] = single
        return {target: found[target] for target in group if target in found}


def _namespace(target: Reference) -> Reference:
    return Reference("v1", "Namespace", "", target.namespace)


def _rank(kind: str) -> int:
    return _ORDER.index(kind) if kind in _ORDER else _ORDER.index("Deployment")
