# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MAC of a file: a hash over all its values in order, stored encrypted in the metadata.

Private to the collection. Keys, structure, comments and nulls are not in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice

from .._errors import DecryptionError, MacMismatchError, MalformedMetadataError
from . import primitives
from .tree import STR
from .values import Cipher

_ONLY_ENCRYPTED = bytes.fromhex("8a3fd2ad54ce66527b1034f3d147be0b0b975b3bf44f72c6fdadec8176f27d69")
"""SHA-256 of the word sops. Fed first when only encrypted values count, so that the two kinds of MAC can never be mixed up."""

_RFC3339 = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})T([0-9]{1,2}:[0-9]{2}:[0-9]{2})(?:[.,][0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})\Z"
)
_AT_ONCE = 512
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def compute(values: Iterable[bytes], *, only_encrypted: bool) -> str:
    """MAC as text over the byte forms of the values that count, in file order."""
    return primitives.sha512(_pieces(values, _ONLY_ENCRYPTED if only_encrypted else b"")).hex().upper()


def _pieces(values: Iterable[bytes], first: bytes) -> Iterator[bytes]:
    """Many values at once, but never all: they need not be in memory together."""
    yield first
    rest = iter(values)
    while batch := list(islice(rest, _AT_ONCE)):
        yield b"".join(batch)


@lru_cache(maxsize=16)
def additional_data(lastmodified: str) -> str:
    """The text that the MAC is bound to: `lastmodified` in whole seconds, zero offset as Z."""
    match = _RFC3339.match(lastmodified)
    if match is None:
        raise MalformedMetadataError("lastmodified is not a time in RFC 3339 form", where="sops.lastmodified")
    day, time, zone = match.groups()
    if not _exists(day, time):
        raise MalformedMetadataError("lastmodified is not a time in RFC 3339 form", where="sops.lastmodified")
    return f"{day}T{time.zfill(8)}{'Z' if zone in ('+00:00', '-00:00') else zone}"


def _exists(day: str, time: str) -> bool:
    """Whether the calendar and the clock have this time; asking `datetime` costs more than a small file."""
    year, month, number = map(int, day.split("-"))
    hour, minute, second = map(int, time.split(":"))
    is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = 0 if not 1 <= month <= 12 else 29 if month == 2 and is_leap else _DAYS[month - 1]
    return 1 <= number <= days and hour < 24 and minute < 60 and second < 60


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
    # Both are known to this process alone: there is nobody who could learn something from the time this takes.
    if plain != computed.encode("ascii"):
        raise MacMismatchError(
            "the MAC is not that of the content: values were added, removed, reordered or changed by hand",
            hint="restore the file from version control and change it with sops_secret or sops edit",
        )
