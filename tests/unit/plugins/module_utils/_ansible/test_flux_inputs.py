# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inputs of flux_seed: what options mean together, and what is refused before anything is asked."""

from __future__ import annotations

import pytest
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.flux_inputs import INPUT_SPEC, inputs
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import InvalidInputError
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import PRIVATE, URL
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import UNLOCKED

SSH = "ssh://git@git.example.com/me/lab.git"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0dmFsdWU=\n-----END OPENSSH PRIVATE KEY-----\n"
OCI, BUCKET = "oci://registry.example.com/me/lab", "s3.example.com/lab"
DIGEST = "a" * 64


def read(source: dict[str, object], **more: object) -> dict[str, object]:
    validated = ArgumentSpecValidator(INPUT_SPEC).validate({"source": {"path": "clusters/lab", **source}, **more})
    assert validated.error_messages == []
    return inputs(validated.validated_parameters)


@pytest.mark.parametrize(
    ("source", "ref"),
    [
        ({"url": URL}, ("main", "", "")),
        ({"url": URL, "branch": "other"}, ("other", "", "")),
        ({"url": URL, "tag": "v1"}, ("", "v1", "")),
        ({"url": URL, "commit": "a" * 40}, ("", "", "a" * 40)),
        ({"url": URL, "commit": "a" * 40, "branch": "other"}, ("other", "", "a" * 40)),
        ({"url": OCI, "kind": "oci", "tag": "v1", "checkout": "/x"}, ("", "v1", "")),
        ({"url": BUCKET, "kind": "bucket", "checkout": "/x"}, ("", "", "")),
    ],
)
def test_what_is_followed(source, ref):
    found = read(source)
    assert (found["branch"], found["tag"], found["commit"]) == ref


def test_credentials_of_all_kinds():
    assert read({"url": URL})["credential"] is None
    assert read({"url": URL}, git_credentials={"password": "x"})["credential"].username == "git"
    assert read({"url": URL}, git_credentials={"bearer_token": "x"})["credential"].username == ""
    found = read({"url": SSH}, git_credentials={"identity": KEY, "known_hosts": "git.example.com ssh-ed25519 A"})
    assert found["credential"].identity == KEY
    app = {"app_id": "1", "private_key": KEY.replace("OPENSSH", "RSA"), "installation_id": "2"}
    assert read({"url": URL}, git_credentials={"github_app": app})["credential"].github_app.installation_owner == ""
    found = read(
        {"url": OCI, "kind": "oci", "checkout": "/x"}, source_credentials={"username": "me", "password": "secretvalue"}
    )
    assert found["source_credential"].username == "me"


def test_manifests_and_keys_of_other_kinds():
    manifests = [{"from": "install.yaml", "sha256": "sha256:" + DIGEST.upper()}]
    keys = [{"content": PRIVATE}, {"name": "flux.asc", "content": UNLOCKED}]
    found = read({"url": URL, "manifests": manifests}, decryption_keys=keys)
    assert [(each.place, each.sha256) for each in found["manifests"]] == [("install.yaml", DIGEST)]
    assert [name for name, _content in found["keys"]] == ["age.agekey", "flux.asc"]
    assert read({"url": URL}, decryption="workload_identity")["keys"] == ()


@pytest.mark.parametrize(
    ("source", "more", "message"),
    [
        ({"url": URL, "tag": "v1", "branch": "main"}, {}, "source.tag: give either the tag"),
        ({"url": URL, "tag": "v1", "commit": "a" * 40}, {}, "source.tag: give either the tag"),
        ({"url": URL, "commit": "abc1234"}, {}, "source.commit: must be the full id"),
        ({"url": URL, "tag": " "}, {}, "source.tag: is empty"),
        ({"url": OCI, "kind": "oci"}, {}, "source.kind: a source of the kind oci"),
        ({"url": OCI, "kind": "oci", "branch": "main", "checkout": "/x"}, {}, "source.branch: .* git only"),
        ({"url": URL, "kind": "oci", "checkout": "/x"}, {}, "source.url: an oci source needs"),
        ({"url": "oci://registry.example.com", "kind": "oci", "checkout": "/x"}, {}, "source.url: an oci source needs"),
        ({"url": "s3.example.com", "kind": "bucket", "checkout": "/x"}, {}, "source.url: a bucket source needs"),
        ({"url": BUCKET, "kind": "bucket", "tag": "v1", "checkout": "/x"}, {}, "source.tag: .* git and oci only"),
        ({"url": OCI}, {}, "must start with https:// .*or ssh://"),
        ({"url": SSH}, {}, "git_credentials.identity: an ssh:// URL needs a key"),
        ({"url": URL}, {"git_credentials": {}}, "git_credentials: holds nothing"),
        ({"url": URL}, {"git_credentials": {"bearer_token": " "}}, "git_credentials.bearer_token: is empty"),
        ({"url": URL}, {"source_credentials": {"username": "a"}}, "source_credentials: .* oci and bucket only"),
        (
            {"url": OCI, "kind": "oci", "checkout": "/x"},
            {"git_credentials": {"password": "secretvalue"}},
            "git_credentials: .* git only",
        ),
        ({"url": URL, "manifests": [{"from": "a", "sha256": "x"}]}, {}, "must be 64 hexadecimal digits"),
        ({"url": URL}, {"source_proxy": {"address": "proxy:1"}}, "source_proxy.address: the address must start"),
        ({"url": URL}, {"image_pull_secret": {"name": "a"}}, "image_pull_secret.username: is empty"),
        (
            {"url": URL},
            {"decryption": "workload_identity", "decryption_keys": [{"content": PRIVATE}]},
            "decryption_keys: with decryption workload_identity there is no Secret",
        ),
        (
            {"url": URL},
            {"decryption": "controller", "decryption_keys": [{"name": "flux.asc", "content": UNLOCKED}]},
            "flux.asc is not read with decryption controller",
        ),
    ],
)
def test_what_could_not_work_anywhere(source, more, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        read(source, **more)
    assert "secretvalue" not in str(caught.value)
