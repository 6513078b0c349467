# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selectors: which values of a file are encrypted.

Private to the collection. A rule and a file hold at most one. Without any, values are encrypted
unless a key on the way to them ends in `_unencrypted`.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._errors import ConfigError, UnsupportedError
from .tree import NULL, Box, Leaf, Tree

UNENCRYPTED_SUFFIX = "unencrypted_suffix"
ENCRYPTED_REGEX = "encrypted_regex"
KINDS = (
    UNENCRYPTED_SUFFIX,
    "encrypted_suffix",
    "unencrypted_regex",
    ENCRYPTED_REGEX,
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
)
DEFAULT_SUFFIX = "_unencrypted"


@dataclass(frozen=True)
class Selector:
    """Kind and pattern, as in the metadata and in a creation rule."""

    kind: str = UNENCRYPTED_SUFFIX
    pattern: str = DEFAULT_SUFFIX

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, t.Any], *, where: str | None = None) -> Selector:
        """The one selector of a rule or of metadata; the default if there is none."""
        given = [(kind, mapping[kind]) for kind in KINDS if mapping.get(kind) not in (None, "")]
        if len(given) > 1:
            raise ConfigError(
                f"{' and '.join(kind for kind, _value in given)} are given together, only one of the selectors can be used",
                where=where,
            )
        if not given:
            return cls()
        kind, pattern = given[0]
        if not isinstance(pattern, str):
            raise ConfigError(f"{kind} is not a string", where=where)
        return cls(kind, pattern)

    def __str__(self) -> str:
        return f"{self.kind}: {self.pattern}"


DEFAULT = Selector()


class Selected(t.NamedTuple):
    """Which leaves and comments of a tree are to encrypt, parallel to both; nulls and empty texts never are."""

    leaves: list[bool]
    comments: list[bool]


class Selection:
    """A selector at work on one tree."""

    def __init__(self, selector: Selector, *, where: str | None = None) -> None:
        self._keys: dict[str, bool] = {}
        self._boxes: dict[Box, bool] = {}
        self._found_is_selected = selector.kind == ENCRYPTED_REGEX
        self._test: t.Callable[[str], bool]
        if selector.kind == UNENCRYPTED_SUFFIX:
            suffix = selector.pattern
            self._test = lambda key: key.endswith(suffix)
        elif selector.kind == ENCRYPTED_REGEX:
            from .regex import compile_re2  # noqa: PLC0415  (start-up time: few files need it)

            self._test = compile_re2(selector.pattern, where=where).found_in
        else:
            raise UnsupportedError(f"the selector {selector.kind} is not supported yet", where=where)

    def of(self, tree: Tree) -> Selected:
        """The leaves and comments to encrypt."""
        return Selected(
            [bool(leaf.text) and leaf.type != NULL and self._selects(leaf) for leaf in tree.leaves],
            [
                bool(comment.text) and self._box_found(comment.box) is self._found_is_selected
                for comment in tree.comments
            ],
        )

    def _selects(self, leaf: Leaf) -> bool:
        box = leaf.box
        found = self._boxes.get(box)
        if found is None:
            found = self._box_found(box)
        if not found and not box.is_sequence:
            found = self._key_found(leaf.key)
        return found is self._found_is_selected

    def _key_found(self, key: str) -> bool:
        known = self._keys.get(key)
        if known is None:
            known = self._keys[key] = self._test(key)
        return known

    def _box_found(self, box: Box) -> bool:
        chain = []
        above: Box | None = box
        while above is not None and above not in self._boxes:
            chain.append(above)
            above = above.parent
        found = self._boxes[above] if above is not None else False
        for each in reversed(chain):
            parent = each.parent
            if not found and parent is not None and not parent.is_sequence:
                found = self._key_found(each.key)
            self._boxes[each] = found
        return found
