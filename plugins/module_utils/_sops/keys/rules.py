# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The master keys that a creation rule names, in its two forms: flat lists, or `key_groups`.

Private to the collection. When there are groups, the flat lists do not count.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping

from ..._errors import ConfigError, NoMatchingRuleError
from .age import AgeKey, check_recipient
from .aws_kms import AwsKmsKey
from .azure_kv import AzureKey
from .base import MasterKey
from .gcp_kms import GcpKmsKey
from .hc_vault import VaultTransitKey
from .huawei_kms import HuaweiKmsKey
from .pgp import PgpKey
from .wrapping import Groups

_Make = Callable[[str, str], MasterKey]
"""Text and place to key."""


def groups(rule: Mapping[str, t.Any], where: str) -> Groups:
    """The groups of a rule; without `key_groups` there is one, of the flat lists."""
    listed = rule.get("key_groups")
    if not listed:
        return (_some(_flat(rule, where), where),)
    if not isinstance(listed, list):
        raise ConfigError("key_groups is not a list of mappings", where=where)
    places = [f"{where}.key_groups[{number}]" for number in range(len(listed))]
    return tuple(_some(_group(entry, place), place) for entry, place in zip(listed, places, strict=True))


def pieces(text: str) -> list[str]:
    """The parts of a text between commas, trimmed; empty ones do not count."""
    return [piece.strip() for piece in text.split(",") if piece.strip()]


def _some(keys: list[MasterKey], where: str) -> tuple[MasterKey, ...]:
    if not keys:
        raise NoMatchingRuleError("the rule names no key", where=where, hint="add age: with a public key")
    unique: dict[tuple[str, str], MasterKey] = {}
    for key in keys:
        unique.setdefault((key.kind, key.recipient), key)
    return tuple(unique.values())


# --- flat lists -----------------------------------------------------------------------------------


def _flat(rule: Mapping[str, t.Any], where: str) -> list[MasterKey]:
    profile = rule.get("aws_profile") or ""
    if not isinstance(profile, str):
        raise ConfigError("aws_profile is not a string", where=where)
    kinds: tuple[tuple[str, _Make], ...] = (
        ("age", _age),
        ("pgp", lambda text, _place: PgpKey.named(text)),
        ("kms", lambda text, _place: AwsKmsKey.named(text, profile=profile)),
        ("gcp_kms", lambda text, _place: GcpKmsKey.named(text)),
        ("hckms", lambda text, place: HuaweiKmsKey.named(text.strip(), where=place)),
        ("azure_keyvault", lambda text, place: AzureKey.named(text, where=place)),
        ("hc_vault_transit_uri", lambda text, place: VaultTransitKey.named(text, where=place)),
    )
    return [
        make(text, f"{where}.{name}")
        for name, make in kinds
        for text in _texts(rule.get(name), f"{where}.{name}", only_list=name == "hckms")
    ]


def _texts(value: t.Any, where: str, *, only_list: bool) -> list[str]:
    """A string is split at commas; so is each text of a list, but there nothing is trimmed or left out."""
    if value is None:
        return []
    if isinstance(value, str) and not only_list:
        return pieces(value)
    return [piece for text in _strings(value, where) for piece in text.split(",")]


def _strings(value: t.Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ConfigError(f"{where.rpartition('.')[2]} is neither a string nor a list of strings", where=where)
    return value


def _age(text: str, where: str) -> MasterKey:
    return AgeKey(check_recipient(text, where=where))


# --- groups ---------------------------------------------------------------------------------------


def _group(data: t.Any, where: str) -> list[MasterKey]:
    """The keys of one group, those of the groups merged into it first."""
    if data is None:
        return []
    if not isinstance(data, Mapping):
        raise ConfigError("a key group is not a mapping", where=where)
    keys: list[MasterKey] = []
    for number, entry in enumerate(_list(data, "merge", where)):
        keys += _group(entry, f"{where}.merge[{number}]")
    keys += [
        _age(text, f"{where}.age")
        for item in _strings(_list(data, "age", where), f"{where}.age")
        for text in (item.split(",") if item else [])
    ]
    keys += [PgpKey.named(text) for text in _strings(_list(data, "pgp", where), f"{where}.pgp")]
    for name, make in _ENTRIES.items():
        for number, entry in enumerate(_list(data, name, where)):
            keys.append(make(entry, f"{where}.{name}[{number}]"))
    uris = _strings(_list(data, "hc_vault", where), f"{where}.hc_vault")
    return keys + [VaultTransitKey.named(uri, where=f"{where}.hc_vault") for uri in uris if uri]


def _list(data: Mapping[str, t.Any], name: str, where: str) -> list[t.Any]:
    value = data.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ConfigError(f"{name} is not a list", where=where)
    return value


def _field(entry: t.Any, name: str, where: str) -> str:
    value = entry.get(name) if isinstance(entry, Mapping) else None
    if not isinstance(entry, Mapping) or not isinstance(value, str | None):
        raise ConfigError(f"an entry is not a mapping, or {name} is not a string", where=where)
    return value or ""


def _kms(entry: t.Any, where: str) -> MasterKey:
    fields: dict[str, t.Any] = {name: _field(entry, name, where) for name in ("arn", "role", "aws_profile")}
    fields = {name: value for name, value in fields.items() if value or name != "role"}
    context = entry.get("context")
    if context is not None and not isinstance(context, Mapping):
        raise ConfigError("context is not a mapping", where=where)
    for name, value in (context or {}).items():
        if not isinstance(value, str):
            # sops takes it as it is spelled, and the spelling is gone: 0x1F, 1.50 and yes would become something else.
            raise ConfigError(f"{name} is not a string", where=f"{where}.context", hint="put its value in quotes")
    return AwsKmsKey({**fields, **({"context": dict(context)} if context else {})})


def _azure(entry: t.Any, where: str) -> MasterKey:
    vault, name, version = (_field(entry, field, where) for field in ("vaultUrl", "key", "version"))
    return AzureKey.of(vault, name, version)


_ENTRIES: Mapping[str, Callable[[t.Any, str], MasterKey]] = {
    "kms": _kms,
    "gcp_kms": lambda entry, where: GcpKmsKey.named(_field(entry, "resource_id", where)),
    "hckms": lambda entry, where: HuaweiKmsKey.named(_field(entry, "key_id", where), where=where),
    "azure_keyvault": _azure,
}
