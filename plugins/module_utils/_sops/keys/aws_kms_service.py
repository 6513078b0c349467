# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrapping with AWS KMS, through boto3. The only file that imports it.

Private to the collection. See the API reference of AWS KMS (Encrypt, Decrypt) and of AWS STS (AssumeRole).
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import socket
import threading
import typing as t

from ..._errors import DataKeyError, MissingLibraryError
from . import remote
from .aws_kms import AwsKmsKey
from .base import Surroundings
from .remote import NoAnswerError, RefusalError, RemoteService

_ARN = re.compile(r"arn:aws[\w-]*:kms:(.+):[0-9]+:(?:key|alias)/.+\Z", re.ASCII)
_NOT_IN_SESSION_NAMES = re.compile(r"[^a-zA-Z0-9=,.@-_]+")
"""sops lets pass what stands between `@` and `_` in ASCII, so that a hyphen goes."""
_LONGEST_SESSION_NAME = 64
_FIX_CREDENTIALS = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile"
_SAID = {
    "AccessDenied": "these credentials may not use it: allow kms:Encrypt and kms:Decrypt on the key",
    "AccessDeniedException": "these credentials may not use it: allow kms:Encrypt and kms:Decrypt on the key",
    "NotFoundException": "there is no such key in this account and region",
    "DisabledException": "the key is disabled: enable it",
    "KMSInvalidStateException": "the key cannot be used in the state it is in: is it waiting for its deletion?",
    "InvalidCiphertextException": "the wrapped data key is not of this key, or was wrapped with another encryption context",
    "IncorrectKeyException": "the wrapped data key is of another key",
    "UnrecognizedClientException": "the credentials are not known there",
    "InvalidClientTokenId": "the credentials are not known there",
    "InvalidSignatureException": "the secret access key is not the right one",
    "SignatureDoesNotMatch": "the secret access key is not the right one",
    "ExpiredTokenException": "the session token has expired: log in again",
    "ExpiredToken": "the session token has expired: log in again",
}
_BUSY = {
    "ThrottlingException",
    "Throttling",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
}


class Place(t.NamedTuple):
    """What one client of KMS is good for."""

    region: str
    profile: str
    role: str


class AwsKmsService(RemoteService[AwsKmsKey]):
    """AWS KMS in all regions that keys name."""

    label = "AWS KMS"
    loggers = ("botocore",)

    def __init__(self, surroundings: Surroundings) -> None:
        super().__init__()
        try:
            import boto3  # noqa: PLC0415 - on first use
            import botocore.config  # noqa: PLC0415
            import botocore.credentials  # noqa: PLC0415
            import botocore.exceptions as errors  # noqa: PLC0415
            import botocore.parsers  # noqa: PLC0415
            import botocore.session  # noqa: PLC0415
        except ImportError:
            raise MissingLibraryError("boto3", hint="pip install 'fluxseed[aws]', or pip install boto3") from None
        self._boto3, self._botocore, self._errors = boto3, botocore, errors
        # An answer that is not of AWS: no XML, no base64, or without the field that is due.
        self._not_aws = (botocore.parsers.ResponseParserError, binascii.Error, KeyError)
        # An endpoint that is no URL is a ValueError.
        self.failures = (errors.BotoCoreError, errors.ClientError, *self._not_aws, ValueError)
        self._environment = surroundings.environment
        self._ambient = surroundings.ambient
        self._making = threading.Lock()

    def place(self, key: AwsKmsKey) -> Place:
        """Region, profile and role."""
        match = _ARN.match(key.text("arn"))
        if match is None:
            raise RefusalError(
                f"{key.text('arn')!r} is no ARN of a key: it is written arn:aws:kms:REGION:ACCOUNT:key/ID, or alias/NAME"
            )
        profile = key.text("aws_profile")
        if profile and not self._ambient:
            raise RefusalError(f"it names the AWS profile {profile}, and only the given credentials may be used")
        return Place(match[1], profile, key.text("role"))

    def connect(self, place: Place) -> t.Any:
        """A client of KMS with the credentials of the role, if there is one; they are renewed before they expire."""
        # Only clients may be shared by threads; making them is a matter of one.
        with self._making:
            session = self._session(place)
            client = self._made(session, "sts" if place.role else "kms", place)
        if not place.role:
            return client
        renewable = self._botocore.credentials.RefreshableCredentials.create_from_metadata
        credentials = renewable(_taken_on(client, place.role), lambda: _taken_on(client, place.role), "sts-assume-role")
        with self._making:
            acting = self._botocore.session.Session(profile=place.profile or None, session_vars=self._session_vars())
            acting.register_component("credential_provider", _Given(credentials))
            return self._made(self._boto3.Session(botocore_session=acting), "kms", place)

    def encrypt(self, client: t.Any, key: AwsKmsKey, data_key: bytes) -> str:
        """The ciphertext blob in base64."""
        answer = client.encrypt(KeyId=key.text("arn"), Plaintext=data_key, EncryptionContext=key.context)
        return base64.b64encode(answer["CiphertextBlob"]).decode("ascii")

    def decrypt(self, client: t.Any, key: AwsKmsKey) -> bytes:
        """The data key; the encryption context has to be the one it was wrapped with."""
        blob = remote.decoded(key.enc)
        answer = client.decrypt(KeyId=key.text("arn"), CiphertextBlob=blob, EncryptionContext=key.context)
        plain: bytes = answer["Plaintext"]
        return plain

    def told(self, exc: Exception, key: AwsKmsKey) -> DataKeyError:
        """What botocore raised, by the code of the service."""
        region = self.place(key).region
        if isinstance(exc, self._errors.ClientError):
            return self._refusal(exc, key)
        if isinstance(exc, (self._errors.ConnectionError, self._errors.HTTPClientError)):
            return remote.unreachable(self.label, region, exc)
        if isinstance(exc, self._not_aws):
            return NoAnswerError(f"what answers for AWS in {region} is not AWS: look at AWS_ENDPOINT_URL and the proxy")
        return self._unusable(exc, key)

    def _unusable(self, exc: Exception, key: AwsKmsKey) -> DataKeyError:
        """What is wrong with the settings of this side."""
        if isinstance(exc, self._errors.ProfileNotFound):
            return RefusalError(
                f"there is no AWS profile {key.text('aws_profile')}: make it, or take it out of the rule"
            )
        if isinstance(exc, (self._errors.NoCredentialsError, self._errors.PartialCredentialsError)):
            return NoAnswerError(f"there are no AWS credentials: {_FIX_CREDENTIALS}")
        if isinstance(exc, self._errors.SSOError):
            return NoAnswerError("the login to AWS cannot be used or has run out: aws sso login")
        if not isinstance(exc, self._errors.BotoCoreError):
            return RefusalError("the endpoint of AWS is no URL: write AWS_ENDPOINT_URL with https:// before the host")
        # A region that cannot be, a file with a mistake: the class says it, the text may quote a file.
        return RefusalError(f"the AWS settings here cannot be used ({type(exc).__name__}): {_FIX_CREDENTIALS}")

    def _refusal(self, exc: t.Any, key: AwsKmsKey) -> DataKeyError:
        code = str(exc.response.get("Error", {}).get("Code", ""))
        status = int(exc.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if code in _BUSY:
            return NoAnswerError(f"AWS KMS is too busy, {remote.ATTEMPTS} attempts were turned away: try again later")
        if status >= 500 and code not in _SAID:
            return NoAnswerError(f"AWS KMS has a fault of its own ({code or status}): try again later")
        if exc.operation_name == "AssumeRole":
            said = (
                "may not be taken on" if code.startswith("AccessDenied") else _SAID.get(code, f"was refused ({code})")
            )
            return RefusalError(f"the role {key.text('role')}: {said}: see its trust policy, and allow sts:AssumeRole")
        return RefusalError(_SAID.get(code, f"AWS KMS refused it ({code})"))

    def _session(self, place: Place) -> t.Any:
        given = self._given()
        if self._ambient:
            # A profile that the key names wins over credentials of the environment, as in every client of AWS.
            return self._boto3.Session(**({"profile_name": place.profile} if place.profile else given))
        if not given:
            raise NoAnswerError("there are no AWS credentials among what was given")
        alone = self._botocore.session.Session(session_vars=self._session_vars())
        return self._boto3.Session(botocore_session=alone, **given)

    def _session_vars(self) -> dict[str, t.Any]:
        """What keeps a session from files and profiles, where only the given credentials count."""
        nothing = (None, None, os.devnull, None)
        files = {"config_file": nothing, "credentials_file": nothing, "profile": (None, None, None, None)}
        return {} if self._ambient else files

    def _given(self) -> dict[str, str]:
        names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        found = {name.lower(): self._environment.get(name, "") for name in names}
        if not found["aws_access_key_id"] or not found["aws_secret_access_key"]:
            return {}
        return {name: value for name, value in found.items() if value}

    def _made(self, session: t.Any, service: str, place: Place) -> t.Any:
        config = self._botocore.config.Config(
            connect_timeout=remote.CONNECT_SECONDS,
            read_timeout=remote.ANSWER_SECONDS,
            max_pool_connections=16,
            # Turned away, it lets all its threads send less; see "adaptive" in the documentation of botocore.
            retries={"mode": "adaptive", "total_max_attempts": remote.ATTEMPTS},
            **({} if self._ambient else {"ignore_configured_endpoint_urls": True}),
        )
        of_service = self._environment.get(f"AWS_ENDPOINT_URL_{service.upper()}")
        endpoint = of_service or self._environment.get("AWS_ENDPOINT_URL")
        return session.client(service, region_name=place.region, endpoint_url=endpoint, config=config)


class _Given(t.NamedTuple):
    """Credentials in the place where a session looks for some."""

    credentials: t.Any

    def load_credentials(self) -> t.Any:
        """The credentials."""
        return self.credentials


def _taken_on(client: t.Any, role: str) -> dict[str, str]:
    """The credentials of a role, as botocore wants to be given new ones."""
    given = client.assume_role(RoleArn=role, RoleSessionName=session_name())["Credentials"]
    names = {"access_key": "AccessKeyId", "secret_key": "SecretAccessKey", "token": "SessionToken"}
    return {**{name: given[own] for name, own in names.items()}, "expiry_time": given["Expiration"].isoformat()}


def session_name() -> str:
    """The name of the session of a role: `sops@` and the host, without what AWS takes no notice of."""
    return f"sops@{_NOT_IN_SESSION_NAMES.sub('', socket.gethostname())}"[:_LONGEST_SESSION_NAME]
