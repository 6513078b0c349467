# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that sops cannot look for: each source says where it looked, and what was wrong there."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.key_sources import sources
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    kubeconfig,
    served,
    status,
)

pytest.importorskip("kubernetes")

SECRET = "/api/v1/namespaces/flux-system/secrets/sops-age"


@pytest.fixture
def fake(monkeypatch) -> Iterator[FakeApi]:
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT", "K8S_AUTH_HOST"):
        monkeypatch.delenv(name, raising=False)
    fake = FakeApi()
    with served(fake) as connection:
        fake.server = connection.server
        yield fake


def read(fake: FakeApi, **wanted: str) -> str:
    found = sources({"kubernetes": wanted, "kubeconfig": kubeconfig(fake.server)}, None)
    assert [label for label, _read in found] == ["Secret flux-system/sops-age", "Secret flux-system/sops-age, *.asc"]
    return " | ".join(read() for _label, read in found)


def put(fake: FakeApi, **entries: bytes) -> None:
    fake.objects[SECRET] = {
        "data": {name.replace("_", "."): base64.b64encode(content).decode() for name, content in entries.items()}
    }


def test_nothing_is_read_before_it_is_needed(fake):
    """Nor is anything a source that was not named."""
    assert sources({}, None) == []
    assert sources({"vault_file": None, "vault_variable": "a", "kubernetes": None}, None) == []
    assert len(sources({"kubernetes": {}, "vault_file": "a.yml", "vault_variable": "a"}, None)) == 3
    assert not fake.requests


def test_all_keys_that_flux_would_read_are_taken(fake):
    """Those of each kind together, in one request. Other entries are for key services, or for nobody."""
    put(fake, b_agekey=b"two\n", a_agekey=b"one\n", sops_asc=b"three\n", sops_vault=b"token", age_key=b"no")
    assert read(fake).split() == ["one", "two", "|", "three"]
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (None, r"is not in the cluster http://127\.0\.0\.1:\d+ \(is the namespace the right one"),
        ({}, r"has no entry that ends in \.agekey or \.asc \(its entries: none"),
        ({"age_key": b"canary"}, r"has no entry that ends in \.agekey or \.asc \(its entries: age\.key"),
        ({"age_agekey": b"\xffcanary"}, "holds something that is not text"),
    ],
)
def test_what_is_wrong_with_the_secret_is_said(fake, entries, message):
    """In one message, since sources that failed are listed one behind the other."""
    if entries is not None:
        put(fake, **entries)
    with pytest.raises(FluxseedError, match=message) as caught:
        read(fake)
    assert "canary" not in str(caught.value)


def test_a_refusal_is_no_missing_secret(fake):
    """Unknown is not absent."""
    fake.script = lambda *_request: (403, status("Forbidden", "secrets is forbidden", 403))
    with pytest.raises(FluxseedError, match="secrets is forbidden"):
        read(fake)


def test_a_wrong_option_is_an_error_at_once():
    """A plugin has no argument specification that would tell it."""
    with pytest.raises(FluxseedError, match=r"kubernetes\.entry: has no meaning, only name and namespace have"):
        sources({"kubernetes": {"entry": "x"}}, None)


def test_a_kubeconfig_that_is_not_there_is_named(fake, tmp_path):
    """The place of the error is a part of what is told."""
    (_label, age_keys), (_other, pgp_keys) = sources({"kubernetes": {}, "kubeconfig": str(tmp_path / "nowhere")}, None)
    with pytest.raises(FluxseedError, match="nowhere: there is no such kubeconfig file") as caught:
        age_keys()
    assert caught.value.where is None
    assert pgp_keys() == ""


def test_the_passwords_of_the_play_are_needed_for_a_vault_file():
    """On a target there are none."""
    ((label, read),) = sources({"vault_file": "a.yml", "vault_variable": "key"}, None)
    assert label == "a.yml, variable key"
    with pytest.raises(FluxseedError, match=r"needs the vault passwords of the play.*connection: local"):
        read()
