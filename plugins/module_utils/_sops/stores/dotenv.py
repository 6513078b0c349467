# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""The dotenv store: lines `KEY=value`, comments and empty lines.

Private to the collection. Everything counts as it stands, as in sops: spaces and quotes, `export ` before a
key, a carriage return at the end of a value, a byte order mark before the first key. Only the two
characters `\n` in a value stand for a line feed. Metadata are lines whose key begins with `sops_`.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ..._errors import AlreadyEncryptedError, ConversionError, EmissionError, LimitError, MalformedFileError
from ..nodes import CommentNode, MappingNode, from_data
from ..tree import DEFAULT_LIMITS, STR, Box, Branch, Comment, Edit, Leaf, Limits, Tree, apply_edits
from .base import Block, Typed
from .flat_text import decode, encode, line_at, only_document, scalar, text_of
from .flatten import flatten, unflatten

_PREFIX = "sops_"
_LINE = re.compile("[^\n]+")


class DotenvStore:
    """Text to tree and back for dotenv files."""

    name = "dotenv"

    def load(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> Tree:
        """Read a file, plain or encrypted; an empty one is a file without keys."""
        return _Reader(decode(content, where=where, limits=limits), where, limits).read()

    def metadata(self, tree: Tree) -> t.Any:
        """The stored metadata, None if there is none."""
        lines: list[Leaf] = tree.branches[0].metadata
        if not lines:
            return None
        return unflatten((leaf.key, leaf.text) for leaf in lines)

    def metadata_block(self, tree: Tree, changes: dict[str, str]) -> Block | None:
        """The metadata as it stands in the file but for these values; None if it has to be written anew."""
        lines: list[Leaf] = tree.branches[0].metadata
        if not set(changes) <= {leaf.key for leaf in lines}:
            return None
        return Block(
            0,
            "\n".join(tree.text[leaf.begin : leaf.start] + _spell(changes.get(leaf.key, leaf.text)) for leaf in lines),
        )

    def emit_encrypted(
        self,
        tree: Tree,
        tokens: Sequence[str | None],
        comments: Sequence[str | None],
        metadata: dict[str, t.Any],
        *,
        styles: Sequence[str | None] | None = None,  # noqa: ARG002  (there is one spelling)
        block: Block | None = None,
    ) -> bytes:
        """The plain file with tokens in place of values, and the metadata at its end."""
        body = apply_edits(tree.text, _edits(tree, tokens, comments))
        lines = block.text if block is not None else "\n".join(_metadata_lines(metadata))
        if not body or body.endswith("\n"):
            return encode(f"{body}{lines}\n")
        # No final break in the file: none after the metadata either, which is how decryption knows.
        return encode(f"{body}\n{lines}")

    def emit_plain(self, tree: Tree, values: Sequence[Typed | None], comments: Sequence[str | None]) -> bytes:
        """The encrypted file with values in place of tokens, without the metadata."""
        texts = [None if value is None else _spell(text_of(value)) for value in values]
        return encode(apply_edits(tree.text, _edits(tree, texts, comments) + _removals(tree)))

    def emit_masked(self, tree: Tree, marks: Sequence[str | None], comments: Sequence[str | None], footer: str) -> str:
        """A text for people: marks in place of values."""
        edits = _edits(tree, marks, comments) + _removals(tree)
        body = apply_edits(tree.text, edits).replace("\r\n", "\n")
        return body + ("\n" if body and not body.endswith("\n") else "") + footer

    def emit(
        self,
        documents: Sequence[MappingNode],
        metadata: Mapping[str, t.Any] | None = None,
        *,
        indent: int | None = None,  # noqa: ARG002  (nothing is nested)
    ) -> bytes:
        """A new file, laid out as sops does it; what would be read back as something else is refused."""
        lines: list[str] = []
        for number, item in enumerate(only_document(documents).items):
            if isinstance(item, CommentNode):
                lines.extend(f"#{line}" for line in item.text.split("\n"))
            else:
                key, node = item
                where = f"entry {number + 1}"
                _check_key(key, where, encrypted=metadata is not None)
                lines.append(
                    f"{key}={_new_value(scalar(node, encrypted=metadata is not None, where=where), metadata, where)}"
                )
        if metadata is not None:
            lines.extend(_metadata_lines(metadata))
        return encode("".join(f"{line}\n" for line in lines))

    def data(self, content: bytes, *, where: str | None = None, limits: Limits = DEFAULT_LIMITS) -> list[t.Any]:
        """Plain Python data: one mapping of texts; the last value of a key counts."""
        return [{leaf.key: leaf.text for leaf in self.load(content, where=where, limits=limits).leaves}]

    def dump(self, data: t.Any) -> bytes:
        """A plain file with this data, as sops would write it."""
        node = from_data(data)
        if not isinstance(node, MappingNode):
            raise EmissionError("a file has to be a mapping")
        return self.emit([node])


class _Reader:
    """One pass over the lines of a text."""

    def __init__(self, text: str, where: str | None, limits: Limits) -> None:
        self.text = text
        self.where = where
        self.limits = limits
        self.root = Box(None, "", "")
        self.branch = Branch(self.root, 0, explicit=False, end=len(text), empty=False, metadata=[])
        # Only a line feed ends a comment, so a carriage return is part of it.
        self.tree = Tree(text, "", [self.branch], [], [], [], [self.root], comment_breaks="\n")

    def read(self) -> Tree:
        for line in _LINE.finditer(self.text):
            self.line(line.start(), line.end())
        return self.tree

    def line(self, start: int, end: int) -> None:
        text = self.text
        if text[start] == "#":
            self.tree.comments.append(Comment(start + 1, end, text[start + 1 : end], self.root, start, inline=False))
            self.check(len(self.tree.comments), self.limits.comments, "comments", start)
            return
        equals = text.find("=", start, end)
        if equals < 0:
            self.fail(start, end)
        key = text[start:equals]
        value = text[equals + 1 : end].replace("\\n", "\n")
        if key.startswith(_PREFIX):
            if self.branch.metadata_span is None:
                self.branch.metadata_span = (start, end)
            flat = key.removeprefix(_PREFIX)
            leaf = Leaf(equals + 1, end, "", STR, value, "", self.root, flat, start)
            self.branch.metadata.append(leaf)
            self.branch.metadata_leaves[flat] = leaf
            self.check(len(self.branch.metadata), self.limits.nodes, "values", start)
            return
        self.root.seen.add(key)
        self.tree.leaves.append(Leaf(equals + 1, end, "", STR, value, f"{key}:", self.root, key, equals + 1))
        self.check(len(self.tree.leaves), self.limits.nodes, "values", start)

    def check(self, count: int, limit: int, what: str, index: int) -> None:
        if count > limit:
            raise LimitError(f"the file holds more than {limit} {what}", where=self.place(index))

    def fail(self, start: int, end: int) -> t.NoReturn:
        hint = "begin a comment with # in the first column"
        if self.text[start:end] == "\r":
            hint = "empty lines have to be without a carriage return: sops reads it as text"
        raise MalformedFileError("a line has no equals sign", where=self.place(start), hint=hint)

    def place(self, index: int) -> str | None:
        return line_at(self.where, self.text, index)


def _spell(text: str) -> str:
    return text.replace("\n", "\\n")


def _edits(tree: Tree, texts: Sequence[str | None], comments: Sequence[str | None]) -> list[Edit]:
    edits = [Edit(leaf.start, leaf.end, new) for leaf, new in zip(tree.leaves, texts, strict=True) if new is not None]
    edits += [
        Edit(comment.start, comment.end, new)
        for comment, new in zip(tree.comments, comments, strict=True)
        if new is not None
    ]
    return edits


def _removals(tree: Tree) -> list[Edit]:
    """The lines of the metadata, each with its break."""
    text = tree.text
    removals = [Edit(leaf.begin, min(leaf.end + 1, len(text)), "") for leaf in tree.branches[0].metadata]
    if not removals or text.endswith("\n") or removals[-1].end < len(text):
        return removals
    # The plain text had no final break either: drop the one before the last run of metadata.
    first = len(removals) - 1
    while first > 0 and removals[first - 1].end == removals[first].start:
        first -= 1
    removals[first] = removals[first]._replace(start=max(removals[first].start - 1, 0))
    return removals


def _metadata_lines(metadata: Mapping[str, t.Any]) -> list[str]:
    return [f"{key}={_spell(value)}" for key, value in flatten(metadata, _PREFIX)]


def _check_key(key: str, where: str, *, encrypted: bool) -> None:
    if encrypted and key.startswith(_PREFIX):
        raise AlreadyEncryptedError(
            "a key begins with sops_: the content is encrypted already, or uses a name that SOPS needs", where=where
        )
    if "=" in key or "\n" in key or key.startswith("#"):
        raise EmissionError("a key holds an equals sign or a line break, or begins with #", where=where)


def _new_value(text: str, metadata: Mapping[str, t.Any] | None, where: str) -> str:
    if metadata is not None and "\\n" in text:
        raise ConversionError(
            r"a clear value holds the two characters \n, which are read back as a line break",
            where=where,
            hint="sops would write a file that nobody can verify: encrypt the value",
        )
    return _spell(text)
