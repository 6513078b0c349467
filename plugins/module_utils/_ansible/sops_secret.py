# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module `sops_secret`: an encrypted file with the content wanted.

Private to the collection.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._errors import InvalidInputError, NoMatchingRuleError
from .._files import DIRECTORY, file_mode, folder_lock, read_file_if_exists, replace_file, set_mode
from .._sops import document
from .._sops.changes import Change
from .._sops.config import Config, Rule
from .._sops.key_ring import KeyRing
from .._sops.stores.base import Store
from .._sops.stores.registry import store_for
from .._surroundings import find_config, key_ring, load_config
from .call import Call
from .key_sources import SOURCE_SPEC, sources

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "age": {"type": "list", "elements": "str"},
    "age_key": {"type": "str", "no_log": True},
    "age_keyfile": {"type": "path"},
    "config_path": {"type": "path"},
    # Raw: the text of a file, or data. Masking knows that such an option mixes secrets with words like "Secret".
    "content": {"type": "raw", "required": True, "no_log": True},
    "mode": {"type": "raw"},
    "path": {"type": "path", "required": True},
    **SOURCE_SPEC,
}
CONSTRAINTS: dict[str, t.Any] = {}


@dataclass(frozen=True)
class Target:
    """One file and how it is to be encrypted; without a rule, as it is encrypted already."""

    path: str
    store: Store
    ring: KeyRing
    rule: Rule | None


def run(call: Call) -> dict[str, t.Any]:
    """Bring the file in line with content and rule."""
    params = call.params
    path = os.path.abspath(params["path"])  # noqa: PTH100 - links stay as they are, rules match names
    mode = parse_mode(params["mode"])
    config_path = params["config_path"]
    config = load_config(config_path) if config_path else find_config(os.path.dirname(path))  # noqa: PTH120 - as above
    store = store_for(path, indents=config.indents if config else None)
    plain, data = _plain(params["content"], store)
    with folder_lock(path, make=None if call.check_mode else DIRECTORY):
        existing = read_file_if_exists(path)
        encrypted = existing is not None and document.is_encrypted(existing)
        target = Target(
            path=path,
            store=store,
            ring=key_ring(params["age_key"], params["age_keyfile"], sources=sources(params, call.vault)),
            rule=_rule(path, config, params["age"], optional=encrypted),
        )
        change, reason = _plan(target, existing if encrypted else None, plain, data)
        if existing is not None and not encrypted:
            reason = ("encrypted",)
            change = change.with_before("(not encrypted, not shown)\n")
        for warning in change.warnings:
            call.warn(str(warning))
        wrong_mode = existing is not None and mode is not None and file_mode(path) != mode
        if not call.check_mode:
            if change.needed:
                replace_file(path, change.content, mode=mode)
            elif wrong_mode and mode is not None:
                set_mode(path, mode)
        if wrong_mode:
            reason = (*reason, "mode")
    result: dict[str, t.Any] = {
        "changed": change.needed or wrong_mode,
        "path": params["path"],
        "reason": list(reason),
        "recipients": _recipients(target, change),
    }
    if call.diff_mode:
        result["diff"] = {
            "before_header": path,
            "after_header": path,
            "before": change.before,
            "after": change.after,
        }
    return result


def parse_mode(value: t.Any) -> int | None:
    """Return permission bits from an octal text, or from the number that YAML made of one."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            value = int(value, 8)
        except ValueError:
            value = -1
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 0o7777:
        raise InvalidInputError("an octal number in quotes is expected", where="mode", hint="for example mode: '0600'")
    return value


def _plan(
    target: Target, existing: bytes | None, plain: bytes, data: list[t.Any] | None
) -> tuple[Change, tuple[str, ...]]:
    if existing is None:
        if target.rule is None:  # cannot be: a rule is optional for encrypted files only
            raise NoMatchingRuleError("no recipient to encrypt for", where=target.path)
        change = document.encrypt(
            plain, target.rule, store=target.store, name=target.path, services=target.ring.services
        )
        return change.with_before(""), ("created",)
    if data is not None and _same(data, document.values(existing, target.ring, store=target.store, name=target.path)):
        # The same values: the text stays as it is, with its comments, quotes and order.
        plain = document.decrypt(existing, target.ring, store=target.store, name=target.path)
    change = document.edit(existing, plain, target.ring, store=target.store, rule=target.rule, name=target.path)
    return change, tuple(change.reason)


def _plain(content: t.Any, store: Store) -> tuple[bytes, list[t.Any] | None]:
    """Return the text to encrypt and, if data was given, what it says."""
    if isinstance(content, str):
        # A text file ends with a line break; a binary one is what it is.
        final = "" if store.name == "binary" or content.endswith("\n") else "\n"
        return (content + final).encode("utf-8"), None
    if not isinstance(content, Mapping):
        raise InvalidInputError("a mapping, or the text of a file, is expected", where="content")
    plain = store.dump(content)
    return plain, store.data(plain)


def _rule(path: str, config: Config | None, age: list[str] | None, *, optional: bool) -> Rule | None:
    """Return how the file is to be encrypted: by the rule that covers it, for the recipients given."""
    given = Rule.of(age, where="age") if age else None
    if config is None or config.rules is None:
        if given:
            return given
        if optional:
            return None
        raise NoMatchingRuleError(
            "there is no .sops.yaml in the folder of the file or above it, and no recipient was given",
            where=path,
            hint="write a .sops.yaml with creation_rules, or set the option age",
        )
    rule = config.rule_for(path)
    return rule.with_age(given.age) if given else rule


def _recipients(target: Target, change: Change) -> list[str]:
    if target.rule is not None:
        return list(target.rule.age)
    return list(document.status(change.content, store=target.store).recipients)


def _same(left: t.Any, right: t.Any) -> bool:
    """Compare data as SOPS types it: 1, 1.0 and true are three values; the order of names does not count."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(value, right[name]) for name, value in left.items())
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)
