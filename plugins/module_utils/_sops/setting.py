# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Setting and removing single entries of an encrypted file, by path.

Private to the collection. What is made on the way to an entry follows the rules of sops. An entry is put into the
text of the file in the layout around it and the result read back; only where no such way is known is the file
written anew.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator, Sequence

from .._errors import EmissionError, FluxseedError, PathNotFoundError, ValueFormatError
from . import mac as file_mac
from .changes import Change, masked_old
from .editing import CONTENT, Job, edit, sealed_metadata
from .nodes import MappingNode, Node, ScalarNode, documents_of
from .notices import notices_of
from .opening import Opened
from .paths import STRUCTURE, Path, check_path, find, format_path, outline, removed, replaced, wrapped
from .splicing import rewrite
from .stores import puts
from .stores.base import Store, Typed
from .surface import refuse_metadata
from .tree import COMMENT, FLOAT, NULL, STR, Box, Tree
from .values import Cipher, to_bytes

_TEXT_ONLY = ("dotenv", "ini")
"""Stores whose values are all strings."""


def set_value(job: Job, document: int, path: Path, value: Node) -> Change:
    """The change that puts a value at a path."""
    check_path(path)
    tree = job.old.tree
    _check_document(tree, document)
    value = _as_text(job, path, value)
    at = _locate(job.old, document, path)
    if isinstance(at, int) and isinstance(value, ScalarNode):
        now = job.old.values[at] or (tree.leaves[at].type, tree.leaves[at].text)
        if now == (value.type, value.text):
            return job.unchanged()
        if _is_exchangeable(job.old, at, value):
            return _exchange_token(job, at, value)
    documents = _documents(job.old)
    root = _mapping(replaced(documents[document], path, value))
    if at is not None and outline([root]) == outline([documents[document]]):
        return job.unchanged()
    wanted = [*documents[:document], root, *documents[document + 1 :]]
    return edit(job, *_plain_text(job, wanted, _ways_to_set(job, at, document, path, value)))


def unset_value(job: Job, document: int, path: Path, *, idempotent: bool) -> Change:
    """The change that removes what is at a path."""
    check_path(path)
    _check_document(job.old.tree, document)
    documents = _documents(job.old)
    try:
        root = removed(documents[document], path)
    except PathNotFoundError:
        if idempotent and _is_missing(documents[document], path):
            return job.unchanged()
        raise
    wanted = [*documents[:document], _mapping(root), *documents[document + 1 :]]
    return edit(job, *_plain_text(job, wanted, iter([lambda: puts.drop(job.store, job.plain_tree, document, path)])))


def _is_missing(node: Node, path: Path) -> bool:
    """Whether a path leads nowhere because a key or item is not there; a wrong kind of container is another thing."""
    for depth in range(1, len(path) + 1):
        part = path[depth - 1]
        above = find(node, path[: depth - 1])
        if isinstance(above, ScalarNode) or isinstance(above, MappingNode) is not isinstance(part, str):
            return False
        try:
            find(node, path[:depth])
        except PathNotFoundError:
            return True
    return False


def _check_document(tree: Tree, document: int) -> None:
    if not 0 <= document < len(tree.branches):
        raise PathNotFoundError(f"there is no document {document + 1}: the file has {len(tree.branches)}")


def _documents(old: Opened) -> list[MappingNode]:
    return documents_of(old.tree, old.values, old.comments)


def _mapping(node: Node) -> MappingNode:
    if not isinstance(node, MappingNode):
        raise ValueFormatError("a document can only be a mapping")
    return node


# --- one token ------------------------------------------------------------------------------------


def _is_exchangeable(old: Opened, number: int, value: ScalarNode) -> bool:
    """Whether a token can take the place of the one that is there, and nothing else changes."""
    if old.values[number] is None or value.type == NULL or not value.text or old.tree.leaves[number].begin < 0:
        return False
    return not any(first <= number < last for _start, _end, first, last, *_copy in old.tree.aliases)


def _exchange_token(job: Job, number: int, value: ScalarNode) -> Change:
    old = job.old
    cipher = Cipher(old.data_key, job.randomness)
    cipher.reserve(2)
    leaf = old.tree.leaves[number]
    token = cipher.encrypt(to_bytes(value.text), value.type, leaf.path)
    metadata = old.metadata
    mac = _mac(old, number, value)
    if mac != old.mac:
        metadata = sealed_metadata(metadata, mac, cipher, job.clock)
    content = rewrite(job.store, old.tree, old.metadata, metadata, {number: token})
    return Change(
        needed=True,
        reason=(CONTENT,),
        before=lambda: masked_old(old, job.store),
        after=lambda: masked_old(old, job.store, changed=(number,)),
        content=content,
        warnings=lambda: notices_of(old, job.name),
    )


def _mac(old: Opened, number: int, value: ScalarNode) -> str:
    """The MAC with one value exchanged."""
    hashed = list(old.hashed())
    hashed[number] = to_bytes(value.text)
    return file_mac.compute(hashed, only_encrypted=old.metadata.mac_only_encrypted)


# --- places ---------------------------------------------------------------------------------------


def _locate(old: Opened, document: int, path: Path) -> int | Box | None:
    """Number of the leaf, or the container, that a path leads to; None if there is none."""
    at: int | Box | None = old.tree.branches[document].root
    for part in path:
        if not isinstance(at, Box):
            return None
        if at.is_sequence is not isinstance(part, int):
            return None
        at = _item(old, at, part) if isinstance(part, int) else _entry(old.tree, at, part)
    return at


def _entry(tree: Tree, box: Box, key: str) -> int | Box | None:
    """The first value of a key, as sops takes it."""
    leaf = next((number for number, leaf in enumerate(tree.leaves) if leaf.box is box and leaf.key == key), None)
    child = next((each for each in tree.boxes if each.parent is box and each.key == key), None)
    if leaf is None or child is None:
        return child if leaf is None else leaf
    return child if child.first <= leaf else leaf


def _item(old: Opened, box: Box, index: int) -> int | Box | None:
    items: list[tuple[int, int, int | Box]] = []
    for number, (leaf, value) in enumerate(zip(old.tree.leaves, old.values, strict=True)):
        if leaf.box is box and (value is None or value[0] != COMMENT):
            items.append((number, 1, number))
    items += [(each.first, 0, each) for each in old.tree.boxes if each.parent is box]
    items.sort(key=_order)
    return items[index][2] if index < len(items) else None


def _order(item: tuple[int, int, int | Box]) -> tuple[int, int]:
    return item[:2]


# --- text -----------------------------------------------------------------------------------------

_Way = Callable[[], t.Optional[bytes]]  # noqa: UP045  (pylint takes | here for an operation)


def _ways_to_set(job: Job, at: int | Box | None, document: int, path: Path, value: Node) -> Iterator[_Way]:
    """Ways to make the new plain text, the one that leaves most as it is first."""
    old, store = job.old, job.store
    if isinstance(at, int) and isinstance(value, ScalarNode) and NULL not in (value.type, old.tree.leaves[at].type):
        values = [*old.values[:at], (value.type, value.text), *old.values[at + 1 :]]
        yield lambda: store.emit_plain(old.tree, values, old.comments)
    yield lambda: puts.put(store, job.plain_tree, document, path, value)
    yield lambda: puts.put(store, job.plain_tree, document, path, value, literals=False)


def _plain_text(job: Job, wanted: Sequence[MappingNode], ways: Iterator[_Way]) -> tuple[bytes, Tree]:
    """A plain text that says what is wanted, and its tree; every way is read back before it is believed."""
    store = job.store
    outlined = outline(wanted)
    for way in ways:
        try:
            text = way()
            if text is None:
                continue
            tree = store.load(text, where=job.name)
            if outline(documents_of(tree)) == outlined:
                return text, tree
        except FluxseedError:
            continue
    text = _with_floats(store, store.emit(wanted), outlined)
    tree = store.load(text, where=job.name)
    refuse_metadata(tree)
    if outline(documents_of(tree)) != outlined:
        raise EmissionError(f"a file of type {store.name} cannot hold this value at this path")
    return text, tree


def _with_floats(store: Store, text: bytes, outlined: Sequence[Typed]) -> bytes:
    """The text of sops' layout, in which whole floats are integers, with floats where there were floats."""
    tree = store.load(text)
    scalars = [typed for typed in outlined if typed[0] not in STRUCTURE]
    if len(scalars) != len(tree.leaves):
        return text
    floats = [
        typed if typed[0] == FLOAT and leaf.type != FLOAT else None
        for typed, leaf in zip(scalars, tree.leaves, strict=True)
    ]
    return store.emit_plain(tree, floats, [None] * len(tree.comments)) if any(floats) else text


def _as_text(job: Job, path: Path, value: Node) -> Node:
    """What a store without types makes of other values than strings: the text that sops gives them."""
    store = job.store
    if store.name not in _TEXT_ONLY or (isinstance(value, ScalarNode) and value.type == STR):
        return value
    if any(kind == NULL for kind, _text in outline([MappingNode([("", value)])])):
        raise EmissionError(
            f"files of type {store.name} have no null", where=format_path(path), hint="unset it, or set an empty string"
        )
    inside: Path = ("section", "key") if store.name == "ini" and isinstance(value, ScalarNode) else ("key",)
    try:
        content = store.emit([_mapping(wrapped(inside, value))])
    except EmissionError as exc:
        raise EmissionError(exc.message, where=format_path(path), hint=exc.hint) from None
    return find(documents_of(store.load(content))[0], inside)
