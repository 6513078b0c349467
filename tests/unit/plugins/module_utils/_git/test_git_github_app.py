# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens of a GitHub App, from a stand-in of the two requests of the API that they need; GitHub itself is not asked."""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    GitAuthenticationError,
    GitUnreachableError,
    InvalidInputError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.credential import GitHubApp
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.github_app import (
    installation_token,
    signed_statement,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils.loopback import served

rsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.rsa")

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


APP = GitHubApp("12345", pem(KEY), installation_id="678")


def claims(statement: str) -> dict[str, object]:
    """What a statement says, after its signature was verified."""
    signed, _dot, signature = statement.rpartition(".")
    padded = signature + "=" * (-len(signature) % 4)
    KEY.public_key().verify(base64.urlsafe_b64decode(padded), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
    head, body = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in signed.split("."))
    assert head == {"alg": "RS256", "typ": "JWT"}
    return body


class Api(BaseHTTPRequestHandler):
    """Knows the app 12345, its installation 678 at the user `me`, and nothing else."""

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def answer(self) -> None:
        self.server.seen.append((self.command, self.path))
        try:
            app = claims(self.headers["Authorization"].removeprefix("Bearer "))["iss"]
        except InvalidSignature:
            app = ""
        known = {
            ("GET", "/api/v3/users/me/installation"): (200, {"id": 678}),
            ("POST", "/api/v3/app/installations/678/access_tokens"): (201, {"token": "a-token-of-an-hour"}),
        }
        code, body = known.get((self.command, self.path), (404, {})) if app == "12345" else (401, {})
        self.send_response(code)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    do_GET = do_POST = answer  # noqa: N815


@contextlib.contextmanager
def api_served():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    server.seen = []
    with served(server):
        yield server, dataclasses.replace(APP, base_url=f"http://127.0.0.1:{server.server_port}/api/v3/")


def test_a_statement_is_signed_and_short_lived():
    found = claims(signed_statement(APP, 1_000_000.7))
    assert found == {"iat": 999_970, "exp": 1_000_090, "iss": "12345"}


def test_a_token_of_an_installation():
    with api_served() as (server, app):
        assert installation_token(app, {}) == ("x-access-token", "a-token-of-an-hour")
        assert server.seen == [("POST", "/api/v3/app/installations/678/access_tokens")]


def test_an_installation_is_found_by_its_owner():
    with api_served() as (server, app):
        owned = dataclasses.replace(app, installation_id="", installation_owner="me")
        assert installation_token(owned, {})[1] == "a-token-of-an-hour"
        assert [path for _method, path in server.seen][:2] == [
            "/api/v3/orgs/me/installation",
            "/api/v3/users/me/installation",
        ]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"installation_id": "1"}, "no installation 1 of the app 12345"),
        ({"installation_id": "", "installation_owner": "you"}, "not installed at you"),
        ({"app_id": "54321"}, "refused the app 54321 .HTTP 401"),
        ({"private_key": pem(rsa.generate_private_key(public_exponent=65537, key_size=2048))}, "refused the app 12345"),
    ],
)
def test_what_github_does_not_know(change, message):
    with api_served() as (_server, app), pytest.raises(GitAuthenticationError, match=message) as caught:
        installation_token(dataclasses.replace(app, **change), {})
    assert "PRIVATE KEY" not in str(caught.value)


@pytest.mark.parametrize("key", [pem(ec.generate_private_key(ec.SECP256R1())), "nonsense"])
def test_only_rsa_signs(key):
    with pytest.raises(InvalidInputError, match="no RSA private key"):
        signed_statement(dataclasses.replace(APP, private_key=key), 0)


def test_an_api_that_does_not_answer_is_unreachable():
    with pytest.raises(GitUnreachableError, match="does not answer"):
        installation_token(dataclasses.replace(APP, base_url="http://127.0.0.1:1"), {})
