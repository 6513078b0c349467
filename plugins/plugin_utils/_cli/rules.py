# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which rule holds for a file: that of `.sops.yaml`, with what the command line says on top.

Private to the collection.
"""

from __future__ import annotations

import argparse
import os

from ...module_utils._errors import FluxseedError
from ...module_utils._sops.config import Config, Rule
from ...module_utils._sops.selectors import KINDS, Selector
from ...module_utils._surroundings import find_config, load_config
from .files import ConflictingOptionsError


def config_for(path: str | None) -> Config | None:
    """Return the configuration at this path, else the one found from the working directory upwards, as sops does it."""
    return load_config(path) if path else find_config(".")


def rule_for(name: str, options: argparse.Namespace, config: Config | None) -> Rule:
    """Return the rule; recipients given replace those of the rule, a selector given must not contradict it."""
    selectors = {kind: value for kind in KINDS if (value := getattr(options, kind)) is not None}
    if len(selectors) > 1:
        raise ConflictingOptionsError(
            f"cannot use more than one of {' and '.join(_option(kind) for kind in selectors)}"
        )
    given = Rule.of([options.age], where="--age") if options.age else None
    if config is None or config.rules is None:
        if given is None:
            raise FluxseedError(
                "config file not found, or has no creation rules, and no keys provided through command line options",
                hint="write a .sops.yaml with creation_rules, or name a public key with --age",
            )
        rule = Rule.of(given.age, where="--age", **selectors)
        return rule._replace(mac_only_encrypted=options.mac_only_encrypted)
    rule = config.rule_for(os.path.abspath(name))  # noqa: PTH100 - links stay as they are, as in sops
    if given is not None:
        rule = rule.with_age(given.age)
    rule = _with_selector(rule, selectors)
    return rule._replace(mac_only_encrypted=True) if options.mac_only_encrypted else rule


def _with_selector(rule: Rule, selectors: dict[str, str]) -> Rule:
    if not selectors:
        return rule
    wanted = Selector.from_mapping(selectors, where="command line")
    if rule.selector not in (Selector(), wanted) and rule.selector.kind != wanted.kind:
        raise ConflictingOptionsError(
            f"{_option(wanted.kind)} cannot be combined with the {rule.selector.kind} of the rule",
            where=rule.where,
        )
    return rule._replace(selector=wanted)


def _option(kind: str) -> str:
    return f"--{kind.replace('_', '-')}"
