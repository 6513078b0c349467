# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects by kind and name: addresses, absence, pages."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ApiError
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api, concurrently
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    served,
    status,
)

WIDGET = Reference("example.com/v1", "Widget", "a", "b")
SECRET = Reference("v1", "Secret", "a", "b")


@pytest.mark.parametrize(
    ("wanted", "path"),
    [
        (SECRET, "/api/v1/namespaces/a/secrets/b"),
        (SECRET._replace(name=""), "/api/v1/namespaces/a/secrets"),
        (SECRET._replace(name="", namespace=""), "/api/v1/secrets"),
        (Reference("apps/v1", "Deployment", "a", "b"), "/apis/apps/v1/namespaces/a/deployments/b"),
        (Reference("v1", "Namespace", "", "b"), "/api/v1/namespaces/b"),
    ],
)
def test_known_kinds_have_their_address_without_asking(wanted, path):
    with served(FakeApi()) as connection:
        assert Api(connection).path(wanted) == path


def test_other_kinds_are_looked_up_once():
    fake = FakeApi()
    fake.groups["example.com/v1"] = [("Widget", "widgets", True), ("Widget", "widgets/status", True)]
    with served(fake) as connection:
        api = Api(connection)
        assert api.path(WIDGET) == api.path(WIDGET) == "/apis/example.com/v1/namespaces/a/widgets/b"
    assert len(fake.requests) == 1


def test_a_kind_that_is_not_served_is_absent_until_it_is():
    fake = FakeApi()
    with served(fake) as connection:
        api = Api(connection)
        assert api.get(WIDGET) is None
        assert api.list("example.com/v1", "Widget") == []
        with pytest.raises(ApiError, match="does not serve Widget"):
            api.apply({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "b"}}, manager="x")
        fake.groups["example.com/v1"] = [("Widget", "widgets", True)]
        assert not api.is_served("example.com/v1", "Widget")
        api.forget()
        assert api.is_served("example.com/v1", "Widget")


@pytest.mark.parametrize("code", [401, 403, 500, 503])
def test_an_error_is_never_absence(code):
    fake = FakeApi()
    fake.script = lambda *_: (code, status("Trouble", "no", code))
    with served(fake) as connection, pytest.raises(ApiError):
        Api(connection).get(SECRET)


def test_all_pages_of_a_list_are_read():
    fake = FakeApi()

    def pages(_method, _path, query):
        if "continue" in query:
            return 200, {"metadata": {}, "items": [{"metadata": {"name": "two"}}]}
        return 200, {"metadata": {"continue": "x"}, "items": [{"metadata": {"name": "one"}}]}

    fake.script = pages
    with served(fake) as connection:
        found = Api(connection).list("v1", "Secret", labels="a=b")
    assert [(item["kind"], item["metadata"]["name"]) for item in found] == [("Secret", "one"), ("Secret", "two")]
    assert all(query["labelSelector"] == "a=b" for _method, _path, query in fake.requests)


def test_applying_is_strict_and_a_dry_run_writes_nothing():
    fake = FakeApi()
    manifest = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": "a", "name": "b"},
        "stringData": {"x": "y"},
    }
    with served(fake) as connection:
        outcome = Api(connection).apply(manifest, manager="me", dry_run=True)
        assert outcome["data"] == {"x": "eQ=="}
        assert Api(connection).get(SECRET) is None
        Api(connection).apply(manifest, manager="me")
        assert Api(connection).get(SECRET)
    query = fake.requests[0][2]
    assert query == {"fieldManager": "me", "force": "true", "fieldValidation": "Strict", "dryRun": "All"}


def test_an_error_of_a_write_names_the_object():
    fake = FakeApi()
    fake.script = lambda *_: (422, status("Invalid", "spec.x: unknown field", 422))
    with served(fake) as connection, pytest.raises(ApiError, match=r"Secret a/b: spec.x: unknown field"):
        Api(connection).merge(SECRET, {}, manager="me")


def test_results_come_in_the_order_of_the_items():
    assert concurrently(lambda number: number * 2, range(30)) == [number * 2 for number in range(30)]
