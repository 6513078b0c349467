# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing a plain file: a token for every value and comment that is selected, and the MAC of the whole.

Private to the collection. The counterpart of `opening`.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Sequence

from .._errors import EncryptionError
from . import mac
from .selectors import EMPTY_COMMENT, Selected
from .tree import COMMENT, NULL, Comment, Tree
from .values import Cipher, to_bytes


class Sealed(t.NamedTuple):
    """Tokens parallel to the leaves and comments of a tree; None for what stays in clear."""

    tokens: list[str | None]
    comments: list[str | None]
    mac: str
    """In clear: its encrypted form depends on the time of writing."""


def seal(
    tree: Tree,
    selected: Selected,
    cipher: Cipher,
    *,
    mac_only_encrypted: bool,
    kept: Sequence[str | None] | None = None,
    kept_comments: Sequence[str | None] | None = None,
) -> Sealed:
    """Encrypt what is selected; `kept` are tokens of an older state that are still right."""
    old = kept or [None] * len(tree.leaves)
    old_comments = kept_comments or [None] * len(tree.comments)
    missing = selected.leaves.count(True) - sum(token is not None for token in old)
    cipher.reserve(max(missing, 0) + selected.comments.count(True) + 1)
    tokens: list[str | None] = []
    hashed = _seal_leaves(tree, selected.leaves, cipher, old, tokens, hashes_clear=not mac_only_encrypted)
    computed = mac.compute(hashed, only_encrypted=mac_only_encrypted)
    comments = [
        (token or _seal_comment(comment, cipher)) if flag else None
        for comment, flag, token in zip(tree.comments, selected.comments, old_comments, strict=True)
    ]
    _refuse_found(tree, comments, selected)
    _refuse_exposed(tree, selected)
    return Sealed(tokens, comments, computed)


def _seal_comment(comment: Comment, cipher: Cipher) -> str:
    if not comment.text:
        # An empty one is selected in lists only: sops would make an empty item of it.
        return EMPTY_COMMENT
    return cipher.encrypt(to_bytes(comment.text), COMMENT, comment.box.path or ":")


def _seal_leaves(
    tree: Tree,
    selected: Sequence[bool],
    cipher: Cipher,
    old: Sequence[str | None],
    tokens: list[str | None],
    *,
    hashes_clear: bool,
) -> Iterator[bytes]:
    """Add the token of each leaf; what each adds to the MAC. Runs for every value of a file, hence the local names."""
    encrypt, add = cipher.encrypt, tokens.append
    for leaf, flag, token in zip(tree.leaves, selected, old, strict=True):
        _start, _end, _style, kind, text, path, _box, _key, _begin = leaf
        data = text.encode("utf-8", "surrogateescape")
        if flag:
            add(token or encrypt(data, kind, path))
            yield data
        else:
            add(None)
            if hashes_clear and kind != NULL:
                yield data


def _refuse_exposed(tree: Tree, selected: Selected) -> None:
    """The YAML library of sops takes some comments for those of another item; no secret may stay in clear by that."""
    if selected.exposed >= 0:
        leaf = tree.leaves[selected.exposed]
        raise EncryptionError(
            "a comment decides what is encrypted, but sops takes it for one of another item and would leave this in clear",
            where=f"line {tree.line_of(leaf.start)}: {leaf.path.removesuffix(':')}",
            hint="put it right above its key or dash, in the same column, with a blank line above and none below",
        )


def _refuse_found(tree: Tree, tokens: Sequence[str | None], selected: Selected) -> None:
    """A token that the selector itself takes for a sign to leave values in clear would make the file unreadable."""
    if selected.refused is None:
        return
    for comment, token in zip(tree.comments, tokens, strict=True):
        if token is not None and selected.refused(token):
            raise EncryptionError(
                "the encrypted form of a comment matches unencrypted_comment_regex, so the file could not be read back",
                where=f"line {tree.line_of(comment.start)}: {comment.box.path.removesuffix(':')}".removesuffix(": "),
                hint="use a pattern that cannot match ENC[AES256_GCM,…], such as one with a space",
            )
