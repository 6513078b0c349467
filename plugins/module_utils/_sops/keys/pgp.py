# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP keys, by fingerprint.

Private to the collection.
"""

from __future__ import annotations

import typing as t

from .stored import StoredKey


class PgpKey(StoredKey):
    """One OpenPGP key and the data key encrypted for it."""

    kind: t.ClassVar[str] = "pgp"
    FIELDS: t.ClassVar[tuple[str, ...]] = ("created_at", "enc", "fp")

    @classmethod
    def named(cls, fingerprint: str) -> t.Self:
        """A key by fingerprint; spaces do not count."""
        return cls({"fp": fingerprint.replace(" ", "")})

    @property
    def recipient(self) -> str:
        """The fingerprint."""
        return self.text("fp")
