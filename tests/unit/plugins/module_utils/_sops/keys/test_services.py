# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key services of a run: made once, asked side by side, and each wrapped data key asked for once."""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Callable

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    EncryptionError,
    MissingLibraryError,
    UnsupportedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import registry
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import AgeKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import KeyService, MasterKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.gcp_kms import GcpKmsKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.hc_vault import VaultTransitKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.remote import (
    NoAnswerError,
    RefusalError,
    RemoteService,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.services import IN_FLIGHT, KeyServices
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys

DATA_KEY = bytes(range(32))


class ToyError(Exception):
    """What the client of a toy raises."""


class Toy(RemoteService[GcpKmsKey]):
    """A service whose keys turn a data key round."""

    label = "Toy"

    def __init__(self, refuse: Callable[[GcpKmsKey], DataKeyError | None] = lambda _key: None) -> None:
        super().__init__()
        self.failures = (ToyError,)
        self.made: list[str] = []
        self.asked: list[str] = []
        self.most, self._now, self._refuse = 0, 0, refuse
        self._guard = threading.Lock()
        self.is_full = threading.Event()

    def place(self, key: GcpKmsKey) -> str:
        return key.recipient[0]

    def connect(self, place: str) -> str:
        self.made.append(place)
        if place == "x":
            raise ToyError
        return place

    def encrypt(self, client: str, key: GcpKmsKey, data_key: bytes) -> str:
        assert client == key.recipient[0]
        self._ask(key)
        return data_key[::-1].hex()

    def decrypt(self, client: str, key: GcpKmsKey) -> bytes:
        assert client == key.recipient[0]
        self._ask(key)
        return bytes.fromhex(key.enc)[::-1]

    def told(self, exc: Exception, key: GcpKmsKey) -> DataKeyError:
        assert isinstance(exc, ToyError)
        return self._refuse(key) or NoAnswerError("nobody there", is_down=True)

    def _ask(self, key: GcpKmsKey) -> None:
        with self._guard:
            self.asked.append(key.recipient)
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now == IN_FLIGHT:
                self.is_full.set()
        # Nobody goes on before as many are there as may be.
        self.is_full.wait(0.2)
        with self._guard:
            self._now -= 1
        if self._refuse(key):
            raise ToyError


@pytest.fixture
def toy(monkeypatch: pytest.MonkeyPatch) -> Toy:
    made = Toy()
    installed(made, monkeypatch)
    return made


def installed(service: KeyService, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the registry know a service for the kind `gcp_kms`."""
    monkeypatch.setattr(registry, "service", lambda kind, *_more: service if kind == "gcp_kms" else None)


def key(name: str, enc: str = "") -> GcpKmsKey:
    return GcpKmsKey({"resource_id": name, "enc": enc, "created_at": ""})


class Held(t.NamedTuple):
    """As much of a file as a ring looks at."""

    groups: tuple[tuple[MasterKey, ...], ...]
    shamir_threshold: int = 0


def test_many_keys_are_wrapped_at_the_same_time_and_in_order(toy: Toy, keys: Keys) -> None:
    wanted: list[tuple[MasterKey, bytes]] = [(key(f"a{number}"), bytes([number])) for number in range(40)]
    wrapped = KeyServices(NOWHERE).wrap_all([*wanted, (AgeKey(keys.public), DATA_KEY)])
    assert [found.recipient for found in wrapped] == [*(f"a{number}" for number in range(40)), keys.public]
    assert [found.enc for found in wrapped[:40]] == [bytes([number]).hex() for number in range(40)]
    assert (toy.most, toy.made) == (IN_FLIGHT, ["a"])


def test_a_wrapped_data_key_tells_when_the_key_came_in(toy: Toy) -> None:
    created = KeyServices(NOWHERE).wrap(key("a"), DATA_KEY).to_data()["created_at"]
    assert len(created) == len("2026-01-02T03:04:05Z")
    assert created.endswith("Z")
    again = KeyServices(NOWHERE).wrap(
        GcpKmsKey({"resource_id": "a", "created_at": "2020-01-02T03:04:05+02:00"}), DATA_KEY
    )
    assert again.to_data()["created_at"] == "2020-01-02T03:04:05+02:00"


def test_many_data_keys_are_asked_for_at_the_same_time_and_each_once(toy: Toy) -> None:
    """Files that share a data key cost one request; the ring asks for nothing again when they are opened."""
    ring = KeyRing(services=KeyServices(NOWHERE))
    files = [Held(((key(f"a{number % 40}", f"{number % 40:02x}"),),)) for number in range(200)]
    ring.prefetch(files)
    assert [ring.data_key(file) for file in files[:40]] == [bytes([number]) for number in range(40)]
    assert sorted(toy.asked) == sorted(f"a{number}" for number in range(40))
    assert toy.most <= IN_FLIGHT


def test_threads_that_want_the_same_data_key_ask_for_it_once(toy: Toy) -> None:
    services = KeyServices(NOWHERE)
    threads = [threading.Thread(target=services.unwrap, args=(key("a", "00"),)) for _number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert toy.asked == ["a"]


def test_what_was_opened_with_one_key_is_not_taken_for_that_of_another(toy: Toy) -> None:
    """The same wrapped bytes under another key, or with another encryption context, are asked for again."""
    services = KeyServices(NOWHERE)
    services.unwrap(key("a", "00"))
    services.unwrap(key("b", "00"))
    assert toy.asked == ["a", "b"]


def test_a_place_that_is_down_is_asked_no_more(toy: Toy) -> None:
    services = KeyServices(NOWHERE)
    for number in range(3):
        with pytest.raises(NoAnswerError, match="nobody there"):
            services.unwrap(key("x", f"0{number}"))
    assert toy.made == ["x"]


def test_a_key_that_is_refused_keeps_no_other_from_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Toy(lambda wanted: RefusalError("not you") if wanted.recipient == "a0" else None)
    installed(toy, monkeypatch)
    ring = KeyRing(services=KeyServices(NOWHERE))
    assert ring.data_key(Held(((key("a0", "00"), key("a1", "01")),))) == b"\x01"
    with pytest.raises(DataKeyError, match="gcp_kms a0: not you") as caught:
        ring.data_key(Held(((key("a0", "02"),),)))
    assert not caught.value.is_undecided
    with pytest.raises(EncryptionError, match="a0: not you"):
        ring.services.wrap(key("a0"), DATA_KEY)


def test_a_group_is_tried_in_the_order_of_decryption(toy: Toy, keys: Keys) -> None:
    """With a key of one's own no service is asked; the order can be turned round."""
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_identities import parse_identities

    held = Held(((key("a", "aa"), AgeKey(keys.public).wrap(DATA_KEY)),))
    mine = parse_identities(keys.private)
    assert KeyRing(mine, services=KeyServices(NOWHERE)).data_key(held) == DATA_KEY
    assert not toy.asked
    turned = KeyRing(mine, services=KeyServices(NOWHERE), order=("gcp_kms", "age"))
    assert turned.data_key(held) == b"\xaa"
    assert toy.asked == ["a"]


REFUSALS: dict[str, t.Callable[[], DataKeyError]] = {
    "refused": lambda: RefusalError("not you"),
    "too busy": lambda: NoAnswerError("too many requests"),
    "down": lambda: NoAnswerError("nobody there", is_down=True),
}


@pytest.mark.parametrize("is_prefetched", [True, False], ids=["prefetched", "one after the other"])
@pytest.mark.parametrize("name", REFUSALS)
def test_a_data_key_that_cannot_be_had_is_asked_for_once(
    name: str, is_prefetched: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many files it is for; each is told the same, with its own place, and whether the key was tried at all."""
    toy = Toy(lambda wanted: None if wanted.recipient == "a1" else REFUSALS[name]())
    installed(toy, monkeypatch)
    ring = KeyRing(services=KeyServices(NOWHERE))
    files = [Held(((key("a0", "00"),),)) for _number in range(200)]
    if is_prefetched:
        ring.prefetch([*files, Held(((key("b1", "01"),),))])
    for number, file in enumerate(files):
        with pytest.raises(DataKeyError, match=f"a0: {REFUSALS[name]().message}") as caught:
            ring.data_key(file, where=f"{number}.yaml")
        assert caught.value.where == f"{number}.yaml"
        assert caught.value.is_undecided is (name != "refused")
    assert toy.asked.count("a0") == 1
    if name == "down":
        with pytest.raises(DataKeyError, match="nobody there"):
            ring.data_key(Held(((key("a1", "02"),),)))
        assert "a1" not in toy.asked
    else:
        assert ring.data_key(Held(((key("a0", "00"), key("a1", "02")),))) == b"\x02"


def test_each_file_has_a_refusal_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever puts a place on one does not change what the next file is told."""
    installed(Toy(lambda _wanted: RefusalError("not you")), monkeypatch)
    services, told = KeyServices(NOWHERE), []
    for _file in range(2):
        with pytest.raises(RefusalError) as caught:
            services.unwrap(key("a", "00"))
        told.append(caught.value)
        caught.value.where = "a.yaml"
    assert (told[0] is told[1], told[1].message) == (False, "not you")


def test_another_run_asks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Toy(lambda _wanted: RefusalError("not you"))
    installed(toy, monkeypatch)
    for _run in range(2):
        with pytest.raises(DataKeyError, match="not you"):
            KeyServices(NOWHERE).unwrap(key("a", "00"))
    assert toy.asked == ["a", "a"]


@pytest.mark.parametrize(("kind", "opens"), [("gcp_kms", True), ("hc_vault", False)])
def test_beside_keys_that_were_given_only_the_kinds_named_are_tried(toy: Toy, kind: str, opens: bool) -> None:
    services = KeyServices(NOWHERE, opens=[kind])
    assert services.given == {kind}
    assert services.can_try("gcp_kms") is opens
    if not opens:
        with pytest.raises(DataKeyError, match="none of this kind is among them"):
            services.unwrap(key("a", "00"))


def test_without_surroundings_nothing_is_reachable() -> None:
    with pytest.raises(UnsupportedError, match="keys of kind hc_vault cannot be used here"):
        KeyServices().wrap(VaultTransitKey({"vault_address": "x"}), DATA_KEY)


@pytest.mark.parametrize(
    ("kind", "module", "extra"),
    [
        ("kms", "boto3", "aws"),
        ("gcp_kms", "google.auth", "gcp"),
        ("azure_kv", "azure", "azure"),
        ("hc_vault", "hvac", "vault"),
        ("hckms", "huaweicloudsdkkms.v2", "huawei"),
    ],
)
def test_a_client_that_is_not_installed_is_named_with_its_extra(
    kind: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingLibraryError, match="is required and was not found") as caught:
        registry.service(kind, NOWHERE, ())
    assert (caught.value.hint or "").startswith(f"pip install 'fluxseed[{extra}]', or pip install ")
