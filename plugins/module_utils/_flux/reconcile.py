# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reconciling now: a source, a Kustomization, or a Kustomization with all that it applies.

Private to the collection. The facade for the module `flux_reconcile`.
"""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .._errors import FluxError
from .._kubernetes.api import Api
from .._kubernetes.objects import Object, Reference, reference
from .._kubernetes.wait import Deadline
from .advice import Advisor
from .forest import SOURCE_KINDS, kustomization_entry, tree_below
from .judgement import artifact_revision, is_suspended
from .manifests import KUSTOMIZE_GROUP, SOURCE_GROUP, source_of
from .waiting import Waiting

KINDS = ("Kustomization", *SOURCE_KINDS)
"""What can be reconciled."""


@dataclass(frozen=True)
class Wish:
    """What is to be reconciled, and how far it is seen through."""

    kind: str = "Kustomization"
    namespace: str = "flux-system"
    name: str = "flux-system"
    with_source: bool = True
    tree: bool = True
    helm_releases: bool = False
    wait: bool = True
    skip_suspended: bool = False
    timeout: float = 300
    check_mode: bool = False

    @property
    def target(self) -> Reference:
        """Return the object."""
        group = KUSTOMIZE_GROUP if self.kind == "Kustomization" else SOURCE_GROUP
        return Reference(f"{group}/v1", self.kind, self.namespace, self.name)


@dataclass
class Reconciled:
    """What was found and done, also when it failed in the end."""

    requested: list[Reference] = field(default_factory=list)
    before: str = ""
    revision: str = ""
    kustomizations: Sequence[Object] = ()
    suspended: Sequence[Reference] = ()
    seconds: float = 0.0

    def as_result(self) -> dict[str, t.Any]:
        """Return what the module returns."""
        return {
            "changed": bool(self.requested),
            "reconcile_requested": [target.entry for target in self.requested],
            "revision": self.revision,
            "revision_before": self.before,
            "kustomizations": [kustomization_entry(found) for found in self.kustomizations],
            "suspended": [target.entry for target in self.suspended],
            "seconds": round(self.seconds, 3),
        }


class Reconciling:
    """One call."""

    def __init__(self, wish: Wish, *, progress: Callable[[str], None]) -> None:
        self._wish = wish
        self._progress = progress
        self.outcome = Reconciled()
        """What is known so far, also when it fails."""

    def run(self, api: Api) -> Reconciled:
        """Request a reconcile and see it through.

        Raises:
            FluxError: the object is not there, or it is suspended.
            NotReadyError: it has failed, with the message of its controller.
            WaitTimeoutError: the time is over.
        """
        began = time.monotonic()
        try:
            self._run(api)
        finally:
            self.outcome.seconds = time.monotonic() - began
        return self.outcome

    def _run(self, api: Api) -> None:
        wish, outcome = self._wish, self.outcome
        found = self._get(api, wish.target)
        if wish.kind in SOURCE_KINDS:
            outcome.before = artifact_revision(found)
            self._reconcile(api, wish.target, None)
            return
        outcome.before = str((found.get("status") or {}).get("lastAppliedRevision") or "")
        kind, namespace, name = source_of(found)
        source = Reference(f"{SOURCE_GROUP}/v1", kind, namespace, name)
        if wish.with_source and kind in SOURCE_KINDS:
            self._get(api, source)
        self._reconcile(api, source, wish.target)

    def _reconcile(self, api: Api, source: Reference, root: Reference | None) -> None:
        wish, outcome = self._wish, self.outcome
        if wish.check_mode or not wish.wait:
            self._request_only(api, source, root)
            return
        waiting = Waiting(
            api,
            source,
            root or Reference(f"{KUSTOMIZE_GROUP}/v1", "Kustomization", source.namespace, ""),
            Deadline(wish.timeout),
            self._progress,
            advise=Advisor(api),
            helm_releases=wish.helm_releases,
            whole=wish.tree,
        )
        ask_source = (root is None or wish.with_source) and source.kind in SOURCE_KINDS
        try:
            if root is None:
                arrived = waiting.fetch()
            else:
                arrived = waiting.arrive(ask_source=ask_source, ask_tree=True, fresh=False, ask_all=True)
        finally:
            outcome.requested, outcome.kustomizations = list(waiting.requested), list(waiting.tree.values())
        outcome.revision, outcome.suspended = arrived.revision, arrived.suspended

    def _request_only(self, api: Api, source: Reference, root: Reference | None) -> None:
        """Request it, in check mode only say of what, and look no further."""
        wish, outcome = self._wish, self.outcome
        tree: Mapping[Reference, Object] = {}
        if root is not None:
            every = {reference(item): item for item in api.list(root.api_version, "Kustomization")}
            tree = tree_below(root, every if wish.tree else {root: every[root]} if root in every else {})
        outcome.kustomizations = list(tree.values())
        targets = [source] if (root is None or wish.with_source) and source.kind in SOURCE_KINDS else []
        outcome.suspended = [target for target, item in tree.items() if is_suspended(item)]
        if targets and is_suspended(api.get(source) or {}):
            outcome.suspended = [source, *outcome.suspended]
        targets = [target for target in (*targets, *tree) if target not in outcome.suspended]
        if wish.check_mode:
            outcome.requested = targets
            return
        waiting = Waiting(api, source, root or source, Deadline(wish.timeout), self._progress)
        try:
            for target in targets:
                waiting.request(target)
        finally:
            outcome.requested = list(waiting.requested)

    def _get(self, api: Api, target: Reference) -> Object:
        """Return an object that is to be reconciled, or say why it cannot be."""
        if not api.is_served(target.api_version, target.kind):
            raise FluxError(
                f"the cluster does not serve {target.kind} in {target.api_version}",
                where=str(target),
                hint="is Flux installed there? flux_seed brings it",
            )
        found = api.get(target)
        if found is None:
            names = sorted(
                f"{other.namespace}/{other.name}" for other in map(reference, api.list(target.api_version, target.kind))
            )
            there = f"there are: {', '.join(names[:10])}" if names else "there is none of this kind"
            raise FluxError("does not exist", where=str(target), hint=there)
        if is_suspended(found) and not self._wish.skip_suspended:
            raise FluxError(
                "is suspended, so that a request would change nothing",
                where=str(target),
                hint="resume it, or set suspended=skip to go on without it",
            )
        return found
