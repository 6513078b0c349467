# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of master keys, by the name of their list in the metadata: how an entry is read, and what wraps with it.

Private to the collection. A kind is imported when a file or a rule names it: start-up is most of the time that a small
file takes. The imports are literal, so that Ansible sends the files along with a module.
"""
# ruff: noqa: PLC0415, PLR0911

from __future__ import annotations

import typing as t

from .. import weak_types
from .age import AgeKey
from .base import KeyService, MasterKey, Surroundings

if t.TYPE_CHECKING:
    from .stored import StoredKey

LISTS = ("kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age")
"""All lists, in the order in which a group is put together."""


def read(kind: str, entry: t.Any, *, where: str) -> MasterKey:
    """An entry of the metadata as a master key; fields that are not known are kept."""
    given = weak_types.mapping(entry, where)
    if kind == "age":
        return AgeKey.parse(given, where=where)
    return _stored(kind).parse(given, where=where)


def _stored(kind: str) -> type[StoredKey]:
    match kind:
        case "kms":
            from .aws_kms import AwsKmsKey

            return AwsKmsKey
        case "gcp_kms":
            from .gcp_kms import GcpKmsKey

            return GcpKmsKey
        case "hckms":
            from .huawei_kms import HuaweiKmsKey

            return HuaweiKmsKey
        case "azure_kv":
            from .azure_kv import AzureKey

            return AzureKey
        case "hc_vault":
            from .hc_vault import VaultTransitKey

            return VaultTransitKey
        case "pgp":
            from .pgp import PgpKey

            return PgpKey
    raise LookupError(kind)


def service(kind: str, surroundings: Surroundings, openpgp_keys: t.Sequence[tuple[str, str]]) -> KeyService | None:
    """What wraps and unwraps with keys of a kind, None if nothing here can. Raises `MissingLibraryError`."""
    match kind:
        case "pgp":
            from .pgp_service import PgpService

            return PgpService(surroundings, openpgp_keys)
        case "kms":
            from .aws_kms_service import AwsKmsService

            return AwsKmsService(surroundings)
        case "gcp_kms":
            from .gcp_kms_service import GcpKmsService

            return GcpKmsService(surroundings)
        case "hckms":
            from .huawei_kms_service import HuaweiKmsService

            return HuaweiKmsService(surroundings)
        case "azure_kv":
            from .azure_kv_service import AzureService

            return AzureService(surroundings)
        case "hc_vault":
            from .hc_vault_service import VaultTransitService

            return VaultTransitService(surroundings)
        case _:
            return None
