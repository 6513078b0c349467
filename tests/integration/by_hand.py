# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flux as a person brings it up with kubectl, for stories about what comes after the seed."""

from __future__ import annotations

import json

from seeds import FLUX, Seeds


def install(seeds: Seeds, *, key: bool = True) -> None:
    """Apply the components, the two Secrets (the key only if wanted) and the sync objects; wait for the controllers."""
    components, sync = (f"{seeds.tree}/{FLUX}/gotk-{part}.yaml" for part in ("components", "sync"))
    seeds.kubectl("apply", "--server-side", "--field-manager=kubectl-flux-seed", "-f", components)
    seeds.kubectl("wait", "--for=condition=Established", "crd", "-l", "app.kubernetes.io/part-of=flux")
    secret(seeds, "flux-system", username="git", password=seeds.password)
    if key:
        secret(seeds, "sops-age", **{"age.agekey": seeds.key})
    seeds.kubectl("wait", "--for=condition=Available", "deployment", "-n", "flux-system", "--all", "--timeout=60s")
    seeds.kubectl("apply", "--server-side", "--field-manager=kubectl-flux-seed", "-f", sync)


def secret(seeds: Seeds, name: str, **data: str) -> None:
    """Make or change a Secret in the namespace of Flux, watched by it."""
    metadata = {"name": name, "namespace": "flux-system", "labels": {"reconcile.fluxcd.io/watch": "Enabled"}}
    apply(seeds, {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": data})


def apply(seeds: Seeds, *objects: dict[str, object]) -> None:
    """Apply objects as a person does."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    seeds.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(listed))
