# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Proof: the Secrets in a cluster against those in Git."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import VerificationError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.encrypted import key_ring
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.verify import prove
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import (
    OTHER_PUBLIC,
    PRIVATE,
    Repository,
    child,
    encrypted,
    secret,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import FakeApi, served

RING = key_ring([("age.agekey", PRIVATE)])
APPLIED = "apps_db__Secret"


def proven(repository: Repository, live: dict[str, dict[str, str]], *inventory: str):
    """The proof for a cluster with these Secrets (namespace/name), applied by the Kustomization `apps`."""
    fake = FakeApi()
    for place, values in live.items():
        namespace, name = place.split("/")
        data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
        fake.objects[f"/api/v1/namespaces/{namespace}/secrets/{name}"] = {"data": data}
    applied = {
        "metadata": {"namespace": "flux-system", "name": "apps"},
        "status": {"inventory": {"entries": [{"id": entry, "v": "v1"} for entry in inventory]}},
    }
    with served(fake) as connection:
        return prove(Api(connection), *repository.walked(), RING, [applied])


def lab(text: str | None = None, more: str | None = None, **files: str) -> Repository:
    kustomization = child("apps") if more is None else child("apps", more)
    content = text or encrypted(secret("db", "{user: admin, password: correct-horse}"))
    return Repository(**{"clusters/lab/apps.yaml": kustomization, "apps/db.yaml": content, **files})


VALUES = {"user": "admin", "password": "correct-horse"}


def test_equal_secrets_are_proven():
    proof = proven(lab(), {"apps/db": VALUES}, APPLIED)
    proof.insist()
    assert (proof.compared, proof.proven, proof.not_compared) == (1, 1, [])


def test_data_is_decoded_before_it_is_compared():
    text = encrypted(secret("db", "{user: YWRtaW4=}", part="data") + "stringData: {password: correct-horse}\n")
    assert proven(lab(text), {"apps/db": VALUES}, APPLIED).proven == 1


@pytest.mark.parametrize(
    ("live", "told"),
    [
        ({}, "Secret apps/db (apps/db.yaml): is not in the cluster"),
        ({"apps/db": {"user": "admin"}}, "lacks password"),
        ({"apps/db": {**VALUES, "password": "old-password"}}, "another value of password"),
        ({"apps/db": {**VALUES, "password": "ENC[AES256_GCM,x]"}}, "holds ciphertext instead of the value of password"),
    ],
)
def test_what_differs_is_told_by_key_and_never_by_value(live, told):
    proof = proven(lab(), live, APPLIED)
    with pytest.raises(VerificationError) as caught:
        proof.insist()
    assert told in str(caught.value)
    assert "correct-horse" not in str(caught.value) + repr(proof)
    assert "old-password" not in str(caught.value) + repr(proof)


def test_ciphertext_under_a_kustomization_without_decryption_is_explained():
    """Flux stores it without any error and reports Ready."""
    proof = proven(lab(more=""), {"apps/db": dict.fromkeys(VALUES, "ENC[AES256_GCM,x]")}, APPLIED)
    assert "Kustomization flux-system/apps has no decryption" in proof.differing[0]


def test_keys_that_only_the_cluster_has_are_told_but_are_no_failure():
    proof = proven(lab(), {"apps/db": {**VALUES, "extra": "x"}}, APPLIED)
    proof.insist()
    assert (proof.compared, proof.proven) == (1, 0)
    assert "extra" in proof.warnings[0]


def test_the_namespace_is_the_one_in_which_flux_has_put_it():
    proof = proven(lab(), {"elsewhere/db": VALUES}, "elsewhere_db__Secret")
    assert (proof.compared, proof.proven) == (1, 1)


@pytest.mark.parametrize(
    ("repository", "inventory", "reason"),
    [
        (lab(), [], "has applied no Secret of the name db"),
        (lab(), ["a_db__Secret", "b_db__Secret"], "has applied several Secrets of the name db"),
        (lab(), ["apps_prefix-db__Secret"], "has applied no Secret"),
        (
            lab(encrypted("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: b}\n")),
            [APPLIED],
            "is no Secret",
        ),
        (
            lab(encrypted(secret("db", "{a: '${VAR}'}")), "  postBuild: {}\n  decryption: {provider: sops}\n  x: {}\n"),
            [APPLIED],
            None,
        ),
        (
            lab(encrypted(secret("db", "{a: '${VAR}'}")), "  postBuild: {substitute: {VAR: x}}\n"),
            [APPLIED],
            "substitutes variables",
        ),
        (lab(encrypted(secret("db", "{a: b}"), OTHER_PUBLIC)), [APPLIED], "no identity opens the data key"),
        (
            lab(**{"apps/kustomization.yaml": "patches: [{path: db.yaml}]"}),
            [APPLIED],
            "is read by a generator or patch of flux-system/apps",
        ),
    ],
)
def test_what_cannot_be_compared_is_listed_with_the_reason(repository, inventory, reason):
    proof = proven(repository, {}, *inventory)
    if reason is None:
        assert proof.compared == 1
    else:
        assert (proof.compared, proof.proven) == (0, 0)
        assert reason in proof.not_compared[0]
