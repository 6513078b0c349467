# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is there in the cluster already: may this run write, and does anybody else?

Private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..._kubernetes.objects import Object, Reference, labels, reference
from .. import migration
from ..manifests import Components, Sync, clean_path
from ..secrets import flux_owner
from ..upgrade import installed_by
from .base import FAIL, OK, UNKNOWN, WARN, Check, listing
from .facts import Facts, Need

GROUP_SUFFIX = ".toolkit.fluxcd.io"
_ARGO = ("argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance")


def access(refused: Sequence[Need], *, may_do_all: bool) -> Check:
    """May the user do what this run has to do?"""
    if refused:
        fix = "seeding binds Flux to cluster-admin, which only an administrator can do; afterwards fewer rights suffice"
        return Check("access", FAIL, f"not allowed: {listing([str(need) for need in refused])}", fix)
    return Check("access", OK, "the user may do everything" if may_do_all else "the user may do what this run does")


def namespace(live: Mapping[Reference, Object]) -> Check:
    """Is a namespace on its way out, so that nothing can be made in it?"""
    leaving = [
        str(target)
        for target, found in live.items()
        if target.kind == "Namespace" and (found.get("status") or {}).get("phase") == "Terminating"
    ]
    if leaving:
        fix = "wait until it is gone; finalizers of Flux objects may hold it"
        return Check("namespace", FAIL, f"{listing(leaving)} is being deleted", fix)
    return Check("namespace", OK, "no namespace is being deleted")


def flux_manager(live: Mapping[Reference, Object], sync: Sync, installer: str = "") -> Check:
    """Is Flux kept as it is by something else than Git, be it that Git says so?"""
    by = installer or installed_by(live.values())
    if not by:
        return Check("flux_manager", OK, "neither Helm nor an operator manages Flux here")
    if reference(sync.root) not in live or reference(sync.source) not in live:
        evidence = f"Flux is installed by {by} here, and {sync.where} is not in the cluster"
        return Check("flux_manager", FAIL, evidence, f"let {by} make the sync, or remove that Flux first")
    evidence = f"Flux is installed by {by} here: its components and its sync are left to {by}"
    return Check("flux_manager", WARN, evidence, "only the Secrets are written")


def second_flux(facts: Facts, sync: Sync) -> Check:
    """Is there another Flux, which would reconcile the same objects?"""
    if facts.deployments is None:
        return Check("second_flux", UNKNOWN, "this user may not list Deployments of all namespaces")
    others = [found for found in facts.deployments if reference(found).namespace != sync.namespace]
    wide = sorted({reference(found).namespace for found in others if _watches_all(found)})
    if wide:
        evidence = f"Flux runs in {listing(wide, ', ')} too, and watches all namespaces"
        return Check("second_flux", FAIL, evidence, "remove it: both would reconcile every object")
    if others:
        told = listing(sorted({reference(found).namespace for found in others}), ", ")
        return Check("second_flux", WARN, f"Flux runs in {told} too, for that namespace only")
    return Check("second_flux", OK, "there is no other Flux")


def argo_cd(live: Mapping[Reference, Object]) -> Check:
    """Does Argo CD apply the same objects?"""
    both = [str(target) for target, found in live.items() if _is_argos(found)]
    if both:
        evidence = f"applied by Argo CD too: {listing(both, ', ')}"
        return Check("argo_cd", FAIL, evidence, "take them out of the Application: each would revert the other")
    return Check("argo_cd", OK, "Argo CD applies none of these objects")


def leftover_definitions(facts: Facts, components: Components, live: Mapping[Reference, Object]) -> Check:
    """Are there definitions of an earlier Flux that this one does not bring?"""
    definitions = components.of_kind("CustomResourceDefinition")
    own = {str((item.get("spec") or {}).get("group")) for item in definitions}
    left = sorted(group for group in facts.groups if group.endswith(GROUP_SUFFIX) and group not in own)
    if left:
        fix = "add the controller to the components, or delete the definitions together with their objects"
        return Check("leftover_definitions", WARN, f"kinds without a controller: {listing(left, ', ')}", fix)
    there = [item for item in definitions if reference(item) in live]
    runs = any(target.kind == "Deployment" for target in live)
    if there and not runs:
        evidence = f"{len(there)} definitions of Flux are there, and none of its Deployments"
        return Check("leftover_definitions", WARN, evidence, "their objects come back to life with this Flux")
    return Check("leftover_definitions", OK, "no definitions are left over")


def stored_versions(live: Mapping[Reference, Object], components: Components) -> Check:
    """Does the API server store objects in a version that the new definitions do not have?"""
    gone = {
        reference(item).name: migration.dropped(live[reference(item)], item)
        for item in components.of_kind("CustomResourceDefinition")
        if reference(item) in live
    }
    due = [f"{name} ({', '.join(versions)})" for name, versions in gone.items() if versions]
    if due:
        evidence = f"objects are stored in versions that are gone: {listing(due)}"
        return Check("stored_versions", WARN, evidence, "they are rewritten before the definitions are applied")
    return Check("stored_versions", OK, "every stored version is still defined")


def cluster(live: Mapping[Reference, Object], secrets: Iterable[Reference], sync: Sync) -> Iterator[Check]:
    """Would this run take something from somebody?"""
    wrong: list[tuple[str, str]] = []
    for target in secrets:
        owner = flux_owner(live.get(target))
        if owner:
            wrong.append(
                (f"{target} is applied by Kustomization {owner}", "take it out of Git: both would overwrite it")
            )
    root = live.get(reference(sync.root))
    if root and clean_path((root.get("spec") or {}).get("path")) != sync.path:
        there = clean_path(root["spec"].get("path"))
        wrong.append(
            (f"Flux follows ./{there} in this cluster, not ./{sync.path}", "with prune, all of the other is deleted")
        )
    for evidence, fix in wrong:
        yield Check("cluster", FAIL, evidence, fix)
    if not wrong:
        yield Check("cluster", OK, "nothing stands in the way")


def _watches_all(deployment: Object) -> bool:
    spec = (((deployment.get("spec") or {}).get("template") or {}).get("spec")) or {}
    arguments = [
        str(argument) for container in spec.get("containers") or [] for argument in container.get("args") or []
    ]
    return "--watch-all-namespaces=false" not in arguments


def _is_argos(found: Object) -> bool:
    annotations = (found.get("metadata") or {}).get("annotations") or {}
    return any(mark in annotations or mark in labels(found) for mark in _ARGO)
