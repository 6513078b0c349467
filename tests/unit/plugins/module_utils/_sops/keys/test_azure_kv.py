# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of Azure Key Vault: a rule may leave the version open, a file always says it."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.azure_kv import AzureKey, settled
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.gcp_kms import GcpKmsKey

VAULT = "https://seeds.vault.azure.net"


@pytest.mark.parametrize(
    ("wanted", "held", "version"),
    [
        ("", "1", "1"),
        ("2", "1", "2"),
        ("", "", ""),
    ],
    ids=["open", "said", "nowhere said"],
)
def test_a_rule_without_a_version_is_met_by_any(wanted: str, held: str, version: str) -> None:
    found = settled(AzureKey.of(VAULT, "k", wanted), [AzureKey.of(VAULT, "k", held)])
    assert found.recipient == f"{VAULT}/keys/k/{version}"


def test_another_key_of_the_same_vault_meets_nothing() -> None:
    key = AzureKey.of(VAULT, "k", "")
    others = [AzureKey.of(VAULT, "k2", "1"), AzureKey.of("https://other.vault.azure.net", "k", "1")]
    assert settled(key, others) is key


def test_other_kinds_are_left_alone() -> None:
    key = GcpKmsKey({"resource_id": "x"})
    assert settled(key, [AzureKey.of(VAULT, "k", "1")]) is key


@pytest.mark.parametrize(
    "rule",
    [f"azure_keyvault: '{VAULT}/keys/k'", f"key_groups: [{{azure_keyvault: [{{vaultUrl: '{VAULT}', key: k}}]}}]"],
    ids=["flat", "in a group"],
)
def test_the_version_stays_open_until_a_data_key_is_wrapped(rule: str) -> None:
    config = Config.parse(f"creation_rules:\n  - {{{rule}}}\n".replace("{rule}", rule), path="/repo/.sops.yaml")
    ((key,),) = config.rule_for("/repo/a").groups
    assert key.recipient == f"{VAULT}/keys/k/"
    settled_rule = config.rule_for("/repo/a").settled([[AzureKey.of(VAULT, "k", "7")]])
    assert settled_rule.groups[0][0].recipient == f"{VAULT}/keys/k/7"
