# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transit engine of a real OpenBao server: files of sops open here and the other way round."""

from __future__ import annotations

import json
import socket
import ssl
import typing as t
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from key_services import PLAIN, Side, changed

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DataKeyError, EncryptionError
from ansible_collections.fluxseed.gitops.tests.integration import services

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("clients")]

TOKEN = "a-root-token-that-is-in-no-message"
ENGINES = ("transit", "team/secrets/transit")


@dataclass
class Bao:
    """A server with a key in each engine."""

    url: str
    authority: str | None = None

    def ask(self, method: str, path: str, **body: t.Any) -> t.Any:
        """One request with the token for all."""
        request = urllib.request.Request(  # noqa: S310 - of a test
            f"{self.url}/v1/{path}", json.dumps(body).encode(), {"X-Vault-Token": TOKEN}, method=method
        )
        tls = ssl.create_default_context(cafile=self.authority) if self.authority else None
        with urllib.request.urlopen(request, timeout=10, context=tls) as answer:  # noqa: S310 - as above
            return json.loads(answer.read() or b"null")

    def rule(self, engine: str = "transit", key: str = "cluster") -> str:
        return f"{{hc_vault_transit_uri: '{self.url}/v1/{engine}/keys/{key}'}}"


@pytest.fixture(scope="module")
def bao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bao]:
    with services.openbao(tmp_path_factory.mktemp("openbao"), TOKEN) as url:
        server = Bao(url)
        for engine in ENGINES:
            server.ask("POST", f"sys/mounts/{engine}", type="transit")
            server.ask("POST", f"{engine}/keys/cluster")
        yield server


@pytest.fixture
def side(bao: Bao, tmp_path: Path) -> Side:
    return Side(tmp_path, {"VAULT_TOKEN": TOKEN})


@pytest.mark.parametrize("engine", ENGINES)
def test_each_opens_the_files_of_the_other(side: Side, bao: Bao, engine: str) -> None:
    found = side.with_rule(bao.rule(engine)).check_both_ways()
    assert found["enc"].startswith("vault:v1:")
    assert (found["engine_path"], found["key_name"], found["vault_address"]) == (engine, "cluster", bao.url)


def test_a_key_in_a_group(side: Side, bao: Bao) -> None:
    side.with_rule(f"{{key_groups: [{{hc_vault: ['{bao.url}/v1/transit/keys/cluster']}}]}}").check_both_ways()


def test_the_token_of_the_home_folder(side: Side, bao: Bao) -> None:
    (side.folder / ".vault-token").write_text(f"{TOKEN}\n")
    side.with_settings(VAULT_TOKEN="").with_rule(bao.rule()).check_both_ways()


def test_a_token_that_may_only_open(side: Side, bao: Bao) -> None:
    """What the cluster gets: it opens, and can make no new file."""
    bao.ask("PUT", "sys/policies/acl/open", policy='path "transit/decrypt/cluster" { capabilities = ["update"] }')
    token = bao.ask("POST", "auth/token/create", policies=["open"])["auth"]["client_token"]
    ruled = side.with_rule(bao.rule())
    content = ruled.sealed_by_sops()
    restricted = ruled.with_settings(VAULT_TOKEN=token)
    assert restricted.opened_here(content) == ruled.opened_by_sops(content)
    with pytest.raises(EncryptionError, match="may it update transit/encrypt and transit/decrypt"):
        restricted.sealed_here()


def test_a_key_of_the_server_that_was_rotated(side: Side, bao: Bao) -> None:
    """A file keeps opening with the version that it was made with, until that is retired."""
    bao.ask("POST", "transit/keys/rotated")
    ruled = side.with_rule(bao.rule(key="rotated"))
    content = ruled.sealed_here()
    bao.ask("POST", "transit/keys/rotated/rotate")
    ruled.opened_here(content)
    assert ruled.check_both_ways()["enc"].startswith("vault:v2:")
    bao.ask("POST", "transit/keys/rotated/config", min_decryption_version=2)
    assert "lower its min_decryption_version for a while" in ruled.refusal(content).message


def test_the_token_that_is_seeded_opens_the_file(side: Side, bao: Bao) -> None:
    content = side.with_rule(bao.rule()).sealed_by_sops()
    (side.folder / ".vault-token").write_text(TOKEN)
    assert side.opened_as_flux(content, ("sops.vault-token", f"{TOKEN}\n")) == PLAIN
    with pytest.raises(DataKeyError, match="refuses the token"):
        side.opened_as_flux(content, ("sops.vault-token", "hvs.wrong"))
    with pytest.raises(DataKeyError, match="none of this kind is among them"):
        side.opened_as_flux(content)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")  # what VAULT_SKIP_VERIFY deserves
def test_the_authority_of_the_server(side: Side, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Named by VAULT_CACERT; not trusted without it, and not looked at with VAULT_SKIP_VERIFY."""
    folder = tmp_path_factory.mktemp("tls")
    with services.openbao(folder, TOKEN, tls=True) as url:
        server = Bao(url, str(folder / "vault-ca.pem"))
        server.ask("POST", "sys/mounts/transit", type="transit")
        server.ask("POST", "transit/keys/cluster")
        ruled = side.with_rule(server.rule()).with_settings(VAULT_CACERT=server.authority)
        ruled.check_both_ways()
        ruled.with_settings(VAULT_CACERT="", VAULT_SKIP_VERIFY="true").check_both_ways()
        refusal = ruled.with_settings(VAULT_CACERT="").refusal(ruled.sealed_here())
    assert f"Vault cannot be reached ({url}): its certificate is not trusted here" in refusal.message
    assert refusal.is_undecided


# --- what is wrong, and what is said --------------------------------------------------------------------

SETTINGS: Mapping[str, tuple[dict[str, str], str]] = {
    "wrong token": ({"VAULT_TOKEN": "hvs.wrong"}, "refuses the token: is it still valid, and may it update transit/"),
    "no token": ({"VAULT_TOKEN": ""}, "there is no token for ADDRESS: set VAULT_TOKEN, or log in (~/.vault-token)"),
    "token in two lines": ({"VAULT_TOKEN": f"{TOKEN}\n{TOKEN}"}, "no request can be made for ADDRESS"),
    "no server allowed": ({"SOPS_HC_VAULT_ALLOWLIST": "none"}, "Allowlist does not allow ADDRESS"),
    "another allowed": ({"SOPS_HC_VAULT_ALLOWLIST": "https://a, https://b"}, "Allowlist does not allow ADDRESS"),
    "empty allow-list entry": ({"SOPS_HC_VAULT_ALLOWLIST": "https://a,"}, "SOPS_HC_VAULT_ALLOWLIST's entry 2 is empty"),
    "another namespace": ({"VAULT_NAMESPACE": "nowhere"}, "is ADDRESS a Vault server with a transit engine there?"),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_that_do_not_lead_to_the_key(side: Side, bao: Bao, name: str) -> None:
    """The program sops refuses each of them too; no message holds the token."""
    settings, said = SETTINGS[name]
    content = side.with_rule(bao.rule()).sealed_here()
    wrong = side.with_settings(**settings)
    refusal = wrong.refusal(content)
    assert said.replace("ADDRESS", bao.url) in refusal.message
    assert not refusal.is_undecided
    assert TOKEN not in str(refusal)
    assert wrong.sops("decrypt", "--input-type", "yaml", "/dev/stdin", data=content).returncode == 128


@pytest.mark.parametrize("allowlist", ["ADDRESS", "ADDRESS/", "https://a, ADDRESS ", "all"])
def test_an_allow_list_that_names_the_server(side: Side, bao: Bao, allowlist: str) -> None:
    allowed = side.with_settings(SOPS_HC_VAULT_ALLOWLIST=allowlist.replace("ADDRESS", bao.url))
    allowed.with_rule(bao.rule()).check_both_ways()


def test_the_start_of_an_address_is_not_enough(side: Side, bao: Bao) -> None:
    content = side.with_rule(bao.rule()).sealed_here()
    assert "Allowlist does not" in side.with_settings(SOPS_HC_VAULT_ALLOWLIST=bao.url[:-1]).refusal(content).message


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("key_name: cluster", "key_name: other", "there is no key transit/keys/other: was it deleted?"),
        (
            "engine_path: transit",
            "engine_path: nowhere",
            "there is no transit engine at nowhere: enable it, or correct",
        ),
        ("enc: vault:v1:", "enc: vault:v1:AAAA", "the wrapped data key is damaged, or not of transit/keys/cluster"),
        ("enc: vault:v1:", "enc: vault:v7:", "the wrapped data key is damaged, or not of transit/keys/"),
        ("enc: vault:v1:", "enc: plain:", "the wrapped data key is damaged, or not of transit/keys/cluster"),
    ],
    ids=["another key", "no engine", "damaged", "unknown version", "something else"],
)
def test_an_entry_that_was_changed(side: Side, bao: Bao, old: str, new: str, said: str) -> None:
    content = changed(side.with_rule(bao.rule()).sealed_here(), old, new)
    refusal = side.refusal(content)
    assert said in refusal.message
    assert not refusal.is_undecided


def test_a_key_that_was_deleted(side: Side, bao: Bao) -> None:
    bao.ask("POST", "transit/keys/gone")
    content = side.with_rule(bao.rule(key="gone")).sealed_here()
    bao.ask("POST", "transit/keys/gone/config", deletion_allowed=True)
    bao.ask("DELETE", "transit/keys/gone")
    assert "there is no key transit/keys/gone: was it deleted?" in side.refusal(content).message


def test_a_sealed_server_decides_nothing(side: Side, tmp_path_factory: pytest.TempPathFactory) -> None:
    with services.openbao(tmp_path_factory.mktemp("sealed"), TOKEN) as url:
        server = Bao(url)
        server.ask("POST", "sys/mounts/transit", type="transit")
        server.ask("POST", "transit/keys/cluster")
        content = side.with_rule(server.rule()).sealed_here()
        server.ask("POST", "sys/seal")
        refusal = side.refusal(content)
    assert f"{url} is sealed: unseal it" in refusal.message
    assert refusal.is_undecided


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://127.0.0.1:9", "cannot be reached (http://127.0.0.1:9): connection refused"),
        ("http://vault.invalid:8200", "cannot be reached (http://vault.invalid:8200): "),
        ("https://PLACE", "cannot be reached (https://PLACE): TLS: wrong version number"),
    ],
    ids=["nobody listens", "no such name", "not TLS"],
)
def test_a_server_that_cannot_be_reached_decides_nothing(side: Side, bao: Bao, address: str, said: str) -> None:
    place = bao.url.removeprefix("http://")
    content = changed(side.with_rule(bao.rule()).sealed_here(), bao.url, address.replace("PLACE", place))
    refusal = side.refusal(content)
    assert said.replace("PLACE", place) in refusal.message
    assert refusal.is_undecided


def test_a_server_that_is_silent_is_given_up(side: Side, bao: Bao) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        content = changed(side.with_rule(bao.rule()).sealed_here(), bao.url, address)
        refusal = side.with_settings(VAULT_CLIENT_TIMEOUT="1s").refusal(content)
    assert "no answer in time" in refusal.message
    assert refusal.is_undecided
