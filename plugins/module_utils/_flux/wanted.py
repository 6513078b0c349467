# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be in the cluster, stage by stage.

Private to the collection. Pure.
"""

from __future__ import annotations

import dataclasses
import typing as t
from collections.abc import Mapping, Sequence

from .._kubernetes.objects import Object, Reference, reference
from .desired import Desired
from .secrets import git_data, plain_secret, proxy_data, sops_secret
from .settings import CONTROLLER, Settings

_FIRST = ("Namespace", "CustomResourceDefinition")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """One object that is to be in the cluster."""

    manifest: Object = dataclasses.field(repr=False)
    exact_data: bool = False
    """Keys of a Secret that are not in the manifest have to go."""
    left_to_flux: bool = False
    """Once Flux has applied the object itself, it is not written any more: Git tells Flux what is due."""
    is_from_git: bool = False
    """Flux itself applies the same from Git, so that fields may be taken from it."""

    @property
    def reference(self) -> Reference:
        """Return what identifies the object."""
        return reference(self.manifest)


@dataclasses.dataclass
class Stage:
    """Objects that are written before the next ones are tried."""

    name: str
    wanted: Sequence[Wanted]


def manifests_of(desired: Desired) -> dict[Reference, Object]:
    """Return the manifests in Git that this collection applies itself."""
    sync = desired.sync
    return {reference(item): item for item in (*desired.components.objects, *sync.others, sync.source, sync.root)}


class Places(t.NamedTuple):
    """Where each Secret that is not in Git has to be; without a name where none is meant."""

    source: Reference
    certificate: Reference
    proxy: Reference
    keys: Reference
    pull: Reference


def secrets_of(desired: Desired, settings: Settings) -> Places:
    """Return where the Secrets have to be: those of the source beside it, that for SOPS beside the root."""
    sync, components = desired.sync, desired.components
    namespace = reference(sync.source).namespace
    flux = next((reference(item).namespace for item in components.of_kind("Deployment")), namespace)
    # For the whole controller it is in the namespace of the controller.
    of_keys = (
        (flux, desired.controller_secret) if settings.decryption == CONTROLLER else (sync.namespace, sync.sops_secret)
    )
    return Places(
        source=_secret(namespace, sync.git_secret),
        certificate=_secret(namespace, sync.secret_of("certSecretRef")),
        proxy=_secret(namespace, sync.secret_of("proxySecretRef")),
        keys=_secret(*of_keys),
        pull=_secret(flux, settings.image_pull.name if settings.image_pull else ""),
    )


def _secret(namespace: str, name: str) -> Reference:
    return Reference("v1", "Secret", namespace, name)


def stages_of(
    desired: Desired, settings: Settings, live: Mapping[Reference, Object], *, only_secrets: bool = False
) -> dict[str, Stage]:
    """Return what is to be in the cluster, in the order of writing.

    Args:
        desired: what Git has.
        settings: what the caller wants.
        live: the objects that are there.
        only_secrets: Flux was installed by something else, to which its components and its sync are left.
    """
    found = {"secrets": Stage("secrets", _secrets(desired, settings, live))}
    if only_secrets:
        return found
    sync = desired.sync

    def components(*, first: bool) -> list[Wanted]:
        items = [item for item in desired.components.objects if (item["kind"] in _FIRST) == first]
        return [Wanted(item, left_to_flux=not settings.force_components, is_from_git=True) for item in items]

    return {
        "definitions": Stage("definitions", components(first=True)),
        **found,
        "components": Stage("components", components(first=False)),
        "source": Stage("source", [Wanted(item, is_from_git=True) for item in (*sync.others, sync.source)]),
        "root": Stage("root", [Wanted(sync.root, is_from_git=True)]),
    }


def _secrets(desired: Desired, settings: Settings, live: Mapping[Reference, Object]) -> list[Wanted]:
    places, found = secrets_of(desired, settings), []
    for place, data in (
        (places.source, _source_data(settings)),
        (places.certificate, settings.source_credential.tls_data() if settings.source_credential else {}),
        (places.proxy, proxy_data(settings.proxy) if settings.proxy else {}),
        (places.pull, settings.image_pull.data() if settings.image_pull else {}),
    ):
        if place.name and data:
            secret = plain_secret(place.namespace, place.name, data, live.get(place))
            found.append(Wanted(secret, exact_data=True))
    if settings.keys and places.keys.name:
        keys = places.keys
        found.append(Wanted(sops_secret(keys.namespace, keys.name, settings.keys, live.get(keys))))
    return found


def _source_data(settings: Settings) -> dict[str, str]:
    if settings.credential:
        return git_data(settings.credential)
    return settings.source_credential.data(settings.kind, settings.url) if settings.source_credential else {}
