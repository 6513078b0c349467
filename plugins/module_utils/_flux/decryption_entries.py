# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of the decryption Secret: which names kustomize-controller knows, and what belongs in each.

Private to the collection. Pure. Every other name is ignored by Flux without a word, and a wrong
content is found only when the first file cannot be decrypted; so both are refused beforehand, in
words that hold nothing of the content.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Mapping

from .._errors import InvalidInputError, KeyFormatError, ManifestError
from .._sops.keys.pgp_block import check_opens
from .encrypted import key_ring
from .manifests import load
from .service_credentials import AWS_KMS, AZURE_KV, GCP_KMS, VAULT_TOKEN

AGE_SUFFIX = ".agekey"
PGP_SUFFIX = ".asc"
OPTION = "decryption_keys"

_AWS = ("aws_access_key_id", "aws_secret_access_key")
_AZURE_FORMS = (
    ("tenantId", "clientId", "clientSecret"),
    ("tenantId", "clientId", "clientCertificate"),
    ("clientId",),
    ("tenant", "appId", "password"),
)


def is_age(name: str) -> bool:
    """Return whether Flux reads age identities from an entry of this name."""
    return name.endswith(AGE_SUFFIX)


def is_pgp(name: str) -> bool:
    """Return whether Flux imports an OpenPGP key from an entry of this name."""
    return name.endswith(PGP_SUFFIX)


def check_entry(name: str, content: str) -> None:
    """Refuse an entry that Flux would ignore, or could not use.

    Raises:
        InvalidInputError: the name or the shape of the content.
    """
    if re.search(r"[^-._a-zA-Z0-9]", name):
        raise InvalidInputError(f"{name!r} is no name of an entry in a Secret", where=f"{OPTION}.name")
    reader = _reader(name)
    if not content.strip():
        raise InvalidInputError("is empty", where=f"{OPTION}: {name}", hint="is the variable for it set?")
    if content.lstrip().startswith("$ANSIBLE_VAULT;"):
        raise InvalidInputError(
            "is still encrypted by Ansible Vault", where=f"{OPTION}: {name}", hint="decrypt it first"
        )
    reader(name, content)


def _reader(name: str) -> Callable[[str, str], None]:
    for suffix, reader in ((AGE_SUFFIX, _age), (PGP_SUFFIX, _pgp)):
        if name.endswith(suffix):
            return reader
    known = {VAULT_TOKEN: _token, AWS_KMS: _aws, AZURE_KV: _azure, GCP_KMS: _gcp}
    if name in known:
        return known[name]
    raise InvalidInputError(
        f"{name} does not end in {AGE_SUFFIX} or {PGP_SUFFIX}, and is none of {', '.join(known)}",
        where=f"{OPTION}.name",
        hint="Flux takes no notice of other names",
    )


def _age(name: str, content: str) -> None:
    """Accept age identities; Flux takes no SSH keys, and has no plugins."""
    if "PRIVATE KEY-----" in content:
        raise _wrong(name, "is no age key: Flux takes no SSH key here", "an age key starts with AGE-SECRET-KEY-")
    ring = key_ring([(name, content)])
    if ring.failed or not ring.recipients:
        found = "is a public key" if re.match(r"\s*age1", content) else "holds no age key, or a malformed one"
        raise _wrong(
            name, found, "each line of an age key starts with AGE-SECRET-KEY-; other lines are comments with #"
        )


def _pgp(name: str, content: str) -> None:
    """Accept private keys without a passphrase, which the controller cannot ask for; they may have expired during a rotation."""
    try:
        check_opens(content)
    except KeyFormatError as exc:
        raise _wrong(name, exc.message, exc.hint or "") from None


def _token(name: str, content: str) -> None:
    if len(content.split()) != 1:
        raise _wrong(name, "is no token: it has several words or lines", "give the token alone")


def _aws(name: str, content: str) -> None:
    found = _mapping(name, content)
    missing = [key for key in _AWS if not found.get(key)]
    if missing:
        raise _wrong(
            name, f"lacks {' and '.join(missing)}", f"YAML with {', '.join(_AWS)} and perhaps aws_session_token"
        )


def _azure(name: str, content: str) -> None:
    found = _mapping(name, content)
    forms = [form for form in _AZURE_FORMS if not (form == ("clientId",) and found.get("tenantId"))]
    if not any(all(found.get(key) for key in form) for form in forms):
        listing = "; ".join(" with ".join(form) for form in _AZURE_FORMS)
        raise _wrong(name, "is no credential of Azure", f"a mapping with one of: {listing}")


def _gcp(name: str, content: str) -> None:
    found = _mapping(name, content)
    if not found.get("type") or (found["type"] == "service_account" and not found.get("private_key")):
        raise _wrong(
            name, "is no credential of Google Cloud", "the JSON of a service account, with type and private_key"
        )


def _mapping(name: str, content: str) -> Mapping[str, t.Any]:
    try:
        found = load(content.encode(), where=name)
    except ManifestError:
        found = None
    if not isinstance(found, Mapping):
        # The reason that the YAML library gives may quote the content.
        raise _wrong(name, "is no mapping in YAML or JSON", "see the documentation of decryption_keys") from None
    return found


def _wrong(name: str, message: str, hint: str) -> InvalidInputError:
    return InvalidInputError(message, where=f"{OPTION}: {name}", hint=hint)
