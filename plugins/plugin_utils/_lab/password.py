# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The password of the lab's Git server: random, kept in the Vault file, known to the server by its hash only.

Private to the collection.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets

_N, _R, _P = 2**14, 8, 1  # 16 MiB and about 50 ms: once per process, see PasswordCheck


def hash_password(password: str) -> str:
    """Return a salted hash that can be stored."""
    salt = secrets.token_bytes(16)
    return "$".join(("scrypt", salt.hex(), _derive(password, salt).hex()))


def matches(password: str, stored: str) -> bool:
    """Tell whether the stored hash is that of the password. A malformed hash matches nothing."""
    kind, _separator, rest = stored.partition("$")
    salt, _separator, expected = rest.partition("$")
    if kind != "scrypt":
        return False
    try:
        return hmac.compare_digest(_derive(password, bytes.fromhex(salt)), bytes.fromhex(expected))
    except ValueError:
        return False


class PasswordCheck:
    """Checks `Authorization` headers. The password that was right once is recognized without the slow hash."""

    def __init__(self, stored: str) -> None:
        self._stored = stored
        self._key = secrets.token_bytes(32)
        self._known: bytes | None = None

    def accepts(self, header: str | None) -> bool:
        """Tell whether a header of basic authentication carries the password; any user name will do."""
        kind, _separator, encoded = (header or "").partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            _user, separator, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        if not separator:
            return False
        quick = hmac.digest(self._key, password.encode(), "sha256")
        if self._known is not None and hmac.compare_digest(quick, self._known):
            return True
        if not matches(password, self._stored):
            return False
        self._known = quick
        return True


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=32)
