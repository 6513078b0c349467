# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does `gotk-sync.yaml` say what the parameters say? Otherwise the cluster would follow something else.

Private to the collection. Pure.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator

from .._kubernetes.objects import Object, reference
from .desired import Desired
from .manifests import Components, Sync, clean_path, decryption_secret, unknown_fields
from .settings import CONTROLLER, GIT, KINDS, OCI, SECRET, WORKLOAD_IDENTITY, Settings


def disagreements(desired: Desired, settings: Settings) -> list[str]:
    """Return what does not fit, each as the end of a sentence about the file; empty when all does."""
    sync, kind = desired.sync, KINDS[settings.kind]
    if sync.kind != kind:
        return [f"its source is {sync.kind}, not {kind} (source.kind {settings.kind})"]
    return [
        *_place(sync, settings),
        *_credentials(sync, settings),
        *_decryption(desired, settings),
        *_pull(desired, settings),
        *_unknown(sync, desired.components),
    ]


def _place(sync: Sync, settings: Settings) -> Iterator[str]:
    if _plain(sync.url, settings.kind) != _plain(settings.url, settings.kind):
        yield f"its URL is {sync.url}, not {settings.url}"
    if settings.kind == GIT:
        yield from _git_ref(sync, settings)
    elif settings.kind == OCI:
        found = str(sync.ref.get("tag") or ("" if sync.ref else "latest"))
        if settings.tag and found != settings.tag:
            yield f"its tag is {found or 'not the only ref'}, not {settings.tag}"
    if sync.path != clean_path(settings.path):
        yield f"its path is ./{sync.path}, not ./{clean_path(settings.path)}"


def _git_ref(sync: Sync, settings: Settings) -> Iterator[str]:
    wanted = {key: value for key, value in settings.ref._asdict().items() if value}
    found = {key: str(value) for key, value in sync.ref.items() if value} or {"branch": "master"}
    if "commit" in wanted and "branch" not in wanted:
        # The branch only says where to look for the commit.
        found.pop("branch", None)
    if found == wanted:
        return
    if wanted.keys() == {"branch"}:
        yield f"its branch is {sync.branch or 'not the only ref'}, not {settings.branch}"
        return
    yield f"it follows {_listed(found)}, not {_listed(wanted)}"


def _credentials(sync: Sync, settings: Settings) -> Iterator[str]:
    kind, named = sync.kind, sync.git_secret
    provider = str(sync.source["spec"].get("provider") or "generic")
    if settings.has_source_secret and not named:
        yield f"its {kind} names no secretRef, so the credential would not be used"
    if not settings.has_source_secret and named:
        yield f"its {kind} names the Secret {named}, and no credential is given"
    credential = settings.credential
    has_app = bool(credential and credential.github_app)
    if settings.kind == GIT and has_app and provider != "github":
        yield f"its provider is {provider}, and a GitHub App needs github"
    if settings.kind == GIT and provider == "github" and not has_app:
        yield "its provider is github, and no git_credentials.github_app is given"
    has_tls = bool(settings.source_credential and settings.source_credential.tls_data())
    for field, option, is_given in (
        ("proxySecretRef", "source_proxy", settings.proxy is not None),
        ("certSecretRef", "source_credentials.ca_crt or tls_crt", has_tls),
    ):
        name = sync.secret_of(field)
        if is_given and not name:
            yield f"its {kind} names no {field}, so {option} would not be used"
        if name and not is_given:
            yield f"its {kind} names the Secret {name} as {field}, and no {option} is given"
    used: dict[str, str] = {}
    for field in ("secretRef", "proxySecretRef", "certSecretRef"):
        name = sync.secret_of(field)
        if name and name in used:
            yield f"its {kind} names the Secret {name} both as {used[name]} and as {field}"
        used[name] = field


def _decryption(desired: Desired, settings: Settings) -> Iterator[str]:
    named = decryption_secret(desired.sync.root)
    if settings.decryption == WORKLOAD_IDENTITY and named:
        yield f"its Kustomization decrypts with the Secret {named}, and decryption is workload_identity"
    if settings.decryption == CONTROLLER and not desired.controller_secret:
        yield "kustomize-controller is not told --sops-age-secret, neither in its Deployment nor in a patch beside it"
    if settings.decryption == SECRET and settings.keys and named == desired.sync.git_secret:
        yield f"its Secret {named} is that of the source as well"


def _pull(desired: Desired, settings: Settings) -> Iterator[str]:
    if settings.image_pull is None:
        return
    names = {desired.instance.pull_secret} - {""} if desired.instance else set()
    for account in desired.components.of_kind("ServiceAccount"):
        names |= _names(account)
    for deployment in desired.components.of_kind("Deployment"):
        names |= _names(((deployment.get("spec") or {}).get("template") or {}).get("spec") or {})
    if settings.image_pull.name not in names:
        found = ", ".join(sorted(names)) or "none"
        yield f"the components pull images with the Secret {found}, not {settings.image_pull.name}"


def _names(holder: Object) -> set[str]:
    return {str(entry.get("name")) for entry in holder.get("imagePullSecrets") or [] if isinstance(entry, dict)}


def _unknown(sync: Sync, components: Components) -> Iterator[str]:
    for found in (sync.source, sync.root):
        for field in unknown_fields(found, components.of_kind("CustomResourceDefinition")):
            yield f"{reference(found).kind} has no field {field}"


def _plain(url: str, kind: str) -> str:
    """Return a URL without what makes no difference; a Bucket has no scheme."""
    plain = url.rstrip("/")
    return plain.partition("://")[2] or plain if kind == "bucket" else plain


def _listed(ref: t.Mapping[str, str]) -> str:
    return " and ".join(f"{key} {value}" for key, value in ref.items())
