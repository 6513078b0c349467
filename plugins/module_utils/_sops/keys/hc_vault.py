# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of the transit engine of HashiCorp Vault and OpenBao, by URI.

Private to the collection.
"""

from __future__ import annotations

import re
import typing as t

from ..._errors import ConfigError
from .stored import StoredKey

_URI = r"([A-Za-z][A-Za-z0-9+.-]*://[^/]+)/v[0-9]+/(.+)/[^/]+/([^/]+)/?\Z"


class VaultTransitKey(StoredKey):
    """One key of a transit engine and the data key encrypted with it."""

    kind: t.ClassVar[str] = "hc_vault"
    FIELDS: t.ClassVar[tuple[str, ...]] = ("created_at", "enc", "engine_path", "key_name", "vault_address")

    @classmethod
    def named(cls, uri: str, *, where: str) -> t.Self:
        """A key by URI."""
        match = re.match(_URI, uri)
        if match is None:
            raise ConfigError("a key of Vault is written as https://host:8200/v1/transit/keys/name", where=where)
        return cls({"vault_address": match[1], "engine_path": match[2], "key_name": match[3]})

    @property
    def recipient(self) -> str:
        """The URI of the key."""
        return f"{self.text('vault_address')}/v1/{self.text('engine_path')}/keys/{self.text('key_name')}"
