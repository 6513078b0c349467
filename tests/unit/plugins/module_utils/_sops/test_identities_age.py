# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The sources of age identities: which are looked at, in which order, and what they may hold."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    FileAccessError,
    MissingLibraryError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import (
    age,
    age_bech32,
    age_primitives,
    age_x25519,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import age_plugin_toy, processes
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.protected import protected
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.ssh_keys import FORMATS, ssh_key
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys, holding

DATA_KEY = b"d" * 32
SSH, RSA = ssh_key("ed25519"), ssh_key("rsa")
TOY = Keys(age_bech32.encode("age-plugin-toy-", b"0123").upper(), age_bech32.encode("age1toy", b"0123"))
PLACES = (
    "SOPS_AGE_SSH_PRIVATE_KEY_FILE, SOPS_AGE_SSH_PRIVATE_KEY_CMD, /home/me/.ssh/id_ed25519, /home/me/.ssh/id_rsa,"
    " SOPS_AGE_KEY, SOPS_AGE_KEY_FILE, SOPS_AGE_KEY_CMD, /home/me/.config/sops/age/keys.txt"
)


@pytest.fixture(scope="module")
def pq() -> Keys:
    return Keys(*age.generate_identity(post_quantum=True))


class Around:
    """Surroundings that note what was run and asked."""

    def __init__(
        self,
        environment: t.Mapping[str, str] | None = None,
        files: t.Mapping[str, str] | None = None,
        *,
        output: str = "",
        passphrase: str | None = None,
    ) -> None:
        self.ran: list[tuple[list[str], dict[str, str]]] = []
        self.asked: list[str] = []
        self._output = output
        self._passphrase = passphrase
        self.all = Surroundings(environment or {}, "/home/me", (files or {}).get, self._run, self._ask)

    def _run(self, words: t.Sequence[str], extra: t.Mapping[str, str]) -> str:
        self.ran.append((list(words), dict(extra)))
        return self._output

    def _ask(self, name: str) -> str | None:
        self.asked.append(name)
        return self._passphrase


def opens(ring: KeyRing, *recipients: str) -> bool:
    return ring.data_key(holding(*(age.AgeKey(recipient).wrap(DATA_KEY) for recipient in recipients))) == DATA_KEY


# --- where keys are looked for --------------------------------------------------------------------


SSH_SOURCES: dict[str, Around] = {
    "the file that is named": Around({"SOPS_AGE_SSH_PRIVATE_KEY_FILE": "/k"}, {"/k": SSH.private}),
    "id_ed25519": Around({}, {"/home/me/.ssh/id_ed25519": SSH.private}),
    "id_rsa, whatever it is": Around({}, {"/home/me/.ssh/id_rsa": SSH.private}),
    "a command": Around({"SOPS_AGE_SSH_PRIVATE_KEY_CMD": "pass 'ssh key'"}, output=SSH.private),
}


@pytest.mark.parametrize("name", SSH_SOURCES)
def test_each_source_of_ssh_keys_is_read(name: str) -> None:
    around = SSH_SOURCES[name]
    ring = gather(around.all)
    for _time in range(2):
        assert opens(ring, f"{SSH.public} me at home")
    if name == "a command":
        assert around.ran == [(["pass", "ssh key"], {"SOPS_AGE_RECIPIENT": f"{SSH.public} me at home"})]


def test_a_command_for_ssh_keys_is_run_only_for_their_recipients(keys: Keys) -> None:
    around = Around({"SOPS_AGE_SSH_PRIVATE_KEY_CMD": "x"}, output=SSH.private)
    with pytest.raises(DataKeyError):
        opens(gather(around.all), keys.public)
    assert around.ran == []


def test_no_command_is_run_while_a_key_at_hand_opens_the_file(keys: Keys) -> None:
    around = Around({"SOPS_AGE_KEY_CMD": "x", "SOPS_AGE_KEY": keys.private})
    assert opens(gather(around.all), keys.public)
    assert around.ran == []


def test_all_places_are_named_in_the_order_of_sops(keys: Keys) -> None:
    with pytest.raises(DataKeyError, match=f"Looked in: {PLACES}"):
        opens(gather(Around().all), keys.public)


def test_without_a_home_folder_there_are_no_keys_in_it() -> None:
    assert gather(Around({}, {"/.ssh/id_rsa": SSH.private}).all._replace(home="")).recipients == ()


@pytest.mark.parametrize("name", ["SOPS_AGE_SSH_PRIVATE_KEY_FILE", "SOPS_AGE_KEY_FILE"])
@pytest.mark.parametrize("path", ["", "/k"])
def test_a_file_that_is_named_has_to_be_there(name: str, path: str) -> None:
    assert gather(Around({name: path}).all).failed == (f"{name}: there is no file {path!r}",)


def test_an_unreadable_key_of_the_user_is_told(keys: Keys) -> None:
    def read(path: str) -> str | None:
        if path.endswith("id_rsa"):
            raise FileAccessError("permission denied", where=path)
        return None

    ring = gather(Around().all._replace(read_file=read))
    assert ring.failed == ("/home/me/.ssh/id_rsa: permission denied",)


def test_what_a_command_gives_may_be_wrong(keys: Keys) -> None:
    around = Around({"SOPS_AGE_KEY_CMD": "x", "SOPS_AGE_SSH_PRIVATE_KEY_CMD": "'y"}, output=keys.public)
    ring = gather(around.all)
    with pytest.raises(DataKeyError, match="SOPS_AGE_SSH_PRIVATE_KEY_CMD: the command is not well quoted"):
        opens(ring, SSH.public)
    assert ring.failed[-1].startswith("SOPS_AGE_KEY_CMD: line 1: a public key stands where a private key is due")


def test_an_empty_command_is_told(keys: Keys) -> None:
    with pytest.raises(DataKeyError, match="SOPS_AGE_KEY_CMD: the command is empty"):
        opens(gather(Around({"SOPS_AGE_KEY_CMD": " "}).all), keys.public)


def test_a_protected_key_from_a_command_is_refused_as_in_sops() -> None:
    private = ssh_key("ed25519", "secret").private
    around = Around({"SOPS_AGE_SSH_PRIVATE_KEY_CMD": "x"}, output=private, passphrase="secret")
    with pytest.raises(DataKeyError, match="the SSH key of SOPS_AGE_SSH_PRIVATE_KEY_CMD is protected by a passphrase"):
        opens(gather(around.all), SSH.public)
    assert around.asked == []


# --- what a source may hold -----------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("passphrase", ["", "secret"], ids=["clear", "protected"])
def test_an_rsa_key_in_every_format(form: str, passphrase: str) -> None:
    private = ssh_key("rsa", passphrase, form).private
    files = {"/home/me/.ssh/id_rsa": private, "/home/me/.ssh/id_rsa.pub": f"{RSA.public} me@home\n"}
    around = Around({}, files, passphrase="secret")
    ring = gather(around.all)
    for _time in range(2):
        assert opens(ring, RSA.public)
    assert around.asked == (["/home/me/.ssh/id_rsa"] if passphrase else [])
    assert ring.recipients == (RSA.public,)


def test_nobody_is_asked_for_the_passphrase_of_a_key_that_does_not_fit(keys: Keys) -> None:
    around = Around({}, {"/home/me/.ssh/id_ed25519": ssh_key("ed25519", "secret").private}, passphrase="secret")
    ring = gather(around.all)
    for recipient in (keys.public, RSA.public, ssh_key("another").public):
        with pytest.raises(DataKeyError):
            opens(ring, recipient)
    assert around.asked == []


@pytest.mark.parametrize(
    ("form", "public", "message"),
    [
        ("PKCS8", None, "age takes SSH keys of the types ssh-ed25519 and ssh-rsa only"),
        ("cut off", None, "the SSH private key is damaged"),
        ("protected", "ssh-rsa", "the SSH public key beside the private one is damaged"),
        ("protected", "ssh-rsa AAAA", "the SSH public key beside the private one is damaged"),
        ("protected", "ssh-rsa \xe4", "the SSH public key beside the private one is damaged"),
        ("protected", ssh_key("ecdsa").public, "types ssh-ed25519 and ssh-rsa only"),
    ],
    ids=["another type", "cut off", "half a line", "no key", "no ASCII", "public key of another type"],
)
def test_what_an_older_format_may_turn_out_to_be(form: str, public: str | None, message: str) -> None:
    private = {
        "PKCS8": ssh_key("ecdsa", form="PKCS8").private,
        "cut off": ssh_key("rsa", form="PEM").private[:300],
        "protected": ssh_key("rsa", "secret", "PKCS8").private,
    }[form]
    files = {"/home/me/.ssh/id_rsa": private, **({"/home/me/.ssh/id_rsa.pub": public} if public else {})}
    with pytest.raises(DataKeyError, match=message):
        opens(gather(Around({}, files, passphrase="secret").all), RSA.public)


def test_without_bcrypt_a_protected_ssh_key_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    private = ssh_key("ed25519", "secret").private
    from cryptography.hazmat.primitives.serialization import ssh

    def without(*_arguments: object) -> bytes:
        raise UnsupportedAlgorithm("Need bcrypt module")

    monkeypatch.setattr(ssh, "_bcrypt_kdf", without)
    around = Around({}, {"/home/me/.ssh/id_ed25519": private}, passphrase="secret")
    with pytest.raises(DataKeyError, match=r"bcrypt is required and was not found \(.*pip install bcrypt\)"):
        opens(gather(around.all), SSH.public)


def test_a_public_key_beside_another_private_one_is_noticed() -> None:
    files = {"/home/me/.ssh/id_rsa": ssh_key("rsa", "secret", "PKCS8").private, "/home/me/.ssh/id_rsa.pub": SSH.public}
    around = Around({}, files, passphrase="secret")
    with pytest.raises(DataKeyError, match="id_rsa and its public key do not belong together"):
        opens(gather(around.all), SSH.public)


@pytest.mark.parametrize("is_armored", [True, False], ids=["armored", "binary"])
def test_a_key_file_under_a_passphrase(keys: Keys, pq: Keys, is_armored: bool) -> None:
    """Asked for once, and after all that can be tried without."""
    text = protected(f"# mine\n{keys.private}\n{pq.private}\n", "secret", is_armored=is_armored)
    files = {"/k": text, "/home/me/.config/sops/age/keys.txt": age.generate_identity()[0]}
    around = Around({"SOPS_AGE_KEY_FILE": "/k"}, files, passphrase="secret")
    ring = gather(around.all)
    assert around.asked == []
    for recipient in (keys.public, pq.public, keys.public):
        assert opens(ring, recipient)
    assert around.asked == ["/k"]
    with pytest.raises(DataKeyError, match=f"Identities at hand: age1.*, {keys.public}, {pq.public}"):
        opens(ring, TOY_STRANGER)


TOY_STRANGER = age.generate_identity()[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("age1public", "holds no identities under its passphrase: line 1: a public key"),
        ("\udcff", "holds no text under its passphrase"),
    ],
    ids=["no key", "no text"],
)
def test_a_protected_file_may_hold_something_else(keys: Keys, text: str, message: str) -> None:
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age_passphrase

    around = Around(passphrase="secret")
    content = protected("x", "secret") if text == "\udcff" else protected(text, "secret")
    ring = gather(around.all, [("the key", content)])
    with pytest.MonkeyPatch.context() as patch:
        if text == "\udcff":
            patch.setattr(age_passphrase, "opened", lambda _file, _key: b"\xff")
        with pytest.raises(DataKeyError, match=message):
            opens(ring, keys.public)


def test_post_quantum_keys_stand_in_every_source(pq: Keys, keys: Keys) -> None:
    assert opens(gather(Around({"SOPS_AGE_KEY": f"{keys.private} {pq.private}"}).all), pq.public)
    assert opens(gather(Around().all, [("given", pq.private)]), pq.public)


# --- libraries that are not there -----------------------------------------------------------------


@pytest.fixture
def old_cryptography(pq: Keys, monkeypatch: pytest.MonkeyPatch) -> Keys:
    """A post-quantum pair where cryptography is too old for it; the file was encrypted elsewhere."""

    def lacks(_seed: bytes) -> t.NoReturn:
        raise MissingLibraryError("a newer cryptography", hint="pip install --upgrade cryptography")

    monkeypatch.setattr(age_primitives, "HybridPrivateKey", lacks)
    return pq


LACKING: dict[str, t.Callable[[str, str], Around]] = {
    "another source": lambda lacks, good: Around({"SOPS_AGE_KEY": good, "SOPS_AGE_KEY_FILE": "/k"}, {"/k": lacks}),
    "the line before": lambda lacks, good: Around({"SOPS_AGE_KEY_FILE": "/k"}, {"/k": f"{lacks}\n{good}\n"}),
    "the word before": lambda lacks, good: Around({"SOPS_AGE_KEY": f"{lacks} {good}"}),
    "a command": lambda lacks, good: Around({"SOPS_AGE_KEY_CMD": "x"}, output=f"{lacks}\n{good}\n"),
    "a protected file": lambda lacks, good: Around(
        {"SOPS_AGE_KEY_FILE": "/k"}, {"/k": protected(f"{lacks}\n{good}\n", "s")}, passphrase="s"
    ),
}


@pytest.mark.parametrize("place", LACKING)
def test_a_key_that_lacks_a_library_does_not_stop_the_others(place: str, keys: Keys, old_cryptography: Keys) -> None:
    assert opens(gather(LACKING[place](old_cryptography.private, keys.private).all), keys.public)


@pytest.mark.parametrize("place", LACKING)
def test_what_to_install_is_told_if_no_key_opens(place: str, keys: Keys, old_cryptography: Keys) -> None:
    """And that the file may open elsewhere."""
    ring = gather(LACKING[place](old_cryptography.private, keys.private).all)
    expected = r"a newer cryptography is required and was not found \(pip install --upgrade cryptography\)"
    with pytest.raises(DataKeyError, match=expected) as caught:
        opens(ring, TOY_STRANGER)
    assert caught.value.is_undecided
    assert caught.value.message.count("a newer cryptography") == 1
    assert old_cryptography.private[25:40] not in str(caught.value)


def test_a_plugin_without_pyrage_does_not_stop_the_others(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    for_me, for_a_stranger = (holding(age.AgeKey(public).wrap(DATA_KEY)) for public in (keys.public, TOY_STRANGER))
    monkeypatch.setitem(sys.modules, "pyrage", None)
    ring = gather(Around({"SOPS_AGE_KEY": f"{TOY.private} {keys.private}"}).all)
    assert ring.failed == ("SOPS_AGE_KEY: pyrage is required and was not found (install the Python package pyrage)",)
    assert ring.data_key(for_me) == DATA_KEY
    with pytest.raises(DataKeyError, match=r"install the Python package pyrage") as caught:
        ring.data_key(for_a_stranger)
    assert caught.value.is_undecided


def test_what_a_controller_opens_is_not_judged_without_the_library(old_cryptography: Keys) -> None:
    """It has its own."""
    with pytest.raises(MissingLibraryError, match="a newer cryptography"):
        gather(Around().all, [("x.agekey", old_cryptography.private)], unattended=True)


# --- plugins --------------------------------------------------------------------------------------


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    age_plugin_toy.write(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


def test_a_plugin_wraps_and_opens(toy: Path) -> None:
    ring = gather(Around({"SOPS_AGE_KEY": TOY.private}).all)
    assert opens(ring, TOY.public)
    assert age_plugin_toy.starts(toy) == ["--age-plugin=recipient-v1", "--age-plugin=identity-v1"]


def test_a_plugin_is_asked_after_the_keys_at_hand(toy: Path, keys: Keys) -> None:
    """Whatever the order of the file: it may want a finger on it."""
    ring = gather(Around({"SOPS_AGE_KEY": f"{TOY.private} {keys.private}"}).all)
    assert opens(ring, keys.public)
    assert age_plugin_toy.starts(toy) == []
    with pytest.raises(DataKeyError, match=r"Identities at hand: age1\w+, age-plugin-toy \(identity [0-9a-f]{8}\)"):
        opens(ring, TOY_STRANGER)
    # Once per stanza: pyrage may add one that says nothing (grease).
    assert set(age_plugin_toy.starts(toy)) == {"--age-plugin=identity-v1"}


def test_a_plugin_that_fails_does_not_stop_the_others(toy: Path, keys: Keys) -> None:
    (toy / "age-plugin-toy").write_text("#!/bin/sh\nexit 3\n")
    ring = gather(Around({"SOPS_AGE_KEY": f"{TOY.private}"}, {"/k": protected(keys.private, "s")}, passphrase="s").all)
    with pytest.raises(DataKeyError, match="the age plugin toy failed: ") as caught:
        opens(ring, keys.public)
    assert caught.value.is_undecided
    around = Around(
        {"SOPS_AGE_KEY": TOY.private, "SOPS_AGE_KEY_FILE": "/k"}, {"/k": protected(keys.private, "s")}, passphrase="s"
    )
    assert opens(gather(around.all), keys.public)


@pytest.mark.parametrize("pin", ["1234", "1", None], ids=["right", "wrong", "nobody"])
def test_a_plugin_may_ask_for_its_pin(toy: Path, monkeypatch: pytest.MonkeyPatch, pin: str | None) -> None:
    """And for nothing else: nobody is there to answer, and only the outermost layer prints."""
    monkeypatch.setenv("TOY_ASKS", "1")
    around = Around({"SOPS_AGE_KEY": TOY.private}, passphrase=pin)
    if pin == "1234":
        assert opens(gather(around.all), TOY.public)
    else:
        with pytest.raises(DataKeyError, match=r"the age plugin toy failed: .*the toy wants its PIN"):
            opens(gather(around.all), TOY.public)
    assert around.asked == ["the age plugin toy"]


# --- given explicitly -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["age", "post-quantum", "several", "SSH", "SSH with a blank line", "protected"])
def test_a_key_of_any_kind_may_be_given(kind: str, keys: Keys, pq: Keys) -> None:
    text, recipient = {
        "age": (f" {keys.private}\n", keys.public),
        "post-quantum": (pq.private, pq.public),
        "several": (f"{pq.private} {keys.private}", keys.public),
        "SSH": (SSH.private, SSH.public),
        "SSH with a blank line": (f"\n{SSH.private}\n\n", SSH.public),
        "protected": ("\n" + protected(keys.private, "secret"), keys.public),
    }[kind]
    around = Around({"SOPS_AGE_KEY": TOY.private}, {"/home/me/.ssh/id_rsa": RSA.private}, passphrase="secret")
    for given in (text, lambda: text):
        ring = gather(around.all, [("given", given)])
        assert ring.failed == ()
        assert opens(ring, recipient)
        with pytest.raises(DataKeyError):
            opens(ring, RSA.public)


def test_openpgp_keys_are_for_their_own_service(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import pgp_block

    ring = gather(Around().all, [("x.asc", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"), ("given", keys.private)])
    assert len(ring.failed) == 1
    assert ring.failed[0].startswith("x.asc: ")
    assert opens(ring, keys.public)
    monkeypatch.setattr(pgp_block, "read_private", lambda _text: [])
    ring = gather(Around().all, [("x.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n")])
    assert (ring.failed, ring.recipients) == ((), ())


def test_a_text_that_cannot_be_had_is_a_source_that_failed(keys: Keys) -> None:
    def fail() -> str:
        raise FileAccessError("it is not there", where="/vault")

    ring = gather(Around().all, [("the variable x", fail), ("given", keys.private)])
    assert ring.failed == ("the variable x: it is not there",)
    assert opens(ring, keys.public)
    with pytest.raises(
        DataKeyError, match=r"Looked in: the variable x, given[.] Failed: the variable x: it is not there"
    ):
        opens(ring, RSA.public)


UNATTENDED = {
    "an SSH key": (SSH.private, "this is no age private key"),
    "a protected file": (protected("x", "s"), "the key is protected by a passphrase"),
    "a plugin": (TOY.private, "needs a program that is not there"),
    "a blank before": (" AGE-SECRET-KEY-1", "there is white space before or after the private key"),
    "two in a line": ("AGE-SECRET-KEY-1 AGE-SECRET-KEY-1", "several words stand in one line"),
}


@pytest.mark.parametrize("name", UNATTENDED)
def test_a_controller_takes_less(name: str, keys: Keys) -> None:
    text, message = UNATTENDED[name]
    ring = gather(Around(passphrase="s").all, [("x.agekey", text), ("y.agekey", keys.private)], unattended=True)
    assert ring.recipients == (keys.public,)
    assert len(ring.failed) == 1
    assert re.match(f"x.agekey: .*{message}", ring.failed[0])


# --- how much is done -----------------------------------------------------------------------------


def test_a_thousand_files_take_one_parsed_identity_and_no_process(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    key = age_x25519.X25519Key
    monkeypatch.setattr(age_x25519, "X25519Key", lambda text: parsed.append(1) or key(text))
    files = [holding(age.AgeKey(keys.public).wrap(number.to_bytes(32, "big"))) for number in range(1000)]
    with processes.watched() as started:
        ring = gather(Around({"SOPS_AGE_KEY": keys.private}, {"/home/me/.ssh/id_ed25519": SSH.private}).all)
        assert [int.from_bytes(ring.data_key(held), "big") for held in files] == list(range(1000))
    assert len(parsed) == 1
    assert started == []


STARTS: dict[str, t.Callable[[], object]] = {
    "subprocess.Popen": lambda: subprocess.Popen(["true"]),
    "os.posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "os.system": lambda: os.system("true"),  # noqa: S605
    processes.BY_A_LIBRARY: lambda: opens(gather(Around({"SOPS_AGE_KEY": TOY.private}).all), TOY.public),
}


@pytest.mark.parametrize("way", STARTS)
def test_each_process_that_is_started_would_be_seen(way: str, toy: Path) -> None:
    """Also one that nobody has waited for yet, and the plugin, which Python does not start."""
    with processes.watched() as started:
        made = STARTS[way]()
    assert started == [way]
    if isinstance(made, subprocess.Popen):
        made.wait()
    elif way == "os.posix_spawn":
        os.wait()


def test_what_most_files_do_not_need_is_not_imported(keys: Keys) -> None:
    """Start-up is most of the time that a small file takes; an SSH key of the user costs its own file only."""
    enc = age.AgeKey(keys.public).wrap(bytes(32)).enc
    code = """
import sys
private, enc, path, ssh = sys.stdin.read().split("|")
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings
around = Surroundings({"SOPS_AGE_KEY": private}, "/home/me", {path: ssh}.get, None)
(identity, *_others) = (each for each in gather(around)._identities if "ssh" not in each.recipient)
assert identity.unwrap(enc) == bytes(32)
print(*sorted(name.rpartition(".")[2] for name in sys.modules))
"""
    loaded = [
        set(
            subprocess.run(
                [sys.executable, "-c", code],
                input=f"{keys.private}|{enc}|{path}|{SSH.private}",
                capture_output=True,
                check=True,
                text=True,
            ).stdout.split()
        )
        for path in ("/nothing", "/home/me/.ssh/id_ed25519")
    ]
    rest = {
        "age_hybrid",
        "age_primitives",
        "age_passphrase",
        "hmac",
        "hashlib",
        "pyrage",
        "pgp",
        "pgp_block",
        "boto3",
        "subprocess",
    }
    assert [found & {*rest, "age_ssh", "age_format"} for found in loaded] == [{"age_format"}, {"age_format", "age_ssh"}]
