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

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import pgp_home, pgp_packets
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_program import Gpg

PASSPHRASE = "correct horse"
_KINDS = {
    "ed25519": "Key-Type: EDDSA\nKey-Curve: ed25519\nSubkey-Type: ECDH\nSubkey-Curve: cv25519\n",
    "rsa2048": "Key-Type: RSA\nKey-Length: 2048\nSubkey-Type: RSA\nSubkey-Length: 2048\n",
    "nistp256": "Key-Type: ECDSA\nKey-Curve: nistp256\nSubkey-Type: ECDH\nSubkey-Curve: nistp256\n",
    "single": "Key-Type: RSA\nKey-Length: 2048\nKey-Usage: sign,encrypt\n",
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

    def new_dated_key(self, *, lasts: str) -> str:
        """Make a key that signs and does not end, with a subkey for encryption that ends so long after early 2020."""
        clock = ("--faked-system-time", "20200101T000000!", "--passphrase", "")
        known = set(self.fingerprints())
        self.gpg(*clock, "--quick-generate-key", f"dated {len(known)}", "ed25519", "sign", "never")
        (made,) = set(self.fingerprints()) - known
        self.gpg(*clock, "--quick-add-key", made, "cv25519", "encr", lasts)
        return made

    def add_subkey(self, fingerprint: str) -> None:
        """Add a subkey for encryption, without a passphrase."""
        self.gpg("--passphrase", "", "--quick-add-key", fingerprint, "cv25519", "encr")

    def subkeys(self, fingerprint: str) -> list[str]:
        """Fingerprints of the subkeys of one key."""
        listing = self.gpg("--with-colons", "--list-keys", fingerprint).decode().splitlines()
        return [line.split(":")[9] for line in listing if line.startswith("fpr:")][1:]

    def revoke(self, fingerprint: str) -> None:
        """Revoke a primary key with what gpg has put aside for that."""
        put_aside = Path(self.folder, "openpgp-revocs.d", f"{fingerprint}.rev").read_text()
        self.gpg("--import", data=put_aside.replace(":-----BEGIN", "-----BEGIN").encode())

    def revoke_subkey(self, fingerprint: str) -> None:
        """Revoke the first subkey of a key."""
        self.gpg("--command-fd", "0", "--edit-key", fingerprint, "key 1", "revkey", "save", data=b"y\n0\n\ny\n")

    def lose_secret(self, fingerprint: str) -> None:
        """Take the private part of the last subkey of a key away."""
        listing = self.gpg("--with-colons", "--with-keygrip", "--list-secret-keys", fingerprint).decode().splitlines()
        grip = [line.split(":")[9] for line in listing if line.startswith("grp:")][-1]
        Path(self.folder, "private-keys-v1.d", f"{grip}.key").unlink()
        self.lock()

    def lock(self) -> None:
        """Let the agent forget passphrases."""
        subprocess.run(["gpgconf", "--reload", "gpg-agent"], env=self.environment, capture_output=True, check=True)

    def end_agent(self) -> None:
        """Let the next gpg start another agent."""
        subprocess.run(["gpgconf", "--kill", "gpg-agent"], env=self.environment, capture_output=True, check=True)

    def surroundings(self, **changes: t.Any) -> Surroundings:
        """Those of a user of this home."""
        return around(self.environment, home=self.folder)._replace(**changes)


def around(environment: t.Mapping[str, str], *, home: str = "/nowhere", ambient: bool = True) -> Surroundings:
    """Surroundings with this environment alone."""
    return Surroundings(environment, home, lambda _path: None, lambda _words, _environment: "", ambient=ambient)


class CountedGpg:
    """A program that runs gpg and notes each start and its arguments."""

    _RUN = 'exec gpg "$@"'

    def __init__(self, folder: Path) -> None:
        self.program, self._notes = folder / "counted-gpg", folder / "starts"
        self.program.write_text(f'#!/bin/sh\necho "$*" >> {self._notes}\n{self._RUN}\n')
        self.program.chmod(0o755)

    @property
    def starts(self) -> list[str]:
        """The arguments of each start."""
        return self._notes.read_text().splitlines() if self._notes.exists() else []

    def in_surroundings(self, surroundings: Surroundings) -> Surroundings:
        return surroundings._replace(environment={**surroundings.environment, "SOPS_GPG_EXEC": str(self.program)})


class ForgetfulGpg(CountedGpg):
    """The same with an agent that forgets each passphrase as soon as it was used."""

    _RUN = 'gpg "$@"; code=$?; gpgconf --reload gpg-agent; exit $code'


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


def armored(packets: bytes, kind: str = pgp_packets.PRIVATE) -> str:
    return pgp_packets.armor(packets).replace(pgp_packets.PUBLIC, kind)


def number(bits: int) -> bytes:
    """A number of that many bits."""
    return bits.to_bytes(2) + ((1 << bits) - 1).to_bytes((bits + 7) // 8)


MADE = 0x6A000000
"""When all keys here were made."""


def secret_packet(tag: int = 5, *, algorithm: int = 1, public: bytes = b"", rest: bytes | None = None) -> bytes:
    """A private key packet of version 4; `rest` is what follows the public part."""
    if rest is None:
        secret = number(255)
        rest = b"\0" + secret + (sum(secret) & 0xFFFF).to_bytes(2)
    public = public or number(255) + number(17)
    body = b"\x04" + MADE.to_bytes(4) + bytes([algorithm]) + public + rest
    return pgp_packets.pack(tag, body)


def signature_packet(
    kind: int,
    *,
    made: int = MADE,
    flags: int | None = None,
    lasts: int | None = None,
    issuer: str = "",
    version: int = 4,
    filler: int = 0,
) -> bytes:
    """A signature that nobody has made; `filler` is how many bytes of something else are in it."""
    said = [(2, made.to_bytes(4))]
    said += [(20, bytes(filler))] if filler else []
    said += [(27, bytes([flags]))] if flags is not None else []
    said += [(9, lasts.to_bytes(4))] if lasts is not None else []
    hashed, rest = _area(said), _area([(16, bytes.fromhex(issuer))] if issuer else [])
    size = 4 if version == 6 else 2
    body = bytes([version, kind, 1, 8]) + len(hashed).to_bytes(size) + hashed + len(rest).to_bytes(size) + rest
    return pgp_packets.pack(2, body + bytes(2) + number(255))


def _area(subpackets: t.Iterable[tuple[int, bytes]]) -> bytes:
    return b"".join(_length(len(content) + 1) + bytes([kind]) + content for kind, content in subpackets)


def _length(size: int) -> bytes:
    if size < 192:
        return bytes([size])
    if size < 8384:
        return bytes([(size - 192 >> 8) + 192, size - 192 & 0xFF])
    return b"\xff" + size.to_bytes(4)


CERTIFIES, SIGNS, ENCRYPTS = 1, 2, 12
USER = pgp_packets.pack(13, b"test")
KEY = secret_packet() + USER + signature_packet(0x13, flags=CERTIFIES | SIGNS | ENCRYPTS)
"""Packets of a key that signs and encrypts, as there were many once; its numbers mean nothing."""
UNLOCKED = armored(KEY)
"""A private key without a passphrase."""
LOCKED = armored(secret_packet(rest=bytes.fromhex("fe0703080102030405060708ff") + bytes(24)))
"""A private key with a passphrase."""
ELSEWHERE = armored(secret_packet(rest=bytes.fromhex("ff006500474e5501")) + KEY.removeprefix(secret_packet()))
"""A private key without its secret."""
