# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entries and types of every Secret that is not in Git."""

from __future__ import annotations

import base64
import json

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import InvalidInputError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.registries import ImagePull, SourceCredential
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.secrets import git_data, plain_secret, proxy_data
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.credential import Credential, GitHubApp, Proxy

BASIC_AUTH = "kubernetes.io/basic-auth"
DOCKER = "kubernetes.io/dockerconfigjson"
CONFIG = json.dumps({"auths": {"ghcr.io": {"auth": "c2VjcmV0"}}})


@pytest.mark.parametrize(
    ("credential", "entries"),
    [
        (Credential("git", "token"), {"username": "git", "password": "token"}),
        (Credential(bearer_token="token"), {"bearerToken": "token"}),
        (Credential(ca_crt=" PEM\r\nPEM\n\n"), {"ca.crt": "PEM\nPEM\n"}),
        (Credential(tls_crt="CRT", tls_key="KEY"), {"tls.crt": "CRT\n", "tls.key": "KEY\n"}),
        (Credential(identity="KEY", known_hosts="host"), {"identity": "KEY\n", "known_hosts": "host\n"}),
        (
            Credential(identity="KEY", known_hosts="host", passphrase=" a b "),
            {"identity": "KEY\n", "known_hosts": "host\n", "password": " a b "},
        ),
        (
            Credential(github_app=GitHubApp("1", "KEY", installation_id="2")),
            {"githubAppID": "1", "githubAppPrivateKey": "KEY\n", "githubAppInstallationID": "2"},
        ),
        (
            Credential(ca_crt="PEM", github_app=GitHubApp("1", "KEY", "me", base_url="https://ghe.example.com/api/v3")),
            {
                "ca.crt": "PEM\n",
                "githubAppID": "1",
                "githubAppPrivateKey": "KEY\n",
                "githubAppInstallationOwner": "me",
                "githubAppBaseURL": "https://ghe.example.com/api/v3",
            },
        ),
    ],
)
def test_entries_for_git(credential, entries):
    assert git_data(credential) == entries


def test_entries_for_a_proxy():
    assert proxy_data(Proxy("http://p:1", "me", "x")) == {"address": "http://p:1", "username": "me", "password": "x"}
    assert proxy_data(Proxy("http://p:1")) == {"address": "http://p:1"}


def test_entries_for_a_registry():
    data = SourceCredential(username="me", password="x").data("oci", "oci://registry.example.com:5000/a/b")
    login = {"username": "me", "password": "x", "auth": base64.b64encode(b"me:x").decode()}
    assert json.loads(data[".dockerconfigjson"]) == {"auths": {"registry.example.com:5000": login}}
    assert SourceCredential(docker_config=CONFIG).data("oci", "oci://a/b") == {".dockerconfigjson": CONFIG}
    assert SourceCredential(ca_crt="PEM").data("oci", "oci://a/b") == {}
    assert SourceCredential(ca_crt="PEM").tls_data() == {"ca.crt": "PEM"}


@pytest.mark.parametrize(
    ("given", "entries"),
    [
        ({"access_key": "a", "secret_key": "b"}, {"accesskey": "a", "secretkey": "b"}),
        ({"service_account": "{}"}, {"serviceaccount": "{}"}),
        ({"account_key": "a"}, {"accountKey": "a"}),
        ({"sas_key": "a"}, {"sasKey": "a"}),
        (
            {"tenant_id": "a", "client_id": "b", "client_secret": "c"},
            {"tenantId": "a", "clientId": "b", "clientSecret": "c"},
        ),
    ],
)
def test_entries_for_a_bucket(given, entries):
    credential = SourceCredential(**given)
    credential.check("bucket")
    assert credential.data("bucket", "s3.example.com/lab") == entries


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("oci", {}, "is empty"),
        ("bucket", {}, "is empty"),
        ("oci", {"username": "me"}, "password: is empty"),
        ("oci", {"password": "secretvalue"}, "username: is empty"),
        ("oci", {"docker_config": "secretvalue"}, "a JSON object with auths"),
        ("oci", {"docker_config": '{"credsStore": "x"}'}, "a JSON object with auths"),
        ("oci", {"docker_config": CONFIG, "username": "me"}, "either docker_config or"),
        ("oci", {"access_key": "a"}, "access_key: has no meaning for source.kind oci"),
        ("bucket", {"username": "a"}, "username: has no meaning for source.kind bucket"),
        ("bucket", {"access_key": "secretvalue"}, "access_key is no credential of a bucket"),
        ("bucket", {"access_key": "a", "secret_key": "b", "sas_key": "c"}, "is no credential of a bucket"),
        ("oci", {"tls_crt": "a"}, "tls_key: tls_crt and tls_key belong together"),
    ],
)
def test_credentials_that_could_not_work(kind, given, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        SourceCredential(**given).check(kind)
    assert "secretvalue" not in str(caught.value)


def test_the_login_for_images():
    pull = ImagePull("ghcr-auth", registry="ghcr.io", username="me", password="x")
    pull.check()
    made = plain_secret("flux-system", "ghcr-auth", pull.data(), None)
    assert made["type"] == DOCKER
    assert made["data"].keys() == {".dockerconfigjson"}
    with pytest.raises(InvalidInputError, match=r"registry: is needed"):
        ImagePull("ghcr-auth", username="me", password="x").check()


@pytest.mark.parametrize(
    ("entries", "existing", "written"),
    [
        (("username", "password"), None, "Opaque"),
        (("username", "password"), "Opaque", "Opaque"),
        (("username", "password"), BASIC_AUTH, BASIC_AUTH),
        (("bearerToken",), BASIC_AUTH, "Opaque"),
        (("identity", "known_hosts", "password"), BASIC_AUTH, BASIC_AUTH),
        (("identity", "known_hosts"), BASIC_AUTH, "Opaque"),
        (("identity", "known_hosts"), "kubernetes.io/ssh-auth", "Opaque"),
        (("tls.crt", "tls.key", "ca.crt"), "kubernetes.io/tls", "kubernetes.io/tls"),
        (("ca.crt",), "kubernetes.io/tls", "Opaque"),
        (("bearerToken",), "example.com/other", "example.com/other"),
        ((".dockerconfigjson",), "Opaque", DOCKER),
    ],
)
def test_the_type_is_kept_wherever_the_api_takes_the_entries_with_it(entries, existing, written):
    found = plain_secret("a", "b", dict.fromkeys(entries, "x"), {"type": existing} if existing else None)
    assert found["type"] == written
