# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The targets of the Makefile: what they refuse, and that a demo keeps away from real clusters."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from homelab import Homelab, Outcome

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments: str, **environment: str) -> Outcome:
    """Run make in the checkout with a lab folder that is not the developer's."""
    done = subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env={**{name: value for name, value in os.environ.items() if not name.startswith("MAKE")}, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    return Outcome(done.returncode, done.stdout.decode())


def test_destroy_refuses_real_clusters(tmp_path: Path) -> None:
    """With an inventory nothing is started at all."""
    outcome = make("destroy", "INVENTORY=inventory", f"LAB={tmp_path}/lab")
    assert outcome.code != 0
    assert "refuses" in outcome.output


def test_an_inventory_without_a_vault_password_is_one_clear_line(tmp_path: Path) -> None:
    """No terminal to ask on, nothing configured: the next step is named."""
    (tmp_path / "hosts.yml").write_text("clusters: {hosts: {home: {}}}\n")
    outcome = make("provision", f"INVENTORY={tmp_path}/hosts.yml", HOME=str(tmp_path))
    assert outcome.code != 0
    assert "VAULT_PASSWORD_FILE" in outcome.output


def test_an_inventory_without_clusters_is_one_clear_line(tmp_path: Path) -> None:
    """A play that matches no host would succeed without a word."""
    (tmp_path / "hosts.yml").write_text("all: {hosts: {home: {}}}\n")
    (tmp_path / "password").write_text("x\n")
    outcome = make("provision", f"INVENTORY={tmp_path}/hosts.yml", f"VAULT_PASSWORD_FILE={tmp_path}/password")
    assert outcome.code != 0
    assert 'no host in the group "clusters"' in outcome.output


def test_an_old_python_is_named(tmp_path: Path) -> None:
    """Before anything is made."""
    old = tmp_path / "python"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.1\nexit 1\n')
    old.chmod(0o755)
    outcome = make("prerequisites", f"PYTHON={old}")
    assert outcome.code != 0
    assert "Python 3.11 or newer is required" in outcome.output


@pytest.mark.parametrize("missing", ["gpg", "gpg-agent", "gpgconf"])
def test_a_missing_gnupg_stops_the_tests_with_one_clear_line(tmp_path: Path, missing: str) -> None:
    """And those alone: the story on the lab does without."""
    for program in {"bash", "make", "env", "gpg", "gpg-agent", "gpgconf"} - {missing}:
        found = shutil.which(program)
        assert found is not None
        (tmp_path / program).symlink_to(found)
    outcome = make("test-prerequisites", PATH=str(tmp_path))
    assert outcome.code != 0
    told, *_more = outcome.output.splitlines()
    assert told.startswith(f"make: {missing} is required by the tests and was not found; install GnuPG")
    assert make("test-prerequisites").code == 0
    assert "gpg" not in make("--dry-run", "provision", f"LAB={tmp_path}/lab").output


@pytest.mark.lab
def test_the_whole_story_by_make(tmp_path: Path) -> None:
    """A kubeconfig of somebody else's cluster is ignored aloud; provision, again, destroy."""
    home = Homelab(tmp_path)
    lab = f"LAB={home.lab}"
    foreign = tmp_path / "foreign.kubeconfig"
    foreign.write_text("not a kubeconfig at all")
    try:
        first = make("provision", lab, KUBECONFIG=str(foreign))
        assert first.code == 0, first.output
        assert "KUBECONFIG is set and ignored" in first.output
        second = make("provision", lab)
        assert second.code == 0, second.output
        assert second.changed == 0
    finally:
        gone = make("destroy", lab)
    assert gone.code == 0, gone.output
    assert (home.lab / "repository" / ".git").is_dir()
    assert not (home.lab / "run").exists()


@pytest.mark.lab
def test_a_cluster_of_another_name_with_a_slurped_kubeconfig(homelab: Homelab, tmp_path: Path) -> None:
    """`make provision INVENTORY=…` as for k3s: the kubeconfig is read from a node, its server replaced, never written."""
    homelab.provision()
    kubeconfig = tmp_path / "k3s.yaml"
    text = (homelab.lab / "kubeconfig").read_text()
    access = yaml.safe_load(text)
    server = access["clusters"][0]["cluster"]["server"]
    kubeconfig.write_text(text.replace(server, "https://127.0.0.1:1"))
    (tmp_path / "hosts.yml").write_text(
        f"""
clusters:
  hosts:
    home:
      flux_seed_git_url: {homelab.status()["git_url"]}
      flux_seed_path: clusters/lab
      flux_seed_kubeconfig_from: {{host: k3s1, path: {kubeconfig}, server: '{server}'}}
nodes:
  hosts:
    k3s1: {{ansible_connection: local, ansible_become: false, ansible_python_interpreter: {sys.executable}}}
"""
    )
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "group_vars" / "all.yml").write_bytes(
        (homelab.lab / "inventory/group_vars/all/secrets.yml").read_bytes()
    )
    outcome = make(
        "provision", f"INVENTORY={tmp_path}/hosts.yml", f"VAULT_PASSWORD_FILE={homelab.lab}/vault-password",
        "ANSIBLE_ARGS=-vvv",
    )  # fmt: skip
    assert outcome.code == 0, outcome.output
    assert outcome.changed == 0
    assert "Secrets: 3 of 3 proven" in outcome.output
    assert access["users"][0]["user"]["client-key-data"] not in outcome.output
