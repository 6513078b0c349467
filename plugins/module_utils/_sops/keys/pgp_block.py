# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Armored OpenPGP private keys: what their packets say in clear, without a program.

Private to the collection. Shapes are those of RFC 9580, sections 4 and 5, and of GnuPG's marks for a secret that is
elsewhere. Secret numbers are skipped, never read; no message holds anything of the text.
"""

from __future__ import annotations

import hashlib
import time
import typing as t
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from ..._errors import KeyFormatError
from .pgp_packets import PRIVATE, DamagedError, armor, contents, pack, packets
from .pgp_signatures import Use, use_of_primary, use_of_subkey

_SECRET_KEY, _PUBLIC_KEY, _SECRET_SUBKEY, _PUBLIC_SUBKEY = 5, 6, 7, 14
_SIGNATURE = 2
_NAMES = {13, 17, _PUBLIC_SUBKEY}
"""User IDs, user attributes, and subkeys without a private part: what follows is signed about them."""
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
class PgpPart:
    """The primary key, or a subkey."""

    fingerprint: str
    needs_passphrase: bool
    is_elsewhere: bool
    """Whether its secret is on a card, or was left out."""
    use: Use


@dataclass(frozen=True)
class PgpPrivateKey:
    """What can be seen of a private key: all but its secrets."""

    parts: tuple[PgpPart, ...]
    """The primary key, and its subkeys."""
    public: bytes = field(repr=False)
    """The packets of the public key."""

    @property
    def fingerprint(self) -> str:
        """That of the primary key."""
        return self.parts[0].fingerprint

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """That of the primary key, and of its subkeys."""
        return tuple(part.fingerprint for part in self.parts)

    @property
    def needs_passphrase(self) -> bool:
        """Whether any secret of it is protected."""
        return any(part.needs_passphrase for part in self.parts)


def read_private(armored: str, *, where: str | None = None) -> list[PgpPrivateKey]:
    """The private keys of an armored text, at least one. Raises `KeyFormatError`."""
    try:
        return [key for content in contents(armored, PRIVATE) for key in _keys(content)]
    except DamagedError as exc:
        raise KeyFormatError(str(exc), where=where, hint=_HINT) from None
    except (IndexError, ValueError):
        raise KeyFormatError("is damaged: its packets do not fit together", where=where, hint=_HINT) from None


def check_unattended(armored: str, *, where: str | None = None, now: float | None = None) -> list[PgpPrivateKey]:
    """The private keys; others can encrypt for each, and it opens that where nobody can be asked. Raises `KeyFormatError`."""
    moment = time.time() if now is None else now
    return _without_obstacles(armored, where, lambda key: _obstacle_to_opening(key) or _obstacle_to_use(key, moment))


def check_opens(armored: str, *, where: str | None = None) -> list[PgpPrivateKey]:
    """The private keys; each opens where nobody can be asked, and may have expired or been revoked. Raises `KeyFormatError`."""
    return _without_obstacles(armored, where, _obstacle_to_opening)


def _without_obstacles(
    armored: str, where: str | None, obstacle_of: t.Callable[[PgpPrivateKey], _Obstacle | None]
) -> list[PgpPrivateKey]:
    keys = read_private(armored, where=where)
    for key in keys:
        obstacle = obstacle_of(key)
        if obstacle is not None:
            raise KeyFormatError(obstacle.message, where=where, hint=obstacle.hint)
    return keys


class _Obstacle(t.NamedTuple):
    """Why a key is of no use, and what to do."""

    message: str
    hint: str


def _obstacle_to_opening(key: PgpPrivateKey) -> _Obstacle | None:
    name = key.fingerprint
    if key.needs_passphrase:
        return _Obstacle(
            f"the private key {name} is protected by a passphrase, and nobody can be asked for it",
            "take the passphrase away in a copy of the key: gpg --change-passphrase, then export it again",
        )
    if not key.parts[0].use.is_signed:
        return _Obstacle(
            f"{name} has no valid user ID, and gpg takes no such key",
            f"gpg --quick-add-uid {name} NAME adds one; then export the key again",
        )
    found = _encrypting(key)
    if not found:
        return _Obstacle(f"{name} can sign, and has no subkey for encryption", _added(name))
    return _elsewhere(found)


def _obstacle_to_use(key: PgpPrivateKey, now: float) -> _Obstacle | None:
    """Why nobody can encrypt for a key that opens; of several subkeys for encryption one is enough."""
    name = key.fingerprint
    if key.parts[0].use.is_revoked:
        return _Obstacle(f"{name} was revoked, and nobody can encrypt for it", "give the key that has replaced it")
    found = [part for part in _encrypting(key) if not part.use.is_revoked]
    if not found:
        return _Obstacle(f"the subkey for encryption of {name} was revoked", _added(name))
    here = [part for part in found if not part.is_elsewhere]
    if not here:
        return _elsewhere(found)
    return None if any(_lasts(part, key, now) for part in here) else _expired(here[-1], key, now)


def _encrypting(key: PgpPrivateKey) -> list[PgpPart]:
    return [part for part in key.parts if part.use.encrypts and part.use.is_signed]


def _elsewhere(parts: list[PgpPart]) -> _Obstacle | None:
    if any(not part.is_elsewhere for part in parts):
        return None
    return _Obstacle(
        f"{parts[-1].fingerprint}, which encrypts, is exported without its secret, {_LOST}",
        "export it where the private key is",
    )


def _added(name: str) -> str:
    return f"gpg --quick-add-key {name} default encr adds a subkey for encryption; then export the key again"


def _lasts(part: PgpPart, key: PgpPrivateKey, now: float) -> bool:
    """No subkey lasts longer than the primary key."""
    return not any(use.expires is not None and use.expires <= now for use in (part.use, key.parts[0].use))


def _expired(part: PgpPart, key: PgpPrivateKey, now: float) -> _Obstacle:
    uses = {f"{key.fingerprint} 0": key.parts[0].use}
    if part is not key.parts[0]:
        uses[f"{key.fingerprint} 0 {part.fingerprint}"] = part.use
    ended = {words: use.expires for words, use in uses.items() if use.expires is not None and use.expires <= now}
    day = time.strftime("%Y-%m-%d", time.gmtime(min(ended.values())))
    commands = " and ".join(f"gpg --quick-set-expire {words}" for words in ended)
    return _Obstacle(
        f"{part.fingerprint}, which encrypts, expired on {day}", f"extend it: {commands}; then export it again"
    )


def public_of(armored: str, *, where: str | None = None) -> PgpPair:
    """The one private key of a text, usable without a passphrase, and its public key. Raises `KeyFormatError`."""
    keys = check_unattended(armored, where=where)
    if len(keys) > 1:
        names = ", ".join(key.fingerprint for key in keys)
        raise KeyFormatError(
            f"holds {len(keys)} keys where one is due: {names}", where=where, hint="export one by name"
        )
    return PgpPair(armored, armor(keys[0].public), keys[0].fingerprint)


def is_one_of(recipient: str, fingerprints: Iterable[str]) -> bool:
    """Whether the name of a key in a file means one of these: a fingerprint, its end, with 0x or an exclamation mark."""
    wanted = recipient.rstrip("!").upper().removeprefix("0X")
    return len(wanted) >= 16 and any(fingerprint.endswith(wanted) for fingerprint in fingerprints)


# --- packets --------------------------------------------------------------------------------------


class _Secret(t.NamedTuple):
    """The body of the packet of one key or subkey."""

    fingerprint: str
    public: bytes
    """The body of its public packet."""
    is_protected: bool
    is_elsewhere: bool


class _Section:
    """A key, a subkey or a user ID, and what was signed about it."""

    def __init__(self, secret: _Secret | None = None) -> None:
        self.secret = secret
        self.signatures: list[bytes] = []


def _keys(content: bytes) -> Iterator[PgpPrivateKey]:
    sections: list[_Section] = []
    public = b""
    for packet in packets(content):
        if packet.tag == _SECRET_KEY and sections:
            yield _key(sections, public)
            sections, public = [], b""
        if packet.tag in _TO_PUBLIC:
            secret = _secret(packet.body)
            sections.append(_Section(secret))
            public += pack(_TO_PUBLIC[packet.tag], secret.public)
            continue
        public += packet.whole
        if packet.tag == _SIGNATURE and sections:
            sections[-1].signatures.append(packet.body)
        elif packet.tag in _NAMES:
            sections.append(_Section())
    yield _key(sections, public)


def _key(sections: Sequence[_Section], public: bytes) -> PgpPrivateKey:
    keys = [(section.secret, section.signatures) for section in sections if section.secret]
    if not keys:
        raise DamagedError(f"holds no private key, although it says PGP {PRIVATE}")
    (primary, own), *subkeys = keys
    of_users = [section.signatures for section in sections if not section.secret]
    parts = [_part(primary, use_of_primary(primary.public, primary.fingerprint, own, of_users))]
    parts += [_part(key, use_of_subkey(key.public, primary.fingerprint, signed)) for key, signed in subkeys]
    return PgpPrivateKey(tuple(parts), public)


def _part(secret: _Secret, use: Use) -> PgpPart:
    return PgpPart(secret.fingerprint, secret.is_protected, secret.is_elsewhere, use)


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
            raise DamagedError("is damaged: the checksum of its secret part does not fit")
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
        raise DamagedError("is a key of a version that is not in use any more")
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
    raise DamagedError(f"is a key of an algorithm that is not known here, number {algorithm}")
