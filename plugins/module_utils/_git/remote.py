# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A branch of a remote, and a checkout of it: which commit, and what is in it.

Private to the collection.
"""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
import typing as t
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .._errors import GitAuthenticationError, GitError, GitReferenceError, MissingLibraryError
from .probe import is_refused
from .program import Credential, Git, check_url, failure
from .snapshot import Snapshot

PROACTIVE = (2, 46)
"""Since this version, git sends a credential unasked when told to."""
MEMORY_FOLDER = "/dev/shm"  # noqa: S108 - a private folder is made in it
MEMORY_NEEDED = 1 << 30


class Remote(t.NamedTuple):
    """A repository by URL, with the one credential that may be used for it."""

    git: Git
    url: str
    credential: Credential | None = None

    def branches(self) -> dict[str, str]:
        """Return the commits at the heads of all branches."""
        check_url(self.url)
        result = self.git.run(["ls-remote", "--heads", self.url], url=self.url, credential=self.credential)
        if result.returncode:
            raise failure(result, self.url, self.credential)
        self._insist()
        pairs = (line.split("\t", 1) for line in result.stdout.decode(errors="replace").splitlines())
        return {name.removeprefix("refs/heads/"): commit for commit, name in pairs}

    def head(self, branch: str) -> str:
        """Return the commit at the head of a branch.

        Raises:
            GitReferenceError: there is no such branch; the message lists those there are.
        """
        branches = self.branches()
        if branch not in branches:
            raise missing_branch(self.url, branch, branches)
        return branches[branch]

    def _insist(self) -> None:
        """Refuse a credential that the server does not take, although it shows the repository without one."""
        if self.credential is None or self.git.version() >= PROACTIVE:
            return
        if is_refused(self.url, self.credential, self.git.environment):
            raise GitAuthenticationError(
                "the repository is public, but the remote refused the credential, and Flux would send it",
                where=self.url,
                hint="is the token current? Or give none, and take secretRef out of gotk-sync.yaml",
            )

    @contextmanager
    def fetched(self, branch: str) -> Iterator[Snapshot]:
        """Fetch the head of a branch, without its history, into a private folder that is removed at the end."""
        check_url(self.url)
        with tempfile.TemporaryDirectory(prefix="fluxseed-git-", dir=_folder()) as folder:
            if self.git.run(["init", "--quiet", "--bare", folder]).returncode:
                raise GitError("git cannot make a repository here", where=folder)
            fetch = ["-C", folder, "fetch", "--quiet", "--depth=1", "--no-tags", "--no-recurse-submodules"]
            result = self.git.run([*fetch, self.url, f"refs/heads/{branch}"], url=self.url, credential=self.credential)
            if result.returncode:
                error = failure(result, self.url, self.credential)
                if isinstance(error, GitReferenceError):
                    error = missing_branch(self.url, branch, self.branches())
                raise error
            self._insist()
            commit = Path(folder, "FETCH_HEAD").read_text().split()[0]
            snapshot = Snapshot(self.git, folder, commit)
            try:
                yield snapshot
            finally:
                snapshot.close()


@contextmanager
def checkout(git: Git, folder: str) -> Iterator[Snapshot]:
    """Read the commit that is checked out in a local folder; its uncommitted changes are not seen."""
    if shutil.which("git", path=git.environment.get("PATH")) is None:
        raise MissingLibraryError("The program git", hint="install Git 2.31 or newer where this runs")
    result = git.run(["-C", folder, "rev-parse", "--show-toplevel", "HEAD^{commit}"])
    lines = result.stdout.decode(errors="surrogateescape").splitlines()
    if result.returncode or len(lines) != 2:
        raise GitError("is no Git checkout with a commit", where=folder, hint="give the folder of a clone")
    snapshot = Snapshot(git, lines[0], lines[1])
    try:
        yield snapshot
    finally:
        snapshot.close()


def missing_branch(url: str, branch: str, branches: dict[str, str]) -> GitReferenceError:
    """Say which branches there are instead."""
    if not branches:
        return GitReferenceError(f"there is no branch {branch}", where=url, hint="the repository is empty: push first")
    near = difflib.get_close_matches(branch, branches, n=1)
    names = sorted(branches, key=lambda name: (name not in near, name))
    listing = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    return GitReferenceError(f"there is no branch {branch}", where=url, hint=f"its branches: {listing}")


def _folder() -> str | None:
    """Return memory-backed storage where there is plenty of it, else None for the usual place."""
    try:
        space = os.statvfs(MEMORY_FOLDER)
    except OSError:
        return None
    roomy = space.f_bavail * space.f_frsize >= MEMORY_NEEDED
    return MEMORY_FOLDER if roomy and os.access(MEMORY_FOLDER, os.W_OK) else None
