# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we refuse, sops refuses with the same exit code, but for the rows that say why not."""

from __future__ import annotations

import pytest
from oracle_tools import Sops

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import bad_files
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.bad_files import Bad
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def good(rule: Rule) -> dict[str, bytes]:
    names = [name for name in bad_files.PLAIN if bad_files.available(name)]
    return {name: document.encrypt(bad_files.PLAIN[name], rule, store=store_for(name, name)).content for name in names}


def exit_code(sops: Sops, command: str, content: bytes, store: str, *options: str) -> int:
    path = sops.folder / f"input.{store}"
    path.write_bytes(content)
    done = sops.run(command, *options, "--input-type", store, "--output-type", store, str(path))
    assert path.read_bytes() == content
    return done.returncode


def expected(bad: Bad) -> int:
    assert (bad.sops is None) == (not bad.why)
    return bad.exit_code if bad.sops is None else bad.sops


@pytest.mark.parametrize("bad", bad_files.TO_DECRYPT, ids=bad_files.ids(bad_files.TO_DECRYPT))
def test_sops_does_not_decrypt_it_either(bad: Bad, good: dict[str, bytes], sops: Sops) -> None:
    assert exit_code(sops, "decrypt", bad.change(good[bad.store]), bad.store) == expected(bad)


@pytest.mark.parametrize("bad", bad_files.TO_ENCRYPT, ids=bad_files.ids(bad_files.TO_ENCRYPT))
def test_sops_does_not_encrypt_it_either(bad: Bad, good: dict[str, bytes], sops: Sops, keys: Keys) -> None:
    assert exit_code(sops, "encrypt", bad.change(good[bad.store]), bad.store, "--age", keys.public) == expected(bad)


@pytest.mark.parametrize("name", bad_files.PLAIN)
def test_sops_opens_the_files_that_were_damaged(name: str, good: dict[str, bytes], sops: Sops) -> None:
    assert exit_code(sops, "decrypt", good[name], name) == 0
