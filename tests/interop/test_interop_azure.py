# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Azure Key Vault and Huawei's KMS, on stand-ins at their own host names: files of sops open here and the other way round."""

from __future__ import annotations

import json
import time
import typing as t
from collections.abc import Mapping
from pathlib import Path

import pytest
from cloud_standins import (
    AZURE_KEY,
    CLIENT,
    HUAWEI,
    HUAWEI_HOST,
    HUAWEI_KEY,
    LOGIN,
    NEXT_VERSION,
    SECRET,
    TENANT,
    TOKEN,
    VAULT,
    VERSION,
    Cloud,
    cloud_of,
    make_tls,
)
from key_services import PLAIN, STORE, Side, changed

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DataKeyError, EncryptionError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import remote
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.azure_kv import AzureKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.services import IN_FLIGHT

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("clients")]

URL = f"{VAULT}/keys/{AZURE_KEY}"
RULE = f"{{azure_keyvault: '{URL}/{VERSION}'}}"
WITHOUT = f"{{azure_keyvault: '{URL}'}}"
APPLICATION = {"AZURE_TENANT_ID": TENANT, "AZURE_CLIENT_ID": CLIENT, "AZURE_CLIENT_SECRET": SECRET}
cloud = pytest.fixture(scope="module")(cloud_of)


@pytest.fixture
def side(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Side:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    cloud.reset()
    return Side(tmp_path, {**cloud.environment, **APPLICATION})


RULES: Mapping[str, str] = {
    "flat": RULE,
    "in a group": f"{{key_groups: [{{azure_keyvault: [{{vaultUrl: '{VAULT}', key: {AZURE_KEY}, version: '{VERSION}'}}]}}]}}",
    "without a version": WITHOUT,
    "without, in a group": f"{{key_groups: [{{azure_keyvault: [{{vaultUrl: '{VAULT}', key: {AZURE_KEY}}}]}}]}}",
}


@pytest.mark.parametrize("name", RULES)
def test_each_opens_the_files_of_the_other(side: Side, cloud: Cloud, name: str) -> None:
    """The key is wrapped by the vault; a rule without a version gets the current one, which is written."""
    assert side.with_rule(RULES[name]).check_both_ways()["version"] == VERSION
    assert f"POST {URL}/{VERSION}/decrypt" in cloud.requests


def test_a_rule_without_a_version_asks_for_no_other_one(side: Side, cloud: Cloud) -> None:
    """The key has a newer version now: files stay as they are, new ones get it."""
    ruled = side.with_rule(WITHOUT)
    content = ruled.sealed_here()
    cloud.current = NEXT_VERSION
    rule = Config.parse(Path(ruled.config).read_text(), path=ruled.config).rule_for(str(side.folder / "a.yaml"))
    assert not document.updatekeys(content, rule, gather(side.surroundings()), store=STORE).needed
    edited = document.edit(content, b"a: 2\n", gather(side.surroundings()), rule=rule, store=STORE)
    assert edited.reason == ("content",)
    assert f"version: {VERSION}".encode() in edited.content
    assert ruled.check_both_ways()["version"] == NEXT_VERSION


@pytest.mark.parametrize("form", ["secret", "az", "certificate"])
def test_the_application_that_is_seeded_opens_the_file(side: Side, tmp_path: Path, form: str) -> None:
    """In each of the forms that Flux takes."""
    content = side.with_rule(RULE).sealed_by_sops()
    # Any key with a certificate of it serves: the stand-in looks at no signature.
    make_tls(tmp_path)
    named = {"tenantId": TENANT, "clientId": CLIENT}
    credential = {
        "secret": {**named, "clientSecret": SECRET},
        "az": {"tenant": TENANT, "appId": CLIENT, "password": SECRET},
        "certificate": {**named, "clientCertificate": (tmp_path / "leaf.pem").read_text()},
    }[form]
    assert side.opened_as_flux(content, ("sops.azure-kv", json.dumps(credential))) == PLAIN


def test_an_identity_of_the_machine_is_not_here(side: Side) -> None:
    content = side.with_rule(RULE).sealed_by_sops()
    with pytest.raises(DataKeyError, match="none of this kind is among them"):
        side.opened_as_flux(content, ("sops.azure-kv", f"clientId: {CLIENT}\n"))


STATUSES: Mapping[int, tuple[str, bool]] = {
    401: ("the credentials are missing, or Azure refuses them: set AZURE_TENANT_ID, AZURE_CLIENT_ID", False),
    403: ("allow encrypt, decrypt and get on keys of the vault", False),
    404: (f"there is no key {URL}/{VERSION}: was it deleted?", False),
    429: (f"{VAULT} is too busy, 3 attempts were turned away: try again later", True),
    503: (f"{VAULT} has a fault of its own (503): try again later", True),
}


@pytest.mark.parametrize("status", STATUSES)
def test_a_refusal_says_what_to_do(side: Side, cloud: Cloud, status: int) -> None:
    said, is_undecided = STATUSES[status]
    content = side.with_rule(RULE).sealed_here()
    cloud.refusals[VAULT.removeprefix("https://")] = status
    cloud.requests.clear()
    refusal = side.refusal(content)
    assert said in refusal.message
    assert refusal.is_undecided is is_undecided
    assert len([request for request in cloud.requests if VAULT in request]) == (3 if is_undecided else 1)


BUSY: Mapping[str, tuple[str, str, float]] = {
    "the vault": (VAULT.removeprefix("https://"), "", 0),
    "the vault, which says when to come back": (VAULT.removeprefix("https://"), "0.2", 0.4),
    "the vault, which says: in a minute": (VAULT.removeprefix("https://"), "60", 0.6),
    "the login, which says: in a minute": (LOGIN, "60", 0.6),
}


@pytest.mark.parametrize("name", BUSY)
def test_who_is_turned_away_tries_again(side: Side, cloud: Cloud, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice too busy, then served: as soon as the service says, and never later than we have patience."""
    host, cloud.stay_away, least = BUSY[name]
    monkeypatch.setattr(remote, "LONGEST_PAUSE", 0.3)
    content = side.with_rule(RULE).sealed_here()
    cloud.requests.clear()
    cloud.busy[host] = 2
    before = time.monotonic()
    assert side.opened_here(content) == PLAIN
    assert least <= time.monotonic() - before < 30
    asked = [request for request in cloud.requests if host in request]
    assert asked[:3] == asked[:1] * 3


def test_many_at_once(side: Side, cloud: Cloud) -> None:
    cloud.reset(together=IN_FLIGHT)
    side.check_many_at_once(AzureKey.of(VAULT, AZURE_KEY, VERSION))
    assert cloud.gate.most == IN_FLIGHT == 16


@pytest.mark.parametrize("page", [[1], "<html>log in here</html>", {"value": 1}], ids=["list", "HTML", "no text"])
def test_what_answers_may_be_no_vault(side: Side, cloud: Cloud, page: t.Any) -> None:
    content = side.with_rule(RULE).sealed_here()
    cloud.pages[VAULT.removeprefix("https://")] = page
    refusal = side.refusal(content)
    assert "the vault answered without a value: is it a vault?" in refusal.message
    assert "log in" not in str(refusal)
    with pytest.raises(EncryptionError, match=r"Azure Key Vault could not be asked|without a value") as caught:
        side.with_rule(WITHOUT).sealed_here()
    assert "log in" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"AZURE_CLIENT_SECRET": "wrong"}, "the credentials are missing, or Azure refuses them"),
        ({"AZURE_TENANT_ID": "not a tenant"}, "the credentials for Azure are malformed"),
    ],
    ids=["wrong secret", "no tenant"],
)
def test_an_application_that_may_not_log_in(side: Side, settings: dict[str, str], said: str) -> None:
    content = side.with_rule(RULE).sealed_here()
    refusal = side.with_settings(**settings).refusal(content)
    assert said in refusal.message
    assert not refusal.is_undecided
    assert not {SECRET, TOKEN, "wrong"} & set(str(refusal).split())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: cluster", "name: other", f"there is no key {VAULT}/keys/other/{VERSION}: was it deleted?"),
        ("vault_url: https:", "vault_url: http:", "is no vault: it is written https://NAME.vault.azure.net"),
        ("enc: ", "enc: AAAA #", "the wrapped data key is damaged, or not of this version of the key"),
    ],
    ids=["another key", "no vault", "damaged"],
)
def test_an_entry_that_was_changed(side: Side, old: str, new: str, said: str) -> None:
    assert said in side.refusal(changed(side.with_rule(RULE).sealed_here(), old, new)).message


def test_a_vault_that_cannot_be_reached_decides_nothing(side: Side, monkeypatch: pytest.MonkeyPatch) -> None:
    content = side.with_rule(RULE).sealed_here()
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    refusal = side.refusal(content)
    assert f"Azure Key Vault cannot be reached ({VAULT}): connection refused" in refusal.message
    assert refusal.is_undecided


# --- Huawei ---------------------------------------------------------------------------------------------


def test_the_kms_of_huawei(side: Side, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program sops cannot be led to a stand-in here: its client takes no proxy from the environment."""
    ruled = side.with_settings(**HUAWEI).with_rule(f"{{hckms: ['{HUAWEI_KEY}']}}")
    content = ruled.sealed_here()
    assert ruled.opened_here(content)
    assert [request.rpartition("/")[2] for request in cloud.requests] == ["encrypt-data", "decrypt-data"]
    cloud.refusals[HUAWEI_HOST] = 403
    assert (
        "the credentials are refused, or may not use the key: set HUAWEICLOUD_SDK_AK" in ruled.refusal(content).message
    )
    monkeypatch.setattr(remote, "LONGEST_PAUSE", 0.1)
    for status in (429, 503):
        cloud.refusals[HUAWEI_HOST] = status
        cloud.requests.clear()
        refusal = ruled.refusal(content)
        assert f"Huawei Cloud KMS turned it away ({status}), 3 times: try again later" in refusal.message
        assert refusal.is_undecided
        assert len(cloud.requests) == 3
    cloud.reset()
    cloud.busy[HUAWEI_HOST], cloud.stay_away = 2, "60"
    assert ruled.opened_here(content) == PLAIN
    assert len(cloud.requests) == 3
    away = changed(content, HUAWEI_KEY.partition(":")[0], "moon-1")
    assert "there is no region moon-1 of Huawei Cloud KMS" in ruled.refusal(away).message
