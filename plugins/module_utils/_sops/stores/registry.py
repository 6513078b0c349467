# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stores by the names that sops gives them, and by the name of a file.

Private to the collection.
"""

from __future__ import annotations

import typing as t

from ..._errors import InvalidInputError
from .base import Store

if t.TYPE_CHECKING:
    from ..config import Indents

_SUFFIXES = {".yaml": "yaml", ".yml": "yaml", ".json": "json", ".env": "dotenv", ".ini": "ini"}
_NAMES = ("yaml", "json", "dotenv", "ini", "binary")


def store_name(name: str, store_type: str | None = None) -> str:
    """Name of the store for a file; as in sops, a suffix that is not known means binary."""
    if store_type is not None:
        if store_type not in _NAMES:
            raise InvalidInputError(f"{store_type!r} is not a type of file", hint=f"use one of {', '.join(_NAMES)}")
        return store_type
    for suffix, found in _SUFFIXES.items():
        if name.endswith(suffix):
            return found
    return "binary"


def store_for(name: str, store_type: str | None = None, indents: Indents | None = None) -> Store:
    """The store of a file, by its name unless the type is given; `indents` are for what is written anew."""
    found = store_name(name, store_type)
    if found == "yaml":
        from .yaml import YamlStore  # noqa: PLC0415  (start-up time: PyYAML is loaded when a file is)

        return YamlStore(indents.yaml if indents else None)
    if found == "dotenv":
        from .dotenv import DotenvStore  # noqa: PLC0415  (start-up time: a store is loaded when a file needs it)

        return DotenvStore()
    if found == "ini":
        from .ini import IniStore  # noqa: PLC0415  (start-up time: a store is loaded when a file needs it)

        return IniStore()
    if found == "json":
        from .json import JsonStore  # noqa: PLC0415  (start-up time: a store is loaded when a file needs it)

        return JsonStore(indents.json if indents else None)
    from .binary import BinaryStore  # noqa: PLC0415  (start-up time: a store is loaded when a file needs it)

    return BinaryStore(indents.json_binary if indents else None)
