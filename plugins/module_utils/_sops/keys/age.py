# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""age recipients and identities (X25519), through pyrage. The only file that imports it.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from types import MappingProxyType

from ..._errors import DataKeyError, KeyFormatError, MalformedMetadataError, MissingLibraryError, UnsupportedError
from .. import weak_types
from .base import MasterKey

try:
    import pyrage

    HAS_PYRAGE = True
except ImportError:
    HAS_PYRAGE = False

KIND = "age"
FIELDS = ("enc", "recipient")
PRIVATE_PREFIX = "AGE-SECRET-KEY-1"
_PRIVATE_PREFIXES = ("AGE-SECRET-KEY-", "AGE-PLUGIN-")


def _require_pyrage() -> None:
    if not HAS_PYRAGE:
        raise MissingLibraryError("pyrage", hint="install the Python package pyrage")


def generate_identity() -> tuple[str, str]:
    """A new key pair in memory: private and public key as text."""
    _require_pyrage()
    identity = pyrage.x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def public_key(private: str) -> str:
    """The recipient that belongs to a private key."""
    return str(_identity(private).to_public())


def check_recipient(recipient: str, *, where: str | None = None) -> str:
    """The recipient, trimmed; raises if age could not encrypt for it."""
    text = recipient.strip()
    _recipient(text, where)
    return text


def _identity(private: str) -> t.Any:
    _require_pyrage()
    text = private.strip()
    if text.startswith(("AGE-SECRET-KEY-PQ-1", "AGE-PLUGIN-")):
        raise UnsupportedError("post-quantum and plugin identities of age are not supported yet")
    if not text.startswith(PRIVATE_PREFIX):
        raise KeyFormatError(f"an age identity starts with {PRIVATE_PREFIX}, this one does not")
    try:
        return pyrage.x25519.Identity.from_str(text)
    except pyrage.IdentityError:
        # The cause is left out on purpose: nothing of a private key may get into a traceback.
        raise KeyFormatError("an age identity is damaged: its checksum does not fit") from None


def _recipient(text: str, where: str | None) -> t.Any:
    _require_pyrage()
    if text.startswith("age1pq1") or (text.count("1") > 1 and _is_plugin(text)):
        raise UnsupportedError(
            f"the age recipient {text} needs a plugin or is post-quantum: not supported yet", where=where
        )
    if text.startswith("ssh-"):
        raise UnsupportedError("SSH keys as age recipients are not supported yet", where=where)
    if text.upper().startswith(_PRIVATE_PREFIXES):
        raise KeyFormatError(
            "a private key stands where a recipient is due",
            where=where,
            hint="give the public key, it starts with age1",
        )
    if not text.startswith("age1"):
        raise KeyFormatError("an age recipient starts with age1, this one does not", where=where)
    try:
        return pyrage.x25519.Recipient.from_str(text)
    except pyrage.RecipientError:
        raise KeyFormatError(f"{text} is not an age recipient: its checksum does not fit", where=where) from None


def _is_plugin(text: str) -> bool:
    # "1" is not in the data alphabet of Bech32, so a second one belongs to the name of a plugin.
    return text.startswith("age1") and text.rfind("1") > 3


class AgeKey(t.NamedTuple):
    """One age recipient and the data key wrapped for it."""

    recipient: str
    enc: str = ""
    kind: str = KIND
    unknown: Mapping[str, t.Any] = MappingProxyType({})
    """Fields that are not known, kept as they were read."""

    @classmethod
    def parse(cls, data: t.Any, *, where: str) -> AgeKey:
        """Read an entry of the metadata."""
        given = weak_types.own_spelling(weak_types.mapping(data, where), FIELDS)
        recipient, enc = (weak_types.text(given.pop(name, None), f"{where}.{name}") for name in ("recipient", "enc"))
        if recipient.lstrip().upper().startswith(_PRIVATE_PREFIXES):
            raise MalformedMetadataError(
                "a private key stands where a recipient is due",
                where=f"{where}.recipient",
                hint="whoever can read the file can open it now: make new keys, and encrypt the file anew",
            )
        return cls(recipient.strip(), enc, unknown=given)

    def wrap(self, data_key: bytes) -> MasterKey:
        """One age file per recipient, armoured, as sops makes them."""
        recipient = _recipient(self.recipient, None)
        try:
            sealed = pyrage.encrypt(data_key, [recipient], armored=True)
        except pyrage.EncryptError as exc:
            raise KeyFormatError(f"age cannot encrypt for {self.recipient}") from exc
        return self._replace(enc=sealed.decode("ascii"))

    def to_data(self) -> dict[str, t.Any]:
        """The entry as stored."""
        return dict(sorted({**self.unknown, "enc": self.enc, "recipient": self.recipient}.items()))


class AgeIdentity:
    """One private key, parsed once."""

    def __init__(self, private: str) -> None:
        self._identity = _identity(private)
        self.recipient = str(self._identity.to_public())

    def __repr__(self) -> str:
        return f"AgeIdentity({self.recipient})"

    def unwrap(self, enc: str) -> bytes | None:
        """The data key, None if it was wrapped for somebody else."""
        try:
            plain: bytes = pyrage.decrypt(enc.strip().encode("ascii", "replace"), [self._identity])
        except pyrage.DecryptError as exc:
            if "No matching keys" in str(exc):
                return None
            raise DataKeyError(f"the wrapped data key is damaged: {exc}") from None
        return plain


def parse_identities(text: str) -> list[AgeIdentity]:
    """The identities of a key file: one per line, empty lines and lines starting with # skipped."""
    identities = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not line or line.startswith("#"):
            continue
        if line.startswith(("age-encryption", "-----BEGIN AGE")):
            raise UnsupportedError("key files that are protected by a passphrase are not supported yet")
        try:
            identities.append(AgeIdentity(line if line.startswith("AGE-") else ""))
        except KeyFormatError as exc:
            raise KeyFormatError(f"line {number}: {exc.message}") from None
    return identities
