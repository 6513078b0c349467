# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The hand-over: what Flux applies from Git belongs to Flux alone.

Private to the collection. A second owner would keep alive what Git drops.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Mapping

from .._kubernetes.objects import Object, Reference
from .._kubernetes.ownership import appliers
from .forest import inventory
from .planning import BOOTSTRAP_MANAGER, MANAGER


class LeftOver(t.NamedTuple):
    """An object of Flux that another manager still owns in part."""

    target: Reference
    manager: str

    def __str__(self) -> str:
        return f"{self.target} ({self.manager})"


def handed_over(live: Mapping[Reference, Object], kustomizations: Iterable[Object]) -> set[Reference]:
    """Return which of these objects Flux has applied itself, by the inventories."""
    applied = {entry for found in kustomizations for entry in inventory(found)}
    return {
        target
        for target in live
        if (target.kind, target.api_version.rpartition("/")[0], target.namespace, target.name) in applied
    }


def left_over(live: Mapping[Reference, Object], kustomizations: Iterable[Object]) -> list[LeftOver]:
    """Return what has not become Flux' own, though it has applied it."""
    ours = (MANAGER, BOOTSTRAP_MANAGER)
    return [
        LeftOver(target, manager)
        for target in sorted(handed_over(live, kustomizations))
        for manager in appliers(live[target])
        if manager in ours
    ]
