# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree of Kustomizations: does it lead where it should, and does everybody decrypt who has to?

Private to the collection.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping

from ..._kubernetes.objects import reference, section
from ..encrypted import Encrypted
from ..manifests import Components, Sync
from ..manifests import unknown_fields as unknown
from ..tree import Coverage, Tree
from .base import FAIL, OK, UNKNOWN, WARN, Check, listing

_SECRET = re.compile(rb"^[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?Secret\b", re.MULTILINE)
_BUILT_IN = re.compile(rb"^[\"']?apiVersion[\"']?[ \t]*:[ \t]*[\"']?(?:(?:[a-z]+|[a-z.]+\.k8s\.io)/)?v\d", re.MULTILINE)
_DURATION = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+")
_UNITS: Mapping[str, float] = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
PATIENCE = 15 * 60
"""Seconds that people wait before they look for what is wrong."""
_STRING_DATA = re.compile(rb"^[\"']?stringData[\"']?[ \t]*:", re.MULTILINE)


def decryption(tree: Tree, encrypted: Encrypted, sync: Sync, *, controller_secret: str = "") -> Iterator[Check]:
    """Has every Kustomization that covers encrypted files the decryption, with a Secret that will be there?

    Args:
        tree: all Kustomizations.
        encrypted: the encrypted files among what they cover.
        sync: names the Secret that is seeded.
        controller_secret: the Secret that kustomize-controller uses where none is named; empty when there is none.
    """
    found = _sorted(tree, encrypted, {(sync.namespace, sync.sops_secret)}, controller_secret)
    without, uncertain, elsewhere = found
    verbatim = [path for node in tree.nodes for path in encrypted.among(node.taken.verbatim)]
    if without:
        fix = "add spec.decryption to it, as none of its parents hands it down"
        yield Check("decryption", FAIL, f"no decryption: {listing(without)}", fix)
    if verbatim:
        evidence = f"read by a configMapGenerator, where nothing is decrypted: {listing(verbatim, ', ')}"
        yield Check("decryption", FAIL, evidence, "use a secretGenerator")
    if uncertain:
        yield Check("decryption", UNKNOWN, f"no decryption in the file: {listing(uncertain)}")
    if elsewhere:
        evidence = f"{listing(elsewhere)}, seeded is {sync.namespace}/{sync.sops_secret}"
        yield Check("decryption", WARN, evidence, "name the same Secret, or make sure that the other one is there")
    if not any(found) and not verbatim:
        yield Check("decryption", OK, "every Kustomization with encrypted files decrypts with the seeded Secret")


class _Sorted(t.NamedTuple):
    """Kustomizations with encrypted files that need a look."""

    without: list[str]
    uncertain: list[str]
    elsewhere: list[str]


def _sorted(tree: Tree, encrypted: Encrypted, seeded: set[tuple[str, str]], controller_secret: str) -> _Sorted:
    found = _Sorted([], [], [])
    for node in tree.nodes:
        covered = encrypted.among([*node.resources, *node.inputs])
        if not covered:
            continue
        if not _decrypts(node) and node.uncertain:
            found.uncertain.append(f"{node.name} (may be changed by {', '.join(node.uncertain)})")
        elif not _decrypts(node):
            told = listing([_told(path, node, encrypted) for path in covered])
            found.without.append(f"{node.name} covers {told}")
        elif not _has_secret(node, seeded, encrypted, tree, controller_secret):
            found.elsewhere.append(f"{node.name} reads {node.namespace}/{node.decryption or '(none named)'}")
    return found


def references(tree: Tree) -> Iterator[Check]:
    """Can every reference in the tree be followed?"""
    paths = [entry for node in tree.nodes for entry in node.missing if "spec.path" in entry]
    missing = [entry for node in tree.nodes for entry in node.missing if "spec.path" not in entry]
    unknown = [entry for node in tree.nodes for entry in node.unknown] + tree.foreign
    if paths:
        yield Check("references", FAIL, f"no such folder: {listing(paths)}", "correct spec.path in Git")
    if missing:
        # A base that several use is told once.
        told = list(dict.fromkeys(missing))
        yield Check("references", WARN, f"not found: {listing(told)}", "the build will fail there")
    if unknown:
        yield Check("references", UNKNOWN, f"not looked into: {listing(list(dict.fromkeys(unknown)))}")
    if not paths and not missing and not unknown:
        yield Check("references", OK, f"{len(tree.nodes)} Kustomizations, {len(tree.files)} files")


def unknown_fields(tree: Tree, components: Components) -> Check:
    """Has every Kustomization only fields that its definition knows, and none at a wrong indentation?"""
    definitions = components.of_kind("CustomResourceDefinition")
    wrong = [
        f"{node.name} has no field {field} ({node.where})"
        for node in tree.nodes[1:]
        for field in unknown(node.kustomization, definitions)
    ]
    if wrong:
        evidence, fix = listing(wrong), "look at the indentation in Git: the API refuses unknown fields"
        return Check("unknown_fields", FAIL, evidence, fix)
    return Check("unknown_fields", OK, f"the fields of {len(tree.nodes)} Kustomizations are known")


def intervals(tree: Tree, sync: Sync) -> Check:
    """How long does it take until a change in Git is seen, and until something that has failed is tried again?"""
    source = _seconds(section(sync.source, "spec").get("interval"))
    slow = [f"{sync.kind} {reference(sync.source).name} looks every {_of(sync.source)}"] if source > PATIENCE else []
    slow += [
        f"{node.name} tries again after {_retry(node)}" for node in tree.nodes if _seconds(_retry(node)) > PATIENCE
    ]
    if slow:
        fix = "set spec.retryInterval, without which it is the interval; this collection asks at once, nobody else does"
        return Check("intervals", WARN, f"slow after a change or a failure: {listing(slow)}", fix)
    longest = max(tree.nodes, key=lambda node: _seconds(_retry(node)))
    told = f"{sync.kind} looks every {_of(sync.source)}, and what has failed is tried again after {_retry(longest)}"
    hint = "" if "retryInterval" in section(longest.kustomization, "spec") else "spec.retryInterval makes that shorter"
    return Check("intervals", OK, told, hint)


def _of(found: Mapping[str, t.Any]) -> str:
    return str(section(found, "spec").get("interval") or "(no interval)")


def _retry(node: Coverage) -> str:
    """Return after what time a failing Kustomization tries again."""
    return str(section(node.kustomization, "spec").get("retryInterval") or _of(node.kustomization))


def _seconds(duration: t.Any) -> float:
    """Return the length of a duration as Go writes it, 0 for none."""
    text = str(duration or "")
    if not _DURATION.fullmatch(text):
        return 0.0
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(r"([0-9.]+)(ms|s|m|h)", text))


def _decryption(node: Coverage) -> Mapping[str, t.Any]:
    return section(node.kustomization, "spec", "decryption")


def _decrypts(node: Coverage) -> bool:
    """Return whether the controller decrypts at all: with another provider, or none, it does nothing."""
    return _decryption(node).get("provider", "sops") == "sops" and node.decryption is not None


def _told(path: str, node: Coverage, encrypted: Encrypted) -> str:
    """Return the path, and what would become of the file."""
    if path in node.inputs and path not in node.resources:
        return f"{path} (its ciphertext would be built in)"
    content = encrypted.content(path)
    # Of a Secret with data the build fails. Other kinds of Kubernetes itself lose the entry `sops`, and are applied.
    is_secret = _SECRET.search(content) is not None
    if (is_secret and _STRING_DATA.search(content)) or (not is_secret and _BUILT_IN.search(content)):
        return f"{path} (the ciphertext would be stored, and reported as ready)"
    return path


def _has_secret(
    node: Coverage, seeded: set[tuple[str, str]], encrypted: Encrypted, tree: Tree, controller_secret: str
) -> bool:
    if not node.decryption:
        # Without a Secret there is the one of the controller, or its identity in the cloud.
        return bool(controller_secret or _decryption(node).get("serviceAccountName"))
    wanted = (node.namespace, node.decryption)
    return wanted in seeded or any(wanted in secrets_of(other, encrypted) for other in tree.nodes if other is not node)


def secrets_of(node: Coverage, encrypted: Encrypted) -> set[tuple[str, str]]:
    """Return namespace and name of the encrypted Secrets that a Kustomization brings, as far as they are opened."""
    target = str(section(node.kustomization, "spec").get("targetNamespace") or "")
    named = [reference(found) for path in encrypted.among(node.resources) for found in encrypted.documents(path)]
    return {(target or found.namespace, found.name) for found in named if found.kind == "Secret"}
