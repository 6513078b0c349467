# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a transit engine, and the list of servers that may be asked."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.hc_vault_service import is_allowed
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.remote import RefusalError


@pytest.mark.parametrize(
    ("allowlist", "address", "is_in"),
    [
        ("", "https://vault", True),
        ("all", "https://vault", True),
        ("none", "https://vault", False),
        ("https://vault", "https://vault", True),
        ("https://vault/", "https://vault", True),
        (" https://a , https://vault ", "https://vault", True),
        ("https://vau", "https://vault", False),
        ("https://vault", "https://vault.evil", False),
        ("https://vault", "https://vault:8200", False),
        ("https://vault:8200", "https://vault:8200", True),
        ("All", "https://vault", False),
        ("all,none", "https://vault", False),
    ],
)
def test_an_entry_allows_what_starts_with_it(allowlist: str, address: str, is_in: bool) -> None:
    assert is_allowed(address, allowlist) is is_in


@pytest.mark.parametrize(("allowlist", "number"), [(",", 1), ("https://a,", 2), ("https://a, ,https://b", 2)])
def test_an_empty_entry_is_refused_as_sops_does(allowlist: str, number: int) -> None:
    with pytest.raises(RefusalError, match=f"SOPS_HC_VAULT_ALLOWLIST's entry {number} is empty"):
        is_allowed("https://vault", allowlist)
