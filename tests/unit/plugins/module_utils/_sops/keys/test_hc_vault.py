# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of a transit engine, and the list of servers that may be asked."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.hc_vault_service import (
    check_redirect,
    is_allowed,
    server_of,
)
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


# --- where a server may send the token on ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("location", "server"),
    [
        ("https://active:8200/v1/transit/decrypt/k", "https://active:8200"),
        ("http://10.0.0.2:8200/v1/", "http://10.0.0.2:8200"),
        ("https://[2001:db8::1]:8200/v1/", "https://[2001:db8::1]:8200"),
        ("https://active", "https://active"),
        ("/v1/transit/decrypt/k", ""),
        ("//active/v1/", ""),
        ("https://user:password@active/", ""),
        ("https://active\\@evil/", ""),
        ("https://active#@evil/", ""),
        ("https://active:8200@evil/", ""),
        ("https://ev il/", ""),
        ("file:///etc/passwd", ""),
        ("", ""),
    ],
)
def test_of_a_redirect_only_the_server_counts(location: str, server: str) -> None:
    """The path stays that of the request; an address that two parsers could read in two ways is none."""
    assert server_of(location) == server


@pytest.mark.parametrize(
    ("here", "there", "allowlist", "said"),
    [
        ("https://a", "https://b", "", None),
        ("http://a", "http://b", "all", None),
        ("http://a", "https://b", "", None),
        ("https://a", "https://b", "https://a,https://b", None),
        ("https://a", "https://b", "https://a", "Allowlist does not allow https://b, to which https://a redirects"),
        ("https://a", "https://b", "https://a,https://b:8200", "Allowlist does not allow https://b, to"),
        ("https://a", "http://a", "", "https://a redirects to http://a, which is not encrypted"),
        ("HTTPS://a", "http://a", "", "which is not encrypted: the token is not sent there"),
        ("https://a", "http://b", "https://a,http://b", "which is not encrypted: the token is not sent there"),
        ("https://a", "", "", "https://a redirects to no server: name the address"),
    ],
)
def test_a_token_goes_where_the_list_allows_it_and_never_from_https_to_http(
    here: str, there: str, allowlist: str, said: str | None
) -> None:
    if said is None:
        check_redirect(here, there, allowlist)
        return
    with pytest.raises(RefusalError, match=said):
        check_redirect(here, there, allowlist)
