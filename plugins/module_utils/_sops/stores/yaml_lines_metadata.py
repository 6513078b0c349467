# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata of a YAML file for the fast lane: taken at once in its usual form, else made of the lines that were read.

Private to the collection.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from operator import itemgetter

from ..tree import BOOL, INT, STR, Box, Branch, Leaf

_USUAL = re.compile(
    r"sops:\n    age:\n((?:        - enc: \|\n(?:            [A-Za-z0-9+/=-](?:[A-Za-z0-9+/= -]*[A-Za-z0-9+/=-])?\n)+"
    r"          recipient: age1[a-z0-9]+\n)+)"
    r"(?:    encrypted_regex: (\^\([A-Za-z|]+\)\$)\n)?"
    r'    lastmodified: ("[0-9TZ:+.-]+")\n    mac: (ENC\[[^\s#]+\])\n'
    r"(?:    unencrypted_suffix: (_[a-z]+)\n)?    version: ([0-9]+\.[0-9]+\.[0-9]+)\n(?=---|\Z)"
)
"""The metadata of a file for age recipients, as sops and this engine write it; no other form is met as often."""
_NAMES = ("encrypted_regex", "lastmodified", "mac", "unencrypted_suffix", "version")
"""What its groups hold, behind the first."""
_KEYS = frozenset(("age", *_NAMES))
_AGE_KEYS = {"enc", "recipient"}


class OtherTypeError(Exception):
    """The metadata holds a value that is none of the types that sops writes there."""


def take_usual(text: str, begin: int, branch: Branch) -> int:
    """Take the metadata that begins here if it has the usual form: the end of its last line, -1 for any other form."""
    match = _USUAL.match(text, begin)
    if match is None:
        return -1
    age, *texts = match.groups()
    data: dict[str, t.Any] = {"age": _age_entries(age)}
    leaves, root = branch.metadata_leaves, branch.root
    for number, (key, found) in enumerate(zip(_NAMES, texts, strict=True), 2):
        if found is None:
            continue
        start, end = match.span(number)
        style = '"' if key == "lastmodified" else ""
        value = data[key] = found[1:-1] if style else found
        leaves[key] = Leaf(start, end, style, STR, value, "", root, key, start)
    branch.metadata = data
    branch.metadata_span = (begin, match.end() - 1)
    return match.end()


def _age_entries(text: str) -> list[dict[str, str]]:
    """The entries of the list `age` in its usual form."""
    entries = []
    for part in text.split("        - enc: |\n")[1:]:
        armor, _name, recipient = part.rpartition("          recipient: ")
        entries.append({"enc": armor[12:].replace("\n            ", "\n"), "recipient": recipient[:-1]})
    return entries


def spell_usual(metadata: Mapping[str, t.Any]) -> str | None:
    """The metadata in its usual form, None if it has another; the emitter would write the same, and take longer to load."""
    if not metadata.keys() <= _KEYS:
        return None
    lines = ["sops:", "    age:"]
    for entry in metadata.get("age", ()):
        if entry.keys() != _AGE_KEYS:
            return None
        armor = entry["enc"].replace("\n", "\n            ")
        lines.append(
            f"        - enc: |\n            {armor.removesuffix(' ' * 12)}          recipient: {entry['recipient']}"
        )
    for key in _NAMES:
        if key in metadata:
            quote = '"' if key == "lastmodified" else ""
            lines.append(f"    {key}: {quote}{metadata[key]}{quote}")
    text = "\n".join((*lines, ""))
    match = _USUAL.match(text)
    return text if match is not None and match.end() == len(text) else None


def take_read(text: str, branch: Branch, box: Box, leaves: Sequence[Leaf], boxes: Sequence[Box]) -> int:
    """Make the metadata of leaves and containers: the end of its last value. `box` is the outermost container."""
    branch.metadata = _data(box, leaves, boxes)
    start = (branch.metadata_span or (0, 0))[0]
    end = start + len(text[start : leaves[-1].end].rstrip(" \t\r\n\x85\u2028\u2029"))
    branch.metadata_span = (start, end)
    for leaf in leaves:
        if leaf.box is box:
            value = leaf.text if leaf.style else text[leaf.start : leaf.end]
            entry = Leaf(leaf.start, leaf.end, leaf.style, STR, value, "", branch.root, leaf.key, leaf.start)
            branch.metadata_leaves[leaf.key] = entry
    return end


def _data(root: Box, leaves: Sequence[Leaf], boxes: Sequence[Box]) -> t.Any:
    """Plain data of the metadata."""
    made: dict[Box, t.Any] = {}
    parts: list[tuple[int, Box | Leaf]] = [(box.begin, box) for box in boxes]
    parts += [(leaf.start, leaf) for leaf in leaves]
    parts.sort(key=itemgetter(0))
    for _at, part in parts:
        if isinstance(part, Box):
            value: t.Any = [] if part.is_sequence else {}
            made[part] = value
            owner = part.parent
        else:
            value, owner = _value(part), part.box
        if part is root or owner is None:
            continue
        if owner.is_sequence:
            made[owner].append(value)
        else:
            made[owner][part.key] = value
    return made[root]


def _value(leaf: Leaf) -> t.Any:
    if leaf.type == STR:
        return leaf.text
    if leaf.type == INT:
        return int(leaf.text)
    if leaf.type == BOOL:
        return leaf.text == "True"
    raise OtherTypeError
