# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Flux that is there: its version, who keeps it, and the versions in which its objects are stored."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux import migration
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.preflight.flux_version import flux_version
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.upgrade import (
    installed_by,
    is_downgrade,
    parse_version,
    version_of,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import reference


def labelled(kind, name="x", **labels):
    return {"kind": kind, "metadata": {"name": name, "labels": labels}}


def definition(*versions, stored=(), group="g"):
    names = [{"name": name, "storage": name == versions[-1], "served": True} for name in versions]
    found = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {"group": group, "names": {"kind": "Thing", "plural": "things"}, "versions": names},
    }
    return found | ({"status": {"storedVersions": list(stored)}} if stored else {})


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("v2.8.9", "v2.9.0"),
        ("v2.9.0", "v2.10.0"),
        ("v2.9.0-rc.1", "v2.9.0"),
        ("v2.9.0-rc.2", "v2.9.0-rc.10"),
        ("v2.9.0-1", "v2.9.0-a"),
        ("v2.9.0-rc", "v2.9.0-rc.1"),
    ],
)
def test_versions_are_ordered_as_semver_does(older, newer):
    assert is_downgrade(older, newer)
    assert not is_downgrade(newer, older)
    assert not is_downgrade(newer, newer)


@pytest.mark.parametrize("text", ["", "latest", "v2", "main@sha1"])
def test_what_is_no_version_is_no_downgrade(text):
    assert parse_version(text) is None
    assert not is_downgrade(text, "v2.9.0")


def test_the_version_is_that_of_the_deployments():
    version = {"app.kubernetes.io/version": "v2.9.5"}
    older = {"app.kubernetes.io/version": "v2.10.0"}
    found = [labelled("CustomResourceDefinition", **older), labelled("Deployment", **version), labelled("Service")]
    assert version_of(found) == "v2.9.5"
    assert version_of(found[:1]) == "v2.10.0"
    assert version_of([]) == ""


@pytest.mark.parametrize(("is_written", "result"), [(True, "fail"), (False, "warn")])
def test_a_downgrade_fails_only_if_the_run_would_do_it(is_written, result):
    there = labelled("Deployment", **{"app.kubernetes.io/version": "v2.9.5"})
    found = flux_version("v2.8.0", {reference(there): there}, is_written=is_written)
    assert (found.result, found.evidence) == (result, "v2.8.0 in Git is older than v2.9.5 in the cluster")
    assert flux_version("v2.9.5", {reference(there): there}, is_written=True).result == "ok"
    assert flux_version("", {reference(there): there}, is_written=True).result == "unknown"
    assert flux_version("v2.9.5", {}, is_written=True).result == "ok"


@pytest.mark.parametrize(
    ("labels", "who"),
    [
        ({}, ""),
        ({"app.kubernetes.io/managed-by": "flux"}, ""),
        ({"app.kubernetes.io/managed-by": "Helm"}, "Helm"),
        ({"app.kubernetes.io/managed-by": "flux-operator", "fluxcd.controlplane.io/name": "flux"}, "flux-operator"),
    ],
)
def test_who_keeps_flux(labels, who):
    assert installed_by([labelled("Service"), labelled("CustomResourceDefinition", **labels)]) == who


def test_only_stored_versions_that_go_are_migrated():
    live = definition("v1beta2", "v1", stored=["v1beta2", "v1"])
    assert migration.dropped(live, definition("v1")) == ("v1beta2",)
    assert migration.dropped(live, definition("v1beta2", "v1")) == ()
    assert migration.dropped(definition("v1beta2", "v1", stored=["v1"]), definition("v1")) == ()


def test_in_the_transition_both_versions_are_there_and_the_new_one_is_stored():
    live, wanted = definition("v1", "v1beta2", stored=["v1beta2"]), definition("v2", "v1")
    found = migration.transition(live, wanted)["spec"]["versions"]
    assert [(version["name"], version["storage"]) for version in found] == [
        ("v2", False),
        ("v1", True),
        ("v1beta2", False),
    ]
    assert migration.storage_version(live) == "v1beta2"
