# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key files under a passphrase, made quickly."""

from __future__ import annotations

import binascii
import os

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import primitives
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age_format, age_primitives


def protected(text: str, passphrase: str, *, is_armored: bool = True) -> str:
    """The text as `age -p` would encrypt it, with the smallest work factor."""
    salt, file_key = os.urandom(16), os.urandom(16)
    key = age_primitives.scrypt(passphrase.encode(), b"age-encryption.org/v1/scrypt" + salt, 1)
    argument = binascii.b2a_base64(salt, newline=False).rstrip(b"=").decode()
    stanza = ("scrypt", (argument, "1"), primitives.chacha_seal(key, bytes(12), file_key))
    content = age_format.sealed(stanza, file_key, text.encode(), os.urandom)
    return age_format.armored(content) if is_armored else content.decode("utf-8", "surrogateescape")
