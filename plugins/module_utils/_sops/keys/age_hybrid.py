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
from .age_format import armored, sealed
from .age_native import NativeKey

PRIVATE_PREFIX = "AGE-SECRET-KEY-PQ-1"
_STANZA = "mlkem768x25519"
_LABEL = b"age-encryption.org/mlkem768x25519"


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


class HybridKey(NativeKey):
    """A private key."""

    stanza = _STANZA
    share_size = age_primitives.HYBRID_SHARE_SIZE

    def _take(self, content: bytes) -> None:
        self._key = age_primitives.HybridPrivateKey(content)

    @property
    def recipient(self) -> str:
        """The public key."""
        return _public_text(self._key)

    def file_key(self, share: bytes, sealed: bytes) -> bytes | None:
        """The file key; what fits no key is a `ValueError`."""
        return self._key.open(share, sealed, _LABEL)


def _public_text(key: age_primitives.HybridPrivateKey) -> str:
    return age_bech32.encode("age1pq", key.public_bytes())
