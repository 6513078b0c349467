# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON text for nodes, in any layout: that of sops for whole files, that of the file for metadata.

Private to the collection. Comments have no place in JSON and are dropped, as sops drops them.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterator, Sequence

from ..._errors import EmissionError
from ..nodes import CommentNode, MappingNode, Node, ScalarNode
from ..tree import FLOAT, STR, TIME
from ..values import to_bytes
from .base import METADATA_KEY
from .json_text import spell_float_as_sops, spell_string_as_sops, spell_typed


class Layout(t.NamedTuple):
    """How containers are spread over lines. Without a line break, `comma` separates items on one line."""

    line_break: str = "\n"
    base: str = ""
    """Blanks before every line."""
    unit: str = "\t"
    """More of them for each level."""
    colon: str = ": "
    comma: str = ","

    def line(self, level: int) -> str:
        """What stands between an opening bracket or a comma and an item of this level."""
        return self.line_break + self.base + self.unit * level if self.line_break else ""


class _Frame(t.NamedTuple):
    items: Iterator[t.Any]
    closing: str
    seen: list[bool]
    """Not empty once there is an item."""


def write(root: Node, layout: Layout) -> str:
    """The text of a node, without a final line break; it does not recurse, nodes may be nested deep."""
    parts: list[str] = []
    frames: list[_Frame] = []
    _begin(root, parts, frames)
    while frames:
        frame = frames[-1]
        for item in frame.items:
            if isinstance(item, CommentNode):
                continue
            parts.append(layout.comma if frame.seen and not layout.line_break else "," if frame.seen else "")
            frame.seen.append(True)
            parts.append(layout.line(len(frames)))
            node = item
            if frame.closing == "}":
                key, node = item
                parts.append(_string(key) + layout.colon)
            if _begin(node, parts, frames):
                break
        else:
            frames.pop()
            if frame.seen:
                parts.append(layout.line(len(frames)))
            parts.append(frame.closing)
    return "".join(parts)


def _begin(node: Node, parts: list[str], frames: list[_Frame]) -> bool:
    """Write a scalar, or open a container (and say so)."""
    if isinstance(node, ScalarNode):
        parts.append(scalar(node))
        return False
    opening, closing = ("{", "}") if isinstance(node, MappingNode) else ("[", "]")
    parts.append(opening)
    frames.append(_Frame(iter(node.items), closing, []))
    return True


def scalar(node: ScalarNode) -> str:
    """One value as sops writes it."""
    if node.type in (STR, TIME):
        return _string(node.text)
    if node.type == FLOAT:
        require_finite(node.text)
        return spell_float_as_sops(node.text)
    return spell_typed(node.type, node.text)


def _string(text: str) -> str:
    require_text(text)
    return spell_string_as_sops(text)


def require_text(text: str) -> None:
    """Refuse what is not UTF-8: sops would write U+FFFD instead, which nobody can undo."""
    if text.isascii():
        return
    try:
        to_bytes(text).decode("utf-8")
    except UnicodeError:
        raise EmissionError(
            "a value is not UTF-8, which JSON cannot hold", hint="write a binary file (type binary)"
        ) from None


def require_finite(text: str) -> None:
    """Refuse the byte form of a float that JSON has no number for."""
    if text in ("NaN", "+Inf", "-Inf"):
        raise EmissionError("JSON cannot hold a number that is infinite or none", hint="make it a string")


def one_document(documents: Sequence[MappingNode], kind: str) -> MappingNode:
    """The only document; sops writes the first and loses the others."""
    if len(documents) != 1:
        raise EmissionError(
            f"a file of type {kind} holds one document, not {len(documents)}", hint="convert the documents one by one"
        )
    return documents[0]


def with_metadata(document: MappingNode, metadata: Node | None) -> MappingNode:
    """The document with the metadata as its last member."""
    if metadata is None:
        return document
    if any(not isinstance(item, CommentNode) and item[0] == METADATA_KEY for item in document.items):
        raise EmissionError("the content uses the name sops, which SOPS needs for its metadata")
    return MappingNode([*document.items, (METADATA_KEY, metadata)])
