# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a private key looks like in a text that may be shown: of age in all forms, OpenPGP, SSH and TLS.

Private to the collection. The only place that knows: what is read refuses such a text, and what is told is masked once
more.
"""

from __future__ import annotations

import re

MASK = "********"

_SIGNS = ("AGE-SECRET-KEY-", "AGE-PLUGIN-", "PRIVATEKEY-----", "PRIVATEKEYBLOCK-----")

# Names of the forms alone stand in messages, and so do those of the programs of plugins: `age-plugin-NAME`.
_KEYS = (
    r"AGE-SECRET-KEY-[0-9A-Z-]{6,}"
    # Bech32 has no 1, B, I and O.
    r"|AGE-PLUGIN-[0-9A-Z._+-]*-1[02-9AC-HJ-NP-Z]{6,}"
    # In quoted text a line break has two characters or more. Where a fingerprint is due, blanks are taken out.
    r"|-----BEGIN[0-9A-Z ]*PRIVATE ?KEY(?: ?BLOCK)?-----(?=(?:\s|\\+[nrt]|[#>|])*[0-9A-Z+/])"
    r".*?(?:-----END[0-9A-Z ]*PRIVATE ?KEY(?: ?BLOCK)?-----|\Z)"
)


def is_in(text: str) -> bool:
    """Whether a text holds a private key, or what begins like one: in small letters too, whatever is around it."""
    letters = "".join(text.upper().split())
    return any(sign in letters for sign in _SIGNS)


def masked(text: str, mask: str = MASK) -> str:
    """The text without private keys. The words of a message about them stay."""
    return re.sub(_KEYS, lambda _found: mask, text, flags=re.IGNORECASE | re.DOTALL) if is_in(text) else text
