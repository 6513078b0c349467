# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries of the decryption Secret: names that Flux knows, contents that it can use, and no value in a message."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import InvalidInputError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.decryption_entries import check_entry
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import (
    OTHER_PRIVATE,
    PRIVATE,
    PUBLIC,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import (
    ELSEWHERE,
    LOCKED,
    UNLOCKED,
)

ACCOUNT = {"type": "service_account", "private_key": "secretvalue", "client_email": "a@example.com"}


def told(value):
    """Return what a case is called: the keys are new ones each time, and so no names."""
    return "key" if PRIVATE[:40] in value or PUBLIC in value or "\n" in value else None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("age.agekey", PRIVATE),
        ("any.agekey", f"# created: yesterday\n{PRIVATE}\n\n{OTHER_PRIVATE}\n"),
        ("flux.asc", UNLOCKED),
        ("flux.asc", UNLOCKED + UNLOCKED.replace("\n", "\r\n")),
        ("sops.vault-token", "hvs.secretvalue\n"),
        ("sops.aws-kms", "aws_access_key_id: a\naws_secret_access_key: secretvalue\naws_session_token: c\n"),
        ("sops.azure-kv", "tenantId: a\nclientId: b\nclientSecret: secretvalue\n"),
        ("sops.azure-kv", json.dumps({"tenantId": "a", "clientId": "b", "clientCertificate": "secretvalue"})),
        ("sops.azure-kv", "clientId: b\n"),
        ("sops.azure-kv", "tenant: a\nappId: b\npassword: secretvalue\n"),
        ("sops.gcp-kms", json.dumps(ACCOUNT)),
        ("sops.gcp-kms", json.dumps({"type": "external_account", "audience": "x"})),
    ],
    ids=told,
)
def test_what_flux_can_use(name, content):
    check_entry(name, content)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("age.key", PRIVATE, "age.key does not end in .agekey or .asc, and is none of sops.vault-token"),
        ("keys.txt", PRIVATE, "does not end in"),
        ("sops-age", PRIVATE, "does not end in"),
        ("sops.hc-vault", "x", "does not end in"),
        ("a b.agekey", PRIVATE, "no name of an entry"),
        ("age.agekey", " \n", "is empty"),
        ("age.agekey", PUBLIC, "is a public key"),
        ("age.agekey", "secretvalue", "holds no age key"),
        ("age.agekey", "# only a comment", "holds no age key"),
        ("age.agekey", PRIVATE[:-3], "malformed"),
        ("age.agekey", f"{PRIVATE}\nsecretvalue", "malformed"),
        ("age.agekey", "$ANSIBLE_VAULT;1.1;AES256\n6162", "still encrypted by Ansible Vault"),
        ("age.agekey", "-----BEGIN OPENSSH PRIVATE KEY-----\nsecretvalue", "takes no SSH key"),
        ("flux.asc", "secretvalue", "no armored OpenPGP key"),
        ("flux.asc", UNLOCKED.replace("PRIVATE", "PUBLIC"), "is a PGP PUBLIC KEY BLOCK"),
        ("flux.asc", UNLOCKED[:-20], "is cut off"),
        ("flux.asc", LOCKED, "protected by a passphrase, and nobody can be asked"),
        ("flux.asc", UNLOCKED + LOCKED, "protected by a passphrase, and nobody can be asked"),
        ("flux.asc", ELSEWHERE, "exported without its secret"),
        ("flux.asc", PRIVATE, "no armored OpenPGP key"),
        ("age.agekey", UNLOCKED, "no age key|malformed"),
        ("sops.vault-token", "secretvalue two", "is no token"),
        ("sops.aws-kms", "aws_access_key_id: secretvalue\n", "lacks aws_secret_access_key"),
        ("sops.aws-kms", "secretvalue", "no mapping"),
        ("sops.aws-kms", "a: [secretvalue", "no mapping"),
        ("sops.azure-kv", "tenantId: secretvalue\nclientId: b\n", "no credential of Azure"),
        (
            "sops.gcp-kms",
            json.dumps({"type": "service_account", "client_email": "secretvalue"}),
            "no credential of Google",
        ),
        ("sops.gcp-kms", json.dumps({"private_key": "secretvalue"}), "no credential of Google"),
    ],
    ids=told,
)
def test_what_flux_could_not_use_is_named_without_its_value(name, content, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        check_entry(name, content)
    shown = repr(caught.value) + str(caught.value)
    assert "secretvalue" not in shown
    assert PRIVATE[:-3] not in shown
    assert UNLOCKED.splitlines()[2] not in shown
