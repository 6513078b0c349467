# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged and hostile files: a typed error that says where, never what, with the exit code of sops, and soon."""

from __future__ import annotations

import re
import traceback
import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DataKeyError, FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import bad_files
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.bad_files import CANARY, Bad
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys

STORES = [name for name in bad_files.PLAIN if bad_files.available(name)]


@pytest.fixture(scope="module")
def good(rule: Rule) -> dict[str, bytes]:
    """One encrypted file of each store."""
    return {name: document.encrypt(bad_files.PLAIN[name], rule, store=store_for(name, name)).content for name in STORES}


def assert_holds_no_value(error: BaseException) -> None:
    """Neither the error nor anything that a traceback of it prints shows a value."""
    assert CANARY not in "".join(traceback.format_exception(error))
    seen: BaseException | None = error
    while seen is not None:
        assert CANARY not in repr(vars(seen)) + repr(seen.args)
        # What is suppressed is not printed, but loggers that walk the chain would find it.
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


def check(error: FluxseedError, bad: Bad) -> None:
    assert error.__class__ is bad.kind
    assert error.exit_code == bad.exit_code
    assert re.search(bad.says, str(error)), str(error)
    assert "f" in (error.where or "")
    assert_holds_no_value(error)


@pytest.mark.parametrize("bad", bad_files.TO_DECRYPT, ids=bad_files.ids(bad_files.TO_DECRYPT))
def test_a_damaged_file_is_not_decrypted(bad: Bad, good: dict[str, bytes], ring: KeyRing) -> None:
    content = bad.change(good[bad.store])
    with pytest.raises(FluxseedError) as caught:
        document.decrypt(content, ring, store=store_for(bad.store, bad.store), name="f")
    check(caught.value, bad)


@pytest.mark.parametrize("bad", bad_files.TO_DECRYPT, ids=bad_files.ids(bad_files.TO_DECRYPT))
def test_a_damaged_file_is_not_edited(bad: Bad, good: dict[str, bytes], ring: KeyRing) -> None:
    """Neither is anything made of it, nor does its state stop a question about it from being answered or refused."""
    store = store_for(bad.store, bad.store)
    content = bad.change(good[bad.store])
    with pytest.raises(FluxseedError) as caught:
        document.edit(content, bad_files.PLAIN[bad.store], ring, store=store, name="f")
    check(caught.value, bad)
    document.is_encrypted(content)
    try:
        document.status(content, store=store, name="f")
    except FluxseedError as exc:
        assert_holds_no_value(exc)


@pytest.mark.parametrize("bad", bad_files.TO_ENCRYPT, ids=bad_files.ids(bad_files.TO_ENCRYPT))
def test_a_malformed_file_is_not_encrypted(bad: Bad, good: dict[str, bytes], rule: Rule) -> None:
    with pytest.raises(FluxseedError) as caught:
        document.encrypt(bad.change(good[bad.store]), rule, store=store_for(bad.store, bad.store), name="f")
    check(caught.value, bad)


@pytest.mark.parametrize("bad", bad_files.TO_ENCRYPT, ids=bad_files.ids(bad_files.TO_ENCRYPT))
def test_a_malformed_file_is_no_new_content(bad: Bad, good: dict[str, bytes], ring: KeyRing) -> None:
    store = store_for(bad.store, bad.store)
    with pytest.raises(FluxseedError) as caught:
        document.edit(good[bad.store], bad.change(good[bad.store]), ring, store=store, name="f")
    check(caught.value, bad)


@pytest.mark.parametrize("name", STORES)
def test_the_wrong_key_is_refused(name: str, good: dict[str, bytes], other_keys: Keys) -> None:
    ring = gather(NOWHERE, [("other", other_keys.private)])
    with pytest.raises(DataKeyError, match=f"f: no identity opens.*{other_keys.public}") as caught:
        document.decrypt(good[name], ring, store=store_for(name, name), name="f")
    assert caught.value.exit_code == 128
    assert other_keys.private not in str(caught.value)
    assert_holds_no_value(caught.value)


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
@pytest.mark.parametrize("name", STORES)
def test_a_data_key_of_another_length_is_refused(name: str, size: int, good: dict[str, bytes]) -> None:
    class Ring(KeyRing):
        def data_key(self, *_arguments: t.Any, **_named: t.Any) -> bytes:
            return CANARY.encode().ljust(size, b"x")[:size]

    with pytest.raises(FluxseedError, match=f"f: the data key has {size} bytes") as caught:
        document.decrypt(good[name], Ring(), store=store_for(name, name), name="f")
    assert caught.value.exit_code == 25
    assert_holds_no_value(caught.value)
