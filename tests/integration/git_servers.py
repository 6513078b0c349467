# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Git servers of all kinds on the loopback: SSH, HTTPS with a private authority, client certificates, a proxy, a GitHub App."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import ipaddress
import json
import os
import socket
import socketserver
import ssl
import subprocess
import threading
import typing as t
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import asyncssh
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils.loopback import served

LOOPBACK = "127.0.0.1"


# --- certificates -------------------------------------------------------------------------------------


@dataclass
class Issued:
    """A certificate with its key, in PEM."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def crt(self) -> str:
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def pem_key(self) -> str:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()

    def store(self, folder: Path, name: str) -> tuple[str, str]:
        """Write both where a server wants them; returns the two paths."""
        (folder / f"{name}.crt").write_text(self.crt)
        (folder / f"{name}.key").write_text(self.pem_key)
        return str(folder / f"{name}.crt"), str(folder / f"{name}.key")


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self) -> None:
        self.issued = self._make("authority", None, days=1)
        self.crt = self.issued.crt

    def server(self, *, days: int = 1) -> Issued:
        """A certificate for this machine; with negative days it has expired."""
        return self._make(LOOPBACK, self.issued, days=days)

    def client(self, name: str) -> Issued:
        return self._make(name, self.issued, days=1)

    def _make(self, name: str, by: Issued | None, *, days: int) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        now = dt.datetime.now(dt.UTC)
        begin, end = now - dt.timedelta(days=3), now + dt.timedelta(days=days)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(by.certificate.subject if by else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=by is None, path_length=None), critical=True)
        )
        if by:
            names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(LOOPBACK))])
            builder = builder.add_extension(names, critical=False)
        return Issued(builder.sign(by.key if by else key, hashes.SHA256()), key)


# --- HTTP ---------------------------------------------------------------------------------------------


class HttpGit(BaseHTTPRequestHandler):
    """`git http-backend` behind whatever the server accepts."""

    protocol_version = "HTTP/1.1"
    server: HttpServer

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        given = self.headers.get("Authorization")
        self.server.seen.append(given)
        if not self.server.accepts(given):
            return self.reply(401, {"WWW-Authenticate": 'Basic realm="test"'}, b"")
        path, _mark, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "safe.directory",
            "GIT_CONFIG_VALUE_0": "*",
            "GIT_PROJECT_ROOT": str(self.server.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        done = subprocess.run(["git", "http-backend"], input=body, env=environment, capture_output=True, check=False)
        head, _blank, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        return self.reply(int(headers.pop("Status", "200").split()[0]), headers, content)

    do_GET = do_POST = answer  # noqa: N815

    def reply(self, code: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(code)
        for name, value in headers.items():
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class HttpServer(ThreadingHTTPServer):
    """Git over HTTP, or over HTTPS with a TLS context."""

    daemon_threads = True

    def __init__(self, root: Path, accepts: Callable[[str | None], bool], tls: ssl.SSLContext | None = None) -> None:
        super().__init__((LOOPBACK, 0), HttpGit)
        self.root, self.accepts = root, accepts
        self.seen: list[str | None] = []
        if tls:
            # The handshake is made in the thread of the request, not in the one that accepts.
            self.socket = tls.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{'https' if tls else 'http'}://{LOOPBACK}:{self.server_port}/lab.git"

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = LOOPBACK, self.server_address[1]

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """A client that does not trust the certificate hangs up: that is what some tests are about."""


@contextmanager
def http(
    root: Path, accepts: Callable[[str | None], bool] = lambda _given: True, tls: ssl.SSLContext | None = None
) -> Iterator[HttpServer]:
    """Serve the repositories of a folder."""
    server = HttpServer(root, accepts, tls)
    with served(server):
        yield server


def tls_of(folder: Path, server: Issued, clients: str | None = None) -> ssl.SSLContext:
    """The TLS of a server; with an authority for clients, only those with a certificate of it get in."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*server.store(folder, "server"))
    if clients:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=clients)
    return context


class _Tunnel(BaseHTTPRequestHandler):
    """A proxy that passes on what it is asked to, for those with its password."""

    protocol_version = "HTTP/1.1"
    server: Tunnels

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_CONNECT(self) -> None:
        given = self.headers.get("Proxy-Authorization")
        self.server.seen.append((self.path, given))
        if self.server.wanted and given != self.server.wanted:
            self.send_response(407)
            self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.close_connection = True
        host, _colon, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as there:
            self.send_response(200)
            self.end_headers()
            back = threading.Thread(target=_pump, args=(there, self.connection), daemon=True)
            back.start()
            _pump(self.connection, there)
            back.join()


class Tunnels(ThreadingHTTPServer):
    """The proxy."""

    daemon_threads = True

    def __init__(self, wanted: str) -> None:
        super().__init__((LOOPBACK, 0), _Tunnel)
        self.wanted = wanted
        self.seen: list[tuple[str, str | None]] = []
        self.address = f"http://{LOOPBACK}:{self.server_port}"

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """A connection that is cut at its end is no trouble."""


def _pump(source: socket.socket, target: socket.socket) -> None:
    try:
        while content := source.recv(65536):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return


class _Sealed(socketserver.BaseRequestHandler):
    """One connection, opened and passed on."""

    server: Sealed

    def handle(self) -> None:
        try:
            with (
                self.server.tls.wrap_socket(self.request, server_side=True) as here,
                socket.create_connection(self.server.behind) as there,
            ):
                back = threading.Thread(target=_pump, args=(there, here), daemon=True)
                back.start()
                _pump(here, there)
                back.join()
        except OSError:
            # A client without a certificate is sent away.
            return


class Sealed(socketserver.ThreadingTCPServer):
    """TLS in front of a server that has none; with an authority for clients, it asks for their certificates."""

    daemon_threads = True

    def __init__(self, behind: str, tls: ssl.SSLContext) -> None:
        super().__init__((LOOPBACK, 0), _Sealed)
        host, _colon, port = behind.partition(":")
        self.behind, self.tls = (host, int(port)), tls
        self.address = f"{LOOPBACK}:{self.server_address[1]}"


# --- a GitHub App -------------------------------------------------------------------------------------


class _GitHubApi(BaseHTTPRequestHandler):
    """The two questions of an app: where it is installed, and a token for there."""

    server: GitHub

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        wanted = {
            "GET /api/v3/orgs/me/installation": (200, {"id": 7}),
            "POST /api/v3/app/installations/7/access_tokens": (201, {"token": self.server.token, **EXPIRES}),
        }
        code, content = wanted.get(f"{self.command} {self.path}", (404, {"message": "Not Found"}))
        if not self.server.is_signed(self.headers.get("Authorization") or ""):
            code, content = 401, {"message": "A JSON web token could not be decoded"}
        self.server.seen.append((code, f"{self.command} {self.path}", self.headers.get("User-Agent") or ""))
        body = json.dumps(content).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815


EXPIRES = {"expires_at": (dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")}


class GitHub(ThreadingHTTPServer):
    """Stands in for the API of GitHub: gives a token to an app that has signed with its key."""

    daemon_threads = True

    def __init__(self, app_id: str, token: str) -> None:
        super().__init__((LOOPBACK, 0), _GitHubApi)
        self.app_id, self.token = app_id, token
        self.key = rsa.generate_private_key(65537, 2048)
        self.seen: list[tuple[int, str, str]] = []
        self.url = f"http://{LOOPBACK}:{self.server_port}/api/v3"

    @property
    def pem_key(self) -> str:
        """The private key as GitHub gives it to the owner of an app."""
        form = serialization.PrivateFormat.TraditionalOpenSSL
        return self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()

    def is_signed(self, authorization: str) -> bool:
        """Whether this is a statement of the app that holds now."""
        signed, _dot, signature = authorization.removeprefix("Bearer ").rpartition(".")
        try:
            self.key.public_key().verify(_unpadded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        claims = json.loads(_unpadded(signed.partition(".")[2]))
        now = dt.datetime.now(dt.UTC).timestamp()
        return str(claims["iss"]) == self.app_id and claims["iat"] <= now < claims["exp"] <= now + 600


def _unpadded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


# --- SSH ----------------------------------------------------------------------------------------------


@dataclass
class SshGit:
    """`git upload-pack` behind an SSH server that knows one public key."""

    root: Path
    client: asyncssh.SSHKey
    host_key: asyncssh.SSHKey = field(default_factory=lambda: asyncssh.generate_private_key("ssh-ed25519"))
    port: int = 0

    @property
    def url(self) -> str:
        return f"ssh://git@{LOOPBACK}:{self.port}/lab.git"

    @property
    def known_hosts(self) -> str:
        public = self.host_key.export_public_key().decode().split()
        return f"[{LOOPBACK}]:{self.port} {public[0]} {public[1]}\n"

    async def command(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        words = (process.command or "").replace("'", "").split()
        if len(words) != 2 or words[0] != "git-upload-pack":
            process.exit(1)
            return
        child = await asyncio.create_subprocess_exec(
            "git", "-c", "safe.directory=*", "upload-pack", f"{self.root}/{words[1].lstrip('/')}",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        asking = asyncio.ensure_future(_copy(process.stdin, child.stdin))
        await _copy(child.stdout, process.stdout)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        process.exit(await child.wait())


async def _copy(source: t.Any, target: t.Any) -> None:
    try:
        while content := await source.read(65536):
            target.write(content)
            await target.drain()
        target.write_eof()
    except (OSError, asyncssh.Error):
        return


@contextmanager
def ssh(server: SshGit) -> Iterator[SshGit]:
    """Serve the repositories of a folder over SSH."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncssh.SSHAcceptor:
        known = asyncssh.import_authorized_keys(server.client.export_public_key().decode())
        return await asyncssh.listen(
            LOOPBACK, server.port, server_host_keys=[server.host_key], authorized_client_keys=known,
            process_factory=server.command, encoding=None,
        )  # fmt: skip

    async def stop(acceptor: asyncssh.SSHAcceptor) -> None:
        acceptor.close()
        await acceptor.wait_closed()
        # The sessions end by themselves a moment after their clients.
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        if others:
            await asyncio.wait(others, timeout=5)

    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    server.port = acceptor.get_port()
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(stop(acceptor), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def key(folder: Path, passphrase: str = "") -> tuple[asyncssh.SSHKey, str]:
    """A client key, the public part for the server, and the private one as OpenSSH writes it."""
    path = folder / f"key-{len(list(folder.glob('key-*')))}"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f", path], check=True)
    return asyncssh.read_public_key(f"{path}.pub"), path.read_text()
