# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selectors: which leaves are encrypted."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ConfigError, UnsupportedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.selectors import Selection, Selector
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store

TEXT = b"""
kind: Secret
data:
  a: 1
  deep: {list: [x, {y: z}]}
metadata_unencrypted:
  name: n
list:
  - data: q
    other: r
"""


def selected(store: Store, selector: Selector) -> set[str]:
    selection = Selection(selector)
    tree = store.load(TEXT)
    return {leaf.path for leaf, flag in zip(tree.leaves, selection.of(tree).leaves, strict=True) if flag}


def test_encrypted_regex_covers_everything_below_a_match(store: Store) -> None:
    assert selected(store, Selector("encrypted_regex", "^data$")) == {
        "data:a:",
        "data:deep:list:",
        "data:deep:list:y:",
        "list:data:",
    }


def test_unencrypted_suffix_leaves_everything_below_in_clear(store: Store) -> None:
    assert selected(store, Selector()) == {
        "kind:",
        "data:a:",
        "data:deep:list:",
        "data:deep:list:y:",
        "list:data:",
        "list:other:",
    }


def test_a_regex_that_matches_nothing_selects_nothing(store: Store) -> None:
    assert selected(store, Selector("encrypted_regex", "^nothing$")) == set()


def test_none_given_is_the_default_suffix() -> None:
    assert Selector.from_mapping({"encrypted_regex": "", "unencrypted_suffix": None}) == Selector(
        "unencrypted_suffix", "_unencrypted"
    )


def test_only_one_can_be_given() -> None:
    with pytest.raises(ConfigError, match="unencrypted_suffix and encrypted_regex"):
        Selector.from_mapping({"encrypted_regex": "a", "unencrypted_suffix": "b"})


@pytest.mark.parametrize(
    "kind", ["encrypted_suffix", "unencrypted_regex", "unencrypted_comment_regex", "encrypted_comment_regex"]
)
def test_the_others_are_named_and_refused(kind: str) -> None:
    with pytest.raises(UnsupportedError, match=kind):
        Selection(Selector(kind, "x"))
