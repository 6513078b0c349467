# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A repository without the files of Flux: a FluxInstance of flux-operator says what is followed."""

from __future__ import annotations

import os

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ManifestError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux import preflight
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.agreement import disagreements
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.desired import Given, read
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.encrypted import key_ring
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.offline import check_work_tree
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.registries import ImagePull
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.settings import Settings
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.wanted import secrets_of
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.credential import Credential
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import (
    PRIVATE,
    URL,
    Repository,
    child,
    encrypted,
    results,
    secret,
)

INSTANCE = f"""\
apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
metadata: {{name: flux, namespace: flux-system}}
spec:
  distribution: {{version: 2.x, registry: ghcr.io/fluxcd, imagePullSecret: ghcr-auth}}
  sync:
    kind: GitRepository
    url: {URL}
    ref: refs/heads/main
    path: clusters/lab
    pullSecret: git-auth
  kustomize:
    patches:
      - target: {{kind: Kustomization}}
        patch: |
          - op: add
            path: /spec/decryption
            value: {{provider: sops, secretRef: {{name: sops-age}}}}
      - target: {{kind: Deployment, name: kustomize-controller}}
        patch: |
          - op: add
            path: /spec/template/spec/containers/0/args/-
            value: --sops-age-secret=keys-of-all
"""
SETTINGS = Settings(url=URL, branch="main", path="clusters/lab", credential=Credential("git", "password"))


def repository(instance: str = INSTANCE, **more: str) -> Repository:
    found = Repository(**{"clusters/lab/flux.yaml": instance, "clusters/lab/apps.yaml": child("apps"), **more})
    for name in ("components", "sync"):
        del found[f"clusters/lab/flux-system/gotk-{name}.yaml"]
    found["apps/db.yaml"] = encrypted(secret("db", "{password: hunter2}"))
    return found


def desired(instance: str = INSTANCE, **more: str):
    return read(repository(instance, **more), "clusters/lab", "abc")


def test_the_sync_is_that_of_the_operator():
    found = desired()
    assert (found.installer, found.components.objects) == ("flux-operator", ())
    assert disagreements(found, SETTINGS) == []
    assert found.sync.root["spec"]["decryption"]["secretRef"] == {"name": "sops-age"}
    assert found.controller_secret == "keys-of-all"
    assert [node.name for node in found.tree.nodes] == ["flux-system/flux-system", "flux-system/apps"]
    assert secrets_of(found, SETTINGS).source.name == "git-auth"


def test_its_revision_has_the_name_that_the_operator_gives():
    assert desired().revision("main@sha1:abc") == "refs/heads/main@sha1:abc"
    assert read(Repository(), "clusters/lab", "abc").revision("main@sha1:abc") == "main@sha1:abc"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("heads/main", "heads/other", ["its branch is other, not main"]),
        ("refs/heads/main", "refs/pull/1/head", ["its branch is not the only ref, not main"]),
        ("path: clusters/lab", "path: ./clusters/lab", []),
        ("path: clusters/lab", "path: clusters", ["its path is ./clusters, not ./clusters/lab"]),
        ("    pullSecret: git-auth\n", "", ["its GitRepository names no secretRef"]),
    ],
    ids=["branch", "ref", "dots", "path", "secret"],
)
def test_it_has_to_follow_what_the_parameters_say(before, after, told):
    found = disagreements(desired(INSTANCE.replace(before, after)), SETTINGS)
    assert [message.partition(",")[0] for message in found] == [message.partition(",")[0] for message in told]


def test_the_secret_for_images_is_the_one_of_the_instance():
    for name, wrong in (("ghcr-auth", 0), ("other", 1)):
        settings = Settings(**{**vars(SETTINGS), "image_pull": ImagePull(name, "ghcr.io", "me", "password")})
        assert len(disagreements(desired(), settings)) == wrong


@pytest.mark.parametrize("ref", ["v1", "sha256:abc"], ids=["tag", "digest"])
def test_an_artifact_of_a_registry(ref):
    text = INSTANCE.replace("GitRepository", "OCIRepository").replace("refs/heads/main", ref).replace(URL, "oci://a/b")
    source = desired(text).sync.source
    assert source["spec"]["ref"] == {("tag" if ref == "v1" else "digest"): ref}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (INSTANCE.replace("kind: GitRepository", "kind: Bucket"), "the FluxInstance follows a Bucket"),
        (INSTANCE.replace("  sync:", "  nothing:"), r"the FluxInstance has no spec.sync"),
        (INSTANCE + "---\n" + INSTANCE, "there are 2 FluxInstances: clusters/lab/flux.yaml, clusters/lab/flux.yaml"),
    ],
    ids=["bucket", "nothing", "two"],
)
def test_what_cannot_be_followed_is_told(text, message):
    with pytest.raises(ManifestError, match=message):
        desired(text)


def test_without_any_of_it_both_ways_are_told():
    files = repository("kind: ConfigMap\nmetadata: {name: x}\n")
    files.commit = "abc"
    with pytest.raises(ManifestError, match="is not in the commit") as caught:
        read(files, "clusters/lab", "abc")
    assert "flux install --export" in str(caught.value)
    assert "its FluxInstance" in str(caught.value)


def test_the_files_of_flux_go_before_it():
    assert read(Repository(**{"clusters/lab/flux.yaml": INSTANCE}), "clusters/lab", "abc").instance is None


def test_it_may_be_given():
    files = repository()
    del files["clusters/lab/flux.yaml"]
    found = read(files, "clusters/lab", "abc", [Given("flux.yaml", INSTANCE.encode())])
    assert (found.installer, found.sync.where) == ("flux-operator", "flux.yaml")


def test_the_command_finds_it_from_the_root_of_the_repository(tmp_path):
    for path, text in repository().items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    (found,) = check_work_tree(str(tmp_path), key_ring([("age.agekey", PRIVATE)]), os.environ)
    assert (found.path, found.flux_version) == ("clusters/lab", "")
    assert [check for check in found.checks if check.result == "fail"] == []


def test_preflight_of_the_repository_finds_nothing_missing():
    found = desired()
    asked = preflight.Asked(follows="main", ring=key_ring([("age.agekey", PRIVATE)]), entries=["age.agekey"])
    told = dict(results(list(preflight.of_repository(found, asked))))
    assert {name for name, result in told.items() if result in {"fail", "warn"}} == set()
    assert (told["components"], told["decryption"], told["sops_files"]) == ("ok", "ok", "ok")
    check = preflight.flux_manager({}, found.sync, found.installer)
    assert (check.result, "installed by flux-operator" in check.evidence) == ("fail", True)
