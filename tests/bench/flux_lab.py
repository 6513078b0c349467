# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab for the part `flux`: a repository with the 32 objects of `flux install`, and what the measurements do to its cluster."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))

from seeds import FLUX, Seeds, module, started

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.secrets import git_data, plain_secret, sops_secret
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.credential import Credential
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api, concurrently
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference, reference, with_data
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.wait import Deadline
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.build import Builder
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.manifests import ALL, gotk_components

PART_OF = "app.kubernetes.io/part-of=flux"
KUSTOMIZE, SOURCE = "kustomize.toolkit.fluxcd.io/v1", "source.toolkit.fluxcd.io/v1"
NAMESPACE = Reference("v1", "Namespace", "", "flux-system")
NODE = "lab-0"
FIRST = ("Namespace", "CustomResourceDefinition")
SYNC = ("GitRepository", "Kustomization")
# Preflight cannot know what a server finds wrong, and the API server refuses this.
BROKEN = """\
apiVersion: v1
kind: Service
metadata: {name: broken, namespace: apps}
spec: {ports: [{port: 0}]}
"""


@dataclass
class FluxLab:
    """One cluster, and the repository that it follows."""

    seeds: Seeds
    manifests: list[dict[str, t.Any]] = field(default_factory=list)
    """The objects that Git has for Flux itself: its components, its source and its root."""

    @property
    def of_sync(self) -> list[dict[str, t.Any]]:
        """Those among them that tell Flux what to follow."""
        return [item for item in self.manifests if item["kind"] in SYNC]

    @property
    def secrets(self) -> list[dict[str, t.Any]]:
        """The two Secrets that are seeded and that Git does not have."""
        credential, keys = Credential("git", self.seeds.password), (("age.agekey", self.seeds.key),)
        return [
            with_data(plain_secret(NAMESPACE.name, "flux-system", git_data(credential), None)),
            with_data(sops_secret(NAMESPACE.name, "sops-age", keys, None)),
        ]

    @property
    def environment(self) -> dict[str, str]:
        """What processes get to know: secrets are neither in files nor among arguments."""
        return {
            "BENCH_KEY": self.seeds.key,
            "BENCH_KUBECONFIG": self.seeds.facts["kubeconfig"],
            "BENCH_OBJECTS": str(len(self.manifests) + len(self.secrets)),
            "BENCH_PASSWORD": self.seeds.password,
            "BENCH_SECRETS": json.dumps({"apiVersion": "v1", "kind": "List", "items": self.secrets}),
            "BENCH_URL": self.seeds.facts["git_url"],
        }

    def seed(self) -> dict[str, t.Any]:
        """Call the module in process, as its action plugin does; return what it returns, also when it fails."""
        return module(
            kubeconfig=self.seeds.facts["kubeconfig"],
            source={"url": self.seeds.facts["git_url"], "path": "clusters/lab"},
            git_credentials={"username": "git", "password": self.seeds.password},
            decryption_keys=[{"content": self.seeds.key}],
        )

    def again(self) -> dict[str, t.Any]:
        """Call the module where nothing is to be done.

        Raises:
            RuntimeError: something was, so that the figure would be of something else.
        """
        found = self.seed()
        if found.get("failed") or found["changed"] or not found["secrets"]["proven"]:
            raise RuntimeError(f"not a run without a change: {found.get('msg') or found['objects']}")
        return found

    # --- the cluster ----------------------------------------------------------------------------

    @contextmanager
    def without_pods(self) -> Iterator[None]:
        """No Pod gets a node, so that no controller of Flux runs."""
        self.seeds.kubectl("cordon", NODE)
        try:
            yield
        finally:
            self.seeds.kubectl("uncordon", NODE)

    def clear(self) -> None:
        """Take all of Flux out of the cluster; nothing of it runs."""
        with self.seeds.api() as api:
            for version, kind in ((KUSTOMIZE, "Kustomization"), (SOURCE, "GitRepository")):
                concurrently(api.delete, [reference(found) for found in api.list(version, kind)])
            kinds = {(item["apiVersion"], item["kind"]) for item in self.manifests}
            found = [reference(item) for kind in kinds for item in api.list(*kind, labels=PART_OF)]
            # A namespace asks all kinds for what is in it, and starts over when one goes at the same time.
            definitions = [target for target in found if target.kind == "CustomResourceDefinition"]
            _remove(api, [target for target in found if target not in definitions])
            _remove(api, definitions)

    # --- a failure --------------------------------------------------------------------------------

    def break_apps(self) -> None:
        """Publish what no cluster takes."""
        self.seeds.publish(**{"apps/broken.yaml": BROKEN})

    def mend_apps(self) -> None:
        """Take it back, and wait until the cluster has that."""
        (self.seeds.tree / "apps/broken.yaml").unlink()
        self.seeds.publish()
        found = self.seed()
        if found.get("failed"):
            raise RuntimeError(f"the cluster is not in order again: {found['msg']}")


def _remove(api: Api, targets: list[Reference]) -> None:
    concurrently(api.delete, targets)
    deadline = Deadline(120)
    while any(concurrently(lambda target: api.get(target) is not None, targets)):
        if deadline.is_over:
            raise RuntimeError("Flux cannot be taken out of the cluster")
        deadline.pause(0.1)


class Bystander(threading.Thread):
    """Somebody with `kubectl get --watch`, who sees a Kustomization fail."""

    def __init__(self, seeds: Seeds, name: str) -> None:
        super().__init__(daemon=True)
        self.seen: float | None = None
        ready = '{.status.conditions[?(@.type=="Ready")].status}{"\\n"}'
        command = [
            seeds.facts["binaries"]["kubectl"],
            "--kubeconfig",
            seeds.facts["kubeconfig"],
            "get",
            "kustomization",
        ]
        command += [name, "--namespace=flux-system", "--watch", f"--output=jsonpath={ready}"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> t.Self:
        # The first line is how it stands before.
        assert self._process.stdout
        self._process.stdout.readline()
        self.start()
        return self

    def __exit__(self, *_failure: object) -> None:
        self._process.terminate()
        self._process.wait()
        self.join()

    def run(self) -> None:
        """Read what is printed, and note when it says that it has failed."""
        for line in self._process.stdout or ():
            if line.strip() == "False" and self.seen is None:
                self.seen = time.perf_counter()


@contextmanager
def flux_lab(folder: Path) -> Iterator[FluxLab]:
    """A lab with nothing on its cluster, and Flux with four controllers in its repository."""
    builder = Builder(print)
    kubectl = builder.group(builder.groups["kubernetes"])["kubectl"]
    components = gotk_components(builder, kubectl, ALL).read_text()
    with started(folder) as seeds:
        seeds.publish(**{f"{FLUX}/gotk-components.yaml": components})
        text = f"{components}\n---\n{seeds.read(f'{FLUX}/gotk-sync.yaml')}"
        yield FluxLab(seeds, [item for item in yaml.load_all(text, yaml.CSafeLoader) if item])
