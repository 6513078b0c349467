# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The preflight of a repository without a cluster: of one cluster's folder, or of all in a work tree.

Private to the collection. The facade for the command line.
"""

from __future__ import annotations

import os
import posixpath
import typing as t
from collections.abc import Mapping

from .._errors import ManifestError
from .._git.program import Git
from .._git.work_tree import WorkTree
from .._kubernetes.objects import reference
from .._sops.key_ring import KeyRing
from .desired import FLUX_FOLDER, Desired, read
from .manifests import SYNC_FILE, Sync, clean_path, unknown_fields
from .operated import instances
from .preflight.base import Check
from .preflight.runner import Asked, of_repository


class Checked(t.NamedTuple):
    """What was found for one cluster."""

    path: str
    flux_version: str
    kustomizations: list[dict[str, t.Any]]
    checks: list[Check]


def check_work_tree(folder: str, ring: KeyRing, environment: Mapping[str, str]) -> list[Checked]:
    """Check what is below a folder: a cluster's own, or one that has those of several clusters below it.

    Raises:
        FileAccessError: there is no such folder.
        ManifestError: no `flux-system/gotk-sync.yaml` is in or below it, or one that cannot be read.
    """
    files = _outermost(WorkTree.around(Git(environment), folder), folder)
    inside = posixpath.relpath(os.path.realpath(folder), os.path.realpath(files.root))
    return [_checked(files, cluster, ring) for cluster in _clusters(files, "" if inside == "." else inside)]


def _outermost(files: WorkTree, folder: str) -> WorkTree:
    """Without Git around it, what `spec.path` says of a cluster's folder tells where the repository begins."""
    file = posixpath.join(FLUX_FOLDER, SYNC_FILE)
    if files.is_repository or file not in files:
        return files
    path = Sync.parse(files.read(file), where=posixpath.join(folder, file)).path
    root = files.root.removesuffix(f"/{path}")
    return files if root == files.root else WorkTree.of_folder(root)


def _clusters(files: WorkTree, folder: str) -> list[str]:
    """Return the folders of clusters, relative to the root."""
    end = posixpath.join(FLUX_FOLDER, SYNC_FILE)
    if posixpath.join(folder, end) in files:
        return [folder]
    prefix = f"{folder}/" if folder else ""
    found = [path for path in files.paths() if path.startswith(prefix) and path.endswith(f"/{end}")]
    operated = [] if found else [instance.sync().path for instance in instances(files, folder)]
    if operated:
        return sorted(set(operated))
    if not found:
        raise ManifestError(
            f"no {end} is in it or below it",
            where=f"./{folder}",
            hint="name the folder of the cluster, as spec.path of the root Kustomization does",
        )
    return [path.removesuffix(f"/{end}") for path in found]


def _checked(files: WorkTree, cluster: str, ring: KeyRing) -> Checked:
    desired = read(files, cluster, "")
    sync = desired.sync
    wrong = [] if sync.path == clean_path(cluster) else [f"its path is ./{sync.path}, not ./{cluster}"]
    asked = Asked(
        follows=sync.branch or "a tag or commit",
        disagreements=[*wrong, *_unknown_fields(desired)],
        ring=ring,
        is_key_optional=True,
    )
    checks = list(of_repository(desired, asked))
    return Checked(cluster, desired.components.version, [*_covered(desired)], checks)


def _unknown_fields(desired: Desired) -> t.Iterator[str]:
    for found in (desired.sync.source, desired.sync.root):
        for field in unknown_fields(found, desired.components.of_kind("CustomResourceDefinition")):
            yield f"{reference(found).kind} has no field {field}"


def _covered(desired: Desired) -> t.Iterator[dict[str, t.Any]]:
    for node in desired.tree.nodes:
        yield {
            "name": node.name,
            "path": node.path,
            "files": len(node.files),
            "encrypted": len(desired.encrypted.among(node.files)),
            "decryption": node.decryption,
        }
