# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the flat stores share: encryption without keys, so that only the store is at work."""

from __future__ import annotations

import typing as t

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Block, Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import Tree

METADATA = {
    "age": [{"enc": "-----BEGIN-----\nabc\n-----END-----\n", "recipient": "age1x"}],
    "lastmodified": "2026-01-02T03:04:05Z",
    "mac": "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]",
    "unencrypted_suffix": "_unencrypted",
    "version": "3.13.3",
}


def token(number: int, kind: str = "str") -> str:
    """A text of the form of a token."""
    return f"ENC[AES256_GCM,data:{number:04d},iv:+/A=,tag:AA==,type:{kind}]"


class Sealed(t.NamedTuple):
    """An encrypted file, read again."""

    content: bytes
    tree: Tree
    plain: Tree
    tokens: list[str | None]
    comments: list[str | None]

    def opened(self, store: Store) -> bytes:
        """The plain file with all of its values."""
        return store.emit_plain(
            self.tree,
            [
                (leaf.type, leaf.text) if sealed else None
                for leaf, sealed in zip(self.plain.leaves, self.tokens, strict=True)
            ],
            [
                comment.text if sealed else None
                for comment, sealed in zip(self.plain.comments, self.comments, strict=True)
            ],
        )


def seal(store: Store, content: bytes, *, every: int = 1, block: Block | None = None) -> Sealed:
    """Each value and comment, or every second one, as a token."""
    plain = store.load(content)
    tokens = [token(number) if leaf.text and number % every == 0 else None for number, leaf in enumerate(plain.leaves)]
    comments = [
        token(number + 1000, "comment") if comment.text and number % every == 0 else None
        for number, comment in enumerate(plain.comments)
    ]
    encrypted = store.emit_encrypted(plain, tokens, comments, dict(METADATA), block=block)
    return Sealed(encrypted, store.load(encrypted), plain, tokens, comments)


def assert_sealed(store: Store, content: bytes, *, every: int = 1) -> bytes:
    """The encrypted file has the paths of the plain one and comes back byte for byte; returns it."""
    sealed = seal(store, content, every=every)
    plain, tree = sealed.plain, sealed.tree
    assert [leaf.path for leaf in tree.leaves] == [leaf.path for leaf in plain.leaves]
    assert [leaf.text for leaf in tree.leaves] == [
        new or leaf.text for leaf, new in zip(plain.leaves, sealed.tokens, strict=True)
    ]
    assert [(comment.box.path, comment.text) for comment in tree.comments] == [
        (comment.box.path, new or comment.text) for comment, new in zip(plain.comments, sealed.comments, strict=True)
    ]
    assert store.metadata(tree) == METADATA
    assert sealed.opened(store) == content
    return sealed.content
