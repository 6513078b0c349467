# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight on a real API server: what is refused is refused before the first write; each test goes on from the last."""

from __future__ import annotations

import base64
import json
import os
import signal
import typing as t
from collections.abc import Callable, Iterator

import pytest
import yaml
from seeds import CHILD, FLUX, SECRET, SYNC, Seeds, started

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ManifestError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.gate import PreflightRefusedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.preflight.base import failed
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.connection import Connection
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import generate_identity

pytestmark = pytest.mark.lab

DECRYPTION = "  decryption: {provider: sops, secretRef: {name: sops-age}}\n"
INJECTING = """\
  patches:
    - target: {group: kustomize.toolkit.fluxcd.io, kind: Kustomization}
      patch: |
        - op: add
          path: /spec/decryption
          value: {provider: sops, secretRef: {name: sops-age}}
"""
READER = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: reader}
rules:
  - {apiGroups: ["*"], resources: ["*"], verbs: [get, list, watch]}
"""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeds]:
    """A lab with a repository in order, and an empty cluster."""
    with started(tmp_path_factory.mktemp("preflight")) as found:
        yield found


def refused(seeds: Seeds, connect: Callable[[], Connection] | None = None, **settings: t.Any) -> dict[str, str]:
    """Run, expect a refusal, and return the evidence of each check that failed; nothing was written."""
    before = seeds.writes()
    with pytest.raises(PreflightRefusedError) as caught:
        seeds.seed(connect, **settings)
    assert seeds.writes() == before
    return {check.name: f"{check.evidence} ({check.fix})" for check in failed(caught.value.checks)}


def results(outcome: dict[str, t.Any]) -> dict[str, str]:
    """Return the results of all checks of a run."""
    return {check["name"]: check["result"] for check in outcome["checks"]}


def account(seeds: Seeds, name: str, role: str) -> Callable[[], Connection]:
    """Make a ServiceAccount with a cluster role, and return how to connect as it."""
    seeds.kubectl("create", "serviceaccount", name, "-n", "default")
    seeds.kubectl("create", "clusterrolebinding", name, f"--clusterrole={role}", f"--serviceaccount=default:{name}")
    token = seeds.kubectl("create", "token", name, "-n", "default").strip()
    with open(seeds.facts["kubeconfig"]) as file:  # noqa: PTH123 - a path as a text
        kubeconfig = yaml.safe_load(file)
    kubeconfig["users"][0]["user"] = {"token": token}
    return lambda: Connection.from_kubeconfig(kubeconfig)


def password(seeds: Seeds, name: str) -> str:
    """Return the value that a Secret of the applications has in the cluster."""
    found = json.loads(seeds.kubectl("get", "secret", name, "-n", "apps", "-o", "json"))
    return base64.b64decode(found["data"]["password"]).decode()


def test_only_checks_and_writes_nothing(seeds: Seeds) -> None:
    """On an empty cluster nothing fails, and what only a running cluster can tell is unknown."""
    before = seeds.writes()
    found = results(seeds.seed(preflight="only"))
    assert seeds.writes() == before
    assert {name for name, result in found.items() if result == "unknown"} == {"images", "egress", "sops_rules"}
    assert {name for name, result in found.items() if result in {"warn", "fail"}} == set()
    assert found["cluster_version"] == found["nodes"] == found["access"] == "ok"


def test_a_wrong_key_is_refused(seeds: Seeds) -> None:
    """The file and the public keys are named."""
    private, public = generate_identity()
    told = refused(seeds, keys=(("age.agekey", private),))
    assert set(told) == {"sops_files"}
    assert "apps/database.yaml" in told["sops_files"]
    assert seeds.recipient in told["sops_files"]
    assert public in told["sops_files"]
    assert private not in told["sops_files"]


def test_an_entry_that_flux_would_not_read_is_refused(seeds: Seeds) -> None:
    """`age.key` instead of `age.agekey`."""
    assert "age.key" in refused(seeds, keys=(("age.agekey", seeds.key), ("age.key", seeds.key)))["key_names"]


def test_a_path_that_is_not_there_is_refused(seeds: Seeds) -> None:
    """The folders that there are can be read off."""
    before = seeds.writes()
    with pytest.raises(ManifestError, match="lab"):
        seeds.seed(path="clusters/home")
    assert seeds.writes() == before


# --- what is there already --------------------------------------------------------------------------

NO_NETWORK = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)
"""What kubelet says on a node without a CNI."""
IMAGES = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: imagepolicies.image.toolkit.fluxcd.io}
spec:
  group: image.toolkit.fluxcd.io
  names: {kind: ImagePolicy, plural: imagepolicies, singular: imagepolicy, listKind: ImagePolicyList}
  scope: Namespaced
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
"""
DEFINITION = "kustomizations.kustomize.toolkit.fluxcd.io"


def told(seeds: Seeds) -> dict[str, tuple[str, str]]:
    """Result and evidence of each check, without a run."""
    checks = seeds.seed(preflight="only")["checks"]
    return {check["name"]: (check["result"], check["evidence"]) for check in checks}


def objects(seeds: Seeds) -> list[dict[str, t.Any]]:
    """The components in Git."""
    return list(yaml.safe_load_all(seeds.read(f"{FLUX}/gotk-components.yaml")))


def test_a_node_that_waits_for_its_network_is_a_warning(seeds: Seeds) -> None:
    """The network cannot come from Git, which Flux reads through it; a node that is just silent says nothing about it."""

    def ready(status: str, reason: str, message: str) -> None:
        condition = {"type": "Ready", "status": status, "reason": reason, "message": message}
        change = json.dumps({"status": {"conditions": [condition]}})
        seeds.kubectl("patch", "node", "lab-0", "--subresource=status", "--type=strategic", "-p", change)

    # What plays kubelet for the node would mend it at once.
    kwok = next(entry["pid"] for entry in seeds.lab_processes() if entry["name"] == "kwok-controller")
    os.kill(kwok, signal.SIGSTOP)
    try:
        ready("False", "KubeletNotReady", NO_NETWORK)
        found = told(seeds)
        assert found["nodes"] == ("warn", "none of 1 nodes is ready")
        assert found["network"] == ("warn", "no Pod network on lab-0")
        ready("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status.")
        found = told(seeds)
        assert (found["nodes"][0], found["network"][0]) == ("warn", "unknown")
    finally:
        os.kill(kwok, signal.SIGCONT)
    seeds.kubectl("wait", "--for=condition=Ready", "node", "lab-0", "--timeout=60s")


def test_what_an_earlier_flux_has_left_is_told(seeds: Seeds) -> None:
    """Definitions alone: of kinds that this Flux does not have, and with objects stored in a version that is gone."""
    left = [found for found in objects(seeds) if found["kind"] == "CustomResourceDefinition"]
    for found in left:
        if found["metadata"]["name"] == DEFINITION:
            (current,) = found["spec"]["versions"]
            found["spec"]["versions"] = [current | {"storage": False}, current | {"name": "v1beta9"}]
    manager = "--field-manager=flux"
    seeds.kubectl(
        "apply", "--server-side", manager, "-f", "-", stdin=yaml.safe_dump_all([*left, yaml.safe_load(IMAGES)])
    )
    seeds.kubectl("wait", "--for=condition=Established", "crd", "--all")
    found = told(seeds)
    assert found["leftover_definitions"] == ("warn", "kinds without a controller: image.toolkit.fluxcd.io")
    assert found["stored_versions"] == (
        "warn", f"objects are stored in versions that are gone: {DEFINITION} (v1beta9)",
    )  # fmt: skip
    seeds.kubectl("delete", "crd", "imagepolicies.image.toolkit.fluxcd.io")
    result, evidence = told(seeds)["leftover_definitions"]
    assert (result, "definitions of Flux are there, and none of its Deployments" in evidence) == ("warn", True)


def test_a_flux_of_helm_without_a_sync_is_refused(seeds: Seeds) -> None:
    """Its components are left to Helm, so that there is nothing that would follow Git."""
    label = ("label", "crd", DEFINITION, "--overwrite")
    seeds.kubectl(*label, "app.kubernetes.io/managed-by=Helm")
    try:
        evidence = refused(seeds)["flux_manager"]
        assert (
            "Flux is installed by Helm here, and clusters/lab/flux-system/gotk-sync.yaml is not in the cluster"
            in evidence
        )
        assert "let Helm make the sync" in evidence
    finally:
        seeds.kubectl(*label, "app.kubernetes.io/managed-by-")


def test_flux_install_without_a_sync_is_adopted(seeds: Seeds) -> None:
    """Before, all belongs to `flux`; afterwards to kustomize-controller alone, and what only `flux` had set is gone."""
    installed = objects(seeds)
    account = next(found for found in installed if found["kind"] == "ServiceAccount")
    account["metadata"]["labels"]["left-by"] = "install"
    for found in installed:
        if found["metadata"]["name"] == DEFINITION:
            (current,) = found["spec"]["versions"]
            found["spec"]["versions"] = [current, current | {"name": "v1beta9", "storage": False}]
    text = yaml.safe_dump_all(installed)
    seeds.kubectl("apply", "--server-side", "--field-manager=flux", "-f", "-", stdin=text)
    seeds.kubectl("wait", "--for=condition=Available", "deployment", "--all", "-n", "flux-system", "--timeout=60s")
    assert set(managers(seeds).values()) == {("flux",)}
    planned = seeds.seed(check_mode=True)
    assert {name for name, result in results(planned).items() if result in {"warn", "fail"}} == {"stored_versions"}
    assert results(planned)["images"] == "ok"
    outcome = seeds.seed()
    for change in ("created", "configured"):
        assert outcome["objects"][change] == planned["objects"][change]
    assert {entry["kind"] for entry in outcome["objects"]["created"]} == {"Secret", "GitRepository", "Kustomization"}
    assert set(managers(seeds).values()) == {("kustomize-controller",)}
    live = seeds.get("serviceaccount", account["metadata"]["name"], "-n", "flux-system")
    assert "left-by" not in live["metadata"]["labels"]
    assert seeds.get("crd", DEFINITION)["status"]["storedVersions"] == ["v1"]
    assert not seeds.seed()["changed"]


def managers(seeds: Seeds) -> dict[str, tuple[str, ...]]:
    """Who has applied each object of Flux."""
    kinds = "namespace,crd,deployment,service,clusterrole,clusterrolebinding,serviceaccount,networkpolicy,resourcequota"
    return {
        f"{found['kind']} {found['metadata']['name']}": tuple(
            sorted({
                entry["manager"]
                for entry in found["metadata"]["managedFields"]
                if entry["operation"] == "Apply" and not entry.get("subresource")
            })
        )
        for found in seeds.get(kinds, "-A", "-l", "app.kubernetes.io/part-of=flux")["items"]
    }  # fmt: skip


# --- what Git has ---------------------------------------------------------------------------------


def test_string_data_without_decryption_is_refused(seeds: Seeds) -> None:
    """Flux would store the ciphertext, and report that all is well."""
    child = CHILD.format(name="apps")
    seeds.publish(**{"clusters/lab/apps.yaml": child.replace(DECRYPTION, "")})
    told = refused(seeds)
    assert set(told) == {"decryption"}
    assert "flux-system/apps covers apps/database.yaml" in told["decryption"]
    assert "stored" in told["decryption"]


def test_a_parent_that_hands_decryption_down_is_understood(seeds: Seeds) -> None:
    """A patch of the root adds it; preflight says that it will work, and it does."""
    sync = SYNC.format(url=seeds.facts["git_url"])
    seeds.publish(**{f"{FLUX}/gotk-sync.yaml": sync + INJECTING})
    outcome = seeds.seed()
    assert results(outcome)["decryption"] == "ok"
    assert password(seeds, "database") == "a-password-of-apps"
    assert outcome["secrets"]["proven"] == 1


def test_a_second_run_knows_more(seeds: Seeds) -> None:
    """Images and the way to the source have proven themselves; nothing is written."""
    before = seeds.writes()
    found = results(seeds.seed())
    assert seeds.writes() == before
    assert found["images"] == found["egress"] == "ok"


def test_another_path_is_refused(seeds: Seeds) -> None:
    """With prune, Flux would delete all that the old path holds."""
    sync = SYNC.format(url=seeds.facts["git_url"]).replace("./clusters/lab", "./clusters/other")
    seeds.publish(
        **{
            "clusters/other/flux-system/gotk-sync.yaml": sync,
            "clusters/other/flux-system/gotk-components.yaml": seeds.read(f"{FLUX}/gotk-components.yaml"),
            "clusters/other/apps.yaml": CHILD.format(name="apps"),
        }
    )
    told = refused(seeds, path="clusters/other")
    assert set(told) == {"cluster"}
    assert "Flux follows ./clusters/lab in this cluster, not ./clusters/other" in told["cluster"]


def test_rights_to_nothing_are_too_small(seeds: Seeds) -> None:
    """What is missing is listed before the first look at the cluster."""
    told = refused(seeds, account(seeds, "nobody", "system:basic-user"))
    assert set(told) == {"access"}
    assert "get " in told["access"]


def test_rights_to_read_are_too_small(seeds: Seeds) -> None:
    """Who may look at all, but not write, is told so before the first try."""
    seeds.kubectl("apply", "-f", "-", stdin=READER)
    told = refused(seeds, account(seeds, "reader", "reader"))
    assert set(told) == {"access"}
    assert "patch secrets/flux-system in flux-system" in told["access"]


def test_a_second_flux_is_refused(seeds: Seeds) -> None:
    """Two of them would reconcile every object twice."""
    seeds.kubectl("create", "namespace", "flux-two")
    try:
        seeds.kubectl("create", "deployment", "kustomize-controller", "--image=example.com/x:1", "-n", "flux-two")
        seeds.kubectl("label", "deployment", "kustomize-controller", "-n", "flux-two", "app.kubernetes.io/part-of=flux")
        assert "flux-two" in refused(seeds)["second_flux"]
    finally:
        seeds.kubectl("delete", "deployment", "kustomize-controller", "-n", "flux-two")


def test_the_same_objects_in_argo_cd_are_refused(seeds: Seeds) -> None:
    """Each would take back what the other does."""
    secret = ("secret", "sops-age", "-n", "flux-system")
    seeds.kubectl("label", *secret, "argocd.argoproj.io/instance=flux")
    try:
        assert "sops-age" in refused(seeds)["argo_cd"]
    finally:
        seeds.kubectl("label", *secret, "argocd.argoproj.io/instance-")


def test_warn_goes_on_and_skip_does_not_even_look(seeds: Seeds) -> None:
    """A plain Secret, and a key that belongs to somebody else: told, not refused."""
    seeds.publish(**{"apps/plain.yaml": SECRET.format(name="plain", value="in-clear")})
    outcome = seeds.seed(preflight="warn", age_public_key=generate_identity()[1])
    assert results(outcome)["age_key_pair"] == "fail"
    assert results(outcome)["plain_secrets"] == "warn"
    assert any("age_key_pair" in line for line in seeds.told)
    assert password(seeds, "plain") == "in-clear"
    assert seeds.seed(preflight="skip", age_public_key="age1other")["checks"] == []


def test_no_value_is_ever_told(seeds: Seeds) -> None:
    """Evidence holds names and public keys."""
    outcome = json.dumps(seeds.seed(preflight="only")["checks"])
    assert "a-password-of-apps" not in outcome
    assert "in-clear" not in outcome
    assert seeds.key not in outcome
