# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who owns which fields: the managers in `metadata.managedFields`, and the conflicts between them.

Private to the collection. Pure.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Callable, Iterable, Mapping

from .._errors import ApiError
from .objects import Object

_CONFLICT = "FieldManagerConflict"
_MANAGER = re.compile(r'conflict with "([^"]+)"')


class Conflict(t.NamedTuple):
    """A field that another manager has set otherwise."""

    manager: str
    field: str


def conflicts(error: ApiError) -> list[Conflict]:
    """Return with whom an apply without force conflicted; nothing for another error."""
    found = []
    for reason, message, field in error.causes:
        manager = _MANAGER.search(message)
        if reason == _CONFLICT and manager:
            found.append(Conflict(manager[1], field))
    return found


def appliers(found: Mapping[str, t.Any]) -> list[str]:
    """Return the managers that have applied an object and own fields of it, its status left out."""
    return [str(entry.get("manager")) for entry in _entries(found) if _is_apply(entry)]


def handed_on(found: Mapping[str, t.Any], former: Callable[[str], bool], to: str) -> list[dict[str, t.Any]]:
    """Return `managedFields` in which the fields of former appliers belong to another one, or nothing if none has any.

    To take the entries away would leave fields that nobody owns, and that nobody would ever remove. Owned by the one who
    applies from now on, what that one does not state goes with the next apply; `fluxcd/pkg/ssa` does the same.
    """
    entries = _entries(found)
    old = [
        entry for entry in entries if _is_apply(entry) and entry.get("manager") != to and former(str(entry["manager"]))
    ]
    if not old:
        return []
    target = next((entry for entry in entries if _is_apply(entry) and entry.get("manager") == to), None)
    fields: dict[str, t.Any] = {}
    for entry in [*([target] if target else []), *old]:
        fields = _union(fields, entry.get("fieldsV1") or {})
    heir = {**(target or old[-1]), "manager": to, "fieldsV1": fields}
    kept = [dict(entry) for entry in entries if entry is not target and not any(entry is gone for gone in old)]
    return [*kept, heir]


def in_version(found: Mapping[str, t.Any], api_version: str) -> list[dict[str, t.Any]]:
    """Return `managedFields` with all entries in one version, or nothing if they are.

    An entry in a version that is not served any more makes every later apply fail.
    """
    entries = _entries(found)
    if all(entry.get("apiVersion") == api_version for entry in entries):
        return []
    return [{**entry, "apiVersion": api_version} for entry in entries]


def replacing(found: Mapping[str, t.Any], entries: Iterable[Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    """Return the JSON patch that sets `managedFields`, unless somebody has written the object since it was read."""
    version = (found.get("metadata") or {}).get("resourceVersion")
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "replace", "path": "/metadata/managedFields", "value": list(entries)},
    ]


def _entries(found: Mapping[str, t.Any]) -> list[Object]:
    return list((found.get("metadata") or {}).get("managedFields") or [])


def _is_apply(entry: Mapping[str, t.Any]) -> bool:
    return entry.get("operation") == "Apply" and not entry.get("subresource")


def _union(one: Mapping[str, t.Any], other: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Merge two sets of fields; keys are fields, items or values, and a leaf is an empty mapping."""
    merged = dict(one)
    for key, value in other.items():
        merged[key] = _union(merged[key], value) if key in merged else value
    return merged
