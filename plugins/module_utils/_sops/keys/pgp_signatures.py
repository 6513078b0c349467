# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an OpenPGP key says of itself in its signatures: whether it encrypts, until when, and whether it was revoked.

Private to the collection. Of several signatures GnuPG goes by the newest, and so does this. None is verified: whoever
can change the text of a private key needs no false signature.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Iterator, Sequence

_CERTIFICATIONS, _USER_REVOKED = range(0x10, 0x14), 0x30
_OF_KEY, _KEY_REVOKED = 0x1F, 0x20
_OF_SUBKEY, _SUBKEY_REVOKED = 0x18, 0x28
# Subpackets.
_MADE, _LASTS, _ISSUER, _FLAGS, _ISSUER_FINGERPRINT = 2, 9, 16, 27, 33
_FOR_ENCRYPTION = 0x04 | 0x08
_SIGN_ONLY = {3, 17, 19, 22, 27, 28}
"""Algorithms: RSA for signing, DSA, ECDSA, EdDSA, Ed25519, Ed448."""


class Use(t.NamedTuple):
    """What a key or a subkey is good for."""

    is_signed: bool
    """Whether the primary key stands for it."""
    is_revoked: bool
    encrypts: bool
    expires: int | None
    """Seconds since 1970, None for never."""


class _Signature(t.NamedTuple):
    kind: int
    made: int
    issuer: str
    flags: int | None
    lasts: int | None


def use_of_primary(public: bytes, fingerprint: str, own: Iterable[bytes], of_users: Iterable[Iterable[bytes]]) -> Use:
    """By the body of the public packet, the signatures on the key, and those on each user ID."""
    signed = _by(fingerprint, own)
    for_users = [_newest(_by(fingerprint, found), (*_CERTIFICATIONS, _USER_REVOKED)) for found in of_users]
    valid = sorted((last for found in for_users for last in found if last.kind != _USER_REVOKED), key=_made)
    return _use(public, [*valid, *_newest(signed, (_OF_KEY,))], any(found.kind == _KEY_REVOKED for found in signed))


def use_of_subkey(public: bytes, primary: str, own: Iterable[bytes]) -> Use:
    """By the body of the public packet, the fingerprint of the primary key, and the signatures on the subkey."""
    signed = _by(primary, own)
    # No newer signature takes back that a subkey is revoked.
    return _use(public, _newest(signed, (_OF_SUBKEY,)), any(found.kind == _SUBKEY_REVOKED for found in signed))


def _use(public: bytes, signed: Sequence[_Signature], is_revoked: bool) -> Use:
    """The last signature counts first; what it leaves open the one before it says."""
    flags = next((found.flags for found in reversed(signed) if found.flags is not None), _FOR_ENCRYPTION)
    lasts = next((found.lasts for found in reversed(signed) if found.lasts is not None), 0)
    encrypts = public[5] not in _SIGN_ONLY and bool(flags & _FOR_ENCRYPTION)
    return Use(bool(signed), is_revoked, encrypts, int.from_bytes(public[1:5]) + lasts if lasts else None)


def _by(fingerprint: str, bodies: Iterable[bytes]) -> list[_Signature]:
    """The signatures of one key; those of other people say nothing of what a key is for."""
    return [found for body in bodies if (found := _signature(body)) and found.issuer in ("", key_id(fingerprint))]


def _newest(signed: Iterable[_Signature], kinds: Sequence[int]) -> list[_Signature]:
    return sorted((found for found in signed if found.kind in kinds), key=_made)[-1:]


def _made(signature: _Signature) -> int:
    return signature.made


def key_id(fingerprint: str) -> str:
    """The short name: the end of a fingerprint of version 4, the start of a later one."""
    return fingerprint[-16:] if len(fingerprint) == 40 else fingerprint[:16]


def _signature(body: bytes) -> _Signature | None:
    """What a packet says, None if it is of a version that GnuPG takes no notice of, or cut off."""
    try:
        if body[0] not in (4, 5, 6):
            return None
        size = 4 if body[0] == 6 else 2
        end = 4 + size + int.from_bytes(body[4 : 4 + size])
        if end + size > len(body):
            return None
        hashed = dict(_subpackets(body[4 + size : end]))
        # Who has signed may stand where it is not signed itself.
        more = dict(_subpackets(body[end + size : end + size + int.from_bytes(body[end : end + size])]))
        return _Signature(
            kind=body[1],
            made=int.from_bytes(hashed.get(_MADE, b"")),
            issuer=_issuer({**more, **hashed}),
            flags=int.from_bytes(hashed[_FLAGS][:1]) if _FLAGS in hashed else None,
            lasts=int.from_bytes(hashed[_LASTS]) if _LASTS in hashed else None,
        )
    except IndexError:
        return None


def _issuer(said: dict[int, bytes]) -> str:
    if _ISSUER in said:
        return said[_ISSUER].hex().upper()
    return key_id(said[_ISSUER_FINGERPRINT][1:].hex().upper()) if _ISSUER_FINGERPRINT in said else ""


def _subpackets(area: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(area):
        first = area[at]
        if first < 192:
            length, at = first, at + 1
        elif first < 255:
            length, at = (first - 192 << 8) + area[at + 1] + 192, at + 2
        else:
            length, at = int.from_bytes(area[at + 1 : at + 5]), at + 5
        yield area[at] & 0x7F, area[at + 1 : at + length]
        at += max(length, 1)
