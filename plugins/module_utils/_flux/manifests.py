# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests from text, and what the two files of Flux in Git say.

Private to the collection. Pure: text in, values out.
"""

from __future__ import annotations

import posixpath
import re
import typing as t
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from .._errors import ManifestError, MissingLibraryError
from .._kubernetes.objects import Object, labels, listed, reference, section

try:
    import yaml
except ImportError:
    yaml = None  # type: ignore[assignment]

SOURCE_GROUP = "source.toolkit.fluxcd.io"
SOURCE_KINDS = ("GitRepository", "OCIRepository", "Bucket")
"""What a Kustomization can follow and this collection knows."""
KUSTOMIZE_GROUP = "kustomize.toolkit.fluxcd.io"
DEFAULT_SOPS_SECRET = "sops-age"  # noqa: S105 - a name
COMPONENTS_FILE = "gotk-components.yaml"
SYNC_FILE = "gotk-sync.yaml"

# As the YAML library of Kubernetes reads plain scalars: no dates, no base-60 numbers.
_SCALARS = (
    (
        "tag:yaml.org,2002:bool",
        r"(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)",
        "yYnNtTfFoO",
    ),
    ("tag:yaml.org,2002:int", r"[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)",
        "-+0123456789.",
    ),
    ("tag:yaml.org,2002:merge", "<<", "<"),
    ("tag:yaml.org,2002:null", r"(?:~|null|Null|NULL|)", "~nN\0"),
)
_loader: t.Any = None


def parse(content: bytes, *, where: str) -> list[Object]:
    """Return the objects of a YAML text; the items of a List count one by one.

    Raises:
        ManifestError: no YAML, with the line; or something that is no Kubernetes object.
    """
    objects: list[Object] = []
    for document in _documents(content, where):
        if document is None:
            continue
        if not isinstance(document, dict) or not isinstance(document.get("kind"), str):
            raise ManifestError("a document in it is no Kubernetes object: it has no kind", where=where)
        if document["kind"].endswith("List") and isinstance(document.get("items"), list):
            objects += [item for item in document["items"] if isinstance(item, dict)]
        else:
            objects.append(document)
    return objects


def load(content: bytes, *, where: str) -> t.Any:
    """Return the first document of a YAML text, whatever it is."""
    return next(_documents(content, where), None)


def load_all(content: bytes, *, where: str) -> list[t.Any]:
    """Return all documents of a YAML text, whatever they are."""
    return list(_documents(content, where))


def check_syntax(content: bytes, *, where: str) -> None:
    """Read a YAML text without making anything of it: a tenth of the time of `parse`.

    Raises:
        ManifestError: no YAML, with the line.
    """
    for _nothing in _yaml_text(content, where, _events):
        pass


def _documents(content: bytes, where: str) -> Iterator[t.Any]:
    return _yaml_text(content, where, lambda text: yaml.load_all(text, Loader=_yaml_loader()))


def _events(text: str) -> Iterator[t.Any]:
    loader = getattr(yaml, "CSafeLoader", None)
    if loader is None:
        return t.cast("Iterator[t.Any]", yaml.parse(text, Loader=yaml.SafeLoader))
    reader = loader(text)
    try:
        # libyaml alone goes through the text; no Python object is made of an event.
        reader.raw_parse()
    finally:
        reader.dispose()
    return iter(())


def _yaml_text(content: bytes, where: str, read: Callable[[str], Iterable[t.Any]]) -> Iterator[t.Any]:
    if yaml is None:
        raise MissingLibraryError("The Python library PyYAML", hint="pip install PyYAML, for the Python that runs this")
    try:
        yield from read(content.decode())
    except UnicodeDecodeError as exc:
        raise ManifestError("is no UTF-8 text", where=where) from exc
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = f"{where}:{mark.line + 1}" if mark else where
        raise ManifestError(f"is no valid YAML: {exc.problem or exc.context}", where=line) from exc
    except yaml.YAMLError as exc:
        raise ManifestError("is no valid YAML", where=where) from exc


def _yaml_loader() -> t.Any:
    global _loader  # noqa: PLW0603 - made once, and only where PyYAML is
    if _loader is None:
        base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        _loader = type("ManifestLoader", (base,), {"yaml_implicit_resolvers": {}})
        for tag, pattern, first in _SCALARS:
            starts = [character if character != "\0" else "" for character in first]
            _loader.add_implicit_resolver(tag, re.compile(f"^(?:{pattern})$"), starts)
        _loader.add_constructor("tag:yaml.org,2002:int", _integer)
        _loader.add_constructor("tag:yaml.org,2002:float", _number)
    return _loader


def _integer(loader: t.Any, node: t.Any) -> int:
    text = loader.construct_scalar(node).replace("_", "")
    sign, digits = (-1 if text[0] == "-" else 1), text.lstrip("+-")
    octal = len(digits) > 1 and digits[0] == "0" and digits[1] in "01234567"
    return sign * int(digits, 8 if octal else 0)


def _number(loader: t.Any, node: t.Any) -> float:
    text = loader.construct_scalar(node).replace("_", "").lower()
    return float(re.sub(r"\.(inf|nan)$", r"\1", text))


@dataclass(frozen=True)
class Components:
    """What `gotk-components.yaml` holds: Flux itself."""

    objects: tuple[Object, ...]
    where: str

    @classmethod
    def parse(cls, content: bytes, *, where: str) -> Components:
        """Read the file.

        Raises:
            ManifestError: there is no Deployment of Flux or no definition of its kinds in it.
        """
        return cls.of(parse(content, where=where), where=where)

    @classmethod
    def of(cls, found: Iterable[Object], *, where: str) -> Components:
        """Take the objects; raises as `parse` does."""
        objects = tuple(found)
        kinds = {item["kind"] for item in objects}
        if not {"Namespace", "CustomResourceDefinition", "Deployment"} <= kinds:
            raise ManifestError(
                "is no set of Flux components: a Namespace, CustomResourceDefinitions and Deployments belong in it",
                where=where,
                hint="flux install --export writes such a file",
            )
        return cls(objects, where)

    @property
    def version(self) -> str:
        """Return the version of Flux, empty when the labels do not tell."""
        found = (labels(item).get("app.kubernetes.io/version") for item in self.objects if item["kind"] == "Deployment")
        return next(filter(None, found), "")

    def of_kind(self, *kinds: str) -> list[Object]:
        """Return the objects of these kinds."""
        return [item for item in self.objects if item["kind"] in kinds]


@dataclass(frozen=True)
class Sync:
    """What `gotk-sync.yaml` holds: the source and the root Kustomization."""

    source: Object
    root: Object
    others: tuple[Object, ...]
    where: str

    @classmethod
    def parse(cls, content: bytes, *, where: str) -> Sync:
        """Read the file.

        Raises:
            ManifestError: not exactly one source and one Kustomization, or they do not belong together.
        """
        return cls.of(parse(content, where=where), where=where)

    @classmethod
    def of(cls, objects: Sequence[Object], *, where: str) -> Sync:
        """Take the objects; raises as `parse` does."""
        sources = [item for item in objects if is_source(item)]
        roots = [item for item in objects if is_of(item, KUSTOMIZE_GROUP, "Kustomization")]
        if len(sources) != 1 or len(roots) != 1:
            raise ManifestError(
                "must hold one GitRepository (or OCIRepository, or Bucket) and one Kustomization, "
                f"holds {len(sources)} and {len(roots)}",
                where=where,
            )
        source, root = sources[0], roots[0]
        for found in (source, root):
            named = reference(found)
            if not named.name or not named.namespace or not isinstance(found.get("spec"), dict):
                raise ManifestError(f"the {named.kind} in it lacks a name, a namespace or a spec", where=where)
        wanted, beside = section(root, "spec", "sourceRef"), reference(source)
        if source_of(root) != (beside.kind, beside.namespace, beside.name):
            raise ManifestError(
                f"its Kustomization follows {wanted.get('kind')} {wanted.get('name')}, not the {beside.kind} beside it",
                where=where,
            )
        others = tuple(item for item in objects if item is not source and item is not root)
        return cls(source, root, others, where)

    @property
    def namespace(self) -> str:
        """Return the namespace of the root Kustomization, where its Secrets have to be."""
        return reference(self.root).namespace

    @property
    def kind(self) -> str:
        """Return the kind of the source."""
        return str(self.source["kind"])

    @property
    def url(self) -> str:
        """Return the URL that the cluster fetches; of a Bucket its endpoint and its name."""
        spec = self.source["spec"]
        if self.kind == "Bucket":
            return f"{spec.get('endpoint') or ''}/{spec.get('bucketName') or ''}"
        return str(spec.get("url") or "")

    @property
    def branch(self) -> str:
        """Return the branch that the cluster follows; empty when it follows something else."""
        wanted = self.source["spec"].get("ref") or {}
        if wanted.keys() & {"tag", "semver", "commit", "name"}:
            return ""
        return str(wanted.get("branch") or "master")

    @property
    def path(self) -> str:
        """Return the path of the root Kustomization, without dots."""
        return clean_path(self.root["spec"].get("path"))

    @property
    def ref(self) -> Mapping[str, t.Any]:
        """Return what of the source the cluster follows, as it is written."""
        found = self.source["spec"].get("ref")
        return found if isinstance(found, Mapping) else {}

    @property
    def git_secret(self) -> str:
        """Return the name of the Secret with the credential for the source, empty when none is named."""
        return self.secret_of("secretRef")

    def secret_of(self, field: str) -> str:
        """Return the name of the Secret in a field such as `proxySecretRef`, empty when none is named."""
        named = self.source["spec"].get(field)
        return str(named.get("name") or "") if isinstance(named, Mapping) else ""

    @property
    def sops_secret(self) -> str:
        """Return the name of the Secret with the decryption keys."""
        return decryption_secret(self.root) or DEFAULT_SOPS_SECRET


def is_of(found: Mapping[str, t.Any], group: str, kind: str) -> bool:
    """Return whether an object is of this kind, in any version of the group."""
    return found.get("kind") == kind and str(found.get("apiVersion") or "").partition("/")[0] == group


def is_source(found: Mapping[str, t.Any]) -> bool:
    """Return whether an object is a source that a Kustomization can follow."""
    return any(is_of(found, SOURCE_GROUP, kind) for kind in SOURCE_KINDS)


def source_of(kustomization: Mapping[str, t.Any]) -> tuple[str, str, str]:
    """Return kind, namespace and name of the source that a Kustomization follows."""
    named = reference(kustomization)
    wanted = section(kustomization, "spec", "sourceRef")
    return str(wanted.get("kind") or ""), str(wanted.get("namespace") or named.namespace), str(wanted.get("name") or "")


def decryption_secret(kustomization: Mapping[str, t.Any]) -> str | None:
    """Return the Secret that `spec.decryption` names; empty when it names none, None without decryption."""
    decryption = (kustomization.get("spec") or {}).get("decryption")
    if not isinstance(decryption, Mapping):
        return None
    return str(section(decryption, "secretRef").get("name") or "")


def clean_path(path: t.Any) -> str:
    """Return a path of a Kustomization relative to the root of the repository; the root itself is empty."""
    normal = posixpath.normpath("/" + str(path or "").strip()).lstrip("/")
    return "" if normal == "." else normal


def unknown_fields(found: Object, definitions: Iterable[Object]) -> list[str]:
    """Return the fields of a custom object that its definition does not have, such as a mis-indented `decryption`."""
    group, _slash, version = str(found.get("apiVersion") or "").rpartition("/")
    for definition in definitions:
        spec = section(definition, "spec")
        if spec.get("group") != group or section(spec, "names").get("kind") != found.get("kind"):
            continue
        for served in listed(spec, "versions"):
            if isinstance(served, Mapping) and served.get("name") == version:
                schema = section(served, "schema", "openAPIV3Schema", "properties", "spec")
                return sorted(set(_unknown(found.get("spec"), schema, "spec")))
        return [f"apiVersion {found.get('apiVersion')}"]
    return []


def _unknown(value: t.Any, schema: Mapping[str, t.Any], path: str) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _unknown(item, section(schema, "items"), path)
    properties = section(schema, "properties")
    if not isinstance(value, dict) or not properties or schema.get("x-kubernetes-preserve-unknown-fields"):
        return
    for key, item in value.items():
        if key in properties:
            yield from _unknown(item, section(properties, key), f"{path}.{key}")
        else:
            yield f"{path}.{key}"
