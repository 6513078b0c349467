# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab with a small repository of its own, seeded in process: for stories in which Ansible is not the point."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import time
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from homelab import WRITES

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible import border, flux_seed
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.seeding import Seeding
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.settings import Settings
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.program import Credential
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.connection import Connection
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import generate_identity
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.lab import Lab
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._vault import VaultFile

FLUX = "clusters/lab/flux-system"
SECRET = (
    "apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: apps}}\nstringData: {{password: {value}}}\n"
)
CHILD = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec:
  interval: 10m
  retryInterval: 1s
  path: ./{name}
  prune: true
  sourceRef: {{kind: GitRepository, name: flux-system}}
  decryption: {{provider: sops, secretRef: {{name: sops-age}}}}
"""
SYNC = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: flux-system, namespace: flux-system}}
spec:
  interval: 1m
  ref: {{branch: main}}
  secretRef: {{name: flux-system}}
  url: {url}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: flux-system, namespace: flux-system}}
spec:
  interval: 10m
  retryInterval: 1s
  path: ./clusters/lab
  prune: true
  sourceRef: {{kind: GitRepository, name: flux-system}}
  decryption: {{provider: sops, secretRef: {{name: sops-age}}}}
"""


@dataclass
class Seeds:
    """A lab, its repository, and runs of the engine on it."""

    folder: Path
    facts: dict[str, t.Any]
    password: str
    key: str
    recipient: str
    told: list[str] = field(default_factory=list)
    """Progress and warnings of the last run."""
    spawned: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def tree(self) -> Path:
        """Work tree of the repository."""
        return self.folder / "tree"

    # --- Git ------------------------------------------------------------------------------------

    def git(self, *arguments: str) -> str:
        """Run git in the work tree."""
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgSign=false"]
        done = subprocess.run(["git", "-C", self.tree, *identity, *arguments], capture_output=True, check=True)
        return done.stdout.decode().strip()

    def publish(self, **files: str) -> str:
        """Write files, commit and push them; return the commit."""
        for path, content in files.items():
            (self.tree / path).parent.mkdir(parents=True, exist_ok=True)
            (self.tree / path).write_text(content)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "Change")
        self.git("push", "--quiet", self.facts["git_repository"], "HEAD:refs/heads/main")
        return self.git("rev-parse", "HEAD")

    def read(self, path: str) -> str:
        """Return a file of the work tree."""
        return (self.tree / path).read_text()

    def encrypted(self, text: str) -> str:
        """Return a manifest as SOPS encrypts it for the key of this lab."""
        rule = Rule.of([self.recipient], encrypted_regex="^(data|stringData)$")
        return document.encrypt(text.encode(), rule, store=store_for("x.yaml")).content.decode()

    def start_repository(self) -> None:
        """Flux itself, one child with one encrypted Secret."""
        self.tree.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        files = {
            f"{FLUX}/gotk-components.yaml": Path(self.facts["gotk_components"]).read_text(),
            f"{FLUX}/gotk-sync.yaml": SYNC.format(url=self.facts["git_url"]),
            f"{FLUX}/kustomization.yaml": "resources: [gotk-components.yaml, gotk-sync.yaml]\n",
            "clusters/lab/apps.yaml": CHILD.format(name="apps"),
            "apps/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: apps}\n",
            "apps/database.yaml": self.encrypted(SECRET.format(name="database", value="a-password-of-apps")),
        }
        self.publish(**files)

    # --- runs -----------------------------------------------------------------------------------

    def settings(self, **more: t.Any) -> Settings:
        """Return what is to be so, with the right credential and key."""
        return Settings(
            **{
                "url": self.facts["git_url"],
                "branch": "main",
                "path": "clusters/lab",
                "credential": Credential("git", self.password),
                "keys": (("age.agekey", self.key),),
                "timeout": 90,
                **more,
            }
        )

    def seeding(self, connect: Callable[[], Connection] | None = None, **settings: t.Any) -> Seeding:
        """Return a run that was not started yet."""
        self.told.clear()
        return Seeding(
            self.settings(**settings),
            connect or self.connect,
            environment=os.environ,
            progress=self.told.append,
            warn=self.told.append,
        )

    def seed(self, connect: Callable[[], Connection] | None = None, **settings: t.Any) -> dict[str, t.Any]:
        """Run and return what the module would."""
        return self.seeding(connect, **settings).run().as_result()

    # --- the cluster ----------------------------------------------------------------------------

    def connect(self) -> Connection:
        """Return a connection to the API server."""
        return Connection.from_kubeconfig(self.facts["kubeconfig"])

    @contextmanager
    def api(self) -> Iterator[Api]:
        """The cluster."""
        connection = self.connect()
        try:
            yield Api(connection)
        finally:
            connection.close()

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Ask the cluster with somebody else's program."""
        command = [self.facts["binaries"]["kubectl"], "--kubeconfig", self.facts["kubeconfig"], *arguments]
        done = subprocess.run(
            command, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(arguments)}\n{done.stdout}")
        return done.stdout

    def get(self, *arguments: str) -> dict[str, t.Any]:
        """Return an object, or a list, as kubectl shows it, with its managers."""
        output = self.kubectl("get", *arguments, "-o", "json", "--show-managed-fields")
        return t.cast("dict[str, t.Any]", json.loads(output))

    def suspend(self, suspended: bool) -> None:
        """Suspend or resume the root Kustomization, as a person at a terminal does."""
        spec = json.dumps({"spec": {"suspend": True if suspended else None}})
        root = ("kustomization/flux-system", "-n", "flux-system")
        self.kubectl("patch", *root, "--type=merge", "--field-manager=test", "-p", spec)

    def reconcile(self) -> None:
        """Request a reconcile of the root Kustomization."""
        token = f"reconcile.fluxcd.io/requestedAt={time.time()}"
        self.kubectl("annotate", "kustomization/flux-system", "-n", "flux-system", "--overwrite", token)

    def requests(self, since: dt.datetime | None = None) -> list[dict[str, t.Any]]:
        """Return the requests of this collection so far, or that were made since then, from the audit log of the API server.

        A watch is logged when the API server notices that nobody listens any more, which may be long after.
        """
        moment = since.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if since else ""
        lines = (Path(self.facts["path"]) / "logs/audit.log").read_text().splitlines()
        events = [json.loads(line) for line in lines if '"fluxseed' in line]
        return [
            event
            for event in events
            if event["userAgent"].startswith("fluxseed")
            and event["stage"] in {"ResponseComplete", "Panic"}
            and event["requestReceivedTimestamp"] >= moment
        ]

    def writes(self) -> list[str]:
        """Return the requests of this collection so far that changed something, or could have."""
        return [
            f"{event['verb']} {event['requestURI'].partition('?')[0]}"
            for event in self.requests()
            if event["verb"] in WRITES
            and "dryRun=" not in event["requestURI"]
            and "selfsubject" not in event["requestURI"]
        ]

    def reset(self) -> None:
        """Take everything of Flux out of the cluster: as it was at first, in less time than a new lab takes."""
        flux = ("-l", "app.kubernetes.io/part-of=flux")
        self.kubectl("delete", "deployment", "-n", "flux-system", "--all", "--cascade=foreground")
        for definition in self.get("crd", *flux)["items"]:
            plural = definition["metadata"]["name"]
            for found in self.get(plural, "-A")["items"]:
                where = ("-n", found["metadata"]["namespace"], "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
                self.kubectl("patch", plural, found["metadata"]["name"], *where)
        self.kubectl("delete", "crd,clusterrole,clusterrolebinding", *flux)
        self.kubectl("delete", "namespace", "flux-system", "apps", "--ignore-not-found")

    # --- its processes --------------------------------------------------------------------------

    def lab_processes(self) -> list[dict[str, t.Any]]:
        """Return name and pid of what runs."""
        return t.cast("list[dict[str, t.Any]]", Lab(self.folder / "lab").status()["processes"])

    def restarter(self, pid: int) -> Callable[[], None]:
        """Return what starts a process again as it was started; that one ends with this object at the latest."""
        entry = Path(f"/proc/{pid}")
        command = (entry / "cmdline").read_bytes().decode().split("\0")[:-1]
        environment = dict(
            line.partition("=")[::2] for line in (entry / "environ").read_bytes().decode().split("\0")[:-1]
        )
        folder = (entry / "cwd").readlink()

        def start() -> None:
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            self.spawned.append(subprocess.Popen(command, env=environment, cwd=folder, **quiet))

        return start


def module(*, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    """Do what the module `flux_seed` does, with options as a play gives them."""
    validated = ArgumentSpecValidator(flux_seed.ARGUMENT_SPEC, **flux_seed.CONSTRAINTS).validate(options)
    assert validated.error_messages == []
    return border.guarded(flux_seed.run, Call(validated.validated_parameters, check_mode=check_mode))


@contextmanager
def started(folder: Path) -> Iterator[Seeds]:
    """A lab with nothing on its cluster; it ends with this process, whatever happens."""
    lab = Lab(folder / "lab")
    spawned: list[subprocess.Popen[bytes]] = []
    try:
        facts = lab.start(owner=os.getpid())
        vault = VaultFile.with_password_file(str(lab.folder.secrets), str(lab.folder.vault_password))
        private, public = generate_identity()
        seeds = Seeds(folder, facts, vault.read()["vault_github_token"], private, public, spawned=spawned)
        seeds.start_repository()
        yield seeds
    finally:
        for process in spawned:
            process.kill()
            process.wait()
        lab.stop()
        shutil.rmtree(folder, ignore_errors=True)
