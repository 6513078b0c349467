# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which sops visits a YAML file; sops' own library agrees, see tests/interop/test_interop_visits.py."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml_walk import steps
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import NULL, Leaf, walk
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import yaml_wild_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.visit_texts import VISITS
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.yaml_documents import seeded


def visited(text: str) -> str:
    """Containers as brackets, values and comments as their texts."""
    tree = YamlStore().load(text.encode())
    parts: list[str] = []
    depths = {}
    depth = -1
    for box, leaf, comment, copy in steps(tree, as_it_stands=True):
        inside = copy or (tree.leaves[leaf].box if leaf >= 0 else None)
        target = depths.get(box.parent, -1) if box is not None else depths[inside]
        parts.extend(")" for _turn in range(depth - target))
        depth = target
        if box is not None:
            depth = depths[box] = target + 1
            parts.append("(")
        else:
            parts.append("#" + tree.comments[comment].text if leaf < 0 else said(tree.leaves[leaf]))
    return " ".join(parts + [")"] * (depth + 1))


def said(leaf: Leaf) -> str:
    return "null" if leaf.type == NULL else leaf.text


@pytest.mark.parametrize("case", VISITS, ids=list(VISITS))
def test_the_order_is_that_of_sops(case: str) -> None:
    text, order = VISITS[case]
    assert visited(text) == order


@pytest.mark.parametrize("seed", range(4))
def test_containers_and_values_come_in_the_order_of_the_file(seed: int) -> None:
    """Only comments can stand elsewhere, and each is there once, or not at all."""
    rng = seeded(seed)
    compared = 0
    for _turn in range(60):
        try:
            tree = YamlStore().load(yaml_wild_documents.content(rng))
        except FluxseedError:
            continue
        exact, usual = tree.steps(tree), walk(tree)
        assert [step[:2] for step in exact if step.comment < 0] == [step[:2] for step in usual if step.comment < 0]
        assert {step.comment for step in exact} <= {*range(len(tree.comments)), -1}
        compared += 1
    assert compared > 30
