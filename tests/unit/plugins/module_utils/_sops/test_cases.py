# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hard files, each a `.case` file that says what it shows and what is expected."""

from __future__ import annotations

import json
import typing as t
from datetime import datetime

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils import _errors
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.opening import open_file
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import cases
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys

CASES = cases.read_all()


def of_kind(expect: str) -> t.Any:
    chosen = [case for case in CASES if case.header["expect"] == expect]
    return pytest.mark.parametrize("case", chosen, ids=[case.name for case in chosen])


def rule_of(case: cases.Case, keys: Keys) -> Rule:
    rule = Rule.of([keys.public], **cases.selector(case))
    return rule._replace(mac_only_encrypted="mac_only_encrypted" in case.header)


def check_types(case: cases.Case, content: bytes, ring: KeyRing) -> None:
    """The leaves named in the header have this path, type and byte form, and their tokens say so."""
    store = store_for(case.name, case.header["store"])
    wanted = [tuple(each) for each in json.loads(case.header.get("types", "[]"))]
    plain = [(leaf.path, leaf.type, leaf.text) for leaf in store.load(case.body).leaves]
    opened = open_file(content, ring, store, None, ignore_mac=False)
    tokens = [
        (leaf.path, *(value or (leaf.type, leaf.text)))
        for leaf, value in zip(opened.tree.leaves, opened.values, strict=True)
    ]
    assert [each for each in wanted if each not in plain] == []
    assert [each for each in wanted if each not in tokens] == []


def plain_json(data: t.Any) -> t.Any:
    """Data as JSON has it; times as text."""
    return json.loads(
        json.dumps(data, default=lambda value: str(value) if isinstance(value, datetime) else repr(value))
    )


def test_every_case_has_an_expectation_that_is_tested() -> None:
    assert {case.header["expect"] for case in CASES} == {"same", "values", "refused", "opens"}


@of_kind("same")
def test_the_file_comes_back_byte_for_byte(case: cases.Case, keys: Keys, ring: KeyRing) -> None:
    store = store_for(case.name, case.header["store"])
    content = document.encrypt(case.body, rule_of(case, keys), store=store).content
    assert document.decrypt(content, ring, store=store) == case.body
    assert not document.edit(content, case.body, ring, store=store).needed
    check_types(case, content, ring)


@of_kind("values")
def test_the_values_come_back_and_stay(case: cases.Case, keys: Keys, ring: KeyRing) -> None:
    store = store_for(case.name, case.header["store"])
    content = document.encrypt(case.body, rule_of(case, keys), store=store).content
    values = document.values(content, ring, store=store)
    assert repr(plain_json(values)) == repr(json.loads(case.header["data"]))
    assert not document.edit(content, case.body, ring, store=store).needed


@of_kind("refused")
def test_the_file_is_refused(case: cases.Case, keys: Keys) -> None:
    error, _separator, message = case.header["error"].partition(": ")
    with pytest.raises(getattr(_errors, error), match=message) as caught:
        document.encrypt(case.body, rule_of(case, keys), store=store_for(case.name, case.header["store"]))
    assert type(caught.value).__name__ == error


@of_kind("opens")
def test_the_encrypted_file_opens(case: cases.Case) -> None:
    store = store_for(case.name, case.header["store"])
    ring = gather(NOWHERE, [(case.name, case.header["identity"])])
    plain = document.decrypt(case.body, ring, store=store)
    assert b"ENC[" not in plain
    assert plain_json(document.values(case.body, ring, store=store)) == json.loads(case.header["data"])
    assert not document.edit(case.body, plain, ring, store=store).needed
