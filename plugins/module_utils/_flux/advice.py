# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step after a failure, with what the cluster and Git say about it: names and public keys, never a value.

Private to the collection.
"""

from __future__ import annotations

import base64
import hashlib
import re
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .._errors import FluxseedError
from .._kubernetes.api import Api
from .._kubernetes.objects import Object, Reference
from .._sops.keys.age import parse_identities
from .hints import flatten, known
from .manifests import decryption_secret
from .secrets import KEY_SUFFIX

LONGEST = 10
"""How many names are listed."""


def nothing() -> Sequence[str]:
    """Know of none."""
    return ()


@dataclass(frozen=True)
class Advisor:
    """Explains messages; what it cannot find out it leaves out."""

    api: Api
    branches: Callable[[], Sequence[str]] = nothing
    """Returns the branches of the remote."""
    folders: Callable[[], Sequence[str]] = nothing
    """Returns the folders of the repository that a Kustomization can be about."""

    def __call__(self, target: Reference, found: Object | None, message: str) -> str | None:
        """Return the next step for an object with this message, None when the message is new."""
        hint = known(message)
        if hint is None:
            return None
        try:
            evidence = self._evidence(hint.name, target, found or {}, flatten(message))
        except FluxseedError:
            # Not allowed to look, or nobody there to ask: the hint is true without it.
            evidence = ""
        return f"{hint.text}; {evidence}" if evidence else hint.text

    def _evidence(self, name: str, target: Reference, found: Object, message: str) -> str:  # noqa: PLR0911 - one each
        if name == "missing_secret":
            return self._missing_secret(target, message)
        if name == "other_key":
            return self._other_key(target, found, message)
        if name == "malformed_key":
            named = re.search(r"failed to import '([^']*)' data", message, re.IGNORECASE)
            return "; ".join(
                f"{entry}: {_shape(text)}"
                for entry, text in self._keys(target, found)
                if named is None or entry == named[1]
            )
        if name == "no_key_entry":
            where, secret = self._decryption(target, found)
            return f"{where} has {_listed(secret.get('data') or {}) or 'none'}" if secret else ""
        if name == "no_decryption":
            return f"that is {target}"
        if name == "credential":
            where, secret = self._git_secret(target, found)
            return f"{where} has {_listed(secret.get('data') or {})}" if secret else ""
        if name == "host_key":
            where, secret = self._git_secret(target, found)
            prints = fingerprints(_decoded(secret).get("known_hosts", ""))
            return f"{where} has {', '.join(prints) or 'no host'}" if secret else ""
        if name == "branch":
            return f"its branches: {_listed(self.branches())}" if self.branches() else ""
        if name == "path":
            return f"its folders: {_listed(self.folders())}" if self.folders() else ""
        return ""

    def _missing_secret(self, target: Reference, message: str) -> str:
        match = re.search(r"secrets? \"?([^\" ]+)\"? not found", message, re.IGNORECASE)
        wanted = match.group(1) if match else ""
        every = [found.get("metadata") or {} for found in self.api.list("v1", "Secret")]
        here = sorted(str(found.get("name")) for found in every if found.get("namespace") == target.namespace)
        elsewhere = sorted(str(found.get("namespace")) for found in every if found.get("name") == wanted)
        told = f"namespace {target.namespace} has {_listed(here) or 'none'}"
        return f"{told}; there is one of this name in {_listed(elsewhere)}" if elsewhere else told

    def _other_key(self, target: Reference, found: Object, message: str) -> str:
        recipients = sorted(set(re.findall(r"\bage1[0-9a-z]{58}\b", message)))
        where, _secret = self._decryption(target, found)
        own = sorted({public for _entry, text in self._keys(target, found) for public in public_keys(text)})
        parts = [f"the file is for {_listed(recipients)}"] if recipients else []
        parts += [f"the key in {where} is {_listed(own)}"] if own else []
        return ", ".join(parts)

    def _keys(self, target: Reference, found: Object) -> Iterator[tuple[str, str]]:
        _where, secret = self._decryption(target, found)
        for entry, text in _decoded(secret).items():
            if entry.endswith(KEY_SUFFIX):
                yield entry, text

    def _decryption(self, target: Reference, found: Object) -> tuple[str, Object]:
        return self._secret(target.namespace, decryption_secret(found) or "")

    def _git_secret(self, target: Reference, found: Object) -> tuple[str, Object]:
        name = str(((found.get("spec") or {}).get("secretRef") or {}).get("name") or "")
        return self._secret(target.namespace, name)

    def _secret(self, namespace: str, name: str) -> tuple[str, Object]:
        wanted = Reference("v1", "Secret", namespace, name)
        return str(wanted), (self.api.get(wanted) or {}) if name else {}


def fingerprints(known_hosts: str) -> list[str]:
    """Return host and fingerprint of each line of a known_hosts file, as ssh-keygen -l writes them."""
    told = []
    for line in known_hosts.splitlines():
        words = line.split()
        words = words[1:] if words and words[0].startswith("@") else words
        if len(words) < 3 or words[0].startswith("#"):
            continue
        try:
            digest = hashlib.sha256(base64.b64decode(words[2], validate=True)).digest()
        except ValueError:
            continue
        told.append(f"{words[0]} {words[1]} SHA256:{base64.b64encode(digest).decode().rstrip('=')}")
    return told


def public_keys(text: str) -> list[str]:
    """Return the public keys of an age identity file; none when it cannot be read."""
    try:
        return [identity.recipient for identity in parse_identities(text)]
    except FluxseedError:
        return []


def _shape(text: str) -> str:
    """Say what a text that should be an age key looks like, without a part of it."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        return "is empty"
    if text.lstrip().startswith("$ANSIBLE_VAULT"):
        return "is a text encrypted by Ansible Vault"
    if any(line.startswith("age1") for line in lines):
        return "is a public key"
    if any(line.startswith("-----BEGIN") for line in lines):
        return "is a PEM or PGP block"
    if all(line.upper().startswith("AGE-SECRET-KEY-") for line in lines):
        return "begins as an age key, but is cut off or mistyped"
    return "has a line that does not start with AGE-SECRET-KEY-"


def _decoded(secret: Mapping[str, t.Any]) -> dict[str, str]:
    return {
        name: base64.b64decode(value).decode(errors="replace") for name, value in (secret.get("data") or {}).items()
    }


def _listed(names: Sequence[str] | Mapping[str, t.Any]) -> str:
    shown = sorted(names)
    more = f" and {len(shown) - LONGEST} more" if len(shown) > LONGEST else ""
    return ", ".join(shown[:LONGEST]) + more
