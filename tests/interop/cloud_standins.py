# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stand-ins for clouds of which no emulator can be had, at their own host names, on the loopback.

One server is the proxy of the clients (HTTPS_PROXY): asked to connect to a host it plays that host, with a certificate
of an authority that exists for one test. So sops and this collection are both used as they are, without an endpoint of
their own, and both meet the same requests and answers as in the references of the services. What it cannot show is
whether the services themselves see it the same way.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
import ssl
import typing as t
import urllib.parse
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.x509.oid import NameOID
from key_services import Gate

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils.loopback import served

TENANT, CLIENT, SECRET = "11111111-2222-3333-4444-555555555555", "client-of-the-test", "secret-of-the-test"
VAULT, LOGIN = "https://seeds.vault.azure.net", "login.microsoftonline.com"
AZURE_KEY, VERSION, NEXT_VERSION = "cluster", "0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"
GOOGLE_KEY = "projects/seeds/locations/global/keyRings/ring/cryptoKeys/cluster"
HUAWEI_HOST = "kms.eu-west-101.myhuaweicloud.eu"
HUAWEI_KEY = "eu-west-101:0d0466b0-e727-4d9c-b35d-f84bb474a37f"
HUAWEI = {"HUAWEICLOUD_SDK_AK": "access", "HUAWEICLOUD_SDK_SK": "secret", "HUAWEICLOUD_SDK_PROJECT_ID": "project"}
TOKEN = "token-of-the-test"
HOSTS = ("*.vault.azure.net", LOGIN, "*.googleapis.com", HUAWEI_HOST)
_AES = b"k" * 32
_OAEP = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)


Answer = tuple[int, t.Any, Mapping[str, str]]
"""Status, what to send in JSON (or a page, if it is text), and headers."""


class Cloud(ThreadingHTTPServer):
    """The proxy, and all hosts behind it."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.tls = make_tls(folder)
        self.environment = {
            "HTTPS_PROXY": f"http://127.0.0.1:{self.server_port}",
            "REQUESTS_CA_BUNDLE": str(folder / "ca.pem"),
            "SSL_CERT_FILE": str(folder / "ca.pem"),
        }
        self.versions = {version: rsa.generate_private_key(65537, 2048) for version in (VERSION, NEXT_VERSION)}
        self.current = VERSION
        self.requests: list[str] = []
        self.refusals: dict[str, int] = {}
        """A status for each host that answers with nothing else."""
        self.pages: dict[str, t.Any] = {}
        """What each host answers that is not what it seems to be."""
        self.busy: dict[str, int] = {}
        """How many times each host is too busy before it answers."""
        self.stay_away = ""
        """What a host that is too busy says about the time to come back."""
        self.gate = Gate()

    def reset(self, *, together: int = 1) -> None:
        """All hosts as they are by themselves; with `together`, the key services answer when so many ask at once."""
        for said in (self.refusals, self.pages, self.busy, self.requests):
            said.clear()
        self.current, self.stay_away, self.gate = VERSION, "", Gate(together)

    def answer(self, host: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """What a host says to a request."""
        self.requests.append(f"{method} https://{host}{path.partition('?')[0]}")
        if host in self.pages:
            return 200, self.pages[host], {}
        if self.busy.get(host):
            self.busy[host] -= 1
            away = {"Retry-After": self.stay_away} if self.stay_away else {}
            return 429, {"error": {"code": 429, "message": "busy", "status": "RESOURCE_EXHAUSTED"}}, away
        if host != LOGIN and method == "POST" and headers.get("Authorization"):
            self.gate.pass_through()
        if host in self.refusals:
            return self.refusals[host], {"error": {"code": "Refused", "message": "refused by the test"}}, {}
        if host.endswith(".vault.azure.net"):
            return self._vault(host, method, path, headers, json.loads(body or b"{}"))
        roles: dict[str, t.Callable[[], Answer]] = {
            LOGIN: lambda: self._login(path, body),
            "cloudkms.googleapis.com": lambda: _google(path, headers, json.loads(body)),
            "oauth2.googleapis.com": lambda: (
                200,
                {"access_token": TOKEN, "expires_in": 60, "token_type": "Bearer"},
                {},
            ),
            HUAWEI_HOST: lambda: _huawei(path, json.loads(body)),
        }
        return roles.get(host, lambda: (404, {"error": {"code": "NotFound", "message": host}}, {}))()

    def _login(self, path: str, body: bytes) -> Answer:
        authority = f"https://{LOGIN}/{TENANT}"
        if "/discovery/instance" in path:
            names = {"preferred_network": LOGIN, "preferred_cache": LOGIN, "aliases": [LOGIN]}
            configuration = f"{authority}/v2.0/.well-known/openid-configuration"
            return 200, {"tenant_discovery_endpoint": configuration, "metadata": [names]}, {}
        if "openid-configuration" in path:
            ends = {name: f"{authority}/oauth2/v2.0/{name.partition('_')[0]}" for name in _ENDPOINTS}
            return 200, {**ends, "issuer": f"{authority}/v2.0"}, {}
        form = urllib.parse.parse_qs(body.decode())
        known = form.get("client_id") == [CLIENT]
        if known and (form.get("client_secret") == [SECRET] or "client_assertion" in form):
            return 200, {"token_type": "Bearer", "expires_in": 3600, "access_token": TOKEN}, {}
        return (
            401,
            {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."},
            {},
        )

    def _vault(self, host: str, method: str, path: str, headers: Mapping[str, str], body: dict[str, str]) -> Answer:
        if headers.get("Authorization") != f"Bearer {TOKEN}":
            challenge = f'Bearer authorization="https://{LOGIN}/{TENANT}", resource="https://vault.azure.net"'
            return 401, {"error": {"code": "Unauthorized", "message": "no token"}}, {"WWW-Authenticate": challenge}
        _keys, name, *rest = path.partition("?")[0].strip("/").split("/")
        version = next(iter(rest), "") or self.current
        key = self.versions.get(version)
        if name != AZURE_KEY or key is None:
            return 404, {"error": {"code": "KeyNotFound", "message": "no such key"}}, {}
        kid = f"https://{host}/keys/{name}/{version}"
        if method == "GET":
            return 200, {"key": {"kid": kid, "kty": "RSA"}, "attributes": {"enabled": True}}, {}
        value = base64.urlsafe_b64decode(body["value"] + "==")
        if body["alg"] != "RSA-OAEP-256":
            return 400, {"error": {"code": "BadParameter", "message": body["alg"]}}, {}
        try:
            result = key.public_key().encrypt(value, _OAEP) if rest[-1] == "encrypt" else key.decrypt(value, _OAEP)
        except ValueError:
            return 400, {"error": {"code": "BadParameter", "message": "decryption failed"}}, {}
        return 200, {"kid": kid, "value": base64.urlsafe_b64encode(result).decode().rstrip("=")}, {}


_ENDPOINTS = ("authorization_endpoint", "token_endpoint")


def _google(path: str, headers: Mapping[str, str], body: dict[str, str]) -> Answer:
    """Cloud KMS in REST; the ciphertext is bound to the name of its key."""
    name, _colon, verb = urllib.parse.unquote(path.partition("?")[0]).removeprefix("/v1/").rpartition(":")
    if not headers.get("Authorization", "").startswith("Bearer ") or headers["Authorization"].endswith("wrong"):
        return 401, {"error": {"code": 401, "message": "no credential", "status": "UNAUTHENTICATED"}}, {}
    if name != GOOGLE_KEY:
        return 404, {"error": {"code": 404, "message": "no such key", "status": "NOT_FOUND"}}, {}
    cipher = AESGCM(_AES)
    if verb == "encrypt":
        sealed = cipher.encrypt(b"n" * 12, base64.b64decode(body["plaintext"]), name.encode())
        return 200, {"name": f"{name}/cryptoKeyVersions/1", "ciphertext": base64.b64encode(sealed).decode()}, {}
    try:
        plain = cipher.decrypt(b"n" * 12, base64.b64decode(body["ciphertext"]), name.encode())
    except Exception:  # noqa: BLE001 - whatever is wrong with it
        return 400, {"error": {"code": 400, "message": "Decryption failed", "status": "INVALID_ARGUMENT"}}, {}
    return 200, {"plaintext": base64.b64encode(plain).decode()}, {}


def _huawei(path: str, body: dict[str, str]) -> Answer:
    """Huawei's KMS, without a look at the signature of the request."""
    identifier = HUAWEI_KEY.partition(":")[2]
    if body.get("key_id") != identifier:
        return 403, {"error": {"error_code": "KMS.2104", "error_msg": "no such key"}}, {}
    if path.endswith("/encrypt-data"):
        return 200, {"key_id": identifier, "cipher_text": f"sealed:{body['plain_text']}"}, {}
    return 200, {"key_id": identifier, "plain_text": body["cipher_text"].removeprefix("sealed:")}, {}


class Handler(BaseHTTPRequestHandler):
    """One connection: first to the proxy, then to the host behind it."""

    protocol_version = "HTTP/1.1"
    server: Cloud
    host = ""

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_CONNECT(self) -> None:
        """Become the host that is asked for."""
        self.host = self.path.partition(":")[0]
        self.send_response(200)
        self.end_headers()
        self.wfile.flush()
        try:
            self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        except OSError:
            self.close_connection = True
            return
        self.rfile, self.wfile = self.connection.makefile("rb", -1), self.connection.makefile("wb", 0)
        self.close_connection = False

    def do(self) -> None:
        """Answer as the host."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, content, headers = self.server.answer(self.host, self.command, self.path, self.headers, body)
        is_page = isinstance(content, str)
        text = content.encode() if is_page else json.dumps(content).encode()
        self.send_response(status)
        kind = "text/html" if is_page else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do  # noqa: N815

    def handle(self) -> None:
        """Bear it when a client closes its connection."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True
        finally:
            self.connection.close()


def make_tls(folder: Path) -> ssl.SSLContext:
    """An authority, written to `ca.pem`, and a certificate of it for all hosts."""
    authority, leaf = rsa.generate_private_key(65537, 2048), rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "stand-in of a test")])
    now = dt.datetime.now(dt.UTC)

    def certificate(key: rsa.RSAPrivateKey, *, is_authority: bool) -> x509.CertificateBuilder:
        builder = x509.CertificateBuilder().issuer_name(name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - dt.timedelta(hours=1))
        builder = builder.not_valid_after(now + dt.timedelta(days=1))
        return builder.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)

    own = certificate(authority, is_authority=True).subject_name(name).sign(authority, hashes.SHA256())
    (folder / "ca.pem").write_bytes(own.public_bytes(serialization.Encoding.PEM))
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS])
    served = certificate(leaf, is_authority=False).subject_name(x509.Name([])).add_extension(names, critical=True)
    pem = served.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "leaf.pem").write_bytes(pem + leaf.private_bytes(serialization.Encoding.PEM, *plain))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "leaf.pem")
    return context


def cloud_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """All stand-ins; `environment` is what lets a client meet them."""
    server = Cloud(tmp_path_factory.mktemp("cloud"))
    with served(server):
        yield server
