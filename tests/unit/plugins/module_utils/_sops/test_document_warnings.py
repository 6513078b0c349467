# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What sops does not tell: oddities of a file are named, and never a value; what would leak is refused."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DecryptionError, EncryptionError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document, notices
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.changes import Change
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.notices import Notice
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

TOKEN = re.compile(rb"ENC\[AES256_GCM,[^\]]*\]")


def warnings_of(content: bytes, ring: KeyRing, store: Store) -> list[Notice]:
    told: list[Notice] = []
    document.decrypt(content, ring, store=store, name="s.yaml", warnings=told)
    return told


def kinds(found: list[Notice]) -> list[str]:
    return [notice.kind for notice in found]


def stray(keys: Keys, store: Store) -> bytes:
    """A file whose selector was changed so that `b` is not selected any more; the MAC covers only what is."""
    rule = Rule.of([keys.public], encrypted_regex="^[ab]$")._replace(mac_only_encrypted=True)
    both = document.encrypt(b"a: ''\nb: the-secret\n", rule, store=store).content
    return both.replace(b"^[ab]$", b"^a$")


@pytest.fixture
def tampered(keys: Keys, ring: KeyRing, store: Store) -> bytes:
    """The same with a MAC that fits again."""
    rule = Rule.of([keys.public], encrypted_regex="^[ab]$")._replace(mac_only_encrypted=True)
    content = document.encrypt(b"a: 1\n", rule, store=store).content
    full = document.set(content, ("b",), "the-secret", ring, store=store).content
    token = re.search(rb"(?m)^b: .*$", full)
    assert token is not None
    return content.replace(b"\nsops:", b"\n" + token[0] + b"\nsops:").replace(b"^[ab]$", b"^a$")


def test_a_file_as_it_should_be_has_none(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"# c\na: 1\nl:\n# d\n- x\n", rule, store=store).content
    assert warnings_of(content, ring, store) == []
    assert document.set(content, ("a",), 2, ring, store=store).warnings == ()


def test_an_encrypted_value_outside_of_the_selector(tampered: bytes, ring: KeyRing, store: Store) -> None:
    (notice,) = warnings_of(tampered, ring, store)
    assert notice.kind == notices.NOT_SELECTED
    assert notice.where == 's.yaml:2: ["b"]'
    assert "ENC[" not in str(notice)
    assert document.set(tampered, ("a",), 2, ring, store=store).warnings[0].where == 'line 2: ["b"]'


@pytest.mark.parametrize("way", ["set", "edit"])
def test_no_value_that_is_encrypted_comes_out_in_clear(tampered: bytes, ring: KeyRing, store: Store, way: str) -> None:
    plain = TOKEN.sub(b"another-secret", document.decrypt(tampered, ring, store=store))
    ways: dict[str, t.Callable[[], Change]] = {
        "set": lambda: document.set(tampered, ("b",), "another-secret", ring, store=store, name="s.yaml"),
        "edit": lambda: document.edit(tampered, plain, ring, store=store, name="s.yaml"),
    }
    with pytest.raises(EncryptionError, match=r's\.yaml:2: \["b"\]: a value that is encrypted now') as caught:
        ways[way]()
    assert "another-secret" not in str(caught.value)
    assert caught.value.exit_code == 23
    assert "selector" in str(caught.value.hint)


def test_a_rule_can_say_so(tampered: bytes, ring: KeyRing, store: Store, keys: Keys) -> None:
    rule = Rule.of([keys.public], encrypted_regex="^a$")
    plain = TOKEN.sub(b"public", document.decrypt(tampered, ring, store=store))
    change = document.edit(tampered, plain, ring, store=store, rule=rule)
    assert b"b: public\n" in change.content


def test_a_comment_that_selects_a_value_is_not_taken_away_unseen(keys: Keys, ring: KeyRing, store: Store) -> None:
    rule = Rule.of([keys.public], encrypted_comment_regex="secret")
    content = document.encrypt(b"# secret\na: x\nb: y\n", rule, store=store).content
    assert b"b: y\n" in content
    with pytest.raises(EncryptionError, match=r'\["a"\]: a value that is encrypted now'):
        document.edit(content, b"a: x\nb: y\n", ring, store=store)
    change = document.edit(content, b"a: x\nb: y\n", ring, store=store, rule=rule)
    assert "a: *** (no longer encrypted)" in change.after


def test_items_in_clear_beside_encrypted_ones(keys: Keys, ring: KeyRing, store: Store) -> None:
    rule = Rule.of([keys.public], encrypted_comment_regex="secret")
    content = document.encrypt(b"l:\n  # secret\n  - x\n  - y\n", rule, store=store).content
    change = document.edit(content, b"l:\n  # secret\n  - x\n  - z\n  - y\n", ring, store=store)
    assert b"- z\n" in change.content
    with pytest.raises(EncryptionError):
        document.edit(content, b"l:\n  # secret\n  - w\n  - x\n", ring, store=store)


def test_a_plain_value_inside_of_the_selector_is_an_error(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"a: 1\nb: [2, 3]\n", rule, store=store).content
    with pytest.raises(DecryptionError, match=r"s\.yaml:1: .*a") as caught:
        document.decrypt(re.sub(rb"(?m)^a: .*", b"a: the-value", content), ring, store=store, name="s.yaml")
    assert "the-value" not in str(caught.value)
    assert caught.value.hint


def test_text_after_a_token(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"a: 1\nl: [x, z]\n", rule, store=store).content
    odd = re.sub(rb"(?m)^(a: .*\])$", rb"\1-text", content).replace(b"]', '", b"]x', '", 1)
    found = warnings_of(odd, ring, store)
    assert kinds(found) == [notices.TRAILING_TEXT, notices.TRAILING_TEXT]
    assert [notice.where for notice in found] == ['s.yaml:1: ["a"]', 's.yaml:2: ["l"][0]']
    assert document.decrypt(odd, ring, store=store) == b"a: 1\nl: [x, z]\n"


def test_comments_that_do_not_open_or_are_in_clear(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"# one\na: 1\nm:\n  # two\n  b: 2\n", rule, store=store).content
    first, second = re.findall(rb"#(ENC\[[^\]]*\])", content)
    odd = content.replace(first, b" in clear").replace(second, second.replace(b"tag:", b"tag:AAAA"))
    found = warnings_of(odd, ring, store)
    assert kinds(found) == [notices.CLEAR_COMMENT, notices.UNOPENED_COMMENT]
    assert [notice.where for notice in found] == ["s.yaml:1", 's.yaml:4: ["m"]']


def test_duplicate_keys(rule: Rule, ring: KeyRing) -> None:
    for kind, plain in (("json", b'{\n"a": 1,\n"b": {"c": 1, "c": {"d": 2}}\n}'), ("dotenv", b"A=1\nA=2\n")):
        store = store_for("", kind)
        change = document.encrypt(plain, rule, store=store, name="s")
        assert kinds(list(change.warnings)) == [notices.DUPLICATE_KEY]
        assert change.warnings[0].where in ('s:3: ["b"]["c"]', 's:2: ["A"]')
        assert kinds(warnings_of(change.content, ring, store)) == [notices.DUPLICATE_KEY]
        again = document.edit(change.content, plain.replace(b"1", b"5"), ring, store=store, name="s")
        assert kinds(list(again.warnings)) == [notices.DUPLICATE_KEY]


def test_documents_are_numbered(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"a: 1\n---\nb: 2\n", rule, store=store).content
    odd = re.sub(rb"(?m)^(b: .*\])$", rb"\1-", content)
    (notice,) = warnings_of(odd, ring, store)
    assert re.fullmatch(r's\.yaml:[0-9]+: document 2: \["b"\]', notice.where)


def test_the_selector_of_a_binary_file_is_ignored(keys: Keys, ring: KeyRing) -> None:
    store = store_for("", "binary")
    rule = Rule.of([keys.public], encrypted_regex="^nothing$")
    change = document.encrypt(b"secret", rule, store=store, name="f.bin")
    assert [notice.kind for notice in change.warnings] == [notices.SELECTOR_IGNORED]
    assert b"secret" not in change.content
    assert document.decrypt(change.content, ring, store=store) == b"secret"
    assert document.encrypt(b"x", Rule.of([keys.public]), store=store).warnings == ()


def test_a_wrong_mac_is_only_ignored_by_name(keys: Keys, ring: KeyRing, store: Store) -> None:
    content = stray(keys, store)
    assert document.decrypt(content, ring, store=store, ignore_mac=True).startswith(b"a: ''\nb: ENC[")
