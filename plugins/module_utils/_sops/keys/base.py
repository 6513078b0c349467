# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a master key is: something that wraps the data key of a file; and what does the wrapping.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence


class Surroundings(t.NamedTuple):
    """What the outer layer lets the engine see."""

    environment: Mapping[str, str]
    home: str
    read_file: Callable[[str], str | None]
    """Text of a file, None if there is none; any FluxseedError or OSError is a source that failed."""
    run_command: Callable[[Sequence[str], Mapping[str, str]], str]
    """Output of a command run with additional environment variables."""
    passphrase: Callable[[str], str | None] | None = None
    """The passphrase of what is named, None if nobody can be asked."""
    ambient: bool = True
    """Whether clients of a service may look for credentials where they always do: profiles, metadata servers, agents."""


class Identity(t.Protocol):
    """A private key that may open what was wrapped for its recipient."""

    @property
    def recipient(self) -> str:
        """The public key, or what else tells this identity from others."""

    @property
    def mark(self) -> str:
        """The same, or another text that is to be had without work."""

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
        """The wrapped data key as stored; empty before it was wrapped."""

    def to_data(self) -> dict[str, t.Any]:
        """The entry as stored."""


class KeyService(t.Protocol):
    """What wraps data keys of one kind of master key, and unwraps them: a library, a program, a service far away.

    It may be called by several threads at once.
    """

    def wrap(self, key: t.Any, data_key: bytes) -> MasterKey:
        """The same key holding `data_key`. Raises `EncryptionError`, `KeyFormatError` or `UnsupportedError`."""

    def unwrap(self, key: t.Any) -> bytes:
        """The data key that the key holds. Raises `DataKeyError` with the reason why it cannot be had."""
