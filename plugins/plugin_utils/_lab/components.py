# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab consists of, as `lab/components.toml` tells.

Private to the collection.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ...module_utils._errors import LabError
from .paths import SOURCES

OPTIONAL = frozenset({"oracles", "oracle", "registry"})
"""Groups that the lab itself does not need: built when asked for."""


@dataclass(frozen=True)
class Group:
    """Programs built from one set of pins, or modules that are downloaded for their files."""

    name: str
    folder: Path
    packages: Mapping[str, str]
    modules: tuple[str, ...]
    ldflags: str
    sources: tuple[Path, ...]
    seconds: int

    def key(self, go_version: str) -> str:
        """Return the key of the build cache: everything that decides about the result."""
        digest = hashlib.sha256()
        for part in (go_version, self.ldflags, *(f"{name}={package}" for name, package in self.packages.items())):
            digest.update(part.encode() + b"\0")
        for folder in (self.folder, *self.sources):
            for path in sorted(folder.rglob("*")):
                if path.is_file() and decides(path):
                    content = path.read_bytes()
                    name = path.relative_to(folder.parent).as_posix()
                    digest.update(f"{name}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:16]

    def version(self, module: str) -> str:
        """Return the pinned version of a module."""
        found = re.search(rf"^\s*(?:require\s+)?{re.escape(module)}\s+(v\S+)", self.go_mod, re.MULTILINE)
        if found is None:
            raise LabError(f"pins no version of {module}", where=str(self.folder / "go.mod"))
        return found[1]

    @property
    def go_minor(self) -> tuple[int, int]:
        """The oldest Go that can build the group."""
        found = re.search(r"^go\s+(\d+)\.(\d+)", self.go_mod, re.MULTILINE)
        if found is None:
            raise LabError("has no go line", where=str(self.folder / "go.mod"))
        return int(found[1]), int(found[2])

    @property
    def go_mod(self) -> str:
        """Text of the pins."""
        return (self.folder / "go.mod").read_text()


def decides(path: Path) -> bool:
    """Tell whether a file goes into the build: tests and notes do not."""
    if path.name.endswith("_test.go") or path.suffix == ".md":
        return False
    return not any(part.startswith(".") for part in path.parts[-2:])


def load(sources: Path = SOURCES) -> dict[str, Group]:
    """Read all groups, in the order in which they are to be built."""
    path = sources / "components.toml"
    try:
        content = tomllib.loads(path.read_text())
    except (OSError, tomllib.TOMLDecodeError) as exc:
        raise LabError(
            "the list of the lab's components cannot be read", where=str(path), hint="is the collection complete?"
        ) from exc
    return {
        name: Group(
            name=name,
            folder=sources / name,
            packages=table.get("packages", {}),
            modules=tuple(table.get("modules", ())),
            ldflags=table.get("ldflags", ""),
            sources=tuple(sources / folder for folder in table.get("sources", ())),
            seconds=table.get("seconds", 0),
        )
        for name, table in content.items()
    }
