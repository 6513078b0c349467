# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight on a real API server: what is refused is refused before the first write; each test goes on from the last."""

from __future__ import annotations

import base64
import json
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
