# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small changes in the text of a file, by store: an entry put or dropped, metadata exchanged in part.

Private to the collection. None always means that the store has no such way, or that the place is too odd for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Optional

from ..nodes import Node
from ..paths import Path
from ..tree import Edit, Tree
from .base import Store

_Put = Callable[..., Optional[str]]  # noqa: UP045  (pylint takes | here for an operation)
_Drop = Callable[[Tree, int, Path], Optional[str]]  # noqa: UP045  (as above)


def _ways(name: str) -> tuple[_Put, _Drop] | None:
    """The functions of a store."""
    if name == "yaml":
        from . import yaml_puts as ways  # noqa: PLC0415  (each only where it is needed)
    elif name == "json":
        from . import json_puts as ways  # type: ignore[no-redef]  # noqa: PLC0415
    elif name == "dotenv":
        from . import dotenv_puts as ways  # type: ignore[no-redef]  # noqa: PLC0415
    elif name == "ini":
        from . import ini_puts as ways  # type: ignore[no-redef]  # noqa: PLC0415
    else:
        return None
    return ways.put, ways.drop


def put(store: Store, tree: Tree, document: int, path: Path, node: Node, *, literals: bool = True) -> bytes | None:
    """The plain file with a value at a path."""
    ways = _ways(store.name)
    text = ways[0](tree, document, path, node, literals=literals) if ways is not None else None
    return None if text is None else _encoded(tree, text)


def drop(store: Store, tree: Tree, document: int, path: Path) -> bytes | None:
    """The plain file without the entry at a path."""
    ways = _ways(store.name)
    text = ways[1](tree, document, path) if ways is not None else None
    return None if text is None else _encoded(tree, text)


def rewritten_metadata(store: Store, tree: Tree, changes: Mapping[str, Any]) -> list[Edit] | None:
    """Edits of the encrypted file that change some keys of its metadata; a value of None drops one."""
    if store.name != "yaml":
        return None
    from . import yaml_metadata  # noqa: PLC0415

    return yaml_metadata.edits(tree, changes)


def _encoded(tree: Tree, text: str) -> bytes:
    return (tree.prefix + text).encode("utf-8", "surrogateescape")
