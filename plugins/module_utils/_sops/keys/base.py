# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a master key is: something that wraps the data key of a file.

Private to the collection.
"""

from __future__ import annotations

import typing as t


class Identity(t.Protocol):
    """A private key that may open what was wrapped for its recipient."""

    def unwrap(self, enc: str) -> bytes | None:
        """The data key in `enc`, None if it was wrapped for somebody else."""


class MasterKey(t.Protocol):
    """One entry of a key list in the metadata."""

    @property
    def kind(self) -> str:
        """Name of the list it stands in: `age`, `pgp`, `kms` …."""

    @property
    def recipient(self) -> str:
        """Text by which recipients are compared and shown."""

    @property
    def enc(self) -> str:
        """The wrapped data key as stored; empty before `wrap`."""

    def wrap(self, data_key: bytes) -> MasterKey:
        """The same key holding `data_key`."""

    def to_data(self) -> dict[str, t.Any]:
        """The entry as stored."""
