# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources of private keys that sops lacks: a variable under Ansible Vault, and the Secret that Flux decrypts with.

Private to the collection. A source is a label, by which it is reported, and what reads it when it is needed.
"""

from __future__ import annotations

import base64
import binascii
import typing as t
from collections.abc import Callable, Mapping

from .._errors import FluxseedError, InvalidInputError, KubernetesError, VaultFileError
from .._kubernetes.objects import Reference, section
from .cluster import CONNECTION_SPEC, connect
from .key_places.base import SECRET_NAME, SECRET_NAMESPACE, SECRET_SPEC

SOURCE_SPEC: dict[str, dict[str, t.Any]] = {
    "kubernetes": {"type": "dict", "options": SECRET_SPEC},
    "vault_file": {"type": "path"},
    "vault_variable": {"type": "str", "default": "sops_age_private_key"},
    **CONNECTION_SPEC,
}
AGE_SUFFIX, PGP_SUFFIX = ".agekey", ".asc"

Source = tuple[str, Callable[[], str]]


def sources(params: Mapping[str, t.Any], open_vault_file: t.Any) -> list[Source]:
    """Return the sources that the options name; none is read yet.

    Raises:
        InvalidInputError: an option has no meaning.
    """
    found: list[Source] = []
    if params.get("vault_file"):
        path, name = params["vault_file"], params["vault_variable"]
        found.append((f"{path}, variable {name}", _told(lambda: _variable(open_vault_file, path, name))))
    wanted = params.get("kubernetes")
    if wanted is not None:
        if unknown := set(wanted) - set(SECRET_SPEC):
            raise InvalidInputError(
                f"has no meaning, only {' and '.join(SECRET_SPEC)} have", where=f"kubernetes.{min(unknown)}"
            )
        secret = _Secret(params, wanted.get("namespace") or SECRET_NAMESPACE, wanted.get("name") or SECRET_NAME)
        found.append((str(secret.target), _told(secret.age_keys)))
        found.append((f"{secret.target}, *{PGP_SUFFIX}", _told(secret.pgp_keys)))
    return found


def _told(read: Callable[[], str]) -> Callable[[], str]:
    """Keep place and next step of an error, of which only the message is listed with the other sources that failed."""

    def told() -> str:
        try:
            return read()
        except FluxseedError as exc:
            raise FluxseedError(str(exc)) from None

    return told


def _variable(open_file: t.Any, path: str, name: str) -> str:
    if open_file is None:
        raise InvalidInputError(
            "needs the vault passwords of the play, which only Ansible's own process has",
            hint="use 'connection: local' or 'delegate_to: localhost', 'become: false', and no 'async'",
        )
    file = open_file(path)
    found = file.read((name,))
    if not file.exists:
        raise VaultFileError("there is no such file")
    if name not in found:
        raise VaultFileError("there is no such variable", hint="name another one with vault_variable")
    if not isinstance(found[name], str):
        raise VaultFileError("this is not the text of a private key")
    return t.cast("str", found[name])


class _Secret:
    """The Secret that Flux decrypts with, asked for once for both kinds of keys in it."""

    def __init__(self, params: Mapping[str, t.Any], namespace: str, name: str) -> None:
        self.target = Reference("v1", "Secret", namespace, name)
        self._params = params
        self._data: Mapping[str, t.Any] | None = None

    def age_keys(self) -> str:
        """Return all age keys in it. Trouble with the Secret is told here."""
        from .._kubernetes.api import Api  # noqa: PLC0415 - start-up time, few ask a cluster

        connection = connect(self._params)
        try:
            found = Api(connection).get(self.target)
        finally:
            connection.close()
        if found is None:
            raise KubernetesError(f"is not in the cluster {connection.server}", hint="is the namespace the right one?")
        self._data = section(found, "data")
        if not any(name.endswith((AGE_SUFFIX, PGP_SUFFIX)) for name in self._data):
            raise KubernetesError(
                f"has no entry that ends in {AGE_SUFFIX} or {PGP_SUFFIX}",
                hint=f"its entries: {', '.join(sorted(self._data)) or 'none'}",
            )
        return self._entries(AGE_SUFFIX)

    def pgp_keys(self) -> str:
        """Return all PGP keys in it, nothing if it could not be read."""
        return self._entries(PGP_SUFFIX)

    def _entries(self, suffix: str) -> str:
        data = self._data or {}
        try:
            texts = [
                base64.b64decode(data[name] or "").decode("utf-8") for name in sorted(data) if name.endswith(suffix)
            ]
        except (binascii.Error, UnicodeDecodeError):
            raise KubernetesError("holds something that is not text") from None
        return "\n".join(texts)
