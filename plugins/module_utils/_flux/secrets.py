# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Secrets that are not in Git: credentials for the source, the keys for SOPS, the login for images.

Private to the collection. Pure.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from .._git.credential import Credential, Proxy, as_file
from .._kubernetes.objects import Object, labels
from .manifests import KUSTOMIZE_GROUP
from .registries import DOCKER_CONFIG, DOCKER_TYPE

WATCHED = {"reconcile.fluxcd.io/watch": "Enabled"}
"""Flux 2.7 and newer decrypt again as soon as a Secret with this label changes."""
NOT_PRUNED = {f"{KUSTOMIZE_GROUP}/prune": "disabled"}
OWNER_LABEL = f"{KUSTOMIZE_GROUP}/name"
KEY_SUFFIX = ".agekey"
"""Flux takes age keys from entries with this suffix and ignores all others without a word."""


_BASIC = "kubernetes.io/basic-auth"
# What the API server insists on in Secrets of these types; of a basic-auth one of the two is enough.
_REQUIRED = {
    _BASIC: ("username", "password"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockercfg": (".dockercfg",),
    DOCKER_TYPE: (DOCKER_CONFIG,),
}


def git_data(credential: Credential) -> dict[str, str]:
    """Return the entries under which source-controller looks for a Git credential."""
    app = credential.github_app
    pairs = {
        "username": credential.username,
        # For SSH, this is the name of the passphrase.
        "password": credential.passphrase or credential.password,
        "bearerToken": credential.bearer_token,
        "identity": credential.identity and as_file(credential.identity),
        "known_hosts": credential.known_hosts and as_file(credential.known_hosts),
        "ca.crt": credential.ca_crt and as_file(credential.ca_crt),
        "tls.crt": credential.tls_crt and as_file(credential.tls_crt),
        "tls.key": credential.tls_key and as_file(credential.tls_key),
    }
    if app:
        pairs |= {
            "githubAppID": app.app_id,
            "githubAppPrivateKey": as_file(app.private_key),
            "githubAppInstallationOwner": app.installation_owner,
            "githubAppInstallationID": app.installation_id,
            "githubAppBaseURL": app.base_url,
        }
    return {entry: value for entry, value in pairs.items() if value}


def git_secret(namespace: str, name: str, credential: Credential, existing: Object | None) -> Object:
    """Return the Secret that the GitRepository names."""
    return _secret(namespace, name, git_data(credential), existing)


def proxy_data(proxy: Proxy) -> dict[str, str]:
    """Return the entries of the Secret that `proxySecretRef` names."""
    pairs = {"address": proxy.address, "username": proxy.username, "password": proxy.password}
    return {entry: value for entry, value in pairs.items() if value}


def plain_secret(namespace: str, name: str, data: Mapping[str, str], existing: Object | None) -> Object:
    """Return a Secret with these entries; a login to registries has the type that readers insist on."""
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
        "type": _type(data, str((existing or {}).get("type") or "Opaque")),
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


def _type(data: Mapping[str, str], existing: str) -> str:
    """Return the type to write; it cannot be changed, and other tools made the Secret with another one.

    It is kept wherever the API server takes these entries with it. Otherwise the Secret has to be made anew.
    """
    if DOCKER_CONFIG in data:
        return DOCKER_TYPE
    required = _REQUIRED.get(existing, ())
    is_kept = all(entry in data for entry in required) or (
        existing == _BASIC and {"username", "password"} & data.keys()
    )
    return existing if is_kept else "Opaque"
