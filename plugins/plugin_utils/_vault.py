# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables files that are encrypted as a whole with Ansible Vault: read, and changed in place.

Private to the collection, and for the controller only: Ansible's vault library is not there on a
target. The decrypted text exists in memory alone.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence
from pathlib import Path

from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, get_file_vault_secret, is_encrypted, parse_vaulttext_envelope

from ..module_utils._errors import VaultFileError
from ..module_utils._files import PRIVATE_FILE, make_directory, read_file_if_exists, replace_file
from ._variables import Variables

Secrets = Sequence[tuple[str, t.Any]]
"""Ansible's own form: vault id and `VaultSecret`."""

DEFAULT_ID = "default"


def play_secrets(loader: DataLoader) -> Secrets:
    """Return the vault secrets that the running play was started with."""
    return list(loader._vault.secrets or [])  # noqa: SLF001 - what Ansible's own actions use


class VaultFile:
    """One variables file under Ansible Vault, which may not exist yet."""

    def __init__(self, path: str, secrets: Secrets, *, vault_id: str | None = None) -> None:
        """Take the file and the secrets; `vault_id` labels a new file, an existing one keeps its label."""
        self.path = path
        self._secrets = list(secrets)
        self._vault_id = vault_id
        self._label: str | None = None
        self._secret: t.Any = None
        self._variables: Variables | None = None
        self.exists = False

    @classmethod
    def with_password_file(cls, path: str, password_file: str) -> VaultFile:
        """Open a file outside of a play, with a password file or script as `--vault-password-file` takes."""
        try:
            secret = get_file_vault_secret(filename=password_file, loader=DataLoader())
            secret.load()
        except AnsibleError as exc:
            raise VaultFileError("the vault password cannot be read", where=password_file) from exc
        return cls(path, [(DEFAULT_ID, secret)])

    def with_vault_id(self, vault_id: str | None) -> VaultFile:
        """Return the same file with the label a new one shall get."""
        return VaultFile(self.path, self._secrets, vault_id=vault_id)

    def read(self) -> dict[str, t.Any]:
        """Return the variables. A file that does not exist holds none."""
        return self._load().values()

    def plan(self, variables: Mapping[str, str]) -> bytes | None:
        """Return the new content of the file with these variables in it, or None if they all are there.

        Everything else in the file stays as it is, byte for byte once decrypted.
        """
        current = self._load()
        changed = current.with_values(variables)
        if changed is None:
            return None
        secret, label = self._encryption()
        return t.cast("bytes", VaultLib().encrypt(changed.text, secret=secret, vault_id=label))

    def write(self, content: bytes) -> None:
        """Replace the file in one step; a new one is for its owner only."""
        make_directory(str(Path(self.path).resolve().parent))
        replace_file(self.path, content, mode=None if self.exists else PRIVATE_FILE)

    def _load(self) -> Variables:
        if self._variables is None:
            content = read_file_if_exists(self.path)
            self.exists = content is not None
            text = "---\n" if content is None else self._decrypt(content)
            self._variables = Variables(text, where=self.path)
        return self._variables

    def _decrypt(self, content: bytes) -> str:
        if not is_encrypted(content):
            hint = "run 'ansible-vault encrypt' on it, or name another file"
            if b"!vault" in content:
                hint = "single '!vault' values in a plain file are not edited; " + hint
            raise VaultFileError("this file is not encrypted with Ansible Vault as a whole", where=self.path, hint=hint)
        if not self._secrets:
            raise VaultFileError(
                "this file needs a vault password and none was given",
                where=self.path,
                hint="use --vault-password-file, --vault-id, --ask-vault-pass or vault_password_file in ansible.cfg",
            )
        try:
            label = parse_vaulttext_envelope(content)[3]
            plain, _id, self._secret = VaultLib(self._secrets).decrypt_and_get_vault_id(content)
        except AnsibleError as exc:
            known = ", ".join(sorted({vault_id for vault_id, _secret in self._secrets}))
            raise VaultFileError(
                "no vault password at hand opens this file, or it was changed after its encryption",
                where=self.path,
                hint=f"passwords were given for the vault ids: {known}",
            ) from exc
        self._label = str(label) if label else None
        try:
            return bytes(plain).decode("utf-8")
        except UnicodeDecodeError:
            # The cause would carry the decrypted bytes.
            raise VaultFileError("the decrypted content is not UTF-8 text", where=self.path) from None

    def _encryption(self) -> tuple[t.Any, str | None]:
        """Return the secret and the label to encrypt with: those of the file, or of a new one."""
        if self.exists:
            return self._secret, self._label
        wanted = self._vault_id or constants.DEFAULT_VAULT_ENCRYPT_IDENTITY
        if not self._secrets:
            raise VaultFileError(
                "a new file needs a vault password and none was given",
                where=self.path,
                hint="use --vault-password-file, --vault-id, --ask-vault-pass or vault_password_file in ansible.cfg",
            )
        known = [vault_id for vault_id, _secret in self._secrets]
        if wanted is None:
            if len(set(known)) > 1:
                raise VaultFileError(
                    "several vault ids are at hand for a new file",
                    where=self.path,
                    hint=f"choose one with the option vault_id: {', '.join(dict.fromkeys(known))}",
                )
            wanted = known[0]
        for vault_id, secret in self._secrets:
            if vault_id == wanted:
                return secret, None if wanted == DEFAULT_ID else wanted
        raise VaultFileError(
            f"no vault password was given for the vault id '{wanted}'",
            where=self.path,
            hint=f"passwords were given for: {', '.join(dict.fromkeys(known))}",
        )
