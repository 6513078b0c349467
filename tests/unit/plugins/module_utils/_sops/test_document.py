# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facade: encrypt, decrypt, status; what is verified and what is said."""

from __future__ import annotations

import re
import typing as t
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    AlreadyEncryptedError,
    DataKeyError,
    DecryptionError,
    FluxseedError,
    MacMismatchError,
    MalformedMetadataError,
    MetadataNotFoundError,
    UnsupportedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.selectors import Selector
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import yaml_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys

SECRET = b"""\
apiVersion: v1
kind: Secret
metadata:
  name: database   # shown
stringData:
  user: admin
  password: "hunter2"   # changed in May
  port: 5432
"""
TOKEN = re.compile(r"ENC\[AES256_GCM,[^\]]*\]")


@pytest.fixture
def kubernetes(keys: Keys) -> Rule:
    return Rule.of([keys.public], encrypted_regex="^(data|stringData)$")


def test_only_selected_values_and_the_metadata_change(
    kubernetes: Rule, store: Store, clock: t.Callable[[], datetime]
) -> None:
    change = document.encrypt(SECRET, kubernetes, store=store, clock=clock)
    masked = TOKEN.sub("TOKEN", change.content.decode())
    body, _separator, metadata = masked.partition("sops:\n")
    assert body == (
        'apiVersion: v1\nkind: Secret\nmetadata:\n  name: database   # shown\nstringData:\n  user: TOKEN\n  password: "TOKEN"   #TOKEN\n  port: TOKEN\n'
    )
    assert re.sub("-----BEGIN.*END AGE ENCRYPTED FILE-----", "ARMOUR", metadata, flags=re.DOTALL) == (
        f"    age:\n        - enc: |\n            ARMOUR\n          recipient: {kubernetes.age[0]}\n"
        '    encrypted_regex: ^(data|stringData)$\n    lastmodified: "2026-01-02T03:04:05Z"\n    mac: TOKEN\n    version: 3.13.3\n'
    )
    assert (change.needed, change.reason) == (True, ("encrypt",))


def test_decryption_gives_back_the_very_bytes(kubernetes: Rule, store: Store, ring: KeyRing) -> None:
    content = document.encrypt(SECRET, kubernetes, store=store).content
    assert document.decrypt(content, ring, store=store) == SECRET


def test_values_keep_their_types(rule: Rule, store: Store, ring: KeyRing) -> None:
    plain = b"a: 1\nb: 1.0\nc: true\nd: ~\ne: ''\nf: '1'\ng: {}\nh: []\n---\ni: [x, 2]\n"
    content = document.encrypt(plain, rule, store=store).content
    assert document.values(content, ring, store=store) == [
        {"a": 1, "b": 1.0, "c": True, "d": None, "e": "", "f": "1", "g": {}, "h": []},
        {"i": ["x", 2]},
    ]
    assert isinstance(document.values(content, ring, store=store)[0]["b"], float)


def test_two_encryptions_share_no_token(rule: Rule, store: Store) -> None:
    first, second = (document.encrypt(SECRET, rule, store=store).content.decode() for _turn in range(2))
    assert not set(TOKEN.findall(first)) & set(TOKEN.findall(second))


def test_each_recipient_opens_the_file(keys: Keys, other_keys: Keys, store: Store) -> None:
    content = document.encrypt(SECRET, Rule.of([keys.public, other_keys.public]), store=store).content
    for pair in (keys, other_keys):
        assert document.decrypt(content, gather(NOWHERE, [("x", pair.private)]), store=store) == SECRET


def test_without_the_key_nothing_comes_out_but_the_status(
    keys: Keys, other_keys: Keys, kubernetes: Rule, store: Store, clock: t.Callable[[], datetime]
) -> None:
    content = document.encrypt(SECRET, kubernetes, store=store, clock=clock).content
    with pytest.raises(DataKeyError, match=f"s.yaml.*{keys.public}"):
        document.decrypt(content, gather(NOWHERE, [("x", other_keys.private)]), store=store, name="s.yaml")
    status = document.status(content, store=store)
    assert (status.encrypted, status.recipients, status.version) == (True, (keys.public,), "3.13.3")
    assert status.selector == Selector("encrypted_regex", "^(data|stringData)$")
    assert status.lastmodified == "2026-01-02T03:04:05Z"
    assert not document.status(SECRET, store=store).encrypted


def test_masks_hide_values_and_their_length(kubernetes: Rule, store: Store) -> None:
    change = document.encrypt(SECRET + b"  key: |\n    line 1\n    line 2\n", kubernetes, store=store)
    assert change.before == (
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: database   # shown\nstringData:\n  user: ***\n  password: ***   #***\n  port: ***\n  key: ***\n"
    )
    assert change.after.startswith(change.before)
    assert kubernetes.age[0] in change.after


def test_an_encrypted_file_is_not_encrypted_again(rule: Rule, store: Store) -> None:
    content = document.encrypt(SECRET, rule, store=store).content
    for again in (content, b"sops: 1\n", b"a: 1\n---\nsops: {}\n"):
        with pytest.raises(AlreadyEncryptedError, match="sops") as caught:
            document.encrypt(again, rule, store=store, name="s.yaml")
        assert caught.value.exit_code == 203
        assert "s.yaml" in str(caught.value)


def test_a_plain_file_is_not_decrypted(ring: KeyRing, store: Store) -> None:
    with pytest.raises(MetadataNotFoundError, match=r"s\.yaml: there is no SOPS metadata"):
        document.decrypt(SECRET, ring, store=store, name="s.yaml")


def swap(text: str, first: int, second: int) -> str:
    tokens = TOKEN.findall(text)
    return text.replace(tokens[first], "@").replace(tokens[second], tokens[first]).replace("@", tokens[second])


@pytest.mark.parametrize(
    ("tamper", "error"),
    [
        (lambda text: text.replace("name: database", "name: databasE"), MacMismatchError),
        (lambda text: text.replace("kind: Secret\n", ""), MacMismatchError),
        (lambda text: text.replace('lastmodified: "20', 'lastmodified: "19'), MacMismatchError),
        (lambda text: re.sub("mac: .*", 'mac: ""', text), MacMismatchError),
        (lambda text: re.sub("mac: .*", "mac: text", text), MacMismatchError),
        (lambda text: text.replace("  user: ENC", "  USER: ENC"), DecryptionError),
        (lambda text: re.sub("user: ENC.*", "user: admin", text), DecryptionError),
        (lambda text: re.sub("user: ENC.*", "user: 5", text), DecryptionError),
        (lambda text: swap(text, 0, 1), DecryptionError),
        (lambda text: text.replace("type:int", "type:bool"), DecryptionError),
        (lambda text: text.replace("type:int", "type:comment"), DecryptionError),
        (lambda text: text.replace("    encrypted_regex: ^(data|stringData)$\n", ""), DecryptionError),
        (lambda text: text.replace("    version: 3.13.3\n", ""), MalformedMetadataError),
        (lambda text: text.replace("    age:", "    gea:"), MalformedMetadataError),
        (lambda text: text.replace('lastmodified: "', "lastmodified: ").replace('Z"', "Z"), MalformedMetadataError),
        (lambda text: text.replace("encrypted_regex: ^(data|stringData)$", "encrypted_regex: ^(?=data)"), UnsupportedError),
        (lambda text: text.replace("encrypted_regex: ^(data|stringData)$", "encrypted_suffix: no"), MacMismatchError),
    ],
)  # fmt: skip
def test_tampering_is_noticed_before_any_plaintext_leaves(
    kubernetes: Rule, store: Store, ring: KeyRing, tamper: t.Callable[[str], str], error: type[FluxseedError]
) -> None:
    text = document.encrypt(SECRET, kubernetes, store=store).content.decode()
    changed = tamper(text)
    assert changed != text
    with pytest.raises(error) as caught:
        document.decrypt(changed.encode(), ring, store=store, name="s.yaml")
    assert "s.yaml" in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_value_that_does_not_open_is_named_with_line_and_path(kubernetes: Rule, store: Store, ring: KeyRing) -> None:
    text = document.encrypt(SECRET, kubernetes, store=store).content.decode()
    with pytest.raises(DecryptionError, match=r"s\.yaml:6: stringData:user: found a plain value") as caught:
        document.decrypt(re.sub("user: ENC.*", "user: admin", text).encode(), ring, store=store, name="s.yaml")
    assert caught.value.exit_code == 25


def test_the_mac_is_ignored_only_by_name(kubernetes: Rule, store: Store, ring: KeyRing) -> None:
    content = document.encrypt(SECRET, kubernetes, store=store).content.replace(b"name: database", b"name: other")
    plain = document.decrypt(content, ring, store=store, ignore_mac=True)
    assert plain == SECRET.replace(b"name: database", b"name: other")


def test_with_mac_only_encrypted_clear_values_may_change(keys: Keys, store: Store, ring: KeyRing) -> None:
    rule = Rule.of([keys.public], encrypted_regex="^stringData$")._replace(mac_only_encrypted=True)
    content = document.encrypt(SECRET, rule, store=store).content.replace(b"name: database", b"name: other")
    assert b"name: other" in document.decrypt(content, ring, store=store)


def test_comments_that_do_not_open_stay_as_they_are(rule: Rule, store: Store, ring: KeyRing) -> None:
    content = document.encrypt(b"# one\na: 1\n", rule, store=store).content
    assert document.decrypt(b"# clear\n" + content, ring, store=store) == b"# clear\n# one\na: 1\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: 1\nsops:\n    mac: x\n", True),
        (b"a: 1\nsops: {mac: x}\n", True),
        (b'{"a": 1, "sops": {"mac": "x"}}', True),
        (b'{\n\t"a": 1,\n\t"sops": {\n\t\t"mac": "x"\n}}', True),
        (b"A=1\nsops_mac=ENC\n", True),
        (b"[a]\nb = 1\n\n[sops]\nmac = x\n", True),
        (b"\xef\xbb\xbfsops:\n  lastmodified: x\n", True),
        (b"a: 1\r\nsops:\r\n    mac: x\r\n", True),
        (b"", False),
        (b"a: sops\nmac: 1\n", False),
        (b"data:\n  file: |\n    sops:\n        mac: x\n", False),
        (b'data:\n  file: |\n    {"sops": {"mac": 1}}\n', False),
        (b"# sops: see mac: below\n", False),
        (b"creation_rules:\n  - path_regex: mac\n", False),
        (bytes(range(256)) * 50, False),
    ],
)
def test_encrypted_files_are_found_among_any_others(content: bytes, expected: bool) -> None:
    assert document.is_encrypted(content) is expected


@pytest.mark.parametrize(
    "plain",
    [
        b"a: 1", b"a: 1\n\n\n", b"\xef\xbb\xbfa: 1\n", b"a: 1\r\nb: |\r\n  x\r\n  y\r\nc: 'z'\r\n",
        b"---\na: 1\n...\n", b"--- # c\na: 1\n---\nb: 2\n", b"{a: x, b: [u, 5]}\n",
        b"{}\n", b'{"a": "x"}', b"a: |\n  x\n\n\nb: |+\n  y\n\nc: |-\n  z\n", b"a: |2\n   x\n  y\n",
        b"a:\n- x\n-   z\n", b"  a: 1\n  b:\n    c: 2\n", b'a: "x"#c\n', b"? a\n: b\n",
        b"a: ''\nb: \"\"\nc: null\nd: ~\ne:\n", b"a: [x, # c\n  z]\n",
        b"a: &x 1\nb: 2\n", b"a: !mine v\n", b"a: |  # header\n  x\n", b"a:\n  b: 1\n\n  # end\n", b"# only\n---\na: 1\n",
        "ä: \u65e5\U0001f600\n".encode(), b"a: |\n  x\n  \tx\n  #y\n", b"# a\n# b\n\na: 1 # c\n",
    ],
)  # fmt: skip
def test_layouts_that_come_back_byte_for_byte(plain: bytes, rule: Rule, store: Store, ring: KeyRing) -> None:
    content = document.encrypt(plain, rule, store=store).content
    assert document.decrypt(content, ring, store=store) == plain


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["\n", "\n", "\r\n"]), st.booleans(), st.booleans())
def test_any_document_comes_back_with_its_values(
    keys: Keys, rule: Rule, store: Store, ring: KeyRing, seed: int, eol: str, regex: bool, several: bool
) -> None:
    """Random documents: same data, no token left, stable from then on, an unchanged edit is none."""
    rng = yaml_documents.seeded(seed)
    plain = f"---{eol}".join(yaml_documents.document(rng, eol=eol) for _turn in range(3 if several else 1)).encode()
    used = Rule.of([keys.public], encrypted_regex="^(a|data)$") if regex else rule
    try:
        data = store.data(plain)
        content = document.encrypt(plain, used, store=store).content
    except FluxseedError:
        return
    again = document.decrypt(content, ring, store=store)
    assert repr(store.data(again)) == repr(data)
    assert b"ENC[AES" not in again
    assert document.is_encrypted(content)
    assert not document.edit(content, plain, ring, store=store, rule=used).needed
    assert not document.edit(content, again, ring, store=store, rule=used).needed
    assert document.decrypt(document.encrypt(again, used, store=store).content, ring, store=store) == again


@given(st.binary(max_size=200) | st.text("sopmac:{}[]\n \"'-#&*ENC,", max_size=60).map(str.encode))
def test_any_bytes_are_handled_within_the_error_tree(rule: Rule, store: Store, ring: KeyRing, content: bytes) -> None:
    document.is_encrypted(content)
    for act in (
        lambda: document.decrypt(content, ring, store=store),
        lambda: document.encrypt(content, rule, store=store),
        lambda: document.status(content, store=store),
    ):
        try:
            act()
        except FluxseedError:
            continue
