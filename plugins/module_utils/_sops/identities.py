# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identities: where private keys come from.

Private to the collection. Nothing here reads the environment, a file or a command by itself: the
outer layer hands in `Surroundings`. A source that fails is remembered and named when no key fits.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from .._errors import DataKeyError, DecryptionOrderError, FluxseedError, MissingLibraryError
from . import private_keys
from .key_ring import DEFAULT_ORDER, KeyRing, reason_of
from .keys.age_identities import OpeningIdentity, parse_identities
from .keys.base import Identity, Surroundings
from .keys.services import KeyServices

_PROTECTED_STARTS = ("age-encryption", "-----BEGIN AGE")
_PGP_START, _PEM_START = "-----BEGIN PGP ", "-----BEGIN "


def decryption_order(text: str | None) -> tuple[str, ...]:
    """Kinds of keys in the order in which a group tries them, from a list with commas; nothing given is sops' own."""
    if not text:
        return DEFAULT_ORDER
    kinds = tuple(text.split(","))
    if len(set(kinds)) != len(kinds):
        raise DecryptionOrderError(
            "a kind of key is named twice", where="the decryption order", hint="name each kind once, such as age,pgp"
        )
    return kinds


def gather(
    surroundings: Surroundings,
    explicit: Sequence[tuple[str, str | Callable[[], str]]] | None = None,
    *,
    order: str | None = None,
    opens: Collection[str] = (),
    unattended: bool = False,
) -> KeyRing:
    """The ring of a run.

    Keys given explicitly, as (label, text) pairs or with a callable that gives the text, are the only ones used. A text
    holds age identities, also under a passphrase, or an SSH or OpenPGP private key. Otherwise all sources that sops knows
    for age are read together, and all key services are asked. With explicit keys these open no data key, but for the kinds
    in `opens` and of the keys given; what they wrap with is not a matter of keys given.

    Args:
        surroundings: where the sources are looked for.
        explicit: keys that switch all other sources off; an empty list is no key at all.
        order: a list of kinds with commas, SOPS_DECRYPTION_ORDER if it is not given.
        opens: kinds that are opened by their services beside explicit keys.
        unattended: take explicit keys as a controller in a cluster reads them: age identities line by line and OpenPGP keys,
            and nothing that needs a plugin or a passphrase.
    """
    kinds = decryption_order(order or surroundings.environment.get("SOPS_DECRYPTION_ORDER"))
    reader = _Reader(surroundings, unattended=unattended)
    if explicit is not None:
        for label, text in explicit:
            reader.given(label, text)
        services = KeyServices(
            surroundings,
            openpgp_keys=reader.openpgp_keys,
            opens={*opens, *(["pgp"] if reader.openpgp_keys else [])},
        )
        return KeyRing(
            reader.sorted(),
            services=services,
            tried=reader.tried,
            failed=reader.failed,
            lacks_library=reader.lacks_library,
            order=kinds,
        )
    per_recipient = _ambient(reader, surroundings)
    return KeyRing(
        reader.sorted(),
        services=KeyServices(surroundings),
        tried=reader.tried,
        failed=reader.failed,
        lacks_library=reader.lacks_library,
        per_recipient=per_recipient,
        order=kinds,
    )


_PerRecipient = tuple[str, Callable[[str], Iterable[Identity]]]


def _ambient(reader: _Reader, surroundings: Surroundings) -> list[_PerRecipient]:
    """Read the sources of sops in its order; commands are left for when a recipient needs them."""
    environment = surroundings.environment
    commands: list[_PerRecipient] = []

    name = "SOPS_AGE_SSH_PRIVATE_KEY_FILE"
    reader.ssh_file(name, environment.get(name))
    name = "SOPS_AGE_SSH_PRIVATE_KEY_CMD"
    reader.tried.append(name)
    if environment.get(name):
        commands.append((name, _ssh_command(name, environment[name], surroundings)))
    if surroundings.home:
        for key in ("id_ed25519", "id_rsa"):
            path = f"{surroundings.home}/.ssh/{key}"
            reader.ssh_file(path, path, required=False)

    reader.words("SOPS_AGE_KEY", environment.get("SOPS_AGE_KEY", ""))
    reader.file("SOPS_AGE_KEY_FILE", environment.get("SOPS_AGE_KEY_FILE"))
    name = "SOPS_AGE_KEY_CMD"
    reader.tried.append(name)
    if environment.get(name):
        commands.append((name, _age_command(environment[name], surroundings)))
    path = f"{_config_folder(surroundings)}/sops/age/keys.txt"
    reader.file(path, path, required=False)
    return commands


def _config_folder(surroundings: Surroundings) -> str:
    other = "Library/Application Support" if sys.platform == "darwin" else ".config"
    return surroundings.environment.get("XDG_CONFIG_HOME") or f"{surroundings.home}/{other}"


class _Reader:
    """Collects identities source by source; a failing source does not stop the others."""

    def __init__(self, surroundings: Surroundings, *, unattended: bool) -> None:
        self.openpgp_keys: list[tuple[str, str]] = []
        self.tried: list[str] = []
        self.failed: list[str] = []
        self.lacks_library = False
        self._surroundings = surroundings
        self.unattended = unattended
        self._identities: dict[str, OpeningIdentity] = {}

    def sorted(self) -> list[OpeningIdentity]:
        """The identities, those that need nobody and no other program first."""
        return sorted(self._identities.values(), key=lambda identity: identity.effort)

    def given(self, label: str, text: str | Callable[[], str]) -> None:
        """A key of any kind that was given explicitly."""
        self.tried.append(label)
        with _Noted(self, label):
            content = text if isinstance(text, str) else text()
            if _PGP_START in content:
                from .keys.pgp_block import read_private  # noqa: PLC0415  (start-up time)

                read_private(content)
                self.openpgp_keys.append((label, content))
            elif self.unattended:
                self._add(parse_identities(content))
            elif content.lstrip().startswith(_PEM_START) and not content.lstrip().startswith(_PROTECTED_STARTS):
                self._add_ssh(label, content)
            else:
                self._add_words(label, content.strip())

    def words(self, label: str, text: str) -> None:
        """Text in which several keys may share a line."""
        self.tried.append(label)
        with _Noted(self, label):
            self._add_words(label, text)

    def file(self, label: str, path: str | None, *, required: bool = True) -> None:
        """A key file; None is a variable that is not set."""
        self.tried.append(label)
        if path is None:
            return
        with _Noted(self, label):
            text = self._text(path, required=required)
            if text is not None:
                self.add_text(path, text)

    def ssh_file(self, label: str, path: str | None, *, required: bool = True) -> None:
        """The file of an SSH key; None is a variable that is not set."""
        self.tried.append(label)
        if path is None:
            return
        with _Noted(self, label):
            text = self._text(path, required=required)
            if text is not None:
                self._add_ssh(path, text, public=lambda: self._surroundings.read_file(f"{path}.pub"))

    def _text(self, path: str, *, required: bool) -> str | None:
        if private_keys.is_in(path):
            raise DataKeyError("a key stands where the path of a file is due")
        text = self._surroundings.read_file(path) if path else None
        if text is None and required:
            raise DataKeyError(f"there is no file {path!r}")
        return text

    def _add_words(self, label: str, text: str) -> None:
        if text.startswith(_PROTECTED_STARTS):
            self.add_text(label, text)
            return
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        self.add_text(label, "\n".join(word for line in lines for word in line.split()))

    def add_text(self, label: str, text: str) -> None:
        """The text of a key file. Raises `MissingLibraryError` for keys that lack one, when all others are there."""
        if text.startswith(_PROTECTED_STARTS):
            from .keys.age_passphrase import ProtectedIdentities  # noqa: PLC0415  (start-up time)

            self._add([ProtectedIdentities(label, text, self._surroundings.passphrase)])
        else:
            lacking: list[MissingLibraryError] = []
            self._add(parse_identities(text, self._surroundings.passphrase, lacking=lacking))
            if lacking:
                raise lacking[0]

    def _add_ssh(self, label: str, text: str, public: Callable[[], str | None] | None = None) -> None:
        from .keys.age_ssh import SshIdentity  # noqa: PLC0415  (start-up time)

        self._add([SshIdentity(label, text, passphrase=self._surroundings.passphrase, public=public)])

    def _add(self, found: Sequence[OpeningIdentity]) -> None:
        usable = [identity for identity in found if not (self.unattended and identity.effort)]
        for identity in usable:
            self._identities.setdefault(identity.mark, identity)
        for identity in found:
            if identity not in usable:
                raise DataKeyError(f"{identity.recipient} needs a program that is not there")


class _Noted:
    """What fails in this block is noted as the failure of a source.

    Unattended, a missing library is not: it says nothing of the controller, which has its own.
    """

    def __init__(self, reader: _Reader, label: str) -> None:
        self._reader = reader
        self._label = label

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> bool:
        lacks_library = isinstance(exc, MissingLibraryError)
        if not isinstance(exc, (FluxseedError, OSError)) or (lacks_library and self._reader.unattended):
            return False
        self._reader.failed.append(f"{self._label}: {reason_of(exc)}")
        self._reader.lacks_library |= lacks_library
        return True


def _age_command(command: str, surroundings: Surroundings) -> Callable[[str], Iterable[Identity]]:
    def ask(recipient: str) -> Iterator[Identity]:
        text = _output_of(command, recipient, surroundings)
        reader = _Reader(surroundings, unattended=False)
        lacking = None
        try:
            reader.add_text("the output of SOPS_AGE_KEY_CMD", text)
        except MissingLibraryError as exc:
            lacking = exc
        yield from reader.sorted()
        if lacking:
            raise lacking

    return ask


def _ssh_command(name: str, command: str, surroundings: Surroundings) -> Callable[[str], Sequence[Identity]]:
    def ask(recipient: str) -> Sequence[Identity]:
        if not recipient.startswith("ssh-"):
            return ()
        from .keys.age_ssh import SshIdentity  # noqa: PLC0415  (start-up time)

        # As in sops, nobody is asked for the passphrase of what a command gives.
        text = _output_of(command, recipient, surroundings)
        return [SshIdentity(f"the SSH key of {name}", text, passphrase=None)]

    return ask


def _output_of(command: str, recipient: str, surroundings: Surroundings) -> str:
    import shlex  # noqa: PLC0415  (only few need it, and start-up time counts)

    try:
        words = shlex.split(command)
    except ValueError:
        raise DataKeyError("the command is not well quoted") from None
    if not words:
        raise DataKeyError("the command is empty")
    return surroundings.run_command(words, {"SOPS_AGE_RECIPIENT": recipient})
