# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`fluxseed check`: a repository without a cluster."""

from __future__ import annotations

import io
import json
import os
import subprocess

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.preflight.base import Check
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli import check
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.main import main
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.streams import Streams
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import (
    OTHER_PRIVATE,
    PRIVATE,
    PUBLIC,
    Repository,
    child,
    encrypted,
    secret,
)

VALUE = "canary-of-the-check"
MORE = """\
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: kustomize-controller, namespace: flux-system}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kustomize-controller, namespace: flux-system, labels: {app.kubernetes.io/version: v2.9.5}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: k}
spec: {group: kustomize.toolkit.fluxcd.io, names: {kind: Kustomization}, versions: [{name: v1}]}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: g}
spec: {group: source.toolkit.fluxcd.io, names: {kind: GitRepository}, versions: [{name: v1}]}
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A work tree in order, with the key in the environment."""
    for name in [name for name in os.environ if name.startswith("SOPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("SOPS_AGE_KEY", PRIVATE)
    files = Repository(
        **{
            "clusters/lab/apps.yaml": child("apps"),
            "apps/db.yaml": encrypted(secret("db", f"{{password: {VALUE}}}")),
            ".sops.yaml": f"creation_rules: [{{age: {PUBLIC}}}]\n",
        }
    )
    files["clusters/lab/flux-system/gotk-components.yaml"] += MORE
    root = tmp_path / "repository"
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    monkeypatch.chdir(root)
    return root


class Outcome:
    """What a command line prints and how it ends."""

    def __init__(self, *words: str) -> None:
        output, errors = io.BytesIO(), io.StringIO()
        self.code = main(["check", *words], Streams(io.BytesIO(), output, errors))
        self.output, self.errors = output.getvalue().decode(), errors.getvalue()
        assert VALUE not in self.output + self.errors
        assert PRIVATE not in self.output + self.errors

    @property
    def results(self) -> dict[str, str]:
        """Results by the names of the checks, of the first cluster."""
        return {entry["name"]: entry["result"] for entry in json.loads(self.output)["clusters"][0]["checks"]}


def test_a_repository_in_order_ends_with_zero(folder):
    outcome = Outcome("--flux", "clusters/lab", "--strict")
    assert (outcome.code, outcome.errors) == (0, "")
    lines = outcome.output.splitlines()
    assert lines[0] == "./clusters/lab: 2 Kustomizations, 1 encrypted files, Flux v2.9.5"
    assert "ok       sops_files        the key opens all 1 encrypted files, MAC included" in lines


def test_as_json(folder):
    outcome = Outcome("--flux", "clusters/lab", "--output", "json")
    (cluster,) = json.loads(outcome.output)["clusters"]
    assert (cluster["path"], cluster["flux_version"]) == ("clusters/lab", "v2.9.5")
    assert cluster["kustomizations"][1] == {
        "name": "flux-system/apps",
        "path": "apps",
        "files": 1,
        "encrypted": 1,
        "decryption": "sops-age",
    }
    assert outcome.results["decryption"] == "ok"


def test_the_key_is_optional(folder, monkeypatch):
    monkeypatch.delenv("SOPS_AGE_KEY")
    outcome = Outcome("--flux", ".", "--output", "json")
    assert (outcome.code, outcome.results["sops_files"]) == (0, "unknown")
    assert Outcome("--flux", ".", "--strict").code == 2


def test_a_failure_ends_with_two_and_says_what_to_do(folder, monkeypatch):
    monkeypatch.setenv("SOPS_AGE_KEY", OTHER_PRIVATE)
    outcome = Outcome("--flux", "clusters/lab")
    assert outcome.code == 2
    assert "fail     sops_files        1 of 1 encrypted files cannot be used: apps/db.yaml: " in outcome.output
    assert "-> encrypt them for the public key of this cluster" in outcome.output
    assert outcome.errors.startswith("Error: 1 of ")


def test_all_clusters_of_a_repository(folder):
    for name in ("gotk-components.yaml", "gotk-sync.yaml"):
        target = folder / "clusters/other/flux-system" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text((folder / "clusters/lab/flux-system" / name).read_text())
    outcome = Outcome("--flux", ".", "--output", "json")
    assert [cluster["path"] for cluster in json.loads(outcome.output)["clusters"]] == ["clusters/lab", "clusters/other"]
    assert outcome.code == 2
    assert "its path is ./clusters/lab, not ./clusters/other" in outcome.output


def test_what_git_ignores_is_not_there(folder):
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    before = Outcome("--flux", "clusters/lab", "--output", "json")
    (folder / "clusters/lab/more.yaml").write_text(child("gone"))
    assert Outcome("--flux", "clusters/lab", "--output", "json").results["references"] == "fail"
    (folder / ".gitignore").write_text("more.yaml\n")
    assert Outcome("--flux", "clusters/lab", "--output", "json").results == before.results


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nothing", "nothing: there is no such folder"),
        ("apps", "no flux-system/gotk-sync.yaml is in it or below it"),
    ],
)
def test_a_folder_that_cannot_be_checked_ends_with_one(folder, path, message):
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    outcome = Outcome("--flux", path)
    assert (outcome.code, outcome.output) == (1, "")
    assert message in outcome.errors


def test_a_broken_file_of_flux_is_named_with_its_line(folder):
    (folder / "clusters/lab/flux-system/gotk-sync.yaml").write_text("a: b\nc: [\n")
    outcome = Outcome("--flux", "clusters/lab")
    assert outcome.code == 1
    assert "clusters/lab/flux-system/gotk-sync.yaml:3: is no valid YAML" in outcome.errors


def test_on_a_terminal_lines_are_wrapped_and_coloured():
    rows = list(check._rows(Check("sops_files", "fail", "word " * 30, "do it"), check._Terminal(80, has_colours=True)))
    assert rows[0].startswith("\033[31mfail   \033[0m  sops_files        word")
    assert rows[-1].strip() == "-> do it"
    assert max(len(row) for row in rows[1:]) <= 80
