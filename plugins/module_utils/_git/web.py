# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HTTP without `git`: through the same proxy, with the same certificate authorities, without redirects.

Private to the collection.
"""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Mapping
from http.client import HTTPMessage
from typing import IO
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, ProxyHandler, Request, build_opener

from .credential import Proxy


class _NoRedirect(HTTPRedirectHandler):
    """A credential is for one host; whoever it redirects to is not given it."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """Follow nothing."""


def opener(
    url: str,
    environment: Mapping[str, str],
    *,
    ca_crt: str = "",
    proxy: Proxy | None = None,
    client: tuple[str, str] | None = None,
    redirects: bool = False,
) -> OpenerDirector:
    """Return what opens requests to the host of a URL; `client` names the files of a client certificate and its key."""
    tls = trusting(environment, ca_crt)
    if client:
        tls.load_cert_chain(*client)
    handlers: list[urllib.request.BaseHandler] = [
        ProxyHandler(proxies(urlsplit(url).netloc, environment, proxy)),
        HTTPSHandler(context=tls),
    ]
    if not redirects:
        handlers.append(_NoRedirect())
    return build_opener(*handlers)


def proxies(host: str, environment: Mapping[str, str], proxy: Proxy | None = None) -> dict[str, str]:
    """Return the proxy for each scheme: the given one, else what the environment says about this host."""
    if proxy is not None:
        parts = urlsplit(proxy.address)
        user = f"{quote(proxy.username, safe='')}:{quote(proxy.password, safe='')}@" if proxy.username else ""
        return dict.fromkeys(("http", "https"), f"{parts.scheme}://{user}{parts.netloc}")
    lower = {
        name.lower().removesuffix("_proxy"): value
        for name, value in environment.items()
        if name.lower().endswith("_proxy")
    }
    if urllib.request.proxy_bypass_environment(host, lower):  # type: ignore[attr-defined]  # not in typeshed
        return {}
    every = lower.get("all", "")
    chosen = {scheme: lower.get(scheme) or every for scheme in ("http", "https")}
    return {scheme: found for scheme, found in chosen.items() if found}


def trusting(environment: Mapping[str, str], ca_crt: str = "") -> ssl.SSLContext:
    """Return the TLS settings with the certificate authorities of the environment and a given one."""
    given = environment.get("GIT_SSL_CAINFO") or environment.get("CURL_CA_BUNDLE") or environment.get("SSL_CERT_FILE")
    try:
        context = ssl.create_default_context(cafile=given or None)
    except OSError:
        context = ssl.create_default_context()
    if ca_crt:
        context.load_verify_locations(cadata=ca_crt)
        # Private authorities often lack the key identifiers that Python 3.13 began to insist on; git does not.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
