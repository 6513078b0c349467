# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build and the substitution do to Kustomizations."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ManifestError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.manifests import load
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.patching import Layer, read_patch, selects, through
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.tree import walk
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.variables import Variable, inline, substituted, used

CHILD = {
    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
    "kind": "Kustomization",
    "metadata": {"name": "apps", "namespace": "flux-system", "labels": {"tier": "app"}},
    "spec": {"path": "./apps", "sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
}
DECRYPTION = {"provider": "sops", "secretRef": {"name": "sops-age"}}
MERGE = "spec: {decryption: {provider: sops, secretRef: {name: sops-age}}}"
ADD = "[{op: add, path: /spec/decryption, value: {provider: sops, secretRef: {name: sops-age}}}]"
ANY = {"kind": "Kustomization"}


def patches(text, more=""):
    """Return a list of one inline patch for Kustomizations."""
    return f"patches: [{{patch: '{text}', target: {{kind: Kustomization{more}}}}}]"


def after(text, target=(), found=()):
    target, found = ANY if target == () else target, found or CHILD
    changed, unknown = through(found, [Layer("x", patches=(read_patch("x", text.encode(), target),))])
    return changed, unknown


@pytest.mark.parametrize(
    "text",
    [MERGE, ADD, "- {op: replace, path: /spec/decryption, value: {provider: sops, secretRef: {name: sops-age}}}"],
)
def test_decryption_is_added_by_either_kind_of_patch(text):
    changed, unknown = after(text)
    assert changed["spec"]["decryption"] == DECRYPTION
    assert changed["spec"]["path"] == "./apps"
    assert unknown == []
    assert "decryption" not in CHILD["spec"]


def test_a_patch_without_a_target_is_for_the_object_that_it_names():
    named = (
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: NAME, namespace: flux-system}\n"
        + MERGE
    )
    assert "decryption" in after(named.replace("NAME", "apps"), None)[0]["spec"]
    assert "decryption" not in after(named.replace("NAME", "other"), None)[0]["spec"]


def test_a_merge_does_not_rename_what_it_is_about():
    changed, _unknown = after("kind: X\nmetadata: {name: not-used, labels: {tier: null, more: a}}")
    assert changed["metadata"] == {"name": "apps", "namespace": "flux-system", "labels": {"more": "a"}}
    assert changed["kind"] == "Kustomization"


def test_operations_of_json_patches():
    text = (
        "[{op: add, path: /spec/list, value: [a]}, {op: add, path: /spec/list/-, value: c}, {op: add, path: /spec/list/1, value: b},"
        "{op: copy, from: /spec/list, path: /spec/again}, {op: remove, path: /spec/list/0}, {op: test, path: /kind, value: x},"
        "{op: move, from: /metadata/labels/tier, path: /metadata/labels/a~1b}]"
    )
    changed, unknown = after(text)
    assert (changed["spec"]["list"], changed["spec"]["again"], unknown) == (["b", "c"], ["a", "b", "c"], [])
    assert changed["metadata"]["labels"] == {"a/b": "app"}


@pytest.mark.parametrize(
    "text",
    [
        "spec: {$patch: delete}",
        "[{op: remove, path: /spec/nothing}]",
        "[{op: strange, path: /spec}]",
        "[{op: add, path: spec}]",
        "[{path: /spec}]",
        "just text",
    ],
)
def test_what_cannot_be_told_is_named(text):
    assert after(text)[1] == ["x"]


@pytest.mark.parametrize(
    ("target", "selected"),
    [
        ({"kind": "Kustomization"}, True),
        ({"kind": "Kustom.*", "name": "app."}, True),
        ({"name": "app"}, False),
        ({"group": "kustomize.toolkit.fluxcd.io", "version": "v1"}, True),
        ({"group": "apps"}, False),
        ({"namespace": "other"}, False),
        ({"labelSelector": "tier=app"}, True),
        ({"labelSelector": "tier==app,more!=x"}, True),
        ({"labelSelector": "tier in (app, db), more notin (x)"}, True),
        ({"labelSelector": "tier notin (app)"}, False),
        ({"labelSelector": "tier"}, True),
        ({"labelSelector": "!tier"}, False),
        ({"annotationSelector": "tier=app"}, False),
    ],
)
def test_targets(target, selected):
    assert selects(target, CHILD) is selected


@pytest.mark.parametrize("target", [{"name": "("}, {"labelSelector": "a b c"}])
def test_targets_that_cannot_be_read(target):
    with pytest.raises(ManifestError):
        selects(target, CHILD)


def test_namespace_and_name_of_the_layers_apply_from_inside_out():
    layers = [Layer("a", namespace="one", prefix="a-"), Layer("b", suffix="-b"), Layer("c", namespace="two")]
    assert through(CHILD, layers)[0]["metadata"]["name"] == "a-apps-b"
    assert through(CHILD, layers)[0]["metadata"]["namespace"] == "two"


# --- in a tree ------------------------------------------------------------------------------------


class Repository(dict):
    """Files in memory."""

    def paths(self):
        return sorted(self)

    def read(self, path):
        return self[path].encode()


APPS = (
    "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n"
    "spec: {path: ./apps, sourceRef: {kind: GitRepository, name: flux-system, namespace: flux-system}}\n"
)


def apps(root="", **files):
    """Return the child after the root, whose spec has these lines more."""
    more = load(root.encode(), where="root") or {}
    spec = {"path": "./c", "sourceRef": CHILD["spec"]["sourceRef"], **more}
    found = {**CHILD, "metadata": {"name": "flux-system", "namespace": "flux-system"}, "spec": spec}
    tree = walk(Repository({"apps/x.yaml": "kind: X", **files}), found)
    return tree.nodes[1]


@pytest.mark.parametrize(
    ("root", "files"),
    [
        (patches(MERGE), {"c/apps.yaml": APPS}),
        (patches(ADD, ", name: apps"), {"c/apps.yaml": APPS}),
        (
            "",
            {
                "c/kustomization.yaml": "resources: [apps.yaml]\npatches: [{path: p.yaml, target: {kind: Kustomization}}]",
                "c/apps.yaml": APPS,
                "c/p.yaml": MERGE,
            },
        ),
        (
            "",
            {
                "c/kustomization.yaml": "resources: [../b]\npatchesStrategicMerge: [p.yaml]",
                "b/kustomization.yaml": "resources: [apps.yaml]",
                "b/apps.yaml": APPS,
                "c/p.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n"
                + MERGE,
            },
        ),
        (
            "",
            {
                "c/kustomization.yaml": (
                    "resources: [apps.yaml]\n"
                    "patchesJson6902: [{path: p.yaml, target: {group: kustomize.toolkit.fluxcd.io, kind: Kustomization, name: apps}}]"
                ),
                "c/apps.yaml": APPS,
                "c/p.yaml": ADD,
            },
        ),
        (
            "components: [../part]",
            {"c/apps.yaml": APPS, "part/kustomization.yaml": "kind: Component\n" + patches(MERGE)},
        ),
    ],
    ids=["merge", "json", "file", "base", "old-json", "component"],
)
def test_a_parent_hands_decryption_down(root, files):
    node = apps(root, **files)
    assert (node.decryption, node.uncertain) == ("sops-age", [])


def test_what_a_parent_may_change_is_uncertain():
    files = {"c/kustomization.yaml": "resources: [apps.yaml]\ntransformers: [t.yaml]", "c/apps.yaml": APPS}
    assert apps(**files).uncertain == ["c/kustomization.yaml: transformers t.yaml"]
    files["c/kustomization.yaml"] = "resources: [apps.yaml]\nreplacements: [{path: r.yaml}]"
    assert apps(**files).uncertain == ["c/kustomization.yaml: replacements"]
    files["c/kustomization.yaml"] = "resources: [apps.yaml]\nreplacements: [{targets: [{select: {kind: Deployment}}]}]"
    assert apps(**files).uncertain == []


@pytest.mark.parametrize(
    ("root", "kustomization"),
    [
        ("targetNamespace: other", None),
        ("", "namespace: other\nresources: [apps.yaml]"),
        ("targetNamespace: other", "namespace: x\nresources: [apps.yaml]"),
    ],
)
def test_the_namespace_of_a_child_is_the_outermost(root, kustomization):
    files = {"c/apps.yaml": APPS, **({"c/kustomization.yaml": kustomization} if kustomization else {})}
    assert apps(root, **files).namespace == "other"


def test_one_base_in_two_overlays_gives_two_children():
    files = {
        "c/kustomization.yaml": "resources: [one, two]",
        "c/one/kustomization.yaml": "resources: [../../b]\nnamePrefix: one-",
        "c/two/kustomization.yaml": "resources: [../../b]\nnamePrefix: two-\n" + patches(MERGE),
        "b/kustomization.yaml": "resources: [apps.yaml]",
        "b/apps.yaml": APPS,
    }
    spec = {"path": "./c", "sourceRef": CHILD["spec"]["sourceRef"]}
    root = {**CHILD, "metadata": {"name": "flux-system", "namespace": "flux-system"}, "spec": spec}
    tree = walk(Repository({"apps/x.yaml": "kind: X", **files}), root)
    assert {node.name: node.decryption for node in tree.nodes[1:]} == {
        "flux-system/one-apps": None,
        "flux-system/two-apps": "sops-age",
    }


def test_many_diamonds_end():
    """Each level takes the one below twice; without care that doubles the work thirty times."""
    files = {f"b{level}/kustomization.yaml": f"resources: [../b{level + 1}, ../d{level + 1}]" for level in range(30)}
    files |= {f"d{level}/kustomization.yaml": f"namespace: n{level}\nresources: [../b{level}]" for level in range(31)}
    files |= {
        "b30/kustomization.yaml": "resources: [apps.yaml]",
        "b30/apps.yaml": APPS,
        "c/kustomization.yaml": "resources: [../b0]",
    }
    assert apps(**files).path == "apps"


def test_variables_of_the_parent_are_put_in():
    child = APPS.replace("path: ./apps", 'path: "./${folder}/${rest:=apps}"').replace("{kind: Git", "{kind: Git")
    node = apps("postBuild: {substitute: {folder: .}}", **{"c/apps.yaml": child})
    assert (node.path, node.missing) == ("apps", [])
    unset = apps("postBuild: {substituteFrom: [{kind: ConfigMap, name: x}]}", **{"c/apps.yaml": child})
    assert (unset.missing, len(unset.unknown)) == ([], 1)


def test_uses_of_variables():
    text = "${a} $b $${c} ${d:-x} ${e=y} ${f^^} ${#g} {h} ${i:2}"
    assert list(used(text)) == [
        Variable("a", False),
        Variable("d", True),
        Variable("e", True),
        Variable("f", False),
        Variable("g", False),
        Variable("i", False),
    ]


def test_substitution():
    found = {"a": ["${x}-${y}", 1], "b": "${x:=d}${y:=d}${z-}", "c": "$${x}"}
    assert substituted(found, {"x": "1"}) == {"a": ["1-${y}", 1], "b": "1d", "c": "$${x}"}
    assert substituted("${x:-d} ${x-d}", {"x": ""}) == "d "
    assert inline({"spec": {"postBuild": {"substitute": {"n": 3}}}}) == {"n": "3"}
