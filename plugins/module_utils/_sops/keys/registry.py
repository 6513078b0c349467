# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of master keys, by the name of their list in the metadata.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..._errors import MalformedMetadataError, UnsupportedError
from .age import AgeKey
from .base import MasterKey

LISTS = ("kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age")
"""All lists, in the order in which a group is put together."""

_NAMES = {
    "kms": ("arn",),
    "gcp_kms": ("resource_id",),
    "hckms": ("key_id",),
    "azure_kv": ("vault_url", "name", "version"),
    "hc_vault": ("vault_address", "engine_path", "key_name"),
    "pgp": ("fp",),
}


@dataclass(frozen=True)
class ForeignKey:
    """An entry that is kept and shown, but that nothing here can open."""

    kind: str
    entry: Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def recipient(self) -> str:
        """The fields that name the key."""
        return "/".join(str(self.entry.get(name, "")) for name in _NAMES[self.kind])

    @property
    def enc(self) -> str:
        """The wrapped data key as stored."""
        return str(self.entry.get("enc", ""))

    def wrap(self, data_key: bytes) -> MasterKey:
        """Refuse: a new data key cannot be given to it."""
        del data_key
        raise UnsupportedError(f"keys of kind {self.kind} are not supported yet", where=self.recipient)

    def to_data(self) -> dict[str, t.Any]:
        """The entry as it was read."""
        return dict(self.entry)


def read(kind: str, entry: t.Any, *, where: str) -> MasterKey:
    """An entry of the metadata as a master key."""
    if kind == "age":
        return AgeKey.parse(entry, where=where)
    if not isinstance(entry, Mapping):
        raise MalformedMetadataError("an entry is not a mapping", where=where)
    return ForeignKey(kind, entry)
