# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said about a file without any key."""

from __future__ import annotations

import re

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import MalformedFileError, MalformedMetadataError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.selectors import Selector
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

FILES = {
    "yaml": b"a: 1\nb_unencrypted: 2\n",
    "json": b'{"a": 1, "b_unencrypted": "2"}',
    "dotenv": b"A=1\nB_unencrypted=2\n",
    "ini": b"[s]\na = 1\n",
    "binary": b"\xff",
}


@pytest.mark.parametrize("kind", FILES)
def test_every_format_has_a_status(kind: str, rule: Rule, keys: Keys) -> None:
    store = store_for("", kind)
    content = document.encrypt(FILES[kind], rule, store=store).content
    status = document.status(content, store=store)
    assert status.encrypted
    assert status.recipients == (keys.public,)
    assert [[key.kind for key in group] for group in status.groups] == [["age"]]
    assert (status.selector, status.shamir_threshold, status.mac_only_encrypted) == (Selector(), 0, False)
    assert (status.clear, status.not_selected) == ((), ())
    assert document.is_encrypted(content)


@pytest.mark.parametrize("kind", FILES)
def test_a_plain_file_is_not_encrypted(kind: str) -> None:
    assert document.is_encrypted(FILES[kind]) is False
    if kind != "binary":
        assert document.status(FILES[kind], store=store_for("", kind)).encrypted is False


def test_groups_and_flags(keys: Keys, other_keys: Keys, store: Store) -> None:
    one, other = Rule.of([keys.public, other_keys.public], encrypted_regex="^a$"), Rule.of([other_keys.public])
    rule = one._replace(groups=(*one.groups, *other.groups), mac_only_encrypted=True)
    content = document.encrypt(b"a: 1\nb: 2\n", rule, store=store).content
    status = document.status(content, store=store)
    assert [[key.recipient for key in group] for group in status.groups] == [
        [keys.public, other_keys.public],
        [other_keys.public],
    ]
    assert (status.shamir_threshold, status.mac_only_encrypted) == (2, True)
    assert status.selector == Selector("encrypted_regex", "^a$")


def test_where_content_and_selector_do_not_agree(rule: Rule, store: Store) -> None:
    content = document.encrypt(b"a:\n- x\n- y_unencrypted: 1\n- z\nb: ''\nc:\n", rule, store=store).content
    token = re.search(rb"- (ENC.*)\n", content)
    assert token is not None
    odd = content.replace(b"y_unencrypted: 1", b"y_unencrypted: " + token[1]).replace(token[0], b"- in clear\n", 1)
    status = document.status(odd, store=store)
    assert status.clear == ('["a"][0]',)
    assert status.not_selected == ('["a"][1]["y_unencrypted"]',)
    assert "in clear" not in repr(status)


def test_a_damaged_file_has_the_exit_code_of_sops(rule: Rule, store: Store) -> None:
    with pytest.raises(MalformedFileError) as caught:
        document.status(b"a: [", store=store, name="s.yaml")
    assert caught.value.exit_code == 1
    content = document.encrypt(b"a: 1\n", rule, store=store).content
    with pytest.raises(MalformedMetadataError, match=r"s\.yaml: "):
        document.status(content.replace(b"version: ", b"verzion: "), store=store, name="s.yaml")
