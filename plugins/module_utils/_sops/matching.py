# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Matching the values of an edited file with those it had: what did not change keeps its token.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

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


class _Old(t.NamedTuple):
    """A leaf of the old file."""

    leaf: Leaf
    typed: Typed
    encrypted: bool
    spelled: Leaf | None
    """The same leaf in the decrypted text."""


def match_values(old: Opened, old_plain: Tree, tree: Tree, selected: Sequence[bool]) -> Matched:
    """Find the old leaf of each new one, among those with the same path.

    Items of a list share one: they are matched from both ends, and what is left between by value in order, so that
    neither a changed nor an inserted item changes the others.
    """
    known = _by_path(old, old_plain)
    numbers: dict[str, list[int]] = {}
    for number, leaf in enumerate(tree.leaves):
        numbers.setdefault(leaf.path, []).append(number)
    count = len(tree.leaves)
    matched = Matched([None] * count, [None] * count, [True] * count)
    for path, mine in numbers.items():
        olds = known.get(path)
        if olds is None:
            continue
        for number, each in _pairs(tree, mine, olds):
            matched.changed[number] = False
            if selected[number] and each.encrypted:
                matched.tokens[number] = each.leaf.text
                matched.styles[number] = _style_for(each, tree, tree.leaves[number], old_plain)
        if len(olds) == 1 and olds[0].encrypted:
            _keep_style_of_changed(olds[0], tree, mine, matched)
    return matched


def _by_path(old: Opened, old_plain: Tree) -> dict[str, list[_Old]]:
    known: dict[str, list[_Old]] = {}
    plain_leaves = iter(old_plain.leaves)
    for leaf, value in zip(old.tree.leaves, old.values, strict=True):
        if value is not None and value[0] == COMMENT:
            continue
        typed = (leaf.type, leaf.text) if value is None else value
        known.setdefault(leaf.path, []).append(_Old(leaf, typed, value is not None, next(plain_leaves, None)))
    return known


def _pairs(tree: Tree, numbers: Sequence[int], olds: Sequence[_Old]) -> t.Iterator[tuple[int, _Old]]:
    """New leaves of one path with the old ones that say the same."""
    wanted = [tree.leaves[number][3:5] for number in numbers]
    first, last, old_last = 0, len(wanted), len(olds)
    while first < last and first < old_last and wanted[first] == olds[first].typed:
        yield numbers[first], olds[first]
        first += 1
    while last > first and old_last > first and wanted[last - 1] == olds[old_last - 1].typed:
        last -= 1
        old_last -= 1
        yield numbers[last], olds[old_last]
    # As many as before: what is at its old place stays there.
    same_count = last == old_last
    kept = {at for at in range(first, last) if same_count and wanted[at] == olds[at].typed}
    for at in kept:
        yield numbers[at], olds[at]
    # A list for each value, or many equal ones would make this quadratic.
    places: dict[Typed, list[int]] = {}
    for at in range(old_last - 1, first - 1, -1):
        if at not in kept:
            places.setdefault(olds[at].typed, []).append(at)
    used = first
    for at in range(first, last):
        left = places.get(wanted[at], []) if at not in kept else []
        while left and left[-1] < used:
            left.pop()
        if left:
            used = left[-1] + 1
            yield numbers[at], olds[left.pop()]


def _style_for(old: _Old, tree: Tree, leaf: Leaf, old_plain: Tree) -> str | None:
    """Style of the old token if the value is spelled as decryption spelled it."""
    spelled = old.spelled
    if spelled is None or spelled.style != leaf.style:
        return None
    same = old_plain.text[spelled.start : spelled.end].rstrip() == tree.text[leaf.start : leaf.end].rstrip()
    return old.leaf.style if same else None


def _keep_style_of_changed(old: _Old, tree: Tree, numbers: Sequence[int], matched: Matched) -> None:
    """A single value that only changed its text keeps the spelling of its token too."""
    for number in numbers:
        if matched.changed[number] and old.spelled is not None and old.spelled.style == tree.leaves[number].style:
            matched.styles[number] = old.leaf.style


def match_comments(old: Opened, old_plain: Tree, tree: Tree) -> list[str | None]:
    """The old token of each comment of the new tree, if it can be kept."""
    known: dict[tuple[str, str], list[str | None]] = {}
    places = old.tree.comments
    if len(old_plain.comments) == len(places):
        # A token has other blank lines around it than its block, so a comment there can be one of another container.
        places = old_plain.comments
    for comment, place, text in zip(old.tree.comments, places, old.comments, strict=True):
        # Clear ones count as well, so that of equal comments each keeps its own token.
        plain, token = (comment.text, None) if text is None else (text, comment.text)
        known.setdefault((place.box.path, plain), []).append(token)
    kept: list[str | None] = []
    for comment in tree.comments:
        tokens = known.get((comment.box.path, comment.text))
        kept.append(tokens.pop(0) if tokens else None)
    return kept
