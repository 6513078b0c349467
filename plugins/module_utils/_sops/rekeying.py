# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other keys for an encrypted file: `updatekeys` and `rotate`.

Private to the collection. Both work on the encrypted text; nothing is written in clear on the way.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from .._errors import EncryptionError, InvalidInputError
from .changes import Change, footer, hidden, masked_old, unchanged
from .config import Rule
from .editing import Job, for_rule, sealed_metadata
from .key_ring import KeyRing
from .keys.age import AgeKey, check_recipient
from .keys.base import MasterKey
from .keys.wrapping import Groups, wrap_groups
from .metadata import Metadata, effective_threshold
from .notices import location, notices_of, strays_of
from .opening import Opened
from .paths import path_of
from .splicing import rewrite
from .stores.base import Store
from .surface import require_metadata
from .tree import COMMENT, Tree
from .values import Cipher, Randomness, is_token, to_bytes

RECIPIENTS, THRESHOLD, DATA_KEY = "recipients", "threshold", "data_key"


def updatekeys(
    content: bytes,
    rule: Rule,
    ring: KeyRing,
    *,
    store: Store,
    name: str | None = None,
    randomness: Randomness = os.urandom,
) -> Change:
    """Bring the keys of a file in line with a rule; values, MAC and data key stay, and are not even read."""
    tree, metadata = require_metadata(content, store, name)
    rule = rule.settled(metadata.groups)
    threshold = effective_threshold(metadata, rule.groups, rule.shamir_threshold)
    reason = []
    if _texts(metadata.groups) != _texts(rule.groups):
        reason.append(RECIPIENTS)
    if len(rule.groups) > 1 and threshold != metadata.shamir_threshold and not reason:
        reason.append(THRESHOLD)
    if not reason:
        return unchanged(content, lambda: _masked(tree, store, metadata))
    new = for_rule(metadata, rule, ring.data_key(metadata, where=name), randomness, ring.services)
    return Change(
        needed=True,
        reason=tuple(reason),
        before=lambda: _masked(tree, store, metadata),
        after=lambda: _masked(tree, store, new),
        content=rewrite(store, tree, metadata, new),
    )


def _texts(groups: Groups) -> list[set[tuple[str, str]]]:
    """The keys of each group, as they are compared: by kind and text."""
    return [{(key.kind, key.recipient) for key in group} for group in groups]


def _masked(tree: Tree, store: Store, metadata: Metadata) -> str:
    """A file that was not opened, for people."""
    marks = hidden(is_token(leaf.text) for leaf in tree.leaves)
    return store.emit_masked(tree, marks, hidden(is_token(comment.text) for comment in tree.comments), footer(metadata))


def rotate(job: Job, add: Sequence[MasterKey | str], remove: Sequence[MasterKey | str]) -> Change:
    """Encrypt every value anew under a new data key, for recipients of which some come and some go."""
    old = job.old
    _refuse_strays(old, job.name)
    groups = _regrouped(old.metadata.groups, add, remove)
    data_key = job.randomness(32)
    threshold = _threshold(old.metadata, groups)
    wrapped = wrap_groups(groups, threshold, data_key, job.randomness, services=job.services)
    cipher = Cipher(data_key, job.randomness)
    tokens = _tokens(old, cipher)
    comments = _comments(old, cipher)
    metadata = old.metadata._replace(groups=wrapped.groups, shamir_threshold=wrapped.shamir_threshold)
    metadata = sealed_metadata(metadata, old.mac, cipher, job.clock)
    reason = [DATA_KEY]
    if _texts(groups) != _texts(old.metadata.groups):
        reason.append(RECIPIENTS)
    return Change(
        needed=True,
        reason=tuple(reason),
        before=lambda: masked_old(old, job.store),
        after=lambda: masked_old(old, job.store, changed=tokens, metadata=metadata),
        content=rewrite(job.store, old.tree, old.metadata, metadata, tokens, comments),
        warnings=lambda: notices_of(old, job.name),
    )


def _threshold(metadata: Metadata, groups: Groups) -> int:
    return metadata.shamir_threshold if len(groups) > 1 else 0


def _tokens(old: Opened, cipher: Cipher) -> dict[int, str]:
    cipher.reserve(len(old.values) + len(old.comments) + 1)
    return {
        number: cipher.encrypt(to_bytes(value[1]), value[0], leaf.path)
        for number, (leaf, value) in enumerate(zip(old.tree.leaves, old.values, strict=True))
        if value is not None and leaf.begin >= 0
    }


def _comments(old: Opened, cipher: Cipher) -> dict[int, str]:
    """Comments that were encrypted, and those that should have been; one that does not open stays."""
    tokens = {}
    for number, (comment, text) in enumerate(zip(old.tree.comments, old.comments, strict=True)):
        plain = text
        if plain is None and old.selected.comments[number] and not is_token(comment.text):
            plain = comment.text
        if plain:
            tokens[number] = cipher.encrypt(to_bytes(plain), COMMENT, comment.box.path or ":")
    return tokens


def _refuse_strays(old: Opened, name: str | None) -> None:
    """A token that nothing selects would stay under the old data key, which is about to be lost."""
    for number in strays_of(old):
        leaf = old.tree.leaves[number]
        raise EncryptionError(
            "a value is encrypted although the selector of the file does not select it, so it would be lost",
            where=location(old.tree, leaf.start, path_of(old.tree, leaf, number), name),
            hint="see whether somebody changed the selector in the metadata",
        )


def _regrouped(groups: Groups, add: Sequence[MasterKey | str], remove: Sequence[MasterKey | str]) -> Groups:
    gone = {key if isinstance(key, str) else key.recipient for key in remove}
    first = [*groups[0]]
    known = {(key.kind, key.recipient) for key in first}
    for given in add:
        key: MasterKey = AgeKey(check_recipient(given, where="add")) if isinstance(given, str) else given
        if (key.kind, key.recipient) not in known:
            known.add((key.kind, key.recipient))
            first.append(key)
    kept = tuple(tuple(key for key in group if key.recipient not in gone) for group in (first, *groups[1:]))
    for number, group in enumerate(kept):
        if not group:
            where = f"key group {number}" if len(kept) > 1 else "the file"
            raise InvalidInputError(
                f"no key would be left for {where}, so nobody could open it", where="remove", hint="add another key"
            )
    return kept
