# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks, in the order in which a person would ask.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..._kubernetes.api import Api
from ..._kubernetes.objects import Object, Reference, reference
from ..._sops.key_ring import KeyRing
from ..desired import Desired
from ..secrets import flux_owner
from ..wanted import Stage, Wanted
from .ability import cluster_version, egress, images, nodes
from .base import Check
from .facts import Facts, Need, needs_to_read, needs_to_write, refused
from .flux_files import components, gotk_sync, operated, self_management
from .key_material import age_key_pair, key_names, key_services
from .kustomizations import decryption, intervals, references, unknown_fields
from .manifests_in_git import api_versions, manifests, plain_secrets, variables
from .occupancy import (
    access,
    argo_cd,
    cluster,
    flux_manager,
    leftover_definitions,
    namespace,
    second_flux,
    stored_versions,
)
from .sops_files import file_size, may_open, no_key, sops_files, sops_layout, sops_rules


class Asked(t.NamedTuple):
    """What the caller knows besides the repository."""

    follows: str
    """What of the remote the cluster is to follow, for people."""
    disagreements: Sequence[str] = ()
    """Where the sync says something else than the parameters."""
    ring: KeyRing | None = None
    entries: Sequence[str] = ()
    """Names of the entries of the decryption Secret that is seeded."""
    has_age_keys: bool = False
    public_key: str | None = None
    is_key_optional: bool = False
    """Without a key, the files are not opened, and that is no failure."""


def of_repository(desired: Desired, asked: Asked) -> Iterator[Check]:
    """Yield the checks of a repository; what is not at hand of it is not checked."""
    sync, tree, encrypted = desired.sync, desired.tree, desired.encrypted
    yield operated(desired.instance.where) if desired.instance else components(desired.components, sync)
    yield gotk_sync(sync, asked.disagreements, follows=asked.follows)
    if asked.entries:
        yield key_names(asked.entries)
    if asked.ring and asked.has_age_keys:
        yield age_key_pair(asked.ring, asked.public_key)
    files = desired.files
    if files is None:
        yield from references(tree)
        return
    # Opening comes first: others look into what was opened.
    if asked.is_key_optional and not may_open(encrypted, asked.ring):
        yield no_key(encrypted)
    else:
        yield sops_files(encrypted, asked.ring)
    yield from sops_rules(encrypted, files.repository)
    yield from sops_layout(encrypted, tree)
    yield file_size(tree, files)
    yield from decryption(tree, encrypted, sync, controller_secret=desired.controller_secret)
    yield from key_services(tree, encrypted, desired.components, files, asked.entries)
    yield plain_secrets(tree, encrypted, files)
    yield from references(tree)
    yield unknown_fields(tree, desired.components)
    yield manifests(tree, files)
    if not desired.instance:
        yield self_management(tree.nodes[0], desired.components)
    yield intervals(tree, sync)
    yield api_versions(tree, desired.components, files)
    yield from variables(tree, encrypted, files)


def before_reading(api: Api, facts: Facts, desired: Desired, targets: Iterable[Reference]) -> Iterator[Check]:
    """Yield what has to be clear before the cluster is looked at: may the user look, and is it of a known version?"""
    yield cluster_version(desired.components.version, facts.version)
    yield from nodes(facts.nodes)
    if not facts.may_do_all:
        definitions = desired.components.of_kind("CustomResourceDefinition")
        missing = refused(api, [*needs_to_read(targets, definitions), *_needs_to_wait(desired)])
        if missing:
            yield access(missing, may_do_all=False)


def of_cluster(
    api: Api, facts: Facts, desired: Desired, stages: Mapping[str, Stage], live: Mapping[Reference, Object]
) -> Iterator[Check]:
    """Yield the checks of a cluster that was looked at."""
    sync, components = desired.sync, desired.components
    wanted = [item for stage in stages.values() for item in stage.wanted]
    missing: list[Need] = []
    if not facts.may_do_all:
        definitions = components.of_kind("CustomResourceDefinition")
        due = [item.manifest for item in wanted if not _is_left(item, live)]
        missing = refused(api, needs_to_write(due, live, definitions))
    yield access(missing, may_do_all=facts.may_do_all)
    yield namespace(live)
    yield flux_manager(live, sync, desired.installer)
    yield second_flux(facts, sync)
    yield argo_cd(live)
    if not desired.installer:
        yield leftover_definitions(facts, components, live)
    yield stored_versions(live, components)
    secrets = [item.reference for item in wanted if item.reference.kind == "Secret"]
    yield from cluster(live, secrets, sync)
    yield images(components, facts.deployments)
    yield egress(sync, live)


def _is_left(item: Wanted, live: Mapping[Reference, Object]) -> bool:
    """Return whether Flux cares for an object itself, so that nothing is written."""
    return item.left_to_flux and flux_owner(live.get(item.reference)) is not None


def _needs_to_wait(desired: Desired) -> Iterator[Need]:
    """Yield what it takes to wait for all Kustomizations, wherever they are."""
    for found in (desired.sync.root, desired.sync.source):
        target = reference(found)
        definitions = desired.components.of_kind("CustomResourceDefinition")
        for need in needs_to_read([target], definitions):
            if need.verb == "list":
                yield need._replace(namespace="" if target.kind == "Kustomization" else target.namespace)
                yield need._replace(verb="watch", namespace="" if target.kind == "Kustomization" else target.namespace)
