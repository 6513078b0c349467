# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private key and the Git token are looked for wherever they must not be."""

from __future__ import annotations

import base64
import json
import os
import threading
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import pytest
import yaml
from homelab import Homelab

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_pairs import TYPES, KeyPair, generate
from ansible_collections.fluxseed.gitops.plugins.module_utils._surroundings import surroundings
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import leftovers

pytestmark = pytest.mark.lab

MEMORY = Path("/dev/shm")  # noqa: S108 - where gpg works


class Watch(threading.Thread):
    """Samples the arguments of all processes, and the files of Ansible's temporary folders, while a play runs.

    What it saw is kept; a secret that is only known later can be looked for in it.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        super().__init__(daemon=True)
        self.folders = list(folders)
        self.seen: dict[str, set[bytes]] = {}
        self.done = threading.Event()

    def run(self) -> None:
        """Look around until told to stop."""
        while not self.done.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                self.look(f"arguments of {process.name}", process / "cmdline")
            for folder in self.folders:
                for path in files_below(folder):
                    self.look(str(path), path)

    def look(self, name: str, path: Path) -> None:
        """Keep what a file holds at this moment."""
        try:
            content = path.read_bytes()
        except OSError:
            return  # gone already, or never readable: the next sample comes soon
        if content:
            self.seen.setdefault(name, set()).add(content)

    def places(self, secret: bytes) -> list[str]:
        """Where the secret was seen."""
        return [name for name, contents in self.seen.items() if any(secret in content for content in contents)]


def files_below(folder: Path) -> Iterator[Path]:
    """All regular files below a folder, which may change meanwhile."""
    for root, _folders, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            if path.is_file() and not path.is_symlink():
                yield path


def holds(path: Path, secret: bytes) -> bool:
    """Tell whether the file holds the secret; a file that went away meanwhile holds nothing."""
    try:
        return secret in path.read_bytes()
    except FileNotFoundError:
        return False


def test_no_secret_is_left_or_shown_anywhere_but_in_the_storage_of_the_api_server(homelab: Homelab) -> None:
    """Lab folder, logs, repository, Ansible's folders while it runs, arguments of processes, output with -vvv."""
    home = homelab.folder / "home"
    local_temp = homelab.folder / "local-temp"
    home.mkdir()
    homelab.environment = {
        "HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(local_temp),
        "ANSIBLE_REMOTE_TEMP": str(home / ".ansible" / "tmp"),
        "ANSIBLE_LOG_PATH": str(homelab.folder / "ansible.log"),
        # The cache stays where it is: the home folder is another one only to see all that is written there.
        "FLUXSEED_CACHE": os.environ.get("FLUXSEED_CACHE", str(Path.home() / ".cache" / "fluxseed")),
    }
    watch = Watch([home, local_temp, Path.home() / ".ansible" / "tmp"])
    watch.start()
    try:
        outputs = [homelab.provision("-vvv", "--diff").output, homelab.provision("-vvv", "--diff").output]
        failed = [
            homelab.provision("-vvv", "-e", wrong, check=False)
            for wrong in ("flux_seed_path=clusters/none", "flux_seed_preflight=sometimes")
        ]
    finally:
        watch.done.set()
        watch.join()

    text = homelab.run(
        "ansible-vault", "view", "--vault-password-file", homelab.lab / "vault-password",
        homelab.lab / "inventory/group_vars/all/secrets.yml",
    ).output  # fmt: skip
    variables = yaml.safe_load(text)
    values = [variables["sops_age_private_key"], variables["vault_github_token"]]
    values += [value for secret in homelab.secrets().values() for key, value in secret.items() if "user" not in key]
    storage = homelab.lab / "run" / "kwok" / "clusters" / "lab" / "etcd"
    assert len(values) == 5
    assert all(outcome.code for outcome in failed)
    assert "sometimes" in failed[1].output, "the role has not said which argument is wrong"
    outputs += [outcome.output for outcome in failed]
    assert watch.places(b"ansible-playbook"), "the watch saw nothing, so it proves nothing"
    for value in values:
        secret = value.encode()
        assert watch.places(secret) == []
        assert not any(value in output for output in outputs)
        left = [path for path in files_below(homelab.folder) if storage not in path.parents and holds(path, secret)]
        assert left == []


KEY_TASKS = """
- name: Keys that are made, into a Vault file
  fluxseed.gitops.sops_key:
    {type: '{{ item }}', pgp_algorithm: ed25519, vault_file: '{{ made }}', private_variable: '{{ names[item] }}',
     public_variable: '{{ names[item] }}_public'}
  loop: '{{ types }}'
- name: Keys that are given, into a Vault file
  fluxseed.gitops.sops_key:
    {type: '{{ item }}', content: '{{ canaries[item] }}', vault_file: '{{ folder }}/given.yml',
     private_variable: '{{ names[item] }}', public_variable: '{{ names[item] }}_public'}
  loop: '{{ types }}'
- name: As single values of a file in clear
  fluxseed.gitops.sops_key:
    {type: '{{ item }}', content: '{{ canaries[item] }}', vault_file: '{{ folder }}/inline.yml',
     private_variable: '{{ names[item] }}', public_variable: '{{ names[item] }}_public'}
  loop: '{{ types }}'
- name: Into files
  fluxseed.gitops.sops_key: {type: '{{ item }}', content: '{{ canaries[item] }}', path: '{{ folder }}/keys/{{ item }}.txt'}
  loop: '{{ types }}'
- name: Into the cluster
  fluxseed.gitops.sops_key:
    {type: '{{ item }}', content: '{{ canaries[item] }}',
     kubernetes: {name: canary, namespace: default, data_key: '{{ item }}{{ suffixes[item] }}'},
     kubeconfig: '{{ kubeconfig }}'}
  loop: '{{ types }}'
- name: In the place of another one, with a copy
  fluxseed.gitops.sops_key:
    {type: '{{ item }}', content: '{{ canaries[item] }}', path: '{{ folder }}/keys/other-{{ item }}.txt', regenerate: always, backup: true}
  loop: '{{ types }}'
- name: Where another one is, which is an error
  fluxseed.gitops.sops_key: {type: '{{ item }}', content: '{{ canaries[item] }}', path: '{{ folder }}/keys/age.txt'}
  loop: '{{ types | difference(["age"]) }}'
  ignore_errors: true
- name: Damaged, in the place of names, with too much around them
  fluxseed.gitops.sops_key: '{{ wrong[item] }}'
  loop: [0, 1, 2, 3, 4, 5]
  ignore_errors: true
  register: refused
- name: All of them are refused
  ansible.builtin.assert:
    that: refused.results | map(attribute='failed') | unique == [true]
- name: Public keys of them
  ansible.builtin.debug:
    msg: '{{ types | map("extract", canaries) | map("fluxseed.gitops.sops_public_key") }}'
- name: A file for them
  fluxseed.gitops.sops_secret:
    {path: '{{ folder }}/sealed.yaml', content: {password: x},
     age: ['{{ canaries.age | fluxseed.gitops.sops_public_key }}'],
     vault_file: '{{ folder }}/given.yml', vault_variable: '{{ names.age }}'}
- name: A file for none of them
  fluxseed.gitops.sops_secret:
    {path: '{{ folder }}/sealed.yaml', content: {password: y},
     age: ['{{ canaries.age | fluxseed.gitops.sops_public_key }}'],
     vault_file: '{{ made }}', vault_variable: '{{ names["age-pq"] }}'}
  ignore_errors: true
- name: What opens it
  ansible.builtin.debug:
    msg:
      - '{{ lookup("fluxseed.gitops.sops", folder ~ "/sealed.yaml", vault_file=folder ~ "/inline.yml", vault_variable=names.age) }}'
      - '{{ lookup("fluxseed.gitops.sops", folder ~ "/sealed.yaml", kubernetes={"name": "canary", "namespace": "default"}, kubeconfig=kubeconfig) }}'
- name: Out again
  fluxseed.gitops.sops_key:
    {type: '{{ item }}', state: absent, backup: true, path: '{{ folder }}/keys/other-{{ item }}.txt'}
  loop: '{{ types }}'
"""


OWN_PROCESS_TASKS = """
- name: Into files
  fluxseed.gitops.sops_key: {type: '{{ item }}', content: '{{ canaries[item] }}', path: '{{ folder }}/keys/{{ item }}.txt'}
  loop: '{{ types }}'
- name: Where another one is, which is an error
  fluxseed.gitops.sops_key: {type: '{{ item }}', content: '{{ canaries[item] }}', path: '{{ folder }}/keys/age.txt'}
  loop: '{{ types | difference(["age"]) }}'
  ignore_errors: true
- name: A file for one of them
  fluxseed.gitops.sops_secret:
    {path: '{{ folder }}/sealed.yaml', content: {password: '{{ password }}'}, age_key: '{{ canaries.age }}',
     age: ['{{ canaries.age | fluxseed.gitops.sops_public_key }}']}
- name: With another key, which does not open it
  fluxseed.gitops.sops_secret:
    {path: '{{ folder }}/sealed.yaml', content: {password: y}, age_key: '{{ canaries["age-pq"] }}',
     age: ['{{ canaries.age | fluxseed.gitops.sops_public_key }}']}
  ignore_errors: true
- name: A private key in the place of a recipient
  fluxseed.gitops.sops_secret: {path: '{{ folder }}/never.yaml', content: {password: y}, age: ['{{ canaries.age }}']}
  ignore_errors: true
"""


def parts_of(pair: KeyPair) -> list[str]:
    """What must not be seen: the key, or those lines of an armored one that its public key does not have too."""
    return [line for line in pair.private.splitlines() if len(line) > 40 and line not in pair.public_key]


def watched_play(
    homelab: Homelab,
    folder: Path,
    tasks: str,
    variables: Mapping[str, t.Any],
    *,
    modes: Sequence[Sequence[str]],
    play: Mapping[str, t.Any] = MappingProxyType({}),
) -> tuple[Watch, list[str]]:
    """Run the tasks with all that shows what they do, in a home folder of their own; the watch and what was printed."""
    home, local_temp = folder / "home", folder / "temp"
    home.mkdir(mode=0o700)
    vault = ("--vault-password-file", homelab.lab / "vault-password")
    playbook, given = folder / "play.yml", folder / "variables.yml"
    whole = {
        "hosts": "clusters",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": yaml.safe_load(tasks),
        **play,
    }
    playbook.write_text(yaml.safe_dump([whole]))
    given.write_text(json.dumps(variables))
    homelab.run("ansible-vault", "encrypt", *vault, given)
    homelab.environment = {
        "HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(local_temp),
        "ANSIBLE_REMOTE_TEMP": str(home / ".ansible" / "tmp"),
        "ANSIBLE_LOG_PATH": str(folder / "ansible.log"),
        "ANSIBLE_PIPELINING": "true",
        "FLUXSEED_CACHE": os.environ.get("FLUXSEED_CACHE", str(Path.home() / ".cache" / "fluxseed")),
    }
    watch = Watch([home, local_temp])
    watch.start()
    try:
        outputs = [homelab.playbook(playbook, "-vvv", "--diff", "-e", f"@{given}", *mode).output for mode in modes]
    finally:
        watch.done.set()
        watch.join()
        homelab.environment = {}
    return watch, outputs


def test_a_process_of_its_own_shows_no_key_either(homelab: Homelab) -> None:
    """With `become` Ansible sends the module; the arguments go through a pipe."""
    folder = homelab.folder / "own-process"
    (folder / "keys").mkdir(mode=0o700, parents=True)
    pairs = {kind: generate(kind, surroundings(), name="canary", algorithm="ed25519") for kind in TYPES}
    variables = {
        "canaries": {kind: pair.private for kind, pair in pairs.items()},
        "folder": str(folder),
        "password": "a-password-that-is-not-told",
        "types": list(TYPES),
    }
    watch, outputs = watched_play(homelab, folder, OWN_PROCESS_TASKS, variables, modes=([], []), play={"become": True})

    assert all("failed=0" in output for output in outputs)
    assert all("ignored=3" in output for output in outputs), "what has to be refused was not"
    assert all("Pipelining is enabled" in output for output in outputs), "no module was sent"
    secrets = [variables["password"], *(part for pair in pairs.values() for part in parts_of(pair))]
    for text in secrets:
        secret = text.encode()
        assert watch.places(secret) == []
        assert not any(text in output for output in outputs)
        assert [path for path in files_below(folder) if path.parent.name != "keys" and holds(path, secret)] == []


def test_keys_of_every_type_and_place_are_seen_nowhere(homelab: Homelab) -> None:
    """Given or made, kept, replaced, refused or taken out: only the place that was named holds them, and backups beside it."""
    folder = homelab.folder / "keys-of-all-types"
    (folder / "keys").mkdir(mode=0o700, parents=True)
    pairs = {kind: generate(kind, surroundings(), name="canary", algorithm="ed25519") for kind in TYPES}
    others = {kind: generate(kind, surroundings(), name="other", algorithm="ed25519") for kind in TYPES}
    for kind, pair in others.items():
        (folder / "keys" / f"other-{kind}.txt").write_text(f"{pair.private}\n")
    age = pairs["age"].private
    path = str(folder / "keys" / "never.txt")
    variables = {
        "canaries": {kind: pair.private for kind, pair in pairs.items()},
        "folder": str(folder),
        "kubeconfig": str(homelab.lab / "kubeconfig"),
        "made": str(folder / "made.yml"),
        "names": {kind: f"key_{kind.replace('-', '_')}" for kind in TYPES},
        "suffixes": {"age": ".agekey", "age-pq": ".agekey", "pgp": ".asc"},
        "types": list(TYPES),
        "wrong": [
            {"content": f"{age}X", "path": path},
            {"content": f"{age} {age}", "path": path},
            {"content": pairs["pgp"].private[:-60], "type": "pgp", "path": path},
            {"vault_file": str(folder / "never.yml"), "private_variable": age},
            {"path": f"{age}/keys.txt"},
            {"kubernetes": {"data_key": age}},
        ],
    }
    (folder / "inline.yml").write_text("a: 1\n")
    in_memory, homes = set(files_below(MEMORY)), leftovers()
    watch, outputs = watched_play(homelab, folder, KEY_TASKS, variables, modes=([], [], ["--check"]))

    vault = ("--vault-password-file", homelab.lab / "vault-password")
    made = yaml.safe_load(homelab.run("ansible-vault", "view", *vault, folder / "made.yml").output)
    secrets = [part for pair in (*pairs.values(), *others.values()) for part in parts_of(pair)]
    secrets += [
        line
        for name, text in made.items()
        if not name.endswith("_public")
        for line in text.splitlines()[:3]
        if len(line) > 40
    ]
    cluster = json.loads(homelab.kubectl("get", "secret", "canary", "-n", "default", "-o", "json"))["data"]
    assert {name: base64.b64decode(text).decode().strip() for name, text in cluster.items()} == {
        f"{kind}{variables['suffixes'][kind]}": pair.private for kind, pair in pairs.items()
    }
    assert len(made) == 2 * len(TYPES)
    assert all("failed=0" in output for output in outputs)
    assert all("ignored=3" in output for output in outputs), "what has to be refused was not"
    storage = homelab.lab / "run" / "kwok" / "clusters" / "lab" / "etcd"
    named = {folder / "keys"}
    files = [
        path for path in files_below(homelab.folder) if storage not in path.parents and not named & set(path.parents)
    ]
    assert watch.places(b"ansible-playbook"), "the watch saw nothing, so it proves nothing"
    for text in secrets:
        secret = text.encode()
        assert watch.places(secret) == []
        assert not any(text in output for output in outputs)
        assert [path for path in files if holds(path, secret)] == []
        assert [path for path in set(files_below(MEMORY)) - in_memory if holds(path, secret)] == []
    assert set(leftovers()) <= set(homes), "a home of gpg is left"
    expected = {f"{kind}.txt" for kind in TYPES} | {f"other-{kind}.txt" for kind in TYPES}
    kept = {path.name for path in files_below(folder / "keys")}
    assert {name.partition(".txt")[0] + ".txt" for name in kept} == expected
    assert not kept & {f"other-{kind}.txt" for kind in TYPES}
