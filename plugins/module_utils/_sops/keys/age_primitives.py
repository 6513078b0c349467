# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the rarer kinds of age keys need of cryptography: passphrases, post-quantum and SSH keys.

Private to the collection. Imported by what a file or a key asks for, so that the usual X25519 file does not pay for it.
"""

from __future__ import annotations

import typing as t

from ..._errors import KeyFormatError, MissingLibraryError, UnsupportedError
from .. import primitives

if primitives.HAS_CRYPTOGRAPHY:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
    from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
        load_pem_private_key,
        load_ssh_private_key,
    )

_MLKEM_PUBLIC_SIZE = 1184
HYBRID_PUBLIC_SIZE = _MLKEM_PUBLIC_SIZE + 32
HYBRID_SEED_SIZE = 32
HYBRID_SHARE_SIZE = 1088 + 32


def scrypt(passphrase: bytes, salt: bytes, work_factor: int) -> bytes:
    """The key of a passphrase; takes 2^work_factor KiB of memory."""
    primitives.require_cryptography()
    return Scrypt(salt=salt, length=32, n=1 << work_factor, r=8, p=1).derive(passphrase)


# --- HPKE with ML-KEM-768 and X25519 --------------------------------------------------------------


def _hpke() -> t.Any:
    primitives.require_cryptography()
    try:
        from cryptography.hazmat.primitives import hpke  # noqa: PLC0415

        hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
    except (ImportError, AttributeError, UnsupportedAlgorithm):
        raise MissingLibraryError(
            "a Python package cryptography with HPKE and ML-KEM",
            hint="post-quantum age keys need cryptography 47 or newer: pip install --upgrade cryptography",
        ) from None
    return hpke


class HybridPrivateKey:
    """A private key for ML-KEM-768 and X25519, from a seed of 32 bytes."""

    def __init__(self, seed: bytes) -> None:
        self._hpke = _hpke()
        import hashlib  # noqa: PLC0415

        from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey  # noqa: PLC0415

        if len(seed) != HYBRID_SEED_SIZE:
            raise KeyFormatError("its length does not fit")
        # draft-irtf-cfrg-concrete-hybrid-kems: both keys come out of one seed.
        expanded = hashlib.shake_256(seed).digest(64 + 32)
        self._mlkem = MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        self._x25519 = primitives.x25519_private(expanded[64:])
        self._key = self._hpke.MLKEM768X25519PrivateKey(self._mlkem, self._x25519)

    def public_bytes(self) -> bytes:
        """The public key."""
        return self._mlkem.public_key().public_bytes_raw() + self._x25519.public_key().public_bytes_raw()

    def open(self, share: bytes, sealed: bytes, label: bytes) -> bytes | None:
        """What was sealed for this key, None if it was for another. Raises `ValueError` if the share fits no key."""
        try:
            plain: bytes = _suite(self._hpke).decrypt(share + sealed, self._key, info=label)
        except primitives.InvalidTag:
            # ML-KEM gives some secret for every share; of X25519, a share of low order is told by this error.
            self._x25519.exchange(primitives.x25519_public(share[-32:]))
            return None
        return plain


def hybrid_public_key(content: bytes) -> t.Any:
    """A public key for `hybrid_seal`."""
    hpke = _hpke()
    from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey  # noqa: PLC0415

    if len(content) != HYBRID_PUBLIC_SIZE:
        raise KeyFormatError("its length does not fit")
    try:
        mlkem = MLKEM768PublicKey.from_public_bytes(content[:_MLKEM_PUBLIC_SIZE])
    except ValueError:
        raise KeyFormatError("it is no key of ML-KEM-768") from None
    return hpke.MLKEM768X25519PublicKey(mlkem, primitives.x25519_public(content[_MLKEM_PUBLIC_SIZE:]))


def hybrid_seal(public: t.Any, plain: bytes, label: bytes) -> tuple[bytes, bytes]:
    """Share and sealed text."""
    both: bytes = _suite(_hpke()).encrypt(plain, public, info=label)
    return both[:HYBRID_SHARE_SIZE], both[HYBRID_SHARE_SIZE:]


def _suite(hpke: t.Any) -> t.Any:
    return hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)


# --- SSH keys -------------------------------------------------------------------------------------


class SshKeyPair(t.NamedTuple):
    """A private key in OpenSSH's own format, without a passphrase, and its public key."""

    private: bytes
    public: str


def ssh_key_pair(pem: bytes, passphrase: bytes | None) -> SshKeyPair | None:
    """A private key in any of the PEM formats; None if the passphrase is wrong.

    Raises `KeyFormatError` for what is no private key of type Ed25519 or RSA; nothing of it is in the message.
    """
    primitives.require_cryptography()
    load = load_ssh_private_key if b"-----BEGIN OPENSSH" in pem else load_pem_private_key
    try:
        key = load(pem, passphrase)
    except UnsupportedAlgorithm as exc:
        if "bcrypt" in str(exc):
            raise MissingLibraryError(
                "bcrypt", hint="SSH keys with a passphrase need it: pip install 'fluxseed[ssh]', or pip install bcrypt"
            ) from None
        raise UnsupportedError("the SSH key is of a type, or encrypted in a way, that is not known here") from None
    except (ValueError, TypeError):
        # The libraries below tell a wrong passphrase from damage only in words.
        if passphrase is not None:
            return None
        raise KeyFormatError("the SSH private key is damaged") from None
    if not isinstance(key, (ed25519.Ed25519PrivateKey, rsa.RSAPrivateKey)):
        raise KeyFormatError("age takes SSH keys of the types ssh-ed25519 and ssh-rsa only")
    return SshKeyPair(
        key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()),
        key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode("ascii"),
    )
