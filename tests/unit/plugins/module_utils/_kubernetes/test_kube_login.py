# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection options: those of kubernetes.core, its environment variables, and what goes before what."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    ApiError,
    InvalidInputError,
    KubeconfigError,
    UnreachableError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.connection import Connection
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.login import VARIABLES, Login
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    kubeconfig,
    served,
    status,
)


def headers(login: dict[str, object], environment: dict[str, str] | None = None) -> dict[str, str]:
    """Headers of a request, as a server got them; the kubeconfig has a token of its own."""
    fake = FakeApi()
    fake.script = lambda *_: (200, {})
    with served(fake) as connection:
        params = {"kubeconfig": kubeconfig(connection.server), **login}
        Connection.open(Login.of(params, environment or {}), {}).request("GET", "/version")
    return {name.lower(): value for name, value in fake.headers[-1].items()}


def test_an_api_key_goes_before_the_kubeconfig():
    assert headers({"api_key": "another"})["authorization"] == "Bearer another"


def test_a_variable_stands_in_for_an_option():
    assert headers({}, {"K8S_AUTH_API_KEY": "from-a-variable"})["authorization"] == "Bearer from-a-variable"
    assert headers({"api_key": "a"}, {"K8S_AUTH_API_KEY": "b"})["authorization"] == "Bearer a"


def test_a_user_and_groups_are_impersonated():
    found = headers({"impersonate_user": "me", "impersonate_groups": ["one", "two"]})
    assert (found["impersonate-user"], found["impersonate-group"]) == ("me", "one, two")


def test_with_a_server_and_a_proof_no_kubeconfig_is_read(tmp_path):
    fake = FakeApi()
    fake.script = lambda *_: (200, {"gitVersion": "v1"})
    with served(fake) as connection:
        login = Login.of({"host": connection.server + "/", "api_key": "k", "kubeconfig": str(tmp_path / "absent")}, {})
        assert Connection.open(login, {}).request("GET", "/version") == {"gitVersion": "v1"}
    assert fake.headers[0]["authorization"] == "Bearer k"


def test_a_name_and_a_password():
    fake = FakeApi()
    fake.script = lambda *_: (200, {})
    with served(fake) as connection:
        login = Login.of({"host": connection.server, "username": "me", "password": "pw"}, {})
        Connection.open(login, {}).request("GET", "/version")
    assert fake.headers[0]["authorization"] == "Basic bWU6cHc="


@pytest.mark.parametrize(
    ("params", "environment", "message"),
    [
        ({"host": "192.0.2.1:6443"}, {}, "host: must start with https://"),
        ({"client_cert": __file__}, {}, "client_key: client_cert and client_key belong together"),
        ({"impersonate_groups": ["a"]}, {}, "impersonate_user: a group needs a user"),
        ({"kubeconfig": ["a"]}, {}, "kubeconfig: must be a path or a mapping"),
        ({}, {"K8S_AUTH_VERIFY_SSL": "perhaps"}, "K8S_AUTH_VERIFY_SSL: must be true or false"),
    ],
)
def test_what_has_no_meaning(params, environment, message):
    with pytest.raises(InvalidInputError, match=message):
        Login.of(params, environment)


def test_a_certificate_that_is_not_there(tmp_path):
    with pytest.raises(KubeconfigError, match=f"ca_cert {tmp_path}/absent: there is no such file"):
        Login.of({"ca_cert": str(tmp_path / "absent")}, {})


def test_every_variable_is_that_of_kubernetes_core():
    given = {variable: "x" for option, variable in VARIABLES.items() if option not in {"host", "validate_certs"}}
    given |= {"K8S_AUTH_HOST": "https://x", "K8S_AUTH_VERIFY_SSL": "no", "K8S_AUTH_IMPERSONATE_GROUPS": "a,b"}
    for option in ("SSL_CA_CERT", "CERT_FILE", "KEY_FILE"):
        given[f"K8S_AUTH_{option}"] = __file__
    login = Login.of({}, given)
    assert (login.validate_certs, login.impersonate_groups, login.host) == (False, ("a", "b"), "https://x")
    assert all(getattr(login, option) is not None for option in VARIABLES)
    assert "'x'" not in repr(Login(api_key="x", password="x", kubeconfig={"a": "x"}))


@pytest.mark.parametrize(
    ("params", "environment", "is_meant"),
    [
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, True),
        ({}, {}, False),
        ({"kubeconfig": "x"}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),
        ({"context": "x"}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, False),
        ({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBECONFIG": "x"}, False),
    ],
)
def test_a_pod_uses_its_service_account_when_nothing_is_named(tmp_path, params, environment, is_meant):
    assert not Login.of(params, {}).is_in_cluster(environment, str(tmp_path))
    (tmp_path / "token").write_text("t")
    assert Login.of(params, {}).is_in_cluster(environment, str(tmp_path)) == is_meant


def test_the_service_account_of_a_pod(tmp_path, monkeypatch):
    from kubernetes.config import incluster_config

    authority = issued(days=1)[1]
    (tmp_path / "token").write_text("token-of-the-pod")
    (tmp_path / "ca.crt").write_bytes(authority)
    monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(tmp_path / "token"))
    monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(tmp_path / "ca.crt"))
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Login, "is_in_cluster", lambda *_: True)
    connection = Connection.open(Login(), environment)
    assert connection.server == "https://10.0.0.1:443"
    assert connection._headers(None)["authorization"] == "bearer token-of-the-pod"


def issued(*, days: int) -> tuple[bytes, bytes]:
    """Key and certificate of this machine, in PEM; with negative days it has expired."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=3))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem = serialization.Encoding.PEM
    return key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain), certificate.public_bytes(pem)


@pytest.mark.parametrize(("days", "validate", "message"), [(-1, None, "expired"), (1, None, ""), (-1, False, "")])
def test_an_expired_certificate_is_told_and_never_an_absence(tmp_path, days, validate, message):
    """The authority is given as the option, in place of a kubeconfig."""
    key, certificate = issued(days=days)
    (tmp_path / "server.pem").write_bytes(key + certificate)
    (tmp_path / "ca.pem").write_bytes(certificate)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

    class Server(ThreadingHTTPServer):
        def handle_error(self, request, client_address) -> None:
            """The client hangs up: that is what the test is about."""

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(str(tmp_path / "server.pem"))
    server = Server(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    params = {
        "host": f"https://localhost:{server.server_port}",
        "api_key": "k",
        "ca_cert": str(tmp_path / "ca.pem"),
        "validate_certs": validate,
    }
    try:
        connection = Connection.open(Login.of(params, {}), {})
        if message:
            with pytest.raises(UnreachableError, match=message):
                connection.request("GET", "/version")
        else:
            assert connection.request("GET", "/version") == {}
        connection.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_login_that_has_expired_is_told():
    fake = FakeApi()
    fake.script = lambda *_: (401, status("Unauthorized", "Unauthorized", 401))
    with served(fake) as connection, pytest.raises(ApiError, match="refused: expired, or of another cluster"):
        connection.request("GET", "/version")
