# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kustomizations that wait for others, and whether these can ever be what they wait for.

Private to the collection. Pure. Flux itself waits for ever, and says only that a dependency is not ready.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from .._kubernetes.objects import Object, Reference, conditions, reference
from .judgement import is_suspended


class DeadEnd(t.NamedTuple):
    """Why waiting is in vain."""

    message: str
    hint: str
    is_certain: bool = True
    """False while another Kustomization may still bring what is missing."""


def dependencies(kustomization: Object) -> list[Reference]:
    """Return what a Kustomization waits for before it applies anything."""
    own = reference(kustomization)
    listed = (kustomization.get("spec") or {}).get("dependsOn") or []
    return [
        Reference(own.api_version, own.kind, str(entry.get("namespace") or own.namespace), str(entry.get("name") or ""))
        for entry in listed
    ]


def dead_end(kustomization: Object, every: Mapping[Reference, Object]) -> DeadEnd | None:
    """Return what a Kustomization waits for in vain, also through others; None if there is nothing of the kind."""
    own = reference(kustomization)
    pending = [[own, target] for target in dependencies(kustomization)]
    seen: set[Reference] = set()
    while pending:
        way = pending.pop(0)
        target = way[-1]
        if target == own:
            circle = " -> ".join(f"{step.namespace}/{step.name}" for step in way)
            return DeadEnd(f"it waits for itself, by dependsOn: {circle}", "take one of them out in Git")
        if target in seen:
            continue
        seen.add(target)
        found = every.get(target)
        if found is None:
            hint = "compare the name and namespace in dependsOn in Git"
            return DeadEnd(f"it depends on {target}, which does not exist", hint, is_certain=False)
        if (conditions(found).get("Ready") or {}).get("status") == "True":
            continue
        if is_suspended(found):
            hint = "resume that one, or take it out of dependsOn in Git"
            return DeadEnd(f"it depends on {target}, which is suspended and not ready", hint)
        pending += [[*way, following] for following in dependencies(found)]
    return None
