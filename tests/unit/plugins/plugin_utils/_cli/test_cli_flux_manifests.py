# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`fluxseed flux-manifests`: the files of Flux in a work tree."""

from __future__ import annotations

import hashlib
import io

import pytest

from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.main import main
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.streams import Streams

RELEASE = """\
apiVersion: v1
kind: Namespace
metadata: {{name: flux-system}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: gitrepositories.source.toolkit.fluxcd.io}}
spec: {{versions: [{versions}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: source-controller, labels: {{app.kubernetes.io/version: {version}}}}}
"""
URL = "https://git.example.com/me/homelab.git"


def release(folder, version="v2.9.5", versions="{name: v1}"):
    path = folder / f"install-{version}.yaml"
    path.write_text(RELEASE.format(version=version, versions=versions))
    return path


def run(file, *more, sha256=None, url=URL):
    checksum = sha256 or hashlib.sha256(file.read_bytes()).hexdigest()
    out, err = io.BytesIO(), io.StringIO()
    words = [
        "flux-manifests",
        "--path",
        "clusters/home",
        "--url",
        url,
        "--from",
        str(file),
        "--sha256",
        checksum,
        *more,
    ]
    code = main(words, Streams(io.BytesIO(), out, err))
    return code, out.getvalue().decode(), err.getvalue()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The root of a work tree."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_once_it_writes_and_again_it_does_not(folder):
    file = release(folder)
    assert run(file, "--check")[0] == 1
    assert not (folder / "clusters").exists()
    code, out, err = run(file)
    assert (code, err) == (0, "")
    written = folder / "clusters/home/flux-system"
    assert out.splitlines() == [
        f"new: {written.relative_to(folder)}/{name}"
        for name in ("gotk-components.yaml", "gotk-sync.yaml", "kustomization.yaml")
    ]
    assert (written / "gotk-components.yaml").read_bytes() == file.read_bytes()
    assert run(file, "--check") == (0, "", "")
    assert run(file) == (0, "", "")


def test_an_upgrade_tells_which_versions_go(folder):
    run(release(folder, "v2.8.0", "{name: v1beta2}, {name: v1}"))
    code, out, err = run(release(folder))
    assert (code, out) == (0, "changed: clusters/home/flux-system/gotk-components.yaml\n")
    assert err.startswith("Warning: gitrepositories.source.toolkit.fluxcd.io loses v1beta2: ")


@pytest.mark.parametrize(
    ("version", "how", "message"),
    [
        ("v2.8.0", {}, "holds Flux v2.8.0, the repository has v2.9.5"),
        ("v2.9.6", {"sha256": "0" * 64}, "expected is the SHA-256 000"),
        ("v2.9.6", {"sha256": "abc"}, "64 hexadecimal digits"),
        ("v2.9.6", {"url": "https://me:token@git.example.com/x.git"}, "holds a password"),
    ],
)
def test_trouble_leaves_the_files_alone(folder, version, how, message):
    run(release(folder))
    before = {path: path.read_bytes() for path in (folder / "clusters").rglob("*.yaml")}
    code, out, err = run(release(folder, version), **how)
    assert (code, out) == (2, "")
    assert message in err
    assert "token@" not in err
    assert {path: path.read_bytes() for path in (folder / "clusters").rglob("*.yaml")} == before


def test_a_public_repository_and_other_names(folder):
    run(release(folder), "--public", "--sops-secret", "keys", "--branch", "live")
    text = (folder / "clusters/home/flux-system/gotk-sync.yaml").read_text()
    assert "branch: live" in text
    assert "name: keys" in text
    assert text.count("secretRef") == 1
