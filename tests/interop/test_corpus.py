# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `.case` files against sops: it opens what we make of them, reads what we read, and refuses what we refuse."""

from __future__ import annotations

import math
import re
import typing as t
from dataclasses import replace

import pytest
from oracle_tools import Sops

from ansible_collections.fluxseed.gitops.plugins.module_utils import _errors
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import cases
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys

pytestmark = pytest.mark.interop

CASES = cases.read_all()


def of_kind(*expected: str, stores: tuple[str, ...] = ("yaml", "json", "dotenv", "ini", "binary")) -> t.Any:
    chosen = [case for case in CASES if case.header["expect"] in expected and case.header["store"] in stores]
    return pytest.mark.parametrize("case", chosen, ids=[case.name for case in chosen])


def run(sops: Sops, command: str, content: bytes, kind: str, *options: str) -> tuple[int, bytes, bytes]:
    path = sops.folder / "case"
    path.write_bytes(content)
    done = sops.run(command, *options, "--input-type", kind, "--output-type", kind, str(path))
    return done.returncode, done.stdout, done.stderr


def comparable(data: t.Any) -> t.Any:
    """Whole floats come back from sops as integers, which is its own loss; NaN equals itself here."""
    if isinstance(data, dict):
        return {key: comparable(value) for key, value in data.items()}
    if isinstance(data, list):
        return [comparable(value) for value in data]
    if isinstance(data, float) and math.isfinite(data) and data == int(data):
        return repr(int(data))
    return repr(data)


def documents(store: Store, plain: bytes) -> list[t.Any]:
    """Data of every document; one without content counts as an empty mapping, which it is for sops."""
    return [{} if each is None else each for each in store.data(plain)]


# Those of INI and dotenv are compared leaf by leaf in their own files.
@of_kind("same", "values", stores=("yaml", "json", "binary"))
def test_sops_opens_our_file(case: cases.Case, keys: Keys, sops: Sops) -> None:
    """Same values, right MAC, every comment opened; but for what a case says of it."""
    kind = case.header["store"]
    store = store_for(kind, kind)
    rule = Rule.of([keys.public], **cases.selector(case))._replace(
        mac_only_encrypted="mac_only_encrypted" in case.header
    )
    content = document.encrypt(case.body, rule, store=store).content
    code, plain, said = run(sops, "decrypt", content, kind)
    assert code == int(case.header.get("sops", "0")), said
    assert ("sops" in case.header) == ("why" in case.header)
    if "sops" not in case.header:
        assert comparable(documents(store, plain)) == comparable(documents(store, case.body))
        # An empty comment is never encrypted, and sops says so.
        assert re.search(rb'possibly unencrypted comment.*comment="#."', said) is None


@of_kind("refused")
def test_sops_refuses_it_too(case: cases.Case, keys: Keys, sops: Sops) -> None:
    """With the exit code of our error, unless the case names another one and the reason."""
    options = [
        word for kind, pattern in cases.selector(case).items() for word in (f"--{kind.replace('_', '-')}", pattern)
    ]
    code, _out, said = run(sops, "encrypt", case.body, case.header["store"], "--age", keys.public, *options)
    error = getattr(_errors, case.header["error"].partition(":")[0])
    assert code == int(case.header.get("sops", error.exit_code)), said
    assert ("sops" in case.header) == ("why" in case.header)


@of_kind("opens")
def test_sops_opens_the_old_file(case: cases.Case, sops: Sops) -> None:
    kind = case.header["store"]
    store = store_for(kind, kind)
    code, plain, said = run(replace(sops, private=case.header["identity"]), "decrypt", case.body, kind)
    assert code == 0, said
    ring = gather(NOWHERE, [(case.name, case.header["identity"])])
    assert comparable(documents(store, plain)) == comparable(document.values(case.body, ring, store=store))
