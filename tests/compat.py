# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make compat`: sanity, units and `provision` under each supported ansible-core that fits a Python found here.

With the beginnings of releases as arguments only these are tried: `.venv/bin/python tests/compat.py 2.17 2.21`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import run as checks

MATRIX = {
    "2.17.14": ("3.11", "3.12"),
    "2.18.19": ("3.11", "3.12", "3.13"),
    "2.19.14": ("3.11", "3.12", "3.13"),
    "2.21.5": ("3.12", "3.13", "3.14"),
}
"""Release of ansible-core and the Pythons it runs on."""


def find_python(versions: tuple[str, ...]) -> str | None:
    """Return the oldest of these Pythons that is on PATH and starts; a version manager's shim may not."""
    for version in versions:
        # The interpreter itself, not a shim on PATH: ansible-test looks it up again with another HOME.
        found = shutil.which(f"python{version}")
        if found:
            answer = subprocess.run(
                [found, "-c", "import sys; print(sys.base_prefix)"], capture_output=True, text=True, check=False
            )
            program = Path(answer.stdout.strip()) / "bin" / f"python{version}"
            if answer.returncode == 0 and program.is_file():
                return str(program)
    for version in versions:
        for program in sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python{version}")):
            return str(program)
    return None


def check(core: str, python: str) -> None:
    """Make an environment with this ansible-core and run sanity, units and provision in it."""
    with tempfile.TemporaryDirectory(prefix="fluxseed-compat-") as name:
        folder = Path(name)
        environment = folder / "env"
        subprocess.run([python, "-m", "venv", str(environment)], check=True)
        # Each release of ansible-core brings the resolvelib that it works with.
        requirements = [
            line
            for line in (checks.ROOT / "requirements" / "run.txt").read_text().splitlines()
            if not line.startswith(("ansible-core", "resolvelib"))
        ]
        (folder / "requirements.txt").write_text("\n".join([*requirements, f"ansible-core=={core}", ""]))
        pip = [str(environment / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--requirement", str(folder / "requirements.txt")], check=True)
        checks.BIN = environment / "bin"
        checks.PYTHON_VERSION = ".".join(Path(python).name.removeprefix("python").split(".")[:2])
        checks.export_collection.cache_clear()
        checks.sanity()
        checks.units()
        packages = next((environment / "lib").glob("python3.*/site-packages"))
        (packages / "ansible_collections" / "fluxseed").mkdir(parents=True)
        (packages / "ansible_collections" / "fluxseed" / "gitops").symlink_to(checks.ROOT)
        lab = folder / "lab"
        flux_lab = [
            str(environment / "bin" / "ansible"), "localhost", "-c", "local", "-i", "localhost,", "-m", "fluxseed.gitops.flux_lab", "-a",
        ]  # fmt: skip
        clean = {key: value for key, value in os.environ.items() if key != "KUBECONFIG"}
        try:
            subprocess.run(
                [*flux_lab, f"state=started path={lab} owner={os.getpid()}"], check=True, env=clean, cwd=folder
            )
            for _turn in range(2):
                subprocess.run(
                    [
                        str(environment / "bin" / "ansible-playbook"), "-i", str(lab / "inventory"),
                        "--vault-password-file", str(lab / "vault-password"), "fluxseed.gitops.provision",
                    ],
                    check=True, env=clean, cwd=folder,
                )  # fmt: skip
        finally:
            subprocess.run([*flux_lab, f"state=stopped path={lab}"], check=True, env=clean, cwd=folder)


def main() -> int:
    """Go through the matrix; a release without a Python here is named, not counted as passed."""
    passed, failed, missing = [], [], []
    wanted = tuple(sys.argv[1:]) or ("",)
    for core, versions in MATRIX.items():
        if not core.startswith(wanted):
            continue
        python = find_python(versions)
        if python is None:
            print(f"== ansible-core {core}: no Python {' or '.join(versions)} found here")
            missing.append(core)
            continue
        print(f"== ansible-core {core} on {Path(python).name}", flush=True)
        start = time.monotonic()
        try:
            check(core, python)
        except (checks.StepFailedError, subprocess.CalledProcessError) as error:
            print(f"== ansible-core {core} FAILED after {time.monotonic() - start:.0f} s: {error}", flush=True)
            failed.append(core)
        else:
            print(f"== ansible-core {core} passed in {time.monotonic() - start:.0f} s", flush=True)
            passed.append(core)
    print(
        f"passed: {', '.join(passed) or 'none'}; failed: {', '.join(failed) or 'none'}; no Python: {', '.join(missing) or 'none'}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
