# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matching the values of an edited file with those it had: what did not change keeps its token.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from dataclasses import dataclass

from .opening import Opened
from .stores.base import Typed
from .tree import COMMENT, Leaf, Tree


class Matched(t.NamedTuple):
    """For each leaf of the new tree."""

    tokens: list[str | None]
    """The old token, if it can be kept."""
    styles: list[str | None]
    """Spelling of the old token, if the value is spelled as before."""
    changed: list[bool]


def match_values(old: Opened, old_plain: Tree, tree: Tree, selected: Sequence[bool]) -> Matched:
    """Find the old leaf of each new one.

    Leaves with the same path (items of a list) are matched by value first in order, so that inserting one
    item leaves the others alone.
    """
    known: dict[str, list[_Old]] = {}
    plain_leaves = iter(old_plain.leaves)
    for leaf, value in zip(old.tree.leaves, old.values, strict=True):
        if value is not None and value[0] == COMMENT:
            continue
        spelled = next(plain_leaves, None)
        typed = (leaf.type, leaf.text) if value is None else value
        known.setdefault(leaf.path, []).append(_Old(leaf, typed, value is not None, spelled))
    kept: list[str | None] = []
    styles: list[str | None] = []
    changed: list[bool] = []
    used: dict[str, int] = {}
    for leaf, flag in zip(tree.leaves, selected, strict=True):
        candidates = known.get(leaf.path, ())
        start = used.get(leaf.path, 0)
        token = style = None
        different = True
        for number in range(start, len(candidates)):
            each = candidates[number]
            if each.typed == (leaf.type, leaf.text):
                used[leaf.path] = number + 1
                different = False
                if flag and each.encrypted:
                    token = each.leaf.text
                    style = each.style_for(tree, leaf, old_plain)
                break
        kept.append(token)
        styles.append(style)
        changed.append(different)
    _keep_style_of_changed(known, tree, changed, styles)
    return Matched(kept, styles, changed)


@dataclass
class _Old:
    """A leaf of the old file."""

    leaf: Leaf
    typed: Typed
    encrypted: bool
    spelled: Leaf | None
    """The same leaf in the decrypted text."""

    def style_for(self, tree: Tree, leaf: Leaf, old_plain: Tree) -> str | None:
        """Style of the old token if the value is spelled as decryption spelled it."""
        spelled = self.spelled
        if spelled is None or spelled.style != leaf.style:
            return None
        same = old_plain.text[spelled.start : spelled.end].rstrip() == tree.text[leaf.start : leaf.end].rstrip()
        return self.leaf.style if same else None


def _keep_style_of_changed(
    known: dict[str, list[_Old]], tree: Tree, changed: Sequence[bool], styles: list[str | None]
) -> None:
    """A single value that only changed its text keeps the spelling of its token too."""
    for number, (leaf, different) in enumerate(zip(tree.leaves, changed, strict=True)):
        candidates = known.get(leaf.path, ())
        if different and len(candidates) == 1 and candidates[0].encrypted:
            spelled = candidates[0].spelled
            if spelled is not None and spelled.style == leaf.style:
                styles[number] = candidates[0].leaf.style


def match_comments(old: Opened, tree: Tree) -> list[str | None]:
    """The old token of each comment of the new tree, if it can be kept."""
    known: dict[tuple[str, str], list[str]] = {}
    for comment, text in zip(old.tree.comments, old.comments, strict=True):
        if text is not None:
            known.setdefault((comment.box.path, text), []).append(comment.text)
    kept: list[str | None] = []
    for comment in tree.comments:
        tokens = known.get((comment.box.path, comment.text))
        kept.append(tokens.pop(0) if tokens else None)
    return kept
