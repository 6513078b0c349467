# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""KMS and STS of AWS as far as a data key goes, for what moto does not do: refuse, be too busy, or be no AWS at all."""

from __future__ import annotations

import base64
import datetime as dt
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from key_services import Gate

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils.loopback import served

SECRET = "a-secret-key-that-is-in-no-message"


class Answers(BaseHTTPRequestHandler):
    """KMS and STS as far as `Decrypt` and `AssumeRole` go."""

    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.signed_by += re.findall("Credential=([^/]+)/.*/kms/", self.headers["Authorization"])
        status, answer = self.server.answer(self.headers.get("X-Amz-Target", ""), body)
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


class Server(ThreadingHTTPServer):
    """Counts what is asked, and how much of it at once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self,
        refusal: tuple[int, str] | None = None,
        *,
        refusals: int | None = None,
        together: int = 1,
        text: str | None = None,
        lives: Sequence[int] = (),
    ) -> None:
        """A `refusal` stands for all requests, or for the first `refusals`; nobody is answered before so many ask `together`.

        Instead of an answer of AWS there can be a `text`. Each session of a role lives for so many seconds.
        """
        super().__init__(("127.0.0.1", 0), Answers)
        self.asked: list[str] = []
        self.signed_by: list[str] = []
        self.gate = Gate(together)
        self._refusal, self._refusals, self._text, self._lives = refusal, refusals, text, list(lives)
        self._sessions = 0

    def answer(self, target: str, body: bytes) -> tuple[int, bytes]:
        self.asked.append(target or body.decode())
        is_refused = self._refusals is None or len(self.asked) <= self._refusals
        self.gate.pass_through()
        if self._text is not None:
            return 200, self._text.encode()
        if self._refusal and is_refused:
            status, code = self._refusal
            if target:
                return status, json.dumps({"__type": code, "message": "refused"}).encode()
            return status, f"<ErrorResponse><Error><Code>{code}</Code></Error></ErrorResponse>".encode()
        if not target:
            return self._session()
        blob = base64.b64decode(json.loads(body)["CiphertextBlob"])
        return 200, json.dumps({"Plaintext": base64.b64encode(blob[-32:]).decode()}).encode()

    def _session(self) -> tuple[int, bytes]:
        if not self._lives:
            return 403, b"<ErrorResponse><Error><Code>AccessDenied</Code></Error></ErrorResponse>"
        self._sessions += 1
        end = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self._lives.pop(0))
        parts = {
            "AccessKeyId": f"session-{self._sessions}",
            "SecretAccessKey": SECRET,
            "SessionToken": SECRET,
            "Expiration": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        given = "".join(f"<{name}>{value}</{name}>" for name, value in parts.items())
        result = f"<AssumeRoleResult><Credentials>{given}</Credentials></AssumeRoleResult>"
        return 200, f"<AssumeRoleResponse>{result}</AssumeRoleResponse>".encode()


@contextmanager
def serving(server: Server) -> Iterator[str]:
    with served(server):
        yield f"http://127.0.0.1:{server.server_port}"
