# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of a key file, held open from the first look to the last write.

Private to the collection. Root may put a key into a folder of somebody who would like to have a key of root's, or a file
of their own where only root may write. So a symbolic link counts only if it belongs to root or to whom this process runs
as; and the folder is reached once, step by step, and used by its descriptor: what is swapped on the way later is of no
avail.
"""

from __future__ import annotations

# What is done relative to a descriptor are calls of os.
# ruff: noqa: PTH109
import contextlib
import errno
import os
import stat
import typing as t
from collections.abc import Iterator

from ..._errors import FileAccessError
from ..._files import (
    PRIVATE_DIRECTORY,
    PRIVATE_FILE,
    backup_names,
    cannot,
    lock_folder,
    prepare_file,
    sync_folder,
    temporary_name,
)

_OPEN = os.O_NOFOLLOW | os.O_CLOEXEC
# Folders on the way need not be readable, as /home often is not.
_PASS = _OPEN | os.O_DIRECTORY | getattr(os, "O_PATH", getattr(os, "O_SEARCH", os.O_RDONLY))
_MOST_LINKS = 40
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class _Made(t.NamedTuple):
    parent: int
    name: str
    descriptor: int


class KeyFolder:
    """The folder, and one file in it that may not be there."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._name = ""
        """Of the file itself, if the path was a link to it; empty as long as there is no folder for it."""
        self._parts: list[str] = []
        self._at = -1
        self._passed: list[tuple[int, str]] = []
        self._made: list[_Made] = []
        self._links: list[tuple[int, str]] = []
        """Links to the file, which go with it."""

    @contextlib.contextmanager
    def held(self, *, make: bool) -> Iterator[None]:
        """Lock the folder while the file is read, changed and written, so that two hosts of one play do not do it at once.

        With `make`, what is missing of it is made first, for its owner only, and removed again if the work fails; without
        it there may be none, and no file then.
        """
        with contextlib.ExitStack() as stack:
            try:
                if self._reach(stack, make=make):
                    self._lock(stack)
                yield
            except BaseException:
                self._take_back()
                raise

    def status(self) -> os.stat_result | None:
        """What the system knows of the file, None if it is not there."""
        found = self._lstat(self._name) if self._name else None
        if found is None or stat.S_ISREG(found.st_mode):
            return found
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "no regular file"
        raise FileAccessError(f"this is {what}, a file is needed", where=self._path)

    def read(self) -> bytes | None:
        """The content of the file, None if it is not there."""
        if self.status() is None:
            return None
        with self._telling("read"), os.fdopen(self._open(), "rb") as file:
            return file.read()

    def replace(self, content: bytes, *, owner: tuple[int, int]) -> None:
        """Give the file this content in one step. It is closed to others from its first byte on, and has its owner at once."""
        kept, temporary = self.status(), temporary_name(self._name)
        with self._telling("write"), contextlib.ExitStack() as stack:
            stack.callback(self._forget, temporary)
            source = stack.enter_context(self._opened()) if kept else -1
            prepare_file(temporary, content, kept=kept, source=source, mode=PRIVATE_FILE, owner=owner, folder=self._at)
            os.rename(temporary, self._name, src_dir_fd=self._at, dst_dir_fd=self._at)
            sync_folder(self._at)

    def close_to_others(self) -> None:
        """Let only the owner read and write the file."""
        with self._telling("change the mode of"), self._opened() as file:
            os.fchmod(file, PRIVATE_FILE)

    def give_file(self, owner: tuple[int, int]) -> None:
        """Change who owns the file."""
        with self._telling("change the owner of"), self._opened() as file:
            os.fchown(file, *owner)

    def give_new_folders(self, owner: tuple[int, int]) -> None:
        """Change who owns the folders that were made; from below, so that nobody is let in before all is done there."""
        with self._telling("change the owner of the folder of"):
            for made in reversed(self._made):
                descriptor = os.open(".", _OPEN | os.O_DIRECTORY, dir_fd=made.descriptor)
                try:
                    os.fchown(descriptor, *owner)
                finally:
                    os.close(descriptor)

    def remove(self) -> None:
        """Remove the file, and the links by which the path led to it."""
        with self._telling("remove"):
            for folder, name in ((self._at, self._name), *self._links):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(name, dir_fd=folder)
            sync_folder(self._at)

    def back_up(self) -> str:
        """Copy the file beside itself, for its owner only; return where."""
        copy = next(name for name in backup_names(self._name) if self._lstat(name) is None)
        with self._telling("back up"), self._opened() as source:
            prepare_file(
                copy,
                self.read() or b"",
                kept=os.fstat(source),
                source=source,
                mode=PRIVATE_FILE,
                folder=self._at,
            )
            sync_folder(self._at)
        return self._shown(copy)

    def open_to_others(self) -> list[str]:
        """Folders on the way in which somebody else could put another file, or folder, in the place of this one."""
        return [shown for descriptor, shown in self._passed if _is_open(os.fstat(descriptor).st_mode)]

    def _reach(self, stack: contextlib.ExitStack, *, make: bool) -> bool:
        """Go to the folder, and make what is missing of it if asked to; return whether it is there."""
        left = _parts(self._path)
        if not self._path.startswith("/"):
            left += _parts(os.getcwd())
        links = 0
        self._pass("/", _PASS, None, stack)
        while left:
            part = left.pop()
            found = self._lstat(part)
            if found is not None and stat.S_ISLNK(found.st_mode):
                links += 1
                target = self._target(part, found, links)
                if not left:
                    self._links.append((self._at, part))
                if target.startswith("/"):
                    self._parts.clear()
                    self._at = self._passed[0][0]
                left += _parts(target)
            elif not left and part != "..":
                self._name = part
                return True
            elif found is not None:
                self._pass(part, _PASS, self._at, stack)
            elif not make:
                return False
            else:
                self._make(part, left, stack)
        raise FileAccessError("this is a folder, a file is needed", where=self._path)

    def _lock(self, stack: contextlib.ExitStack) -> None:
        """Keep others from writing in the folder until the end."""
        with self._telling("lock the folder of"):
            # Reading is what a lock and a lasting name take.
            self._at = os.open(".", _OPEN | os.O_DIRECTORY, dir_fd=self._at)
            stack.callback(os.close, self._at)
            lock_folder(self._at)

    def _take_back(self) -> None:
        """Remove the folders that were made."""
        for made in reversed(self._made):
            with contextlib.suppress(OSError):  # somebody else has put something there
                os.rmdir(made.name, dir_fd=made.parent)

    def _make(self, part: str, left: list[str], stack: contextlib.ExitStack) -> None:
        parent = self._at
        with self._telling("make the folder of"):
            try:
                os.mkdir(part, PRIVATE_DIRECTORY, dir_fd=parent)
            except FileExistsError:
                left.append(part)  # somebody else was faster
                return
        self._pass(part, _PASS, parent, stack)
        self._made.append(_Made(parent, part, self._at))

    def _pass(self, part: str, flags: int, folder: int | None, stack: contextlib.ExitStack) -> None:
        with self._telling("open the folder of"):
            self._at = os.open(part, flags, dir_fd=folder)
        stack.callback(os.close, self._at)
        if part == "..":
            del self._parts[-1:]
        elif part != "/":
            self._parts.append(part)
        self._passed.append((self._at, self._shown()))

    def _target(self, part: str, found: os.stat_result, links: int) -> str:
        if found.st_uid not in (0, os.geteuid()):
            raise FileAccessError(
                f"the symbolic link {self._shown(part)} belongs to another user (number {found.st_uid}), and is not followed",
                where=self._path,
                hint="name the path that it is to lead to, or run the task as that user (become_user)",
            )
        with self._telling("read"):
            target = os.readlink(part, dir_fd=self._at)
            again = os.stat(part, dir_fd=self._at, follow_symlinks=False)
            if links > _MOST_LINKS or _identity(again) != _identity(found):
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        return target

    def _lstat(self, name: str) -> os.stat_result | None:
        with self._telling("read"):
            try:
                return os.stat(name, dir_fd=self._at, follow_symlinks=False)
            except FileNotFoundError:
                return None

    def _open(self) -> int:
        return os.open(self._name, _OPEN | os.O_RDONLY | os.O_NONBLOCK, dir_fd=self._at)

    @contextlib.contextmanager
    def _opened(self) -> Iterator[int]:
        descriptor = self._open()
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _forget(self, name: str) -> None:
        # After the rename there is nothing to remove. This also runs on Ctrl-C.
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=self._at)

    def _shown(self, *more: str) -> str:
        return "/" + "/".join((*self._parts, *more))

    @contextlib.contextmanager
    def _telling(self, verb: str) -> Iterator[None]:
        try:
            yield
        except OSError as exc:
            raise cannot(verb, self._path, exc) from exc


def _parts(path: str) -> list[str]:
    """What a path consists of, the last one first."""
    return [part for part in reversed(path.split("/")) if part not in ("", ".")]


def _is_open(mode: int) -> bool:
    # With the sticky bit others may add files, and neither rename nor remove any.
    return bool(mode & _OTHERS_WRITE) and not mode & stat.S_ISVTX


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_dev, found.st_ino, found.st_ctime_ns
