# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Editing: what did not change keeps its bytes."""

from __future__ import annotations

import difflib
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    EncryptionError,
    FluxseedError,
    MacMismatchError,
    UnsupportedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import yaml_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys

PLAIN = b"""\
# the database
kind: Secret
stringData:
  user: admin
  password: "hunter2"
  list: [a, b, c]
  text: |
    line 1
    line 2
"""


def early() -> datetime:
    return datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def kubernetes(keys: Keys) -> Rule:
    return Rule.of([keys.public], encrypted_regex="^stringData$")


@pytest.fixture
def content(kubernetes: Rule, store: Store) -> bytes:
    return document.encrypt(PLAIN, kubernetes, store=store, clock=early).content


def changed_lines(old: bytes, new: bytes) -> list[str]:
    """Keys of the lines that differ, removed and added."""
    lines = difflib.unified_diff(old.decode().splitlines(), new.decode().splitlines(), n=0, lineterm="")
    return [re.sub(r"[:=].*|\s", "", line) for line in lines if not line.startswith(("---", "+++", "@@"))]


def test_the_same_content_changes_nothing(content: bytes, ring: KeyRing, store: Store, kubernetes: Rule) -> None:
    change = document.edit(content, PLAIN, ring, store=store, rule=kubernetes)
    assert (change.needed, change.reason, change.content) == (False, (), content)
    assert change.before == change.after


def test_one_changed_value_changes_its_line_the_mac_and_the_time(content: bytes, ring: KeyRing, store: Store) -> None:
    change = document.edit(content, PLAIN.replace(b"hunter2", b"hunter3"), ring, store=store)
    assert changed_lines(content, change.content) == [
        "-password",
        "+password",
        "-lastmodified",
        "-mac",
        "+lastmodified",
        "+mac",
    ]
    assert change.reason == ("content",)
    assert document.decrypt(change.content, ring, store=store) == PLAIN.replace(b"hunter2", b"hunter3")


def test_the_masked_texts_show_which_value_changed_and_no_value(content: bytes, ring: KeyRing, store: Store) -> None:
    change = document.edit(content, PLAIN.replace(b"hunter2", b"hunter3"), ring, store=store)
    diff = [line for line in difflib.ndiff(change.before.splitlines(), change.after.splitlines()) if line[0] in "+-"]
    assert diff == ["-   password: ***", "+   password: *** (changed)"]


def test_a_changed_layout_is_a_change_but_not_of_the_mac(content: bytes, ring: KeyRing, store: Store) -> None:
    change = document.edit(content, PLAIN.replace(b"user: admin", b"user:   admin"), ring, store=store)
    assert changed_lines(content, change.content) == ["-user", "+user"]
    assert change.needed


def test_a_clear_value_changes_itself_and_the_mac(content: bytes, ring: KeyRing, store: Store) -> None:
    change = document.edit(content, PLAIN.replace(b"kind: Secret", b"kind: Other"), ring, store=store)
    assert changed_lines(content, change.content) == [
        "-kind",
        "+kind",
        "-lastmodified",
        "-mac",
        "+lastmodified",
        "+mac",
    ]


def test_another_type_with_the_same_bytes_is_a_change(rule: Rule, ring: KeyRing, store: Store) -> None:
    """The MAC does not see the type, so it and the time stay."""
    old = document.encrypt(b"a: '1'\n", rule, store=store).content
    change = document.edit(old, b"a: 1\n", ring, store=store)
    assert changed_lines(old, change.content) == ["-a", "+a"]
    assert document.values(change.content, ring, store=store) == [{"a": 1}]


@pytest.mark.parametrize("new", [b"[x, a, b, c]", b"[a, c]", b"[a, b, c, d]", b"[b, c]"])
def test_items_of_a_list_keep_their_tokens_when_others_come_and_go(
    content: bytes, ring: KeyRing, store: Store, new: bytes
) -> None:
    change = document.edit(content, PLAIN.replace(b"[a, b, c]", new), ring, store=store)
    old_tokens = re.findall(rb"'(ENC[^']*)'", content)
    kept = [token for token in old_tokens if token in change.content]
    assert len(kept) == len(set(new.strip(b"[]").split(b", ")) & {b"a", b"b", b"c"})
    assert document.decrypt(change.content, ring, store=store) == PLAIN.replace(b"[a, b, c]", new)


def test_new_keys_and_documents_are_encrypted(content: bytes, ring: KeyRing, store: Store) -> None:
    new = PLAIN + b"  added: secret\n---\nstringData: {x: z}\n"
    change = document.edit(content, new, ring, store=store)
    assert b"secret" not in change.content
    assert document.decrypt(change.content, ring, store=store) == new


def test_the_style_of_sops_is_kept_in_a_file_that_sops_wrote(rule: Rule, ring: KeyRing, store: Store) -> None:
    """Tokens there are plain even where the value needs quotes or a block; only the changed line may differ."""
    text = document.encrypt(b'a: "1"\nb: |\n  x\n  y\nc: z\n', rule, store=store, clock=early).content.decode()
    text = re.sub(r'"(ENC[^"]*)"', r"\1", text)
    text = re.sub(r"\|-\n  (ENC.*)", r"\1", text)
    plain = document.decrypt(text.encode(), ring, store=store)
    assert plain == b'a: "1"\nb: |\n  x\n  y\nc: z\n'
    change = document.edit(text.encode(), plain.replace(b"c: z", b"c: w"), ring, store=store)
    assert changed_lines(text.encode(), change.content) == [
        "-c",
        "+c",
        "-lastmodified",
        "-mac",
        "+lastmodified",
        "+mac",
    ]


def test_unknown_metadata_and_its_layout_stay(
    content: bytes, ring: KeyRing, store: Store, kubernetes: Rule, other_keys: Keys
) -> None:
    old = content.replace(b"    version: 3.13.3\n", b"    version: '3.8.1'\n    zz_new: [1]\n    kms: []\n")
    change = document.edit(old, PLAIN.replace(b"admin", b"root"), ring, store=store, rule=kubernetes)
    assert b"version: '3.8.1'\n    zz_new: [1]\n    kms: []\n" in change.content
    both = Rule.of([*kubernetes.age, other_keys.public], encrypted_regex="^stringData$")
    change = document.edit(old, PLAIN, ring, store=store, rule=both)
    assert b"version: '3.8.1'\n    zz_new: [1]\n    kms: []\n" in change.content
    assert document.status(change.content, store=store).recipients == both.age


def test_other_recipients_are_a_change_of_the_metadata_only(
    content: bytes, ring: KeyRing, store: Store, keys: Keys, other_keys: Keys
) -> None:
    both = Rule.of([keys.public, other_keys.public], encrypted_regex="^stringData$")
    change = document.edit(content, PLAIN, ring, store=store, rule=both)
    assert change.reason == ("recipients",)
    assert change.content.partition(b"sops:")[0] == content.partition(b"sops:")[0]
    assert set(re.findall(rb"mac: .*", content)) == set(re.findall(rb"mac: .*", change.content))
    assert f"+     age: {other_keys.public}" in list(
        difflib.ndiff(change.before.splitlines(), change.after.splitlines())
    )
    assert document.decrypt(change.content, gather(NOWHERE, [("x", other_keys.private)]), store=store) == PLAIN
    only = Rule.of([other_keys.public], encrypted_regex="^stringData$")
    removed = document.edit(change.content, PLAIN, ring, store=store, rule=only)
    assert removed.reason == ("recipients",)
    with pytest.raises(DataKeyError):
        document.decrypt(removed.content, gather(NOWHERE, [("x", keys.private)]), store=store)


def test_order_of_recipients_is_no_change(
    content: bytes, keys: Keys, other_keys: Keys, ring: KeyRing, store: Store
) -> None:
    one = Rule.of([keys.public, other_keys.public])
    other = Rule.of([other_keys.public, keys.public])
    old = document.encrypt(PLAIN, one, store=store).content
    assert not document.edit(old, PLAIN, ring, store=store, rule=other).needed


def test_another_selector_encrypts_what_it_selects_and_hides_it_before_too(
    content: bytes, ring: KeyRing, store: Store, rule: Rule
) -> None:
    change = document.edit(content, PLAIN, ring, store=store, rule=rule)
    assert change.reason == ("selector",)
    assert b"Secret" not in change.content
    assert b"database" not in change.content
    assert "Secret" not in change.before + change.after
    assert "database" not in change.before + change.after
    assert document.decrypt(change.content, ring, store=store) == PLAIN
    user = re.search(rb"user: (.*)\n", content)
    assert user is not None
    assert user[1] in change.content


def test_a_value_that_loses_its_encryption_is_said_to_and_not_shown(
    rule: Rule, ring: KeyRing, store: Store, kubernetes: Rule
) -> None:
    old = document.encrypt(PLAIN, rule, store=store).content
    change = document.edit(old, PLAIN, ring, store=store, rule=kubernetes)
    assert "kind: *** (no longer encrypted)\n" in change.after
    assert "Secret" not in change.before + change.after
    assert b"kind: Secret\n" in change.content


def test_a_file_that_was_tampered_with_is_not_edited(content: bytes, ring: KeyRing, store: Store) -> None:
    with pytest.raises(MacMismatchError):
        document.edit(content.replace(b"kind: Secret", b"kind: Other"), PLAIN, ring, store=store)


def test_a_key_of_another_kind_is_not_dropped_silently(
    content: bytes, ring: KeyRing, store: Store, kubernetes: Rule
) -> None:
    with_pgp = content.replace(
        b"    version:",
        b'    pgp:\n        - fp: ABC\n          enc: e\n          created_at: "2026-01-02T03:04:05Z"\n    version:',
    )
    with pytest.raises(UnsupportedError, match="pgp"):
        document.edit(with_pgp, PLAIN, ring, store=store, rule=kubernetes)
    change = document.edit(with_pgp, PLAIN.replace(b"admin", b"root"), ring, store=store)
    assert b"fp: ABC" in change.content


def test_errors_of_the_new_text_hold_no_value(content: bytes, ring: KeyRing, store: Store) -> None:
    with pytest.raises(FluxseedError) as caught:
        document.edit(content, b"stringData: {password: hunter3", ring, store=store, name="s.yaml")
    assert "hunter3" not in str(caught.value)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_one_changed_leaf_changes_one_token(rule: Rule, ring: KeyRing, store: Store, seed: int, choice: int) -> None:
    """In any document: replace one value, and only its token, the MAC and the time differ."""
    plain = yaml_documents.document(yaml_documents.seeded(seed)).encode()
    try:
        content = document.encrypt(plain, rule, store=store, clock=early).content
    except FluxseedError:
        return
    tree = store.load(plain)
    leaves = [leaf for leaf in tree.leaves if leaf.style in ("", "'", '"') and leaf.start < leaf.end and leaf.text]
    if not leaves:
        return
    leaf = leaves[choice % len(leaves)]
    if not leaf.text or "_unencrypted" in leaf.path:
        return
    new = tree.text[: leaf.start] + '"a new value"' + tree.text[leaf.end :]
    change = document.edit(content, new.encode(), ring, store=store)
    token = re.compile(rb"ENC\[AES256_GCM,[^\]]*\]")
    old_tokens, new_tokens = token.findall(content), token.findall(change.content)
    differing = [number for number, (a, b) in enumerate(zip(old_tokens, new_tokens, strict=True)) if a != b]
    assert len(differing) == 2
    assert differing[-1] == len(old_tokens) - 1
    assert repr(store.data(document.decrypt(change.content, ring, store=store))) == repr(store.data(new.encode()))


def test_a_clear_item_may_change_beside_secret_ones_of_the_same_path(keys: Keys, ring: KeyRing, store: Store) -> None:
    """Items of lists share a path, documents too; a comment can make a secret of one and leave another in clear."""
    rule = Rule.of([keys.public], encrypted_comment_regex="secret")
    plain = b"users:\n  - name: root\n  # secret\n  - name: admin\n---\nusers:\n  - name: x\n  - name: y\n"
    content = document.encrypt(plain, rule, store=store).content
    changed = plain.replace(b"root", b"toor")
    assert b"name: toor" in document.edit(content, changed, ring, store=store).content
    assert b"name: z" in document.edit(content, plain.replace(b"y", b"z"), ring, store=store).content
    for taken_out in (
        plain.replace(b"  # secret\n", b""),
        plain.replace(b"  # secret\n", b"").replace(b"admin", b"another"),
        plain.replace(b"root", b"admin"),
    ):
        with pytest.raises(EncryptionError, match="would be written in clear"):
            document.edit(content, taken_out, ring, store=store)


def test_the_metadata_keeps_its_line_ends_when_the_first_one_of_the_file_goes(
    rule: Rule, ring: KeyRing, store: Store
) -> None:
    """A file with line ends of several kinds: an edit changes its value, the MAC and the time."""
    plain = b'a: "x\r\n  y"\nb: 1\n'
    content = document.encrypt(plain, rule, store=store).content
    changed = document.decrypt(content, ring, store=store).replace(b"a: ", b"a: changed #", 1)
    new = document.edit(content, changed, ring, store=store).content
    assert new.count(b"\r\n") == content.count(b"\r\n")
