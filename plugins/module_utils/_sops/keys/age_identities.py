# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""age identities as they stand in a key file: X25519, post-quantum, and those of plugins.

Private to the collection. What an identity is asked to open was found to be well formed before.
"""

from __future__ import annotations

import typing as t
from abc import ABC, abstractmethod

from ..._errors import DataKeyError, KeyFormatError, MissingLibraryError, UnsupportedError
from . import age_library
from .age_format import AgeFile, parse_enc
from .age_native import NativeKey

Ask = t.Callable[[str], "str | None"]
"""Gives the passphrase of what is named, None if nobody can be asked."""

_X25519, _HYBRID, _PLUGIN = "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-PQ-1", "AGE-PLUGIN-"
PREFIXES = (_X25519, _HYBRID, _PLUGIN)


class OpeningIdentity(ABC):
    """What all identities of age have in common: they open files."""

    effort: t.ClassVar[int] = 0
    """What it takes to try one: nothing, the program of a plugin (1), or a person who is asked (2)."""

    @property
    @abstractmethod
    def recipient(self) -> str:
        """The public key, or what else tells this identity from others."""

    @property
    def mark(self) -> str:
        """What two identities have in common that are the same; to be had without work."""
        return self.recipient

    @abstractmethod
    def open(self, file: AgeFile) -> bytes | None:
        """What a file holds, None if it is for somebody else. Raises `DataKeyError`."""

    def unwrap(self, enc: str) -> bytes | None:
        """The data key, None if it was wrapped for somebody else."""
        return self.open(parse_enc(enc))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.recipient})"


class KeyIdentity(OpeningIdentity):
    """One key that opens without pyrage, parsed once."""

    def __init__(self, key: NativeKey) -> None:
        self._key = key
        self._recipient = key.recipient

    @property
    def recipient(self) -> str:
        """The public key."""
        return self._recipient

    def open(self, file: AgeFile) -> bytes | None:
        """What a file holds, None if it is for somebody else."""
        return self._key.open(file)


class PluginIdentity(OpeningIdentity):
    """One identity that the program of a plugin opens with, such as a hardware key."""

    effort = 1

    def __init__(self, text: str, passphrase: Ask | None) -> None:
        import hashlib  # noqa: PLC0415  (start-up time)

        self._name = age_library.plugin_name(text)
        self._text = text
        self._passphrase = passphrase
        self._mark = hashlib.sha256(text.encode("ascii")).hexdigest()[:8]

    @property
    def recipient(self) -> str:
        """The plugin, and a short name of this identity of it: only the plugin knows its public key."""
        return f"age-plugin-{self._name} (identity {self._mark})"

    def open(self, file: AgeFile) -> bytes | None:
        """What a file holds, None if the plugin says that it is for somebody else."""
        return age_library.opened_by_plugin(file, self._name, self._text, self._passphrase)


def parse_identity(text: str, passphrase: Ask | None = None) -> OpeningIdentity:
    """One identity. Raises `KeyFormatError` in words that hold nothing of it."""
    if len(text.split()) == 1 and text == text.strip():
        if text.startswith(_X25519):
            from . import age_x25519  # noqa: PLC0415  (who has his keys elsewhere does not need it: start-up time)

            return KeyIdentity(age_x25519.X25519Key(text))
        if text.startswith(_HYBRID):
            from . import age_hybrid  # noqa: PLC0415  (as above)

            return KeyIdentity(age_hybrid.HybridKey(text))
        if text.startswith(_PLUGIN):
            return PluginIdentity(text, passphrase)
    raise _refused(text)


def public_key_of(identity: OpeningIdentity) -> str:
    """The recipient that belongs to an identity. Raises `UnsupportedError` where only a plugin knows it."""
    if isinstance(identity, PluginIdentity):
        raise UnsupportedError(f"only the plugin knows the public key of {identity.recipient}")
    return identity.recipient


def parse_identities(
    text: str, passphrase: Ask | None = None, *, lacking: list[MissingLibraryError] | None = None
) -> list[OpeningIdentity]:
    """The identities of a key file: one per line, empty lines and lines starting with # skipped.

    If `lacking` is given, it takes up why keys cannot be used for want of a library, and the others are returned.
    """
    identities = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if not line or line.startswith("#"):
            continue
        try:
            identities.append(parse_identity(line, passphrase))
        except KeyFormatError as exc:
            raise KeyFormatError(f"line {number}: {exc.message}") from None
        except MissingLibraryError as exc:
            if lacking is None:
                raise
            lacking.append(exc)
    return identities


def locked(message: str) -> DataKeyError:
    """The error for a key that nobody has unlocked; elsewhere it may open."""
    error = DataKeyError(message)
    error.is_undecided = True
    return error


_MISTAKES: tuple[tuple[tuple[str, ...], str], ...] = (
    (
        ("age1", "ssh-", "ecdsa-"),
        "a public key stands where a private key is due: give the private key that belongs to it",
    ),
    (
        ("age-encryption", "-----BEGIN AGE"),
        "the key is protected by a passphrase, which cannot be asked for here: decrypt it with age",
    ),
    (
        ("-----BEGIN",),
        "this is no age private key: name the file of an SSH key in SOPS_AGE_SSH_PRIVATE_KEY_FILE, give OpenPGP keys to gpg",
    ),
    (
        tuple(prefix.lower() for prefix in PREFIXES),
        "an age private key is written in capital letters: copy it as age-keygen printed it",
    ),
)


def _refused(text: str) -> KeyFormatError:
    """Why a line is no identity, and what to do."""
    words = text.split()
    if words and words[0].startswith(PREFIXES):
        if len(words) > 1:
            return KeyFormatError("several words stand in one line: put one private key in a line, and nothing else")
        return KeyFormatError("there is white space before or after the private key: take it off, age does not take it")
    for starts, message in _MISTAKES:
        if text.lstrip().startswith(starts):
            return KeyFormatError(message)
    return KeyFormatError(f"an age private key starts with {_X25519}, {_HYBRID} or {_PLUGIN}, this one does not")
