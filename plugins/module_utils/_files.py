# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading files, and replacing one so that a reader sees the old or the new, never half of it.

Private to the collection. Files of the user are written here, save for key files (`_ansible/key_places/folder.py`), to
which no link of somebody else may lead.
"""

from __future__ import annotations

# Descriptors, locks and fsync are calls of os; pathlib beside them would only cost start-up time.
# ruff: noqa: PTH100, PTH101, PTH102, PTH104, PTH106, PTH108, PTH112, PTH116, PTH118, PTH119, PTH120, PTH123
import contextlib
import errno
import fcntl
import itertools
import os
import stat
import time
from collections.abc import Iterator

from ._errors import FileAccessError

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700
DIRECTORY = 0o777
"""What the umask leaves of it."""
KEEP = -1
"""A user or a group that stays."""

_NOT_SUPPORTED = frozenset({errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENOLCK})


def read_file(path: str) -> bytes:
    """Return the content of a file."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as exc:
        raise cannot("read", path, exc) from exc


def read_file_if_exists(path: str) -> bytes | None:
    """Return the content of a file, or None if there is none. A folder that cannot be searched is an error."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise cannot("read", path, exc) from exc


def file_mode(path: str) -> int | None:
    """Return the permission bits of a file, or None if there is none."""
    found = _stat(path)
    return None if found is None else stat.S_IMODE(found.st_mode)


def replace_file(path: str, content: bytes, *, mode: int | None = None) -> None:
    """Give a file this content in one step.

    Mode, owner, group and access lists of an existing file are kept, `mode` wins over the kept mode. A new
    file gets `mode`, or what the umask leaves. Symbolic links are followed and stay. Pipes and devices
    are written to. The content is on the disk when this returns.
    """
    target = os.path.realpath(path)
    found = _stat(target)
    if found is not None and not stat.S_ISREG(found.st_mode):
        if stat.S_ISDIR(found.st_mode):
            raise FileAccessError("this is a folder, a file is needed", where=path)
        _write_through(target, content, shown=path)
        return
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, temporary_name(os.path.basename(target)))
    try:
        prepare_file(temporary, content, kept=found, source=target, mode=mode)
        os.rename(temporary, target)
        _sync_folder(folder)
    except OSError as exc:
        raise cannot("write", path, exc) from exc
    finally:
        # After the rename there is nothing to remove. This also runs on Ctrl-C.
        with contextlib.suppress(OSError):
            os.unlink(temporary)


def make_private_directory(path: str) -> None:
    """Make a folder and those above it, each for the owner only. What exists already is left as it is."""
    _make_directories(path, PRIVATE_DIRECTORY)


def make_directory(path: str) -> None:
    """Make a folder and those above it with the modes the umask leaves."""
    _make_directories(path, DIRECTORY)


def set_mode(path: str, mode: int) -> None:
    """Change the permission bits of a file."""
    try:
        os.chmod(path, mode)
    except OSError as exc:
        raise cannot("change the mode of", path, exc) from exc


def back_up_file(path: str) -> str:
    """Copy a file beside itself, with its mode and owner, under a name as Ansible gives it; return the name.

    Variables files of that name, which ends in a tilde, are not read by Ansible.
    """
    target = os.path.realpath(path)
    copy = next(each for each in backup_names(target) if not os.path.lexists(each))
    try:
        kept = os.stat(target)
        prepare_file(copy, read_file(target), kept=kept, source=target, mode=None)
        _sync_folder(os.path.dirname(target))
    except OSError as exc:
        raise cannot("back up", path, exc) from exc
    return copy


def backup_names(name: str) -> Iterator[str]:
    """Names for a copy of a file, of which the first that is free is due: several may be made in one second."""
    moment = time.strftime("%Y-%m-%d@%H:%M:%S", time.localtime())
    for number in itertools.count():
        yield f"{name}.{os.getpid()}.{moment}{'.' * number}~"


def temporary_name(name: str) -> str:
    """A name for a file under way; hidden, so that nothing which lists the folder takes it for a file of its own."""
    return f".{name[:100]}.{os.urandom(6).hex()}.tmp"


@contextlib.contextmanager
def folder_lock(path: str, *, make: int | None = None) -> Iterator[None]:
    """Hold the folder of a file while it is read, changed and written.

    Keeps two hosts of one play from losing each other's change to a shared file. No lock file is left
    behind: the folder itself is locked. With `make`, a missing folder is made first, with these
    permissions, and removed again if the work fails; without it there is nothing to lock and nothing
    may be written. A file system without locks is worked on without.
    """
    folder = os.path.dirname(os.path.realpath(path))
    made = _make_directories(folder, make) if make is not None else []
    if not os.path.isdir(folder):
        yield
        return
    descriptor = _lock(folder)
    try:
        yield
    except BaseException:
        for each in reversed(made):
            with contextlib.suppress(OSError):  # somebody else has put something there
                os.rmdir(each)
        raise
    finally:
        os.close(descriptor)


def _lock(folder: str) -> int:
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as exc:
        raise cannot("open the folder", folder, exc) from exc
    try:
        lock_folder(descriptor)
    except OSError as exc:
        os.close(descriptor)
        raise cannot("lock the folder", folder, exc) from exc
    return descriptor


def lock_folder(descriptor: int) -> None:
    """Wait for a folder until nobody else holds it; closing it lets it go."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    except OSError as exc:
        if exc.errno not in _NOT_SUPPORTED:
            raise


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise cannot("read", path, exc) from exc


def prepare_file(
    temporary: str,
    content: bytes,
    *,
    kept: os.stat_result | None,
    source: str | int,
    mode: int | None,
    owner: tuple[int, int] = (KEEP, KEEP),
    folder: int | None = None,
) -> None:
    """Write the new file beside the old one, with everything but its name final.

    What the file has that was there, `kept`, stays, save for what `mode` and `owner` say; `source` is that file. With
    the descriptor of a folder the name is one in it. Raises `OSError`.
    """
    # With a mode to set, the file is closed to others until it is set; else the umask decides.
    first = 0o666 if kept is None and mode is None else PRIVATE_FILE
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, first, dir_fd=folder)
    with os.fdopen(descriptor, "wb") as file:
        _set_owner(file.fileno(), kept, owner)
        if kept is not None:
            _copy_attributes(source, file.fileno())
        file.write(content)
        file.flush()
        if mode is not None:
            os.fchmod(file.fileno(), mode)
        elif kept is not None:
            os.fchmod(file.fileno(), stat.S_IMODE(kept.st_mode))
        os.fsync(file.fileno())


def _set_owner(descriptor: int, kept: os.stat_result | None, owner: tuple[int, int]) -> None:
    made = os.fstat(descriptor)
    before = made if kept is None else kept
    user, group = owner
    wanted = (before.st_uid if user == KEEP else user, before.st_gid if group == KEEP else group)
    if (made.st_uid, made.st_gid) != wanted:
        # Refused unless root or (for the group) a member: then nothing is replaced. A secret file that
        # changes its owner in silence would be worse than an error.
        os.fchown(descriptor, *wanted)


def _copy_attributes(source: str | int, descriptor: int) -> None:
    """Carry over access lists and security labels; without the list, the mode's group bits would mean more."""
    if not hasattr(os, "listxattr"):
        return
    try:
        names = os.listxattr(source)
    except OSError as exc:
        if exc.errno in _NOT_SUPPORTED:
            return
        raise
    for name in names:
        if name == "system.posix_acl_access":
            os.setxattr(descriptor, name, os.getxattr(source, name))
        else:
            # Labels belong to the system's policy, which may have its own opinion about new files.
            with contextlib.suppress(OSError):
                os.setxattr(descriptor, name, os.getxattr(source, name))


def _write_through(path: str, content: bytes, *, shown: str) -> None:
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as exc:
        raise cannot("write", shown, exc) from exc


def _sync_folder(folder: str) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_folder(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(descriptor: int) -> None:
    """Make a new name in a folder durable; some file systems cannot, and need not be asked again."""
    try:
        os.fsync(descriptor)
    except OSError as exc:
        if exc.errno not in _NOT_SUPPORTED:
            raise


def _make_directories(path: str, mode: int) -> list[str]:
    """Make what is missing of a path and return it, from the top."""
    missing = []
    folder = os.path.abspath(path)
    while not os.path.isdir(folder):
        missing.append(folder)
        parent = os.path.dirname(folder)
        if parent == folder:
            break
        folder = parent
    made = []
    for folder in reversed(missing):
        try:
            os.mkdir(folder, mode)
            made.append(folder)
        except FileExistsError as exc:
            if not os.path.isdir(folder):  # made by somebody else in between is fine, a file is not
                raise cannot("make the folder", folder, exc) from exc
        except OSError as exc:
            raise cannot("make the folder", folder, exc) from exc
    return made


def cannot(verb: str, path: str, exc: OSError) -> FileAccessError:
    """The error that says what the system refused, and what to do."""
    hint = None
    if exc.errno in {errno.EACCES, errno.EPERM}:
        hint = "check owner and mode of the file and of its folder"
    elif exc.errno == errno.EROFS:
        hint = "the file system is read-only"
    elif exc.errno == errno.ENOSPC:
        hint = "make room on the disk; the old file is unchanged"
    reason = (exc.strerror or type(exc).__name__).lower()
    return FileAccessError(f"cannot {verb} this file: {reason}", where=path, hint=hint)
