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
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    served,
    status,
)

RING = key_ring([("age.agekey", PRIVATE)])
APPLIED = "apps_db__Secret"


def proven(repository: Repository, live: dict[str, dict[str, str]], *inventory: str, forbidden: str = "nothing"):
    """The proof for a cluster with these Secrets (namespace/name), applied by the Kustomization `apps`."""
    fake = FakeApi()
    fake.script = lambda _method, path, _query: (403, status("Forbidden", "no", 403)) if forbidden in path else None
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


ANNOTATED = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n  namespace: apps\n"
ANNOTATED += "  annotations: {kustomize.toolkit.fluxcd.io/%s}\nstringData: {a: '${VAR}'}\n"


@pytest.mark.parametrize("mark", ["ssa: IfNotPresent", "ssa: Ignore", "reconcile: disabled", "decrypt: disabled"])
def test_a_secret_that_flux_is_told_to_leave_is_not_compared(mark):
    proof = proven(lab(encrypted(ANNOTATED % mark)), {"apps/db": {"a": "anything"}}, APPLIED)
    assert (proof.compared, proof.proven) == (0, 0)
    assert "its annotation keeps Flux from" in proof.not_compared[0]


def test_variables_stay_where_the_secret_says_so():
    proof = proven(
        lab(encrypted(ANNOTATED % "substitute: disabled"), "  postBuild: {substitute: {VAR: x}}\n"),
        {"apps/db": {"a": "${VAR}"}},
        APPLIED,
    )
    assert (proof.compared, proof.proven) == (1, 1)


@pytest.mark.parametrize("value", ["ENC[AES256_GCM,data:x]", "SOPS"])
def test_ciphertext_is_found_in_secrets_that_belong_to_no_file_too(value):
    """Under a generated name, as a value of its own or as a whole file that a generator took in."""
    stored = encrypted("a: b\n") if value == "SOPS" else value
    proof = proven(lab(), {"apps/db": VALUES, "apps/made-h7k": {"file": stored}}, APPLIED, "apps_made-h7k__Secret")
    assert (proof.compared, proof.proven) == (1, 1)
    assert "Secret apps/made-h7k of flux-system/apps: holds ciphertext in file" in proof.differing[0]
    with pytest.raises(VerificationError, match="1 secret in the cluster, of 1 compared"):
        proof.insist()


def test_the_name_under_which_it_may_have_arrived_is_told():
    proof = proven(lab(), {"apps/x-db": VALUES}, "apps_x-db__Secret")
    assert proof.compared == 0
    assert "perhaps it is apps/x-db" in proof.not_compared[0]


def test_two_files_with_a_secret_of_one_name_are_not_paired():
    """A prefix gives one of them another name; which of the two is left is not guessed."""
    other = encrypted(secret("db", "{user: other}"))
    proof = proven(lab(**{"apps/other.yaml": other}), {"apps/db": VALUES}, APPLIED)
    assert proof.compared == 0
    assert len(proof.not_compared) == 2
    assert "other files of flux-system/apps hold a Secret of the same name" in proof.not_compared[0]


def test_a_patch_may_be_the_reason_for_another_value_but_never_for_ciphertext():
    patched = lab(more="  decryption: {provider: sops}\n  patches: [{patch: x}]\n")
    proof = proven(patched, {"apps/db": {**VALUES, "user": "patched"}}, APPLIED)
    proof.insist()
    assert "another value of user; flux-system/apps has patches" in proof.not_compared[0]
    proof = proven(patched, {"apps/db": {**VALUES, "user": "ENC[AES256_GCM,x]"}}, APPLIED)
    assert "holds ciphertext" in proof.differing[0]


def test_what_a_restricted_account_may_not_read_is_never_proven():
    proof = proven(lab(), {"apps/db": VALUES}, APPLIED, "apps_more__Secret", forbidden="/secrets/")
    proof.insist()
    assert (proof.compared, proof.proven) == (0, 0)
    assert proof.not_compared == ["apps/db.yaml: Secret apps/db may not be read by this user"]
