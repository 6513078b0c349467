# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The self-test of the hand-over: what Flux applies belongs to Flux alone."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.adoption import handed_over, left_over
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import reference

ROOT = {
    "kind": "Kustomization",
    "status": {
        "inventory": {
            "entries": [
                {"id": "_flux-system__Namespace", "v": "v1"},
                {"id": "flux-system_source-controller_apps_Deployment", "v": "v1"},
            ]
        }
    },
}


def live(version, kind, name, *managers, **entry):
    metadata = {"name": name} if kind == "Namespace" else {"name": name, "namespace": "flux-system"}
    entries = [{"manager": manager, "operation": "Apply", **entry} for manager in managers]
    found = {"apiVersion": version, "kind": kind, "metadata": {**metadata, "managedFields": entries}}
    return {reference(found): found}


NAMESPACE = ("v1", "Namespace", "flux-system")
DEPLOYMENT = ("apps/v1", "Deployment", "source-controller")
SECRET = ("v1", "Secret", "sops-age")


def test_only_what_stands_in_an_inventory_is_handed_over():
    found = handed_over({**live(*NAMESPACE), **live(*DEPLOYMENT), **live(*SECRET)}, [ROOT])
    assert sorted(target.kind for target in found) == ["Deployment", "Namespace"]


@pytest.mark.parametrize("manager", ["kubectl-flux-seed", "flux"])
def test_an_entry_of_ours_is_told(manager):
    found = {**live(*NAMESPACE, "kustomize-controller", manager), **live(*DEPLOYMENT, "kustomize-controller")}
    assert [str(entry) for entry in left_over(found, [ROOT])] == [f"Namespace flux-system ({manager})"]


def test_the_secrets_outside_of_git_stay_ours():
    assert left_over(live(*SECRET, "kubectl-flux-seed"), [ROOT]) == []


def test_other_owners_and_the_status_are_nobodys_business_here():
    assert left_over(live(*DEPLOYMENT, "kustomize-controller", "somebody"), [ROOT]) == []
    assert left_over(live(*DEPLOYMENT, "flux", subresource="status"), [ROOT]) == []
