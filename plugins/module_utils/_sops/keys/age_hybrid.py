# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The post-quantum keys of age: a hybrid of X25519 and ML-KEM-768, which pyrage does not have.

Private to the collection. Stanza and labels: https://c2sp.org/age, the mlkem768x25519 recipient type.
"""

from __future__ import annotations

import binascii
import os
from collections.abc import Callable

from ..._errors import KeyFormatError
from . import age_bech32, age_primitives
from .age_format import AgeFile, AgeFileError, armored, opened, sealed, unpadded

PRIVATE_PREFIX = "AGE-SECRET-KEY-PQ-1"
_STANZA = "mlkem768x25519"
_LABEL = b"age-encryption.org/mlkem768x25519"
_SEALED_FILE_KEY_SIZE = 16 + 16


def generate(randomness: Callable[[int], bytes] = os.urandom) -> tuple[str, str]:
    """A new key pair: private and public key as text."""
    seed = randomness(age_primitives.HYBRID_SEED_SIZE)
    public = _public_text(age_primitives.HybridPrivateKey(seed))
    return age_bech32.encode("age-secret-key-pq-", seed).upper(), public


def sealer(recipient: str, randomness: Callable[[int], bytes] = os.urandom) -> Callable[[bytes], str]:
    """What wraps a data key for a recipient. Raises `KeyFormatError` if the recipient is not well formed."""
    prefix, content = age_bech32.decode(recipient)
    if prefix != "age1pq":
        raise KeyFormatError("its checksum does not fit")
    public = age_primitives.hybrid_public_key(content)

    def seal(data_key: bytes) -> str:
        file_key = randomness(16)
        share, wrapped = age_primitives.hybrid_seal(public, file_key, _LABEL)
        argument = binascii.b2a_base64(share, newline=False).rstrip(b"=").decode("ascii")
        return armored(sealed((_STANZA, (argument,), wrapped), file_key, data_key, randomness))

    return seal


class HybridKey:
    """A private key."""

    def __init__(self, private: str) -> None:
        try:
            _prefix, seed = age_bech32.decode(private)
            self._key = age_primitives.HybridPrivateKey(seed)
        except KeyFormatError:
            # Nothing of a private key may get into a traceback.
            raise KeyFormatError("an age identity is damaged: its checksum does not fit") from None

    @property
    def recipient(self) -> str:
        """The public key."""
        return _public_text(self._key)

    def open(self, file: AgeFile) -> bytes | None:
        """What a file holds, None if it is for somebody else."""
        for kind, arguments, body in file.stanzas:
            if kind != _STANZA:
                continue
            file_key = self._file_key(arguments, body)
            if file_key is not None:
                return opened(file, file_key)
        return None

    def _file_key(self, arguments: tuple[str, ...], body: bytes) -> bytes | None:
        share = unpadded(arguments[0]) if len(arguments) == 1 else b""
        if len(share) != age_primitives.HYBRID_SHARE_SIZE or len(body) != _SEALED_FILE_KEY_SIZE:
            raise AgeFileError("header", f"a stanza of its header is not what its type {_STANZA} asks for")
        try:
            return self._key.open(share, body, _LABEL)
        except ValueError:
            raise AgeFileError("header", f"a stanza of type {_STANZA} fits no key") from None


def _public_text(key: age_primitives.HybridPrivateKey) -> str:
    return age_bech32.encode("age1pq", key.public_bytes())
