# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing an encrypted file in its own text: other tokens, other metadata, every other byte as it was.

Private to the collection. A token stands in the text as it is, whatever the format and its quotes, so its text is
exchanged where it stands.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from .._errors import FluxseedError
from .metadata import Metadata
from .stores.base import Store
from .stores.puts import rewritten_metadata
from .tree import STR, Branch, Edit, Leaf, Tree, apply_edits

Tokens = Mapping[int, str]
"""New token by number of the leaf or comment."""


def rewrite(
    store: Store, tree: Tree, old: Metadata, new: Metadata, tokens: Tokens | None = None, comments: Tokens | None = None
) -> bytes:
    """The encrypted file `tree` with other tokens and metadata."""
    tokens, comments = tokens or {}, comments or {}
    edits = _token_edits(tree, tokens, comments)
    changes = _differences(old.to_data(), new.to_data())
    texts = _text_edits(tree, changes)
    if edits is not None and texts is not None:
        return _apply(tree, [*edits, *texts])
    blocks = rewritten_metadata(store, tree, changes)
    if edits is not None and blocks is not None:
        content = _apply(tree, [*edits, *blocks])
        if _says(store, content, new):
            return content
    return _written_anew(store, tree, new, tokens, comments)


def _apply(tree: Tree, edits: Sequence[Edit]) -> bytes:
    return (tree.prefix + apply_edits(tree.text, edits)).encode("utf-8", "surrogateescape")


def _token_edits(tree: Tree, tokens: Tokens, comments: Tokens) -> list[Edit] | None:
    edits = []
    for number, token in tokens.items():
        leaf = tree.leaves[number]
        if leaf.begin < 0:
            continue  # the copy of an alias: its text stands elsewhere
        edit = _exchange(tree, leaf, token)
        if edit is None:
            return None
        edits.append(edit)
    for number, token in comments.items():
        comment = tree.comments[number]
        edits.append(Edit(comment.start, comment.end, token))
    return edits


def _exchange(tree: Tree, leaf: Leaf, new: str) -> Edit | None:
    whole = new
    old = leaf.text.strip()
    at = tree.text.find(old, leaf.start, leaf.end) if old else -1
    if at < 0:
        # The end of a token in JSON may hold escapes, which say how the value was spelled (see stores/json_text.py).
        old, _separator, kind = old.rpartition(",type:")
        at = tree.text.find(old, leaf.start, leaf.end) if old and new.endswith(f",type:{kind}") else -1
        new = new.removesuffix(f",type:{kind}")
    if at >= 0:
        return Edit(at, at + len(old), new)
    # Of another type, or in odd escapes: quotes of this kind take any token as it is.
    is_quoted = leaf.end - leaf.start > 1 and tree.text[leaf.start] == tree.text[leaf.end - 1] == '"'
    return Edit(leaf.start + 1, leaf.end - 1, whole) if is_quoted else None


def _differences(old: Mapping[str, t.Any], new: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """New value of each key that differs, None for one that goes."""
    changes = {key: value for key, value in new.items() if key not in old or old[key] != value}
    changes.update((key, None) for key in old if key not in new)
    return changes


def _text_edits(tree: Tree, changes: Mapping[str, t.Any]) -> list[Edit] | None:
    """Edits if all that changes are texts that are there already."""
    edits = []
    for branch in tree.branches:
        if branch.metadata_span is None:
            continue
        for key, value in changes.items():
            leaf = branch.metadata_leaves.get(key)
            edit = _exchange(tree, leaf, value) if leaf is not None and _fits(branch, key, value) else None
            if edit is None:
                return None
            edits.append(edit)
    return edits


def _fits(branch: Branch, key: str, value: t.Any) -> bool:
    """Whether the text can take the place of the old one in any quotes: only times and tokens are known to."""
    return isinstance(value, str) and key in ("mac", "lastmodified") and branch.metadata_leaves[key].text != ""


def _says(store: Store, content: bytes, metadata: Metadata) -> bool:
    """Whether every document says what was to be written."""
    try:
        tree = store.load(content)
        stored = [Metadata.parse(branch.metadata) for branch in tree.branches if branch.metadata_span is not None]
    except FluxseedError:
        return False
    return all(each.to_data() == metadata.to_data() for each in stored)


def _written_anew(store: Store, tree: Tree, metadata: Metadata, tokens: Tokens, comments: Tokens) -> bytes:
    """Tokens as texts of a file without metadata, which then gets new metadata in the layout of sops."""
    values = [(STR, tokens[number]) if number in tokens else None for number in range(len(tree.leaves))]
    texts = [comments.get(number) for number in range(len(tree.comments))]
    bare = store.load(store.emit_plain(tree, values, texts))
    return store.emit_encrypted(bare, [None] * len(bare.leaves), [None] * len(bare.comments), metadata.to_data())
