# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing some keys of the metadata of an encrypted YAML file; the lines of all others stay.

Private to the collection. Metadata in block style is cut into its entries by indentation. What is not laid out so
is answered with None.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping

from ..nodes import from_data
from ..tree import Branch, Edit, Tree
from . import yaml_emitter

if t.TYPE_CHECKING:
    from ..nodes import MappingNode

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_HEAD = re.compile(r"[\"']?sops[\"']?[ \t]*:[ \t]*(?:#.*)?\Z")
_ENTRY = re.compile(r"( *)([\"']?)([A-Za-z0-9_]+)\2[ \t]*:(?=[ \t]|\Z)")


class _Entry(t.NamedTuple):
    key: str
    lines: list[str]


def edits(tree: Tree, changes: Mapping[str, t.Any]) -> list[Edit] | None:
    """One edit for the metadata of each document."""
    made = []
    for branch in tree.branches:
        if branch.metadata_span is None:
            continue
        text = None if branch.root.flow else _rewritten(tree, branch, changes)
        if text is None:
            return None
        made.append(Edit(*branch.metadata_span, text))
    return made


def _rewritten(tree: Tree, branch: Branch, changes: Mapping[str, t.Any]) -> str | None:
    start, end = branch.metadata_span or (0, 0)
    text = tree.text[start:end]
    found = _BREAK.search(text)
    lines = _BREAK.split(text)
    column = next((len(line) - len(line.lstrip(" ")) for line in lines[1:] if line.strip(" ")), 0)
    if found is None or not _HEAD.match(lines[0]) or column <= branch.root.indent:
        return None
    entries = _entries(lines[1:], column)
    if entries is None:
        return None
    for key, value in sorted(changes.items()):
        _change(entries, key, value, column)
    return found[0].join([lines[0], *(line for entry in entries for line in entry.lines)])


def _entries(lines: list[str], column: int) -> list[_Entry] | None:
    entries: list[_Entry] = []
    for line in lines:
        match = _ENTRY.match(line)
        if match is not None and len(match[1]) == column:
            entries.append(_Entry(match[3], [line]))
        elif entries:
            entries[-1].lines.append(line)
        else:
            return None
    return entries


def _change(entries: list[_Entry], key: str, value: t.Any, column: int) -> None:
    place = next((number for number, entry in enumerate(entries) if entry.key == key), -1)
    if value is None:
        if place >= 0:
            del entries[place]
        return
    text = yaml_emitter.emit([t.cast("MappingNode", from_data({key: value}))]).rstrip("\n")
    made = _Entry(key, [" " * column + line if line else "" for line in text.split("\n")])
    if place >= 0:
        entries[place] = made
    else:
        following = next((number for number, entry in enumerate(entries) if entry.key > key), len(entries))
        entries.insert(following, made)
