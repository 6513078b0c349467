# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A branch, tag or commit of a remote, and a checkout of it: which commit, and what is in it.

Private to the collection.
"""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
import tempfile
import typing as t
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from .._errors import GitAuthenticationError, GitError, GitReferenceError, MissingLibraryError
from .access import MEMORY_FOLDER
from .credential import Credential, Proxy, check_url, without_credential
from .probe import is_refused
from .program import Git, failure
from .snapshot import Snapshot

PROACTIVE = (2, 46)
"""Since this version, git sends a credential unasked when told to."""
MEMORY_NEEDED = 1 << 30


class Ref(t.NamedTuple):
    """What is followed: a branch, a tag, or a commit (with the branch it is on, where that is said)."""

    branch: str = ""
    tag: str = ""
    commit: str = ""

    def __str__(self) -> str:
        if self.commit:
            return f"commit {self.commit[:12]}"
        return f"tag {self.tag}" if self.tag else self.branch

    def revision(self, commit: str) -> str:
        """Return the name that source-controller gives to a commit reached in this way."""
        # With a commit the tag plays no part, and the branch only where to look.
        named = self.branch if self.commit else self.tag or self.branch
        return f"{named}@sha1:{commit}" if named else f"sha1:{commit}"


class Remote(t.NamedTuple):
    """A repository by URL, with the one credential that may be used for it."""

    git: Git
    url: str
    credential: Credential | None = None
    proxy: Proxy | None = None

    def references(self) -> dict[str, str]:
        """Return the commits of all branches and tags, by full name; an annotated tag stands for its commit.

        Raises:
            GitAuthenticationError: the remote refused the credential.
            GitUnreachableError: it did not answer.
        """
        with self._insisting():
            result = self._run(["ls-remote", "--heads", "--tags", self.url])
            if result.returncode:
                raise failure(result, self.url, self.credential)
        pairs: dict[str, str] = {}
        for line in result.stdout.decode(errors="replace").splitlines():
            commit, _tab, name = line.partition("\t")
            pairs[name] = commit
        return {name: pairs.get(f"{name}^{{}}", commit) for name, commit in pairs.items() if not name.endswith("^{}")}

    def branches(self) -> dict[str, str]:
        """Return the commits at the heads of all branches."""
        return _named(self.references(), "refs/heads/")

    def head(self, wanted: Ref | str) -> str:
        """Return the commit of a reference; a plain text is a branch.

        A commit is taken as it is given: listing proves that the remote can be read, not that it is in there.

        Raises:
            GitReferenceError: there is no such branch or tag; the message lists those there are.
        """
        ref = wanted if isinstance(wanted, Ref) else Ref(wanted)
        names = self.references()
        if ref.commit:
            return ref.commit
        full = f"refs/tags/{ref.tag}" if ref.tag else f"refs/heads/{ref.branch}"
        if full not in names:
            raise self._missing(ref, names)
        return names[full]

    @contextmanager
    def fetched(self, wanted: Ref | str) -> Iterator[Snapshot]:
        """Fetch a reference, without its history, into a private folder that is removed at the end.

        Raises:
            GitReferenceError: the remote has no such branch, tag or commit.
        """
        check_url(self.url)
        ref = wanted if isinstance(wanted, Ref) else Ref(wanted)
        with tempfile.TemporaryDirectory(prefix="fluxseed-git-", dir=_folder()) as folder:
            if self.git.run(["init", "--quiet", "--bare", folder]).returncode:
                raise GitError("git cannot make a repository here", where=folder)
            with self._insisting():
                commit = self._fetched_commit(folder, ref) if ref.commit else self._fetched_head(folder, ref)
            snapshot = Snapshot(self.git, folder, commit)
            try:
                yield snapshot
            finally:
                snapshot.close()

    def _fetched_head(self, folder: str, ref: Ref) -> str:
        full = f"refs/tags/{ref.tag}" if ref.tag else f"refs/heads/{ref.branch}"
        result = self._fetch(folder, "--depth=1", full)
        if result.returncode:
            error = failure(result, self.url, self.credential)
            if isinstance(error, GitReferenceError):
                error = self._missing(ref, self.references())
            raise error
        # The object of an annotated tag leads to its commit.
        return self.git.run(["-C", folder, "rev-parse", "FETCH_HEAD^{commit}"]).stdout.decode().strip()

    def _fetched_commit(self, folder: str, ref: Ref) -> str:
        result = self._fetch(folder, "--depth=1", ref.commit)
        if result.returncode:
            # Not every server gives a commit by its name; then the branch, or all of them, with the history.
            names = f"refs/heads/{ref.branch}" if ref.branch else "+refs/heads/*:refs/heads/*"
            result = self._fetch(folder, names)
            if result.returncode:
                error = failure(result, self.url, self.credential)
                if isinstance(error, GitReferenceError) and ref.branch:
                    error = self._missing(Ref(ref.branch), self.references())
                raise error
        found = self.git.run(["-C", folder, "rev-parse", "--verify", "--quiet", f"{ref.commit}^{{commit}}"])
        if found.returncode:
            place = f"the branch {ref.branch}" if ref.branch else "any branch"
            raise GitReferenceError(
                f"there is no commit {ref.commit} on {place}",
                where=without_credential(self.url),
                hint="is it pushed, and the full id of 40 digits?",
            )
        return found.stdout.decode().strip()

    def _fetch(self, folder: str, *what: str) -> subprocess.CompletedProcess[bytes]:
        options = [item for item in what if item.startswith("--")]
        command = ["-C", folder, "fetch", "--quiet", *options, "--no-tags", "--no-recurse-submodules"]
        return self._run([*command, self.url, *what[len(options) :]])

    def _run(self, arguments: list[str]) -> subprocess.CompletedProcess[bytes]:
        check_url(self.url)
        return self.git.run(arguments, url=self.url, credential=self.credential, proxy=self.proxy)

    @contextmanager
    def _insisting(self) -> Iterator[None]:
        """Refuse a credential that the server does not take, although it shows the repository without one.

        It is tried beside what the block does; a block that fails has the last word.
        """
        with ThreadPoolExecutor(1) as beside:
            refused = beside.submit(self._is_refused)
            yield
        if refused.result():
            raise GitAuthenticationError(
                "the repository is public, but the remote refused the credential, and Flux would send it",
                where=self.url,
                hint="is the token current? Or give none, and take secretRef out of gotk-sync.yaml",
            )

    def _is_refused(self) -> bool:
        credential = self.credential
        if credential is None or not credential.password or self.git.version() >= PROACTIVE:
            return False
        return is_refused(self.url, credential, self.git.environment, self.proxy)

    def _missing(self, ref: Ref, names: dict[str, str]) -> GitReferenceError:
        """Say which branches or tags there are instead."""
        kind = "tag" if ref.tag else "branch"
        return missing(self.url, kind, ref.tag or ref.branch, _named(names, "refs/tags/" if ref.tag else "refs/heads/"))


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


def missing(url: str, kind: str, name: str, there: dict[str, str]) -> GitReferenceError:
    """Say which branches (or tags) there are instead."""
    where = without_credential(url)
    if not there:
        hint = "the repository is empty: push first" if kind == "branch" else "it has no tags at all"
        return GitReferenceError(f"there is no {kind} {name}", where=where, hint=hint)
    near = difflib.get_close_matches(name, there, n=1)
    names = sorted(there, key=lambda found: (found not in near, found))
    listing = ", ".join(names[:10]) + (f" and {len(names) - 10} more" if len(names) > 10 else "")
    plural = "branches" if kind == "branch" else "tags"
    return GitReferenceError(f"there is no {kind} {name}", where=where, hint=f"its {plural}: {listing}")


def _named(names: dict[str, str], prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): commit for name, commit in names.items() if name.startswith(prefix)}


def _folder() -> str | None:
    """Return memory-backed storage where there is plenty of it, else None for the usual place."""
    try:
        space = os.statvfs(MEMORY_FOLDER)
    except OSError:
        return None
    roomy = space.f_bavail * space.f_frsize >= MEMORY_NEEDED
    return MEMORY_FOLDER if roomy and os.access(MEMORY_FOLDER, os.W_OK) else None
