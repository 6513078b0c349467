# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrapping with Huawei Cloud KMS, through huaweicloudsdkkms. The only file that imports it.

Private to the collection. See the API reference of the Data Encryption Workshop, EncryptData and DecryptData.
"""

from __future__ import annotations

import base64
import time
import typing as t
from collections.abc import Callable

from ..._errors import DataKeyError, MissingLibraryError
from . import remote
from .base import Surroundings
from .huawei_kms import HuaweiKmsKey
from .remote import NoAnswerError, RefusalError, RemoteService

_ALGORITHM = "SYMMETRIC_DEFAULT"
_FIX = "set HUAWEICLOUD_SDK_AK, HUAWEICLOUD_SDK_SK and HUAWEICLOUD_SDK_PROJECT_ID"


class HuaweiKmsService(RemoteService[HuaweiKmsKey]):
    """Huawei Cloud KMS in all regions that keys name."""

    label = "Huawei Cloud KMS"
    loggers = ("HuaweiCloud-SDK-KmsClient",)

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__()
        try:
            import huaweicloudsdkkms.v2 as kms  # noqa: PLC0415 - on first use
            import requests  # noqa: PLC0415 - what it sends with
            from huaweicloudsdkcore.auth import credentials, provider  # noqa: PLC0415
            from huaweicloudsdkcore.exceptions import exceptions  # noqa: PLC0415
            from huaweicloudsdkcore.http import http_config  # noqa: PLC0415
            from huaweicloudsdkkms.v2.region import kms_region  # noqa: PLC0415
        except ImportError:
            raise MissingLibraryError(
                "huaweicloudsdkkms", hint="pip install 'fluxseed[huawei]', or pip install huaweicloudsdkkms"
            ) from None
        self._kms, self._credentials, self._provider = kms, credentials, provider
        self._errors, self._http, self._regions = exceptions, http_config, kms_region.KmsRegion
        # Missing credentials are an ApiTypeError or ApiValueError, and a region that it does not know is a KeyError.
        own = (exceptions.SdkException, exceptions.ApiTypeError, exceptions.ApiValueError)
        self.failures = (*own, requests.exceptions.RequestException, KeyError)
        self._environment = surroundings.environment
        self._ambient = surroundings.ambient

    def place(self, key: HuaweiKmsKey) -> str:
        """The region."""
        return key.text("key_id").partition(":")[0].strip()

    def connect(self, place: str) -> t.Any:
        """A client for one region."""
        config = self._http.HttpConfig(
            timeout=(remote.CONNECT_SECONDS, remote.ANSWER_SECONDS), retry_times=remote.ATTEMPTS - 1, pool_maxsize=16
        )
        builder = self._kms.KmsClient.new_builder().with_http_config(config)
        return builder.with_credentials(self._credential()).with_region(self._regions.value_of(place)).build()

    def encrypt(self, client: t.Any, key: HuaweiKmsKey, data_key: bytes) -> str:
        """The text that the service gives."""
        plain = base64.b64encode(data_key).decode("ascii")
        body = self._kms.EncryptDataRequestBody(key_id=_name(key), plain_text=plain, encryption_algorithm=_ALGORITHM)
        return str(self._sent(client.encrypt_data, self._kms.EncryptDataRequest(body=body)).cipher_text)

    def decrypt(self, client: t.Any, key: HuaweiKmsKey) -> bytes:
        """The data key."""
        body = self._kms.DecryptDataRequestBody(cipher_text=key.enc, encryption_algorithm=_ALGORITHM, key_id=_name(key))
        answer = self._sent(client.decrypt_data, self._kms.DecryptDataRequest(body=body))
        return remote.decoded(str(answer.plain_text))

    def _sent(self, send: Callable[[t.Any], t.Any], request: t.Any) -> t.Any:
        """The answer; `retry_times` of the connection sends again what did not arrive, and no POST that was turned away."""
        for attempt in range(1, remote.ATTEMPTS):
            try:
                return send(request)
            except self._errors.ServiceResponseException as exc:
                if not _is_busy(exc.status_code or 0):
                    raise
            time.sleep(min(0.3 * 2**attempt, remote.LONGEST_PAUSE))
        return send(request)

    def told(self, exc: Exception, key: HuaweiKmsKey) -> DataKeyError:
        """What the SDK raised, by its class and the status of the answer."""
        region = self.place(key)
        if isinstance(exc, KeyError):
            return RefusalError(f"there is no region {region} of Huawei Cloud KMS: a key is written region:id")
        if isinstance(exc, self._errors.ServiceResponseException):
            status = exc.status_code or 0
            if _is_busy(status):
                turned_away = f"Huawei Cloud KMS turned it away ({status}), {remote.ATTEMPTS} times"
                return NoAnswerError(f"{turned_away}: try again later")
            if status in (401, 403):
                return RefusalError(f"the credentials are refused, or may not use the key: {_FIX}")
            return RefusalError(
                f"Huawei Cloud KMS refused it ({exc.error_code or status}): is the key there and enabled?"
            )
        if isinstance(exc, (self._errors.ApiTypeError, self._errors.ApiValueError)):
            return NoAnswerError(f"there are no credentials of Huawei Cloud: {_FIX}")
        return remote.unreachable(self.label, region, exc)

    def _credential(self) -> t.Any:
        access, secret = (self._environment.get(f"HUAWEICLOUD_SDK_{name}") for name in ("AK", "SK"))
        if access and secret:
            found = self._credentials.BasicCredentials(
                access, secret, self._environment.get("HUAWEICLOUD_SDK_PROJECT_ID")
            )
            token = self._environment.get("HUAWEICLOUD_SDK_SECURITY_TOKEN")
            return found.with_security_token(token) if token else found
        if not self._ambient:
            raise NoAnswerError("there are no credentials of Huawei Cloud among what was given")
        return self._provider.CredentialProviderChain.get_basic_credential_provider_chain().get_credentials()


def _is_busy(status: int) -> bool:
    return status == 429 or status >= 500


def _name(key: HuaweiKmsKey) -> str:
    return key.text("key_id").partition(":")[2].strip()
