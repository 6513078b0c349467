# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrapping with Google Cloud KMS, through google-cloud-kms. The only file that imports it.

Private to the collection. See the reference of the Cloud KMS API, `cryptoKeys.encrypt` and `cryptoKeys.decrypt`.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import typing as t

from ..._errors import DataKeyError, FluxseedError, MissingLibraryError
from . import remote
from .base import Surroundings
from .gcp_kms import GcpKmsKey
from .remote import NoAnswerError, RefusalError, RemoteService

CREDENTIALS, TOKEN = "GOOGLE_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN"
_RESOURCE = re.compile(r"projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+\Z")
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_FIX = f"set {CREDENTIALS} to the JSON of a service account or the path of it"


class GcpKmsService(RemoteService[GcpKmsKey]):
    """Google Cloud KMS; one client is good for all keys."""

    label = "Google Cloud KMS"
    loggers = ("google", "grpc", "urllib3")

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__()
        try:
            import google.auth  # noqa: PLC0415 - on first use, two seconds
            import google.auth.exceptions  # noqa: PLC0415
            import google.oauth2.credentials  # noqa: PLC0415
            import google.oauth2.service_account  # noqa: PLC0415
            import requests  # noqa: PLC0415 - what the REST client sends with
            from google.api_core import client_options, exceptions, retry  # noqa: PLC0415
            from google.cloud import kms_v1  # noqa: PLC0415
        except ImportError:
            raise MissingLibraryError(
                "google-cloud-kms", hint="pip install 'fluxseed[gcp]', or pip install google-cloud-kms requests"
            ) from None
        self._google, self._kms, self._errors, self._options = google, kms_v1, exceptions, client_options
        self._connection_errors = (requests.exceptions.ConnectionError, requests.exceptions.Timeout)
        self.failures = (
            exceptions.GoogleAPIError,
            google.auth.exceptions.GoogleAuthError,
            requests.exceptions.RequestException,
        )
        self._retry = retry
        self._surroundings = surroundings
        self._environment = surroundings.environment

    def place(self, key: GcpKmsKey) -> str:
        """The same for all keys that have the form of one."""
        if not _RESOURCE.match(key.text("resource_id")):
            raise RefusalError(
                f"{key.text('resource_id')!r} is no key: it is written projects/…/locations/…/keyRings/…/cryptoKeys/…"
            )
        return self._environment.get("SOPS_GCP_KMS_ENDPOINT") or "cloudkms"

    def connect(self, place: str) -> t.Any:
        """A client that speaks gRPC, or REST if SOPS_GCP_KMS_CLIENT_TYPE says so."""
        del place
        endpoint = self._environment.get("SOPS_GCP_KMS_ENDPOINT")
        universe = self._environment.get("SOPS_GCP_KMS_UNIVERSE_DOMAIN")
        chosen = {"api_endpoint": endpoint} if endpoint else {"universe_domain": universe} if universe else {}
        is_rest = self._environment.get("SOPS_GCP_KMS_CLIENT_TYPE", "").lower() == "rest"
        return self._kms.KeyManagementServiceClient(
            credentials=self._credentials(),
            transport="rest" if is_rest else "grpc",
            client_options=self._options.ClientOptions(**chosen),
        )

    def encrypt(self, client: t.Any, key: GcpKmsKey, data_key: bytes) -> str:
        """The ciphertext in base64, as sops stores it."""
        request = {"name": key.text("resource_id"), "plaintext": data_key}
        answer = client.encrypt(request=request, retry=self._patience(), timeout=remote.ANSWER_SECONDS)
        return base64.b64encode(answer.ciphertext).decode("ascii")

    def decrypt(self, client: t.Any, key: GcpKmsKey) -> bytes:
        """The data key."""
        request = {"name": key.text("resource_id"), "ciphertext": remote.decoded(key.enc)}
        answer = client.decrypt(request=request, retry=self._patience(), timeout=remote.ANSWER_SECONDS)
        return bytes(answer.plaintext)

    def told(self, exc: Exception, key: GcpKmsKey) -> DataKeyError:
        """What the client raised, by its class."""
        kinds, auth = self._errors, self._google.auth.exceptions
        cause = exc.cause if isinstance(exc, kinds.RetryError) and isinstance(exc.cause, Exception) else exc
        place = self._environment.get("SOPS_GCP_KMS_ENDPOINT") or "cloudkms.googleapis.com"
        if isinstance(cause, (*self._connection_errors, auth.TransportError, kinds.ServiceUnavailable)):
            return remote.unreachable(self.label, place, cause)
        if isinstance(cause, kinds.TooManyRequests):
            return NoAnswerError(
                f"Google Cloud KMS is too busy, {remote.ATTEMPTS} attempts were turned away: try again later"
            )
        if isinstance(cause, (kinds.ServerError, kinds.RetryError)):
            return NoAnswerError(f"Google Cloud KMS has a fault of its own ({type(cause).__name__}): try again later")
        if isinstance(cause, auth.DefaultCredentialsError):
            return NoAnswerError(f"there are no credentials of Google Cloud: {_FIX}")
        for kind, said in self._meanings(key):
            if isinstance(cause, kind):
                return RefusalError(said)
        return RefusalError(f"Google Cloud KMS refused it ({type(cause).__name__})")

    def _meanings(self, key: GcpKmsKey) -> t.Iterator[tuple[type[Exception], str]]:
        kinds, auth = self._errors, self._google.auth.exceptions
        yield auth.GoogleAuthError, f"the credentials are refused: {_FIX}"
        yield kinds.Unauthenticated, f"the credentials are refused: {_FIX}"
        yield kinds.Unauthorized, f"the credentials are refused: {_FIX}"
        yield kinds.Forbidden, "these credentials may not use it: grant roles/cloudkms.cryptoKeyEncrypterDecrypter"
        yield kinds.NotFound, f"there is no key {key.text('resource_id')}"
        yield kinds.FailedPrecondition, "the key is disabled or destroyed: enable the version it was wrapped with"
        yield kinds.BadRequest, "the wrapped data key is damaged, or not of this key"

    def _patience(self) -> t.Any:
        """What counts the attempts of one request; the library itself knows no number of them, only a time."""
        attempts = itertools.count(1)
        busy = (self._errors.TooManyRequests, self._errors.ServiceUnavailable)
        return self._retry.Retry(
            predicate=lambda exc: isinstance(exc, busy) and next(attempts) < remote.ATTEMPTS,
            initial=remote.LONGEST_PAUSE / 2,
            maximum=remote.LONGEST_PAUSE,
            timeout=remote.ANSWER_SECONDS,
        )

    def _credentials(self) -> t.Any:
        """Those of the environment in the order of sops; None is what the client finds by itself."""
        given = self._environment.get(CREDENTIALS, "")
        if given:
            return self._loaded(given)
        token = self._environment.get(TOKEN, "")
        if token:
            return self._google.oauth2.credentials.Credentials(token)
        if not self._surroundings.ambient:
            raise NoAnswerError("there are no credentials of Google Cloud among what was given")
        return None

    def _loaded(self, given: str) -> t.Any:
        try:
            text = given if given.lstrip().startswith("{") else self._surroundings.read_file(given)
            found = json.loads(text or "")
            if found["type"] == "service_account":
                return self._google.oauth2.service_account.Credentials.from_service_account_info(found, scopes=[_SCOPE])
            if found["type"] == "authorized_user":
                return self._google.oauth2.credentials.Credentials.from_authorized_user_info(found, scopes=[_SCOPE])
            return self._google.auth.load_credentials_from_dict(found, scopes=[_SCOPE])[0]
        except (FluxseedError, OSError, ValueError, KeyError, TypeError):
            # The cause may quote the private key.
            raise RefusalError(f"{CREDENTIALS} is no credential of Google Cloud: {_FIX}") from None
