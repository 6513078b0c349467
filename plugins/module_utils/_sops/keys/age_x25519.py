# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private X25519 keys of age, which open nearly all data keys. pyrage, which makes them, takes half as long again to open.

Private to the collection. Stanza and labels: https://c2sp.org/age, the X25519 recipient type.
"""

from __future__ import annotations

from .. import primitives
from . import age_bech32
from .age_native import NativeKey

_LABEL = b"age-encryption.org/v1/X25519"
_KEY_SIZE = 32
_ZERO_NONCE = bytes(12)


class X25519Key(NativeKey):
    """A private key, parsed once."""

    stanza = "X25519"
    share_size = _KEY_SIZE

    def _take(self, content: bytes) -> None:
        primitives.require_cryptography()
        self._key = primitives.x25519_private(content)
        self._public = self._key.public_key().public_bytes_raw()

    @property
    def recipient(self) -> str:
        """The public key."""
        return age_bech32.encode("age", self._public)

    def file_key(self, share: bytes, sealed: bytes) -> bytes | None:
        """The file key; a share of low order is a `ValueError`."""
        secret = self._key.exchange(primitives.x25519_public(share))
        return primitives.chacha_open(primitives.hkdf(secret, share + self._public, _LABEL), _ZERO_NONCE, sealed)
