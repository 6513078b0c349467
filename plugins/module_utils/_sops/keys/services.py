# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The key services of a run: each made when it is first needed, several asked at once.

Private to the collection. Nothing is asked twice for the same wrapped data key, whatever the answer was.
"""

from __future__ import annotations

import copy
import threading
import typing as t
from collections.abc import Callable, Iterable, Sequence

from ..._errors import DataKeyError, UnsupportedError
from . import registry
from .age import AgeKey
from .base import KeyService, MasterKey, Surroundings

IN_FLIGHT = 16
"""Requests at the same time."""

_Mark = tuple[str, str, str]
"""Kind, text and wrapped data key of a master key."""
_T = t.TypeVar("_T")
_R = t.TypeVar("_R")


class KeyServices:
    """Wraps data keys for master keys of every kind, and unwraps those of all kinds but age, whose identities are in the ring.

    Without surroundings nothing is reachable: data keys are wrapped for age recipients only.
    """

    def __init__(
        self,
        surroundings: Surroundings | None = None,
        *,
        openpgp_keys: Sequence[tuple[str, str]] = (),
        opens: Iterable[str] | None = None,
    ) -> None:
        """`openpgp_keys` are private keys as (label, armored text); `opens` are the kinds to unwrap with, all if not given."""
        self._surroundings = surroundings
        self._openpgp_keys = tuple(openpgp_keys)
        self._opens = None if opens is None else frozenset(opens)
        self._services: dict[str, KeyService] = {}
        self._answers: dict[_Mark, bytes | DataKeyError] = {}
        self._asking: dict[_Mark, threading.Lock] = {}
        self._lock = threading.Lock()

    def wrap(self, key: MasterKey, data_key: bytes) -> MasterKey:
        """The same key holding `data_key`."""
        return key.wrap(data_key) if isinstance(key, AgeKey) else self._service(key).wrap(key, data_key)

    def wrap_all(self, wanted: Sequence[tuple[MasterKey, bytes]]) -> list[MasterKey]:
        """Each key holding its data key; those that need a service are asked for at the same time."""
        if sum(key.kind != "age" for key, _data_key in wanted) < 2:
            return [self.wrap(key, data_key) for key, data_key in wanted]
        return side_by_side(lambda pair: self.wrap(*pair), wanted)

    def unwrap(self, key: MasterKey) -> bytes:
        """The data key that a key holds. Raises `DataKeyError` with the reason.

        Several threads that want the same one ask for it once, however often it is wanted. A refusal is remembered
        too, and so is silence: another run may ask again.
        """
        if not self.can_try(key.kind):
            raise DataKeyError("keys were given, and none of this kind is among them")
        mark = (key.kind, key.recipient, key.enc)
        with self._lock:
            asking = self._asking.setdefault(mark, threading.Lock())
        with asking:
            answer = self._answers.get(mark)
            if answer is None:
                try:
                    answer = self._service(key).unwrap(key)
                except DataKeyError as exc:
                    answer = exc
                self._answers[mark] = answer
        if isinstance(answer, DataKeyError):
            # A copy: each file puts its own place and traceback on it.
            raise copy.copy(answer) from None
        return answer

    @property
    def given(self) -> frozenset[str]:
        """The kinds that something was given for, so that it has to open what is for them."""
        return self._opens or frozenset()

    def can_try(self, kind: str) -> bool:
        """Whether data keys are unwrapped with keys of a kind at all."""
        return self._opens is None or kind in self._opens

    def _service(self, key: MasterKey) -> KeyService:
        with self._lock:
            found = self._services.get(key.kind)
            if found is None and self._surroundings is not None:
                found = registry.service(key.kind, self._surroundings, self._openpgp_keys)
            if found is None:
                raise UnsupportedError(
                    f"keys of kind {key.kind} cannot be used here: nothing reaches what wraps with them",
                    where=key.recipient,
                )
            self._services[key.kind] = found
            return found


def side_by_side(work: Callable[[_T], _R], items: Sequence[_T]) -> list[_R]:
    """The results in order; the first failure in order is raised when all are done."""
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415  (start-up time: few files need it)

    with ThreadPoolExecutor(min(IN_FLIGHT, max(len(items), 1))) as pool:
        return [future.result() for future in [pool.submit(work, item) for item in items]]
