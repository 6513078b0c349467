# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials for OCI registries and buckets, as source-controller reads them from Secrets.

Private to the collection. Pure.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from .._errors import InvalidInputError

DOCKER_CONFIG = ".dockerconfigjson"
DOCKER_TYPE = "kubernetes.io/dockerconfigjson"
_OPTION = "source_credentials"
_BUCKET_KEYS = {
    "access_key": "accesskey",
    "secret_key": "secretkey",
    "tenant_id": "tenantId",
    "client_id": "clientId",
    "client_secret": "clientSecret",
    "client_certificate": "clientCertificate",
    "client_certificate_password": "clientCertificatePassword",
    "account_key": "accountKey",
    "sas_key": "sasKey",
    "service_account": "serviceaccount",
}
"""Option and entry of the Secret of a Bucket."""
_BUCKET_FORMS = (
    {"access_key", "secret_key"},
    {"tenant_id", "client_id", "client_secret"},
    {"tenant_id", "client_id", "client_certificate"},
    {"tenant_id", "client_id", "client_certificate", "client_certificate_password"},
    {"client_id"},
    {"account_key"},
    {"sas_key"},
    {"service_account"},
)
_TLS_KEYS = {"ca_crt": "ca.crt", "tls_crt": "tls.crt", "tls_key": "tls.key"}


@dataclass(frozen=True)
class SourceCredential:
    """What opens a registry or a bucket; unused parts are empty."""

    username: str = ""
    password: str = field(default="", repr=False)
    docker_config: str = field(default="", repr=False)
    access_key: str = field(default="", repr=False)
    secret_key: str = field(default="", repr=False)
    tenant_id: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    client_certificate: str = field(default="", repr=False)
    client_certificate_password: str = field(default="", repr=False)
    account_key: str = field(default="", repr=False)
    sas_key: str = field(default="", repr=False)
    service_account: str = field(default="", repr=False)
    ca_crt: str = field(default="", repr=False)
    tls_crt: str = field(default="", repr=False)
    tls_key: str = field(default="", repr=False)

    @property
    def given(self) -> set[str]:
        """Return the names of the parts that are not empty."""
        return {each.name for each in fields(self) if getattr(self, each.name)}

    def check(self, kind: str) -> None:
        """Refuse what source-controller could not use for an `oci` or a `bucket` source.

        Raises:
            InvalidInputError: names the option.
        """
        given = self.given - _TLS_KEYS.keys()
        allowed = {"username", "password", "docker_config"} if kind == "oci" else _BUCKET_KEYS.keys()
        for option in sorted(given - allowed):
            raise InvalidInputError(f"has no meaning for source.kind {kind}", where=f"{_OPTION}.{option}")
        if bool(self.tls_crt) != bool(self.tls_key):
            absent = "tls_key" if self.tls_crt else "tls_crt"
            raise InvalidInputError("tls_crt and tls_key belong together", where=f"{_OPTION}.{absent}")
        if kind == "oci" and given:
            check_docker(self.username, self.password, self.docker_config, where=_OPTION)
        elif given and given not in _BUCKET_FORMS:
            forms = "; ".join(" with ".join(sorted(form)) for form in _BUCKET_FORMS)
            raise InvalidInputError(
                f"{' with '.join(sorted(given))} is no credential of a bucket", where=_OPTION, hint=f"one of: {forms}"
            )
        elif not self.given:
            raise InvalidInputError("is empty", where=_OPTION, hint="are the variables set?")

    def data(self, kind: str, url: str) -> dict[str, str]:
        """Return the entries of the Secret that `spec.secretRef` names; empty when there are none."""
        if kind == "oci":
            if not self.given & {"username", "password", "docker_config"}:
                return {}
            return {DOCKER_CONFIG: self.docker_config or docker_config(registry_of(url), self.username, self.password)}
        return {entry: getattr(self, option) for option, entry in _BUCKET_KEYS.items() if getattr(self, option)}

    def tls_data(self) -> dict[str, str]:
        """Return the entries of the Secret that `spec.certSecretRef` names; empty when there are none."""
        return {entry: getattr(self, option) for option, entry in _TLS_KEYS.items() if getattr(self, option)}


@dataclass(frozen=True)
class ImagePull:
    """What the nodes need to pull the images of Flux from a private registry."""

    name: str
    registry: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    docker_config: str = field(default="", repr=False)

    def check(self) -> None:
        """Refuse what the nodes could not use.

        Raises:
            InvalidInputError: names the option.
        """
        where = "image_pull_secret"
        check_docker(self.username, self.password, self.docker_config, where=where)
        if not self.docker_config and not self.registry:
            raise InvalidInputError("is needed with a username", where=f"{where}.registry")

    def data(self) -> dict[str, str]:
        """Return the entries of the Secret."""
        return {DOCKER_CONFIG: self.docker_config or docker_config(self.registry, self.username, self.password)}


def docker_config(registry: str, username: str, password: str) -> str:
    """Return the configuration of docker that logs in to one registry."""
    pair = base64.b64encode(f"{username}:{password}".encode()).decode()
    login = {"username": username, "password": password, "auth": pair}
    return json.dumps({"auths": {registry: login}}, separators=(",", ":"))


def registry_of(url: str) -> str:
    """Return host and port of an oci:// URL."""
    return url.removeprefix("oci://").partition("/")[0]


def check_docker(username: str, password: str, config: str, *, where: str) -> None:
    """Refuse what is no login to a registry, without a word about its content.

    Raises:
        InvalidInputError: names the option.
    """
    if config:
        if username or password:
            raise InvalidInputError("give either docker_config or username and password", where=where)
        try:
            decoded = json.loads(config)
        except ValueError:
            decoded = None
        if not isinstance(decoded, Mapping) or not isinstance(decoded.get("auths"), Mapping) or not decoded["auths"]:
            raise InvalidInputError(
                "must be a JSON object with auths in it",
                where=f"{where}.docker_config",
                hint="docker login writes such a file, ~/.docker/config.json, unless it uses a helper program",
            )
        return
    for option, value in (("username", username), ("password", password)):
        if not value:
            raise InvalidInputError("is empty", where=f"{where}.{option}", hint="is the variable for it set?")
