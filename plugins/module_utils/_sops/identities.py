# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Identities: where private keys come from, and the ring that opens data keys with them.

Private to the collection. Nothing here reads the environment, a file or a command by itself: the
outer layer hands in `Surroundings`. A source that fails is remembered and named when no key fits.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence

from .._errors import DataKeyError, DecryptionOrderError, FluxseedError, MissingLibraryError
from .keys.age import AgeIdentity, parse_identities
from .metadata import Metadata

if t.TYPE_CHECKING:
    from .keys.base import MasterKey


class Surroundings(t.NamedTuple):
    """What the outer layer lets the engine see."""

    environment: Mapping[str, str]
    home: str
    read_file: Callable[[str], str | None]
    """Text of a file, None if there is none; any FluxseedError or OSError is a source that failed."""
    run_command: Callable[[Sequence[str], Mapping[str, str]], str]
    """Output of a command run with additional environment variables."""


DEFAULT_ORDER = ("age", "pgp")


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


class KeyRing:
    """Identities, parsed once, and the data keys that they have opened."""

    def __init__(
        self,
        identities: Sequence[AgeIdentity] = (),
        *,
        tried: Sequence[str] = (),
        failed: Sequence[str] = (),
        per_recipient: Callable[[str], Sequence[AgeIdentity]] | None = None,
        order: Sequence[str] = DEFAULT_ORDER,
    ) -> None:
        self._identities = list(identities)
        self._tried = list(tried)
        self._failed = list(failed)
        self._per_recipient = per_recipient
        self._ranks = {kind: rank for rank, kind in enumerate(order)}
        self._asked: dict[str, list[AgeIdentity]] = {}
        self._opened: dict[tuple[tuple[str, ...], ...], bytes] = {}

    @property
    def recipients(self) -> tuple[str, ...]:
        """Public keys of the identities at hand."""
        return tuple(identity.recipient for identity in self._identities)

    @property
    def failed(self) -> tuple[str, ...]:
        """Sources that could not be read, with the reason."""
        return tuple(self._failed)

    def data_key(self, metadata: Metadata, *, where: str | None = None) -> bytes:
        """The data key of a file; unwrapped once per process."""
        mark = tuple(tuple(key.enc for key in group) for group in metadata.groups)
        known = self._opened.get(mark)
        if known is None:
            known = self._opened[mark] = self._recover(metadata, where)
        return known

    def _recover(self, metadata: Metadata, where: str | None) -> bytes:
        """Open the only group, or as many of several as open, and put the parts together."""
        reasons: list[list[str]] = []
        parts = []
        for group in metadata.groups:
            reasons.append([])
            part = self._open_group(group, reasons[-1])
            if part is not None:
                parts.append(part)
        if len(metadata.groups) == 1 and parts:
            return parts[0]
        needed = max(metadata.shamir_threshold, 2) if len(metadata.groups) > 1 else 1
        if len(parts) < needed:
            raise DataKeyError(self._explain(reasons, needed, len(parts)), where=where, hint=self._advice())
        from .shamir import combine  # noqa: PLC0415  (start-up time: few files need it)

        return combine(parts)

    def _open_group(self, group: Sequence[MasterKey], reasons: list[str]) -> bytes | None:
        """What any key of the group holds; the reasons why each of them does not open otherwise."""
        last = len(self._ranks)
        for key in sorted(group, key=lambda key: self._ranks.get(key.kind, last)):
            part = self._open(key, reasons)
            if part is not None:
                reasons.clear()
                return part
        if not group:
            reasons.append("the group lists no key")
        return None

    def _open(self, key: MasterKey, reasons: list[str]) -> bytes | None:
        if key.kind != "age":
            reasons.append(f"{key.kind} {key.recipient}: keys of this kind are not supported yet")
            return None
        if not key.enc:
            reasons.append(f"{key.recipient}: the file holds no data key for it")
            return None
        for identity in [*self._identities, *self._ask(key.recipient)]:
            try:
                data_key = identity.unwrap(key.enc)
            except DataKeyError as exc:
                reasons.append(f"{key.recipient}: {exc.message}")
                return None
            if data_key is not None:
                return data_key
        reasons.append(f"{key.recipient}: no identity for it")
        return None

    def _ask(self, recipient: str) -> list[AgeIdentity]:
        if self._per_recipient is None:
            return []
        if recipient not in self._asked:
            self._asked[recipient] = []
            try:
                self._asked[recipient] = list(self._per_recipient(recipient))
            except (FluxseedError, OSError) as exc:
                self._failed.append(f"SOPS_AGE_KEY_CMD: {_reason(exc)}")
        return self._asked[recipient]

    def _explain(self, reasons: Sequence[Sequence[str]], needed: int, opened: int) -> str:
        """Group by group and key by key, as sops lays it out."""
        have = ", ".join(self.recipients) or "none"
        if len(reasons) == 1:
            text = f"no identity opens the data key: {'; '.join(reasons[0])}. Identities at hand: {have}"
        else:
            lines = [f"no identity opens enough of the data key: {needed} key groups are needed, {opened} opened"]
            for number, failures in enumerate(reasons):
                lines.append(f"Group {number}: {'FAILED' if failures else 'SUCCESS'}")
                lines.extend(f"  {failure.replace(': ', ': FAILED - ', 1)}" for failure in failures)
            text = "\n".join((*lines, f"Identities at hand: {have}"))
        if self._tried:
            text += f". Looked in: {', '.join(self._tried)}"
        if self._failed:
            text += f". Failed: {'; '.join(self._failed)}"
        return text

    def _advice(self) -> str:
        if not self._identities:
            return "set SOPS_AGE_KEY_FILE or SOPS_AGE_KEY, or give the private key"
        return "the file is encrypted for another key: use that identity, or update the recipients of the file"


def gather(
    surroundings: Surroundings, explicit: Sequence[tuple[str, str]] | None = None, *, order: str | None = None
) -> KeyRing:
    """The ring of a run.

    Keys given explicitly, as (label, text) pairs, are the only ones used. Otherwise all sources that
    sops knows for age are read together: SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, SOPS_AGE_KEY_CMD and the
    key file of the user. The order is a list of kinds with commas, SOPS_DECRYPTION_ORDER if it is not given.
    """
    reader = _Reader()
    kinds = decryption_order(order or surroundings.environment.get("SOPS_DECRYPTION_ORDER"))
    if explicit is not None:
        for label, text in explicit:
            reader.words(label, text)
        return KeyRing(reader.identities, tried=reader.tried, failed=reader.failed, order=kinds)
    environment = surroundings.environment
    for name in ("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_CMD"):
        if environment.get(name):
            reader.failed.append(f"{name}: SSH keys are not supported yet")
    reader.words("SOPS_AGE_KEY", environment.get("SOPS_AGE_KEY", ""))
    if "SOPS_AGE_KEY_FILE" in environment:
        reader.file("SOPS_AGE_KEY_FILE", environment["SOPS_AGE_KEY_FILE"], surroundings, required=True)
    else:
        reader.tried.append("SOPS_AGE_KEY_FILE")
    command = environment.get("SOPS_AGE_KEY_CMD", "")
    reader.tried.append("SOPS_AGE_KEY_CMD")
    config = environment.get("XDG_CONFIG_HOME") or f"{surroundings.home}/.config"
    path = f"{config}/sops/age/keys.txt"
    reader.file(path, path, surroundings, required=False)
    return KeyRing(
        reader.identities,
        tried=reader.tried,
        failed=reader.failed,
        per_recipient=_command_source(command, surroundings) if command else None,
        order=kinds,
    )


class _Reader:
    """Collects identities source by source; a failing source does not stop the others."""

    def __init__(self) -> None:
        self.identities: list[AgeIdentity] = []
        self.tried: list[str] = []
        self.failed: list[str] = []

    def words(self, label: str, text: str) -> None:
        """Text in which several keys may share a line."""
        self.tried.append(label)
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        self._add(label, "\n".join(word for line in lines for word in line.split()))

    def file(self, label: str, path: str, surroundings: Surroundings, *, required: bool) -> None:
        self.tried.append(label)
        if "AGE-SECRET-KEY" in path.upper():
            self.failed.append(f"{label}: a key stands where the path of a file is due")
            return
        try:
            text = surroundings.read_file(path) if path else None
        except (FluxseedError, OSError) as exc:
            self.failed.append(f"{label}: {_reason(exc)}")
            return
        if text is None:
            if required:
                self.failed.append(f"{label}: there is no file {path!r}")
            return
        self._add(label, text)

    def _add(self, label: str, text: str) -> None:
        try:
            found = parse_identities(text)
        except MissingLibraryError:
            raise
        except FluxseedError as exc:
            self.failed.append(f"{label}: {_reason(exc)}")
            return
        known = {identity.recipient for identity in self.identities}
        self.identities.extend(identity for identity in found if identity.recipient not in known)


def _command_source(command: str, surroundings: Surroundings) -> Callable[[str], Sequence[AgeIdentity]]:
    import shlex  # noqa: PLC0415  (only few need it, and start-up time counts)

    def ask(recipient: str) -> Sequence[AgeIdentity]:
        try:
            words = shlex.split(command)
        except ValueError:
            raise DataKeyError("the command is not well quoted") from None
        return parse_identities(surroundings.run_command(words, {"SOPS_AGE_RECIPIENT": recipient}))

    return ask


def _reason(exc: Exception) -> str:
    if isinstance(exc, FluxseedError):
        return exc.message
    return exc.strerror or type(exc).__name__ if isinstance(exc, OSError) else type(exc).__name__
