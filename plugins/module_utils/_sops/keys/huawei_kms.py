# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of Huawei Cloud KMS, as `region:id`.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ..._errors import ConfigError, MalformedMetadataError
from .stored import StoredKey


class HuaweiKmsKey(StoredKey):
    """One key of Huawei Cloud KMS and the data key encrypted with it."""

    kind: t.ClassVar[str] = "hckms"
    FIELDS: t.ClassVar[tuple[str, ...]] = ("created_at", "enc", "key_id")

    @classmethod
    def named(cls, key_id: str, *, where: str) -> t.Self:
        """A key as a rule names it."""
        if not _is_whole(key_id):
            raise ConfigError("a Huawei key is written as region:id", where=where)
        return cls({"key_id": key_id})

    @classmethod
    def parse(cls, data: Mapping[str, t.Any], *, where: str) -> t.Self:
        """Read an entry of the metadata."""
        key = super().parse(data, where=where)
        if not _is_whole(key.text("key_id")):
            raise MalformedMetadataError("a Huawei key is written as region:id", where=f"{where}.key_id")
        return key

    @property
    def recipient(self) -> str:
        """Region and identifier."""
        return self.text("key_id")


def _is_whole(key_id: str) -> bool:
    region, _colon, identifier = key_id.partition(":")
    return bool(region.strip() and identifier.strip())
