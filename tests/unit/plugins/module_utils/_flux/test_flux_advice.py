# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The next step after a failure: what the cluster and Git add to it."""

from __future__ import annotations

import base64

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import GitUnreachableError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.advice import Advisor, fingerprints, public_keys
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.api import Api
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import generate_identity
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    served,
    status,
)

APPS = Reference("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "apps", "apps")
PRIVATE, PUBLIC = generate_identity()
_OTHER, OTHER_PUBLIC = generate_identity()


def kustomization():
    return {"spec": {"decryption": {"provider": "sops", "secretRef": {"name": "sops-age"}}}}


def cluster(**data):
    """A cluster with one Secret in the namespace `apps`, and one elsewhere."""
    fake = FakeApi()
    encoded = {name.replace("__", "."): base64.b64encode(text.encode()).decode() for name, text in data.items()}
    for namespace, name in (("apps", "sops-age"), ("flux-system", "other")):
        metadata = {"namespace": namespace, "name": name}
        fake.objects[f"/api/v1/namespaces/{namespace}/secrets/{name}"] = {"metadata": metadata, "data": encoded}
    return fake


def advice(message, fake=None, found=None, **more):
    with served(fake or cluster()) as connection:
        return Advisor(Api(connection), **more)(APPS, found or kustomization(), message) or ""


def test_a_missing_secret_names_those_that_are_there():
    told = advice('secrets "other" not found')
    assert told.endswith("namespace apps has sops-age; there is one of this name in flux-system")


def test_a_wrong_key_names_both_public_keys():
    message = f"cannot get sops data key: Group 0: FAILED {OTHER_PUBLIC}: FAILED"
    told = advice(message, cluster(age__agekey=PRIVATE))
    assert told.endswith(f"the file is for {OTHER_PUBLIC}, the key in Secret apps/sops-age is {PUBLIC}")
    assert PRIVATE not in told


@pytest.mark.parametrize(
    ("text", "shape"),
    [
        (PUBLIC, "is a public key"),
        ("", "is empty"),
        ("# only a comment\n", "is empty"),
        ("$ANSIBLE_VAULT;1.1;AES256\n6162", "is a text encrypted by Ansible Vault"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----", "is a PEM or PGP block"),
        (PRIVATE[:-4], "begins as an age key, but is cut off or mistyped"),
        ("hunter2-hunter2", "has a line that does not start with AGE-SECRET-KEY-"),
    ],
    ids=["public", "empty", "comment", "vault", "pgp", "cut", "other"],
)
def test_a_malformed_key_is_described_and_not_shown(text, shape):
    told = advice("failed to import 'age.agekey' data", cluster(age__agekey=text))
    assert told.endswith(f"age.agekey: {shape}")
    assert "hunter2" not in told
    assert PRIVATE[:-4] not in told


def test_only_the_key_that_was_named_is_described():
    """The others are none the worse for it."""
    told = advice("failed to import 'age.agekey' data", cluster(age__agekey="", next__agekey=PRIVATE))
    assert told.endswith("starts with AGE-SECRET-KEY-; age.agekey: is empty")
    told = advice(
        "failed to import 'sops.asc' data from sops decryption Secret", cluster(age__agekey=PRIVATE, sops__asc="x")
    )
    assert told.endswith("it has to be an armored private key without a passphrase")


def test_an_entry_that_flux_ignores_is_named():
    assert advice("did not find keys in locations", cluster(age__key=PRIVATE)).endswith(
        "Secret apps/sops-age has age.key"
    )


def test_the_credential_of_a_source_is_named_by_its_entries():
    found = {"spec": {"secretRef": {"name": "sops-age"}}}
    told = advice("authentication required", cluster(username="git", password="a-token"), found)
    assert told.endswith("Secret apps/sops-age has password, username")
    assert "a-token" not in told


def test_branches_and_folders_come_from_git():
    assert advice("couldn't find remote ref", branches=lambda: ["main", "next"]).endswith("its branches: main, next")
    assert advice("kustomization path not found", folders=lambda: ["apps"]).endswith("its folders: apps")


def test_long_lists_are_cut():
    assert advice("couldn't find remote ref", branches=lambda: [f"b{n}" for n in range(30)]).endswith("and 20 more")


def test_what_cannot_be_found_out_is_left_out():
    def unreachable():
        raise GitUnreachableError("no answer")

    assert advice("couldn't find remote ref", branches=unreachable) == (
        "the branch is not in the remote: compare spec.ref.branch in gotk-sync.yaml with its branches"
    )
    refused = FakeApi()
    refused.script = lambda *_request: (403, status("Forbidden", "no", 403))
    assert advice('secrets "x" not found', refused).startswith("that Secret is missing")


def test_a_new_message_has_no_advice():
    assert advice("something new") == ""


def test_fingerprints_are_those_of_ssh_keygen():
    line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    print_ = "ssh-ed25519 SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"
    assert fingerprints(f"# c\n\ngithub.com {line}\n@revoked example.com {line} note\nbroken x !\n") == [
        f"github.com {print_}",
        f"example.com {print_}",
    ]


def test_a_text_that_is_no_key_has_no_public_key():
    assert public_keys("AGE-SECRET-KEY-1NONSENSE") == []
