# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store is: the bridge between the text of one file format and the tree.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..._errors import EmptyFileError, LimitError, MalformedFileError
from ..tree import DEFAULT_LIMITS, Limits, Tree

if t.TYPE_CHECKING:
    from ..nodes import MappingNode

METADATA_KEY = "sops"
"""Name of the entry that holds the metadata, where a format has one."""

Typed = tuple[str, str]
"""Type and byte form (as text) of a value."""


class Block(t.NamedTuple):
    """A metadata block as it stands in a file, so that it can be kept with few changes."""

    column: int
    text: str
    line_break: str = ""
    """How its lines end in the file, which can be of several kinds; empty where the store does not mind."""


class Store(t.Protocol):
    """Text to tree and back. Sequences run parallel to `tree.leaves` and `tree.comments`; None leaves a span alone."""

    @property
    def name(self) -> str:
        """Name as sops has it: `yaml`, `json` …."""

    def load(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> Tree:
        """Read a file, plain or encrypted."""

    def metadata(self, tree: Tree) -> t.Any:
        """The stored metadata, None if there is none."""

    def metadata_block(self, tree: Tree, changes: dict[str, str]) -> Block | None:
        """The metadata as it stands in the file but for these values; None if it has to be written anew."""

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
        """The plain file `tree` with tokens in place of values, and the metadata."""

    def emit_plain(self, tree: Tree, values: Sequence[Typed | None], comments: Sequence[str | None]) -> bytes:
        """The encrypted file `tree` with values in place of tokens, without the metadata."""

    def emit_masked(self, tree: Tree, marks: Sequence[str | None], comments: Sequence[str | None], footer: str) -> str:
        """A text for people: marks in place of values, `footer` in place of the metadata."""

    def emit(
        self,
        documents: Sequence[MappingNode],
        metadata: Mapping[str, t.Any] | None = None,
        *,
        indent: int | None = None,
    ) -> bytes:
        """A whole file from nodes as sops writes it, with metadata if there is any; tokens are ordinary strings."""

    def data(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> list[t.Any]:
        """Plain Python data of every document of a plain file."""

    def dump(self, data: t.Any) -> bytes:
        """A plain file with this data, as sops would write it."""


_MARKS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


def decode(content: bytes, *, where: str | None, limits: Limits) -> tuple[str, str]:
    """Byte order mark (or nothing) and text of a file."""
    if not content:
        raise EmptyFileError("the file is empty", where=where)
    if len(content) > limits.size:
        raise LimitError(f"the file has more than {limits.size} bytes", where=where)
    for mark, name in _MARKS:
        if content.startswith(mark):
            raise MalformedFileError(f"the file is {name}, not UTF-8", where=where)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = content.count(b"\n", 0, exc.start) + 1
        # The cause is left out: it carries the whole content of the file.
        raise MalformedFileError("the file is not UTF-8", where=place(where, line)) from None
    if text.startswith("\ufeff"):
        return "\ufeff", text[1:]
    return "", text


def place(where: str | None, line: int | None = None) -> str | None:
    """File and line as `name:line`."""
    if line is None:
        return where
    return f"{where}:{line}" if where else f"line {line}"
