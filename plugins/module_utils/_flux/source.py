# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the cluster is to follow, opened with exactly the credential that is seeded.

Private to the collection. Of a Git repository the commit is known before anything is written. A
registry and a bucket are read by source-controller alone; their content is had from a checkout, or
not at all.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from .._errors import GitError
from .._git.program import Git
from .._git.remote import Remote, checkout
from .._git.snapshot import Snapshot
from . import preflight
from .desired import Desired, read
from .pinned import fetch
from .preflight import Check
from .settings import KINDS, Settings


class Found(t.NamedTuple):
    """What was found, and under which name source-controller will report it."""

    desired: Desired
    revision: str
    """Empty when only source-controller can tell."""
    settings: Settings
    """With the host key that was fetched on the way."""


@contextmanager
def opened(
    settings: Settings, environment: Mapping[str, str], checks: list[Check], warn: Callable[[str], None]
) -> Iterator[Found]:
    """Read what is desired; proves the credential on the way, and adds the checks about that.

    Raises:
        GitError: the remote cannot be read, and there is no checkout either.
        ManifestError: a manifest is missing, malformed, or not the one with the checksum.
    """
    given = [fetch(entry, environment) for entry in settings.manifests]
    with ExitStack() as stack:
        snapshot: Snapshot | None
        if settings.is_git:
            settings = _with_host_key(settings, environment, checks)
            snapshot, commit = stack.enter_context(_repository(settings, environment, checks, warn))
        else:
            snapshot, commit = stack.enter_context(_content(settings, environment))
            checks.append(preflight.source_credential(KINDS[settings.kind]))
        desired = read(snapshot, settings.path, commit, given)
        revision = desired.revision(settings.ref.revision(commit)) if settings.is_git else ""
        yield Found(desired, revision, settings)


def remote_of(settings: Settings, environment: Mapping[str, str]) -> Remote:
    """Return the Git repository with the credential and the proxy that are seeded."""
    return Remote(Git(environment), settings.url, settings.credential, settings.proxy)


def _with_host_key(settings: Settings, environment: Mapping[str, str], checks: list[Check]) -> Settings:
    try:
        return settings.with_host_key(environment)
    except GitError as exc:
        checks.append(preflight.git_credential(str(settings.ref), None, exc))
        raise


@contextmanager
def _repository(
    settings: Settings, environment: Mapping[str, str], checks: list[Check], warn: Callable[[str], None]
) -> Iterator[tuple[Snapshot, str]]:
    """Yield the content at the commit that the remote has, and that commit."""
    remote = remote_of(settings, environment)
    if settings.checkout is None:
        with ExitStack() as stack:
            try:
                snapshot = stack.enter_context(remote.fetched(settings.ref))
            except GitError as exc:
                checks.append(preflight.git_credential(str(settings.ref), None, exc))
                raise
            checks.append(preflight.git_credential(str(settings.ref), snapshot.commit, None))
            yield snapshot, snapshot.commit
        return
    with checkout(remote.git, settings.checkout) as snapshot:
        commit = snapshot.commit
        if settings.preflight != "skip":
            commit = _remote_commit(remote, settings, snapshot, checks, warn)
        yield snapshot, commit


def _remote_commit(
    remote: Remote, settings: Settings, snapshot: Snapshot, checks: list[Check], warn: Callable[[str], None]
) -> str:
    try:
        commit = remote.head(settings.ref)
    except GitError as exc:
        checks.append(preflight.git_credential(str(settings.ref), None, exc))
        return snapshot.commit
    checks.append(preflight.git_credential(str(settings.ref), commit, None))
    same = preflight.checkout(snapshot.commit, commit)
    checks.append(same)
    if same.result != preflight.OK:
        warn(str(same))
    return commit


@contextmanager
def _content(settings: Settings, environment: Mapping[str, str]) -> Iterator[tuple[Snapshot | None, str]]:
    """Yield the content that a registry or a bucket was filled with, as far as it is at hand."""
    if settings.checkout is None:
        yield None, ""
        return
    with checkout(Git(environment), settings.checkout) as snapshot:
        yield snapshot, snapshot.commit
