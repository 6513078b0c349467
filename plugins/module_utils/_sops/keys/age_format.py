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

DATA_KEY_LIMIT = 1 << 16
"""The longest text that can hold a data key: sixteen times what an SSH key of 16,384 bits takes."""

_BEGIN, _END = b"-----BEGIN AGE ENCRYPTED FILE-----", b"-----END AGE ENCRYPTED FILE-----"
_COLUMNS = 64
_INTRO = b"age-encryption.org/v1"
_VISIBLE = bytes(range(33, 127))
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
    lines = [line[:-1] if line.endswith(b"\r") else line for line in text.split(b"\n")]
    first = next((number for number, line in enumerate(lines) if line.strip()), 0)
    if lines[first] != _BEGIN:
        raise AgeFileError("armor", f"its first line is not {_BEGIN.decode()}")
    try:
        last = lines.index(_END, first)
    except ValueError:
        raise AgeFileError("armor", f"there is no line {_END.decode()}") from None
    body = lines[first + 1 : last]
    if any(len(line) != _COLUMNS for line in body[:-1]) or (body and not 0 < len(body[-1]) <= _COLUMNS):
        raise AgeFileError("armor", f"its lines are not {_COLUMNS} characters long")
    if any(line.strip() for line in lines[last + 1 :]):
        raise AgeFileError("armor", "something follows its last line")
    return _base64(b"".join(body), "armor")


def armored(content: bytes) -> str:
    """The armor as age writes it."""
    text = binascii.b2a_base64(content, newline=False)
    lines = [text[start : start + _COLUMNS] for start in range(0, len(text), _COLUMNS)]
    return b"\n".join((_BEGIN, *lines, _END, b"")).decode("ascii")


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
    line, position = _line(content, 0)
    if line != _INTRO:
        raise AgeFileError("header", f"its first line is not {_INTRO.decode()}")
    stanzas = []
    while not content.startswith(b"---", position):
        stanza, position = _stanza(content, position)
        stanzas.append(stanza)
    signed = content[: position + 3]
    line, position = _line(content, position)
    mac = unpadded(line[4:].decode("latin-1")) if line.startswith(b"--- ") else b""
    if len(mac) != _MAC_SIZE:
        raise AgeFileError("header", "its last line holds no MAC")
    if not stanzas:
        raise AgeFileError("header", "it is for nobody")
    if len(stanzas) > 1 and any(kind == "scrypt" for kind, _arguments, _body in stanzas):
        raise AgeFileError("header", "a passphrase is not the only one that it is for")
    if len(content) - position < _NONCE_SIZE:
        raise AgeFileError("header", "it ends after the header")
    return AgeFile(content, stanzas, signed, mac, content[position:])


def _line(content: bytes, position: int) -> tuple[bytes, int]:
    end = content.find(b"\n", position)
    if end < 0:
        raise AgeFileError("header", "its header is cut off")
    return content[position:end], end + 1


def _stanza(content: bytes, position: int) -> tuple[Stanza, int]:
    line, position = _line(content, position)
    words = line.split(b" ")
    if words[0] != b"->" or len(words) < 2 or not all(words) or b"".join(words).translate(None, _VISIBLE):
        raise AgeFileError("header", "a line that should begin a stanza does not")
    body = []
    while True:
        line, position = _line(content, position)
        if len(line) > _COLUMNS:
            raise AgeFileError("header", f"a line of its header is longer than {_COLUMNS} characters")
        body.append(unpadded(line.decode("latin-1")))
        if len(line) < _COLUMNS:
            kind, *arguments = (word.decode("ascii") for word in words[1:])
            return (kind, tuple(arguments), b"".join(body)), position


def unpadded(text: str) -> bytes:
    """The bytes of Base64 without padding, as it stands in a header."""
    encoded = text.encode("latin-1", "replace")
    if encoded.endswith(b"="):
        raise AgeFileError("header", "a part of its header is not canonical Base64")
    return _base64(encoded + b"=" * (-len(encoded) % 4), "header")


# --- keys and payload -----------------------------------------------------------------------------


def opened(file: AgeFile, file_key: bytes) -> bytes:
    """What a file holds; the MAC is verified first."""
    import hmac  # noqa: PLC0415  (start-up time: pyrage opens what most files hold)

    if not hmac.compare_digest(_mac(file_key, file.signed), file.mac):
        raise AgeFileError("HMAC", "its header was changed, its MAC does not fit")
    from .age_primitives import chacha_open  # noqa: PLC0415  (as above)

    key = _derived(file_key, b"payload", file.payload[:_NONCE_SIZE])
    chunks = range(_NONCE_SIZE, max(len(file.payload), _NONCE_SIZE + 1), _CHUNK + _TAG)
    parts = []
    for number, start in enumerate(chunks):
        is_last = number == len(chunks) - 1
        part = chacha_open(key, _chunk_nonce(number, is_last), file.payload[start : start + _CHUNK + _TAG])
        # Only what is empty altogether may end with an empty chunk.
        if part is None or (is_last and not part and number):
            raise AgeFileError("payload", "its content was changed or cut off")
        parts.append(part)
    return b"".join(parts)


def sealed(stanza: Stanza, file_key: bytes, plain: bytes, randomness: t.Callable[[int], bytes]) -> bytes:
    """A file for one recipient that holds a few bytes."""
    from .age_primitives import chacha_seal  # noqa: PLC0415  (as above)

    if len(file_key) != _FILE_KEY_SIZE or len(plain) > _CHUNK:
        raise ValueError("a file key has 16 bytes, and the content is one chunk")
    kind, arguments, body = stanza
    encoded = binascii.b2a_base64(body, newline=False).rstrip(b"=")
    # A body ends with a short line, which is empty after a full one.
    lines = [encoded[start : start + _COLUMNS] for start in range(0, len(encoded) + 1, _COLUMNS)]
    opening = " ".join(("->", kind, *arguments)).encode("ascii")
    signed = b"\n".join((_INTRO, opening, *lines, b"---"))
    mac = binascii.b2a_base64(_mac(file_key, signed), newline=False).rstrip(b"=")
    nonce = randomness(_NONCE_SIZE)
    chunk = chacha_seal(_derived(file_key, b"payload", nonce), _chunk_nonce(0, is_last=True), plain)
    return signed + b" " + mac + b"\n" + nonce + chunk


def _mac(file_key: bytes, signed: bytes) -> bytes:
    import hmac  # noqa: PLC0415  (as above)

    return hmac.digest(_derived(file_key, b"header", b""), signed, "sha256")


def _derived(file_key: bytes, purpose: bytes, salt: bytes) -> bytes:
    """HKDF with SHA-256 for one block of 32 bytes (RFC 5869)."""
    import hmac  # noqa: PLC0415  (as above)

    extracted = hmac.digest(salt or bytes(32), file_key, "sha256")
    return hmac.digest(extracted, purpose + b"\x01", "sha256")


def _chunk_nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + (b"\x01" if is_last else b"\x00")
