# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages and waiting: what is written in which order, and when a wait ends."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import NotReadyError, WaitTimeoutError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.secrets import flux_owner, git_secret, sops_secret
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.stages import Applier, Stage, Wanted
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.waiting import Waiting, inventory, tree_below
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.program import Credential
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.compare import Action
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference, reference
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.wait import Deadline
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import FakeApi, served

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


# --- waiting --------------------------------------------------------------------------------------


def source(revision=HEAD, ready="True", message="stored", **status):
    own = {"type": "Ready", "status": ready, "reason": "R", "message": message}
    return manifest(
        "GitRepository",
        "flux-system",
        version=SOURCE_GROUP,
        status={"observedGeneration": 1, "artifact": {"revision": revision}, "conditions": [own], **status},
    ) | {"metadata": {"name": "flux-system", "namespace": "flux-system", "generation": 1}}


def kustomization(name="flux-system", ready="True", message="applied", revision=HEAD, children=(), **status):
    own = {"type": "Ready", "status": ready, "reason": "R", "message": message}
    entries = [{"id": f"flux-system_{child}_kustomize.toolkit.fluxcd.io_Kustomization"} for child in children]
    return {
        "apiVersion": GROUP,
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system", "generation": 1},
        "spec": {"sourceRef": {"kind": "GitRepository", "name": "flux-system"}},
        "status": {
            "observedGeneration": 1,
            "lastAppliedRevision": revision,
            "lastAttemptedRevision": revision,
            "conditions": [own],
            "inventory": {"entries": entries},
            **status,
        },
    }


class Cluster(FakeApi):
    """A fake in which time passes between two looks, and a script plays the controllers."""

    def __init__(self, first, *steps):
        super().__init__()
        self.groups = {SOURCE_GROUP: [("GitRepository", "gitrepositories", True)], GROUP: KUSTOMIZATIONS}
        self.put(*first)
        self.steps = list(steps)
        self.now = 0.0
        self.told: list[str] = []

    def put(self, *found):
        for item in found:
            named = reference(item)
            plural = "gitrepositories" if named.kind == "GitRepository" else "kustomizations"
            self.objects[f"/apis/{named.api_version}/namespaces/{named.namespace}/{plural}/{named.name}"] = item

    def sleep(self, seconds):
        self.now += seconds
        if self.steps:
            self.put(*self.steps.pop(0))

    def arrive(self, *, seconds=60, **how):
        with served(self) as connection:
            deadline = Deadline(seconds, clock=lambda: self.now, sleep=self.sleep)
            self.waiting = Waiting(Api(connection), SOURCE, ROOT, deadline, self.told.append, token=lambda: "token")
            return self.waiting.arrive(**{"ask_source": False, "ask_tree": False, "fresh": False, **how})


def test_a_cluster_at_rest_is_asked_for_nothing():
    cluster = Cluster([source(), kustomization(children=["apps"]), kustomization("apps")])
    assert cluster.arrive().revision == HEAD
    assert cluster.writes == []
    assert [reference(found).name for found in cluster.waiting.tree.values()] == ["flux-system", "apps"]


def test_children_that_appear_are_waited_for():
    cluster = Cluster(
        [source(OLD), kustomization(revision=OLD)],
        [source(lastHandledReconcileAt="token")],
        [kustomization(children=["apps"]), kustomization("apps", "Unknown", revision=None)],
        [kustomization("apps", "Unknown", "Reconciliation in progress", revision=None)],
        [kustomization("apps")],
    )
    assert cluster.arrive(ask_source=True).revision == HEAD
    assert [path for _method, path in cluster.writes] == [SOURCE_PATH]
    assert "Kustomization flux-system/apps: R: Reconciliation in progress" in cluster.told
    assert f"Kustomization flux-system/apps: ready at {HEAD}" in cluster.told


def test_a_request_carries_a_token_and_a_manager_that_flux_does_not_take_over():
    cluster = Cluster([source(), kustomization()], [source(lastHandledReconcileAt="token")])
    cluster.arrive(ask_source=True)
    sent = [
        (query, body)
        for (method, _path, query), body in zip(cluster.requests, cluster.bodies, strict=False)
        if method == "PATCH"
    ]
    body = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "token"}}}
    assert sent == [({"fieldManager": "flux-client-side-apply"}, body)]


def test_after_a_write_what_has_tried_the_revision_is_asked_again():
    cluster = Cluster(
        [source(), kustomization(children=["apps"]), kustomization("apps", "False", "wrong key")],
        [source(lastHandledReconcileAt="token")],
        [kustomization(children=["apps"], lastHandledReconcileAt="token")],
        [kustomization("apps", lastHandledReconcileAt="token")],
    )
    cluster.arrive(ask_source=True, ask_tree=True)
    assert len(cluster.waiting.requested) == 3


def test_what_has_failed_before_is_given_another_try():
    """It would wait for its interval otherwise, and the cause may have been repaired elsewhere."""
    cluster = Cluster(
        [source(), kustomization(children=["apps"]), kustomization("apps", "False", "wrong key")],
        [kustomization("apps", lastHandledReconcileAt="token")],
    )
    cluster.arrive()
    assert [target.name for target in cluster.waiting.requested] == ["apps"]


def test_a_failure_ends_the_wait_at_once_with_message_and_hint():
    failed = kustomization("apps", "False", "cannot get sops data key", revision=HEAD)
    cluster = Cluster([source(), kustomization(revision=OLD)], [kustomization(children=["apps"]), failed])
    with pytest.raises(
        NotReadyError, match=r"Kustomization flux-system/apps: R: cannot get sops data key .*another key"
    ):
        cluster.arrive(fresh=True)
    assert cluster.now < 1


@pytest.mark.parametrize(("message", "limit"), [("authentication required", 0.5), ("early EOF", 4)])
def test_a_source_that_fails_is_given_a_moment_only_if_that_may_help(message, limit):
    cluster = Cluster([source("", "False", message)])
    with pytest.raises(NotReadyError, match=f"GitRepository flux-system/flux-system: R: {message}"):
        cluster.arrive(fresh=True)
    assert cluster.now <= limit


def test_a_source_that_recovers_is_no_failure():
    cluster = Cluster([source("", "False", "early EOF"), kustomization()], [], [source()])
    assert cluster.arrive(fresh=True).revision == HEAD


def test_suspended_objects_are_told_and_not_waited_for():
    suspended = kustomization("apps", "False", "old trouble", revision=OLD)
    suspended["spec"]["suspend"] = True
    cluster = Cluster([source(), kustomization(children=["apps"]), suspended])
    assert [target.name for target in cluster.arrive().suspended] == ["apps"]
    assert cluster.writes == []


def test_a_suspended_source_leaves_its_revision():
    frozen = source(OLD)
    frozen["spec"] = {"suspend": True}
    cluster = Cluster([frozen, kustomization(revision=OLD)])
    arrived = cluster.arrive(ask_source=True)
    assert (arrived.revision, arrived.suspended) == (OLD, (SOURCE,))


def test_the_end_of_patience_names_all_that_is_missing():
    cluster = Cluster(
        [source(), kustomization(children=["a", "b"]), kustomization("a", "Unknown", "working"), kustomization("b")]
    )
    with pytest.raises(WaitTimeoutError, match=r"after 5 seconds: Kustomization flux-system/a: R: working .the log"):
        cluster.arrive(seconds=5)


def test_an_object_that_is_being_deleted_stops_the_run():
    going = kustomization()
    going["metadata"]["deletionTimestamp"] = "now"
    with pytest.raises(NotReadyError, match="is being deleted"):
        Cluster([source(), going]).arrive()


def test_a_kustomization_of_another_source_has_a_revision_of_its_own():
    other = kustomization("other", revision="v1@sha256:x")
    other["spec"]["sourceRef"]["kind"] = "OCIRepository"
    assert Cluster([source(), kustomization(children=["other"]), other]).arrive().revision == HEAD


def test_the_tree_follows_inventories():
    every = {
        reference(found): found
        for found in (kustomization(children=["a"]), kustomization("a", children=["flux-system"]))
    }
    stray = kustomization("stray")
    assert [target.name for target in tree_below(ROOT, {**every, reference(stray): stray})] == ["flux-system", "a"]
    assert list(inventory({"status": {"inventory": {"entries": [{"id": "a_b_c_d"}, {"id": "x"}, {}]}}})) == [
        ("d", "c", "a", "b")
    ]
