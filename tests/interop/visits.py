# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A YAML file as a sequence of stops in sops' order: containers, values and comments, to compare one by one."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Sequence

from sops_library import Content, _text

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.opening import Opened
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import Box, Step, Tree


class Stop(t.NamedTuple):
    """One stop of a visit."""

    kind: str
    """`m`, `s`, `#`, or the type of a value."""
    depth: int
    key: t.Any
    """None in a list and for comments."""
    text: t.Any
    stored: t.Any = None
    """Text of a comment as it stands in the file."""
    is_item: bool = False
    """An empty comment of a list that is encrypted: on reading, sops makes an item of it."""


def theirs(documents: Content) -> list[Stop]:
    """The stops in a content that sops told."""
    return [stop for document in documents for stop in _stops(document, 0, None)]


def _stops(content: Content, depth: int, key: t.Any) -> Iterator[Stop]:
    kind = content[0]
    if kind in ("m", "s"):
        yield Stop(kind, depth, key, None)
        for item in content[1:]:
            is_pair = item[0] == "k"
            yield from _stops(item[2] if is_pair else item, depth + 1, item[1] if is_pair else None)
    else:
        yield Stop(kind, depth, key, content[1] if len(content) > 1 else None)


def ours(tree: Tree, steps: Sequence[Step], opened: Opened | None = None) -> list[Stop]:
    """The stops in a tree; `opened` has what its tokens hold."""
    depths: dict[Box, int] = {}
    stops = []
    for box, leaf_number, comment_number, copy in steps:
        if box is not None:
            depths[box] = 0 if box.parent is None else depths[box.parent] + 1
            stops.append(Stop("s" if box.is_sequence else "m", depths[box], _key(box.parent, box.key), None))
        elif leaf_number >= 0:
            leaf = tree.leaves[leaf_number]
            kind, text = (opened.values[leaf_number] if opened else None) or (leaf.type, leaf.text)
            depth = depths[leaf.box] + 1
            if kind == "comment":
                stops.append(Stop("#", depth, None, _text(text), _text(leaf.text)))
            else:
                stops.append(Stop(kind, depth, _key(leaf.box, leaf.key), None if kind == "null" else _text(text)))
        else:
            comment = tree.comments[comment_number]
            inside = copy or comment.box
            text = opened.comments[comment_number] if opened else None
            is_item = opened is not None and inside.is_sequence and not comment.text and text is None
            said = comment.text if text is None else text
            stops.append(Stop("#", depths[inside] + 1, None, _text(said), _text(comment.text), is_item))
    return stops


def _key(box: Box | None, key: str) -> t.Any:
    return None if box is None or box.is_sequence else _text(key)


_BEHIND_METADATA_KEY = re.compile(rb"^ *sops:[ \t]*#", re.MULTILINE)


def without_moved(stops: Sequence[Stop], content: bytes) -> list[Stop]:
    """Without the last comment of each document that has one behind the key of its metadata.

    sops writes the comment behind an alias at the end of a document there, and finds it again as one of the document.
    """
    moved = [_BEHIND_METADATA_KEY.search(part) is not None for part in re.split(rb"^---", content, flags=re.MULTILINE)]
    kept: list[Stop] = []
    for stop in reversed(stops):
        if moved and moved[-1] and stop.kind == "#" and stop.depth == 1:
            moved[-1] = False
        else:
            kept.append(stop)
        if stop.depth == 0:
            del moved[-1:]
    return kept[::-1]


def difference(ours: Sequence[Stop], theirs: Sequence[Stop]) -> tuple[str, set[str]]:
    """The first stop that differs, empty if there is none; and what differs for a reason."""
    reasons = set()
    for number in range(max(len(ours), len(theirs))):
        own = ours[number] if number < len(ours) else None
        other = theirs[number] if number < len(theirs) else None
        if own is None or other is None or own[:2] != other[:2] or own.key != other.key or own.text != other.text:
            reason = _reason(own, other) if own is not None and other is not None else None
            if reason is None:
                return f"ours {own}, sops' {other}", reasons
            reasons.add(reason)
    return "", reasons


def _reason(own: Stop, other: Stop) -> str | None:
    if own.kind != "#" or own.depth != other.depth:
        return None
    if own.is_item and other.kind == "str" and other.text == "":
        return "an empty comment in a list is an item for sops"
    if other.kind != "#":
        return None
    if other.text == own.stored == "#":
        return "an empty comment in a list is # for sops"
    return "a comment that sops does not open" if other.text == own.stored else None
