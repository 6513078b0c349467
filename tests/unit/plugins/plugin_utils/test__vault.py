# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible Vault files are read and changed with the passwords of the play; label, mode and the rest stay."""

from __future__ import annotations

import stat

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import VaultFileError
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._vault import VaultFile, play_secrets

TEXT = "# head\nb: 1   # why\n\na: 'x'\n"
CANARY = "canary-5f1d"
HOME, WORK = ("home", VaultSecret(b"home-password")), ("work", VaultSecret(b"work-password"))
SOPS_FILE = (
    b"a: ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\nsops:\n    mac: ENC[AES256_GCM,data:x]\n    version: 3.9.0\n"
)
DEFAULT = ("default", VaultSecret(b"default-password"))


def encrypted(text: str, secret=DEFAULT) -> bytes:
    label = None if secret[0] == "default" else secret[0]
    return VaultLib().encrypt(text, secret=secret[1], vault_id=label)


def decrypted(content: bytes, secret=DEFAULT) -> str:
    return VaultLib([secret]).decrypt(content).decode()


def inline(name: str, text: str, secret=DEFAULT) -> str:
    lines = encrypted(text, secret).decode().splitlines()
    return "\n".join([f"{name}: !vault |", *(f"  {line}" for line in lines)]) + "\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "secrets.yml"


def test_variables_are_read(path):
    """The variables are those that Ansible would see."""
    path.write_bytes(encrypted(TEXT))
    assert VaultFile(str(path), [DEFAULT]).read() == {"a": "x", "b": 1}


def test_a_file_that_does_not_exist_holds_nothing(path):
    """It is not made by looking at it."""
    file = VaultFile(str(path), [DEFAULT])
    assert file.read() == {}
    assert not file.exists
    assert not path.exists()


def test_a_new_variable_is_added_and_the_rest_kept(path):
    """The decrypted text differs by one line."""
    path.write_bytes(encrypted(TEXT))
    file = VaultFile(str(path), [DEFAULT])
    file.write(file.plan({"c": "new"}))
    assert decrypted(path.read_bytes()) == TEXT + "c: new\n"


def test_nothing_is_planned_when_all_variables_are_there(path):
    """The same values are no change, so the file keeps its bytes (encryption is never twice the same)."""
    path.write_bytes(encrypted(TEXT))
    assert VaultFile(str(path), [DEFAULT]).plan({"a": "x"}) is None


def test_a_new_file_is_private_and_starts_as_yaml(path):
    """It is for its owner only, folders above it are made."""
    path = path.parent / "group_vars" / "all" / "secrets.yml"
    file = VaultFile(str(path), [DEFAULT])
    file.write(file.plan({"a": "1"}))
    assert decrypted(path.read_bytes()) == '---\na: "1"\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;1.1;AES256\n")


def test_mode_of_an_existing_file_stays(path):
    """A vault file may be shared with a group."""
    path.write_bytes(encrypted(TEXT))
    path.chmod(0o640)
    file = VaultFile(str(path), [DEFAULT])
    file.write(file.plan({"c": "1"}))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


@pytest.mark.parametrize("secrets", [[HOME, WORK], [WORK, HOME], [DEFAULT, WORK]])
def test_an_existing_file_keeps_its_label_and_password(path, secrets):
    """Whatever other passwords there are and whatever label a new file would get."""
    path.write_bytes(encrypted(TEXT, WORK))
    file = VaultFile(str(path), secrets, vault_id="home")
    file.write(file.plan({"c": "1"}))
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;1.2;AES256;work\n")
    assert decrypted(path.read_bytes(), WORK).endswith('c: "1"\n')


def test_a_label_without_password_of_that_name_is_kept_too(path):
    """The label is a hint only; the password that opens the file encrypts it again."""
    path.write_bytes(encrypted(TEXT, WORK))
    file = VaultFile(str(path), [("default", WORK[1])])
    file.write(file.plan({"c": "1"}))
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;1.2;AES256;work\n")


def test_a_new_file_gets_the_label_asked_for(path):
    """vault_id chooses among several passwords."""
    file = VaultFile(str(path), [HOME, WORK]).with_vault_id("work")
    file.write(file.plan({"c": "1"}))
    assert path.read_bytes().startswith(b"$ANSIBLE_VAULT;1.2;AES256;work\n")
    assert decrypted(path.read_bytes(), WORK)


def opened(path, *secrets) -> dict:
    """The variables, each encrypted one opened by Ansible's own library."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("!vault", lambda _loader, node: VaultLib(list(secrets)).decrypt(node.value).decode())
    return yaml.load(path.read_text(), Loader=Loader)  # noqa: S506 - a safe loader


class TestSingleValues:
    """A file in clear in which some values are encrypted one by one."""

    def test_values_are_opened_only_if_they_are_asked_for(self, path):
        """Those of others may need other passwords."""
        path.write_text(inline("a", "x") + inline("b", "y", WORK) + "c: 1\n")
        found = VaultFile(str(path), [DEFAULT]).read(["a", "c"])
        assert (found["a"], found["c"]) == ("x", 1)
        assert found["b"].tag == "!vault"

    def test_secret_variables_are_encrypted_and_others_not(self, path):
        """Everything else keeps its bytes, and Ansible reads it."""
        path.write_text(TEXT + inline("other", "y", WORK))
        file = VaultFile(str(path), [DEFAULT])
        file.write(file.plan({"c": "secret-value", "d": "clear-value"}, secret=["c"]))
        text = path.read_text()
        assert text.startswith(TEXT)
        assert "d: clear-value\n" in text
        assert "secret-value" not in text
        assert opened(path, DEFAULT, WORK) == {
            "a": "x", "b": 1, "c": "secret-value", "d": "clear-value", "other": "y"
        }  # fmt: skip

    def test_a_value_that_is_there_is_no_change(self, path):
        """Encryption is never twice the same, so it has to be opened."""
        path.write_text(inline("c", "x"))
        assert VaultFile(str(path), [DEFAULT]).plan({"c": "x"}, secret=["c"]) is None

    def test_a_secret_value_in_clear_is_encrypted(self, path):
        """Though it is the same."""
        path.write_text("c: x\n")
        file = VaultFile(str(path), [DEFAULT])
        assert not file.is_hidden("c")
        file.write(file.plan({"c": "x"}, secret=["c"]))
        assert VaultFile(str(path), [DEFAULT]).is_hidden("c")
        assert opened(path, DEFAULT) == {"c": "x"}

    def test_a_value_that_is_replaced_keeps_its_label(self, path):
        """And its password."""
        path.write_text(inline("c", "x", WORK) + "d: 1\n")
        file = VaultFile(str(path), [DEFAULT, WORK])
        file.write(file.plan({"c": "new"}, secret=["c"]))
        assert "$ANSIBLE_VAULT;1.2;AES256;work\n" in path.read_text()
        assert opened(path, WORK) == {"c": "new", "d": 1}

    def test_a_new_value_gets_the_label_asked_for(self, path):
        """As a new file does."""
        path.write_text("a: 1\n")
        file = VaultFile(str(path), [HOME, WORK]).with_vault_id("work")
        file.write(file.plan({"c": "new"}, secret=["c"]))
        assert "$ANSIBLE_VAULT;1.2;AES256;work\n" in path.read_text()

    def test_a_value_in_an_encrypted_file_may_be_encrypted_once_more(self, path):
        """It is opened; what replaces it is covered by the file."""
        path.write_bytes(encrypted(inline("c", "x", WORK)))
        file = VaultFile(str(path), [DEFAULT, WORK])
        assert file.read(["c"]) == {"c": "x"}
        assert file.plan({"c": "x"}) is None
        file.write(file.plan({"c": "new"}, secret=["c"]))
        assert decrypted(path.read_bytes()) == "c: new\n"


@pytest.mark.parametrize("whole", [True, False])
def test_variables_are_removed_and_the_rest_stays(path, whole):
    """The file itself too, even if nothing is left in it."""
    text = TEXT + inline("c", "x") + "d: 1\n"
    path.write_bytes(encrypted(text) if whole else text.encode())
    file = VaultFile(str(path), [DEFAULT])
    file.write(file.plan_without(["c", "d", "e"]))
    assert (decrypted(path.read_bytes()) if whole else path.read_text()) == TEXT
    assert VaultFile(str(path), [DEFAULT]).plan_without(["c", "d"]) is None


@pytest.mark.parametrize(
    ("content", "secrets", "vault_id", "message"),
    [
        (None, [], None, "a new file needs a vault password and none was given"),
        (None, [HOME, WORK], None, "several vault ids are at hand.*vault_id: home, work"),
        (None, [HOME], "work", "no vault password was given for the vault id 'work'.*home"),
        (encrypted(TEXT), [], None, "needs a vault password and none was given.*--vault-password-file"),
        (encrypted(TEXT), [HOME], None, "no vault password at hand opens this file.*vault ids: home"),
        (encrypted(TEXT)[:-10] + b"0000000000", [DEFAULT], None, "no vault password at hand opens this file, or it was changed"),
        (f"- {CANARY}\n".encode(), [DEFAULT], None, "not a mapping of variables"),
        (SOPS_FILE, [DEFAULT], None, "encrypted with SOPS, and not with Ansible Vault"),
        (f"c: !vault |\n  {CANARY}\n".encode(), [DEFAULT], None, "variable c: no vault password at hand opens this value"),
        (inline("c", CANARY).encode(), [WORK], None, "variable c: no vault password at hand opens this value.*vault ids: work"),
        (inline("c", CANARY).encode(), [], None, "variable c: this value needs a vault password and none was given"),
        (b"a: 1\n", [], None, "a new value needs a vault password and none was given.*--vault-password-file"),
        (b"a: 1\n", [HOME, WORK], None, "several vault ids are at hand for a new value.*vault_id: home, work"),
        (encrypted(f"- {CANARY}\n"), [DEFAULT], None, "not a mapping of variables"),
        (encrypted(f"{CANARY}: [\n"), [DEFAULT], None, "not YAML.*ansible-vault view"),
        (VaultLib().encrypt(b"a: \xff" + CANARY.encode(), secret=DEFAULT[1]), [DEFAULT], None, "not UTF-8 text"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way_is_said_with_a_next_step(path, content, secrets, vault_id, message):
    """The file is named, nothing is written and nothing of the content is told."""
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(VaultFileError, match=message) as caught:
        VaultFile(str(path), secrets, vault_id=vault_id).plan({"c": "1"}, secret=["c"])
    assert str(path) in str(caught.value)
    assert (path.read_bytes() if path.exists() else None) == content
    seen, error = "", caught.value
    while error is not None:
        seen += f"{error}{error.args}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    assert CANARY not in seen


def test_a_password_file_opens_a_file_outside_of_a_play(path, tmp_path):
    """As --vault-password-file does, line end and all."""
    password = tmp_path / "password"
    password.write_text("default-password\n")
    path.write_bytes(encrypted(TEXT))
    assert VaultFile.with_password_file(str(path), str(password)).read()["a"] == "x"


def test_a_missing_password_file_is_named(path, tmp_path):
    """The error is ours, not that of Ansible."""
    with pytest.raises(VaultFileError, match="nowhere: the vault password cannot be read"):
        VaultFile.with_password_file(str(path), str(tmp_path / "nowhere"))


def test_the_passwords_of_a_play_are_those_of_its_loader():
    """A play without passwords has none, not an error."""
    loader = DataLoader()
    assert play_secrets(loader) == []
    loader.set_vault_secrets([HOME])
    assert play_secrets(loader) == [HOME]
