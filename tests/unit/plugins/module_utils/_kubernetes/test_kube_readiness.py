# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Readiness: the rules of kstatus as a table."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.readiness import State, readiness


def thing(kind, conditions=(), *, generation=1, spec=None, **status):
    listed = [dict(zip(("type", "status", "reason", "message"), item, strict=False)) for item in conditions]
    return {
        "kind": kind,
        "metadata": {"generation": generation},
        "spec": spec or {},
        "status": {**status, **({"conditions": listed} if listed else {})},
    }


def deployment(wanted=1, *conditions, **status):
    counts = {"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "readyReplicas": 1}
    listed = conditions or (("Available", "True"),)
    return thing("Deployment", listed, spec={"replicas": wanted}, **{**counts, **status})


@pytest.mark.parametrize(
    ("found", "state", "message"),
    [
        (thing("Service"), State.CURRENT, ""),
        ({"kind": "Secret"}, State.CURRENT, ""),
        ({"kind": "Secret", "metadata": {"deletionTimestamp": "now"}}, State.TERMINATING, "deleted"),
        (thing("Widget", observedGeneration=-1), State.IN_PROGRESS, "not seen"),
        (thing("Widget", [("Reconciling", "True", "Working", "still")]), State.IN_PROGRESS, "Working: still"),
        (thing("Widget", [("Stalled", "True", "Bad", "spec")]), State.FAILED, "Bad: spec"),
        (thing("Widget", [("Ready", "True")]), State.CURRENT, ""),
        (thing("Widget", [("Ready", "False", "Nope", "a\n b")]), State.IN_PROGRESS, "Nope: a b"),
        (thing("CustomResourceDefinition"), State.IN_PROGRESS, "not established"),
        (thing("CustomResourceDefinition", [("Established", "True")]), State.CURRENT, ""),
        (thing("CustomResourceDefinition", [("NamesAccepted", "False", "Conflict")]), State.FAILED, "Conflict"),
        (thing("CustomResourceDefinition", [("Established", "False", "Installing")]), State.IN_PROGRESS, ""),
        (thing("CustomResourceDefinition", [("Established", "False", "Broken")]), State.FAILED, "Broken"),
        (thing("Namespace"), State.IN_PROGRESS, "phase"),
        (thing("Namespace", phase="Active"), State.CURRENT, ""),
        (thing("Namespace", phase="Terminating"), State.TERMINATING, "deleted"),
        (deployment(), State.CURRENT, ""),
        (deployment(0, replicas=0, updatedReplicas=0, availableReplicas=0, readyReplicas=0), State.CURRENT, ""),
        (deployment(2), State.IN_PROGRESS, "1 of 2 replicas created"),
        (deployment(availableReplicas=0), State.IN_PROGRESS, "0 of 1 replicas available"),
        (deployment(replicas=2), State.IN_PROGRESS, "old replicas"),
        (deployment(1, ("Available", "False", "MinimumReplicasUnavailable")), State.IN_PROGRESS, "MinimumReplicas"),
        (deployment(1, ("Progressing", "False", "ProgressDeadlineExceeded", "image")), State.FAILED, "image"),
        (thing("Deployment"), State.IN_PROGRESS, "not seen"),
    ],
)
def test_state(found, state, message):
    """Each object is judged by the first rule that says something."""
    judged = readiness(found)
    assert judged.state is state
    assert message in judged.message
