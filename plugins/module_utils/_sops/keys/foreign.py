# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Master keys of kinds that nothing here can use yet: they are named, compared, kept and written again.

Private to the collection. A file for people with PGP or cloud keys stays theirs as long as its data key
stays; only giving them a new one is refused.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Mapping

from ..._errors import ConfigError, UnsupportedError
from .base import MasterKey

FIELDS: Mapping[str, tuple[str, ...]] = {
    "kms": ("arn", "aws_profile", "context", "created_at", "enc", "role"),
    "gcp_kms": ("created_at", "enc", "resource_id"),
    "hckms": ("created_at", "enc", "key_id"),
    "azure_kv": ("created_at", "enc", "name", "vault_url", "version"),
    "hc_vault": ("created_at", "enc", "engine_path", "key_name", "vault_address"),
    "pgp": ("created_at", "enc", "fp"),
}
"""The fields of an entry of each kind, as written."""

_VAULT = r"([A-Za-z][A-Za-z0-9+.-]*://[^/]+)/v[0-9]+/(.+)/[^/]+/([^/]+)/?\Z"
_AZURE = r"(https://[^/]+)/keys/([^/]+)(?:/([^/]*))?\Z"


class ForeignKey(t.NamedTuple):
    """One entry, with the fields as they were read."""

    kind: str
    entry: Mapping[str, t.Any]

    @property
    def recipient(self) -> str:
        """The text by which sops names and compares the key."""
        return _TEXTS[self.kind](self)

    @property
    def enc(self) -> str:
        """The wrapped data key as stored."""
        return self.text("enc")

    def text(self, name: str) -> str:
        """One field as text."""
        value = self.entry.get(name)
        return "" if value is None else str(value)

    def wrap(self, data_key: bytes) -> MasterKey:
        """Refuse: a new data key cannot be given to it."""
        del data_key
        raise UnsupportedError(
            f"keys of kind {self.kind} are not supported yet: the data key cannot be wrapped for it",
            where=self.recipient,
        )

    def to_data(self) -> dict[str, t.Any]:
        """The entry as it was read, in order."""
        return dict(sorted(self.entry.items()))


def _kms_text(key: ForeignKey) -> str:
    text = key.text("arn")
    if key.text("role"):
        text += f"+{key.text('role')}"
    given = key.entry.get("context")
    context = ",".join(f"{name}:{given[name]}" for name in sorted(given)) if isinstance(given, Mapping) else ""
    if key.text("aws_profile"):
        return f"{text}|{context}|{key.text('aws_profile')}"
    return f"{text}|{context}" if context else text


_TEXTS: Mapping[str, Callable[[ForeignKey], str]] = {
    "kms": _kms_text,
    "gcp_kms": lambda key: key.text("resource_id"),
    "hckms": lambda key: key.text("key_id"),
    "azure_kv": lambda key: f"{key.text('vault_url')}/keys/{key.text('name')}/{key.text('version')}",
    "hc_vault": lambda key: f"{key.text('vault_address')}/v1/{key.text('engine_path')}/keys/{key.text('key_name')}",
    "pgp": lambda key: key.text("fp"),
}


# --- as named in a creation rule ------------------------------------------------------------------


def pgp(fingerprint: str) -> ForeignKey:
    """A PGP key by fingerprint; spaces do not count."""
    return ForeignKey("pgp", {"fp": fingerprint.replace(" ", "")})


def kms(arn: str, *, profile: str = "") -> ForeignKey:
    """An AWS key by ARN, with the role to take on behind a plus sign."""
    key, plus, role = arn.replace(" ", "").partition("+arn:")
    return ForeignKey("kms", {"arn": key, "aws_profile": profile, **({"role": f"arn:{role}"} if plus else {})})


def gcp_kms(resource: str) -> ForeignKey:
    """A Google key by resource name; spaces do not count."""
    return ForeignKey("gcp_kms", {"resource_id": resource.replace(" ", "")})


def hckms(key_id: str, *, where: str) -> ForeignKey:
    """A Huawei key as `region:id`."""
    region, _colon, identifier = key_id.partition(":")
    if not region.strip() or not identifier.strip():
        raise ConfigError("a Huawei key is written as region:id", where=where)
    return ForeignKey("hckms", {"key_id": key_id})


def hc_vault(uri: str, *, where: str) -> ForeignKey:
    """A key of Vault's transit engine by URI."""
    match = re.match(_VAULT, uri)
    if match is None:
        raise ConfigError("a key of Vault is written as https://host:8200/v1/transit/keys/name", where=where)
    return ForeignKey("hc_vault", {"vault_address": match[1], "engine_path": match[2], "key_name": match[3]})


def azure_kv(url: str, *, where: str) -> ForeignKey:
    """An Azure key by URL."""
    match = re.match(_AZURE, url.strip())
    if match is None:
        raise ConfigError("an Azure key is written as https://name.vault.azure.net/keys/name/version", where=where)
    return azure_kv_of(match[1], match[2], match[3] or "", where=where)


def azure_kv_of(vault: str, name: str, version: str, *, where: str) -> ForeignKey:
    """An Azure key by its parts."""
    if not version:
        raise UnsupportedError(
            "an azure_keyvault key without a version is not supported yet: the vault would have to be asked for it",
            where=where,
            hint="name the version of the key",
        )
    return ForeignKey("azure_kv", {"vault_url": vault, "name": name, "version": version})
