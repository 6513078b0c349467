# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `git` program, run with exactly the given credential and nothing ambient.

Private to the collection. How the credential is passed on is in `access.py`. Configuration files, credential helpers, prompts, hooks and
`.netrc` of the user play no part, so that what works here works in the cluster; proxies and
certificate authorities of the environment are kept.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .._errors import (
    GitAuthenticationError,
    GitError,
    GitReferenceError,
    GitUnreachableError,
    MissingLibraryError,
)
from .access import Access, access
from .credential import Credential, Proxy, without_credential

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
_MEANINGS: tuple[tuple[re.Pattern[str], type[GitError], str, str], ...] = (
    (
        re.compile(r"SSL certificate problem|certificate verif|server certificate", re.IGNORECASE),
        GitUnreachableError,
        "",
        "a private authority is given as git_credentials.ca_crt; is a certificate expired?",
    ),
    (
        re.compile(r"from proxy|could not resolve proxy|proxy (connect|authentication)|CONNECT tunnel", re.IGNORECASE),
        GitUnreachableError,
        "",
        "check source_proxy, its username and its password",
    ),
    (
        re.compile(r"repository .* not found|returned error: 404|does not appear to be a git repo", re.IGNORECASE),
        GitAuthenticationError,
        "the remote has no such repository, or hides it from this credential",
        "check the URL, and that the credential may read this repository",
    ),
)


@dataclass(frozen=True)
class Git:
    """Runs `git` in an environment of its own making."""

    environment: Mapping[str, str]
    timeout: float = 120

    def run(
        self,
        arguments: Sequence[str],
        *,
        url: str | None = None,
        credential: Credential | None = None,
        proxy: Proxy | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `git` to its end and return what it wrote; the exit status is the caller's to judge."""
        settings = {"safe.directory": "*", "gc.auto": "0", "core.fsmonitor": "false"}
        try:
            with (
                access(url, credential, proxy, self.environment) as given,
                tempfile.TemporaryDirectory(prefix="fluxseed-home-") as home,
            ):
                done = subprocess.run(
                    ["git", *arguments],
                    env=self.surroundings(home, settings, given),
                    capture_output=True,
                    pass_fds=given.inherited,
                    stdin=subprocess.DEVNULL,
                    timeout=self.timeout,
                    check=False,
                )
                done.stderr = scrub(done.stderr.decode(errors="replace"), credential, given.hidden).encode()
                return done
        except FileNotFoundError as exc:
            raise _no_git() from exc
        except subprocess.TimeoutExpired as exc:
            raise GitUnreachableError(
                f"git gave no answer within {self.timeout:.0f} seconds",
                where=without_credential(url or ""),
                hint="is the host reachable from here?",
            ) from exc

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

    def surroundings(self, home: str, settings: Mapping[str, str], given: Access | None = None) -> dict[str, str]:
        """Return the whole environment of one run."""
        given = given or Access()
        settings = {**settings, **given.settings}
        names = set(KEPT_VARIABLES).difference(given.dropped)
        kept = {name: self.environment[name] for name in KEPT_VARIABLES if name in names and name in self.environment}
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
            | given.environment
        )


def failure(result: subprocess.CompletedProcess[bytes], url: str, credential: Credential | None) -> GitError:
    """Turn the messages of a failed remote command into the error they mean."""
    text = scrub(result.stderr.decode(errors="replace"), credential)
    lines = [re.sub(r"^(fatal|error|remote): *", "", line) for line in text.splitlines() if line.strip()]
    message = lines[-1] if lines else f"git ended with status {result.returncode}"
    where = without_credential(url)
    if _REFERENCE.search(text):
        return GitReferenceError(message, where=where)
    if url.startswith("ssh://") and (meant := _ssh_failure(text, where)):
        return meant
    for pattern, kind, told, hint in _MEANINGS:
        if pattern.search(text):
            return kind(told or message, where=where, hint=hint)
    if _AUTHENTICATION.search(text):
        return GitAuthenticationError(
            "the remote refused the credential" if credential else "the remote wants a credential",
            where=where,
            hint="is the token current, and may it read this repository?",
        )
    return GitUnreachableError(message, where=where, hint="is the host reachable from here?")


def _ssh_failure(text: str, where: str) -> GitError | None:
    """Return what a message of `ssh` means, None for all others."""
    if re.search(r"host key verification failed|host identification has changed", text, re.IGNORECASE):
        # Shown by ssh for a changed key, by StrictHostKeyChecking for an unknown one not.
        found = re.search(r"SHA256:[\w+/]{43}", text)
        shown = f"; the server has {found.group()}" if found else ""
        return GitAuthenticationError(
            f"the host key of the server is not in known_hosts{shown}",
            where=where,
            hint="ssh-keyscan prints the line for known_hosts: compare its fingerprint with one from the server's owner",
        )
    if re.search(r"error in libcrypto|invalid format|incorrect passphrase|bad passphrase", text, re.IGNORECASE):
        return GitAuthenticationError(
            "the private key cannot be opened",
            where=where,
            hint="is it whole, and git_credentials.passphrase its passphrase?",
        )
    if re.search(r"permission denied", text, re.IGNORECASE):
        return GitAuthenticationError(
            "the remote refused the SSH key", where=where, hint="is its public part a deploy key of this repository?"
        )
    return None


def scrub(text: str, credential: Credential | None, hidden: Sequence[str] = ()) -> str:
    """Take the credential out of a text of somebody else, also in its encoded forms."""
    text = re.sub(r"(?<=://)[^/@\s]+@", "", text)
    for secret in (*(credential.secrets() if credential else ()), *hidden):
        text = text.replace(secret, "***")
    return text


def _no_git() -> MissingLibraryError:
    return MissingLibraryError("The program git", hint="install Git 2.31 or newer where this runs")
