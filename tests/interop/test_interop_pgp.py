# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP keys against sops: the real gpg on both sides, in homes made here."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest
from oracle_tools import find

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DataKeyError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config, Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp import PgpKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_generation import generate
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.services import KeyServices
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import GnupgHome, around
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

pytestmark = pytest.mark.interop

PLAIN: t.Mapping[str, bytes] = {
    "a.yaml": b"a: 1\nb:\n    - x\n",
    "a.json": b'{\n\t"a": 1,\n\t"b": [\n\t\t"x"\n\t]\n}\n',
    "a.env": b"A=1\nB=x\n",
    "a.ini": b"[s]\nA = 1\nB = x\n",
    "a.txt": b"\x00\xff x\n",
}


class People(t.NamedTuple):
    """A home with the private keys of two, and one with the public keys alone and the private key of the second."""

    home: GnupgHome
    mine: str
    other: str
    elsewhere: GnupgHome


@pytest.fixture(scope="module")
def people() -> t.Iterator[People]:
    with GnupgHome() as home, GnupgHome() as elsewhere:
        mine, other = home.new_key(name="mine"), home.new_key("rsa2048", name="other")
        elsewhere.gpg("--import", data=home.public(mine).encode())
        elsewhere.gpg("--import", data=home.private(other).encode())
        yield People(home, mine, other, elsewhere)


def run_sops(home: GnupgHome, *words: str, data: bytes = b"", age: str = "") -> subprocess.CompletedProcess[bytes]:
    environment = {**home.environment, **({"SOPS_AGE_KEY": age} if age else {})}
    command = [str(find("sops")), *words]
    return subprocess.run(command, input=data, env=environment, cwd=home.folder, capture_output=True, check=False)


def encrypt_with_sops(home: GnupgHome, name: str, plain: bytes, *words: str) -> bytes:
    done = run_sops(home, *words[:2], "encrypt", *words[2:], "--filename-override", name, data=plain)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def decrypt_with_sops(home: GnupgHome, name: str, content: bytes, *words: str, age: str = "") -> bytes:
    done = run_sops(home, "decrypt", *words, "--filename-override", name, data=content, age=age)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def ring_of(home: GnupgHome) -> KeyRing:
    return gather(home.surroundings())


def config_of(text: str, folder: str) -> tuple[Path, Rule]:
    """A `.sops.yaml` for both, and the rule that we read in it."""
    path = Path(folder) / ".sops.yaml"
    path.write_text(text)
    return path, Config.parse(text, path=str(path)).rule_for(f"{folder}/a.yaml")


@pytest.mark.parametrize("name", PLAIN)
def test_files_of_sops_open_here_and_ours_there(people: People, name: str) -> None:
    store = store_for(name)
    theirs = encrypt_with_sops(people.home, name, PLAIN[name], "--config", "/dev/null", "--pgp", people.mine)
    assert document.decrypt(theirs, ring_of(people.home), store=store) == PLAIN[name]
    rule = config_of(f"creation_rules: [{{pgp: '{people.mine},{people.other}'}}]\n", people.home.folder)[1]
    services = KeyServices(people.home.surroundings())
    ours = document.encrypt(PLAIN[name], rule, store=store, services=services).content
    for home in (people.home, people.elsewhere):
        assert decrypt_with_sops(home, name, ours) == PLAIN[name]


def test_an_entry_has_the_form_that_sops_gives_it(people: People, store: YamlStore) -> None:
    theirs = encrypt_with_sops(people.home, "a.yaml", PLAIN["a.yaml"], "--config", "/dev/null", "--pgp", people.mine)
    rule = config_of(f"creation_rules: [{{pgp: {people.mine}}}]\n", people.home.folder)[1]
    services = KeyServices(people.home.surroundings())
    ours = document.encrypt(PLAIN["a.yaml"], rule, store=store, services=services).content
    (one,), (another,) = (store.metadata(store.load(content))["pgp"] for content in (theirs, ours))
    assert list(one) == list(another) == ["created_at", "enc", "fp"]
    assert one["fp"] == another["fp"]
    assert len(one["enc"]) == len(another["enc"])
    assert [line[:5] for line in one["enc"].split("\n")[:2]] == [line[:5] for line in another["enc"].split("\n")[:2]]
    assert one["enc"].split("\n")[-1] == another["enc"].split("\n")[-1]


def test_a_subkey_asked_for_by_an_exclamation_mark(people: People, store: YamlStore) -> None:
    keys = people.home.fingerprints(subkeys=True)
    subkey = keys[keys.index(people.mine) + 1] + "!"
    theirs = encrypt_with_sops(people.home, "a.yaml", PLAIN["a.yaml"], "--config", "/dev/null", "--pgp", subkey)
    assert document.decrypt(theirs, ring_of(people.home), store=store) == PLAIN["a.yaml"]
    rule = config_of(f"creation_rules: [{{pgp: {subkey}}}]\n", people.home.folder)[1]
    services = KeyServices(people.home.surroundings())
    ours = document.encrypt(PLAIN["a.yaml"], rule, store=store, services=services).content
    assert decrypt_with_sops(people.home, "a.yaml", ours) == PLAIN["a.yaml"]


GROUPS = "creation_rules: [{{shamir_threshold: {threshold}, key_groups: [{{age: [{age}]}}, {{pgp: [{first}, {second}]}}]}}]\n"


def test_groups_of_age_and_openpgp_keys(people: People, keys: Keys, store: YamlStore) -> None:
    config, rule = config_of(
        GROUPS.format(threshold=2, age=keys.public, first=people.mine, second=people.other), people.home.folder
    )
    theirs = encrypt_with_sops(people.home, "a.yaml", PLAIN["a.yaml"], "--config", str(config))
    ours = document.encrypt(
        PLAIN["a.yaml"], rule, store=store, services=KeyServices(people.home.surroundings())
    ).content
    for home in (people.home, people.elsewhere):
        with_age = home.surroundings(environment={**home.environment, "SOPS_AGE_KEY": keys.private})
        for content in (theirs, ours):
            assert document.decrypt(content, gather(with_age), store=store) == PLAIN["a.yaml"]
            assert decrypt_with_sops(home, "a.yaml", content, age=keys.private) == PLAIN["a.yaml"]
            with pytest.raises(DataKeyError, match="2 key groups are needed, 1 opened"):
                document.decrypt(content, ring_of(home), store=store)


@pytest.mark.parametrize(("order", "starts"), [("age,pgp", 0), ("pgp,age", 1)])
def test_the_order_decides_whether_gpg_is_asked(
    people: People, keys: Keys, store: YamlStore, tmp_path: Path, order: str, starts: int
) -> None:
    """Seen at a program that notes its starts; sops with the same environment does the same."""
    notes, program = tmp_path / "starts", tmp_path / "gpg"
    program.write_text(f'#!/bin/sh\necho "$*" >> {notes}\nexec gpg "$@"\n')
    program.chmod(0o755)
    both = f"creation_rules: [{{age: {keys.public}, pgp: {people.mine}}}]\n"
    content = document.encrypt(
        PLAIN["a.yaml"],
        config_of(both, people.home.folder)[1],
        store=store,
        services=KeyServices(people.home.surroundings()),
    ).content
    more = {"SOPS_AGE_KEY": keys.private, "SOPS_GPG_EXEC": str(program), "SOPS_DECRYPTION_ORDER": order}
    environment = {**people.home.environment, **more}
    ring = gather(people.home.surroundings(environment=environment))
    assert document.decrypt(content, ring, store=store) == PLAIN["a.yaml"]
    assert (len(notes.read_text().splitlines()) if notes.exists() else 0) == starts
    command = [str(find("sops")), "decrypt", "--filename-override", "a.yaml"]
    done = subprocess.run(
        command, input=content, env=environment, cwd=people.home.folder, capture_output=True, check=True
    )
    assert done.stdout == PLAIN["a.yaml"]
    assert (len(notes.read_text().splitlines()) if notes.exists() else 0) == 2 * starts


@pytest.mark.parametrize("algorithm", ["rsa4096", "ed25519"])
def test_keys_made_here_are_keys_for_sops_and_the_other_way_round(store: YamlStore, algorithm: str) -> None:
    """The public key goes to those who encrypt, the private key opens in memory, and imported anywhere."""
    with GnupgHome() as writer, GnupgHome() as reader:
        pair = generate(around({"PATH": writer.environment["PATH"]}), name="flux", algorithm=algorithm)
        writer.gpg("--import", data=pair.public.encode())
        words = ("--config", "/dev/null", "--pgp", pair.fingerprint)
        theirs = encrypt_with_sops(writer, "a.yaml", PLAIN["a.yaml"], *words)
        alone = around({"PATH": writer.environment["PATH"]}, ambient=False)
        ring = KeyRing(services=KeyServices(alone, openpgp_keys=[("sops.asc", pair.private)]))
        assert document.decrypt(theirs, ring, store=store) == PLAIN["a.yaml"]
        with pytest.raises(DataKeyError, match="no private key for it"):
            document.decrypt(theirs, ring_of(writer), store=store)
        reader.gpg("--import", data=pair.private.encode())
        assert decrypt_with_sops(reader, "a.yaml", theirs) == PLAIN["a.yaml"]


def test_a_rotation_keeps_the_time_of_an_entry_there_and_here(people: People, store: YamlStore) -> None:
    old = "2020-01-02T03:04:05Z"
    first = encrypt_with_sops(people.home, "a.yaml", PLAIN["a.yaml"], "--config", "/dev/null", "--pgp", people.mine)
    made = store.metadata(store.load(first))["pgp"][0]["created_at"]
    first = first.replace(f'created_at: "{made}"'.encode(), f'created_at: "{old}"'.encode())
    path = Path(people.home.folder) / "rotated.yaml"
    path.write_bytes(first)
    assert run_sops(people.home, "rotate", "-i", "--add-pgp", people.other, str(path)).returncode == 0
    ring = gather(people.home.surroundings())
    ours = document.rotate(first, ring, store=store, add=[PgpKey.named(people.other)]).content
    for content in (path.read_bytes(), ours):
        stored = store.metadata(store.load(content))["pgp"]
        assert [(entry["fp"], entry["created_at"] == old) for entry in stored] == [
            (people.mine, True),
            (people.other, False),
        ]
        assert document.decrypt(content, ring_of(people.elsewhere), store=store) == PLAIN["a.yaml"]
        assert decrypt_with_sops(people.elsewhere, "a.yaml", content) == PLAIN["a.yaml"]
