# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's Git server: the real `git http-backend`, read-only, behind a password, on loopback.

Private to the collection. Pushes go to the bare repository by its path.
"""

from __future__ import annotations

import os
import socketserver
import subprocess
import typing as t
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

from ...module_utils._errors import LabError
from .kept import State
from .password import PasswordCheck
from .paths import LabFolder
from .ports import LOOPBACK, port_taken

_MAX_REQUEST = 64 * 1024 * 1024
_NO_PUSH = b"Pushing over HTTP is switched off; push to the bare repository by its path.\n"


class GitServer(ThreadingHTTPServer):
    """Serves the repositories of one lab."""

    daemon_threads = True

    def __init__(self, folder: LabFolder, port: int, password_hash: str) -> None:
        self.folder = folder
        self._hash = password_hash
        self._check = PasswordCheck(password_hash)
        self._seen: int | None = None
        try:
            super().__init__((LOOPBACK, port), GitRequest)
        except OSError as exc:
            raise port_taken(port, where=str(folder.state)) from exc

    @property
    def password(self) -> PasswordCheck:
        """Return the check of the password in the state of the lab, which may be changed while the server runs."""
        try:
            seen = self.folder.state.stat().st_mtime_ns
            if seen != self._seen:
                stored = State.read(self.folder)
                if stored is not None and stored.git_password_hash != self._hash:
                    self._hash = stored.git_password_hash
                    self._check = PasswordCheck(self._hash)
                self._seen = seen
        except (OSError, LabError) as exc:
            # Whoever damages the state has not said which password is right: the one before stays.
            print(f"git: the state of the lab cannot be read: {exc}", flush=True)
        return self._check

    def server_bind(self) -> None:
        """Bind without the look-up of the machine's name, which may wait for a name server."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]


class GitRequest(BaseHTTPRequestHandler):
    """One request, passed on to Git in the way of CGI."""

    protocol_version = "HTTP/1.1"
    server_version = "fluxseed-lab"
    sys_version = ""
    timeout = 60
    server: GitServer

    def do_GET(self) -> None:
        """Answer."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer with the body passed on."""
        body = self._body()
        if body is None:
            self._reply(413, {}, b"The request is too long.\n")
            self.close_connection = True
        else:
            self._answer(body)

    def log_message(self, format: str, *args: t.Any) -> None:  # noqa: A002 - the name of the overridden method
        """Write one line per request to the agent's log. It holds method, path and status, no header."""
        print(f"git: {format % args}", flush=True)

    def _answer(self, body: bytes) -> None:
        if not self.server.password.accepts(self.headers.get("Authorization")):
            self._reply(401, {"WWW-Authenticate": 'Basic realm="lab"'}, b"Wrong user name or password.\n")
            return
        path, _separator, query = self.path.partition("?")
        service = parse_qs(query).get("service", [""])[0]
        if path.endswith("/git-receive-pack") or service == "git-receive-pack":
            self._reply(403, {}, _NO_PUSH)
            return
        outcome = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env=self._environment(path, query, body),
            capture_output=True,
            check=False,
        )
        head, separator, content = outcome.stdout.partition(b"\r\n\r\n")
        if not separator:
            print(f"git: http-backend ended with {outcome.returncode}: {outcome.stderr!r}", flush=True)
            self._reply(500, {}, b"Git failed; its message is in the log of the lab's agent.\n")
            return
        headers = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        self._reply(status, headers, content)

    def _environment(self, path: str, query: str, body: bytes) -> dict[str, str]:
        folder = self.server.folder
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder.home),
            "GIT_CONFIG_NOSYSTEM": "1",
            # The lab may belong to another user than the one who runs it, for example under sudo.
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": str(folder.repository),
            "GIT_PROJECT_ROOT": str(folder.git),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": LOOPBACK,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }

    def _body(self) -> bytes | None:
        """Return the body, which Git sends in chunks when it is long; None if it is too long."""
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            length = int(self.headers.get("Content-Length") or 0)
            return self.rfile.read(length) if length <= _MAX_REQUEST else None
        body = bytearray()
        while size := int(self.rfile.readline(100).split(b";")[0], 16):
            if len(body) + size > _MAX_REQUEST:
                return None
            body += self.rfile.read(size)
            self.rfile.readline(3)
        while self.rfile.readline(1000).strip():
            continue
        return bytes(body)

    def _reply(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
