# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is odd about an encrypted file, although it opens: sops says nothing of most of it.

Private to the collection. A notice names the place and never a value.
"""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Iterator

from .._errors import DecryptionError
from .tree import Box, Leaf, Tree
from .values import is_token

if t.TYPE_CHECKING:
    from .opening import Opened
    from .paths import Path

NOT_SELECTED = "encrypted although not selected"
TRAILING_TEXT = "text after a token"
UNOPENED_COMMENT = "comment does not open"
CLEAR_COMMENT = "comment in clear although selected"
DUPLICATE_KEY = "duplicate key"
SELECTOR_IGNORED = "selector ignored"
COMMENTS_LOST = "comments lost"
MORE = "more"
MOST = 100
"""Notices of one file; nobody reads more, and finding the line of each takes time."""

_MESSAGES = {
    NOT_SELECTED: "a value is encrypted although the selector does not select it: the selector may have been changed",
    TRAILING_TEXT: "text follows the encrypted value; nobody authenticates it, and it is dropped",
    UNOPENED_COMMENT: "an encrypted comment does not open: it was changed or moved, and stays as it is",
    CLEAR_COMMENT: "a comment is in clear although the selector selects it",
    DUPLICATE_KEY: "a key occurs twice in the same mapping, and readers differ in which value they take",
}


class Notice(t.NamedTuple):
    """One thing that somebody should look at."""

    kind: str
    message: str
    where: str
    """File, line, document if there are several, and path."""

    def __str__(self) -> str:
        return f"{self.where}: {self.message}"


def notices_of(opened: Opened, name: str | None) -> list[Notice]:
    """All notices about a file that was opened, in the order of the file."""
    return _told(opened.tree, name, [*_about_leaves(opened), *_about_comments(opened), *_duplicates(opened.tree)])


def duplicates_in(tree: Tree, name: str | None) -> list[Notice]:
    """Notices about the keys of a plain file, for those formats in which a key may occur twice."""
    return _told(tree, name, list(_duplicates(tree)))


def strays_of(opened: Opened) -> list[int]:
    """Numbers of the leaves that are tokens of this very file although nothing selects them."""
    leaves = opened.tree.leaves
    pairs = enumerate(zip(leaves, opened.values, strict=True))
    strays = []
    for number in [number for number, (leaf, value) in pairs if value is None and leaf.text[:4] == "ENC["]:
        if not opened.selected.leaves[number] and is_token(leaves[number].text):
            with contextlib.suppress(DecryptionError):
                opened.cipher.decrypt(leaves[number].text, leaves[number].path)
                strays.append(number)
    return strays


_Found: t.TypeAlias = "tuple[int, str, Path]"
"""Position in the text, kind, path."""


def _told(tree: Tree, name: str | None, found: list[_Found]) -> list[Notice]:
    found.sort(key=_position)
    told = [Notice(kind, _MESSAGES[kind], location(tree, at, path, name)) for at, kind, path in found[:MOST]]
    if len(found) > MOST:
        told.append(Notice(MORE, f"{len(found) - MOST:,} more such places are not listed", name or "the file"))
    return told


def _position(found: _Found) -> int:
    return found[0]


def _about_leaves(opened: Opened) -> Iterator[_Found]:
    tree = opened.tree
    for number in strays_of(opened):
        leaf = tree.leaves[number]
        yield leaf.start, NOT_SELECTED, _path_of_leaf(tree, leaf, number)
    pairs = enumerate(zip(tree.leaves, opened.values, strict=True))
    for number in [number for number, (leaf, value) in pairs if value is not None and leaf.text[-1:] != "]"]:
        leaf = tree.leaves[number]
        if leaf.text.rstrip("\r\n")[-1:] != "]":
            yield leaf.start, TRAILING_TEXT, _path_of_leaf(tree, leaf, number)


def _about_comments(opened: Opened) -> Iterator[_Found]:
    tree = opened.tree
    for comment, text, flag in zip(tree.comments, opened.comments, opened.selected.comments, strict=True):
        if text is None and is_token(comment.text):
            yield comment.start, UNOPENED_COMMENT, path_of_box(tree, comment.box)
        elif text is None and flag:
            yield comment.start, CLEAR_COMMENT, path_of_box(tree, comment.box)


def _path_of_leaf(tree: Tree, leaf: Leaf, number: int) -> Path:
    from .paths import path_of  # noqa: PLC0415  (start-up time)

    return path_of(tree, leaf, number)


def path_of_box(tree: Tree, box: Box) -> Path:
    """Path of a container; empty for a document."""
    from .paths import path_of  # noqa: PLC0415  (start-up time: few files have anything odd)

    return path_of(tree, box) if box.parent is not None else ()


def _duplicates(tree: Tree) -> Iterator[_Found]:
    marks = [(leaf.box, leaf.key) for leaf in tree.leaves if not leaf.box.is_sequence]
    marks += [(box.parent, box.key) for box in tree.boxes if box.parent is not None and not box.parent.is_sequence]
    if len(set(marks)) == len(marks):
        return
    seen: set[tuple[int, str]] = set()
    items: list[tuple[Leaf | Box, Box]] = [(leaf, leaf.box) for leaf in tree.leaves if not leaf.box.is_sequence]
    items += [(box, box.parent) for box in tree.boxes if box.parent is not None and not box.parent.is_sequence]
    for item, parent in items:
        mark = (id(parent), item.key)
        if mark in seen:
            yield max(item.begin, 0), DUPLICATE_KEY, (*path_of_box(tree, parent), item.key)
        seen.add(mark)


def location(tree: Tree, index: int, path: Path, name: str | None) -> str:
    """`file:line: document N: path`; the document only where there are several."""
    line = tree.line_of(max(index, 0))
    parts = [f"{name}:{line}" if name else f"line {line}"]
    if len(tree.branches) > 1:
        parts.append(f"document {document_of(tree, index)}")
    if path:
        from .paths import format_path  # noqa: PLC0415  (start-up time)

        parts.append(format_path(path))
    return ": ".join(parts)


def document_of(tree: Tree, index: int) -> int:
    """Number, from 1, of the document at a position."""
    return max(1, sum(branch.start <= index for branch in tree.branches))


def comments_lost(count: int, target: str, name: str | None) -> Notice:
    """Comments that a format cannot hold."""
    noun = "comment is" if count == 1 else "comments are"
    return Notice(COMMENTS_LOST, f"{count} {noun} dropped: files of type {target} have none", name or "the file")
