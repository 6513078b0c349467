# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would it work? Checks before the first write, each with its evidence and the way to fix it.

Private to the collection. A check never writes and never shows a value.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence

from .._errors import FluxseedError
from .._kubernetes.objects import Object, Reference, labels, reference
from .._sops.identities import KeyRing
from .encrypted import Encrypted, Opened
from .manifests import Components, Sync, clean_path, unknown_fields
from .secrets import flux_owner
from .tree import Coverage, Tree

OK, WARN, FAIL, UNKNOWN = "ok", "warn", "fail", "unknown"
_LISTED = 5


class Check(t.NamedTuple):
    """One question with its answer."""

    name: str
    result: str
    evidence: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.evidence}" + (f" ({self.fix})" if self.fix else "")


def failed(checks: Iterable[Check]) -> list[Check]:
    """Return the checks that say that it would not work."""
    return [check for check in checks if check.result == FAIL]


def git_credential(branch: str, commit: str | None, error: FluxseedError | None) -> Check:
    """Does the very content of the Git Secret open the remote, and is the branch there?"""
    if error is None:
        return Check("git_credential", OK, f"opens the remote; {branch} is at {str(commit)[:12]}")
    return Check(
        "git_credential", FAIL, f"{error.where}: {error.message}" if error.where else error.message, error.hint or ""
    )


def checkout(commit: str, remote: str) -> Check:
    """Is the checkout what the cluster will fetch?"""
    if commit == remote:
        return Check("checkout", OK, f"is at the head of the remote branch, {commit[:12]}")
    evidence = f"is at {commit[:12]}, the head of the remote branch is {remote[:12]}"
    return Check("checkout", WARN, evidence, "the cluster follows the remote: push, or pull")


def gotk_sync(sync: Sync, components: Components, *, url: str, branch: str, path: str, has_credential: bool) -> Check:
    """Does the cluster follow what the parameters say, with the Secret that is seeded?"""
    wrong = []
    if sync.url.rstrip("/") != url.rstrip("/"):
        wrong.append(f"its URL is {sync.url}, not {url}")
    if sync.branch != branch:
        wrong.append(f"its branch is {sync.branch or 'not the only ref'}, not {branch}")
    if sync.path != clean_path(path):
        wrong.append(f"its path is ./{sync.path}, not ./{clean_path(path)}")
    if has_credential and not sync.git_secret:
        wrong.append("its GitRepository names no secretRef, so the credential would not be used")
    if not has_credential and sync.git_secret:
        wrong.append(f"its GitRepository names the Secret {sync.git_secret}, and no credential is given")
    for found in (sync.source, sync.root):
        unknown = unknown_fields(found, components.of_kind("CustomResourceDefinition"))
        wrong += [f"{reference(found).kind} has no field {field}" for field in unknown]
    if wrong:
        return Check(
            "gotk_sync", FAIL, f"{sync.where}: {_listing(wrong)}", "correct the file in Git, or the parameters"
        )
    return Check("gotk_sync", OK, f"{sync.where} follows {branch} at {url}, path ./{sync.path}")


def age_key_pair(ring: KeyRing, public_key: str | None) -> Check:
    """Are the keys keys, and is the public key theirs?"""
    fix = "an age key starts with AGE-SECRET-KEY-"
    if ring.failed:
        return Check("age_key_pair", FAIL, _listing(ring.failed), fix)
    if not ring.recipients:
        return Check("age_key_pair", FAIL, "there is no age key in the given content", fix)
    mine = ", ".join(ring.recipients)
    if public_key and public_key not in ring.recipients:
        evidence = f"the private key belongs to {mine}, not to {public_key}"
        return Check("age_key_pair", FAIL, evidence, "one of the two variables is of another cluster")
    return Check("age_key_pair", OK, f"the key of {mine}")


def sops_files(encrypted: Encrypted, ring: KeyRing | None) -> Check:
    """Does the key open every encrypted file that the cluster will read?"""
    if ring is None:
        if len(encrypted):
            return Check("sops_files", FAIL, f"{len(encrypted)} encrypted files and no decryption key", "give the key")
        return Check("sops_files", OK, "no encrypted files")
    if not len(encrypted):
        return Check(
            "sops_files",
            FAIL,
            "a decryption key is given, and no encrypted file is covered by the path or by any Kustomization below it",
            "is this the right path, and are the files encrypted and committed?",
        )
    opened = encrypted.open(ring)
    broken = [file for file in opened if not file.is_open and not file.is_unsupported]
    unsupported = [file for file in opened if file.is_unsupported]
    if broken:
        told = _by_problem(broken)
        evidence = f"{len(broken)} of {len(opened)} encrypted files cannot be used: {told}"
        return Check(
            "sops_files", FAIL, evidence, "encrypt them for the public key of this cluster, or seed the right key"
        )
    if unsupported:
        evidence = f"{len(unsupported)} of {len(opened)} files could not be tried: {_by_problem(unsupported)}"
        return Check("sops_files", UNKNOWN, evidence)
    return Check("sops_files", OK, f"the key opens all {len(opened)} encrypted files, MAC included")


def decryption(tree: Tree, encrypted: Encrypted, sync: Sync) -> Iterator[Check]:
    """Has every Kustomization that covers encrypted files the decryption, with a Secret that will be there?"""
    # A parent can patch its children; what it makes of them is not computed.
    is_patched = any(node.is_patched for node in tree.nodes)
    without, elsewhere = [], []
    for node in tree.nodes:
        covered = encrypted.among(node.files)
        if not covered:
            continue
        if node.decryption is None:
            without.append(f"{node.name} covers {_listing(covered)}")
        elif (node.namespace, node.decryption) != (sync.namespace, sync.sops_secret):
            elsewhere.append(f"{node.name} reads {node.namespace}/{node.decryption or '(none named)'}")
    if without:
        result = WARN if is_patched else FAIL
        fix = "add spec.decryption to it; Flux may store the ciphertext as it is and still report Ready"
        yield Check("decryption", result, f"no decryption: {_listing(without)}", fix)
    if elsewhere:
        evidence = f"{_listing(elsewhere)}, seeded is {sync.namespace}/{sync.sops_secret}"
        yield Check("decryption", WARN, evidence, "name the same Secret, or make sure that the other one is there")
    if not without and not elsewhere:
        yield Check("decryption", OK, "every Kustomization with encrypted files decrypts with the seeded Secret")


def references(tree: Tree) -> Iterator[Check]:
    """Can every reference in the tree be followed?"""
    paths = [entry for node in tree.nodes for entry in node.missing if "spec.path" in entry]
    missing = [entry for node in tree.nodes for entry in node.missing if "spec.path" not in entry]
    unknown = [entry for node in tree.nodes for entry in node.unknown] + tree.foreign
    if paths:
        yield Check("references", FAIL, f"no such folder: {_listing(paths)}", "correct spec.path in Git")
    if missing:
        yield Check("references", WARN, f"not found: {_listing(missing)}", "the build will fail there")
    if unknown:
        yield Check("references", UNKNOWN, f"not looked into: {_listing(unknown)}")
    if not paths and not missing and not unknown:
        yield Check("references", OK, f"{len(tree.nodes)} Kustomizations, {len(tree.files)} files")


def self_management(root: Coverage, components: Components) -> Check:
    """Will Flux keep itself as Git says, after the seeding?"""
    if components.where in root.resources:
        return Check("self_management", OK, f"{components.where} is part of what Flux applies")
    evidence = f"{components.where} is not part of what the root Kustomization applies"
    return Check("self_management", WARN, evidence, "list its folder in the kustomization.yaml at spec.path")


def cluster(live: Mapping[Reference, Object], secrets: Sequence[Reference], sync: Sync) -> Iterator[Check]:
    """Is there something in the cluster that stands in the way?"""
    wrong: list[tuple[str, str]] = []
    for target, found in live.items():
        if target.kind == "Namespace" and (found.get("status") or {}).get("phase") == "Terminating":
            wrong.append(
                (f"{target} is being deleted", "wait until it is gone; finalizers of Flux objects may hold it")
            )
        manager = labels(found).get("app.kubernetes.io/managed-by") or ""
        if target.kind == "CustomResourceDefinition" and (
            manager not in {"", "flux"} or "fluxcd.controlplane.io/name" in labels(found)
        ):
            by = manager or "flux-operator"
            wrong.append(
                (f"{target} is managed by {by}", f"Flux is installed by {by} here: leave its components to it")
            )
        owner = flux_owner(found)
        if target in secrets and owner:
            wrong.append(
                (f"{target} is applied by Kustomization {owner}", "take it out of Git: both would overwrite it")
            )
    root = live.get(reference(sync.root))
    if root and clean_path((root.get("spec") or {}).get("path")) != sync.path:
        there = clean_path(root["spec"].get("path"))
        wrong.append(
            (f"Flux follows ./{there} in this cluster, not ./{sync.path}", "with prune, all of the other is deleted")
        )
    for evidence, fix in wrong:
        yield Check("cluster", FAIL, evidence, fix)
    if not wrong:
        yield Check("cluster", OK, "nothing stands in the way")


def _by_problem(files: Sequence[Opened]) -> str:
    """Return the files with their problems; a problem that many share is told once."""
    problems: dict[str, list[str]] = {}
    for file in files:
        problems.setdefault(file.problem, []).append(file.path)
    return _listing([f"{_listing(paths, ', ')}: {problem}" for problem, paths in problems.items()])


def _listing(items: Sequence[str], separator: str = "; ") -> str:
    more = len(items) - _LISTED
    return separator.join(items[:_LISTED]) + (f"{separator}and {more} more" if more > 0 else "")
