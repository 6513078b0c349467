# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`.sops.yaml`: creation rules, and which one covers a file.

Private to the collection. Nothing is read here: the outer layer looks at the candidates. The text is
parsed by the YAML store of the engine, which types scalars as sops does and is loaded anyway for the
files themselves, so a second YAML library would cost start-up time for nothing.
"""

from __future__ import annotations

import posixpath
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from .._errors import ConfigError, EmptyFileError, MalformedFileError, NoMatchingRuleError, UnsupportedError
from .keys.age import check_recipient
from .selectors import DEFAULT, KINDS, Selector

CONFIG_NAME = ".sops.yaml"
_MAX_LEVELS = 100
_FOREIGN_KEYS = ("pgp", "kms", "gcp_kms", "azure_keyvault", "hc_vault_transit_uri", "hckms")
_FOREIGN_GROUP_KEYS = ("pgp", "kms", "gcp_kms", "azure_keyvault", "hc_vault", "hckms", "merge")


@dataclass(frozen=True)
class Rule:
    """For whom and what to encrypt; from a creation rule or from explicit parameters."""

    age: tuple[str, ...]
    selector: Selector = DEFAULT
    where: str = "parameters"
    mac_only_encrypted: bool = False

    @classmethod
    def of(cls, age: t.Iterable[str], *, where: str = "parameters", **selectors: str | None) -> Rule:
        """A rule from explicit recipients and at most one selector, such as `encrypted_regex=…`."""
        unknown = [name for name in selectors if name not in KINDS]
        if unknown:
            raise ConfigError(f"{unknown[0]} is not a selector", where=where)
        recipients = tuple(check_recipient(piece, where=where) for text in age for piece in _split(text))
        if not recipients:
            raise NoMatchingRuleError(
                "no age recipient is given", where=where, hint="give at least one age1… public key"
            )
        return cls(_unique(recipients), Selector.from_mapping(selectors, where=where), where)


if t.TYPE_CHECKING:
    from .regex import Pattern


@dataclass(frozen=True)
class _CreationRule:
    pattern: Pattern | None
    data: Mapping[str, t.Any]
    where: str


@dataclass(frozen=True)
class Config:
    """A parsed `.sops.yaml`."""

    path: str
    rules: tuple[_CreationRule, ...] | None

    @classmethod
    def parse(cls, text: str, *, path: str) -> Config:
        """Read the text; every `path_regex` is checked, the rules themselves when they are used."""
        from .stores.yaml import YamlStore  # noqa: PLC0415  (start-up time)

        try:
            documents = YamlStore().data(text.encode("utf-8", "surrogateescape"), where=path)
        except EmptyFileError:
            documents = []
        except MalformedFileError as exc:
            raise ConfigError(exc.message, where=exc.where) from exc
        data = documents[0] if documents else None
        if data is None:
            return cls(path, None)
        if not isinstance(data, dict):
            raise ConfigError("the file is not a mapping", where=path)
        listed = data.get("creation_rules")
        if listed is None:
            return cls(path, None)
        if not isinstance(listed, list):
            raise ConfigError("creation_rules is not a list", where=path)
        return cls(path, tuple(_parse_rule(entry, f"{path}: creation_rules[{i}]") for i, entry in enumerate(listed)))

    def rule_for(self, path: str) -> Rule:
        """The first rule that covers a file.

        The path is compared as sops does: relative to the folder of the config file if it lies below, else as
        it is. Give both paths absolute, or both relative to the same folder.
        """
        relative = self._relative(path)
        if self.rules is None:
            raise NoMatchingRuleError("the file has no creation_rules", where=self.path)
        for rule in self.rules:
            if rule.pattern is None or rule.pattern.found_in(relative):
                return _use(rule)
        raise NoMatchingRuleError(
            f"no creation rule matches {relative}",
            where=self.path,
            hint="add a rule, or one without path_regex at the end that covers everything else",
        )

    def _relative(self, path: str) -> str:
        path = posixpath.normpath(path.replace("\\", "/"))
        folder = posixpath.dirname(posixpath.normpath(self.path.replace("\\", "/")))
        if folder and not folder.endswith("/"):
            folder += "/"
        return path.removeprefix(folder)


def config_candidates(start: PurePath) -> Iterator[PurePath]:
    """Where to look for the config file: in `start` and upwards."""
    for level, folder in enumerate((start, *start.parents)):
        if level >= _MAX_LEVELS:
            return
        yield folder / CONFIG_NAME


def _parse_rule(data: t.Any, where: str) -> _CreationRule:
    if not isinstance(data, dict):
        raise ConfigError("a creation rule is not a mapping", where=where)
    source = data.get("path_regex")
    if source is None or source == "":
        return _CreationRule(None, data, where)
    if not isinstance(source, str):
        raise ConfigError("path_regex is not a string", where=where)
    from .regex import compile_re2  # noqa: PLC0415  (start-up time: only configs with patterns need it)

    return _CreationRule(compile_re2(source, where=f"{where}.path_regex"), data, where)


def _use(rule: _CreationRule) -> Rule:
    data, where = rule.data, rule.where
    selector = Selector.from_mapping(data, where=where)
    if selector.kind.endswith("_regex"):
        from .regex import compile_re2  # noqa: PLC0415

        compile_re2(selector.pattern, where=f"{where}.{selector.kind}")
    if data.get("shamir_threshold") not in (None, 0, 1):
        raise UnsupportedError("shamir_threshold is not supported yet", where=where)
    groups = data.get("key_groups")
    age = _group_age(groups, where) if groups else _flat_age(data, where)
    recipients = tuple(check_recipient(text, where=f"{where}.age") for text in age)
    if not recipients:
        raise NoMatchingRuleError("the rule names no age recipient", where=where, hint="add age: with a public key")
    return Rule(_unique(recipients), selector, where, mac_only_encrypted=data.get("mac_only_encrypted") is True)


def _flat_age(data: Mapping[str, t.Any], where: str) -> list[str]:
    _refuse_foreign(data, _FOREIGN_KEYS, where)
    given = data.get("age")
    if given is None:
        return []
    if isinstance(given, str):
        return _split(given)
    if isinstance(given, list) and all(isinstance(item, str) for item in given):
        return [piece for item in given for piece in item.split(",")]
    raise ConfigError("age is neither a string nor a list of strings", where=where)


def _group_age(groups: t.Any, where: str) -> list[str]:
    if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
        raise ConfigError("key_groups is not a list of mappings", where=where)
    if len(groups) != 1:
        raise UnsupportedError(f"{len(groups)} key groups (Shamir) are not supported yet, only one", where=where)
    _refuse_foreign(groups[0], _FOREIGN_GROUP_KEYS, f"{where}.key_groups[0]")
    given = groups[0].get("age") or []
    if not isinstance(given, list) or not all(isinstance(item, str) for item in given):
        raise ConfigError("age is not a list of strings", where=f"{where}.key_groups[0]")
    return [piece for item in given for piece in _split(item)]


def _refuse_foreign(data: Mapping[str, t.Any], names: tuple[str, ...], where: str) -> None:
    for name in names:
        if data.get(name):
            raise UnsupportedError(f"keys of kind {name} are not supported yet, only age", where=where)


def _split(text: str) -> list[str]:
    return [piece.strip() for piece in text.split(",") if piece.strip()]


def _unique(recipients: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(recipients))
