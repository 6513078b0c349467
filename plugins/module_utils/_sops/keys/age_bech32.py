# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bech32, the spelling of age keys (BIP 173, without its limit of 90 characters).

Private to the collection.
"""

from __future__ import annotations

from ..._errors import KeyFormatError

_ALPHABET = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_CHECKSUM = 6


def decode(text: str) -> tuple[str, bytes]:
    """The prefix, as it is spelled, and the bytes of a key; nothing of it is in the message of an error."""
    lower = text.lower()
    prefix, separator, data = lower.rpartition("1")
    if (text not in (lower, text.upper())) or not separator or not prefix or len(data) < _CHECKSUM:
        raise KeyFormatError("it is cut off, or its case is mixed")
    values = [_ALPHABET.find(character) for character in data]
    if min(values) < 0 or _polymod(_expanded(prefix) + values) != 1:
        raise KeyFormatError("its checksum does not fit")
    return text[: len(prefix)], _bytes_of(values[:-_CHECKSUM])


def encode(prefix: str, content: bytes) -> str:
    """The key in lower case."""
    number, bits = int.from_bytes(content, "big"), len(content) * 8
    padding = -bits % 5
    number <<= padding
    values = [number >> shift & 31 for shift in range(bits + padding - 5, -5, -5)]
    check = _polymod(_expanded(prefix) + values + [0] * _CHECKSUM) ^ 1
    values += [check >> 5 * (_CHECKSUM - 1 - place) & 31 for place in range(_CHECKSUM)]
    return prefix + "1" + "".join(_ALPHABET[value] for value in values)


def _bytes_of(values: list[int]) -> bytes:
    number = 0
    for value in values:
        number = number << 5 | value
    size, padding = divmod(len(values) * 5, 8)
    if padding >= 5 or number & ((1 << padding) - 1):
        raise KeyFormatError("its length does not fit")
    return (number >> padding).to_bytes(size, "big")


def _expanded(prefix: str) -> list[int]:
    codes = prefix.encode("latin-1", "replace")
    return [code >> 5 for code in codes] + [0] + [code & 31 for code in codes]


def _polymod(values: list[int]) -> int:
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for place, generator in enumerate(_GENERATORS):
            if top >> place & 1:
                check ^= generator
    return check
