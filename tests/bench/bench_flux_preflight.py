# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight of a large repository: 1,000 files, 200 of them encrypted, everything checked that needs no cluster.

The components are those of the lab, made by `make lab`.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from measure import Figures, Result, Sample

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.desired import read
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.encrypted import key_ring
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.preflight.base import OK, Check
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.preflight.runner import Asked, of_repository
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.program import Git
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.remote import checkout
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import generate_identity
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.build import Builder
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.manifests import cached

LIMIT = 1.0
"""Seconds that may pass in the process."""
APPS, SECRETS_OF_APP, FILES = 50, 4, 1000
CLUSTER = "clusters/bench"

SYNC = f"""\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: flux-system, namespace: flux-system}}
spec: {{interval: 1m, ref: {{branch: main}}, url: "https://git.example.com/me/bench.git"}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: flux-system, namespace: flux-system}}
spec:
  interval: 10m
  path: ./{CLUSTER}
  prune: true
  sourceRef: {{kind: GitRepository, name: flux-system}}
"""
CHILD = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec:
  interval: 10m
  path: ./apps/{name}
  prune: true
  targetNamespace: {name}
  sourceRef: {{kind: GitRepository, name: flux-system}}
  decryption: {{provider: sops, secretRef: {{name: sops-age}}}}
  postBuild: {{substitute: {{domain: example.com}}}}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {name}
  labels: {{app.kubernetes.io/name: {name}}}
spec:
  replicas: 2
  selector:
    matchLabels: {{app.kubernetes.io/name: {name}}}
  template:
    metadata:
      labels: {{app.kubernetes.io/name: {name}}}
    spec:
      containers:
        - name: web
          image: registry.example.com/{name}:1.2.3
          env:
            - name: HOST
              value: {name}.${{domain}}
            - name: PASSWORD
              valueFrom: {{secretKeyRef: {{name: secret-0, key: password}}}}
          resources:
            requests: {{cpu: 10m, memory: 32Mi}}
            limits: {{memory: 64Mi}}
"""
SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: {name}
stringData:
  username: app
  password: {password}
  token: {password}-{password}
"""


def make_repository(folder: Path) -> str:
    """Write and commit the repository; return the private key that opens its files."""
    private, public = generate_identity()
    files = {
        f"{CLUSTER}/flux-system/gotk-components.yaml": _components(),
        f"{CLUSTER}/flux-system/gotk-sync.yaml": SYNC,
        ".sops.yaml": f"creation_rules:\n  - path_regex: apps/.*\n    encrypted_regex: ^(data|stringData)$\n    age: {public}\n",
    }
    rule = Rule.of((public,), encrypted_regex="^(data|stringData)$")
    plain = (FILES - len(files) - APPS * (SECRETS_OF_APP + 2)) // APPS
    for number in range(APPS):
        app, names = f"app-{number:02}", []
        files[f"{CLUSTER}/{app}.yaml"] = CHILD.format(name=app)
        for index in range(SECRETS_OF_APP):
            names.append(f"secret-{index}.sops.yaml")
            text = SECRET.format(name=f"secret-{index}", password=f"not-a-secret-{number}-{index}")
            path = f"apps/{app}/{names[-1]}"
            files[path] = document.encrypt(text.encode(), rule, store=store_for(path)).content.decode()
        for index in range(plain):
            names.append(f"web-{index}.yaml")
            files[f"apps/{app}/{names[-1]}"] = DEPLOYMENT.format(name=f"web-{index}")
        files[f"apps/{app}/kustomization.yaml"] = "resources:\n" + "".join(f"  - {name}\n" for name in names)
    for number in range(FILES - len(files)):
        files[f"{CLUSTER}/more-{number}.yaml"] = DEPLOYMENT.format(name=f"more-{number}")
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "Bench"]):
        identity = ["-c", "user.name=bench", "-c", "user.email=bench@example.com", "-c", "commit.gpgSign=false"]
        subprocess.run(["git", "-C", folder, *identity, *command], check=True)
    return private


def preflight_once(folder: Path, private: str) -> tuple[Sample, list[Check]]:
    """Do what the module does between opening the checkout and the first request; nothing is kept from run to run."""
    with checkout(Git(os.environ), str(folder)) as snapshot:
        started = time.perf_counter()
        desired = read(snapshot, CLUSTER, snapshot.commit)
        asked = Asked(
            follows="main", ring=key_ring([("age.agekey", private)]), entries=["age.agekey"], has_age_keys=True
        )
        checks = list(of_repository(desired, asked))
        return Sample(time.perf_counter() - started), checks


def run(runs: int) -> Result:
    """Measure, and return the row.

    Raises:
        RuntimeError: a check did not come out ok, so that the figure would be of something else.
    """
    with tempfile.TemporaryDirectory(prefix="fluxseed-bench-") as name:
        folder = Path(name)
        private = make_repository(folder)
        samples = []
        for _number in range(runs):
            sample, checks = preflight_once(folder, private)
            wrong = [check for check in checks if check.result != OK]
            if wrong:
                raise RuntimeError(f"the repository of the benchmark is not in order: {wrong}")
            samples.append(sample)
    figures = Figures(tuple(samples))
    case = f"preflight of a repository with {FILES:,} files, {APPS * SECRETS_OF_APP} encrypted"
    return Result(case, "-", figures.median, LIMIT, "limit", figures)


def _components() -> str:
    path = cached(Builder(print))
    if path is None:
        raise RuntimeError("the components of the lab are not there yet: make lab")
    return path.read_text()
