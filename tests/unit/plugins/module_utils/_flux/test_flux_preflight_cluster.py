# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight of a cluster: what its facts mean. That they are read rightly is shown on the lab."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux import preflight
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.manifests import Components, Sync
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.preflight.facts import (
    Facts,
    Need,
    needs_to_read,
    needs_to_write,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference, reference
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import (
    SYNC,
    Repository,
    results,
)

SYNCED = Sync.parse(SYNC.encode(), where="gotk-sync.yaml")
NAMESPACE = Reference("v1", "Namespace", "", "flux-system")
DEFINITION = Reference("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "x")
SEEDED = Reference("v1", "Secret", "flux-system", "sops-age")
ROOT, SOURCE = reference(SYNCED.root), reference(SYNCED.source)
HELM = {"kind": "CustomResourceDefinition", "metadata": {"labels": {"app.kubernetes.io/managed-by": "Helm"}}}
OPERATOR = {"kind": "CustomResourceDefinition", "metadata": {"labels": {"fluxcd.controlplane.io/name": "flux"}}}


@pytest.mark.parametrize(
    ("flux", "kubernetes", "result"),
    [
        ("v2.9.5", "v1.36.3", "ok"),
        ("v2.9.5", "v1.34.1+k3s1", "ok"),
        ("v2.9.5", "v1.33.9", "warn"),
        ("v2.9.5", "v1.37.0", "warn"),
        ("v2.9.5", "v1.32.0", "fail"),
        ("v2.8.0", "v1.33.0", "ok"),
        ("v2.7.5", "v1.32.0", "ok"),
        ("v2.7.5", "v1.31.0", "fail"),
        ("v2.10.0", "v1.36.3", "unknown"),
        ("", "v1.36.3", "unknown"),
        ("v2.9.5", "", "unknown"),
    ],
)
def test_versions_that_fit(flux, kubernetes, result):
    assert preflight.cluster_version(flux, kubernetes).result == result


def node(name, status, message="kubelet is posting ready status", **more):
    ready = {"type": "Ready", "status": status, "reason": "Kubelet", "message": message}
    return {"metadata": {"name": name}, "status": {"conditions": [ready, *more.get("also", [])]}}


NO_CNI = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:cni plugin not initialized"


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (None, [("nodes", "unknown")]),
        ([], [("nodes", "warn"), ("network", "unknown")]),
        ([node("a", "True")], [("nodes", "ok"), ("network", "ok")]),
        ([node("a", "True"), node("b", "Unknown")], [("nodes", "ok"), ("network", "ok")]),
        ([node("a", "False", "kubelet stopped")], [("nodes", "warn"), ("network", "unknown")]),
        ([node("a", "False", NO_CNI)], [("nodes", "warn"), ("network", "warn")]),
        ([node("a", "False", "x", also=[{"type": "NetworkUnavailable", "status": "True"}])], [("nodes", "warn"), ("network", "warn")]),
        ([node("a", "True"), node("b", "False", NO_CNI)], [("nodes", "ok"), ("network", "warn")]),
    ],
    ids=["not-allowed", "none", "ready", "one-of-two", "stopped", "no-cni", "unavailable", "one-without"],
)  # fmt: skip
def test_nodes_and_their_network(found, expected):
    assert results(list(preflight.nodes(found))) == expected


def test_what_is_not_allowed_is_listed():
    check = preflight.access(
        [
            Need("patch", "", "secrets", "flux-system", "sops-age"),
            Need("bind", "rbac.authorization.k8s.io", "clusterroles", "", "cluster-admin"),
        ],
        may_do_all=False,
    )
    assert check.result == "fail"
    assert (
        "patch secrets/sops-age in flux-system; bind clusterroles.rbac.authorization.k8s.io/cluster-admin"
        in check.evidence
    )
    assert preflight.access([], may_do_all=True).result == "ok"


def test_what_it_takes_to_read_and_write():
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "b"},
        "roleRef": {"name": "cluster-admin"},
    }
    definition = {
        "spec": {"group": "kustomize.toolkit.fluxcd.io", "names": {"kind": "Kustomization", "plural": "kustomizations"}}
    }
    assert needs_to_read([SEEDED, ROOT], [definition]) == [
        Need("get", "", "secrets", "flux-system", "sops-age"),
        Need("get", "kustomize.toolkit.fluxcd.io", "kustomizations", "flux-system"),
        Need("list", "kustomize.toolkit.fluxcd.io", "kustomizations", "flux-system"),
    ]
    assert needs_to_read([ROOT], []) == []
    group = "rbac.authorization.k8s.io"
    assert needs_to_write([binding, SYNCED.root], {ROOT: SYNCED.root}, [definition]) == [
        Need("patch", group, "clusterrolebindings", "", "b"),
        Need("create", group, "clusterrolebindings"),
        Need("bind", group, "clusterroles", "", "cluster-admin"),
        Need("patch", "kustomize.toolkit.fluxcd.io", "kustomizations", "flux-system", "flux-system"),
    ]


@pytest.mark.parametrize(("phase", "result"), [("Active", "ok"), ("Terminating", "fail")])
def test_a_namespace_on_its_way_out(phase, result):
    assert preflight.namespace({NAMESPACE: {"status": {"phase": phase}}}).result == result


@pytest.mark.parametrize(
    ("live", "result", "evidence"),
    [
        ({}, "ok", "neither"),
        ({DEFINITION: HELM}, "fail", "Helm"),
        ({DEFINITION: HELM, ROOT: {}, SOURCE: {}}, "warn", "Flux is installed by Helm here"),
        ({DEFINITION: OPERATOR, ROOT: {}, SOURCE: {}}, "warn", "left to flux-operator"),
    ],
)
def test_a_flux_that_somebody_else_installs(live, result, evidence):
    check = preflight.flux_manager(live, SYNCED)
    assert (check.result, evidence in check.evidence) == (result, True)


def deployment(namespace, *arguments, image="example.com/x:1", available="True"):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "source-controller", "namespace": namespace},
        "spec": {"template": {"spec": {"containers": [{"image": image, "args": list(arguments)}]}}},
        "status": {"conditions": [{"type": "Available", "status": available}]},
    }


@pytest.mark.parametrize(
    ("found", "result"),
    [
        (None, "unknown"),
        ([deployment("flux-system")], "ok"),
        ([deployment("flux-system"), deployment("two")], "fail"),
        ([deployment("two", "--watch-all-namespaces=false")], "warn"),
    ],
)
def test_another_flux(found, result):
    facts = Facts("v1.36.3", {}, [], found, may_do_all=True)
    assert preflight.second_flux(facts, SYNCED).result == result


def test_argo_cd_on_the_same_objects():
    assert preflight.argo_cd({SEEDED: {"metadata": {}}}).result == "ok"
    for metadata in (
        {"labels": {"argocd.argoproj.io/instance": "x"}},
        {"annotations": {"argocd.argoproj.io/tracking-id": "x"}},
    ):
        assert preflight.argo_cd({SEEDED: {"metadata": metadata}}).result == "fail"


def defined(*versions, stored=()):
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "kustomizations.kustomize.toolkit.fluxcd.io"},
        "spec": {"group": "kustomize.toolkit.fluxcd.io", "versions": [{"name": name} for name in versions]},
        "status": {"storedVersions": list(stored)},
    }


def components(*objects):
    return Components((*Repository().components.objects, *objects), "gotk-components.yaml")


def test_definitions_that_are_left_over():
    wanted = defined("v1")
    brought = components(wanted)

    def result(groups, live):
        return preflight.leftover_definitions(Facts("v", groups, [], [], may_do_all=True), brought, live).result

    assert result({"apps": ["v1"], "kustomize.toolkit.fluxcd.io": ["v1"]}, {}) == "ok"
    assert result({"helm.toolkit.fluxcd.io": ["v2"]}, {}) == "warn"
    assert result({}, {reference(wanted): wanted}) == "warn"
    assert result({}, {reference(wanted): wanted, Reference("apps/v1", "Deployment", "flux-system", "x"): {}}) == "ok"


@pytest.mark.parametrize(("stored", "result"), [(["v1"], "ok"), (["v1beta2", "v1"], "warn")])
def test_versions_in_which_objects_are_stored(stored, result):
    live = defined("v1beta2", "v1", stored=stored)
    check = preflight.stored_versions({reference(live): live}, components(defined("v1")))
    assert (check.result, "v1beta2" in check.evidence) == (result, result == "warn")


@pytest.mark.parametrize(
    ("live", "evidence"),
    [
        ({}, None),
        ({SEEDED: {"metadata": {"labels": {"kustomize.toolkit.fluxcd.io/name": "a"}}}}, "applied by Kustomization"),
        ({ROOT: {"spec": {"path": "./clusters/lab"}}}, None),
        ({ROOT: {"spec": {"path": "./clusters/other"}}}, "follows ./clusters/other"),
    ],
)
def test_what_this_run_would_take_from_somebody(live, evidence):
    (check,) = preflight.cluster(live, [SEEDED], SYNCED)
    assert check.result == ("fail" if evidence else "ok")
    assert evidence is None or evidence in check.evidence


def test_images_are_known_once_they_run():
    wanted = components(deployment("flux-system", image="example.com/a:1"))
    assert preflight.images(wanted, [deployment("flux-system", image="example.com/a:1")]).result == "ok"
    assert (
        preflight.images(wanted, [deployment("flux-system", image="example.com/a:1", available="False")]).result
        == "unknown"
    )
    assert "example.com/a:1" in preflight.images(wanted, None).evidence


def test_the_way_to_the_source_is_known_once_it_was_fetched():
    fetched = {**SYNCED.source, "status": {"artifact": {"revision": "x"}}}
    assert preflight.egress(SYNCED, {SOURCE: fetched}).result == "ok"
    elsewhere = {**fetched, "spec": {"url": "https://old.example.com"}}
    assert preflight.egress(SYNCED, {SOURCE: elsewhere}).result == "unknown"
    assert preflight.egress(SYNCED, {}).result == "unknown"
