# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Collections of objects, kept as they are in the cluster: listed once, then followed by a watch.

Private to the collection. A watch that ends, expires (410) or breaks off is taken up again, without a change
being missed, for as long as somebody looks.
"""

from __future__ import annotations

import threading
import typing as t
from collections.abc import Callable, Mapping

from .._errors import ApiError, KubernetesError, UnreachableError
from .api import Api
from .objects import Object, Reference, reference

WINDOW = 60.0
"""Seconds after which a watch is asked for anew; a connection that died without a word is noticed then at the latest."""
_PAUSES = (0.2, 0.5, 1.0, 2.0)
_REFUSALS = 4
"""After so many answers in a row that the user may not do this, it is not a server that is starting up."""


class Collection(t.NamedTuple):
    """Objects of one kind: all of them, those of a namespace, one by its name, or those with certain labels."""

    api_version: str
    kind: str
    namespace: str = ""
    name: str = ""
    labels: str = ""

    @property
    def query(self) -> dict[str, str]:
        """Return what makes a request be about these objects only."""
        query = {"labelSelector": self.labels} if self.labels else {}
        return {**query, "fieldSelector": f"metadata.name={self.name}"} if self.name else query


class View(t.Protocol):
    """What those who wait need: objects as they are now, and to be woken when they change."""

    @property
    def objects(self) -> Mapping[Reference, Object]:
        """All objects that are looked at."""

    @property
    def trouble(self) -> KubernetesError | None:
        """Why something cannot be looked at at the moment."""

    def add(self, collection: Collection) -> None:
        """Look at more objects; what is looked at already is no more work."""

    def rest(self, seconds: float) -> None:
        """Return when something has changed, or after this time."""

    def close(self) -> None:
        """Look no more."""


class _Feed:
    """One collection and the thread that follows it."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.objects: dict[Reference, Object] = {}
        self.version: str | None = None
        self.thread: threading.Thread | None = None
        self.end: Callable[[], None] | None = None
        self.trouble: KubernetesError | None = None
        self.failures = 0


class Watch:
    """Several collections of one cluster; to be closed by the one who opened it, from the same thread."""

    def __init__(self, api: Api, tell: Callable[[str], None]) -> None:
        self._api = api
        self._tell = tell
        self._feeds: dict[Collection, _Feed] = {}
        self._lock = threading.Condition()
        self._changes = 0
        self._seen = 0
        self._told: str | None = None
        self._closed = threading.Event()

    @property
    def objects(self) -> Mapping[Reference, Object]:
        """Return all objects that are looked at; a change from now on wakes the next rest."""
        with self._lock:
            self._seen = self._changes
            return {target: found for feed in self._feeds.values() for target, found in feed.objects.items()}

    @property
    def trouble(self) -> KubernetesError | None:
        """Return why a collection cannot be followed at the moment."""
        return next((feed.trouble for feed in self._feeds.values() if feed.trouble), None)

    def add(self, collection: Collection) -> None:
        """Read a collection, and follow it from the first rest on.

        Raises:
            ApiError: the server refuses it.
            UnreachableError: the server does not answer.
        """
        if collection not in self._feeds:
            feed = _Feed(collection)
            self._list(feed)
            self._feeds[collection] = feed

    def rest(self, seconds: float) -> None:
        """Return when something has changed since the objects were last looked at, or after this time.

        Raises:
            ApiError: the server keeps on refusing a collection that could be read before.
        """
        for feed in self._feeds.values():
            if feed.thread is None:
                feed.thread = threading.Thread(target=self._follow, args=(feed,), daemon=True)
                feed.thread.start()
        with self._lock:
            self._lock.wait_for(lambda: self._changes != self._seen, max(0.0, seconds))
        self._tell_trouble()

    def close(self) -> None:
        """End all watches."""
        self._closed.set()
        with self._lock:
            ends = [feed.end for feed in self._feeds.values() if feed.end]
        for end in ends:
            end()
        for feed in self._feeds.values():
            if feed.thread is not None:
                feed.thread.join(1)

    def _tell_trouble(self) -> None:
        trouble = self.trouble
        refused = isinstance(trouble, ApiError) and trouble.status in {401, 403}
        if trouble is not None and refused and max(feed.failures for feed in self._feeds.values()) >= _REFUSALS:
            raise trouble
        told = str(trouble) if trouble else None
        if told is not None and told != self._told:
            self._tell(f"{told}; it is tried again")
        self._told = told

    def _follow(self, feed: _Feed) -> None:
        """Keep one collection up to date until the end."""
        while not self._closed.is_set():
            try:
                if feed.version is None:
                    self._list(feed)
                self._watch(feed)
            except (KeyError, TypeError, ValueError) as exc:
                broken = UnreachableError(
                    f"{self._api.connection.server} answered a watch with something that is no event"
                )
                broken.__cause__ = exc
                feed.version = None
                self._trouble(feed, broken)
            except KubernetesError as exc:
                if self._closed.is_set():
                    return
                if isinstance(exc, ApiError):
                    # Too old, or the server is not what it was: only a new list tells what is there now.
                    feed.version = None
                    if exc.status == 410 and feed.failures == 0:
                        feed.failures = 1
                        continue
                    if exc.status == 404:
                        self._api.forget()
                self._trouble(feed, exc)

    def _trouble(self, feed: _Feed, exc: KubernetesError) -> None:
        with self._lock:
            feed.trouble = exc
            self._changes += 1
            self._lock.notify_all()
        pause = _PAUSES[min(feed.failures, len(_PAUSES) - 1)]
        feed.failures += 1
        self._closed.wait(pause)

    def _list(self, feed: _Feed) -> None:
        collection = feed.collection
        listed, feed_version = _read(self._api, collection)
        with self._lock:
            feed.version = feed_version
            feed.trouble = None
            if listed != feed.objects:
                feed.objects = listed
                self._changes += 1
                self._lock.notify_all()

    def _watch(self, feed: _Feed) -> None:
        query = {**feed.collection.query, "resourceVersion": str(feed.version), "allowWatchBookmarks": "true"}
        path = _path(self._api, feed.collection)
        began = False
        try:
            for event in self._api.connection.watch(path, query=query, timeout=WINDOW, opened=self._opened(feed)):
                began = True
                feed.failures = 0
                self._take(feed, event)
            feed.failures = 0
        finally:
            with self._lock:
                feed.end = None
        if not began:
            # A server that ends a watch at once must not be asked a thousand times a second.
            self._closed.wait(_PAUSES[0])

    def _opened(self, feed: _Feed) -> Callable[[Callable[[], None]], None]:
        def opened(end: Callable[[], None]) -> None:
            with self._lock:
                feed.end = end
                feed.trouble = None
            if self._closed.is_set():
                end()

        return opened

    def _take(self, feed: _Feed, event: Mapping[str, t.Any]) -> None:
        found: Object = event["object"]
        with self._lock:
            feed.version = str(found["metadata"]["resourceVersion"])
            if event["type"] == "BOOKMARK":
                return
            target = reference(found)
            if event["type"] == "DELETED":
                feed.objects.pop(target, None)
            else:
                feed.objects[target] = found
            self._changes += 1
            self._lock.notify_all()


def _path(api: Api, collection: Collection) -> str:
    return api.path(Reference(collection.api_version, collection.kind, collection.namespace, ""))


def _read(api: Api, collection: Collection) -> tuple[dict[Reference, Object], str]:
    """Return all objects of a collection, and the version of the cluster from which to follow it."""
    found: dict[Reference, Object] = {}
    query = {"limit": "500", **collection.query}
    while True:
        answer = api.connection.request("GET", _path(api, collection), query=query)
        for item in answer.get("items") or []:
            # Items of a list lack what the list itself says.
            named = {"apiVersion": collection.api_version, "kind": collection.kind, **item}
            found[reference(named)] = named
        metadata = answer.get("metadata") or {}
        if not metadata.get("continue"):
            return found, str(metadata.get("resourceVersion") or "")
        query["continue"] = metadata["continue"]
