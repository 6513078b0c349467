# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A GnuPG home in memory, for private keys that came as text: made for one run, and destroyed with it.

Private to the collection. A watching process waits for the end of this one, however it comes, and takes the home away:
an end by a signal runs nothing here. The home never is on a disk.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import typing as t
import weakref
from collections.abc import Mapping
from pathlib import Path

from ..._errors import UnsupportedError
from .pgp_program import Gpg

PREFIX = "fluxseed-gpg-"
MOUNTS = "/proc/self/mountinfo"
_IN_MEMORY = ("tmpfs", "ramfs")
_LONGEST = 80
"""Characters of a path that leave room for the longest name of a socket (the kernel takes 107)."""
_GRACE = 10
# The agent keeps keys in memory that may grow, and never looks for a card.
_AGENT = "ignore-invalid-option auto-expand-secmem\nauto-expand-secmem\ndisable-scdaemon\n"
# `read` ends when the last writer of the pipe is gone. The sockets may be in a folder of their own.
_WATCH = 'trap "" HUP INT TERM; read -r nothing; gpgconf --kill all; gpgconf --remove-socketdir; rm -rf -- "$GNUPGHOME"'
_pipes: weakref.WeakSet[t.IO[bytes]] = weakref.WeakSet()
"""To the watching processes of the homes that are there."""
_PASSED_ON = ("PATH", "HOME", "SOPS_GPG_EXEC", "LD_LIBRARY_PATH")


class MemoryHome:
    """The folder, `gpg` with it, and its end."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Make it. Raises `UnsupportedError` without memory-backed storage."""
        self.folder = tempfile.mkdtemp(prefix=PREFIX, dir=memory_folder(environment))
        passed_on = {name: environment[name] for name in _PASSED_ON if name in environment}
        self.gpg = Gpg(passed_on, home=self.folder)
        Path(self.folder, "gpg-agent.conf").write_text(_AGENT, encoding="ascii")
        self.close = weakref.finalize(self, destroy, self.folder, watch(self.gpg), os.getpid())
        """Stop the agent, and delete the folder; happens by itself when this object or the run ends."""

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_raised: object) -> None:
        self.close()


def memory_folder(environment: Mapping[str, str]) -> str:
    """A folder in memory in which sockets can be. Raises `UnsupportedError`."""
    for folder in (environment.get("XDG_RUNTIME_DIR"), f"/run/user/{os.getuid()}", "/dev/shm"):  # noqa: S108
        if folder and len(folder) <= _LONGEST and _is_in_memory(folder) and os.access(folder, os.W_OK | os.X_OK):
            return folder
    raise UnsupportedError(
        "an OpenPGP private key is given as text, gpg reads keys from files only, and there is no memory-backed "
        "folder for them",
        hint="mount a tmpfs at /dev/shm, or import the key into a GnuPG home and name that in GNUPGHOME",
    )


def _is_in_memory(folder: str) -> bool:
    """Whether the file system that a folder is on keeps nothing on a disk."""
    try:
        path, lines = os.path.realpath(folder, strict=True), Path(MOUNTS).read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    best, kind = "", ""
    for line in lines:
        before, _separator, after = line.partition(" - ")
        mounted = before.split()[4]
        # Of several on the same place the last one counts.
        if len(mounted) >= len(best) and os.path.commonpath((path, mounted)) == mounted:
            best, kind = mounted, after.split()[0]
    return kind in _IN_MEMORY


def watch(gpg: Gpg) -> subprocess.Popen[bytes]:
    """Start what takes the home of a program away as soon as this process has ended, or closes the pipe to it."""
    watching = subprocess.Popen(
        ["/bin/sh", "-c", _WATCH],
        bufsize=0,
        env={**gpg.environment, "PATH": _search_path(gpg)},
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if watching.stdin is not None:
        _pipes.add(watching.stdin)
    return watching


def _let_go() -> None:
    """Close the pipes in a copy of the process: as long as it holds them, no end of the first one is seen."""
    for pipe in tuple(_pipes):
        pipe.close()


os.register_at_fork(after_in_child=_let_go)


def _search_path(gpg: Gpg) -> str:
    """Where gpgconf is: of the installation of a program that was named by its path first."""
    folder, path = os.path.dirname(gpg.program), gpg.environment.get("PATH") or os.defpath  # noqa: PTH120 - empty for a name
    return os.pathsep.join((folder, path)) if folder else path


def destroy(folder: str, watching: subprocess.Popen[bytes], owner: int) -> None:
    """Take the home away now, if this is the process that made it."""
    if os.getpid() != owner:
        return  # a copy of the process that made it; that one lives
    if watching.stdin is not None:
        watching.stdin.close()
    try:
        watching.wait(_GRACE)
    except subprocess.TimeoutExpired:
        watching.kill()
        watching.wait()
    shutil.rmtree(folder, ignore_errors=True)
