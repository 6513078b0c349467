# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that kustomize-controller substitutes after the build.

Private to the collection. Pure. Only `${name}` forms are variables; `$name` and `$${name}` are not.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from .._kubernetes.objects import Object, labels, section

OPT_OUT = "kustomize.toolkit.fluxcd.io/substitute"
_EXPRESSION = re.compile(r"(?<!\$)\$\{(#?)([^\W\d]\w*|\w+)([^{}]*)\}")
_DEFAULT = re.compile(r":?[-=](.*)", re.DOTALL)


class Variable(t.NamedTuple):
    """One use of a variable."""

    name: str
    has_default: bool


def used(text: str) -> Iterator[Variable]:
    """Yield the variables in a text."""
    for found in _EXPRESSION.finditer(text):
        yield Variable(found.group(2), _DEFAULT.fullmatch(found.group(3)) is not None)


def substituted(value: t.Any, known: Mapping[str, str]) -> t.Any:
    """Return data with the variables that are known, or have a default, replaced in its texts; others stay."""
    if isinstance(value, str):
        return _EXPRESSION.sub(lambda found: _replacement(found, known), value) if "${" in value else value
    if isinstance(value, dict):
        return {key: substituted(item, known) for key, item in value.items()}
    return [substituted(item, known) for item in value] if isinstance(value, list) else value


def _replacement(found: re.Match[str], known: Mapping[str, str]) -> str:
    _length, name, rest = found.groups()
    default = _DEFAULT.fullmatch(rest)
    value = known.get(name)
    if default and (value is None or (not value and rest.startswith(":"))):
        return default.group(1)
    # Functions such as ${name^^} are left alone: what they make is not needed here.
    return found.group() if value is None or found.group(1) or (rest and not default) else value


def is_left_alone(found: Object) -> bool:
    """Return whether an object opts out of the substitution."""
    return "disabled" in (labels(found).get(OPT_OUT), section(found, "metadata", "annotations").get(OPT_OUT))


def inline(kustomization: Object) -> dict[str, str]:
    """Return the variables that a Kustomization sets itself."""
    listed = _post_build(kustomization).get("substitute")
    return {str(name): str(value) for name, value in listed.items()} if isinstance(listed, Mapping) else {}


def sources(kustomization: Object) -> list[tuple[str, str, bool]]:
    """Return kind, name and whether it is optional of what a Kustomization reads variables from."""
    listed = _post_build(kustomization).get("substituteFrom")
    entries: Sequence[t.Any] = listed if isinstance(listed, list) else ()
    return [
        (str(entry.get("kind") or ""), str(entry.get("name") or ""), bool(entry.get("optional")))
        for entry in entries
        if isinstance(entry, Mapping)
    ]


def substitutes(kustomization: Object) -> bool:
    """Return whether a Kustomization substitutes at all: without a single variable it does so only on demand."""
    post_build = _post_build(kustomization)
    return bool(
        post_build.get("substitute")
        or post_build.get("substituteFrom")
        or post_build.get("substituteStrategy") == "Always"
    )


def _post_build(kustomization: Object) -> Mapping[str, t.Any]:
    return section(kustomization, "spec", "postBuild")
