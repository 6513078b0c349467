# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Can Flux run on this cluster: its version, its nodes, the way to images and to the source?

Private to the collection.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ..._kubernetes.objects import Object, Reference, conditions, reference
from ..manifests import Components, Sync
from ..upgrade import parse_version
from .base import FAIL, OK, UNKNOWN, WARN, Check, listing
from .flux_files import images_of


class Window(t.NamedTuple):
    """Minors of Kubernetes 1."""

    least: int
    """The first that `flux check --pre` takes."""
    first: int
    """The first and last that are supported."""
    last: int


SUPPORTED: Mapping[tuple[int, int], Window] = {
    (2, 6): Window(31, 31, 33),
    (2, 7): Window(32, 32, 34),
    (2, 8): Window(33, 33, 35),
    (2, 9): Window(33, 34, 36),
}
"""For each minor release of Flux."""
_NETWORK = re.compile(r"\bcni\b|network ?plugin|NetworkPluginNotReady|network is not ready", re.IGNORECASE)


def cluster_version(flux: str, kubernetes: str) -> Check:
    """Is this Flux made for this version of Kubernetes?"""
    mine, theirs = parse_version(flux), re.match(r"v?(\d+)\.(\d+)", kubernetes)
    told = f"Kubernetes {kubernetes}, Flux {flux or 'of an unknown version'}"
    window = SUPPORTED.get(mine[:2]) if mine else None
    if window is None or theirs is None or theirs.group(1) != "1":
        return Check("cluster_version", UNKNOWN, f"{told}: nothing is known about this pair")
    minor = int(theirs.group(2))
    supported = f"supported is 1.{window.first} to 1.{window.last}"
    if minor < window.least:
        return Check("cluster_version", FAIL, f"{told}: {supported}", "upgrade the cluster, or take an older Flux")
    if not window.first <= minor <= window.last:
        return Check("cluster_version", WARN, f"{told}: {supported}", "take the Flux that is made for this cluster")
    return Check("cluster_version", OK, told)


def nodes(found: Sequence[Object] | None) -> Iterator[Check]:
    """Is there a node on which Flux can run, and a network for its Pods?"""
    if found is None:
        yield Check("nodes", UNKNOWN, "this user may not list nodes")
        return
    waiting = [node for node in found if (conditions(node).get("Ready") or {}).get("status") != "True"]
    without = [reference(node).name for node in waiting if _lacks_network(node)]
    ready = len(found) - len(waiting)
    if ready:
        others = f", not ready: {listing([reference(node).name for node in waiting], ', ')}" if waiting else ""
        yield Check("nodes", OK, f"{ready} of {len(found)} nodes are ready{others}")
    else:
        evidence = f"none of {len(found)} nodes is ready" if found else "there are no nodes"
        yield Check("nodes", WARN, evidence, "the controllers of Flux start once a node is ready")
    if without:
        fix = "install the CNI before Flux: the network cannot come from Git, which Flux reads through it"
        yield Check("network", WARN, f"no Pod network on {listing(without, ', ')}", fix)
    elif ready:
        yield Check("network", OK, "nodes are ready, so there is a Pod network")
    else:
        yield Check("network", UNKNOWN, "no node tells")


def images(components: Components, running: Sequence[Object] | None) -> Check:
    """Can the nodes pull the images? Only those that run tell."""
    available = {
        image
        for item in running or ()
        if (conditions(item).get("Available") or {}).get("status") == "True"
        for image in images_of(item)
    }
    wanted = {image for item in components.of_kind("Deployment") for image in images_of(item)}
    missing = sorted(wanted - available)
    if missing:
        evidence = f"not known before they are pulled: {listing(missing, ', ')}"
        return Check("images", UNKNOWN, evidence, "a failing pull ends the waiting with its reason")
    return Check("images", OK, "all images run in this cluster already")


def egress(sync: Sync, live: Mapping[Reference, Object]) -> Check:
    """Can the cluster reach the source? Only an artifact tells."""
    found = live.get(reference(sync.source))
    artifact = ((found or {}).get("status") or {}).get("artifact") or {}
    if found and artifact and (found.get("spec") or {}).get("url") == sync.source["spec"].get("url"):
        return Check("egress", OK, f"source-controller has fetched {sync.url} before")
    return Check(
        "egress", UNKNOWN, f"whether the cluster reaches {sync.url} shows with the first fetch",
        "a failing fetch ends the waiting with its reason",
    )  # fmt: skip


def _lacks_network(node: Object) -> bool:
    found = conditions(node)
    ready, unavailable = found.get("Ready") or {}, found.get("NetworkUnavailable") or {}
    told = f"{ready.get('reason')} {ready.get('message')}"
    return unavailable.get("status") == "True" or _NETWORK.search(told) is not None
