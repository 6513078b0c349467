# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key pair in two variables of a file under Ansible Vault.

Private to the collection. Reading and writing such a file needs Ansible's own process, which hands in how.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ..._errors import InvalidInputError, KeyFormatError
from ..._files import DIRECTORY, back_up_file, folder_lock
from ..._sops.key_pairs import PGP, holds_private_key, tidy
from .base import PRIVATE_SHOWN, Plan, Wanted

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RECIPIENT = re.compile(r"age1[02-9ac-hj-np-z]{58,}|age1pq1[02-9ac-hj-np-z]{100,}|[0-9A-F]{40}|[0-9A-F]{64}")
_NO_RECIPIENT = "(no public key, not shown)"
_SWAPPED = "are public_variable and private_variable swapped?"


def default_names(kind: str) -> tuple[str, str]:
    """Names of the public and the private variable for a type of key."""
    prefix = "sops_pgp" if kind == PGP else "sops_age"
    return f"{prefix}_{'fingerprint' if kind == PGP else 'public_key'}", f"{prefix}_private_key"


class VaultVariables:
    """Two variables of one file; all else in the file stays."""

    def __init__(
        self, open_file: t.Any, path: str, *, names: tuple[str, str], vault_id: str | None, makes_folders: bool
    ) -> None:
        """Take what opens such files, None where the passwords of the play are not at hand."""
        if open_file is None:
            raise InvalidInputError(
                "vault_file needs the vault passwords of the play, which only Ansible's own process has",
                where="vault_file",
                hint="use 'connection: local' or 'delegate_to: localhost', 'become: false', and no 'async'",
            )
        self._public, self._private = names
        for option, name in (("public_variable", self._public), ("private_variable", self._private)):
            if not _NAME.fullmatch(name):
                raise InvalidInputError(f"{name!r} is no name of a variable", where=option)
        if self._public == self._private:
            raise InvalidInputError("both name the same variable", where="public_variable, private_variable")
        self.key = f"{path}, variable {self._private}"
        self.returned: Mapping[str, str] = {"path": path}
        self._path = path
        self._makes_folders = makes_folders
        self._file = open_file(path).with_vault_id(vault_id)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder, which is made if it is missing and a key is to be put there."""
        with folder_lock(self._path, make=DIRECTORY if self._makes_folders else None):
            yield

    def private(self) -> str | None:
        """Return the value of the private variable."""
        found = self._found()
        if self._private not in found:
            return None
        value = found[self._private]
        if not isinstance(value, str):
            raise KeyFormatError("this is not the text of a private key", where=self.key)
        if not self._file.is_hidden(self._private):
            raise KeyFormatError(
                "the private key stands in clear in a file that is not encrypted",
                where=self.key,
                hint="encrypt the file with 'ansible-vault encrypt'; if it ever was in Git, make another key",
            )
        return tidy(value)

    def public(self) -> str | None:
        """Return the value of the public variable."""
        value = self._found().get(self._public)
        if holds_private_key(value):
            raise KeyFormatError(
                "a private key stands where the public key is due",
                where=f"{self._path}, variable {self._public}",
                hint=_SWAPPED,
            )
        return None if value is None else _as_shown(value)

    def dangers(self) -> tuple[str, ...]:
        """Return nothing: whoever may write there cannot make what the vault password opens."""
        return ()

    def plan(self, wanted: Wanted) -> Plan | None:
        """Return what differs: the private key, or the public one beside it."""
        found = self._found()
        before = self._shown(found)
        values = {self._public: wanted.recipient}
        if wanted.is_new:
            values[self._private] = wanted.private
        elif found.get(self._public) == wanted.recipient:
            return None
        content = self._file.plan(values, secret=(self._private,))
        after = {self._public: wanted.recipient, self._private: PRIVATE_SHOWN}
        reason = () if wanted.is_new else ("public_variable",)
        return Plan(lambda: self._file.write(content), reason, before, after, changes_content=self._file.exists)

    def plan_removal(self) -> Plan | None:
        """Return the file without the two variables."""
        found = self._found()
        content = self._file.plan_without((self._public, self._private))
        if content is None:
            return None
        return Plan(lambda: self._file.write(content), before=self._shown(found))

    def back_up(self) -> str:
        """Copy the file beside itself."""
        return back_up_file(self._path)

    def _found(self) -> dict[str, t.Any]:
        return t.cast("dict[str, t.Any]", self._file.read((self._public, self._private)))

    def _shown(self, found: Mapping[str, t.Any]) -> dict[str, str]:
        return {
            name: PRIVATE_SHOWN if name == self._private else _as_shown(found[name])
            for name in (self._public, self._private)
            if name in found
        }


def _as_shown(value: t.Any) -> str:
    """Return a public key; whatever else stands in its place may be a secret."""
    return value if isinstance(value, str) and _RECIPIENT.fullmatch(value) else _NO_RECIPIENT
