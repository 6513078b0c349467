# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The binary store: any bytes, in a JSON file of its own."""

from __future__ import annotations

import json
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    AlreadyEncryptedError,
    EmissionError,
    LimitError,
    MetadataNotFoundError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import CommentNode, MappingNode, ScalarNode
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.binary import BinaryStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.json import JsonStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import Limits
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

STORE = BinaryStore()
CONTENTS = [
    b"",
    b"text\n",
    b"\x00\xff\xfe",
    b"\xef\xbb\xbfx",
    b'{"data": "x"}',
    b'{"sops": 1}',
    b'{"sops": {',
    b"a\r\nb",
    "é\u2028".encode(),
]


@settings(max_examples=50)
@given(content=st.binary(max_size=60))
def test_any_bytes_come_back(content: bytes, rule: Rule, ring: KeyRing) -> None:
    encrypted = document.encrypt(content, rule, store=STORE).content
    assert document.decrypt(encrypted, ring, store=STORE) == content
    assert not document.edit(encrypted, content, ring, store=STORE).needed


@pytest.mark.parametrize("content", CONTENTS, ids=repr)
def test_odd_contents_come_back(content: bytes, rule: Rule, ring: KeyRing) -> None:
    encrypted = document.encrypt(content, rule, store=STORE).content
    assert document.decrypt(encrypted, ring, store=STORE) == content
    edited = document.edit(encrypted, content + b"!", ring, store=STORE)
    assert edited.needed
    assert document.decrypt(edited.content, ring, store=STORE) == content + b"!"


def test_the_encrypted_form_is_that_of_sops_without_a_selector(rule: Rule) -> None:
    text = document.encrypt(b"x", rule, store=STORE).content.decode()
    assert text.startswith('{\n\t"data": "ENC[AES256_GCM,data:')
    assert text.endswith('"version": "3.13.3"\n\t}\n}\n')
    assert list(json.loads(text)) == ["data", "sops"]
    assert set(json.loads(text)["sops"]) == {"age", "lastmodified", "mac", "version"}
    assert '\t"data": "",\n' in document.encrypt(b"", rule, store=STORE).content.decode()


def test_selectors_are_ignored_with_a_warning(keys: Keys, ring: KeyRing) -> None:
    change = document.encrypt(b"secret", Rule.of([keys.public], encrypted_regex="^nothing$"), store=STORE)
    assert b"secret" not in change.content
    assert b"encrypted_regex" not in change.content
    assert document.decrypt(change.content, ring, store=STORE) == b"secret"
    assert change.warnings


def test_a_rule_never_takes_the_content_out_of_an_encrypted_file(keys: Keys, rule: Rule, ring: KeyRing) -> None:
    content = document.encrypt(b"old", rule, store=STORE).content
    other = Rule.of([keys.public], encrypted_regex="^password$")
    edited = document.edit(content, b"new secret", ring, store=STORE, rule=other).content
    assert b"new secret" not in edited
    assert b"encrypted_regex" not in edited
    assert document.decrypt(edited, ring, store=STORE) == b"new secret"
    assert not document.edit(content, b"old", ring, store=STORE, rule=other).needed


def test_operations_on_metadata_leave_the_content(keys: Keys, other_keys: Keys, rule: Rule, ring: KeyRing) -> None:
    content = document.encrypt(b"\xff", rule, store=STORE).content
    both = Rule.of([keys.public, other_keys.public])
    for change in (document.updatekeys(content, both, ring, store=STORE), document.rotate(content, ring, store=STORE)):
        assert change.content != content
        assert document.decrypt(change.content, ring, store=STORE) == b"\xff"
        assert b"unencrypted_suffix" not in change.content


def test_a_token_that_stays_as_it_is_is_written_as_it_is() -> None:
    """What rewriting the metadata of a file comes to: decryption without values, then encryption without tokens."""
    content = b'{"data": "ENC[x]", "sops": {"mac": "m"}}'
    plain = STORE.emit_plain(STORE.load(content), [None], [])
    assert STORE.emit_encrypted(STORE.load(plain), [None], [], {"mac": "n"}).split() == (
        b'{ "data": "ENC[x]", "sops": { "mac": "n" } }'.split()
    )
    assert STORE.emit_encrypted(STORE.load(b'{"data": "x", "sops": {}}'), [None], [], {"mac": "n"}).count(b"sops") == 2


def test_an_edit_keeps_the_layout_of_the_file(rule: Rule, ring: KeyRing) -> None:
    content = document.encrypt(b"old", rule, store=STORE).content
    odd = content.replace(b"\t", b" ").replace(b'"data": ', b'"data"  :  ').replace(b"\n", b"\r\n")
    front = json.dumps(dict(reversed(json.loads(content).items())), indent=3).encode()
    for each in (odd, front):
        edited = document.edit(each, b"new", ring, store=STORE).content
        assert document.decrypt(edited, ring, store=STORE) == b"new"
        assert len(edited.splitlines()) == len(each.splitlines())
        changed = [new for old, new in zip(each.splitlines(), edited.splitlines(), strict=True) if old != new]
        assert {line.split(b'"')[1] for line in changed} - {b"lastmodified"} == {b"data", b"mac"}


def test_what_sops_would_encrypt_twice_is_refused(rule: Rule) -> None:
    with pytest.raises(AlreadyEncryptedError):
        document.encrypt(document.encrypt(b"x", rule, store=STORE).content, rule, store=STORE)


@pytest.mark.parametrize(
    "content", [b"", b"x", b'{"data": "x"}', b'{"data": "x", "sops": 5}', b'{"data": "x", "sops": {}'], ids=repr
)
def test_what_is_not_encrypted_is_said_to_be_so(content: bytes, ring: KeyRing) -> None:
    with pytest.raises(MetadataNotFoundError):
        document.decrypt(content, ring, store=STORE)


@pytest.mark.parametrize(
    ("plain", "message"),
    [(b'{"a": "x"}', "there is no entry data"), (b'{"data": 5}', "not a string"), (b'{"data": ["x"]}', "not a string"), (b'{"a": {"data": "x"}}', "no entry")],
    ids=repr,
)  # fmt: skip
def test_json_without_text_in_data_cannot_be_written_as_binary(
    plain: bytes, message: str, rule: Rule, ring: KeyRing
) -> None:
    content = document.encrypt(plain, rule, store=JsonStore()).content
    with pytest.raises(EmissionError, match=message) as caught:
        document.decrypt(content, ring, store=STORE)
    assert caught.value.exit_code == 4
    assert "another type of output" in str(caught.value)


def test_a_file_with_more_than_data_opens_all_the_same(rule: Rule, ring: KeyRing) -> None:
    content = document.encrypt(b'{"a": 1, "data": "x", "data": "y"}', rule, store=JsonStore()).content
    assert document.decrypt(content, ring, store=STORE) == b"x"
    assert document.decrypt(document.edit(content, b"z", ring, store=STORE).content, ring, store=STORE) == b"z"


def test_new_files_are_the_bytes_of_data() -> None:
    assert STORE.dump({"x": 1, "data": "é"}) == "é".encode()
    assert STORE.dump({"data": b"\xff"}) == b"\xff"
    node = MappingNode([CommentNode(" c"), ("data", ScalarNode("str", "t"))])
    assert STORE.emit([node]) == b"t"
    assert STORE.emit([node], {"mac": ""}, indent=1) == b'{\n "data": "t",\n "sops": {\n  "mac": ""\n }\n}\n'


@pytest.mark.parametrize(
    "documents",
    [[], [MappingNode()] * 2, [MappingNode()], [MappingNode([("data", MappingNode())])]],
    ids=["none", "two", "empty", "mapping"],
)
def test_what_binary_cannot_hold_is_an_emission_error(documents: list[MappingNode]) -> None:
    with pytest.raises(EmissionError):
        STORE.emit(documents)


def test_data_is_text_if_it_can_be(rule: Rule, ring: KeyRing) -> None:
    assert STORE.data("é".encode()) == [{"data": "é"}]
    assert STORE.data(b"\xff") == [{"data": b"\xff"}]
    content = document.encrypt(b"x", rule, store=STORE).content
    assert document.values(content, ring, store=STORE) == [{"data": "x"}]


def test_too_large_a_file_is_refused() -> None:
    read: t.Any
    for read in (STORE.load, STORE.data):
        with pytest.raises(LimitError):
            read(b"xx", limits=Limits(size=1))


def test_masked_texts_show_nothing(rule: Rule, ring: KeyRing) -> None:
    change = document.encrypt(b"secret", rule, store=STORE)
    assert change.before == "***\n"
    assert "secret" not in change.after
    assert "secret" not in document.edit(change.content, b"secret2", ring, store=STORE).before
    assert document.encrypt(b"", rule, store=STORE).before == ""


def test_the_store_is_that_of_names_that_are_not_known() -> None:
    assert store_for("a.yaml.enc").name == "binary"
    assert document.status(b"x", store=STORE).encrypted is False
