# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Pods tell about a Deployment that does not get ready."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.diagnosis import Diagnosis, troubles
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import reference
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.readiness import State


def owned(kind, name, owner, **more):
    return {
        "apiVersion": "apps/v1" if kind == "ReplicaSet" else "v1",
        "kind": kind,
        "metadata": {"namespace": "flux-system", "name": name, "uid": name, "ownerReferences": [{"uid": owner}]},
        **more,
    }


def deployment(revision="2", **status):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "namespace": "flux-system",
            "name": "d",
            "uid": "d",
            "annotations": {"deployment.kubernetes.io/revision": revision},
        },
        "spec": {},
        "status": status,
    }


def replicas(name="rs", revision="2"):
    found = owned("ReplicaSet", name, "d")
    found["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": revision}
    return found


def pod(reason="", message="", *, owner="rs", restarts=0, part="containerStatuses", ended=None, **more):
    container = {
        "name": "manager",
        "restartCount": restarts,
        "state": {"waiting": {"reason": reason, "message": message}},
    }
    container["lastState"] = {"terminated": ended} if ended else {}
    return owned("Pod", f"{owner}-pod", owner, status={part: [container], **more})


def unschedulable(message="0/3 nodes are available"):
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    return owned("Pod", "rs-pod", "rs", status={"conditions": [condition]})


def all_of(*found):
    return {reference(item): item for item in found}


def told(*found):
    return [trouble.message for trouble in troubles(found[0], all_of(*found))]


@pytest.mark.parametrize(
    "reason",
    ["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "CreateContainerError"],
)
def test_a_container_that_cannot_start_is_a_trouble(reason):
    assert told(deployment(), replicas(), pod(reason, "why")) == [
        f"container manager of Pod flux-system/rs-pod {reason}: why"
    ]


def test_so_is_an_init_container():
    assert told(deployment(), replicas(), pod("ErrImagePull", "why", part="initContainerStatuses"))


@pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing", ""])
def test_a_container_that_is_being_started_is_none(reason):
    assert told(deployment(), replicas(), pod(reason)) == []


def test_a_crash_counts_when_it_repeats_and_tells_how_it_ended():
    once = pod("CrashLoopBackOff", "back-off", restarts=1)
    again = pod("CrashLoopBackOff", "back-off", restarts=2, ended={"exitCode": 1, "reason": "Error"})
    assert told(deployment(), replicas(), once) == []
    (message,) = told(deployment(), replicas(), again)
    assert message.endswith("CrashLoopBackOff: back-off; it ended last with exit code 1 (Error)")


def test_pods_of_an_older_template_do_not_count():
    """What is being replaced may well be broken."""
    old = replicas("old", "1")
    assert told(deployment(), old, replicas(), pod("ImagePullBackOff", "why", owner="old")) == []


def test_pods_of_others_and_those_that_go_do_not_count():
    going = pod("ImagePullBackOff", "why")
    going["metadata"]["deletionTimestamp"] = "now"
    assert told(deployment(), replicas(), going, pod("ImagePullBackOff", "why", owner="another")) == []


def test_pods_that_are_refused_are_told():
    refused = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "exceeded quota"}
    assert told(deployment(conditions=[refused]), replicas()) == ["FailedCreate: exceeded quota"]


@pytest.mark.parametrize(
    ("found", "before", "after"),
    [
        (pod("ImagePullBackOff", "manifest unknown"), 1, 2),
        (pod("ImagePullBackOff", "dial tcp: i/o timeout"), 59, 60),
        (unschedulable(), 14, 15),
    ],
    ids=["image", "registry out of reach", "no node"],
)
def test_a_trouble_has_to_last(found, before, after):
    """Long enough that what is usual on a node that has just come up is not a failure."""
    clock = iter([0, 0, before, before, after, after])
    judge, objects = Diagnosis(lambda: next(clock)), all_of(deployment(), replicas(), found)
    states = [judge(deployment(), objects).state for _look in range(3)]
    assert states == [State.IN_PROGRESS, State.IN_PROGRESS, State.FAILED]


def test_a_failure_names_the_pod_whose_events_are_told():
    judge = Diagnosis(iter([0, 0, 9, 9]).__next__)
    found = [deployment(), replicas(), pod("ImagePullBackOff", "why")]
    judge(found[0], all_of(*found))
    state = judge(found[0], all_of(*found))
    assert (state.about, "pull Secret" in state.hint) == (reference(found[2]), True)


def test_other_objects_are_judged_as_ever():
    judge = Diagnosis(lambda: 0)
    assert judge({"kind": "Namespace", "status": {"phase": "Active"}}, {}).is_ready
