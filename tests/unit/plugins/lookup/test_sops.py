# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lookup returns the decrypted text of files found as Ansible finds files."""

from __future__ import annotations

import base64
import json
import os

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.template import Templar

from ansible_collections.fluxseed.gitops.plugins.doc_fragments._key_sources import ModuleDocFragment as KeySources
from ansible_collections.fluxseed.gitops.plugins.doc_fragments._kubernetes import ModuleDocFragment as Kubernetes
from ansible_collections.fluxseed.gitops.plugins.doc_fragments._sops import ModuleDocFragment as Sops
from ansible_collections.fluxseed.gitops.plugins.lookup import sops
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import registry
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import AgeKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.gcp_kms import GcpKmsKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.remote import NoAnswerError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.services import KeyServices
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    kubeconfig,
    served,
)

pyrage = pytest.importorskip("pyrage")

IDENTITY = pyrage.x25519.Identity.generate()
PRIVATE, PUBLIC = str(IDENTITY), str(IDENTITY.to_public())
VAULT_SECRET = VaultSecret(b"password")
PLAIN = "# why\npassword: canary-secret-1\n"


def encrypted(plain: str = PLAIN) -> bytes:
    return document.encrypt(plain.encode(), Rule.of([PUBLIC]), store=store_for("a.yaml")).content


@pytest.fixture
def folder(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith(("SOPS_", "ANSIBLE_SOPS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a.yaml").write_bytes(encrypted())
    (tmp_path / "keys.txt").write_text(f"{PRIVATE}\n")
    return tmp_path


@pytest.fixture(scope="module", autouse=True)
def _options():
    """Tell Ansible about the options, as its loader does from the documentation."""
    options: dict[str, dict] = {}
    texts = (
        Sops.PLUGIN,
        Sops.DOCUMENTATION,
        KeySources.DOCUMENTATION,
        Kubernetes.DOCUMENTATION,
        sops.DOCUMENTATION,
    )
    for text in texts:
        for name, option in yaml.safe_load(text)["options"].items():
            options.setdefault(name, {}).update(option)
    del options["_terms"]
    constants.config.initialize_plugin_configuration_definitions("lookup", "fluxseed.gitops.sops", options)


@pytest.fixture
def look(folder):
    def look(*terms: str, variables: dict | None = None, **options) -> list[str]:
        loader = DataLoader()
        loader.set_basedir(str(folder))
        loader.set_vault_secrets([("default", VAULT_SECRET)])
        variables = {"ansible_search_path": [str(folder)], **(variables or {})}
        plugin = sops.LookupModule(loader=loader, templar=Templar(loader=loader, variables=variables))
        plugin._load_name = "fluxseed.gitops.sops"
        plugin._redirected_names = ["fluxseed.gitops.sops"]
        return plugin.run(list(terms), variables, **options)

    return look


def test_the_text_is_returned_without_its_last_line_end(look):
    """As the lookup file does it."""
    assert look("a.yaml", age_key=PRIVATE) == [PLAIN.rstrip()]


def test_white_space_at_the_end_can_be_kept(look):
    """Where it matters."""
    assert look("a.yaml", age_key=PRIVATE, rstrip=False) == [PLAIN]


def test_each_term_is_a_file(look, folder):
    """Relative ones are searched, absolute ones taken."""
    (folder / "b.yaml").write_bytes(encrypted("b: 2\n"))
    assert look("a.yaml", "b.yaml", str(folder / "b.yaml"), age_key=PRIVATE) == [PLAIN.rstrip(), "b: 2", "b: 2"]


def test_a_missing_file_is_an_error_or_empty(look):
    """With the message that people know from community.sops."""
    with pytest.raises(AnsibleError, match=r"could not locate file in lookup: nowhere\.yaml"):
        look("nowhere.yaml", age_key=PRIVATE)
    assert look("nowhere.yaml", empty_on_not_exist=True) == [""]


@pytest.mark.parametrize("source", ["option", "variable", "environment", "sops variable", "file of the user"])
def test_keys_come_from_where_they_are_expected(look, folder, monkeypatch, source):
    """Option, variable and environment are named as in community.sops; else keys are where sops looks."""
    keyfile = str(folder / "keys.txt")
    if source == "option":
        assert look("a.yaml", age_keyfile=keyfile)
    elif source == "variable":
        assert look("a.yaml", variables={"sops_age_keyfile": keyfile})
        assert look("a.yaml", variables={"sops_age_key": PRIVATE})
    elif source == "environment":
        monkeypatch.setenv("ANSIBLE_SOPS_AGE_KEYFILE", keyfile)
        assert look("a.yaml")
    elif source == "sops variable":
        monkeypatch.setenv("SOPS_AGE_KEY_FILE", keyfile)
        assert look("a.yaml")
    else:
        target = folder / "home" / ".config" / "sops" / "age"
        target.mkdir(parents=True)
        (folder / "keys.txt").rename(target / "keys.txt")
        assert look("a.yaml")


def test_a_key_made_in_the_meantime_is_found(look, folder, monkeypatch):
    """Keys are read once per process, but a failure looks again."""
    keyfile = folder / "later.txt"
    monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(keyfile))
    with pytest.raises(AnsibleError, match="no identity"):
        look("a.yaml")
    keyfile.write_text(f"{PRIVATE}\n")
    assert look("a.yaml") == [PLAIN.rstrip()]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"password: canary-secret-1\n", "not encrypted"),
        (
            encrypted().replace(b"password: ENC[AES256_GCM,data:", b"password: ENC[AES256_GCM,data:AAAA"),
            "cannot decrypt",
        ),
        (b"", "empty"),
    ],
)
def test_what_cannot_be_decrypted_is_named_without_its_content(look, folder, content, message):
    """The error names the file and shows nothing of it."""
    (folder / "files" / "a.yaml").write_bytes(content)
    with pytest.raises(AnsibleError, match=message) as caught:
        look("a.yaml", age_key=PRIVATE)
    assert str(folder / "files" / "a.yaml") in str(caught.value)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("around", ["{}", "\ufeff{}", '"{}"', "ssh-ed25519 {}"])
@pytest.mark.parametrize("kind", ["age", "pgp"])
def test_a_private_key_in_the_wrong_place_is_not_told(look, folder, kind, around):
    """In the entry of a file that is for public keys, for example."""
    text = around.format(PRIVATE)
    metadata = {
        kind: [{"recipient" if kind == "age" else "fp": text, "enc": "x", "created_at": "2026-01-02T03:04:05Z"}],
        "lastmodified": "2026-01-02T03:04:05Z",
        "mac": "ENC[AES256_GCM,data:x]",
        "version": "3.9.0",
    }
    (folder / "files" / "b.json").write_text(json.dumps({"a": "ENC[AES256_GCM,data:x]", "sops": metadata}))
    with pytest.raises(AnsibleError, match="cannot decrypt") as caught:
        look("b.json", age_key=PRIVATE)
    assert PRIVATE[20:40].lower() not in str(caught.value).lower()


def test_an_unexpected_error_tells_its_kind_and_place_only(look, monkeypatch):
    """What a foreign exception says may hold a value."""

    def fail(*_arguments, **_options):
        raise ValueError("canary")

    monkeypatch.setattr(document, "decrypt", fail)
    with pytest.raises(AnsibleError, match=r"cannot decrypt .*a[.]yaml: unexpected ValueError at test_sops") as caught:
        look("a.yaml", age_key=PRIVATE)
    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


class TestServices:
    """A key service that is down is known to be for all lookups of a process."""

    @pytest.fixture
    def asked(self, folder, monkeypatch):
        """A file for a key of the cloud, and who was asked for it."""
        asked = []

        class Service:
            def wrap(self, key, data_key):
                return key.holding(data_key.hex(), "2026-01-02T03:04:05Z")

            def unwrap(self, key):
                asked.append(key.recipient)
                raise NoAnswerError("nobody there", is_down=True)

        service = Service()
        monkeypatch.setattr(registry, "service", lambda kind, *_more: service if kind == "gcp_kms" else None)
        rule = Rule.of([PUBLIC])._replace(groups=((GcpKmsKey({"resource_id": "x"}), AgeKey(PUBLIC)),))
        keys = KeyServices(Surroundings({}, "", lambda _path: None, lambda _words, _extra: ""))
        made = document.encrypt(PLAIN.encode(), rule, store=store_for("a.yaml"), services=keys)
        (folder / "files" / "a.yaml").write_bytes(made.content)
        return asked

    def test_nobody_who_did_not_answer_is_asked_again(self, look, folder, asked):
        """Each of them would wait for the same silence."""
        (folder / "files" / "b.yaml").write_bytes(encrypted())
        for _time in range(3):
            for name in ("a.yaml", "b.yaml"):
                with pytest.raises(AnsibleError, match="nobody there" if name == "a.yaml" else "no identity"):
                    look(name)
        assert asked == ["x"]

    def test_a_key_made_in_the_meantime_is_found_all_the_same(self, look, folder, asked, monkeypatch):
        """It needs nobody else."""
        keyfile = folder / "later.txt"
        monkeypatch.setenv("SOPS_AGE_KEY_FILE", str(keyfile))
        with pytest.raises(AnsibleError, match="nobody there"):
            look("a.yaml")
        keyfile.write_text(f"{PRIVATE}\n")
        assert look("a.yaml") == [PLAIN.rstrip()]
        assert asked == ["x"]


class TestKeysUnderVault:
    """A variable of an Ansible Vault file, opened with the passwords of the play."""

    @pytest.fixture
    def put(self, folder):
        def put(text: str, secret: VaultSecret = VAULT_SECRET) -> None:
            (folder / "secrets.yml").write_bytes(VaultLib().encrypt(text, secret=secret))

        return put

    def test_the_variable_opens_files(self, look, folder, put):
        """It is named as sops_key makes it, or by an option."""
        put(f"sops_age_private_key: {PRIVATE}\nother: {PRIVATE}\n")
        path = str(folder / "secrets.yml")
        assert look("a.yaml", vault_file=path) == [PLAIN.rstrip()]
        assert look("a.yaml", vault_file=path, vault_variable="other") == [PLAIN.rstrip()]

    def test_other_sources_are_not_looked_at_then(self, look, folder, put, monkeypatch):
        """What was given is what counts."""
        monkeypatch.setenv("SOPS_AGE_KEY", PRIVATE)
        put(f"sops_age_private_key: {pyrage.x25519.Identity.generate()}\n")
        with pytest.raises(AnsibleError, match="no identity"):
            look("a.yaml", vault_file=str(folder / "secrets.yml"))

    def test_one_that_cannot_be_read_does_not_stop_the_others(self, look):
        """It would be told if none of them fitted."""
        assert look("a.yaml", vault_file="nowhere.yml", age_key=PRIVATE) == [PLAIN.rstrip()]

    @pytest.mark.parametrize(
        ("text", "password", "message"),
        [
            (None, b"password", "there is no such file"),
            ("a: 1\n", b"password", "there is no such variable.*vault_variable"),
            ("sops_age_private_key: 17\n", b"password", "not the text of a private key"),
            ("sops_age_private_key: canary\n", b"password", "AGE-SECRET-KEY-"),
            (
                f"sops_age_private_key: {PRIVATE}\n",
                b"other",
                "no vault password at hand opens this file.*vault ids: default",
            ),
        ],
        ids=["no file", "no variable", "no text", "no key", "other password"],
    )
    def test_what_failed_is_told_with_its_place(self, look, folder, put, text, password, message):
        """And holds nothing of the file."""
        if text is not None:
            put(text, VaultSecret(password))
        with pytest.raises(AnsibleError, match=message) as caught:
            look("a.yaml", vault_file=str(folder / "secrets.yml"))
        label = f"{folder / 'secrets.yml'}, variable sops_age_private_key"
        assert f"Looked in: {label}" in str(caught.value)
        assert f"Failed: {label}: " in str(caught.value)
        assert "canary" not in str(caught.value)
        assert PRIVATE not in str(caught.value)


def test_the_cluster_is_asked_for_its_keys(look, folder, monkeypatch):
    """All options of a connection are those of the modules."""
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG"):
        monkeypatch.delenv(name, raising=False)
    fake = FakeApi()
    content = base64.b64encode(f"{PRIVATE}\n".encode()).decode()
    fake.objects["/api/v1/namespaces/flux-system/secrets/sops-age"] = {"data": {"age.agekey": content}}
    with served(fake) as connection:
        options = {"kubernetes": {}, "kubeconfig": kubeconfig(connection.server), "context": "second"}
        assert look("a.yaml", **options) == [PLAIN.rstrip()]
        assert look("a.yaml", **options) == [PLAIN.rstrip()]
        assert len(fake.requests) == 1
        with pytest.raises(
            AnsibleError, match=r"Failed: Secret other/sops-age: is not in the cluster http://127.*namespace"
        ):
            look("a.yaml", **{**options, "kubernetes": {"namespace": "other"}})
