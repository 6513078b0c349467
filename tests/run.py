# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make test`: every check in order, with its time; the first failure ends the run.

Run with step names to do only these: `.venv/bin/python tests/run.py lint types unit`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.paths import cache_folder
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import leftovers

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
BIN = Path(sys.executable).parent
SOPS_TESTS = "tests/unit/plugins/module_utils/_sops"
ENGINE_TESTS = [SOPS_TESTS, *(f"tests/unit/plugins/module_utils/{name}" for name in ("_flux", "_git", "_kubernetes"))]
"""The engines know no Ansible, whose runner takes a process for each of some thousand tests."""
_CORES = max(2, min(4, os.cpu_count() or 2))
WORKERS = str(_CORES)
WAITING_WORKERS = str(_CORES + 1)
"""For tests that wait for a cluster a third of their time."""
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
COLLECTION = BUILD / "export" / "ansible_collections" / "fluxseed" / "gitops"

# ansible-test fetches a pip bootstrap from the network unless this file is in its cache. What pip
# needs is part of Python itself, so the stand-in takes it from there.
PIP_BOOTSTRAP = '''\
"""Stand-in for the pip bootstrap: pip from the standard library's ensurepip."""
import os
import subprocess
import sys

os.environ.pop("GET_PIP", None)
subprocess.run([sys.executable, "-m", "ensurepip", "--upgrade"], check=True, stdout=subprocess.DEVNULL)
arguments = [word for word in sys.argv[1:] if word not in ("--no-setuptools", "--no-wheel")]
subprocess.run([sys.executable, "-m", "pip", "install", *arguments], check=True)
'''
PIP_BOOTSTRAP_VERSIONS = ("23_1_2", "24_2", "25_2")  # ansible-core 2.17; 2.18 and 2.19; 2.20 and later


class StepFailedError(Exception):
    """A check did not pass; what it printed stands above."""


def run(*command: str | Path, cwd: Path = ROOT, env: dict[str, str] | None = None) -> None:
    """Run one command with the project's tools first on PATH; its output is shown."""
    environment = {**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}"}
    environment.update(env or {})
    environment.pop("KUBECONFIG", None)
    sys.stdout.flush()
    code = subprocess.run([str(word) for word in command], cwd=cwd, env=environment, check=False).returncode
    if code != 0:
        raise StepFailedError(f"{' '.join(str(word) for word in command)} ended with {code}")


def lint() -> None:
    """Style of Python, YAML, playbooks and changelog fragments."""
    run("ruff", "check", "plugins", "tests")
    run("ruff", "format", "--check", "plugins", "tests")
    run("ansible-lint", "--offline", "--strict", "-q", env={"ANSIBLE_COLLECTIONS_PATH": str(BIN.parent)})
    run("antsibull-changelog", "lint")


def types() -> None:
    """`mypy --strict` on the engines and all above them."""
    # mypy takes nothing from site-packages as its subject, so the tree is linked to a path of its own.
    tree = BUILD / "types" / "ansible_collections" / "fluxseed"
    tree.mkdir(parents=True, exist_ok=True)
    if not (tree / "gitops").is_symlink():
        (tree / "gitops").symlink_to(ROOT)
    run(
        "mypy",
        "--config-file",
        ROOT / "pyproject.toml",
        "-p",
        "ansible_collections.fluxseed.gitops.plugins",
        env={"MYPYPATH": str(BUILD / "types")},
    )


@functools.cache
def export_collection() -> None:
    """Copy, once per run, what Git tracks (or would) to a path that ansible-test accepts, as a checkout of its own."""
    shutil.rmtree(COLLECTION, ignore_errors=True)
    COLLECTION.mkdir(parents=True)
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    ).stdout.decode()
    for name in filter(None, names.split("\0")):
        source = ROOT / name
        if source.is_file():
            target = COLLECTION / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    for command in (["git", "init", "-q"], ["git", "add", "-A"]):
        subprocess.run(command, cwd=COLLECTION, check=True)


def ansible_test(*arguments: str) -> None:
    """Run ansible-test on the exported collection with a HOME of its own, kept with the other things made once."""
    export_collection()
    home = cache_folder() / "ansible-test"
    cache = home / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in PIP_BOOTSTRAP_VERSIONS:
        (cache / f"get_pip_{version}.py").write_text(PIP_BOOTSTRAP)
    run("ansible-test", *arguments, "--python", PYTHON_VERSION, cwd=COLLECTION, env={"HOME": str(home)})


def sanity() -> None:
    """ansible-test's own checks of all that is packaged: documentation, imports, licences, pylint."""
    # Tests are not packaged; ruff has looked at them, with the rules of pylint and more.
    folders = sorted(path.name for path in (ROOT / "tests").iterdir() if path.is_dir() and path.name != "sanity")
    ansible_test("sanity", *(word for name in folders for word in ("--exclude", f"tests/{name}/")))


def units() -> None:
    """The unit tests as Ansible's own runner starts them, in the environment of this run; all but those of the engines."""
    ansible_test("units", *(word for folder in ENGINE_TESTS for word in ("--exclude", f"{folder}/")))


def engine() -> None:
    """The unit tests of the engines, which know no Ansible."""
    run("pytest", "-q", "--numprocesses", WORKERS, "-m", "not hostile", *ENGINE_TESTS)


def hostile() -> None:
    """Input of 10 MB made to cost time or memory, all of it."""
    run("pytest", "-q", "--numprocesses", WORKERS, "--durations=10", f"{SOPS_TESTS}/test_hostile_size.py")


def coverage() -> None:
    """The same with the share of branches that they run: at least 95 in 100. Files of 10 MB run no others, and would take minutes."""
    package = "ansible_collections.fluxseed.gitops.plugins.module_utils._sops"
    left_out = f"--ignore={SOPS_TESTS}/test_hostile_size.py"
    run("coverage", "run", "--source", package, "-m", "pytest", "-q", SOPS_TESTS, left_out)
    run("coverage", "report", "--skip-covered", "--fail-under", "95")


def targets() -> None:
    """The integration targets of the modules that need no cluster."""
    ansible_test("integration")


def binaries() -> None:
    """Find or build the programs of the lab, sops and age to compare with, and stand-ins for services."""
    run("make", "lab", 'COMPONENTS=["oracles", "oracle", "registry"]')
    run("make", "services")


def molecule() -> None:
    """The role on the lab: syntax, check, converge, idempotence, verify."""
    run("molecule", "test", cwd=ROOT / "extensions")


def unit() -> None:
    """Unit tests alone, for the fast loop."""
    run("pytest", "-q", "--numprocesses", WORKERS, "-m", "not hostile", "tests/unit")


def interop() -> None:
    """Comparison with sops and age alone."""
    run("pytest", "-q", "--numprocesses", WORKERS, "--dist", "loadfile", "tests/interop")
    _insist_on_no_leftovers()


def stories() -> None:
    """Comparison with sops and age, and the stories on the lab; pytest's closing line ends the run."""
    # Module by module: each tells its story on a lab of its own, and the labs spend their time waiting. Those with few and
    # long stories stand first, and would come last if sorted by number, as is the default: one core would wait for them.
    run(
        "pytest",
        "-q",
        "--durations=10",
        "--numprocesses",
        WAITING_WORKERS,
        "--dist",
        "loadfile",
        "--no-loadscope-reorder",
        "tests/integration",
        "tests/interop",
    )
    _insist_on_no_leftovers()


def _insist_on_no_leftovers() -> None:
    """Private keys live in homes of GnuPG in memory, and in its agent; no test may leave one."""
    deadline = time.monotonic() + 10
    while left := leftovers():
        if time.monotonic() > deadline:
            raise StepFailedError(f"the tests have left GnuPG homes or agents: {', '.join(left)}")
        time.sleep(0.2)


@dataclass(frozen=True)
class Step:
    """One named check of the run."""

    action: Callable[[], None]
    always: bool = True
    beside_sanity: bool = False
    """Runs at the same time as lint and ansible-test, which take one core for minutes."""

    @property
    def name(self) -> str:
        """Name as given on the command line."""
        return self.action.__name__


STEPS = [
    Step(lint),
    Step(types),
    Step(sanity),
    Step(units),
    Step(engine, beside_sanity=True),
    Step(targets),
    Step(binaries, beside_sanity=True),
    Step(molecule, beside_sanity=True),
    Step(unit, always=False),
    Step(coverage, always=False),
    Step(hostile, always=False),
    Step(interop, always=False),
    Step(stories, beside_sanity=True),
]


class Beside:
    """Steps that run at the same time as others, which leave a core idle; what they print waits for its turn."""

    def __init__(self, names: Sequence[str]) -> None:
        self._output = tempfile.TemporaryFile()  # noqa: SIM115  (read by `end`)
        command = [sys.executable, __file__, *names]
        # In a group of its own: what is pressed at the terminal, and `stop`, reach every program of it once.
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdout=self._output, stderr=subprocess.STDOUT, start_new_session=True
        )
        print(f"== {', '.join(names)}: started beside what follows", flush=True)

    def end(self) -> bool:
        """Wait, showing what is printed, and return whether all went well."""
        position = 0
        while True:
            ended = self._process.poll() is not None
            # The position is shared with the process that writes.
            text = os.pread(self._output.fileno(), 1 << 20, position)
            position += len(text)
            sys.stdout.write(text.decode(errors="replace"))
            sys.stdout.flush()
            if ended and not text:
                return self._process.returncode == 0
            if not text:
                time.sleep(0.5)

    def stop(self) -> None:
        """Interrupt what still runs, as a person would, and wait until its servers are down."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGINT)
        self._process.wait()


def main() -> int:
    """Run the steps asked for, or all of them."""
    wanted = sys.argv[1:] or [step.name for step in STEPS if step.always]
    if unknown := set(wanted) - {step.name for step in STEPS}:
        print(f"no such step: {', '.join(sorted(unknown))}; there are {', '.join(step.name for step in STEPS)}")
        return 2
    beside = [step.name for step in STEPS if step.beside_sanity and step.name in wanted]
    checks = [name for name in wanted if name not in beside]
    if sanity.__name__ not in checks or not beside:
        return _in_turn(wanted)
    others = Beside(beside)
    # What ends this run ends the other too.
    signal.signal(signal.SIGTERM, _terminated)
    try:
        code = _in_turn(checks)
    except BaseException:
        others.stop()
        raise
    if code:
        others.stop()
        return code
    return 0 if others.end() else 1


def _terminated(_number: int, _frame: object) -> None:
    sys.exit(128 + signal.SIGTERM)


def _in_turn(wanted: Sequence[str]) -> int:
    for step in [step for step in STEPS if step.name in wanted]:
        print(f"== {step.name}: {step.action.__doc__}", flush=True)
        start = time.monotonic()
        try:
            step.action()
        except StepFailedError as error:
            print(f"== {step.name} FAILED after {time.monotonic() - start:.1f} s: {error}", flush=True)
            return 1
        if step.action is not stories:
            print(f"== {step.name} done in {time.monotonic() - start:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
