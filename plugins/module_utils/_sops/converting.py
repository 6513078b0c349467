# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypting a file for the first time, and changing the format of one.

Private to the collection. sops writes some conversions that nobody can verify, or that lose a part of the content
without a word (several documents into one, nulls as a text, numbers spelled in another way). These are refused here.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from .._errors import ConversionError, FluxseedError
from . import mac as file_mac
from .aliases import spelled_out
from .changes import Change, footer, hidden
from .config import Rule
from .keys.services import KeyServices
from .keys.wrapping import wrap_groups
from .metadata import Metadata
from .notices import SELECTOR_IGNORED, Notice, comments_lost, duplicates_in, location
from .opening import Opened
from .sealing import Sealed, seal
from .selectors import DEFAULT, Selected, Selection
from .stores.base import Store
from .surface import Clock, refuse_metadata, stamp
from .tree import COMMENT, NULL, STR, Leaf, Tree
from .values import Cipher, Randomness

_ONE_DOCUMENT = ("json", "binary", "dotenv", "ini")
_NO_NULLS = ("dotenv", "ini")
_NO_COMMENTS = ("json", "binary")


class Plain(t.NamedTuple):
    """A plain file that is to be encrypted."""

    content: bytes
    store: Store
    output_store: Store
    name: str | None
    clock: Clock
    randomness: Randomness
    services: KeyServices | None = None


def encrypt(plain: Plain, rule: Rule) -> Change:
    """Encrypt a file for the first time; its layout is kept unless the format changes."""
    store, output_store = plain.store, plain.output_store
    tree = store.load(plain.content, where=plain.name)
    refuse_metadata(tree)
    notices = duplicates_in(tree, plain.name)
    selector, mac_only_encrypted = rule.selector, rule.mac_only_encrypted
    binary = store.name == "binary"
    if binary and (selector != DEFAULT or mac_only_encrypted):
        message = "a binary file is encrypted as a whole: the selector and mac_only_encrypted are ignored"
        notices.append(Notice(SELECTOR_IGNORED, message, plain.name or rule.where))
    if binary:
        selector, mac_only_encrypted = DEFAULT, False
    tree, selected = spelled_out(store, tree, Selection(selector, where=rule.where), plain.name)
    data_key = plain.randomness(32)
    cipher = Cipher(data_key, plain.randomness)
    sealed = seal(tree, selected, cipher, mac_only_encrypted=mac_only_encrypted)
    lastmodified = stamp(plain.clock)
    wrapped = wrap_groups(rule.groups, rule.shamir_threshold, data_key, plain.randomness, services=plain.services)
    metadata = Metadata(
        groups=wrapped.groups,
        selector=selector,
        lastmodified=lastmodified,
        mac=file_mac.seal(sealed.mac, cipher, lastmodified),
        mac_only_encrypted=mac_only_encrypted,
        shamir_threshold=wrapped.shamir_threshold,
        selector_written=not binary,
    )
    if output_store.name == store.name:
        content = store.emit_encrypted(tree, sealed.tokens, sealed.comments, metadata.to_data())
    else:
        content = _converted(plain, tree, sealed, metadata)
        notices += _losses(tree, output_store, plain.name)
    return Change(
        needed=True,
        reason=("encrypt",),
        before=lambda: _masked(store, tree, selected, ""),
        after=lambda: _masked(store, tree, selected, footer(metadata)),
        content=content,
        warnings=notices,
    )


def _masked(store: Store, tree: Tree, selected: Selected, end: str) -> str:
    return store.emit_masked(tree, hidden(selected.leaves), hidden(selected.comments), end)


# --- another format -------------------------------------------------------------------------------


def decrypted_into(opened: Opened, store: Store, name: str | None) -> tuple[bytes, list[Notice]]:
    """The plain text in another format, and what it had to drop."""
    tree = opened.tree
    _refuse_documents(tree, store, name)
    _refuse_nulls(tree, store, name)
    from .nodes import documents_of  # noqa: PLC0415  (start-up time: few files change their format)

    documents = documents_of(tree, opened.values, opened.comments)
    return store.emit(documents), _losses(tree, store, name, opened.values)


def _converted(plain: Plain, tree: Tree, sealed: Sealed, metadata: Metadata) -> bytes:
    store = plain.output_store
    _refuse_documents(tree, store, plain.name)
    _refuse_nulls(tree, store, plain.name)
    from .nodes import documents_of  # noqa: PLC0415  (as above)

    tokens = [None if token is None else (STR, token) for token in sealed.tokens]
    exact = Selection(metadata.selector).goes_by_comments
    content = store.emit(documents_of(tree, tokens, sealed.comments, exact=exact), metadata.to_data())
    try:
        result = store.load(content)
    except FluxseedError:
        raise ConversionError(
            f"a file of type {store.name} with this content could not be read again", where=plain.name
        ) from None
    _verify(plain, tree, sealed.tokens, result, metadata)
    return content


def _verify(plain: Plain, tree: Tree, tokens: Sequence[str | None], result: Tree, metadata: Metadata) -> None:
    """Refuse a result whose MAC nobody could compute again: values in clear that are spelled in another way."""
    found = [leaf for leaf in result.leaves if leaf.type != NULL]
    meant = [(number, leaf) for number, leaf in enumerate(tree.leaves) if leaf.type != NULL]
    for (number, leaf), other in zip(meant, found, strict=False):
        token = tokens[number]
        in_mac = token is not None or not metadata.mac_only_encrypted
        if other.path != leaf.path or (in_mac and other.text != (leaf.text if token is None else token)):
            raise ConversionError(
                f"a value of type {leaf.type} would read differently in a file of type {plain.output_store.name}, so "
                "its MAC could not be verified",
                where=_where(tree, leaf, number, plain.name),
                hint="encrypt the value too, or make it a string",
            )
    if len(found) != len(meant):
        raise ConversionError(
            f"a file of type {plain.output_store.name} would hold another number of values", where=plain.name
        )


def _refuse_documents(tree: Tree, store: Store, name: str | None) -> None:
    if len(tree.branches) > 1 and store.name in _ONE_DOCUMENT:
        raise ConversionError(
            f"the file holds {len(tree.branches)} documents, a file of type {store.name} only one: the others would be lost",
            where=name,
            hint="convert the documents one by one",
        )


def _refuse_nulls(tree: Tree, store: Store, name: str | None) -> None:
    if store.name not in _NO_NULLS:
        return
    for number, leaf in enumerate(tree.leaves):
        if leaf.type == NULL:
            raise ConversionError(
                f"a null cannot be written into a file of type {store.name}, it would become a text",
                where=_where(tree, leaf, number, name),
                hint="remove the entry, or make it an empty string",
            )


def _where(tree: Tree, leaf: Leaf, number: int, name: str | None) -> str:
    from .paths import path_of  # noqa: PLC0415  (start-up time: for errors only)

    return location(tree, leaf.start, path_of(tree, leaf, number), name)


def _losses(
    tree: Tree, store: Store, name: str | None, values: Sequence[tuple[str, str] | None] | None = None
) -> list[Notice]:
    if store.name not in _NO_COMMENTS:
        return []
    items = sum(1 for value in values or () if value is not None and value[0] == COMMENT)
    count = len(tree.comments) + items
    return [comments_lost(count, store.name, name)] if count else []
