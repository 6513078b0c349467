# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One cluster, followed by the real source-controller from every kind of source; each has a root of its own.

Servers and registries are on the loopback. Each story begins with the inputs of the module, as its border reads them.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import typing as t
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import by_hand
import git_servers as servers
import pytest
import seeds as labs
import services

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.artifact import Artifact
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.host_keys import fingerprint
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.program import Git
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.remote import checkout

pytestmark = pytest.mark.lab

TOKEN = "a-bearer-token-of-git"
APP_TOKEN = "a-token-for-an-installation"
PASSWORD = "a-password-of-the-registry"
PROXY_PASSWORD = "a-password-of-the-proxy"
SECRET_KEY = "a-secret-key-of-the-bucket"
SOURCES = ("ssh", "authority", "bearer", "public", "client", "proxy", "app", "oci", "sealed", "bucket")
VALUES = {name: f"a-value-that-came-by-{name}" for name in SOURCES}
BROKEN = {
    "misplaced": lambda sync: sync.replace("  decryption: {provider: sops, secretRef:", "  secretRef:").replace(
        "age}}", "age}"
    ),
    "unreadable": lambda sync: sync.replace("  prune: true\n", "  prune: [true\n"),
}
"""What is done to gotk-sync.yaml in a folder of that name."""
SOURCE = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: {kind}
metadata: {{name: {name}, namespace: flux-system}}
spec:
  interval: 1m
{spec}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec:
  interval: 10m
  retryInterval: 1s
  path: ./clusters/{name}
  prune: true
  sourceRef: {{kind: {kind}, name: {name}}}
  decryption: {{provider: sops, secretRef: {{name: sops-age}}}}
"""
SEALED = "\n  certSecretRef: {name: cert-of-sealed}\n  proxySecretRef: {name: proxy-of-sealed}"
ITEM = """\
apiVersion: v1
kind: Secret
metadata: {{name: {name}, namespace: default}}
stringData: {{value: {value}}}
"""


@dataclass
class World:
    """A lab, all servers, and what the module is told to reach each of them."""

    lab: labs.Seeds
    params: dict[str, dict[str, t.Any]]
    commit: str
    digest: str
    tunnels: servers.Tunnels
    github: servers.GitHub

    def seed(self, name: str, **more: t.Any) -> dict[str, t.Any]:
        """Call the module's work as an action does."""
        wanted = {
            "decryption_keys": [{"content": self.lab.key}],
            "kubeconfig": self.lab.facts["kubeconfig"],
            "timeout": 60,
            **self.params[name],
            **more,
        }
        return labs.module(**wanted)

    def arrived(self, name: str) -> str:
        """Return the decrypted value in the cluster."""
        return base64.b64decode(self.lab.get("secret", name)["data"]["value"]).decode()

    def secret(self, name: str) -> tuple[str, dict[str, str]]:
        """Return type and entries of a Secret that was seeded."""
        found = self.lab.get("secret", "-n", "flux-system", name)
        return found["type"], {key: base64.b64decode(value).decode() for key, value in found["data"].items()}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything is started and published once."""
    folder = tmp_path_factory.mktemp("sources")
    with ExitStack() as stack:
        lab = stack.enter_context(labs.started(folder / "homelab"))
        root = Path(lab.facts["git_repository"]).parent
        public, private = servers.key(folder)
        ssh = stack.enter_context(servers.ssh(servers.SshGit(root, public)))
        authority = servers.Authority()
        basic = "Basic " + base64.b64encode(b"git:a-token").decode()
        tls = servers.tls_of(folder, authority.server())
        https = stack.enter_context(servers.http(root, lambda given: given == basic, tls))
        bearer = stack.enter_context(servers.http(root, lambda given: given == f"Bearer {TOKEN}"))
        open_to_all = stack.enter_context(servers.http(root, lambda given: given is None))
        strict = servers.tls_of(folder, authority.server(), authority.crt)
        client = authority.client("flux")
        mutual = stack.enter_context(servers.http(root, lambda given: given is None, strict))
        tunnels = servers.Tunnels("Basic " + base64.b64encode(f"me:{PROXY_PASSWORD}".encode()).decode())
        github = servers.GitHub("42", APP_TOKEN)
        of_app = "Basic " + base64.b64encode(f"x-access-token:{APP_TOKEN}".encode()).decode()
        app = stack.enter_context(servers.http(root, lambda given: given == of_app))
        registry = stack.enter_context(services.registry(folder))
        sealed = servers.Sealed(registry, strict)
        for server in (tunnels, github, sealed):
            stack.enter_context(servers.served(server))
        moto = stack.enter_context(services.moto(folder))
        bucket = moto.removeprefix("http://") + "/lab"
        git_secret = "  ref: {{branch: main}}\n  secretRef: {{name: {}}}\n  url: {}"
        specs = {
            "ssh": ("GitRepository", git_secret.format("of-ssh", ssh.url)),
            "authority": ("GitRepository", git_secret.format("of-authority", https.url)),
            "bearer": ("GitRepository", git_secret.format("of-bearer", bearer.url)),
            "public": ("GitRepository", f"  ref: {{tag: v1}}\n  url: {open_to_all.url}"),
            "client": ("GitRepository", git_secret.format("of-client", mutual.url)),
            "proxy": (
                "GitRepository",
                git_secret.format("of-proxy", https.url) + "\n  proxySecretRef: {name: the-proxy}",
            ),
            "app": ("GitRepository", git_secret.format("of-app", app.url) + "\n  provider: github"),
            "sealed": (
                "OCIRepository",
                f"  ref: {{tag: v1}}\n  secretRef: {{name: of-sealed}}\n  url: oci://{sealed.address}/me/lab" + SEALED,
            ),
            "oci": (
                "OCIRepository",
                f"  ref: {{tag: v1}}\n  secretRef: {{name: of-oci}}\n  insecure: true\n  url: oci://{registry}/me/lab",
            ),
            "bucket": (
                "Bucket",
                f"  bucketName: lab\n  endpoint: {bucket.partition('/')[0]}\n  insecure: true\n  secretRef: {{name: of-bucket}}",
            ),
        }
        files = {}
        components = Path(lab.facts["gotk_components"]).read_text()
        for name, (kind, spec) in specs.items():
            top = f"clusters/{name}"
            files[f"{top}/flux-system/gotk-components.yaml"] = components
            files[f"{top}/flux-system/gotk-sync.yaml"] = SOURCE.format(name=name, kind=kind, spec=spec)
            files[f"{top}/kustomization.yaml"] = "resources: [item.yaml]\n"
            files[f"{top}/item.yaml"] = lab.encrypted(ITEM.format(name=name, value=VALUES[name]))
        for name, wrong in BROKEN.items():
            files[f"clusters/{name}/flux-system/gotk-components.yaml"] = components
            sync = SOURCE.format(
                name=name, kind="GitRepository", spec=f"  ref: {{branch: main}}\n  url: {open_to_all.url}"
            )
            files[f"clusters/{name}/flux-system/gotk-sync.yaml"] = wrong(sync)
            files[f"clusters/{name}/kustomization.yaml"] = "resources: []\n"
        commit = lab.publish(**files)
        lab.git("tag", "--annotate", "--message", "first", "v1")
        lab.git("push", "--quiet", lab.facts["git_repository"], "v1")
        archive = subprocess.run(
            ["git", "-C", lab.tree, "archive", "--format=tar.gz", "HEAD"], capture_output=True, check=True
        )
        digest = services.push_artifact(registry, "me/lab", "v1", archive.stdout)
        services.send(f"{moto}/lab", "PUT", b"")
        for path in ("kustomization.yaml", "item.yaml"):
            services.send(f"{moto}/lab/clusters/bucket/{path}", "PUT", files[f"clusters/bucket/{path}"].encode())

        def source(name: str, url: str, **more: t.Any) -> dict[str, t.Any]:
            return {"url": url, "path": f"clusters/{name}", **more}

        through = {"address": tunnels.address, "username": "me", "password": PROXY_PASSWORD}
        certificate = {"ca_crt": authority.crt, "tls_crt": client.crt, "tls_key": client.pem_key}
        params = {
            "ssh": {
                "source": source("ssh", ssh.url),
                "git_credentials": {"identity": private, "host_key_fingerprint": fingerprint(ssh.known_hosts)},
            },
            "authority": {
                "source": source("authority", https.url),
                "git_credentials": {"password": "a-token", "ca_crt": authority.crt},
            },
            "bearer": {"source": source("bearer", bearer.url), "git_credentials": {"bearer_token": TOKEN}},
            "public": {"source": source("public", open_to_all.url, tag="v1")},
            "client": {"source": source("client", mutual.url), "git_credentials": certificate},
            "proxy": {
                "source": source("proxy", https.url),
                "git_credentials": {"password": "a-token", "ca_crt": authority.crt},
                "source_proxy": through,
            },
            "app": {
                "source": source("app", app.url),
                "git_credentials": {
                    "github_app": {
                        "app_id": "42",
                        "installation_owner": "me",
                        "base_url": github.url,
                        "private_key": github.pem_key,
                    }
                },
            },
            "sealed": {
                "source": source(
                    "sealed", f"oci://{sealed.address}/me/lab", kind="oci", tag="v1", checkout=str(lab.tree)
                ),
                "source_credentials": {"username": "me", "password": PASSWORD, **certificate},
                "source_proxy": through,
            },
            "oci": {
                "source": source("oci", f"oci://{registry}/me/lab", kind="oci", tag="v1", checkout=str(lab.tree)),
                "source_credentials": {"username": "me", "password": PASSWORD},
            },
            "bucket": {
                "source": source("bucket", bucket, kind="bucket", checkout=str(lab.tree)),
                "source_credentials": {"access_key": "an-access-key", "secret_key": SECRET_KEY},
            },
        }
        yield World(lab, params, commit, digest, tunnels, github)


def check_story(world: World, name: str, revision: str) -> None:
    """It arrives, proven, at that revision; and again nothing is left to do."""
    result = world.seed(name)
    assert not result.get("failed"), result["msg"]
    assert result["revision"] == revision
    assert result["secrets"] == {"compared": 1, "proven": 1, "not_compared": []}
    assert world.arrived(name) == VALUES[name]
    before = world.lab.writes()
    again = world.seed(name)
    assert (again["changed"], world.lab.writes()) == (False, before)
    for secret in (TOKEN, APP_TOKEN, PASSWORD, PROXY_PASSWORD, SECRET_KEY, "PRIVATE KEY", VALUES[name]):
        assert secret not in json.dumps([result, again])


def test_ssh_with_a_host_key_that_is_known_by_its_fingerprint(world):
    check_story(world, "ssh", f"main@sha1:{world.commit}")
    kind, entries = world.secret("of-ssh")
    assert (kind, set(entries)) == ("Opaque", {"identity", "known_hosts"})
    assert fingerprint(entries["known_hosts"]) == world.params["ssh"]["git_credentials"]["host_key_fingerprint"]


def test_https_with_a_private_authority(world):
    check_story(world, "authority", f"main@sha1:{world.commit}")
    assert set(world.secret("of-authority")[1]) == {"username", "password", "ca.crt"}


def test_a_bearer_token(world):
    check_story(world, "bearer", f"main@sha1:{world.commit}")
    assert world.secret("of-bearer")[1] == {"bearerToken": TOKEN}


def test_a_bearer_token_gives_way_to_nothing_else(world):
    """The whole data is replaced: a token that stayed would go before a password."""
    credentials = {"git_credentials": {"password": "another"}, "preflight": "warn", "timeout": 20, "verify": False}
    checkout = {"source": {**world.params["bearer"]["source"], "checkout": str(world.lab.tree)}}
    result = world.seed("bearer", **credentials, **checkout)
    assert result["failed"]
    assert world.secret("of-bearer")[1] == {"username": "git", "password": "another"}
    check_story(world, "bearer", f"main@sha1:{world.commit}")


def test_a_public_repository_at_a_tag_without_a_credential(world):
    check_story(world, "public", f"v1@sha1:{world.commit}")


def test_a_client_certificate(world):
    """Both sides show one; without ours, nothing is written."""
    check_story(world, "client", f"main@sha1:{world.commit}")
    assert set(world.secret("of-client")[1]) == {"ca.crt", "tls.crt", "tls.key"}
    before = world.lab.writes()
    authority = {"ca_crt": world.params["client"]["git_credentials"]["ca_crt"]}
    refused = world.seed("client", git_credentials=authority)
    assert next(check["result"] for check in refused["checks"] if check["name"] == "git_credential") == "fail"
    assert world.lab.writes() == before


def test_a_proxy_with_a_password(world):
    """Preflight goes through it as source-controller does; nobody is asked twice for the password of the other."""
    check_story(world, "proxy", f"main@sha1:{world.commit}")
    assert world.secret("the-proxy") == (
        "Opaque", {"address": world.tunnels.address, "username": "me", "password": PROXY_PASSWORD},
    )  # fmt: skip
    refused = world.seed("proxy", source_proxy={"address": world.tunnels.address, "username": "me", "password": "no"})
    assert "source_proxy" in refused["msg"]
    assert len([path for path, _given in world.tunnels.seen if path in world.params["proxy"]["source"]["url"]]) >= 3


def test_a_github_app(world):
    """Preflight and source-controller both get a token for the installation, from a stand-in for the API of GitHub."""
    check_story(world, "app", f"main@sha1:{world.commit}")
    given = world.secret("of-app")[1]
    assert set(given) == {
        "githubAppID", "githubAppInstallationOwner", "githubAppBaseURL", "githubAppPrivateKey",
    }  # fmt: skip
    asked = {agent.partition("/")[0] for code, path, agent in world.github.seen if path.endswith("access_tokens")}
    assert {"fluxseed", "go-github"} <= asked
    assert {code for code, _path, _agent in world.github.seen} == {200, 201}
    other = {"app_id": "42", "installation_id": "8", "base_url": world.github.url, "private_key": world.github.pem_key}
    refused = world.seed("app", git_credentials={"github_app": other})
    assert "no installation 8 of the app 42" in refused["msg"]


def test_an_oci_registry_with_a_client_certificate_through_a_proxy(world):
    """Three Secrets beside the OCIRepository, each with what is its own."""
    check_story(world, "sealed", f"v1@{world.digest}")
    assert world.secret("of-sealed")[0] == "kubernetes.io/dockerconfigjson"
    assert set(world.secret("cert-of-sealed")[1]) == {"ca.crt", "tls.crt", "tls.key"}
    assert set(world.secret("proxy-of-sealed")[1]) == {"address", "username", "password"}
    host = world.params["sealed"]["source"]["url"].split("/")[2]
    assert host in {path for path, _given in world.tunnels.seen}


def test_an_oci_registry(world):
    check_story(world, "oci", f"v1@{world.digest}")
    kind, entries = world.secret("of-oci")
    assert (kind, set(entries)) == ("kubernetes.io/dockerconfigjson", {".dockerconfigjson"})


def test_a_bucket(world):
    artifact = "the revision of a bucket is for source-controller to tell"
    result = world.seed("bucket")
    assert not result.get("failed"), result["msg"]
    found = world.lab.get("bucket", "-n", "flux-system", "bucket")
    assert result["revision"] == found["status"]["artifact"]["revision"], artifact
    check_story(world, "bucket", result["revision"])
    assert world.secret("of-bucket")[1] == {"accesskey": "an-access-key", "secretkey": SECRET_KEY}


def test_manifests_by_their_checksum(world, tmp_path):
    """A release file in place of that in Git; what it does not hold is that of Git."""
    file = tmp_path / "install.yaml"
    file.write_text(world.lab.facts and Path(world.lab.facts["gotk_components"]).read_text() + "# from elsewhere\n")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    source = world.params["public"]["source"]
    result = world.seed("public", source={**source, "manifests": [{"from": str(file), "sha256": digest}]})
    assert not result.get("failed"), result["msg"]
    file.write_text(file.read_text() + "# changed since\n")
    result = world.seed("public", source={**source, "manifests": [{"from": str(file), "sha256": digest}]})
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    assert f"expected is the SHA-256 {digest}, found {found}" in result["msg"]


def test_nothing_is_written_when_the_credential_opens_nothing(world):
    before = world.lab.writes()
    result = world.seed("authority", git_credentials={**world.params["authority"]["git_credentials"], "password": "no"})
    assert "the remote refused the credential" in result["msg"]
    assert next(check["result"] for check in result["checks"] if check["name"] == "git_credential") == "fail"
    assert world.lab.writes() == before


# --- what arrives of a source -----------------------------------------------------------------------

FILES = {
    ".gitignore": "", ".sops.yaml": "", "app.yaml": "", "logo.png": "", "a b/ü.yaml": "", ".github/workflow.yml": "",
    "docs/page.md": "", "docs/kept.md": "", "deep/.sops.yaml": "", "deep/note.txt": "", "deep/er/more.yaml": "", "deep/error.txt": "",
}  # fmt: skip
IGNORING = {
    ".sourceignore": "# a comment\n/docs/*\n!/docs/kept.md\n*.txt\n",
    "deep/.sourceignore": "!note.txt\n/er/\n",
}
SPECS: dict[str, dict[str, t.Any]] = {
    "whole": {},
    "ignoring": {"ignore": "*.md\n!.gitignore\n"},
    "sparse": {"sparseCheckout": ["./deep/er", "docs/kept.md"]},
}


def test_preflight_walks_the_files_that_source_controller_hands_on(world, tmp_path):
    """With and without files of ignore patterns, and for each with what the source itself says; of a bucket too."""
    lab = world.lab
    repositories = Path(lab.facts["git_repository"]).parent
    address = world.params["public"]["source"]["url"].rpartition("/")[0]
    moto, made = f"http://{world.params['bucket']['source']['url'].partition('/')[0]}", {}
    for name, files in (("plain", FILES), ("picky", {**FILES, **IGNORING})):
        folder = tmp_path / name
        for path, content in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(content)
        (folder / "link.yaml").symlink_to("app.yaml")
        for command in (["init", "-q", "-b", "main"], ["add", "--all", "--force"], ["commit", "-q", "-m", "Files"]):
            subprocess.run(["git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b", *command], check=True)
        subprocess.run(["git", "clone", "-q", "--bare", folder, repositories / f"{name}.git"], check=True)
        services.send(f"{moto}/{name}", "PUT", b"")
        for path, content in files.items():
            services.send(f"{moto}/{name}/{quote(path)}", "PUT", content.encode() or b" ")
        git = {"interval": "10m", "url": f"{address}/{name}.git", "ref": {"branch": "main"}}
        bucket = {"interval": "10m", "bucketName": name, "endpoint": moto.removeprefix("http://"), "insecure": True}
        for which, spec in SPECS.items():
            made[name, "GitRepository", which] = {**git, **spec}
            if which != "sparse":
                made[name, "Bucket", which] = {**bucket, "secretRef": {"name": "of-bucket"}, **spec}
    sources = {key: named("-".join(key).lower(), key[1], spec) for key, spec in made.items()}
    by_hand.apply(lab, *sources.values())
    kinds = "gitrepository,bucket"
    lab.kubectl("wait", "--for=condition=Ready", kinds, "-n", "flux-system", "-l", "story=files", "--timeout=60s")
    live = lab.get(kinds, "-n", "flux-system", "-l", "story=files")["items"]
    arrived = {item["metadata"]["name"]: archived(item["status"]["artifact"]["url"]) for item in live}
    expected = {}
    for (name, kind, which), source in sources.items():
        with checkout(Git(os.environ), str(tmp_path / name)) as snapshot:
            expected[f"{name}-{kind}-{which}".lower()] = sorted(Artifact(snapshot, source).paths())
    lab.kubectl("delete", kinds, "-n", "flux-system", "-l", "story=files", "--wait=false")
    assert arrived == expected
    assert ".sops.yaml" not in arrived["plain-gitrepository-whole"]
    assert {"docs/kept.md", "deep/note.txt", ".sops.yaml", "logo.png"} < set(arrived["picky-gitrepository-whole"])


def named(name: str, kind: str, spec: dict[str, t.Any]) -> dict[str, t.Any]:
    """A source of Flux."""
    metadata = {"name": name, "namespace": "flux-system", "labels": {"story": "files"}}
    return {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": kind, "metadata": metadata, "spec": spec}


def archived(url: str) -> list[str]:
    """The files in an artifact, from the storage of source-controller."""
    content, _place = services.send(url, "GET")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        return sorted(entry.name for entry in archive if entry.isfile())


# --- bad input --------------------------------------------------------------------------------------

DEAD = {
    "current-context": "a",
    "clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [],
    "contexts": [{"name": name, "context": {"cluster": "a"}} for name in ("a", "b")],
}


@pytest.mark.parametrize(
    ("source", "more", "message"),
    [
        ({"path": "clusters/misplaced", "tag": None}, {}, "Kustomization has no field spec.secretRef"),
        (
            {"path": "clusters/unreadable", "tag": None},
            {},
            r"clusters/unreadable/flux-system/gotk-sync.yaml:\d+: is no valid YAML",
        ),
        ({"branch": "mian", "tag": None}, {}, r"there is no branch mian \(its branches: main\)"),
        ({"tag": "v2"}, {}, r"there is no tag v2 \(its tags: v1\)"),
        ({"commit": "0" * 40, "tag": None}, {}, "there is no commit 0{40} on any branch"),
        (
            {"path": "clusters/pulbic"},
            {},
            r"has no such folder \(in ./clusters there are: app, authority, bearer, bucket, client",
        ),
        ({"path": "apps"}, {}, "is not in the commit .*there is one for these paths: clusters/app, clusters/authority"),
        ({}, {"kubeconfig": DEAD, "context": "c"}, r"has no context c \(its contexts: a, b\)"),
        ({}, {"kubeconfig": DEAD}, "http://127.0.0.1:1: the API server does not answer"),
        ({}, {"kubeconfig": "/nowhere/config"}, "/nowhere/config: there is no such kubeconfig file"),
        ({}, {"decryption_keys": [{"content": "age1qqqq"}]}, "age.agekey: is a public key"),
        ({}, {"decryption_keys": [{"content": "x", "name": "keys.txt"}]}, "keys.txt does not end in .agekey"),
        ({}, {"source_proxy": {"address": "http://127.0.0.1:1"}}, "Failed to connect to 127.0.0.1 port 1 "),
        (
            {"url": "https://me:hunter2@git.example.com/a"},
            {},
            "https://git.example.com/a: the Git URL holds a password",
        ),
        ({"url": "git@git.example.com:me/a.git"}, {}, "write ssh://git@git.example.com/me/a.git"),
        ({"kind": "bucket"}, {}, "source.tag: has a meaning for source.kind git and oci only"),
    ],
)
def test_bad_input_is_told_early_and_clearly_and_nothing_is_written(world, source, more, message):
    before = world.lab.writes()
    wanted = {"source": {**world.params["public"]["source"], **source}, **more}
    result = world.seed("public", **wanted)
    assert result["failed"]
    assert re.search(message, result["msg"]), result["msg"]
    assert not result.get("changed")
    assert "hunter2" not in json.dumps(result)
    assert world.lab.writes() == before
