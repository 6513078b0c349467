# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of Azure Key Vault, by vault, name and version.

Private to the collection.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Sequence
from dataclasses import replace

from ..._errors import ConfigError
from .base import MasterKey
from .stored import StoredKey

_URL = r"(https://[^/]+)/keys/([^/]+)(?:/([^/]*))?\Z"


class AzureKey(StoredKey):
    """One key of Azure Key Vault and the data key encrypted with it."""

    kind: t.ClassVar[str] = "azure_kv"
    FIELDS: t.ClassVar[tuple[str, ...]] = ("created_at", "enc", "name", "vault_url", "version")

    @classmethod
    def named(cls, url: str, *, where: str) -> t.Self:
        """A key by URL."""
        match = re.match(_URL, url.strip())
        if match is None:
            raise ConfigError("an Azure key is written as https://name.vault.azure.net/keys/name/version", where=where)
        return cls.of(match[1], match[2], match[3] or "")

    @classmethod
    def of(cls, vault: str, name: str, version: str) -> t.Self:
        """A key by its parts; without a version it is the one that is current when a data key is wrapped."""
        return cls({"vault_url": vault, "name": name, "version": version})

    def in_version(self, version: str) -> t.Self:
        """The same key in a version."""
        return replace(self, entry={**self.entry, "version": version})

    @property
    def recipient(self) -> str:
        """The URL of the key in this version."""
        return f"{self.text('vault_url')}/keys/{self.text('name')}/{self.text('version')}"


def settled(key: MasterKey, known: Sequence[MasterKey]) -> MasterKey:
    """A key of a rule as it is compared with those of a file: one without a version is met by any version of it."""
    if not isinstance(key, AzureKey) or key.text("version"):
        return key
    return next((found for found in known if found.kind == key.kind and found.recipient.startswith(key.recipient)), key)
