# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of master keys, by the name of their list in the metadata.

Private to the collection.
"""

from __future__ import annotations

import typing as t

from ..._errors import MalformedMetadataError
from .. import weak_types
from .age import AgeKey
from .base import MasterKey
from .foreign import FIELDS, ForeignKey

LISTS = ("kms", "gcp_kms", "hckms", "azure_kv", "hc_vault", "pgp", "age")
"""All lists, in the order in which a group is put together."""

OPENED_KINDS = ("age",)
"""The kinds that a data key can be unwrapped with here."""


def read(kind: str, entry: t.Any, *, where: str) -> MasterKey:
    """An entry of the metadata as a master key; fields that are not known are kept."""
    given = weak_types.mapping(entry, where)
    if kind == "age":
        return AgeKey.parse(given, where=where)
    fields = weak_types.own_spelling(given, FIELDS[kind])
    for name in FIELDS[kind]:
        if name != "context":
            weak_types.text(fields.get(name), f"{where}.{name}")
    weak_types.time(fields.get("created_at"), f"{where}.created_at")
    if kind == "hckms" and not all(part.strip() for part in f"{fields.get('key_id') or ''}".partition(":")):
        raise MalformedMetadataError("a Huawei key is written as region:id", where=f"{where}.key_id")
    for context in weak_types.items(fields.get("context")) if kind == "kms" else ():
        for name, value in weak_types.mapping(context, f"{where}.context").items():
            weak_types.text(value, f"{where}.context.{name}")
    return ForeignKey(kind, fields)
