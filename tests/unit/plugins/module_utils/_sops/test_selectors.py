# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selectors: which leaves are encrypted."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    ConfigError,
    EncryptionError,
    UnsupportedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.selectors import Selection, Selector
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.active_comments import ACTIVE
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

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


def test_a_selector_has_to_be_text() -> None:
    with pytest.raises(ConfigError, match="encrypted_suffix is not a string"):
        Selector.from_mapping({"encrypted_suffix": 5})


@pytest.mark.parametrize("kind", ["encrypted_regex", "unencrypted_regex"])
@pytest.mark.parametrize("pattern", ["^(data|name)$", "^data$|^name$", "^(?:data|name)$", "^(d.ta|name)$"])
def test_a_list_of_names_is_as_good_as_any_pattern(store: Store, kind: str, pattern: str) -> None:
    """Whole names need no engine for patterns; the answer is the same."""
    below = {"data:a:", "data:deep:list:", "data:deep:list:y:", "metadata_unencrypted:name:", "list:data:"}
    everything = below | {"kind:", "list:other:"}
    assert selected(store, Selector(kind, pattern)) == (below if kind == "encrypted_regex" else everything - below)


def test_suffixes_and_patterns_work_either_way(store: Store) -> None:
    assert selected(store, Selector("encrypted_suffix", "ta")) == {
        "data:a:",
        "data:deep:list:",
        "data:deep:list:y:",
        "list:data:",
    }
    assert selected(store, Selector("encrypted_suffix", "y")) == {"data:deep:list:y:"}
    assert selected(store, Selector("unencrypted_regex", "a")) == {"kind:", "list:other:"}
    assert selected(store, Selector("encrypted_regex", "^.?$")) == {"data:a:", "data:deep:list:y:"}


def test_nulls_and_empty_texts_are_never_encrypted(store: Store) -> None:
    tree = store.load(b"a: null\nb: ''\nc: # only a comment\nd: x\n#\n")
    for selector in (Selector(), Selector("encrypted_regex", "."), Selector("unencrypted_comment_regex", "zz")):
        marked = Selection(selector).of(tree)
        assert marked.leaves == [False, False, False, True]


def test_comments_go_with_the_keys_around_them(store: Store) -> None:
    tree = store.load(b"# top\ndata:\n  # inside\n  a: 1\nb: 2\n")
    assert Selection(Selector("encrypted_regex", "^data$")).of(tree).comments == [False, True]
    assert Selection(Selector("unencrypted_regex", "^data$")).of(tree).comments == [True, False]
    assert Selection(Selector()).of(tree).comments == [True, True]


@pytest.mark.parametrize("kind", ["encrypted_regex", "unencrypted_comment_regex"])
def test_a_pattern_outside_of_re2_is_refused(kind: str) -> None:
    with pytest.raises(UnsupportedError, match="refused"):
        Selection(Selector(kind, "a(?=b)"), where="sops")


# --- comments that select -------------------------------------------------------------------------


def marked(store: Store, text: str, selector: Selector) -> tuple[list[str], list[bool]]:
    tree = store.load(text.encode())
    flags = Selection(selector).of(tree)
    found = []
    for leaf, flag in zip(tree.leaves, flags.leaves, strict=True):
        if flag and leaf.text:
            found.append(leaf.path.rstrip(":").rpartition(":")[2])
    return found, flags.comments


@pytest.mark.parametrize("text", list(ACTIVE.values()), ids=list(ACTIVE))
def test_a_comment_holds_for(store: Store, text: str) -> None:
    """Values that are `x` below (or in a copy) come under the comment, those that are `o` do not. As sops 3.13.3."""
    tree = store.load(text.encode())
    on = Selection(Selector("encrypted_comment_regex", "^ on$")).of(tree)
    off = Selection(Selector("unencrypted_comment_regex", "^ on$")).of(tree)
    copies = {number for alias in tree.aliases for number in range(alias.copy, alias.copy_end)}
    for number, leaf in enumerate(tree.leaves):
        if leaf.type == "null" or not leaf.text:
            assert not on.leaves[number]
            assert not off.leaves[number]
        elif number in copies:
            assert on.leaves[number] is not off.leaves[number] is False
        else:
            assert (on.leaves[number], off.leaves[number]) == ((True, False) if "x" in leaf.text else (False, True))


def test_the_comment_that_switches_encryption_on_stays_in_clear(store: Store) -> None:
    text = "# before\n# on\n# after\na: # below\n  # deep\n  b: 1\n# on\n# on\nc: 1\n# last\n"
    tree = store.load(text.encode())
    flags = Selection(Selector("encrypted_comment_regex", "on")).of(tree).comments
    clear = [comment.text for comment, flag in zip(tree.comments, flags, strict=True) if not flag]
    assert clear == [" before", " on", " on", " last"]


def test_the_comment_that_switches_encryption_off_and_all_it_covers_stay_in_clear(store: Store) -> None:
    text = "# before\n# off\n# after\na: # below\n  # deep\n  b: 1\n# next\nc: 1\n#\n"
    tree = store.load(text.encode())
    flags = Selection(Selector("unencrypted_comment_regex", "off")).of(tree).comments
    secret = [comment.text for comment, flag in zip(tree.comments, flags, strict=True) if flag]
    assert secret == [" before", " next"]


COMMENT_TOKEN = "ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:comment]"
STORED = f"a:\n- {COMMENT_TOKEN}\n- x\n- o\n"
BLOCK = 'sops:\n    mac: ""\n    version: 3.13.3\n'


def test_in_an_encrypted_file_the_token_of_a_comment_is_its_text(store: Store) -> None:
    text = f"#{COMMENT_TOKEN}\na: x\nb: o\n"
    assert marked(store, text, Selector("encrypted_comment_regex", "AES256"))[0] == ["a"]


def test_an_encrypted_comment_that_sops_made_a_list_item_is_still_a_comment(store: Store) -> None:
    """Sops 3.13.3 takes it for an item, and cannot read such a file."""
    text = f"a:\n# on\n- {COMMENT_TOKEN}\n- x\n- o\n"
    selector = Selector("encrypted_comment_regex", "on")
    assert marked(store, text + BLOCK, selector)[0] == ["a", "a"]
    assert marked(store, text, selector)[0] == ["a"]


def test_an_encrypted_comment_that_would_switch_encryption_off_is_refused(store: Store, keys: Keys) -> None:
    plain = b"a: 1\nb:\n  # hunter2\n  c: 1\n"
    fine = document.encrypt(plain, Rule.of([keys.public], unencrypted_comment_regex="^ clear"), store=store)
    assert b"hunter2" not in fine.content
    with pytest.raises(EncryptionError, match="line 3: b: the encrypted form of a comment matches") as caught:
        document.encrypt(plain, Rule.of([keys.public], unencrypted_comment_regex="GCM|clear"), store=store)
    assert "hunter2" not in str(caught.value)
    assert caught.value.exit_code == 23


@pytest.mark.parametrize("selector", [{}, {"encrypted_regex": "^l$"}, {"unencrypted_comment_regex": "zz"}], ids=str)
def test_an_empty_comment_in_a_list_is_hidden_from_sops(
    store: Store, keys: Keys, ring: KeyRing, selector: dict[str, str]
) -> None:
    """Sops would make an empty item of it: two signs in a row are no token, and nothing that it could take for a value."""
    plain = b"l:\n- a\n#\n- b\n#\nm: c\n"
    content = document.encrypt(plain, Rule.of([keys.public], **selector), store=store).content
    assert b"\n##\n" in content
    assert document.decrypt(content, ring, store=store) == plain
    edited = plain.replace(b"- b", b"- c")
    assert document.decrypt(document.edit(content, edited, ring, store=store).content, ring, store=store) == edited
