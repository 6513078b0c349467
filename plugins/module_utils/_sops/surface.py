# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What operations share: the time of writing, the name of the file in errors, and reading without a key.

Private to the collection.
"""

from __future__ import annotations

import gc
import typing as t
from collections.abc import Callable

from .._errors import AlreadyEncryptedError, FluxseedError, MetadataNotFoundError
from .metadata import Metadata
from .opening import load_encrypted
from .stores.base import Store
from .tree import Tree

if t.TYPE_CHECKING:
    from datetime import datetime

Clock = Callable[[], "datetime"]


def now() -> datetime:
    """The clock of those who do not bring one."""
    from datetime import UTC, datetime  # noqa: PLC0415 - start-up time

    return datetime.now(UTC)


def stamp(clock: Clock) -> str:
    """`lastmodified` of what is written now."""
    from datetime import UTC  # noqa: PLC0415 - start-up time

    return clock().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class place:  # noqa: N801  (a context manager that reads as a verb)
    """Add the name of the file to errors that do not know it.

    Meanwhile nobody looks for cycles of references: a large file makes many objects and no garbage, and each search goes
    through all of them (and through all of Ansible), so that cost would grow faster than the file.
    """

    def __init__(self, name: str | None) -> None:
        self._name = name
        self._collects = False

    def __enter__(self) -> None:
        self._collects = gc.isenabled()
        gc.disable()

    def __exit__(self, kind: object, exc: BaseException | None, trace: object) -> None:
        if self._collects:
            gc.enable()
        if self._name is None or not isinstance(exc, FluxseedError):
            return
        if exc.where != self._name and not (exc.where or "").startswith(f"{self._name}:"):
            exc.where = f"{self._name}: {exc.where}" if exc.where else self._name


def read_metadata(content: bytes, store: Store, name: str | None) -> tuple[Tree, Metadata | None]:
    """A file that should be encrypted, and its metadata if it is."""
    tree = load_encrypted(content, store, name)
    data = store.metadata(tree)
    if data is None and tree.branches[0].metadata_span is None:
        return tree, None
    return tree, Metadata.parse(data)


def require_metadata(content: bytes, store: Store, name: str | None) -> tuple[Tree, Metadata]:
    """The same, but a file without metadata is refused."""
    tree, metadata = read_metadata(content, store, name)
    if metadata is None:
        raise MetadataNotFoundError(
            "there is no SOPS metadata, so the file is not encrypted", where=name, hint="encrypt it first"
        )
    return tree, metadata


def refuse_metadata(tree: Tree) -> None:
    """Refuse to encrypt what has metadata, or uses its name."""
    for branch in tree.branches:
        if branch.metadata_span is not None:
            raise AlreadyEncryptedError(
                "the file has a top-level entry sops: it is encrypted already, or uses a name that SOPS needs",
                where=f"line {tree.line_of(branch.metadata_span[0])}",
                hint="edit it with sops_secret or sops edit, or rename the entry",
            )
