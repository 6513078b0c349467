# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for the whole tree on a real cluster with the real controllers; requests, and what is told of the state.

The stories are told in the order in which they stand here: each leaves the cluster at rest, at the head of the branch.
"""

from __future__ import annotations

import datetime as dt
import io
import json
import re
import time
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from by_hand import apply, install, secret
from seeds import CHILD, Seeds, started

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible import flux_info, flux_reconcile
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError, NotReadyError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.advice import Advisor
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.diagnosis import await_components
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.waiting import Arrived, Waiting
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.wait import Deadline
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.main import main
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.streams import Streams

pytestmark = pytest.mark.lab

MANAGER = "--field-manager=flux-client-side-apply"
"""What a manager called kubectl-something has changed, Flux brings back to what Git says."""
KUSTOMIZE, SOURCE_API = "kustomize.toolkit.fluxcd.io/v1", "source.toolkit.fluxcd.io/v1"
SOURCE = Reference(SOURCE_API, "GitRepository", "flux-system", "flux-system")
ROOT = Reference(KUSTOMIZE, "Kustomization", "flux-system", "flux-system")
APPS = ROOT._replace(name="apps")
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: default}}\ndata: {{value: '{value}'}}\n"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeds]:
    """A lab with Flux and without the key that opens its secrets."""
    with started(tmp_path_factory.mktemp("await")) as found:
        install(found, key=False)
        yield found


@contextmanager
def waiting(seeds: Seeds, told: list[str] | None = None, seconds: float = 60, **more: t.Any) -> Iterator[Waiting]:
    """A wait for the whole tree."""
    with seeds.api() as api:
        tell = (told if told is not None else []).append
        yield Waiting(api, SOURCE, ROOT, Deadline(seconds), tell, **{"advise": Advisor(api), **more})


def arrive(seeds: Seeds, told: list[str] | None = None, **how: t.Any) -> Arrived:
    """Wait until the tree is where Git is."""
    with waiting(seeds, told) as wait:
        return wait.arrive(**{"ask_source": False, "ask_tree": False, "fresh": False, **how})


def reconcile(
    seeds: Seeds, told: list[str] | None = None, *, check_mode: bool = False, **options: t.Any
) -> dict[str, t.Any]:
    """Call the module in process, as the action plugin does."""
    defaults = {name: option.get("default") for name, option in flux_reconcile.ARGUMENT_SPEC.items()}
    params = {**defaults, "kubeconfig": seeds.facts["kubeconfig"], "timeout": 60, **options}
    tell = (told if told is not None else []).append
    return flux_reconcile.run(Call(params=params, check_mode=check_mode, progress=tell))


def flux_status(seeds: Seeds, *options: str) -> tuple[int, str, str]:
    """Run the command and return its exit code, what it printed, and its complaint."""
    printed, complaint = io.BytesIO(), io.StringIO()
    streams = Streams(io.BytesIO(), printed, complaint)
    code = main(["flux-status", "--kubeconfig", seeds.facts["kubeconfig"], *options], streams)
    return code, printed.getvalue().decode(), complaint.getvalue()


def revision(seeds: Seeds) -> str:
    """The revision that the cluster should have."""
    return f"main@sha1:{seeds.git('rev-parse', 'HEAD')}"


def patch(seeds: Seeds, name: str, change: dict[str, t.Any], *options: str, kind: str = "kustomization") -> None:
    """Change an object as a person does."""
    seeds.kubectl("patch", kind, name, "-n", "flux-system", "--type=merge", "-p", json.dumps(change), MANAGER, *options)


def fetch(seeds: Seeds) -> None:
    """Have the head of the branch fetched now, and not within a minute."""
    token = f"reconcile.fluxcd.io/requestedAt={time.time()}"
    seeds.kubectl("annotate", "gitrepository/flux-system", "-n", "flux-system", "--overwrite", token, MANAGER)


def eventually(question: Callable[[], bool], seconds: float = 20) -> None:
    """Ask until it is so."""
    end = time.monotonic() + seconds
    while not question():
        assert time.monotonic() < end
        time.sleep(0.2)


# --- a key that comes late ------------------------------------------------------------------------


def test_a_missing_key_is_told_with_the_namespace_and_its_secrets(seeds: Seeds) -> None:
    """The wait ends at once, and names what is there instead."""
    with pytest.raises(
        NotReadyError, match=r'Kustomization flux-system/\S+: BuildFailed: secrets "sops-age" not found'
    ) as raised:
        arrive(seeds, fresh=True)
    assert "namespace flux-system has flux-system" in str(raised.value)


def test_a_labelled_key_heals_without_a_request(seeds: Seeds) -> None:
    """Flux watches the Secret; the wait that follows has nothing to ask for once it is used."""
    secret(seeds, "sops-age", **{"age.agekey": seeds.key})
    told: list[str] = []
    with waiting(seeds, told) as wait:
        arrived = wait.arrive(ask_source=False, ask_tree=False, fresh=False)
    assert arrived.revision == revision(seeds)
    assert f"Kustomization flux-system/apps: ready at {revision(seeds)}" in told
    assert len(told) == len(set(told)), "something was told twice"


def test_a_tree_at_rest_costs_two_requests(seeds: Seeds) -> None:
    """Nothing is written, and nothing is watched."""
    start = dt.datetime.now(dt.UTC)
    arrive(seeds)
    made = [f"{event['verb']} {event['requestURI'].partition('?')[0]}" for event in seeds.requests(start)]
    assert [entry for entry in made if "kustomizations" in entry or "gitrepositories" in entry] == [
        f"list /apis/{SOURCE_API}/namespaces/flux-system/gitrepositories",
        f"list /apis/{KUSTOMIZE}/kustomizations",
    ]
    assert not [entry for entry in made if entry.startswith(("patch", "watch"))]


def test_an_unlabelled_key_heals_by_a_request(seeds: Seeds) -> None:
    """Nobody watches it, and the Kustomization would try again in ten minutes."""
    seeds.kubectl("delete", "secret", "sops-age", "-n", "flux-system")
    patch(seeds, "apps", {"spec": {"retryInterval": "10m"}})
    failed = reconcile(seeds, name="apps", with_source=False)
    assert failed["failed"]
    assert 'secrets "sops-age" not found' in failed["msg"]
    seeds.kubectl(
        "create", "secret", "generic", "sops-age", "-n", "flux-system", f"--from-literal=age.agekey={seeds.key}"
    )
    with waiting(seeds) as wait:
        wait.arrive(ask_source=False, ask_tree=False, fresh=False)
    assert APPS in wait.requested
    secret(seeds, "sops-age", **{"age.agekey": seeds.key})


# --- requests -------------------------------------------------------------------------------------


def test_a_request_brings_the_head_of_the_branch_to_the_whole_tree(seeds: Seeds) -> None:
    """The source, then the root, then all below it; the request is owned by a manager that Flux leaves alone."""
    seeds.publish(**{"apps/late.yaml": CONFIG.format(name="late", value="one")})
    told: list[str] = []
    result = reconcile(seeds, told)
    assert result["revision"] == revision(seeds) != result["revision_before"]
    assert [entry["name"] for entry in result["reconcile_requested"]] == ["flux-system", "flux-system", "apps"]
    assert result["changed"]
    assert {entry["revision"] for entry in result["kustomizations"]} == {revision(seeds)}
    fields = seeds.get("kustomization", "apps", "-n", "flux-system")["metadata"]["managedFields"]
    asked = [entry["manager"] for entry in fields if "f:reconcile.fluxcd.io/requestedAt" in json.dumps(entry)]
    assert asked == ["flux-client-side-apply"]


def test_check_mode_names_what_would_be_asked_and_writes_nothing(seeds: Seeds) -> None:
    before = len(seeds.writes())
    result = reconcile(seeds, check_mode=True)
    assert [entry["name"] for entry in result["reconcile_requested"]] == ["flux-system", "flux-system", "apps"]
    assert len(seeds.writes()) == before


def test_a_source_alone_is_fetched(seeds: Seeds) -> None:
    seeds.publish(**{"apps/late.yaml": CONFIG.format(name="late", value="two")})
    result = reconcile(seeds, kind="GitRepository")
    assert (result["revision"], result["kustomizations"]) == (revision(seeds), [])
    arrive(seeds)


def test_a_branch_that_moves_on_meanwhile_is_followed(seeds: Seeds) -> None:
    """Another commit is fetched while the first one is on its way; the wait ends at the second."""
    seeds.publish(**{"apps/late.yaml": CONFIG.format(name="late", value="three")})
    moved: list[str] = []

    def tell(message: str) -> None:
        if message == f"{ROOT}: reconcile requested" and not moved:
            moved.append(seeds.publish(**{"apps/late.yaml": CONFIG.format(name="late", value="four")}))
            annotation = "reconcile.fluxcd.io/requestedAt=moved"
            seeds.kubectl("annotate", "--overwrite", "gitrepository", "flux-system", "-n", "flux-system", annotation)

    with seeds.api() as api:
        wait = Waiting(api, SOURCE, ROOT, Deadline(60), tell)
        arrived = wait.arrive(ask_source=True, ask_tree=False, fresh=False, ask_all=True)
    # The second fetch may come after the first revision has arrived everywhere: then that was the head.
    assert moved
    if arrived.revision != revision(seeds):
        arrived = arrive(seeds, ask_source=True)
    assert arrived.revision == revision(seeds)
    assert seeds.kubectl("get", "configmap", "late", "-o", "jsonpath={.data.value}") == "four"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"name": "nope"},
            r"Kustomization flux-system/nope: does not exist .there are: flux-system/apps, flux-system/flux-system",
        ),
        ({"kind": "Bucket", "name": "x"}, r"Bucket flux-system/x: does not exist .there is none of this kind"),
    ],
    ids=["Kustomization", "Bucket"],
)
def test_what_is_not_there_is_told_with_what_is(seeds: Seeds, options: dict[str, str], message: str) -> None:
    result = reconcile(seeds, **options)
    assert result["failed"]
    assert re.search(message, result["msg"]), result["msg"]


# --- suspended ------------------------------------------------------------------------------------


def test_a_suspended_child_is_told_and_not_waited_for(seeds: Seeds) -> None:
    patch(seeds, "apps", {"spec": {"suspend": True}})
    try:
        seeds.publish(**{"apps/late.yaml": CONFIG.format(name="late", value="five")})
        result = reconcile(seeds)
        assert result["suspended"] == [{"kind": "Kustomization", "namespace": "flux-system", "name": "apps"}]
        assert result["revision"] == revision(seeds)
        refused = reconcile(seeds, name="apps")
        assert refused["failed"]
        assert "is suspended" in refused["msg"]
        assert not reconcile(seeds, name="apps", suspended="skip").get("failed")
        code, table, _complaint = flux_status(seeds)
        assert code == 0
        assert "suspended" in next(line for line in table.splitlines() if "flux-system/apps" in line)
    finally:
        patch(seeds, "apps", {"spec": {"suspend": False}})
    arrive(seeds)


# --- failures -------------------------------------------------------------------------------------


def test_a_child_that_fails_is_told_within_five_seconds(seeds: Seeds) -> None:
    """From the moment at which its controller says so, with the message, the hint and the warnings."""
    child = (
        CHILD.format(name="broken").replace("./broken", "./nowhere").replace("retryInterval: 1s", "retryInterval: 1m")
    )
    seeds.publish(**{"clusters/lab/broken.yaml": child})
    try:
        result = reconcile(seeds)
        ended = dt.datetime.now(dt.UTC)
        assert "Kustomization flux-system/broken" in result["msg"]
        assert "kustomization path not found" in result["msg"]
        assert "spec.path" in result["hint"]
        found = seeds.get("kustomization", "broken", "-n", "flux-system")["status"]["conditions"]
        failed = next(entry for entry in found if entry["type"] == "Ready")
        # The cluster tells whole seconds.
        assert (ended - dt.datetime.fromisoformat(failed["lastTransitionTime"])).total_seconds() < 6
        code, table, complaint = flux_status(seeds)
        assert code == 1
        assert "failed: Kustomization flux-system/broken" in complaint
        assert "kustomization path not found" in table
    finally:
        (seeds.tree / "clusters/lab/broken.yaml").unlink()
        seeds.publish()
    assert not reconcile(seeds).get("failed"), "a child that is on its way out kept the tree from arriving"


def test_a_child_of_a_parent_that_waits_for_it_is_told_too(seeds: Seeds) -> None:
    """Its parent would say so only when its own timeout is over."""
    child = (
        CHILD.format(name="waited").replace("./waited", "./nowhere").replace("retryInterval: 1s", "retryInterval: 1m")
    )
    middle = CHILD.format(name="middle").replace("prune: true", "prune: true\n  wait: true\n  timeout: 2m")
    seeds.publish(**{"clusters/lab/middle.yaml": middle, "middle/waited.yaml": child})
    try:
        began = time.monotonic()
        result = reconcile(seeds)
        assert "Kustomization flux-system/waited: ArtifactFailed: kustomization path not found" in result["msg"]
        assert time.monotonic() - began < 30
    finally:
        for path in ("clusters/lab/middle.yaml", "middle/waited.yaml"):
            (seeds.tree / path).unlink()
        seeds.publish(**{"somewhere/late.yaml": CONFIG.format(name="somewhere", value="six")})
        fetch(seeds)
        # Flux lets a health check end before it deletes what has asked for it: so the child gets well first.
        patch(seeds, "waited", {"spec": {"path": "./somewhere", "retryInterval": "1s"}})
        seeds.kubectl("wait", "--for=delete", "kustomization/middle", "-n", "flux-system", "--timeout=60s")
    assert not reconcile(seeds).get("failed")


def test_two_that_wait_for_each_other_are_told(seeds: Seeds) -> None:
    def depending(name: str, other: str) -> str:
        return (
            CHILD.format(name=name)
            .replace("./" + name, "./apps")
            .replace("prune: true", f"prune: false\n  dependsOn: [{{name: {other}}}]")
        )

    seeds.publish(
        **{"clusters/lab/one.yaml": depending("one", "two"), "clusters/lab/two.yaml": depending("two", "one")}
    )
    try:
        result = reconcile(seeds)
        assert re.search(
            r"waits for itself, by dependsOn: flux-system/(one|two) -> .*(one|two) -> flux-system/\1", result["msg"]
        )
    finally:
        for name in ("one", "two"):
            (seeds.tree / f"clusters/lab/{name}.yaml").unlink()
        seeds.publish()
    assert not reconcile(seeds).get("failed")


# --- Pods -----------------------------------------------------------------------------------------

WAITING: dict[str, tuple[dict[str, t.Any], str]] = {
    "ErrImagePull": ({"message": "manifest unknown"}, "does the image exist"),
    "ImagePullBackOff": ({"message": "Back-off pulling image"}, "does the image exist"),
    "CreateContainerConfigError": ({"message": 'secret "nope" not found'}, "refers to is missing"),
    "CrashLoopBackOff": ({"message": "back-off 20s restarting"}, "kubectl logs --previous -n flux-system"),
}


def deployment(name: str, **spec: t.Any) -> dict[str, object]:
    """A Deployment whose Pods are on a node that is not there, so that only the test says how they are."""
    pod = {"containers": [{"name": "main", "image": "example.com/image:1"}], **(spec or {"nodeName": "nowhere"})}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {"selector": {"matchLabels": {"app": name}}, "template": template},
    }


def pod_of(seeds: Seeds, name: str) -> str:
    """Name of the Pod of a Deployment, once there is one."""
    found: list[str] = []

    def look() -> bool:
        output = seeds.kubectl("get", "pods", "-n", "flux-system", "-l", f"app={name}", "-o", "name")
        found[:] = output.split()
        return bool(found)

    eventually(look)
    return found[0].removeprefix("pod/")


def await_deployment(seeds: Seeds, name: str, *, speed: float = 1) -> NotReadyError:
    """Wait for a Deployment, with a clock that may run faster, and return why it failed."""
    target = Reference("apps/v1", "Deployment", "flux-system", name)
    deadline = Deadline(120, clock=lambda: time.monotonic() * speed)
    with seeds.api() as api, pytest.raises(NotReadyError) as raised:
        await_components(api, {target: api.get(target)}, deadline, lambda _message: None)
    return raised.value


@pytest.mark.parametrize("reason", WAITING)
def test_a_pod_that_cannot_start_is_told_early(seeds: Seeds, reason: str) -> None:
    """As soon as kubelet says so, not after the ten minutes of the Deployment."""
    name, (told, hint) = reason.lower(), WAITING[reason]
    apply(seeds, deployment(name))
    container = {
        "name": "main", "image": "x", "imageID": "", "ready": False, "restartCount": 3,
        "state": {"waiting": {"reason": reason, **told}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}},
    }  # fmt: skip
    status = {"status": {"phase": "Pending", "containerStatuses": [container]}}
    patch(seeds, pod_of(seeds, name), status, "--subresource=status", kind="pod")
    try:
        error = await_deployment(seeds, name)
        assert f"Deployment flux-system/{name}: container main of Pod flux-system/{name}-" in str(error)
        assert f"{reason}: {told['message']}" in str(error)
        assert hint in str(error)
        assert ("exit code 137 (OOMKilled)" in str(error)) == (reason == "CrashLoopBackOff")
    finally:
        seeds.kubectl("delete", "deployment", name, "-n", "flux-system", "--wait=false")


def test_a_pod_that_no_node_takes_is_told_after_a_while(seeds: Seeds) -> None:
    """The real scheduler says so, with the numbers; the clock of the wait runs ten times as fast."""
    apply(seeds, deployment("homeless", nodeSelector={"nobody": "has"}))
    try:
        error = await_deployment(seeds, "homeless", speed=10)
        assert "Unschedulable" in str(error)
        assert "FailedScheduling" in str(error) or "didn't match" in str(error)
        assert "has it room?" in str(error)
    finally:
        seeds.kubectl("delete", "deployment", "homeless", "-n", "flux-system", "--wait=false")


# --- HelmReleases ---------------------------------------------------------------------------------

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "helmreleases.helm.toolkit.fluxcd.io"},
    "spec": {
        "group": "helm.toolkit.fluxcd.io",
        "names": {"kind": "HelmRelease", "plural": "helmreleases", "singular": "helmrelease", "listKind": "HelmReleaseList"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v2", "served": True, "storage": True, "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}  # fmt: skip
RELEASE = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: web, namespace: flux-system}\nspec: {interval: 10m}\n"


def say(seeds: Seeds, status: str, reason: str, message: str, **more: t.Any) -> None:
    """Say for helm-controller how the release is."""
    now = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    own = {"type": "Ready", "status": status, "reason": reason, "message": message, "lastTransitionTime": now}
    conditions = [own, *({**own, "type": kind, "status": "True"} for kind in more.pop("also", ()))]
    change = {"status": {"observedGeneration": 1, "conditions": conditions, **more}}
    patch(seeds, "web", change, "--subresource=status", kind="helmrelease")


def test_helm_releases_are_waited_for_when_wanted(seeds: Seeds) -> None:
    """In the tree by the inventory of what has applied them; helm-controller is played by the test."""
    apply(seeds, DEFINITION)
    seeds.kubectl("wait", "--for=condition=Established", "crd", "helmreleases.helm.toolkit.fluxcd.io")
    seeds.publish(**{"clusters/lab/web.yaml": RELEASE})
    assert not reconcile(seeds).get("failed")
    say(seeds, "False", "InstallFailed", "install failed: no such image", also=["Stalled"])
    with (
        waiting(seeds, helm_releases=True) as wait,
        pytest.raises(NotReadyError, match="HelmRelease flux-system/web: InstallFailed"),
    ):
        wait.arrive(ask_source=False, ask_tree=False, fresh=False)
    told: list[str] = []

    def tell(message: str) -> None:
        told.append(message)
        if "running install" in message:
            say(seeds, "True", "InstallSucceeded", "installed")

    say(seeds, "Unknown", "Progressing", "running install")
    with seeds.api() as api:
        wait = Waiting(api, SOURCE, ROOT, Deadline(30), tell, helm_releases=True)
        wait.arrive(ask_source=False, ask_tree=False, fresh=False)
    assert told[-1] == "HelmRelease flux-system/web: ready InstallSucceeded: installed"


# --- the state ------------------------------------------------------------------------------------


def test_the_state_is_told_as_a_tree(seeds: Seeds) -> None:
    """Who decrypts with what, who applied whom, who owns what."""
    result = flux_info.run(Call(params={"kubeconfig": seeds.facts["kubeconfig"]}))
    root, apps = (
        result["kustomizations"][0],
        next(entry for entry in result["kustomizations"] if entry["name"] == "apps"),
    )
    assert (root["depth"], root["parent"]) == (0, "")
    assert (apps["depth"], apps["parent"], apps["state"]) == (1, "flux-system/flux-system", "ready")
    assert apps["revision"] == revision(seeds) == apps["source"]["revision"]
    assert apps["decryption"] == {
        "provider": "sops", "secret": "sops-age", "service_account": "", "secret_exists": True, "entries": ["age.agekey"],
    }  # fmt: skip
    assert "kustomize-controller" in apps["managers"]
    assert (result["self_managed"], result["installers"], result["version"]) == (True, [], seeds.facts["flux_version"])
    assert [entry["state"] for entry in result["components"]] == ["ready", "ready"]
    kinds = ("components", "sources", "kustomizations", "helm_releases")
    assert result["ready"], [entry for kind in kinds for entry in result[kind] if entry["state"] != "ready"]
    assert seeds.key not in json.dumps(result)


def test_the_command_prints_a_table_and_json(seeds: Seeds) -> None:
    code, table, complaint = flux_status(seeds)
    assert (code, complaint) == (0, "")
    lines = table.splitlines()
    own = next(index for index, line in enumerate(lines) if line.startswith("flux-system/flux-system"))
    assert lines[own + 1].startswith("  flux-system/apps  ")
    assert "sops-age" in lines[own + 1]
    code, text, _complaint = flux_status(seeds, "--output", "json")
    assert (code, json.loads(text)["kustomizations"][0]["name"]) == (0, "flux-system")


def test_a_missing_decryption_secret_shows(seeds: Seeds) -> None:
    """Also while everything is still ready from before."""
    seeds.kubectl("delete", "secret", "sops-age", "-n", "flux-system")
    _code, table, _complaint = flux_status(seeds)
    secret(seeds, "sops-age", **{"age.agekey": seeds.key})
    assert "sops-age (missing)" in table


def test_reading_writes_nothing(seeds: Seeds) -> None:
    before = len(seeds.writes())
    flux_info.run(Call(params={"kubeconfig": seeds.facts["kubeconfig"]}))
    flux_status(seeds)
    assert len(seeds.writes()) == before


def test_a_cluster_that_does_not_answer_is_an_error(seeds: Seeds) -> None:
    """Never "not installed"."""
    kubeconfig = yaml.safe_load(Path(seeds.facts["kubeconfig"]).read_text())
    kubeconfig["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:9"
    with pytest.raises(FluxseedError, match="does not answer"):
        flux_info.run(Call(params={"kubeconfig": kubeconfig}))
