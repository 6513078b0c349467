# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tokens an edited file keeps: items of a list share a path and are told apart by place and value."""

from __future__ import annotations

import re

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store


def tokens_of(content: bytes) -> list[bytes]:
    """The tokens of the list, without that of the MAC."""
    return re.findall(rb"- (ENC\[.*\])", content)


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("xx", "yx", {1: 1}),
        ("xx", "xy", {0: 0}),
        ("abc", "axbc", {0: 0, 2: 1, 3: 2}),
        ("abc", "ac", {0: 0, 1: 2}),
        ("axxb", "cqxd", {2: 2}),
        ("ab", "ba", {0: 1}),
        ("abab", "xabay", {1: 0, 2: 1, 3: 2}),
        ("a", "b", {}),
        ("", "a", {}),
    ],
)
def test_an_item_keeps_its_token(
    rule: Rule, ring: KeyRing, store: Store, before: str, after: str, kept: dict[int, int]
) -> None:
    def plain(items: str) -> bytes:
        return b"list:\n" + b"".join(b"  - %c\n" % ord(item) for item in items) + b"other: 1\n"

    content = document.encrypt(plain(before), rule, store=store).content
    old = tokens_of(content)
    new = tokens_of(document.edit(content, plain(after), ring, store=store).content)
    assert {at: old.index(token) for at, token in enumerate(new) if token in old} == kept


@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
def test_a_comment_keeps_its_token_below_a_block_that_ends_in_blank_lines(
    rule: Rule, ring: KeyRing, store: Store, line_end: str
) -> None:
    plain = "a:\n    b: |+\n      text\n\n# one\n# two\n  \n # three\n  \nc: 1\n".replace("\n", line_end).encode()
    content = document.encrypt(plain, rule, store=store).content
    edited = document.edit(content, plain.replace(b"c: 1", b"c: 2"), ring, store=store).content
    tokens = re.findall(rb"#(ENC\[.*\])", content)
    assert len(tokens) == 3
    assert re.findall(rb"#(ENC\[.*\])", edited) == tokens
