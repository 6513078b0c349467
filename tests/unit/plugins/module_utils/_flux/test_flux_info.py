# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of Flux: what is read off the objects, and how a person sees it."""

from __future__ import annotations

import datetime as dt

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.info import decryption_target, describe
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.info_table import age, lines, short, table
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.installed import Installed

HEAD = "main@sha1:" + "a" * 40
OLD = "main@sha1:" + "b" * 40
NOW = dt.datetime(2026, 1, 1, 12, 0, tzinfo=dt.UTC)
GROUP = "kustomize.toolkit.fluxcd.io"


def kustomization(name, *children, ready="True", reason="ReconciliationSucceeded", message="", revision=HEAD, **spec):
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-01-01T11:00:00Z",
    }
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "Kustomization",
        "metadata": {
            "namespace": "flux-system",
            "name": name,
            "generation": 1,
            "managedFields": [
                {"manager": "kustomize-controller"},
                {"manager": "gotk-kustomize-controller", "subresource": "status"},
            ],
        },
        "spec": {"sourceRef": {"kind": "GitRepository", "name": "flux-system"}, "path": f"./{name}", **spec},
        "status": {
            "observedGeneration": 1,
            "lastAppliedRevision": revision,
            "lastAttemptedRevision": revision,
            "conditions": [condition],
            "inventory": {"entries": [{"id": f"flux-system_{child}_{GROUP}_Kustomization"} for child in children]},
        },
    }


def source(revision=HEAD):
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"namespace": "flux-system", "name": "flux-system", "generation": 1},
        "spec": {"url": "https://git.example.com/x.git", "secretRef": {"name": "auth"}},
        "status": {
            "observedGeneration": 1,
            "artifact": {"revision": revision},
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def deployment(*arguments):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "namespace": "flux-system",
            "name": "kustomize-controller",
            "labels": {"app.kubernetes.io/version": "v2.9.5"},
        },
        "spec": {"template": {"spec": {"containers": [{"image": "x:v1", "args": list(arguments)}]}}},
    }


def definition(**labels):
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "gitrepositories.source.toolkit.fluxcd.io", "labels": labels},
    }


def state(*kustomizations, secrets=None, flags=(), labels=None, managers=()):
    found = Installed(("flux-system",), (deployment(*flags),), (definition(**(labels or {})),), (), tuple(managers))
    listed = {
        "GitRepository": [source()],
        "OCIRepository": [],
        "Bucket": [],
        "Kustomization": kustomizations,
        "HelmRelease": [],
    }
    return describe(found, listed, secrets or {}, NOW)


def shape(status):
    return [(entry["name"], entry["depth"], entry["parent"]) for entry in status.kustomizations]


def test_the_tree_is_that_of_the_inventories():
    found = state(
        kustomization("apps"),
        kustomization("b", "c"),
        kustomization("c"),
        kustomization("flux-system", "flux-system", "b"),
    )
    parent = "flux-system/"
    assert shape(found) == [
        ("apps", 0, ""),
        ("flux-system", 0, ""),
        ("b", 1, f"{parent}flux-system"),
        ("c", 2, f"{parent}b"),
    ]


def test_a_circle_is_shown_once():
    assert shape(state(kustomization("a", "b"), kustomization("b", "a"))) == [
        ("a", 0, ""),
        ("b", 1, "flux-system/a"),
    ]


@pytest.mark.parametrize(
    ("found", "word"),
    [
        (kustomization("a"), "ready"),
        (kustomization("a", revision=OLD), "in progress"),
        (kustomization("a", ready="False", reason="BuildFailed"), "failed"),
        (kustomization("a", ready="False", reason="BuildFailed", suspend=True), "suspended"),
        (kustomization("a", ready="Unknown", reason="Progressing"), "in progress"),
    ],
    ids=["ready", "an older revision", "failed", "suspended", "at work"],
)
def test_ready_means_at_the_revision_that_the_source_offers(found, word):
    assert state(found).kustomizations[0]["state"] == word


def test_what_has_failed_comes_with_the_next_step():
    found = state(kustomization("a", ready="False", reason="BuildFailed", message="configuring decryption is required"))
    (entry,) = found.kustomizations
    assert (entry["message"], "spec.decryption" in entry["hint"]) == (
        "BuildFailed: configuring decryption is required",
        True,
    )
    assert found.as_result()["failed_objects"] == [{"kind": "Kustomization", "namespace": "flux-system", "name": "a"}]
    assert "Kustomization flux-system/a: the Kustomization lacks spec.decryption" in "\n".join(lines(found))


@pytest.mark.parametrize(
    ("entries", "exists", "shown"),
    [(["age.agekey"], True, "sops-age"), ([], False, "sops-age (missing)"), (None, None, "sops-age")],
    ids=["there", "not there", "not to be read"],
)
def test_decryption_tells_whether_its_secret_is_there(entries, exists, shown):
    found = kustomization("a", decryption={"provider": "sops", "secretRef": {"name": "sops-age"}})
    status = state(found, secrets={decryption_target(found): entries})
    assert status.kustomizations[0]["decryption"]["secret_exists"] is exists
    assert shown in lines(status)[4]


@pytest.mark.parametrize("flags", [["--sops-age-secret=keys"], ["--sops-age-secret", "keys"]])
def test_a_key_for_all_of_the_controller_is_told(flags):
    found = state(kustomization("a", decryption={"provider": "sops"}), flags=flags)
    assert found.controller_key == "keys"
    assert "The controller decrypts with keys" in "\n".join(lines(found))
    assert found.kustomizations[0]["decryption"]["secret"] == ""


def test_who_manages_what():
    labels = {f"{GROUP}/name": "flux-system"}
    found = state(kustomization("a"), labels=labels, managers=["Deployment x is managed by Helm"])
    assert (found.self_managed, found.version) == (True, "v2.9.5")
    assert found.kustomizations[0]["managers"] == ["kustomize-controller"]
    assert "Kept by another installer: Deployment x is managed by Helm" in lines(found)
    assert not state().self_managed


def test_ages_count_from_the_last_change():
    assert state(kustomization("a")).kustomizations[0]["age"] == 3600


@pytest.mark.parametrize(
    ("seconds", "shown"), [(None, "-"), (0, "0s"), (59, "59s"), (60, "1m"), (3700, "1h"), (200000, "2d")]
)
def test_an_age_is_shown_in_its_largest_unit(seconds, shown):
    assert age(seconds) == shown


@pytest.mark.parametrize(
    ("revision", "shown"),
    [(HEAD, "main@sha1:aaaaaaaa"), ("v1.2.3", "v1.2.3"), ("", ""), ("6.5.4@sha256:abc", "6.5.4@sha256:abc")],
)
def test_a_hash_is_cut(revision, shown):
    assert short(revision) == shown


def test_columns_are_straight_and_only_the_last_one_is_cut():
    rows = [("A", "B"), ("long", "x" * 50)]
    assert table(rows) == ["A     B", "long  " + "x" * 50]
    assert table(rows, 30) == ["A     B", "long  " + "x" * 23 + "…"]
