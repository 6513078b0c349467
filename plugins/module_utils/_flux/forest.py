# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How objects of Flux belong together: what a Kustomization has applied, and which source it follows.

Private to the collection. Pure.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping

from .._kubernetes.objects import Object, Reference, conditions, reference
from .manifests import KUSTOMIZE_GROUP, SOURCE_GROUP, source_of

HELM_GROUP = "helm.toolkit.fluxcd.io"
SOURCE_KINDS = ("GitRepository", "OCIRepository", "Bucket")


def tree_below(root: Reference, every: Mapping[Reference, Object]) -> dict[Reference, Object]:
    """Return the root and what it has applied, and that has applied, of all Kustomizations; by their inventories."""
    tree: dict[Reference, Object] = {}
    pending = [root]
    while pending:
        target = pending.pop(0)
        found = every.get(target)
        if found is None or target in tree:
            continue
        tree[target] = found
        pending += children(found, root.api_version)
    return tree


def children(kustomization: Object, api_version: str) -> list[Reference]:
    """Return the Kustomizations that a Kustomization has applied."""
    return [
        Reference(api_version, kind, namespace, name)
        for kind, group, namespace, name in inventory(kustomization)
        if (kind, group) == ("Kustomization", KUSTOMIZE_GROUP)
    ]


def releases_of(kustomizations: Iterable[Object], api_version: str) -> list[Reference]:
    """Return the HelmReleases that Kustomizations have applied."""
    return [
        Reference(api_version, kind, namespace, name)
        for found in kustomizations
        for kind, group, namespace, name in inventory(found)
        if (kind, group) == ("HelmRelease", HELM_GROUP)
    ]


def source_reference(kustomization: Object, api_version: str) -> Reference | None:
    """Return the source that a Kustomization follows, None when it is of a kind that is not looked at."""
    kind, namespace, name = source_of(kustomization)
    if kind not in SOURCE_KINDS or not api_version.startswith(f"{SOURCE_GROUP}/"):
        return None
    return Reference(api_version, kind, namespace, name)


def inventory(kustomization: Object) -> Iterator[tuple[str, str, str, str]]:
    """Yield kind, group, namespace and name of what a Kustomization has applied."""
    entries = ((kustomization.get("status") or {}).get("inventory") or {}).get("entries") or []
    for entry in entries:
        parts = str(t.cast("Mapping[str, t.Any]", entry).get("id") or "").split("_")
        if len(parts) == 4:
            namespace, name, group, kind = parts
            # Names of roles may hold a colon, which Flux writes as two underscores; those are of no interest here.
            yield kind, group, namespace, name


def kustomization_entry(found: Object) -> dict[str, t.Any]:
    """Return the form in which results list a Kustomization."""
    named, status = reference(found), found.get("status") or {}
    return {
        "namespace": named.namespace,
        "name": named.name,
        "ready": is_ready(found),
        "suspended": bool((found.get("spec") or {}).get("suspend")),
        "revision": status.get("lastAppliedRevision") or "",
    }


def is_ready(found: Object) -> bool:
    """Return whether an object says so itself, be it of an older revision."""
    return (conditions(found).get("Ready") or {}).get("status") == "True"
