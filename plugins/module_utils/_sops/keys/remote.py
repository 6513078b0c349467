# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key service that is reached over a network: what those of all clouds have in common.

Private to the collection. Each keeps one client per place, which its threads share, and asks a place that could not be
reached no more: a thousand files would otherwise wait for the same silence a thousand times.
"""

from __future__ import annotations

import base64
import binascii
import copy
import logging
import ssl
import threading
import typing as t
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator
from datetime import UTC, datetime

from ..._errors import DataKeyError, EncryptionError, FluxseedError
from .base import MasterKey
from .stored import StoredKey

CONNECT_SECONDS, ANSWER_SECONDS, ATTEMPTS = 2, 8, 3
"""What each client is told to wait, and how often to try: a place that is not there is known to be so within ten seconds."""
LONGEST_PAUSE = 2.0
"""Seconds between two attempts, however long a service that is too busy asks to stay away."""

_DEEPEST = 20
"""Errors in a chain that are looked at."""

K = t.TypeVar("K", bound=StoredKey)
_R = t.TypeVar("_R")


class RefusalError(DataKeyError):
    """A service was asked, and said no."""


class NoAnswerError(DataKeyError):
    """A service could not be asked, or was too busy: that says nothing about the key."""

    is_undecided = True

    def __init__(self, message: str, *, is_down: bool = False) -> None:
        super().__init__(message)
        self.is_down = is_down
        """Whether it would be in vain to ask the same place again."""


class RemoteService(ABC, t.Generic[K]):
    """Wraps and unwraps with a client library; a subclass says which one, and what its errors mean."""

    label: t.ClassVar[str]
    """What people call the service."""
    failures: tuple[type[Exception], ...]
    """What the client library raises when it cannot do what it is asked, as far as it is known."""

    loggers: t.ClassVar[tuple[str, ...]] = ()
    """Loggers of the library: what they have to say goes where the caller wants it, and not to standard error."""

    def __init__(self) -> None:
        for name in self.loggers:
            logging.getLogger(name).addHandler(logging.NullHandler())
        self._clients: dict[Hashable, t.Any] = {}
        self._failed: dict[Hashable, DataKeyError] = {}
        self._locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def wrap(self, key: K, data_key: bytes) -> MasterKey:
        """The same key holding `data_key`. Raises `EncryptionError`."""
        try:
            key = self._asked(key, lambda client: self.complete(client, key))
            enc = self._asked(key, lambda client: self.encrypt(client, key, data_key))
        except DataKeyError as exc:
            raise EncryptionError(exc.message, where=key.recipient, hint=exc.hint) from None
        # An entry that is wrapped again keeps the time of its first one, as in sops.
        return key.holding(enc, key.text("created_at") or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def unwrap(self, key: K) -> bytes:
        """The data key that the key holds. Raises `DataKeyError`."""
        found = self._asked(key, lambda client: self.decrypt(client, key))
        if not found:
            raise NoAnswerError(f"{self.label} answered without a data key: is it what answers at its address?")
        return found

    # --- what a subclass says -----------------------------------------------------------------------

    @abstractmethod
    def place(self, key: K) -> Hashable:
        """What one client is good for. Raises `DataKeyError` where the key names no such place."""

    @abstractmethod
    def connect(self, place: t.Any) -> t.Any:
        """A client, which several threads may use at once."""

    def complete(self, client: t.Any, key: K) -> K:
        """The key with all that its entry in a file has to say."""
        del client
        return key

    @abstractmethod
    def encrypt(self, client: t.Any, key: K, data_key: bytes) -> str:
        """The wrapped data key as it is stored."""

    @abstractmethod
    def decrypt(self, client: t.Any, key: K) -> bytes:
        """The data key."""

    @abstractmethod
    def told(self, exc: Exception, key: K) -> DataKeyError:
        """What one of the `failures` means, in words that hold nothing of a credential, and what to do."""

    # ------------------------------------------------------------------------------------------------

    def _asked(self, key: K, work: Callable[[t.Any], _R]) -> _R:
        place = self.place(key)
        client = self._client(place, key)
        try:
            return work(client)
        except FluxseedError:
            raise
        except Exception as exc:  # noqa: BLE001 - of a library: one key that fails must not keep others from being tried
            failure = self._meaning(exc, key)
        if isinstance(failure, NoAnswerError) and failure.is_down:
            self._failed[place] = failure
        # Without its cause: what a library says may hold a header, and with it a token.
        raise failure from None

    def _client(self, place: Hashable, key: K) -> t.Any:
        with self._lock:
            lock = self._locks.setdefault(place, threading.Lock())
        with lock:
            if place in self._failed:
                raise copy.copy(self._failed[place])
            if place not in self._clients:
                try:
                    self._clients[place] = self.connect(place)
                except DataKeyError as exc:
                    failure = exc
                except FluxseedError:
                    raise
                except Exception as exc:  # noqa: BLE001 - as above
                    failure = self._meaning(exc, key)
                else:
                    return self._clients[place]
                self._failed[place] = failure
                raise copy.copy(failure) from None
            return self._clients[place]

    def _meaning(self, exc: Exception, key: K) -> DataKeyError:
        """What an error means; of one that nobody foresaw the class is all that surely holds nothing secret."""
        if isinstance(exc, self.failures):
            return self.told(exc, key)
        return NoAnswerError(
            f"{self.label} could not be asked, its client library failed ({type(exc).__name__}): "
            "look at the settings for it, and at what answers at its address"
        )


def unreachable(label: str, address: str, exc: Exception) -> NoAnswerError:
    """The failure of a connection."""
    return NoAnswerError(f"{label} cannot be reached ({address}): {why_not(exc)}", is_down=True)


def is_connection(exc: BaseException) -> bool:
    """Whether a connection failed somewhere below an error, whatever that calls itself."""
    return any(isinstance(cause, OSError) for cause in _causes(exc))


def why_not(exc: BaseException) -> str:
    """Why a connection failed, from the innermost error that says it."""
    reason = "no connection"
    for cause in _causes(exc):
        name = type(cause).__name__
        if "Timeout" in name:
            reason = "no answer in time"
        elif isinstance(cause, ssl.SSLError) and cause.reason:
            words = cause.reason.lower().replace("_", " ")
            return "its certificate is not trusted here" if words == "certificate verify failed" else f"TLS: {words}"
        elif isinstance(cause, OSError) and cause.strerror:
            reason = cause.strerror[:1].lower() + cause.strerror[1:]
    return reason


def _causes(exc: BaseException) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    waiting: list[t.Any] = [exc]
    while waiting and len(seen) < _DEEPEST:
        found = waiting.pop(0)
        if isinstance(found, BaseException) and found not in seen:
            seen.append(found)
            yield found
            waiting += [found.__cause__, found.__context__, *found.args]
            # Where urllib3, and azure-core, keep what they have caught.
            waiting += [getattr(found, name, None) for name in ("reason", "inner_exception", "exc_value")]


def decoded(enc: str) -> bytes:
    """What is stored as standard base64; line breaks do not count."""
    try:
        return base64.b64decode(enc.replace("\r", "").replace("\n", "").encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise RefusalError("the wrapped data key is damaged: it is no base64") from None
