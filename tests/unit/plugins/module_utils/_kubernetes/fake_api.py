# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A few endpoints of an API server, for faults and moments that a real one cannot be made to show on demand."""

from __future__ import annotations

import copy
import json
import threading
import typing as t
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.connection import Connection
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils import loopback

Answer = tuple[int, t.Any]


class FakeApi:
    """Objects by path. Applying merges, which is enough for objects with one owner."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, t.Any]] = {}
        self.groups: dict[str, list[tuple[str, str, bool]]] = {}
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[t.Any] = []
        self.headers: list[dict[str, str]] = []
        self.script: Callable[[str, str, dict[str, str]], Answer | None] = lambda _method, _path, _query: None
        """Asked first; an answer of None leaves the request to the objects."""
        self.lock = threading.Lock()

    @property
    def writes(self) -> list[tuple[str, str]]:
        """Requests that changed something."""
        return [(method, path) for method, path, query in self.requests if method != "GET" and "dryRun" not in query]

    def answer(self, method: str, path: str, query: dict[str, str], body: t.Any) -> Answer:  # noqa: PLR0911
        with self.lock:
            self.requests.append((method, path, query))
            self.bodies.append(body)
            scripted = self.script(method, path, query)
            if scripted:
                return scripted
            if method == "PATCH":
                merged = _merged(copy.deepcopy(self.objects.get(path, {})), body)
                if "dryRun" not in query:
                    self.objects[path] = merged
                return 200, merged
            if path in self.objects:
                return 200, self.objects[path]
            version = path.removeprefix("/apis/")
            if version in self.groups:
                listed = [
                    {"kind": kind, "name": name, "namespaced": inside} for kind, name, inside in self.groups[version]
                ]
                return 200, {"resources": listed}
            if "/" in version and version.count("/") == 1 and path.startswith("/apis/"):
                return 404, status("NotFound", "the server could not find the requested resource", 404)
            items = [found for name, found in self.objects.items() if _is_in(name, path)]
            if items or path.rsplit("/", 1)[-1].endswith("s"):
                return 200, {"kind": "List", "metadata": {}, "items": items}
            return 404, status("NotFound", f"{path} not found", 404)


def status(reason: str, message: str, code: int) -> dict[str, t.Any]:
    """What an API server sends with an error."""
    return {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}


@contextmanager
def served(fake: FakeApi) -> Iterator[Connection]:
    """A connection to the fake, on a free port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

        def do(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fake.headers.append({name: ", ".join(self.headers.get_all(name, [])) for name in self.headers})
            answer, body = fake.answer(
                self.command, parts.path, dict(parse_qsl(parts.query)), json.loads(content or b"null")
            )
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(answer)
            if answer == 429:
                self.send_header("Retry-After", "0")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        do_GET = do_PATCH = do_POST = do_DELETE = do  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    with (
        loopback.served(server),
        closing(Connection.from_kubeconfig(kubeconfig(f"http://127.0.0.1:{server.server_port}"))) as connection,
    ):
        yield connection


def kubeconfig(server: str, **user: str) -> dict[str, t.Any]:
    """A kubeconfig with two contexts, `first` is current."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "first",
        "clusters": [{"name": "one", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": user or {"token": "a-token"}}],
        "contexts": [{"name": name, "context": {"cluster": "one", "user": "me"}} for name in ("first", "second")],
    }


def _merged(old: t.Any, new: t.Any) -> t.Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    for key, value in new.items():
        if value is None:
            old.pop(key, None)
        else:
            old[key] = _merged(old.get(key), value)
    return old


def _is_in(name: str, collection: str) -> bool:
    parts = name.split("/")
    every = parts[:-4] + parts[-2:-1] if "namespaces" in parts[:-2] else []
    return name.rsplit("/", 1)[0] == collection or "/".join(every) == collection
