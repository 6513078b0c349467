# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run of `git` is given to reach a remote: configuration, environment, pipes, files in memory.

Private to the collection. A password goes through an inherited pipe: it is never in an argument, a
URL, the environment or a file. `ssh` and the TLS of `git` insist on files for private keys: those
are kept in memory-backed storage, readable by their owner only, for as long as the program runs.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlsplit

from .._errors import InvalidInputError, MissingLibraryError
from .credential import Credential, Proxy, as_file
from .github_app import installation_token

MEMORY_FOLDER = "/dev/shm"  # noqa: S108 - a private folder is made in it
SSH_TIMEOUT = 15

# Git runs this for "get", "store" and "erase"; only "get" may empty the pipe.
_HELPER = '!f() {{ test "$1" = get && cat /dev/fd/{fd}; }}; f'
_PROXY_VARIABLES = ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")
_LONGEST_ANSWER = 60_000


@dataclass
class Access:
    """The additions to one run of `git`."""

    settings: dict[str, str] = field(default_factory=dict, repr=False)
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    dropped: tuple[str, ...] = ()
    """Variables of the surroundings that would say something else."""
    inherited: list[int] = field(default_factory=list)
    hidden: list[str] = field(default_factory=list, repr=False)
    """Secrets that were made for this run; no message may hold them."""


@contextmanager
def access(
    url: str | None, credential: Credential | None, proxy: Proxy | None, environment: Mapping[str, str]
) -> Iterator[Access]:
    """Prepare the additions for one run; pipes are closed and files are gone afterwards.

    Raises:
        InvalidInputError: a value that cannot be passed on.
        MissingLibraryError: there is no memory-backed storage, or no ssh program.
    """
    made = Access()
    if url is None:
        yield made
        return
    folder: Path | None = None
    try:
        if credential is not None and _needs_files(credential):
            folder = private_folder(secret=bool(credential.identity or credential.tls_key))
        if proxy is not None:
            _through(made, proxy)
        if urlsplit(url).scheme == "ssh":
            made.environment["GIT_ALLOW_PROTOCOL"] = "ssh"
            if credential is not None and folder is not None:
                _with_ssh(made, credential, folder, environment)
        elif credential is not None:
            _with_http(made, url, credential, folder, proxy, environment)
        yield made
    finally:
        for descriptor in made.inherited:
            os.close(descriptor)
        if folder is not None:
            shutil.rmtree(folder)


def private_folder(*, secret: bool) -> Path:
    """Make a folder that only its owner can enter; for a secret it is in memory, or not at all."""
    if os.access(MEMORY_FOLDER, os.W_OK):
        return Path(tempfile.mkdtemp(prefix="fluxseed-", dir=MEMORY_FOLDER))
    if secret:
        raise MissingLibraryError(
            f"Memory-backed storage ({MEMORY_FOLDER})",
            hint="ssh and TLS read private keys from files, and this one is not to be on a disk",
        )
    return Path(tempfile.mkdtemp(prefix="fluxseed-"))


def _needs_files(credential: Credential) -> bool:
    return bool(credential.identity or credential.ca_crt or credential.tls_crt)


def _with_http(
    made: Access,
    url: str,
    credential: Credential,
    folder: Path | None,
    proxy: Proxy | None,
    environment: Mapping[str, str],
) -> None:
    parts = urlsplit(url)
    # Bound to the host: a redirect elsewhere is not given the credential.
    scope = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    pair = (credential.username, credential.password)
    if credential.github_app:
        pair = installation_token(credential.github_app, environment, ca_crt=credential.ca_crt, proxy=proxy)
        made.hidden.append(pair[1])
    if pair[0] or pair[1]:
        _answer(made, scope, *pair)
        made.settings["http.proactiveAuth"] = "basic"
    if credential.bearer_token:
        # `git` before 2.46 has no other way for it. The environment of a process is for its owner only.
        made.settings[f"http.{scope}.extraHeader"] = f"Authorization: Bearer {credential.bearer_token}"
    if folder is None:
        return
    if credential.ca_crt:
        made.environment["GIT_SSL_CAINFO"] = str(_file(folder, "ca.crt", credential.ca_crt))
    if credential.tls_crt:
        made.environment["GIT_SSL_CERT"] = str(_file(folder, "tls.crt", credential.tls_crt))
        made.environment["GIT_SSL_KEY"] = str(_file(folder, "tls.key", credential.tls_key))


def _through(made: Access, proxy: Proxy) -> None:
    """Go through the given proxy only, as Flux does, whatever the surroundings say."""
    parts = urlsplit(proxy.address)
    made.dropped += _PROXY_VARIABLES
    host = parts.netloc
    if proxy.password:
        made.hidden.append(proxy.password)
    if proxy.username:
        _answer(made, f"{parts.scheme}://{host}", proxy.username, proxy.password)
        host = f"{quote(proxy.username, safe='')}@{host}"
    # curl alone would look the remote up by itself; Flux leaves that to the proxy.
    scheme = "socks5h" if parts.scheme == "socks5" else parts.scheme
    made.settings["http.proxy"] = f"{scheme}://{host}"
    if scheme != parts.scheme and proxy.username:
        made.settings[f"credential.{scheme}://{parts.netloc}.helper"] = made.settings.pop(
            f"credential.{parts.scheme}://{parts.netloc}.helper"
        )


def _with_ssh(made: Access, credential: Credential, folder: Path, environment: Mapping[str, str]) -> None:
    if shutil.which("ssh", path=environment.get("PATH")) is None:
        raise MissingLibraryError("The program ssh", hint="install the OpenSSH client where this runs")
    options = {
        "IdentityFile": _file(folder, "identity", credential.identity),
        "UserKnownHostsFile": _file(folder, "known_hosts", credential.known_hosts),
        "GlobalKnownHostsFile": os.devnull,
        "StrictHostKeyChecking": "yes",
        "UpdateHostKeys": "no",
        "CheckHostIP": "no",
        "IdentitiesOnly": "yes",
        "IdentityAgent": "none",
        "PreferredAuthentications": "publickey",
        "ConnectTimeout": SSH_TIMEOUT,
        "ForwardAgent": "no",
        "ControlPath": "none",
        "BatchMode": "no" if credential.passphrase else "yes",
    }
    # The folder has no character that a shell would take otherwise.
    words = ["ssh", "-F", os.devnull, *(f"-o{name}={value}" for name, value in options.items())]
    made.environment |= {"GIT_SSH_COMMAND": " ".join(words), "GIT_SSH_VARIANT": "ssh"}
    if credential.passphrase:
        # ssh closes every inherited pipe and asks a program.
        told = _file(folder, "passphrase", credential.passphrase, exact=True)
        asked = _file(folder, "askpass", f"#!/bin/sh\nexec cat '{told}'")
        asked.chmod(0o700)
        made.environment |= {"SSH_ASKPASS": str(asked), "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":"}


def _file(folder: Path, name: str, content: str, *, exact: bool = False) -> Path:
    path = folder / name
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as writing:
        writing.write(content if exact else as_file(content))
    return path


def _answer(made: Access, scope: str, username: str, password: str) -> None:
    """Let a credential helper for this scope read its answer from a pipe."""
    for value in (username, password):
        if "\n" in value or "\0" in value:
            raise InvalidInputError("a Git user name or password cannot hold a line break", where="git_credentials")
    answer = f"username={username}\npassword={password}\n".encode()
    if len(answer) > _LONGEST_ANSWER:
        raise InvalidInputError("the Git password is longer than a pipe holds", where="git_credentials")
    reading, writing = os.pipe()
    made.inherited.append(reading)
    os.write(writing, answer)
    os.close(writing)
    made.settings[f"credential.{scope}.helper"] = _HELPER.format(fd=reading)
