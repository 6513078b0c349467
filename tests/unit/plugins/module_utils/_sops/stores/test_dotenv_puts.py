# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines put into and taken out of dotenv files; what these files have no place for is left to the caller."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import MappingNode, Node, ScalarNode
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.paths import Path
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores import dotenv_puts
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.dotenv import DotenvStore

X = ScalarNode("str", "x\ny")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(b"A=1\n", "A=1\nB=x\\ny\n", id="behind the last line"),
        pytest.param(b"A=1", "A=1\nB=x\\ny", id="no final break"),
        pytest.param(b"A=1\n# c\n", "A=1\nB=x\\ny\n# c\n", id="before a comment"),
        pytest.param(b"", "B=x\\ny\n", id="nothing"),
        pytest.param(b"# c", "# c\nB=x\\ny\n", id="a comment alone"),
        pytest.param(b"# c\n", "# c\nB=x\\ny\n", id="a comment with its break"),
    ],
)
def test_a_new_line(text: bytes, expected: str) -> None:
    assert dotenv_puts.put(DotenvStore().load(text), 0, ("B",), X) == expected


@pytest.mark.parametrize(
    ("path", "node"),
    [(("B", "c"), X), ((0,), X), (("B",), MappingNode()), (("A",), X)],
    ids=["deep", "index", "mapping", "there already"],
)
def test_what_is_no_new_line(path: Path, node: Node) -> None:
    assert dotenv_puts.put(DotenvStore().load(b"A=1\n"), 0, path, node) is None


def test_a_line_goes_with_its_break() -> None:
    tree = DotenvStore().load(b"A=1\nB=2")
    assert dotenv_puts.drop(tree, 0, ("A",)) == "B=2"
    assert dotenv_puts.drop(tree, 0, ("B",)) == "A=1"
    assert dotenv_puts.drop(tree, 0, ("C",)) is None
    assert dotenv_puts.drop(tree, 0, ("A", "b")) is None
