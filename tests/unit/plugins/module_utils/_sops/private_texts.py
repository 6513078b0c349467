# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private keys in all their forms, and what people have around them when they put one where it does not belong."""

from __future__ import annotations

import typing as t

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age, age_bech32
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.ssh_keys import ssh_key

PRIVATE: t.Mapping[str, str] = {
    "age": age.generate_identity()[0],
    "post-quantum": age.generate_identity(post_quantum=True)[0],
    "an identity of a plugin": age_bech32.encode("age-plugin-fido2-hmac-", b"0123456789").upper(),
    "an SSH key": ssh_key("ed25519").private.strip(),
    "an RSA key": ssh_key("rsa", form="PEM").private.strip(),
    "a PKCS8 key": ssh_key("rsa", form="PKCS8").private.strip(),
    # Nobody looks into it.
    "a PGP key": (
        "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlFgEZc0aABYJKwYBBAHaRw8BAQdA7rPvM4nZ0uXkQ2yT1sWb\n"
        "AAD/c2VjcmV0LWtleS1tYXRlcmlhbA==\n=AbCd\n-----END PGP PRIVATE KEY BLOCK-----"
    ),
}

AROUND: t.Mapping[str, str] = {
    "nothing": "{}",
    "a BOM": "\ufeff{}",
    "a quote before": "'{}",
    "quotes": '"{}"',
    "a comment": "# my key: {}",
    "a name": "key: {}",
    "a dash": "-{}",
    "an SSH type": "ssh-ed25519 {}",
    "a recipient": "age1x {}",
    "a recipient that it is glued to": "age1{}",
    "a word behind": "{} me@home",
}


def told_of(key: str, text: str) -> list[str]:
    """The parts of a private key that a text tells."""
    parts = [part for line in key.splitlines() if not line.startswith("-----") for part in _parts(line)]
    return [part for part in parts if part.lower() in text.lower()]


def _parts(line: str) -> t.Iterator[str]:
    """The line in pieces that no public text has by chance; names of forms are left out."""
    body = line.rpartition("-")[2] if line.upper().startswith("AGE-") else line
    yield from (body[start : start + 16] for start in range(0, len(body) - 15, 8))
