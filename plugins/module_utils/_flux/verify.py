# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Did every secret in Git arrive? Compared in memory, by hash; no value is shown.

Private to the collection. That a Kustomization is ready proves nothing: a Secret with `stringData`
whose Kustomization has no decryption is applied as ciphertext without any error.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .._errors import VerificationError
from .._kubernetes.api import Api, concurrently
from .._kubernetes.objects import Object, Reference, reference
from .._sops.identities import KeyRing
from .encrypted import Encrypted
from .tree import Coverage, Tree
from .waiting import inventory

CIPHERTEXT = b"ENC["


@dataclass(frozen=True)
class Expected:
    """One Secret as Git has it, to be found in the cluster under this name."""

    target: Reference
    path: str
    kustomization: str
    decrypts: bool
    digests: Mapping[str, bytes] = field(repr=False)


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
            raise VerificationError(
                f"{len(self.differing)} of {self.compared} secrets in the cluster are not those in Git: "
                + "; ".join(self.differing),
                hint="does the Kustomization have spec.decryption, and does anything else write these Secrets?",
            )


def prove(api: Api, tree: Tree, encrypted: Encrypted, ring: KeyRing, kustomizations: Sequence[Object]) -> Proof:
    """Compare every encrypted Secret of the tree with the one that its Kustomization has applied."""
    proof = Proof()
    applied = {f"{reference(found).namespace}/{reference(found).name}": found for found in kustomizations}
    wanted: list[Expected] = []
    for node in tree.nodes:
        for entry in _expected(node, encrypted, ring, applied.get(node.name)):
            if isinstance(entry, str):
                proof.not_compared.append(entry)
            else:
                wanted.append(entry)
    for entry, live in zip(wanted, concurrently(lambda item: api.get(item.target), wanted), strict=True):
        proof.compared += 1
        problem, surplus = _difference(entry, live)
        if problem:
            proof.differing.append(f"{entry.target} ({entry.path}): {problem}")
        elif surplus:
            proof.warnings.append(f"{entry.target} has keys that Git does not have: {', '.join(surplus)}")
        else:
            proof.proven += 1
    return proof


def _expected(node: Coverage, encrypted: Encrypted, ring: KeyRing, applied: Object | None) -> Iterator[Expected | str]:
    entries = list(inventory(applied)) if applied else []
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
            namespaces = [
                namespace for kind, _group, namespace, name in entries if (kind, name) == ("Secret", named.name)
            ]
            if named.namespace in namespaces:
                namespaces = [named.namespace]
            if len(namespaces) != 1:
                where = "several Secrets" if namespaces else "no Secret"
                yield f"{path}: {node.name} has applied {where} of the name {named.name}"
                continue
            values = _values(found)
            if substitutes and any(b"${" in value for value in values.values()):
                yield f"{path}: {node.name} substitutes variables in it"
                continue
            digests = {key: hashlib.sha256(value).digest() for key, value in values.items()}
            target = Reference("v1", "Secret", namespaces[0], named.name)
            yield Expected(target, path, node.name, node.decryption is not None, digests)


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


def _difference(wanted: Expected, live: Object | None) -> tuple[str, list[str]]:
    """Return what is wrong, and the keys that only the cluster has."""
    if live is None:
        return "is not in the cluster", []
    there = {key: base64.b64decode(value or "") for key, value in (live.get("data") or {}).items()}
    ciphertext = sorted(key for key, value in there.items() if value.startswith(CIPHERTEXT))
    if ciphertext:
        fix = "" if wanted.decrypts else f", Kustomization {wanted.kustomization} has no decryption"
        return f"holds ciphertext instead of the value of {', '.join(ciphertext)}{fix}", []
    missing = sorted(wanted.digests.keys() - there.keys())
    if missing:
        return f"lacks {', '.join(missing)}", []
    other = sorted(
        key
        for key, digest in wanted.digests.items()
        if not hmac.compare_digest(hashlib.sha256(there[key]).digest(), digest)
    )
    if other:
        return f"another value of {', '.join(other)}", []
    return "", sorted(there.keys() - wanted.digests.keys())
