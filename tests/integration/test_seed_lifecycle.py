# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of a seeded cluster: proof, rotation, the restricted account, a halt, and removal. Each test goes on where the one before ended."""

from __future__ import annotations

import json
import time
import typing as t
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import seeds as seeding
import yaml
from seeds import CHILD, SECRET, Seeds, started

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.flux_seed import run
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.flux_state import change_state
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    ApiError,
    FluxseedError,
    KeyInUseError,
    NotReadyError,
    PreflightError,
    VerificationError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.encrypted import key_ring
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.connection import Connection
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import generate_identity
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.kept import State
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.password import hash_password
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.paths import LabFolder

pytestmark = pytest.mark.lab

ROOT = Reference("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "flux-system", "flux-system")
APPS = ROOT._replace(name="apps")
SOURCE = Reference("source.toolkit.fluxcd.io/v1", "GitRepository", "flux-system", "flux-system")
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: apps}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: registry.example.com/web:1}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: apps}
data: {greeting: hello}
"""
# A name prefix, a generator that reads an encrypted file, and another kind of object with encrypted values.
SHOP = """\
namePrefix: shop-
namespace: apps
resources: [login.yaml, settings.yaml]
secretGenerator:
  - name: made
    envs: [made.env]
"""
SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {url: https://user:pass@example.com}\n"
PROVEN = 2
"""Of apps and leaky, which stay for the other stories."""
TEAM = "  targetNamespace: team\n  postBuild: {substitute: {REGION: north}}\n"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeds]:
    """A lab and a repository with a workload beside the secret."""
    with started(tmp_path_factory.mktemp("lifecycle")) as lab:
        lab.publish(**{"apps/web.yaml": WEB})
        yield lab


def state(
    seeds: Seeds, name: str, *, check: bool = False, connection: Connection | None = None, **params: t.Any
) -> dict[str, t.Any]:
    """What the module returns for a state other than `present`."""
    given = {"state": name, "confirm": False, "timeout": 60, "kubeconfig": seeds.facts["kubeconfig"], **params}
    call = Call(given, check_mode=check)
    return change_state(call, lambda: connection) if connection else run(call)


def entries(seeds: Seeds, name: str) -> list[str]:
    """The keys in a Secret of Flux."""
    return sorted(seeds.get("secret", "-n", "flux-system", name)["data"])


def names(entries: list[dict[str, str]]) -> list[str]:
    """Kind and name of listed objects."""
    return sorted(f"{entry['kind']} {entry['name']}" for entry in entries)


def asked(api: Api, target: Reference, token: str, **change: t.Any) -> None:
    """Request a reconcile, under a name that Flux does not take over, and wait for the answer."""
    annotations = {"reconcile.fluxcd.io/requestedAt": token}
    api.merge(target, {"metadata": {"annotations": annotations}, **change}, manager="flux-client-side-apply")
    end = time.monotonic() + 60
    while ((api.get(target) or {}).get("status") or {}).get("lastHandledReconcileAt") != token:
        assert time.monotonic() < end
        time.sleep(0.1)


def reencrypted(seeds: Seeds, keys: t.Sequence[tuple[str, str]], recipient: str) -> dict[str, str]:
    """All encrypted files, under a new data key and for the new recipient alone."""
    files, ring = {}, key_ring(keys)
    for path in seeds.git("ls-files").split():
        content = seeds.read(path).encode()
        if document.is_encrypted(content):
            change = document.rotate(content, ring, store=store_for(path), add=[recipient], remove=[seeds.recipient])
            files[path] = change.content.decode()
    return files


# --- proof ----------------------------------------------------------------------------------------


def test_secrets_are_paired_by_what_flux_has_applied(seeds: Seeds) -> None:
    """A target namespace is followed; a prefix, a generated name, another kind and a variable are listed, not counted."""
    env = document.encrypt(b"TOKEN=a-token-of-the-shop\n", _rule(seeds), store=store_for("x.env")).content.decode()
    varied = SECRET.format(name="varied", value="'${REGION}-password'").replace("namespace: apps", "namespace: team")
    seeds.publish(
        **{
            "clusters/lab/shop.yaml": CHILD.format(name="shop"),
            "shop/kustomization.yaml": SHOP,
            "shop/login.yaml": seeds.encrypted(SECRET.format(name="login", value="a-password-of-the-shop")),
            "shop/settings.yaml": seeds.encrypted(SETTINGS),
            "shop/made.env": env,
            "clusters/lab/team.yaml": CHILD.format(name="team") + TEAM,
            "team/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: team}\n",
            "team/login.yaml": seeds.encrypted(SECRET.format(name="login", value="a-password-of-the-team")),
            "team/varied.yaml": seeds.encrypted(varied),
        }
    )
    found = seeds.seed()["secrets"]
    assert (found["compared"], found["proven"]) == (2, 2)
    reasons = [
        "shop/made.env: is read by a generator or patch of flux-system/shop",
        "shop/login.yaml: flux-system/shop has applied no Secret of the name login",
        "shop/settings.yaml: ConfigMap is no Secret",
        "team/varied.yaml: flux-system/team substitutes variables in it",
    ]
    assert len(found["not_compared"]) == len(reasons)
    assert [reason for reason in reasons if not any(entry.startswith(reason) for entry in found["not_compared"])] == []
    assert seeds.get("secret", "-n", "team", "login")["metadata"]["name"] == "login"


def test_ciphertext_that_flux_has_stored_without_a_word_is_found(seeds: Seeds) -> None:
    """`stringData` without decryption: Flux is ready, and the password is what SOPS wrote."""
    leaky = CHILD.format(name="leaky").replace("  decryption: {provider: sops, secretRef: {name: sops-age}}\n", "")
    leak = seeds.encrypted(SECRET.format(name="leak", value="a-password-that-leaks"))
    seeds.publish(**{"clusters/lab/leaky.yaml": leaky, "leaky/secret.yaml": leak})
    with pytest.raises(VerificationError, match=r"Secret apps/leak \(leaky/secret.yaml\): holds ciphertext") as caught:
        seeds.seed(preflight="warn")
    assert "Kustomization flux-system/leaky has no decryption" in str(caught.value)
    assert "ENC[" not in str(caught.value)
    # Decryption is put right; what the other stories do not need goes, so that they are told faster.
    for name in ("shop", "team"):
        (seeds.tree / f"clusters/lab/{name}.yaml").unlink()
    seeds.publish(**{"clusters/lab/leaky.yaml": CHILD.format(name="leaky")})
    with seeds.api() as api:
        asked(api, SOURCE, "leaky")
        asked(api, ROOT, "leaky")
    seeds.kubectl(
        "wait", "kustomization/shop", "kustomization/team", "-n", "flux-system", "--for=delete", "--timeout=60s"
    )
    assert seeds.seed()["secrets"]["proven"] == PROVEN


# --- rotation -------------------------------------------------------------------------------------


def test_a_key_is_rotated_with_overlap_and_never_in_the_wrong_order(seeds: Seeds) -> None:
    """Old; old and new; files for the new one; new alone. While a file needs the old one, it stays, and the file is named."""
    old, (new, new_public) = ("age.agekey", seeds.key), generate_identity()
    alone = (("new.agekey", new),)
    seeds.kubectl(
        "patch", "secret", "-n", "flux-system", "sops-age", "--type=merge",
        "-p", '{"stringData": {"sops.vault-token": "a-token", "notes": "by hand"}}',
    )  # fmt: skip
    both = seeds.seed(keys=(old, *alone))
    assert names(both["objects"]["configured"]) == ["Secret sops-age"]

    before = seeds.writes()
    with pytest.raises(PreflightError, match=r"leaky/secret\.yaml"):
        seeds.seed(keys=alone)
    for check_mode in (True, False):
        with pytest.raises(KeyInUseError, match=r"age\.agekey by .*apps/database\.yaml") as caught:
            seeds.seed(keys=alone, preflight="skip", check_mode=check_mode)
    assert seeds.key not in str(caught.value)
    assert seeds.writes() == before
    assert entries(seeds, "sops-age") == ["age.agekey", "new.agekey", "notes", "sops.vault-token"]

    seeds.publish(**reencrypted(seeds, [old], new_public))
    predicted = seeds.seed(keys=alone, check_mode=True)
    done = seeds.seed(keys=alone)
    assert names(predicted["objects"]["configured"]) == names(done["objects"]["configured"]) == ["Secret sops-age"]
    assert entries(seeds, "sops-age") == ["new.agekey", "notes", "sops.vault-token"]
    assert done["secrets"]["proven"] == PROVEN
    seeds.key, seeds.recipient = new, new_public
    again = seeds.seed(keys=alone)
    assert not again["changed"]


def test_a_key_stays_while_the_cluster_has_files_for_it(seeds: Seeds) -> None:
    """What counts is the revision of the cluster: suspended, its source does not get the new files."""
    other, other_public = generate_identity()
    both = (("new.agekey", seeds.key), ("other.agekey", other))
    seeds.seed(keys=both)
    seeds.kubectl("patch", "gitrepository", "-n", "flux-system", "flux-system", "--type=merge", "-p", '{"spec": {"suspend": true}}')  # fmt: skip
    there = seeds.git("rev-parse", "HEAD")
    seeds.publish(**reencrypted(seeds, both, other_public))
    try:
        with pytest.raises(KeyInUseError, match=f"at main@sha1:{there}: new.agekey by apps/database.yaml, "):
            seeds.seed(keys=both[1:])
    finally:
        seeds.kubectl("patch", "gitrepository", "-n", "flux-system", "flux-system", "--type=merge", "-p", '{"spec": {"suspend": null}}')  # fmt: skip
    seeds.seed(keys=both[1:])
    assert "other.agekey" in entries(seeds, "sops-age")
    assert "new.agekey" not in entries(seeds, "sops-age")
    seeds.key, seeds.recipient = other, other_public


def test_a_token_is_rotated_and_tried_by_flux_itself(seeds: Seeds) -> None:
    """All of the Secret is replaced; Flux has fetched with the new token when the run ends; a wrong one is told."""
    seeds.kubectl(
        "patch", "secret", "-n", "flux-system", "flux-system", "--type=merge",
        "-p", '{"stringData": {"bearerToken": "an-old-one-that-would-win"}}',
    )  # fmt: skip
    folder = LabFolder(Path(seeds.facts["path"]))
    kept = State.read(folder)
    assert kept
    State(kept.git_port, hash_password("a-new-token-of-the-lab")).write(folder)
    keys = (("other.agekey", seeds.key),)
    before = seeds.writes()
    with pytest.raises(FluxseedError, match="refused the credential"):
        seeds.seed(keys=keys)
    assert seeds.writes() == before
    # Without a look at it beforehand, the fetch that the run requests is what tells.
    wrong = {"preflight": "skip", "checkout": str(seeds.tree)}
    seeds.password = "not-the-token"
    with pytest.raises(NotReadyError, match="authentication required"):
        seeds.seed(keys=keys, **wrong)
    seeds.password = "a-new-token-of-the-lab"
    done = seeds.seed(keys=keys)
    assert names(done["objects"]["configured"]) == ["Secret flux-system"]
    assert names(done["reconcile_requested"]) >= ["GitRepository flux-system"]
    assert entries(seeds, "flux-system") == ["password", "username"]
    ready = seeds.get("gitrepository", "-n", "flux-system", "flux-system")["status"]["conditions"]
    assert [item["status"] for item in ready if item["type"] == "Ready"] == ["True"]
    assert not seeds.seed(keys=keys)["changed"]


def test_a_secret_that_flux_applies_is_not_written(seeds: Seeds) -> None:
    """Both would overwrite it for ever; that holds without preflight too."""
    label = "kustomize.toolkit.fluxcd.io/name"
    seeds.kubectl("label", "secret", "-n", "flux-system", "sops-age", f"{label}=flux-system")
    before = seeds.writes()
    with pytest.raises(PreflightError, match=r"is applied by Kustomization .*take it out of Git"):
        seeds.seed(keys=(("more.agekey", seeds.key),), preflight="skip")
    assert seeds.writes() == before
    seeds.kubectl("label", "secret", "-n", "flux-system", "sops-age", f"{label}-")


# --- the restricted account -----------------------------------------------------------------------


def token_of(seeds: Seeds, account: str) -> Callable[[], Connection]:
    """Connections with a token of a ServiceAccount, as an automation would have it."""
    with seeds.api() as api:
        answer = api.connection.request(
            "POST",
            f"/api/v1/namespaces/flux-system/serviceaccounts/{account}/token",
            body={
                "kind": "TokenRequest",
                "apiVersion": "authentication.k8s.io/v1",
                "spec": {"expirationSeconds": 3600},
            },
        )
    kubeconfig = yaml.safe_load(Path(seeds.facts["kubeconfig"]).read_text())
    kubeconfig["users"][0]["user"] = {"token": answer["status"]["token"]}
    return lambda: Connection.from_kubeconfig(kubeconfig)


def test_the_account_for_day_two_rotates_verifies_and_reconciles(seeds: Seeds) -> None:
    """With its token alone, the module replaces a key and sees a new commit through to the last Secret."""
    keys = (("other.agekey", seeds.key),)
    made = seeds.seed(keys=keys, day_two_service_account="day-two")
    assert "Role day-two" in names(made["objects"]["created"])
    assert not seeds.seed(keys=keys, day_two_service_account="day-two")["changed"]
    connect = token_of(seeds, "day-two")
    assert not seeds.seed(connect, keys=keys)["changed"]
    value = seeds.encrypted(SECRET.format(name="database", value="changed-on-day-two"))
    commit = seeds.publish(**{"apps/database.yaml": value})
    done = seeds.seed(connect, keys=(("renamed.agekey", seeds.key),))
    assert done["revision"] == f"main@sha1:{commit}"
    assert (done["secrets"]["compared"], done["secrets"]["proven"]) == (PROVEN, PROVEN)
    assert names(done["objects"]["configured"]) == ["Secret sops-age"]
    assert names(done["reconcile_requested"])[0] == "GitRepository flux-system"
    assert "renamed.agekey" in entries(seeds, "sops-age")


REFUSED: dict[str, Callable[[Api], t.Any]] = {
    "another Secret": lambda api: api.get(Reference("v1", "Secret", "apps", "another")),
    "all Secrets": lambda api: api.list("v1", "Secret", "flux-system"),
    "a Deployment": lambda api: api.apply(
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "x", "namespace": "apps"}}, manager="x"
    ),
    "a new Secret": lambda api: api.apply(
        {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": "flux-system"}}, manager="x"
    ),
    "deleting a definition": lambda api: api.delete(
        Reference(
            "apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "kustomizations.kustomize.toolkit.fluxcd.io"
        )
    ),
    "deleting a Kustomization": lambda api: api.delete(APPS),
    "more rights": lambda api: api.merge(
        Reference("rbac.authorization.k8s.io/v1", "ClusterRole", "", "day-two-flux-system"), {"rules": []}, manager="x"
    ),
    "another path for Flux to follow": lambda api: api.merge(APPS, {"spec": {"path": "./other"}}, manager="x"),
    "variables for Flux to put in": lambda api: api.merge(APPS, {"spec": {"postBuild": {}}}, manager="x"),
    "another owner": lambda api: api.merge(APPS, {"metadata": {"labels": {"x": "y"}}}, manager="x"),
}


def test_the_account_for_day_two_can_do_nothing_else(seeds: Seeds) -> None:
    """Each of them is refused by the API server."""
    api = Api(token_of(seeds, "day-two")())
    for what, action in REFUSED.items():
        with pytest.raises(ApiError, match="forbidden") as caught:
            action(api)
        assert caught.value.status in {403, 422}, what


# --- a halt ---------------------------------------------------------------------------------------


def test_a_halt_survives_a_reconcile_and_is_lifted(seeds: Seeds) -> None:
    """The root and its child are halted; the root alone, let go by hand, does not wake the child."""
    assert names(state(seeds, "suspended", check=True)["objects"]["configured"]) == names(
        state(seeds, "suspended")["objects"]["configured"]
    )
    assert not state(seeds, "suspended")["changed"]
    commit = seeds.publish(
        **{"apps/more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more, namespace: apps}\n"}
    )
    with seeds.api() as api:
        asked(api, ROOT, "halt", spec={"suspend": None})
        assert (api.get(APPS) or {})["spec"]["suspend"] is True
    lifted = state(seeds, "resumed")
    assert names(lifted["objects"]["configured"]) == ["Kustomization apps", "Kustomization leaky"]
    assert not state(seeds, "resumed")["changed"]
    assert seeds.seed(keys=(("renamed.agekey", seeds.key),))["revision"] == f"main@sha1:{commit}"


# --- removal --------------------------------------------------------------------------------------


class Killed(BaseException):
    """The run ends here, as if its process had been killed."""


def kill_after(connection: Connection, method: str, part: str) -> Connection:
    """Let a connection send one such request, and then no more."""
    send, fired = connection.request, False

    def request(verb: str, path: str, **more: t.Any) -> dict[str, t.Any]:
        nonlocal fired
        if fired:
            raise Killed
        answer = send(verb, path, **more)
        # Others may be on their way at the same time; what has happened stays so.
        fired = fired or (verb == method and part in path)
        return answer

    connection.request = request  # type: ignore[method-assign]
    return connection


def workloads(seeds: Seeds) -> dict[str, str]:
    """All that Flux has applied for somebody else, with the identity of each object."""
    kinds = "namespaces,deployments,replicasets,pods,configmaps,secrets,serviceaccounts"
    found = json.loads(seeds.kubectl("get", kinds, "-A", "-o", "json"))["items"]
    return {
        f"{item['kind']} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}": item["metadata"]["uid"]
        for item in found
        if "flux-system" not in (item["metadata"].get("namespace"), item["metadata"]["name"])
    }


def test_removal_is_refused_where_somebody_else_keeps_flux(seeds: Seeds) -> None:
    """Nothing is written without confirmation, nor where Helm would bring it back."""
    before = seeds.writes()
    with pytest.raises(FluxseedError, match="confirm: true"):
        state(seeds, "absent")
    definition = "crd/kustomizations.kustomize.toolkit.fluxcd.io"
    seeds.kubectl("label", definition, "app.kubernetes.io/managed-by=Helm")
    refused = state(seeds, "absent", confirm=True)
    assert refused["failed"]
    assert "is managed by Helm" in refused["msg"]
    seeds.kubectl("label", definition, "app.kubernetes.io/managed-by-")
    assert seeds.writes() == before


STEPS = [
    ("PATCH", "/kustomizations/"),
    ("DELETE", "/deployments/"),
    ("DELETE", "/gitrepositories"),
    ("DELETE", "/customresourcedefinitions/"),
    ("DELETE", "/clusterroles/"),
    ("DELETE", "/serviceaccounts/"),
    ("DELETE", "/namespaces/flux-system"),
]


def test_flux_goes_and_the_workloads_stay(seeds: Seeds) -> None:
    """Killed in each of its steps, the removal is finished by the next run; no workload is touched."""
    before = workloads(seeds)
    assert {"Deployment apps/web", "Secret apps/database", "ConfigMap apps/web"} <= before.keys()
    predicted = state(seeds, "absent", check=True, confirm=True)
    assert {
        "Namespace flux-system",
        "Deployment source-controller",
        "Kustomization apps",
        "ServiceAccount day-two",
    } <= set(names(predicted["objects"]["deleted"]))
    assert workloads(seeds) == before
    for method, part in STEPS:
        with pytest.raises(Killed):
            pytest.fail(str(state(seeds, "absent", confirm=True, connection=kill_after(seeds.connect(), method, part))))
        assert workloads(seeds) == before, part
    done = state(seeds, "absent", confirm=True)
    assert not done.get("failed"), done
    assert workloads(seeds) == before
    again = state(seeds, "absent", confirm=True)
    assert (again["changed"], again["report"]) == (False, ["There is no Flux in this cluster"])
    left = seeds.kubectl(
        "get", "crd,clusterrole,clusterrolebinding,validatingadmissionpolicy,role,namespace", "-A", "-o", "name"
    )
    assert not [name for name in left.split() if "flux" in name or "day-two" in name]


def _rule(seeds: Seeds) -> t.Any:
    return seeding.Rule.of([seeds.recipient])
