# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Big files, made here: they come back byte for byte."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for

_LINE = "x" * 1000
BIG: dict[str, tuple[str, str]] = {
    "yaml: 10,000 keys": ("yaml", "".join(f"key{number}: value {number}\n" for number in range(10_000))),
    "yaml: 5 MB": ("yaml", "".join(f"key{number}: {_LINE}\n" for number in range(5000))),
    "yaml: 5 MB in one value": ("yaml", "text: |\n" + f"  {_LINE}\n" * 5000 + "last: 1\n"),
    "yaml: 1,000 documents": ("yaml", "---\n".join(f"key: value {number}\n" for number in range(1000))),
    "json: 10,000 keys": ("json", "{" + ",\n".join(f'"key{number}": {number}' for number in range(10_000)) + "}\n"),
    "dotenv: 10,000 keys": ("dotenv", "".join(f"KEY{number}=value {number}\n" for number in range(10_000))),
    "ini: 10,000 keys": ("ini", "[s]\n" + "".join(f"key{number} = value {number}\n" for number in range(10_000))),
    "binary: 5 MB": ("binary", f"{_LINE}\n" * 5000),
}


@pytest.mark.parametrize("which", BIG)
def test_a_big_file_comes_back(which: str, rule: Rule, ring: KeyRing) -> None:
    kind, text = BIG[which]
    store = store_for(kind, kind)
    content = document.encrypt(text.encode(), rule, store=store).content
    assert document.decrypt(content, ring, store=store) == text.encode()
