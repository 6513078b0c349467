# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a Deployment does not get ready, as its Pods tell it: long before its own deadline of ten minutes.

Private to the collection. Pure but for the clock.
"""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .._kubernetes.api import Api
from .._kubernetes.objects import Object, Reference, conditions, labels, reference
from .._kubernetes.readiness import Readiness, State, readiness, text
from .._kubernetes.wait import Deadline, wait_until_ready
from .._kubernetes.watch import Collection
from .hints import is_passing

GRACE = 2.0
"""Seconds that a trouble has to last: kubelet tries once more at once."""
PENDING_GRACE = 15.0
"""Seconds that a Pod may be without a node, or be refused by a quota whose status is not counted yet."""
NETWORK_GRACE = 60.0
"""Seconds that a registry may be out of reach: on a node that has just come up, so is all the network."""
CRASHES = 2
"""Restarts after which a container that ends again is a failure: the first may have come too early for the network."""

MANY = 3
PART_OF = "app.kubernetes.io/part-of"
_REVISION = "deployment.kubernetes.io/revision"


class Trouble(t.NamedTuple):
    """What keeps a Pod from running."""

    about: Reference
    message: str
    hint: str
    grace: float = GRACE


_REASONS: Mapping[str, str] = {
    "ErrImagePull": "can the nodes reach the registry, does the image exist, and does the registry want a pull Secret?",
    "ImagePullBackOff": "can the nodes reach the registry, does the image exist, and does the registry want a pull Secret?",
    "ErrImageNeverPull": "the image is not on the node, and its imagePullPolicy forbids to fetch it",
    "InvalidImageName": "the name of the image in gotk-components.yaml is malformed",
    "CreateContainerConfigError": "something that the container refers to is missing, such as a Secret or a ConfigMap",
    "CreateContainerError": "the container runtime of the node refuses the container; kubectl describe the Pod",
    "RunContainerError": "the container runtime of the node cannot start the container; kubectl describe the Pod",
    "CrashLoopBackOff": "its log tells why it ends: kubectl logs --previous",
}


def collections(namespaces: Iterable[str]) -> Iterator[Collection]:
    """Yield what has to be looked at for a diagnosis."""
    for namespace in sorted(set(namespaces)):
        yield Collection("apps/v1", "ReplicaSet", namespace)
        yield Collection("v1", "Pod", namespace)


def await_components(
    api: Api, wanted: Mapping[Reference, Object | None], deadline: Deadline, progress: Callable[[str], None]
) -> None:
    """Wait until namespaces, definitions and Deployments are ready, given as they were last seen.

    Raises:
        NotReadyError: one has failed, or a Pod of it; with the last warnings about it.
        WaitTimeoutError: the time is over; the message names each object with its last state.
    """
    namespaces = [target.namespace for target in wanted if target.kind == "Deployment"]
    many = len(wanted) >= MANY and all(labels(found or {}).get(PART_OF) == "flux" for found in wanted.values())
    selector = f"{PART_OF}=flux" if many else ""
    also = list(collections(namespaces))
    wait_until_ready(api, wanted, deadline, progress, labels=selector, also=also, judge=Diagnosis(deadline.clock))


@dataclass
class Diagnosis:
    """Judges objects as kstatus does, and Deployments by their Pods too; remembers since when a trouble lasts."""

    clock: Callable[[], float] = time.monotonic
    _since: dict[tuple[Reference, str], float] = field(default_factory=dict)

    def __call__(self, found: Object, objects: Mapping[Reference, Object]) -> Readiness:
        """Judge one object, given all that is looked at."""
        state = readiness(found)
        if state.state is not State.IN_PROGRESS or found.get("kind") != "Deployment":
            return state
        trouble = next(troubles(found, objects), None)
        if trouble is None:
            return state
        # What a Pod says varies from try to try; that it is the same trouble is told by the Pod.
        key = (trouble.about, trouble.hint)
        lasted = self.clock() - self._since.setdefault(key, self.clock())
        over = lasted >= trouble.grace
        return Readiness(State.FAILED if over else State.IN_PROGRESS, trouble.message, trouble.hint, trouble.about)


def troubles(deployment: Object, objects: Mapping[Reference, Object]) -> Iterator[Trouble]:
    """Yield what keeps the Pods of a Deployment from running; those of an older template do not count."""
    refused = conditions(deployment).get("ReplicaFailure") or {}
    sets = _owned(deployment, objects, "ReplicaSet")
    revision = _annotations(deployment).get(_REVISION)
    current = [found for found in sets if _annotations(found).get(_REVISION) == revision]
    if refused.get("status") == "True":
        about = reference(current[0]) if current else reference(deployment)
        hint = "a quota, a policy or a missing ServiceAccount refuses its Pods"
        yield Trouble(about, text(refused), hint, PENDING_GRACE)
    for replicas in current:
        for pod in _owned(replicas, objects, "Pod"):
            yield from _of_pod(pod)


def _of_pod(pod: Object) -> Iterator[Trouble]:
    if (pod.get("metadata") or {}).get("deletionTimestamp"):
        return
    target, status = reference(pod), pod.get("status") or {}
    scheduled = conditions(pod).get("PodScheduled") or {}
    if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
        hint = "no node takes the Pod: is a node Ready, and has it room?"
        yield Trouble(target, f"{target} {text(scheduled)}", hint, PENDING_GRACE)
    for name in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(name) or []:
            yield from _of_container(target, container)


def _of_container(pod: Reference, container: Mapping[str, t.Any]) -> Iterator[Trouble]:
    waiting = (container.get("state") or {}).get("waiting") or {}
    reason = str(waiting.get("reason") or "")
    hint = _REASONS.get(reason)
    if hint is None:
        return
    told = text(waiting)
    if reason == "CrashLoopBackOff":
        if int(container.get("restartCount") or 0) < CRASHES:
            return
        ended = (container.get("lastState") or {}).get("terminated") or {}
        told += f"; it ended last with exit code {ended['exitCode']}" if "exitCode" in ended else ""
        told += f" ({ended['reason']})" if ended.get("reason") else ""
        hint = f"{hint} -n {pod.namespace} {pod.name} -c {container.get('name')}"
    is_network = reason in {"ErrImagePull", "ImagePullBackOff"} and is_passing(told)
    yield Trouble(
        pod, f"container {container.get('name')} of {pod} {told}", hint, NETWORK_GRACE if is_network else GRACE
    )


def _owned(owner: Object, objects: Mapping[Reference, Object], kind: str) -> list[Object]:
    uid = (owner.get("metadata") or {}).get("uid")
    return [
        found
        for target, found in objects.items()
        if target.kind == kind
        and any(by.get("uid") == uid for by in (found.get("metadata") or {}).get("ownerReferences") or [])
    ]


def _annotations(found: Object) -> Mapping[str, str]:
    return (found.get("metadata") or {}).get("annotations") or {}
