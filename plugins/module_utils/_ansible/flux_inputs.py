# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The inputs of `flux_seed`: the source, its credentials and the keys, from parameters to values that fit together.

Private to the collection.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from .._errors import InvalidInputError
from .._flux.decryption_entries import check_entry, is_age
from .._flux.pinned import check as check_pinned
from .._flux.registries import ImagePull, SourceCredential
from .._flux.settings import BUCKET, CONTROLLER, GIT, OCI, SECRET, WORKLOAD_IDENTITY, Pinned
from .._git.credential import DEFAULT_SSH_USER, Credential, GitHubApp, Proxy, check_url

_TEXT: dict[str, t.Any] = {"type": "str"}
_SECRET: dict[str, t.Any] = {"type": "str", "no_log": True}

INPUT_SPEC: dict[str, dict[str, t.Any]] = {
    "decryption": {"type": "str", "choices": [SECRET, WORKLOAD_IDENTITY, CONTROLLER], "default": SECRET},
    "decryption_keys": {
        "type": "list",
        "elements": "dict",
        "no_log": False,
        "options": {
            "content": {"type": "str", "required": True, "no_log": True},
            "name": {"type": "str", "default": "age.agekey"},
        },
    },
    "git_credentials": {
        "type": "dict",
        "options": {
            "bearer_token": _SECRET,
            "ca_crt": _TEXT,
            "github_app": {
                "type": "dict",
                "options": {
                    "app_id": {"type": "str", "required": True},
                    "base_url": _TEXT,
                    "installation_id": _TEXT,
                    "installation_owner": _TEXT,
                    "private_key": {"type": "str", "required": True, "no_log": True},
                },
            },
            "host_key_fingerprint": {"type": "str", "no_log": False},
            "identity": _SECRET,
            "known_hosts": _TEXT,
            "passphrase": _SECRET,
            "password": _SECRET,
            "tls_crt": _TEXT,
            "tls_key": _SECRET,
            "username": _TEXT,
        },
    },
    "image_pull_secret": {
        "type": "dict",
        "no_log": False,
        "options": {
            "docker_config": _SECRET,
            "name": {"type": "str", "required": True},
            "password": _SECRET,
            "registry": _TEXT,
            "username": _TEXT,
        },
    },
    "source": {
        "type": "dict",
        "options": {
            "branch": _TEXT,
            "checkout": {"type": "path"},
            "commit": _TEXT,
            "kind": {"type": "str", "choices": [GIT, OCI, BUCKET], "default": GIT},
            "manifests": {
                "type": "list",
                "elements": "dict",
                "options": {"from": {"type": "str", "required": True}, "sha256": {"type": "str", "required": True}},
            },
            "path": {"type": "str", "required": True},
            "tag": _TEXT,
            "url": {"type": "str", "required": True},
        },
    },
    "source_credentials": {
        "type": "dict",
        "options": {
            "access_key": _SECRET,
            "account_key": _SECRET,
            "ca_crt": _TEXT,
            "client_certificate": _SECRET,
            "client_certificate_password": _SECRET,
            "client_id": _TEXT,
            "client_secret": _SECRET,
            "docker_config": _SECRET,
            "password": _SECRET,
            "sas_key": _SECRET,
            "secret_key": _SECRET,
            "service_account": _SECRET,
            "tenant_id": _TEXT,
            "tls_crt": _TEXT,
            "tls_key": _SECRET,
            "username": _TEXT,
        },
    },
    "source_proxy": {
        "type": "dict",
        "options": {"address": {"type": "str", "required": True}, "password": _SECRET, "username": _TEXT},
    },
}


def inputs(params: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the inputs under the names that `Settings` has.

    Raises:
        InvalidInputError: an option, or a combination, that could not work in any cluster.
    """
    source = params["source"]
    kind, url = source.get("kind") or GIT, source["url"].strip()
    found = {"url": url, "kind": kind, "path": source["path"], "checkout": source.get("checkout"), **_ref(source, kind)}
    if not source["path"].strip():
        raise InvalidInputError("is empty", where="source.path")
    _check_url(kind, url)
    found["manifests"] = _manifests(source)
    if kind != GIT and not source.get("checkout") and not found["manifests"]:
        raise InvalidInputError(
            f"a source of the kind {kind} is read by source-controller alone",
            where="source.kind",
            hint="give what it was filled with as source.checkout, or the manifests of Flux as source.manifests",
        )
    found["credential"] = _git_credential(params.get("git_credentials"), kind, url)
    found["source_credential"] = _source_credential(params.get("source_credentials"), kind)
    found["proxy"] = _proxy(params.get("source_proxy"), url)
    found["image_pull"] = _image_pull(params.get("image_pull_secret"))
    found["decryption"] = params.get("decryption") or SECRET
    found["keys"] = _keys(params, found["decryption"])
    return found


def _ref(source: Mapping[str, t.Any], kind: str) -> dict[str, str]:
    for option in ("branch", "tag", "commit"):
        value = source.get(option)
        if value is not None and not value.strip():
            raise InvalidInputError("is empty", where=f"source.{option}")
    branch, tag, commit = (source.get(option) or "" for option in ("branch", "tag", "commit"))
    if kind != GIT:
        if branch or commit:
            raise InvalidInputError(
                "has a meaning for source.kind git only", where="source.branch" if branch else "source.commit"
            )
        if tag and kind != OCI:
            raise InvalidInputError("has a meaning for source.kind git and oci only", where="source.tag")
        return {"branch": "", "tag": tag, "commit": ""}
    if tag and (branch or commit):
        raise InvalidInputError("give either the tag, or a branch, a commit, or both of these", where="source.tag")
    if commit and not re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit):
        raise InvalidInputError("must be the full id of a commit", where="source.commit", hint="git rev-parse shows it")
    return {"branch": branch or ("" if tag or commit else "main"), "tag": tag, "commit": commit}


def _check_url(kind: str, url: str) -> None:
    if kind == GIT:
        check_url(url)
    elif kind == OCI and not re.fullmatch(r"oci://[^/@\s]+/\S+", url):
        raise InvalidInputError("an oci source needs a URL like oci://HOST/REPOSITORY", where="source.url")
    elif kind == BUCKET and not re.fullmatch(r"(?:https?://)?[^/@\s]+/[^/\s]+/?", url):
        raise InvalidInputError(
            "a bucket source needs ENDPOINT/BUCKET", where="source.url", hint="for example s3.example.com/flux"
        )


def _manifests(source: Mapping[str, t.Any]) -> tuple[Pinned, ...]:
    found = tuple(
        Pinned(entry["from"].strip(), entry["sha256"].strip().lower().removeprefix("sha256:"))
        for entry in source.get("manifests") or []
    )
    for entry in found:
        check_pinned(entry)
    return found


def _git_credential(given: Mapping[str, t.Any] | None, kind: str, url: str) -> Credential | None:
    if given is None:
        if url.startswith("ssh://"):
            raise InvalidInputError("an ssh:// URL needs a key", where="git_credentials.identity")
        return None
    if kind != GIT:
        raise InvalidInputError(
            "has a meaning for source.kind git only", where="git_credentials", hint="give source_credentials"
        )
    empty = [option for option, value in given.items() if isinstance(value, str) and not value.strip()]
    if empty:
        raise InvalidInputError("is empty", where=f"git_credentials.{empty[0]}", hint="is the variable for it set?")
    values = {option: value for option, value in given.items() if value is not None}
    app = values.pop("github_app", None)
    if "password" in values and "username" not in values and not url.startswith("ssh://"):
        # Most Git servers take any name with a token.
        values["username"] = DEFAULT_SSH_USER
    if app:
        values["github_app"] = GitHubApp(**{option: value or "" for option, value in app.items()})
    credential = Credential(**values)
    credential.check(url)
    return credential


def _source_credential(given: Mapping[str, t.Any] | None, kind: str) -> SourceCredential | None:
    if given is None:
        return None
    if kind == GIT:
        raise InvalidInputError(
            "has a meaning for source.kind oci and bucket only", where="source_credentials", hint="give git_credentials"
        )
    credential = SourceCredential(**{option: value or "" for option, value in given.items()})
    credential.check(kind)
    return credential


def _proxy(given: Mapping[str, t.Any] | None, url: str) -> Proxy | None:
    if given is None:
        return None
    proxy = Proxy(**{option: value or "" for option, value in given.items()})
    proxy.check(url)
    return proxy


def _image_pull(given: Mapping[str, t.Any] | None) -> ImagePull | None:
    if given is None:
        return None
    pull = ImagePull(**{option: value or "" for option, value in given.items()})
    pull.check()
    return pull


def _keys(params: Mapping[str, t.Any], decryption: str) -> tuple[tuple[str, str], ...]:
    keys = [(entry["name"], entry["content"]) for entry in params.get("decryption_keys") or []]
    if keys and decryption == WORKLOAD_IDENTITY:
        raise InvalidInputError(
            "with decryption workload_identity there is no Secret for it", where="decryption_keys", hint="leave it out"
        )
    if len({name for name, _content in keys}) < len(keys):
        raise InvalidInputError("two keys have the same name", where="decryption_keys")
    for name, content in keys:
        check_entry(name, content)
        if decryption == CONTROLLER and not is_age(name):
            raise InvalidInputError(
                f"{name} is not read with decryption controller",
                where="decryption_keys.name",
                hint="kustomize-controller takes entries with the suffix .agekey only from --sops-age-secret",
            )
    return tuple(keys)
