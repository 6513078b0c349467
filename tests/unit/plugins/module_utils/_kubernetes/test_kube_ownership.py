# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Managers of fields: who is in conflict, who hands on what to whom."""

from __future__ import annotations

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ApiError
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.ownership import (
    Conflict,
    appliers,
    conflicts,
    handed_on,
    in_version,
    replacing,
)


def entry(manager, fields, operation="Apply", **more):
    return {"manager": manager, "operation": operation, "apiVersion": "v1", "fieldsV1": fields, **more}


def owned(*entries):
    return {"metadata": {"resourceVersion": "7", "managedFields": list(entries)}}


def is_flux(manager):
    return manager == "flux"


LABEL, OTHER = {"f:metadata": {"f:labels": {"f:a": {}}}}, {"f:metadata": {"f:labels": {"f:b": {}}}, "f:spec": {}}
BOTH = {"f:metadata": {"f:labels": {"f:a": {}, "f:b": {}}}, "f:spec": {}}


def test_the_fields_of_a_former_manager_are_merged_into_those_of_the_heir():
    """Taken away, they would be nobody's, and would stay for ever."""
    status = entry("source-controller", {"f:status": {}}, "Update", subresource="status")
    found = handed_on(
        owned(entry("kustomize-controller", LABEL), entry("flux", OTHER), status), is_flux, "kustomize-controller"
    )
    assert found == [status, entry("kustomize-controller", BOTH)]


def test_without_an_heir_the_entry_gets_another_name():
    assert handed_on(owned(entry("flux", LABEL)), is_flux, "kubectl-flux-seed") == [entry("kubectl-flux-seed", LABEL)]


def test_updates_and_status_stay_with_their_manager():
    kept = [entry("flux", LABEL, "Update"), entry("flux", {"f:status": {}}, subresource="status")]
    assert handed_on(owned(*kept), is_flux, "kubectl-flux-seed") == []
    assert appliers(owned(*kept)) == []


def test_what_the_heir_has_already_is_left():
    assert handed_on(owned(entry("kubectl-flux-seed", LABEL)), is_flux, "kubectl-flux-seed") == []


def test_entries_in_an_old_version_are_rewritten_all_together():
    old, new = entry("a", LABEL) | {"apiVersion": "g/v1beta2"}, entry("b", LABEL) | {"apiVersion": "g/v1"}
    assert in_version(owned(old, new), "g/v1") == [{**old, "apiVersion": "g/v1"}, new]
    assert in_version(owned(new), "g/v1") == []


def test_a_patch_tests_that_nobody_wrote_in_between():
    assert replacing(owned(), [1])[0] == {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}


def test_conflicts_name_manager_and_field():
    causes = (
        ("FieldManagerConflict", 'conflict with "vault-sync" using v1', ".data.password"),
        ("FieldManagerConflict", 'conflict with "kubectl" with subresource "scale" using apps/v1', ".spec.replicas"),
        ("FieldValueInvalid", "no", "spec"),
    )
    error = ApiError("Apply failed", status=409, causes=causes)
    assert conflicts(error) == [Conflict("vault-sync", ".data.password"), Conflict("kubectl", ".spec.replicas")]
