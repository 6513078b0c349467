# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the Deployments of Flux ask for: which controller is to run, in which copy, with which flags.

Private to the collection. No I/O.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from .ports import LOOPBACK

CONTROLLERS = ("source-controller", "kustomize-controller")
"""The controllers the lab has binaries of."""

# What depends on the machine is replaced; everything else is the user's, as on a cluster.
_REPLACED = frozenset(
    {"events-addr", "metrics-addr", "health-addr", "storage-path", "storage-addr", "storage-adv-addr"}
)
# One process at a time is made sure of here; after a crash, the lease would only keep the next one waiting.
_DROPPED = frozenset({"enable-leader-election"})
_ADDED = {"kustomize-controller": {"requeue-dependency": "1s"}}


@dataclass(frozen=True)
class Pod:
    """The one Pod of a Deployment that the lab plays: same template, same process; another template, another one."""

    deployment: str
    controller: str
    args: tuple[str, ...]
    service_account: str
    template: str
    """Hash of the whole Pod template and of the life of the Deployment."""


@dataclass(frozen=True)
class Addresses:
    """Places on this machine for one controller."""

    health_port: int
    storage_port: int
    storage_path: Path


def wanted(deployment: Mapping[str, t.Any], current: Pod | None) -> Pod | None:
    """Return the Pod that serves a Deployment now; None if there is none, or none that the lab can play.

    During a rollout the old Pod (`current`) stays until the new one is available.
    """
    metadata, spec = deployment["metadata"], deployment["spec"]
    status = deployment.get("status") or {}
    if spec.get("replicas", 1) < 1 or (status.get("availableReplicas") or 0) < 1:
        # Scaled to 0, the status lags behind the wish; Pods end at once, so the wish counts.
        return None
    rolled_out = (status.get("observedGeneration") or 0) >= metadata.get("generation", 0) and (
        status.get("updatedReplicas") or 0
    ) >= 1
    pod = _pod(metadata, spec["template"])
    if pod is None or pod == current or rolled_out:
        return pod
    # Between two templates the available replica is still that of the old one.
    return current


def command_line(pod: Pod, binary: str, addresses: Addresses) -> list[str]:
    """Return the command of a controller: the container's flags with this machine's addresses and paths."""
    given = _without(pod.args, _REPLACED | _DROPPED)
    names = {_name(arg) for arg in given}
    flags = {
        "events-addr": "",
        "metrics-addr": "0",
        "health-addr": f"{LOOPBACK}:{addresses.health_port}",
    }
    if pod.controller == "source-controller":
        storage = f"{LOOPBACK}:{addresses.storage_port}"
        flags |= {"storage-path": str(addresses.storage_path), "storage-addr": storage, "storage-adv-addr": storage}
    # Shorter than a person's patience; on a cluster it is 5 seconds.
    flags |= {name: value for name, value in _ADDED.get(pod.controller, {}).items() if name not in names}
    return [binary, *given, *(f"--{name}={value}" for name, value in flags.items())]


def _pod(metadata: Mapping[str, t.Any], template: Mapping[str, t.Any]) -> Pod | None:
    containers = template["spec"]["containers"]
    for container in containers:
        controller = _repository(container.get("image", ""))
        if controller in CONTROLLERS:
            identity = json.dumps([metadata.get("uid"), template], sort_keys=True)
            return Pod(
                deployment=metadata["name"],
                controller=controller,
                args=tuple(container.get("args") or ()),
                service_account=template["spec"].get("serviceAccountName") or "default",
                template=hashlib.sha256(identity.encode()).hexdigest()[:16],
            )
    return None


def _repository(image: str) -> str:
    """Return the last part of an image name without tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _name(arg: str) -> str:
    return arg.lstrip("-").partition("=")[0] if arg.startswith("-") else ""


def _without(args: Sequence[str], names: Iterable[str]) -> list[str]:
    """Drop flags by name, also those whose value is the next word."""
    dropped = frozenset(names)
    kept: list[str] = []
    words = iter(args)
    for word in words:
        if _name(word) not in dropped:
            kept.append(word)
        elif "=" not in word and _name(word) not in _DROPPED:  # the dropped ones are booleans
            next(words, None)
    return kept
