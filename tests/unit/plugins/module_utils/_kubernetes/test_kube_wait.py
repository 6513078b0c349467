# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for objects: when it ends, and what is told on the way. No cluster; time passes by the script."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    NotReadyError,
    UnreachableError,
    WaitTimeoutError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference, reference
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.readiness import Readiness, State
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.wait import Deadline, wait_until_ready
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.watch import Collection
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import FakeApi, served

API_VERSION = "apiextensions.k8s.io/v1"


def target(name="x"):
    return Reference(API_VERSION, "CustomResourceDefinition", "", name)


def definition(name="x", **conditions):
    listed = [{"type": kind, "status": value, "reason": "R", "message": "m"} for kind, value in conditions.items()]
    return {
        "apiVersion": API_VERSION,
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "status": {"conditions": listed},
    }


class Script:
    """A look at a cluster in which each rest is a step."""

    def __init__(self, *steps, trouble=None):
        self.steps = [{reference(found): found for found in step} for step in steps]
        self.trouble = trouble
        self.now = 0.0
        self.looked_at = []
        self.told = []
        self.is_closed = False

    @property
    def objects(self):
        return self.steps[0]

    def add(self, collection):
        self.looked_at.append(collection)

    def rest(self, seconds):
        self.now += max(seconds, 0.1)
        self.steps = self.steps[1:] or self.steps

    def close(self):
        self.is_closed = True

    def wait(self, *wanted, **how):
        with served(FakeApi()) as connection:
            deadline = Deadline(5, clock=lambda: self.now)
            wait_until_ready(Api(connection), wanted, deadline, self.told.append, view=lambda _api, _tell: self, **how)


def test_it_ends_when_all_are_ready():
    script = Script([], [definition()], [definition(Established="True")])
    script.wait(target())
    assert script.told == [
        "CustomResourceDefinition x: does not exist",
        "CustomResourceDefinition x: is not established yet",
        "CustomResourceDefinition x is ready",
    ]
    assert script.is_closed


def test_its_end_names_what_is_not_ready():
    script = Script([definition("a", Established="True")])
    with pytest.raises(
        WaitTimeoutError, match=r"after 5 seconds: CustomResourceDefinition b: does not exist \(look at the events"
    ):
        script.wait(target("a"), target("b"))
    assert script.now <= 6


def test_it_ends_at_once_for_what_has_failed():
    script = Script([], [definition(NamesAccepted="False")])
    with pytest.raises(NotReadyError, match="CustomResourceDefinition x: R: m"):
        script.wait(target())
    assert script.now <= 1
    assert script.is_closed


def test_a_server_that_is_away_is_what_its_end_tells():
    script = Script([], trouble=UnreachableError("the API server does not answer"))
    with pytest.raises(UnreachableError):
        script.wait(target())


def test_another_judge_sees_all_that_is_looked_at():
    pods = Collection("v1", "Pod", "flux-system")

    def judge(_found, objects):
        return Readiness(State.FAILED, f"{len(objects)} objects", "do this")

    script = Script([definition("a"), definition("b")])
    with pytest.raises(NotReadyError, match=r"2 objects \(do this\)"):
        script.wait(target("a"), also=[pods], judge=judge)
    assert script.looked_at == [Collection(API_VERSION, "CustomResourceDefinition", "", "a"), pods]


def test_one_watch_serves_all_objects_with_a_label():
    script = Script([definition("a", Established="True"), definition("b", Established="True")])
    script.wait(target("a"), target("b"), labels="x=y")
    assert script.looked_at == [Collection(API_VERSION, "CustomResourceDefinition", labels="x=y")]
