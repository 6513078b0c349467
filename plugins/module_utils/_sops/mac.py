# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MAC of a file: a hash over all its values in order, stored encrypted in the metadata.

Private to the collection. Keys, structure, comments and nulls are not in it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from datetime import UTC, datetime

from .._errors import DecryptionError, MacMismatchError, MalformedMetadataError
from .tree import STR
from .values import Cipher

_ONLY_ENCRYPTED = hashlib.sha256(b"sops").digest()
"""Fed first when only encrypted values count, so that the two kinds of MAC can never be mixed up."""

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{1,2}:[0-9]{2}:[0-9]{2})(?:[.,][0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})\Z"
)


def compute(values: Iterable[bytes], *, only_encrypted: bool) -> str:
    """MAC as text over the byte forms of the values that count, in file order."""
    body = b"".join(values)
    return hashlib.sha512(_ONLY_ENCRYPTED + body if only_encrypted else body).hexdigest().upper()


def additional_data(lastmodified: str) -> str:
    """The text that the MAC is bound to: `lastmodified` in whole seconds, zero offset as Z."""
    match = _RFC3339.match(lastmodified)
    if match is None:
        raise MalformedMetadataError("lastmodified is not a time in RFC 3339 form", where="sops.lastmodified")
    day, time, zone = match.groups()
    try:
        datetime.strptime(f"{day} {time}", "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise MalformedMetadataError("lastmodified is not a time in RFC 3339 form", where="sops.lastmodified") from None
    return f"{day}T{time.zfill(8)}{'Z' if zone in ('+00:00', '-00:00') else zone}"


def seal(mac: str, cipher: Cipher, lastmodified: str) -> str:
    """Encrypted form of the MAC."""
    return cipher.encrypt(mac.encode("ascii"), STR, additional_data(lastmodified))


def verify(stored: str, computed: str, cipher: Cipher, lastmodified: str) -> None:
    """Raise MacMismatchError unless the stored MAC opens and equals the computed one."""
    if not stored:
        raise MacMismatchError("the file has no MAC", hint="restore the file from version control")
    try:
        plain, _kind = cipher.decrypt(stored, additional_data(lastmodified))
    except DecryptionError as exc:
        raise MacMismatchError(
            "the MAC does not open: mac or lastmodified was changed by hand",
            hint="restore the file from version control and change it with sops_secret or sops edit",
        ) from exc
    if not hmac.compare_digest(plain, computed.encode("ascii")):
        raise MacMismatchError(
            "the MAC is not that of the content: values were added, removed, reordered or changed by hand",
            hint="restore the file from version control and change it with sops_secret or sops edit",
        )
