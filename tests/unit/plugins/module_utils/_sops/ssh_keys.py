# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH key pairs to test with, made in memory."""

from __future__ import annotations

import functools
import typing as t

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

FORMATS = {
    "OpenSSH": PrivateFormat.OpenSSH,
    "PEM": PrivateFormat.TraditionalOpenSSL,
    "PKCS8": PrivateFormat.PKCS8,
}


class SshKey(t.NamedTuple):
    """The texts of both files."""

    private: str
    public: str


@functools.cache
def _key(kind: str) -> t.Any:
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1()) if kind == "ecdsa" else ed25519.Ed25519PrivateKey.generate()


def ssh_key(kind: str, passphrase: str = "", form: str = "OpenSSH") -> SshKey:
    """A key of a kind (`ed25519`, `rsa`, `ecdsa`; any other word is one more of Ed25519), always the same one."""
    key = _key(kind)
    protection: KeySerializationEncryption = NoEncryption()
    if passphrase:
        protection = BestAvailableEncryption(passphrase.encode())
        if form == "OpenSSH":
            # One round instead of sixteen: the test need not take long.
            protection = PrivateFormat.OpenSSH.encryption_builder().kdf_rounds(1).build(passphrase.encode())
    return SshKey(
        key.private_bytes(Encoding.PEM, FORMATS[form], protection).decode(),
        key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).decode(),
    )
