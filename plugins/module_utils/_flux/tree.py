# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files of a repository a Kustomization covers, and which Kustomizations those files hold.

Private to the collection. What cannot be followed (a remote base, a chart, another source) is named,
never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .._errors import ManifestError
from .._kubernetes.objects import Object, listed, reference, section
from .artifact import Artifact, Files
from .building import Builder, Piece, Taken
from .manifests import KUSTOMIZE_GROUP, clean_path, decryption_secret, is_of, parse, source_of
from .patching import Layer, through
from .variables import inline, is_left_alone, substituted, substitutes

__all__ = ["Coverage", "Files", "Tree", "walk"]

_MARK = KUSTOMIZE_GROUP.encode()
# The definitions of Flux name the group, too, and take long to parse.
_API_VERSION = re.compile(rb"apiVersion[\"']?[ \t]*:\s*[\"']?" + re.escape(_MARK) + rb"/")


@dataclass
class Coverage:
    """What one Kustomization takes from the repository."""

    kustomization: Object
    """As it arrives in the cluster: with what those above it do to it."""
    path: str
    taken: Taken = field(default_factory=Taken)
    where: str = ""
    """The file that it stands in."""
    uncertain: list[str] = field(default_factory=list)
    """What may have changed the Kustomization itself and was not looked into."""
    broken: list[str] = field(default_factory=list)
    """Files that cannot be read, each with the reason: the build fails there."""

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
    def resources(self) -> list[str]:
        """Return the files that hold objects, in the order in which they were found."""
        return list(dict.fromkeys(piece.path for piece in self.taken.pieces))

    @property
    def inputs(self) -> list[str]:
        """Return the files that generators and patches read."""
        return self.taken.inputs

    @property
    def unknown(self) -> list[str]:
        """Return the references that were not followed, each with the file that makes it."""
        return self.taken.unknown

    @property
    def missing(self) -> list[str]:
        """Return the references to files that are not there, each with the file that makes it."""
        return self.taken.missing

    @property
    def files(self) -> list[str]:
        """Return all files, each once."""
        return list(dict.fromkeys([*self.resources, *self.inputs, *self.taken.verbatim]))


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


def walk(files: Files, root: Object, *, where: str = "") -> Tree:
    """Follow the root Kustomization and, again and again, the Kustomizations found in what is covered.

    Raises:
        ManifestError: a kustomization file that is none.
    """
    artifact = files if isinstance(files, Artifact) else Artifact(files)
    tree, builder = Tree(), Builder(artifact)
    pending, seen = [Coverage(root, "", where=where)], {_identity(root)}
    while pending:
        node = pending.pop(0)
        _cover(builder, node)
        tree.nodes.append(node)
        artifact.prepare(node.files)
        for found in _kustomizations(artifact, node):
            if _identity(found.kustomization) in seen:
                continue
            seen.add(_identity(found.kustomization))
            if source_of(found.kustomization) == source_of(root):
                pending.append(found)
            else:
                tree.foreign.append(str(reference(found.kustomization)))
    return tree


def _cover(builder: Builder, node: Coverage) -> None:
    spec = section(node.kustomization, "spec")
    node.path = clean_path(spec.get("path"))
    if not builder.has_folder(node.path):
        kind = node.taken.unknown if "${" in node.path or node.uncertain else node.taken.missing
        kind.append(f"{node.name}: spec.path ./{node.path}")
        return
    own = Taken()
    layer = Layer(
        node.name,
        str(spec.get("targetNamespace") or ""),
        str(spec.get("namePrefix") or ""),
        str(spec.get("nameSuffix") or ""),
        tuple(builder.patches(spec, node.path, node.name, own)),
    )
    components = [str(item) for item in listed(spec, "components")]
    node.taken.add(builder.take(node.path, components, layer, where=f"{node.name}: spec.components"))
    node.taken.add(own)


def _kustomizations(files: Files, node: Coverage) -> Iterator[Coverage]:
    for piece in node.taken.pieces:
        content = files.read(piece.path)
        if _MARK not in content or not _API_VERSION.search(content):
            continue
        try:
            objects = parse(content, where=piece.path)
        except ManifestError as exc:
            node.broken.append(str(exc))
            continue
        for found in objects:
            if is_of(found, KUSTOMIZE_GROUP, "Kustomization"):
                yield _arrived(found, piece, node)


def _arrived(found: Object, piece: Piece, parent: Coverage) -> Coverage:
    """Return a Kustomization as it is after the build and the substitution of its parent."""
    changed, unknown = through(found, piece.layers)
    if substitutes(parent.kustomization) and not is_left_alone(changed):
        changed = substituted(changed, inline(parent.kustomization))
    metadata = {"namespace": parent.namespace, **section(changed, "metadata")}
    return Coverage({**changed, "metadata": metadata}, "", where=piece.path, uncertain=unknown)


def _identity(found: Mapping[str, object]) -> tuple[str, str, str]:
    named = reference(found)
    return named.namespace, named.name, clean_path(section(found, "spec").get("path"))
