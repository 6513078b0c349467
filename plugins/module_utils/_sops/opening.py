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
from collections.abc import Iterable, Iterator, Sequence

from .._errors import DecryptionError, EncryptionError, MalformedFileError, MetadataNotFoundError
from . import mac
from .key_ring import KeyRing
from .metadata import Metadata
from .selectors import EMPTY_COMMENT, Selected, Selection, in_lists
from .stores.base import Store, Typed
from .tree import COMMENT, NULL, STR, Box, Leaf, Tree
from .values import Cipher, is_token, normalise, to_bytes, to_text

_BREAK = "[\r\n\x85\u2028\u2029]"


class Opened:
    """An encrypted file with its values, parallel to the leaves and comments of its tree."""

    __slots__ = ("cipher", "comments", "data_key", "mac", "metadata", "selected", "tree", "values")

    def __init__(self, tree: Tree, metadata: Metadata, data_key: bytes, cipher: Cipher, selected: Selected) -> None:
        self.tree = tree
        self.metadata = metadata
        self.data_key = data_key
        self.cipher = cipher
        self.selected = selected
        self.values: list[Typed | None] = []
        """Type and byte form of each leaf that was a token; None for clear ones."""
        self.comments: list[str | None] = []
        self.mac = ""

    def hashed(self) -> Iterator[bytes]:
        """What each leaf adds to the MAC."""
        hashes_clear = not self.metadata.mac_only_encrypted
        for leaf, value in zip(self.tree.leaves, self.values, strict=True):
            if value is None:
                yield to_bytes(leaf.text) if hashes_clear and leaf.type != NULL else b""
            else:
                yield b"" if value[0] == COMMENT else to_bytes(value[1])


def load_encrypted(content: bytes, store: Store, name: str | None) -> Tree:
    """Read a file that should be encrypted; as in sops, one that cannot be read has an exit code of its own then."""
    try:
        return store.load(content, where=name)
    except (MalformedFileError, EncryptionError) as exc:
        exc.exit_code = 25 if exc.exit_code == EncryptionError.exit_code else 1
        raise


def open_file(content: bytes, ring: KeyRing, store: Store, name: str | None, *, ignore_mac: bool) -> Opened:
    """Read and decrypt a file; nothing comes back unless the MAC is that of the content."""
    tree = load_encrypted(content, store, name)
    data = store.metadata(tree)
    if data is None and tree.branches[0].metadata_span is None:
        raise MetadataNotFoundError("there is no SOPS metadata, so the file is not encrypted", where=name)
    metadata = Metadata.parse(data)
    selection = Selection(metadata.selector, where="sops")
    data_key = ring.data_key(metadata, where=name)
    cipher = Cipher(data_key)
    opened = Opened(tree, metadata, data_key, cipher, selection.of(tree))
    opened.mac = mac.compute(_open_leaves(opened, name), only_encrypted=metadata.mac_only_encrypted)
    if not ignore_mac:
        mac.verify(metadata.mac, opened.mac, cipher, metadata.lastmodified)
    opened.comments = _open_comments(tree, opened.selected.comments, cipher)
    return opened


def _open_leaves(opened: Opened, name: str | None) -> Iterator[bytes]:
    """Decrypt what is selected; what each value adds to the MAC. Runs for every value of a file, hence the local names."""
    tree, decrypt = opened.tree, opened.cipher.decrypt
    add = opened.values.append
    hashes_clear = not opened.metadata.mac_only_encrypted
    for leaf, flag in zip(tree.leaves, opened.selected.leaves, strict=True):
        _start, _end, _style, leaf_kind, token, path, _box, _key, _begin = leaf
        if not flag:
            add(None)
            if hashes_clear and leaf_kind != NULL:
                yield token.encode("utf-8", "surrogateescape")
            continue
        try:
            data, kind = decrypt(token, path)
            if kind != STR:
                value = _unusual(leaf, data, kind)
                add(value)
                yield b"" if value[0] == COMMENT else to_bytes(value[1])
                continue
        except DecryptionError as exc:
            wrong = f"found a value of type {leaf_kind} where an encrypted one is due"
            _fail(tree, leaf, exc.message if leaf_kind == STR else wrong, name, exc)
        add((STR, data.decode("utf-8", "surrogateescape")))
        yield data


def _unusual(leaf: Leaf, data: bytes, kind: str) -> Typed:
    """Type and byte form of what is not just a string."""
    text = normalise(data, kind)
    if kind == COMMENT and (not leaf.box.is_sequence or re.search(_BREAK, text)):
        # The type is not authenticated: a value renamed to a comment would leave the MAC, or break the layout.
        raise DecryptionError("an encrypted value says that it is a comment, which cannot stand here")
    return (STR if kind == "bytes" else kind), text


def _fail(tree: Tree, leaf: Leaf, message: str, name: str | None, cause: Exception | None = None) -> t.NoReturn:
    line = tree.line_of(leaf.start)
    parts = [f"{name}:{line}" if name else f"line {line}", leaf.path.removesuffix(":")]
    if len(tree.branches) > 1:
        parts.insert(1, f"document {sum(branch.start <= max(leaf.start, 0) for branch in tree.branches)}")
    raise DecryptionError(
        message,
        where=": ".join(parts),
        hint="restore the file from version control, or encrypt the value with sops_secret or sops edit",
    ) from cause


def _open_comments(tree: Tree, selected: Sequence[bool], cipher: Cipher) -> list[str | None]:
    """Text of each encrypted comment, None if it is in clear or does not open: then it stays as it is.

    sops moves some comments when it writes, so the paths of the enclosing containers and of those that end
    just before are tried too; each try is authenticated.
    """
    opened: list[str | None] = []
    own: list[Leaf] = []
    starts: list[int] = []
    lists: dict[int, Box] | None = None
    for number, (comment, flag) in enumerate(zip(tree.comments, selected, strict=True)):
        if not is_token(comment.text):
            is_empty = flag and comment.text == EMPTY_COMMENT
            if is_empty:
                lists = in_lists(tree) if lists is None else lists
                is_empty = number in lists
            opened.append("" if is_empty else None)
            continue
        # Nearly all open with the path of their container.
        found = _open_comment(comment.text, (comment.box.path,), cipher)
        if found is None:
            own = own or [leaf for leaf in tree.leaves if leaf.begin >= 0]
            starts = starts or [leaf.start for leaf in own]
            before = bisect_left(starts, comment.start) - 1
            paths = _paths(comment.box.path, own[before].path if before >= 0 else "")
            found = _open_comment(comment.text, paths, cipher)
        text = None
        if found is not None and found[1] == COMMENT:
            plain = to_text(found[0])
            text = None if any(char in plain for char in tree.comment_breaks) else plain
        opened.append(text)
    return opened


def _open_comment(token: str, paths: Iterable[str], cipher: Cipher) -> tuple[bytes, str] | None:
    for path in paths:
        try:
            return cipher.decrypt(token, path or ":")
        except DecryptionError:
            continue
    return None


def _paths(*paths: str) -> t.Iterator[str]:
    for path in paths:
        at = path
        yield at
        while at:
            at = at[: at.rfind(":", 0, len(at) - 1) + 1]
            yield at
