# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The transit engine of a real OpenBao server: files of sops open here and the other way round."""

from __future__ import annotations

import json
import socket
import ssl
import time
import typing as t
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from key_services import PLAIN, Gate, Side, changed

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DataKeyError, EncryptionError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import remote
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.hc_vault import VaultTransitKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.services import IN_FLIGHT
from ansible_collections.fluxseed.gitops.tests.integration import services
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils.loopback import served

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


@pytest.mark.parametrize("name", ["VAULT_CACERT", "VAULT_CAPATH", "VAULT_CLIENT_CERT"])
def test_a_certificate_that_is_not_there_decides_nothing(side: Side, bao: Bao, name: str) -> None:
    content = changed(side.with_rule(bao.rule()).sealed_here(), bao.url, "https://127.0.0.1:9")
    pair = {"VAULT_CLIENT_KEY": "/nowhere/key.pem"} if name == "VAULT_CLIENT_CERT" else {}
    refusal = side.with_settings(**{name: "/nowhere/cert.pem", **pair}).refusal(content)
    assert "a certificate for https://127.0.0.1:9 cannot be read: see VAULT_CACERT, VAULT_CAPATH," in refusal.message
    assert refusal.is_undecided


# --- what stands before a server ------------------------------------------------------------------------


class Passing(BaseHTTPRequestHandler):
    """One request, passed on to the real server or sent elsewhere."""

    protocol_version = "HTTP/1.1"
    server: Front

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        status, answer, headers = self.server.answer(self.path, self.headers.get("X-Vault-Token", ""), body)
        self.send_response(status)
        for name, value in {**headers, "Content-Type": "application/json", "Content-Length": str(len(answer))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer)

    do_PUT = do_POST  # noqa: N815


class Front(ThreadingHTTPServer):
    """A standby, or a server that is too busy at first; all else is done by the real one."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, bao: Bao, *, busy: int = 0, stay_away: str = "", location: str = "", together: int = 1) -> None:
        super().__init__(("127.0.0.1", 0), Passing)
        self.gate = Gate(together)
        self.tokens: list[str] = []
        self._bao, self._busy, self._stay_away, self.location = bao, busy, stay_away, location

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: str, token: str, body: bytes) -> tuple[int, bytes, dict[str, str]]:
        self.tokens.append(token)
        self.gate.pass_through()
        if len(self.tokens) <= self._busy:
            return 429, b'{"errors": ["busy"]}', {"Retry-After": self._stay_away} if self._stay_away else {}
        if self.location:
            return 307, b"", {"Location": self.location.replace("PATH", path)}
        request = urllib.request.Request(f"{self._bao.url}{path}", body, {"X-Vault-Token": token})  # noqa: S310 - of a test
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            return 200, answer.read(), {}


@contextmanager
def serving(*fronts: Front) -> Iterator[None]:
    with ExitStack() as stack:
        for front in fronts:
            stack.enter_context(served(front))
        yield


@pytest.mark.parametrize(
    ("stay_away", "least"), [("", 0), ("1", 0.6), ("3600", 0.6)], ids=["plain", "in a second", "in an hour"]
)
def test_who_is_turned_away_tries_again(
    side: Side, bao: Bao, stay_away: str, least: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice too busy, then served; nobody waits for as long as a server says."""
    monkeypatch.setattr(remote, "LONGEST_PAUSE", 0.3)
    content = side.with_rule(bao.rule()).sealed_here()
    front = Front(bao, busy=2, stay_away=stay_away)
    before = time.monotonic()
    with serving(front):
        assert side.opened_here(changed(content, bao.url, front.url)) == PLAIN
    assert least <= time.monotonic() - before < 30
    assert front.tokens == [TOKEN] * 3


def test_who_is_always_turned_away_gives_up(side: Side, bao: Bao, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "LONGEST_PAUSE", 0.3)
    front = Front(bao, busy=9, stay_away="3600")
    with serving(front):
        refusal = side.refusal(changed(side.with_rule(bao.rule()).sealed_here(), bao.url, front.url))
    assert f"{front.url} is too busy, 3 attempts were turned away: try again later" in refusal.message
    assert refusal.is_undecided
    assert front.tokens == [TOKEN] * 3


def test_many_at_once(side: Side, bao: Bao) -> None:
    front = Front(bao, together=IN_FLIGHT)
    with serving(front):
        side.check_many_at_once(VaultTransitKey.named(f"{front.url}/v1/transit/keys/cluster", where="the test"))
    assert front.gate.most == IN_FLIGHT == 16


@pytest.mark.parametrize("allowlist", ["", "all", "STANDBY,ACTIVE"])
def test_a_standby_names_the_active_server(side: Side, bao: Bao, allowlist: str) -> None:
    """As servers of one cluster do, with status 307 and the same path; the program sops follows as well."""
    active, standby = Front(bao), Front(bao)
    standby.location = f"{active.url}PATH"
    allowed = allowlist.replace("STANDBY", standby.url).replace("ACTIVE", active.url)
    with serving(active, standby):
        ruled = side.with_settings(SOPS_HC_VAULT_ALLOWLIST=allowed).with_rule(bao.rule().replace(bao.url, standby.url))
        assert ruled.check_both_ways()["vault_address"] == standby.url


REDIRECTS: Mapping[str, tuple[str, str, str]] = {
    "to a server that is not in the list": (
        "ELSEWHEREPATH",
        "HERE",
        "Allowlist does not allow ELSEWHERE, to which HERE",
    ),
    "to the program's own page": ("/ui/", "", "HERE redirects to no server: name the address of the one that answers"),
    "with a name before the server": ("http://HERE@127.0.0.1:9/", "", "HERE redirects to no server"),
    "in a circle": ("HEREPATH", "", "HERE redirects to HERE, and that to HERE: name the address"),
}


@pytest.mark.parametrize("name", REDIRECTS)
def test_the_token_goes_nowhere_else(side: Side, bao: Bao, name: str) -> None:
    location, allowlist, said = REDIRECTS[name]
    elsewhere, here = Front(bao), Front(bao)

    def placed(text: str) -> str:
        return text.replace("ELSEWHERE", elsewhere.url).replace("HERE", here.url)

    here.location = placed(location)
    content = changed(side.with_rule(bao.rule()).sealed_here(), bao.url, here.url)
    with serving(elsewhere, here):
        refusal = side.with_settings(SOPS_HC_VAULT_ALLOWLIST=placed(allowlist)).refusal(content)
    assert placed(said) in refusal.message
    assert elsewhere.tokens == []
    assert len(here.tokens) <= 2
    assert not refusal.is_undecided


def test_the_server_behind_a_redirect_is_the_one_that_a_message_names(side: Side, bao: Bao) -> None:
    here = Front(bao, location="http://127.0.0.1:9PATH")
    with serving(here):
        refusal = side.refusal(changed(side.with_rule(bao.rule()).sealed_here(), bao.url, here.url))
    assert "Vault cannot be reached (http://127.0.0.1:9): connection refused" in refusal.message
