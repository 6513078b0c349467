# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pyrage, with its errors in our words: the only file that imports it.

Private to the collection. An error of pyrage is never a cause: what it says may hold a part of a key.
"""

from __future__ import annotations

import typing as t

from ..._errors import DataKeyError, EncryptionError, KeyFormatError, MissingLibraryError
from .age_format import AgeFile, AgeFileError

if t.TYPE_CHECKING:
    from .age_identities import Ask

_NO_MATCH = ("No matching keys found",)
_HEADER = ("Header is invalid", "Unknown age format", "Excessive work parameter")


def _pyrage() -> t.Any:
    """The library; imported by whoever wraps or has a key of a rarer kind, since opening the usual file takes none of it."""
    try:
        import pyrage  # noqa: PLC0415
    except ImportError:
        raise MissingLibraryError("pyrage", hint="install the Python package pyrage") from None
    return pyrage


def opened(file: AgeFile, identity: t.Any) -> bytes | None:
    """What a file holds, None if it is for somebody else."""
    pyrage = _pyrage()
    try:
        plain: bytes = pyrage.decrypt(file.content, [identity])
    except pyrage.DecryptError as exc:
        text = str(exc).strip()
        if text.startswith(_NO_MATCH):
            return None
        if text.startswith("Header MAC"):
            raise AgeFileError("HMAC", "its header was changed, its MAC does not fit") from None
        if text.startswith(_HEADER):
            raise AgeFileError("header", "a stanza of its header is not what its type asks for") from None
        raise AgeFileError("payload", "its content was changed or cut off") from None
    return plain


def sealed(plain: bytes, recipient: t.Any) -> str:
    """An armored file for one recipient. Raises `EncryptionError`."""
    pyrage = _pyrage()
    try:
        content: bytes = pyrage.encrypt(plain, [recipient], armored=True)
    except pyrage.EncryptError as exc:
        raise EncryptionError(_first_line(exc)) from None
    return content.decode("ascii")


# --- X25519 ---------------------------------------------------------------------------------------


def x25519_pair() -> tuple[str, str]:
    """A new key pair: private and public key."""
    identity = _pyrage().x25519.Identity.generate()
    return str(identity), str(identity.to_public())


def recipient(text: str) -> t.Any:
    """A recipient of the kinds X25519, tag, tagpq and SSH. Raises `KeyFormatError`, which does not name it."""
    pyrage = _pyrage()
    if text.startswith("ssh-"):
        part = "ssh"
    elif text.startswith("age1tag1"):
        part = "tag"
    elif text.startswith("age1tagpq1"):
        part = "tagpq"
    else:
        part = "x25519"
    try:
        return _part(part).Recipient.from_str(text)
    except pyrage.RecipientError as exc:
        raise KeyFormatError(str(exc)) from None


def _part(name: str) -> t.Any:
    found = getattr(_pyrage(), name, None)
    if found is None:
        raise MissingLibraryError("pyrage 1.4", hint="pip install --upgrade pyrage")
    return found


def ssh_identity(private: bytes) -> t.Any:
    """A private SSH key without passphrase, in OpenSSH's own format. Raises `KeyFormatError`."""
    pyrage = _pyrage()
    try:
        return pyrage.ssh.Identity.from_buffer(private)
    except pyrage.IdentityError:
        raise KeyFormatError("the SSH private key is damaged") from None


# --- plugins --------------------------------------------------------------------------------------


def plugin_name(identity: str) -> str:
    """The plugin that an identity is for. Raises `KeyFormatError` without a word of it."""
    return str(_plugin_identity(identity).plugin())


def opened_by_plugin(file: AgeFile, name: str, identity: str, ask: Ask | None) -> bytes | None:
    """What a file holds, None if the plugin says that it is for somebody else. Raises `DataKeyError`.

    There is no limit of time, as the plugin may wait for a finger on a key. pyrage holds the interpreter lock meanwhile,
    so that all other threads stand still, and none of them could end a plugin that hangs: that is done from outside.
    """
    pyrage, parsed = _pyrage(), _plugin_identity(identity)
    try:
        plain: bytes = pyrage.decrypt(
            file.content, [_part("plugin").IdentityPluginV1(name, [parsed], _Conversation(name, ask))]
        )
    except pyrage.DecryptError as exc:
        if str(exc).startswith(_NO_MATCH):
            return None
        error = DataKeyError(_told_by_plugin(name, exc))
        error.is_undecided = True
        raise error from None
    return plain


def plugin_sealer(text: str) -> t.Callable[[bytes], str]:
    """What wraps a data key for the recipient of a plugin, whose program is started then. Raises `KeyFormatError`."""
    pyrage = _pyrage()
    try:
        parsed = _part("plugin").Recipient.from_str(text)
    except pyrage.RecipientError as exc:
        raise KeyFormatError(_first_line(exc)) from None
    name = str(parsed.plugin())

    def seal(plain: bytes) -> str:
        try:
            recipient = _part("plugin").RecipientPluginV1(name, [parsed], [], _Conversation(name, None))
            content: bytes = pyrage.encrypt(plain, [recipient], armored=True)
        except pyrage.EncryptError as exc:
            raise EncryptionError(_told_by_plugin(name, exc)) from None
        return content.decode("ascii")

    return seal


class _Conversation:
    """What a plugin may ask for while it works: a PIN or a passphrase from whoever can be asked, and nothing else."""

    def __init__(self, name: str, ask: Ask | None) -> None:
        self._name = name
        self._ask = ask

    def display_message(self, message: str) -> None:
        """Pass over a message: only the outermost layer prints."""

    def confirm(self, message: str, yes_string: str, no_string: str | None) -> bool | None:
        """Leave a question open: nobody is there to answer."""

    def request_public_string(self, description: str) -> str | None:
        """Leave a question open: nobody is there to answer."""

    def request_passphrase(self, description: str) -> str | None:
        """Ask for a PIN or a passphrase; how the plugin calls it is left out, it is not our text."""
        del description
        return self._ask(f"the age plugin {self._name}") if self._ask else None


def _plugin_identity(text: str) -> t.Any:
    pyrage = _pyrage()
    try:
        return _part("plugin").Identity.from_str(text)
    except pyrage.IdentityError:
        raise KeyFormatError("an identity of an age plugin is damaged: its checksum does not fit") from None


def _told_by_plugin(name: str, exc: Exception) -> str:
    text = str(exc)
    if text.startswith("Could not find"):
        return f"the program age-plugin-{name} is not on PATH: install the age plugin {name}"
    return f"the age plugin {name} failed: {' '.join(text.split())}"


def _first_line(exc: Exception) -> str:
    return str(exc).strip().partition("\n")[0]
