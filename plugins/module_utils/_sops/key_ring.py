# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key ring: identities and key services, and the data keys that they have opened.

Private to the collection.
"""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Callable, Iterable, Iterator, Sequence

from .._errors import DataKeyError, FluxseedError, KeyFormatError, MissingLibraryError, UnsupportedError
from .keys.base import Identity, MasterKey
from .keys.services import KeyServices, side_by_side

AGE = "age"
DEFAULT_ORDER = (AGE, "pgp")

_Mark = tuple[tuple[str, ...], ...]


class Held(t.Protocol):
    """What holds a data key: the metadata of a file, or its status."""

    @property
    def groups(self) -> Sequence[Sequence[MasterKey]]:
        """Key groups; the data key is split if there are several."""

    @property
    def shamir_threshold(self) -> int:
        """How many of the groups it takes."""


class _Reasons(list[str]):
    """Why the keys of a group do not open their part."""

    are_undecided = False
    """Whether one of them could not be tried."""


class KeyRing:
    """Identities, parsed once, and the data keys that they have opened."""

    def __init__(
        self,
        identities: Sequence[Identity] = (),
        *,
        services: KeyServices | None = None,
        tried: Sequence[str] = (),
        failed: Sequence[str] = (),
        lacks_library: bool = False,
        per_recipient: Sequence[tuple[str, Callable[[str], Iterable[Identity]]]] = (),
        order: Sequence[str] = DEFAULT_ORDER,
    ) -> None:
        """`failed` are sources that could not be read; `lacks_library`: one of them for want of a library."""
        self.services = services or KeyServices()
        """What wraps data keys for master keys of every kind."""
        self._identities = list(identities)
        self._own = frozenset(identity.mark for identity in identities)
        self._tried = list(tried)
        self._failed = list(failed)
        self._lacks_library = lacks_library
        self._per_recipient = tuple(per_recipient)
        self._ranks = {kind: rank for rank, kind in enumerate(order)}
        self._asked: dict[str, list[Identity]] = {}
        self._asking = threading.Lock()
        self._opened: dict[_Mark, bytes] = {}
        self._refused: dict[_Mark, DataKeyError] = {}

    @property
    def recipients(self) -> tuple[str, ...]:
        """Public keys of the identities at hand."""
        return tuple(identity.recipient for identity in self._identities)

    @property
    def failed(self) -> tuple[str, ...]:
        """Sources that could not be read, with the reason."""
        return tuple(self._failed)

    def data_key(self, held: Held, *, where: str | None = None) -> bytes:
        """The data key of a file; unwrapped once per process."""
        mark = _mark(held)
        known = self._opened.get(mark)
        if known is None:
            refused = self._refused.pop(mark, None)
            if refused is not None:
                refused.where = where
                raise refused
            known = self._opened[mark] = self._recover(held, where)
        return known

    def prefetch(self, files: Iterable[Held]) -> None:
        """Open the data keys of many files at once where a service has to be asked; what fails is told by `data_key`."""
        wanted = {
            mark: held
            for held in files
            if any(key.kind != AGE for group in held.groups for key in group)
            and (mark := _mark(held)) not in self._opened
        }
        if len(wanted) > 1:
            side_by_side(lambda entry: self._try(*entry), list(wanted.items()))

    def _try(self, mark: _Mark, held: Held) -> None:
        try:
            self._opened[mark] = self._recover(held, None)
        except DataKeyError as exc:
            self._refused[mark] = exc

    def _recover(self, held: Held, where: str | None) -> bytes:
        """Open the only group, or as many of several as open, and put the parts together."""
        reasons: list[_Reasons] = []
        parts = []
        for group in held.groups:
            reasons.append(_Reasons())
            part = self._open_group(group, reasons[-1])
            if part is not None:
                parts.append(part)
        if len(held.groups) == 1 and parts:
            return parts[0]
        needed = max(held.shamir_threshold, 2) if len(held.groups) > 1 else 1
        if len(parts) < needed:
            for_age = any(key.kind == AGE for group in held.groups for key in group)
            told = self._explain(held, reasons, needed, len(parts), for_age=for_age)
            refusal = DataKeyError(told, where=where, hint=self._advice() if for_age else None)
            refusal.is_undecided = (for_age and self._lacks_library) or any(
                of_group.are_undecided for of_group in reasons if of_group
            )
            raise refusal
        from .shamir import combine  # noqa: PLC0415  (start-up time: few files need it)

        return combine(parts)

    def _open_group(self, group: Sequence[MasterKey], reasons: _Reasons) -> bytes | None:
        """What any key of the group holds; the reasons why each of them does not open otherwise."""
        last = len(self._ranks)
        # Of a kind, keys of our own come first: to find out that a key is somebody else's takes as long as to open one.
        for key in sorted(group, key=lambda key: (self._ranks.get(key.kind, last), key.recipient not in self._own)):
            part = self._open(key, reasons)
            if part is not None:
                reasons.clear()
                return part
        if not group:
            reasons.append("the group lists no key")
        return None

    def _open(self, key: MasterKey, reasons: _Reasons) -> bytes | None:
        named = key.recipient if key.kind == AGE else f"{key.kind} {key.recipient}"
        if not key.enc:
            reasons.append(f"{named}: the file holds no data key for it")
            return None
        if key.kind != AGE:
            try:
                return self.services.unwrap(key)
            except (DataKeyError, MissingLibraryError, UnsupportedError) as exc:
                reasons.append(f"{named}: {reason_of(exc)}")
                reasons.are_undecided |= _is_undecided(exc)
                return None
        failures: dict[str, None] = {}
        for identity in self._candidates(key.recipient):
            try:
                data_key = identity.unwrap(key.enc)
            except (DataKeyError, KeyFormatError, MissingLibraryError, UnsupportedError) as exc:
                # Another identity may open it all the same.
                failures[f"{exc.message} ({exc.hint})" if exc.hint else exc.message] = None
                reasons.are_undecided |= _is_undecided(exc)
                continue
            if data_key is not None:
                return data_key
        reasons.extend(f"{key.recipient}: {failure}" for failure in failures or ("no identity for it",))
        return None

    def _candidates(self, recipient: str) -> Iterator[Identity]:
        """The identities at hand, then those that commands give for a recipient, which are asked only if need be."""
        yield from self._identities
        if self._per_recipient:
            with self._asking:
                if recipient not in self._asked:
                    self._asked[recipient] = self._ask(recipient)
            yield from self._asked[recipient]

    def _ask(self, recipient: str) -> list[Identity]:
        found: list[Identity] = []
        for label, source in self._per_recipient:
            try:
                for identity in source(recipient):
                    found.append(identity)  # noqa: PERF402  (what came before a failure counts)
            except (FluxseedError, OSError) as exc:
                self._failed.append(f"{label}: {reason_of(exc)}")
                self._lacks_library |= isinstance(exc, MissingLibraryError)
        return found

    def _explain(self, held: Held, reasons: Sequence[Sequence[str]], needed: int, opened: int, *, for_age: bool) -> str:
        """Group by group and key by key, as sops lays it out; where keys were looked for, if that helps."""
        have = ", ".join(self.recipients) or "none"
        told_places = True
        if not for_age and len(reasons) == 1:
            text = f"the data key cannot be had: {'; '.join(reasons[0])}"
            told_places = not all(self.services.can_try(key.kind) for key in held.groups[0])
        elif len(reasons) == 1:
            text = f"no identity opens the data key: {'; '.join(reasons[0])}. Identities at hand: {have}"
        else:
            lines = [f"no identity opens enough of the data key: {needed} key groups are needed, {opened} opened"]
            for number, failures in enumerate(reasons):
                lines.append(f"Group {number}: {'FAILED' if failures else 'SUCCESS'}")
                lines.extend(f"  {failure.replace(': ', ': FAILED - ', 1)}" for failure in failures)
            text = "\n".join((*lines, f"Identities at hand: {have}"))
        if self._tried and told_places:
            text += f". Looked in: {', '.join(self._tried)}"
        if self._failed:
            text += f". Failed: {'; '.join(self._failed)}"
        return text

    def _advice(self) -> str:
        if not self._identities:
            return "set SOPS_AGE_KEY_FILE or SOPS_AGE_KEY, or give the private key (age_key, age_keyfile, vault_file or kubernetes)"
        return "the file is encrypted for another key: use that identity, or update the recipients of the file"


def _is_undecided(exc: FluxseedError) -> bool:
    return getattr(exc, "is_undecided", isinstance(exc, MissingLibraryError | UnsupportedError))


def _mark(held: Held) -> _Mark:
    """What tells one data key from another: its wrapped forms."""
    return tuple(tuple(key.enc for key in group) for group in held.groups)


def reason_of(exc: Exception) -> str:
    """Why a source or a key failed, in the words of the error without its place; what to install is one of them."""
    if isinstance(exc, MissingLibraryError) and exc.hint:
        return f"{exc.message} ({exc.hint})"
    if isinstance(exc, FluxseedError):
        return exc.message
    return exc.strerror or type(exc).__name__ if isinstance(exc, OSError) else type(exc).__name__
