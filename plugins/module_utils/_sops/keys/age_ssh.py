# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH private keys as age identities, with and without a passphrase.

Private to the collection. Of a key in OpenSSH's own format the public key is in clear, so that most files are told to be
for somebody else without any work, and nobody is asked for a passphrase in vain.
"""

from __future__ import annotations

import binascii
import threading
import typing as t

from ..._errors import FluxseedError, KeyFormatError
from . import age_library
from .age_format import AgeFile
from .age_identities import Ask, OpeningIdentity, locked

_KINDS = ("ssh-ed25519", "ssh-rsa")
_BEGIN, _END = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"
_STARTS = (_BEGIN, "-----BEGIN RSA PRIVATE KEY", "-----BEGIN PRIVATE KEY", "-----BEGIN ENCRYPTED PRIVATE KEY")
_OTHERS = ("-----BEGIN EC PRIVATE KEY", "-----BEGIN DSA PRIVATE KEY")
_MAGIC = b"openssh-key-v1\0"


class SshIdentity(OpeningIdentity):
    """One SSH private key."""

    def __init__(
        self, label: str, text: str, *, passphrase: Ask | None, public: t.Callable[[], str | None] | None = None
    ) -> None:
        """`public` gives the text of the public key file, which a protected key in an older format needs."""
        self._label = label
        self._pem = text.strip() + "\n"
        self._passphrase = passphrase
        self._lock = threading.Lock()
        self._identity: t.Any = None
        self._refusal: FluxseedError | None = None
        self._blob, self._is_protected = _in_clear(self._pem, public)

    @property
    def recipient(self) -> str:
        """The public key."""
        if self._blob is None:
            try:
                self._loaded()
            except FluxseedError as exc:
                return f"{self._label} ({exc.message})"
        blob = self._blob or b""
        return f"{_kind(blob)} {binascii.b2a_base64(blob, newline=False).decode('ascii')}"

    @property
    def mark(self) -> str:
        """The public key where it is in clear, else the place of the key."""
        return self.recipient if self._blob is not None else self._label

    def open(self, file: AgeFile) -> bytes | None:
        """What a file holds, None if it is for somebody else."""
        if not file.kinds.intersection(_KINDS):
            return None
        if self._blob is None:
            self._loaded()
        kind, mark = _kind(self._blob or b""), _mark(self._blob or b"")
        if not any(each == kind and arguments[:1] == (mark,) for each, arguments, _body in file.stanzas):
            return None
        return age_library.opened(file, self._loaded())

    def _loaded(self) -> t.Any:
        with self._lock:
            if self._refusal is not None:
                raise self._refusal
            if self._identity is None:
                try:
                    self._identity = self._load()
                except FluxseedError as exc:
                    # Asked once: whoever has mistyped starts again.
                    self._refusal = exc
                    raise
            return self._identity

    def _load(self) -> t.Any:
        pem = self._pem.encode("utf-8", "replace")
        if self._pem.startswith(_BEGIN) and not self._is_protected:
            return age_library.ssh_identity(pem)
        from .age_primitives import ssh_key_pair  # noqa: PLC0415  (start-up time)

        passphrase = None
        if self._is_protected:
            text = self._passphrase(self._label) if self._passphrase else None
            if text is None:
                raise locked(f"{self._label} is protected by a passphrase, and nobody can be asked for it")
            passphrase = text.encode("utf-8", "surrogateescape")
        pair = ssh_key_pair(pem, passphrase)
        if pair is None:
            raise locked(f"{self._label} is protected by a passphrase, and the one given is wrong")
        blob = _blob_of(pair.public)
        if self._blob is not None and blob != self._blob:
            raise KeyFormatError(f"{self._label} and its public key do not belong together")
        self._blob = blob
        return age_library.ssh_identity(pair.private)


def _in_clear(pem: str, public: t.Callable[[], str | None] | None) -> tuple[bytes | None, bool]:
    """The public key as far as it can be read without work, and whether the private one is protected by a passphrase."""
    if pem.startswith(_BEGIN):
        return _of_openssh(pem)
    if pem.startswith(_OTHERS) or not pem.startswith(_STARTS):
        raise _unsupported()
    is_protected = pem.startswith("-----BEGIN ENCRYPTED") or "Proc-Type: 4,ENCRYPTED" in pem[:200]
    if not is_protected:
        return None, False
    text = public() if public else None
    if text is None:
        raise KeyFormatError(
            "the SSH key is protected by a passphrase and does not tell its public key, which is expected"
            " beside it with .pub at the end: ssh-keygen -y writes it, ssh-keygen -p renews the format"
        )
    return _blob_of(text), True


def _of_openssh(pem: str) -> tuple[bytes, bool]:
    try:
        content = binascii.a2b_base64(pem.partition(_BEGIN)[2].partition(_END)[0].encode("ascii"))
        position = len(_MAGIC)
        fields: list[bytes] = []
        for _name in ("cipher", "key derivation", "its options", "number of keys and first public key"):
            # The number of keys stands in front of the first one, in four bytes; there is never another.
            field, position = _field(content, position + (4 if len(fields) == 3 else 0))
            fields.append(field)
    except (ValueError, UnicodeError):
        content = b""
    if not content.startswith(_MAGIC):
        raise KeyFormatError("the SSH private key is damaged")
    cipher, blob = fields[0], fields[3]
    if _kind(blob) not in _KINDS:
        raise _unsupported()
    return blob, cipher != b"none"


def _field(content: bytes, position: int) -> tuple[bytes, int]:
    end = position + 4 + int.from_bytes(content[position : position + 4], "big")
    if not position + 4 <= end <= len(content):
        raise ValueError(position)
    return content[position + 4 : end], end


def _blob_of(public: str) -> bytes:
    """The bytes of a line like `ssh-rsa AAAA… comment`."""
    kind, encoded, *_comment = [*public.split(maxsplit=2), "", ""]
    try:
        blob = binascii.a2b_base64(encoded.encode("ascii"))
    except (ValueError, UnicodeError):
        blob = b""
    if not kind or _kind(blob) != kind:
        raise KeyFormatError("the SSH public key beside the private one is damaged")
    if kind not in _KINDS:
        raise _unsupported()
    return blob


def _kind(blob: bytes) -> str:
    try:
        return _field(blob, 0)[0].decode("ascii")
    except ValueError:
        return ""


def _mark(blob: bytes) -> str:
    """The first argument of a stanza for this key."""
    import hashlib  # noqa: PLC0415  (start-up time: most files are not for SSH keys, but many users have one)

    return binascii.b2a_base64(hashlib.sha256(blob).digest()[:4], newline=False).rstrip(b"=").decode("ascii")


def _unsupported() -> KeyFormatError:
    return KeyFormatError(
        "age takes SSH keys of the types ssh-ed25519 and ssh-rsa only: make one with ssh-keygen -t ed25519"
    )
