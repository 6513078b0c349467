# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests: YAML as Kubernetes reads it, and the two files of Flux."""

from __future__ import annotations

import math

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ManifestError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.manifests import (
    Components,
    Sync,
    clean_path,
    parse,
    unknown_fields,
)

SOURCE = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 1m0s
  ref: {branch: main}
  secretRef: {name: git-auth}
  url: https://git.example.com/me/lab.git
"""
ROOT = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: flux-system, namespace: flux-system}
spec:
  interval: 10m0s
  path: ./clusters/lab
  prune: true
  sourceRef: {kind: GitRepository, name: flux-system}
  decryption: {provider: sops, secretRef: {name: keys}}
"""
SYNC = f"---\n{SOURCE}---\n{ROOT}"


def sync(text: str) -> Sync:
    return Sync.parse(text.encode(), where="gotk-sync.yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2020-01-01", "2020-01-01"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00Z"),
        ("12:30:45", "12:30:45"),
        ("1.2.3", "1.2.3"),
        ("0644", 420),
        ("0x1F", 31),
        ("-12", -12),
        ("1_000", 1000),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", math.inf),
        ("yes", True),
        ("off", False),
        ("~", None),
        ("", None),
        ("'5'", "5"),
    ],
)
def test_plain_scalars_are_read_as_kubernetes_reads_them(text, value):
    """No dates and no base-60 numbers: a port mapping or a timestamp stays text."""
    assert parse(f"kind: X\nvalue: {text}\n".encode(), where="x")[0]["value"] == value


def test_empty_documents_are_skipped_and_lists_are_taken_apart():
    text = b"---\n---\nkind: A\n---\nkind: BList\nitems: [{kind: B}, {kind: C}]\n---\n"
    assert [item["kind"] for item in parse(text, where="x")] == ["A", "B", "C"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"kind: A\nb: [", "^x:3: is no valid YAML"),
        (b"kind: A\n\tb: c", "^x:2: is no valid YAML"),
        (b"- a\n", "no Kubernetes object"),
        (b"a: b\n", "no Kubernetes object"),
        (b"\xff\xfe\x00", "^x: is no "),
        (b"a: !!python/object:os.system x", "^x:1: is no valid YAML"),
    ],
)
def test_what_is_no_manifest_is_named_with_its_line(content, message):
    with pytest.raises(ManifestError, match=message):
        parse(content, where="x")


def test_what_sync_says():
    found = sync(SYNC)
    assert (found.url, found.branch, found.path) == ("https://git.example.com/me/lab.git", "main", "clusters/lab")
    assert (found.namespace, found.git_secret, found.sops_secret) == ("flux-system", "git-auth", "keys")
    assert found.others == ()


def test_defaults_of_sync():
    found = sync(
        SYNC.replace("  secretRef: {name: git-auth}\n", "")
        .replace("  ref: {branch: main}\n", "")
        .replace("  decryption: {provider: sops, secretRef: {name: keys}}\n", "")
    )
    assert (found.git_secret, found.sops_secret, found.branch) == ("", "sops-age", "master")
    assert sync(SYNC.replace("{branch: main}", "{branch: main, tag: v1}")).branch == ""


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (SOURCE, "holds 1 and 0"),
        (SYNC + "---\n" + ROOT, "holds 1 and 2"),
        (SYNC.replace("name: flux-system}\n  decryption", "name: other}\n  decryption"), "follows GitRepository other"),
        (SYNC.replace("kind: GitRepository, name", "kind: Bucket, name"), "follows Bucket flux-system"),
        (SYNC.replace("namespace: flux-system", "labels: {}"), "lacks a name, a namespace"),
    ],
)
def test_a_sync_file_that_does_not_hang_together(text, message):
    with pytest.raises(ManifestError, match=message):
        sync(text)


def test_components_are_flux_or_nothing():
    label = "metadata: {labels: {app.kubernetes.io/version: v2.9.5}}"
    text = f"kind: Namespace\n---\nkind: CustomResourceDefinition\n---\nkind: Deployment\n{label}\n"
    found = Components.parse(text.encode(), where="c")
    assert found.version == "v2.9.5"
    assert [item["kind"] for item in found.of_kind("Namespace", "Deployment")] == ["Namespace", "Deployment"]
    with pytest.raises(ManifestError, match="no set of Flux components"):
        Components.parse(b"kind: Namespace\n", where="c")


@pytest.mark.parametrize(
    ("path", "clean"),
    [("./clusters/lab", "clusters/lab"), ("/a/b/", "a/b"), ("a/../b", "b"), ("../..", ""), ("./", ""), (None, "")],
)
def test_paths_stay_inside_of_the_repository(path, clean):
    assert clean_path(path) == clean


DEFINITION = {
    "kind": "CustomResourceDefinition",
    "spec": {
        "group": "kustomize.toolkit.fluxcd.io",
        "names": {"kind": "Kustomization"},
        "versions": [
            {
                "name": "v1",
                "schema": {
                    "openAPIV3Schema": {
                        "properties": {
                            "spec": {
                                "properties": {
                                    "path": {"type": "string"},
                                    "decryption": {
                                        "properties": {"provider": {}, "secretRef": {"properties": {"name": {}}}}
                                    },
                                    "patches": {"items": {"properties": {"patch": {}}}},
                                    "free": {"x-kubernetes-preserve-unknown-fields": True, "properties": {}},
                                    "map": {"additionalProperties": {}},
                                }
                            }
                        }
                    }
                },
            }
        ],
    },
}


@pytest.mark.parametrize(
    ("spec", "unknown"),
    [
        ({"path": "x", "decryption": {"provider": "sops", "secretRef": {"name": "a"}}}, []),
        # The mis-indented block that began it all.
        ({"path": "x", "decryption": None, "provider": "sops", "secretRef": {}}, ["spec.provider", "spec.secretRef"]),
        ({"decryption": {"secretRef": {"nam": "a"}}}, ["spec.decryption.secretRef.nam"]),
        ({"patches": [{"patch": ""}, {"path": ""}]}, ["spec.patches.path"]),
        ({"free": {"x": 1}, "map": {"y": 2}}, []),
    ],
)
def test_fields_that_the_definition_does_not_have(spec, unknown):
    found = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "spec": spec}
    assert unknown_fields(found, [{"spec": {}}, DEFINITION]) == unknown


def test_a_version_that_the_definition_does_not_have():
    found = {"apiVersion": "kustomize.toolkit.fluxcd.io/v1beta1", "kind": "Kustomization", "spec": {}}
    assert unknown_fields(found, [DEFINITION]) == ["apiVersion kustomize.toolkit.fluxcd.io/v1beta1"]
    assert unknown_fields(found, []) == []
