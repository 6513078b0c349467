# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of Flux in a repository: made once, followed up, and never taken away from the one who edits them."""

from __future__ import annotations

import dataclasses

import pytest
import yaml

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ManifestError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.manifests import Sync
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.repository_manifests import (
    Following,
    new_sync,
    plan_files,
)

FOLLOWING = Following("https://git.example.com/me/homelab.git", "clusters/home", "main")
HAND_MADE = """\
# kept: a note
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 5m0s  # kept as well
  ref: {branch: old}
  ignore: |
    /docs
  secretRef: {name: my-auth}
  url: https://git.example.com/me/old.git
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 10m0s
  timeout: 3m
  path: ./clusters/old
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
  postBuild:
    substitute: {domain: "example.com"}
"""


def components(version="v2.9.5", versions=("v1",)):
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gitrepositories.source.toolkit.fluxcd.io"},
        "spec": {"versions": [{"name": name, "served": True} for name in versions]},
    }
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "source-controller", "labels": {"app.kubernetes.io/version": version}},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}
    return yaml.safe_dump_all([namespace, definition, deployment]).encode()


def planned(existing=None, content=None, following=FOLLOWING):
    return plan_files(content or components(), following, existing or {}, where="install.yaml")


def test_a_new_repository_gets_all_three():
    files = planned()
    assert sorted(files.changed) == ["gotk-components.yaml", "gotk-sync.yaml", "kustomization.yaml"]
    sync = Sync.parse(files.changed["gotk-sync.yaml"], where="x")
    assert (sync.url, sync.branch, sync.path) == (FOLLOWING.url, "main", "clusters/home")
    assert (sync.git_secret, sync.sops_secret) == ("flux-system", "sops-age")
    assert files.changed["gotk-components.yaml"] == components()


def test_again_nothing_changes():
    there = planned().changed
    assert planned(there).changed == {}


@pytest.mark.parametrize("branch", ["main", "on", "1.0", "feature/x", "it's", "a: b", "#x"])
def test_any_branch_stays_a_text(branch):
    text = new_sync(dataclasses.replace(FOLLOWING, branch=branch))
    assert Sync.parse(text, where="x").branch == branch


def test_a_public_repository_names_no_secret():
    text = new_sync(dataclasses.replace(FOLLOWING, git_secret=""))
    assert Sync.parse(text, where="x").git_secret == ""


def test_the_root_of_the_repository_is_a_path():
    assert Sync.parse(new_sync(dataclasses.replace(FOLLOWING, path="/")), where="x").path == ""


def test_what_people_have_added_stays():
    text = planned({"gotk-sync.yaml": HAND_MADE.encode()}).changed["gotk-sync.yaml"].decode()
    assert text.startswith("# kept: a note\n")
    assert "interval: 5m0s  # kept as well" in text
    source, root = yaml.safe_load_all(text)
    assert source["spec"] == {
        "interval": "5m0s",
        "ref": {"branch": "main"},
        "ignore": "/docs\n",
        "secretRef": {"name": "my-auth"},
        "url": FOLLOWING.url,
    }
    assert root["spec"]["path"] == "./clusters/home"
    assert root["spec"]["decryption"] == {"provider": "sops", "secretRef": {"name": "sops-age"}}
    assert root["spec"]["postBuild"] == {"substitute": {"domain": "example.com"}}
    assert root["spec"]["timeout"] == "3m"
    assert planned({"gotk-sync.yaml": text.encode()}).changed.keys() == {"gotk-components.yaml", "kustomization.yaml"}


@pytest.mark.parametrize("ref", ["tag: v1", "semver: '>=1.0'", "commit: abc", "branch: live"])
def test_a_ref_stays_unless_a_branch_is_asked_for(ref):
    there = planned().changed
    there["gotk-sync.yaml"] = there["gotk-sync.yaml"].replace(b"branch: main", ref.encode())
    assert planned(there, following=dataclasses.replace(FOLLOWING, branch="")).changed == {}
    text = planned(there).changed["gotk-sync.yaml"]
    assert next(yaml.safe_load_all(text))["spec"]["ref"] == {"branch": "main"}


def test_a_registry_stays_as_it_was_made():
    oci = HAND_MADE.replace("GitRepository", "OCIRepository").replace("clusters/old", "clusters/home")
    oci = oci.replace("  postBuild", "  decryption: {provider: sops}\n  postBuild")
    assert "gotk-sync.yaml" not in planned({"gotk-sync.yaml": oci.encode()}).changed


def test_a_kustomization_that_is_there_is_never_touched():
    there = planned().changed | {"kustomization.yaml": b"resources: [gotk-components.yaml]\npatches: []\n"}
    assert planned(there, components("v2.9.6")).changed.keys() == {"gotk-components.yaml"}


def test_an_older_release_is_refused():
    with pytest.raises(ManifestError, match=r"install.yaml: holds Flux v2\.8\.9, the repository has v2\.9\.5"):
        planned(planned().changed, components("v2.8.9"))


def test_a_version_that_goes_is_told_before():
    there = planned(content=components("v2.8.0", ("v1", "v1beta2"))).changed
    files = planned(there, components())
    assert len(files.warnings) == 1
    assert files.warnings[0].startswith("gitrepositories.source.toolkit.fluxcd.io loses v1beta2: ")
    assert "storedVersions" in files.warnings[0]


def test_what_is_no_release_is_refused():
    with pytest.raises(ManifestError, match="no set of Flux components"):
        planned(content=b"kind: ConfigMap\n")
