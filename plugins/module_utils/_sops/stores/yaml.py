# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML store: text to tree and back, one document or many.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..._errors import EmissionError, EmptyFileError, LimitError, MalformedFileError
from ..tree import DEFAULT_LIMITS, Limits, Step, Tree
from . import yaml_lines, yaml_splices
from .base import METADATA_KEY, Block, Typed, decode, place

if t.TYPE_CHECKING:
    from ..nodes import MappingNode


class YamlStore:
    """Text to tree and back for YAML, one or many documents."""

    name = "yaml"

    def __init__(self, indent: int | None = None) -> None:
        self.indent = indent
        """Of what is written anew, as the section `stores` of `.sops.yaml` has it."""

    def load(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> Tree:
        """Read a file, plain or encrypted."""
        prefix, text = decode(content, where=where, limits=limits)
        tree = yaml_lines.scan(text, prefix, limits)
        if tree is None:
            from .yaml_scanner import Scanner  # noqa: PLC0415  (start-up time: PyYAML is loaded when a file needs it)

            tree = Scanner(text, prefix, where, limits).scan()
        if not tree.branches:
            raise EmptyFileError(
                "the file holds no document, only comments or blank lines",
                where=where,
                exit_code=MalformedFileError.exit_code,
            )
        tree.steps = _steps
        return tree

    def metadata(self, tree: Tree) -> t.Any:
        """The stored metadata of the first document."""
        return tree.branches[0].metadata

    def metadata_block(self, tree: Tree, changes: dict[str, str]) -> Block | None:
        """The metadata as it stands in the first document but for these values."""
        return yaml_splices.metadata_block(tree, changes)

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
        """The plain file with tokens in place of values, and the metadata in every document."""
        text = yaml_splices.encrypted(tree, tokens, comments, metadata, styles, block)
        return (tree.prefix + text).encode()

    def emit_plain(self, tree: Tree, values: Sequence[Typed | None], comments: Sequence[str | None]) -> bytes:
        """The encrypted file with values in place of tokens, without the metadata."""
        return (tree.prefix + yaml_splices.plain(tree, values, comments)).encode()

    def emit_masked(self, tree: Tree, marks: Sequence[str | None], comments: Sequence[str | None], footer: str) -> str:
        """A text for people: marks in place of values."""
        return yaml_splices.masked(tree, marks, comments, footer)

    def data(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> list[t.Any]:
        """Plain Python data of every document, merge keys merged, later documents included."""
        from .yaml_data import Builder  # noqa: PLC0415  (as above)
        from .yaml_events import events  # noqa: PLC0415

        _prefix, text = decode(content, where=where, limits=limits)
        builder = Builder(where, limits)
        documents: list[t.Any] = []
        for event in events(text, where):
            if builder.feed(event):
                documents.append(builder.take())
                if len(documents) > limits.documents:
                    message = f"the file holds more than {limits.documents} documents"
                    raise LimitError(message, where=place(where, event.start_mark.line + 1))
        return documents

    def emit(
        self,
        documents: Sequence[MappingNode],
        metadata: Mapping[str, t.Any] | None = None,
        *,
        indent: int | None = None,
    ) -> bytes:
        """A whole file from nodes, as sops writes it; metadata is the last item of every document."""
        from ..nodes import MappingNode, from_data  # noqa: PLC0415  (start-up time)
        from . import yaml_emitter  # noqa: PLC0415

        if metadata is not None:
            block = from_data(dict(metadata))
            documents = [MappingNode([*document.items, (METADATA_KEY, block)]) for document in documents]
        return yaml_emitter.emit(documents, self.indent if indent is None else indent).encode()

    def dump(self, data: t.Any) -> bytes:
        """A plain file with this data, as sops would write it."""
        from ..nodes import MappingNode, from_data  # noqa: PLC0415  (start-up time)

        node = from_data(data)
        if not isinstance(node, MappingNode):
            raise EmissionError("a document has to be a mapping")
        return self.emit([node])


def _steps(tree: Tree) -> list[Step]:
    from .yaml_walk import steps  # noqa: PLC0415  (start-up time: few files have a selector that goes by comments)

    return steps(tree)
