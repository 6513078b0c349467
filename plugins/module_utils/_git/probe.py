# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would the server take the credential when it is sent unasked?

Private to the collection. Flux sends it with its first request. `git` before 2.46 waits until it is
asked, which a public repository never does: it would hide a token that has expired, and that the
server refuses from Flux.
"""

from __future__ import annotations

import ssl
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPException, HTTPMessage
from typing import IO
from urllib.error import HTTPError
from urllib.request import (
    HTTPRedirectHandler,
    HTTPSHandler,
    ProxyHandler,
    Request,
    build_opener,
)

from .program import Credential

TIMEOUT = 15


class _NoRedirect(HTTPRedirectHandler):
    """A credential is for one host; whoever it redirects to is not given it."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """Follow nothing."""


def is_refused(url: str, credential: Credential, environment: Mapping[str, str]) -> bool:
    """Return whether the server says no; any other trouble is for `git` to tell."""
    pair = b64encode(f"{credential.username}:{credential.password}".encode()).decode()
    request = Request(  # noqa: S310 - check_url() has seen to the scheme
        url.rstrip("/") + "/info/refs?service=git-upload-pack",
        headers={"Authorization": f"Basic {pair}", "User-Agent": "git/fluxseed"},
    )
    opener = build_opener(
        ProxyHandler(_proxies(request.host, environment)), HTTPSHandler(context=_tls(environment)), _NoRedirect
    )
    try:
        with opener.open(request, timeout=TIMEOUT):
            return False
    except HTTPError as exc:
        return exc.code in {401, 403}
    except (OSError, HTTPException):
        return False


def _proxies(host: str, environment: Mapping[str, str]) -> dict[str, str]:
    lower = {
        name.lower().removesuffix("_proxy"): value
        for name, value in environment.items()
        if name.lower().endswith("_proxy")
    }
    if urllib.request.proxy_bypass_environment(host, lower):  # type: ignore[attr-defined]  # not in typeshed
        return {}
    every = lower.get("all", "")
    chosen = {scheme: lower.get(scheme) or every for scheme in ("http", "https")}
    return {scheme: proxy for scheme, proxy in chosen.items() if proxy}


def _tls(environment: Mapping[str, str]) -> ssl.SSLContext:
    given = environment.get("GIT_SSL_CAINFO") or environment.get("CURL_CA_BUNDLE") or environment.get("SSL_CERT_FILE")
    try:
        return ssl.create_default_context(cafile=given or None)
    except OSError:
        return ssl.create_default_context()
