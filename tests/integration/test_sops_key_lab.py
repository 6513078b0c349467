# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys in Vault files and in a real cluster: read back by other programs, and used by Flux; each test goes on from the one before."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import typing as t
from pathlib import Path

import pytest
import yaml
from homelab import Homelab, Outcome

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import GnupgHome

pytestmark = pytest.mark.lab

SECRETS = "inventory/group_vars/all/secrets.yml"
FLUX_KEY = {"kubernetes": {}, "content": "{{ sops_age_private_key }}"}


def task(homelab: Homelab, module: str, options: dict[str, t.Any], *arguments: str, check: bool = True) -> Outcome:
    """Run one task on the lab's host, with the variables of its Vault file; the result is in the output as JSON."""
    play = {
        "hosts": "clusters",
        "connection": "local",
        "gather_facts": False,
        "vars": {"ansible_python_interpreter": "{{ ansible_playbook_python }}"},
        "tasks": [
            {f"fluxseed.gitops.{module}": options, "register": "result"},
            {"ansible.builtin.debug": {"msg": "RESULT {{ result | to_json }} END"}},
        ],
    }
    playbook = homelab.folder / "play.yml"
    playbook.write_text(yaml.safe_dump([play]))
    return homelab.playbook(playbook, *arguments, check=check)


def sops_key(homelab: Homelab, options: dict[str, t.Any], *arguments: str) -> dict[str, t.Any]:
    """Return the result of the module."""
    connection = {"kubeconfig": str(homelab.lab / "kubeconfig")} if "kubernetes" in options else {}
    output = task(homelab, "sops_key", {**options, **connection}, *arguments).output
    found = re.search(r'"msg": (".*RESULT .* END")', output)
    assert found, output
    return t.cast("dict[str, t.Any]", json.loads(json.loads(found[1])[len("RESULT ") : -len(" END")]))


def secret(homelab: Homelab, name: str = "sops-age") -> dict[str, t.Any]:
    """Return a Secret, with its values in clear."""
    found = json.loads(
        homelab.kubectl("get", "secret", name, "-n", "flux-system", "-o", "json", "--show-managed-fields")
    )
    found["data"] = {entry: base64.b64decode(value).decode() for entry, value in (found.get("data") or {}).items()}
    return t.cast("dict[str, t.Any]", found)


def vault_variables(homelab: Homelab) -> dict[str, str]:
    """Variables of the lab's Vault file, opened with Ansible's own program."""
    view = ("ansible-vault", "view", "--vault-password-file", homelab.lab / "vault-password", homelab.lab / SECRETS)
    return dict(yaml.safe_load(homelab.run(*view).output))


def test_a_key_for_a_namespace_that_is_not_there_yet_is_refused(homelab: Homelab) -> None:
    """The message says which namespace Flux looks into."""
    sops_key(homelab, {"vault_file": str(homelab.lab / SECRETS)})
    options = {**FLUX_KEY, "kubeconfig": str(homelab.lab / "kubeconfig")}
    outcome = task(homelab, "sops_key", options, check=False)
    assert outcome.code != 0
    assert "there is no namespace flux-system in the cluster" in outcome.output
    homelab.kubectl("create", "namespace", "flux-system")


def test_the_key_of_the_vault_file_is_put_into_the_cluster_once(homelab: Homelab, age_keygen: Path) -> None:
    """What kubectl shows is the key that ansible-vault shows, and age-keygen makes the same public key of it."""
    variables = vault_variables(homelab)
    predicted = sops_key(homelab, FLUX_KEY, "--check")
    result = sops_key(homelab, FLUX_KEY)
    assert (predicted["changed"], predicted["reason"]) == (result["changed"], result["reason"]) == (True, ["created"])
    arrived = secret(homelab)
    assert arrived["data"] == {"age.agekey": variables["sops_age_private_key"] + "\n"}
    derived = subprocess.run(
        [age_keygen, "-y"], input=arrived["data"]["age.agekey"], capture_output=True, text=True, check=True
    ).stdout
    assert result["public_key"] == derived.strip() == variables["sops_age_public_key"]
    assert variables["sops_age_private_key"] not in str(result)
    again = sops_key(homelab, FLUX_KEY)
    assert not again["changed"]
    assert secret(homelab)["metadata"]["resourceVersion"] == arrived["metadata"]["resourceVersion"]


def test_flux_seed_goes_on_with_the_secret(homelab: Homelab) -> None:
    """It finds the Secret as it would have made it, and Flux decrypts with it."""
    before = secret(homelab)
    homelab.provision()
    assert secret(homelab)["data"] == before["data"]
    assert len(homelab.secrets()) == 3
    assert homelab.provision().changed == 0
    assert not sops_key(homelab, FLUX_KEY)["changed"]


def test_files_are_opened_with_the_key_of_the_cluster(homelab: Homelab) -> None:
    """By the lookup and by the module, without any other key at hand."""
    connection = {"kubernetes": {}, "kubeconfig": str(homelab.lab / "kubeconfig")}
    file = homelab.repository / "apps/database.sops.yaml"
    tasks = [
        {
            "ansible.builtin.set_fact": {
                "opened": "{{ lookup('fluxseed.gitops.sops', file, kubernetes={}, kubeconfig=kubeconfig) }}"
            },
            "no_log": True,
        },
        {
            "fluxseed.gitops.sops_secret": {"path": "{{ file }}", "content": "{{ opened }}", **connection},
            "register": "kept",
        },
        {"ansible.builtin.assert": {"that": ["kept is not changed", "'apps' in opened"], "quiet": True}},
        {
            "fluxseed.gitops.sops_secret": {
                "path": "{{ file }}", "content": "{{ opened }}", **connection, "kubernetes": {"namespace": "default"}
            },
            "register": "refused",
            "failed_when": "refused is not failed or 'Secret default/sops-age: is not in the cluster' not in refused.msg",
        },
    ]  # fmt: skip
    play = {
        "hosts": "clusters",
        "connection": "local",
        "gather_facts": False,
        "vars": {"file": str(file), "kubeconfig": connection["kubeconfig"]},
        "tasks": tasks,
    }
    playbook = homelab.folder / "opened.yml"
    playbook.write_text(yaml.safe_dump([play]))
    home = homelab.folder / "empty-home"
    home.mkdir()
    homelab.environment = {"HOME": str(home)}
    try:
        homelab.playbook(playbook)
    finally:
        homelab.environment = {}


def test_a_second_key_comes_in_and_goes_again(homelab: Homelab) -> None:
    """The first one stays, whoever wrote it; a backup stays in the Secret until somebody takes it away."""
    before = secret(homelab)["data"]
    options = {"type": "age-pq", "kubernetes": {"data_key": "next.agekey"}}
    made = sops_key(homelab, options)
    assert made["reason"] == ["created"]
    assert made["public_key"].startswith("age1pq1")
    held = secret(homelab)["data"]
    assert held == {**before, "next.agekey": held["next.agekey"]}
    assert not sops_key(homelab, options)["changed"]
    replaced = sops_key(homelab, {**options, "regenerate": "always", "backup": True})
    assert replaced["reason"] == ["replaced"]
    copy = replaced["backup_file"].rpartition(" ")[2]
    assert secret(homelab)["data"][copy] == held["next.agekey"]
    assert sops_key(homelab, {**options, "state": "absent"})["reason"] == ["removed"]
    assert secret(homelab)["data"] == {**before, copy: held["next.agekey"]}
    assert not sops_key(homelab, {**options, "state": "absent"})["changed"]


def test_a_pgp_key_is_one_that_gpg_takes(homelab: Homelab, tmp_path: Path) -> None:
    """It has no passphrase, and its fingerprint is the one that was returned; then it goes with its Secret."""
    options = {"type": "pgp", "pgp_algorithm": "ed25519", "pgp_name": "lab", "kubernetes": {"name": "sops-gpg"}}
    made = sops_key(homelab, options)
    assert not sops_key(homelab, options)["changed"]
    home = Path("/dev/shm") / f"gpg-{tmp_path.name}"  # noqa: S108 - a short path: that of a socket is in it
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
    try:
        subprocess.run([*gpg, "--import"], input=secret(homelab, "sops-gpg")["data"]["sops.asc"].encode(), check=True)
        listed = subprocess.run([*gpg, "--with-colons", "-K"], capture_output=True, text=True, check=True).stdout
        sealed = subprocess.run(
            [*gpg, "--trust-model", "always", "-e", "-r", made["fingerprint"]],
            input=b"x",
            capture_output=True,
            check=True,
        ).stdout
        opened = subprocess.run([*gpg, "-d"], input=sealed, capture_output=True, check=True).stdout
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
        shutil.rmtree(home)
    assert f":{made['fingerprint']}:" in listed
    assert opened == b"x"
    assert sops_key(homelab, {**options, "state": "absent"})["reason"] == ["removed"]
    assert "not found" in homelab.run(
        homelab.status()["binaries"]["kubectl"], "--kubeconfig", homelab.lab / "kubeconfig",
        "get", "secret", "sops-gpg", "-n", "flux-system", check=False,
    ).output  # fmt: skip


def test_a_secret_that_comes_from_git_is_left_to_git(homelab: Homelab) -> None:
    """It would be set back at once."""
    options = {"kubernetes": {"name": "database", "namespace": "apps"}, "kubeconfig": str(homelab.lab / "kubeconfig")}
    outcome = task(homelab, "sops_key", options, check=False)
    assert "Flux applies this Secret from Git (Kustomization flux-system/apps)" in outcome.output


def test_the_module_does_the_same_in_a_process_of_its_own(homelab: Homelab) -> None:
    """All that it needs is sent along."""
    options = {"kubernetes": {"data_key": "own.agekey"}, "kubeconfig": str(homelab.lab / "kubeconfig")}
    calls = [{**options, "backup": True}, options, {**options, "state": "absent"}]
    tasks: list[dict[str, t.Any]] = [
        {"fluxseed.gitops.sops_key": call, "async": 60, "poll": 1, "register": f"call_{number}"}
        for number, call in enumerate(calls)
    ]
    conditions = [
        "call_0.created",
        "call_1 is not changed",
        "call_1.public_key == call_0.public_key",
        "call_2.reason == ['removed']",
    ]
    tasks.append({"ansible.builtin.assert": {"that": conditions}})
    variables = {
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "ansible_async_dir": str(homelab.folder / "async"),
    }
    play = {"hosts": "clusters", "connection": "local", "gather_facts": False, "vars": variables, "tasks": tasks}
    playbook = homelab.folder / "own.yml"
    playbook.write_text(yaml.safe_dump([play]))
    homelab.playbook(playbook)


def test_flux_decrypts_with_keys_of_every_type(homelab: Homelab, sops: Path) -> None:
    """Made by sops_key, files encrypted by sops for what it returned, brought into the cluster by flux_seed."""
    names = {"public_variable": "next_public_key", "private_variable": "next_private_key"}
    hybrid = sops_key(homelab, {"type": "age-pq", "vault_file": str(homelab.lab / SECRETS), **names})
    openpgp = sops_key(homelab, {"type": "pgp", "pgp_algorithm": "ed25519", "vault_file": str(homelab.lab / SECRETS)})
    manifest = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: apps}\nstringData: {password: a-value-for-%s}\n"
    )
    with GnupgHome() as home:
        home.gpg("--import", data=openpgp["public_key"].encode())
        for name, recipient in (
            ("hybrid", ["--age", hybrid["recipient"]]),
            ("openpgp", ["--pgp", openpgp["recipient"]]),
        ):
            # In a folder without rules.
            file = homelab.folder / f"{name}.yaml"
            file.write_text(manifest % (name, name))
            command = [sops, "encrypt", "--in-place", "--encrypted-regex", "^(data|stringData)$", *recipient, file]
            subprocess.run(command, env=home.environment, check=True)
            shutil.copy(file, homelab.repository / "apps" / f"{name}.sops.yaml")
    listing = homelab.repository / "apps/kustomization.yaml"
    wanted = yaml.safe_load(listing.read_text())
    wanted["resources"] += ["hybrid.sops.yaml", "openpgp.sops.yaml"]
    listing.write_text(yaml.safe_dump(wanted))
    homelab.publish("Add files for other types of keys")
    keys = [
        {"name": "age.agekey", "content": "{{ sops_age_private_key }}"},
        {"name": "next.agekey", "content": "{{ next_private_key }}"},
        {"name": "sops.asc", "content": "{{ sops_pgp_private_key }}"},
    ]
    outcome = homelab.provision("-e", json.dumps({"flux_seed_decryption_keys": keys}))
    arrived = homelab.secrets()
    assert arrived["apps/hybrid"] == {"password": "a-value-for-hybrid"}
    assert arrived["apps/openpgp"] == {"password": "a-value-for-openpgp"}
    assert "Secrets: 5 of 5 proven equal to Git" in outcome.output
