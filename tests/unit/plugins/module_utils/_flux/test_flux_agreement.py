# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What gotk-sync.yaml can say otherwise than the parameters, for each kind of source."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ManifestError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.agreement import disagreements
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.desired import Given, read
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.registries import ImagePull, SourceCredential
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.settings import Settings
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.wanted import secrets_of, stages_of
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.credential import Credential, GitHubApp, Proxy
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import (
    COMPONENTS,
    PRIVATE,
    SYNC,
    URL,
    Repository,
)

SCHEMA = """\
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kustomizations.kustomize.toolkit.fluxcd.io}
spec:
  group: kustomize.toolkit.fluxcd.io
  names: {kind: Kustomization}
  versions:
    - name: v1
      schema:
        openAPIV3Schema:
          properties:
            spec:
              properties:
                path: {type: string}
                sourceRef: {properties: {kind: {}, name: {}, namespace: {}}}
                decryption: {properties: {provider: {}, secretRef: {properties: {name: {}}}}}
"""
KUSTOMIZE = """\
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: kustomize-controller, namespace: flux-system}
spec:
  template:
    spec:
      imagePullSecrets: [{name: ghcr-auth}]
      containers: [{name: manager, args: [--log-level=info, --sops-age-secret=all-ages]}]
"""
APP = Credential(github_app=GitHubApp("1", "key", installation_id="2"))
BASIC = Credential("git", "password")
PROXY = Proxy("http://proxy.example.com:3128", "me", "password")
REGISTRY = SourceCredential(username="me", password="password")
OCI = SYNC.replace("GitRepository", "OCIRepository").replace(URL, "oci://registry.example.com/me/lab")
OCI = OCI.replace("ref: {branch: main}", "ref: {tag: v1}")
BUCKET = (
    SYNC.replace("GitRepository", "Bucket")
    .replace(f"url: {URL}", "endpoint: s3.example.com\n  bucketName: lab")
    .replace("  ref: {branch: main}\n", "")
)
GIT_OF = {"url": URL, "branch": "main", "path": "clusters/lab", "credential": BASIC}
OCI_OF = {
    "kind": "oci",
    "url": "oci://registry.example.com/me/lab",
    "branch": "",
    "tag": "v1",
    "path": "clusters/lab",
    "source_credential": REGISTRY,
}
BUCKET_OF = {
    "kind": "bucket",
    "url": "s3.example.com/lab",
    "branch": "",
    "path": "clusters/lab",
    "source_credential": SourceCredential(access_key="a", secret_key="b"),
}


def wrong(sync: str = SYNC, components: str = COMPONENTS, **settings: object) -> list[str]:
    given = [Given("sync", sync.encode()), Given("components", components.encode())]
    return disagreements(read(None, "", "", given), Settings(**{**GIT_OF, **settings}))


def with_ref(ref: str) -> str:
    return SYNC.replace("ref: {branch: main}", f"ref: {ref}")


@pytest.mark.parametrize(
    ("sync", "settings"),
    [
        (SYNC, {}),
        (SYNC, {"url": URL + "/", "path": "./clusters/lab/"}),
        (SYNC.replace("  ref: {branch: main}\n", ""), {"branch": "master"}),
        (with_ref("{tag: v1}"), {"branch": "", "tag": "v1"}),
        (with_ref(f"{{commit: {'a' * 40}}}"), {"branch": "", "commit": "a" * 40}),
        (with_ref(f"{{branch: main, commit: {'a' * 40}}}"), {"branch": "main", "commit": "a" * 40}),
        (with_ref(f"{{branch: main, commit: {'a' * 40}}}"), {"branch": "", "commit": "a" * 40}),
        (SYNC.replace("  secretRef: {name: git-auth}\n", ""), {"credential": None}),
        (SYNC.replace("spec:\n  ref", "spec:\n  provider: github\n  ref"), {"credential": APP}),
        (SYNC.replace("spec:\n  ref", "spec:\n  proxySecretRef: {name: p}\n  ref"), {"proxy": PROXY}),
        (OCI, OCI_OF),
        (OCI.replace("  ref: {tag: v1}\n", ""), {**OCI_OF, "tag": "latest"}),
        (OCI.replace("tag: v1", "digest: sha256:abc"), {**OCI_OF, "tag": ""}),
        (BUCKET, BUCKET_OF),
        (BUCKET, {**BUCKET_OF, "url": "https://s3.example.com/lab/"}),
    ],
)
def test_what_agrees(sync, settings):
    settings = {"credential": None, **settings} if "kind" in settings else settings
    assert wrong(sync, **settings) == []


@pytest.mark.parametrize(
    ("sync", "settings", "message"),
    [
        (SYNC, {"url": "https://elsewhere.example.com/x.git"}, "its URL is https://git.example.com/me/lab.git, not"),
        (SYNC, {"branch": "other"}, "its branch is main, not other"),
        (with_ref("{tag: v1}"), {}, "its branch is not the only ref, not main"),
        (with_ref("{semver: 1.x}"), {"branch": "", "tag": "v1"}, "it follows semver 1.x, not tag v1"),
        (SYNC, {"branch": "", "tag": "v1"}, "it follows branch main, not tag v1"),
        (SYNC, {"branch": "", "commit": "a" * 40}, f"it follows , not commit {'a' * 40}"),
        (SYNC, {"path": "clusters/other"}, "its path is ./clusters/lab, not ./clusters/other"),
        (SYNC, {"credential": None}, "names the Secret git-auth, and no credential is given"),
        (SYNC.replace("  secretRef: {name: git-auth}\n", ""), {}, "names no secretRef"),
        (SYNC, {"credential": APP}, "its provider is generic, and a GitHub App needs github"),
        (
            SYNC.replace("spec:\n  ref", "spec:\n  provider: github\n  ref"),
            {},
            "no git_credentials.github_app is given",
        ),
        (SYNC, {"proxy": PROXY}, "names no proxySecretRef, so source_proxy would not be used"),
        (SYNC.replace("spec:\n  ref", "spec:\n  proxySecretRef: {name: p}\n  ref"), {}, "and no source_proxy is given"),
        (
            SYNC.replace("spec:\n  ref", "spec:\n  proxySecretRef: {name: git-auth}\n  ref"),
            {"proxy": PROXY},
            "names the Secret git-auth both as secretRef and as proxySecretRef",
        ),
        (SYNC, OCI_OF, "its source is GitRepository, not OCIRepository (source.kind oci)"),
        (OCI, {}, "its source is OCIRepository, not GitRepository (source.kind git)"),
        (OCI, {**OCI_OF, "tag": "v2"}, "its tag is v1, not v2"),
        (OCI, {**OCI_OF, "source_credential": None}, "its OCIRepository names the Secret git-auth, and no credential"),
        (OCI, {**OCI_OF, "source_credential": SourceCredential(ca_crt="x")}, "names no certSecretRef"),
        (
            BUCKET,
            {**BUCKET_OF, "url": "s3.example.com/other"},
            "its URL is s3.example.com/lab, not s3.example.com/other",
        ),
        (SYNC, {"decryption": "workload_identity"}, "decrypts with the Secret sops-age, and decryption is workload"),
        (SYNC, {"decryption": "controller"}, "kustomize-controller is not told --sops-age-secret"),
        (SYNC.replace("sops-age", "git-auth"), {"keys": (("a.agekey", PRIVATE),)}, "is that of the source as well"),
        (SYNC, {"image_pull": ImagePull("pull")}, "the components pull images with the Secret none, not pull"),
        (
            SYNC.replace(
                "  decryption: {provider: sops, secretRef: {name: sops-age}}\n", "  secretRef: {name: sops-age}\n"
            ),
            {},
            "Kustomization has no field spec.secretRef",
        ),
    ],
)
def test_what_disagrees(sync, settings, message):
    settings = {"credential": None, **settings} if "kind" in settings else settings
    found = wrong(sync, COMPONENTS + SCHEMA, **settings)
    assert any(message in item for item in found), found


def test_the_secret_of_the_controller_is_in_its_namespace():
    given = [Given("sync", SYNC.encode()), Given("components", (COMPONENTS + KUSTOMIZE).encode())]
    desired = read(None, "", "", given)
    settings = Settings(
        **GIT_OF, decryption="controller", keys=(("a.agekey", PRIVATE),), image_pull=ImagePull("ghcr-auth")
    )
    assert disagreements(desired, settings) == []
    assert [place.name for place in secrets_of(desired, settings)] == ["git-auth", "", "", "all-ages", "ghcr-auth"]
    stages = stages_of(desired, settings, {})
    names = [item.manifest["metadata"]["name"] for item in stages["secrets"].wanted]
    assert names == ["git-auth", "ghcr-auth", "all-ages"]


def test_the_flag_may_stand_in_a_patch_beside_the_components():
    patch = "patches:\n  # --sops-age-secret=commented\n  - patch: |\n      - --sops-age-secret=from-patch\n"
    repository = Repository(**{"clusters/lab/flux-system/kustomization.yaml": patch})
    assert read(repository, "clusters/lab", "abc").controller_secret == "from-patch"


def test_given_manifests_go_before_those_in_the_repository():
    """Files may be given for a part only; the rest is that of the repository."""
    newer = COMPONENTS.replace("v2.9.5", "v9.9.9")
    desired = read(Repository(), "clusters/lab", "abc", [Given("install.yaml", newer.encode())])
    assert (desired.components.version, desired.components.where) == ("v9.9.9", "install.yaml")
    assert desired.sync.where == "clusters/lab/flux-system/gotk-sync.yaml"


def test_without_any_content_the_manifests_have_to_be_whole():
    with pytest.raises(ManifestError, match=r"do not hold what belongs in gotk-sync.yaml"):
        read(None, "clusters/lab", "", [Given("install.yaml", COMPONENTS.encode())])


def test_a_source_without_content_leaves_its_tree_open():
    desired = read(None, "", "", [Given("all", f"{OCI}---\n{COMPONENTS}".encode())])
    (root,) = desired.tree.nodes
    assert root.unknown == ["the content of OCIRepository flux-system/flux-system"]
    assert len(desired.encrypted) == 0
