# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a repository Flux gets to see: source-controller leaves files out of the artifact.

Private to the collection. `.sourceignore` and `spec.ignore` have the format of `.gitignore`, read as
source-controller reads it, which differs from Git in corners; `spec.sparseCheckout` has beginnings of
paths. That this is so, a test finds out from artifacts of the real source-controller.
"""

from __future__ import annotations

import posixpath
import re
import typing as t
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from .._kubernetes.objects import listed, section

IGNORE_FILE = ".sourceignore"
VERSION_CONTROL = (".git/", ".gitignore", ".gitmodules", ".gitattributes")
"""Always left out, unless a pattern takes it back."""
BY_DEFAULT = (
    *("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip"),
    *(".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml", "cloudbuild.yaml"),
    *("codeship-services.yml", "codeship-steps.yml", "**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml"),
)
"""Left out as long as nobody gives a single pattern: then these no longer hold, `.sops.yaml` among them."""


class Files(t.Protocol):
    """The files of one commit."""

    def paths(self) -> list[str]:
        """Return the paths of all files."""

    def read(self, path: str) -> bytes:
        """Return the content of a file."""

    def __contains__(self, path: str) -> bool:
        """Return whether there is such a file."""


@t.runtime_checkable
class _ReadsMany(t.Protocol):
    """Files that can be read together."""

    def read_many(self, paths: Sequence[str]) -> list[bytes]:
        """Return the contents of files."""


class Pattern(t.NamedTuple):
    """One line of an ignore file."""

    folder: tuple[str, ...]
    """Where the file lies; the pattern holds below."""
    parts: tuple[str, ...]
    takes_back: bool
    folders_only: bool

    @classmethod
    def parse(cls, line: str, folder: Sequence[str] = ()) -> Pattern:
        """Read a line."""
        takes_back = line.startswith("!")
        text = line[1:] if takes_back else line
        text = text if text.endswith("\\ ") else text.rstrip(" ")
        folders_only = text.endswith("/")
        return cls(tuple(folder), tuple(text.removesuffix("/").split("/")), takes_back, folders_only)

    def matches(self, path: Sequence[str]) -> bool:
        """Return whether a file, given as the parts of its path, is meant."""
        if len(path) <= len(self.folder) or tuple(path[: len(self.folder)]) != self.folder:
            return False
        below = path[len(self.folder) :]
        if len(self.parts) > 1:
            return self._matches_path(list(below))
        # A name alone is looked for at every level; the last one is the file itself.
        for level, name in enumerate(below):
            if _is_like(self.parts[0], name):
                return not self.folders_only or level < len(below) - 1
        return False

    def _matches_path(self, left: list[str]) -> bool:
        matched = leaps = False
        for number, part in enumerate(self.parts):
            if part == "":
                leaps = False
            elif part == "**":
                if number == len(self.parts) - 1:
                    break
                leaps = True
            elif "**" in part or not left:
                return False
            elif leaps:
                leaps = matched = False
                while left and not matched:
                    matched = _is_like(part, left.pop(0))
            elif not _is_like(part, left.pop(0)):
                return False
            else:
                matched = True
        return matched and not (self.folders_only and not left)


class Artifact:
    """The files of a commit that the source hands on to the cluster; each is read once."""

    def __init__(self, files: Files, source: Mapping[str, t.Any] | None = None) -> None:
        self.repository = files
        """All files, also those that the cluster does not get."""
        self._contents: dict[str, bytes] = {}
        spec = section(source or {}, "spec")
        is_bucket = (source or {}).get("kind") == "Bucket"
        every, beginnings = files.paths(), _beginnings(spec, is_bucket=is_bucket)
        paths = [path for path in every if path.startswith(beginnings)]
        # What is not checked out has no say in what is left out, and a bucket has only one such file.
        ignoring = [path for path in paths if path == IGNORE_FILE or path.endswith(f"/{IGNORE_FILE}")]
        if is_bucket:
            ignoring = [path for path in every if path == IGNORE_FILE]
        patterns = [*_ignore_files(files, ignoring), *_patterns(str(spec.get("ignore") or ""), ())]
        before = () if is_bucket else VERSION_CONTROL if patterns else VERSION_CONTROL + BY_DEFAULT
        self.patterns = [*map(Pattern.parse, before), *patterns]
        matcher = _Matcher(self.patterns)
        kept = {path for path in paths if not matcher.leaves_out(path)}
        if is_bucket:
            # It is read first, and stays there whatever it says.
            kept.update(ignoring)
        self._paths = {path: None for path in every if path in kept}

    def paths(self) -> list[str]:
        """Return the paths of all files, in the order of the repository."""
        return list(self._paths)

    def read(self, path: str) -> bytes:
        """Return the content of a file."""
        content = self._contents.get(path)
        if content is None:
            content = self._contents[path] = self.repository.read(path)
        return content

    def prepare(self, paths: Sequence[str]) -> None:
        """Read files that are about to be wanted together, where that is faster than one by one."""
        wanted = [path for path in paths if path not in self._contents]
        if isinstance(self.repository, _ReadsMany):
            self._contents.update(zip(wanted, self.repository.read_many(wanted), strict=True))

    def __contains__(self, path: object) -> bool:
        return path in self._paths


def _ignore_files(files: Files, paths: Sequence[str]) -> Iterator[Pattern]:
    """Yield the patterns of ignore files, of a folder before those of its subfolders."""
    for path in sorted(paths, key=lambda path: posixpath.dirname(path).split("/")):
        folder = posixpath.dirname(path)
        yield from _patterns(files.read(path).decode(errors="replace"), folder.split("/") if folder else ())


def _patterns(text: str, folder: Sequence[str]) -> Iterator[Pattern]:
    for line in text.splitlines():
        if line.strip() and not line.startswith("#"):
            yield Pattern.parse(line, folder)


class _Matcher:
    """Many paths against some patterns."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        # The last pattern that says something about a file decides.
        self._patterns = list(reversed(patterns))
        # Only a path that has a part like the last one of a pattern can match it; most have none.
        self._ends = {
            next((part for part in reversed(found.parts) if part not in {"", "**"}), "*") for found in patterns
        }
        self._known: dict[str, bool] = {}

    def leaves_out(self, path: str) -> bool:
        """Return whether the patterns leave a file out."""
        parts = path.split("/")
        if not any(self._is_end(part) for part in parts):
            return False
        return next((not pattern.takes_back for pattern in self._patterns if pattern.matches(parts)), False)

    def _is_end(self, name: str) -> bool:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = any(_is_like(end, name) for end in self._ends)
        return known


def _beginnings(spec: Mapping[str, t.Any], *, is_bucket: bool) -> tuple[str, ...]:
    """Return how paths have to begin to be fetched at all, letter by letter: `a/b` is the folder, and `a/bc.yaml` too."""
    if is_bucket:
        return (str(spec.get("prefix") or ""),)
    return tuple(str(entry).removeprefix("./") for entry in listed(spec, "sparseCheckout")) or ("",)


def _is_like(pattern: str, name: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is not None and compiled.fullmatch(name) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Return a shell pattern as Go's `filepath.Match` reads it; None for a malformed one, which matches nothing."""
    translated, at = [], 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "*":
            translated.append("[^/]*")
        elif character == "?":
            translated.append("[^/]")
        elif character == "[":
            end = pattern.find("]", at + 1)
            if end < 0:
                return None
            inner = pattern[at:end].replace("[", "\\[")
            translated.append(f"[{inner}]")
            at = end + 1
        elif character == "\\":
            if at == len(pattern):
                return None
            translated.append(re.escape(pattern[at]))
            at += 1
        else:
            translated.append(re.escape(character))
    try:
        return re.compile("".join(translated), re.DOTALL)
    except re.error:
        return None
