# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata block: who can open the file, what is encrypted, and the MAC.

Private to the collection. The stored form (a mapping of plain data, in any layout of sops 1.x to
3.13) is kept apart from the one used here. Keys that are not known are kept and written again, at every level.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from .._errors import ConfigError, MalformedMetadataError
from . import weak_types
from .keys import registry
from .keys.base import MasterKey
from .selectors import KINDS, Selector

VERSION = "3.13.3"
"""The sops release whose layout is written."""

_OWN_KEYS = frozenset(
    (*KINDS, *registry.LISTS, "key_groups", "lastmodified", "mac", "mac_only_encrypted", "shamir_threshold", "version")
)
_ALWAYS_IN_GROUPS = ("age", "hc_vault")
"""Lists that sops writes into an entry of `key_groups` even if they are empty."""


class Metadata(t.NamedTuple):
    """What the block says. `groups` holds one group unless the data key was split."""

    groups: tuple[tuple[MasterKey, ...], ...]
    selector: Selector
    lastmodified: str
    mac: str
    version: str = VERSION
    mac_only_encrypted: bool = False
    shamir_threshold: int = 0
    unknown: Mapping[str, t.Any] = MappingProxyType({})
    selector_written: bool = True
    """Whether the block names the selector: binary files do not, and old files need not."""
    unknown_in_groups: tuple[Mapping[str, t.Any], ...] = ()
    """What is not known in each entry of `key_groups`."""

    @property
    def recipients(self) -> tuple[str, ...]:
        """Text of every master key, in the order of the file."""
        return tuple(key.recipient for group in self.groups for key in group)

    @classmethod
    def parse(cls, data: t.Any) -> Metadata:
        """Read the block; values of a wrong scalar type are converted as sops does."""
        if not isinstance(data, Mapping):
            raise MalformedMetadataError("the sops entry is not a mapping", where="sops")
        data = weak_types.own_spelling(data, _OWN_KEYS)
        selectors = {kind: weak_types.text(data[kind], f"sops.{kind}") for kind in KINDS if kind in data}
        try:
            selector = Selector.from_mapping(selectors, where="sops")
        except ConfigError as exc:
            raise MalformedMetadataError(exc.message, where="sops") from None
        groups, unknown_in_groups = _groups(data)
        return cls(
            groups=groups,
            selector=selector,
            lastmodified=weak_types.time(data.get("lastmodified"), "sops.lastmodified"),
            mac=weak_types.text(data.get("mac"), "sops.mac"),
            version=_version(data),
            mac_only_encrypted=weak_types.flag(data.get("mac_only_encrypted"), "sops.mac_only_encrypted"),
            shamir_threshold=weak_types.number(data.get("shamir_threshold"), "sops.shamir_threshold"),
            unknown={key: value for key, value in data.items() if key not in _OWN_KEYS},
            selector_written=any(selectors.values()),
            unknown_in_groups=unknown_in_groups,
        )

    def to_data(self) -> dict[str, t.Any]:
        """The block as sops 3.13 lays it out: keys in order, nothing empty but `mac`."""
        data: dict[str, t.Any] = {
            **self.unknown,
            "lastmodified": self.lastmodified,
            "mac": self.mac,
            "version": self.version,
        }
        if self.selector_written or self.selector != Selector():
            data[self.selector.kind] = self.selector.pattern
        if self.mac_only_encrypted:
            data["mac_only_encrypted"] = True
        if self.shamir_threshold:
            data["shamir_threshold"] = self.shamir_threshold
        if len(self.groups) == 1:
            data.update(_lists(self.groups[0]))
        else:
            data["key_groups"] = [self._group_data(number) for number in range(len(self.groups))]
        return dict(sorted(data.items()))

    def _group_data(self, number: int) -> dict[str, t.Any]:
        unknown = self.unknown_in_groups[number] if number < len(self.unknown_in_groups) else {}
        empty: dict[str, t.Any] = {kind: [] for kind in _ALWAYS_IN_GROUPS}
        return dict(sorted({**unknown, **empty, **_lists(self.groups[number])}.items()))


def _lists(group: Sequence[MasterKey]) -> dict[str, list[t.Any]]:
    lists: dict[str, list[t.Any]] = {}
    for key in group:
        lists.setdefault(key.kind, []).append(key.to_data())
    return lists


def _version(data: Mapping[str, t.Any]) -> str:
    version = weak_types.text(data.get("version"), "sops.version")
    if not version.startswith("1.") and not _is_semantic(version.removeprefix("v")):
        raise MalformedMetadataError("the version is missing or not of the form X.Y.Z", where="sops.version")
    return version


def _is_semantic(version: str) -> bool:
    version, has_build, build = version.partition("+")
    version, has_prerelease, prerelease = version.partition("-")
    numbers = version.split(".")
    if len(numbers) != 3 or not all(part.isascii() and part.isdigit() and _is_even(part) for part in numbers):
        return False
    if has_prerelease and not all(_is_word(part) and _is_even(part) for part in prerelease.split(".")):
        return False
    return not has_build or all(map(_is_word, build.split(".")))


def _is_even(part: str) -> bool:
    """Whether a number has no leading zeros."""
    return part == "0" or part[0] != "0" or not part.isdigit()


def _is_word(part: str) -> bool:
    return part.isascii() and part.replace("-", "0").isalnum()


def _groups(data: Mapping[str, t.Any]) -> tuple[tuple[tuple[MasterKey, ...], ...], tuple[Mapping[str, t.Any], ...]]:
    """The groups, and what else each of them says."""
    group = _group(data, "sops")
    if group:
        return (group,), ()
    groups = []
    unknown = []
    for number, entry in enumerate(weak_types.items(data.get("key_groups"))):
        where = f"sops.key_groups[{number}]"
        given = weak_types.own_spelling(weak_types.mapping(entry, where), registry.LISTS)
        groups.append(_group(given, where))
        unknown.append({key: value for key, value in given.items() if key not in registry.LISTS})
    if not groups:
        raise MalformedMetadataError("no keys in the metadata: nothing could ever open the file", where="sops")
    return tuple(groups), tuple(unknown)


def _group(data: Mapping[str, t.Any], where: str) -> tuple[MasterKey, ...]:
    return tuple(
        registry.read(kind, entry, where=f"{where}.{kind}[{number}]")
        for kind in registry.LISTS
        if kind in data
        for number, entry in enumerate(weak_types.items(data[kind]))
    )


# --- a file and what a rule wants -----------------------------------------------------------------


def differs(metadata: Metadata, groups: Sequence[Sequence[MasterKey]], shamir_threshold: int = 0) -> bool:
    """Whether the file is for other keys than these; the order in a group does not count, that of the groups does."""
    if len(metadata.groups) != len(groups):
        return True
    if any(_names(ours) != _names(theirs) for ours, theirs in zip(metadata.groups, groups, strict=True)):
        return True
    return len(groups) > 1 and metadata.shamir_threshold != effective_threshold(metadata, groups, shamir_threshold)


def effective_threshold(metadata: Metadata, groups: Sequence[Sequence[MasterKey]], shamir_threshold: int = 0) -> int:
    """The threshold to store for these groups: the one asked for, else that of the file as far as it can hold."""
    if len(groups) < 2:
        return 0
    threshold = shamir_threshold or min(metadata.shamir_threshold, len(groups))
    return threshold if shamir_threshold or threshold > 1 else len(groups)


def _names(group: Sequence[MasterKey]) -> set[tuple[str, str]]:
    return {(key.kind, key.recipient) for key in group}
