# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing a dry run with what is there: what counts, and what is shown."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.compare import (
    Action,
    Difference,
    compare,
    plan,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import reference, with_data

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)


def config_map(data, **metadata):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "b", **metadata},
        "data": data,
    }


def secret(data, **metadata):
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a", "namespace": "b", **metadata}, "data": data}


@given(VALUES)
def test_equal_objects_have_no_difference(value):
    assert list(compare(config_map({"x": value}), config_map({"x": value}))) == []


@given(VALUES, VALUES)
def test_unequal_objects_have_one(old, new):
    found = list(compare(config_map({"x": old}), config_map({"x": new})))
    assert bool(found) == (old != new)


def test_bookkeeping_and_status_do_not_count():
    live = config_map({}, managedFields=[1], resourceVersion="1", generation=1, uid="u", creationTimestamp="t")
    outcome = config_map({}, managedFields=[2], resourceVersion="2", generation=2)
    assert plan(config_map({}), {**live, "status": {"a": 1}}, outcome).action is Action.UNCHANGED


def test_an_absent_object_is_created():
    assert plan(config_map({}), None, config_map({})).action is Action.CREATED


def test_a_difference_is_named_by_its_path():
    planned = plan(config_map({"x": "1"}), config_map({"x": "0", "y": "2"}), config_map({"x": "1"}))
    assert planned.action is Action.CONFIGURED
    assert planned.differences == (Difference("data.x", "0", "1"), Difference("data.y", "2", None))


def test_an_empty_selector_is_not_the_same_as_none():
    """In a NetworkPolicy, `{}` selects everything and absence nothing."""
    before, after = config_map({}) | {"spec": {"selector": {}}}, config_map({}) | {"spec": {}}
    assert [difference.path for difference in compare(before, after)] == ["spec.selector"]


def test_values_of_a_secret_are_never_shown():
    """Nor the copy that kubectl keeps in an annotation."""
    before = secret({"token": "b2xk"}, annotations={"kubectl.kubernetes.io/last-applied-configuration": "b2xk"})
    after = secret({"token": "bmV3", "more": "bmV3"}, labels={"a": "b"})
    shown = repr(list(compare(before, after))) + repr(plan(secret({"token": "bmV3"}), before, after))
    assert "data.token" in shown
    assert "metadata.labels" in shown
    assert "b2xk" not in shown
    assert "bmV3" not in shown


def test_surplus_keys_of_a_secret_are_found():
    """A bearer token of an earlier setup would win over user name and password."""
    wanted, live = secret({"password": "YQ=="}), secret({"password": "YQ==", "bearerToken": "Yg=="})
    planned = plan(wanted, live, live, exact_data=True)
    assert (planned.action, planned.surplus) == (Action.CONFIGURED, ("bearerToken",))
    assert plan(wanted, live, live).action is Action.UNCHANGED


def test_string_data_is_what_the_api_makes_of_it():
    given_object = {"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "1"}, "data": {"a": "eA==", "b": "eQ=="}}
    assert with_data(given_object) == {"apiVersion": "v1", "kind": "Secret", "data": {"a": "MQ==", "b": "eQ=="}}
    assert "stringData" in given_object


def test_a_reference_reads_as_a_person_would_say_it():
    assert str(reference(config_map({}))) == "ConfigMap b/a"
    assert str(reference({"kind": "Namespace", "metadata": {"name": "x"}})) == "Namespace x"
    assert json.dumps(reference(config_map({})).entry) == '{"kind": "ConfigMap", "namespace": "b", "name": "a"}'
