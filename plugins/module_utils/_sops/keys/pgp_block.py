# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Armored OpenPGP private keys: what their packets say in clear, without a program.

Private to the collection. Shapes are those of RFC 9580, sections 4 to 6, and of GnuPG's marks for a secret that is
elsewhere. Secret numbers are skipped, never read; no message holds anything of the text.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import typing as t
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..._errors import KeyFormatError

PRIVATE = "PRIVATE KEY BLOCK"
PUBLIC = "PUBLIC KEY BLOCK"
_SECRET_KEY, _PUBLIC_KEY, _SECRET_SUBKEY, _PUBLIC_SUBKEY = 5, 6, 7, 14
_TO_PUBLIC = {_SECRET_KEY: _PUBLIC_KEY, _SECRET_SUBKEY: _PUBLIC_SUBKEY}
_NUMBERS = {1: 2, 2: 2, 3: 2, 16: 3, 17: 4}
"""How many numbers the public part has: RSA, ElGamal, DSA."""
_CURVES = {18, 19, 22}
_LENGTHS = {25: 32, 26: 56, 27: 32, 28: 57}
"""X25519, X448, Ed25519, Ed448: a public part of a fixed length."""
_HINT = "gpg --armor --export-secret-keys writes such a text"
_LOST = "such as a private key that was left out or is on a card"


@dataclass(frozen=True)
class PgpPair:
    """A key as two texts, and its name."""

    private: str = field(repr=False)
    public: str
    fingerprint: str
    """Of the primary key, in upper case."""


@dataclass(frozen=True)
class PgpPrivateKey:
    """What can be seen of a private key: all but its secrets."""

    fingerprint: str
    subkeys: tuple[str, ...]
    """Fingerprints."""
    needs_passphrase: bool
    has_secret: bool
    """Whether anything secret is in it, and not on a card or left out."""
    public: bytes = field(repr=False)
    """The packets of the public key."""

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """That of the primary key, and of its subkeys."""
        return (self.fingerprint, *self.subkeys)


def read_private(armored: str, *, where: str | None = None) -> list[PgpPrivateKey]:
    """The private keys of an armored text, at least one. Raises `KeyFormatError`."""
    try:
        return [key for content in _contents(armored) for key in _keys(content)]
    except _DamagedError as exc:
        raise KeyFormatError(str(exc), where=where, hint=_HINT) from None
    except (IndexError, ValueError):
        raise KeyFormatError("is damaged: its packets do not fit together", where=where, hint=_HINT) from None


def check_unattended(armored: str, *, where: str | None = None) -> list[PgpPrivateKey]:
    """The private keys, each of which can be used where nobody can be asked. Raises `KeyFormatError`."""
    keys = read_private(armored, where=where)
    for key in keys:
        if key.needs_passphrase:
            raise KeyFormatError(
                f"the private key {key.fingerprint} is protected by a passphrase, and nobody can be asked for it",
                where=where,
                hint="take the passphrase away in a copy of the key: gpg --change-passphrase, then export it again",
            )
        if not key.has_secret:
            raise KeyFormatError(
                f"{key.fingerprint} is exported without its secret, {_LOST}",
                where=where,
                hint="export it where the private key is",
            )
    return keys


def public_of(armored: str, *, where: str | None = None) -> PgpPair:
    """The one private key of a text, usable without a passphrase, and its public key. Raises `KeyFormatError`."""
    keys = check_unattended(armored, where=where)
    if len(keys) > 1:
        names = ", ".join(key.fingerprint for key in keys)
        raise KeyFormatError(
            f"holds {len(keys)} keys where one is due: {names}", where=where, hint="export one by name"
        )
    return PgpPair(armored, _armor(keys[0].public), keys[0].fingerprint)


def is_one_of(recipient: str, fingerprints: Iterable[str]) -> bool:
    """Whether the name of a key in a file means one of these: a fingerprint, its end, with 0x or an exclamation mark."""
    wanted = recipient.rstrip("!").upper().removeprefix("0X")
    return len(wanted) >= 16 and any(fingerprint.endswith(wanted) for fingerprint in fingerprints)


class _DamagedError(Exception):
    """In words that can be shown."""


# --- armor ----------------------------------------------------------------------------------------


def _contents(armored: str) -> Iterator[bytes]:
    lines: list[str] = []
    kind, found = "", False
    for line in (line.strip() for line in armored.splitlines()):
        if line.startswith("-----BEGIN PGP ") and "-----END PGP " in line:
            raise _DamagedError("has lost its line breaks, as a folded text of YAML does: write it as a block with |")
        if line.startswith("-----BEGIN PGP ") and line.endswith("-----"):
            kind, lines = line[len("-----BEGIN PGP ") : -len("-----")], []
            if kind != PRIVATE:
                raise _DamagedError(f"is a PGP {kind}, not a PGP {PRIVATE}")
        elif kind and line == f"-----END PGP {kind}-----":
            yield _unarmored(lines)
            kind, found = "", True
        else:
            lines.append(line)
    if kind:
        raise _DamagedError(f"is cut off: the end of the PGP {kind} is missing")
    if not found:
        raise _DamagedError("is no armored OpenPGP key")


def _unarmored(lines: Sequence[str]) -> bytes:
    """The bytes between the lines of an armor; headers end at an empty line."""
    body = list(lines[lines.index("") + 1 :] if "" in lines else lines)
    checksum = body.pop() if body and len(body[-1]) == 5 and body[-1].startswith("=") else ""
    try:
        content = base64.b64decode("".join(body), validate=True)
        expected = base64.b64decode(checksum[1:], validate=True)
    except binascii.Error:
        raise _DamagedError("is damaged: a line of it is no base64") from None
    if not content or (checksum and _crc24(content) != int.from_bytes(expected)):
        raise _DamagedError("is damaged: its checksum does not fit")
    return content


def _armor(content: bytes) -> str:
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


# --- packets --------------------------------------------------------------------------------------


class _Packet(t.NamedTuple):
    tag: int
    body: bytes
    whole: bytes


class _Secret(t.NamedTuple):
    """One key or subkey."""

    fingerprint: str
    public: bytes
    """The body of its public packet."""
    is_protected: bool
    is_elsewhere: bool


def _keys(content: bytes) -> Iterator[PgpPrivateKey]:
    parts: list[_Secret] = []
    public = b""
    for packet in _packets(content):
        if packet.tag == _SECRET_KEY and parts:
            yield _key(parts, public)
            parts, public = [], b""
        if packet.tag in _TO_PUBLIC:
            parts.append(_secret(packet.body))
            public += _packet(_TO_PUBLIC[packet.tag], parts[-1].public)
        else:
            public += packet.whole
    if not parts:
        raise _DamagedError(f"holds no private key, although it says PGP {PRIVATE}")
    yield _key(parts, public)


def _key(parts: Sequence[_Secret], public: bytes) -> PgpPrivateKey:
    return PgpPrivateKey(
        fingerprint=parts[0].fingerprint,
        subkeys=tuple(part.fingerprint for part in parts[1:]),
        needs_passphrase=any(part.is_protected for part in parts),
        has_secret=not all(part.is_elsewhere for part in parts),
        public=public,
    )


def _packets(content: bytes) -> Iterator[_Packet]:
    at = 0
    while at < len(content):
        start, first = at, content[at]
        if first & 0x40:
            tag, (length, at) = first & 0x3F, _new_length(content, at + 1)
        else:
            size = 1 << (first & 3)
            tag, length = first >> 2 & 0xF, int.from_bytes(content[at + 1 : at + 1 + size])
            at += 1 + size
        if not first & 0x80 or (not first & 0x40 and first & 3 == 3) or at + length > len(content):
            raise ValueError
        yield _Packet(tag, content[at : at + length], content[start : at + length])
        at += length


def _new_length(content: bytes, at: int) -> tuple[int, int]:
    first = content[at]
    if first < 192:
        return first, at + 1
    if first < 224:
        return (first - 192 << 8) + content[at + 1] + 192, at + 2
    if first < 255:
        raise ValueError  # a partial length, which no key packet has
    return int.from_bytes(content[at + 1 : at + 5]), at + 5


def _packet(tag: int, body: bytes) -> bytes:
    """A packet in the old format, which is how GnuPG writes keys."""
    kind = 0 if len(body) < 1 << 8 else 1 if len(body) < 1 << 16 else 2
    return bytes([0x80 | tag << 2 | kind]) + len(body).to_bytes(1 << kind) + body


def _secret(body: bytes) -> _Secret:
    version, end = body[0], _public_end(body)
    public, usage = body[:end], body[end]
    if version == 4:
        marked = b"\x99" + len(public).to_bytes(2) + public
        fingerprint = hashlib.sha1(marked, usedforsecurity=False).hexdigest().upper()
    else:
        marked = bytes([0x95 + version]) + len(public).to_bytes(4) + public
        fingerprint = hashlib.sha256(marked).hexdigest().upper()
    if usage == 0:
        if version == 4 and sum(body[end + 1 : -2]) & 0xFFFF != int.from_bytes(body[-2:]):
            raise _DamagedError("is damaged: the checksum of its secret part does not fit")
        return _Secret(fingerprint, public, is_protected=False, is_elsewhere=False)
    # After the usage: in later versions a count, then a cipher, for 253 its mode, and how the passphrase is made a key.
    method = end + (2 if version == 4 else 3) + (usage == 253)
    is_elsewhere = body[method : method + 1] == b"\x65" and body[method + 2 : method + 5] == b"GNU"
    return _Secret(fingerprint, public, is_protected=not is_elsewhere, is_elsewhere=is_elsewhere)


def _public_end(body: bytes) -> int:
    """Where the public part of the body of a key packet ends."""
    version, algorithm, at = body[0], body[5], 6
    if version in (5, 6):
        return 10 + int.from_bytes(body[6:10])
    if version != 4:
        raise _DamagedError("is a key of a version that is not in use any more")
    if algorithm in _LENGTHS:
        return at + _LENGTHS[algorithm]
    if algorithm in _CURVES:
        at = _after_number(body, at + 1 + body[at])
        return at + 1 + body[at] if algorithm == 18 else at
    for _number in range(_NUMBERS[algorithm] if algorithm in _NUMBERS else _unknown(algorithm)):
        at = _after_number(body, at)
    return at


def _after_number(body: bytes, at: int) -> int:
    if at + 2 > len(body):
        raise ValueError
    return at + 2 + (int.from_bytes(body[at : at + 2]) + 7) // 8


def _unknown(algorithm: int) -> t.NoReturn:
    raise _DamagedError(f"is a key of an algorithm that is not known here, number {algorithm}")
