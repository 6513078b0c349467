# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two files of Flux in Git.

Private to the collection.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..._kubernetes.objects import Object, reference, section
from ..manifests import Components, Sync
from ..tree import Coverage
from ..upgrade import parse_version
from .base import FAIL, OK, UNKNOWN, WARN, Check, listing

CONTROLLERS = ("source-controller", "kustomize-controller")
"""Without these two, nothing arrives from Git."""


def gotk_sync(sync: Sync, wrong: Sequence[str], *, follows: str) -> Check:
    """Does the cluster follow what the parameters say, with the Secrets that are seeded?"""
    if wrong:
        return Check("gotk_sync", FAIL, f"{sync.where}: {listing(wrong)}", "correct the file in Git, or the parameters")
    return Check("gotk_sync", OK, f"{sync.where} follows {follows} at {sync.url}, path ./{sync.path}")


def self_management(root: Coverage, components: Components) -> Check:
    """Will Flux keep itself as Git says, after the seeding?"""
    if components.where in root.resources:
        return Check("self_management", OK, f"{components.where} is part of what Flux applies")
    evidence = f"{components.where} is not part of what the root Kustomization applies"
    return Check("self_management", WARN, evidence, "list its folder in the kustomization.yaml at spec.path")


def components(found: Components, sync: Sync) -> Check:
    """Is that a Flux which can follow this source, and of which version?"""
    controllers = {reference(item).name for item in found.of_kind("Deployment")}
    wrong = [f"there is no Deployment {name}" for name in CONTROLLERS if name not in controllers]
    definitions = found.of_kind("CustomResourceDefinition")
    kinds = {str(section(item, "spec", "names").get("kind")) for item in definitions}
    wrong += [f"it does not define {kind}" for kind in (sync.kind, "Kustomization") if kind not in kinds]
    namespaces = {reference(item).name for item in found.of_kind("Namespace")}
    if sync.namespace not in namespaces:
        wrong.append(f"{sync.where} is for the namespace {sync.namespace}, which it does not make")
    if wrong:
        fix = "flux install --export writes a complete file"
        return Check("components", FAIL, f"{found.where}: {listing(wrong)}", fix)
    images = {image.rpartition("/")[2] for item in found.of_kind("Deployment") for image in images_of(item)}
    told = ", ".join(sorted(images))
    if parse_version(found.version) is None:
        evidence = f"{found.where} has no label with the version of Flux; images {told}"
        return Check("components", UNKNOWN, evidence, "what depends on the version is not checked")
    return Check("components", OK, f"Flux {found.version}: {told}")


def operated(where: str) -> Check:
    """Return the same for a Flux that is not in Git."""
    return Check("components", OK, f"flux-operator brings them, as the FluxInstance in {where} says")


def images_of(deployment: Object) -> list[str]:
    """Return the images of a Deployment."""
    spec = (((deployment.get("spec") or {}).get("template") or {}).get("spec")) or {}
    return [str(container.get("image") or "") for container in spec.get("containers") or []]
