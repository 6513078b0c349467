# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""New OpenPGP keys for Flux: a primary key that signs, a subkey that encrypts, no passphrase, no end.

Private to the collection. They are made in a GnuPG home in memory, and leave it as text only.
"""

from __future__ import annotations

from ..._errors import EncryptionError, InvalidInputError
from .base import Surroundings
from .pgp_block import PgpPair, public_of
from .pgp_home import MemoryHome

TIMEOUT = 300
"""Seconds; large RSA keys take their time."""
_PARAMETERS = {
    "rsa4096": "Key-Type: RSA\nKey-Length: 4096\nKey-Usage: sign\nSubkey-Type: RSA\nSubkey-Length: 4096\nSubkey-Usage: encrypt\n",
    "ed25519": "Key-Type: EDDSA\nKey-Curve: ed25519\nKey-Usage: sign\nSubkey-Type: ECDH\nSubkey-Curve: cv25519\nSubkey-Usage: encrypt\n",
}
ALGORITHMS = tuple(_PARAMETERS)


def generate(surroundings: Surroundings, *, name: str, comment: str = "", algorithm: str = "rsa4096") -> PgpPair:
    """A new key pair. Raises `InvalidInputError`, `MissingLibraryError`, `UnsupportedError` or `EncryptionError`."""
    if algorithm not in _PARAMETERS:
        raise InvalidInputError(f"{algorithm} is none of {', '.join(ALGORITHMS)}", where="algorithm")
    parameters = f"%no-protection\n{_PARAMETERS[algorithm]}Expire-Date: 0\nName-Real: {user_id_part('name', name)}\n"
    if comment:
        parameters += f"Name-Comment: {user_id_part('comment', comment)}\n"
    with MemoryHome(surroundings.environment) as home:
        made = home.gpg.ask(["--full-generate-key"], f"{parameters}%commit\n".encode(), timeout=TIMEOUT)
        created = made.status("KEY_CREATED")
        if made.code or created is None:
            raise EncryptionError(f"gpg made no key: {made.last_word}")
        exported = home.gpg.ask(["--armor", "--export-secret-keys", created[1]])
        if exported.code or not exported.output:
            raise EncryptionError(f"gpg does not give out the key that it has made: {exported.last_word}")
        return public_of(exported.output.decode("ascii"))


def user_id_part(option: str, text: str) -> str:
    """A part of a user ID, which is a line of its own, written as name (comment). Raises `InvalidInputError`."""
    if not text.strip() or not text.isprintable() or any(mark in text for mark in "<>()"):
        raise InvalidInputError(
            "is empty, or holds a line break or one of < > ( )", where=option, hint="it is shown in lists of keys"
        )
    return text.strip()
