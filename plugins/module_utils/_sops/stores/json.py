# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON store: text to tree and back, one object.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..._errors import EmissionError, EmptyFileError, MalformedFileError
from ..nodes import MappingNode, from_data
from ..tree import DEFAULT_LIMITS, Limits, Tree
from . import json_splices
from .base import Block, Typed, decode
from .json_emitter import Layout, one_document, with_metadata, write
from .json_scanner import Scanner, to_data

_EMPTY_EXIT = 2
"""sops tells an empty JSON file from an empty YAML file: this is the code of any text that is not JSON."""


class JsonStore:
    """Text to tree and back for JSON."""

    name = "json"

    def __init__(self, indent: int | None = None) -> None:
        self.indent = indent
        """Of what is written anew, as the section `stores` of `.sops.yaml` has it."""

    def load(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> Tree:
        """Read a file, plain or encrypted."""
        try:
            prefix, text = decode(content, where=where, limits=limits)
        except EmptyFileError as exc:
            exc.exit_code = _EMPTY_EXIT
            raise
        if prefix:
            raise MalformedFileError(
                "the file begins with a byte order mark, which JSON does not allow", where=where, hint="save it without"
            )
        return Scanner(text, where, limits).scan()

    def metadata(self, tree: Tree) -> t.Any:
        """The stored metadata."""
        return tree.branches[0].metadata

    def metadata_block(self, tree: Tree, changes: dict[str, str]) -> Block | None:
        """The metadata as it stands in the file but for these values."""
        return json_splices.metadata_block(tree, changes)

    def emit_encrypted(
        self,
        tree: Tree,
        tokens: Sequence[str | None],
        comments: Sequence[str | None],  # noqa: ARG002  (JSON has none)
        metadata: dict[str, t.Any],
        *,
        styles: Sequence[str | None] | None = None,
        block: Block | None = None,
    ) -> bytes:
        """The plain file with tokens in place of values, and the metadata as last member."""
        return json_splices.encrypted(tree, tokens, metadata, styles, block).encode()

    def emit_plain(
        self,
        tree: Tree,
        values: Sequence[Typed | None],
        comments: Sequence[str | None],  # noqa: ARG002  (JSON has none)
    ) -> bytes:
        """The encrypted file with values in place of tokens, without the metadata."""
        return json_splices.plain(tree, values).encode()

    def emit_masked(
        self,
        tree: Tree,
        marks: Sequence[str | None],
        comments: Sequence[str | None],  # noqa: ARG002  (JSON has none)
        footer: str,
    ) -> str:
        """A text for people: marks in place of values."""
        return json_splices.masked(tree, marks, footer)

    def emit(
        self,
        documents: Sequence[MappingNode],
        metadata: Mapping[str, t.Any] | None = None,
        *,
        indent: int | None = None,
    ) -> bytes:
        """A whole file as sops writes it; comments are dropped, and a negative zero is written so that it stays one."""
        indent = self.indent if indent is None else indent
        if indent is not None and indent < -1:
            raise EmissionError("the indentation of JSON is a number from 0, or -1 for a tab")
        layout = Layout(unit="\t" if indent is None or indent < 0 else " " * indent)
        document = one_document(documents, self.name)
        block = None if metadata is None else from_data(dict(metadata))
        return f"{write(with_metadata(document, block), layout)}\n".encode()

    def data(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> list[t.Any]:
        """Plain Python data of a plain file; of a key that occurs twice the last value counts, as in all readers."""
        tree = self.load(content, where=where, limits=limits)
        data = to_data(tree.boxes, tree.leaves)
        if tree.branches[0].metadata_span is not None:
            data["sops"] = tree.branches[0].metadata
        return [data]

    def dump(self, data: t.Any) -> bytes:
        """A plain file with this data, as sops would write it."""
        node = from_data(data)
        if not isinstance(node, MappingNode):
            raise EmissionError("a document has to be a mapping")
        return self.emit([node])
