# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Git has at one commit: the components, the source and the root, and the tree below it.

Private to the collection.
"""

from __future__ import annotations

import json
import posixpath
import re
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._errors import ManifestError
from .._kubernetes.objects import Object, reference
from .artifact import Artifact, Files
from .building import Taken
from .encrypted import Encrypted
from .manifests import (
    COMPONENTS_FILE,
    KUSTOMIZE_GROUP,
    SYNC_FILE,
    Components,
    Sync,
    clean_path,
    is_of,
    is_source,
    parse,
)
from .operated import OPERATOR, Instance, instances, is_instance
from .tree import Coverage, Tree, walk

FLUX_FOLDER = "flux-system"
_NO_FLUX = (
    "flux install --export writes it; where flux-operator keeps Flux, its FluxInstance in that folder, or given as "
    "source.manifests, stands in for it, and then the Secrets, a reconcile and the proof are what is done"
)
_FLAG = re.compile(r"--sops-age-secret=([a-z0-9][-a-z0-9.]*)")


@dataclass(frozen=True)
class Desired:
    """What Git has at one commit."""

    components: Components
    sync: Sync
    tree: Tree
    encrypted: Encrypted
    commit: str
    files: Artifact | None = None
    """What the cluster gets of the repository; None when it is not at hand."""
    controller_secret: str = ""
    """The Secret that kustomize-controller was told to take keys from for all Kustomizations; empty when none."""
    instance: Instance | None = None
    """What stands in for the two files of Flux where flux-operator keeps it."""

    @property
    def installer(self) -> str:
        """Return what brings Flux, and makes the sync, in place of this collection; empty when nothing does."""
        return OPERATOR if self.instance else ""

    def revision(self, told: str) -> str:
        """Return the revision as the source will report it, given how it would be from the branch or tag alone."""
        ref = self.instance.ref if self.instance else ""
        return f"{ref}@{told.rpartition('@')[2]}" if ref else told


class Commit(Files, t.Protocol):
    """The files of one commit, or of a work tree."""

    commit: str


class Given(t.NamedTuple):
    """A file with manifests that is used in place of those in the repository."""

    where: str
    content: bytes = b""


class _Nothing:
    """The files of a source that cannot be looked into."""

    def paths(self) -> list[str]:
        return []

    def read(self, path: str) -> bytes:
        raise ManifestError("cannot be read: the content of the source is not at hand", where=path)

    def __contains__(self, path: str) -> bool:
        return False


def read(snapshot: Commit | None, path: str, commit: str, given: Sequence[Given] = ()) -> Desired:
    """Read the files of Flux, from the given ones or else below a path, and all that the root Kustomization covers.

    Args:
        snapshot: the content of the source; None when it is not at hand, as that of a registry.
        path: the folder of the cluster.
        commit: what the remote is at.
        given: files that were had elsewhere; what they do not hold is taken from the snapshot.

    Raises:
        ManifestError: a file or the folder is missing, or malformed.
    """
    objects = {file.where: parse(file.content, where=file.where) for file in given}
    found_instance = _instance(objects, snapshot, path)
    if found_instance:
        return _operated(found_instance, snapshot, commit)
    of_sync = {where: [item for item in found if _is_sync(item)] for where, found in objects.items()}
    of_flux = {where: [item for item in found if not _is_sync(item)] for where, found in objects.items()}
    if any(of_flux.values()):
        components = Components.of(_together(of_flux), where=_files_of(of_flux))
    else:
        where = _flux_file(snapshot, path, COMPONENTS_FILE)
        components = Components.parse(_content(snapshot, where), where=where)
    if any(of_sync.values()):
        sync = Sync.of(_together(of_sync), where=_files_of(of_sync))
    else:
        where = _flux_file(snapshot, path, SYNC_FILE)
        sync = Sync.parse(_content(snapshot, where), where=where)
    return _walked(components, sync, snapshot, commit, _controller_secret(components, snapshot, path))


def _walked(
    components: Components,
    sync: Sync,
    snapshot: Commit | None,
    commit: str,
    secret: str,
    instance: Instance | None = None,
) -> Desired:
    if snapshot is None:
        unread = Taken(unknown=[f"the content of {reference(sync.source)}"])
        tree = Tree([Coverage(sync.root, sync.path, taken=unread)])
        return Desired(components, sync, tree, Encrypted(_Nothing(), tree), commit, None, secret, instance)
    artifact = Artifact(snapshot, sync.source)
    tree = walk(artifact, sync.root)
    return Desired(components, sync, tree, Encrypted(artifact, tree), commit, artifact, secret, instance)


def _instance(given: Mapping[str, list[Object]], snapshot: Commit | None, path: str) -> Instance | None:
    """Return the FluxInstance that was given, or that is in the folder where the two files of Flux are not."""
    found = [Instance(where, item) for where, items in given.items() for item in items if is_instance(item)]
    folder = clean_path(path)
    if not given and snapshot is not None and posixpath.join(folder, FLUX_FOLDER, SYNC_FILE) not in snapshot:
        found = instances(snapshot, folder)
    if len(found) > 1:
        names = ", ".join(instance.where for instance in found)
        raise ManifestError(f"there are {len(found)} FluxInstances: {names}", where=f"./{folder}")
    return found[0] if found else None


def _operated(instance: Instance, snapshot: Commit | None, commit: str) -> Desired:
    flag = _FLAG.search(json.dumps(instance.found))
    components = Components((), instance.where)
    return _walked(components, instance.sync(), snapshot, commit, flag.group(1) if flag else "", instance)


def _is_sync(found: Object) -> bool:
    return is_source(found) or is_of(found, KUSTOMIZE_GROUP, "Kustomization")


def _together(found: Mapping[str, list[Object]]) -> list[Object]:
    return [item for items in found.values() for item in items]


def _files_of(found: Mapping[str, list[Object]]) -> str:
    """Return the files that have any, for messages."""
    return ", ".join(where for where, items in found.items() if items)


def _content(snapshot: Commit | None, path: str) -> bytes:
    return _Nothing().read(path) if snapshot is None else snapshot.read(path)


def _controller_secret(components: Components, snapshot: Commit | None, path: str) -> str:
    """Return what `--sops-age-secret` says: in the Deployment, or in a patch beside it."""
    for deployment in components.of_kind("Deployment"):
        if reference(deployment).name == "kustomize-controller" and (found := _FLAG.search(json.dumps(deployment))):
            return found.group(1)
    patches = posixpath.join(clean_path(path), FLUX_FOLDER, "kustomization.yaml")
    if snapshot is not None and patches in snapshot:
        text = re.sub(r"(?m)^\s*#.*$", "", snapshot.read(patches).decode(errors="replace"))
        if found := _FLAG.search(text):
            return found.group(1)
    return ""


def _flux_file(snapshot: Commit | None, path: str, name: str) -> str:
    """Return the path of one of Flux's files, or say what there is instead."""
    folder = clean_path(path)
    wanted = posixpath.join(folder, FLUX_FOLDER, name)
    if snapshot is None:
        raise ManifestError(
            f"the manifests that were given do not hold what belongs in {name}",
            where="source.manifests",
            hint="give that file too, or a checkout in source.checkout",
        )
    if wanted in snapshot:
        return wanted
    paths = snapshot.paths()
    if folder and not any(item.startswith(f"{folder}/") for item in paths):
        parent = posixpath.dirname(folder)
        beside = sorted(
            {item.removeprefix(f"{parent}/").split("/")[0] for item in paths if item.startswith(f"{parent}/")}
        )
        hint = f"in ./{parent} there are: {', '.join(beside[:10])}" if beside else f"there is no ./{parent} either"
        raise ManifestError(f"{_named(snapshot)} has no such folder", where=f"./{folder}", hint=hint)
    found = sorted(posixpath.dirname(posixpath.dirname(item)) for item in paths if posixpath.basename(item) == name)
    hint = f"there is one for these paths: {', '.join(found[:5])}" if found else _NO_FLUX
    raise ManifestError(f"is not in {_named(snapshot)}", where=wanted, hint=hint)


def _named(files: Commit) -> str:
    return f"the commit {files.commit[:12]}" if files.commit else "the work tree"
