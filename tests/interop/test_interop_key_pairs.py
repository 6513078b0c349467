# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs that sops_key makes are taken by age, gpg and sops; the filter says of a key what their own programs say."""

from __future__ import annotations

import os
import subprocess
import typing as t
from pathlib import Path

import pytest
from oracle_tools import Sops

from ansible_collections.fluxseed.gitops.plugins.filter.sops_public_key import sops_public_key
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import key_pairs
from ansible_collections.fluxseed.gitops.plugins.module_utils._surroundings import surroundings
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import GnupgHome

pytestmark = pytest.mark.interop

Find = t.Callable[[str], Path]


@pytest.fixture
def gnupg() -> t.Iterator[GnupgHome]:
    with GnupgHome() as home:
        yield home


def made(kind: str, algorithm: str = "ed25519") -> key_pairs.KeyPair:
    return key_pairs.generate(kind, surroundings(), name="test", algorithm=algorithm)


@pytest.mark.parametrize("kind", ["age", "age-pq"])
def test_age_keygen_derives_the_same_public_key(age_program: Find, kind: str) -> None:
    """From the private key alone."""
    pair = made(kind)
    done = subprocess.run(
        [str(age_program("age-keygen")), "-y"], input=pair.private.encode(), capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == pair.recipient == sops_public_key(pair.private)


@pytest.mark.parametrize("options", [[], ["-pq"]], ids=["x25519", "hybrid"])
def test_the_filter_reads_what_age_keygen_writes(age_program: Find, options: list[str]) -> None:
    """A whole file, comments included."""
    text = subprocess.run([str(age_program("age-keygen")), *options], capture_output=True, check=True).stdout.decode()
    assert f"# public key: {sops_public_key(text)}\n" in text


@pytest.mark.parametrize("kind", ["age", "age-pq"])
def test_sops_encrypts_and_decrypts_with_a_pair(sops: Sops, kind: str, tmp_path: Path) -> None:
    """With nothing but what the module returns and keeps."""
    pair = made(kind)
    file = tmp_path / "file.yaml"
    file.write_text("password: x\n")
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    command = [str(sops.program), "encrypt", "--in-place", "--age", pair.recipient, str(file)]
    subprocess.run(command, env=environment, check=True)
    opened = subprocess.run(
        [str(sops.program), "decrypt", str(file)],
        env={**environment, "SOPS_AGE_KEY": pair.private},
        capture_output=True,
        check=True,
    ).stdout
    assert opened == b"password: x\n"


@pytest.mark.parametrize("algorithm", ["ed25519", "rsa4096"])
def test_gpg_finds_the_fingerprint_in_the_public_key(gnupg: GnupgHome, algorithm: str) -> None:
    """The one that the filter derives without gpg."""
    pair = made("pgp", algorithm)
    listed = gnupg.gpg("--with-colons", "--show-keys", data=pair.public_key.encode()).decode()
    assert f"fpr:::::::::{pair.fingerprint}:" in listed
    assert sops_public_key(pair.private) == pair.fingerprint


@pytest.mark.parametrize("kind", ["ed25519", "rsa2048", "nistp256"])
def test_the_filter_reads_what_gpg_exports(gnupg: GnupgHome, kind: str) -> None:
    """Keys of other algorithms than those made here too."""
    fingerprint = gnupg.new_key(kind)
    assert sops_public_key(gnupg.private(fingerprint)) == fingerprint


def test_sops_opens_with_an_imported_pair_what_it_encrypted_for_it(
    sops: Sops, gnupg: GnupgHome, tmp_path: Path
) -> None:
    """No passphrase is asked for."""
    pair = made("pgp")
    gnupg.gpg("--import", data=pair.private.encode())
    file = tmp_path / "file.yaml"
    file.write_text("password: x\n")
    for_it = [str(sops.program), "encrypt", "--in-place", "--pgp", pair.recipient, str(file)]
    subprocess.run(for_it, env=gnupg.environment, check=True)
    opened = subprocess.run(
        [str(sops.program), "decrypt", str(file)], env=gnupg.environment, capture_output=True, check=True
    ).stdout
    assert opened == b"password: x\n"
