# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding and removing lines and sections of a plain INI file.

Private to the collection. A new line takes its indentation, its sign and the column of the sign from the last line of
its section. The caller reads every result back.
"""

from __future__ import annotations

import re

from ..nodes import MappingNode, Node, ScalarNode
from ..paths import Path, values_of
from ..tree import Box, Edit, Leaf, Tree, apply_edits
from .ini_emitter import spell_value

_LINE = re.compile(r"([ \t]*)([^=:\r\n]*?)([ \t]*)([=:])([ \t]*)")
_BREAK = re.compile("\r\n|\n|\r")
_ODD_KEY = re.compile(r"[=:\"`\r\n#;\[\]]|\A\s|\s\Z|\A\Z")


def put(tree: Tree, document: int, path: Path, node: Node, *, literals: bool = True) -> str | None:
    """The text with a new line in a section, or with a new section at its end."""
    del document, literals
    if not all(isinstance(part, str) for part in path) or _ODD_KEY.search(str(path[-1])):
        return None
    name = str(path[0])
    box = _section(tree, name)
    if len(path) == 2 and isinstance(node, ScalarNode):
        key = str(path[1])
        if box is None:
            return _add_section(tree, name, [(key, node)])
        return None if _leaf(tree, box, key) else _add_line(tree, box, key, node)
    if len(path) == 1 and isinstance(node, MappingNode) and box is None:
        pairs = [(key, value) for key, value in values_of(node) if isinstance(value, ScalarNode)]
        return _add_section(tree, name, pairs)
    return None


def _add_line(tree: Tree, box: Box, key: str, node: ScalarNode) -> str | None:
    leaves = [leaf for leaf in tree.leaves if leaf.box is box]
    value = spell_value(node.text, ("",), key)
    if not leaves:
        if tree.text[box.begin : box.begin + 1] != "[":
            return None
        at = _line_end(tree.text, box.begin)
        return apply_edits(tree.text, [Edit(at, at, f"{_new_line(tree.text)}{key} = {value}")])
    last = leaves[-1]
    match = _LINE.match(tree.text, _line_start(tree.text, last.start))
    if match is None:
        return None
    indent, old, before, sign, after = match.groups()
    padding = " " * max(len(old) + len(before) - len(key), 1) if before else ""
    at = _line_end(tree.text, last.end)
    return apply_edits(tree.text, [Edit(at, at, f"{_new_line(tree.text)}{indent}{key}{padding}{sign}{after}{value}")])


def _add_section(tree: Tree, name: str, pairs: list[tuple[str, ScalarNode]]) -> str | None:
    if _ODD_KEY.search(name) or any(_ODD_KEY.search(key) for key, _node in pairs):
        return None
    new_line = _new_line(tree.text)
    width = max((len(key) for key, _node in pairs), default=0)
    lines = [f"[{name}]", *(f"{key.ljust(width)} = {spell_value(node.text, ('',), key)}" for key, node in pairs)]
    body = new_line.join(lines)
    text = tree.text.rstrip("\r\n")
    tail = tree.text[len(text) :]
    return f"{text}{new_line * 2 if text else ''}{body}{tail or new_line if not text else tail}"


def drop(tree: Tree, document: int, path: Path) -> str | None:
    """The text without a line, or without a section; comments before the next section stay."""
    del document
    box = _section(tree, str(path[0]))
    if box is None:
        return None
    text = tree.text
    if len(path) == 2:
        leaf = _leaf(tree, box, str(path[1]))
        return None if leaf is None else _without(text, _line_start(text, leaf.start), _line_end(text, leaf.end))
    leaves = [leaf for leaf in tree.leaves if leaf.box is box]
    if text[box.begin : box.begin + 1] != "[":
        return None
    end = _line_end(text, leaves[-1].end if leaves else box.begin)
    blank = re.compile(r"(?:\r\n|\n|\r)[ \t]*(?=\r|\n|\Z)").match(text, end)
    return _without(text, _line_start(text, box.begin), blank.end() if blank else end)


def _without(text: str, start: int, end: int) -> str:
    after = _BREAK.match(text, end)
    if after is None and start > 0:
        start -= 2 if text[start - 2 : start] == "\r\n" else 1
    return text[:start] + text[after.end() if after else end :]


def _section(tree: Tree, name: str) -> Box | None:
    return next((box for box in tree.boxes if box.parent is not None and box.key == name), None)


def _leaf(tree: Tree, box: Box, key: str) -> Leaf | None:
    return next((leaf for leaf in tree.leaves if leaf.box is box and leaf.key == key), None)


def _line_start(text: str, index: int) -> int:
    return max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1


def _line_end(text: str, index: int) -> int:
    found = _BREAK.search(text, index)
    return found.start() if found else len(text)


def _new_line(text: str) -> str:
    found = _BREAK.search(text)
    return found[0] if found else "\n"
