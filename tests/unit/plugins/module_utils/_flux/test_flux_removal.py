# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding Flux in a cluster, halting it and taking it out; the whole way is shown on the lab."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ApiError, FluxError, WaitTimeoutError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.installed import (
    foreign_manager,
    is_controller,
    look,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.removal import Removal
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.suspension import Suspension
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    served,
    status,
)

VERSION = "kustomize.toolkit.fluxcd.io/v1"
KUSTOMIZATIONS = f"/apis/{VERSION}/namespaces/flux-system/kustomizations"
PART_OF_FLUX = {"app.kubernetes.io/part-of": "flux"}


def deployment(name: str, namespace: str = "flux-system", image: str = "", **metadata) -> dict:
    container = {
        "image": image or f"ghcr.example.com/fluxcd/{name}:v1.9.5",
        "args": ["--events-addr=", "--log-level=info"],
    }
    metadata = {"name": name, "namespace": namespace, **metadata}
    return {"kind": "Deployment", "metadata": metadata, "spec": {"template": {"spec": {"containers": [container]}}}}


def kustomization(name: str, *applied: str, owner: str = "", managers=(), **spec) -> dict:
    labels = {"kustomize.toolkit.fluxcd.io/name": owner, "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    entries = [{"id": f"flux-system_{child}_kustomize.toolkit.fluxcd.io_Kustomization"} for child in applied]
    owned = [{"manager": manager, "fieldsV1": {"f:spec": {"f:suspend": {}}}} for manager in managers]
    metadata = {"namespace": "flux-system", "name": name, "managedFields": owned, "labels": labels if owner else {}}
    return {"metadata": metadata, "spec": spec, "status": {"inventory": {"entries": entries}}}


def cluster(*kustomizations: dict, deployments=None, managed_by: str = "") -> FakeApi:
    """Flux with these Kustomizations."""
    fake = FakeApi()
    labels = {**PART_OF_FLUX, **({"app.kubernetes.io/managed-by": managed_by} if managed_by else {})}
    group = {"name": VERSION.partition("/")[0], "preferredVersion": {"groupVersion": VERSION}}
    fake.objects["/apis"] = {"groups": [group]}
    fake.groups[VERSION] = [("Kustomization", "kustomizations", True)]
    definition = "kustomizations.kustomize.toolkit.fluxcd.io"
    fake.objects[f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{definition}"] = {
        "metadata": {"name": definition, "labels": labels}
    }
    for item in [deployment("kustomize-controller")] if deployments is None else deployments:
        place = item["metadata"]
        fake.objects[f"/apis/apps/v1/namespaces/{place['namespace']}/deployments/{place['name']}"] = item
    for item in kustomizations:
        fake.objects[f"{KUSTOMIZATIONS}/{item['metadata']['name']}"] = item
    return fake


TREE = (
    kustomization("flux-system", "flux-system", "apps", owner="flux-system"),
    kustomization("apps", owner="flux-system"),
)


class TestLook:
    def test_finds_controllers_under_other_names(self):
        """A shard has the image and the flags, whatever it is called; other projects have a source-controller too."""
        assert is_controller(
            deployment("source-controller-shard1", image="mirror.example.com:5000/x/source-controller@sha256:0")
        )
        other = deployment("source-controller", image="example.com/source-controller:1")
        other["spec"]["template"]["spec"]["containers"][0]["args"] = ["--port=80"]
        assert not is_controller(other)
        assert is_controller(deployment("x", image="example.com/x:1", labels=PART_OF_FLUX))

    @pytest.mark.parametrize(
        ("labels", "annotations", "manager"),
        [
            ({}, {}, ""),
            ({"app.kubernetes.io/managed-by": "flux"}, {}, ""),
            ({"app.kubernetes.io/managed-by": "Helm"}, {}, "Helm"),
            ({}, {"meta.helm.sh/release-name": "flux"}, "Helm"),
            ({"fluxcd.controlplane.io/name": "flux", "app.kubernetes.io/managed-by": "flux"}, {}, "flux-operator"),
        ],
    )
    def test_tells_who_keeps_flux_installed(self, labels, annotations, manager):
        assert foreign_manager({"metadata": {"labels": labels, "annotations": annotations}}) == manager

    def test_an_answer_that_does_not_come_is_no_absence(self):
        """Of each of its questions."""
        fake = cluster(*TREE)
        with served(fake) as connection:
            look(Api(connection))
        for _method, asked, _query in list(fake.requests):
            fake.script = lambda _m, path, _q, asked=asked: (
                (500, status("InternalError", "no", 500)) if path == asked else None
            )
            with served(fake) as connection, pytest.raises(ApiError):
                Removal(Api(connection), check_mode=True).run()


class TestRemoval:
    @pytest.mark.parametrize(
        ("fake", "told"),
        [
            (cluster(*TREE, managed_by="Helm"), "is managed by Helm"),
            (
                cluster(
                    *TREE,
                    deployments=[
                        deployment("a", "one", labels=PART_OF_FLUX),
                        deployment("b", "two", labels=PART_OF_FLUX),
                    ],
                ),
                "several namespaces, one, two",
            ),
        ],
    )
    def test_is_refused_before_any_write(self, fake, told):
        with served(fake) as connection, pytest.raises(FluxError, match=told):
            Removal(Api(connection)).run()
        assert fake.writes == []

    def test_a_namespace_with_the_workload_of_somebody_else_is_kept(self):
        """It would go with the namespace; what another object owns goes, or stays, with its owner."""
        fake = cluster(*TREE)
        fake.objects["/apis/apps/v1/namespaces/flux-system/deployments/dashboard"] = {
            "metadata": {"name": "dashboard", "namespace": "flux-system"}
        }
        with served(fake) as connection:
            removal = Removal(Api(connection), check_mode=True)
            removal.run()
        result = removal.as_result()
        assert result["kept"] == ["Namespace flux-system: it holds Deployment flux-system/dashboard"]
        assert "Namespace" not in {entry["kind"] for entry in result["objects"]["deleted"]}
        assert "dashboard" not in {entry["name"] for entry in result["objects"]["deleted"]}
        assert fake.writes == []

    def test_controllers_that_do_not_go_end_the_run_before_anything_else_is_touched(self):
        """Without them gone, deleting a Kustomization could take its workloads along."""
        fake = cluster(*TREE)
        with (
            served(fake) as connection,
            pytest.raises(WaitTimeoutError, match="Deployment flux-system/kustomize-controller"),
        ):
            Removal(Api(connection), timeout=0, progress=lambda _message: None).run()
        assert {method for method, _path in fake.writes} == {"PATCH", "DELETE"}
        assert [path for method, path in fake.writes if method == "DELETE"] == [
            "/apis/apps/v1/namespaces/flux-system/deployments/kustomize-controller"
        ]

    @pytest.mark.parametrize("gone", [f"/apis/{VERSION}", f"/apis/{VERSION}/kustomizations"])
    def test_a_definition_that_went_a_moment_ago_is_gone(self, gone):
        """An interrupted removal is taken up while discovery still lists what is not served any more."""
        fake = cluster()
        asked = []

        def script(_method: str, path: str, _query: object) -> tuple[int, object] | None:
            asked.append(path)
            return (404, status("NotFound", "no", 404)) if path == gone else None

        fake.script = script
        with served(fake) as connection:
            removal = Removal(Api(connection), check_mode=True)
            removal.run()
        assert gone in asked
        assert removal.as_result()["objects"]["deleted"][0]["name"] == "kustomize-controller"


class TestSuspension:
    def run(self, fake: FakeApi, **more) -> tuple[dict, list[str]]:
        told: list[str] = []
        with served(fake) as connection:
            work = Suspension(Api(connection), progress=told.append, **more)
            work.run()
        return work.as_result(), told

    def test_the_root_is_first_to_halt_and_last_to_go_on(self):
        """An interrupted run leaves the root halted."""
        fake = cluster(*TREE)
        _result, told = self.run(fake, suspend=True)
        assert told == ["Kustomization flux-system/flux-system suspended", "Kustomization flux-system/apps suspended"]
        _result, told = self.run(fake, suspend=False)
        assert told == ["Kustomization flux-system/apps resumed", "Kustomization flux-system/flux-system resumed"]

    def test_the_manager_is_one_that_flux_does_not_take_over(self):
        fake = cluster(*TREE)
        self.run(fake, suspend=True)
        managers = {query["fieldManager"] for method, _path, query in fake.requests if method == "PATCH"}
        assert managers == {"flux-client-side-apply"}

    def test_what_git_suspends_is_left_and_told(self):
        """Flux would suspend it again."""
        child = kustomization("apps", owner="flux-system", managers=["kustomize-controller"], suspend=True)
        result, _told = self.run(cluster(TREE[0], child), suspend=False)
        assert not result["changed"]
        assert result["suspended_by_git"] == [{"kind": "Kustomization", "namespace": "flux-system", "name": "apps"}]

    def test_a_cluster_without_flux_is_told(self):
        fake = FakeApi()
        fake.objects["/apis"] = {"groups": []}
        with pytest.raises(FluxError, match="there is no Flux in this cluster"):
            self.run(fake, suspend=True)
