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
import shlex
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ..._errors import InvalidInputError, KeyFormatError
from ..._files import KEEP, PRIVATE_FILE
from ..._sops.key_pairs import PGP, KeyPair
from .base import PRIVATE_SHOWN, Plan, Wanted
from .folder import KeyFolder


class KeyFile:
    """A file for its owner only."""

    def __init__(self, path: str, *, owner: str | None, group: str | None, makes_folders: bool) -> None:
        self.key = path
        self.returned: Mapping[str, str] = {"path": path}
        self._path = path
        self._owner = _id_of_user(owner), _id_of_group(group)
        self._makes_folders = makes_folders
        self._folder = KeyFolder(path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the folder, which is made for its owner only if it is missing and a key is to be put there."""
        with self._folder.held(make=self._makes_folders):
            yield

    def private(self) -> str | None:
        """Return the text of the file."""
        content = self._folder.read()
        if content is None:
            return None
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            raise KeyFormatError("this is not the text of a key file", where=self._path) from None

    def public(self) -> None:
        """Return nothing: the comment with the public key is for people."""

    def dangers(self) -> list[str]:
        """Return a warning for each folder in which others may write."""
        return [
            f"others may write in the folder {folder}, and could put a key of their own in the place of {self._path}; "
            f"take that from them: chmod go-w {shlex.quote(folder)}"
            for folder in self._folder.open_to_others()
        ]

    def plan(self, wanted: Wanted) -> Plan | None:
        """Return what differs: the key, who may read the file, whose it is."""
        there = self._folder.status()
        mode = None if there is None else stat.S_IMODE(there.st_mode)
        owner = None if there is None else (there.st_uid, there.st_gid)
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
                self._folder.replace(_text(wanted.pair), owner=self._owner)
            else:
                if "mode" in reason:
                    self._folder.close_to_others()
                if is_moved:
                    self._folder.give_file(self._owner)
            if is_moved:
                # Whoever gets them may do there as they like from then on.
                self._folder.give_new_folders(self._owner)

        return Plan(write, tuple(reason), before, after, changes_content=wanted.is_new and mode is not None)

    def plan_removal(self) -> Plan | None:
        """Return the removal of the file."""
        if self._folder.status() is None:
            return None
        return Plan(self._folder.remove, before={"private key": PRIVATE_SHOWN})

    def back_up(self) -> str:
        """Copy the file beside itself, for its owner only."""
        return self._folder.back_up()

    def _is_other(self, owner: tuple[int, int] | None) -> bool:
        if owner is None:
            return self._owner != (KEEP, KEEP)
        return self._becoming(owner) != owner

    def _becoming(self, owner: tuple[int, int]) -> tuple[int, int]:
        user, group = self._owner
        return owner[0] if user == KEEP else user, owner[1] if group == KEEP else group


def _text(pair: KeyPair) -> bytes:
    if pair.type == PGP:
        return f"{pair.private}\n".encode()
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"# created: {now}\n# public key: {pair.recipient}\n{pair.private}\n".encode()


def _id_of_user(name: str | None) -> int:
    if name is None:
        return KEEP
    try:
        return int(name) if name.isdecimal() else pwd.getpwnam(name).pw_uid
    except KeyError:
        raise InvalidInputError("there is no such user on this host", where=f"owner {name}") from None


def _id_of_group(name: str | None) -> int:
    if name is None:
        return KEEP
    try:
        return int(name) if name.isdecimal() else grp.getgrnam(name).gr_gid
    except KeyError:
        raise InvalidInputError("there is no such group on this host", where=f"group {name}") from None


def _shown_owner(owner: tuple[int, int]) -> str:
    return f"{owner[0]}:{owner[1]}"
