# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata block: who can open the file, what is encrypted, and the MAC.

Private to the collection. The stored form (a mapping of plain data, in any layout of sops 1.x to
3.13) is kept apart from the one used here. Keys that are not known are kept and written again.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from .._errors import ConfigError, MalformedMetadataError, UnsupportedError
from .keys import registry
from .keys.base import MasterKey
from .selectors import KINDS, Selector

VERSION = "3.13.3"
"""The sops release whose layout is written."""

_VERSION = re.compile(r"v?[0-9]+\.[0-9]+\.[0-9]+(?:[-+][0-9A-Za-z.+-]*)?\Z|1\..*\Z", re.ASCII)
_OWN_KEYS = frozenset(
    (*KINDS, *registry.LISTS, "key_groups", "lastmodified", "mac", "mac_only_encrypted", "shamir_threshold", "version")
)


@dataclass(frozen=True)
class Metadata:
    """What the block says. `groups` holds one group unless the data key was split."""

    groups: tuple[tuple[MasterKey, ...], ...]
    selector: Selector
    lastmodified: str
    mac: str
    version: str = VERSION
    mac_only_encrypted: bool = False
    shamir_threshold: int = 0
    unknown: Mapping[str, t.Any] = field(default_factory=dict)

    @property
    def keys(self) -> tuple[MasterKey, ...]:
        """The master keys of the only group; UnsupportedError for a split data key."""
        if len(self.groups) != 1:
            raise UnsupportedError(
                f"the data key is split over {len(self.groups)} key groups, which is not supported yet", where="sops"
            )
        return self.groups[0]

    @property
    def recipients(self) -> tuple[str, ...]:
        """Text of every master key, in the order of the file."""
        return tuple(key.recipient for group in self.groups for key in group)

    @classmethod
    def parse(cls, data: t.Any) -> Metadata:
        """Read the block; values of a wrong scalar type are converted as sops does."""
        if not isinstance(data, dict):
            raise MalformedMetadataError("the sops entry is not a mapping", where="sops")
        data = _known_spelling(data)
        try:
            selector = Selector.from_mapping({kind: _text(data, kind) for kind in KINDS}, where="sops")
        except ConfigError as exc:
            raise MalformedMetadataError(exc.message, where="sops") from None
        version = _text(data, "version")
        if not _VERSION.match(version):
            raise MalformedMetadataError("the version is missing or not of the form X.Y.Z", where="sops.version")
        return cls(
            groups=_groups(data),
            selector=selector,
            lastmodified=_text(data, "lastmodified"),
            mac=_text(data, "mac"),
            version=version,
            mac_only_encrypted=_flag(data, "mac_only_encrypted"),
            shamir_threshold=_number(data, "shamir_threshold"),
            unknown={key: value for key, value in data.items() if key not in _OWN_KEYS},
        )

    def to_data(self) -> dict[str, t.Any]:
        """The block as sops 3.13 lays it out: keys in order, nothing empty but `mac`."""
        data: dict[str, t.Any] = {
            **self.unknown,
            "lastmodified": self.lastmodified,
            "mac": self.mac,
            self.selector.kind: self.selector.pattern,
            "version": self.version,
        }
        if self.mac_only_encrypted:
            data["mac_only_encrypted"] = True
        if self.shamir_threshold:
            data["shamir_threshold"] = self.shamir_threshold
        for key in self.keys:
            data.setdefault(key.kind, []).append(key.to_data())
        return dict(sorted(data.items()))


def _known_spelling(data: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Own keys in their own spelling: another case is accepted, an exact match wins."""
    result = {str(key): value for key, value in data.items()}
    for key in list(result):
        lower = key.lower()
        if key != lower and lower in _OWN_KEYS:
            value = result.pop(key)
            result.setdefault(lower, value)
    return result


def _text(data: Mapping[str, t.Any], key: str) -> str:
    value = data.get(key)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float):
        return str(value)
    raise MalformedMetadataError(
        f"{key} is not a string", where=f"sops.{key}", hint="a time has to be in quotes" if "mod" in key else None
    )


def _number(data: Mapping[str, t.Any], key: str) -> int:
    value = data.get(key)
    if value in (None, "", False):
        return 0
    try:
        return int(t.cast("t.Any", value))
    except (TypeError, ValueError):
        raise MalformedMetadataError(f"{key} is not a number", where=f"sops.{key}") from None


def _flag(data: Mapping[str, t.Any], key: str) -> bool:
    value = data.get(key)
    if isinstance(value, str):
        lower = value.lower()
        if lower in ("", "0", "f", "false"):
            return False
        if lower in ("1", "t", "true"):
            return True
        raise MalformedMetadataError(f"{key} is neither true nor false", where=f"sops.{key}")
    return bool(value)


def _groups(data: Mapping[str, t.Any]) -> tuple[tuple[MasterKey, ...], ...]:
    group = _group(data, "sops")
    if group:
        return (group,)
    listed = data.get("key_groups") or []
    if not isinstance(listed, list):
        raise MalformedMetadataError("key_groups is not a list", where="sops.key_groups")
    groups = tuple(_group(each or {}, f"sops.key_groups[{i}]") for i, each in enumerate(listed))
    if not groups:
        raise MalformedMetadataError("no keys in the metadata: nothing could ever open the file", where="sops")
    return groups


def _group(data: t.Any, where: str) -> tuple[MasterKey, ...]:
    if not isinstance(data, dict):
        raise MalformedMetadataError("a key group is not a mapping", where=where)
    keys: list[MasterKey] = []
    for kind in registry.LISTS:
        entries = data.get(kind) or []
        if not isinstance(entries, list):
            raise MalformedMetadataError(f"{kind} is not a list", where=f"{where}.{kind}")
        for number, entry in enumerate(entries):
            keys.append(registry.read(kind, entry, where=f"{where}.{kind}[{number}]"))
    return tuple(keys)


def differs(metadata: Metadata, recipients: Iterable[str]) -> bool:
    """Whether the file is for other recipients than these; their order does not count."""
    return sorted(set(metadata.recipients)) != sorted(set(recipients))
