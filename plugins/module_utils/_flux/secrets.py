# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two Secrets that are not in Git: the credential for Git and the keys for SOPS.

Private to the collection. Pure.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from .._git.program import Credential
from .._kubernetes.objects import Object, labels
from .manifests import KUSTOMIZE_GROUP

WATCHED = {"reconcile.fluxcd.io/watch": "Enabled"}
"""Flux 2.7 and newer decrypt again as soon as a Secret with this label changes."""
NOT_PRUNED = {f"{KUSTOMIZE_GROUP}/prune": "disabled"}
OWNER_LABEL = f"{KUSTOMIZE_GROUP}/name"
KEY_SUFFIX = ".agekey"
"""Flux takes age keys from entries with this suffix and ignores all others without a word."""


def git_secret(namespace: str, name: str, credential: Credential, existing: Object | None) -> Object:
    """Return the Secret that the GitRepository names."""
    data = {"username": credential.username, "password": credential.password}
    return _secret(namespace, name, data, existing)


def sops_secret(namespace: str, name: str, keys: Sequence[tuple[str, str]], existing: Object | None) -> Object:
    """Return the Secret that `spec.decryption` names; watched by Flux, and never pruned by it."""
    # Variables and files differ in the line break at the end; the cluster need not.
    secret = _secret(namespace, name, {key: content.strip() + "\n" for key, content in keys}, existing)
    secret["metadata"] |= {"labels": dict(WATCHED), "annotations": dict(NOT_PRUNED)}
    return secret


def flux_owner(found: Object | None) -> str | None:
    """Return the Kustomization that applied an object, None when none did."""
    if not found or OWNER_LABEL not in labels(found):
        return None
    return f"{labels(found).get(f'{KUSTOMIZE_GROUP}/namespace', '')}/{labels(found)[OWNER_LABEL]}"


def _secret(namespace: str, name: str, data: Mapping[str, str], existing: Object | None) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": namespace, "name": name},
        # The type of a Secret cannot be changed; other tools made it with another one.
        "type": (existing or {}).get("type") or "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }
