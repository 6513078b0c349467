# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrapping with the transit engine of HashiCorp Vault or OpenBao, through hvac. The only file that imports it.

Private to the collection. The server is the one that the key names; all else comes from the settings that the programs
`vault` and `sops` know.
"""

from __future__ import annotations

import base64
import binascii
import re
import typing as t
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..._errors import DataKeyError, FluxseedError, MissingLibraryError
from . import remote
from .base import Surroundings
from .hc_vault import VaultTransitKey
from .remote import NoAnswerError, RefusalError, RemoteService

ALLOWLIST = "SOPS_HC_VAULT_ALLOWLIST"
_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_RETRIED = (412, 429, 500, 502, 503, 504)
_SERVER = re.compile(r"(https?://(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::[0-9]+)?)(?:/|\Z)", re.ASCII)
_CERTIFICATES = "VAULT_CACERT, VAULT_CAPATH, VAULT_CLIENT_CERT and VAULT_CLIENT_KEY"
_NOWHERE, _RENAME = "no server", "name the address of the one that answers in the rule, and update the keys of the file"
_R = t.TypeVar("_R")


class MovedError(RefusalError):
    """A server says that another one has to be asked."""

    def __init__(self, there: str) -> None:
        super().__init__("the server redirects")
        self.there = there
        """Scheme, host and port; empty if the answer names none."""


class VaultTransitService(RemoteService[VaultTransitKey]):
    """All servers of Vault or OpenBao that keys name."""

    label = "Vault"

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__()
        try:
            import hvac  # noqa: PLC0415 - on first use
            import requests  # noqa: PLC0415 - as above; hvac brings it
        except ImportError:
            raise MissingLibraryError("hvac", hint="pip install 'fluxseed[vault]', or pip install hvac") from None
        self._hvac, self._requests = hvac, requests
        # A certificate that is not there is an OSError.
        self.failures = (hvac.exceptions.VaultError, requests.exceptions.RequestException, OSError)
        self._surroundings = surroundings
        self._environment = surroundings.environment

    def place(self, key: VaultTransitKey) -> str:
        """The address of the server, if it is one that may be asked."""
        address = key.text("vault_address")
        if not is_allowed(address, self._environment.get(ALLOWLIST, "")):
            raise RefusalError(f"Allowlist does not allow {address}: see {ALLOWLIST}")
        return address

    def connect(self, place: str) -> t.Any:
        """A client for one server."""
        seconds = self._environment.get("VAULT_CLIENT_TIMEOUT", "").removesuffix("s")
        answer = float(seconds) if seconds.isdigit() else remote.ANSWER_SECONDS
        certificate = self._environment.get("VAULT_CLIENT_CERT"), self._environment.get("VAULT_CLIENT_KEY")
        return self._hvac.Client(
            url=place,
            token=self._token(),
            # hvac looks for what it is not given in the environment of the process, so it is given everything.
            verify=self._trusted(),
            cert=certificate if all(certificate) else (),
            namespace=self._environment.get("VAULT_NAMESPACE") or None,
            timeout=(remote.CONNECT_SECONDS, answer),
            # The token would go along to whatever server an answer names.
            allow_redirects=False,
            session=self._session(),
        )

    def encrypt(self, client: t.Any, key: VaultTransitKey, data_key: bytes) -> str:
        """The text that the engine gives, with the version of the key in it."""
        plaintext = base64.b64encode(data_key).decode("ascii")
        answer = client.secrets.transit.encrypt_data(
            name=key.text("key_name"), plaintext=plaintext, mount_point=key.text("engine_path")
        )
        return _field(answer, "ciphertext")

    def decrypt(self, client: t.Any, key: VaultTransitKey) -> bytes:
        """The data key."""
        answer = client.secrets.transit.decrypt_data(
            name=key.text("key_name"), ciphertext=key.enc, mount_point=key.text("engine_path")
        )
        try:
            return base64.b64decode(_field(answer, "plaintext"), validate=True)
        except binascii.Error:
            raise RefusalError("the server answered with something that is no base64") from None

    def told(self, exc: Exception, key: VaultTransitKey) -> DataKeyError:
        """What hvac or requests raised, by its class."""
        address, kinds = key.text("vault_address"), self._hvac.exceptions
        said = "; ".join(str(error) for error in getattr(exc, "errors", None) or ())
        if isinstance(exc, (self._requests.exceptions.ConnectionError, self._requests.exceptions.Timeout)):
            return remote.unreachable(self.label, address, exc)
        refusals = (kinds.Forbidden, kinds.InvalidPath, kinds.InvalidRequest)
        if isinstance(exc, kinds.VaultError) and not isinstance(exc, refusals):
            return self._fault(exc, address, said)
        if isinstance(exc, kinds.VaultError):
            return RefusalError(self._forbidden(key) if isinstance(exc, kinds.Forbidden) else _invalid(said, key))
        if isinstance(exc, self._requests.exceptions.RequestException):
            # A header that cannot be sent is quoted by requests, and the token is one.
            nonsense = f"no request can be made for {address}: are the address, VAULT_TOKEN and VAULT_CACERT right?"
            return RefusalError(nonsense)
        return NoAnswerError(f"a certificate for {address} cannot be read: see {_CERTIFICATES}", is_down=True)

    def _fault(self, exc: Exception, address: str, said: str) -> NoAnswerError:
        """What keeps the server from saying anything about the key."""
        if isinstance(exc, self._hvac.exceptions.VaultDown):
            return NoAnswerError(
                f"{address} is {'sealed: unseal it' if 'sealed' in said else 'not ready'}", is_down=True
            )
        if isinstance(exc, self._hvac.exceptions.RateLimitExceeded):
            return NoAnswerError(f"{address} is too busy, {remote.ATTEMPTS} attempts were turned away: try again later")
        return NoAnswerError(f"{address} has a fault of its own ({type(exc).__name__}): look at its log")

    def _asked(self, key: VaultTransitKey, work: Callable[[t.Any], _R]) -> _R:
        """What the server answers, or the one that it redirects to, once: a standby names the active server so."""
        try:
            return super()._asked(key, work)
        except MovedError as exc:
            here, there = key.text("vault_address"), exc.there
        check_redirect(here, there, self._environment.get(ALLOWLIST, ""))
        try:
            return super()._asked(replace(key, entry={**key.entry, "vault_address": there}), work)
        except MovedError as exc:
            raise RefusalError(f"{here} redirects to {there}, and that to {exc.there or _NOWHERE}: {_RENAME}") from None

    def _forbidden(self, key: VaultTransitKey) -> str:
        address, engine = key.text("vault_address"), key.text("engine_path")
        if not self._token():
            return f"there is no token for {address}: set VAULT_TOKEN, or log in (~/.vault-token)"
        paths = f"{engine}/encrypt and {engine}/decrypt"
        return f"{address} refuses the token: is it still valid, and may it update {paths}?"

    def _token(self) -> str:
        token = self._environment.get("VAULT_TOKEN", "")
        if token or not self._surroundings.ambient:
            return token.strip()
        try:
            return (self._surroundings.read_file(f"{self._surroundings.home}/.vault-token") or "").strip()
        except (FluxseedError, OSError):
            raise RefusalError(
                f"{self._surroundings.home}/.vault-token cannot be read, and VAULT_TOKEN is not set"
            ) from None

    def _trusted(self) -> bool | str:
        if self._environment.get("VAULT_SKIP_VERIFY") in _TRUE:
            return False
        return self._environment.get("VAULT_CACERT") or self._environment.get("VAULT_CAPATH") or True

    def _session(self) -> t.Any:
        """Connections for many threads; what fails on the way or is turned away is sent again, which changes nothing."""
        from urllib3.util import Retry  # noqa: PLC0415 - on first use

        class Brief(Retry):
            def get_retry_after(self, response: t.Any) -> float | None:
                told: float | None = super().get_retry_after(response)
                return None if told is None else min(told, remote.LONGEST_PAUSE)

        again = Brief(
            total=remote.ATTEMPTS - 1,
            backoff_factor=0.3,
            status_forcelist=_RETRIED,
            allowed_methods=None,
            raise_on_status=False,
        )
        session = self._requests.Session()
        # hvac prefers what the session has, and every session trusts the authorities of the system at first.
        session.verify = self._trusted()
        for scheme in ("https://", "http://"):
            session.mount(scheme, self._requests.adapters.HTTPAdapter(pool_maxsize=16, max_retries=again))
        return session


def check_redirect(here: str, there: str, allowlist: str) -> None:
    """Raises `RefusalError` where the token must not go."""
    if not there:
        raise RefusalError(f"{here} redirects to {_NOWHERE}: {_RENAME}")
    if not is_allowed(there, allowlist):
        raise RefusalError(f"Allowlist does not allow {there}, to which {here} redirects: see {ALLOWLIST}")
    if not there.startswith("https:") and not here.startswith("http:"):
        raise RefusalError(f"{here} redirects to {there}, which is not encrypted: the token is not sent there")


def server_of(location: str) -> str:
    """Scheme, host and port of an absolute URL; empty if it is written in any other way."""
    match = _SERVER.match(location)
    return match[1] if match else ""


def is_allowed(address: str, allowlist: str) -> bool:
    """Whether the list of prefixes allows a server: `all`, which an empty list is too, `none`, or addresses with commas.

    Raises:
        RefusalError: the list has an empty entry.
    """
    if allowlist in ("", "all"):
        return True
    return allowlist != "none" and any(_closed(address).startswith(prefix) for prefix in _prefixes(allowlist))


def _prefixes(allowlist: str) -> Sequence[str]:
    entries = [entry.strip(" ") for entry in allowlist.split(",")]
    if "" in entries:
        raise RefusalError(f"{ALLOWLIST}'s entry {entries.index('') + 1} is empty")
    return [_closed(entry) for entry in entries]


def _closed(address: str) -> str:
    """With a slash at the end, so that a name is no prefix of a longer one."""
    return address if address.endswith("/") else f"{address}/"


def _invalid(said: str, key: VaultTransitKey) -> str:
    """What the server means by an answer that names no class of its own; what it said is read, and not passed on."""
    name = f"{key.text('engine_path')}/keys/{key.text('key_name')}"
    meanings = (
        (("no handler",), f"there is no transit engine at {key.text('engine_path')}: enable it, or correct the key"),
        (("key not found",), f"there is no key {name}: was it deleted?"),
        (
            ("too old", "disallowed"),
            f"{name} no longer opens this version: lower its min_decryption_version for a while",
        ),
        (("authentication failed", "invalid ciphertext"), f"the wrapped data key is damaged, or not of {name}"),
    )
    for words, meaning in meanings:
        if any(word in said for word in words):
            return meaning
    return f"{name} cannot be used: is {key.text('vault_address')} a Vault server with a transit engine there?"


def _field(answer: t.Any, name: str) -> str:
    if getattr(answer, "is_redirect", False):
        raise MovedError(server_of(answer.headers["Location"]))
    data = answer.get("data") if isinstance(answer, dict) else None
    found = data.get(name) if isinstance(data, dict) else None
    if not isinstance(found, str):
        raise RefusalError(f"the server answered without a {name}: is it a transit engine?")
    return found
