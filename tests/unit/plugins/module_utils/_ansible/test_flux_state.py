# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states that need no Git: what is asked for first, and what a failure returns."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.flux_state import change_state
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import InvalidInputError
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import FakeApi, served


def changed(fake: FakeApi, state: str, *, check_mode: bool = False, **params) -> dict:
    """The result on this cluster."""
    given = {"state": state, "confirm": False, "timeout": 5, "helm_releases": False, **params}
    with served(fake) as connection:
        return change_state(Call(given, check_mode=check_mode), lambda: connection)


def empty() -> FakeApi:
    fake = FakeApi()
    fake.objects["/apis"] = {"groups": []}
    return fake


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_removal_that_nobody_confirmed_asks_nothing_of_the_cluster(check_mode):
    fake = empty()
    with pytest.raises(InvalidInputError, match="say confirm: true"):
        changed(fake, "absent", check_mode=check_mode)
    assert fake.requests == []


def test_a_timeout_of_nothing_is_refused():
    with pytest.raises(InvalidInputError, match="timeout"):
        changed(empty(), "resumed", timeout=0)


def test_where_there_is_no_flux_a_removal_changes_nothing():
    fake = empty()
    result = changed(fake, "absent", confirm=True)
    assert (result["changed"], result["objects"]["deleted"], fake.writes) == (False, [], [])
    assert set(result) == {"changed", "objects", "kept", "report", "seconds"}


def test_a_failure_comes_with_what_was_done_until_then():
    """Only the root could be halted: the result says so."""
    fake = FakeApi()
    version = "kustomize.toolkit.fluxcd.io/v1"
    fake.objects["/apis"] = {"groups": [{"name": version[:-3], "preferredVersion": {"groupVersion": version}}]}
    fake.groups[version] = [("Kustomization", "kustomizations", True)]
    place = f"/apis/{version}/namespaces/x/kustomizations"
    for name in ("a", "b"):
        fake.objects[f"{place}/{name}"] = {"metadata": {"namespace": "x", "name": name}, "spec": {}}
    fake.script = lambda method, path, _query: (
        (403, {"message": "no"}) if (method, path) == ("PATCH", f"{place}/b") else None
    )
    result = changed(fake, "suspended")
    assert result["failed"]
    assert "Kustomization x/b" in result["msg"]
    assert [entry["name"] for entry in result["objects"]["configured"]] == ["a"]
