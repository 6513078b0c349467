# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The content of a file without its text: what is left when a file changes its format or is written anew.

Private to the collection. Order, duplicate keys and comments are kept; spelling is not.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from .._errors import EmissionError, LimitError
from .tree import BOOL, COMMENT, DEFAULT_LIMITS, FLOAT, INT, NULL, STR, TIME, Box, Limits, Tree, exact_steps, walk
from .values import format_float, format_time, to_bytes, to_text

if t.TYPE_CHECKING:
    from datetime import datetime


class ScalarNode(t.NamedTuple):
    """One value: type and byte form as text, as in a leaf."""

    type: str
    text: str


class CommentNode(t.NamedTuple):
    """One comment line, without its sign."""

    text: str
    inline: bool = False
    """It stands behind the value that comes next in the items."""


class _Container:
    """What mappings and lists share; not a data class, to keep start-up short."""

    __slots__ = ("items",)
    items: list[t.Any]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self.__class__) and self.items == other.items

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({self.items!r})"


class MappingNode(_Container):
    """Keys with values, and comments, in order; a key may occur twice."""

    __slots__ = ()
    items: list[tuple[str, Node] | CommentNode]

    def __init__(self, items: list[tuple[str, Node] | CommentNode] | None = None) -> None:
        self.items = [] if items is None else items


class SequenceNode(_Container):
    """Values and comments in order."""

    __slots__ = ()
    items: list[Node | CommentNode]

    def __init__(self, items: list[Node | CommentNode] | None = None) -> None:
        self.items = [] if items is None else items


Node: t.TypeAlias = "ScalarNode | MappingNode | SequenceNode"


def documents_of(
    tree: Tree,
    values: Sequence[tuple[str, str] | None] | None = None,
    comments: Sequence[str | None] | None = None,
    *,
    exact: bool = False,
) -> list[MappingNode]:
    """The documents of a tree, without metadata; `values` and `comments` replace what stands there, None leaves it.

    `exact` is for selectors that go by comments: each comment is where sops has it.
    """
    made: dict[Box, MappingNode | SequenceNode] = {}
    roots: list[MappingNode] = []
    for box, leaf_number, comment_number, copy in exact_steps(tree) if exact else walk(tree):
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
            made[copy or comment.box].items.append(CommentNode(comment.text if text is None else text, comment.inline))
    return roots


def _add(container: MappingNode | SequenceNode, key: str, node: Node) -> None:
    if isinstance(container, MappingNode):
        container.items.append((key, node))
    else:
        container.items.append(node)


def from_data(data: t.Any, *, limits: Limits = DEFAULT_LIMITS) -> Node:
    """Plain Python data as nodes; raises EmissionError for what no store can hold."""
    holder = SequenceNode()
    todo: list[tuple[MappingNode | SequenceNode, t.Any]] = [(holder, (data,))]
    count = 0
    while todo:
        container, values = todo.pop()
        count += len(values)
        if count > limits.nodes:
            # Aliases make small files into much data, and into data that contains itself.
            raise LimitError(f"the data holds more than {limits.nodes} values")
        for key in values:
            value = values[key] if isinstance(container, MappingNode) else key
            node = _node(value)
            if not isinstance(node, ScalarNode):
                todo.append((node, value))
            _add(container, _key(key) if isinstance(container, MappingNode) else "", node)
    return t.cast("Node", holder.items[0])


def _key(key: t.Any) -> str:
    if not isinstance(key, str):
        raise EmissionError("a key is not a string, only strings can be keys", hint="put it in quotes")
    return _text(key)


def _text(text: str) -> str:
    """The text, if it has a byte form."""
    if not text.isascii():
        try:
            to_bytes(text)
        except UnicodeEncodeError:
            raise EmissionError("a text holds half of a surrogate pair, which no file can hold") from None
    return text


def _node(data: t.Any) -> Node:
    """The node of a value; containers are empty."""
    for kind, make in _KINDS:
        if isinstance(data, kind):
            return make(data)
    from datetime import date, datetime  # noqa: PLC0415  (start-up time: few data hold a time)

    if isinstance(data, datetime):
        return _time(data)
    if isinstance(data, date):
        return ScalarNode(TIME, f"{data.isoformat()}T00:00:00Z")
    raise EmissionError(f"data of type {type(data).__name__} cannot be written")


def _integer(number: int) -> ScalarNode:
    if not -(2**63) <= number < 2**63:
        raise EmissionError("an integer beyond 64 bits cannot be written", hint="make it a string")
    return ScalarNode(INT, str(int(number)))


def _time(moment: datetime) -> ScalarNode:
    offset = moment.utcoffset()
    minutes = 0 if offset is None else int(offset.total_seconds()) // 60
    parts = (*(str(part) for part in moment.timetuple()[:6]), f"{moment.microsecond:06d}")
    sign = "-" if minutes < 0 else "+"
    text = format_time((*parts, sign, f"{abs(minutes) // 60:02d}", f"{abs(minutes) % 60:02d}"))
    if text is None:
        raise EmissionError("a time that has no RFC 3339 form cannot be written")
    return ScalarNode(TIME, text)


_KINDS: tuple[tuple[t.Any, t.Callable[[t.Any], Node]], ...] = (
    (str, lambda data: ScalarNode(STR, _text(data))),
    (dict, lambda _data: MappingNode()),
    (list | tuple, lambda _data: SequenceNode()),
    (type(None), lambda _data: ScalarNode(NULL, "")),
    (bool, lambda data: ScalarNode(BOOL, str(data))),
    (int, _integer),
    (float, lambda data: ScalarNode(FLOAT, format_float(data))),
    (bytes, lambda data: ScalarNode(STR, to_text(data))),
)
"""The first kind that fits counts: a truth value is also an int."""
