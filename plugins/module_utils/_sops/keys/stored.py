# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A master key with the fields of its entry: what all kinds but age have in common.

Private to the collection. Fields that are not known are kept, and written again.
"""

from __future__ import annotations

import typing as t
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace

from .. import weak_types


@dataclass(frozen=True)
class StoredKey(ABC):
    """One entry, with the fields as they were read."""

    entry: Mapping[str, t.Any]

    kind: t.ClassVar[str]
    FIELDS: t.ClassVar[tuple[str, ...]]
    """The fields of an entry, as written."""

    @classmethod
    def parse(cls, data: Mapping[str, t.Any], *, where: str) -> t.Self:
        """Read an entry of the metadata; values of a wrong scalar type are refused where sops refuses them."""
        fields = weak_types.own_spelling(data, cls.FIELDS)
        for name in cls.FIELDS:
            if name != "context":
                weak_types.text(fields.get(name), f"{where}.{name}")
        weak_types.time(fields.get("created_at"), f"{where}.created_at")
        return cls(fields)

    @property
    @abstractmethod
    def recipient(self) -> str:
        """The text by which sops names and compares the key."""

    @property
    def enc(self) -> str:
        """The wrapped data key as stored."""
        return self.text("enc")

    def text(self, name: str) -> str:
        """One field as text."""
        value = self.entry.get(name)
        return "" if value is None else str(value)

    def holding(self, enc: str, created_at: str) -> t.Self:
        """The same key with a wrapped data key, and the time (RFC 3339, UTC, seconds) at which it was wrapped."""
        return replace(self, entry={**self.entry, "enc": enc, "created_at": created_at})

    def to_data(self) -> dict[str, t.Any]:
        """The entry as it was read, in order."""
        return dict(sorted(self.entry.items()))
