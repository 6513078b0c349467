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
from collections.abc import Iterator, Mapping, Sequence

from .._errors import ConfigError, EmptyFileError, MalformedFileError, NoMatchingRuleError
from .keys.age import AgeKey, check_recipient
from .keys.base import MasterKey
from .keys.wrapping import Groups
from .selectors import DEFAULT, KINDS, Selector

if t.TYPE_CHECKING:
    from .regex import Pattern

CONFIG_NAME = ".sops.yaml"
_MAX_LEVELS = 100


class Rule(t.NamedTuple):
    """For whom and what to encrypt; from a creation rule or from explicit parameters."""

    groups: Groups
    """The keys that get the data key, without it; several groups share it by Shamir's scheme."""
    selector: Selector = DEFAULT
    where: str = "parameters"
    mac_only_encrypted: bool = False
    shamir_threshold: int = 0
    """How many groups are needed; 0 if the rule does not say."""

    @classmethod
    def of(cls, age: t.Iterable[str], *, where: str = "parameters", **selectors: str | None) -> Rule:
        """A rule from explicit recipients and at most one selector, such as `encrypted_regex=…`."""
        unknown = [name for name in selectors if name not in KINDS]
        if unknown:
            raise ConfigError(f"{unknown[0]} is not a selector", where=where)
        return cls((_age_group(age, where),), _checked_selector(selectors, where), where)

    @property
    def age(self) -> tuple[str, ...]:
        """The age recipients of all groups, each once."""
        return tuple(dict.fromkeys(key.recipient for group in self.groups for key in group if key.kind == "age"))

    def settled(self, held: Sequence[Sequence[MasterKey]]) -> Rule:
        """The same rule, with keys that name no version in the version in which a file has them already."""
        if all(key.kind != "azure_kv" for group in self.groups for key in group):
            return self
        from .keys.azure_kv import settled  # noqa: PLC0415  (start-up time)

        known = [key for group in held for key in group]
        return self._replace(groups=tuple(tuple(settled(key, known) for key in group) for group in self.groups))

    def with_age(self, age: t.Iterable[str], *, where: str = "parameters") -> Rule:
        """The same rule for these recipients instead of its own keys: one group, nothing to split."""
        return self._replace(groups=(_age_group(age, where),), shamir_threshold=0)


def _age_group(age: t.Iterable[str], where: str) -> tuple[MasterKey, ...]:
    from .keys.rules import pieces  # noqa: PLC0415  (start-up time)

    recipients = dict.fromkeys(check_recipient(piece, where=where) for text in age for piece in pieces(text))
    if not recipients:
        raise NoMatchingRuleError("no age recipient is given", where=where, hint="give at least one age1… public key")
    return tuple(AgeKey(recipient) for recipient in recipients)


class _CreationRule(t.NamedTuple):
    pattern: Pattern | None
    data: Mapping[str, t.Any]
    where: str


class Indents(t.NamedTuple):
    """The section `stores`: spaces per level of each store, None where the file does not say."""

    yaml: int | None = None
    json: int | None = None
    json_binary: int | None = None


class Config(t.NamedTuple):
    """A parsed `.sops.yaml`."""

    path: str
    rules: tuple[_CreationRule, ...] | None
    indents: Indents = Indents()

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
        indents = _indents(data.get("stores"), f"{path}: stores")
        listed = data.get("creation_rules")
        if listed is None:
            return cls(path, None, indents)
        if not isinstance(listed, list):
            raise ConfigError("creation_rules is not a list", where=path)
        rules = tuple(_parse_rule(entry, f"{path}: creation_rules[{i}]") for i, entry in enumerate(listed))
        return cls(path, rules, indents)

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


def config_candidates(start: str) -> Iterator[str]:
    """Where to look for the config file: in the folder `start`, an absolute path, and upwards."""
    folder = start
    for _level in range(_MAX_LEVELS):
        yield posixpath.join(folder, CONFIG_NAME)
        above = posixpath.dirname(folder)
        if above == folder:
            return
        folder = above


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
    from .keys.rules import groups  # noqa: PLC0415  (start-up time)

    data, where = rule.data, rule.where
    return Rule(
        groups(data, where),
        _checked_selector(data, where),
        where,
        mac_only_encrypted=_flag(data, "mac_only_encrypted", where),
        shamir_threshold=_number(data, "shamir_threshold", where) or 0,
    )


def _checked_selector(data: Mapping[str, t.Any], where: str) -> Selector:
    """The selector; a pattern that RE2 would not take is refused here, where sops would leave values in clear."""
    selector = Selector.from_mapping(data, where=where)
    selector.check(where=where)
    return selector


def _indents(data: t.Any, where: str) -> Indents:
    if data is None:
        return Indents()
    if not isinstance(data, dict):
        raise ConfigError("stores is not a mapping", where=where)
    found = {}
    for name in ("yaml", "json", "json_binary"):
        options = data.get(name)
        if options is None:
            continue
        if not isinstance(options, dict):
            raise ConfigError(f"{name} is not a mapping", where=where)
        found[name] = _number(options, "indent", f"{where}.{name}")
    return Indents(**found)


def _number(data: Mapping[str, t.Any], name: str, where: str) -> int | None:
    value = data.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise ConfigError(f"{name} is not a whole number", where=where)
    return value


def _flag(data: Mapping[str, t.Any], name: str, where: str) -> bool:
    value = data.get(name)
    if value is not None and not isinstance(value, bool):
        raise ConfigError(f"{name} is neither true nor false", where=where)
    return bool(value)
