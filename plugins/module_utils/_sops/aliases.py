# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Aliases that repeat what is to be encrypted: each copy becomes a value of its own.

Private to the collection. A token is bound to its path, so an anchor and its aliases cannot share one.
The documents with such aliases are written anew, as sops writes them; all others stay byte for byte, and
so does an alias that repeats nothing but clear values.
"""

from __future__ import annotations

import typing as t
from bisect import bisect_right

from .._errors import EncryptionError
from .selectors import Selected, Selection
from .tree import FLOAT, INT, Alias, Box, Edit, Tree, apply_edits

if t.TYPE_CHECKING:
    from .stores.base import Store


def spelled_out(store: Store, tree: Tree, selection: Selection, where: str | None) -> tuple[Tree, Selected]:
    """The plain file without aliases that repeat a secret, and what is selected in it."""
    selected = selection.of(tree)
    hidden = {comment.box for comment, flag in zip(tree.comments, selected.comments, strict=True) if flag}
    starts = [branch.start for branch in tree.branches]
    affected = {
        max(bisect_right(starts, alias.start) - 1, 0)
        for alias in tree.aliases
        if _repeats_secret(tree, alias, selected, hidden)
    }
    if not affected:
        return tree, selected
    # A comment below a marker that is one of the document above would be lost or doubled.
    for number in range(len(starts) - 1, 0, -1):
        moved = any(comment.order == starts[number] < comment.start for comment in tree.comments)
        if moved and not affected.isdisjoint((number - 1, number)):
            affected |= {number - 1, number}
    expanded = store.load(_expanded(store, tree, affected, exact=selection.goes_by_comments), where=where)
    anew = selection.of(expanded)
    if selection.goes_by_comments and anew.leaves != selected.leaves:
        raise EncryptionError(
            "a comment decides what is encrypted, but with the aliases of secrets spelled out it would be one of another "
            "item",
            where=where,
            hint="write the values out yourself, with a comment above each key that is to be encrypted",
        )
    return expanded, anew


def _repeats_secret(tree: Tree, alias: Alias, selected: Selected, hidden: set[Box]) -> bool:
    """Whether something below the anchor, or in the copy, is to be encrypted; `hidden` hold comments that are."""
    return (
        any(selected.leaves[alias.first : alias.last])
        or any(selected.leaves[alias.copy : alias.copy_end])
        or not hidden.isdisjoint(tree.boxes[alias.box : alias.box_end])
    )


def _expanded(store: Store, tree: Tree, affected: set[int], *, exact: bool) -> bytes:
    """The text with the affected documents written anew."""
    # sops writes a whole float without its point; here it has to stay a float, and an integer is written as it is.
    whole = [leaf.type == FLOAT and leaf.text.removeprefix("-").isdigit() for leaf in tree.leaves]
    values = [(INT, f"{leaf.text}.0") if flag else None for leaf, flag in zip(tree.leaves, whole, strict=True)]
    from .nodes import documents_of  # noqa: PLC0415  (start-up time: few files have aliases)

    documents = documents_of(tree, values, exact=exact)
    breaks = "\r\n" if "\r\n" in tree.text else "\n"
    edits = []
    for number in affected:
        # A start marker goes with directives and comments behind it; the first document needs none.
        start = tree.branches[number].start if number else 0
        text = store.emit([documents[number]]).decode()
        edits.append(Edit(start, _end(tree, number), (f"---\n{text}" if number else text).replace("\n", breaks)))
    return (tree.prefix + apply_edits(tree.text, edits)).encode()


def _end(tree: Tree, number: int) -> int:
    """Where a document ends that is written anew: comments behind its end marker belong to it."""
    following = number + 1
    return tree.branches[following].start if following < len(tree.branches) else len(tree.text)
