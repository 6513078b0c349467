# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding and removing lines of a plain dotenv file.

Private to the collection. The caller reads every result back, so keys that cannot stand there are found out.
"""

from __future__ import annotations

from ..nodes import Node, ScalarNode
from ..paths import Path
from ..tree import Edit, Leaf, Tree, apply_edits


def put(tree: Tree, document: int, path: Path, node: Node, *, literals: bool = True) -> str | None:
    """The text with a new line behind the last one."""
    del document, literals
    if len(path) != 1 or not isinstance(path[0], str) or not isinstance(node, ScalarNode):
        return None
    if _leaf(tree, path[0]) is not None:
        return None
    line = f"{path[0]}={node.text.replace(chr(10), chr(92) + 'n')}"
    if not tree.leaves:
        at = len(tree.text)
        lead = "" if not at or tree.text.endswith("\n") else "\n"
        return f"{tree.text}{lead}{line}\n"
    at = tree.leaves[-1].end
    return apply_edits(tree.text, [Edit(at, at, f"\n{line}")])


def drop(tree: Tree, document: int, path: Path) -> str | None:
    """The text without the line of a key."""
    del document
    leaf = _leaf(tree, str(path[0])) if len(path) == 1 else None
    if leaf is None:
        return None
    start = tree.text.rfind("\n", 0, leaf.start) + 1
    if leaf.end < len(tree.text):
        return apply_edits(tree.text, [Edit(start, leaf.end + 1, "")])
    return apply_edits(tree.text, [Edit(max(start - 1, 0), leaf.end, "")])


def _leaf(tree: Tree, key: str) -> Leaf | None:
    return next((leaf for leaf in tree.leaves if leaf.key == key), None)
