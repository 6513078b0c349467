# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""age recipients of every kind: X25519, post-quantum, tagged, SSH, and those of plugins.

Private to the collection. Identities are in `age_identities.py`.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..._errors import EncryptionError, KeyFormatError, MalformedMetadataError
from .. import private_keys, weak_types
from . import age_library
from .age_identities import parse_identities, parse_identity, public_key_of
from .base import MasterKey

KIND = "age"
FIELDS = ("enc", "recipient")
PRIVATE_PREFIX = "AGE-SECRET-KEY-1"
_HYBRID_PREFIX = "age1pq1"
_TAGGED_PREFIXES = ("age1tag1", "age1tagpq1")
_STARTS = "it starts with age1 or ssh-"
_LONGEST_WORD = 40
"""A fingerprint; all keys are longer."""

__all__ = ["AgeKey", "check_recipient", "generate_identity", "parse_identities", "public_key"]


def generate_identity(*, post_quantum: bool = False) -> tuple[str, str]:
    """A new key pair in memory: private and public key as text, X25519 or the hybrid of X25519 and ML-KEM-768."""
    if post_quantum:
        from . import age_hybrid  # noqa: PLC0415  (few need it, and start-up time counts)

        return age_hybrid.generate()
    return age_library.x25519_pair()


def public_key(private: str) -> str:
    """The recipient that belongs to a private key. Raises `UnsupportedError` for those of plugins."""
    return public_key_of(parse_identity(private.strip()))


def check_recipient(recipient: str, *, where: str | None = None) -> str:
    """The recipient, trimmed; raises if it is not well formed. The program of a plugin is not needed for that."""
    text = recipient.strip()
    _sealer(text, where)
    return text


def _sealer(text: str, where: str | None) -> Callable[[bytes], str]:
    """What wraps a data key for a recipient."""
    if private_keys.is_in(text):
        # Nothing of the text may get into the message from here on.
        raise KeyFormatError(
            "a private key stands where a recipient is due", where=where, hint=f"give the public key, {_STARTS}"
        )
    if not text.startswith(("age1", "ssh-")):
        raise KeyFormatError(
            f"an age recipient starts with age1 or ssh-, this one does not: {_beginning(text)}",
            where=where,
            hint="age-keygen -y prints the public key of a key file",
        )
    if len(text.split()) > 1 and text.startswith("age1"):
        raise KeyFormatError(
            f"several words stand where one recipient is due: {_shown(text)}",
            where=where,
            hint="separate recipients by commas, or give a list",
        )
    try:
        return _sealer_of_kind(text)
    except KeyFormatError as exc:
        problem = _problem(text, exc.message)
        raise KeyFormatError(f"{_shown(text)} is not an age recipient: {problem}", where=where, hint=exc.hint) from None


def _sealer_of_kind(text: str) -> Callable[[bytes], str]:
    # "1" is not in the alphabet of Bech32, so a second one belongs to the name of a plugin, or to a kind of age's own.
    if text.startswith(_HYBRID_PREFIX):
        from . import age_hybrid  # noqa: PLC0415  (as above)

        return age_hybrid.sealer(text)
    if text.startswith("age1") and text.rfind("1") > 3 and not text.startswith(_TAGGED_PREFIXES):
        return age_library.plugin_sealer(text)
    recipient = age_library.recipient(text)
    return lambda data_key: age_library.sealed(data_key, recipient)


def _problem(text: str, told: str) -> str:
    """What is wrong with a recipient, in words that say what to do."""
    if not text.startswith("ssh-"):
        return "a character is wrong or missing, its checksum does not fit" if "prefix" not in told else told
    if "Unsupported" in told or not text.startswith(("ssh-rsa ", "ssh-ed25519 ")):
        return "age takes SSH keys of the types ssh-ed25519 and ssh-rsa only"
    if "RsaModulusTooSmall" in told:
        return "an RSA key needs 2048 bits or more"
    return "the SSH public key is cut off or damaged"


def _shown(text: str) -> str:
    """Enough of a text to find it by."""
    return text if len(text) <= 100 else f"{text[:60]}…"


def _beginning(text: str) -> str:
    """As much of a text of which nothing is known: it may be the rest of a private key."""
    return text if len(text) <= _LONGEST_WORD else f"{text[:12]}…"


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
        if private_keys.is_in(recipient):
            raise MalformedMetadataError(
                "a private key stands where a recipient is due",
                where=f"{where}.recipient",
                hint="whoever can read the file can open it now: make new keys, and encrypt the file anew",
            )
        return cls(recipient.strip(), enc, unknown=given)

    def wrap(self, data_key: bytes) -> MasterKey:
        """One age file per recipient, armoured, as sops makes them."""
        seal = _sealer(self.recipient, None)
        try:
            return self._replace(enc=seal(data_key))
        except EncryptionError as exc:
            raise EncryptionError(f"age cannot encrypt for {_shown(self.recipient)}: {exc.message}") from None

    def to_data(self) -> dict[str, t.Any]:
        """The entry as stored."""
        return dict(sorted({**self.unknown, "enc": self.enc, "recipient": self.recipient}.items()))
