# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make test`: every check in order, with its time; the first failure ends the run.

Run with step names to do only these: `.venv/bin/python tests/run.py lint types unit`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


class StepFailedError(Exception):
    """A check did not pass; what it printed stands above."""


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run one command with the project's tools first on PATH; its output is shown."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.update(env or {})
    environment.pop("KUBECONFIG", None)
    sys.stdout.flush()
    code = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, check=False).returncode
    if code != 0:
        raise StepFailedError(f"{' '.join(str(word) for word in command)} ended with {code}")


def lint() -> None:
    """Style of Python and changelog fragments."""
    run("ruff", "check", "plugins", "tests")
    run("ruff", "format", "--check", "plugins", "tests")
    run("antsibull-changelog", "lint")


def types() -> None:
    """`mypy --strict` on the engines and everything above them."""
    # mypy finds the package through the link in site-packages, as every other tool does.
    packages = Path(subprocess_output(sys.executable, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"))
    run(
        "mypy",
        "--config-file",
        ROOT / "pyproject.toml",
        "-p",
        "ansible_collections.fluxseed.gitops.plugins",
        cwd=packages,
        env={"MYPYPATH": str(packages)},
    )


def subprocess_output(*command: str) -> str:
    """Return what a command prints, without the final newline."""
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT).stdout.strip()


def unit() -> None:
    """Unit tests alone, for the fast loop."""
    run("pytest", "-q", "tests/unit")


@dataclass(frozen=True)
class Step:
    """One named check of the run."""

    action: Callable[[], None]
    always: bool = True

    @property
    def name(self) -> str:
        """Name as given on the command line."""
        return self.action.__name__


STEPS = [Step(lint), Step(types), Step(unit)]


def main() -> int:
    """Run the steps asked for, or all of them."""
    wanted = sys.argv[1:] or [step.name for step in STEPS if step.always]
    if unknown := set(wanted) - {step.name for step in STEPS}:
        print(f"no such step: {', '.join(sorted(unknown))}; there are {', '.join(step.name for step in STEPS)}")
        return 2
    for step in [step for step in STEPS if step.name in wanted]:
        print(f"== {step.name}: {step.action.__doc__}", flush=True)
        start = time.monotonic()
        try:
            step.action()
        except StepFailedError as error:
            print(f"== {step.name} FAILED after {time.monotonic() - start:.1f} s: {error}", flush=True)
            return 1
        if step.action is not unit:
            print(f"== {step.name} done in {time.monotonic() - start:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
