# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages: what is written in which order."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ApiError, ConflictError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.secrets import flux_owner, git_secret, sops_secret
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.stages import Applier
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.wanted import Stage, Wanted
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.credential import Credential
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.compare import Action
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.wait import Deadline
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    served,
    status,
)

HEAD = "main@sha1:" + "a" * 40
OLD = "main@sha1:" + "b" * 40
SOURCE_GROUP, GROUP = "source.toolkit.fluxcd.io/v1", "kustomize.toolkit.fluxcd.io/v1"
SOURCE = Reference(SOURCE_GROUP, "GitRepository", "flux-system", "flux-system")
ROOT = Reference(GROUP, "Kustomization", "flux-system", "flux-system")
NAMESPACE = "/api/v1/namespaces/flux-system"
SOURCE_PATH = f"/apis/{SOURCE_GROUP}/namespaces/flux-system/gitrepositories/flux-system"
ROOT_PATH = f"/apis/{GROUP}/namespaces/flux-system/kustomizations/flux-system"


def manifest(kind, name, *, version="v1", **more):
    metadata = {"name": name} if kind == "Namespace" else {"name": name, "namespace": "flux-system"}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **more}


def nothing(_message: str) -> None:
    """Say nothing."""


# --- Secrets --------------------------------------------------------------------------------------


def test_the_secret_for_git_is_what_flux_reads():
    found = git_secret("flux-system", "auth", Credential("git", "token"), None)
    data = {key: base64.b64decode(value).decode() for key, value in found["data"].items()}
    assert (found["type"], data) == ("Opaque", {"username": "git", "password": "token"})


def test_the_type_of_an_existing_secret_is_kept():
    """It cannot be changed, and the reader does not care."""
    existing = {"type": "kubernetes.io/basic-auth"}
    assert git_secret("a", "b", Credential("git", "x"), existing)["type"] == "kubernetes.io/basic-auth"


def test_the_secret_for_sops_is_watched_and_never_pruned():
    found = sops_secret("flux-system", "sops-age", [("age.agekey", "  KEY\n\n")], None)
    assert found["metadata"]["labels"] == {"reconcile.fluxcd.io/watch": "Enabled"}
    assert found["metadata"]["annotations"] == {"kustomize.toolkit.fluxcd.io/prune": "disabled"}
    assert base64.b64decode(found["data"]["age.agekey"]) == b"KEY\n"


def test_who_has_applied_an_object():
    labels = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    assert flux_owner({"metadata": {"labels": labels}}) == "flux-system/apps"
    assert flux_owner({"metadata": {}}) is None
    assert flux_owner(None) is None


# --- stages ---------------------------------------------------------------------------------------


def seeded(fake, connection, *stages, check_mode=False):
    """Plan and write the stages, and return what was planned."""
    applier = Applier(Api(connection), check_mode=check_mode, progress=nothing)
    manifests = {item.reference: item.manifest for stage in stages for item in stage.wanted}
    applier.look(set(manifests), manifests)
    applier.plan(stages)
    for stage in stages:
        applier.write(stage, Deadline(2, sleep=lambda _seconds: fake.groups.setdefault(GROUP, KUSTOMIZATIONS)))
    return applier


KUSTOMIZATIONS = [("Kustomization", "kustomizations", True)]
FIRST = Stage("definitions", [Wanted(manifest("Namespace", "flux-system"))])
SECRETS = Stage("secrets", [Wanted(manifest("Secret", "a", data={"x": "eQ=="}), exact_data=True)])
REST = Stage("rest", [Wanted(manifest("Deployment", "d", version="apps/v1")), Wanted(manifest("ServiceAccount", "sa"))])
LAST = Stage("root", [Wanted(manifest("Kustomization", "flux-system", version=GROUP, spec={"path": "x"}))])


def test_an_empty_cluster_is_seeded_in_order():
    fake = FakeApi()
    with served(fake) as connection:
        applier = seeded(fake, connection, FIRST, SECRETS, REST, LAST)
    assert [path.rsplit("/", 2)[-2] for _method, path in fake.writes] == [
        "namespaces",
        "secrets",
        "serviceaccounts",
        "deployments",
        "kustomizations",
    ]
    assert {item.action for item in applier.done.values()} == {Action.CREATED}


def test_a_second_run_writes_nothing():
    fake = FakeApi()
    with served(fake) as connection:
        seeded(fake, connection, FIRST, SECRETS, REST, LAST)
        before = len(fake.writes)
        applier = seeded(fake, connection, FIRST, SECRETS, REST, LAST)
    assert fake.writes[before:] == []
    assert {item.action for item in applier.done.values()} == {Action.UNCHANGED}


def test_check_mode_predicts_and_writes_nothing():
    fake = FakeApi()
    with served(fake) as connection:
        applier = seeded(fake, connection, FIRST, SECRETS, REST, LAST, check_mode=True)
    assert fake.writes == []
    assert all(item.is_due for item in applier.done.values())
    assert [item.predicted for item in applier.done.values()] == [False, True, True, True, True]


def test_all_is_tried_before_anything_is_written():
    fake = FakeApi()
    fake.objects[NAMESPACE] = manifest("Namespace", "flux-system")
    with served(fake) as connection:
        seeded(fake, connection, SECRETS, REST)
    patches = ["dryRun" in query for method, _path, query in fake.requests if method == "PATCH"]
    assert patches == [True, True, True, False, False, False]


def test_keys_of_an_earlier_credential_are_removed():
    fake = FakeApi()
    fake.objects[NAMESPACE] = manifest("Namespace", "flux-system")
    fake.objects[f"{NAMESPACE}/secrets/a"] = manifest("Secret", "a", data={"x": "eQ==", "bearerToken": "eg=="})
    with served(fake) as connection:
        applier = seeded(fake, connection, SECRETS)
    assert fake.objects[f"{NAMESPACE}/secrets/a"]["data"] == {"x": "eQ=="}
    assert applier.done[SECRETS.wanted[0].reference].action is Action.CONFIGURED


@pytest.mark.parametrize(
    ("labels", "drift", "written"), [({"kustomize.toolkit.fluxcd.io/name": "x"}, 1, 0), ({}, 0, 1)]
)
def test_what_flux_manages_itself_is_left_to_it(labels, drift, written):
    fake = FakeApi()
    live = manifest("Deployment", "d", version="apps/v1", spec={"old": True})
    live["metadata"]["labels"] = labels
    fake.objects |= {NAMESPACE: manifest("Namespace", "x"), "/apis/apps/v1" + NAMESPACE[7:] + "/deployments/d": live}
    wanted = Wanted(manifest("Deployment", "d", version="apps/v1", spec={"old": False}), left_to_flux=True)
    with served(fake) as connection:
        applier = seeded(fake, connection, Stage("components", [wanted]))
    assert (len(applier.drift), len(fake.writes)) == (drift, written)


# --- who owns what --------------------------------------------------------------------------------


def owned_by(manager, *, conflict):
    """A fake with a Secret that differs, and whose field `manager` has set."""
    fake = FakeApi()
    fake.objects[NAMESPACE] = manifest("Namespace", "flux-system")
    fake.objects[f"{NAMESPACE}/secrets/a"] = manifest("Secret", "a", data={"x": "b2xk"})
    cause = {"reason": "FieldManagerConflict", "message": f'conflict with "{manager}" using v1', "field": ".data.x"}
    refused = {**status("Conflict", "Apply failed with 1 conflict", 409), "details": {"causes": [cause]}}
    fake.script = lambda method, _path, query: (
        (409, refused) if conflict and method == "PATCH" and query.get("force") == "false" else None
    )
    return fake


@pytest.mark.parametrize("manager", ["kubectl-client-side-apply", "kubectl", "flux", "before-first-apply"])
def test_fields_are_taken_from_managers_that_let_go(manager):
    fake = owned_by(manager, conflict=True)
    with served(fake) as connection:
        seeded(fake, connection, SECRETS)
    written = [query for method, _path, query in fake.requests if method == "PATCH" and "dryRun" not in query]
    assert [query["force"] for query in written] == ["true"]


@pytest.mark.parametrize("manager", ["vault-sync", "kustomize-controller", "fluxcd", "helm"])
def test_fields_of_others_stop_the_run_before_it_writes(manager):
    fake = owned_by(manager, conflict=True)
    with served(fake) as connection, pytest.raises(ConflictError, match=rf"Secret .*a: \.data\.x belong to {manager}"):
        seeded(fake, connection, FIRST, SECRETS)
    assert fake.writes == []


def test_without_a_conflict_nothing_is_forced():
    fake = owned_by("nobody", conflict=False)
    with served(fake) as connection:
        seeded(fake, connection, SECRETS)
    written = [query for method, _path, query in fake.requests if method == "PATCH" and "dryRun" not in query]
    assert [query["force"] for query in written] == ["false"]


def test_what_was_written_by_another_run_in_between_is_looked_at_again():
    """It was planned as new; meanwhile it is there, and belongs to Flux, as it should be."""
    fake = FakeApi()
    fake.objects[NAMESPACE] = manifest("Namespace", "flux-system")
    wanted = Wanted(manifest("ServiceAccount", "sa"), left_to_flux=True, is_from_git=True)
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "kustomize-controller"', "field": ".x"}
    refused = {**status("Conflict", "Apply failed", 409), "details": {"causes": [cause]}}

    def script(method, path, query):
        if method == "PATCH" and "dryRun" not in query:
            there = manifest("ServiceAccount", "sa")
            there["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/name": "flux-system"}
            fake.objects[path] = there
            return 409, refused
        return None

    fake.script = script
    with served(fake) as connection:
        applier = seeded(fake, connection, Stage("components", [wanted]))
    assert applier.done[wanted.reference].action is Action.UNCHANGED
    assert applier.written == []


@pytest.mark.parametrize(("part_of", "is_made_anew"), [("flux", True), ("something", False)])
def test_only_a_component_of_flux_is_made_anew(part_of, is_made_anew):
    fake = FakeApi()
    path = "/apis/apps/v1" + NAMESPACE[7:] + "/deployments/d"
    live = manifest("Deployment", "d", version="apps/v1", spec={"selector": {"old": "1"}})
    live["metadata"] |= {"labels": {"app.kubernetes.io/part-of": part_of}, "uid": "u"}
    fake.objects |= {NAMESPACE: manifest("Namespace", "flux-system"), path: live}
    cause = {
        "reason": "FieldValueInvalid",
        "message": "Invalid value: {}: field is immutable",
        "field": "spec.selector",
    }
    refused = {**status("Invalid", "spec.selector: field is immutable", 422), "details": {"causes": [cause]}}

    def script(method, asked, _query):
        if asked == path and method == "DELETE":
            del fake.objects[path]
            return 200, {}
        if asked == path and method == "PATCH" and path in fake.objects:
            return 422, refused
        return None

    fake.script = script
    wanted = Wanted(manifest("Deployment", "d", version="apps/v1", spec={"selector": {"new": "1"}}))
    with served(fake) as connection:
        if not is_made_anew:
            with pytest.raises(ApiError, match="immutable"):
                seeded(fake, connection, Stage("components", [wanted]))
            assert fake.writes == []
            return
        applier = seeded(fake, connection, Stage("components", [wanted]))
    assert [method for method, _path in fake.writes] == ["DELETE", "PATCH"]
    found = applier.done[wanted.reference]
    assert found.differences == (("spec.selector", {"old": "1"}, {"new": "1"}),)
    assert found.action is Action.CONFIGURED
