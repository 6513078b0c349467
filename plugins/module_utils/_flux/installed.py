# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What there is of Flux in a cluster, found in the cluster alone: its namespaces, controllers and kinds.

Private to the collection. Git plays no part, so that it works when Git does not. Whatever the API does not
answer is an error; only what it says is not there counts as absent.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .._errors import ApiError, FluxError
from .._kubernetes.api import Api, concurrently
from .._kubernetes.objects import Object, Reference, labels, reference

PART_OF_FLUX = "app.kubernetes.io/part-of=flux"
OPERATOR_GROUP = "fluxcd.controlplane.io"
_GROUP_SUFFIX = ".toolkit.fluxcd.io"
_MORE_GROUPS = frozenset({"source.extensions.fluxcd.io"})
CONTROLLERS = frozenset(
    {
        "source-controller",
        "kustomize-controller",
        "helm-controller",
        "notification-controller",
        "image-automation-controller",
        "image-reflector-controller",
        "source-watcher",
    }
)
"""Their images tell them even where somebody has changed names and labels, as for a shard."""


class Kind(t.NamedTuple):
    """One kind of Flux, in the version that the cluster prefers."""

    api_version: str
    kind: str
    definition: str

    @property
    def group(self) -> str:
        """Return the group without the version."""
        return self.api_version.partition("/")[0]


@dataclass(frozen=True)
class Installed:
    """Flux as a cluster has it; all empty where there is none."""

    namespaces: tuple[str, ...]
    deployments: tuple[Object, ...]
    definitions: tuple[Object, ...]
    kinds: tuple[Kind, ...]
    managers: tuple[str, ...]
    """Who else keeps Flux installed, such as Helm; each with the object that tells."""

    def kind(self, name: str) -> Kind | None:
        """Return a kind by its name, None where it is not served."""
        return next((kind for kind in self.kinds if kind.kind == name), None)

    def insist(self, what: str) -> None:
        """Refuse what another installer would undo, or what would hit a second Flux.

        Raises:
            FluxError: with the objects that tell.
        """
        if self.managers:
            raise FluxError(
                f"{what} is refused: {'; '.join(self.managers[:5])}",
                hint="the installer would bring Flux back: remove it there, with Helm or by deleting the FluxInstance",
            )
        busy = sorted({reference(found).namespace for found in self.deployments})
        if len(busy) > 1:
            raise FluxError(
                f"{what} is refused: controllers of Flux run in several namespaces, {', '.join(busy)}",
                hint="they share definitions and objects; remove all but one of them by hand first",
            )


def look(api: Api) -> Installed:
    """Ask the cluster.

    Raises:
        ApiError: the cluster refused one of the questions.
        UnreachableError: it did not answer.
    """
    groups = {
        str(group["name"]): str(group["preferredVersion"]["groupVersion"])
        for group in api.connection.request("GET", "/apis").get("groups") or []
    }
    versions = [version for name, version in groups.items() if name.endswith(_GROUP_SUFFIX) or name in _MORE_GROUPS]
    kinds = sorted(kind for found in concurrently(lambda version: _kinds(api, version), versions) for kind in found)
    definition = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
    labelled = {reference(found): found for found in api.list(*definition, labels=PART_OF_FLUX)}
    named = {Reference(*definition, "", kind.definition) for kind in kinds}
    for found in filter(None, concurrently(api.get, sorted(named - labelled.keys()))):
        labelled[reference(found)] = found
    definitions = tuple(found for target, found in sorted(labelled.items()) if not _is_of_operator(target.name))
    deployments = tuple(found for found in api.list("apps/v1", "Deployment") if is_controller(found))
    namespaces = {reference(found).name for found in api.list("v1", "Namespace", labels=PART_OF_FLUX)}
    namespaces |= {reference(found).namespace for found in deployments}
    managers = [
        f"{reference(found)} is managed by {by}"
        for found in (*definitions, *deployments)
        if (by := foreign_manager(found))
    ]
    if OPERATOR_GROUP in groups:
        instances = api.list(groups[OPERATOR_GROUP], "FluxInstance")
        managers = [f"{reference(found)} installs Flux" for found in instances] + managers
    return Installed(tuple(sorted(namespaces)), deployments, definitions, tuple(kinds), tuple(managers))


def is_controller(deployment: Object) -> bool:
    """Return whether a Deployment runs a controller of Flux, by its label or its image."""
    if labels(deployment).get("app.kubernetes.io/part-of") == "flux":
        return True
    if deployment.get("kind") != "Deployment":
        return False
    spec = (((deployment.get("spec") or {}).get("template") or {}).get("spec")) or {}
    return any(_runs_controller(container) for container in spec.get("containers") or [])


def foreign_manager(found: Object) -> str:
    """Return who keeps an object of Flux as it is, besides Git and people; empty when nobody does."""
    if f"{OPERATOR_GROUP}/name" in labels(found):
        return "flux-operator"
    manager = labels(found).get("app.kubernetes.io/managed-by") or ""
    if manager in {"", "flux"}:
        annotations = (found.get("metadata") or {}).get("annotations") or {}
        return "Helm" if "meta.helm.sh/release-name" in annotations else ""
    return manager


def _runs_controller(container: Mapping[str, t.Any]) -> bool:
    # Others have a source-controller too; these flags only Flux has.
    image = str(container.get("image") or "").partition("@")[0].rpartition("/")[2].partition(":")[0]
    arguments = [str(argument).partition("=")[0] for argument in container.get("args") or []]
    return image in CONTROLLERS and bool({"--watch-all-namespaces", "--events-addr"} & set(arguments))


def _kinds(api: Api, api_version: str) -> Iterable[Kind]:
    group = api_version.partition("/")[0]
    try:
        answer = api.connection.request("GET", f"/apis/{api_version}")
    except ApiError as exc:
        # Its last definition has just gone, which the list of groups learns a moment later.
        if exc.status != 404:
            raise
        return []
    return [
        Kind(api_version, str(entry["kind"]), f"{entry['name']}.{group}")
        for entry in answer.get("resources") or []
        if "/" not in entry["name"]
    ]


def _is_of_operator(name: str) -> bool:
    return name.endswith(f".{OPERATOR_GROUP}")
