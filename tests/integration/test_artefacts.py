# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Both packages, each installed into an empty environment, tell the whole story by FQCN."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from homelab import Homelab

pytestmark = pytest.mark.lab

# What was installed uncompiled is compiled once, also where the caller of the tests wants no such files in the checkout.
COMPILED = {"PYTHONDONTWRITEBYTECODE": ""}
ROOT = Path(__file__).resolve().parents[2]
PREFIX = "ansible_collections/fluxseed/gitops/"


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """Run a command and return its output; a failure shows it."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, "PATH": path, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    output = done.stdout.decode(errors="replace")
    assert done.returncode == 0, output
    return output


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Git holds or would hold, without the rest of the checkout."""
    target = tmp_path_factory.mktemp("tree")
    listing = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT)
    for name in filter(None, listing.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    return target


@pytest.fixture(scope="module")
def tarball(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Galaxy tarball."""
    folder = tmp_path_factory.mktemp("tarball")
    run("ansible-galaxy", "collection", "build", "--output-path", folder, cwd=tree)
    return next(folder.glob("*.tar.gz"))


@pytest.fixture(scope="module")
def wheel(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, cwd=tree)
    return next(folder.glob("*.whl"))


def install(environment: Path, *what: str | Path) -> None:
    """Make an environment with nothing else in it; not even pip, which takes seconds to get there."""
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    pip = (sys.executable, "-m", "pip", "--python", environment / "bin/python")
    run(*pip, "install", "--quiet", "--no-compile", *what)


def seed(home: Homelab) -> None:
    """The lab, `provision` twice, and the lab gone again."""
    try:
        home.flux_lab("started")
        assert "Secrets: 3 of 3 proven" in home.provision().output
        assert home.provision().changed == 0
    finally:
        home.flux_lab("stopped")


def test_the_packages_hold_what_ships_and_nothing_else(tarball: Path, wheel: Path) -> None:
    """Plugins, role, playbooks and the lab's sources in both; tests and build results in neither."""
    with tarfile.open(tarball) as archive:
        in_tarball = {name for name in archive.getnames() if not archive.getmember(name).isdir()}
    in_wheel = {name.removeprefix(PREFIX) for name in zipfile.ZipFile(wheel).namelist() if name.startswith(PREFIX)}
    for name in (
        "plugins/modules/flux_seed.py",
        "plugins/plugin_utils/_lab/agent.py",
        "roles/flux_seed/meta/argument_specs.yml",
        "playbooks/provision.yml",
        "lab/kubernetes/go.sum",
        "lab/artifact/storage/storage.go",
        "lab/sample/apps/settings.yaml",
        "meta/runtime.yml",
    ):
        assert name in in_tarball
        assert name in in_wheel
    for names in (in_tarball, in_wheel):
        assert not [name for name in names if name.startswith(("tests/", ".")) or "__pycache__" in name]


def test_the_wheel_provisions_from_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """`pip install fluxseed[ansible]` is all there is; the command comes with it."""
    install(tmp_path / "env", "--constraint", ROOT / "requirements/run.txt", f"{wheel}[ansible]")
    home = Homelab(tmp_path, bin=tmp_path / "env" / "bin", environment=COMPILED)
    assert "0.1.0" in home.run("fluxseed", "--version").output
    assert "fluxseed.gitops" in home.run("ansible-galaxy", "collection", "list").output
    seed(home)


def test_the_tarball_provisions_from_an_empty_environment(tarball: Path, tmp_path: Path) -> None:
    """`ansible-galaxy collection install`, and the libraries that the collection names."""
    collections = tmp_path / "collections"
    run("ansible-galaxy", "collection", "install", "--offline", "--force", tarball, "-p", collections)
    installed = collections / "ansible_collections" / "fluxseed" / "gitops"
    install(tmp_path / "env", "--requirement", installed / "requirements/run.txt")
    home = Homelab(
        tmp_path, bin=tmp_path / "env" / "bin", environment={**COMPILED, "ANSIBLE_COLLECTIONS_PATH": str(collections)}
    )
    seed(home)
