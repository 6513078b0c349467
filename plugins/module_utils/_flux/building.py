# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kustomization files take from a repository, and through which of them each file passes.

Private to the collection. References are followed, and nothing is built. A folder is looked into once,
however many Kustomizations lead to it.
"""

from __future__ import annotations

import collections
import posixpath
import re
import typing as t
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from .._errors import ManifestError
from .artifact import Files
from .manifests import load
from .patching import Layer, Patch, read_patch

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
FOLLOWED_KINDS = ("Kustomization", "ServiceAccount")
"""Objects whose way through patches is computed: no others decide what is covered and decrypted."""
MOST_WAYS = 64
"""In how many ways one file is looked at, in overlays of overlays."""
_YAML = (".yaml", ".yml")
_REMOTE = re.compile(r"^(?:[\w+.-]+::)?(?:[a-z][a-z0-9+.-]*://|git@|github\.com[/:])|\?ref=|//")
_PLUGINS = ("helmCharts", "helmChartInflationGenerator", "generators", "transformers", "validators")


class Piece(t.NamedTuple):
    """A file with objects, and the layers that these pass, the innermost first."""

    path: str
    layers: tuple[Layer, ...] = ()


@dataclass
class Taken:
    """What a folder, or a Kustomization, takes from the repository."""

    pieces: list[Piece] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)
    """Files that generators of Secrets and patches read: the controller decrypts them before the build."""
    verbatim: list[str] = field(default_factory=list)
    """Files that generators of ConfigMaps read: nobody decrypts them."""
    secret_files: list[str] = field(default_factory=list)
    """Those of the inputs that become values of Secrets."""
    built_by: list[str] = field(default_factory=list)
    """Kustomization files."""
    literals: list[str] = field(default_factory=list)
    """Generators of Secrets that have values in the kustomization file itself, each with that file."""
    patched_by: list[str] = field(default_factory=list)
    """What has patches or replacements, whichever objects they are for: what a file says may not be what arrives."""
    unknown: list[str] = field(default_factory=list)
    """References that were not followed, each with the file that makes it."""
    missing: list[str] = field(default_factory=list)
    """References to files that are not there, each with the file that makes it."""

    def add(self, other: Taken) -> None:
        """Take what the other takes too."""
        for name in (
            "pieces",
            "inputs",
            "verbatim",
            "secret_files",
            "built_by",
            "literals",
            "patched_by",
            "unknown",
            "missing",
        ):
            mine = getattr(self, name)
            mine += other.__dict__[name]
            # The same file on the same way, through a second branch of a diamond, is one piece.
            setattr(self, name, list(dict.fromkeys(mine)))

    def pass_through(self, layer: Layer) -> None:
        """Send all pieces through one more layer."""
        if not layer.does_nothing:
            self.pieces = [Piece(piece.path, (*piece.layers, layer)) for piece in self.pieces]


class Builder:
    """Looks into the folders of one repository."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._folders: dict[str, list[str]] = {"": []}
        self._known: dict[str, tuple[Taken, Layer]] = {}
        self._open: list[str] = []
        for path in files.paths():
            folder = posixpath.dirname(path)
            self._folders.setdefault(folder, []).append(path)
            while folder:
                folder = posixpath.dirname(folder)
                self._folders.setdefault(folder, [])

    def has_folder(self, folder: str) -> bool:
        """Return whether there is such a folder."""
        return folder in self._folders

    def take(self, folder: str, components: Sequence[str], top: Layer, *, where: str) -> Taken:
        """Return what a Kustomization takes from its folder, after the layer that it is itself."""
        taken, own = Taken(), Layer(where)
        if self._file(folder):
            found, own = self._built(folder)
            taken.add(found)
        else:
            self._generated(folder, taken)
        self._components(components, folder, where, taken)
        # What the Kustomization says takes the place of what the file at its path says; patches come after.
        taken.pass_through(
            Layer(
                where,
                top.namespace or own.namespace,
                top.prefix or own.prefix,
                top.suffix or own.suffix,
                own.patches + top.patches,
                own.unknown + top.unknown,
            )
        )
        return taken

    def patches(self, content: Mapping[str, t.Any], folder: str, where: str, taken: Taken) -> Iterator[Patch]:
        """Yield the patches that may be for objects whose way is followed; their files are noted as inputs."""
        entries: list[tuple[t.Any, t.Any, t.Any]] = [
            (entry.get("patch"), entry.get("path"), entry.get("target"))
            for key in ("patches", "patchesJson6902")
            for entry in _mappings(content, key)
        ]
        # Either a file or the patch itself.
        entries += [
            (text, None, None) if "\n" in text or ": " in text else (None, text, None)
            for text in _texts(content, "patchesStrategicMerge")
        ]
        taken.patched_by += [where] if entries else []
        for inline, path, target in entries:
            source, text = where, inline.encode() if isinstance(inline, str) else None
            if isinstance(path, str) and path:
                source = self._input(path, folder, where, taken)
                text = self.files.read(source) if source else None
            if text is None or not _is_followed(target, text):
                continue
            try:
                yield read_patch(source, text, target if isinstance(target, Mapping) else None)
            except ManifestError:
                # The build says so too; here it counts as a patch of which nothing is known.
                yield Patch(source, ("",), target)

    def _input(self, entry: str, folder: str, where: str, taken: Taken) -> str:
        """Note a file that a generator or patch reads, and return its path; empty if there is none."""
        path = _joined(folder, entry)
        if path in self.files:
            taken.inputs.append(path)
            return path
        (taken.unknown if _REMOTE.search(entry) else taken.missing).append(f"{where}: {entry}")
        return ""

    def _generated(self, top: str, taken: Taken) -> None:
        """As the controller does without a kustomization file: all YAML below, folders with such a file as a whole."""
        built: list[str] = []
        prefix = f"{top}/" if top else ""
        for folder in sorted(name for name in self._folders if name == top or name.startswith(prefix)):
            if any(folder.startswith(f"{parent}/") for parent in built):
                continue
            if self._file(folder):
                built.append(folder)
                self._include(folder, taken)
            else:
                taken.pieces += [Piece(path) for path in self._folders[folder] if path.endswith(_YAML)]

    def _built(self, folder: str) -> tuple[Taken, Layer]:
        """Return what a kustomization file takes, and the layer that it is."""
        known = self._known.get(folder)
        if known is None:
            self._open.append(folder)
            known = self._known[folder] = self._read(folder)
            self._open.pop()
        return known

    def _read(self, folder: str) -> tuple[Taken, Layer]:
        file = self._file(folder) or ""
        content = load(self.files.read(file), where=file)
        if not isinstance(content, Mapping):
            raise ManifestError("is no kustomization: a mapping belongs in it", where=file)
        taken = Taken(built_by=[file])
        for entry in (*_texts(content, "resources"), *_texts(content, "bases")):
            self._follow(entry, folder, file, taken)
        self._components([*_texts(content, "components")], folder, file, taken)
        taken.secret_files += filter(
            None, [self._input(entry, folder, file, taken) for entry in _secret_files(content)]
        )
        for entry in _config_map_files(content):
            path = _joined(folder, entry)
            (taken.verbatim if path in self.files else taken.missing).append(
                path if path in self.files else f"{file}: {entry}"
            )
        for generator in _mappings(content, "secretGenerator"):
            if _clear_literals(generator):
                taken.literals.append(f"{file}: secretGenerator {generator.get('name')}")
        patches = tuple(self.patches(content, folder, file, taken))
        for entry in _replacement_files(content):
            self._input(entry, folder, file, taken)
        plugins = [*_plugins(content, file)]
        taken.unknown += plugins
        changing = [entry for entry in plugins if ": transformers" in entry]
        if _replaces(content):
            changing.append(f"{file}: replacements")
        taken.patched_by += [file] if changing or content.get("replacements") else []
        layer = Layer(
            file,
            str(content.get("namespace") or ""),
            str(content.get("namePrefix") or ""),
            str(content.get("nameSuffix") or ""),
            patches,
            tuple(changing),
        )
        return taken, layer

    def _components(self, entries: Iterable[str], folder: str, where: str, taken: Taken) -> None:
        """A component changes all that was there before it, too."""
        for entry in entries:
            path = _joined(folder, entry)
            if path in self._open:
                taken.missing.append(f"{where}: {entry} (leads back to itself)")
            elif self._file(path):
                found, layer = self._built(path)
                taken.add(found)
                taken.pass_through(layer)
            else:
                self._absent(entry, path, where, taken)

    def _follow(self, entry: str, folder: str, where: str, taken: Taken) -> None:
        path = _joined(folder, entry)
        if path in self.files:
            taken.pieces.append(Piece(path))
        elif path in self._open:
            taken.missing.append(f"{where}: {entry} (leads back to itself)")
        elif self._file(path):
            self._include(path, taken, where=f"{where}: {entry}")
        else:
            self._absent(entry, path, where, taken)

    def _include(self, folder: str, taken: Taken, *, where: str = "") -> None:
        found, layer = self._built(folder)
        passed = _with(found, list(found.pieces))
        passed.pass_through(layer)
        if len(taken.pieces) + len(found.pieces) > MOST_WAYS:
            # Branches that join again can double the ways at each level. All files are kept, not all their ways.
            ways = collections.Counter(piece.path for piece in taken.pieces)
            kept = [piece for piece in passed.pieces if not ways[piece.path]]
            if any(ways[piece.path] + 1 > MOST_WAYS for piece in passed.pieces):
                taken.unknown.append(f"{where or folder} (its files are built in too many ways)")
                passed.pieces = kept
        taken.add(passed)

    def _absent(self, entry: str, path: str, where: str, taken: Taken) -> None:
        if path in self._folders:
            taken.missing.append(f"{where}: {entry} (a folder without kustomization.yaml)")
        elif _REMOTE.search(entry):
            taken.unknown.append(f"{where}: {entry}")
        else:
            taken.missing.append(f"{where}: {entry}")

    def _file(self, folder: str) -> str | None:
        """Return the file that says how a folder is built."""
        if folder not in self._folders:
            return None
        candidates = (posixpath.join(folder, name) for name in KUSTOMIZATION_FILES)
        return next((path for path in candidates if path in self.files), None)


def _with(found: Taken, pieces: list[Piece]) -> Taken:
    return Taken(**{**found.__dict__, "pieces": pieces})


def _joined(folder: str, entry: str) -> str:
    path = posixpath.normpath(posixpath.join(folder, entry))
    return "" if path == "." else path


def _texts(content: Mapping[str, t.Any], key: str) -> Iterator[str]:
    entries = content.get(key)
    yield from (entry for entry in entries if isinstance(entry, str)) if isinstance(entries, list) else ()


def _mappings(content: Mapping[str, t.Any], key: str) -> Iterator[Mapping[str, t.Any]]:
    entries = content.get(key)
    yield from (entry for entry in entries if isinstance(entry, Mapping)) if isinstance(entries, list) else ()


def _generator_files(generator: Mapping[str, t.Any]) -> Iterator[str]:
    # `key=file`, or the file alone
    yield from (entry.partition("=")[2] or entry for entry in _texts(generator, "files"))
    yield from _texts(generator, "envs")
    if isinstance(generator.get("env"), str):
        yield generator["env"]


def _secret_files(content: Mapping[str, t.Any]) -> Iterator[str]:
    for generator in _mappings(content, "secretGenerator"):
        yield from _generator_files(generator)


def _config_map_files(content: Mapping[str, t.Any]) -> Iterator[str]:
    for generator in _mappings(content, "configMapGenerator"):
        yield from _generator_files(generator)


def _clear_literals(generator: Mapping[str, t.Any]) -> bool:
    values = [entry.partition("=")[2].strip("\"'") for entry in _texts(generator, "literals")]
    return any(value and not re.fullmatch(r"\$\{[^}]*\}", value) for value in values)


def _replacement_files(content: Mapping[str, t.Any]) -> Iterator[str]:
    for entry in _mappings(content, "replacements"):
        if isinstance(entry.get("path"), str):
            yield entry["path"]


def _replaces(content: Mapping[str, t.Any]) -> bool:
    """Return whether a replacement may write into an object whose way is followed."""
    for entry in _mappings(content, "replacements"):
        targets = [target.get("select") for target in _mappings(entry, "targets")]
        if not targets or any(
            not isinstance(select, Mapping) or select.get("kind", FOLLOWED_KINDS[0]) in FOLLOWED_KINDS
            for select in targets
        ):
            return True
    return False


def _plugins(content: Mapping[str, t.Any], file: str) -> Iterator[str]:
    for key in _PLUGINS:
        if content.get(key):
            named = [entry for entry in _texts(content, key) if "\n" not in entry]
            yield f"{file}: {key}" + (f" {', '.join(named)}" if named else "")


def _is_followed(target: t.Any, text: bytes) -> bool:
    if isinstance(target, Mapping) and target.get("kind"):
        try:
            return any(re.fullmatch(str(target["kind"]), kind) for kind in FOLLOWED_KINDS)
        except re.error:
            return True
    return isinstance(target, Mapping) or any(kind.encode() in text for kind in FOLLOWED_KINDS)
