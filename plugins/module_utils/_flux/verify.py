# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Did every secret in Git arrive? Compared in memory, by hash; no value is shown.

Private to the collection. That a Kustomization is ready proves nothing: a Secret with `stringData`
whose Kustomization has no decryption is applied as ciphertext without any error. Objects are never built
here: under which name a Secret arrived stands in the inventory of its Kustomization, and one that is
not found there under its own name is listed, never guessed.
"""

from __future__ import annotations

import base64
import binascii
import collections
import hashlib
import hmac
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .._errors import ApiError, VerificationError
from .._kubernetes.api import Api, concurrently
from .._kubernetes.objects import Object, Reference, reference
from .._sops import document
from .._sops.key_ring import KeyRing
from .encrypted import Encrypted
from .forest import inventory
from .manifests import KUSTOMIZE_GROUP
from .tree import Coverage, Tree

CIPHERTEXT = b"ENC["
_KEPT_FROM = {
    ("decrypt", "disabled"): "decrypting",
    ("reconcile", "disabled"): "updating",
    ("ssa", "Ignore"): "updating",
    ("ssa", "IfNotPresent"): "updating",
}


@dataclass(frozen=True)
class Expected:
    """One Secret as Git has it, to be found in the cluster under this name."""

    target: Reference
    path: str
    kustomization: str
    decrypts: bool
    digests: Mapping[str, bytes] = field(repr=False)
    is_patched: bool = False
    """Its Kustomization changes objects on the way: another value may be meant."""


@dataclass
class Pairing:
    """The Secrets of the files, paired with those that the Kustomizations have applied."""

    expected: list[Expected] = field(default_factory=list)
    unpaired: list[str] = field(default_factory=list)
    """What cannot be compared, each with the reason."""
    others: dict[Reference, Coverage] = field(default_factory=dict)
    """Secrets that were applied and belong to no file: generated, renamed, or in clear in Git."""


@dataclass
class Proof:
    """How many Secrets were compared, and what could not be."""

    compared: int = 0
    proven: int = 0
    not_compared: list[str] = field(default_factory=list)
    differing: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def insist(self) -> None:
        """Raise if a Secret is not what Git says.

        Raises:
            VerificationError: with the Secrets and keys, never values.
        """
        if self.differing:
            count = len(self.differing)
            raise VerificationError(
                f"{count} {'secret' if count == 1 else 'secrets'} in the cluster, of {self.compared} compared, "
                f"{'is' if count == 1 else 'are'} not as in Git: " + "; ".join(self.differing),
                hint="does the Kustomization have spec.decryption, and does anything else write these Secrets?",
            )


def prove(api: Api, tree: Tree, encrypted: Encrypted, ring: KeyRing, kustomizations: Sequence[Object]) -> Proof:
    """Compare every encrypted Secret of the tree with the one that its Kustomization has applied.

    Secrets that cannot be paired are at least looked at: none may hold what SOPS has written.

    Raises:
        ApiError: a Secret could not be read for another reason than that it is absent or forbidden.
    """
    found = pair(tree, encrypted, ring, kustomizations)
    proof = Proof(not_compared=list(found.unpaired))
    for entry, live in zip(found.expected, _read(api, [item.target for item in found.expected]), strict=True):
        if isinstance(live, ApiError):
            proof.not_compared.append(f"{entry.path}: {entry.target} may not be read by this user")
            continue
        problem, surplus, is_certain = _difference(entry, live)
        if problem and not is_certain and entry.is_patched:
            proof.not_compared.append(f"{entry.path}: {entry.target}: {problem}; {entry.kustomization} has patches")
            continue
        proof.compared += 1
        if problem:
            proof.differing.append(f"{entry.target} ({entry.path}): {problem}")
        elif surplus:
            proof.warnings.append(f"{entry.target} has keys that Git does not have: {', '.join(surplus)}")
        else:
            proof.proven += 1
    for (target, node), live in zip(found.others.items(), _read(api, list(found.others)), strict=True):
        if isinstance(live, dict) and (keys := _ciphertext(live)):
            proof.differing.append(f"{target} of {node.name}: holds ciphertext in {', '.join(keys)}{_reason(node)}")
    return proof


def pair(tree: Tree, encrypted: Encrypted, ring: KeyRing, kustomizations: Sequence[Object]) -> Pairing:
    """Return which Secret of the cluster belongs to which file; pure but for the opening of the files."""
    applied = {f"{reference(found).namespace}/{reference(found).name}": found for found in kustomizations}
    result = Pairing()
    for node in tree.nodes:
        entries = list(inventory(applied[node.name])) if node.name in applied else []
        secrets = [(namespace, name) for kind, group, namespace, name in entries if (kind, group) == ("Secret", "")]
        mine = list(_pairs(node, secrets, encrypted, ring))
        count = collections.Counter(entry.target for entry in mine if isinstance(entry, Expected))
        for entry in mine:
            if isinstance(entry, str):
                result.unpaired.append(entry)
            elif count[entry.target] > 1:
                result.unpaired.append(f"{entry.path}: other files of {node.name} hold a Secret of the same name")
            else:
                result.expected.append(entry)
        rest = {Reference("v1", "Secret", *place) for place in secrets} - count.keys()
        result.others |= dict.fromkeys(sorted(rest), node)
    return result


def _pairs(
    node: Coverage, secrets: Sequence[tuple[str, str]], encrypted: Encrypted, ring: KeyRing
) -> Iterator[Expected | str]:
    substitutes = bool((node.kustomization.get("spec") or {}).get("postBuild"))
    for path in encrypted.among(node.inputs):
        yield f"{path}: is read by a generator or patch of {node.name}"
    for path in encrypted.among(node.resources):
        opened = encrypted.opened(path, ring)
        if not opened.is_open:
            yield f"{path}: {opened.problem}"
        for found in opened.documents:
            named = reference(found)
            if (named.api_version, named.kind) != ("v1", "Secret"):
                yield f"{path}: {named.kind or 'a document'} is no Secret"
                continue
            annotations = (found.get("metadata") or {}).get("annotations") or {}
            if kept := _kept_from(annotations):
                yield f"{path}: its annotation keeps Flux from {kept} {named.name}"
                continue
            namespaces = [namespace for namespace, name in secrets if name == named.name]
            if named.namespace in namespaces:
                namespaces = [named.namespace]
            if len(namespaces) != 1:
                yield f"{path}: {node.name} has applied {_instead(named.name, namespaces, secrets)}"
                continue
            is_kept = annotations.get(f"{KUSTOMIZE_GROUP}/substitute") == "disabled"
            texts = (found.get("stringData") or {}).values()
            if substitutes and not is_kept and any("${" in str(value) for value in texts):
                yield f"{path}: {node.name} substitutes variables in it"
                continue
            digests = {key: hashlib.sha256(value).digest() for key, value in _values(found).items()}
            target = Reference("v1", "Secret", namespaces[0], named.name)
            yield Expected(target, path, node.name, node.decryption is not None, digests, bool(node.taken.patched_by))


def _kept_from(annotations: Mapping[str, t.Any]) -> str:
    """Return what an annotation of the manifest keeps Flux from doing, empty when nothing."""
    told = (what for (key, value), what in _KEPT_FROM.items() if annotations.get(f"{KUSTOMIZE_GROUP}/{key}") == value)
    return next(told, "")


def _instead(name: str, namespaces: Sequence[str], secrets: Sequence[tuple[str, str]]) -> str:
    """Say under which names a Secret may have arrived."""
    if namespaces:
        return f"several Secrets of the name {name}, in {', '.join(sorted(namespaces))}"
    similar = sorted(f"{namespace}/{other}" for namespace, other in secrets if name in other)
    maybe = f"; perhaps it is {', '.join(similar)}" if similar else ""
    return f"no Secret of the name {name} (a prefix, suffix or hash changes names){maybe}"


def _read(api: Api, targets: Sequence[Reference]) -> list[Object | ApiError | None]:
    """Return each Secret, None when it is absent; the refusal where a restricted account may not read it."""

    def read(target: Reference) -> Object | ApiError | None:
        try:
            return api.get(target)
        except ApiError as exc:
            if exc.status != 403:
                raise
            return exc

    return concurrently(read, targets)


def _values(found: Mapping[str, t.Any]) -> dict[str, bytes]:
    """Return the values of a Secret manifest as the API server stores them."""
    values: dict[str, bytes] = {}
    for key, text in (found.get("data") or {}).items():
        try:
            values[str(key)] = base64.b64decode(str(text or ""), validate=False)
        except binascii.Error:
            values[str(key)] = str(text).encode()
    for key, text in (found.get("stringData") or {}).items():
        values[str(key)] = ("" if text is None else str(text)).encode()
    return values


def _stored(live: Object) -> dict[str, bytes]:
    return {key: base64.b64decode(value or "") for key, value in (live.get("data") or {}).items()}


def _ciphertext(live: Object) -> list[str]:
    """Return the keys whose value SOPS has written: a single one, or a whole file that a generator took in."""
    annotations = (live.get("metadata") or {}).get("annotations") or {}
    if annotations.get(f"{KUSTOMIZE_GROUP}/decrypt") == "disabled":
        return []
    there = _stored(live)
    return sorted(key for key, value in there.items() if value.startswith(CIPHERTEXT) or document.is_encrypted(value))


def _reason(node: Coverage) -> str:
    return "" if node.decryption is not None else f", Kustomization {node.name} has no decryption"


def _difference(wanted: Expected, live: Object | None) -> tuple[str, list[str], bool]:
    """Return what is wrong, the keys that only the cluster has, and whether no patch can be the reason."""
    if live is None:
        return "is not in the cluster", [], True
    there = _stored(live)
    ciphertext = sorted(key for key, value in there.items() if value.startswith(CIPHERTEXT))
    if ciphertext:
        fix = "" if wanted.decrypts else f", Kustomization {wanted.kustomization} has no decryption"
        return f"holds ciphertext instead of the value of {', '.join(ciphertext)}{fix}", [], True
    missing = sorted(wanted.digests.keys() - there.keys())
    if missing:
        return f"lacks {', '.join(missing)}", [], False
    other = sorted(
        key
        for key, digest in wanted.digests.items()
        if not hmac.compare_digest(hashlib.sha256(there[key]).digest(), digest)
    )
    if other:
        return f"another value of {', '.join(other)}", [], False
    return "", sorted(there.keys() - wanted.digests.keys()), True
