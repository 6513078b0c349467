# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of checks is what the code does and what the documentation says."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import yaml

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux import preflight
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.preflight import catalogue

ROOT = Path(catalogue.__file__).parents[4]
RESULTS = {"OK": "ok", "WARN": "warn", "FAIL": "fail", "UNKNOWN": "unknown"}


def made():
    """Yield name and results of every Check that the code makes, as far as they stand there literally."""
    for file in sorted(Path(preflight.__file__).parent.glob("*.py")):
        for call in ast.walk(ast.parse(file.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Check":
                assert isinstance(call.args[0], ast.Constant), file
                words = [
                    node.id for node in ast.walk(call.args[1]) if isinstance(node, ast.Name) and node.id in RESULTS
                ]
                yield call.args[0].value, {RESULTS[word] for word in words}


def test_every_check_of_the_code_is_in_the_catalogue_with_its_results():
    found: dict[str, set[str]] = {}
    for name, results in made():
        found.setdefault(name, set()).update(results)
    assert found == {entry.name: set(entry.results) for entry in catalogue.CATALOGUE}


def test_names_are_unique():
    names = [entry.name for entry in catalogue.CATALOGUE]
    assert len(names) == len(set(names))


def test_the_page_has_the_table():
    page = ROOT / "docs/preflight.md"
    if not page.is_file():
        pytest.skip("without its documentation")
    assert catalogue.table() in page.read_text()


def test_the_module_lists_all_names():
    module = (ROOT / "plugins/modules/flux_seed.py").read_text()
    (text,) = [
        node.value.value
        for node in ast.parse(module).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "RETURN"
    ]
    told = " ".join(yaml.safe_load(text)["checks"]["contains"]["name"]["description"])
    assert [entry.name for entry in catalogue.CATALOGUE if f"V({entry.name})" not in told] == []
