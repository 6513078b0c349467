# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One part of a document on its own, as `sops decrypt --extract` prints it.

Private to the collection.
"""

from __future__ import annotations

from .._errors import EmissionError, PathNotFoundError
from .nodes import MappingNode, Node, ScalarNode, documents_of
from .opening import Opened
from .paths import Path, find
from .stores.base import Store
from .tree import STR
from .values import to_bytes

_KEY = "x"
_DASHES = {"yaml": "    ", "json": "\t"}
"""Indentation below a key at the top."""


def extract(opened: Opened, document: int, path: Path, output_store: Store) -> bytes:
    """What a path leads to: a string raw, anything else as the output store writes it.

    Other documents of the file are left out; sops prints them too.
    """
    documents = documents_of(opened.tree, opened.values, opened.comments)
    if not 0 <= document < len(documents):
        raise PathNotFoundError(f"there is no document {document + 1}: the file has {len(documents)}")
    return emit_value(find(documents[document], path), output_store)


def emit_value(node: Node, store: Store) -> bytes:
    """A single value as a store writes it, without a final break where sops has none."""
    if isinstance(node, ScalarNode) and node.type == STR:
        return to_bytes(node.text)
    if isinstance(node, MappingNode):
        return store.emit([node])
    if store.name == "ini":
        # sops has no INI form of a single value either and uses JSON, on one line.
        return _compact(node)
    if store.name not in _DASHES:
        raise EmissionError(f"files of type {store.name} are not structured, only a string can be extracted into one")
    text = store.emit([MappingNode([(_KEY, node)])]).decode("utf-8", "surrogateescape")
    return _unwrapped(text, store.name).encode("utf-8", "surrogateescape")


def _unwrapped(text: str, name: str) -> str:
    """The value of the only key of a document, moved to the left margin."""
    indent = _DASHES[name]
    lines = text.split("\n")
    if name == "json":
        lines = lines[1:-2]
        lines[0] = indent + lines[0].removeprefix(f'{indent}"{_KEY}": ')
        return "\n".join(line.removeprefix(indent) for line in lines)
    if lines[0] == f"{_KEY}:":
        return "\n".join(line.removeprefix(indent) for line in lines[1:])
    lines[0] = lines[0].removeprefix(f"{_KEY}: ")
    return "\n".join(lines)


def _compact(node: Node) -> bytes:
    from .stores.registry import store_for  # noqa: PLC0415  (only here)

    text = emit_value(node, store_for("", "json")).decode("utf-8")
    return "".join(line.lstrip("\t") for line in text.split("\n")).encode()
