# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The manifests in Git: can they be read, do they hide what they should, does this Flux know them?

Private to the collection.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping

from ..._errors import ManifestError
from ..._kubernetes.objects import Object, listed, reference, section
from ..artifact import Files
from ..encrypted import Encrypted
from ..manifests import Components, check_syntax, parse
from ..tree import Coverage, Tree
from ..upgrade import parse_version
from ..variables import inline, is_left_alone, sources, substitutes, used
from .base import FAIL, OK, UNKNOWN, WARN, Check, listing

REMOVED: Mapping[tuple[int, int], tuple[tuple[str, str], ...]] = {
    (2, 7): (
        ("source.toolkit.fluxcd.io", "v1beta1"),
        ("kustomize.toolkit.fluxcd.io", "v1beta1"),
        ("image.toolkit.fluxcd.io", "v1beta1"),
        ("notification.toolkit.fluxcd.io", "v1beta1"),
        ("helm.toolkit.fluxcd.io", "v2beta1"),
    ),
    (2, 8): (
        ("source.toolkit.fluxcd.io", "v1beta2"),
        ("kustomize.toolkit.fluxcd.io", "v1beta2"),
        ("helm.toolkit.fluxcd.io", "v2beta2"),
    ),
    (2, 9): (
        ("image.toolkit.fluxcd.io", "v1beta2"),
        ("notification.toolkit.fluxcd.io", "v1beta2"),
    ),
}
"""API versions by the minor release of Flux that no longer serves them."""

_API_VERSION = re.compile(rb"^(?:- )?apiVersion:[ \t]*[\"']?([a-z]+\.toolkit\.fluxcd\.io)/(v\w+)", re.MULTILINE)
_KIND = re.compile(rb"^[\"']?kind[\"']?[ \t]*:[ \t]*\S", re.MULTILINE)
_SEPARATOR = re.compile(rb"^---(?=\s)", re.MULTILINE)
_CONTENT = re.compile(rb"^[ \t]*[^\s#]", re.MULTILINE)
_SECRET = re.compile(rb"^(?:- |  )?[\"']?kind[\"']?[ \t]*:[ \t]*[\"']?Secret\b", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\s*(?:\$\{[^}]*\}\s*)*")


def manifests(tree: Tree, files: Files) -> Check:
    """Is every file of objects YAML, and does it hold objects? One that does not fails the build of all beside it."""
    broken = [entry for node in tree.nodes for entry in node.broken]
    for path in dict.fromkeys(path for node in tree.nodes for path in node.resources):
        content = files.read(path)
        try:
            check_syntax(content, where=path)
            # As many kinds as documents: there is no need to look closer.
            documents = [part for part in _SEPARATOR.split(content) if _CONTENT.search(part)]
            if not all(_KIND.search(part) for part in documents):
                parse(content, where=path)
        except ManifestError as exc:
            broken.append(str(exc))
    if broken:
        evidence = f"{len(broken)} files cannot be built: {listing(list(dict.fromkeys(broken)))}"
        return Check("manifests", FAIL, evidence, "correct them, or leave them out by a kustomization.yaml")
    return Check("manifests", OK, f"{len(tree.files)} files can be read")


def plain_secrets(tree: Tree, encrypted: Encrypted, files: Files) -> Check:
    """Is there a Secret in clear?"""
    found = []
    for path in dict.fromkeys(path for node in tree.nodes for path in node.resources):
        if path not in encrypted and _SECRET.search(files.read(path)):
            found += [f"{path}: {item}" for item in _secrets_in_clear(files.read(path), path)]
    generated = dict.fromkeys(path for node in tree.nodes for path in node.taken.secret_files)
    found += [f"{path}: read by a secretGenerator" for path in generated if path not in encrypted]
    found += dict.fromkeys(entry for node in tree.nodes for entry in node.taken.literals)
    if found:
        fix = "encrypt the file, and change the values: Git keeps the old ones"
        return Check("plain_secrets", WARN, f"in clear in Git: {listing(found)}", fix)
    return Check("plain_secrets", OK, "no Secret is in clear")


def api_versions(tree: Tree, components: Components, files: Files) -> Check:
    """Does this Flux still serve the versions of its kinds that Git uses?"""
    parsed = parse_version(components.version)
    minor = parsed[:2] if parsed else None
    removed = {entry: at for at, entries in REMOVED.items() for entry in entries if minor and minor >= at}
    served = _served(components)
    gone = []
    for path in tree.files:
        if path == components.where:
            continue
        for group, version in dict.fromkeys(_API_VERSION.findall(files.read(path))):
            entry = (group.decode(), version.decode())
            if entry in removed or (entry[0] in served and entry[1] not in served[entry[0]]):
                since = f", removed in {removed[entry][0]}.{removed[entry][1]}" if entry in removed else ""
                gone.append(f"{path}: {'/'.join(entry)}{since}")
    told = components.version or "this Flux"
    if gone:
        fix = "change apiVersion in Git; flux migrate -f does it"
        return Check("api_versions", FAIL, f"not served by {told}: {listing(gone)}", fix)
    if minor is None and not served:
        return Check("api_versions", UNKNOWN, f"{components.where} tells neither a version nor what it serves")
    return Check("api_versions", OK, f"{told} serves all versions of its kinds that Git uses")


def variables(tree: Tree, encrypted: Encrypted, files: Files) -> Iterator[Check]:
    """Is every variable set that Flux will substitute?"""
    undefined, unknown, count = [], [], 0
    objects = _Named(tree, encrypted, files)
    for node in tree.nodes:
        if not substitutes(node.kustomization):
            continue
        count += 1
        known, unread = _known(node, objects)
        told = [f"{node.name}: {name} ({path})" for name, path in _uses(node, known, encrypted, files).items()]
        if unread and told:
            unknown += [f"{node.name} reads {', '.join(unread)}, which are not in Git"]
        elif not unread:
            undefined += told
    if undefined:
        fix = "set them in spec.postBuild, or give a default as in ${name:=value}"
        evidence = f"not set: {listing(undefined)}; since Flux 2.9 that is a failure, before they became empty"
        yield Check("variables", WARN, evidence, fix)
    if unknown:
        yield Check("variables", UNKNOWN, listing(unknown))
    if not undefined and not unknown:
        evidence = (
            f"{count} Kustomizations substitute variables, all of them set" if count else "nothing is substituted"
        )
        yield Check("variables", OK, evidence)


class _Named:
    """ConfigMaps and Secrets of the repository, looked up by their names."""

    def __init__(self, tree: Tree, encrypted: Encrypted, files: Files) -> None:
        self._paths = list(dict.fromkeys(path for node in tree.nodes for path in node.resources))
        self._encrypted, self._files = encrypted, files

    def keys(self, kind: str, namespace: str, name: str) -> set[str] | None:
        """Return the keys of an object, None when it is not in Git."""
        for path in self._paths:
            content = self._files.read(path)
            if name.encode() not in content or kind.encode() not in content:
                continue
            for found in _objects(content, path):
                named = reference(found)
                if (named.kind, named.name) == (kind, name) and named.namespace in {"", namespace}:
                    return {*section(found, "data"), *section(found, "stringData")}
        return None


def _known(node: Coverage, objects: _Named) -> tuple[set[str], list[str]]:
    """Return the variables of a Kustomization, and what it reads more of them from."""
    known, unread = set(inline(node.kustomization)), []
    for kind, name, optional in sources(node.kustomization):
        keys = objects.keys(kind, node.namespace, name)
        if keys is None and not optional:
            unread.append(f"{kind} {name}")
        known |= keys or set()
    return known, unread


def _uses(node: Coverage, known: set[str], encrypted: Encrypted, files: Files) -> dict[str, str]:
    """Return the variables that are neither known nor have a default, each with the first file that uses it."""
    uses: dict[str, str] = {}
    for path in node.resources:
        content = files.read(path)
        if path not in encrypted and not (b"${" in content and _open(content.decode(errors="replace")) - known):
            continue
        for name in sorted(_needed(path, encrypted, files) - known):
            uses.setdefault(name, path)
    return uses


def _open(text: str) -> set[str]:
    """Return the variables in a text that have no default."""
    return {variable.name for variable in used(text) if not variable.has_default} if "${" in text else set()


def _needed(path: str, encrypted: Encrypted, files: Files) -> set[str]:
    """Return the variables in a file that have no default."""
    needed: set[str] = set()
    objects: Iterable[Mapping[str, t.Any]] = encrypted.documents(path)
    for found in objects or _objects(files.read(path), path):
        if not is_left_alone(dict(found)):
            for text in _texts({key: value for key, value in found.items() if key != "sops"}):
                needed |= _open(text)
    return needed


def _texts(value: t.Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield str(key)
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _objects(content: bytes, path: str) -> list[Object]:
    try:
        return parse(content, where=path)
    except ManifestError:
        # Told by the check of the manifests.
        return []


def _secrets_in_clear(content: bytes, path: str) -> Iterator[str]:
    for found in _objects(content, path):
        if found.get("kind") != "Secret" or "sops" in found:
            continue
        values = [value for part in ("data", "stringData") for value in section(found, part).values()]
        if any(value and not _PLACEHOLDER.fullmatch(str(value)) for value in values):
            yield f"Secret {reference(found).name}"


def _served(components: Components) -> dict[str, set[str]]:
    served: dict[str, set[str]] = {}
    for definition in components.of_kind("CustomResourceDefinition"):
        spec = section(definition, "spec")
        entries = [entry for entry in listed(spec, "versions") if isinstance(entry, Mapping)]
        versions = {str(entry.get("name")) for entry in entries if entry.get("served", True)}
        if versions:
            served.setdefault(str(spec.get("group")), set()).update(versions)
    return served
