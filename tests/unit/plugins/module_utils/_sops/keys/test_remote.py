# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a client library raises, a service says it in words of ours that hold nothing of a credential."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    EncryptionError,
    FluxseedError,
    MissingLibraryError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.gcp_kms import GcpKmsKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.remote import RefusalError, RemoteService

SECRET = "hvs.a-token-in-the-text-of-an-error"
KEY = GcpKmsKey({"resource_id": "k", "enc": "AA"})


class Failing(RemoteService[GcpKmsKey]):
    """A service whose library raises what it is given, at a connection or later."""

    label = "Toy"
    failures = (OSError,)

    def __init__(self, raised: Exception, *, connects: bool) -> None:
        super().__init__()
        self._raised, self._connects = raised, connects
        self.attempts = 0

    def place(self, key: GcpKmsKey) -> str:
        return key.recipient

    def connect(self, place: str) -> str:
        return place if self._connects else self._fail()

    def encrypt(self, client: str, key: GcpKmsKey, data_key: bytes) -> str:
        del client, key, data_key
        return self._fail()

    def decrypt(self, client: str, key: GcpKmsKey) -> bytes:
        del client, key
        return self._fail().encode()

    def told(self, exc: Exception, key: GcpKmsKey) -> DataKeyError:
        del exc, key
        return RefusalError("foreseen")

    def _fail(self) -> str:
        self.attempts += 1
        raise self._raised


@pytest.mark.parametrize("connects", [True, False], ids=["at work", "at the connection"])
@pytest.mark.parametrize(
    "raised",
    [
        AttributeError(SECRET),
        KeyError(SECRET),
        ValueError(SECRET),
        json.JSONDecodeError(SECRET, SECRET, 0),
        RuntimeError(SECRET),
        UnicodeDecodeError("ascii", SECRET.encode(), 0, 1, SECRET),
    ],
    ids=lambda raised: type(raised).__name__,
)
def test_an_error_that_nobody_foresaw_decides_nothing(raised: Exception, *, connects: bool) -> None:
    """The file may open with another key, and the text of the error is nobody's business."""
    with pytest.raises(DataKeyError) as caught:
        Failing(raised, connects=connects).unwrap(KEY)
    assert caught.value.is_undecided
    assert f"Toy could not be asked, its client library failed ({type(raised).__name__})" in caught.value.message
    assert SECRET not in repr((caught.value, caught.value.__cause__, caught.value.__context__))
    with pytest.raises(EncryptionError, match=type(raised).__name__) as wrapping:
        Failing(raised, connects=connects).wrap(KEY, bytes(32))
    assert SECRET not in str(wrapping.value)


@pytest.mark.parametrize("connects", [True, False], ids=["at work", "at the connection"])
@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (FileNotFoundError(2, SECRET), "foreseen"),
        (RefusalError("said by us"), "said by us"),
        (MissingLibraryError("a library"), "a library is required"),
    ],
    ids=["known to the service", "of ours", "of ours, about something else"],
)
def test_what_has_words_of_its_own_keeps_them(raised: Exception, said: str, *, connects: bool) -> None:
    with pytest.raises(FluxseedError, match=said) as caught:
        Failing(raised, connects=connects).unwrap(KEY)
    assert not getattr(caught.value, "is_undecided", False)


class Empty(Failing):
    """A service that answers with an empty data key."""

    def decrypt(self, client: str, key: GcpKmsKey) -> bytes:
        del client, key
        return b""


def test_an_answer_without_a_data_key_opens_nothing() -> None:
    """Another key of the group is tried then."""
    with pytest.raises(DataKeyError, match="Toy answered without a data key") as caught:
        Empty(OSError(), connects=True).unwrap(KEY)
    assert caught.value.is_undecided


def test_a_connection_that_failed_is_not_tried_again() -> None:
    service = Failing(RuntimeError(SECRET), connects=False)
    for _number in range(3):
        with pytest.raises(DataKeyError, match="RuntimeError"):
            service.unwrap(KEY)
    assert service.attempts == 1
