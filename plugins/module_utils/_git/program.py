# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `git` program, run with exactly the given credential and nothing ambient.

Private to the collection. The password goes through an inherited pipe: it is never in an argument,
a URL, the environment or a file. Configuration files, credential helpers, prompts, hooks and
`.netrc` of the user play no part, so that what works here works in the cluster; proxies and
certificate authorities of the environment are kept.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .._errors import (
    GitAuthenticationError,
    GitError,
    GitReferenceError,
    GitUnreachableError,
    InvalidInputError,
    MissingLibraryError,
)

KEPT_VARIABLES = (
    "PATH",
    "TMPDIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CURL_CA_BUNDLE",
    "GIT_SSL_CAINFO",
    "GIT_SSL_CAPATH",
)

_AUTHENTICATION = re.compile(
    r"authentication failed|could not read (username|password)|terminal prompts disabled|invalid credentials"
    r"|returned error: 40[13]|access denied",
    re.IGNORECASE,
)
_REFERENCE = re.compile(r"couldn't find remote ref|remote branch .* not found|not our ref", re.IGNORECASE)
_REPOSITORY = re.compile(r"repository .* not found|returned error: 404|does not appear to be a git repo", re.IGNORECASE)

# Git runs this for "get", "store" and "erase"; only "get" may empty the pipe.
_HELPER = '!f() {{ test "$1" = get && cat /dev/fd/{fd}; }}; f'


@dataclass(frozen=True)
class Credential:
    """User name and password (or token), as in the Secret that Flux reads."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Git:
    """Runs `git` in an environment of its own making."""

    environment: Mapping[str, str]
    timeout: float = 120

    def run(
        self, arguments: Sequence[str], *, url: str | None = None, credential: Credential | None = None
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `git` to its end and return what it wrote; the exit status is the caller's to judge."""
        settings = {"safe.directory": "*", "gc.auto": "0", "core.fsmonitor": "false"}
        inherited: tuple[int, ...] = ()
        if credential is not None and url is not None:
            inherited = (_pipe_with(credential),)
            parts = urlsplit(url)
            # Bound to the host: a redirect elsewhere is not given the credential.
            scope = f"credential.{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
            settings[f"{scope}.helper"] = _HELPER.format(fd=inherited[0])
            settings["http.proactiveAuth"] = "basic"
        try:
            with tempfile.TemporaryDirectory(prefix="fluxseed-home-") as home:
                return subprocess.run(
                    ["git", *arguments],
                    env=self.surroundings(home, settings),
                    capture_output=True,
                    pass_fds=inherited,
                    stdin=subprocess.DEVNULL,
                    timeout=self.timeout,
                    check=False,
                )
        except FileNotFoundError as exc:
            raise _no_git() from exc
        except subprocess.TimeoutExpired as exc:
            raise GitUnreachableError(
                f"git gave no answer within {self.timeout:.0f} seconds",
                where=url,
                hint="is the host reachable from here?",
            ) from exc
        finally:
            for descriptor in inherited:
                os.close(descriptor)

    def open(self, arguments: Sequence[str]) -> subprocess.Popen[bytes]:
        """Start a `git` that is talked to through its standard input and output; local commands only."""
        try:
            return subprocess.Popen(
                ["git", *arguments],
                env=self.surroundings("/nonexistent", {"safe.directory": "*", "core.fsmonitor": "false"}),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except FileNotFoundError as exc:
            raise _no_git() from exc

    def version(self) -> tuple[int, ...]:
        """Return the version of the program."""
        found = re.search(rb"\d+(?:\.\d+)+", self.run(["version"]).stdout)
        return tuple(int(part) for part in found.group().split(b".")) if found else ()

    def surroundings(self, home: str, settings: Mapping[str, str]) -> dict[str, str]:
        """Return the whole environment of one run."""
        kept = {name: self.environment[name] for name in KEPT_VARIABLES if name in self.environment}
        configuration = {"GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings.items()):
            configuration |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        return (
            kept
            | configuration
            | {
                "HOME": home,
                "XDG_CONFIG_HOME": home,
                "LC_ALL": "C",
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_TERMINAL_PROMPT": "0",
                "GIT_ASKPASS": "true",
                "GIT_ALLOW_PROTOCOL": "http:https",
                "GIT_NO_LAZY_FETCH": "1",
                "GIT_OPTIONAL_LOCKS": "0",
            }
        )


def check_url(url: str) -> None:
    """Refuse what a user name and a password cannot open.

    Raises:
        InvalidInputError: another scheme, or a credential inside of the URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInputError(
            "the Git URL must start with https:// (or http://)",
            where=_without_credential(url),
            hint="a user name and a password open nothing else",
        )
    if parts.password is not None:
        raise InvalidInputError(
            "the Git URL holds a password",
            where=_without_credential(url),
            hint="give it as git_credentials; in the URL everybody who sees the cluster or Git can read it",
        )


def failure(result: subprocess.CompletedProcess[bytes], url: str, credential: Credential | None) -> GitError:
    """Turn the messages of a failed remote command into the error they mean."""
    text = scrub(result.stderr.decode(errors="replace"), credential)
    lines = [re.sub(r"^(fatal|error|remote): *", "", line) for line in text.splitlines() if line.strip()]
    message = lines[-1] if lines else f"git ended with status {result.returncode}"
    where = _without_credential(url)
    if _REFERENCE.search(text):
        return GitReferenceError(message, where=where)
    if _AUTHENTICATION.search(text):
        return GitAuthenticationError(
            "the remote refused the credential" if credential else "the remote wants a credential",
            where=where,
            hint="is the token current, and may it read this repository?",
        )
    if _REPOSITORY.search(text):
        return GitAuthenticationError(
            "the remote has no such repository, or hides it from this credential",
            where=where,
            hint="check the URL, and that the token may read this repository",
        )
    return GitUnreachableError(message, where=where, hint="is the host reachable from here?")


def scrub(text: str, credential: Credential | None) -> str:
    """Take the credential out of a text of somebody else, also in its encoded forms."""
    text = re.sub(r"(?<=://)[^/@\s]+@", "", text)
    if credential is None or not credential.password:
        return text
    from base64 import b64encode  # noqa: PLC0415 - on failures only
    from urllib.parse import quote  # noqa: PLC0415

    pair = b64encode(f"{credential.username}:{credential.password}".encode()).decode()
    for secret in (credential.password, quote(credential.password, safe=""), pair):
        text = text.replace(secret, "***")
    return text


def _without_credential(url: str) -> str:
    return re.sub(r"(?<=://)[^/@\s]+@", "", url)


def _pipe_with(credential: Credential) -> int:
    """Return the reading end of a pipe that holds the answer of a credential helper."""
    for value in (credential.username, credential.password):
        if "\n" in value or "\0" in value:
            raise InvalidInputError("a Git user name or password cannot hold a line break", where="git_credentials")
    answer = f"username={credential.username}\npassword={credential.password}\n".encode()
    if len(answer) > 60_000:
        raise InvalidInputError("the Git password is longer than a pipe holds", where="git_credentials")
    reading, writing = os.pipe()
    os.write(writing, answer)
    os.close(writing)
    return reading


def _no_git() -> MissingLibraryError:
    return MissingLibraryError("The program git", hint="install Git 2.31 or newer where this runs")
