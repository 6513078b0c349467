# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The binary store: any bytes as one value, encrypted into a JSON file of its own.

Private to the collection. The plain form has no structure. The encrypted form is JSON with a member `data`; a file
that is JSON with SOPS metadata is therefore read as encrypted.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..._errors import EmissionError, FluxseedError, LimitError
from ..nodes import CommentNode, MappingNode, ScalarNode, from_data
from ..tree import DEFAULT_LIMITS, STR, Box, Branch, Edit, Leaf, Limits, Tree, apply_edits
from ..values import to_bytes, to_text
from . import json_splices
from .base import Block, Typed
from .json import JsonStore
from .json_scanner import JsonBranch
from .json_text import spell_string_as_sops

_KEY = "data"
_HINT = "give another type of output, json for example"
_JSON = JsonStore()


class BinaryStore:
    """Bytes to tree and back."""

    name = "binary"

    def __init__(self, indent: int | None = None) -> None:
        self.indent = indent
        """Of an encrypted file written anew, as the section `stores` of `.sops.yaml` has it."""

    def load(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> Tree:
        """Read a file, plain or encrypted."""
        if len(content) > limits.size:
            raise LimitError(f"the file has more than {limits.size} bytes", where=where)
        tree = _encrypted(content, where, limits)
        if tree is not None:
            return tree
        text = to_text(content)
        root = Box(None, "", "", flow=True)
        branch = Branch(root, 0, False, end=len(text), empty=False)
        branch.last_end = len(text)
        leaf = Leaf(0, len(text), "", STR, text, f"{_KEY}:", root, _KEY, 0)
        return Tree(text, "", [branch], [leaf], [], [], [root])

    def metadata(self, tree: Tree) -> t.Any:
        """The stored metadata."""
        return tree.branches[0].metadata

    def metadata_block(self, tree: Tree, changes: dict[str, str]) -> Block | None:
        """The encrypted file but for these values and the data, which goes to the column of the block."""
        edits = json_splices.metadata_edits(tree, changes) if _is_json(tree) else None
        if edits is None or len(tree.leaves) != 1 or tree.leaves[0].key != _KEY:
            return None
        leaf = tree.leaves[0]
        moved = sum(len(edit.text) - (edit.end - edit.start) for edit in edits if edit.start < leaf.start)
        text = apply_edits(tree.text, [*edits, Edit(leaf.start, leaf.end, "")])
        return Block(leaf.start + moved, text)

    def emit_encrypted(
        self,
        tree: Tree,
        tokens: Sequence[str | None],
        comments: Sequence[str | None],
        metadata: dict[str, t.Any],
        *,
        styles: Sequence[str | None] | None = None,
        block: Block | None = None,
    ) -> bytes:
        """A JSON file with the token, laid out as by sops."""
        if _is_json(tree):
            return _JSON.emit_encrypted(tree, tokens, comments, metadata, styles=styles, block=block)
        token = tokens[0] if tokens[0] is not None else tree.text
        if block is None:
            return self.emit([MappingNode([(_KEY, ScalarNode(STR, token))])], metadata)
        return (block.text[: block.column] + spell_string_as_sops(token) + block.text[block.column :]).encode()

    def emit_plain(self, tree: Tree, values: Sequence[Typed | None], comments: Sequence[str | None]) -> bytes:  # noqa: ARG002
        """The bytes of the member `data`."""
        found = None
        for leaf, value in zip(tree.leaves, values, strict=True):
            if found is None and leaf.key == _KEY and leaf.box.parent is None:
                found = value or (leaf.type, leaf.text)
        return _raw(found, structured=any(box.key == _KEY and box.parent is tree.boxes[0] for box in tree.boxes[1:]))

    def emit_masked(self, tree: Tree, marks: Sequence[str | None], comments: Sequence[str | None], footer: str) -> str:
        """A text for people: a mark in place of all of it."""
        if _is_json(tree):
            return _JSON.emit_masked(tree, marks, comments, footer)
        text = marks[0] if marks[0] is not None else tree.text.encode("utf-8", "replace").decode()
        return f"{text}\n{footer}" if text else footer

    def emit(
        self,
        documents: Sequence[MappingNode],
        metadata: Mapping[str, t.Any] | None = None,
        *,
        indent: int | None = None,
    ) -> bytes:
        """A whole file as sops writes it: JSON if it is encrypted, else the bytes of the entry `data`."""
        if metadata is not None:
            return _JSON.emit(documents, metadata, indent=self.indent if indent is None else indent)
        if len(documents) != 1:
            raise EmissionError(f"a binary file holds one document, not {len(documents)}", hint=_HINT)
        pairs = t.cast(
            "list[tuple[str, t.Any]]", [item for item in documents[0].items if not isinstance(item, CommentNode)]
        )
        node = next((value for key, value in pairs if key == _KEY), None)
        found = (node.type, node.text) if isinstance(node, ScalarNode) else None
        return _raw(found, structured=node is not None)

    def data(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> list[t.Any]:
        """One document with the content as `data`: a text if it is UTF-8, else bytes."""
        if len(content) > limits.size:
            raise LimitError(f"the file has more than {limits.size} bytes", where=where)
        try:
            return [{_KEY: content.decode()}]
        except UnicodeDecodeError:
            return [{_KEY: content}]

    def dump(self, data: t.Any) -> bytes:
        """A plain file with the entry `data`."""
        return self.emit([t.cast("MappingNode", from_data(data))])


def _raw(found: Typed | None, *, structured: bool) -> bytes:
    if found is None and not structured:
        raise EmissionError("there is no entry data, so there is no binary content to write", hint=_HINT)
    if found is None or found[0] != STR:
        raise EmissionError("the entry data is not a string, so there is no binary content to write", hint=_HINT)
    return to_bytes(found[1])


def _is_json(tree: Tree) -> bool:
    return isinstance(tree.branches[0], JsonBranch)


def _encrypted(content: bytes, where: str | None, limits: Limits) -> Tree | None:
    """The tree of an encrypted file, None if the content is anything else."""
    if not content.lstrip(b" \t\r\n").startswith(b"{") or b'"sops"' not in content:
        return None
    try:
        tree = _JSON.load(content, where=where, limits=limits)
    except FluxseedError:
        return None
    return tree if isinstance(tree.branches[0].metadata, dict) else None
