# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Flow collections that start and end on one line, of simple words and texts in quotes, for the fast lane of YAML.

Private to the collection.
"""

from __future__ import annotations

import re

from ..tree import STR, Box, Leaf, Tree
from .yaml_scalars import WORDS, resolve

_MAX_KEY = 500
"""YAML wants the colon within 1,024 characters."""
_ITEM = re.compile(
    r""" *(?:([A-Za-z_][A-Za-z0-9_./-]*+): ++)?"""  # key
    r"""(?:([\[{])|"""  # opening bracket of a collection
    r"""("[^"\\]*+"|'[^']*+'|(?:[A-Za-z0-9_./~+]|-(?=[A-Za-z0-9.]))[A-Za-z0-9_./~+@=-]*+(?: ++[A-Za-z0-9_./~+@=-]++)*+)"""
    r""" *+([,\]}]))"""  # what follows a scalar
)
_CLOSE = re.compile(r" *+([\]}])")
_NEXT = re.compile(r" *+([,\]}])")
_new_leaf = tuple.__new__


class OtherFlowError(Exception):
    """The collection is not of the simple form."""


def open_flow(tree: Tree, bracket: str, start: int, column: int, parent: Box, key: str, path: str) -> Box:
    """Open a flow collection at its bracket."""
    is_sequence = bracket == "["
    first = len(tree.leaves)
    opened = Box(parent, key, path, is_sequence=is_sequence, flow=True, indent=column + 1, begin=start, first=first)
    tree.boxes.append(opened)
    return opened


def read_flow(tree: Tree, text: str, start: int, column: int, first: Box, max_depth: int) -> int:
    """Read up to the bracket that closes `first`, whose own opens the text; the place in the text behind it."""
    add = tree.leaves.append
    box = first
    depth = 1
    at = 1
    is_new = True
    while True:
        if depth > max_depth:
            raise OtherFlowError
        closing = _CLOSE.match(text, at) if is_new else None
        if closing is None:
            item = _ITEM.match(text, at)
            if item is None:
                raise OtherFlowError
            key, bracket, scalar, sign = item.groups()
            path = _path(box, key)
            key = box.key if key is None else key
            at = item.end()
            if bracket is not None:
                box = open_flow(tree, bracket, start + at - 1, column + at - 1, box, key, path)
                depth += 1
                is_new = True
                continue
            place = start + item.start(3)
            style = scalar[0] if scalar[0] in "'\"" else ""
            kind, data = (STR, scalar[1:-1]) if style else resolve(scalar)
            add(_new_leaf(Leaf, (place, place + len(scalar), style, kind, data, path, box, key, place)))
        else:
            sign, at = closing[1], closing.end()
        while sign != ",":
            if (sign == "]") is not box.is_sequence:
                raise OtherFlowError
            if box is first:
                return at
            box = box.parent or first
            depth -= 1
            following = _NEXT.match(text, at)
            if following is None:
                raise OtherFlowError
            sign, at = following[1], following.end()
        is_new = False


def _path(box: Box, key: str | None) -> str:
    """Path of an item; takes the key."""
    if key is None:
        if not box.is_sequence:
            raise OtherFlowError
        box.count += 1
        return box.path
    if box.is_sequence or key in box.seen or len(key) > _MAX_KEY or key in WORDS:
        raise OtherFlowError
    box.seen.add(key)
    box.last = key
    return f"{box.path}{key}:"
