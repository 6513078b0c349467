# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests by path or URL, taken only with the SHA-256 that is expected.

Private to the collection. What a URL gives may be another thing tomorrow, and passes caches on its
way; the checksum makes it the thing that was looked at.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request

from .._errors import FileAccessError, InvalidInputError, ManifestError
from .._git.credential import without_credential
from .._git.web import opener
from .desired import Given
from .settings import Pinned

LONGEST = 64 * 1024 * 1024
TIMEOUT = 60


def check(entry: Pinned) -> None:
    """Refuse what could not be had.

    Raises:
        InvalidInputError: names the option.
    """
    if not entry.place.strip():
        raise InvalidInputError("is empty", where="source.manifests.from")
    if not re.fullmatch(r"[0-9a-f]{64}", entry.sha256):
        raise InvalidInputError(
            "must be 64 hexadecimal digits",
            where=f"source.manifests.sha256 of {without_credential(entry.place)}",
            hint="sha256sum prints it; a release has it in its checksum file",
        )
    scheme = urlsplit(entry.place).scheme if "://" in entry.place else ""
    if scheme not in {"", "http", "https"}:
        raise InvalidInputError("must be a path, or a URL with https://", where="source.manifests.from")
    if scheme and urlsplit(entry.place).username is not None:
        raise InvalidInputError("the URL holds a credential", where="source.manifests.from", hint="give a path instead")


def fetch(entry: Pinned, environment: Mapping[str, str]) -> Given:
    """Read the file, or what is behind the URL.

    Raises:
        FileAccessError: it cannot be had.
        ManifestError: it is another content than expected.
    """
    content = _downloaded(entry.place, environment) if "://" in entry.place else _read(entry.place)
    found = hashlib.sha256(content).hexdigest()
    if found != entry.sha256:
        raise ManifestError(
            f"expected is the SHA-256 {entry.sha256}, found {found}",
            where=entry.place,
            hint="the file is not the one that was meant: look at it, then correct the file or the checksum",
        )
    return Given(entry.place, content)


def _read(path: str) -> bytes:
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as exc:
        raise FileAccessError(f"cannot be read: {exc.strerror}", where=path) from exc


def _downloaded(url: str, environment: Mapping[str, str]) -> bytes:
    request = Request(url, headers={"User-Agent": "fluxseed"})  # noqa: S310 - check() has seen to the scheme
    try:
        with opener(url, environment, redirects=True).open(request, timeout=TIMEOUT) as answer:
            content = answer.read(LONGEST + 1)
    except HTTPError as exc:
        exc.close()
        raise FileAccessError(f"the server answered with HTTP {exc.code}", where=url, hint="check the URL") from exc
    except (OSError, HTTPException) as exc:
        reason = getattr(exc, "reason", None) or exc
        raise FileAccessError(f"cannot be fetched: {reason}", where=url, hint="is it reachable from here?") from exc
    if len(content) > LONGEST:
        raise FileAccessError(f"is longer than {LONGEST >> 20} MiB", where=url)
    return bytes(content)
