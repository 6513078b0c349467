# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving an encrypted file another content: what did not change keeps its bytes.

Private to the collection.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

from .._errors import EncryptionError, UnsupportedError
from . import mac as file_mac
from .aliases import spelled_out
from .changes import Change, footer, mark, masked_old, unchanged
from .config import Rule
from .keys.services import KeyServices
from .keys.wrapping import wrap_groups
from .matching import match_comments, match_values
from .metadata import Metadata, differs, effective_threshold
from .notices import location, notices_of, strays_of
from .opening import Opened
from .paths import path_of
from .sealing import seal
from .selectors import Selected, Selection
from .splicing import rewrite
from .stores.base import Store
from .surface import Clock, refuse_metadata, stamp
from .tree import NULL, Box, Tree, walk
from .values import Cipher, Randomness

CONTENT, RECIPIENTS, SELECTOR = "content", "recipients", "selector"


class Job:
    """An encrypted file that is to change, and what its change takes."""

    def __init__(
        self,
        content: bytes,
        old: Opened,
        store: Store,
        name: str | None,
        clock: Clock,
        randomness: Randomness,
        services: KeyServices,
    ) -> None:
        self.content = content
        self.old = old
        self.store = store
        self.name = name
        self.clock = clock
        self.randomness = randomness
        self.services = services
        self.rule: Rule | None = None
        """How the file should be encrypted; without one, as it is."""

    @cached_property
    def plain(self) -> bytes:
        """The file in clear."""
        return self.store.emit_plain(self.old.tree, self.old.values, self.old.comments)

    @cached_property
    def plain_tree(self) -> Tree:
        """The same, read."""
        return self.store.load(self.plain, where=self.name)

    def unchanged(self) -> Change:
        """No change at all."""
        return unchanged(
            self.content, lambda: masked_old(self.old, self.store), lambda: notices_of(self.old, self.name)
        )


def edit(job: Job, plain: bytes, tree: Tree | None = None) -> Change:
    """The change that gives the file the content `plain`, and brings it in line with the rule if there is one."""
    old = job.old
    reason = []
    metadata = old.metadata
    rule = job.rule.settled(metadata.groups) if job.rule is not None else None
    if rule is not None and differs(metadata, rule.groups, rule.shamir_threshold):
        reason.append(RECIPIENTS)
        _refuse_dropping(metadata, rule)
        metadata = for_rule(metadata, rule, old.data_key, job.randomness, job.services)
    # A binary file is encrypted as a whole: a selector would only take its one value out.
    if rule is not None and rule.selector != metadata.selector and job.store.name != "binary":
        reason.append(SELECTOR)
        metadata = metadata._replace(selector=rule.selector)
    if job.plain == plain and not reason:
        return job.unchanged()
    return _write(job, plain, tree or job.store.load(plain, where=job.name), metadata, reason)


def for_rule(
    metadata: Metadata, rule: Rule, data_key: bytes, randomness: Randomness, services: KeyServices
) -> Metadata:
    """Metadata with exactly the keys of the rule; a key that stays keeps its wrapped data key if it is not split."""
    threshold = effective_threshold(metadata, rule.groups, rule.shamir_threshold)
    wrapped = wrap_groups(rule.groups, threshold, data_key, randomness, known=metadata.groups, services=services)
    return metadata._replace(groups=wrapped.groups, shamir_threshold=wrapped.shamir_threshold)


def _refuse_dropping(metadata: Metadata, rule: Rule) -> None:
    """Editing a file may not take it away from a key that nothing here can give it back to."""
    named = {(key.kind, key.recipient) for group in rule.groups for key in group}
    for key in (key for group in metadata.groups for key in group):
        if key.kind != "age" and (key.kind, key.recipient) not in named:
            raise UnsupportedError(
                f"the file is also for a key of kind {key.kind}, which the rule does not name",
                where=key.recipient,
                hint="name it in the rule, or encrypt the file anew by the rule (docs/day-two.md)",
            )


def _write(job: Job, plain: bytes, tree: Tree, metadata: Metadata, reason: list[str]) -> Change:
    old, store = job.old, job.store
    refuse_metadata(tree)
    selection = Selection(metadata.selector, where="the selector")
    tree, selected = spelled_out(store, tree, selection, job.name)
    if job.rule is None:
        _refuse_clearing(job, tree, selected)
    cipher = Cipher(old.data_key, job.randomness)
    matched = match_values(old, job.plain_tree, tree, selected.leaves)
    kept_comments = match_comments(old, job.plain_tree, tree)
    sealed = seal(
        tree,
        selected,
        cipher,
        mac_only_encrypted=metadata.mac_only_encrypted,
        kept=matched.tokens,
        kept_comments=kept_comments,
    )
    if sealed.mac != old.mac or SELECTOR in reason:
        metadata = sealed_metadata(metadata, sealed.mac, cipher, job.clock)
    new = _emitted(job, tree, sealed.tokens, sealed.comments, metadata, matched.styles, same_keys=not reason)
    if new == job.content:
        return job.unchanged()
    if not reason or sealed.mac != old.mac or job.plain != plain:
        reason = [CONTENT, *reason]
    return Change(
        needed=True,
        reason=tuple(reason),
        before=lambda: masked_old(old, store, selection),
        after=lambda: _masked_new(job, tree, selected, metadata, matched.changed, kept_comments),
        content=new,
        warnings=lambda: notices_of(old, job.name),
    )


def sealed_metadata(metadata: Metadata, mac: str, cipher: Cipher, clock: Clock) -> Metadata:
    """Metadata of a file written now, with this MAC."""
    lastmodified = stamp(clock)
    return metadata._replace(lastmodified=lastmodified, mac=file_mac.seal(mac, cipher, lastmodified))


def _emitted(
    job: Job,
    tree: Tree,
    tokens: Sequence[str | None],
    comments: Sequence[str | None],
    metadata: Metadata,
    styles: Sequence[str | None],
    *,
    same_keys: bool,
) -> bytes:
    """The new file; its metadata keeps the text of what it says as before."""
    store, old = job.store, job.old
    block = store.metadata_block(old.tree, {"lastmodified": metadata.lastmodified, "mac": metadata.mac})
    if block is None or same_keys:
        return store.emit_encrypted(tree, tokens, comments, metadata.to_data(), styles=styles, block=block)
    then = old.metadata._replace(lastmodified=metadata.lastmodified, mac=metadata.mac)
    content = store.emit_encrypted(tree, tokens, comments, then.to_data(), styles=styles, block=block)
    return rewrite(store, store.load(content, where=job.name), then, metadata)


def _refuse_clearing(job: Job, tree: Tree, selected: Selected) -> None:
    """Nothing that is encrypted may come out in clear unless a rule says so: the selector may have been changed."""
    old = job.old
    secret: dict[str, set[tuple[str, str]]] = {}
    clear: set[tuple[str, str, str]] = set()
    strays = set(strays_of(old))
    for number, (leaf, value) in enumerate(zip(old.tree.leaves, old.values, strict=True)):
        if value is not None or number in strays:
            secret.setdefault(leaf.path, set()).add(value or ("", ""))
        if value is None:
            clear.add((leaf.path, leaf.type, leaf.text))
    mixed = secret.keys() & {path for path, _type, _text in clear}

    places = _secret_places(old, mixed, strays) if mixed else set()
    indices = _indices(tree) if mixed else []
    for number, (leaf, flag) in enumerate(zip(tree.leaves, selected.leaves, strict=True)):
        if flag or leaf.type == NULL or not leaf.text or (leaf.path, leaf.type, leaf.text) in clear:
            continue
        known = secret.get(leaf.path)
        # Items of lists share a path, as documents do; with clear ones beside secret ones the index tells them apart.
        was_secret = not leaf.box.is_sequence and (leaf.path not in mixed or (leaf.path, indices[number]) in places)
        if known and (was_secret or (leaf.type, leaf.text) in known):
            raise EncryptionError(
                "a value that is encrypted now would be written in clear, since the selector of the file does not "
                "select it",
                where=location(tree, leaf.start, path_of(tree, leaf, number), job.name),
                hint="see whether somebody changed the selector in the metadata; give a rule to say what is to be encrypted",
            )


def _secret_places(old: Opened, paths: set[str], strays: set[int]) -> set[tuple[str, tuple[int, ...]]]:
    """Path, document and list indices of the tokens that have one of these paths."""
    indices = _indices(old.tree)
    return {
        (leaf.path, indices[number])
        for number, (leaf, value) in enumerate(zip(old.tree.leaves, old.values, strict=True))
        if leaf.path in paths and (value is not None or number in strays)
    }


def _indices(tree: Tree) -> list[tuple[int, ...]]:
    """The number of the document and the indices of the lists that each leaf is in, outermost first."""
    found: list[tuple[int, ...]] = [()] * len(tree.leaves)
    of_box: dict[Box, tuple[int, ...]] = {}
    counts: Counter[Box | None] = Counter()

    def place(parent: Box | None) -> tuple[int, ...]:
        if parent is not None and not parent.is_sequence:
            return of_box[parent]
        counts[parent] += 1
        return (*(of_box[parent] if parent else ()), counts[parent])

    for box, number, _comment, _copy in walk(tree):
        if box is not None:
            of_box[box] = place(box.parent)
        elif number >= 0:
            found[number] = place(tree.leaves[number].box)
    return found


def _masked_new(
    job: Job,
    tree: Tree,
    selected: Selected,
    metadata: Metadata,
    changed: Sequence[bool],
    kept_comments: Sequence[str | None],
) -> str:
    was = Selection(job.old.metadata.selector, where="sops").of(tree)
    # A selector by comments no longer finds a value whose comment went.
    secret = {leaf.path for leaf, value in zip(job.old.tree.leaves, job.old.values, strict=True) if value is not None}
    marks = [
        mark(now=flag, before=before or leaf.path in secret, same=not different)
        for leaf, flag, before, different in zip(tree.leaves, selected.leaves, was.leaves, changed, strict=True)
    ]
    comment_marks = [
        mark(now=flag, before=before, same=token is not None)
        for flag, before, token in zip(selected.comments, was.comments, kept_comments, strict=True)
    ]
    return job.store.emit_masked(tree, marks, comment_marks, footer(metadata))
