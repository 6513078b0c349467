# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of one commit, as Git has them: uncommitted changes play no part.

Private to the collection.
"""

from __future__ import annotations

import subprocess
import threading
import typing as t
from collections.abc import Sequence

from .._errors import GitError
from .program import Git

_REGULAR = ("100644", "100755")
_AT_ONCE = 50
"""Questions that are put together; all of them fit into a pipe, so that neither side waits for the other."""


class Snapshot:
    """Paths and contents at one commit of a local repository (bare or with a work tree).

    Symbolic links and submodules are left out, as in the artifacts that Flux makes.
    """

    def __init__(self, git: Git, repository: str, commit: str) -> None:
        self._git = git
        self._repository = repository
        self.commit = commit
        self._blobs = self._list()
        self._lock = threading.Lock()
        self._reader: subprocess.Popen[bytes] | None = None

    def paths(self) -> list[str]:
        """Return the paths of all files, sorted, relative to the root of the repository."""
        return list(self._blobs)

    def __contains__(self, path: str) -> bool:
        return path in self._blobs

    def read(self, path: str) -> bytes:
        """Return the content of a file of this commit."""
        blob = self._blobs.get(path)
        if blob is None:
            raise GitError("is not in this commit", where=f"{path} at {self.commit[:12]}")
        with self._lock:
            return self._answers([path], [blob])[0]

    def read_many(self, paths: Sequence[str]) -> list[bytes]:
        """Return the contents of many files of this commit: as `read` does, with a fraction of its waiting."""
        blobs = [self._blobs[path] for path in paths]
        contents: list[bytes] = []
        with self._lock:
            for start in range(0, len(paths), _AT_ONCE):
                contents += self._answers(paths[start : start + _AT_ONCE], blobs[start : start + _AT_ONCE])
        return contents

    def _answers(self, paths: Sequence[str], blobs: Sequence[str]) -> list[bytes]:
        reader = self._start()
        source, answers = t.cast("t.IO[bytes]", reader.stdin), t.cast("t.IO[bytes]", reader.stdout)
        source.write("".join(f"{blob}\n" for blob in blobs).encode())
        source.flush()
        contents = []
        for path in paths:
            header = answers.readline().split()
            if len(header) != 3 or header[1] != b"blob":
                raise GitError("cannot be read from the repository", where=f"{path} at {self.commit[:12]}")
            contents.append(answers.read(int(header[2])))
            answers.read(1)
        return contents

    def close(self) -> None:
        """End the process that reads contents."""
        if self._reader is not None:
            self._reader.communicate()
            self._reader = None

    def _start(self) -> subprocess.Popen[bytes]:
        if self._reader is None:
            self._reader = self._git.open(["-C", self._repository, "cat-file", "--batch"])
        return self._reader

    def _list(self) -> dict[str, str]:
        result = self._git.run(["-C", self._repository, "ls-tree", "-r", "-z", "--full-tree", self.commit])
        if result.returncode:
            raise GitError("the commit cannot be listed", where=f"{self._repository} at {self.commit[:12]}")
        blobs = {}
        for entry in filter(None, result.stdout.split(b"\0")):
            description, _tab, path = entry.partition(b"\t")
            mode, _kind, blob = description.decode().split(" ")
            if mode in _REGULAR:
                blobs[path.decode(errors="surrogateescape")] = blob
        return dict(sorted(blobs.items()))
