# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Git credentials fit which URL, as source-controller sees it."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import InvalidInputError
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.credential import (
    Credential,
    GitHubApp,
    Proxy,
    without_credential,
)

HTTPS, SSH = "https://git.example.com/me/lab.git", "ssh://git@git.example.com:2222/me/lab.git"


def pem(label: str) -> str:
    return f"-----BEGIN {label}-----\nc2VjcmV0LXZhbHVl\n-----END {label}-----\n"


CRT, KEY, OPENSSH = pem("CERTIFICATE"), pem("PRIVATE KEY"), pem("OPENSSH PRIVATE KEY")
APP = GitHubApp("12345", pem("RSA PRIVATE KEY"), installation_id="678")
HOSTS = "[git.example.com]:2222 ssh-ed25519 AAAA\n"
FINGERPRINT = "SHA256:" + "A" * 43


@pytest.mark.parametrize(
    ("url", "given"),
    [
        (HTTPS, {"username": "git", "password": "secret-value"}),
        (HTTPS, {"bearer_token": "secret-value"}),
        (HTTPS, {"ca_crt": CRT}),
        (HTTPS, {"username": "git", "password": "secret-value", "ca_crt": CRT, "tls_crt": CRT, "tls_key": KEY}),
        (HTTPS, {"tls_crt": CRT, "tls_key": pem("EC PRIVATE KEY")}),
        (HTTPS, {"github_app": APP}),
        (HTTPS, {"github_app": dataclasses.replace(APP, installation_id="", installation_owner="me"), "ca_crt": CRT}),
        (SSH, {"identity": OPENSSH, "known_hosts": HOSTS}),
        (SSH, {"identity": OPENSSH, "known_hosts": HOSTS, "passphrase": "secret-value"}),
        (SSH, {"identity": OPENSSH, "host_key_fingerprint": FINGERPRINT}),
    ],
)
def test_what_fits(url, given):
    Credential(**given).check(url)


@pytest.mark.parametrize(
    ("url", "given", "where", "message"),
    [
        (HTTPS, {"password": "secret-value"}, "username", "a password needs a username"),
        (HTTPS, {"username": "git"}, "password", "is empty"),
        (HTTPS, {"username": "a", "password": "b\nsecret-value"}, "password", "line break"),
        (HTTPS, {"bearer_token": "secret-value\n"}, "bearer_token", "line break"),
        (HTTPS, {"username": "a", "password": "b", "bearer_token": "c"}, "", "only one of password and bearer_token"),
        (HTTPS, {"username": "a", "password": "b", "github_app": APP}, "", "only one of password and github_app"),
        (HTTPS, {}, "", "holds nothing"),
        (HTTPS, {"tls_crt": CRT}, "tls_key", "belong together"),
        (HTTPS, {"tls_key": KEY, "ca_crt": CRT}, "tls_crt", "belong together"),
        (HTTPS, {"ca_crt": "secret-value"}, "ca_crt", "found is no PEM block at all"),
        (HTTPS, {"ca_crt": KEY}, "ca_crt", "kind CERTIFICATE; found is a PEM block PRIVATE KEY"),
        (HTTPS, {"tls_crt": KEY, "tls_key": KEY}, "tls_crt", "kind CERTIFICATE"),
        (HTTPS, {"identity": OPENSSH}, "identity", "ssh:// URL only"),
        (HTTPS, {"known_hosts": HOSTS}, "known_hosts", "ssh:// URL only"),
        (HTTPS, {"passphrase": "x"}, "passphrase", "ssh:// URL only"),
        (HTTPS, {"github_app": dataclasses.replace(APP, app_id="x")}, "github_app.app_id", "no number|not a number"),
        (HTTPS, {"github_app": dataclasses.replace(APP, installation_id="")}, "github_app", "exactly one"),
        (HTTPS, {"github_app": dataclasses.replace(APP, installation_owner="me")}, "github_app", "exactly one"),
        (HTTPS, {"github_app": dataclasses.replace(APP, installation_id="me")}, "github_app.installation_id", "number"),
        (HTTPS, {"github_app": dataclasses.replace(APP, base_url="example.com")}, "github_app.base_url", "https"),
        (HTTPS, {"github_app": dataclasses.replace(APP, private_key="secret-value")}, "github_app.private_key", "PEM"),
        (SSH, {"identity": OPENSSH}, "known_hosts", "needs the host key"),
        (SSH, {"identity": OPENSSH, "known_hosts": " \n"}, "known_hosts", "needs the host key"),
        (SSH, {"known_hosts": HOSTS}, "identity", "needs the private key"),
        (SSH, {"identity": "ssh-ed25519 AAAA secret-value", "known_hosts": HOSTS}, "identity", "no PEM block"),
        (SSH, {"identity": pem("PUBLIC KEY"), "known_hosts": HOSTS}, "identity", "kind PRIVATE KEY"),
        (SSH, {"identity": OPENSSH, "known_hosts": HOSTS, "host_key_fingerprint": FINGERPRINT}, "", "give either"),
        (SSH, {"identity": OPENSSH, "known_hosts": HOSTS, "password": "x"}, "password", "no meaning with an ssh://"),
        (SSH, {"identity": OPENSSH, "known_hosts": HOSTS, "username": "x"}, "username", "no meaning with an ssh://"),
        (SSH, {"bearer_token": "secret-value"}, "bearer_token", "no meaning with an ssh://"),
        (SSH, {"identity": OPENSSH, "known_hosts": HOSTS, "ca_crt": CRT}, "ca_crt", "no meaning with an ssh://"),
    ],
)
def test_what_does_not_fit_is_named_without_its_value(url, given, where, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        Credential(**given).check(url)
    assert caught.value.where == ("git_credentials." + where).rstrip(".")
    assert "secret-value" not in str(caught.value)
    assert "c2VjcmV0LXZhbHVl" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "proxy", "message"),
    [
        (HTTPS, Proxy("proxy.example.com:3128"), "must start with one of http://, https://, socks5://"),
        (HTTPS, Proxy("ftp://proxy.example.com"), "must start with one of"),
        (HTTPS, Proxy("http://a:secret-value@proxy.example.com"), "holds a credential"),
        (HTTPS, Proxy("http://proxy.example.com", password="secret-value"), "needs a username"),
        (SSH, Proxy("socks5://proxy.example.com:1080"), "http:// and https:// only"),
    ],
)
def test_proxies_that_could_not_work(url, proxy, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        proxy.check(url)
    assert "secret-value" not in str(caught.value)


def test_nothing_secret_is_shown():
    whole = Credential("u", "secret-1", "secret-2", "secret-3", HOSTS, "", "secret-4", "secret-5", "", "secret-6", APP)
    assert "secret" not in repr(whole)
    assert "c2VjcmV0LXZhbHVl" not in repr(whole)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (HTTPS, HTTPS),
        (SSH, SSH),
        ("https://me:x@example.com/a", "https://example.com/a"),
        ("ssh://git:x@example.com/a", "ssh://example.com/a"),
    ],
)
def test_a_url_is_shown_without_a_credential(url, shown):
    assert without_credential(url) == shown
