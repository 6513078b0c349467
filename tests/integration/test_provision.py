# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The main story on a real API server with real Flux controllers; each test goes on where the one before ended."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import time
from pathlib import Path

import pytest
import yaml
from homelab import Homelab

pytestmark = pytest.mark.lab

ENCRYPTED = {
    "apps/database": "apps/database.sops.yaml",
    "apps/registry": "apps/registry.sops.yaml",
    "monitoring/grafana-admin": "infrastructure/grafana-admin.sops.yaml",
}


def vault_variables(homelab: Homelab) -> dict[str, str]:
    """Variables of the lab's Vault file, opened with Ansible's own program."""
    path = homelab.lab / "inventory/group_vars/all/secrets.yml"
    text = homelab.run("ansible-vault", "view", "--vault-password-file", homelab.lab / "vault-password", path).output
    return dict(yaml.safe_load(text))


def decrypted_by_sops(homelab: Homelab, sops: Path, name: str) -> dict[str, str]:
    """Values of an encrypted Secret of the repository, opened by sops itself."""
    os.environ["SOPS_AGE_KEY"] = vault_variables(homelab)["sops_age_private_key"]
    try:
        document = json.loads(homelab.run(sops, "decrypt", "--output-type", "json", homelab.repository / name).output)
    finally:
        del os.environ["SOPS_AGE_KEY"]
    return document.get("stringData") or {
        key: base64.b64decode(value).decode() for key, value in document["data"].items()
    }


def encrypted_files(homelab: Homelab) -> dict[str, str]:
    """Hash of each encrypted file of the repository."""
    return {name: hashlib.sha256((homelab.repository / name).read_bytes()).hexdigest() for name in ENCRYPTED.values()}


def test_a_check_run_on_an_empty_lab_says_what_it_cannot_know(homelab: Homelab) -> None:
    """Without a repository there is nothing to predict from; nothing is made and nothing is written."""
    before = homelab.written()
    outcome = homelab.provision("--check")
    assert "The lab has no repository yet" in outcome.output
    assert homelab.written() == before
    assert not homelab.repository.exists()


def test_from_nothing_to_a_decrypted_secret(homelab: Homelab, sops: Path) -> None:
    """What sops reads in the repository is what kubectl reads in the cluster."""
    outcome = homelab.provision()
    assert outcome.changed > 0
    arrived = homelab.secrets()
    assert arrived == {name: decrypted_by_sops(homelab, sops, path) for name, path in ENCRYPTED.items()}


def test_the_report_names_the_revision_and_the_proven_secrets(homelab: Homelab) -> None:
    """A person reads off the last lines what happened."""
    output = homelab.provision().output
    assert homelab.git("rev-parse", "HEAD") in output
    assert "Secrets: 3 of 3 proven equal to Git" in output


def test_the_second_run_changes_nothing(homelab: Homelab) -> None:
    """No task reports a change, and the audit log of the API server shows no write."""
    before = homelab.written()
    outcome = homelab.provision()
    assert outcome.changed == 0
    assert homelab.written() == before


def test_a_check_run_predicts_no_change(homelab: Homelab) -> None:
    """Check mode says the same as the run it stands for."""
    assert homelab.provision("--check", "--diff").changed == 0


def test_the_hand_over_leaves_no_owner_of_ours_on_what_git_holds(homelab: Homelab) -> None:
    """kustomize-controller absorbs the manager of the seed; only the two Secrets outside of Git keep it."""
    for kind in ("namespace/flux-system", "deployment.apps", "gitrepository", "kustomization", "crd"):
        managers = homelab.kubectl(
            "get", kind, "-n", "flux-system", "--show-managed-fields", "-o", "jsonpath={..managedFields[*].manager}"
        )
        assert "kubectl-flux-seed" not in managers, kind


def test_a_changed_secret_arrives(homelab: Homelab, sops: Path) -> None:
    """A value set by sops itself, pushed, is in the cluster after the next run."""
    os.environ["SOPS_AGE_KEY"] = vault_variables(homelab)["sops_age_private_key"]
    try:
        homelab.run(
            sops,
            "set",
            homelab.repository / ENCRYPTED["apps/database"],
            '["stringData"]["password"]',
            '"changed-by-sops"',
        )
    finally:
        del os.environ["SOPS_AGE_KEY"]
    homelab.publish("Change the database password")
    homelab.provision()
    assert homelab.secrets()["apps/database"]["password"] == "changed-by-sops"


def test_a_file_for_another_key_is_refused_before_any_write(homelab: Homelab, sops: Path, age_keygen: Path) -> None:
    """The message names the file; the cluster is as it was."""
    other = homelab.run(age_keygen).output
    recipient = re.search(r"age1[a-z0-9]+", other)
    assert recipient
    intruder = homelab.repository / "apps/intruder.sops.yaml"
    intruder.write_text(
        "apiVersion: v1\nkind: Secret\nmetadata: {name: intruder, namespace: apps}\nstringData: {password: nobody-can-open-this}\n"
    )
    homelab.run(sops, "encrypt", "--age", recipient.group(), "--encrypted-regex", "^(data|stringData)$", "-i", intruder)
    kustomization = homelab.repository / "apps/kustomization.yaml"
    original = kustomization.read_text()
    kustomization.write_text(f"{original}  - intruder.sops.yaml\n")
    homelab.publish("Add a file that the key of the cluster does not open")
    before = homelab.written()
    try:
        outcome = homelab.provision(check=False)
        assert outcome.code != 0
        assert "apps/intruder.sops.yaml" in outcome.output
        assert recipient.group() in outcome.output
        assert homelab.written() == before
    finally:
        intruder.unlink()
        kustomization.write_text(original)
        homelab.publish("Remove it again")


def test_a_wrong_password_is_refused_before_any_write(homelab: Homelab) -> None:
    """Tried with the very content of the Secret, before the Secret is written."""
    before = homelab.written()
    outcome = homelab.provision("-e", "vault_github_token=not-the-token", check=False)
    assert outcome.code != 0
    assert "refused the credential" in outcome.output or "authentication" in outcome.output.lower()
    assert "not-the-token" not in outcome.output
    assert homelab.written() == before


def test_without_preflight_the_controller_says_it_itself(homelab: Homelab) -> None:
    """A wrong password that was not tried before is reported with the reason of source-controller, not after the timeout."""
    began = time.monotonic()
    outcome = homelab.provision(
        "-e", "vault_github_token=not-the-token", "-e", "flux_seed_preflight=skip", "-e", "flux_seed_timeout=120",
        "-e", f"flux_seed_checkout={homelab.repository}", check=False,
    )  # fmt: skip
    assert outcome.code != 0
    assert "GitOperationFailed" in outcome.output
    assert time.monotonic() - began < 60, "it waited for the timeout"
    healed = homelab.provision()
    assert "Secrets: 3 of 3 proven equal to Git" in healed.output


def test_a_folder_without_flux_is_refused_with_what_is_there(homelab: Homelab) -> None:
    """The next step can be read off the message."""
    outcome = homelab.provision("-e", "flux_seed_path=apps", check=False)
    assert outcome.code != 0
    assert "gotk-components.yaml" in outcome.output


def test_a_dead_cluster_is_an_error_and_not_an_empty_cluster(homelab: Homelab, tmp_path: Path) -> None:
    """An API server that does not answer never reads as "not installed"."""
    kubeconfig = yaml.safe_load((homelab.lab / "kubeconfig").read_text())
    kubeconfig["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    dead = tmp_path / "dead.kubeconfig"
    dead.write_text(yaml.safe_dump(kubeconfig))
    outcome = homelab.provision("-e", f"flux_seed_kubeconfig={dead}", check=False)
    assert outcome.code != 0
    assert "127.0.0.1:9" in outcome.output
    assert "Traceback" not in outcome.output


def test_a_rebuild_brings_the_same_cluster_back(homelab: Homelab) -> None:
    """Same commit, same key, byte-identical files; all secrets proven on a new control plane."""
    revision, key, files = homelab.git("rev-parse", "HEAD"), vault_variables(homelab), encrypted_files(homelab)
    secrets = homelab.secrets()
    homelab.flux_lab("stopped")
    homelab.flux_lab("started")
    assert homelab.kubectl("get", "namespaces", "-o", "name").count("flux-system") == 0
    before = homelab.written()
    assert homelab.provision("--check", "--diff").changed > 0
    assert homelab.written() == before
    output = homelab.provision().output
    assert (homelab.git("rev-parse", "HEAD"), vault_variables(homelab), encrypted_files(homelab)) == (
        revision,
        key,
        files,
    )
    assert homelab.secrets() == secrets
    assert "Secrets: 3 of 3 proven equal to Git" in output
