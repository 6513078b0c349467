# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host key of an SSH server: fetched, and taken only when its fingerprint is the one that is known.

Private to the collection.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from base64 import b64decode, b64encode
from binascii import Error
from collections.abc import Mapping
from urllib.parse import urlsplit

from .._errors import GitAuthenticationError, GitUnreachableError, InvalidInputError, MissingLibraryError

PREFIX = "SHA256:"
TIMEOUT = 15


def fingerprint(line: str) -> str:
    """Return the fingerprint of a line of known_hosts, as OpenSSH shows it; empty when it is no such line."""
    words = line.split()
    try:
        digest = hashlib.sha256(b64decode(words[2], validate=True)).digest()
    except (IndexError, Error, ValueError):
        return ""
    return PREFIX + b64encode(digest).rstrip(b"=").decode()


def known_hosts(url: str, wanted: str, environment: Mapping[str, str]) -> str:
    """Ask the server of an ssh:// URL for its keys and return the line of the one with this fingerprint.

    Raises:
        InvalidInputError: the fingerprint is none of SHA256.
        GitAuthenticationError: the server has other keys; the message has their fingerprints.
        GitUnreachableError: it does not answer.
    """
    if not wanted.startswith(PREFIX) or len(wanted) != len(PREFIX) + 43:
        raise InvalidInputError(
            f"must be {PREFIX} and 43 characters",
            where="git_credentials.host_key_fingerprint",
            hint="ssh-keygen -l -f on the server's public key shows it",
        )
    lines = _scanned(url, environment)
    for line in lines:
        if fingerprint(line) == wanted:
            return line + "\n"
    found = ", ".join(f"{fingerprint(line)} ({line.split()[1]})" for line in lines)
    raise GitAuthenticationError(
        f"the server has no host key with the fingerprint {wanted}; it has {found}",
        where=url,
        hint="somebody stands between, or the server has got a new key: ask its owner",
    )


def _scanned(url: str, environment: Mapping[str, str]) -> list[str]:
    parts = urlsplit(url)
    if shutil.which("ssh-keyscan", path=environment.get("PATH")) is None:
        raise MissingLibraryError("The program ssh-keyscan", hint="install the OpenSSH client where this runs")
    command = ["ssh-keyscan", "-T", str(TIMEOUT), "-p", str(parts.port or 22), "--", parts.hostname or ""]
    try:
        done = subprocess.run(
            command,
            env={"PATH": environment.get("PATH", ""), "LC_ALL": "C"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=4 * TIMEOUT,
            check=False,
        )
        output = done.stdout
    except subprocess.TimeoutExpired:
        output = ""
    lines = [line for line in output.splitlines() if fingerprint(line)]
    if not lines:
        raise GitUnreachableError(
            "no SSH server answers there", where=url, hint="is the host reachable from here, and is the port right?"
        )
    return lines
