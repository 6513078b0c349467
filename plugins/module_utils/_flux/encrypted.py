# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The SOPS files of a repository, opened in memory with the keys that are to be seeded.

Private to the collection. Opening includes the MAC, which Flux itself does not look at.
"""

from __future__ import annotations

import base64
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .._errors import DataKeyError, FluxseedError, MissingLibraryError, SopsError, UnsupportedError
from .._sops import document
from .._sops.identities import gather
from .._sops.key_ring import KeyRing
from .._sops.keys.base import MasterKey, Surroundings
from .._sops.standing import Status
from .._sops.stores.base import Store
from .._sops.stores.registry import store_for, store_name
from .service_credentials import KINDS, services_of
from .tree import Files, Tree

SHORTEST_HIDDEN = 8
_ONLY_BY_KEY = ("age", "pgp")
"""Kinds that kustomize-controller opens with keys of the decryption Secret, and not with an identity of its own."""
_PROGRAMS = ("PATH", "LD_LIBRARY_PATH", "SOPS_GPG_EXEC", "XDG_RUNTIME_DIR")
"""What of the environment tells where programs are, and memory for them; no key is found through it."""
_MARKS: Mapping[str, re.Pattern[bytes]] = {
    "dotenv": re.compile(rb"^sops_mac=", re.MULTILINE),
    "ini": re.compile(rb"^\[sops\]", re.MULTILINE),
    "yaml": re.compile(rb"^sops:\s", re.MULTILINE),
}


@dataclass(frozen=True)
class Opened:
    """One encrypted file: its values, or why there are none."""

    path: str
    documents: Sequence[Mapping[str, t.Any]] = field(default=(), repr=False)
    problem: str = ""
    is_unsupported: bool = False
    """This version cannot tell whether the key opens it."""

    @property
    def is_open(self) -> bool:
        """Return whether the key opens the file and its MAC is right."""
        return not self.problem


class Encrypted:
    """All encrypted files that the tree covers, by path; each is opened once."""

    def __init__(self, files: Files, tree: Tree) -> None:
        contents = ((path, files.read(path)) for path in tree.files)
        self._contents = {path: content for path, content in contents if document.is_encrypted(content)}
        self._opened: dict[str, Opened] = {}
        self._status: dict[str, Status] = {}

    def __len__(self) -> int:
        return len(self._contents)

    def __contains__(self, path: str) -> bool:
        return path in self._contents

    def among(self, paths: Iterable[str]) -> list[str]:
        """Return those paths that are encrypted."""
        return [path for path in paths if path in self._contents]

    def groups(self) -> Iterator[tuple[str, Sequence[Sequence[MasterKey]], int]]:
        """Yield each file with its groups of keys and how many of the groups it takes; no key is needed for that."""
        for path in self._contents:
            status = self._status_of(path)
            yield path, status.groups, status.shamir_threshold

    def recipients(self) -> Iterator[tuple[str, Sequence[Sequence[MasterKey]]]]:
        """Yield each file with its groups of keys; files whose metadata cannot be read are left to `open`."""
        for path in self._contents:
            try:
                groups = self._status_of(path).groups
            except SopsError:
                continue
            yield path, groups

    def content(self, path: str) -> bytes:
        """Return an encrypted file as it is in Git."""
        return self._contents[path]

    def _status_of(self, path: str) -> Status:
        status = self._status.get(path)
        if status is None:
            content = self._contents[path]
            status = self._status[path] = document.status(content, store=_store(path, content), name=path)
        return status

    def documents(self, path: str) -> Sequence[Mapping[str, t.Any]]:
        """Return the documents of a file in clear; none when it is not encrypted, or was not opened."""
        return self._opened[path].documents if path in self._opened else ()

    def open(self, ring: KeyRing) -> list[Opened]:
        """Open all files; the data keys that a service has to be asked for are asked for side by side."""
        if any(map(ring.services.can_try, (*KINDS.values(), "pgp"))):
            ring.prefetch(self._readable())
        return [self.opened(path, ring) for path in self._contents]

    def _readable(self) -> Iterator[Status]:
        for path in self._contents:
            if path not in self._opened:
                try:
                    yield self._status_of(path)
                except SopsError:
                    continue

    def opened(self, path: str, ring: KeyRing) -> Opened:
        """Open one file."""
        if path not in self._opened:
            self._opened[path] = _open(path, self._contents[path], ring)
        return self._opened[path]


def key_ring(keys: Sequence[tuple[str, str]], environment: Mapping[str, str] | None = None) -> KeyRing:
    """Return a ring with exactly these keys; those of the environment and of the home folder play no part.

    Args:
        keys: entries of a decryption Secret: age keys, OpenPGP keys, and credentials of key services.
        environment: where the program `gpg` is found, and the ways to the services.
    """
    environment = environment or {}
    services = services_of(keys, environment)
    programs = {name: value for name, value in environment.items() if name in _PROGRAMS}
    alone = Surroundings(
        {**programs, **services.environment},
        home="",
        read_file=services.files.get,
        run_command=_no_command,
        ambient=False,
    )
    return gather(alone, [entry for entry in keys if entry[0] not in KINDS], opens=services.kinds, unattended=True)


def _open(path: str, content: bytes, ring: KeyRing) -> Opened:
    try:
        return Opened(path, document.values(content, ring, store=_store(path, content), name=path))
    except MissingLibraryError:
        raise
    except UnsupportedError as exc:
        return Opened(path, problem=exc.message, is_unsupported=True)
    except DataKeyError as exc:
        is_undecided = exc.is_undecided or not _is_for_given_keys(path, content, ring)
        return Opened(path, problem=exc.message, is_unsupported=is_undecided)
    except FluxseedError as exc:
        return Opened(path, problem=exc.message)


def _store(path: str, content: bytes) -> Store:
    """Return the store of a file; one whose name tells no format is recognised by its metadata, as Flux does it."""
    if store_name(path) != "binary":
        return store_for(path)
    return store_for(path, next((name for name, mark in _MARKS.items() if mark.search(content)), None))


def _is_for_given_keys(path: str, content: bytes, ring: KeyRing) -> bool:
    """Return whether the file is for a kind of key that stands in the decryption Secret, or nowhere."""
    groups = document.status(content, store=_store(path, content), name=path).groups
    return any(key.kind in _ONLY_BY_KEY or key.kind in ring.services.given for group in groups for key in group)


def secret_texts(file: Opened) -> Iterator[str]:
    """Yield the values of the Secrets in a file, in clear and as the API writes them; short ones could be any word."""
    for found in file.documents:
        for part in ("data", "stringData"):
            values = found.get(part)
            for value in values.values() if isinstance(values, Mapping) else ():
                if isinstance(value, str) and len(value) >= SHORTEST_HIDDEN:
                    yield value
                    yield base64.b64encode(value.encode()).decode()


def _no_command(_arguments: Sequence[str], _environment: Mapping[str, str]) -> str:
    return ""
