# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The facade of the engine: one file in, a change or its plain content out.

Private to the collection. Nothing here reads or writes files, knows Ansible, or looks at the
environment; time and randomness are parameters. The MAC is verified before any plaintext leaves, unless
`ignore_mac` is asked for by name. What decrypting does not need is imported where it is used: start-up is most
of the time that a small file takes.
"""
# ruff: noqa: PLC0415

from __future__ import annotations

import os
import typing as t
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .opening import open_file
from .surface import Clock, now, place

if t.TYPE_CHECKING:
    from .changes import Change
    from .config import Rule
    from .editing import Job
    from .key_ring import KeyRing
    from .keys.base import MasterKey
    from .keys.services import KeyServices
    from .nodes import Node
    from .notices import Notice
    from .paths import Path
    from .standing import Status
    from .stores.base import Store
    from .values import Randomness

__all__ = [
    "decrypt",
    "edit",
    "encrypt",
    "extract",
    "is_encrypted",
    "parse_path",
    "parse_value",
    "rotate",
    "set",
    "status",
    "unset",
    "updatekeys",
    "values",
]


# --- questions ------------------------------------------------------------------------------------


def is_encrypted(content: bytes) -> bool:
    """Whether there is SOPS metadata in a file of any kind; cheap, and safe on any bytes."""
    from . import standing

    return standing.is_encrypted(content)


def status(content: bytes, *, store: Store, name: str | None = None) -> Status:
    """What the metadata says, and where the content does not agree with it; without any key."""
    from . import standing

    with place(name):
        return standing.status(content, store=store, name=name)


def parse_path(text: str, *, for_extract: bool = False) -> Path:
    """The path in `["key"][0]`; errors leave with the exit code that sops has for them."""
    from . import paths

    if for_extract:
        return paths.parse_path(text, exit_code=paths.SYNTAX_EXIT_OF_EXTRACT)
    return paths.parse_path(text)


def parse_value(text: str) -> Node:
    """A value for `set` given as JSON."""
    from . import given

    return given.parse_value(text)


# --- reading --------------------------------------------------------------------------------------


def decrypt(
    content: bytes,
    ring: KeyRing,
    *,
    store: Store,
    output_store: Store | None = None,
    name: str | None = None,
    ignore_mac: bool = False,
    warnings: list[Notice] | None = None,
) -> bytes:
    """The plain text of an encrypted file; what is odd about the file is added to `warnings`."""
    with place(name):
        opened = open_file(content, ring, store, name, ignore_mac=ignore_mac)
        if warnings is not None:
            from .notices import notices_of

            warnings += notices_of(opened, name)
        if output_store is None or output_store.name == store.name:
            return store.emit_plain(opened.tree, opened.values, opened.comments)
        from .converting import decrypted_into

        plain, losses = decrypted_into(opened, output_store, name)
        if warnings is not None:
            warnings += losses
        return plain


def values(
    content: bytes, ring: KeyRing, *, store: Store, name: str | None = None, ignore_mac: bool = False
) -> list[dict[str, t.Any]]:
    """The typed data of every document of an encrypted file."""
    plain = decrypt(content, ring, store=store, name=name, ignore_mac=ignore_mac)
    return [document if isinstance(document, dict) else {} for document in store.data(plain, where=name)]


def extract(
    content: bytes,
    path: Path,
    ring: KeyRing,
    *,
    store: Store,
    output_store: Store | None = None,
    document: int = 0,
    name: str | None = None,
    ignore_mac: bool = False,
) -> bytes:
    """One part of a document: a string raw, anything else as the output store writes it.

    An index counts the values of a list; sops counts comments too.
    """
    from . import extracting, paths

    with place(name):
        paths.check_path(path, exit_code=paths.SYNTAX_EXIT_OF_EXTRACT)
        opened = open_file(content, ring, store, name, ignore_mac=ignore_mac)
        return extracting.extract(opened, document, path, output_store or store)


# --- writing --------------------------------------------------------------------------------------


def encrypt(
    plain: bytes,
    rule: Rule,
    *,
    store: Store,
    output_store: Store | None = None,
    name: str | None = None,
    clock: Clock = now,
    randomness: Randomness = os.urandom,
    services: KeyServices | None = None,
) -> Change:
    """Encrypt a file for the first time; its layout is kept unless the format changes.

    Without `services`, such as those of a key ring, it can be encrypted for age recipients only.
    """
    from .converting import Plain
    from .converting import encrypt as encrypt_plain

    with place(name):
        return encrypt_plain(Plain(plain, store, output_store or store, name, clock, randomness, services), rule)


def edit(
    content: bytes,
    plain: bytes,
    ring: KeyRing,
    *,
    store: Store,
    rule: Rule | None = None,
    name: str | None = None,
    ignore_mac: bool = False,
    clock: Clock = now,
    randomness: Randomness = os.urandom,
) -> Change:
    """Give an encrypted file the content `plain`, changing only what differs.

    A value whose path, type and bytes are the same keeps its token. With a rule, recipients and selector
    of the file are brought in line with it; the data key stays.
    """
    from . import editing

    with _job(content, ring, store, name, clock, randomness, ignore_mac=ignore_mac) as job:
        job.rule = rule
        return editing.edit(job, plain)


def set(  # noqa: A001  (the word of sops; called as document.set)
    content: bytes,
    path: Path,
    value: t.Any,
    ring: KeyRing,
    *,
    store: Store,
    document: int = 0,
    name: str | None = None,
    ignore_mac: bool = False,
    clock: Clock = now,
    randomness: Randomness = os.urandom,
) -> Change:
    """Put a value, plain Python data or the result of `parse_value`, at a path.

    Missing keys are made, an index beyond the end of a list appends, a scalar or null on the way is replaced. An int
    stays an int, where sops makes a float of a number that stands alone. A value that is there already is no change.
    """
    from . import given, setting

    with place(name):
        node = given.value_node(value)
    with _job(content, ring, store, name, clock, randomness, ignore_mac=ignore_mac) as job:
        return setting.set_value(job, document, path, node)


def unset(
    content: bytes,
    path: Path,
    ring: KeyRing,
    *,
    store: Store,
    document: int = 0,
    idempotent: bool = False,
    name: str | None = None,
    ignore_mac: bool = False,
    clock: Clock = now,
    randomness: Randomness = os.urandom,
) -> Change:
    """Remove what is at a path, with its lines; comments on lines of their own stay."""
    from . import setting

    with _job(content, ring, store, name, clock, randomness, ignore_mac=ignore_mac) as job:
        return setting.unset_value(job, document, path, idempotent=idempotent)


def updatekeys(
    content: bytes,
    rule: Rule,
    ring: KeyRing,
    *,
    store: Store,
    name: str | None = None,
    randomness: Randomness = os.urandom,
) -> Change:
    """Bring the keys of a file in line with a rule; nothing but the entries of keys that differ changes.

    The data key stays: a recipient who is removed and kept an old copy can open new versions until `rotate`.
    """
    from . import rekeying

    with place(name):
        return rekeying.updatekeys(content, rule, ring, store=store, name=name, randomness=randomness)


def rotate(
    content: bytes,
    ring: KeyRing,
    *,
    store: Store,
    add: Sequence[MasterKey | str] = (),
    remove: Sequence[MasterKey | str] = (),
    name: str | None = None,
    ignore_mac: bool = False,
    clock: Clock = now,
    randomness: Randomness = os.urandom,
) -> Change:
    """Encrypt every value under a new data key; recipients join the first key group, or leave all of them."""
    from . import rekeying

    with _job(content, ring, store, name, clock, randomness, ignore_mac=ignore_mac) as job:
        return rekeying.rotate(job, add, remove)


@contextmanager
def _job(
    content: bytes,
    ring: KeyRing,
    store: Store,
    name: str | None,
    clock: Clock,
    randomness: Randomness,
    *,
    ignore_mac: bool,
) -> Iterator[Job]:
    """An encrypted file that is to change, opened; errors get its name."""
    from .editing import Job

    with place(name):
        opened = open_file(content, ring, store, name, ignore_mac=ignore_mac)
        yield Job(content, opened, store, name, clock, randomness, ring.services)
