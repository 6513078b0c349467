# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The INI store: sections of keys with texts.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ..._errors import EmissionError, MalformedMetadataError
from ..nodes import MappingNode, from_data
from ..tree import DEFAULT_LIMITS, Limits, Tree
from . import ini_emitter, ini_splices
from .base import Block, Typed
from .flat_text import decode, encode
from .flatten import unflatten
from .ini_scanner import IniTree, Scanner, Stored

_MARK = "\ufeff"


class IniStore:
    """Text to tree and back for INI files."""

    name = "ini"

    def load(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> IniTree:
        """Read a file, plain or encrypted; an empty one is a file without keys."""
        text = decode(content, where=where, limits=limits)
        prefix = _MARK if text.startswith(_MARK) else ""
        return Scanner(text.removeprefix(_MARK), prefix, where, limits).scan()

    def metadata(self, tree: Tree) -> t.Any:
        """The stored metadata, None if there is none."""
        stored: Stored | None = tree.branches[0].metadata
        if stored is None or not stored.entries:
            return None
        if stored.count > 1:
            raise MalformedMetadataError("there are two sections named sops", where="sops")
        # Written as two characters, or by some versions as line breaks in quotes.
        return unflatten((leaf.key, leaf.text.replace("\\n", "\n")) for leaf in stored.entries)

    def metadata_block(self, tree: Tree, changes: dict[str, str]) -> Block | None:
        """The metadata as it stands in the file but for these values; None if it has to be written anew."""
        return ini_splices.metadata_block(_own(tree), changes)

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
        """The plain file with tokens in place of values, and the metadata at its end."""
        text = ini_splices.encrypted(_own(tree), tokens, comments, metadata, styles, block)
        return encode(tree.prefix + text)

    def emit_plain(self, tree: Tree, values: Sequence[Typed | None], comments: Sequence[str | None]) -> bytes:
        """The encrypted file with values in place of tokens, without the metadata."""
        return encode(tree.prefix + ini_splices.plain(_own(tree), values, comments))

    def emit_masked(self, tree: Tree, marks: Sequence[str | None], comments: Sequence[str | None], footer: str) -> str:
        """A text for people: marks in place of values."""
        return ini_splices.masked(_own(tree), marks, comments, footer)

    def emit(
        self,
        documents: Sequence[MappingNode],
        metadata: Mapping[str, t.Any] | None = None,
        *,
        indent: int | None = None,  # noqa: ARG002  (INI files of sops are not indented)
    ) -> bytes:
        """A new file, laid out as sops does it; what would be read back as something else is refused."""
        return encode(ini_emitter.emit(documents, metadata))

    def data(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> list[t.Any]:
        """Plain Python data: mappings of texts by section; sections of the same name are one."""
        tree = self.load(content, where=where, limits=limits)
        made: dict[str, dict[str, str]] = {box.key: {} for box in tree.boxes[1:]}
        for leaf in tree.leaves:
            made[leaf.box.key][leaf.key] = leaf.text
        return [made]

    def dump(self, data: t.Any) -> bytes:
        """A plain file with this data, as sops would write it."""
        node = from_data(data)
        if not isinstance(node, MappingNode):
            raise EmissionError("a file has to be a mapping")
        return self.emit([node])


def _own(tree: Tree) -> IniTree:
    return t.cast("IniTree", tree)
