# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a file without its text: what is left when a file changes its format or is written anew.

Private to the collection. Order, duplicate keys and comments are kept; spelling is not.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from .tree import BOOL, COMMENT, FLOAT, INT, NULL, STR, TIME, Box, Tree, walk
from .values import format_float, format_time, to_text


class ScalarNode(t.NamedTuple):
    """One value: type and byte form as text, as in a leaf."""

    type: str
    text: str


class CommentNode(t.NamedTuple):
    """One comment line, without its sign."""

    text: str
    inline: bool = False
    """It stands behind the value that comes next in the items."""


@dataclass
class MappingNode:
    """Keys with values, and comments, in order; a key may occur twice."""

    items: list[tuple[str, Node] | CommentNode] = field(default_factory=list)


@dataclass
class SequenceNode:
    """Values and comments in order."""

    items: list[Node | CommentNode] = field(default_factory=list)


Node = ScalarNode | MappingNode | SequenceNode


def documents_of(
    tree: Tree,
    values: Sequence[tuple[str, str] | None] | None = None,
    comments: Sequence[str | None] | None = None,
) -> list[MappingNode]:
    """The documents of a tree, without metadata; `values` and `comments` replace what stands there, None leaves it."""
    made: dict[Box, MappingNode | SequenceNode] = {}
    roots: list[MappingNode] = []
    for box, leaf_number, comment_number in walk(tree):
        if box is not None:
            node: MappingNode | SequenceNode = SequenceNode() if box.is_sequence else MappingNode()
            made[box] = node
            if box.parent is None:
                roots.append(t.cast("MappingNode", node))
            else:
                _add(made[box.parent], box.key, node)
        elif leaf_number >= 0:
            leaf = tree.leaves[leaf_number]
            value = (values[leaf_number] if values is not None else None) or (leaf.type, leaf.text)
            if value[0] == COMMENT:
                made[leaf.box].items.append(CommentNode(value[1]))
            else:
                _add(made[leaf.box], leaf.key, ScalarNode(*value))
        else:
            comment = tree.comments[comment_number]
            text = comments[comment_number] if comments is not None else None
            made[comment.box].items.append(CommentNode(comment.text if text is None else text, comment.inline))
    return roots


def _add(container: MappingNode | SequenceNode, key: str, node: Node) -> None:
    if isinstance(container, MappingNode):
        container.items.append((key, node))
    else:
        container.items.append(node)


def from_data(data: t.Any) -> Node:
    """Plain Python data as nodes; raises TypeError for what no store can hold."""
    if isinstance(data, dict):
        return MappingNode([(str(key), from_data(value)) for key, value in data.items()])
    if isinstance(data, list | tuple):
        return SequenceNode([from_data(value) for value in data])
    if data is None:
        return ScalarNode(NULL, "")
    if isinstance(data, bool):
        return ScalarNode(BOOL, str(data))
    if isinstance(data, int):
        return ScalarNode(INT, str(data))
    if isinstance(data, float):
        return ScalarNode(FLOAT, format_float(data))
    if isinstance(data, str):
        return ScalarNode(STR, data)
    if isinstance(data, bytes):
        return ScalarNode(STR, to_text(data))
    if isinstance(data, datetime):
        return ScalarNode(TIME, _time(data))
    if isinstance(data, date):
        return ScalarNode(TIME, f"{data.isoformat()}T00:00:00Z")
    raise TypeError(f"data of type {type(data).__name__} cannot be written")


def _time(moment: datetime) -> str:
    offset = moment.utcoffset()
    minutes = 0 if offset is None else int(offset.total_seconds()) // 60
    parts = (*(str(part) for part in moment.timetuple()[:6]), f"{moment.microsecond:06d}")
    sign = "-" if minutes < 0 else "+"
    text = format_time((*parts, sign, f"{abs(minutes) // 60:02d}", f"{abs(minutes) % 60:02d}"))
    if text is None:
        raise TypeError("a time that has no RFC 3339 form cannot be written")
    return text
