# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Halting Flux and letting it go on: `spec.suspend` of the root Kustomization and of all below it.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from .._errors import FluxError
from .._kubernetes.api import Api
from .._kubernetes.objects import Object, Reference, reference
from .._kubernetes.wait import silence
from .forest import releases_of, tree_below
from .installed import Installed, look
from .judgement import is_suspended
from .manifests import source_of
from .secrets import flux_owner
from .waiting import REQUEST_MANAGER

_APPLIER = "kustomize-controller"


@dataclass
class Suspension:
    """One run that halts Flux or lets it go on."""

    api: Api
    suspend: bool
    helm_releases: bool = False
    check_mode: bool = False
    progress: Callable[[str], None] = silence
    changed: list[Reference] = field(default_factory=list)
    unchanged: list[Reference] = field(default_factory=list)
    left: list[Reference] = field(default_factory=list)
    """Suspended by Git itself: Flux would suspend them again."""

    def run(self) -> None:
        """Patch what is not so yet; the root first when halting and last when going on.

        A run that is interrupted leaves the root suspended, and the next one goes on from there.

        Raises:
            FluxError: there is no Flux, or no root Kustomization.
        """
        targets = self._targets(look(self.api))
        for found in targets if self.suspend else reversed(targets):
            target = reference(found)
            if is_suspended(found) == self.suspend:
                self.unchanged.append(target)
            elif not self.suspend and _APPLIER in owners(found, "spec", "suspend"):
                self.left.append(target)
            else:
                if not self.check_mode:
                    # Flux does not take over what this manager owns, so that its next apply leaves the field.
                    change = {"spec": {"suspend": True if self.suspend else None}}
                    self.api.merge(target, change, manager=REQUEST_MANAGER)
                    self.progress(f"{target} {'suspended' if self.suspend else 'resumed'}")
                self.changed.append(target)

    def as_result(self) -> dict[str, t.Any]:
        """Return what the module returns."""
        done, would = ("suspended" if self.suspend else "resumed"), ("would be " if self.check_mode else "")
        report = [f"Objects: {len(self.changed)} {would}{done}, {len(self.unchanged)} {done} before"]
        report += [f"Suspended by Git, and left so: {target}" for target in self.left]
        return {
            "changed": bool(self.changed),
            "objects": {
                "created": [],
                "configured": [target.entry for target in self.changed],
                "unchanged": [target.entry for target in self.unchanged],
                "deleted": [],
            },
            "suspended_by_git": [target.entry for target in self.left],
            "report": report,
        }

    def _targets(self, installed: Installed) -> list[Object]:
        kind = installed.kind("Kustomization")
        if kind is None:
            raise FluxError("there is no Flux in this cluster: it serves no Kustomization", hint="is it the right one?")
        every = {reference(found): found for found in self.api.list(kind.api_version, "Kustomization")}
        roots = [target for target, found in every.items() if _is_root(target, found, installed)]
        if not roots:
            raise FluxError(
                f"there is no root Kustomization in {', '.join(installed.namespaces) or 'the cluster'}",
                hint="a root is a Kustomization in the namespace of Flux that no other one has applied",
            )
        tree: dict[Reference, Object] = {}
        for root in sorted(roots):
            tree |= tree_below(root, every)
        targets = list(tree.values())
        if not self.suspend:
            # An interrupted removal leaves them suspended too.
            targets = [*(found for found in self._sources(installed, targets) if is_suspended(found)), *targets]
        if self.helm_releases:
            targets += self._releases(installed, targets)
        return targets

    def _sources(self, installed: Installed, tree: Iterable[Object]) -> list[Object]:
        wanted = set()
        for found in tree:
            name, namespace, named = source_of(found)
            kind = installed.kind(name)
            if kind:
                wanted.add(Reference(kind.api_version, kind.kind, namespace, named))
        return [source for target in sorted(wanted) if (source := self.api.get(target))]

    def _releases(self, installed: Installed, tree: Iterable[Object]) -> list[Object]:
        kind = installed.kind("HelmRelease")
        if kind is None:
            return []
        applied = set(releases_of(tree, kind.api_version))
        return [found for found in self.api.list(kind.api_version, kind.kind) if reference(found) in applied]


def owners(found: Object, *path: str) -> set[str]:
    """Return the managers that own a field of an object."""
    names = set()
    for entry in (found.get("metadata") or {}).get("managedFields") or []:
        owned: t.Any = entry.get("fieldsV1") or {}
        for part in path:
            owned = owned.get(f"f:{part}") if isinstance(owned, Mapping) else None
        if owned is not None:
            names.add(str(entry.get("manager") or ""))
    return names


def _is_root(target: Reference, found: Object, installed: Installed) -> bool:
    """Return whether a Kustomization in the namespace of Flux was applied by nobody, or by itself."""
    if installed.namespaces and target.namespace not in installed.namespaces:
        return False
    return flux_owner(found) in {None, f"{target.namespace}/{target.name}"}
