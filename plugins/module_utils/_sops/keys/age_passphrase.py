# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key files that are protected by a passphrase: age files with an scrypt stanza, which hold identities.

Private to the collection. The work factor is limited as in age itself; pyrage would measure how fast the machine is
just then, and refuse the same file on a busy one.
"""

from __future__ import annotations

import re
import threading

from ..._errors import DataKeyError, FluxseedError, KeyFormatError, MissingLibraryError
from .. import primitives
from .age_format import AgeFile, AgeFileError, dearmored, opened, parse, unpadded
from .age_identities import Ask, OpeningIdentity, locked, parse_identities

SIZE_LIMIT = 1 << 24
"""As in sops."""
_STANZA = "scrypt"
_LABEL = b"age-encryption.org/v1/scrypt"
_WORK_FACTOR_LIMIT = 22
_SALT_SIZE, _WRAPPED_SIZE = 16, 16 + 16
_ZERO_NONCE = bytes(12)


class Passphrase:
    """A passphrase as an identity."""

    def __init__(self, text: str) -> None:
        self._passphrase = text.encode("utf-8", "surrogateescape")

    def open(self, file: AgeFile) -> bytes | None:
        """What a file holds, None if it is not protected by this passphrase."""
        from . import age_primitives  # noqa: PLC0415  (start-up time)

        kind, arguments, body = file.stanzas[0]
        if kind != _STANZA:
            return None
        salt = unpadded(arguments[0]) if len(arguments) == 2 else b""
        if len(salt) != _SALT_SIZE or not re.fullmatch("[1-9][0-9]?", arguments[1]) or len(body) != _WRAPPED_SIZE:
            raise AgeFileError("header", f"its stanza is not what its type {_STANZA} asks for")
        work_factor = int(arguments[1])
        if work_factor > _WORK_FACTOR_LIMIT:
            raise AgeFileError("header", f"its work factor of {work_factor} is above {_WORK_FACTOR_LIMIT}")
        key = age_primitives.scrypt(self._passphrase, _LABEL + salt, work_factor)
        file_key = primitives.chacha_open(key, _ZERO_NONCE, body)
        return None if file_key is None else opened(file, file_key)


class ProtectedIdentities(OpeningIdentity):
    """The identities of a file that is protected by a passphrase, which is asked for when no other identity has opened."""

    effort = 2

    def __init__(self, label: str, text: str, passphrase: Ask | None) -> None:
        self._label = label
        self._passphrase = passphrase
        self._file = _read(text)
        self._lock = threading.Lock()
        self._identities: list[OpeningIdentity] | None = None
        self._refusal = ""
        self._lacking: list[MissingLibraryError] = []

    @property
    def recipient(self) -> str:
        """Where it stands; the public keys are known once it has been opened."""
        if self._identities is None:
            return f"{self._label} (protected by a passphrase)"
        return ", ".join(identity.recipient for identity in self._identities)

    def open(self, file: AgeFile) -> bytes | None:
        """What a file holds, None if it is for somebody else."""
        with self._lock:
            if self._identities is None and not self._refusal:
                try:
                    self._identities = self._ask()
                except FluxseedError as exc:
                    # Asked once: whoever has mistyped starts again.
                    self._refusal = f"{self._label} {exc.message}"
        if self._refusal:
            raise locked(self._refusal)
        for identity in self._identities or ():
            plain = identity.open(file)
            if plain is not None:
                return plain
        if self._lacking:
            raise self._lacking[0]
        return None

    def _ask(self) -> list[OpeningIdentity]:
        text = self._passphrase(self._label) if self._passphrase else None
        if text is None:
            raise DataKeyError("is protected by a passphrase, and nobody can be asked for it")
        try:
            content = Passphrase(text).open(self._file)
        except AgeFileError as exc:
            raise DataKeyError(f"is damaged: {exc.detail}") from None
        if content is None:
            raise DataKeyError("is protected by a passphrase, and the one given is wrong")
        try:
            return parse_identities(content.decode("utf-8"), self._passphrase, lacking=self._lacking)
        except UnicodeDecodeError:
            # The cause would carry the content.
            raise DataKeyError("holds no text under its passphrase") from None
        except KeyFormatError as exc:
            raise DataKeyError(f"holds no identities under its passphrase: {exc.message}") from None


def _read(text: str) -> AgeFile:
    if len(text) > SIZE_LIMIT:
        raise KeyFormatError("the file is too long for a key file")
    content = text.encode("utf-8", "surrogateescape")
    try:
        file = parse(dearmored(content) if text.startswith("-----") else content)
    except AgeFileError as exc:
        raise KeyFormatError(f"the file protected by a passphrase is damaged: {exc.detail}") from None
    if file.stanzas[0][0] != _STANZA:
        raise KeyFormatError("the key file is encrypted for a recipient and not with a passphrase: decrypt it with age")
    return file
