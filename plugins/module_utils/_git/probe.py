# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would the server take the credential when it is sent unasked?

Private to the collection. Flux sends it with its first request. `git` before 2.46 waits until it is
asked, which a public repository never does: it would hide a token that has expired, and that the
server refuses from Flux.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.request import Request

from .credential import Credential, Proxy
from .web import opener, proxies

TIMEOUT = 15


def is_refused(url: str, credential: Credential, environment: Mapping[str, str], proxy: Proxy | None = None) -> bool:
    """Return whether the server says no; any other trouble is for `git` to tell."""
    pair = b64encode(f"{credential.username}:{credential.password}".encode()).decode()
    request = Request(  # noqa: S310 - check_url() has seen to the scheme
        url.rstrip("/") + "/info/refs?service=git-upload-pack",
        headers={"Authorization": f"Basic {pair}", "User-Agent": "git/fluxseed"},
    )
    if any(found.startswith("socks") for found in proxies(request.host, environment, proxy).values()):
        return False
    try:
        with opener(url, environment, ca_crt=credential.ca_crt, proxy=proxy).open(request, timeout=TIMEOUT):
            return False
    except HTTPError as exc:
        exc.close()
        return exc.code in {401, 403}
    except (OSError, HTTPException):
        return False
