# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written, by whom it is owned, and what an interruption leaves; each test goes on where the one before ended."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import signal
import threading
import time
import typing as t
from collections.abc import Iterator

import pytest
import yaml
from proxy import Refusal, proxied
from seeds import FLUX, Seeds, started

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ConflictError, FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.gate import PreflightRefusedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.connection import Connection

pytestmark = pytest.mark.lab

KINDS = "namespace,crd,deployment,service,clusterrole,clusterrolebinding,serviceaccount,networkpolicy,resourcequota"
POINTS = ["customresourcedefinitions", "namespaces", "secrets", "serviceaccounts", "gitrepositories", "kustomizations"]
"""The kinds after whose first write a run is cut off: the ends and the middle of the five stages."""


class CutOffError(FluxseedError):
    """The run ends here, as if it had been killed."""


class CutOff:
    """A connection on which nothing goes through any more after the first write to some kind."""

    def __init__(self, real: Connection, plural: str) -> None:
        self.real, self.plural, self.is_over = real, plural, False

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self.real, name)

    def request(self, method: str, path: str, **how: t.Any) -> dict[str, t.Any]:
        if self.is_over:
            raise CutOffError("cut off")
        answer = self.real.request(method, path, **how)
        if (
            method == "PATCH"
            and "dryRun" not in (how.get("query") or {})
            and re.search(rf"/{self.plural}/[^/]+$", path)
        ):
            self.is_over = True
            raise CutOffError("cut off")
        return answer


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeds]:
    with started(tmp_path_factory.mktemp("apply")) as found:
        yield found


def managers(seeds: Seeds) -> dict[str, set[str]]:
    """Who has applied what: managers by object, for the objects of Flux."""
    listed = seeds.get(KINDS, "-A", "-l", "app.kubernetes.io/part-of=flux")["items"]
    return {
        f"{item['kind']} {item['metadata']['name']}": {
            entry["manager"]
            for entry in item["metadata"]["managedFields"]
            if entry["operation"] == "Apply" and not entry.get("subresource")
        }
        for item in listed
    }


def versions(seeds: Seeds, found: dict[str, t.Any]) -> dict[str, str]:
    """The resourceVersion of each object that a run has reported."""
    listed = {entry["kind"] for entry in found["objects"]["unchanged"]}
    names = {(entry["kind"], entry["name"]) for entry in found["objects"]["unchanged"]}
    live = seeds.get(",".join(sorted(listed)), "-A")["items"]
    return {
        f"{item['kind']} {item['metadata']['name']}": item["metadata"]["resourceVersion"]
        for item in live
        if (item["kind"], item["metadata"]["name"]) in names
    }


def until(holds: t.Callable[[], bool], seconds: float = 30) -> bool:
    """Whether something came true in time."""
    deadline = time.monotonic() + seconds
    while not (true := holds()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return true


# --- from nothing ---------------------------------------------------------------------------------


def test_check_mode_on_an_empty_cluster_is_the_plan(seeds: Seeds) -> None:
    """No namespace and no definition is there yet; all objects are foreseen, nothing is written."""
    wrote = len(seeds.writes())
    found = seeds.seed(check_mode=True)
    assert (
        len(found["objects"]["created"])
        == len(list(yaml.safe_load_all(seeds.read(f"{FLUX}/gotk-components.yaml")))) + 4
    )
    assert found["changed"]
    assert len(seeds.writes()) == wrote


def test_cut_off_at_six_points_each_next_run_goes_on(seeds: Seeds) -> None:
    """What was written is told, is not written again, and the last run has nothing left to mend."""
    remaining = seeds.seed(check_mode=True)["objects"]["created"]
    for plural in POINTS:
        seeding = seeds.seeding(lambda plural=plural: CutOff(seeds.connect(), plural))
        with pytest.raises(CutOffError):
            seeding.run()
        told = seeding.outcome.as_result()["objects"]
        planned = seeds.seed(check_mode=True)["objects"]["created"]
        assert {entry["kind"] for entry in remaining} >= {entry["kind"] for entry in planned}
        assert len(planned) < len(remaining), plural
        assert all(entry not in planned for entry in told["created"])
        remaining = planned
    healed = seeds.seed()
    assert (healed["secrets"]["compared"], healed["secrets"]["proven"]) == (1, 1)
    assert all(entry["ready"] for entry in healed["kustomizations"])


def test_again_writes_nothing(seeds: Seeds) -> None:
    """No write in the audit log, few requests, no resourceVersion moved."""
    wrote = len(seeds.writes())
    before = versions(seeds, seeds.seed())
    start = dt.datetime.now(dt.UTC)
    found = seeds.seed()
    assert not found["changed"]
    assert len(seeds.writes()) == wrote
    objects = len(found["objects"]["unchanged"])
    assert len(seeds.requests(start)) <= objects + 30 + found["secrets"]["proven"]
    assert versions(seeds, found) == before


# --- ownership ------------------------------------------------------------------------------------


def test_after_the_hand_over_git_is_the_only_owner(seeds: Seeds) -> None:
    """Of what Flux applies nothing is ours; only the Secrets outside of Git are."""
    assert set().union(*managers(seeds).values()) == {"kustomize-controller"}
    secret = seeds.get("secret", "sops-age", "-n", "flux-system")
    assert {entry["manager"] for entry in secret["metadata"]["managedFields"]} == {"kubectl-flux-seed"}


def test_a_bootstrapped_cluster_is_adopted(seeds: Seeds) -> None:
    """Flux' command is co-owner before, and what it alone had set is gone afterwards."""
    objects = list(yaml.safe_load_all(seeds.read(f"{FLUX}/gotk-components.yaml")))
    account = next(item for item in objects if item["kind"] == "ServiceAccount")
    account["metadata"]["labels"]["left-by"] = "bootstrap"
    extra = yaml.safe_dump_all(objects)
    seeds.kubectl("apply", "--server-side", "--field-manager=flux", "--force-conflicts", "-f", "-", stdin=extra)
    assert managers(seeds)["Deployment source-controller"] == {"kustomize-controller", "flux"}
    planned = seeds.seed(check_mode=True)
    found = seeds.seed()
    assert planned["objects"]["configured"] == found["objects"]["configured"]
    assert len(found["objects"]["configured"]) >= 22
    assert set().union(*managers(seeds).values()) == {"kustomize-controller"}
    live = seeds.get("serviceaccount", account["metadata"]["name"], "-n", "flux-system")
    assert "left-by" not in live["metadata"]["labels"]
    assert not seeds.seed()["changed"]


def test_a_left_over_owner_is_told(seeds: Seeds) -> None:
    """The self-test of the hand-over: an entry of ours on an object of Flux is a warning."""
    seeds.kubectl(
        "apply", "--server-side", "--field-manager=kubectl-flux-seed", "--force-conflicts", "-f", "-",
        stdin="apiVersion: v1\nkind: Namespace\nmetadata: {name: flux-system, labels: {pod-security.kubernetes.io/warn: restricted}}\n",
    )  # fmt: skip
    seeds.seed()
    assert any("Namespace flux-system (kubectl-flux-seed)" in line for line in seeds.told)
    seeds.reconcile()
    assert until(lambda: managers(seeds)["Namespace flux-system"] == {"kustomize-controller"})


def test_components_are_verified_and_missing_ones_made(seeds: Seeds) -> None:
    """Drift is told and left to Flux; with force it is written."""
    seeds.suspend(True)
    seeds.kubectl(
        "label", "deployment/source-controller", "-n", "flux-system", "app.kubernetes.io/component=odd", "--overwrite"
    )
    seeds.kubectl("delete", "networkpolicy/allow-egress", "-n", "flux-system")
    found = seeds.seed()
    assert found["objects"]["created"] == [
        {"kind": "NetworkPolicy", "namespace": "flux-system", "name": "allow-egress"}
    ]
    assert found["objects"]["configured"] == []
    assert found["drift"] == [{"kind": "Deployment", "namespace": "flux-system", "name": "source-controller"}]
    forced = seeds.seed(force_components=True)
    assert forced["objects"]["configured"] == [
        {"kind": "Deployment", "namespace": "flux-system", "name": "source-controller"}
    ]
    seeds.suspend(False)
    assert seeds.seed(force_components=True)["drift"] == []


def test_a_field_of_somebody_else_is_not_taken(seeds: Seeds) -> None:
    """The manager is named, and nothing is written."""
    stolen = (
        "apiVersion: v1\nkind: Secret\nmetadata: {name: sops-age, namespace: flux-system}\ndata: {age.agekey: eA==}\n"
    )
    seeds.kubectl("apply", "--server-side", "--field-manager=vault-sync", "--force-conflicts", "-f", "-", stdin=stolen)
    wrote = len(seeds.writes())
    with pytest.raises(ConflictError, match=r"sops-age: .data.age.agekey belong to vault-sync"):
        seeds.seed()
    assert len(seeds.writes()) == wrote
    taken = stolen.replace("data: {age.agekey: eA==}\n", "")
    seeds.kubectl("apply", "--server-side", "--field-manager=vault-sync", "-f", "-", stdin=taken)
    seeds.seed()


def test_an_immutable_field_of_a_component_makes_it_anew(seeds: Seeds) -> None:
    """The selector of a Deployment cannot be changed; the object is deleted, awaited and made again."""
    live = seeds.get("deployment", "source-controller", "-n", "flux-system")
    seeds.suspend(True)
    seeds.kubectl("delete", "deployment/source-controller", "-n", "flux-system")
    for part in (live["spec"]["selector"]["matchLabels"], live["spec"]["template"]["metadata"]["labels"]):
        part["was"] = "older"
    kept = {key: live["metadata"][key] for key in ("name", "namespace")} | {
        "labels": {"app.kubernetes.io/part-of": "flux"}
    }
    older = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": kept, "spec": live["spec"]}
    seeds.kubectl("apply", "-f", "-", stdin=json.dumps(older))
    planned = seeds.seed(check_mode=True)
    found = seeds.seed()
    assert planned["objects"]["configured"] == found["objects"]["configured"]
    made = seeds.get("deployment", "source-controller", "-n", "flux-system")
    assert "was" not in made["spec"]["selector"]["matchLabels"]
    seeds.suspend(False)
    assert seeds.seed()["drift"] == []


# --- upgrades -------------------------------------------------------------------------------------


def test_stored_versions_are_migrated_before_a_version_goes(seeds: Seeds) -> None:
    """Objects stored in an old version are rewritten; then Git can drop it, and they can still be read."""
    definition = "kustomizations.kustomize.toolkit.fluxcd.io"
    live = seeds.get("crd", definition)
    old = json.loads(json.dumps(live["spec"]["versions"][0])) | {"name": "v1beta9", "storage": True}
    live["spec"]["versions"][0]["storage"] = False
    seeds.kubectl("patch", "crd", definition, "--type=merge", "--field-manager=test", "-p",
                  json.dumps({"spec": {"versions": [*live["spec"]["versions"], old]}}))  # fmt: skip
    time.sleep(2)
    for name in ("flux-system", "apps"):
        seeds.kubectl(
            "annotate", f"kustomizations.v1beta9.kustomize.toolkit.fluxcd.io/{name}", "-n", "flux-system", "stored=old"
        )
    assert seeds.get("crd", definition)["status"]["storedVersions"] == ["v1", "v1beta9"]
    found = seeds.seed()
    assert {"kind": "CustomResourceDefinition", "namespace": "", "name": definition} in found["objects"]["configured"]
    after = seeds.get("crd", definition)
    assert after["status"]["storedVersions"] == ["v1"]
    deadline = time.monotonic() + 15
    while len(after["spec"]["versions"]) > 1 and time.monotonic() < deadline:
        time.sleep(0.3)
        after = seeds.get("crd", definition)
    assert [version["name"] for version in after["spec"]["versions"]] == ["v1"]
    assert len(seeds.get("kustomizations", "-A")["items"]) == 2
    for item in seeds.get("kustomizations", "-A")["items"]:
        assert all("v1beta9" not in entry["apiVersion"] for entry in item["metadata"]["managedFields"])
    assert not seeds.seed()["changed"]


def test_a_downgrade_is_refused(seeds: Seeds) -> None:
    """Git has an older Flux than the cluster; with force the run would write it."""
    file = f"{FLUX}/gotk-components.yaml"
    text = seeds.read(file)
    seeds.publish(**{"old/flux-system/gotk-components.yaml": text.replace("v2.9.5", "v2.8.0"),
                     "old/secret.yaml": seeds.read("apps/database.yaml"),
                     "old/flux-system/gotk-sync.yaml": seeds.read(f"{FLUX}/gotk-sync.yaml").replace("clusters/lab", "old")})  # fmt: skip
    wrote = len(seeds.writes())
    with pytest.raises(PreflightRefusedError, match=r"v2\.8\.0 in Git is older than v2\.9\.5"):
        seeds.seed(path="old", force_components=True)
    assert len(seeds.writes()) == wrote


def test_where_helm_has_installed_flux_only_the_secrets_are_written(seeds: Seeds) -> None:
    """Components and sync are left alone, even what is missing; the result is awaited and proven all the same."""
    label = ("label", "crd", "-l", "app.kubernetes.io/part-of=flux", "--overwrite")
    seeds.suspend(True)
    seeds.kubectl(*label, "app.kubernetes.io/managed-by=Helm")
    seeds.kubectl("delete", "networkpolicy/allow-egress", "-n", "flux-system")
    seeds.kubectl("delete", "secret/sops-age", "-n", "flux-system")
    found = seeds.seed()
    assert found["objects"]["created"] == [{"kind": "Secret", "namespace": "flux-system", "name": "sops-age"}]
    assert len(found["objects"]["unchanged"]) == 1
    assert any("Helm has installed Flux here" in line for line in seeds.told)
    assert found["secrets"]["proven"] == 1
    seeds.kubectl(*label, "app.kubernetes.io/managed-by-")
    seeds.suspend(False)
    assert seeds.seed()["objects"]["created"] in (
        [],
        [{"kind": "NetworkPolicy", "namespace": "flux-system", "name": "allow-egress"}],
    )


# --- a busy cluster -------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "reason"), [(429, "TooManyRequests"), (409, "Conflict")])
def test_a_storm_of_refusals_is_sat_out(seeds: Seeds, status: int, reason: str) -> None:
    """Every third request is put off, every third write meets somebody else's; the run takes longer, that is all."""

    def refuse(method: str, _path: str, number: int) -> Refusal | None:
        if number % 3 or (status == 409 and method != "PATCH"):
            return None
        return status, reason, {"Retry-After": "0"} if status == 429 else {}

    seeds.kubectl("delete", "networkpolicy", "--all", "-n", "flux-system")
    with proxied(seeds.facts["kubeconfig"], refuse) as kubeconfig:
        found = seeds.seed(lambda: Connection.from_kubeconfig(kubeconfig))
    assert len(found["objects"]["created"]) == 3
    assert found["secrets"]["proven"] == 1


def test_two_at_once_agree(seeds: Seeds) -> None:
    """Both succeed; afterwards there is nothing to do."""
    seeds.kubectl("delete", "networkpolicy", "--all", "-n", "flux-system")
    seeds.kubectl("delete", "secret", "flux-system", "sops-age", "-n", "flux-system")
    failed: list[BaseException] = []

    def run() -> None:
        try:
            seeds.seed()
        except BaseException as exc:  # noqa: BLE001 - told by the test
            failed.append(exc)

    threads = [threading.Thread(target=run) for _number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert not seeds.seed()["changed"]


def test_the_api_server_is_killed_in_the_middle(seeds: Seeds) -> None:
    """It is started again by hand after three seconds; the run goes on by itself."""
    process = next(entry for entry in seeds.lab_processes() if entry["name"] == "kube-apiserver")
    again = seeds.restarter(process["pid"])
    seeds.kubectl("delete", "networkpolicy", "--all", "-n", "flux-system")

    class Killing(CutOff):
        def request(self, method: str, path: str, **how: t.Any) -> dict[str, t.Any]:
            if method == "PATCH" and "/networkpolicies/" in path and not self.is_over:
                self.is_over = True
                os.kill(process["pid"], signal.SIGKILL)
                threading.Timer(3, again).start()
            return self.real.request(method, path, **how)

    found = seeds.seed(lambda: Killing(seeds.connect(), ""))  # type: ignore[arg-type,return-value]
    assert len(found["objects"]["created"]) == 3
    assert not seeds.seed()["changed"]


# --- the end --------------------------------------------------------------------------------------


def test_a_namespace_that_is_being_deleted_stops_the_run(seeds: Seeds) -> None:
    """Told before any write; what a run without the checks would meet is told by the server."""
    holder = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "held", "namespace": "flux-system", "finalizers": ["test.example.com/held"]},
    }
    seeds.kubectl("apply", "-f", "-", stdin=json.dumps(holder))
    seeds.kubectl("delete", "namespace", "flux-system", "--wait=false")
    wrote = len(seeds.writes())
    with pytest.raises(PreflightRefusedError, match="Namespace flux-system is being deleted"):
        seeds.seed()
    assert len(seeds.writes()) == wrote
    seeds.kubectl(
        "patch", "configmap/held", "-n", "flux-system", "--type=merge", "-p", '{"metadata":{"finalizers":null}}'
    )
