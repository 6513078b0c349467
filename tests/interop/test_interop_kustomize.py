# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said about Kustomizations without building them is what kustomize builds."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.tree import walk
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.work_tree import WorkTree
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.build import Builder

pytestmark = pytest.mark.interop

CHILD = """\
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: NAME
  namespace: flux-system
  labels: {tier: NAME}
spec:
  path: ./NAME
  dependsOn: [{name: first}]
  sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}
"""
ROOT = {
    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
    "kind": "Kustomization",
    "metadata": {"name": "flux-system", "namespace": "flux-system"},
    "spec": {"path": "./c", "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
}
MERGE = (
    "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a, namespace: flux-system}\n"
    "spec: {decryption: {provider: sops, secretRef: {name: keys}}}\n"
)
REMOVE = MERGE.replace("{provider: sops, secretRef: {name: keys}}", "null")
JSON = "- {op: add, path: /spec/decryption, value: {provider: sops, secretRef: {name: keys}}}\n"
LISTS = MERGE.replace(
    "decryption: {provider: sops, secretRef: {name: keys}}", "dependsOn: [{name: second}], patches: [{patch: x}]"
)
COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
TARGET = "target: {kind: Kustomization}"
BOTH = {"c/a.yaml": CHILD.replace("NAME", "a"), "c/b.yaml": CHILD.replace("NAME", "b")}
LISTED = "resources: [a.yaml, b.yaml]\n"
BASE = {"b/kustomization.yaml": "resources: [a.yaml]\n", "b/a.yaml": CHILD.replace("NAME", "a")}

CASES = {
    "plain": {"c/kustomization.yaml": LISTED},
    "merge": {"c/kustomization.yaml": LISTED + "patches: [{path: p.yaml}]\n", "c/p.yaml": MERGE},
    "merge-target": {"c/kustomization.yaml": LISTED + f"patches: [{{path: p.yaml, {TARGET}}}]\n", "c/p.yaml": MERGE},
    "merge-removes": {
        "c/kustomization.yaml": LISTED
        + f"patches: [{{path: p.yaml, {TARGET}}}, {{path: q.yaml, target: {{name: a}}}}]\n",
        "c/p.yaml": MERGE,
        "c/q.yaml": REMOVE,
    },
    "merge-lists": {"c/kustomization.yaml": LISTED + "patches: [{path: p.yaml}]\n", "c/p.yaml": LISTS},
    "merge-two": {
        "c/kustomization.yaml": LISTED + "patches: [{path: p.yaml}]\n",
        "c/p.yaml": MERGE + "---\n" + MERGE.replace("name: a,", "name: b,"),
    },
    "old-merge": {"c/kustomization.yaml": LISTED + "patchesStrategicMerge: [p.yaml]\n", "c/p.yaml": MERGE},
    "old-json": {
        "c/kustomization.yaml": LISTED
        + "patchesJson6902: [{path: p.yaml, target: {group: kustomize.toolkit.fluxcd.io, version: v1, kind: Kustomization, name: b}}]\n",
        "c/p.yaml": JSON,
    },
    "json": {"c/kustomization.yaml": LISTED + f"patches: [{{path: p.yaml, {TARGET}}}]\n", "c/p.yaml": JSON},
    "json-inline": {"c/kustomization.yaml": LISTED + f"patches:\n- {TARGET}\n  patch: |\n    {JSON}"},
    "by-label": {
        "c/kustomization.yaml": LISTED
        + "patches: [{path: p.yaml, target: {kind: Kustomization, labelSelector: 'tier in (b, x)'}}]\n",
        "c/p.yaml": JSON,
    },
    "not-by-label": {
        "c/kustomization.yaml": LISTED + "patches: [{path: p.yaml, target: {labelSelector: 'tier!=b'}}]\n",
        "c/p.yaml": JSON,
    },
    "by-name": {
        "c/kustomization.yaml": LISTED + "patches: [{path: p.yaml, target: {name: 'a|x'}}]\n",
        "c/p.yaml": JSON,
    },
    "part-of-name": {
        "c/kustomization.yaml": "resources: [ab.yaml]\npatches: [{path: p.yaml, target: {name: a}}]\n",
        "c/ab.yaml": CHILD.replace("NAME", "ab"),
        "c/p.yaml": JSON,
    },
    "by-namespace": {
        "c/kustomization.yaml": LISTED
        + "namespace: team\npatches: [{path: p.yaml, target: {namespace: flux-system}}]\n",
        "c/p.yaml": JSON,
    },
    "namespace": {"c/kustomization.yaml": LISTED + "namespace: team\nnamePrefix: x-\nnameSuffix: -y\n"},
    "base": {
        "c/kustomization.yaml": f"resources: [../b]\nnamespace: team\npatches: [{{path: p.yaml, {TARGET}}}]\n",
        "c/p.yaml": JSON,
        **BASE,
    },
    "renamed-base": {
        "c/kustomization.yaml": "resources: [../b]\npatches: [{path: p.yaml, target: {name: x-a}}]\n",
        "c/p.yaml": JSON,
        **BASE,
        "b/kustomization.yaml": "resources: [a.yaml]\nnamePrefix: x-\n",
    },
    "renamed-merge": {
        "c/kustomization.yaml": "resources: [../b]\npatches: [{path: p.yaml}]\n",
        "c/p.yaml": MERGE,
        **BASE,
        "b/kustomization.yaml": "resources: [a.yaml]\nnamePrefix: x-\n",
    },
    "two-overlays": {
        "c/kustomization.yaml": "resources: [one, two]\n",
        "c/one/kustomization.yaml": "resources: [../../b]\nnamespace: one\n",
        "c/two/kustomization.yaml": f"resources: [../../b]\nnamespace: two\npatches: [{{path: p.yaml, {TARGET}}}]\n",
        "c/two/p.yaml": JSON,
        **BASE,
    },
    "component": {
        "c/kustomization.yaml": LISTED + "components: [../k]\n",
        "k/kustomization.yaml": COMPONENT + f"resources: [more.yaml]\npatches: [{{path: p.yaml, {TARGET}}}]\n",
        "k/more.yaml": CHILD.replace("NAME", "more"),
        "k/p.yaml": JSON,
    },
    "component-of-base": {
        "c/kustomization.yaml": "resources: [../b, ../d]\n",
        **BASE,
        "b/kustomization.yaml": "resources: [a.yaml]\ncomponents: [../k]\n",
        "k/kustomization.yaml": f"apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{{path: p.yaml, {TARGET}}}]\n",
        "k/p.yaml": JSON,
        "d/kustomization.yaml": "resources: [d.yaml]\n",
        "d/d.yaml": CHILD.replace("NAME", "d"),
    },
    "list": {
        "c/kustomization.yaml": "resources: [l.yaml]\n",
        "c/l.yaml": "apiVersion: v1\nkind: List\nitems:\n- "
        + CHILD.replace("NAME", "a").replace("\n", "\n  ").rstrip()
        + "\n",
    },
    "move": {
        "c/kustomization.yaml": LISTED + f"patches: [{{path: p.yaml, {TARGET}}}]\n",
        "c/p.yaml": (
            "- {op: copy, from: /metadata/name, path: /spec/targetNamespace}\n"
            "- {op: move, from: /metadata/labels/tier, path: /spec/was}\n"
            "- {op: replace, path: /spec/dependsOn/0/name, value: other}\n"
        ),
    },
}


@pytest.fixture(scope="module")
def kubectl() -> Path:
    """The kubectl command, which has kustomize in it."""
    builder = Builder(print)
    return builder.group(builder.groups["kubernetes"])["kubectl"]


@pytest.mark.parametrize("case", CASES)
def test_kustomizations_are_those_that_kustomize_builds(case: str, kubectl: Path, tmp_path: Path) -> None:
    """Name, namespace and everything in spec."""
    for path, text in {**(BOTH if "a.yaml" in CASES[case]["c/kustomization.yaml"] else {}), **CASES[case]}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)
    done = subprocess.run(
        [kubectl, "kustomize", "--load-restrictor", "LoadRestrictionsNone", tmp_path / "c"],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    built = [found for found in yaml.safe_load_all(done.stdout) if found["kind"] == "Kustomization"]
    walked = walk(WorkTree.of_folder(str(tmp_path)), ROOT).nodes[1:]
    assert [node.uncertain for node in walked] == [[]] * len(walked)

    def told(found: dict[str, dict[str, object]]) -> tuple[object, ...]:
        return found["metadata"]["namespace"], found["metadata"]["name"], repr(sorted(found["spec"].items()))

    assert sorted(told(node.kustomization) for node in walked) == sorted(map(told, built))
