# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking Flux out of a cluster and leaving all that it has applied.

Private to the collection. The order is what makes it safe. A Kustomization that is deleted while its controller
runs takes its workloads along, and one that is deleted after its controller is gone hangs for ever on
its finalizer. So everything is suspended, the controllers are ended, and only then finalizers and objects go.
Each step looks at the cluster by itself: a run that was interrupted is finished by the next one.
"""

from __future__ import annotations

import itertools
import typing as t
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .._errors import ApiError, WaitTimeoutError
from .._kubernetes.api import Api, concurrently
from .._kubernetes.objects import Object, Reference, conditions, labels, reference
from .._kubernetes.wait import Deadline, silence
from .day_two import stale_objects
from .installed import CONTROLLERS, PART_OF_FLUX, Installed, Kind, is_controller, look
from .judgement import is_suspended
from .waiting import REQUEST_MANAGER

_SUSPENDED = frozenset(
    {
        "Bucket",
        "GitRepository",
        "HelmChart",
        "HelmRelease",
        "HelmRepository",
        "ImageRepository",
        "ImageUpdateAutomation",
        "Kustomization",
        "OCIRepository",
    }
)
_RBAC = "rbac.authorization.k8s.io/v1"
_CLUSTER_WIDE = ((_RBAC, "ClusterRoleBinding"), (_RBAC, "ClusterRole"))
_IN_NAMESPACES = (
    (_RBAC, "RoleBinding"),
    (_RBAC, "Role"),
    ("v1", "Service"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "ResourceQuota"),
    ("v1", "ServiceAccount"),
)
_WORKLOADS = (
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("apps/v1", "DaemonSet"),
    ("apps/v1", "ReplicaSet"),
    ("batch/v1", "CronJob"),
    ("batch/v1", "Job"),
    ("v1", "Pod"),
    ("v1", "PersistentVolumeClaim"),
)


@dataclass
class Removal:
    """One run against one cluster."""

    api: Api
    timeout: float = 300
    check_mode: bool = False
    progress: Callable[[str], None] = silence
    suspended: list[Reference] = field(default_factory=list)
    deleted: list[Reference] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """What stays although it belongs to Flux, each with the reason."""

    def run(self) -> None:
        """Remove what there is, or in check mode list it.

        Raises:
            FluxError: Helm or the operator has installed Flux, or there are two of it.
            WaitTimeoutError: something did not go in time; the message names it.
        """
        deadline = Deadline(self.timeout)
        installed = look(self.api)
        installed.insist("removal")
        # Read before the controllers go: a namespace with somebody else's workload has to stay.
        foreign = {namespace: self._foreign_workloads(namespace) for namespace in installed.namespaces}
        objects = self._objects(installed)
        self._suspend(objects)
        self._end_controllers(installed, deadline)
        self._delete_objects(installed, objects if self.check_mode else self._objects(installed), deadline)
        self._delete([reference(found) for found in installed.definitions], deadline)
        for namespace in installed.namespaces:
            self._delete(stale_objects(self.api, namespace, ()), deadline)
        self._delete(self._labelled(_CLUSTER_WIDE, PART_OF_FLUX), deadline)
        for namespace in installed.namespaces:
            self._delete(self._labelled(_IN_NAMESPACES, PART_OF_FLUX, namespace), deadline)
        for namespace in installed.namespaces:
            target = Reference("v1", "Namespace", "", namespace)
            if foreign[namespace]:
                told = ", ".join(map(str, foreign[namespace][:5]))
                self.kept.append(f"{target}: it holds {told}")
                continue
            self._delete([target], deadline)

    def as_result(self) -> dict[str, t.Any]:
        """Return what the module returns."""
        would = "would be " if self.check_mode else ""
        report = [f"Objects: {len(self.suspended)} {would}suspended, {len(self.deleted)} {would}deleted"]
        if not self.deleted and not self.suspended:
            report = ["There is no Flux in this cluster"]
        report += [f"Kept: {entry}" for entry in self.kept]
        return {
            "changed": bool(self.suspended or self.deleted),
            "objects": {
                "created": [],
                "configured": [target.entry for target in self.suspended],
                "unchanged": [],
                "deleted": [target.entry for target in self.deleted],
            },
            "kept": self.kept,
            "report": report,
        }

    def _objects(self, installed: Installed) -> list[Object]:
        """Return all objects of Flux's own kinds."""
        return list(itertools.chain(*concurrently(self._of_kind, installed.kinds)))

    def _of_kind(self, kind: Kind) -> list[Object]:
        try:
            return self.api.list(kind.api_version, kind.kind)
        except ApiError as exc:
            # Its definition has just gone, which discovery learns a moment later.
            if exc.status != 404:
                raise
            return []

    def _suspend(self, objects: Sequence[Object]) -> None:
        due = [reference(found) for found in objects if found["kind"] in _SUSPENDED and not is_suspended(found)]
        # Kustomizations first: a root would bring back what Git says about the others.
        due.sort(key=lambda target: (target.kind != "Kustomization", target))

        def suspend(target: Reference) -> None:
            if self._changed(target, {"spec": {"suspend": True}}):
                self.progress(f"{target} suspended")

        for _kind, group in itertools.groupby(due, key=lambda target: target.kind):
            targets = list(group)
            if not self.check_mode:
                concurrently(suspend, targets)
            self.suspended += targets

    def _end_controllers(self, installed: Installed, deadline: Deadline) -> None:
        """Delete the Deployments and wait until no Pod is left that could act on what comes next."""
        targets = [reference(found) for found in installed.deployments]
        if self.check_mode:
            self.deleted += targets
            return
        for target in targets:
            self.api.delete(target, propagation="Foreground")
        told: list[str] = []
        while True:
            left = [target for target in targets if self.api.get(target)]
            pods = [pod for namespace in installed.namespaces for pod in self._pods(namespace)]
            if not left and not pods:
                break
            names = [str(item) for item in (*left, *pods)]
            if names != told:
                told = names
                self.progress(f"waiting until {', '.join(names)} {'is' if len(names) == 1 else 'are'} gone")
            self._rest(deadline, names, "a Pod on a node that is gone has to be deleted by hand")
        for target in targets:
            self.deleted.append(target)
            self.progress(f"{target} deleted")

    def _pods(self, namespace: str) -> list[Reference]:
        return [
            reference(pod)
            for pod in self.api.list("v1", "Pod", namespace)
            if _is_of_flux(pod) or labels(pod).get("app") in CONTROLLERS
        ]

    def _delete_objects(self, installed: Installed, objects: Sequence[Object], deadline: Deadline) -> None:
        """Take the finalizers off, which nobody is left to do, and delete."""
        if self.check_mode:
            self.deleted += [reference(found) for found in objects]
            return
        gone: dict[Reference, None] = {}
        left = list(objects)
        while left:
            held = [reference(found) for found in left if (found.get("metadata") or {}).get("finalizers")]
            concurrently(self._release, held)
            for api_version, kind, namespace in sorted({reference(found)[:3] for found in left}):
                self.api.delete_all(api_version, kind, namespace)
            gone |= {reference(found): None for found in left}
            left = self._objects(installed)
            if left:
                self._rest(deadline, [str(reference(found)) for found in left], "see their finalizers")
        self.deleted += gone
        for target in gone:
            self.progress(f"{target} deleted")

    def _release(self, target: Reference) -> None:
        self._changed(target, {"metadata": {"finalizers": None}})

    def _changed(self, target: Reference, change: Object) -> bool:
        """Merge a change into an object; return False when the object has gone meanwhile."""
        try:
            self.api.merge(target, change, manager=REQUEST_MANAGER)
        except ApiError as exc:
            if exc.status != 404:
                raise
            return False
        return True

    def _labelled(self, kinds: Sequence[tuple[str, str]], selector: str, namespace: str = "") -> list[Reference]:
        found = [item for kind in kinds for item in self.api.list(*kind, namespace, labels=selector)]
        known = set(self.deleted)
        return [target for target in map(reference, found) if target not in known]

    def _delete(self, targets: Sequence[Reference], deadline: Deadline) -> None:
        if not self.check_mode:
            concurrently(self.api.delete, targets)
            left = list(targets)
            while left := [target for target in left if self.api.get(target)]:
                self._rest(deadline, [self._explained(target) for target in left], "what it waits for has to go first")
            for target in targets:
                self.progress(f"{target} deleted")
        self.deleted += targets

    def _explained(self, target: Reference) -> str:
        """Say why an object does not go, as far as it tells."""
        found = self.api.get(target) or {}
        told = [
            str(condition.get("message"))
            for name, condition in conditions(found).items()
            if condition.get("status") == "True" and ("Deletion" in name or "Finalizers" in name or "Content" in name)
        ]
        return f"{target} ({'; '.join(told)})" if told else str(target)

    def _foreign_workloads(self, namespace: str) -> list[Reference]:
        """Return the workloads in the namespace of Flux that are not its own; those that another one owns are left out."""
        listed = concurrently(lambda kind: self.api.list(*kind, namespace), _WORKLOADS)
        return [
            reference(found)
            for found in itertools.chain(*listed)
            if not (_is_of_flux(found) or is_controller(found) or found["metadata"].get("ownerReferences"))
        ]

    def _rest(self, deadline: Deadline, names: Sequence[str], hint: str) -> None:
        if deadline.is_over:
            raise WaitTimeoutError(
                f"not gone after {deadline.seconds:.0f} seconds: {', '.join(names[:5])}",
                hint=f"{hint}; run again, it goes on from here",
            )
        deadline.pause()


def _is_of_flux(found: Object) -> bool:
    return labels(found).get("app.kubernetes.io/part-of") == "flux"
