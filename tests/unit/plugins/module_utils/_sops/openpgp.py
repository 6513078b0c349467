# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP for tests: real keys in a GnuPG home that is taken away again, and texts with the shape of keys."""

from __future__ import annotations

import os
import subprocess
import tempfile
import typing as t
from pathlib import Path

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import pgp_block, pgp_home
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_program import Gpg

PASSPHRASE = "correct horse"
_KINDS = {
    "ed25519": "Key-Type: EDDSA\nKey-Curve: ed25519\nSubkey-Type: ECDH\nSubkey-Curve: cv25519\n",
    "rsa2048": "Key-Type: RSA\nKey-Length: 2048\nSubkey-Type: RSA\nSubkey-Length: 2048\n",
    "nistp256": "Key-Type: ECDSA\nKey-Curve: nistp256\nSubkey-Type: ECDH\nSubkey-Curve: nistp256\n",
    "signing": "Key-Type: EDDSA\nKey-Curve: ed25519\nKey-Usage: sign\n",
}
PREFIX = "fluxseed-gpg-test-"


class GnupgHome:
    """A home with test keys, and what it takes to use it from a program."""

    def __init__(self) -> None:
        # Paths of sockets are short, so the temporary folder of a test will not do.
        self.folder = tempfile.mkdtemp(prefix=PREFIX)
        self.environment = {"PATH": os.environ["PATH"], "HOME": self.folder, "GNUPGHOME": self.folder}
        # Passphrases that cost nothing to try.
        Path(self.folder, "gpg-agent.conf").write_text("s2k-count 65536\n")
        # ansible-test ends a process per test without tearing fixtures down.
        self._watching = pgp_home.watch(Gpg(self.environment))

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        pgp_home.destroy(self.folder, self._watching, os.getpid())

    def gpg(self, *words: str, data: bytes = b"") -> bytes:
        command = ["gpg", "--batch", "--no-tty", "--pinentry-mode", "loopback", "--passphrase", PASSPHRASE, *words]
        done = subprocess.run(command, input=data, env=self.environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def new_key(self, kind: str = "ed25519", *, name: str = "test", expired: bool = False, locked: bool = False) -> str:
        """Make a key and return its fingerprint; an expired one ended long ago, and was in use before."""
        clock = ["--faked-system-time", "20200101T000000!"] if expired else []
        protection = f"Passphrase: {PASSPHRASE}\n" if locked else "%no-protection\n"
        lines = f"{_KINDS[kind]}{protection}Name-Real: {name}\nExpire-Date: {'1d' if expired else '0'}\n%commit\n"
        known = set(self.fingerprints())
        self.gpg(*clock, "--full-generate-key", data=lines.encode())
        (made,) = set(self.fingerprints()) - known
        return made

    def fingerprints(self, *, subkeys: bool = False) -> list[str]:
        """Of the primary keys, or of all keys."""
        found, before = [], ""
        for line in self.gpg("--with-colons", "--list-keys").decode().splitlines():
            fields = line.split(":")
            if fields[0] == "fpr" and (subkeys or before == "pub"):
                found.append(fields[9])
            before = fields[0]
        return found

    def private(self, fingerprint: str) -> str:
        return self.gpg("--armor", "--export-secret-keys", fingerprint).decode()

    def public(self, fingerprint: str) -> str:
        return self.gpg("--armor", "--export", fingerprint).decode()

    def lock(self) -> None:
        """Let the agent forget passphrases."""
        subprocess.run(["gpgconf", "--reload", "gpg-agent"], env=self.environment, capture_output=True, check=True)

    def surroundings(self, **changes: t.Any) -> Surroundings:
        """Those of a user of this home."""
        return around(self.environment, home=self.folder)._replace(**changes)


def around(environment: t.Mapping[str, str], *, home: str = "/nowhere", ambient: bool = True) -> Surroundings:
    """Surroundings with this environment alone."""
    return Surroundings(environment, home, lambda _path: None, lambda _words, _environment: "", ambient=ambient)


class CountedGpg:
    """A program that runs gpg and notes each start and its arguments."""

    def __init__(self, folder: Path) -> None:
        self.program, self._notes = folder / "counted-gpg", folder / "starts"
        self.program.write_text(f'#!/bin/sh\necho "$*" >> {self._notes}\nexec gpg "$@"\n')
        self.program.chmod(0o755)

    @property
    def starts(self) -> list[str]:
        """The arguments of each start."""
        return self._notes.read_text().splitlines() if self._notes.exists() else []

    def in_surroundings(self, surroundings: Surroundings) -> Surroundings:
        return surroundings._replace(environment={**surroundings.environment, "SOPS_GPG_EXEC": str(self.program)})


def leftovers() -> list[str]:
    """GnuPG homes, and agents of such, that nobody will take away any more; what others use at this time does not count."""
    processes = list(_processes())
    agents = {home for words, _variables in processes if (home := _home_of_agent(words))}
    watched = {variables.get(b"GNUPGHOME", b"").decode() for words, variables in processes if words[0] == b"/bin/sh"}
    in_memory = (Path("/dev/shm"), *Path("/run/user").glob("*"))  # noqa: S108
    homes = {str(path) for folder in in_memory for path in folder.glob("fluxseed-gpg-*")}
    homes |= {str(path) for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*")}
    return sorted((homes | agents) - watched)


def _processes() -> t.Iterator[tuple[list[bytes], dict[bytes, bytes]]]:
    for path in Path("/proc").glob("[0-9]*"):
        try:
            words, variables = ((path / name).read_bytes().split(b"\0") for name in ("cmdline", "environ"))
        except OSError:
            continue
        yield words, dict(entry.partition(b"=")[::2] for entry in variables)


def _home_of_agent(words: list[bytes]) -> str:
    """The home that a gpg-agent is for, if its name is one of ours; an agent that has ended shows no words."""
    if words[0].rpartition(b"/")[2] != b"gpg-agent":
        return ""
    return next((word.decode() for word in words if b"/fluxseed-gpg-" in word), "")


# --- texts with the shape of keys -----------------------------------------------------------------


def armored(packets: bytes, kind: str = "PRIVATE KEY BLOCK") -> str:
    return pgp_block._armor(packets).replace("PUBLIC KEY BLOCK", kind)


def number(bits: int) -> bytes:
    """A number of that many bits."""
    return bits.to_bytes(2) + ((1 << bits) - 1).to_bytes((bits + 7) // 8)


def secret_packet(tag: int = 5, *, algorithm: int = 22, public: bytes = b"", rest: bytes | None = None) -> bytes:
    """A private key packet of version 4; `rest` is what follows the public part."""
    if rest is None:
        secret = number(255)
        rest = b"\0" + secret + (sum(secret) & 0xFFFF).to_bytes(2)
    public = public or bytes.fromhex("092b06010401da470f01") + number(263)
    body = b"\x04" + b"\x6a\0\0\0" + bytes([algorithm]) + public + rest
    return pgp_block._packet(tag, body)


UNLOCKED = armored(secret_packet() + secret_packet(7))
"""A private key without a passphrase; its numbers mean nothing."""
LOCKED = armored(secret_packet(rest=bytes.fromhex("fe0703080102030405060708ff") + bytes(24)))
"""A private key with a passphrase."""
ELSEWHERE = armored(secret_packet(rest=bytes.fromhex("ff006500474e5501")))
"""A private key without its secret."""
