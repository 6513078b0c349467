# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What private keys have in common that open age files here, without pyrage: X25519 and post-quantum.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from abc import ABC, abstractmethod

from ..._errors import KeyFormatError
from . import age_bech32
from .age_format import AgeFile, AgeFileError, opened, unpadded

_SEALED_FILE_KEY_SIZE = 16 + 16


class NativeKey(ABC):
    """A private key whose stanzas hold one argument, a share, and the sealed file key."""

    stanza: t.ClassVar[str]
    share_size: t.ClassVar[int]

    def __init__(self, private: str) -> None:
        """Raises `KeyFormatError` without a word of the key, for which there is no traceback either."""
        try:
            self._take(age_bech32.decode(private)[1])
        except (KeyFormatError, ValueError):
            raise KeyFormatError("an age identity is damaged: its checksum does not fit") from None

    @abstractmethod
    def _take(self, content: bytes) -> None:
        """Make the key of its bytes. Raises `KeyFormatError` or `ValueError` if they are none."""

    @property
    @abstractmethod
    def recipient(self) -> str:
        """The public key."""

    @abstractmethod
    def file_key(self, share: bytes, sealed: bytes) -> bytes | None:
        """The file key, None if it was sealed for another key. Raises `ValueError` if the share fits no key."""

    def open(self, file: AgeFile) -> bytes | None:
        """What a file holds, None if it is for somebody else."""
        for kind, arguments, body in file.stanzas:
            if kind != self.stanza:
                continue
            share = unpadded(arguments[0]) if len(arguments) == 1 else b""
            if len(share) != self.share_size or len(body) != _SEALED_FILE_KEY_SIZE:
                raise AgeFileError("header", f"a stanza of its header is not what its type {kind} asks for")
            try:
                file_key = self.file_key(share, body)
            except ValueError:
                raise AgeFileError("header", f"a stanza of type {kind} fits no key") from None
            if file_key is not None:
                return opened(file, file_key)
        return None
