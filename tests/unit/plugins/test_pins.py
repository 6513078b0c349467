# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions that stand in more than one file say the same everywhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

LAB = Path(__file__).resolve().parents[3] / "lab"


def pinned(group: str, module: str) -> str:
    """Version of a module in the go.mod of a group."""
    found = re.search(
        rf"^\s*(?:require )?{re.escape(module)} (v\S+)", (LAB / group / "go.mod").read_text(), re.MULTILINE
    )
    assert found, f"{module} is not in lab/{group}/go.mod"
    return found.group(1)


MANIFESTS = ["flux-manifests", "flux-manifests-all"]


@pytest.mark.parametrize("group", MANIFESTS)
@pytest.mark.parametrize("controller", ["source-controller", "kustomize-controller"])
def test_the_manifests_are_those_of_the_controllers_that_run(controller: str, group: str) -> None:
    """CRDs of one version with a controller of another would fail in ways that no user ever sees."""
    module = f"github.com/fluxcd/{controller}"
    assert pinned(group, module) == pinned(controller, module)


@pytest.mark.parametrize("group", MANIFESTS)
def test_the_version_label_is_that_of_the_manifests(group: str) -> None:
    """The label is what everybody reads the version of Flux off."""
    labels = (LAB / "flux-manifests" / "kustomize" / "labels.yaml").read_text()
    assert pinned(group, "github.com/fluxcd/flux2/v2") in labels


def test_the_unit_tests_pin_what_the_project_pins() -> None:
    """ansible-test makes its own environment; it must not be another one."""
    root = LAB.parent
    project = {
        line for name in ("run", "test") for line in (root / "requirements" / f"{name}.txt").read_text().splitlines()
    }
    units = {line for line in (root / "tests/unit/requirements.txt").read_text().splitlines() if "==" in line}
    assert units <= project
