# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One API server: kubeconfig, authentication and transport.

Private to the collection. The `kubernetes` package reads the kubeconfig with all its logins and
sets up the connection pool; requests and answers are plain dictionaries. Nothing of its generated
models or of its discovery is used.
"""

from __future__ import annotations

import json
import os
import re
import ssl
import tempfile
import time
import typing as t
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlencode

from .._errors import ApiError, KubeconfigError, MissingLibraryError, UnreachableError

MAX_THROTTLED = 5
"""How often a request that the server put off (429) is sent again."""

# The decoder of the API server quotes the bytes around the place it stumbled on; they may belong to a Secret.
_QUOTED_INPUT = re.compile(r"[,;]?\s*error found in #\d+ byte of.*", re.DOTALL)


class Connection:
    """Authenticated requests to one API server, over one pool of connections; safe to use from several threads."""

    def __init__(self, configuration: t.Any, pool: t.Any, *, context: str | None = None) -> None:
        self._configuration = configuration
        self._pool = pool
        self.server: str = configuration.host
        self.context = context

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
        kube_config, client = _library()
        configuration = client.Configuration()
        where, source = _source(kubeconfig)
        # The package puts inline certificates and keys into files. They live in memory, and only until
        # the TLS context has read them.
        with tempfile.TemporaryDirectory(prefix="fluxseed-", dir=_memory_folder()) as folder:
            try:
                if isinstance(source, dict):
                    kube_config.load_kube_config_from_dict(
                        source, context=context, client_configuration=configuration, temp_file_path=folder
                    )
                else:
                    kube_config.load_kube_config(
                        source, context=context, client_configuration=configuration, temp_file_path=folder
                    )
                pool = _pool(client, configuration)
            except (kube_config.ConfigException, OSError, ValueError, TypeError, KeyError, AttributeError) as exc:
                raise _kubeconfig_error(kube_config, source, where, context, exc) from exc
            except Exception as exc:
                if type(exc).__module__.startswith("yaml"):
                    raise KubeconfigError("is no valid YAML", where=where, hint="kubectl config view shows it") from exc
                raise
        return cls(configuration, pool, context=context)

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
        self, path: str, *, query: Mapping[str, t.Any] | None = None, timeout: float = 30
    ) -> Iterator[dict[str, t.Any]]:
        """Yield the events of a watch until it ends, which is after `timeout` seconds at the latest.

        Raises:
            ApiError: also when the watch itself reports an error (410: list again, then watch from there).
        """
        wanted = {**(query or {}), "watch": "1", "timeoutSeconds": max(1, int(timeout))}
        started = time.monotonic()
        response = self._send(
            "GET", path, query=wanted, content=None, content_type="application/json", timeout=timeout + 2, stream=True
        )
        import urllib3  # noqa: PLC0415 - present wherever _library() succeeded

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

        headers = {"Accept": "application/json, */*", "User-Agent": "fluxseed.gitops"}
        if content is not None:
            headers["Content-Type"] = content_type
        for setting in self._configuration.auth_settings().values():
            if setting["in"] == "header" and setting["value"]:
                headers[setting["key"]] = setting["value"]
        url = self.server + path + ("?" + urlencode(query) if query else "")
        for attempt in range(MAX_THROTTLED + 1):
            try:
                response = self._pool.request(
                    method,
                    url,
                    body=content,
                    headers=headers,
                    timeout=urllib3.Timeout(connect=min(timeout, 10), read=timeout),
                    # A connection that the server had closed in between is opened again for reads only.
                    retries=urllib3.Retry(total=1, connect=0, status=0, redirect=0, allowed_methods=("GET",)),
                    preload_content=not stream,
                )
            except urllib3.exceptions.HTTPError as exc:
                raise self._unreachable(exc) from exc
            if response.status != 429 or attempt == MAX_THROTTLED:
                break
            response.drain_conn()
            time.sleep(min(_seconds(response.headers.get("Retry-After")), 10))
        if response.status >= 400:
            raise self._error(method, path, response.status, response.data)
        if 300 <= response.status < 400:
            raise UnreachableError(
                f"{self.server} answered {method} {path} with a redirect",
                hint="is this the address of a Kubernetes API server?",
            )
        return response

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
        elif status == 403:
            hint = "the user of this context may not do this: check its RBAC"
        return ApiError(
            message, status=status, reason=str(answer.get("reason") or ""), where=f"{method} {path}", hint=hint
        )

    def _unreachable(self, exc: Exception) -> UnreachableError:
        cause: BaseException = getattr(exc, "reason", None) or exc
        hint = "is the cluster running, and is this the right kubeconfig?"
        if "certificate" in str(cause).lower():
            hint = "the certificate authority in the kubeconfig must be that of the server, and no certificate expired"
        text = re.sub(r"^.*?object at 0x[0-9a-f]+>:? ?", "", str(cause)) or type(cause).__name__
        text = re.sub(r"^(HTTPS?Connection(Pool)?\([^)]*\):? ?)+", "", text)
        return UnreachableError(f"the API server does not answer: {text}", where=self.server, hint=hint)


def preload() -> None:
    """Import the `kubernetes` package, which takes half a second: call it from a thread while waiting for something."""
    _library()


def _library() -> tuple[t.Any, t.Any]:
    try:
        from kubernetes import client  # noqa: PLC0415 - takes half a second, so on first use only
        from kubernetes.client import rest  # noqa: F401, PLC0415 - not reachable as an attribute in every version
        from kubernetes.config import kube_config  # noqa: PLC0415
    except ImportError as exc:
        raise MissingLibraryError(
            "The Python library kubernetes", hint="pip install kubernetes, for the Python that runs this"
        ) from exc
    return kube_config, client


def _source(kubeconfig: str | Mapping[str, t.Any] | None) -> tuple[str, str | dict[str, t.Any]]:
    """Return a name for messages, and a path (or several, as in KUBECONFIG) or the content."""
    if kubeconfig is not None and not isinstance(kubeconfig, str):
        return "kubeconfig", dict(kubeconfig)
    paths = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    present = [path for path in paths.split(os.pathsep) if path and Path(path).expanduser().is_file()]
    if not present:
        hint = "give a path or the content" if kubeconfig else "give a kubeconfig, or set KUBECONFIG"
        raise KubeconfigError("there is no such kubeconfig file", where=paths, hint=hint)
    return paths, os.pathsep.join(present)


def _kubeconfig_error(
    kube_config: t.Any, source: str | dict[str, t.Any], where: str, context: str | None, exc: Exception
) -> KubeconfigError:
    try:
        content = source if isinstance(source, dict) else kube_config.KubeConfigMerger(source).config.value
        names = [str(entry["name"]) for entry in content.get("contexts") or []]
        current = content.get("current-context")
    except (kube_config.ConfigException, OSError, TypeError, KeyError, AttributeError):
        return KubeconfigError("is no kubeconfig", where=where, hint="it needs clusters, users and contexts")
    listing = "its contexts: " + ", ".join(names) if names else "it has no contexts at all"
    if context is not None and context not in names:
        return KubeconfigError(f"has no context {context}", where=where, hint=listing)
    if context is None and current not in names:
        found = f"its current-context {current} is not among them" if current else "it sets no current-context"
        return KubeconfigError(found, where=where, hint="name a context; " + listing)
    if isinstance(exc, ssl.SSLError):
        return KubeconfigError("a certificate or key in it is malformed", where=where, hint=listing)
    return KubeconfigError(f"cannot be used: {exc}", where=where, hint=listing)


def _pool(client: t.Any, configuration: t.Any) -> t.Any:
    """Return the package's connection pool with a TLS context that is made once, not per connection."""
    pool = client.rest.RESTClientObject(configuration).pool_manager
    tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    # Cluster CAs often lack the key identifiers that Python 3.13 began to insist on; no other client does.
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    for option in ("ca_certs", "ca_cert_data", "cert_file", "key_file"):
        pool.connection_pool_kw.pop(option, None)
    pool.connection_pool_kw["ssl_context"] = tls
    return pool


def _memory_folder() -> str | None:
    """Return a folder that is memory, where the system has one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a private folder is made in it


def _seconds(retry_after: str | None) -> float:
    try:
        return max(0.1, float(retry_after or 1))
    except ValueError:
        return 1
