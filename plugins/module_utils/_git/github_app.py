# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Short-lived tokens of a GitHub App, asked for in the way of source-controller.

Private to the collection. The app signs a statement with its private key; the API gives a token for
its installation in return. `cryptography` signs, the standard library talks.
"""

from __future__ import annotations

import json
import time
import typing as t
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request

from .._errors import GitAuthenticationError, GitUnreachableError, InvalidInputError, MissingLibraryError
from .credential import GitHubApp, Proxy
from .web import opener

try:
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import padding, rsa
except ImportError:
    hashes = None  # type: ignore[assignment]

PUBLIC_API = "https://api.github.com"
TOKEN_USER = "x-access-token"  # noqa: S105 - a user name
TIMEOUT = 15
_DRIFT, _LIFETIME = 30, 120


def installation_token(
    app: GitHubApp, environment: Mapping[str, str], *, ca_crt: str = "", proxy: Proxy | None = None
) -> tuple[str, str]:
    """Return user name and password with which Git reads the repository for an hour.

    Raises:
        GitAuthenticationError: GitHub does not know the app, its key or its installation.
        GitUnreachableError: the API does not answer.
    """
    api = _Api(app, environment, ca_crt, proxy)
    found = app.installation_id or api.installation(app.installation_owner)
    answer = api.ask("POST", f"/app/installations/{quote(found)}/access_tokens")
    token = str((answer or {}).get("token") or "")
    if not token:
        raise GitAuthenticationError(
            f"GitHub has no installation {found} of the app {app.app_id}", where=api.base, hint="check installation_id"
        )
    return TOKEN_USER, token


def signed_statement(app: GitHubApp, now: float) -> str:
    """Return the statement (a JSON Web Token, RS256) that proves to be the app.

    Raises:
        InvalidInputError: the private key is none of RSA.
        MissingLibraryError: `cryptography` is not there.
    """
    if hashes is None:
        raise MissingLibraryError("The Python library cryptography", hint="pip install cryptography")
    try:
        key = serialization.load_pem_private_key(app.private_key.encode(), password=None)
    except (ValueError, TypeError) as exc:
        raise _no_key() from exc
    if not isinstance(key, rsa.RSAPrivateKey):
        raise _no_key()
    issued = int(now) - _DRIFT
    claims = {"iat": issued, "exp": issued + _LIFETIME, "iss": app.app_id}
    signed = f"{_encoded({'alg': 'RS256', 'typ': 'JWT'})}.{_encoded(claims)}"
    return f"{signed}.{_base64(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


class _Api:
    """The few requests."""

    def __init__(self, app: GitHubApp, environment: Mapping[str, str], ca_crt: str, proxy: Proxy | None) -> None:
        self.base = (app.base_url or PUBLIC_API).rstrip("/")
        self._app = app
        self._opener = opener(self.base, environment, ca_crt=ca_crt, proxy=proxy)

    def installation(self, owner: str) -> str:
        """Return the id of the installation at an organization or a user."""
        for kind in ("orgs", "users"):
            answer = self.ask("GET", f"/{kind}/{quote(owner, safe='')}/installation")
            if answer and answer.get("id"):
                return str(answer["id"])
        raise GitAuthenticationError(
            f"the GitHub App {self._app.app_id} is not installed at {owner}",
            where=self.base,
            hint="install it there, or correct installation_owner",
        )

    def ask(self, method: str, path: str) -> dict[str, t.Any] | None:
        """Send one request; None when there is no such thing."""
        request = Request(  # noqa: S310 - Credential.check() has seen to the scheme
            self.base + path,
            method=method,
            headers={
                "Authorization": f"Bearer {signed_statement(self._app, time.time())}",
                "Accept": "application/vnd.github+json",
                "User-Agent": "fluxseed",
            },
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT) as answer:
                decoded = json.loads(answer.read())
        except HTTPError as exc:
            exc.close()
            if exc.code == 404:
                return None
            if exc.code in {401, 403}:
                raise GitAuthenticationError(
                    f"GitHub refused the app {self._app.app_id} (HTTP {exc.code})",
                    where=self.base,
                    hint="do app_id and private_key belong together, and is the clock right?",
                ) from exc
            raise GitUnreachableError(f"answered {method} {path} with HTTP {exc.code}", where=self.base) from exc
        except (OSError, HTTPException, ValueError) as exc:
            reason = getattr(exc, "reason", None) or exc
            raise GitUnreachableError(
                f"the GitHub API does not answer: {reason}", where=self.base, hint="is it reachable from here?"
            ) from exc
        return decoded if isinstance(decoded, dict) else None


def _no_key() -> InvalidInputError:
    return InvalidInputError(
        "is no RSA private key without a passphrase",
        where="git_credentials.github_app.private_key",
        hint="GitHub gives such a file when a key is generated for the app",
    )


def _encoded(content: Mapping[str, t.Any]) -> str:
    return _base64(json.dumps(content, separators=(",", ":")).encode())


def _base64(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
