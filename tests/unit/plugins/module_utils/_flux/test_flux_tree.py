# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Walking the tree of Kustomizations: which files a cluster will read."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ManifestError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.tree import walk


class Repository(dict):
    """Files in memory."""

    def paths(self):
        return sorted(self)

    def read(self, path):
        return self[path].encode()


def kustomization(name, path, *, source="flux-system", kind="GitRepository", more=""):
    return (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
        f"metadata: {{name: {name}, namespace: flux-system}}\n"
        f"spec:\n  path: {path}\n  sourceRef: {{kind: {kind}, name: {source}}}\n{more}"
    )


ROOT = {
    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
    "kind": "Kustomization",
    "metadata": {"name": "flux-system", "namespace": "flux-system"},
    "spec": {"path": "./clusters/lab", "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
}


def names(tree):
    return [node.name.partition("/")[2] for node in tree.nodes]


def test_without_a_kustomization_file_all_yaml_below_is_covered():
    tree = walk(
        Repository(
            {
                "clusters/lab/a.yaml": "kind: A",
                "clusters/lab/deep/er/b.yml": "kind: B",
                "clusters/lab/README.md": "",
                "clusters/lab/.sops.yaml": "creation_rules: []",
                "clusters/other/c.yaml": "kind: C",
            }
        ),
        ROOT,
    )
    assert tree.files == ["clusters/lab/a.yaml", "clusters/lab/deep/er/b.yml"]


def test_a_folder_with_its_own_kustomization_file_is_taken_as_a_whole():
    tree = walk(
        Repository(
            {
                "clusters/lab/a.yaml": "kind: A",
                "clusters/lab/built/kustomization.yaml": "resources: [in.yaml]",
                "clusters/lab/built/in.yaml": "kind: B",
                "clusters/lab/built/out.yaml": "kind: C",
                "clusters/lab/built/deep/out.yaml": "kind: D",
            }
        ),
        ROOT,
    )
    assert tree.files == ["clusters/lab/a.yaml", "clusters/lab/built/in.yaml"]


def test_only_what_a_kustomization_file_names_is_covered():
    tree = walk(
        Repository(
            {
                "clusters/lab/kustomization.yaml": "resources: [in.yaml, ../base]\ncomponents: [../part]\nbases: [../old]\n",
                "clusters/lab/in.yaml": "kind: A",
                "clusters/lab/out.yaml": "kind: B",
                "clusters/base/kustomization.yml": "resources: [base.yaml]",
                "clusters/base/base.yaml": "kind: C",
                "clusters/part/Kustomization": "resources: [part.yaml, ../base]",
                "clusters/part/part.yaml": "kind: D",
                "clusters/old/kustomization.yaml": "resources: [old.yaml]",
                "clusters/old/old.yaml": "kind: E",
            }
        ),
        ROOT,
    )
    assert tree.files == [
        "clusters/lab/in.yaml",
        "clusters/base/base.yaml",
        "clusters/old/old.yaml",
        "clusters/part/part.yaml",
    ]
    assert tree.nodes[0].missing == []


def test_files_of_generators_and_patches_are_inputs():
    tree = walk(
        Repository(
            {
                "clusters/lab/kustomization.yaml": (
                    "secretGenerator: [{name: a, files: [k=secret.yaml, plain.json], envs: [a.env], env: b.env}]\n"
                    "configMapGenerator: [{name: c, files: [never.txt]}]\n"
                    "patches: [{path: patch.yaml}, {patch: 'inline: true'}]\n"
                    'patchesStrategicMerge: [merge.yaml, "inline:\\n  true\\n"]\n'
                ),
                **dict.fromkeys(
                    (
                        f"clusters/lab/{name}"
                        for name in (
                            "secret.yaml",
                            "plain.json",
                            "a.env",
                            "b.env",
                            "never.txt",
                            "patch.yaml",
                            "merge.yaml",
                        )
                    ),
                    "",
                ),
            }
        ),
        ROOT,
    )
    node = tree.nodes[0]
    covered = {path.rpartition("/")[2] for path in node.inputs}
    assert covered == {"secret.yaml", "plain.json", "a.env", "b.env", "patch.yaml", "merge.yaml"}
    assert node.taken.verbatim == ["clusters/lab/never.txt"]
    assert node.resources == []


@pytest.mark.parametrize(
    "entry",
    [
        "https://example.com/x.yaml",
        "github.com/me/repo//deploy?ref=v1",
        "git@github.com:me/repo.git",
        "ssh://git@host/repo",
        "git::https://example.com/repo",
    ],
)
def test_remote_bases_are_unknown_not_missing(entry):
    tree = walk(Repository({"clusters/lab/kustomization.yaml": f"resources: ['{entry}']"}), ROOT)
    assert tree.nodes[0].unknown == [f"clusters/lab/kustomization.yaml: {entry}"]
    assert tree.nodes[0].missing == []


def test_charts_are_unknown():
    tree = walk(Repository({"clusters/lab/kustomization.yaml": "helmCharts: [{name: x}]"}), ROOT)
    assert tree.nodes[0].unknown == ["clusters/lab/kustomization.yaml: helmCharts"]


def test_missing_references_are_named():
    tree = walk(Repository({"clusters/lab/kustomization.yaml": "resources: [gone.yaml, ../../..]"}), ROOT)
    assert tree.nodes[0].missing[0] == "clusters/lab/kustomization.yaml: gone.yaml"
    assert len(tree.nodes[0].missing) == 2


def test_children_and_their_children_are_followed():
    tree = walk(
        Repository(
            {
                "clusters/lab/apps.yaml": kustomization("apps", "./apps") + "---\nkind: Other\n",
                "apps/more.yaml": kustomization("more", "apps/../more/"),
                "more/secret.yaml": "kind: Secret",
            }
        ),
        ROOT,
    )
    assert names(tree) == ["flux-system", "apps", "more"]
    assert tree.nodes[2].resources == ["more/secret.yaml"]


def test_circles_end():
    tree = walk(
        Repository(
            {
                "clusters/lab/a.yaml": kustomization("a", "./a")
                + "---\n"
                + kustomization("flux-system", "./clusters/lab"),
                "a/b.yaml": kustomization("b", "./clusters/lab"),
                "a/kustomization.yaml": "resources: [b.yaml, ../a]",
            }
        ),
        ROOT,
    )
    assert names(tree) == ["flux-system", "a", "b"]


def test_kustomizations_of_other_sources_are_named_and_not_followed():
    tree = walk(
        Repository(
            {
                "clusters/lab/a.yaml": kustomization("a", "./x", source="other"),
                "clusters/lab/b.yaml": kustomization("b", "./x", kind="OCIRepository"),
                "x/secret.yaml": "kind: Secret",
            }
        ),
        ROOT,
    )
    assert tree.foreign == ["Kustomization flux-system/a", "Kustomization flux-system/b"]
    assert "x/secret.yaml" not in tree.files


def test_a_path_that_is_not_there_is_named_with_its_kustomization():
    tree = walk(Repository({"clusters/lab/a.yaml": kustomization("a", "./gone")}), ROOT)
    assert tree.nodes[1].missing == ["flux-system/a: spec.path ./gone"]


def test_the_repository_itself_can_be_the_path():
    root = {**ROOT, "spec": {**ROOT["spec"], "path": "./"}}
    assert walk(Repository({"a.yaml": "kind: A", "b/c.yaml": "kind: C"}), root).files == ["a.yaml", "b/c.yaml"]


def test_decryption_of_a_child():
    more = "  decryption: {provider: sops, secretRef: {name: keys}}\n  patches: [{patch: x}]\n"
    tree = walk(Repository({"clusters/lab/a.yaml": kustomization("a", "./a", more=more), "a/x.yaml": "kind: X"}), ROOT)
    assert (tree.nodes[0].decryption, tree.nodes[1].decryption) == (None, "keys")


def test_components_of_a_kustomization_are_relative_to_its_path():
    root = {**ROOT, "spec": {**ROOT["spec"], "components": ["../parts"]}}
    files = {"clusters/lab/a.yaml": "kind: A", "clusters/parts/kustomization.yaml": "resources: [p.yaml]"}
    tree = walk(Repository({**files, "clusters/parts/p.yaml": "kind: P"}), root)
    assert tree.files == ["clusters/lab/a.yaml", "clusters/parts/p.yaml"]


@pytest.mark.parametrize("content", ["- a\n", "text", "a: [\n"])
def test_a_broken_kustomization_file_is_named(content):
    with pytest.raises(ManifestError, match=r"clusters/lab/kustomization.yaml"):
        walk(Repository({"clusters/lab/kustomization.yaml": content}), ROOT)
