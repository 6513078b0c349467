# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One API server: requests and answers as plain dictionaries.

Private to the collection. How the server is reached, and as whom, is in `transport.py`.
"""

from __future__ import annotations

import contextlib
import functools
import json
import re
import socket
import time
import typing as t
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import urlencode

from .._errors import ApiError, UnreachableError
from .login import Login
from .transport import prepared

MAX_THROTTLED = 8
"""How often a request that the server put off is sent again."""
MAX_AWAY = 60.0
"""Seconds in which a server that has answered before may come back, as it does when its node is started again."""
_GATEWAY = frozenset({502, 503, 504})

# The decoder of the API server quotes the bytes around the place it stumbled on; they may belong to a Secret.
_QUOTED_INPUT = re.compile(r"[,;]?\s*error found in #\d+ byte of.*", re.DOTALL)


class Connection:
    """Authenticated requests to one API server, over one pool of connections; safe to use from several threads."""

    def __init__(
        self, configuration: t.Any, pool: t.Any, *, context: str | None = None, login: Login | None = None
    ) -> None:
        self._configuration = configuration
        self._pool = pool
        self.server: str = configuration.host.rstrip("/")
        self.context = context
        self._login = login
        self._has_answered = False

    @classmethod
    def from_kubeconfig(
        cls, kubeconfig: str | Mapping[str, t.Any] | None = None, context: str | None = None
    ) -> Connection:
        """Read the kubeconfig; the server is not talked to yet.

        Args:
            kubeconfig: path, content, or None for `KUBECONFIG` and then `~/.kube/config`.
            context: name of a context; None takes the current one.

        Raises:
            KubeconfigError: it cannot be read, or has no such context (then with the list of contexts).
            MissingLibraryError: the `kubernetes` package is not there.
        """
        return cls.open(Login(kubeconfig=kubeconfig, context=context), {})

    @classmethod
    def open(cls, login: Login, environment: Mapping[str, str]) -> Connection:
        """Prepare the connection that the login names; the server is not talked to yet.

        What the login says itself goes before the kubeconfig. With a server and a proof of identity no
        kubeconfig is read. With nothing at all, in a Pod, it is the service account of the Pod.

        Raises:
            KubeconfigError: it cannot be read, or has no such context (then with the list of contexts).
            MissingLibraryError: the `kubernetes` package is not there.
        """
        configuration, pool = prepared(login, environment)
        return cls(configuration, pool, context=login.context, login=login)

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, t.Any] | None = None,
        body: t.Any = None,
        content_type: str = "application/json",
        timeout: float = 30,
    ) -> dict[str, t.Any]:
        """Send one request and return the decoded answer.

        Raises:
            ApiError: the server refused, with the status and reason it gave.
            UnreachableError: the server did not answer.
        """
        content = None if body is None else json.dumps(body, separators=(",", ":")).encode()
        response = self._send(method, path, query=query, content=content, content_type=content_type, timeout=timeout)
        try:
            answer = json.loads(response.data or b"{}")
        except ValueError as exc:
            raise UnreachableError(
                f"{self.server} answered {method} {path} with something that is no JSON",
                hint="is this the address of a Kubernetes API server?",
            ) from exc
        return t.cast("dict[str, t.Any]", answer)

    def text(self, path: str, *, query: Mapping[str, t.Any] | None = None, timeout: float = 30) -> str:
        """Return an answer that is plain text, such as `/readyz` or the log of a Pod."""
        response = self._send("GET", path, query=query, content=None, content_type="text/plain", timeout=timeout)
        return t.cast("bytes", response.data).decode(errors="replace")

    def watch(
        self,
        path: str,
        *,
        query: Mapping[str, t.Any] | None = None,
        timeout: float = 30,
        opened: Callable[[Callable[[], None]], None] | None = None,
    ) -> Iterator[dict[str, t.Any]]:
        """Yield the events of a watch until it ends, which is after `timeout` seconds at the latest.

        `opened` is called when the server has taken the watch, with what ends it at once from another thread;
        the watch then ends as if the server had broken it off.

        Raises:
            ApiError: also when the watch itself reports an error (410: list again, then watch from there).
        """
        wanted = {**(query or {}), "watch": "1", "timeoutSeconds": max(1, int(timeout))}
        started = time.monotonic()
        response = self._send(
            "GET", path, query=wanted, content=None, content_type="application/json", timeout=timeout + 2, stream=True
        )
        import urllib3  # noqa: PLC0415 - present wherever _library() succeeded

        if opened:
            opened(functools.partial(_cut, response))
        rest = b""
        try:
            for chunk in response.stream(65536):
                *lines, rest = (rest + chunk).split(b"\n")
                for line in filter(None, lines):
                    event = json.loads(line)
                    if event.get("type") == "ERROR":
                        raise self._error("WATCH", path, int(event["object"].get("code") or 500), line, event["object"])
                    yield event
        except urllib3.exceptions.HTTPError as exc:
            if time.monotonic() - started >= timeout:
                return
            raise UnreachableError(f"the watch on {path} at {self.server} broke off") from exc
        finally:
            response.close()
            response.release_conn()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def _headers(self, content_type: str | None) -> t.Any:
        """Return the headers of a request: who asks, and in which format."""
        import urllib3  # noqa: PLC0415 - present wherever _library() succeeded

        headers = urllib3.HTTPHeaderDict({"Accept": "application/json, */*", "User-Agent": "fluxseed.gitops"})
        if content_type is not None:
            headers["Content-Type"] = content_type
        for setting in self._configuration.auth_settings().values():
            if setting["in"] == "header" and setting["value"]:
                headers[setting["key"]] = setting["value"]
        if self._login and self._login.api_key:
            headers["authorization"] = f"Bearer {self._login.api_key}"
        elif self._login and self._login.username and self._login.password and "authorization" not in headers:
            headers["authorization"] = self._configuration.get_basic_auth_token()
        if self._login and self._login.impersonate_user:
            headers["Impersonate-User"] = self._login.impersonate_user
            for group in self._login.impersonate_groups:
                headers.add("Impersonate-Group", group)
        return headers

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, t.Any] | None,
        content: bytes | None,
        content_type: str,
        timeout: float,
        stream: bool = False,
    ) -> t.Any:
        import urllib3  # noqa: PLC0415 - present wherever _library() succeeded

        headers = self._headers(None if content is None else content_type)
        url = self.server + path + ("?" + urlencode(query) if query else "")
        patience = time.monotonic() + MAX_AWAY
        attempt = 0
        while True:
            try:
                response = self._pool.request(
                    method,
                    url,
                    body=content,
                    headers=headers,
                    timeout=urllib3.Timeout(connect=min(timeout, 10), read=timeout),
                    # A connection that the server had closed in between is opened again for reads only.
                    retries=urllib3.Retry(
                        total=1,
                        connect=0,
                        status=0,
                        redirect=0,
                        allowed_methods=("GET",),
                        respect_retry_after_header=False,
                    ),
                    preload_content=not stream,
                )
            except urllib3.exceptions.HTTPError as exc:
                # It has answered before, so it is the right one, and is being started again. What is sent
                # twice does the same as what is sent once: applying, merging, testing before a change.
                if not self._has_answered or time.monotonic() >= patience:
                    raise self._unreachable(exc) from exc
                self._await_return(patience)
                continue
            attempt += 1
            is_put_off = response.status == 429 or (self._has_answered and response.status in _GATEWAY)
            if not is_put_off or attempt > MAX_THROTTLED:
                break
            response.drain_conn()
            response.release_conn()
            time.sleep(min(_seconds(response.headers.get("Retry-After"), 0.2 * 2**attempt), 10))
        self._has_answered |= response.status < 500
        if response.status >= 400:
            raise self._error(method, path, response.status, response.data)
        if 300 <= response.status < 400:
            raise UnreachableError(
                f"{self.server} answered {method} {path} with a redirect",
                hint="is this the address of a Kubernetes API server?",
            )
        return response

    def _await_return(self, patience: float) -> None:
        """Wait until a server that went away is ready again: before that it serves no custom kinds."""
        import urllib3  # noqa: PLC0415 - present wherever _library() succeeded

        while time.monotonic() < patience:
            time.sleep(0.2)
            with contextlib.suppress(urllib3.exceptions.HTTPError):
                answer = self._pool.request("GET", f"{self.server}/readyz", timeout=2.0, retries=False)
                # Who may not ask knows no more than that it answers.
                if answer.status in {200, 401, 403}:
                    return

    def _error(
        self, method: str, path: str, status: int, content: bytes, decoded: Mapping[str, t.Any] | None = None
    ) -> ApiError:
        if decoded is None:
            try:
                decoded = json.loads(content)
            except ValueError:
                decoded = {}
        answer = decoded if isinstance(decoded, dict) else {}
        message = _QUOTED_INPUT.sub("", str(answer.get("message") or f"HTTP status {status}"))
        hint = None
        if status == 401:
            hint = "the credential of this context was refused: expired, or of another cluster"
        elif any(cause == "NamespaceTerminating" for cause, _message, _field in _causes(answer)):
            hint = "wait until the namespace is gone; finalizers of objects in it may hold it"
        elif status == 403:
            hint = "the user of this context may not do this: check its RBAC"
        return ApiError(
            message,
            status=status,
            reason=str(answer.get("reason") or ""),
            causes=_causes(answer),
            where=f"{method} {path}",
            hint=hint,
        )

    def _unreachable(self, exc: Exception) -> UnreachableError:
        cause: BaseException = getattr(exc, "reason", None) or exc
        hint = "is the cluster running, and is this the right kubeconfig?"
        if "certificate" in str(cause).lower():
            hint = "the certificate authority in the kubeconfig must be that of the server, and no certificate expired"
        text = re.sub(r"^.*?object at 0x[0-9a-f]+>:? ?", "", str(cause)) or type(cause).__name__
        text = re.sub(r"^(HTTPS?Connection(Pool)?\([^)]*\):? ?)+", "", text)
        return UnreachableError(f"the API server does not answer: {text}", where=self.server, hint=hint)


def _cut(response: t.Any) -> None:
    """End the reading of a response in whatever thread it goes on; closing it from here would wait for that."""
    sock = getattr(response.connection, "sock", None)
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _seconds(retry_after: str | None, otherwise: float) -> float:
    try:
        return max(0.1, float(retry_after or otherwise))
    except ValueError:
        return otherwise


def _causes(answer: Mapping[str, t.Any]) -> tuple[tuple[str, str, str], ...]:
    listed = (answer.get("details") or {}).get("causes") or []
    return tuple((str(c.get("reason") or ""), str(c.get("message") or ""), str(c.get("field") or "")) for c in listed)
