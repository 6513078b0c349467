# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata as flat keys and texts, for the stores without nesting: dotenv and INI.

Private to the collection. `__map_` stands before the key of a mapping, `__list_` before the number of
an item: `age__list_0__map_recipient`.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Mapping, Sequence

from ..._errors import LimitError, MalformedMetadataError
from ..values import format_float

_MAP, _LIST = "__map_", "__list_"
_SEPARATOR = re.compile(f"({_MAP}|{_LIST})")
_NUMBER = re.compile(r"\+?([0-9]+)\Z", re.ASCII)
_NEGATIVE = re.compile(r"-0*[1-9][0-9]*\Z", re.ASCII)
_NAME = re.compile(r"[a-z_]{1,40}\Z")
_TOO_LARGE = 10**9
MAX_DEPTH = 100
"""Metadata of sops is five levels deep at most."""
MAX_ITEMS = 100_000

Step: t.TypeAlias = "str | int"


def flatten(data: Mapping[str, t.Any], prefix: str = "") -> list[tuple[str, str]]:
    """Flat keys with their texts, depth first in the order of the keys; empty lists and mappings leave nothing."""
    made: dict[str, str] = {}
    for key, value in _descend(data, prefix, 0):
        if key in made:
            raise MalformedMetadataError("two entries of the metadata have the same flat key", where="sops")
        made[key] = value
    return list(made.items())


def _descend(data: Mapping[str, t.Any], prefix: str, depth: int) -> t.Iterator[tuple[str, str]]:
    if depth > MAX_DEPTH:
        raise LimitError(f"the metadata is nested deeper than {MAX_DEPTH} levels", where="sops")
    for key, value in sorted(data.items()):
        yield from _value(value, f"{prefix}{key}", depth)


def _value(value: t.Any, key: str, depth: int) -> t.Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        yield from _descend(value, key + _MAP, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from _descend({str(number): each for number, each in enumerate(value)}, key + _LIST, depth + 1)
    else:
        yield key, _text(value)


def _text(value: t.Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return format_float(value)
    return "" if value is None else str(value)


class _Node:
    """One place: a value, keys below it or items below it."""

    __slots__ = ("items", "keys", "value")

    def __init__(self) -> None:
        self.value: str | None = None
        self.keys: dict[str, _Node] = {}
        self.items: dict[int, _Node] = {}


def unflatten(pairs: Iterable[tuple[str, str]]) -> dict[str, t.Any]:
    """The metadata that these flat keys spell."""
    root = _Node()
    for number, (key, value) in enumerate(pairs):
        if number >= MAX_ITEMS:
            raise LimitError(f"the metadata has more than {MAX_ITEMS} entries", where="sops")
        steps = _steps(key)
        if len(steps) > MAX_DEPTH:
            raise LimitError(f"the metadata is nested deeper than {MAX_DEPTH} levels", where="sops")
        node = _place(root, steps)
        if node.value is not None:
            raise MalformedMetadataError("Duplicate value: a metadata key occurs twice", where=_path("sops", *steps))
        node.value = value
    return {key: _convert(node, _path("sops", key)) for key, node in sorted(root.keys.items())}


def _path(start: str, *steps: Step) -> str:
    """Where something is, as far as the names are those of metadata."""
    path = start
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif not _NAME.match(step):
            return path
        else:
            path += f".{step}"
    return path


def _place(root: _Node, steps: Sequence[Step]) -> _Node:
    node = root
    for step in steps:
        node = node.keys.setdefault(step, _Node()) if isinstance(step, str) else node.items.setdefault(step, _Node())
    return node


def _steps(key: str) -> list[Step]:
    first, *rest = _SEPARATOR.split(key, MAX_DEPTH)
    steps: list[Step] = [first]
    for kind, name in zip(rest[::2], rest[1::2], strict=True):
        steps.append(name if kind == _MAP else _index(name))
    return steps


def _index(name: str) -> int:
    """Number of an item; as in sops, what is no number counts as 0."""
    if _NEGATIVE.match(name):
        return -1
    match = _NUMBER.match(name)
    digits = match[1].lstrip("0") if match else ""
    return int(digits or "0") if len(digits) < 10 else _TOO_LARGE


def _convert(node: _Node, where: str) -> t.Any:
    if (node.value is not None) + bool(node.keys) + bool(node.items) > 1:
        raise MalformedMetadataError("Type mismatch: a metadata entry is used in two ways", where=where)
    if node.keys:
        return {key: _convert(each, _path(where, key)) for key, each in sorted(node.keys.items())}
    if node.items:
        if sorted(node.items) != list(range(len(node.items))):
            raise MalformedMetadataError("Incomplete list: the numbers of a metadata list have gaps", where=where)
        return [_convert(each, _path(where, number)) for number, each in sorted(node.items.items(), key=_number_of)]
    return node.value


def _number_of(item: tuple[int, _Node]) -> int:
    return item[0]
