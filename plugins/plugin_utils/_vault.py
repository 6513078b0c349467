# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables files under Ansible Vault, as a whole or value by value (`!vault`): read, and changed in place.

Private to the collection, and for the controller only: Ansible's vault library is not there on a
target. The decrypted text exists in memory alone.
"""

from __future__ import annotations

import typing as t
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ansible import constants
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, get_file_vault_secret, is_encrypted, parse_vaulttext_envelope

from ..module_utils._errors import VaultFileError
from ..module_utils._files import PRIVATE_FILE, make_directory, read_file_if_exists, replace_file
from ._variables import OtherTag, Variables

Secrets = Sequence[tuple[str, t.Any]]
"""Ansible's own form: vault id and `VaultSecret`."""

DEFAULT_ID = "default"
INLINE_TAGS = frozenset({"!vault", "!vault-encrypted"})
_GIVE = "use --vault-password-file, --vault-id, --ask-vault-pass or vault_password_file in ansible.cfg"


def play_secrets(loader: DataLoader) -> Secrets:
    """Return the vault secrets that the running play was started with."""
    return list(loader._vault.secrets or [])  # noqa: SLF001 - what Ansible's own actions use


class VaultFile:
    """One variables file, which may not exist yet: encrypted as a whole, or in clear with single encrypted values."""

    def __init__(self, path: str, secrets: Secrets, *, vault_id: str | None = None) -> None:
        """Take the file and the secrets; `vault_id` labels what is new, what is there keeps its label."""
        self.path = path
        self._secrets = list(secrets)
        self._vault_id = vault_id
        self._label: str | None = None
        self._secret: t.Any = None
        self._variables: Variables | None = None
        self._inline: dict[str, tuple[t.Any, str | None]] = {}
        """Secret and label of the single values that were opened."""
        self.exists = False
        self.is_clear = False
        """The file is there, and is not encrypted as a whole."""

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
        """Return the same file with the label for what is new in it."""
        return VaultFile(self.path, self._secrets, vault_id=vault_id)

    def read(self, opened: Collection[str] = ()) -> dict[str, t.Any]:
        """Return the variables. A file that does not exist holds none.

        Single encrypted values stay closed, save for those of the variables named in `opened`.
        """
        values = self._load().values()
        for name in opened:
            value = values.get(name)
            if isinstance(value, OtherTag) and value.tag in INLINE_TAGS:
                values[name] = self._open_value(name, value.text)
        return values

    def is_hidden(self, name: str) -> bool:
        """Return whether the variable is encrypted, by itself or with the whole file."""
        value = self._load().values().get(name)
        return not self.is_clear or (isinstance(value, OtherTag) and value.tag in INLINE_TAGS)

    def plan(self, variables: Mapping[str, str], *, secret: Collection[str] = ()) -> bytes | None:
        """Return the new content of the file with these variables in it, or None if they all are there.

        Everything else in the file stays as it is, byte for byte once decrypted. In a file in clear the variables
        named in `secret` are encrypted one by one.
        """
        current = self._load()
        values = self.read(variables)
        wanted: dict[str, str | OtherTag] = {
            name: value
            for name, value in variables.items()
            if values.get(name) != value or (name in secret and not self.is_hidden(name))
        }
        if self.is_clear:
            for name in secret:
                if name in wanted:
                    wanted[name] = self._sealed(name, variables[name])
        return self._content(current.with_values(wanted))

    def plan_without(self, names: Collection[str]) -> bytes | None:
        """Return the new content of the file without these variables, or None if it has none of them."""
        return self._content(self._load().without(names))

    def write(self, content: bytes) -> None:
        """Replace the file in one step; a new one is for its owner only."""
        make_directory(str(Path(self.path).resolve().parent))
        replace_file(self.path, content, mode=None if self.exists else PRIVATE_FILE)

    def _load(self) -> Variables:
        if self._variables is None:
            content = read_file_if_exists(self.path)
            self.exists = content is not None
            self.is_clear = content is not None and not is_encrypted(content)
            self._variables = Variables(self._plain(content), where=self.path)
        return self._variables

    def _plain(self, content: bytes | None) -> str:
        if content is None:
            return "---\n"
        if not self.is_clear:
            return self._decrypt(content)
        from ..module_utils._sops import document  # noqa: PLC0415 - most files are encrypted as a whole

        if document.is_encrypted(content):
            raise VaultFileError(
                "this file is encrypted with SOPS, and not with Ansible Vault",
                where=self.path,
                hint="a change by hand would break it; name another file",
            )
        return _text(content, self.path)

    def _content(self, changed: Variables | None) -> bytes | None:
        if changed is None or self.is_clear:
            return None if changed is None else changed.text.encode()
        secret, label = self._encryption(self._secret, self._label) if self.exists else self._encryption()
        return t.cast("bytes", VaultLib().encrypt(changed.text, secret=secret, vault_id=label))

    def _sealed(self, name: str, value: str) -> OtherTag:
        """Return a value encrypted by itself: as it was before, or as a new one."""
        secret, label = self._encryption(*self._inline.get(name, (None, None)))
        sealed: bytes = VaultLib().encrypt(value, secret=secret, vault_id=label)
        return OtherTag("!vault", sealed.decode("ascii"))

    def _open_value(self, name: str, text: str) -> str:
        where = f"{self.path}, variable {name}"
        plain, self._inline[name] = self._open(text.encode(), where, "this value")
        return _text(plain, where)

    def _decrypt(self, content: bytes) -> str:
        plain, (self._secret, self._label) = self._open(content, self.path, "this file")
        return _text(plain, self.path)

    def _open(self, content: bytes, where: str, what: str) -> tuple[bytes, tuple[t.Any, str | None]]:
        """Return what was encrypted, and the secret and the label that it was encrypted with."""
        if not self._secrets:
            raise VaultFileError(f"{what} needs a vault password and none was given", where=where, hint=_GIVE)
        try:
            label = parse_vaulttext_envelope(content)[3]
            plain, _id, secret = VaultLib(self._secrets).decrypt_and_get_vault_id(content)
        except AnsibleError as exc:
            known = ", ".join(sorted({vault_id for vault_id, _secret in self._secrets}))
            raise VaultFileError(
                f"no vault password at hand opens {what}, or it was changed after its encryption",
                where=where,
                hint=f"passwords were given for the vault ids: {known}",
            ) from exc
        return bytes(plain), (secret, str(label) if label else None)

    def _encryption(self, present: t.Any = None, label: str | None = None) -> tuple[t.Any, str | None]:
        """Return the secret and the label to encrypt with: those of what is there, or of what is new."""
        if present is not None:
            return present, label
        wanted = self._vault_id or constants.DEFAULT_VAULT_ENCRYPT_IDENTITY
        if not self._secrets:
            raise VaultFileError(f"{self._new} needs a vault password and none was given", where=self.path, hint=_GIVE)
        known = [vault_id for vault_id, _secret in self._secrets]
        if wanted is None:
            if len(set(known)) > 1:
                raise VaultFileError(
                    f"several vault ids are at hand for {self._new}",
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

    @property
    def _new(self) -> str:
        return "a new value" if self.is_clear else "a new file"


def _text(content: bytes, where: str) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # The cause would carry the bytes, which may have been decrypted.
        raise VaultFileError("the content is not UTF-8 text", where=where) from None
