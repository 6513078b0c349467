# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of Google Cloud KMS, by resource name.

Private to the collection.
"""

from __future__ import annotations

import typing as t

from .stored import StoredKey


class GcpKmsKey(StoredKey):
    """One key of Google Cloud KMS and the data key encrypted with it."""

    kind: t.ClassVar[str] = "gcp_kms"
    FIELDS: t.ClassVar[tuple[str, ...]] = ("created_at", "enc", "resource_id")

    @classmethod
    def named(cls, resource: str) -> t.Self:
        """A key by resource name; spaces do not count."""
        return cls({"resource_id": resource.replace(" ", "")})

    @property
    def recipient(self) -> str:
        """The resource name."""
        return self.text("resource_id")
