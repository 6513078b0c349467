# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sealing a plain file: a token for every value and comment that is selected, and the MAC of the whole.

Private to the collection. The counterpart of `opening`.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from . import mac
from .selectors import Selected
from .tree import COMMENT, NULL, Tree
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
    missing = sum(flag and token is None for flag, token in zip(selected.leaves, old, strict=True))
    cipher.reserve(missing + sum(selected.comments) + 1)
    tokens = [
        (token or cipher.encrypt(to_bytes(leaf.text), leaf.type, leaf.path)) if flag else None
        for leaf, flag, token in zip(tree.leaves, selected.leaves, old, strict=True)
    ]
    comments = [
        (token or cipher.encrypt(to_bytes(comment.text), COMMENT, comment.box.path or ":")) if flag else None
        for comment, flag, token in zip(tree.comments, selected.comments, old_comments, strict=True)
    ]
    computed = mac.compute(
        (
            to_bytes(leaf.text)
            for leaf, flag in zip(tree.leaves, selected.leaves, strict=True)
            if leaf.type != NULL and (flag or not mac_only_encrypted)
        ),
        only_encrypted=mac_only_encrypted,
    )
    return Sealed(tokens, comments, computed)
