# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted values: the token `ENC[AES256_GCM,…]`, its cipher, and the byte form of typed values.

Private to the collection. The byte form is both what is encrypted and what enters the MAC. The type
inside a token is not authenticated, so it never decides about security.
"""

from __future__ import annotations

import math
import os
import re
import typing as t
from binascii import a2b_base64, b2a_base64
from collections.abc import Callable, Sequence

from .._errors import DecryptionError
from . import primitives
from .patterns import compiled
from .tree import BOOL, COMMENT, FLOAT, INT, STR, TIME

if t.TYPE_CHECKING:
    from datetime import datetime

Randomness = Callable[[int], bytes]

PREFIX = "ENC[AES256_GCM,data:"
_USUAL_TOKEN = re.compile(r"ENC\[AES256_GCM,data:([^,]+),iv:([^,]+),tag:([^,]+),type:([a-z]+)\]\Z")
_ANY_FORM = r"ENC\[AES256_GCM,data:(.+),iv:(.+),tag:(.+),type:(.+)\]"
"""All that sops takes; slower by far."""
_NONCE, _TAG = 32, 16
_TYPES = frozenset((STR, INT, FLOAT, BOOL, TIME, COMMENT, "bytes"))
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))
_INT = r"[-+]?[0-9]+\Z"
_FLOAT = r"[-+]?(?:[0-9]+(?:_[0-9]+)*\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?\Z"
_HEX_FLOAT = r"[-+]?0[xX][0-9a-fA-F]*\.?[0-9a-fA-F]*[pP][-+]?[0-9]+\Z"
_TIME = r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]+))?(?:Z|([-+])([0-9]{2}):([0-9]{2}))\Z"


class Cipher:
    """AES-256-GCM under the data key of one file."""

    def __init__(self, key: bytes, randomness: Randomness = os.urandom) -> None:
        if len(key) != 32:
            raise DecryptionError(f"the data key has {len(key)} bytes instead of 32")
        aead = primitives.aes_gcm(key)
        self._seal, self._open = aead.encrypt, aead.decrypt
        self._randomness = randomness
        self._pool = b""
        self._used = 0

    def reserve(self, count: int) -> None:
        """Fetch the nonces of the next `count` encryptions at once."""
        self._pool = self._randomness(count * _NONCE)
        self._used = 0

    def encrypt(self, data: bytes, kind: str, path: str) -> str:
        """Token for the byte form `data`, bound to `path`."""
        start = self._used
        if start + _NONCE > len(self._pool):
            self.reserve(1)
            start = 0
        self._used = start + _NONCE
        nonce = self._pool[start : start + _NONCE]
        sealed = self._seal(nonce, data, path.encode("utf-8", "surrogateescape"))
        body, iv = b2a_base64(sealed[:-_TAG], newline=False), b2a_base64(nonce, newline=False)
        tag = b2a_base64(sealed[-_TAG:], newline=False)
        joined = b"ENC[AES256_GCM,data:%b,iv:%b,tag:%b,type:" % (body, iv, tag)
        return f"{joined.decode('ascii')}{kind}]"

    def decrypt(self, token: str, path: str) -> tuple[bytes, str]:
        """Plain bytes and type of a token; raises DecryptionError without ever showing the token."""
        match = _USUAL_TOKEN.match(token) or compiled(_ANY_FORM).match(token)
        if match is None:
            raise DecryptionError("found a plain value where an encrypted one is due")
        data, nonce, tag, kind = match.groups()
        if (len(data) | len(nonce) | len(tag)) % 4:
            raise DecryptionError("an encrypted value is not valid base64")
        try:
            sealed = a2b_base64(data, strict_mode=True) + a2b_base64(tag, strict_mode=True)
            iv = a2b_base64(nonce, strict_mode=True)
        except ValueError:
            raise DecryptionError("an encrypted value is not valid base64") from None
        if kind not in _TYPES:
            raise DecryptionError("an encrypted value has an unknown type")
        try:
            return self._open(iv, sealed, path.encode("utf-8", "surrogateescape")), kind
        except (primitives.InvalidTag, ValueError):
            raise DecryptionError(
                "an encrypted value does not open: it was changed, moved to another key, or the key was renamed"
            ) from None


def is_token(text: str) -> bool:
    """Whether a text has the form of an encrypted value."""
    return text.startswith(PREFIX) and compiled(_ANY_FORM).match(text) is not None


def to_text(data: bytes) -> str:
    """Bytes as text; what is not UTF-8 survives as surrogates."""
    return data.decode("utf-8", "surrogateescape")


def to_bytes(text: str) -> bytes:
    """The inverse of `to_text`."""
    return text.encode("utf-8", "surrogateescape")


def normalise(data: bytes, kind: str) -> str:
    """Byte form, as text, of a decrypted value: other writers may have spelled it in their own way."""
    text = to_text(data)
    if kind in (STR, COMMENT, "bytes"):
        return text
    canonical = {BOOL: _bool, INT: _int, FLOAT: _float, TIME: _time}[kind](text)
    if canonical is None:
        raise DecryptionError(f"an encrypted value does not hold what its type {kind} promises")
    return canonical


def _bool(text: str) -> str | None:
    return "True" if text in _TRUE else "False" if text in _FALSE else None


def _int(text: str) -> str | None:
    number = int(text) if compiled(_INT).match(text) and len(text) < 21 else 2**63
    return str(number) if -(2**63) <= number < 2**63 else None


def _float(text: str) -> str | None:
    value = parse_float(text)
    return None if value is None else format_float(value)


def _time(text: str) -> str | None:
    match = compiled(_TIME).match(text)
    return None if match is None else format_time(match.groups())


def parse_float(text: str) -> float | None:
    """A float as Go's ParseFloat reads it, None if it does not."""
    lower = text.lower().lstrip("+-")
    if lower in ("inf", "infinity", "nan"):
        value = float(lower)
        return -value if text.startswith("-") else value
    if compiled(_FLOAT).match(text) and "_" not in text:
        value = float(text)
        return None if math.isinf(value) else value
    if compiled(_HEX_FLOAT).match(text):
        try:
            return float.fromhex(text)
        except (ValueError, OverflowError):
            return None
    return None


def format_float(value: float) -> str:
    """Positional decimal, never an exponent, shortest digits that read back the same."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    text = repr(value)
    if "e" in text:
        from decimal import Decimal  # noqa: PLC0415 - start-up time

        text = format(Decimal(text), "f")
    return text.removesuffix(".0")


def format_time(parts: Sequence[str | None]) -> str | None:
    """RFC 3339 with trimmed fraction and kept offset, zero offset as Z; None if there is no such time.

    The parts are year to second, fraction, sign and the two parts of the offset; the last four may be missing.
    """
    from datetime import UTC, datetime  # noqa: PLC0415 - start-up time

    year, month, day, hour, minute, second = (int(part or 0) for part in parts[:6])
    fraction, sign, offset_hour, offset_minute = parts[6:]
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    text = moment.strftime("%m-%dT%H:%M:%S")
    digits = (fraction or "")[:9].rstrip("0")
    offset = "Z"
    if sign and (int(offset_hour or 0) or int(offset_minute or 0)):
        offset = f"{sign}{offset_hour}:{offset_minute}"
        if int(offset_hour or 0) > 24 or int(offset_minute or 0) > 60:
            return None
    return f"{moment.year:04d}-{text}{'.' + digits if digits else ''}{offset}"


def parse_time(text: str) -> datetime | str:
    """A datetime for the byte form of a time; the text itself where Python has none."""
    from datetime import UTC, datetime, timedelta, timezone  # noqa: PLC0415 - start-up time

    match = compiled(_TIME).match(text)
    if match is None:
        return text
    year, month, day, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    zone = UTC
    if sign:
        delta = timedelta(hours=int(offset_hour), minutes=int(offset_minute))
        try:
            zone = timezone(delta if sign == "+" else -delta)
        except ValueError:
            return text
    micro = int(((fraction or "") + "000000")[:6])
    return datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), micro, tzinfo=zone)
