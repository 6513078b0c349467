# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a tree: when a wait ends, and how."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    NotReadyError,
    UnreachableError,
    WaitTimeoutError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.forest import inventory, tree_below
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.waiting import Waiting
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference, reference
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.wait import Deadline
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import FakeApi, served

HEAD = "main@sha1:" + "a" * 40
OLD = "main@sha1:" + "b" * 40
NEW = "main@sha1:" + "c" * 40
SOURCE_GROUP, GROUP = "source.toolkit.fluxcd.io/v1", "kustomize.toolkit.fluxcd.io/v1"
HELM_GROUP = "helm.toolkit.fluxcd.io/v2"
SOURCE = Reference(SOURCE_GROUP, "GitRepository", "flux-system", "flux-system")
ROOT = Reference(GROUP, "Kustomization", "flux-system", "flux-system")
SOURCE_PATH = f"/apis/{SOURCE_GROUP}/namespaces/flux-system/gitrepositories/flux-system"
PLURALS = {
    SOURCE_GROUP: [("GitRepository", "gitrepositories", True), ("OCIRepository", "ocirepositories", True)],
    GROUP: [("Kustomization", "kustomizations", True)],
    HELM_GROUP: [("HelmRelease", "helmreleases", True)],
}


def source(revision=HEAD, ready="True", message="stored", **status):
    own = {"type": "Ready", "status": ready, "reason": "R", "message": message}
    return {
        "apiVersion": SOURCE_GROUP,
        "kind": "GitRepository",
        "metadata": {"name": "flux-system", "namespace": "flux-system", "generation": 1},
        "status": {"observedGeneration": 1, "artifact": {"revision": revision}, "conditions": [own], **status},
    }


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
        self.groups = dict(PLURALS)
        self.trouble = None
        self.looked_at = []
        self.is_closed = False
        self.objects_of_view = {}
        self.put(*first)
        self.steps = list(steps)
        self.now = 0.0
        self.told: list[str] = []

    def put(self, *found):
        for item in found:
            named = reference(item)
            plural = {entry[0]: entry[1] for entry in PLURALS[named.api_version]}[named.kind]
            self.objects[f"/apis/{named.api_version}/namespaces/{named.namespace}/{plural}/{named.name}"] = item
            self.objects_of_view[named] = item

    def arrive(self, *, seconds=60, options=None, **how):
        with served(self) as connection:
            deadline = Deadline(seconds, clock=lambda: self.now)
            self.waiting = Waiting(
                Api(connection),
                SOURCE,
                ROOT,
                deadline,
                self.told.append,
                token=lambda: "token",
                view=lambda _api, _tell: Looked(self),
                **(options or {}),
            )
            return self.waiting.arrive(**{"ask_source": False, "ask_tree": False, "fresh": False, **how})


class Looked:
    """What a watch would show; each rest is one step of the script, and half a second."""

    def __init__(self, cluster):
        self.cluster = cluster

    @property
    def objects(self):
        kinds = {(collection.kind, collection.name) for collection in self.cluster.looked_at}
        every = self.cluster.objects_of_view.items()
        return {target: found for target, found in every if {(target.kind, ""), (target.kind, target.name)} & kinds}

    @property
    def trouble(self):
        return self.cluster.trouble

    def add(self, collection):
        self.cluster.looked_at.append(collection)

    def rest(self, _seconds):
        self.cluster.now += 0.5
        if self.cluster.steps:
            self.cluster.put(*self.cluster.steps.pop(0))

    def close(self):
        self.cluster.is_closed = True


def release(ready="True", *, reason="InstallSucceeded", message="installed", **status):
    own = {"type": "Ready", "status": ready, "reason": reason, "message": message}
    return {
        "apiVersion": HELM_GROUP,
        "kind": "HelmRelease",
        "metadata": {"name": "web", "namespace": "apps", "generation": 1},
        "spec": {},
        "status": {"observedGeneration": 1, "conditions": [own], **status},
    }


def with_release():
    entries = [{"id": "apps_web_helm.toolkit.fluxcd.io_HelmRelease"}]
    return kustomization(inventory={"entries": entries})


def depending(name, *on, message="dependency is not ready", **spec):
    found = kustomization(name, "False", message, revision=None)
    found["status"]["conditions"][0]["reason"] = "DependencyNotReady"
    found["spec"] |= {"dependsOn": [{"name": other} for other in on], **spec}
    return found


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


# --- what moves while one waits -------------------------------------------------------------------


def test_a_branch_that_moves_on_is_followed():
    """Children at the revision before are not done, and those at the new one are, whatever was wanted at first."""
    cluster = Cluster(
        [source(), kustomization(revision=OLD)],
        [source(NEW), kustomization(children=["apps"]), kustomization("apps")],
        [kustomization(revision=NEW, children=["apps"])],
        [kustomization("apps", revision=NEW)],
    )
    assert cluster.arrive().revision == NEW
    assert cluster.is_closed


def test_all_are_asked_once_the_root_is_done():
    """What the root has just changed is asked after the change, not before."""
    cluster = Cluster(
        [source(), kustomization(children=["apps"]), kustomization("apps", revision=OLD)],
        [source(lastHandledReconcileAt="token")],
        [kustomization(children=["apps", "late"], lastHandledReconcileAt="token"), kustomization("late")],
        [kustomization("apps", lastHandledReconcileAt="token")],
        [kustomization("late", lastHandledReconcileAt="token")],
    )
    cluster.arrive(ask_source=True, ask_all=True)
    assert [target.name for target in cluster.waiting.requested] == ["flux-system", "flux-system", "apps", "late"]


def test_without_the_tree_only_the_root_is_waited_for():
    apps = kustomization("apps", "False", "wrong key", revision=OLD)
    cluster = Cluster(
        [source(), kustomization(children=["apps"]), apps],
        [kustomization(children=["apps"], lastHandledReconcileAt="token")],
    )
    cluster.arrive(ask_all=True, options={"whole": False})
    assert [target.name for target in cluster.waiting.requested] == ["flux-system"]


def test_a_source_of_a_child_that_fails_is_what_is_told():
    """The child itself only says that it waits."""
    other = kustomization("other", "False", "Source artifact not found, retrying in 30s", revision=None)
    other["spec"]["sourceRef"] = {"kind": "OCIRepository", "name": "shop"}
    shop = source("", "False", "401 unauthorized, authentication required") | {"kind": "OCIRepository"}
    shop["metadata"] = {**shop["metadata"], "name": "shop"}
    cluster = Cluster([source(), kustomization(children=["other"]), other, shop])
    with pytest.raises(NotReadyError, match="OCIRepository flux-system/shop: R: 401 unauthorized"):
        cluster.arrive()


def test_a_failure_that_flips_is_still_the_same_failure():
    """A controller that tries again says "in progress" in between; the grace does not start anew."""
    failed, trying = source("", "False", "early EOF"), source("", "Unknown", "building artifact")
    steps = [[trying], [failed]] * 10
    cluster = Cluster([failed], *steps)
    with pytest.raises(NotReadyError, match="early EOF"):
        cluster.arrive(fresh=True)
    assert cluster.now <= 4
    assert sum("early EOF" in line for line in cluster.told) == 1


# --- what is on its way out -----------------------------------------------------------------------


def test_a_child_counts_only_when_its_parent_has_applied_the_revision():
    """A commit that removes a child with its folder: the child fails before its parent has pruned it."""
    gone = kustomization("gone", "False", "kustomization path not found: stat /x", revision=OLD)
    cluster = Cluster(
        [source(), kustomization(revision=OLD, children=["gone"]), gone],
        *[[]] * 20,
        [kustomization(children=["apps"]), kustomization("apps")],
    )
    assert cluster.arrive(fresh=True).revision == HEAD


@pytest.mark.parametrize(
    ("applied", "message"),
    [(HEAD, "applied"), (OLD, f"Running health checks for revision {HEAD} with a timeout of 2m")],
)
def test_a_child_counts_while_its_parent_waits_for_it(applied, message):
    ready = "True" if applied == HEAD else "Unknown"
    parent = kustomization("flux-system", ready, message, revision=applied, children=["apps"])
    cluster = Cluster(
        [source(), kustomization(revision=OLD, children=["apps"]), kustomization("apps", revision=OLD)],
        [parent, kustomization("apps", "False", "wrong key")],
    )
    with pytest.raises(NotReadyError, match="wrong key"):
        cluster.arrive(fresh=True)


def test_a_child_that_is_being_deleted_is_waited_out():
    going = kustomization("old", revision=OLD)
    going["metadata"]["deletionTimestamp"] = "now"
    cluster = Cluster([source(), kustomization(children=["old"]), going], [], [kustomization()])
    assert cluster.arrive().revision == HEAD
    assert cluster.told.count("Kustomization flux-system/old: being deleted is being deleted") <= 1


# --- what Flux waits for in vain ------------------------------------------------------------------


def test_a_chain_is_waited_for():
    cluster = Cluster(
        [
            source(),
            kustomization(children=["a", "b"]),
            kustomization("a", "Unknown", "working", revision=None),
            depending("b", "a"),
        ],
        [kustomization("a")],
        [kustomization("b")],
    )
    assert cluster.arrive().revision == HEAD


@pytest.mark.parametrize(
    ("blocked", "message", "limit"),
    [
        (
            [depending("a", "b"), depending("b", "a")],
            "it waits for itself, by dependsOn: flux-system/a -> flux-system/b",
            1,
        ),
        ([depending("a", "b"), depending("b", "c", suspend=True)], "which is suspended and not ready", 1),
        ([depending("a", "gone"), kustomization("b")], "Kustomization flux-system/gone, which does not exist", 4),
        ([depending("a", "b"), depending("b", "gone")], "Kustomization flux-system/gone, which does not exist", 4),
    ],
    ids=["circle", "suspended", "missing", "missing through another"],
)
def test_a_dependency_that_cannot_come_is_a_failure(blocked, message, limit):
    cluster = Cluster([source(), kustomization(children=["a", "b"]), *blocked])
    with pytest.raises(NotReadyError, match=message):
        cluster.arrive()
    assert cluster.now <= limit


def test_a_dependency_that_another_one_brings_is_waited_for():
    """As long as something still works, it may bring what is missing."""
    working = [[kustomization("b", "Unknown", "working", revision=None)]] * 10
    cluster = Cluster(
        [source(), kustomization(children=["a", "b"]), depending("a", "late"), *working[0]],
        *working,
        [kustomization("b", children=["late"]), kustomization("late")],
        [kustomization("a")],
    )
    assert cluster.arrive().revision == HEAD


# --- HelmReleases ---------------------------------------------------------------------------------


def test_helm_releases_are_waited_for_when_wanted():
    cluster = Cluster(
        [source(), with_release(), release("Unknown", reason="Progressing", message="running install")], [release()]
    )
    cluster.arrive(options={"helm_releases": True})
    assert cluster.now == 0.5
    assert "HelmRelease apps/web: ready InstallSucceeded: installed" in cluster.told


def test_helm_releases_are_left_alone_otherwise():
    cluster = Cluster([source(), with_release(), release("False", reason="InstallFailed")])
    assert cluster.arrive().revision == HEAD
    assert cluster.now == 0


def test_a_helm_release_that_gave_up_is_a_failure():
    stalled = {"type": "Stalled", "status": "True", "reason": "RetriesExceeded", "message": "install failed: no image"}
    failed = release("False", reason="InstallFailed", message="install failed: no image")
    failed["status"]["conditions"].append(stalled)
    cluster = Cluster([source(), with_release(), failed])
    with pytest.raises(NotReadyError, match="HelmRelease apps/web: RetriesExceeded: install failed"):
        cluster.arrive(options={"helm_releases": True})
    assert cluster.now <= 4


# --- what is told ---------------------------------------------------------------------------------


def test_the_last_warnings_are_told_and_nothing_twice():
    failed = kustomization("flux-system", "False", "wrong key: value-of-a-secret")
    cluster = Cluster([source(), kustomization(revision=OLD)], [failed])
    texts = ["first", "second value-of-a-secret", "third", "wrong key: value-of-a-secret"]
    events = [
        {"reason": "BuildFailed", "message": message, "lastTimestamp": f"2026-01-01T00:00:0{second}Z"}
        for second, message in enumerate(texts)
    ]
    cluster.script = lambda _method, path, _query: (200, {"items": events}) if path.endswith("/events") else None
    with pytest.raises(NotReadyError) as raised:
        cluster.arrive(fresh=True, options={"hide": lambda text: text.replace("value-of-a-secret", "***")})
    assert raised.value.message == "R: wrong key: ***"
    assert raised.value.events == ("BuildFailed: second ***", "BuildFailed: third")
    assert str(raised.value).endswith("last warnings: BuildFailed: second ***; BuildFailed: third")
    query = next(query for _method, path, query in cluster.requests if path.endswith("/events"))
    assert query["fieldSelector"] == "type=Warning,involvedObject.kind=Kustomization,involvedObject.name=flux-system"


def test_a_server_that_stays_away_is_what_the_end_of_patience_tells():
    cluster = Cluster([source(), kustomization("flux-system", "Unknown", "working")])
    cluster.trouble = UnreachableError("the API server does not answer", where="https://127.0.0.1")
    with pytest.raises(UnreachableError, match="does not answer"):
        cluster.arrive(seconds=2)


def test_advice_is_asked_with_the_object_and_what_it_says():
    asked = []

    def advise(target, found, message):
        asked.append((target, found["kind"], message))
        return "do this"

    cluster = Cluster([source(), kustomization(revision=OLD)], [kustomization("flux-system", "False", "wrong key")])
    with pytest.raises(NotReadyError, match="do this"):
        cluster.arrive(fresh=True, options={"advise": advise})
    assert asked == [(ROOT, "Kustomization", "R: wrong key")]
