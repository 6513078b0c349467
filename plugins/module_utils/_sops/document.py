# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facade of the engine: one file in, a change or its plain content out.

Private to the collection. Nothing here reads or writes files, knows Ansible, or looks at the
environment; time and randomness are parameters. The MAC is verified before any plaintext leaves.
"""

from __future__ import annotations

import os
import re
import typing as t
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from .._errors import (
    AlreadyEncryptedError,
    FluxseedError,
    UnsupportedError,
)
from . import mac as file_mac
from .config import Rule
from .identities import KeyRing
from .keys.age import AgeKey
from .matching import match_comments, match_values
from .metadata import Metadata, differs
from .opening import Opened, open_file
from .sealing import seal
from .selectors import Selection, Selector
from .stores.base import Store
from .tree import Tree
from .values import Cipher, Randomness, is_token

Clock = Callable[[], datetime]

HIDDEN = "***"
HIDDEN_CHANGED = "*** (changed)"
HIDDEN_CLEARED = "*** (no longer encrypted)"
_BREAK = re.compile("[\r\n\x85\u2028\u2029]")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class Change:
    """What an operation would do. Nothing has been written yet."""

    needed: bool
    reason: tuple[str, ...]
    before: str
    """The file before, every secret value masked."""
    after: str
    """The file after, every secret value masked; a changed one is marked as such."""
    content: bytes


@dataclass(frozen=True)
class Status:
    """What can be said about a file without any key."""

    encrypted: bool
    recipients: tuple[str, ...] = ()
    selector: Selector | None = None
    version: str = ""
    lastmodified: str = ""


# --- questions ------------------------------------------------------------------------------------

_BLOCK_KEY = re.compile(rb"^(?:\xef\xbb\xbf)?(?:sops|\"sops\"|'sops')[ \t]*:(?=[ \t\r\n]|\Z)", re.MULTILINE)
_BLOCK_MAC = re.compile(rb"^[ \t]+[\"']?(?:mac|lastmodified)[\"']?[ \t]*:", re.MULTILINE)
_FLOW_KEY = re.compile(rb"[{,]\s*[\"']?sops[\"']?\s*:\s*\{")
_FLOW_MAC = re.compile(rb"[\"']?(?:mac|lastmodified)[\"']?\s*:")
_LINES = re.compile(rb"^sops_(?:mac|lastmodified)=", re.MULTILINE)
_SECTION = re.compile(rb"^\[sops\]\s*$", re.MULTILINE)
_SECTION_MAC = re.compile(rb"^\s*(?:mac|lastmodified)\s*=", re.MULTILINE)


def is_encrypted(content: bytes) -> bool:
    """Whether there is SOPS metadata in a file of any kind; cheap, and safe on any bytes."""
    if b"sops" not in content or (b"mac" not in content and b"lastmodified" not in content):
        return False
    key = _BLOCK_KEY.search(content)
    if key is not None and (
        _BLOCK_MAC.search(content, key.end()) or _FLOW_MAC.search(content, key.end(), content.find(b"\n", key.end()))
    ):
        return True
    head = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith((b"{", b"---")) and _FLOW_KEY.search(content) and _FLOW_MAC.search(content):
        return True
    if _LINES.search(content):
        return True
    section = _SECTION.search(content)
    return section is not None and _SECTION_MAC.search(content, section.end()) is not None


def status(content: bytes, *, store: Store, name: str | None = None) -> Status:
    """What the metadata says, without any key."""
    data = store.metadata(store.load(content, where=name))
    if data is None:
        return Status(encrypted=False)
    with _place(name):
        metadata = Metadata.parse(data)
    return Status(
        encrypted=bool(metadata.mac),
        recipients=metadata.recipients,
        selector=metadata.selector,
        version=metadata.version,
        lastmodified=metadata.lastmodified,
    )


# --- operations -----------------------------------------------------------------------------------


def encrypt(
    plain: bytes,
    rule: Rule,
    *,
    store: Store,
    name: str | None = None,
    clock: Clock = _now,
    randomness: Randomness = os.urandom,
) -> Change:
    """Encrypt a file for the first time; its layout is kept."""
    with _place(name):
        tree = store.load(plain, where=name)
        _refuse_metadata(tree)
        selection = Selection(rule.selector, where=rule.where)
        data_key = randomness(32)
        cipher = Cipher(data_key, randomness)
        selected = selection.of(tree)
        sealed = seal(tree, selected, cipher, mac_only_encrypted=rule.mac_only_encrypted)
        lastmodified = _stamp(clock)
        metadata = Metadata(
            groups=(tuple(AgeKey(recipient).wrap(data_key) for recipient in rule.age),),
            selector=rule.selector,
            lastmodified=lastmodified,
            mac=file_mac.seal(sealed.mac, cipher, lastmodified),
            mac_only_encrypted=rule.mac_only_encrypted,
        )
        content = store.emit_encrypted(tree, sealed.tokens, sealed.comments, metadata.to_data())
        marks = [HIDDEN if flag else None for flag in selected.leaves]
        comment_marks = [HIDDEN if flag else None for flag in selected.comments]
        return Change(
            needed=True,
            reason=("encrypt",),
            before=store.emit_masked(tree, marks, comment_marks, ""),
            after=store.emit_masked(tree, marks, comment_marks, _footer(metadata)),
            content=content,
        )


def decrypt(content: bytes, ring: KeyRing, *, store: Store, name: str | None = None, ignore_mac: bool = False) -> bytes:
    """The plain text of an encrypted file."""
    with _place(name):
        opened = open_file(content, ring, store, name, ignore_mac=ignore_mac)
        return store.emit_plain(opened.tree, opened.values, opened.comments)


def values(
    content: bytes, ring: KeyRing, *, store: Store, name: str | None = None, ignore_mac: bool = False
) -> list[dict[str, t.Any]]:
    """The typed data of every document of an encrypted file."""
    plain = decrypt(content, ring, store=store, name=name, ignore_mac=ignore_mac)
    return [document if isinstance(document, dict) else {} for document in store.data(plain, where=name)]


def edit(
    content: bytes,
    plain: bytes,
    ring: KeyRing,
    *,
    store: Store,
    rule: Rule | None = None,
    name: str | None = None,
    clock: Clock = _now,
    randomness: Randomness = os.urandom,
) -> Change:
    """Give an encrypted file the content `plain`, changing only what differs.

    A value whose path, type and bytes are the same keeps its token. With a rule, recipients and selector
    of the file are brought in line with it; the data key stays.
    """
    with _place(name):
        old = open_file(content, ring, store, name, ignore_mac=False)
        old_plain = store.emit_plain(old.tree, old.values, old.comments)
        reason = []
        metadata = old.metadata
        if rule is not None and differs(metadata, rule.age):
            reason.append("recipients")
            metadata = _for_recipients(metadata, rule, old.data_key)
        if rule is not None and rule.selector != metadata.selector:
            reason.append("selector")
            metadata = replace(metadata, selector=rule.selector)
        if old_plain == plain and not reason:
            text = _masked_old(old, store)
            return Change(needed=False, reason=(), before=text, after=text, content=content)
        return _write(content, plain, old, old_plain, metadata, reason, store, name, clock, randomness)


# --- writing --------------------------------------------------------------------------------------


def _write(
    content: bytes,
    plain: bytes,
    old: Opened,
    old_plain: bytes,
    metadata: Metadata,
    reason: list[str],
    store: Store,
    name: str | None,
    clock: Clock,
    randomness: Randomness,
) -> Change:
    tree = store.load(plain, where=name)
    _refuse_metadata(tree)
    selection = Selection(metadata.selector, where="the selector")
    selected = selection.of(tree)
    cipher = Cipher(old.data_key, randomness)
    kept, styles, changed = match_values(old, store.load(old_plain, where=name), tree, selected.leaves)
    kept_comments = match_comments(old, tree)
    sealed = seal(
        tree,
        selected,
        cipher,
        mac_only_encrypted=metadata.mac_only_encrypted,
        kept=kept,
        kept_comments=kept_comments,
    )
    if sealed.mac != old.mac or "selector" in reason:
        lastmodified = _stamp(clock)
        metadata = replace(metadata, lastmodified=lastmodified, mac=file_mac.seal(sealed.mac, cipher, lastmodified))
    block = None
    if not reason:
        block = store.metadata_block(old.tree, {"lastmodified": metadata.lastmodified, "mac": metadata.mac})
    new = store.emit_encrypted(tree, sealed.tokens, sealed.comments, metadata.to_data(), styles=styles, block=block)
    before = _masked_old(old, store, selection)
    if new == content:
        return Change(needed=False, reason=(), before=before, after=before, content=content)
    if not reason or sealed.mac != old.mac or old_plain != plain:
        reason = ["content", *reason]
    was = Selection(old.metadata.selector, where="sops").of(tree)
    marks = [
        _mark(now=flag, before=before_it, same=not different)
        for flag, before_it, different in zip(selected.leaves, was.leaves, changed, strict=True)
    ]
    comment_marks = [
        _mark(now=flag, before=before_it, same=token is not None)
        for flag, before_it, token in zip(selected.comments, was.comments, kept_comments, strict=True)
    ]
    after = store.emit_masked(tree, marks, comment_marks, _footer(metadata))
    return Change(needed=True, reason=tuple(reason), before=before, after=after, content=new)


def _mark(*, now: bool, before: bool, same: bool) -> str | None:
    """What people see of a value; one that loses its encryption is not shown either, but said to."""
    if not now:
        return HIDDEN_CLEARED if before else None
    return HIDDEN if same else HIDDEN_CHANGED


def _for_recipients(metadata: Metadata, rule: Rule, data_key: bytes) -> Metadata:
    """Metadata with exactly the recipients of the rule; a key that stays keeps its wrapped data key."""
    for key in metadata.keys:
        if key.kind != "age":
            raise UnsupportedError(
                f"the file is also for a key of kind {key.kind}, which the rule cannot name yet", where=key.recipient
            )
    known = {key.recipient: key for key in metadata.keys}
    keys = tuple(known.get(recipient) or AgeKey(recipient).wrap(data_key) for recipient in rule.age)
    return replace(metadata, groups=(keys,))


# --- shared ---------------------------------------------------------------------------------------


def _refuse_metadata(tree: Tree) -> None:
    for branch in tree.branches:
        if branch.metadata_span is not None:
            raise AlreadyEncryptedError(
                "the file has a top-level entry sops: it is encrypted already, or uses a name that SOPS needs",
                where=f"line {tree.line_of(branch.metadata_span[0])}",
                hint="edit it with sops_secret or sops edit, or rename the entry",
            )


def _stamp(clock: Clock) -> str:
    return clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _masked_old(old: Opened, store: Store, selection: Selection | None = None) -> str:
    """The old file with marks; also for what another selector will hide from now on."""
    selected = old.selected.leaves
    hidden = [text is not None or is_token(c.text) for c, text in zip(old.tree.comments, old.comments, strict=True)]
    if selection is not None:
        also = selection.of(old.tree)
        selected = [a or b for a, b in zip(selected, also.leaves, strict=True)]
        hidden = [a or b for a, b in zip(hidden, also.comments, strict=True)]
    marks = [HIDDEN if flag else None for flag in selected]
    return store.emit_masked(old.tree, marks, [HIDDEN if flag else None for flag in hidden], _footer(old.metadata))


def _footer(metadata: Metadata) -> str:
    """The part of the metadata that people compare."""
    lines = ["sops:", f"    {metadata.selector}"]
    lines.extend(f"    {key.kind}: {key.recipient}" for group in metadata.groups for key in group)
    return "\n".join(lines) + "\n"


class _place:  # noqa: N801  (a context manager that reads as a verb)
    """Add the name of the file to errors that do not know it."""

    def __init__(self, name: str | None) -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        if self._name is not None and isinstance(exc, FluxseedError) and self._name not in (exc.where or ""):
            exc.where = f"{self._name}: {exc.where}" if exc.where else self._name
