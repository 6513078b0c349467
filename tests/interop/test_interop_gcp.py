# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Google Cloud KMS, on a stand-in at its own host name: files of sops open here and the other way round."""

from __future__ import annotations

import base64
import json
import time
import typing as t
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cloud_standins import GOOGLE_KEY, TOKEN, Cloud, cloud_of
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from key_services import PLAIN, Side, changed

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DataKeyError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import remote
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.gcp_kms import GcpKmsKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.gcp_kms_service import GcpKmsService
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.services import IN_FLIGHT

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("clients")]

RULE = f"{{gcp_kms: {GOOGLE_KEY}}}"
REST = {"SOPS_GCP_KMS_CLIENT_TYPE": "rest"}
cloud = pytest.fixture(scope="module")(cloud_of)


@pytest.fixture
def side(cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Side:
    for name, value in cloud.environment.items():
        monkeypatch.setenv(name, value)
    cloud.reset()
    monkeypatch.setattr(remote, "LONGEST_PAUSE", 0.3)
    return Side(tmp_path, {**cloud.environment, **REST, "GOOGLE_OAUTH_ACCESS_TOKEN": TOKEN})


@pytest.fixture(scope="module")
def account() -> str:
    """The JSON of a service account."""
    key = rsa.generate_private_key(65537, 2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    given = {"type": "service_account", "project_id": "seeds", "private_key_id": "1", "client_id": "1"}
    more = {"client_email": "seeds@seeds.iam.gserviceaccount.com", "token_uri": "https://oauth2.googleapis.com/token"}
    return json.dumps({**given, **more, "private_key": key.decode()})


@pytest.mark.parametrize(
    "rule", [RULE, f"{{key_groups: [{{gcp_kms: [{{resource_id: {GOOGLE_KEY}}}]}}]}}"], ids=["flat", "in a group"]
)
def test_each_opens_the_files_of_the_other(side: Side, cloud: Cloud, rule: str) -> None:
    assert side.with_rule(rule).check_both_ways()["resource_id"] == GOOGLE_KEY
    assert f"POST https://cloudkms.googleapis.com/v1/{GOOGLE_KEY}:decrypt" in cloud.requests


@pytest.mark.parametrize("form", ["JSON", "path"])
def test_a_service_account(side: Side, account: str, tmp_path: Path, form: str) -> None:
    path = tmp_path / "account.json"
    path.write_text(account)
    given = account if form == "JSON" else str(path)
    side.with_settings(GOOGLE_OAUTH_ACCESS_TOKEN="", GOOGLE_CREDENTIALS=given).with_rule(RULE).check_both_ways()


def test_the_account_that_is_seeded_opens_the_file(side: Side, account: str) -> None:
    content = side.with_rule(RULE).sealed_by_sops()
    assert side.opened_as_flux(content, ("sops.gcp-kms", account)) == PLAIN
    with pytest.raises(DataKeyError, match="GOOGLE_CREDENTIALS is no credential"):
        side.opened_as_flux(content, ("sops.gcp-kms", '{"type": "service_account", "private_key": "x"}'))


def test_another_endpoint(side: Side, cloud: Cloud) -> None:
    """A host of one's own, as a sovereign cloud has it."""
    content = side.with_rule(RULE).sealed_here()
    cloud.requests.clear()
    refusal = side.with_settings(SOPS_GCP_KMS_ENDPOINT="https://kms.googleapis.com").refusal(content)
    assert f"there is no key {GOOGLE_KEY}" in refusal.message
    assert cloud.requests == [f"POST https://kms.googleapis.com/v1/{GOOGLE_KEY}:decrypt"]


STATUSES: Mapping[int, tuple[str, bool]] = {
    401: ("the credentials are refused: set GOOGLE_CREDENTIALS to the JSON of a service account", False),
    403: ("grant roles/cloudkms.cryptoKeyEncrypterDecrypter", False),
    429: ("Google Cloud KMS is too busy, 3 attempts were turned away: try again later", True),
    500: ("Google Cloud KMS has a fault of its own (InternalServerError): try again later", True),
}


@pytest.mark.parametrize("status", STATUSES)
def test_a_refusal_says_what_to_do(side: Side, cloud: Cloud, status: int) -> None:
    said, is_undecided = STATUSES[status]
    content = side.with_rule(RULE).sealed_here()
    cloud.refusals["cloudkms.googleapis.com"] = status
    cloud.requests.clear()
    refusal = side.refusal(content)
    assert said in refusal.message
    assert refusal.is_undecided is is_undecided
    assert len(cloud.requests) == (3 if status == 429 else 1)
    assert TOKEN not in str(refusal)


@pytest.mark.parametrize("away", ["", "60"], ids=["plain", "in a minute"])
def test_who_is_turned_away_tries_again(side: Side, cloud: Cloud, away: str) -> None:
    """Twice too busy, then served; nobody waits for as long as a service says."""
    content = side.with_rule(RULE).sealed_here()
    cloud.requests.clear()
    cloud.busy["cloudkms.googleapis.com"], cloud.stay_away = 2, away
    before = time.monotonic()
    assert side.opened_here(content) == PLAIN
    assert time.monotonic() - before < 30
    assert cloud.requests == [f"POST https://cloudkms.googleapis.com/v1/{GOOGLE_KEY}:decrypt"] * 3


class Plain(GcpKmsService):
    """Speaks gRPC with a server of the test, without TLS: it takes its authorities for the whole process."""

    def connect(self, place: str) -> t.Any:
        import grpc
        from google.cloud.kms_v1.services.key_management_service import transports

        transport = transports.KeyManagementServiceGrpcTransport(channel=grpc.insecure_channel(place))
        return self._kms.KeyManagementServiceClient(transport=transport)


@pytest.mark.parametrize(("busy", "code"), [(2, "RESOURCE_EXHAUSTED"), (2, "UNAVAILABLE"), (9, "RESOURCE_EXHAUSTED")])
def test_who_is_turned_away_tries_again_over_grpc(side: Side, busy: int, code: str) -> None:
    import grpc
    from google.cloud import kms_v1

    asked: list[str] = []

    def decrypt(request: t.Any, context: t.Any) -> t.Any:
        asked.append(request.name)
        if len(asked) <= busy:
            context.abort(grpc.StatusCode[code], "busy")
        return kms_v1.DecryptResponse(plaintext=request.ciphertext)

    kinds = kms_v1.DecryptRequest, kms_v1.DecryptResponse
    method = grpc.unary_unary_rpc_method_handler(decrypt, kinds[0].deserialize, kinds[1].serialize)
    name = "google.cloud.kms.v1.KeyManagementService"
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(name, {"Decrypt": method})])
    place = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    service = Plain(side.with_settings(SOPS_GCP_KMS_ENDPOINT=place).surroundings())
    key = GcpKmsKey({"resource_id": GOOGLE_KEY, "enc": base64.b64encode(bytes(32)).decode()})
    try:
        if busy < 3:
            assert service.unwrap(key) == bytes(32)
        else:
            with pytest.raises(DataKeyError, match="Google Cloud KMS is too busy, 3 attempts were turned away"):
                service.unwrap(key)
    finally:
        server.stop(None)
    assert asked == [GOOGLE_KEY] * 3


def test_many_at_once(side: Side, cloud: Cloud) -> None:
    cloud.reset(together=IN_FLIGHT)
    side.check_many_at_once(GcpKmsKey({"resource_id": GOOGLE_KEY}))
    assert cloud.gate.most == IN_FLIGHT == 16


@pytest.mark.parametrize("page", [[1], "<html>log in here</html>", {}], ids=["list", "HTML", "nothing"])
def test_what_answers_may_not_be_google(side: Side, cloud: Cloud, page: t.Any) -> None:
    content = side.with_rule(RULE).sealed_here()
    cloud.pages["cloudkms.googleapis.com"] = page
    refusal = side.refusal(content)
    failed = "Google Cloud KMS could not be asked, its client library failed ("
    assert (failed if page else "Google Cloud KMS answered without a data key") in refusal.message
    assert refusal.is_undecided
    assert "log in" not in str(refusal)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("cryptoKeys/cluster", "cryptoKeys/other", "there is no key projects/seeds/"),
        ("resource_id: projects", "resource_id: project", "is no key: it is written projects/…/locations/…/keyRings/…"),
        ("cryptoKeys/cluster", "cryptoKeys/cluster/cryptoKeyVersions/1", "is no key: it is written projects/"),
        ("enc: ", "enc: AAAA #", "the wrapped data key is damaged, or not of this key"),
        ("enc: ", "enc: '*' #", "the wrapped data key is damaged: it is no base64"),
    ],
    ids=["another key", "no key", "a version", "damaged", "no base64"],
)
def test_an_entry_that_was_changed(side: Side, old: str, new: str, said: str) -> None:
    assert said in side.refusal(changed(side.with_rule(RULE).sealed_here(), old, new)).message


@pytest.mark.parametrize("given", ["{}", "{", '{"type": "service_account", "private_key": "x"}', "/nowhere"])
def test_credentials_that_are_none(side: Side, given: str) -> None:
    content = side.with_rule(RULE).sealed_here()
    refusal = side.with_settings(GOOGLE_CREDENTIALS=given).refusal(content)
    assert "GOOGLE_CREDENTIALS is no credential of Google Cloud: set GOOGLE_CREDENTIALS to the JSON" in refusal.message


@pytest.mark.parametrize("kind", ["rest", "grpc"])
def test_a_service_that_cannot_be_reached_decides_nothing(
    side: Side, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = side.with_rule(RULE).sealed_here()
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    refusal = side.with_settings(SOPS_GCP_KMS_CLIENT_TYPE=kind).refusal(content)
    assert "Google Cloud KMS cannot be reached (cloudkms.googleapis.com): " in refusal.message
    assert refusal.is_undecided
