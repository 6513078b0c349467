# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Data keys wrapped and unwrapped by the real gpg, in homes made here."""

from __future__ import annotations

import os
import re
import typing as t
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    EncryptionError,
    KeyFormatError,
    MissingLibraryError,
    UnsupportedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import (
    pgp_home,
    pgp_packets,
    pgp_program,
    pgp_service,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import MasterKey, Surroundings
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp import PgpKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_service import PgpService
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.services import KeyServices
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import (
    PASSPHRASE,
    UNLOCKED,
    CountedGpg,
    ForgetfulGpg,
    GnupgHome,
    armored,
    around,
)

DATA_KEY = bytes(range(32))
UNKNOWN = "A" * 40
PATH_ALONE = {"PATH": os.environ["PATH"]}


class Held(t.NamedTuple):
    """What holds a data key in a file."""

    groups: tuple[tuple[MasterKey, ...], ...]
    shamir_threshold: int = 0


class People(t.NamedTuple):
    """A home and the fingerprints in it."""

    home: GnupgHome
    mine: str
    other: str
    expired: str
    locked: str
    signing: str


@pytest.fixture(scope="module")
def people() -> t.Iterator[People]:
    with GnupgHome() as home:
        yield People(
            home,
            home.new_key(name="mine"),
            home.new_key(name="other"),
            home.new_key(name="expired", expired=True),
            home.new_key(name="locked", locked=True),
            home.new_key("signing", name="signing"),
        )


@pytest.fixture
def service(people: People) -> PgpService:
    return PgpService(people.home.surroundings())


@pytest.fixture
def stranger() -> t.Iterator[GnupgHome]:
    """The home of somebody with no key at all."""
    with GnupgHome() as home:
        yield home


def wrapped(people: People, fingerprint: str) -> PgpKey:
    return PgpService(people.home.surroundings()).wrap(PgpKey.named(fingerprint), DATA_KEY)


# --- the keys of the user -------------------------------------------------------------------------


def test_what_is_stored_is_an_armored_message_without_a_line_break_at_its_end(
    people: People, service: PgpService
) -> None:
    key = service.wrap(PgpKey.named(people.mine), DATA_KEY)
    assert key.enc.startswith("-----BEGIN PGP MESSAGE-----\n\n")
    assert key.enc.endswith("\n-----END PGP MESSAGE-----")
    assert list(key.to_data()) == ["created_at", "enc", "fp"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", key.text("created_at"))
    assert service.unwrap(key) == DATA_KEY


def test_a_new_data_key_leaves_the_time_of_the_entry(people: People, service: PgpService) -> None:
    key = PgpKey({"fp": people.mine, "created_at": "2020-01-02T03:04:05Z", "enc": "old"})
    assert service.wrap(key, DATA_KEY).text("created_at") == "2020-01-02T03:04:05Z"


def test_arguments_are_those_of_sops_and_hold_no_secret(people: People, tmp_path: Path) -> None:
    gpg = CountedGpg(tmp_path)
    service = PgpService(gpg.in_surroundings(people.home.surroundings()))
    service.unwrap(service.wrap(PgpKey.named(people.mine), DATA_KEY))
    ours = "--batch --no-tty --status-fd 2"
    of_sops = f"--no-default-recipient --yes --encrypt -a -r {people.mine} --trusted-key {people.mine[-16:]}"
    assert gpg.starts == [f"{ours} {of_sops} --no-encrypt-to", f"{ours} --max-output 4096 -d"]


@pytest.mark.parametrize(
    "named",
    [
        lambda people: " ".join(people.mine[start : start + 4] for start in range(0, 40, 4)),
        lambda people: people.mine.lower(),
        lambda people: people.mine[-16:],
        lambda people: f"0x{people.mine}",
        lambda people: people.home.fingerprints(subkeys=True)[1],
        lambda people: f"{people.home.fingerprints(subkeys=True)[1]}!",
    ],
    ids=["blanks", "lower case", "long key ID", "0x", "subkey", "this very subkey"],
)
def test_all_names_of_a_key_that_sops_takes(
    people: People, service: PgpService, named: t.Callable[[People], str]
) -> None:
    key = service.wrap(PgpKey.named(named(people)), DATA_KEY)
    assert service.unwrap(key) == DATA_KEY


def test_the_exclamation_mark_stays_in_both_places(people: People, tmp_path: Path) -> None:
    gpg = CountedGpg(tmp_path)
    subkey = people.home.fingerprints(subkeys=True)[1] + "!"
    PgpService(gpg.in_surroundings(people.home.surroundings())).wrap(PgpKey.named(subkey), DATA_KEY)
    assert f"-r {subkey} --trusted-key {subkey[-17:]} " in gpg.starts[0]


def test_a_message_in_other_line_ends_opens(people: People, service: PgpService) -> None:
    key = wrapped(people, people.mine)
    assert service.unwrap(key.holding(key.enc.replace("\n", "\r\n") + "\r\n", "")) == DATA_KEY


def test_what_was_wrapped_before_a_key_expired_still_opens(people: People, service: PgpService) -> None:
    past = people.home.gpg(
        *("--faked-system-time", "20200101T010000!", "--trust-model", "always"),
        *("--armor", "--encrypt", "--recipient", people.expired),
        data=DATA_KEY,
    )
    assert service.unwrap(PgpKey({"fp": people.expired, "enc": past.decode()})) == DATA_KEY


@pytest.mark.parametrize(
    ("whose", "error", "message"),
    [
        ("expired", EncryptionError, "has expired: ask its owner"),
        ("signing", EncryptionError, "no subkey for encryption"),
        (UNKNOWN, EncryptionError, "knows no such key: import the public key"),
        ("", KeyFormatError, "no fingerprint"),
        ("--output=/tmp/x", KeyFormatError, "no fingerprint"),
        ("mine@example.com", KeyFormatError, "40 hexadecimal digits"),
    ],
    ids=["expired", "signing only", "unknown", "empty", "option", "name"],
)
def test_keys_that_cannot_be_wrapped_for(
    people: People, service: PgpService, whose: str, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        service.wrap(PgpKey.named(getattr(people, whose, whose)), DATA_KEY)


@pytest.mark.parametrize(
    ("damaged", "message"),
    [
        ("nonsense", "damaged: it is no OpenPGP message"),
        ("-----BEGIN PGP MESSAGE-----\n\n-----END PGP MESSAGE-----", "it is no OpenPGP message"),
        ("\ud800", "it is no OpenPGP message"),
        ("{0:.150}", "damaged"),
        ("{0:.70}AAAAAAAA{1}", "gpg cannot decrypt the wrapped data key"),
    ],
    ids=["nonsense", "empty", "surrogate", "cut", "letters"],
)
def test_damaged_messages(people: People, service: PgpService, damaged: str, message: str) -> None:
    key = wrapped(people, people.mine)
    with pytest.raises(DataKeyError, match=message):
        service.unwrap(key.holding(damaged.format(key.enc, key.enc[78:]), ""))


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "zero bytes"), (bytes(100_000), "too large")], ids=["nothing", "much"]
)
def test_a_message_that_holds_no_data_key(people: People, service: PgpService, content: bytes, message: str) -> None:
    """A small message can unpack to very much; it is not read into memory."""
    enc = people.home.gpg("--trust-model", "always", "-a", "--encrypt", "-r", people.mine, data=content).decode()
    with pytest.raises(DataKeyError, match=message):
        service.unwrap(PgpKey({"fp": people.mine, "enc": enc}))


def test_without_the_private_key_the_error_says_what_to_do_and_gpg_is_not_asked_again(
    people: People, stranger: GnupgHome, tmp_path: Path
) -> None:
    gpg = CountedGpg(tmp_path)
    service = PgpService(gpg.in_surroundings(stranger.surroundings()))
    for _number in range(3):
        with pytest.raises(DataKeyError, match=r"no private key for it \(key ID [0-9A-F]{16}\): import it, or set GN"):
            service.unwrap(wrapped(people, people.other))
    assert len(gpg.starts) == 1


def test_files_for_a_subkey_that_was_lost_say_nothing_of_the_others(stranger: GnupgHome, tmp_path: Path) -> None:
    """An old file names the same fingerprint, and is for another subkey of it."""
    with GnupgHome() as home:
        mine = home.new_key(name="two subkeys")
        home.add_subkey(mine)
        old, new = (f"{name}!" for name in home.subkeys(mine))
        wrapping = PgpService(home.surroundings())

        def stored(subkey: str) -> PgpKey:
            return PgpKey({"fp": mine, "enc": wrapping.wrap(PgpKey.named(subkey), DATA_KEY).enc})

        lost, lost_too, kept, kept_too = stored(old), stored(old), stored(new), stored(new)
        stranger.gpg("--import", data=home.gpg("--armor", "--export-secret-subkeys", new))
    gpg = CountedGpg(tmp_path)
    service = PgpService(gpg.in_surroundings(stranger.surroundings()))
    assert service.unwrap(kept) == DATA_KEY
    for key in (lost, lost_too):
        with pytest.raises(DataKeyError, match=f"no private key for it .key ID {old[-17:-1]}."):
            service.unwrap(key)
    assert service.unwrap(kept_too) == DATA_KEY
    assert len(gpg.starts) == 3


def test_of_the_keys_of_a_message_those_that_are_missing_are_remembered_alone(tmp_path: Path) -> None:
    """The other one may have been locked."""
    program, missing, locked = tmp_path / "gpg", b"A" * 8, b"B" * 8
    program.write_text(
        f"""#!/bin/sh
[ -e {tmp_path}/asked ] && printf opened && exit
touch {tmp_path}/asked
echo '[GNUPG:] NO_SECKEY {missing.hex().upper()}' >&2
exit 2
"""
    )
    program.chmod(0o755)
    service = PgpService(around({**PATH_ALONE, "SOPS_GPG_EXEC": str(program)}))

    def message_for(*names: bytes) -> PgpKey:
        packets = b"".join(pgp_packets.pack(1, b"\3" + name + b"\1" + bytes(2)) for name in names)
        return PgpKey({"fp": UNKNOWN, "enc": armored(packets, pgp_packets.MESSAGE)})

    for names in ((missing, locked), (missing,)):
        with pytest.raises(DataKeyError, match="no private key for it"):
            service.unwrap(message_for(*names))
    for names in ((locked,), (locked, missing)):
        assert service.unwrap(message_for(*names)) == b"opened"


@pytest.mark.parametrize("environment", [{}, {"SOPS_AGE_KEY": "x"}], ids=["empty", "with others"])
def test_what_surroundings_do_not_name_is_not_looked_for(environment: dict[str, str]) -> None:
    service = PgpService(around(environment, ambient=False))
    with pytest.raises(DataKeyError, match="no OpenPGP private key was given"):
        service.unwrap(PgpKey({"fp": UNKNOWN, "enc": "x"}))


# --- the program ----------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["/nowhere/gpg", "gpg-of-nobody"])
def test_a_missing_program_is_named(people: People, program: str) -> None:
    surroundings = people.home.surroundings(environment={**people.home.environment, "SOPS_GPG_EXEC": program})
    with pytest.raises(MissingLibraryError, match=f"the program {program} is required") as caught:
        PgpService(surroundings).unwrap(wrapped(people, people.mine))
    assert "install GnuPG" in (caught.value.hint or "")


def test_a_program_of_the_same_name_may_hand_on_to_gpg(people: People, tmp_path: Path) -> None:
    program = tmp_path / "gpg"
    program.write_text('#!/bin/sh\nexec gpg "$@"\n')
    program.chmod(0o755)
    environment = {"PATH": people.home.environment["PATH"], "SOPS_GPG_EXEC": str(program)}
    service = given(people, people.mine, surroundings=around(environment, ambient=False))
    assert service.unwrap(wrapped(people, people.mine)) == DATA_KEY


def test_an_error_about_openpgp_keys_alone_says_nothing_of_age(stranger: GnupgHome, people: People) -> None:
    with pytest.raises(DataKeyError) as caught:
        KeyRing(services=KeyServices(stranger.surroundings()), tried=["SOPS_AGE_KEY"]).data_key(
            Held(((wrapped(people, people.mine),),))
        )
    assert str(caught.value).startswith(f"the data key cannot be had: pgp {people.mine}: gpg has no private key for it")
    assert "AGE" not in str(caught.value)


def test_a_missing_program_leaves_open_whether_the_key_opens_elsewhere(people: People, stranger: GnupgHome) -> None:
    held = Held(((wrapped(people, people.mine),),))
    for environment, is_undecided in (({"SOPS_GPG_EXEC": "/nowhere/gpg"}, True), (stranger.environment, False)):
        with pytest.raises(DataKeyError) as caught:
            KeyRing(services=KeyServices(around(environment))).data_key(held)
        assert caught.value.is_undecided is is_undecided


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'gpg: no luck' >&2; exit 3", "exit code 3: no luck"),
        ("exit 0", "zero bytes"),
        ("exec sleep 20", "no answer within 1 seconds"),
        ("kill -9 $$", "exit code -9"),
    ],
    ids=["failure", "silence", "no end", "signal"],
)
def test_whatever_a_program_does_ends_in_a_clear_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, message: str
) -> None:
    program = tmp_path / "gpg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    ask = pgp_program.Gpg.ask
    monkeypatch.setattr(pgp_program.Gpg, "ask", lambda self, words, data, **_more: ask(self, words, data, timeout=1))
    with pytest.raises(DataKeyError, match=message):
        PgpService(around({"SOPS_GPG_EXEC": str(program)})).unwrap(PgpKey({"fp": UNKNOWN, "enc": "x"}))


NEEDED = {
    "GPG_TTY": "/dev/tty",
    "DISPLAY": ":0",
    "WAYLAND_DISPLAY": "wayland-0",
    "DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere",
    "PINENTRY_USER_DATA": "USE_TTY=1",
    "LC_ALL": "C.UTF-8",
}
"""What an agent and what asks for it go by."""
SECRET = {
    "SOPS_AGE_KEY": "secret",
    "VAULT_TOKEN": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AZURE_CLIENT_CERTIFICATE_PASSWORD": "secret",
    "GOOGLE_CREDENTIALS": '{"private_key": "secret"}',
    "HUAWEICLOUD_SDK_SK": "secret",
    "HUAWEICLOUD_SDK_SECURITY_TOKEN": "secret",
    "GPG_PASSPHRASE": "secret",
    "ANSIBLE_VAULT_PASSWORD": "secret",
    "KEY_OF_A_SERVICE_TO_COME": "secret",
}


def test_gpg_gets_what_it_needs_of_the_environment_and_no_secret(people: People) -> None:
    environment = pgp_program.Gpg({**people.home.environment, **SECRET, **NEEDED}).environment
    assert environment == {**people.home.environment, **NEEDED}


def test_a_window_for_the_passphrase_gets_its_place_from_the_environment_and_no_secret(tmp_path: Path) -> None:
    """By way of an agent that is started here, asks, and outlives the run with the environment that it was given."""
    seen, window = tmp_path / "environment", tmp_path / "pinentry"
    window.write_text(PINENTRY.format(seen=seen, passphrase=PASSPHRASE))
    window.chmod(0o755)
    with GnupgHome() as home:
        locked = home.new_key(name="locked", locked=True)
        key = PgpService(home.surroundings()).wrap(PgpKey.named(locked), DATA_KEY)
        with Path(home.folder, "gpg-agent.conf").open("a") as settings:
            settings.write(f"pinentry-program {window}\n")
        home.end_agent()
        environment = {**home.environment, **SECRET, **NEEDED}
        assert PgpService(home.surroundings(environment=environment)).unwrap(key) == DATA_KEY
    found = dict(line.partition("=")[::2] for line in seen.read_text().splitlines())
    assert {name: found.get(name) for name in NEEDED} == NEEDED
    assert "secret" not in seen.read_text()


PINENTRY = """\
#!/bin/sh
env > {seen}
echo OK
while read -r word rest; do
    case $word in
        GETPIN) echo "D {passphrase}"; echo OK ;;
        BYE) echo OK; exit ;;
        *) echo OK ;;
    esac
done
"""


# --- passphrases ----------------------------------------------------------------------------------


def test_a_locked_key_needs_somebody_to_ask(people: People) -> None:
    people.home.lock()
    with pytest.raises(DataKeyError, match=r"protected by a passphrase, and gpg-agent cannot ask.*GPG_TTY"):
        PgpService(people.home.surroundings()).unwrap(wrapped(people, people.locked))


@pytest.mark.parametrize(
    ("passphrase", "message"),
    [(PASSPHRASE, ""), ("wrong", "passphrase of the private key is wrong"), (None, "gpg-agent cannot ask")],
    ids=["right", "wrong", "none"],
)
def test_a_passphrase_is_asked_for_once_and_goes_through_a_pipe(
    people: People, tmp_path: Path, passphrase: str | None, message: str
) -> None:
    people.home.lock()
    asked: list[str] = []

    def ask(name: str) -> str | None:
        asked.append(name)
        return passphrase

    gpg = CountedGpg(tmp_path)
    service = PgpService(gpg.in_surroundings(people.home.surroundings(passphrase=ask)))
    key = wrapped(people, people.locked)
    for _number in range(2):
        if message:
            with pytest.raises(DataKeyError, match=message):
                service.unwrap(key)
        else:
            assert service.unwrap(key) == DATA_KEY
    assert asked == [f"the OpenPGP key {people.locked}"]
    assert PASSPHRASE not in "".join(gpg.starts)


@pytest.mark.parametrize("at_once", [False, True], ids=["one by one", "at once"])
def test_once_the_passphrase_is_known_each_data_key_takes_one_process(
    people: People, tmp_path: Path, at_once: bool
) -> None:
    """The agent keeps no passphrase here, as with one that was told not to, or whose time is over."""
    asked: list[str] = []

    def ask(name: str) -> str:
        asked.append(name)
        return PASSPHRASE

    wrapping = KeyServices(people.home.surroundings())
    keys = wrapping.wrap_all([(PgpKey.named(people.locked), bytes([number]) * 32) for number in range(10)])
    gpg = ForgetfulGpg(tmp_path)
    service = PgpService(gpg.in_surroundings(people.home.surroundings(passphrase=ask)))
    people.home.lock()
    with ThreadPoolExecutor(10 if at_once else 1) as pool:
        assert list(pool.map(service.unwrap, keys)) == [bytes([number]) * 32 for number in range(10)]
    assert len(asked) == 1
    assert ["--passphrase-fd" in words for words in gpg.starts] == [False] + [True] * 10


def test_a_passphrase_is_asked_for_though_an_earlier_data_key_took_none(people: People, tmp_path: Path) -> None:
    """The agent may have known it at first."""
    asked: list[str] = []

    def ask(name: str) -> str:
        asked.append(name)
        return PASSPHRASE

    gpg = CountedGpg(tmp_path)
    service = PgpService(gpg.in_surroundings(people.home.surroundings(passphrase=ask)))
    first, second, third = (wrapped(people, people.locked) for _number in range(3))
    people.home.gpg("-d", data=first.enc.encode())
    assert service.unwrap(first) == DATA_KEY
    assert not asked
    people.home.lock()
    assert service.unwrap(second) == service.unwrap(third) == DATA_KEY
    assert (len(asked), len(gpg.starts)) == (1, 4)


def test_a_key_without_a_passphrase_asks_nobody(people: People) -> None:
    def ask(name: str) -> str:
        raise AssertionError(name)

    assert PgpService(people.home.surroundings(passphrase=ask)).unwrap(wrapped(people, people.mine)) == DATA_KEY


# --- keys given as text ---------------------------------------------------------------------------


def given(people: People, *fingerprints: str, surroundings: Surroundings | None = None) -> PgpService:
    """A service with the private keys of these alone."""
    alone = around({"PATH": people.home.environment["PATH"]}, ambient=False)
    return PgpService(surroundings or alone, [(f"{name[:4]}.asc", people.home.private(name)) for name in fingerprints])


def test_keys_given_as_text_open_and_wrap(people: People) -> None:
    service = given(people, people.mine, people.other)
    for name in (people.mine, people.other):
        assert service.unwrap(wrapped(people, name)) == DATA_KEY
        assert people.home.gpg("-d", data=service.wrap(PgpKey.named(name), DATA_KEY).enc.encode()) == DATA_KEY


def test_with_keys_given_as_text_those_of_the_user_open_nothing(people: People) -> None:
    service = given(people, people.mine, surroundings=people.home.surroundings())
    with pytest.raises(DataKeyError, match="no private key for it"):
        service.unwrap(wrapped(people, people.other))


def test_other_recipients_are_wrapped_for_with_the_public_keys_of_the_user_if_they_may_be_looked_for(
    people: People,
) -> None:
    key = PgpKey.named(people.other)
    assert given(people, people.mine, surroundings=people.home.surroundings()).wrap(key, DATA_KEY).enc
    with pytest.raises(EncryptionError, match="knows no such key"):
        given(people, people.mine).wrap(key, DATA_KEY)


def test_a_given_key_with_a_passphrase_is_opened_if_somebody_can_be_asked(people: People) -> None:
    key = wrapped(people, people.locked)
    surroundings = around({"PATH": people.home.environment["PATH"]}, ambient=False)
    asked = surroundings._replace(passphrase=lambda _name: PASSPHRASE)
    assert given(people, people.locked, surroundings=asked).unwrap(key) == DATA_KEY
    with pytest.raises(DataKeyError, match="protected by a passphrase"):
        given(people, people.locked).unwrap(key)


def test_a_text_that_is_no_key_is_named_when_no_other_opens(people: People) -> None:
    alone = around({"PATH": people.home.environment["PATH"]}, ambient=False)
    texts = [("public.asc", people.home.public(people.mine)), ("noise.asc", UNLOCKED)]
    for more in ([], [("other.asc", people.home.private(people.other))]):
        service = PgpService(alone, texts + more)
        with pytest.raises(DataKeyError) as caught:
            service.unwrap(wrapped(people, people.mine))
        assert "public.asc is a PGP PUBLIC KEY BLOCK" in str(caught.value)
        assert "gpg does not import noise.asc" in str(caught.value)
    texts.append(("mine.asc", people.home.private(people.mine)))
    assert PgpService(alone, texts).unwrap(wrapped(people, people.mine)) == DATA_KEY


def test_without_storage_in_memory_a_given_key_is_used_for_nothing(
    people: People, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(pgp_home, "MOUNTS", str(tmp_path / "none"))
    with pytest.raises(UnsupportedError, match="no memory-backed folder"):
        given(people, people.mine).unwrap(wrapped(people, people.mine))


def test_given_keys_are_in_no_argument_and_without_the_program_no_home_is_left(people: People, tmp_path: Path) -> None:
    gpg = CountedGpg(tmp_path)
    alone = around({"PATH": people.home.environment["PATH"]}, ambient=False)
    service = given(people, people.mine, surroundings=gpg.in_surroundings(alone))
    assert service.unwrap(wrapped(people, people.mine)) == DATA_KEY
    assert [words.split()[-1] for words in gpg.starts] == ["--import", "-d"]
    assert all(line not in "".join(gpg.starts) for line in people.home.private(people.mine).splitlines()[2:4])
    missing = given(people, people.mine, surroundings=around({"SOPS_GPG_EXEC": "/nowhere/gpg"}, ambient=False))
    with pytest.raises(MissingLibraryError):
        missing.unwrap(wrapped(people, people.mine))
    assert missing._imported is None


def test_the_home_of_given_keys_goes_with_the_service(people: People) -> None:
    service = given(people, people.mine)
    service.unwrap(wrapped(people, people.mine))
    home = service._imported.home.folder if service._imported else ""
    assert (Path(home) / "private-keys-v1.d").is_dir()
    del service
    assert not Path(home).exists()


# --- how often gpg is asked -----------------------------------------------------------------------


def test_one_process_for_each_distinct_data_key(people: People, tmp_path: Path) -> None:
    gpg = CountedGpg(tmp_path)
    files = [Held(((key,),)) for key in [wrapped(people, people.mine), wrapped(people, people.other)] * 50]
    ring = KeyRing(services=KeyServices(gpg.in_surroundings(people.home.surroundings())))
    ring.prefetch(files)
    assert {ring.data_key(held) for held in files} == {DATA_KEY}
    assert len(gpg.starts) == 2


def test_many_at_once(people: People) -> None:
    services = KeyServices(people.home.surroundings())
    keys = services.wrap_all([(PgpKey.named(people.mine), bytes([number])) for number in range(32)])
    ring = KeyRing(services=KeyServices(people.home.surroundings()))
    ring.prefetch([Held(((key,),)) for key in keys])
    assert [ring.data_key(Held(((key,),))) for key in keys] == [bytes([number]) for number in range(32)]


def test_importing_the_service_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A ring for files of other kinds never comes here, and one that does asks gpg when a key is used."""
    monkeypatch.setattr(pgp_service, "MemoryHome", None)
    PgpService(around({}), [("mine.asc", UNLOCKED)])
