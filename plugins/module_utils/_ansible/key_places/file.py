# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key pair in a private file, as age-keygen writes it; a PGP key in armor.

Private to the collection.
"""

from __future__ import annotations

import datetime as dt
import grp
import pwd
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ..._errors import InvalidInputError, KeyFormatError
from ..._files import (
    PRIVATE_DIRECTORY,
    PRIVATE_FILE,
    back_up_file,
    file_mode,
    file_owner,
    folder_lock,
    missing_folders,
    read_file_if_exists,
    remove_file,
    replace_file,
    set_mode,
    set_owner,
)
from ..._sops.key_pairs import PGP, KeyPair
from .base import PRIVATE_SHOWN, Plan, Wanted, insist_on_a_name

_LEAVE = -1


class KeyFile:
    """A file for its owner only."""

    def __init__(self, path: str, *, owner: str | None, group: str | None, check_mode: bool) -> None:
        self.key = insist_on_a_name(path, where="path")
        self.returned: Mapping[str, str] = {"path": path}
        self._path = path
        self._owner = _id_of_user(owner), _id_of_group(group)
        self._check_mode = check_mode
        self._new_folders: list[str] = []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder, which is made for its owner only if it is missing."""
        self._new_folders = missing_folders(self._path)
        with folder_lock(self._path, make=None if self._check_mode else PRIVATE_DIRECTORY):
            yield

    def private(self) -> str | None:
        """Return the text of the file."""
        content = read_file_if_exists(self._path)
        if content is None:
            return None
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            raise KeyFormatError("this is not the text of a key file", where=self._path) from None

    def public(self) -> None:
        """Return nothing: the comment with the public key is for people."""

    def plan(self, wanted: Wanted) -> Plan | None:
        """Return what differs: the key, who may read the file, whose it is."""
        mode, owner = file_mode(self._path), file_owner(self._path)
        before: dict[str, str] = {}
        after: dict[str, str] = {}
        reason: list[str] = []
        if (mode is not None and mode & 0o077) or wanted.is_new:
            before |= {} if mode is None else {"mode": f"{mode:04o}"}
            after["mode"] = f"{PRIVATE_FILE:04o}"
            reason += ["mode"] if mode is not None and mode & 0o077 else []
        is_moved = self._is_other(owner)
        if is_moved and owner is not None:
            before["owner"], after["owner"] = _shown_owner(owner), _shown_owner(self._becoming(owner))
            reason.append("owner")
        if wanted.is_new:
            before |= {"private key": PRIVATE_SHOWN} if mode is not None else {}
            after |= {"public key": wanted.recipient, "private key": PRIVATE_SHOWN}
        elif not reason:
            return None

        def write() -> None:
            if wanted.is_new and wanted.pair:
                # Closed to others from its first byte on, and given away as the last thing.
                replace_file(self._path, _text(wanted.pair), mode=PRIVATE_FILE)
            elif "mode" in reason:
                set_mode(self._path, PRIVATE_FILE)
            if is_moved:
                for each in (*self._new_folders, self._path):
                    set_owner(each, *self._owner)

        return Plan(write, tuple(reason), before, after, changes_content=wanted.is_new and mode is not None)

    def plan_removal(self) -> Plan | None:
        """Return the removal of the file."""
        if file_mode(self._path) is None:
            return None
        return Plan(lambda: remove_file(self._path), before={"private key": PRIVATE_SHOWN})

    def back_up(self) -> str:
        """Copy the file beside itself, for its owner only."""
        copy = back_up_file(self._path)
        set_mode(copy, PRIVATE_FILE)
        return copy

    def _is_other(self, owner: tuple[int, int] | None) -> bool:
        if owner is None:
            return self._owner != (_LEAVE, _LEAVE)
        return self._becoming(owner) != owner

    def _becoming(self, owner: tuple[int, int]) -> tuple[int, int]:
        user, group = self._owner
        return owner[0] if user == _LEAVE else user, owner[1] if group == _LEAVE else group


def _text(pair: KeyPair) -> bytes:
    if pair.type == PGP:
        return f"{pair.private}\n".encode()
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"# created: {now}\n# public key: {pair.recipient}\n{pair.private}\n".encode()


def _id_of_user(name: str | None) -> int:
    if name is None:
        return _LEAVE
    try:
        return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid
    except KeyError:
        raise InvalidInputError("there is no such user on this host", where=f"owner {name}") from None


def _id_of_group(name: str | None) -> int:
    if name is None:
        return _LEAVE
    try:
        return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise InvalidInputError("there is no such group on this host", where=f"group {name}") from None


def _shown_owner(owner: tuple[int, int]) -> str:
    return f"{owner[0]}:{owner[1]}"
