# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who decrypts with what, who pulls images with what, and as whom the cluster is reached: inputs of the module on one lab.

Cloud services are stand-ins on the loopback (moto). Each test goes on where the one before ended.
"""

from __future__ import annotations

import base64
import datetime as dt
import functools
import json
import os
import subprocess
import typing as t
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import services
import yaml
from kubernetes.config import incluster_config
from seeds import FLUX, SYNC, Seeds, module, started

from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.login import Login
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import GnupgHome

pytestmark = pytest.mark.lab

PULL_PASSWORD = "a-password-of-the-images"
ITEM = "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: default}}\nstringData: {{value: {value}}}\n"
ROLE = "arn:aws:iam::123456789012:role/kustomize-controller"
IMPERSONATOR = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: impersonator}
rules:
  - {apiGroups: [""], resources: [users], resourceNames: [seeder], verbs: [impersonate]}
  - {apiGroups: [""], resources: [groups], resourceNames: ["system:masters"], verbs: [impersonate]}
"""


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seeds]:
    """A lab, and a repository with two clusters whose keys are not in a Secret that a Kustomization names."""
    with started(tmp_path_factory.mktemp("inputs")) as lab:
        item = lab.encrypted(ITEM.format(name="shared", value="a-value-for-all"))
        lab.publish(**cluster(lab, "shared", item))
        yield lab


def cluster(seeds: Seeds, name: str, item: str, keys: str = "") -> dict[str, str]:
    """The files of a cluster with one encrypted Secret, and with Flux as its administrator has set it up.

    `keys` is the Secret that the Kustomization decrypts with, if it names one.
    """
    objects = list(yaml.safe_load_all(seeds.read(f"{FLUX}/gotk-components.yaml")))
    for found in objects:
        if found["kind"] == "ServiceAccount":
            found["imagePullSecrets"] = [{"name": "of-images"}]
        if (found["kind"], found["metadata"]["name"]) == ("ServiceAccount", "kustomize-controller"):
            found["metadata"]["annotations"] = {"eks.amazonaws.com/role-arn": ROLE}
        if (found["kind"], found["metadata"]["name"]) == ("Deployment", "kustomize-controller"):
            found["spec"]["template"]["spec"]["containers"][0]["args"].append("--sops-age-secret=keys-of-all")
    sync = SYNC.format(url=seeds.facts["git_url"])
    sync = sync.replace(", secretRef: {name: sops-age}", f", secretRef: {{name: {keys}}}" if keys else "")
    for before, after in (
        ("metadata: {name: flux-system,", f"metadata: {{name: {name},"),
        ("GitRepository, name: flux-system", f"GitRepository, name: {name}"),
        ("./clusters/lab", f"./clusters/{name}"),
    ):
        assert before in sync
        sync = sync.replace(before, after)
    return {
        f"clusters/{name}/flux-system/gotk-components.yaml": yaml.safe_dump_all(objects),
        f"clusters/{name}/flux-system/gotk-sync.yaml": sync,
        f"clusters/{name}/kustomization.yaml": "resources: [item.yaml]\n",
        f"clusters/{name}/item.yaml": item,
    }


def seed(seeds: Seeds, name: str, *, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Call the module for one of the clusters."""
    wanted = {
        "source": {"url": seeds.facts["git_url"], "path": f"clusters/{name}"},
        "git_credentials": {"password": seeds.password},
        "image_pull_secret": {
            "name": "of-images", "registry": "registry.example.com", "username": "me", "password": PULL_PASSWORD,
        },
        "kubeconfig": seeds.facts["kubeconfig"],
        "timeout": 60,
        **options,
    }  # fmt: skip
    result = module(check_mode=check_mode, **wanted)
    for secret in (seeds.key, seeds.password, PULL_PASSWORD, "a-value-"):
        assert secret not in json.dumps(result)
    return result


def shared(seeds: Seeds, **options: t.Any) -> dict[str, t.Any]:
    """Call the module for the cluster with one key for all Kustomizations."""
    return seed(seeds, "shared", decryption="controller", decryption_keys=[{"content": seeds.key}], **options)


def value(seeds: Seeds, name: str) -> str:
    """The decrypted value in the cluster."""
    return base64.b64decode(seeds.get("secret", name)["data"]["value"]).decode()


def results(outcome: dict[str, t.Any]) -> dict[str, str]:
    """The results of all checks of a run."""
    return {check["name"]: check["result"] for check in outcome["checks"]}


# --- keys and images ------------------------------------------------------------------------------


def test_a_key_for_the_whole_controller(seeds: Seeds) -> None:
    """The Secret that `--sops-age-secret` names is there before the controller that wants it; no Kustomization names one."""
    before = seeds.writes()
    refused = module(
        source={"url": seeds.facts["git_url"], "path": "clusters/lab"},
        git_credentials={"password": seeds.password},
        decryption="controller",
        decryption_keys=[{"content": seeds.key}],
        kubeconfig=seeds.facts["kubeconfig"],
    )
    assert "kustomize-controller is not told --sops-age-secret" in refused["msg"]
    assert seeds.writes() == before
    result = shared(seeds)
    assert not result.get("failed"), result["msg"]
    assert results(result)["decryption"] == "ok"
    assert result["secrets"] == {"compared": 1, "proven": 1, "not_compared": []}
    assert value(seeds, "shared") == "a-value-for-all"
    assert set(seeds.get("secret", "-n", "flux-system", "keys-of-all")["data"]) == {"age.agekey"}
    assert "decryption" in seeds.get("kustomization", "-n", "flux-system", "shared")["spec"]
    before = seeds.writes()
    assert before.index("patch /api/v1/namespaces/flux-system/secrets/keys-of-all") < before.index(
        "patch /apis/apps/v1/namespaces/flux-system/deployments/kustomize-controller"
    )
    assert not shared(seeds)["changed"]
    assert seeds.writes() == before


def test_the_login_for_images_is_there_before_the_pods_that_need_it(seeds: Seeds) -> None:
    """The API server itself puts it into each Pod, as the ServiceAccounts in Git say."""
    found = seeds.get("secret", "-n", "flux-system", "of-images")
    login = json.loads(base64.b64decode(found["data"][".dockerconfigjson"]))
    assert found["type"] == "kubernetes.io/dockerconfigjson"
    assert login["auths"]["registry.example.com"]["password"] == PULL_PASSWORD
    pods = seeds.get("pods", "-n", "flux-system")["items"]
    assert len(pods) == 2
    assert all(pod["spec"]["imagePullSecrets"] == [{"name": "of-images"}] for pod in pods)
    writes = seeds.writes()
    assert writes.index("patch /api/v1/namespaces/flux-system/secrets/of-images") < min(
        index for index, write in enumerate(writes) if "/deployments/" in write
    )
    other = {"name": "another", "registry": "registry.example.com", "username": "me", "password": PULL_PASSWORD}
    refused = shared(seeds, image_pull_secret=other)
    assert "the components pull images with the Secret of-images, not another" in refused["msg"]
    assert seeds.writes() == writes


def test_the_identity_of_the_controller_decrypts(seeds: Seeds, sops: Path, tmp_path: Path) -> None:
    """No Secret at all: kustomize-controller asks AWS KMS with the credential that its surroundings give it."""
    with services.moto(tmp_path) as moto:
        key = amazon(moto, "CreateKey")["KeyMetadata"]["Arn"]
        plain = tmp_path / "item.yaml"
        plain.write_text(ITEM.format(name="cloud", value="a-value-of-the-cloud"))
        environment = {
            "PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": moto, "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        }  # fmt: skip
        command = [sops, "encrypt", "--kms", key, "--encrypted-regex", "^(data|stringData)$", plain]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        seeds.publish(**cluster(seeds, "cloud", done.stdout))
        give_identity(seeds, moto)
        result = seed(seeds, "cloud", decryption="workload_identity")
        assert not result.get("failed"), result["msg"]
        assert value(seeds, "cloud") == "a-value-of-the-cloud"
    checks = results(result)
    assert (checks["decryption"], checks["key_services"], checks["sops_files"]) == ("ok", "ok", "unknown")
    assert (result["secrets"]["compared"], result["secrets"]["proven"]) == (0, 0)
    assert "clusters/cloud/item.yaml" in result["secrets"]["not_compared"][0]
    assert not [write for write in seeds.writes() if write.endswith("/secrets/sops-age")]


def amazon(moto: str, action: str, **parameters: t.Any) -> dict[str, t.Any]:
    """Call the key service of the stand-in."""
    headers = {
        "X_Amz_Target": f"TrentService.{action}", "Content_Type": "application/x-amz-json-1.1",
        # Where a request of one service goes, the stand-in reads off its signature.
        "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/kms/aws4_request",
    }  # fmt: skip
    answer, _place = services.send(moto, "POST", json.dumps(parameters).encode(), **headers)
    return t.cast("dict[str, t.Any]", json.loads(answer))


def give_identity(seeds: Seeds, moto: str) -> None:
    """Give the running kustomize-controller a credential by its surroundings, as EKS does by variables of its Pod."""
    (home,) = (Path(seeds.facts["path"]) / "run/controllers").glob("kustomize-controller-*/home")
    end = (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).isoformat()
    given = {"Version": 1, "AccessKeyId": "test", "SecretAccessKey": "test", "SessionToken": "test", "Expiration": end}
    (home / "identity.json").write_text(json.dumps(given))
    (home / ".aws").mkdir()
    (home / ".aws/config").write_text(
        f"[default]\nregion = us-east-1\nendpoint_url = {moto}\ncredential_process = cat {home}/identity.json\n"
    )


def test_an_openpgp_key_is_proven_and_opens_what_the_controller_reads(seeds: Seeds, sops: Path, tmp_path: Path) -> None:
    """Both sides have a gpg: it opens the file here, and in the controller; a key that does not open it is not seeded."""
    plain = tmp_path / "item.yaml"
    plain.write_text(ITEM.format(name="signed", value="a-value-under-openpgp"))
    with GnupgHome() as home:
        fingerprint, other = home.new_key(name="cluster"), home.new_key(name="another")
        command = [sops, "encrypt", "--pgp", fingerprint, "--encrypted-regex", "^(data|stringData)$", plain]
        done = subprocess.run(command, env=home.environment, capture_output=True, text=True, check=True)
        private, stranger = home.private(fingerprint), home.private(other)
    seeds.publish(**cluster(seeds, "signed", done.stdout, keys="sops-gpg"))
    before = seeds.writes()
    refused = seed(seeds, "signed", decryption_keys=[{"name": "sops.asc", "content": stranger}])
    assert results(refused)["sops_files"] == "fail"
    assert seeds.writes() == before
    result = seed(seeds, "signed", decryption_keys=[{"name": "sops.asc", "content": private}])
    assert not result.get("failed"), result["msg"]
    assert results(result)["sops_files"] == "ok"
    assert result["secrets"] == {"compared": 1, "proven": 1, "not_compared": []}
    assert value(seeds, "signed") == "a-value-under-openpgp"
    assert "BEGIN PGP" not in json.dumps(result)


# --- flux-operator --------------------------------------------------------------------------------

INSTANCE = """\
apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
metadata: {{name: flux, namespace: flux-system}}
spec:
  distribution: {{version: 2.x, registry: ghcr.io/fluxcd}}
  sync: {{name: operated, kind: GitRepository, url: "{url}", ref: refs/heads/main, path: clusters/operated, pullSecret: of-operated}}
  kustomize:
    patches:
      - target: {{kind: Kustomization}}
        patch: |
          - op: add
            path: /spec/decryption
            value: {{provider: sops, secretRef: {{name: keys-of-operated}}}}
"""


def test_where_flux_operator_keeps_flux_its_instance_says_what_is_followed(seeds: Seeds) -> None:
    """Without the two files of Flux in Git: the Secrets are written, a fetch is requested, and the result is proven."""
    item = seeds.encrypted(ITEM.format(name="operated", value="a-value-of-the-operated"))
    files = {"kustomization.yaml": "resources: [item.yaml]\n", "item.yaml": item}
    seeds.publish(**{f"clusters/operated/{path}": text for path, text in files.items()})
    given = {"decryption_keys": [{"content": seeds.key}], "image_pull_secret": None}
    before = seeds.writes()
    told = seed(seeds, "operated", **given)["msg"]
    assert "gotk-components.yaml: is not in the commit" in told
    assert "there is one for these paths: " in told
    seeds.publish(**{"clusters/operated/flux.yaml": INSTANCE.format(url=seeds.facts["git_url"])})
    told = seed(seeds, "operated", **given)["msg"]
    assert "Flux is installed by flux-operator here, and clusters/operated/flux.yaml is not in the cluster" in told
    assert seeds.writes() == before
    play_operator(seeds)
    predicted = seed(seeds, "operated", check_mode=True, **given)
    result = seed(seeds, "operated", **given)
    assert not result.get("failed"), result["msg"]
    assert [entry["name"] for entry in result["objects"]["created"]] == ["of-operated", "keys-of-operated"]
    assert predicted["objects"]["created"] == result["objects"]["created"]
    assert result["revision"] == f"refs/heads/main@sha1:{seeds.git('rev-parse', 'HEAD')}"
    assert result["secrets"] == {"compared": 1, "proven": 1, "not_compared": []}
    assert value(seeds, "operated") == "a-value-of-the-operated"
    assert results(result)["flux_manager"] == "warn"
    before = seeds.writes()
    again = seed(seeds, "operated", **given)
    assert (again["changed"], seeds.writes()) == (False, before)


def play_operator(seeds: Seeds) -> None:
    """Make what flux-operator makes of the instance."""
    metadata = {"name": "operated", "namespace": "flux-system", "labels": {"fluxcd.controlplane.io/name": "flux"}}
    git = {"url": seeds.facts["git_url"], "ref": {"name": "refs/heads/main"}, "secretRef": {"name": "of-operated"}}
    root = {
        "path": "clusters/operated", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "operated"},
        "decryption": {"provider": "sops", "secretRef": {"name": "keys-of-operated"}}, "retryInterval": "5m",
    }  # fmt: skip
    made = [
        {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "spec": {"interval": "1m", **git}},
        {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "spec": {"interval": "10m", **root}},
    ]
    listed = {"apiVersion": "v1", "kind": "List", "items": [{**found, "metadata": metadata} for found in made]}
    seeds.kubectl("apply", "--server-side", "--field-manager=flux-operator", "-f", "-", stdin=json.dumps(listed))


# --- as whom --------------------------------------------------------------------------------------


def account(seeds: Seeds, name: str, role: str) -> str:
    """Make a ServiceAccount with a cluster role, and return its token."""
    seeds.kubectl("create", "serviceaccount", name, "-n", "default")
    seeds.kubectl("create", "clusterrolebinding", name, f"--clusterrole={role}", f"--serviceaccount=default:{name}")
    return seeds.kubectl("create", "token", name, "-n", "default").strip()


def writers(seeds: Seeds, after: int) -> set[tuple[str, str]]:
    """As whom, and in the name of whom, the writes since then were made."""
    made = [event for event in seeds.requests() if event["verb"] == "patch" and "dryRun=" not in event["requestURI"]]
    return {
        (event["user"]["username"], (event.get("impersonatedUser") or {}).get("username", "")) for event in made[after:]
    }


def written(seeds: Seeds) -> int:
    """How many such writes there are."""
    return len([
        event for event in seeds.requests() if event["verb"] == "patch" and "dryRun=" not in event["requestURI"]
    ])  # fmt: skip


def test_in_the_name_of_another_user(seeds: Seeds) -> None:
    """Who may do nothing but be somebody else: refused as itself, and told what is missing."""
    seeds.kubectl("apply", "-f", "-", stdin=IMPERSONATOR)
    server = yaml.safe_load(Path(seeds.facts["kubeconfig"]).read_text())["clusters"][0]["cluster"]["server"]
    login = {
        "kubeconfig": None, "host": server, "api_key": account(seeds, "operator", "impersonator"),
        "ca_cert": str(authority(seeds)),
    }  # fmt: skip
    refused = shared(seeds, **login)
    assert {name for name, result in results(refused).items() if result == "fail"} == {"access"}
    seeds.kubectl("delete", "networkpolicy", "--all", "-n", "flux-system")
    before = written(seeds)
    result = shared(seeds, **login, impersonate_user="seeder", impersonate_groups=["system:masters"])
    assert not result.get("failed"), result["msg"]
    assert len(result["objects"]["created"]) == 3
    assert writers(seeds, before) == {("system:serviceaccount:default:operator", "seeder")}


def test_in_a_pod(seeds: Seeds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With nothing but what a Pod has: its token, the authority of the cluster, and two variables."""
    (tmp_path / "token").write_text(account(seeds, "in-a-pod", "cluster-admin"))
    (tmp_path / "ca.crt").write_text(authority(seeds).read_text())
    # Files in /var/run would be those of this machine.
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    monkeypatch.setattr(Login, "is_in_cluster", functools.partialmethod(Login.is_in_cluster, folder=str(tmp_path)))
    address = urlsplit(yaml.safe_load(Path(seeds.facts["kubeconfig"]).read_text())["clusters"][0]["cluster"]["server"])
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", str(address.hostname))
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(address.port))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    seeds.kubectl("delete", "networkpolicy", "--all", "-n", "flux-system")
    before = written(seeds)
    result = shared(seeds, kubeconfig=None)
    assert not result.get("failed"), result["msg"]
    assert len(result["objects"]["created"]) == 3
    assert writers(seeds, before) == {("system:serviceaccount:default:in-a-pod", "")}


def authority(seeds: Seeds) -> Path:
    """The file with the certificate authority of the lab's API server."""
    return Path(seeds.facts["path"]) / "run/kwok/clusters/lab/pki/ca.crt"
