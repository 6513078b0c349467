# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the cluster a wait looks at: a source, the tree below a root, and what these Kustomizations refer to.

Private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .._kubernetes.api import Api
from .._kubernetes.objects import Object, Reference
from .._kubernetes.watch import Collection, View
from .forest import HELM_GROUP, releases_of, source_reference, tree_below

HELM_VERSION = f"{HELM_GROUP}/v2"


@dataclass
class Scope:
    """The objects as they were last seen."""

    api: Api
    source: Reference
    root: Reference
    whole: bool
    helm_releases: bool
    objects: Mapping[Reference, Object] = field(default_factory=dict)
    tree: dict[Reference, Object] = field(default_factory=dict)
    """The Kustomizations, parents first."""
    releases: dict[Reference, Object] = field(default_factory=dict)

    @property
    def kustomizations(self) -> dict[Reference, Object]:
        """Return all Kustomizations that are looked at, be they in the tree or not."""
        return {target: found for target, found in self.objects.items() if target.kind == "Kustomization"}

    def watch_source(self, view: View) -> None:
        """Look at the source, and at nothing else yet."""
        view.add(Collection(self.source.api_version, self.source.kind, self.source.namespace, self.source.name))
        self.look(view)

    def watch_tree(self, view: View) -> None:
        """Look at all Kustomizations too."""
        view.add(Collection(self.root.api_version, "Kustomization"))
        self.look(view)

    def look(self, view: View) -> None:
        """See what is there now; what has come to be referred to is looked at from now on."""
        self.objects = view.objects
        every = self.kustomizations
        if not self.whole:
            every = {target: found for target, found in every.items() if target == self.root}
        self.tree = tree_below(self.root, every)
        wanted = releases_of(self.tree.values(), HELM_VERSION) if self.helm_releases and self.whole else []
        if self._watch_more(view, wanted):
            self.objects = view.objects
        self.releases = {target: self.objects[target] for target in wanted if target in self.objects}

    def _watch_more(self, view: View, releases: list[Reference]) -> bool:
        """Look at the sources of children, and at HelmReleases, once there are any."""
        followed = {source_reference(found, self.source.api_version) for found in self.tree.values()}
        more = [
            Collection(target.api_version, target.kind, target.namespace, target.name)
            for target in sorted(filter(None, followed))
            if target not in self.objects
        ]
        if releases:
            more.append(Collection(HELM_VERSION, "HelmRelease"))
        more = [collection for collection in more if self.api.is_served(collection.api_version, collection.kind)]
        for collection in more:
            view.add(collection)
        return bool(more)
