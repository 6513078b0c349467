# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small repository in memory, with secrets that are really encrypted."""

from __future__ import annotations

from collections.abc import Sequence

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.encrypted import Encrypted
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.manifests import Components, Sync
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.tree import Tree, walk
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import generate_identity
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for

URL = "https://git.example.com/me/lab.git"
PRIVATE, PUBLIC = generate_identity()
OTHER_PRIVATE, OTHER_PUBLIC = generate_identity()
DECRYPTION = "  decryption: {provider: sops, secretRef: {name: sops-age}}\n"
COMPONENTS = """\
apiVersion: v1
kind: Namespace
metadata: {name: flux-system, labels: {app.kubernetes.io/part-of: flux}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gitrepositories.source.toolkit.fluxcd.io, labels: {app.kubernetes.io/part-of: flux}}
spec: {names: {kind: GitRepository}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: kustomizations.kustomize.toolkit.fluxcd.io, labels: {app.kubernetes.io/part-of: flux}}
spec: {names: {kind: Kustomization}}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: source-controller
  namespace: flux-system
  labels: {app.kubernetes.io/part-of: flux, app.kubernetes.io/version: v2.9.5}
spec: {replicas: 1}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: kustomize-controller
  namespace: flux-system
  labels: {app.kubernetes.io/part-of: flux, app.kubernetes.io/version: v2.9.5}
spec: {replicas: 1}
"""
SYNC = f"""\
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: flux-system, namespace: flux-system}}
spec:
  ref: {{branch: main}}
  secretRef: {{name: git-auth}}
  url: {URL}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: flux-system, namespace: flux-system}}
spec:
  path: ./clusters/lab
  sourceRef: {{kind: GitRepository, name: flux-system}}
{DECRYPTION}"""


def child(name: str, more: str = DECRYPTION) -> str:
    """A Kustomization of the folder of its name."""
    return (
        f"apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\n"
        f"spec:\n  path: ./{name}\n  sourceRef: {{kind: GitRepository, name: flux-system}}\n{more}"
    )


def encrypted(text: str, *recipients: str, name: str = "x.yaml") -> str:
    """The text as a file that SOPS has encrypted, whose name says its format; of YAML only the data of Secrets."""
    selector = {"encrypted_regex": "^(data|stringData)$"} if name.endswith(".yaml") else {}
    rule = Rule.of(recipients or (PUBLIC,), **selector)
    return document.encrypt(text.encode(), rule, store=store_for(name)).content.decode()


def secret(name: str, values: str, *, namespace: str = "apps", part: str = "stringData") -> str:
    """A Secret with the given flow mapping as its values."""
    return f"apiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: {namespace}}}\n{part}: {values}\n"


class Repository(dict[str, str]):
    """Files in memory, with those of Flux in place."""

    def __init__(self, **more: str) -> None:
        super().__init__()
        self["clusters/lab/flux-system/gotk-components.yaml"] = COMPONENTS
        self["clusters/lab/flux-system/gotk-sync.yaml"] = SYNC
        self.update(more)

    def paths(self) -> list[str]:
        return sorted(self)

    def read(self, path: str) -> bytes:
        return self[path].encode()

    @property
    def components(self) -> Components:
        path = "clusters/lab/flux-system/gotk-components.yaml"
        return Components.parse(self.read(path), where=path)

    @property
    def sync(self) -> Sync:
        path = "clusters/lab/flux-system/gotk-sync.yaml"
        return Sync.parse(self.read(path), where=path)

    def walked(self) -> tuple[Tree, Encrypted]:
        tree = walk(self, self.sync.root)
        return tree, Encrypted(self, tree)


def results(checks: Sequence[object]) -> list[tuple[str, str]]:
    """Names and results of checks."""
    return [(check.name, check.result) for check in checks]
