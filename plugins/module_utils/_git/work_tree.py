# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a work tree as the next commit would have them.

Private to the collection.
"""

from __future__ import annotations

import os
import posixpath

from .._errors import FileAccessError, GitError
from .program import Git


class WorkTree:
    """Files that Git tracks or would take with `git add`, as they are on disk; without Git, all files of a folder.

    Symbolic links and submodules are left out, as in the artifacts that Flux makes.
    """

    commit = ""
    """Of no commit: not everything is committed yet."""

    def __init__(self, root: str, paths: list[str], *, is_repository: bool = True) -> None:
        self.root = root
        self.is_repository = is_repository
        """Whether Git knows this folder; otherwise its root is where the caller says."""
        self._paths = {path: None for path in sorted(paths) if _is_file(posixpath.join(root, path))}

    @classmethod
    def around(cls, git: Git, folder: str) -> WorkTree:
        """Return the work tree that a folder is in, or the folder itself when no repository is around it.

        Raises:
            FileAccessError: there is no such folder.
            GitError: Git cannot list the files.
        """
        if not os.path.isdir(folder):  # noqa: PTH112 - texts, as in the rest of the command line
            raise FileAccessError("there is no such folder", where=folder)
        found = git.run(["-C", folder, "rev-parse", "--show-toplevel"])
        if found.returncode:
            return cls.of_folder(folder)
        root = found.stdout.decode(errors="surrogateescape").removesuffix("\n")
        listed = git.run(["-C", root, "ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        if listed.returncode:
            raise GitError("the files of the work tree cannot be listed", where=root)
        return cls(root, listed.stdout.decode(errors="surrogateescape").split("\0"))

    @classmethod
    def of_folder(cls, folder: str) -> WorkTree:
        """Return all files of a folder that is in no repository."""
        root = os.path.realpath(folder)
        return cls(root, _below(root), is_repository=False)

    def paths(self) -> list[str]:
        """Return the paths of all files, sorted, relative to the root."""
        return list(self._paths)

    def __contains__(self, path: object) -> bool:
        return path in self._paths

    def read(self, path: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileAccessError: it cannot be read.
        """
        try:
            with open(posixpath.join(self.root, path), "rb") as file:  # noqa: PTH123 - as above
                return file.read()
        except OSError as exc:
            raise FileAccessError(f"cannot be read: {(exc.strerror or '').lower()}", where=path) from exc


def _below(root: str) -> list[str]:
    found = []
    for folder, _folders, names in os.walk(root):
        found += [os.path.relpath(posixpath.join(folder, name), root) for name in names]
    return found


def _is_file(path: str) -> bool:
    return os.path.isfile(path) and not os.path.islink(path)  # noqa: PTH113, PTH114 - as above
