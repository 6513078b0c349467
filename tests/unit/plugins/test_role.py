# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The variables of the role `flux_seed`: told in full, and never with a secret."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROLE = Path(__file__).resolve().parents[3] / "roles" / "flux_seed"
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
DEFAULTS = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())


def test_the_readme_tells_every_variable() -> None:
    told = re.findall(r"(?m)^\| `(flux_seed_\w+)` \|", (ROLE / "README.md").read_text())
    assert sorted(told) == sorted(OPTIONS)


def test_every_variable_reaches_the_module() -> None:
    passed = "".join(file.read_text() for file in [*(ROLE / "tasks").glob("*.yml"), ROLE / "defaults" / "main.yml"])
    assert [name for name in OPTIONS if not re.search(rf"\b{name}\b(?!:)", passed)] == []


def test_no_default_of_the_specification_names_a_secret() -> None:
    """Ansible prints the specification, its templates filled in, when any argument of the role is wrong."""
    secret = [
        *(name for name, option in OPTIONS.items() if option.get("no_log")),
        "flux_seed_decryption_keys",
        "vault_",
    ]
    told = {name: str(option.get("default", "")) for name, option in OPTIONS.items()}
    assert {name for name, default in told.items() if any(word in default for word in secret)} == set()


def test_the_specification_has_the_defaults_of_the_role_elsewhere() -> None:
    told = {name: option["default"] for name, option in OPTIONS.items() if "default" in option}
    assert told == {name: value for name, value in DEFAULTS.items() if name in told}
