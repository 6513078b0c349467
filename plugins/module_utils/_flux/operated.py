# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Flux that flux-operator keeps: its FluxInstance says what `gotk-sync.yaml` says elsewhere.

Private to the collection. Pure. The operator makes the source and the root Kustomization from `spec.sync`; what it
makes of them, by `spec.kustomize.patches` too, is told here, so that the rest need not know the difference.
"""

from __future__ import annotations

import posixpath
import typing as t
from collections.abc import Mapping

from .._errors import ManifestError
from .._kubernetes.objects import Object, listed, reference, section
from .artifact import Files
from .manifests import KUSTOMIZE_GROUP, SOURCE_GROUP, Sync, is_of, parse
from .patching import Layer, Patch, read_patch, through

OPERATOR = "flux-operator"
_GROUP = "fluxcd.controlplane.io"
_MARK = b"FluxInstance"
_REFS = {"refs/heads/": "branch", "refs/tags/": "tag"}


class Instance(t.NamedTuple):
    """A FluxInstance, and the file it stands in."""

    where: str
    found: Object

    @property
    def ref(self) -> str:
        """Return the full name of what is followed, which the operator hands on as it is."""
        return str(self._sync.get("ref") or "")

    @property
    def pull_secret(self) -> str:
        """Return the name of the Secret with which images are pulled, empty when none is named."""
        return str(section(self.found, "spec", "distribution").get("imagePullSecret") or "")

    @property
    def _sync(self) -> Mapping[str, t.Any]:
        return section(self.found, "spec", "sync")

    def sync(self) -> Sync:
        """Return the source and the root Kustomization as the operator makes them.

        Raises:
            ManifestError: it follows nothing, or something that is not read here.
        """
        told, named = self._sync, reference(self.found)
        kind = str(told.get("kind") or "")
        if kind not in {"GitRepository", "OCIRepository"}:
            what = (
                f"follows a {kind}, of which nothing is known here" if kind else "has no spec.sync: it follows nothing"
            )
            raise ManifestError(
                f"the FluxInstance {what}",
                where=self.where,
                hint="flux_reconcile and flux_info need no repository; for the rest, export the source and the root "
                "Kustomization that are in the cluster and give them as source.manifests",
            )
        metadata = {"name": str(told.get("name") or named.namespace), "namespace": named.namespace}
        interval = str(told.get("interval") or "1m")
        spec = {"interval": interval, "url": str(told.get("url") or ""), "ref": self._spec_ref(kind)}
        if told.get("pullSecret"):
            spec["secretRef"] = {"name": str(told["pullSecret"])}
        if told.get("provider"):
            spec["provider"] = str(told["provider"])
        source = {"apiVersion": f"{SOURCE_GROUP}/v1", "kind": kind, "metadata": metadata, "spec": spec}
        root = {
            "apiVersion": f"{KUSTOMIZE_GROUP}/v1",
            "kind": "Kustomization",
            "metadata": dict(metadata),
            "spec": {
                "interval": "10m",
                "retryInterval": "5m",
                "path": str(told.get("path") or "./"),
                "prune": True,
                "sourceRef": {"kind": kind, "name": metadata["name"]},
            },
        }
        layers = [Layer(self.where, patches=self._patches())]
        return Sync.of([through(source, layers)[0], through(root, layers)[0]], where=self.where)

    def _spec_ref(self, kind: str) -> dict[str, str]:
        if kind == "OCIRepository":
            return {"digest" if ":" in self.ref else "tag": self.ref} if self.ref else {}
        for beginning, field in _REFS.items():
            if self.ref.startswith(beginning):
                return {field: self.ref.removeprefix(beginning)}
        return {"name": self.ref} if self.ref else {}

    def _patches(self) -> tuple[Patch, ...]:
        return tuple(
            read_patch(self.where, str(patch.get("patch") or "").encode(), patch.get("target"))
            for patch in listed(section(self.found, "spec", "kustomize"), "patches")
            if isinstance(patch, Mapping)
        )


def is_instance(found: Mapping[str, t.Any]) -> bool:
    """Return whether an object is a FluxInstance."""
    return is_of(found, _GROUP, "FluxInstance")


def instances(files: Files, folder: str) -> list[Instance]:
    """Return the FluxInstances in the files of a folder, and below it."""
    prefix, found = f"{folder}/" if folder else "", []
    for path in files.paths():
        if not path.startswith(prefix) or posixpath.splitext(path)[1] not in {".yaml", ".yml"}:
            continue
        content = files.read(path)
        if _MARK in content:
            found += [Instance(path, item) for item in _objects(content, path) if is_instance(item)]
    return found


def _objects(content: bytes, path: str) -> list[Object]:
    try:
        return parse(content, where=path)
    except ManifestError:
        # Values of a chart, for example: no object, and so none of these.
        return []
