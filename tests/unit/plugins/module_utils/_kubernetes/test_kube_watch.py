# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Watches: nothing is missed when one ends, expires or breaks off. A server plays the cluster."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ApiError
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.watch import Collection, Watch
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    served,
    status,
)

PODS = Collection("v1", "Pod", "apps")
PATIENCE = 20.0


def pod(name, version, phase="Pending"):
    metadata = {"namespace": "apps", "name": name, "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": {"phase": phase}}


def event(kind, found):
    return {"type": kind, "object": found}


class Server(FakeApi):
    """Answers lists and watches by a script; when it is at its end, watches stay silent and lists do not change."""

    def __init__(self, lists, watches):
        super().__init__()
        self.lists, self.watches = list(lists), list(watches)
        self.script = self.play

    @property
    def asked(self):
        """The version from which each watch began."""
        return [query["resourceVersion"] for _method, _path, query in self.requests if "watch" in query]

    def play(self, _method, _path, query):
        if "watch" not in query:
            answer = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
            return answer if isinstance(answer, tuple) else (200, answer)
        answer = self.watches.pop(0) if self.watches else []
        if isinstance(answer, tuple):
            return answer
        return 200, "".join(json.dumps(found) + "\n" for found in answer).encode()


def listed(version, *found):
    return {"metadata": {"resourceVersion": str(version)}, "items": list(found)}


def phases(watch):
    return {target.name: found["status"]["phase"] for target, found in watch.objects.items()}


def until(watch, wanted):
    """Rest until the objects are so, as one who waits does."""
    for _turn in range(200):
        if phases(watch) == wanted:
            return
        watch.rest(PATIENCE / 200)
    assert phases(watch) == wanted


def test_a_list_is_enough_for_what_does_not_change():
    """Without a rest there is no watch: a run that has nothing to wait for costs one request."""
    fake = Server([listed(5, pod("a", 3))], [])
    with served(fake) as connection, closing(Watch(Api(connection), print)) as watch:
        watch.add(PODS)
        watch.add(PODS)
        assert phases(watch) == {"a": "Pending"}
    assert len(fake.requests) == 1


def test_events_change_what_was_listed():
    fake = Server(
        [listed(5, pod("a", 3), pod("b", 4))],
        [
            [event("MODIFIED", pod("a", 6, "Running")), event("DELETED", pod("b", 7))],
            [event("ADDED", pod("c", 8, "Running"))],
        ],
    )
    with served(fake) as connection, closing(Watch(Api(connection), print)) as watch:
        watch.add(PODS)
        until(watch, {"a": "Running", "c": "Running"})
    assert fake.asked[:2] == ["5", "7"]


def test_a_bookmark_moves_the_beginning_of_the_next_watch():
    bookmark = {"apiVersion": "v1", "kind": "Pod", "metadata": {"resourceVersion": "90"}}
    fake = Server(
        [listed(5, pod("a", 3))], [[event("BOOKMARK", bookmark)], [event("MODIFIED", pod("a", 91, "Running"))]]
    )
    with served(fake) as connection, closing(Watch(Api(connection), print)) as watch:
        watch.add(PODS)
        until(watch, {"a": "Running"})
    assert fake.asked[:2] == ["5", "90"]
    assert all(query["allowWatchBookmarks"] == "true" for _m, _p, query in fake.requests if "watch" in query)


def test_a_watch_that_is_none_is_asked_again():
    """Such as the page of a proxy, or a list in place of events."""
    fake = Server([listed(5, pod("a", 3)), listed(9, pod("a", 8, "Running"))], [(200, b"<html>\n"), (200, b"{}\n")])
    told = []
    with served(fake) as connection, closing(Watch(Api(connection), told.append)) as watch:
        watch.add(PODS)
        until(watch, {"a": "Running"})
    assert "something that is no event" in told[0]


@pytest.mark.parametrize(
    "expired",
    [(410, status("Expired", "too old", 410)), [event("ERROR", status("Expired", "too old", 410))]],
    ids=["at once", "in the stream"],
)
def test_an_expired_watch_lists_anew(expired):
    """What was deleted in between is gone, and what was made is there."""
    fake = Server([listed(5, pod("a", 3)), listed(50, pod("b", 40))], [expired])
    with served(fake) as connection, closing(Watch(Api(connection), print)) as watch:
        watch.add(PODS)
        until(watch, {"b": "Pending"})
        until(watch, {"b": "Pending"})
    assert fake.asked[0] == "5"


def test_a_server_in_trouble_is_asked_again_and_it_is_told_once():
    told = []
    trouble = (500, status("InternalError", "etcd is away", 500))
    fake = Server([listed(5, pod("a", 3)), trouble, trouble, listed(9, pod("a", 8, "Running"))], [trouble])
    with served(fake) as connection, closing(Watch(Api(connection), told.append)) as watch:
        watch.add(PODS)
        until(watch, {"a": "Running"})
        watch.rest(0)
        assert watch.trouble is None
    assert [line for line in told if "etcd is away; it is tried again" in line]


def test_a_refusal_at_the_beginning_is_an_error():
    fake = Server([(403, status("Forbidden", "no", 403))], [])
    with (
        served(fake) as connection,
        closing(Watch(Api(connection), print)) as watch,
        pytest.raises(ApiError, match="no"),
    ):
        watch.add(PODS)


def test_a_refusal_that_stays_ends_the_wait():
    refused = (403, status("Forbidden", "your rights were taken", 403))
    fake = Server([listed(5), refused], [refused])

    def wait():
        for _turn in range(200):
            phases(watch)
            watch.rest(PATIENCE / 200)

    with served(fake) as connection, closing(Watch(Api(connection), print)) as watch:
        watch.add(PODS)
        with pytest.raises(ApiError, match="your rights were taken"):
            wait()


def test_all_pages_are_one_list():
    first = {"metadata": {"resourceVersion": "5", "continue": "more"}, "items": [pod("a", 3)]}
    fake = Server([first, listed(5, pod("b", 4))], [])
    with served(fake) as connection, closing(Watch(Api(connection), print)) as watch:
        watch.add(PODS)
        assert sorted(phases(watch)) == ["a", "b"]
    assert [query.get("continue") for _method, _path, query in fake.requests] == [None, "more"]


@pytest.mark.parametrize(
    ("collection", "query"),
    [
        (PODS, {}),
        (PODS._replace(name="a"), {"fieldSelector": "metadata.name=a"}),
        (PODS._replace(labels="x=y"), {"labelSelector": "x=y"}),
    ],
    ids=["all", "name", "labels"],
)
def test_only_what_is_wanted_is_asked_for(collection, query):
    assert collection.query == query
    fake = Server([listed(5)], [])
    with served(fake) as connection, closing(Watch(Api(connection), print)) as watch:
        watch.add(collection)
        assert watch.objects == {}
    assert fake.requests[0][2] == {"limit": "500", **query}


def test_objects_of_several_collections_are_seen_together():
    fake = Server([listed(5, pod("a", 3))], [])
    with served(fake) as connection, closing(Watch(Api(connection), print)) as watch:
        watch.add(PODS)
        watch.add(Collection("v1", "Secret", "apps"))
        kinds = {target.kind for target in watch.objects}
    assert Reference("v1", "Pod", "apps", "a") in watch.objects
    assert kinds == {"Pod"}
