# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the unit tests say in which order sops visits a YAML file, sops agrees."""

from __future__ import annotations

import typing as t

import pytest
from sops_library import Library

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.visit_texts import VISITS

pytestmark = pytest.mark.interop


def order(content: t.Any) -> list[str]:
    """Containers as brackets, values and comments as their texts."""
    kind = content[0]
    if kind in ("m", "s"):
        return ["(", *(part for item in content[1:] for part in order(item)), ")"]
    if kind == "k":
        return order(content[2])
    return ["#" + content[1] if kind == "#" else content[1] if len(content) > 1 else "null"]


@pytest.mark.parametrize("case", VISITS, ids=list(VISITS))
def test_sops_visits_a_file_in_this_order(case: str, library: Library) -> None:
    text, said = VISITS[case]
    answer = library.ask("load", store="yaml", data=text.encode())
    assert " ".join(part for document in answer.documents for part in order(document)) == said
