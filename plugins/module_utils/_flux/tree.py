# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a repository a Kustomization covers, and which Kustomizations those files hold.

Private to the collection. Follows references only; nothing is built. What cannot be followed (a
remote base, a chart, another source) is named, never guessed.
"""

from __future__ import annotations

import posixpath
import re
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .._errors import ManifestError
from .._kubernetes.objects import Object, reference
from .manifests import KUSTOMIZE_GROUP, clean_path, decryption_secret, is_of, load, parse, source_of

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_YAML = (".yaml", ".yml")
_MARK = KUSTOMIZE_GROUP.encode()
_REMOTE = re.compile(r"^(?:[\w+.-]+::)?(?:[a-z][a-z0-9+.-]*://|git@|github\.com[/:])|\?ref=|//")


class Files(t.Protocol):
    """The files of one commit."""

    def paths(self) -> list[str]:
        """Return the paths of all files."""

    def read(self, path: str) -> bytes:
        """Return the content of a file."""

    def __contains__(self, path: str) -> bool:
        """Return whether there is such a file."""


@dataclass
class Coverage:
    """What one Kustomization takes from the repository."""

    kustomization: Object
    path: str
    resources: list[str] = field(default_factory=list)
    """Files that hold objects, in the order in which they were found."""
    inputs: list[str] = field(default_factory=list)
    """Files that generators and patches read."""
    unknown: list[str] = field(default_factory=list)
    """References that were not followed, each with the file that makes it."""
    missing: list[str] = field(default_factory=list)
    """References to files that are not there, each with the file that makes it."""
    is_patched: bool = False
    """Objects are changed on the way: what a file says may not be what arrives."""

    @property
    def name(self) -> str:
        """Return namespace and name, for messages."""
        named = reference(self.kustomization)
        return f"{named.namespace}/{named.name}"

    @property
    def namespace(self) -> str:
        """Return the namespace, where the Secret for decryption has to be."""
        return reference(self.kustomization).namespace

    @property
    def decryption(self) -> str | None:
        """Return the name of the decryption Secret; empty when unnamed, None without decryption."""
        return decryption_secret(self.kustomization)

    @property
    def files(self) -> list[str]:
        """Return all files, each once."""
        return list(dict.fromkeys([*self.resources, *self.inputs]))


@dataclass
class Tree:
    """The root Kustomization and all that it leads to, the root first."""

    nodes: list[Coverage] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    """Kustomizations that follow another source: their files are not in this repository."""

    @property
    def files(self) -> list[str]:
        """Return all covered files, each once."""
        return list(dict.fromkeys(path for node in self.nodes for path in node.files))


def walk(files: Files, root: Object) -> Tree:
    """Follow the root Kustomization and, again and again, the Kustomizations found in what is covered."""
    tree = Tree()
    listing = _Listing(files)
    pending, seen = [root], {_identity(root)}
    while pending:
        current = pending.pop(0)
        coverage = _Walker(listing, current).coverage()
        tree.nodes.append(coverage)
        for found in _kustomizations(files, coverage):
            if _identity(found) in seen:
                continue
            seen.add(_identity(found))
            if source_of(found) == source_of(root):
                pending.append(found)
            else:
                tree.foreign.append(str(reference(found)))
    return tree


def _identity(found: Object) -> tuple[str, str, str]:
    named = reference(found)
    return named.namespace, named.name, clean_path((found.get("spec") or {}).get("path"))


def _kustomizations(files: Files, coverage: Coverage) -> Iterator[Object]:
    for path in coverage.resources:
        content = files.read(path)
        if _MARK not in content:
            continue
        for found in parse(content, where=path):
            if is_of(found, KUSTOMIZE_GROUP, "Kustomization"):
                metadata = {"namespace": coverage.namespace, **(found.get("metadata") or {})}
                yield {**found, "metadata": metadata}


class _Listing:
    """Folders of the repository, made once from its list of paths."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self.folders: dict[str, list[str]] = {"": []}
        for path in files.paths():
            folder = posixpath.dirname(path)
            self.folders.setdefault(folder, []).append(path)
            while folder:
                folder = posixpath.dirname(folder)
                self.folders.setdefault(folder, [])

    def kustomization_file(self, folder: str) -> str | None:
        """Return the file that says how a folder is built."""
        candidates = (posixpath.join(folder, name) for name in KUSTOMIZATION_FILES)
        return next((path for path in candidates if path in self.files), None)

    def below(self, folder: str) -> list[str]:
        """Return the folders below (and with) a folder, sorted."""
        prefix = f"{folder}/" if folder else ""
        return sorted(name for name in self.folders if name == folder or name.startswith(prefix))


class _Walker:
    """Collects what one Kustomization covers."""

    def __init__(self, listing: _Listing, kustomization: Object) -> None:
        self._listing = listing
        spec = kustomization.get("spec") or {}
        self._found = Coverage(kustomization, clean_path(spec.get("path")))
        self._found.is_patched = bool(spec.get("patches"))
        self._seen: set[str] = set()
        self._components = [str(item) for item in spec.get("components") or []]

    def coverage(self) -> Coverage:
        """Walk from the path of the Kustomization."""
        found, folder = self._found, self._found.path
        if folder not in self._listing.folders:
            found.missing.append(f"{found.name}: spec.path ./{folder}")
            return found
        if self._listing.kustomization_file(folder):
            self._built(folder)
        else:
            self._generated(folder)
        for component in self._components:
            self._follow(component, folder, f"{found.name}: spec.components", found.resources)
        return found

    def _generated(self, top: str) -> None:
        """As the controller does without a kustomization file: all YAML below, folders with such a file as a whole."""
        built: list[str] = []
        for folder in self._listing.below(top):
            if any(folder.startswith(f"{parent}/") for parent in built):
                continue
            if self._listing.kustomization_file(folder):
                built.append(folder)
                self._built(folder)
                continue
            self._found.resources += [
                path
                for path in self._listing.folders[folder]
                if path.endswith(_YAML) and not posixpath.basename(path).startswith(".sops.")
            ]

    def _built(self, folder: str) -> None:
        """Follow a kustomization file, once."""
        file = self._listing.kustomization_file(folder)
        if file is None or folder in self._seen:
            return
        self._seen.add(folder)
        content = load(self._listing.files.read(file), where=file)
        if not isinstance(content, Mapping):
            raise ManifestError("is no kustomization: a mapping belongs in it", where=file)
        found = self._found
        for entry in (*_texts(content, "resources"), *_texts(content, "bases"), *_texts(content, "components")):
            self._follow(entry, folder, file, found.resources)
        for entry in _inputs(content):
            if "\n" not in entry:
                self._follow(entry, folder, file, found.inputs)
        for key in ("helmCharts", "helmChartInflationGenerator", "generators", "transformers"):
            if content.get(key):
                found.unknown.append(f"{file}: {key}")
        changing = ("patches", "patchesStrategicMerge", "patchesJson6902", "replacements", "transformers")
        found.is_patched |= any(content.get(key) for key in changing)

    def _follow(self, entry: str, folder: str, source: str, target: list[str]) -> None:
        path = posixpath.normpath(posixpath.join(folder, entry))
        if path in self._listing.files:
            target.append(path)
        elif path == "." or path in self._listing.folders:
            inner = "" if path == "." else path
            if self._listing.kustomization_file(inner):
                self._built(inner)
            else:
                self._found.missing.append(f"{source}: {entry} (a folder without kustomization.yaml)")
        elif _REMOTE.search(entry):
            self._found.unknown.append(f"{source}: {entry}")
        else:
            self._found.missing.append(f"{source}: {entry}")


def _texts(content: Mapping[str, t.Any], key: str) -> Iterator[str]:
    for entry in content.get(key) or []:
        if isinstance(entry, str):
            yield entry


def _inputs(content: Mapping[str, t.Any]) -> Iterator[str]:
    """Return the files that generators of Secrets and patches read: what the controller decrypts before the build."""
    for generator in content.get("secretGenerator") or []:
        if isinstance(generator, Mapping):
            # `key=file`, or the file alone
            yield from (entry.rpartition("=")[2] for entry in _texts(generator, "files"))
            yield from _texts(generator, "envs")
            if isinstance(generator.get("env"), str):
                yield generator["env"]
    yield from _texts(content, "patchesStrategicMerge")
    for key in ("patches", "patchesJson6902", "replacements"):
        for patch in content.get(key) or []:
            if isinstance(patch, Mapping) and isinstance(patch.get("path"), str):
                yield patch["path"]
