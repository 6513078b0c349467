# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three files of Flux in a repository: what `flux bootstrap` would write, with what people add to them kept.

Private to the collection. Pure: the files as they are in, the files as they are to be out.
"""

from __future__ import annotations

import io
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from .._errors import ManifestError, MissingLibraryError
from .._kubernetes.objects import Object, reference
from .manifests import COMPONENTS_FILE, KUSTOMIZE_GROUP, SOURCE_GROUP, SYNC_FILE, Components, Sync, clean_path
from .upgrade import is_downgrade

KUSTOMIZATION_FILE = "kustomization.yaml"

_SYNC = """\
# What the cluster follows, and how it decrypts. Yours to edit: fluxseed changes the URL, the branch and the path only.
apiVersion: {source_group}/v1
kind: GitRepository
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 1m0s
  ref:
    branch: {branch}
{secret}  url: {url}
---
apiVersion: {kustomize_group}/v1
kind: Kustomization
metadata:
  name: flux-system
  namespace: flux-system
spec:
  interval: 10m0s
  retryInterval: 1m0s
  path: {path}
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
  decryption:
    provider: sops
    secretRef:
      name: {sops_secret}
"""
_REFERENCE = "  secretRef:\n    name: {name}\n"
_KUSTOMIZATION = f"""\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - {COMPONENTS_FILE}
  - {SYNC_FILE}
"""


@dataclass(frozen=True)
class Following:
    """What the cluster is to follow."""

    url: str
    path: str
    branch: str = ""
    """Empty: what is there already, or main."""
    git_secret: str = "flux-system"  # noqa: S105 - a name
    """Empty for a repository that needs no credential."""
    sops_secret: str = "sops-age"  # noqa: S105 - a name

    @property
    def spec_path(self) -> str:
        """Return the path as Flux writes it."""
        return f"./{clean_path(self.path)}".removesuffix("/") or "./"


@dataclass
class Files:
    """The files that are to be written, by name, and what is to be known first."""

    changed: dict[str, bytes] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def plan_files(components: bytes, following: Following, existing: Mapping[str, bytes], *, where: str) -> Files:
    """Return which of the three files have to change, and to what.

    Args:
        components: the `install.yaml` of a release.
        following: what the cluster is to follow.
        existing: content of the files that are there, by name.
        where: the name of the components in messages.

    Raises:
        ManifestError: the components are none, or older than those in the repository; or gotk-sync.yaml is malformed.
    """
    files = Files()
    new = Components.parse(components, where=where)
    if COMPONENTS_FILE in existing:
        _compare(new, Components.parse(existing[COMPONENTS_FILE], where=COMPONENTS_FILE), files)
    wanted = {
        COMPONENTS_FILE: components,
        SYNC_FILE: _sync(following, existing.get(SYNC_FILE)),
        KUSTOMIZATION_FILE: existing.get(KUSTOMIZATION_FILE, _KUSTOMIZATION.encode()),
    }
    files.changed = {name: content for name, content in wanted.items() if existing.get(name) != content}
    return files


def new_sync(following: Following) -> bytes:
    """Return a `gotk-sync.yaml` with decryption."""
    text = _SYNC.format(
        source_group=SOURCE_GROUP,
        kustomize_group=KUSTOMIZE_GROUP,
        branch=_scalar(following.branch or "main"),
        url=_scalar(following.url),
        path=_scalar(following.spec_path),
        secret=_REFERENCE.format(name=_scalar(following.git_secret)) if following.git_secret else "",
        sops_secret=_scalar(following.sops_secret),
    )
    return text.encode()


def removed_versions(new: Components, old: Components) -> dict[str, list[str]]:
    """Return the versions that definitions lose, by the name of the definition."""
    names = dict(map(_versions, new.of_kind("CustomResourceDefinition")))
    found = {}
    for name, versions in map(_versions, old.of_kind("CustomResourceDefinition")):
        gone = [version for version in versions if version not in names.get(name, ())]
        if gone and name in names:
            found[name] = gone
    return found


def _compare(new: Components, old: Components, files: Files) -> None:
    if is_downgrade(new.version, old.version):
        raise ManifestError(
            f"holds Flux {new.version}, the repository has {old.version}",
            where=new.where,
            hint="newer definitions cannot be taken back safely: take the same or a newer release",
        )
    for name, versions in removed_versions(new, old).items():
        group = name.partition(".")[2]
        files.warnings.append(
            f"{name} loses {', '.join(versions)}: manifests in Git must not use {group}/{versions[0]} any more, and as long as"
            " status.storedVersions in a cluster names it, Flux cannot apply the new definition; flux_seed rewrites such"
            " objects when it runs after the push, flux migrate does it before"
        )


def _versions(definition: Object) -> tuple[str, list[str]]:
    listed = (definition.get("spec") or {}).get("versions") or []
    return reference(definition).name, [str(version["name"]) for version in listed if version.get("served", True)]


def _sync(following: Following, existing: bytes | None) -> bytes:
    if existing is None:
        return new_sync(following)
    sync = Sync.parse(existing, where=SYNC_FILE)
    if not _is_due(sync, following):
        return existing
    yaml = _round_trip()
    documents = list(yaml.load_all(existing.decode()))
    for document in filter(None, documents):
        if reference(document) == reference(sync.root):
            _update_root(document["spec"], following)
        elif reference(document) == reference(sync.source) and _is_git(document):
            _update_source(document["spec"], following)
    text = io.StringIO()
    yaml.dump_all(documents, text)
    return text.getvalue().encode()


def _is_due(sync: Sync, following: Following) -> bool:
    if sync.path != clean_path(following.path) or "decryption" not in sync.root["spec"]:
        return True
    spec = sync.source["spec"]
    return _is_git(sync.source) and (
        spec.get("url") != following.url
        or (bool(following.branch) and spec.get("ref") != {"branch": following.branch})
        or (bool(following.git_secret) and not sync.git_secret)
    )


def _is_git(source: Mapping[str, t.Any]) -> bool:
    """Return whether URL and branch say where the source is; a registry or a bucket is left as it was made."""
    return source.get("kind") == "GitRepository"


def _update_source(spec: t.Any, following: Following) -> None:
    spec["url"] = following.url
    if following.branch and spec.get("ref") != {"branch": following.branch}:
        spec["ref"] = {"branch": following.branch}
    if following.git_secret and not (spec.get("secretRef") or {}).get("name"):
        spec["secretRef"] = {"name": following.git_secret}


def _update_root(spec: t.Any, following: Following) -> None:
    if clean_path(spec.get("path")) != clean_path(following.path):
        spec["path"] = following.spec_path
    if "decryption" not in spec:
        spec["decryption"] = {"provider": "sops", "secretRef": {"name": following.sops_secret}}


def _round_trip() -> t.Any:
    try:
        from ruamel.yaml import YAML  # noqa: PLC0415 - only where a file that people edit has to change
    except ImportError as exc:
        raise MissingLibraryError("The Python library ruamel.yaml", hint="pip install ruamel.yaml") from exc
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml


def _scalar(text: str) -> str:
    """Return a text as a YAML scalar; plain where nothing in it could mean something else."""
    plain = text.replace("/", "").replace("-", "").replace(".", "").replace("_", "").replace(":", "")
    safe = plain.isalnum() and text[0].isalpha() and ": " not in text and not text.endswith(":")
    if (safe or text.startswith("./")) and text.lower() not in {
        "yes",
        "no",
        "on",
        "off",
        "true",
        "false",
        "null",
        "y",
        "n",
    }:
        return text
    return "'" + text.replace("'", "''") + "'"
