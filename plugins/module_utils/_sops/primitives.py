# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the usual file needs of cryptography: its values, and its data key if that is wrapped for an age key.

Private to the collection. Classes are taken from where they come from, when they are there: the packages around them
load all other ciphers and key types, which takes longer than decrypting a small file.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from .._errors import MissingLibraryError

try:
    from cryptography.exceptions import InvalidSignature, InvalidTag
    from cryptography.hazmat.primitives.hashes import SHA256, SHA512, Hash

    try:
        from cryptography.hazmat.bindings._rust import openssl

        AESGCM, ChaCha20Poly1305 = openssl.aead.AESGCM, openssl.aead.ChaCha20Poly1305
        HKDF, HMAC = openssl.kdf.HKDF, openssl.hmac.HMAC
        x25519_private, x25519_public = openssl.x25519.from_private_bytes, openssl.x25519.from_public_bytes
    except (ImportError, AttributeError):  # they stand elsewhere in this version
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
        from cryptography.hazmat.primitives.hmac import HMAC
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        x25519_private, x25519_public = X25519PrivateKey.from_private_bytes, X25519PublicKey.from_public_bytes

    HAS_CRYPTOGRAPHY = True
except ImportError:
    HAS_CRYPTOGRAPHY = False

__all__ = [
    "HAS_CRYPTOGRAPHY",
    "InvalidTag",
    "aes_gcm",
    "chacha_open",
    "chacha_seal",
    "hkdf",
    "is_mac",
    "mac",
    "require_cryptography",
    "sha512",
    "x25519_private",
    "x25519_public",
]


def require_cryptography() -> None:
    """Raise `MissingLibraryError` without cryptography."""
    if not HAS_CRYPTOGRAPHY:
        raise MissingLibraryError("cryptography", hint="install the Python package cryptography")


def aes_gcm(key: bytes) -> t.Any:
    """AES-GCM under a key."""
    require_cryptography()
    return AESGCM(key)


def sha512(pieces: Iterable[bytes]) -> bytes:
    """The hash of the pieces, from the library that is loaded anyway; `hashlib` would load another one."""
    digest = Hash(SHA512())
    for piece in pieces:
        digest.update(piece)
    return digest.finalize()


def chacha_open(key: bytes, nonce: bytes, sealed: bytes) -> bytes | None:
    """ChaCha20-Poly1305; None if it does not open."""
    require_cryptography()
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, sealed, None)
    except InvalidTag:
        return None


def chacha_seal(key: bytes, nonce: bytes, plain: bytes) -> bytes:
    """ChaCha20-Poly1305."""
    require_cryptography()
    return ChaCha20Poly1305(key).encrypt(nonce, plain, None)


def hkdf(secret: bytes, salt: bytes, purpose: bytes) -> bytes:
    """HKDF with SHA-256 for 32 bytes (RFC 5869)."""
    require_cryptography()
    return HKDF(SHA256(), 32, salt, purpose).derive(secret)


def mac(key: bytes, content: bytes) -> bytes:
    """HMAC with SHA-256 (RFC 2104)."""
    made = HMAC(key, SHA256())
    made.update(content)
    return made.finalize()


def is_mac(expected: bytes, key: bytes, content: bytes) -> bool:
    """Whether a MAC fits, in constant time."""
    made = HMAC(key, SHA256())
    made.update(content)
    try:
        made.verify(expected)
    except InvalidSignature:
        return False
    return True
