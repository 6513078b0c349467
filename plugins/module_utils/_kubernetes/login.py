# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which API server is meant, and as whom: the options of kubernetes.core, with its rules.

Private to the collection. Pure.
"""

from __future__ import annotations

import dataclasses
import os
import typing as t
from collections.abc import Mapping
from pathlib import Path

from .._errors import InvalidInputError, KubeconfigError

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_TRUE, _FALSE = {"1", "true", "yes", "on", "y"}, {"0", "false", "no", "off", "n"}

VARIABLES = {
    "kubeconfig": "K8S_AUTH_KUBECONFIG",
    "context": "K8S_AUTH_CONTEXT",
    "host": "K8S_AUTH_HOST",
    "api_key": "K8S_AUTH_API_KEY",
    "username": "K8S_AUTH_USERNAME",
    "password": "K8S_AUTH_PASSWORD",
    "ca_cert": "K8S_AUTH_SSL_CA_CERT",
    "client_cert": "K8S_AUTH_CERT_FILE",
    "client_key": "K8S_AUTH_KEY_FILE",
    "validate_certs": "K8S_AUTH_VERIFY_SSL",
    "proxy": "K8S_AUTH_PROXY",
    "no_proxy": "K8S_AUTH_NO_PROXY",
    "impersonate_user": "K8S_AUTH_IMPERSONATE_USER",
    "impersonate_groups": "K8S_AUTH_IMPERSONATE_GROUPS",
}
"""Environment variables that stand in for options, as in kubernetes.core."""


@dataclasses.dataclass(frozen=True)
class Login:
    """Everything that says which server is meant, and as whom; what is None is taken from the kubeconfig."""

    kubeconfig: str | Mapping[str, t.Any] | None = dataclasses.field(default=None, repr=False)
    context: str | None = None
    host: str | None = None
    api_key: str | None = dataclasses.field(default=None, repr=False)
    username: str | None = None
    password: str | None = dataclasses.field(default=None, repr=False)
    ca_cert: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    validate_certs: bool | None = None
    proxy: str | None = None
    no_proxy: str | None = None
    impersonate_user: str | None = None
    impersonate_groups: tuple[str, ...] = ()

    @classmethod
    def of(cls, params: Mapping[str, t.Any], environment: Mapping[str, str]) -> Login:
        """Take options, and the environment variables of kubernetes.core for those that are not given.

        Raises:
            InvalidInputError: a value that has no meaning.
            KubeconfigError: a certificate or key that is not there.
        """
        given: dict[str, t.Any] = {option: params.get(option) for option in VARIABLES}
        for option, variable in VARIABLES.items():
            if given[option] in (None, "", []) and environment.get(variable):
                given[option] = environment[variable]
        groups = given["impersonate_groups"] or ()
        given["impersonate_groups"] = tuple(groups.split(",") if isinstance(groups, str) else groups)
        given["validate_certs"] = _boolean(given["validate_certs"], VARIABLES["validate_certs"])
        given["kubeconfig"] = _kubeconfig(given["kubeconfig"])
        for option in ("ca_cert", "client_cert", "client_key"):
            given[option] = _existing(given[option], option)
        wanted: dict[str, t.Any] = {option: None if value == "" else value for option, value in given.items()}
        login = cls(**wanted)
        login.check()
        return login

    @property
    def is_complete(self) -> bool:
        """Return whether no kubeconfig is needed, and so none is read."""
        proofs = (self.username and self.password, self.api_key, self.client_cert and self.client_key)
        return bool(self.host and any(proofs))

    def is_in_cluster(self, environment: Mapping[str, str], folder: str = SERVICE_ACCOUNT) -> bool:
        """Return whether this runs in a Pod whose service account is meant: nothing else is named, and it is mounted."""
        if self.kubeconfig or self.context or environment.get("KUBECONFIG"):
            return False
        return bool(environment.get("KUBERNETES_SERVICE_HOST")) and Path(folder, "token").is_file()

    def check(self) -> None:
        """Refuse what has no meaning.

        Raises:
            InvalidInputError: names the option.
        """
        if self.host and not self.host.startswith(("https://", "http://")):
            raise InvalidInputError(
                "must start with https://", where="host", hint="for example https://192.0.2.10:6443"
            )
        if bool(self.client_cert) != bool(self.client_key):
            absent = "client_key" if self.client_cert else "client_cert"
            raise InvalidInputError("client_cert and client_key belong together", where=absent)
        if self.impersonate_groups and not self.impersonate_user:
            raise InvalidInputError("a group needs a user beside it", where="impersonate_user")


def _boolean(value: t.Any, variable: str) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    text = str(value).lower()
    if text in _TRUE | _FALSE:
        return text in _TRUE
    raise InvalidInputError("must be true or false", where=variable)


def _kubeconfig(given: t.Any) -> str | Mapping[str, t.Any] | None:
    if given is None or isinstance(given, Mapping):
        return given
    if isinstance(given, str):
        return os.pathsep.join(str(Path(path).expanduser()) for path in given.split(os.pathsep)) if given else None
    raise InvalidInputError("must be a path or a mapping", where="kubeconfig")


def _existing(given: t.Any, option: str) -> str | None:
    if not given:
        return None
    path = Path(str(given)).expanduser()
    if not path.is_file():
        raise KubeconfigError("there is no such file", where=f"{option} {path}", hint="give the path of a PEM file")
    return str(path)
