# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Objects as the API has them: plain dictionaries, and the names by which they are found.

Private to the collection.
"""

from __future__ import annotations

import base64
import typing as t
from collections.abc import Mapping

Object = dict[str, t.Any]


class Reference(t.NamedTuple):
    """What identifies an object, without its content."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        where = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind} {where}"

    @property
    def entry(self) -> dict[str, str]:
        """Return the form in which results list objects."""
        return {"kind": self.kind, "namespace": self.namespace, "name": self.name}


def section(found: Mapping[str, t.Any], *keys: str) -> Mapping[str, t.Any]:
    """Return a part of an object by its keys; empty when it is not there, or no mapping as in a file not checked yet."""
    for key in keys:
        below = found.get(key)
        if not isinstance(below, Mapping):
            return {}
        found = below
    return found


def listed(found: Mapping[str, t.Any], key: str) -> list[t.Any]:
    """Return a list in an object; empty when it is not there, or no list."""
    items = found.get(key)
    return items if isinstance(items, list) else []


def reference(found: Mapping[str, t.Any]) -> Reference:
    """Return what identifies this object."""
    metadata = section(found, "metadata")
    return Reference(
        str(found.get("apiVersion") or ""),
        str(found.get("kind") or ""),
        str(metadata.get("namespace") or ""),
        str(metadata.get("name") or ""),
    )


def conditions(found: Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Return the conditions of an object by their type."""
    listed = (found.get("status") or {}).get("conditions") or []
    return {str(condition.get("type")): condition for condition in listed}


def labels(found: Mapping[str, t.Any]) -> dict[str, str]:
    """Return the labels of an object."""
    return dict(section(found, "metadata", "labels"))


def with_data(found: Object) -> Object:
    """Return the object with `stringData` of a Secret moved to `data`, as the API keeps it."""
    if found.get("kind") != "Secret" or found.get("apiVersion") != "v1" or "stringData" not in found:
        return found
    encoded = {key: base64.b64encode(str(value).encode()).decode() for key, value in found["stringData"].items()}
    rest = {key: value for key, value in found.items() if key != "stringData"}
    return {**rest, "data": {**(found.get("data") or {}), **encoded}}
