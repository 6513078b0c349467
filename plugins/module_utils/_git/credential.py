# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials for Git in all the kinds that Flux knows, and which of them fit a URL.

Private to the collection. Pure. The rules are those of source-controller, so that what passes here
is what the cluster can use.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from .._errors import InvalidInputError

DEFAULT_SSH_USER = "git"
PROXY_SCHEMES = ("http", "https", "socks5")
_OPTION = "git_credentials"
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)
_SCP_LIKE = re.compile(r"^(?:[\w.-]+@)?[\w.-]+:(?!//)")


@dataclass(frozen=True)
class GitHubApp:
    """A GitHub App that may read the repository; its short-lived tokens are the passwords."""

    app_id: str
    private_key: str = field(repr=False)
    installation_owner: str = ""
    installation_id: str = ""
    base_url: str = ""


@dataclass(frozen=True)
class Proxy:
    """The proxy on the way to the remote, as in the Secret that `proxySecretRef` names."""

    address: str
    username: str = ""
    password: str = field(default="", repr=False)

    def check(self, url: str) -> None:
        """Refuse what could not work.

        Raises:
            InvalidInputError: the scheme, a credential inside of the address, or an SSH URL.
        """
        parts = urlsplit(self.address)
        if parts.scheme not in PROXY_SCHEMES or not parts.hostname:
            raise InvalidInputError(
                f"the address must start with one of {', '.join(f'{scheme}://' for scheme in PROXY_SCHEMES)}",
                where="source_proxy.address",
            )
        if parts.username is not None:
            raise InvalidInputError(
                "the address holds a credential",
                where="source_proxy.address",
                hint="give it as source_proxy.username and source_proxy.password",
            )
        if self.password and not self.username:
            raise InvalidInputError("a password needs a username", where="source_proxy.password")
        if urlsplit(url).scheme == "ssh":
            raise InvalidInputError(
                "is for http:// and https:// only", where="source_proxy", hint="the ssh program does not go through it"
            )


@dataclass(frozen=True)
class Credential:
    """What the Secret holds with which Flux reads the repository; unused parts are empty."""

    username: str = ""
    password: str = field(default="", repr=False)
    bearer_token: str = field(default="", repr=False)
    identity: str = field(default="", repr=False)
    known_hosts: str = ""
    host_key_fingerprint: str = ""
    """In place of `known_hosts`, which is fetched then."""
    passphrase: str = field(default="", repr=False)
    ca_crt: str = field(default="", repr=False)
    tls_crt: str = field(default="", repr=False)
    tls_key: str = field(default="", repr=False)
    github_app: GitHubApp | None = None

    @property
    def is_basic(self) -> bool:
        """Return whether a user name and a password are sent."""
        return bool(self.username or self.password)

    def secrets(self) -> Iterator[str]:
        """Yield every text that no message may hold, in plain and in the forms in which it travels."""
        if self.password:
            yield from (self.password, quote(self.password, safe=""))
            yield b64encode(f"{self.username}:{self.password}".encode()).decode()
        yield from filter(None, (self.bearer_token, self.passphrase))

    def check(self, url: str) -> None:
        """Refuse a combination that source-controller would refuse, or would silently use otherwise than meant.

        Raises:
            InvalidInputError: names the option.
        """
        if urlsplit(url).scheme == "ssh":
            self._check_ssh()
        else:
            self._check_http()

    def _check_ssh(self) -> None:
        misplaced = {
            "password": self.password,
            "username": self.username,
            "bearer_token": self.bearer_token,
            "github_app": self.github_app,
            "ca_crt": self.ca_crt,
            "tls_crt": self.tls_crt,
            "tls_key": self.tls_key,
        }
        for option, value in misplaced.items():
            if value:
                hint = "the passphrase of the key is git_credentials.passphrase" if option == "password" else None
                hint = "the user stands in the URL, ssh://git@…" if option == "username" else hint
                raise InvalidInputError("has no meaning with an ssh:// URL", where=f"{_OPTION}.{option}", hint=hint)
        if not self.identity:
            raise InvalidInputError("an ssh:// URL needs the private key", where=f"{_OPTION}.identity")
        _require_pem(self.identity, f"{_OPTION}.identity", "PRIVATE KEY", "ssh-keygen writes such a file")
        if self.known_hosts and self.host_key_fingerprint:
            raise InvalidInputError("give either known_hosts or host_key_fingerprint", where=_OPTION)
        if not self.known_hosts.strip() and not self.host_key_fingerprint:
            raise InvalidInputError(
                "an ssh:// URL needs the host key of the server",
                where=f"{_OPTION}.known_hosts",
                hint="give known_hosts, or host_key_fingerprint to have the key fetched and compared",
            )

    def _check_http(self) -> None:
        for option in ("identity", "known_hosts", "host_key_fingerprint", "passphrase"):
            if getattr(self, option):
                raise InvalidInputError("has a meaning with an ssh:// URL only", where=f"{_OPTION}.{option}")
        self._check_sent()
        self._check_tls()
        if self.github_app:
            self._check_github_app(self.github_app)
        elif not (self.is_basic or self.bearer_token or self.ca_crt or self.tls_crt):
            raise InvalidInputError(
                "holds nothing that an https:// URL could use",
                where=_OPTION,
                hint="leave it out for a public repository; are the variables set?",
            )

    def _check_sent(self) -> None:
        if self.password and not self.username:
            raise InvalidInputError(
                "a password needs a username", where=f"{_OPTION}.username", hint="with a token, most servers take any"
            )
        if self.username and not self.password:
            raise InvalidInputError("is empty", where=f"{_OPTION}.password", hint="is the variable for it set?")
        kinds = {"password": self.is_basic, "bearer_token": self.bearer_token, "github_app": self.github_app}
        given = [option for option, value in kinds.items() if value]
        if len(given) > 1:
            raise InvalidInputError(f"only one of {' and '.join(given)} can be given", where=_OPTION)
        for option in ("username", "password", "bearer_token"):
            if re.search(r"[\r\n\0]", getattr(self, option)):
                raise InvalidInputError("cannot hold a line break", where=f"{_OPTION}.{option}")

    def _check_tls(self) -> None:
        if bool(self.tls_crt) != bool(self.tls_key):
            absent = "tls_key" if self.tls_crt else "tls_crt"
            raise InvalidInputError("tls_crt and tls_key belong together", where=f"{_OPTION}.{absent}")
        for option, label in (("ca_crt", "CERTIFICATE"), ("tls_crt", "CERTIFICATE"), ("tls_key", "PRIVATE KEY")):
            if text := getattr(self, option):
                _require_pem(text, f"{_OPTION}.{option}", label, None)

    @staticmethod
    def _check_github_app(app: GitHubApp) -> None:
        where = f"{_OPTION}.github_app"
        if not app.app_id.isdigit():
            raise InvalidInputError("is not a number", where=f"{where}.app_id")
        if bool(app.installation_owner) == bool(app.installation_id):
            raise InvalidInputError("give exactly one of installation_owner and installation_id", where=where)
        if app.installation_id and not app.installation_id.isdigit():
            raise InvalidInputError("is not a number", where=f"{where}.installation_id")
        if app.base_url and urlsplit(app.base_url).scheme not in {"http", "https"}:
            raise InvalidInputError("must start with https://", where=f"{where}.base_url")
        _require_pem(app.private_key, f"{where}.private_key", "PRIVATE KEY", None)


def check_url(url: str) -> None:
    """Refuse what source-controller does not take.

    Raises:
        InvalidInputError: another scheme, or a credential inside of the URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https", "ssh"} or not parts.hostname or parts.hostname.startswith("-"):
        hint = "Flux takes no other"
        if parts.scheme not in {"http", "https", "ssh"} and _SCP_LIKE.match(url):
            host, _colon, path = url.partition(":")
            user = "" if "@" in host else f"{DEFAULT_SSH_USER}@"
            hint = f"Flux takes no scp-like URL: write ssh://{user}{host}/{path.lstrip('/')}"
        raise InvalidInputError(
            "the Git URL must start with https:// (or http://) or ssh://", where=without_credential(url), hint=hint
        )
    if parts.password is not None:
        raise InvalidInputError(
            "the Git URL holds a password",
            where=without_credential(url),
            hint="give it as git_credentials; in the URL everybody who sees the cluster or Git can read it",
        )


def without_credential(url: str) -> str:
    """Return a URL without the part that may be a credential; the user of SSH is none."""
    return (
        url
        if url.startswith("ssh://") and ":" not in url[6:].partition("@")[0]
        else re.sub(r"(?<=://)[^/@\s]+@", "", url)
    )


def as_file(text: str) -> str:
    """Return a key or certificate with the line breaks that every reader takes."""
    return text.replace("\r\n", "\n").strip() + "\n"


def _require_pem(text: str, where: str, label: str, hint: str | None) -> None:
    """Refuse a text without a PEM block of this kind, without a word about its content."""
    labels = [found.group(1) for found in _PEM.finditer(text)]
    if not any(found.endswith(label) for found in labels):
        found = f"found is a PEM block {labels[0]}" if labels else "found is no PEM block at all"
        raise InvalidInputError(f"must hold a PEM block of the kind {label}; {found}", where=where, hint=hint)
