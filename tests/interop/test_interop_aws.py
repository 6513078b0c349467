# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""AWS KMS: files of sops open here and the other way round, on one server (moto)."""

from __future__ import annotations

import base64
import json
import typing as t
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from aws_server import SECRET, Server, serving
from key_services import PLAIN, STORE, Held, Side, changed, entry

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DataKeyError, EncryptionError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.encrypted import key_ring
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.preflight.base import FAIL, OK, UNKNOWN, Check
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.preflight.sops_files import sops_files
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.aws_kms import AwsKmsKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.aws_kms_service import AwsKmsService
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.services import IN_FLIGHT
from ansible_collections.fluxseed.gitops.tests.integration import services
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import (
    Repository,
    child,
    secret,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("clients")]

REGION, ACCOUNT = "eu-west-1", "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/flux"


@dataclass
class Aws:
    """A server of AWS with keys, and how it is reached."""

    url: str
    client: t.Any
    arn: str

    @property
    def environment(self) -> dict[str, str]:
        given = {"AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true"}
        return {"AWS_ENDPOINT_URL": self.url, **given}


@pytest.fixture(scope="module")
def aws(clients: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aws]:
    import boto3

    with services.moto(tmp_path_factory.mktemp("moto")) as url:
        client = boto3.client(
            "kms", region_name=REGION, endpoint_url=url, aws_access_key_id="an-id", aws_secret_access_key=SECRET
        )
        arn = client.create_key()["KeyMetadata"]["Arn"]
        client.create_alias(AliasName="alias/cluster", TargetKeyId=arn)
        yield Aws(url, client, arn)


@pytest.fixture
def side(aws: Aws, tmp_path: Path) -> Side:
    return Side(tmp_path, aws.environment)


RULES: Mapping[str, str] = {
    "flat": "{kms: ARN}",
    "flat with role": f"{{kms: ARN+{ROLE}}}",
    "in a group": "{key_groups: [{kms: [{arn: ARN}]}]}",
    "context": "{key_groups: [{kms: [{arn: ARN, context: {Purpose: seeds, Environment: 'eu:home'}}]}]}",
    "role and context": f"{{key_groups: [{{kms: [{{arn: ARN, role: '{ROLE}', context: {{a: b}}}}]}}]}}",
    "numbers in a context": "{key_groups: [{kms: [{arn: ARN, context: {number: '5', flag: 'yes'}}]}]}",
    "alias": f"{{kms: 'arn:aws:kms:{REGION}:{ACCOUNT}:alias/cluster'}}",
}


@pytest.mark.parametrize("name", RULES)
def test_each_opens_the_files_of_the_other(side: Side, aws: Aws, name: str) -> None:
    """With an encryption context, a role and by an alias; the same fields are written in the same order."""
    side.with_rule(RULES[name].replace("ARN", aws.arn)).check_both_ways()


def test_a_profile_of_the_key_is_used(side: Side, aws: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = tmp_path / "credentials"
    credentials.write_text(f"[home]\naws_access_key_id = an-id\naws_secret_access_key = {SECRET}\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    file = str(credentials)
    alone = side.with_settings(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_SHARED_CREDENTIALS_FILE=file)
    found = alone.with_rule(f"{{kms: '{aws.arn}', aws_profile: home}}").check_both_ways()
    assert found["aws_profile"] == "home"
    wrong = alone.refusal(
        changed(alone.with_rule(f"{{kms: '{aws.arn}', aws_profile: home}}").sealed_here(), "home", "away")
    )
    assert "there is no AWS profile away: make it, or take it out of the rule" in wrong.message


def test_the_context_is_part_of_the_key(side: Side, aws: Aws) -> None:
    """Neither of us opens a file whose context was changed by hand."""
    ruled = side.with_rule(f"{{key_groups: [{{kms: [{{arn: '{aws.arn}', context: {{purpose: seeds}}}}]}}]}}")
    content = changed(ruled.sealed_here(), "purpose: seeds", "purpose: other")
    assert "another encryption context" in ruled.refusal(content).message
    assert ruled.sops("decrypt", "--input-type", "yaml", "/dev/stdin", data=content).returncode == 128


# --- what is wrong, and what is said --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "arn:aws:kms:",
            "arn:aws:s3:",
            "is no ARN of a key: it is written arn:aws:kms:REGION:ACCOUNT:key/ID, or alias/NAME",
        ),
        ("key/", "key/00000000-", "there is no such key in this account and region"),
        ("enc: ", "enc: '*' #", "the wrapped data key is damaged: it is no base64"),
        (
            "enc: ",
            "enc: AAAA #",
            "the wrapped data key is not of this key, or was wrapped with another encryption context",
        ),
    ],
    ids=["form of the ARN", "another key", "no base64", "damaged"],
)
def test_a_key_that_is_not_there(side: Side, aws: Aws, old: str, new: str, said: str) -> None:
    content = side.with_rule(f"{{kms: '{aws.arn}'}}").sealed_here()
    refusal = side.refusal(changed(content, old, new))
    assert said in refusal.message
    assert not refusal.is_undecided


@pytest.mark.parametrize("settings", [{"AWS_ACCESS_KEY_ID": ""}, {"AWS_SECRET_ACCESS_KEY": ""}], ids=["id", "secret"])
def test_without_credentials_nothing_is_decided(
    side: Side, aws: Aws, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = side.with_rule(f"{{kms: '{aws.arn}'}}").sealed_here()
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    refusal = side.with_settings(**settings).refusal(content)
    assert refusal.is_undecided
    assert "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile" in refusal.message


def test_a_new_file_for_a_key_that_cannot_be_used(side: Side, aws: Aws) -> None:
    with pytest.raises(EncryptionError, match="no such key in this account") as caught:
        side.with_rule(f"{{kms: '{aws.arn}00'}}").sealed_here()
    assert caught.value.where == f"{aws.arn}00"


# --- a server of the test, for what moto does not do ----------------------------------------------------


REFUSALS: Mapping[str, tuple[int, str, str, bool]] = {
    "access denied": (400, "AccessDeniedException", "allow kms:Encrypt and kms:Decrypt on the key", False),
    "throttled for good": (400, "ThrottlingException", "AWS KMS is too busy, 3 attempts were turned away", True),
    "unknown credentials": (400, "UnrecognizedClientException", "the credentials are not known there", False),
    "a disabled key": (400, "DisabledException", "the key is disabled: enable it", False),
    "a key that goes": (400, "KMSInvalidStateException", "is it waiting for its deletion?", False),
    "an old session": (400, "ExpiredTokenException", "the session token has expired: log in again", False),
    "a fault": (500, "KMSInternalException", "AWS KMS has a fault of its own (KMSInternalException)", True),
    "anything else": (400, "NewException", "AWS KMS refused it (NewException)", False),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_refusal_says_what_to_do(side: Side, aws: Aws, name: str) -> None:
    status, code, said, is_undecided = REFUSALS[name]
    content = side.with_rule(f"{{kms: '{aws.arn}'}}").sealed_here()
    server = Server((status, code))
    with serving(server) as url:
        refusal = side.with_settings(AWS_ENDPOINT_URL=url).refusal(content)
    assert said in refusal.message
    assert refusal.is_undecided is is_undecided
    assert len(server.asked) == (3 if is_undecided else 1)
    assert SECRET not in str(refusal)


def test_a_role_that_may_not_be_taken_on(side: Side, aws: Aws) -> None:
    content = side.with_rule(f"{{kms: '{aws.arn}+{ROLE}'}}").sealed_here()
    server = Server((403, "AccessDenied"))
    with serving(server) as url:
        refusal = side.with_settings(AWS_ENDPOINT_URL_STS=url).refusal(content)
    assert f"the role {ROLE}: may not be taken on: see its trust policy, and allow sts:AssumeRole" in refusal.message
    assert "RoleSessionName=sops%40" in server.asked[0]


@pytest.mark.parametrize("code", ["ThrottlingException", "RequestLimitExceeded"])
def test_who_is_turned_away_tries_again(side: Side, aws: Aws, code: str) -> None:
    """Twice too busy, then served: three attempts, and nobody is told."""
    server = Server((400, code), refusals=2)
    with serving(server) as url:
        ring = gather(side.with_settings(AWS_ENDPOINT_URL=url).surroundings())
        assert ring.data_key(Held(((_key(aws.arn, bytes(32)),),))) == bytes(32)
    assert server.asked == ["TrentService.Decrypt"] * 3


def test_the_session_of_a_role_is_renewed_before_it_ends(side: Side, aws: Aws) -> None:
    """A run may last longer than the hour for which a role is taken on."""
    files = [Held(((_key(f"{aws.arn}+{ROLE}", bytes([number]) * 32),),)) for number in range(3)]
    server = Server(lives=[60, 3600])
    with serving(server) as url:
        ring = gather(side.with_settings(AWS_ENDPOINT_URL=url).surroundings())
        assert [ring.data_key(file)[0] for file in files] == [0, 1, 2]
    assert server.signed_by == ["session-2"] * 3
    assert len(server.asked) == 2 + 3


def test_a_role_that_is_taken_away_in_the_meantime(side: Side, aws: Aws) -> None:
    server = Server(lives=[60])
    with serving(server) as url:
        ring = gather(side.with_settings(AWS_ENDPOINT_URL=url).surroundings())
        with pytest.raises(DataKeyError) as caught:
            ring.data_key(Held(((_key(f"{aws.arn}+{ROLE}", bytes(32)),),)))
    assert f"the role {ROLE}: may not be taken on" in caught.value.message
    assert server.signed_by == []


NOT_AWS: Mapping[str, tuple[str, bool]] = {
    "a page for KMS": ("<html>log in here</html>", False),
    "a page for STS": ("<html>log in here", True),
    "no data key": ("{}", False),
    "no base64": ('{"Plaintext": "abc"}', False),
    "no credentials": ("<AssumeRoleResponse/>", True),
}


@pytest.mark.parametrize("name", NOT_AWS)
def test_what_answers_may_not_be_aws(side: Side, aws: Aws, name: str) -> None:
    """A proxy, mostly; it says nothing about the key, and what it says is not passed on."""
    text, has_role = NOT_AWS[name]
    key = _key(f"{aws.arn}+{ROLE}" if has_role else aws.arn, bytes(32))
    with serving(Server(text=text)) as url, pytest.raises(DataKeyError) as caught:
        gather(side.with_settings(AWS_ENDPOINT_URL=url).surroundings()).data_key(Held(((key,),)))
    assert (
        f"what answers for AWS in {REGION} is not AWS: look at AWS_ENDPOINT_URL and the proxy" in caught.value.message
    )
    assert caught.value.is_undecided
    assert "log in here" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "region", "said"),
    [
        ({"AWS_ENDPOINT_URL": "localhost:5000"}, REGION, "is no URL: write AWS_ENDPOINT_URL with https:// before"),
        ({}, "no region", "the AWS settings here cannot be used (InvalidRegionError)"),
    ],
    ids=["endpoint without a scheme", "region"],
)
def test_a_place_that_cannot_be(side: Side, aws: Aws, settings: dict[str, str], region: str, said: str) -> None:
    ring = gather(side.with_settings(**settings).surroundings())
    with pytest.raises(DataKeyError) as caught:
        ring.data_key(Held(((_key(aws.arn.replace(REGION, region), bytes(32)),),)))
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("name", "details", "said"),
    [
        ("UnauthorizedSSOTokenError", {}, "the login to AWS cannot be used or has run out: aws sso login"),
        ("SSOTokenLoadError", {"error_msg": SECRET}, "the login to AWS cannot be used or has run out: aws sso login"),
        ("ConfigParseError", {"path": "p", "error": SECRET}, "cannot be used (ConfigParseError)"),
        ("CredentialRetrievalError", {"provider": "p", "error_msg": SECRET}, "cannot be used (CredentialRetrievalE"),
    ],
    ids=lambda value: value if isinstance(value, str) and value.endswith("Error") else "",
)
def test_settings_that_cannot_be_used(side: Side, aws: Aws, name: str, details: dict[str, str], said: str) -> None:
    import botocore.exceptions

    key = _key(aws.arn, bytes(32))
    told = AwsKmsService(side.surroundings()).told(getattr(botocore.exceptions, name)(**details), key)
    assert said in told.message
    assert SECRET not in str(told)


def test_a_place_that_does_not_answer_is_asked_no_more(side: Side, aws: Aws) -> None:
    """A thousand files would otherwise wait for the same silence a thousand times."""
    content = side.with_rule(f"{{kms: '{aws.arn}'}}").sealed_here()
    offline = side.with_settings(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    refusal = offline.refusal(content)
    assert refusal.is_undecided
    assert f"AWS KMS cannot be reached ({REGION}): connection refused" in refusal.message
    ring = gather(offline.surroundings())
    kms = ring.services._service(AwsKmsKey.parse(entry(content), where="kms"))
    for number in range(3):
        with pytest.raises(Exception, match="cannot be reached"):
            kms.unwrap(AwsKmsKey.parse({**entry(content), "enc": f"AAA{number}"}, where="kms"))
    assert len(kms._clients) == 1  # type: ignore[attr-defined]


def test_many_data_keys_are_asked_for_at_once_and_each_of_them_once(side: Side, aws: Aws) -> None:
    """300 files of 60 data keys: 60 requests, 16 of them in flight and never more."""
    keys = [bytes([number]) * 32 for number in range(60)]
    files = [Held(((_key(aws.arn, keys[number % 60]),),)) for number in range(300)]
    server = Server(together=IN_FLIGHT)
    with serving(server) as url:
        ring = gather(side.with_settings(AWS_ENDPOINT_URL=url).surroundings())
        ring.prefetch(files)
        assert [ring.data_key(file) for file in files[:60]] == keys
    assert len(server.asked) == 60
    assert server.gate.most == IN_FLIGHT == 16


def _key(arn: str, data_key: bytes) -> AwsKmsKey:
    blob = base64.b64encode(b"blob" + data_key).decode()
    arn, _plus, role = arn.partition("+")
    return AwsKmsKey.parse({"arn": arn, "role": role, "enc": blob, "created_at": "2026-01-01T00:00:00Z"}, where="kms")


def test_one_key_of_the_group_is_enough(side: Side, aws: Aws) -> None:
    """A key of another account stands first; the file opens with the second, and what the first holds stays as it is."""
    other = "arn:aws:kms:us-east-1:999999999999:key/11111111-2222-3333-4444-555555555555"
    ruled = side.with_rule(f"{{kms: '{aws.arn}'}}")
    mine = entry(ruled.sealed_by_sops())
    assert mine["arn"] == aws.arn
    files = Held((tuple(AwsKmsKey.parse({**mine, "arn": arn}, where="kms") for arn in (other, aws.arn)),))
    assert len(gather(side.surroundings()).data_key(files)) == 32
    assert ruled.opened_here(ruled.sealed_by_sops()) == PLAIN


def test_groups_of_several_services_and_people(
    side: Side, aws: Aws, keys: Keys, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Two of three groups are enough; what belongs to others in a group is never touched."""
    token = "a-root-token"
    with services.openbao(tmp_path_factory.mktemp("openbao"), token) as url:
        mine = side.with_settings(VAULT_TOKEN=token)
        for path in ("sys/mounts/transit", "transit/keys/cluster"):
            body = json.dumps({"type": "transit"} if path.startswith("sys") else {}).encode()
            request = urllib.request.Request(f"{url}/v1/{path}", body, {"X-Vault-Token": token})  # noqa: S310
            urllib.request.urlopen(request, timeout=10).close()  # noqa: S310 - of a test
        groups = [
            f"{{kms: [{{arn: '{aws.arn}'}}], age: [{keys.public}]}}",
            f"{{hc_vault: ['{url}/v1/transit/keys/cluster']}}",
            f"{{age: [{keys.public}]}}",
        ]
        ruled = mine.with_rule(f"{{shamir_threshold: 2, key_groups: [{', '.join(groups)}]}}")
        for content in (ruled.sealed_by_sops(), ruled.sealed_here()):
            assert ruled.opened_here(content) == ruled.opened_by_sops(content) == PLAIN
            changed_once = document.edit(content, b"a: 2\n", gather(ruled.surroundings()), store=STORE).content
            parts = [STORE.metadata(STORE.load(found))["key_groups"] for found in (content, changed_once)]
            assert parts[0] == parts[1]
            refusal = ruled.with_settings(VAULT_TOKEN="").refusal(content)
            assert "2 key groups are needed, 1 opened" in refusal.message


# --- preflight of a seed ----------------------------------------------------------------------------------


def repository(side: Side, aws: Aws, rule: str) -> Repository:
    files = {"clusters/lab/apps.yaml": child("apps")}
    ruled = side.with_rule(f"{{encrypted_regex: ^stringData$, {rule}}}")
    for name in ("one", "two"):
        files[f"apps/{name}.yaml"] = ruled.sealed_here(secret(name, "{password: hunter22}").encode()).decode()
    return Repository(**files)


def looked_at(repository: Repository, entries: list[tuple[str, str]], environment: Mapping[str, str]) -> Check:
    _tree, encrypted = repository.walked()
    return sops_files(encrypted, key_ring(entries, environment))


def entry_of(access_key: str = "an-id") -> tuple[str, str]:
    return "sops.aws-kms", f"aws_access_key_id: {access_key}\naws_secret_access_key: {SECRET}\n"


def test_preflight_opens_files_with_the_credential_that_is_seeded(side: Side, aws: Aws) -> None:
    """Without it nothing is known, whatever the credentials of the person who seeds."""
    files = repository(side, aws, f"kms: '{aws.arn}'")
    check = looked_at(files, [entry_of()], aws.environment)
    assert (check.result, check.evidence) == (OK, "the key opens all 2 encrypted files, MAC included")
    for entries in ([], [("sops.vault-token", "x")]):
        check = looked_at(files, entries, aws.environment)
        assert check.result == UNKNOWN
        assert "2 of 2 files could not be tried: apps/one.yaml, apps/two.yaml" in check.evidence
        assert "keys were given, and none of this kind is among them" in check.evidence


def test_preflight_fails_when_the_credential_is_refused(side: Side, aws: Aws) -> None:
    files = repository(side, aws, f"kms: '{aws.arn}'")
    with serving(Server((400, "AccessDeniedException"))) as url:
        check = looked_at(files, [entry_of()], {"AWS_ENDPOINT_URL": url})
    assert check.result == FAIL
    assert "allow kms:Encrypt and kms:Decrypt on the key" in check.evidence
    assert SECRET not in check.evidence


def test_preflight_knows_nothing_when_the_service_is_out_of_reach(side: Side, aws: Aws) -> None:
    files = repository(side, aws, f"kms: '{aws.arn}'")
    check = looked_at(files, [entry_of()], {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert check.result == UNKNOWN
    assert f"AWS KMS cannot be reached ({REGION}): connection refused" in check.evidence


def test_preflight_finds_a_profile_that_flux_does_not_have(side: Side, aws: Aws) -> None:
    """The controller has no profiles, so the file could not be decrypted in the cluster."""
    files = repository(side, aws, f"kms: '{aws.arn}'")
    path = "apps/one.yaml"
    files[path] = files[path].replace('aws_profile: ""', "aws_profile: home")
    check = looked_at(files, [entry_of()], aws.environment)
    assert check.result == FAIL
    assert "it names the AWS profile home, and only the given credentials may be used" in check.evidence
