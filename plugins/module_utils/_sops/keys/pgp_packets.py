# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP as text and as bytes: armor, and the packets in it.

Private to the collection. Shapes are those of RFC 9580, sections 4 to 6. No message holds anything of the text.
"""

from __future__ import annotations

import base64
import binascii
import typing as t
from collections.abc import Iterator, Sequence

PRIVATE = "PRIVATE KEY BLOCK"
PUBLIC = "PUBLIC KEY BLOCK"
MESSAGE = "MESSAGE"
_SESSION_KEY = 1
_HIDDEN = "0" * 16


class DamagedError(Exception):
    """In words that can be shown."""


class Packet(t.NamedTuple):
    """A part of a key or a message."""

    tag: int
    body: bytes
    whole: bytes


def key_ids(message: str) -> frozenset[str]:
    """The IDs of the keys that open an armored message; none if they are hidden, or it cannot be read."""
    found = set()
    try:
        content, at = b"".join(contents(message, MESSAGE)), 0
        while at < len(content) and _tag(content[at]) == _SESSION_KEY:
            packet, at = _packet_at(content, at)
            found.add(packet.body[1:9].hex().upper() if packet.body[0] == 3 else _HIDDEN)
    except (DamagedError, IndexError, ValueError):
        return frozenset()
    return frozenset() if _HIDDEN in found else frozenset(found)


def contents(armored: str, expected: str) -> Iterator[bytes]:
    """The bytes of each armor in a text, all of the expected kind. Raises `DamagedError`."""
    lines: list[str] = []
    kind, found = "", False
    for line in (line.strip() for line in armored.splitlines()):
        if line.startswith("-----BEGIN PGP ") and "-----END PGP " in line:
            raise DamagedError("has lost its line breaks, as a folded text of YAML does: write it as a block with |")
        if line.startswith("-----BEGIN PGP ") and line.endswith("-----"):
            kind, lines = line[len("-----BEGIN PGP ") : -len("-----")], []
            if kind != expected:
                raise DamagedError(f"is a PGP {kind}, not a PGP {expected}")
        elif kind and line == f"-----END PGP {kind}-----":
            yield _unarmored(lines)
            kind, found = "", True
        else:
            lines.append(line)
    if kind:
        raise DamagedError(f"is cut off: the end of the PGP {kind} is missing")
    if not found:
        raise DamagedError("is no armored OpenPGP key")


def _unarmored(lines: Sequence[str]) -> bytes:
    """The bytes between the lines of an armor; headers end at an empty line."""
    body = list(lines[lines.index("") + 1 :] if "" in lines else lines)
    checksum = body.pop() if body and len(body[-1]) == 5 and body[-1].startswith("=") else ""
    try:
        content = base64.b64decode("".join(body), validate=True)
        expected = base64.b64decode(checksum[1:], validate=True)
    except binascii.Error:
        raise DamagedError("is damaged: a line of it is no base64") from None
    if not content or (checksum and _crc24(content) != int.from_bytes(expected)):
        raise DamagedError("is damaged: its checksum does not fit")
    return content


def armor(content: bytes) -> str:
    """A public key as text."""
    text = base64.b64encode(content).decode("ascii")
    lines = [text[start : start + 64] for start in range(0, len(text), 64)]
    checksum = base64.b64encode(_crc24(content).to_bytes(3)).decode("ascii")
    return "\n".join((f"-----BEGIN PGP {PUBLIC}-----", "", *lines, f"={checksum}", f"-----END PGP {PUBLIC}-----", ""))


def _crc24(content: bytes) -> int:
    rest = 0xB704CE
    for byte in content:
        rest ^= byte << 16
        for _bit in range(8):
            rest <<= 1
            if rest & 0x1000000:
                rest ^= 0x1864CFB
    return rest


def packets(content: bytes) -> Iterator[Packet]:
    """Each packet; raises `IndexError` or `ValueError` at the first that does not fit."""
    at = 0
    while at < len(content):
        packet, at = _packet_at(content, at)
        yield packet


def _tag(first: int) -> int:
    return first & 0x3F if first & 0x40 else first >> 2 & 0xF


def _packet_at(content: bytes, start: int) -> tuple[Packet, int]:
    """A packet, and where the next one starts."""
    first = content[start]
    if first & 0x40:
        length, at = _new_length(content, start + 1)
    else:
        size = 1 << (first & 3)
        length, at = int.from_bytes(content[start + 1 : start + 1 + size]), start + 1 + size
    if not first & 0x80 or (not first & 0x40 and first & 3 == 3) or at + length > len(content):
        raise ValueError
    return Packet(_tag(first), content[at : at + length], content[start : at + length]), at + length


def _new_length(content: bytes, at: int) -> tuple[int, int]:
    first = content[at]
    if first < 192:
        return first, at + 1
    if first < 224:
        return (first - 192 << 8) + content[at + 1] + 192, at + 2
    if first < 255:
        raise ValueError  # a partial length, which no packet of a key has
    return int.from_bytes(content[at + 1 : at + 5]), at + 5


def pack(tag: int, body: bytes) -> bytes:
    """A packet in the old format, which is how GnuPG writes keys."""
    kind = 0 if len(body) < 1 << 8 else 1 if len(body) < 1 << 16 else 2
    return bytes([0x80 | tag << 2 | kind]) + len(body).to_bytes(1 << kind) + body
