# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths into a document: `["key"][0]`, what they lead to, and the content with something else there.

Private to the collection. A path is a tuple of keys and list indices; its text form is that of sops. Comments are
no items of a list here: an index counts values only.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Sequence

from .._errors import PathNotFoundError, TreePathError
from .nodes import CommentNode, MappingNode, Node, ScalarNode, SequenceNode
from .tree import Box, Leaf, Tree

Path: t.TypeAlias = "tuple[str | int, ...]"

_INDEX = re.compile(r"[-+]?[0-9]+\Z", re.ASCII)
_LONGEST = 200
_DEEP = 100
_LARGEST_INDEX = 1_000_000_000
_SYNTAX = 'write keys in quotes and indices in brackets, as in ["database"]["hosts"][0]'
SYNTAX_EXIT_OF_EXTRACT = 91
"""sops tells a path that it cannot read apart by command."""


def parse_path(text: str, *, exit_code: int = TreePathError.exit_code) -> Path:
    """The path in the text form of sops: bracketed keys, in either quotes and without escapes, and indices."""
    path = tuple(_component(piece, exit_code) for piece in text.split("[") if piece)
    if text and not text.startswith("["):
        raise _syntax("the path does not start with [", exit_code)
    check_path(path, exit_code=exit_code)
    return path


def _component(piece: str, exit_code: int) -> str | int:
    if not piece.endswith("]"):
        raise _syntax("a component of the path does not end with ]", exit_code)
    inner = piece[:-1]
    if len(inner) > 1 and inner[0] in "'\"" and inner[-1] == inner[0]:
        return inner[1:-1]
    if not _INDEX.match(inner):
        raise _syntax("a component of the path is neither a key in quotes nor a number", exit_code)
    return int(inner) if len(inner) < 20 else _LARGEST_INDEX + 1


def check_path(path: Path, *, exit_code: int = TreePathError.exit_code) -> None:
    """Refuse what leads nowhere in any document: no component at all, or a negative index."""
    if not path:
        raise _syntax("the path is empty", exit_code)
    if len(path) > _LONGEST:
        raise _syntax(f"the path has more than {_LONGEST} components", exit_code)
    for part in path:
        if isinstance(part, int) and (isinstance(part, bool) or not 0 <= part <= _LARGEST_INDEX):
            raise _syntax("an index of the path is negative or too large", exit_code)


def _syntax(message: str, exit_code: int) -> TreePathError:
    return TreePathError(message, hint=_SYNTAX, exit_code=exit_code)


def format_path(path: Path) -> str:
    """The text form of a path."""
    return "".join(f"[{part}]" if isinstance(part, int) else f'["{part}"]' for part in path)


def path_of(tree: Tree, item: Leaf | Box, number: int = -1) -> Path:
    """The path of a leaf or container; `number` is that of the leaf. For messages: it looks at all siblings."""
    parts: list[str | int] = []
    box = item.box if isinstance(item, Leaf) else item.parent
    at = item
    while box is not None:
        if box.is_sequence:
            parts.append(_position(tree, box, at, number))
        else:
            parts.append(at.key)
        at, box = box, box.parent
    return tuple(reversed(parts))


def _position(tree: Tree, box: Box, item: Leaf | Box, number: int) -> int:
    """Number of values of a list before an item of it."""
    first = item.first if isinstance(item, Box) else number
    begin = item.begin
    leaves = sum(1 for leaf in tree.leaves[box.first : max(first, 0)] if leaf.box is box)
    boxes = sum(1 for each in tree.boxes if each.parent is box and (each.first, each.begin) < (first, begin))
    return leaves + boxes


# --- content --------------------------------------------------------------------------------------


def find(node: Node, path: Path) -> Node:
    """What a path leads to."""
    for depth, part in enumerate(path):
        if isinstance(node, MappingNode) and isinstance(part, str):
            node = _value(node, part, path[: depth + 1])
        elif isinstance(node, SequenceNode) and isinstance(part, int):
            values = values_of(node)
            if part >= len(values):
                raise _no_index(path[: depth + 1])
            node = values[part][1]
        else:
            raise _mismatch(node, path[: depth + 1])
    return node


def replaced(node: Node, path: Path, value: Node) -> Node:
    """The content with a value at a path; what is missing on the way is made, a scalar in the way replaced."""
    if not path:
        return value
    part = path[0]
    if isinstance(node, ScalarNode):
        return wrapped(path, value)
    if isinstance(node, MappingNode) and isinstance(part, str):
        for place, item in enumerate(node.items):
            if not isinstance(item, CommentNode) and item[0] == part:
                return MappingNode(
                    [*node.items[:place], (part, replaced(item[1], path[1:], value)), *node.items[place + 1 :]]
                )
        return MappingNode([*node.items, (part, wrapped(path[1:], value))])
    if isinstance(node, SequenceNode) and isinstance(part, int):
        place = _item_place(node, part)
        if place == len(node.items):
            return SequenceNode([*node.items, wrapped(path[1:], value)])
        old = node.items[place]
        new = value if isinstance(old, CommentNode) else replaced(old, path[1:], value)
        return SequenceNode([*node.items[:place], new, *node.items[place + 1 :]])
    raise _mismatch(node, path[:1])


def removed(node: Node, path: Path, *, above: Path = ()) -> Node:
    """The content without what a path leads to."""
    part = path[0]
    here = (*above, part)
    if isinstance(node, MappingNode) and isinstance(part, str):
        place = _key_index(node, part)
        if place < 0:
            raise _no_key(here)
        item = node.items[place]
        old = node if isinstance(item, CommentNode) else item[1]
        kept = [] if len(path) == 1 else [(part, removed(old, path[1:], above=here))]
        return MappingNode([*node.items[:place], *kept, *node.items[place + 1 :]])
    if isinstance(node, SequenceNode) and isinstance(part, int):
        place = _item_place(node, part)
        if place == len(node.items):
            raise _no_index(here)
        child = node.items[place]
        left = [] if len(path) == 1 or isinstance(child, CommentNode) else [removed(child, path[1:], above=here)]
        return SequenceNode([*node.items[:place], *left, *node.items[place + 1 :]])
    raise _mismatch(node, here)


def wrapped(path: Path, value: Node) -> Node:
    """A value inside of new containers; a new list starts at its first item, whatever the index."""
    for part in reversed(path):
        value = SequenceNode([value]) if isinstance(part, int) else MappingNode([(part, value)])
    return value


def values_of(node: MappingNode | SequenceNode) -> list[tuple[str, Node]]:
    """Keys and values without comments; the items of a list have no key."""
    if isinstance(node, MappingNode):
        return [item for item in node.items if not isinstance(item, CommentNode)]
    return [("", item) for item in node.items if not isinstance(item, CommentNode)]


def is_deep(node: Node) -> bool:
    """Whether a value is nested deeper than functions should call themselves."""
    level = [node]
    for _turn in range(_DEEP):
        level = [value for each in level if not isinstance(each, ScalarNode) for _key, value in values_of(each)]
        if not level:
            return False
    return True


STRUCTURE = ("{", "}", "[", "]", "key")
"""What stands in an outline besides values."""


def outline(documents: Sequence[MappingNode]) -> list[tuple[str, str]]:
    """The values of documents without comments, flat, to compare by: nodes may be nested deeper than Python recurses."""
    made: list[tuple[str, str]] = []
    stack: list[Node | tuple[str, str]] = list(reversed(documents))
    while stack:
        at = stack.pop()
        if isinstance(at, MappingNode):
            made.append(("{", ""))
            stack.append(("}", ""))
            for item in reversed(at.items):
                if not isinstance(item, CommentNode):
                    stack += (item[1], ("key", item[0]))
        elif isinstance(at, SequenceNode):
            made.append(("[", ""))
            stack.append(("]", ""))
            stack += [item for item in reversed(at.items) if not isinstance(item, CommentNode)]
        else:
            made.append((at[0], at[1]))
    return made


def _value(node: MappingNode, key: str, path: Path) -> Node:
    for name, value in values_of(node):
        if name == key:
            return value
    raise _no_key(path)


def _key_index(node: MappingNode, key: str) -> int:
    for place, item in enumerate(node.items):
        if not isinstance(item, CommentNode) and item[0] == key:
            return place
    return -1


def _item_place(node: SequenceNode, index: int) -> int:
    """Place of a value among values and comments; the end if there are not so many."""
    seen = 0
    for place, item in enumerate(node.items):
        if isinstance(item, CommentNode):
            continue
        if seen == index:
            return place
        seen += 1
    return len(node.items)


def _no_key(path: Path) -> PathNotFoundError:
    return PathNotFoundError(f"key not found: {path[-1]}", where=format_path(path))


def _no_index(path: Path) -> PathNotFoundError:
    return PathNotFoundError(f"index {path[-1]} is out of bounds", where=format_path(path))


def _mismatch(node: Node, path: Path) -> PathNotFoundError:
    kind = {MappingNode: "a mapping, which has keys", SequenceNode: "a list, which has indices"}.get(
        type(node), "a single value, which holds nothing"
    )
    wanted = "an index" if isinstance(path[-1], int) else "a key"
    return PathNotFoundError(f"{wanted} is given for {kind}", where=format_path(path))
