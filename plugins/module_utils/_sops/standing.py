# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be said about a file without any key.

Private to the collection.
"""

from __future__ import annotations

import re
import typing as t

from .keys.base import MasterKey
from .paths import format_path, path_of
from .selectors import Selection, Selector
from .stores.base import Store
from .surface import read_metadata
from .tree import Tree
from .values import is_token


class Status(t.NamedTuple):
    """What the metadata says, and where the content does not agree with it."""

    encrypted: bool
    recipients: tuple[str, ...] = ()
    """Text of every key, over all groups."""
    selector: Selector | None = None
    version: str = ""
    lastmodified: str = ""
    groups: tuple[tuple[MasterKey, ...], ...] = ()
    shamir_threshold: int = 0
    mac_only_encrypted: bool = False
    clear: tuple[str, ...] = ()
    """Paths of the values in clear although the selector selects them."""
    not_selected: tuple[str, ...] = ()
    """Paths of the values that look encrypted although the selector does not select them."""


def status(content: bytes, *, store: Store, name: str | None = None) -> Status:
    """What the metadata says, without any key."""
    tree, metadata = read_metadata(content, store, name)
    if metadata is None:
        return Status(encrypted=False)
    clear, not_selected = _disagreements(tree, metadata.selector)
    return Status(
        encrypted=bool(metadata.mac),
        recipients=metadata.recipients,
        selector=metadata.selector,
        version=metadata.version,
        lastmodified=metadata.lastmodified,
        groups=metadata.groups,
        shamir_threshold=metadata.shamir_threshold,
        mac_only_encrypted=metadata.mac_only_encrypted,
        clear=clear,
        not_selected=not_selected,
    )


def _disagreements(tree: Tree, selector: Selector) -> tuple[tuple[str, ...], tuple[str, ...]]:
    clear, not_selected = [], []
    selected = Selection(selector, where="sops").of(tree)
    for number, (leaf, flag) in enumerate(zip(tree.leaves, selected.leaves, strict=True)):
        if flag is not is_token(leaf.text):
            if flag:
                clear.append(number)
            elif is_token(leaf.text):
                not_selected.append(number)
    return _paths(tree, clear), _paths(tree, not_selected)


def _paths(tree: Tree, numbers: list[int]) -> tuple[str, ...]:
    return tuple(format_path(path_of(tree, tree.leaves[number], number)) for number in numbers)


# --- is it encrypted at all -----------------------------------------------------------------------

_BLOCK_KEY = re.compile(rb"^(?:\xef\xbb\xbf)?(?:sops|\"sops\"|'sops')[ \t]*:(?=[ \t\r\n]|\Z)", re.MULTILINE)
_BLOCK_MAC = re.compile(rb"^[ \t]+[\"']?(?:mac|lastmodified)[\"']?[ \t]*:", re.MULTILINE)
_FLOW_KEY = re.compile(rb"[{,]\s*[\"']?sops[\"']?\s*:\s*\{")
_FLOW_MAC = re.compile(rb"[\"']?(?:mac|lastmodified)[\"']?\s*:")
_LINES = re.compile(rb"^sops_(?:mac|lastmodified)=", re.MULTILINE)
_SECTION = re.compile(rb"^[ \t]*\[sops\][ \t\r]*$", re.MULTILINE)
_SECTION_MAC = re.compile(rb"^[ \t]*(?:mac|lastmodified)[ \t]*=", re.MULTILINE)


def is_encrypted(content: bytes) -> bool:
    """Whether there is SOPS metadata in a file of any kind; cheap, and safe on any bytes."""
    if b"sops" not in content or (b"mac" not in content and b"lastmodified" not in content):
        return False
    key = _BLOCK_KEY.search(content)
    if key is not None and (
        _BLOCK_MAC.search(content, key.end()) or _FLOW_MAC.search(content, key.end(), content.find(b"\n", key.end()))
    ):
        return True
    head = content[:4096].removeprefix(b"\xef\xbb\xbf").lstrip()
    if head.startswith((b"{", b"---")) and _FLOW_KEY.search(content) and _FLOW_MAC.search(content):
        return True
    if _LINES.search(content):
        return True
    section = _SECTION.search(content)
    return section is not None and _SECTION_MAC.search(content, section.end()) is not None
