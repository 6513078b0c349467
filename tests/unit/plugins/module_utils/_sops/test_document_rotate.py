# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new data key: every token is new, nothing else changes."""

from __future__ import annotations

import re
import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    DecryptionError,
    EncryptionError,
    InvalidInputError,
    KeyFormatError,
    MacMismatchError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import AgeKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.metadata import Metadata
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys

FILES = {
    "yaml": b"# c\na:   one   # d\nb_unencrypted: [x,  y]\ne: ''\nl: [1, 1]\n---\nc: |\n  text\n",
    "json": b'{"a": 1,   "b": ["x", "a/b<"]}\n',
    "dotenv": b"# c\nA=1\n\nB=x\n",
    "ini": b"; c\n[s]\na=1\n  b = 2\n",
    "binary": b"\x00\x01\xff",
}
TOKEN = re.compile(rb"ENC\[AES256_GCM,data:([^,]*),iv:([^,]*),[^\]]*\]")


@pytest.mark.parametrize("kind", FILES)
def test_every_token_is_new_and_every_other_byte_stays(kind: str, rule: Rule, ring: KeyRing) -> None:
    store = store_for("", kind)
    content = document.encrypt(FILES[kind], rule, store=store).content
    change = document.rotate(content, ring, store=store)
    assert change.reason == ("data_key",)
    old, new = TOKEN.findall(content), TOKEN.findall(change.content)
    assert len(old) == len(new)
    assert not {iv for _data, iv in old} & {iv for _data, iv in new}, "no nonce is used again"
    assert len({iv for _data, iv in new}) == len({iv for _data, iv in old})
    assert document.decrypt(change.content, ring, store=store) == FILES[kind]
    bare = [
        re.sub(rb"-----BEGIN.*?-----END|lastmodified.*", b"", TOKEN.sub(b"", text), flags=re.DOTALL)
        for text in (content, change.content)
    ]
    assert bare[0].partition(b"lastmod")[0] == bare[1].partition(b"lastmod")[0]


@pytest.mark.parametrize(
    "spell",
    [
        pytest.param(lambda token: '"' + token.replace("ENC", "\\x45NC", 1) + '"', id="an escape at its begin"),
        pytest.param(lambda token: '"' + token.replace(",iv", "\\\n  ,iv") + '"', id="a continued line"),
        pytest.param(lambda token: f"'{token}'", id="quotes"),
        pytest.param(lambda token: f">-\n  {token}", id="folded"),
        pytest.param(lambda token: "'" + token.replace(",iv", ",\n\n  iv") + "'", id="a break in it"),
    ],
)
def test_tokens_in_any_spelling_are_exchanged(
    spell: t.Callable[[str], str], rule: Rule, ring: KeyRing, store: Store
) -> None:
    content = document.encrypt(b"a: secret\nb: 1\n", rule, store=store).content
    odd = re.sub(r"(?m)^a: (.*)$", lambda match: f"a: {spell(match[1])}", content.decode()).encode()
    try:
        assert document.decrypt(odd, ring, store=store).endswith(b"b: 1\n")
    except DecryptionError:
        assert b"\n\n  iv" in odd
        return
    new = document.rotate(odd, ring, store=store).content
    assert store.data(document.decrypt(new, ring, store=store)) == [{"a": "secret", "b": 1}]
    assert not set(TOKEN.findall(odd)) & set(TOKEN.findall(new))


def test_a_removed_recipient_is_only_locked_out_by_rotation(
    ring: KeyRing, keys: Keys, other_keys: Keys, store: Store
) -> None:
    """Whoever kept an old copy has the data key; `updatekeys` leaves it as it is."""
    both = Rule.of([keys.public, other_keys.public])
    removed = gather(NOWHERE, [("x", other_keys.private)])
    kept = document.encrypt(b"a: 1\n", both, store=store).content
    data_key = removed.data_key(Metadata.parse(store.metadata(store.load(kept))))
    now = document.updatekeys(kept, Rule.of([keys.public]), ring, store=store).content
    later = document.set(now, ("a",), "new secret", ring, store=store).content
    with pytest.raises(DataKeyError):
        document.decrypt(later, removed, store=store)

    class Kept(KeyRing):
        def data_key(self, *_arguments: t.Any, **_named: t.Any) -> bytes:
            return data_key

    assert document.decrypt(later, Kept(), store=store) == b"a: new secret\n"
    with pytest.raises(DecryptionError):
        document.decrypt(document.rotate(later, ring, store=store).content, Kept(), store=store)


def test_recipients_come_and_go(rule: Rule, ring: KeyRing, keys: Keys, other_keys: Keys, store: Store) -> None:
    content = document.encrypt(b"a: 1\n", rule, store=store).content
    other = gather(NOWHERE, [("x", other_keys.private)])
    both = document.rotate(content, ring, store=store, add=[other_keys.public, other_keys.public, keys.public])
    assert both.reason == ("data_key", "recipients")
    assert document.status(both.content, store=store).recipients == (keys.public, other_keys.public)
    assert document.decrypt(both.content, other, store=store) == b"a: 1\n"
    only = document.rotate(both.content, other, store=store, remove=[AgeKey(keys.public), "age1nobody"])
    assert document.status(only.content, store=store).recipients == (other_keys.public,)
    with pytest.raises(DataKeyError):
        document.decrypt(only.content, ring, store=store)
    assert f"-    age: {keys.public}" not in only.after


def test_the_last_key_is_not_removed(rule: Rule, ring: KeyRing, keys: Keys, store: Store) -> None:
    content = document.encrypt(b"a: 1\n", rule, store=store).content
    with pytest.raises(InvalidInputError, match="no key would be left"):
        document.rotate(content, ring, store=store, remove=[keys.public])


def test_groups_stay_split(keys: Keys, other_keys: Keys, store: Store) -> None:
    rule = Rule.of([keys.public])
    other = Rule.of([other_keys.public])
    metadata = document.encrypt(b"a: 1\n", rule, store=store).content
    both = gather(NOWHERE, [("x", keys.private), ("y", other_keys.private)])
    split = document.updatekeys(
        metadata, rule._replace(groups=(*rule.groups, *other.groups)), both, store=store
    ).content
    change = document.rotate(split, both, store=store)
    status = document.status(change.content, store=store)
    assert (len(status.groups), status.shamir_threshold) == (2, 2)
    assert document.decrypt(change.content, both, store=store) == b"a: 1\n"
    with pytest.raises(InvalidInputError, match="key group 1"):
        document.rotate(split, both, store=store, remove=[other_keys.public])


def test_what_cannot_be_a_recipient_is_refused(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"a: 1\n", rule, store=store).content
    with pytest.raises(KeyFormatError):
        document.rotate(content, ring, store=store, add=["nobody"])


def test_a_key_that_cannot_be_wrapped_for_is_named(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"a: 1\n", rule, store=store).content.replace(
        b"    version:",
        b'    pgp:\n        - fp: ABC\n          enc: e\n          created_at: "2026-01-02T03:04:05Z"\n    version:',
    )
    with pytest.raises(KeyFormatError, match="'ABC' is no fingerprint"):
        document.rotate(content, ring, store=store)
    assert document.rotate(content, ring, store=store, remove=["ABC"]).needed


def test_the_mac_is_verified_first(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"a_unencrypted: 1\nb: 2\n", rule, store=store).content.replace(b"ed: 1", b"ed: 3")
    with pytest.raises(MacMismatchError):
        document.rotate(content, ring, store=store)
    anew = document.rotate(content, ring, store=store, ignore_mac=True).content
    assert document.decrypt(anew, ring, store=store) == b"a_unencrypted: 3\nb: 2\n"


def test_a_value_that_the_selector_lost_is_not_lost_with_the_old_key(keys: Keys, ring: KeyRing, store: Store) -> None:
    """Its token would stay under a data key that nobody has any more."""
    content = _with_lost_selector(keys, store)
    with pytest.raises(EncryptionError, match=r's.yaml:2: \["b"\]: a value is encrypted although') as caught:
        document.rotate(content, ring, store=store, name="s.yaml")
    assert caught.value.exit_code == 23


def _with_lost_selector(keys: Keys, store: Store) -> bytes:
    """A file whose MAC covers only what is encrypted, with a value moved in that the selector no longer covers."""
    rule = Rule.of([keys.public], encrypted_regex="^[ab]$")._replace(mac_only_encrypted=True)
    content = document.encrypt(b"a: 1\n", rule, store=store).content
    full = document.set(content, ("b",), "x", _ring(keys), store=store).content
    token = re.search(rb"(?m)^b: .*$", full)
    assert token is not None
    return content.replace(b"\nsops:", b"\n" + token[0] + b"\nsops:").replace(b"^[ab]$", b"^a$")


def _ring(keys: Keys) -> KeyRing:
    return gather(NOWHERE, [("x", keys.private)])


def test_comments_that_should_be_encrypted_are_now(rule: Rule, ring: KeyRing, store: Store) -> None:
    content = document.encrypt(b"# c\na: 1\n", rule, store=store).content
    clear = re.sub(rb"#ENC\[[^\]]*\]", b"# left in clear", content)
    change = document.rotate(clear, ring, store=store)
    assert b"left in clear" not in change.content
    assert document.decrypt(change.content, ring, store=store) == b"# left in clear\na: 1\n"
