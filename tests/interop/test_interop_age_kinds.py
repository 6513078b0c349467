# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of age key, against age and sops themselves: what one wraps, the other opens."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from oracle_tools import YAML

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age, age_bech32, age_format
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import age_plugin_toy
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import holding

pytestmark = pytest.mark.interop

DATA_KEY = bytes(range(32))
PLAIN = b"password: hunter2\nuser: admin\n"
PASSPHRASE = "correct horse"
KINDS = ("x25519", "x25519 of age", "post-quantum", "post-quantum of age", "ssh-ed25519", "ssh-rsa", "plugin")

Find = t.Callable[[str], Path]


@dataclass
class Made:
    """A key pair of some kind."""

    recipient: str
    identity: Path
    """A file for `age -i`."""
    environment: dict[str, str] = field(default_factory=dict)
    """Where sops finds it."""


@dataclass
class Bench:
    """The programs, in a home folder of their own with the toy plugin on PATH."""

    folder: Path
    find: Find

    def environment(self, made: Made | None = None) -> dict[str, str]:
        basis = {"HOME": str(self.folder), "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        return basis | (made.environment if made else {})

    def run(self, name: str, *arguments: str | Path, data: bytes, made: Made | None = None) -> bytes:
        done = subprocess.run(
            [str(self.find(name)), *map(str, arguments)],
            input=data,
            capture_output=True,
            cwd=self.folder,
            env=self.environment(made),
            check=False,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def ring(self, made: Made) -> KeyRing:
        def read(path: str) -> str | None:
            return Path(path).read_text() if Path(path).exists() else None

        def no_command(words: t.Sequence[str], extra: t.Mapping[str, str]) -> str:
            raise AssertionError(words)

        return gather(Surroundings(self.environment(made), str(self.folder / "nobody"), read, no_command))

    def key_file(self, text: str) -> Path:
        path = self.folder / f"key{len(list(self.folder.iterdir()))}"
        path.write_text(text + "\n")
        path.chmod(0o600)
        return path

    def ssh(self, kind: str, *options: str) -> Path:
        path = self.folder / f"ssh{len(list(self.folder.iterdir()))}"
        command = ["ssh-keygen", "-q", "-t", kind, "-C", "me at home", "-f", str(path), *options]
        subprocess.run(command, check=True, capture_output=True)
        return path


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, age_program: Find) -> t.Iterator[Bench]:
    folder = tmp_path_factory.mktemp("age")
    (folder / "bin").mkdir()
    age_plugin_toy.write(folder / "bin")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")
        yield Bench(folder, age_program)


@pytest.fixture(scope="module")
def pairs(bench: Bench) -> dict[str, Made]:
    def from_text(private: str, public: str) -> Made:
        return Made(public, bench.key_file(private), {"SOPS_AGE_KEY": private})

    def from_age(*options: str) -> Made:
        text = bench.run("age-keygen", *options, data=b"").decode()
        public = text.partition("# public key: ")[2].partition("\n")[0]
        path = bench.key_file(text)
        return Made(public, path, {"SOPS_AGE_KEY_FILE": str(path)})

    def from_ssh(path: Path) -> Made:
        public = path.with_suffix(".pub").read_text().strip()
        return Made(public, path, {"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(path)})

    toy = age_bech32.encode("age-plugin-toy-", b"0123456789").upper()
    return {
        "x25519": from_text(*age.generate_identity()),
        "x25519 of age": from_age(),
        "post-quantum": from_text(*age.generate_identity(post_quantum=True)),
        "post-quantum of age": from_age("-pq"),
        "ssh-ed25519": from_ssh(bench.ssh("ed25519", "-N", "")),
        "ssh-rsa": from_ssh(bench.ssh("rsa", "-b", "2048", "-N", "")),
        "plugin": from_text(toy, age_bech32.encode("age1toy", b"0123456789")),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_age_opens_what_is_wrapped_here(kind: str, pairs: dict[str, Made], bench: Bench) -> None:
    made = pairs[kind]
    enc = age.AgeKey(made.recipient).wrap(DATA_KEY).enc
    assert bench.run("age", "-d", "-i", made.identity, data=enc.encode()) == DATA_KEY


@pytest.mark.parametrize("kind", KINDS)
def test_what_age_wraps_is_opened_here(kind: str, pairs: dict[str, Made], bench: Bench) -> None:
    made = pairs[kind]
    enc = bench.run("age", "-a", "-r", made.recipient, data=DATA_KEY).decode()
    assert bench.ring(made).data_key(holding(age.AgeKey(made.recipient, enc))) == DATA_KEY


@pytest.mark.parametrize("kind", KINDS)
def test_sops_opens_a_file_made_here(kind: str, pairs: dict[str, Made], bench: Bench, store: YamlStore) -> None:
    made = pairs[kind]
    content = document.encrypt(PLAIN, Rule.of([made.recipient]), store=store).content
    assert bench.run("sops", "decrypt", *YAML, "/dev/stdin", data=content, made=made) == PLAIN


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_sops_is_opened_here(kind: str, pairs: dict[str, Made], bench: Bench, store: YamlStore) -> None:
    made = pairs[kind]
    content = bench.run("sops", "encrypt", "--age", made.recipient, *YAML, "/dev/stdin", data=PLAIN)
    assert document.decrypt(content, bench.ring(made), store=store) == PLAIN


@pytest.mark.parametrize("option", [[], ["-pq"]], ids=["x25519", "post-quantum"])
def test_age_keygen_derives_the_same_public_key(option: list[str], bench: Bench) -> None:
    private, public = age.generate_identity(post_quantum=bool(option))
    assert bench.run("age-keygen", "-y", data=private.encode()).decode().strip() == public
    theirs = bench.run("age-keygen", *option, data=b"").decode()
    derived = age.public_key(theirs.splitlines()[-1])
    assert f"# public key: {derived}\n" in theirs


def test_a_file_for_two_post_quantum_keys_opens_with_either(pairs: dict[str, Made], bench: Bench) -> None:
    first, second = pairs["post-quantum"], pairs["post-quantum of age"]
    enc = bench.run("age", "-a", "-r", first.recipient, "-r", second.recipient, data=DATA_KEY).decode()
    for made in (first, second):
        assert bench.ring(made).data_key(holding(age.AgeKey(made.recipient, enc))) == DATA_KEY


@pytest.mark.parametrize("kind", ["tag", "tagpq"])
def test_tagged_recipients_are_wrapped_for_as_age_does_it(kind: str, bench: Bench) -> None:
    """Their identities live in hardware, so the test plays the hardware for P-256, and compares stanzas for the hybrid."""
    hardware = _Hardware()
    recipient = hardware.recipient(kind)
    theirs = bench.run("age", "-a", "-r", recipient, data=DATA_KEY).decode()
    ours = age.AgeKey(age.check_recipient(recipient)).wrap(DATA_KEY).enc
    for enc in (theirs, ours):
        file = age_format.parse_enc(enc)
        (stanza,) = (each for each in file.stanzas if not each[0].endswith("-grease"))
        assert stanza[0] == {"tag": "p256tag", "tagpq": "mlkem768p256tag"}[kind]
        tag, share = map(age_format.unpadded, stanza[1])
        assert tag == hardware.tag(stanza[0], share)
        assert len(stanza[2]) == 32
        if kind == "tag":
            assert age_format.opened(file, hardware.file_key(share, stanza[2])) == DATA_KEY


# --- passphrases ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [["ed25519"], ["rsa", "-b", "2048"], ["rsa", "-b", "2048", "-m", "PEM"], ["rsa", "-b", "2048", "-m", "PKCS8"]],
    ids=["ed25519", "rsa", "rsa PEM", "rsa PKCS8"],
)
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE], ids=["clear", "protected"])
def test_ssh_keys_in_every_format(options: list[str], passphrase: str, bench: Bench) -> None:
    kind, *more = options
    path = bench.ssh(kind, *more, "-N", passphrase)
    made = Made(path.with_suffix(".pub").read_text().strip(), path, {"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(path)})
    enc = bench.run("age", "-a", "-r", made.recipient, data=DATA_KEY).decode()
    asked: list[str] = []

    def ask(name: str) -> str:
        asked.append(name)
        return passphrase

    def read(name: str) -> str | None:
        return Path(name).read_text() if Path(name).exists() else None

    ring = gather(Surroundings(bench.environment(made), "/nowhere", read, lambda _words, _extra: "", ask))
    for _time in range(2):
        held = holding(age.AgeKey(made.recipient, enc))
        assert ring.data_key(held) == DATA_KEY
        enc = age.AgeKey(made.recipient).wrap(DATA_KEY).enc
    assert asked == ([str(path)] if passphrase else [])


@pytest.mark.parametrize("is_armored", [True, False], ids=["armored", "binary"])
def test_a_key_file_under_a_passphrase_that_age_has_made(
    is_armored: bool, bench: Bench, pairs: dict[str, Made]
) -> None:
    made = pairs["x25519 of age"]
    content = _encrypted_by_age(bench, made.identity.read_bytes(), is_armored=is_armored)
    text = content.decode("utf-8", "surrogateescape")
    surroundings = Surroundings({"SOPS_AGE_KEY_FILE": "/k"}, "/home/me", {"/k": text}.get, lambda _words, _extra: "")
    ring = gather(surroundings._replace(passphrase=lambda _name: PASSPHRASE))
    enc = age.AgeKey(made.recipient).wrap(DATA_KEY).enc
    assert ring.data_key(holding(age.AgeKey(made.recipient, enc))) == DATA_KEY


def test_the_command_asks_on_the_terminal(bench: Bench, pairs: dict[str, Made], store: YamlStore) -> None:
    """For a binary key file of `age -p`, and for a protected SSH key; what is printed is the plain text alone."""
    made = pairs["x25519 of age"]
    key = bench.key_file("")
    key.write_bytes(_encrypted_by_age(bench, made.identity.read_bytes(), is_armored=False))
    ssh = bench.ssh("ed25519", "-N", PASSPHRASE)
    recipients = {
        made.recipient: {"SOPS_AGE_KEY_FILE": str(key)},
        ssh.with_suffix(".pub").read_text().strip(): {"SOPS_AGE_SSH_PRIVATE_KEY_FILE": str(ssh)},
    }
    for recipient, environment in recipients.items():
        file, target = bench.folder / "asked.yaml", bench.folder / "opened.yaml"
        target.unlink(missing_ok=True)
        file.write_bytes(document.encrypt(PLAIN, Rule.of([recipient]), store=store).content)
        program = Path(sys.executable).parent / "fluxseed"
        command = [str(program), "decrypt", "--output", str(target), str(file)]
        assert _answered(command, bench.environment() | environment, questions=1) == 0
        assert target.read_bytes() == PLAIN


def _encrypted_by_age(bench: Bench, content: bytes, *, is_armored: bool) -> bytes:
    source = bench.key_file(content.decode().rstrip("\n"))
    target = source.with_suffix(".age")
    options = ["-p", *(["-a"] if is_armored else []), "-o", str(target), str(source)]
    assert _answered([str(bench.find("age")), *options], bench.environment(), questions=2) == 0
    return target.read_bytes()


def _answered(command: list[str], environment: dict[str, str], *, questions: int) -> int:
    """The exit code of a program that asks on its terminal: the one that a new session opens first."""
    controller, terminal = os.openpty()
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$0" "$@" <"$TERMINAL"', *command],
        env=environment | {"TERMINAL": os.ttyname(terminal)},
        start_new_session=True,
    )
    try:
        for _question in range(questions):
            # What is typed before the question would be shown, and thrown away.
            while b": " not in os.read(controller, 1000):
                pass
            os.write(controller, PASSPHRASE.encode() + b"\n")
        return process.wait(60)
    finally:
        process.kill()
        process.wait()
        os.close(controller)
        os.close(terminal)


# --- help -----------------------------------------------------------------------------------------


class _Hardware:
    """A P-256 key such as a hardware key holds, and the public half of an ML-KEM-768 key."""

    def __init__(self) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec, mlkem
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key()
        self._compressed = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        self._full = public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self._mlkem = mlkem.MLKEM768PrivateKey.generate().public_key().public_bytes_raw()

    def recipient(self, kind: str) -> str:
        return age_bech32.encode(f"age1{kind}", self._compressed if kind == "tag" else self._mlkem + self._full)

    def tag(self, stanza: str, share: bytes) -> bytes:
        import hashlib
        import hmac

        public = self._compressed if stanza == "p256tag" else self._full
        label = f"age-encryption.org/{stanza}".encode()
        return hmac.digest(label, share + hashlib.sha256(public).digest()[:4], "sha256")[:4]

    def file_key(self, share: bytes, body: bytes) -> bytes:
        from cryptography.hazmat.primitives import hpke

        suite = hpke.Suite(hpke.KEM.P256, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
        return suite.decrypt(share + body, self._key, info=b"age-encryption.org/p256tag")
