# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in in front of a real API server that refuses requests now and then, as a busy one does."""

from __future__ import annotations

import json
import ssl
import threading
import typing as t
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

Refusal = tuple[int, str, dict[str, str]]
"""Status, reason and further headers of an answer that the server itself did not give."""
_PASSED_ON = ("Content-Type", "Accept", "User-Agent")


class Proxy(ThreadingHTTPServer):
    """Passes requests on to one API server, and some not."""

    daemon_threads = True

    def __init__(self, kubeconfig: str, refuse: Callable[[str, str, int], Refusal | None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.api: str = yaml.safe_load(Path(kubeconfig).read_text())["clusters"][0]["cluster"]["server"]
        pki = Path(kubeconfig).parent / "run/kwok/clusters/lab/pki"
        tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
        tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)
        )
        self._refuse, self._count, self._lock = refuse, 0, threading.Lock()

    def refusal(self, method: str, path: str) -> Refusal | None:
        """Return what the test answers itself."""
        with self._lock:
            self._count += 1
            return self._refuse(method, path, self._count)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    server: Proxy

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do(self) -> None:
        """Answer, or let the server do it."""
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        refusal = self.server.refusal(self.command, self.path)
        if refusal:
            status, reason, headers = refusal
            body = {"kind": "Status", "status": "Failure", "reason": reason, "message": "refused by the test"}
            self.answer(status, json.dumps(body).encode(), headers)
            return
        headers = {name: self.headers[name] for name in _PASSED_ON if name in self.headers}
        request = urllib.request.Request(  # noqa: S310 - the address of the lab
            self.server.api + self.path, content or None, headers, method=self.command
        )
        try:
            with self.server.opener.open(request, timeout=60) as answer:
                if "watch=1" in self.path:
                    self.stream(answer)
                else:
                    self.answer(answer.status, answer.read(), {})
        except urllib.error.HTTPError as exc:
            self.answer(exc.code, exc.read(), {})

    do_GET = do_POST = do_PATCH = do_DELETE = do  # noqa: N815

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Send an answer of known length."""
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def stream(self, answer: t.Any) -> None:
        """Send the events of a watch as they come."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while chunk := answer.read1(65536):
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def handle(self) -> None:
        """Bear it when the run closes its watch."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True


@contextmanager
def proxied(kubeconfig: str, refuse: Callable[[str, str, int], Refusal | None]) -> Iterator[dict[str, t.Any]]:
    """Serve the API server of a lab's kubeconfig; yields a kubeconfig for the way through the proxy.

    Args:
        kubeconfig: of the lab, whose certificates are below its folder.
        refuse: gets method, path and the number of the request; None lets it through.
    """
    proxy = Proxy(kubeconfig, refuse)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": f"http://127.0.0.1:{proxy.server_port}"}}],
            "users": [{"name": "lab", "user": {}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
        }
    finally:
        proxy.shutdown()
        thread.join()
        proxy.server_close()
