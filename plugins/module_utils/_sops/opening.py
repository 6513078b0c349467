# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening an encrypted file: every value and comment decrypted, the MAC verified.

Private to the collection.
"""

from __future__ import annotations

import re
import typing as t
from bisect import bisect_left
from dataclasses import dataclass

from .._errors import DecryptionError, MetadataNotFoundError
from . import mac
from .identities import KeyRing
from .metadata import Metadata
from .selectors import Selected, Selection
from .stores.base import Store, Typed
from .tree import COMMENT, NULL, STR, Leaf, Tree
from .values import Cipher, is_token, normalise, to_bytes, to_text

_BREAK = re.compile("[\r\n\x85\u2028\u2029]")


@dataclass
class Opened:
    """An encrypted file with its values, parallel to the leaves and comments of its tree."""

    tree: Tree
    metadata: Metadata
    data_key: bytes
    cipher: Cipher
    selected: Selected
    values: list[Typed | None]
    """Type and byte form of each leaf that was a token; None for clear ones."""
    comments: list[str | None]
    mac: str


def open_file(content: bytes, ring: KeyRing, store: Store, name: str | None, *, ignore_mac: bool) -> Opened:
    """Read and decrypt a file; nothing comes back unless the MAC is that of the content."""
    tree = store.load(content, where=name)
    data = store.metadata(tree)
    if data is None and tree.branches[0].metadata_span is None:
        raise MetadataNotFoundError("there is no SOPS metadata, so the file is not encrypted", where=name)
    metadata = Metadata.parse(data)
    selection = Selection(metadata.selector, where="sops")
    data_key = ring.data_key(metadata, where=name)
    cipher = Cipher(data_key)
    selected = selection.of(tree)
    opened = [
        _open_leaf(tree, leaf, cipher, name) if flag else None
        for leaf, flag in zip(tree.leaves, selected.leaves, strict=True)
    ]
    computed = mac.compute(
        (
            to_bytes(leaf.text if value is None else value[1])
            for leaf, value, flag in zip(tree.leaves, opened, selected.leaves, strict=True)
            if leaf.type != NULL
            and (value is None or value[0] != COMMENT)
            and (flag or not metadata.mac_only_encrypted)
        ),
        only_encrypted=metadata.mac_only_encrypted,
    )
    if not ignore_mac:
        mac.verify(metadata.mac, computed, cipher, metadata.lastmodified)
    return Opened(tree, metadata, data_key, cipher, selected, opened, _open_comments(tree, cipher), computed)


def _open_leaf(tree: Tree, leaf: Leaf, cipher: Cipher, name: str | None) -> Typed | None:
    if leaf.type == NULL or not leaf.text:
        return None
    if leaf.type != STR:
        _fail(tree, leaf, f"found a value of type {leaf.type} where an encrypted one is due", name)
    try:
        data, kind = cipher.decrypt(leaf.text, leaf.path)
        text = normalise(data, kind) if kind != STR else to_text(data)
    except DecryptionError as exc:
        _fail(tree, leaf, exc.message, name, exc)
    if kind == COMMENT and (not leaf.box.is_sequence or _BREAK.search(text)):
        # The type is not authenticated: a value renamed to a comment would leave the MAC, or break the layout.
        _fail(tree, leaf, "an encrypted value says that it is a comment, which cannot stand here", name)
    return (STR if kind == "bytes" else kind), text


def _fail(tree: Tree, leaf: Leaf, message: str, name: str | None, cause: Exception | None = None) -> t.NoReturn:
    line = tree.line_of(leaf.start)
    path = leaf.path.removesuffix(":")
    raise DecryptionError(
        message,
        where=f"{name or 'line'}:{line}: {path}" if name else f"line {line}: {path}",
        hint="restore the file from version control, or encrypt the value with sops_secret or sops edit",
    ) from cause


def _open_comments(tree: Tree, cipher: Cipher) -> list[str | None]:
    """Text of each encrypted comment, None if it is in clear or does not open: then it stays as it is.

    sops moves some comments when it writes, so the paths of the enclosing containers and of those that end
    just before are tried too; each try is authenticated.
    """
    opened: list[str | None] = []
    own = [leaf for leaf in tree.leaves if leaf.begin >= 0]
    starts: list[int] = []
    for comment in tree.comments:
        if not is_token(comment.text):
            opened.append(None)
            continue
        starts = starts or [leaf.start for leaf in own]
        before = bisect_left(starts, comment.start) - 1
        text = None
        for path in _paths(comment.box.path, own[before].path if before >= 0 else ""):
            try:
                data, kind = cipher.decrypt(comment.text, path or ":")
            except DecryptionError:
                continue
            plain = to_text(data)
            if kind == COMMENT and not _BREAK.search(plain):
                text = plain
            break
        opened.append(text)
    return opened


def _paths(*paths: str) -> t.Iterator[str]:
    for path in paths:
        at = path
        yield at
        while at:
            at = at[: at.rfind(":", 0, len(at) - 1) + 1]
            yield at
