# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrapping with Azure Key Vault, through azure-keyvault-keys and azure-identity. The only file that imports them.

Private to the collection. See the REST reference of Azure Key Vault, operations `encrypt`, `decrypt` and `get key`.
"""

from __future__ import annotations

import base64
import binascii
import typing as t

from ..._errors import DataKeyError, FluxseedError, MissingLibraryError
from . import remote
from .azure_kv import AzureKey
from .base import Surroundings
from .remote import NoAnswerError, RefusalError, RemoteService

ALGORITHM = "RSA-OAEP-256"
_FIX = "set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, or log in with az login"
_NO_VAULT = "the vault answered without a value: is it a vault?"


class AzureService(RemoteService[AzureKey]):
    """All vaults that keys name."""

    label = "Azure Key Vault"
    loggers = ("azure", "msal", "urllib3")

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__()
        try:
            from azure import identity  # noqa: PLC0415 - on first use
            from azure.core import exceptions as errors  # noqa: PLC0415
            from azure.core import rest  # noqa: PLC0415
            from azure.keyvault import keys  # noqa: PLC0415
        except ImportError:
            hint = "pip install 'fluxseed[azure]', or pip install azure-keyvault-keys azure-identity"
            raise MissingLibraryError("azure-keyvault-keys with azure-identity", hint=hint) from None
        self._errors, self._rest, self._identity, self._keys = errors, rest, identity, keys
        # What comes back and is no JSON, or asks for a login elsewhere, is a ValueError.
        self.failures = (errors.AzureError, ValueError)
        self._surroundings = surroundings
        self._environment = surroundings.environment
        self._patience = {
            "retry_total": remote.ATTEMPTS - 1,
            "retry_backoff_factor": 0.3,
            "connection_timeout": remote.CONNECT_SECONDS,
            "read_timeout": remote.ANSWER_SECONDS,
        }

    def place(self, key: AzureKey) -> str:
        """The URL of the vault."""
        if not key.text("vault_url").startswith("https://"):
            raise RefusalError(f"{key.text('vault_url')!r} is no vault: it is written https://NAME.vault.azure.net")
        return key.text("vault_url").rstrip("/")

    def connect(self, place: str) -> t.Any:
        """A client for one vault."""
        settings = {**self._patience, "transport": self._brief_transport()}
        try:
            credential = self._credential()
        except ValueError:
            # What is no certificate or no tenant; the text may quote it.
            raise RefusalError(f"the credentials for Azure are malformed: {_FIX}") from None
        return self._keys.KeyClient(vault_url=place, credential=credential, **settings)

    def complete(self, client: t.Any, key: AzureKey) -> AzureKey:
        """The key in its current version, if none is named: what it opens later has to be said in the file."""
        if key.text("version"):
            return key
        version: str = client.get_key(key.text("name")).properties.version
        return key.in_version(version)

    def encrypt(self, client: t.Any, key: AzureKey, data_key: bytes) -> str:
        """The result in base64 for URLs, without padding."""
        return self._operation(client, key, "encrypt", base64.urlsafe_b64encode(data_key).decode("ascii").rstrip("="))

    def decrypt(self, client: t.Any, key: AzureKey) -> bytes:
        """The data key."""
        value = self._operation(client, key, "decrypt", key.enc.strip())
        try:
            return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
        except binascii.Error:
            raise RefusalError("the vault answered with something that is no base64") from None

    def _operation(self, client: t.Any, key: AzureKey, name: str, value: str) -> str:
        # The library's own client for this would fetch the public key and encrypt here; sops lets the vault do it.
        path = f"/keys/{key.text('name')}/{key.text('version')}/{name}"
        answer = client.send_request(
            self._rest.HttpRequest("POST", path, json={"alg": ALGORITHM, "value": value}),
            # Sent again it changes nothing, which the library does not expect of a POST.
            retry_on_methods=["GET", "POST"],
            **self._patience,
        )
        answer.raise_for_status()
        told = answer.json()
        found = told.get("value") if isinstance(told, dict) else None
        if not isinstance(found, str):
            raise RefusalError(_NO_VAULT)
        return found.rstrip("=")

    def told(self, exc: Exception, key: AzureKey) -> DataKeyError:
        """What the client raised, by the status of the answer."""
        vault, kinds = key.text("vault_url"), self._errors
        if isinstance(exc, (kinds.ServiceRequestError, kinds.ServiceResponseError)) or remote.is_connection(exc):
            return remote.unreachable(self.label, vault, exc)
        if isinstance(exc, (kinds.DecodeError, ValueError)):
            return RefusalError(_NO_VAULT)
        status = 401 if isinstance(exc, kinds.ClientAuthenticationError) else getattr(exc, "status_code", None) or 0
        if status == 429:
            return NoAnswerError(f"{vault} is too busy, {remote.ATTEMPTS} attempts were turned away: try again later")
        if status >= 500:
            return NoAnswerError(f"{vault} has a fault of its own ({status}): try again later")
        said = {
            400: "the wrapped data key is damaged, or not of this version of the key",
            401: f"the credentials are missing, or Azure refuses them: {_FIX}",
            403: "these credentials may not use it: allow encrypt, decrypt and get on keys of the vault",
            404: f"there is no key {key.recipient}: was it deleted?",
        }
        return RefusalError(said.get(status, f"{vault} refused it ({status or type(exc).__name__})"))

    def _credential(self) -> t.Any:
        """What the environment holds, else what the library finds by itself."""
        tenant, client = self._environment.get("AZURE_TENANT_ID"), self._environment.get("AZURE_CLIENT_ID")
        secret = self._environment.get("AZURE_CLIENT_SECRET")
        certificate = self._environment.get("AZURE_CLIENT_CERTIFICATE_PATH")
        host = self._environment.get("AZURE_AUTHORITY_HOST")
        authority = {**self._patience, "transport": self._brief_transport(), **({"authority": host} if host else {})}
        if tenant and client and secret:
            return self._identity.ClientSecretCredential(tenant, client, secret, **authority)
        if not self._surroundings.ambient:
            if tenant and client and certificate:
                return self._certified(tenant, client, certificate, authority)
            raise NoAnswerError("there is neither a client secret nor a certificate for Azure among what was given")
        return self._identity.DefaultAzureCredential(**authority)

    def _brief_transport(self) -> t.Any:
        """What sends, and pauses: the library stays away for as long as a service says, be it for a day."""
        from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415 - on first use

        class Brief(RequestsTransport):  # type: ignore[misc]
            def sleep(self, duration: float) -> None:
                super().sleep(min(duration, remote.LONGEST_PAUSE))

        return Brief(connection_timeout=remote.CONNECT_SECONDS, read_timeout=remote.ANSWER_SECONDS)

    def _certified(self, tenant: str, client: str, path: str, authority: dict[str, t.Any]) -> t.Any:
        try:
            text = self._surroundings.read_file(path)
        except (FluxseedError, OSError):
            text = None
        if text is None:
            raise RefusalError("the client certificate for Azure cannot be read")
        password = self._environment.get("AZURE_CLIENT_CERTIFICATE_PASSWORD")
        return self._identity.CertificateCredential(
            tenant, client, certificate_data=text.encode(), password=password or None, **authority
        )
