# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An age file as bytes: armor, header, MAC and payload, read as strictly as the specification asks.

Private to the collection. Nothing is opened here before it is known to be well formed, because the libraries
below are laxer in places: a header that reads in two ways could be altered without anybody noticing.
Format: https://c2sp.org/age (version 1).
"""

from __future__ import annotations

import binascii
import typing as t

from ..._errors import DataKeyError
from .. import primitives

DATA_KEY_LIMIT = 1 << 16
"""The longest text that can hold a data key: sixteen times what an SSH key of 16,384 bits takes."""

_BEGIN, _END = b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS = 64
_INTRO = b"age-encryption.org/v1\n"
_SPACE = ord(" ")
_MAC_SIZE = 32
_NONCE_SIZE = 16
_FILE_KEY_SIZE = 16
_CHUNK = 1 << 16
_TAG = 16

Stanza = tuple[str, tuple[str, ...], bytes]
"""Type, arguments and body."""


class AgeFileError(DataKeyError):
    """An age file is not well formed, or was changed; `part` is `armor`, `header`, `HMAC` or `payload`."""

    def __init__(self, part: str, detail: str) -> None:
        super().__init__(f"the wrapped data key is damaged: {detail}")
        self.part = part
        self.detail = detail


class AgeFile(t.NamedTuple):
    """The parts of an age file."""

    content: bytes
    """All of it, without armor."""
    stanzas: t.Sequence[Stanza]
    signed: bytes
    """What the MAC is over."""
    mac: bytes
    payload: bytes
    """Nonce and chunks."""

    @property
    def kinds(self) -> set[str]:
        """The types of the stanzas."""
        return {kind for kind, _arguments, _body in self.stanzas}


def parse_enc(enc: str) -> AgeFile:
    """An armored age file that holds a data key."""
    if len(enc) > DATA_KEY_LIMIT:
        raise AgeFileError(
            "header", f"it is {len(enc):,} characters long, and no data key takes more than {DATA_KEY_LIMIT:,}"
        )
    return parse(dearmored(enc.encode("ascii", "replace")))


# --- armor ----------------------------------------------------------------------------------------


def dearmored(text: bytes) -> bytes:
    """The bytes inside of an armor; white space around it does not count, nor does CRLF."""
    lines = text.split(b"\n")
    if b"\r" in text:
        lines = [line.removesuffix(b"\r") for line in lines]
    first, last = _place(lines, _BEGIN, "first"), _place(lines, _END, "last")
    if b"".join(lines[:first]).strip():
        raise AgeFileError("armor", f"its first line is not {_BEGIN.decode()}")
    if b"".join(lines[last + 1 :]).strip():
        raise AgeFileError("armor", "something follows its last line")
    body = b"".join(lines[first + 1 : last])
    if lines[first + 1 : last] != _columns(body):
        raise AgeFileError("armor", f"its lines are not {_COLUMNS} characters long")
    return _base64(body, "armor")


def armored(content: bytes) -> str:
    """The armor as age writes it."""
    return b"\n".join((_BEGIN, *_columns(binascii.b2a_base64(content, newline=False)), _END, b"")).decode("ascii")


def _place(lines: list[bytes], line: bytes, which: str) -> int:
    try:
        return lines.index(line)
    except ValueError:
        raise AgeFileError("armor", f"its {which} line is not {line.decode()}") from None


def _columns(text: bytes) -> list[bytes]:
    return [text[start : start + _COLUMNS] for start in range(0, len(text), _COLUMNS)]


def _base64(text: bytes, part: str) -> bytes:
    """Only what an encoder would write: another spelling of the same bytes is refused."""
    try:
        content = binascii.a2b_base64(text)
    except binascii.Error:
        content = b""
    if binascii.b2a_base64(content, newline=False) != text:
        raise AgeFileError(part, f"a part of its {part} is not canonical Base64")
    return content


# --- header ---------------------------------------------------------------------------------------


def parse(content: bytes) -> AgeFile:
    """The parts of a file without armor."""
    if not content.startswith(_INTRO):
        raise AgeFileError("header", f"its first line is not {_INTRO.decode().rstrip()}")
    # No line of a stanza begins like this: of Base64 as it is used here, a minus is no part.
    signed = content.find(b"\n---", len(_INTRO) - 1) + 4
    position = content.find(b"\n", signed) + 1
    if signed < 4 or position == 0:
        raise AgeFileError("header", "its header is cut off")
    stanzas = _stanzas(content[len(_INTRO) : signed - 4])
    mac = _unpadded(content[signed + 1 : position - 1]) if content[signed] == _SPACE else b""
    if len(mac) != _MAC_SIZE:
        raise AgeFileError("header", "its last line holds no MAC")
    if len(stanzas) > 1 and any(kind == "scrypt" for kind, _arguments, _body in stanzas):
        raise AgeFileError("header", "a passphrase is not the only one that it is for")
    if len(content) - position < _NONCE_SIZE:
        raise AgeFileError("header", "it ends after the header")
    return AgeFile(content, stanzas, content[:signed], mac, content[position:])


def _stanzas(content: bytes) -> list[Stanza]:
    if not content:
        raise AgeFileError("header", "it is for nobody")
    stanzas: list[Stanza] = []
    opening: list[str] = []
    body: list[bytes] = []
    for line in content.split(b"\n"):
        if not opening:
            opening = _opening(line)
            continue
        if len(line) > _COLUMNS:
            raise AgeFileError("header", f"a line of its header is longer than {_COLUMNS} characters")
        body.append(_unpadded(line))
        if len(line) < _COLUMNS:
            stanzas.append((opening[0], tuple(opening[1:]), b"".join(body)))
            opening, body = [], []
    if opening:
        raise AgeFileError("header", "its header is cut off")
    return stanzas


def _opening(line: bytes) -> list[str]:
    """Type and arguments: words of visible ASCII with one space between them."""
    text = line.decode("ascii", "replace")
    arrow, *words = text.split(" ")
    if arrow != "->" or not words or not all(words) or not text.isprintable() or not text.isascii():
        raise AgeFileError("header", "a line that should begin a stanza does not")
    return words


def unpadded(text: str) -> bytes:
    """The bytes of Base64 without padding, as it stands in a header."""
    return _unpadded(text.encode("latin-1", "replace"))


def _unpadded(text: bytes) -> bytes:
    if text.endswith(b"="):
        raise AgeFileError("header", "a part of its header is not canonical Base64")
    return _base64(text + b"=" * (-len(text) % 4), "header")


# --- keys and payload -----------------------------------------------------------------------------


def opened(file: AgeFile, file_key: bytes) -> bytes:
    """What a file holds; the MAC is verified first."""
    if not primitives.is_mac(file.mac, primitives.hkdf(file_key, b"", b"header"), file.signed):
        raise AgeFileError("HMAC", "its header was changed, its MAC does not fit")
    key = primitives.hkdf(file_key, file.payload[:_NONCE_SIZE], b"payload")
    chunks = range(_NONCE_SIZE, max(len(file.payload), _NONCE_SIZE + 1), _CHUNK + _TAG)
    parts = []
    for number, start in enumerate(chunks):
        is_last = number == len(chunks) - 1
        part = primitives.chacha_open(key, _chunk_nonce(number, is_last), file.payload[start : start + _CHUNK + _TAG])
        # Only what is empty altogether may end with an empty chunk.
        if part is None or (is_last and not part and number):
            raise AgeFileError("payload", "its content was changed or cut off")
        parts.append(part)
    return b"".join(parts)


def sealed(stanza: Stanza, file_key: bytes, plain: bytes, randomness: t.Callable[[int], bytes]) -> bytes:
    """A file for one recipient that holds a few bytes."""
    if len(file_key) != _FILE_KEY_SIZE or len(plain) > _CHUNK:
        raise ValueError("a file key has 16 bytes, and the content is one chunk")
    kind, arguments, body = stanza
    encoded = binascii.b2a_base64(body, newline=False).rstrip(b"=")
    # A body ends with a short line, which is empty after a full one.
    lines = [encoded[start : start + _COLUMNS] for start in range(0, len(encoded) + 1, _COLUMNS)]
    opening = " ".join(("->", kind, *arguments)).encode("ascii")
    signed = _INTRO + b"\n".join((opening, *lines, b"---"))
    made = primitives.mac(primitives.hkdf(file_key, b"", b"header"), signed)
    nonce = randomness(_NONCE_SIZE)
    key = primitives.hkdf(file_key, nonce, b"payload")
    chunk = primitives.chacha_seal(key, _chunk_nonce(0, is_last=True), plain)
    return signed + b" " + binascii.b2a_base64(made, newline=False).rstrip(b"=") + b"\n" + nonce + chunk


def _chunk_nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if is_last else b"\x00")
