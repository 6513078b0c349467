# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding, exchanging and removing entries in the text of a plain JSON file.

Private to the collection. An entry on a line of its own gets neighbours on lines of their own, in the same column;
what stands on one line stays on one line. The caller reads every result back.
"""

from __future__ import annotations

import json
import re

from ..nodes import MappingNode, Node, ScalarNode, SequenceNode
from ..paths import Path, is_deep, values_of, wrapped
from ..tree import STR, Edit, Tree, apply_edits
from .json_text import spell_string, spell_typed
from .yaml_extents import MAPPING, SCALAR, SEQUENCE, Extent, Item, child

_TOKEN = re.compile(r'[ \t\r\n]*(?:("(?:[^"\\]|\\.)*")|([{}\[\],:])|([^\s{}\[\],:"]+))', re.DOTALL)
_DEFAULT_STEP = "\t"


def put(tree: Tree, document: int, path: Path, node: Node, *, literals: bool = True) -> str | None:
    """The text with a value at a path."""
    del document, literals
    root = _read(tree.text)
    if root is None or is_deep(node):
        return None
    _parent, item, rest = _descend(root, path)
    at = item.value if item is not None else root
    if rest:
        node = wrapped(rest[1:], node)
        if at.kind != SCALAR and at.items:
            return apply_edits(tree.text, [_append(tree.text, root, at, rest[0], node)])
        node = wrapped(rest[:1], node)
    lead = _lead(tree.text, item.start if item is not None else root.start)
    spelled = _spell(node, lead, _step(tree.text, root))
    return apply_edits(tree.text, [Edit(at.start, at.end, spelled)])


def drop(tree: Tree, document: int, path: Path) -> str | None:
    """The text without the entry at a path."""
    del document
    root = _read(tree.text)
    if root is None:
        return None
    parent, item, rest = _descend(root, path)
    if rest or item is None:
        return None
    number = parent.items.index(item)
    if len(parent.items) == 1:
        edit = Edit(parent.start, parent.end, "[]" if parent.kind == SEQUENCE else "{}")
    elif number + 1 < len(parent.items):
        edit = Edit(item.start, parent.items[number + 1].start, "")
    else:
        edit = Edit(parent.items[number - 1].end, item.end, "")
    return apply_edits(tree.text, [edit])


def _descend(root: Extent, path: Path) -> tuple[Extent, Item | None, Path]:
    """The innermost entry that exists on the way, its container, and the rest of the path."""
    parent, item = root, None
    at = root
    for depth, part in enumerate(path):
        found = child(at, part)
        if found is None:
            return parent, item, path[depth:]
        parent, item, at = at, found, found.value
    return parent, item, ()


def _append(text: str, root: Extent, at: Extent, part: str | int, node: Node) -> Edit:
    last = at.items[-1]
    lead = _lead(text, last.start)
    step = _step(text, root)
    separator = ", "
    if lead is not None:
        broken = "\r\n" if "\r\n" in text else "\n"
        separator = f",{broken}{lead}"
    key = f"{spell_string(part)}: " if isinstance(part, str) else ""
    return Edit(last.end, last.end, separator + key + _spell(node, lead, step))


def _lead(text: str, index: int) -> str | None:
    """What stands before an entry on its line, None if that is not blank."""
    line = max(text.rfind("\n", 0, index), text.rfind("\r", 0, index)) + 1
    lead = text[line:index]
    return None if lead.strip() else lead


def _step(text: str, root: Extent) -> str | None:
    """What a level is indented by, None for a file on one line."""
    if not root.items:
        return _DEFAULT_STEP
    outer, inner = _lead(text, root.start), _lead(text, root.items[0].start)
    if inner is None:
        return None
    return inner.removeprefix(outer or "") or _DEFAULT_STEP


def _spell(node: Node, lead: str | None, step: str | None) -> str:
    if isinstance(node, ScalarNode):
        return spell_string(node.text) if node.type == STR else spell_typed(node.type, node.text)
    signs = "[]" if isinstance(node, SequenceNode) else "{}"
    inner = None if lead is None or step is None else lead + step
    if isinstance(node, MappingNode):
        parts = [f"{spell_string(key)}: {_spell(value, inner, step)}" for key, value in values_of(node)]
    else:
        parts = [_spell(value, inner, step) for _key, value in values_of(node)]
    if not parts or inner is None:
        return f"{signs[0]}{', '.join(parts)}{signs[1]}"
    return f"{signs[0]}\n{inner}" + f",\n{inner}".join(parts) + f"\n{lead}{signs[1]}"


def _read(text: str) -> Extent | None:
    """The value that the text begins with; it has been read before, so it is well formed."""
    stack: list[Extent] = []
    key: tuple[str, int, int] | None = None
    at = 0
    while (match := _TOKEN.match(text, at)) is not None:
        at = match.end()
        string, sign, _word = match.groups()
        start = match.start(match.lastindex or 0)
        if string is not None and key is None and stack and stack[-1].kind == MAPPING:
            key = (json.loads(string, strict=False), start, at)
            continue
        if sign in (",", ":"):
            continue
        if sign in ("}", "]"):
            done = stack.pop()
            done.end = at
            if not stack:
                return done
            continue
        made = Extent({"{": MAPPING, "[": SEQUENCE}.get(sign or "", SCALAR), start, at, flow=True)
        if stack:
            stack[-1].items.append(Item(*(key or ("", -1, -1)), made))
        key = None
        if made.kind != SCALAR:
            stack.append(made)
    return None
