# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of key services in the decryption Secret, as settings of their clients."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.encrypted import key_ring
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.service_credentials import services_of

AWS = "aws_access_key_id: id\naws_secret_access_key: secret\n"
PEM = "-----BEGIN CERTIFICATE-----\n"
APPLICATION = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c"}


@pytest.mark.parametrize(
    ("name", "content", "settings"),
    [
        ("sops.vault-token", "hvs.token\n", {"VAULT_TOKEN": "hvs.token"}),
        ("sops.aws-kms", AWS, {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}),
        (
            "sops.aws-kms",
            AWS + "aws_session_token: token\nregion: eu\n",
            {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"},
        ),
        ("sops.gcp-kms", '{"type": "service_account"}', {"GOOGLE_CREDENTIALS": '{"type": "service_account"}'}),
        (
            "sops.azure-kv",
            "tenantId: t\nclientId: c\nclientSecret: s\n",
            {**APPLICATION, "AZURE_CLIENT_SECRET": "s"},
        ),
        (
            "sops.azure-kv",
            json.dumps({"tenant": "t", "appId": "c", "password": "s"}),
            {**APPLICATION, "AZURE_CLIENT_SECRET": "s"},
        ),
        (
            "sops.azure-kv",
            json.dumps({"tenantId": "t", "clientId": "c", "clientCertificate": PEM, "clientCertificatePassword": "p"}),
            {
                **APPLICATION,
                "AZURE_CLIENT_CERTIFICATE_PATH": "sops.azure-kv",
                "AZURE_CLIENT_CERTIFICATE_PASSWORD": "p",
            },
        ),
    ],
    ids=["vault", "aws", "aws session", "gcp", "azure secret", "az cli", "azure certificate"],
)
def test_each_entry_becomes_what_the_client_reads(name: str, content: str, settings: dict[str, str]) -> None:
    found = services_of([(name, content)], {})
    assert found.environment == settings
    assert len(found.kinds) == 1
    assert dict(found.files) == ({"sops.azure-kv": PEM} if "AZURE_CLIENT_CERTIFICATE_PATH" in settings else {})


@pytest.mark.parametrize(
    ("name", "content"),
    [("sops.azure-kv", "clientId: c\n"), ("a.agekey", "AGE-SECRET-KEY-1"), ("a.asc", "-----BEGIN"), ("other", "x")],
    ids=["identity of the machine", "age", "OpenPGP", "other"],
)
def test_what_is_no_credential_opens_no_kind(name: str, content: str) -> None:
    assert services_of([(name, content)], {}) == ({}, frozenset(), {})


def test_only_the_way_to_a_service_is_taken_from_the_environment() -> None:
    """Preflight proves what is seeded, so credentials of whoever runs it play no part."""
    environment = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "mine",
        "AWS_PROFILE": "mine",
        "VAULT_TOKEN": "mine",
        "VAULT_CACERT": "/ca",
        "GOOGLE_CREDENTIALS": "mine",
    }
    found = services_of([("sops.aws-kms", AWS)], environment)
    assert found.environment == {
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "VAULT_CACERT": "/ca",
    }


def test_a_ring_tries_the_kinds_that_there_is_a_credential_for() -> None:
    services = key_ring([("sops.aws-kms", AWS), ("sops.vault-token", "t")]).services
    assert services.given == {"kms", "hc_vault"}
    assert not services.can_try("gcp_kms")
