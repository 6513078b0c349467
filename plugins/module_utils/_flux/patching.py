# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build does to the Kustomizations of Flux on their way to the cluster.

Private to the collection. Pure. Nothing else is computed: of these objects alone the outcome decides
which files a cluster reads and whether it decrypts them. What cannot be told is named, never guessed.
"""

from __future__ import annotations

import copy
import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .._errors import ManifestError
from .._kubernetes.objects import Object, reference, section
from .manifests import load_all

DIRECTIVES = ("$patch", "$retainKeys")


@dataclass(frozen=True, eq=False)
class Patch:
    """One patch of a kustomization file or of a Kustomization."""

    where: str
    content: tuple[t.Any, ...]
    """Documents of a strategic merge, or the one list of operations."""
    target: Mapping[str, t.Any] | None = None
    """Without it, a strategic merge is for the object that it names."""


@dataclass(frozen=True, eq=False)
class Layer:
    """What one kustomization file on the way does to all objects that come through it."""

    where: str
    namespace: str = ""
    prefix: str = ""
    suffix: str = ""
    patches: tuple[Patch, ...] = ()
    unknown: tuple[str, ...] = ()
    """What changes objects in a way that is not looked into: plug-ins, patches that cannot be read."""

    @property
    def does_nothing(self) -> bool:
        """Return whether objects leave as they came."""
        return not (self.namespace or self.prefix or self.suffix or self.patches or self.unknown)


def read_patch(where: str, content: bytes, target: Mapping[str, t.Any] | None = None) -> Patch:
    """Return a patch from its text.

    Raises:
        ManifestError: it is no YAML.
    """
    return Patch(where, tuple(item for item in load_all(content, where=where) if item is not None), target)


def through(found: Object, layers: Sequence[Layer]) -> tuple[Object, list[str]]:
    """Return an object after these layers, the innermost first, and what may have changed it besides."""
    changed: Object = copy.deepcopy(found)
    unknown: list[str] = []
    # Patches may call an object as it was before it got its prefix or namespace.
    ids = [_id(found)]
    for layer in layers:
        for patch in layer.patches:
            unknown += _apply(changed, patch, ids)
        metadata = changed["metadata"] = dict(section(changed, "metadata"))
        if layer.namespace:
            metadata["namespace"] = layer.namespace
        if layer.prefix or layer.suffix:
            metadata["name"] = f"{layer.prefix}{metadata.get('name', '')}{layer.suffix}"
        unknown += layer.unknown
        ids.append(_id(changed))
    return changed, unknown


def _id(found: Object) -> tuple[str, str]:
    named = reference(found)
    return named.namespace or "default", named.name


def selects(target: Mapping[str, t.Any], found: Object, ids: Sequence[tuple[str, str]] = ()) -> bool:
    """Return whether the target of a patch means this object, which may have had other namespaces and names.

    Raises:
        ManifestError: a pattern or selector that cannot be read.
    """
    named = reference(found)
    group, _slash, version = named.api_version.rpartition("/")
    ids = ids or [_id(found)]
    facts = {
        "group": {group},
        "version": {version},
        "kind": {named.kind},
        "namespace": {namespace for namespace, _name in (ids[0], ids[-1])},
        "name": {name for _namespace, name in (ids[0], ids[-1])},
    }
    for fact, values in facts.items():
        pattern = target.get(fact)
        try:
            if pattern and not any(re.fullmatch(str(pattern), value) for value in values):
                return False
        except re.error as exc:
            raise ManifestError("is no regular expression", where=f"target.{fact}") from exc
    return all(
        _has_labels(str(target.get(f"{kind}Selector") or ""), section(found, "metadata", f"{kind}s"))
        for kind in ("label", "annotation")
    )


def _has_labels(selector: str, values: Mapping[str, t.Any]) -> bool:
    # Commas separate requirements, and the values of `in (a, b)`.
    for requirement in re.findall(r"[^,()]*(?:\([^)]*\))?[^,()]*", selector):
        text = requirement.strip()
        if not text:
            continue
        if found := re.fullmatch(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)", text):
            key, operator, listed = found.groups()
            is_in = key in values and str(values[key]) in {item.strip() for item in listed.split(",")}
            holds = is_in if operator == "in" else not is_in
        elif found := re.fullmatch(r"([^\s!=]+)\s*(!=|==|=)\s*(\S*)", text):
            key, operator, value = found.groups()
            holds = (str(values.get(key)) == value and key in values) is (operator != "!=")
        elif found := re.fullmatch(r"(!?)\s*([^\s!=]+)", text):
            holds = (found.group(2) in values) is not bool(found.group(1))
        else:
            raise ManifestError(f"the selector {selector} is not understood", where="target")
        if not holds:
            return False
    return True


def _apply(found: Object, patch: Patch, ids: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Change the object in place; yields the patch when what it does cannot be told."""
    try:
        if patch.target is not None and not selects(patch.target, found, ids):
            return
        for content in patch.content:
            if isinstance(content, list):
                if patch.target is not None:
                    _operate(found, content)
            elif isinstance(content, Mapping):
                if patch.target is not None or _is_about(content, found, ids):
                    _merge(found, content, is_top=True)
            else:
                yield patch.where
    except (ManifestError, LookupError, ValueError, TypeError):
        yield patch.where


def _is_about(content: Mapping[str, t.Any], found: Object, ids: Sequence[tuple[str, str]]) -> bool:
    wanted, named = reference(content), reference(found)
    same_group = wanted.api_version.partition("/")[0] == named.api_version.partition("/")[0]
    # A patch that leaves the namespace out is not for an object that has one: there, kustomize ends the build.
    return same_group and wanted.kind == named.kind and _id(dict(content)) in ids


def _merge(into: dict[str, t.Any], content: Mapping[str, t.Any], *, is_top: bool = False) -> None:
    """A strategic merge into a custom resource: mappings are merged, null removes, all else replaces."""
    for key, value in content.items():
        if key in DIRECTIVES:
            raise ValueError(key)
        if is_top and key in {"apiVersion", "kind"}:
            continue
        if value is None:
            into.pop(key, None)
        elif isinstance(value, Mapping):
            below = into.get(key)
            if not isinstance(below, dict):
                below = into[key] = {}
            # The name in a patch says which object is meant, and does not rename it.
            kept = {"name", "namespace"} if is_top and key == "metadata" else set()
            _merge(below, {name: item for name, item in value.items() if name not in kept})
        else:
            into[key] = copy.deepcopy(value)


def _operate(found: Object, operations: Sequence[t.Any]) -> None:
    """Carry out the operations of a JSON 6902 patch."""
    for operation in operations:
        kind, path = operation["op"], _pointer(str(operation["path"]))
        if kind in {"add", "replace"}:
            _put(found, path, copy.deepcopy(operation["value"]), inserts=kind == "add")
        elif kind == "remove":
            _take(found, path)
        elif kind in {"move", "copy"}:
            origin = _pointer(str(operation["from"]))
            value = _take(found, origin) if kind == "move" else copy.deepcopy(_at(found, origin))
            _put(found, path, value, inserts=True)
        elif kind != "test":
            raise ValueError(kind)


def _pointer(text: str) -> list[str]:
    if not text.startswith("/"):
        raise ValueError(text)
    return [part.replace("~1", "/").replace("~0", "~") for part in text[1:].split("/")]


def _at(found: t.Any, path: Sequence[str]) -> t.Any:
    for part in path:
        found = found[int(part)] if isinstance(found, list) else found[part]
    return found


def _put(found: t.Any, path: Sequence[str], value: t.Any, *, inserts: bool) -> None:
    box, last = _at(found, path[:-1]), path[-1]
    if isinstance(box, list):
        place = len(box) if last == "-" else int(last)
        box[place : place if inserts else place + 1] = [value]
    elif isinstance(box, dict):
        box[last] = value
    else:
        raise TypeError(last)


def _take(found: t.Any, path: Sequence[str]) -> t.Any:
    box, last = _at(found, path[:-1]), path[-1]
    return box.pop(int(last) if isinstance(box, list) else last)
