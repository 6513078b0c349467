# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible Vault files are read and changed with the passwords of the play; label, mode and the rest stay."""

from __future__ import annotations

import stat

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import VaultFileError
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._vault import VaultFile, play_secrets

TEXT = "# head\nb: 1   # why\n\na: 'x'\n"
CANARY = "canary-5f1d"
HOME, WORK = ("home", VaultSecret(b"home-password")), ("work", VaultSecret(b"work-password"))
DEFAULT = ("default", VaultSecret(b"default-password"))


def encrypted(text: str, secret=DEFAULT) -> bytes:
    label = None if secret[0] == "default" else secret[0]
    return VaultLib().encrypt(text, secret=secret[1], vault_id=label)


def decrypted(content: bytes, secret=DEFAULT) -> str:
    return VaultLib([secret]).decrypt(content).decode()


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


@pytest.mark.parametrize(
    ("content", "secrets", "vault_id", "message"),
    [
        (None, [], None, "a new file needs a vault password and none was given"),
        (None, [HOME, WORK], None, "several vault ids are at hand.*vault_id: home, work"),
        (None, [HOME], "work", "no vault password was given for the vault id 'work'.*home"),
        (encrypted(TEXT), [], None, "needs a vault password and none was given.*--vault-password-file"),
        (encrypted(TEXT), [HOME], None, "no vault password at hand opens this file.*vault ids: home"),
        (encrypted(TEXT)[:-10] + b"0000000000", [DEFAULT], None, "no vault password at hand opens this file, or it was changed"),
        (f"a: {CANARY}\n".encode(), [DEFAULT], None, "not encrypted with Ansible Vault.*ansible-vault encrypt"),
        (b"a: !vault |\n  x\n", [DEFAULT], None, "single '!vault' values in a plain file are not edited"),
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
        VaultFile(str(path), secrets, vault_id=vault_id).plan({"c": "1"})
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
