# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab: built, started, looked at and stopped. The facade for everybody else.

Private to the collection.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import typing as t
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...module_utils._errors import InvalidInputError, LabError, MissingLibraryError
from ...module_utils._files import make_private_directory
from . import manifests, ports
from .build import Builder
from .control_plane import ControlPlane
from .kept import State, prepare, write_flux_manifests
from .paths import COLLECTION, LabFolder, cache_folder
from .processes import Process, end
from .report import Report, Settings

Progress = Callable[[str], None]

_START_WITHIN = 150.0
_STOP_WITHIN = 20.0
_SILENT_FOR = 10.0
_MODULE = "ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.agent"
# What the agent and Git need; no credentials, no proxies, nobody's kubeconfig.
_KEPT_ENVIRONMENT = (
    "HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "PATH",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONPYCACHEPREFIX",
    "PYTHONUSERBASE",
    "TZ",
)


def say_nothing(message: str) -> None:
    """Tell nobody about the progress."""


@dataclass(frozen=True)
class Built:
    """Programs and files that the lab runs on."""

    binaries: Mapping[str, Path]
    gotk_components: Path
    flux_version: str
    built: tuple[str, ...] = ()
    """Groups that were made by this call."""

    def facts(self) -> dict[str, t.Any]:
        """Return what a result tells about the programs."""
        return {
            "binaries": _as_text(self.binaries),
            "gotk_components": str(self.gotk_components),
            "flux_version": self.flux_version,
        }


class Lab:
    """One lab in its folder. Each method may be called at any time, by several processes."""

    def __init__(self, path: str | Path, *, environment: Mapping[str, str] | None = None) -> None:
        self.folder = LabFolder(Path(os.path.abspath(path)))  # noqa: PTH100 - as Ansible's own paths, links are kept
        self.environment = dict(os.environ if environment is None else environment)

    def build(self, progress: Progress = say_nothing, *, components: Sequence[str] = ()) -> Built:
        """Find or build the binaries and manifests, those of extra groups too. Nothing is started."""
        _require_linux()
        builder = Builder(progress, environment=self.environment)
        binaries = builder.binaries(components)
        components_file = manifests.gotk_components(builder, binaries["kubectl"])
        return Built(binaries, components_file, manifests.flux_version(builder), tuple(builder.built))

    def missing(self, *, components: Sequence[str] = ()) -> list[str]:
        """Return what `build` would make."""
        builder = Builder(say_nothing, environment=self.environment)
        missing = [group.name for group in builder.needed(components) if builder.find(group) is None]
        return missing if manifests.cached(builder) else [*missing, manifests.NAME]

    def start(
        self, progress: Progress = say_nothing, *, owner: int | None = None, components: Sequence[str] = ()
    ) -> dict[str, t.Any]:
        """Start the lab unless it runs; a crashed one is cleared away and started again.

        Args:
            progress: takes lines about what is being done.
            owner: id of the process with which the lab shall end.
            components: extra groups to build, as for `build`.

        Returns:
            What the module flux_lab returns.
        """
        began = time.monotonic()
        owner_process = _owner(owner)
        _require_programs(self.environment)
        self._require_plain_path()
        built = self.build(progress, components=components)
        seconds = {"binaries": round(time.monotonic() - began, 2)}
        make_private_directory(str(self.folder.root))
        with self._lock(progress):
            state = State.read(self.folder) if self.is_running() else None
            started = state is None
            if state is None:
                state, report = self._start(built, owner_process, progress)
                seconds |= report.seconds
            elif (settings := Settings.read(self.folder.settings)).binaries != _as_text(built.binaries):
                old = next(name for name, path in settings.binaries.items() if str(built.binaries.get(name)) != path)
                progress(f"lab: still runs {settings.binaries[old]}; stop and start it to have the pinned {old}")
            write_flux_manifests(self.folder, state, built.gotk_components)
        seconds["total"] = round(time.monotonic() - began, 2)
        return {"changed": started or bool(built.built), **self.facts(built, state), "seconds": seconds}

    def stop(self, progress: Progress = say_nothing) -> bool:
        """End the control plane and everything around it; return whether there was anything to end."""
        if not self.folder.root.is_dir():
            return False
        with self._lock(progress):
            return self._clear()

    def is_running(self) -> bool:
        """Tell whether the lab is complete and answers, after waiting for a start or a short trouble to pass."""
        deadline = time.monotonic() + _START_WITHIN
        while (report := Report.read(self.folder.report)) is not None and report.agent.is_alive:
            if report.is_orphaned or report.phase == "failed":
                return False
            if report.phase == "ready":
                if not all(process.is_alive for process in report.processes):
                    return False
                if ControlPlane(self.folder).is_ready():
                    return True
                # Alive but silent: a machine under load is no reason to throw a cluster away.
                deadline = min(deadline, time.monotonic() + _SILENT_FOR)
            if time.monotonic() > deadline:
                return False
            time.sleep(0.1)
        return False

    def status(self) -> dict[str, t.Any]:
        """Return what runs, without waiting or changing anything."""
        report = Report.read(self.folder.report)
        state = State.read(self.folder)
        alive = report is not None and report.agent.is_alive
        result: dict[str, t.Any] = {
            "path": str(self.folder.root),
            "phase": report.phase if report and alive else "stopped",
            "api": alive and ControlPlane(self.folder).is_ready(),
            "git_url": state.git_url if state else None,
            "owner": report.owner.pid if report and alive and report.owner else None,
            "processes": [],
            "controllers": report.controllers if report and alive else [],
        }
        for process in report.everything if report else []:
            found = {"name": process.name, "pid": process.pid, "alive": process.is_alive, "memory": process.memory}
            # Of a stopped lab, only what should have ended and did not is worth a line.
            if alive or found["alive"]:
                result["processes"].append(found)
        return result

    def facts(self, built: Built | None, state: State | None) -> dict[str, t.Any]:
        """Return the paths and addresses that users of the lab need."""
        return {
            "path": str(self.folder.root),
            "kubeconfig": str(self.folder.kubeconfig),
            "git_url": state.git_url if state else None,
            "git_repository": str(self.folder.repository),
            "flux_manifests": str(self.folder.flux_manifests),
            "inventory": str(self.folder.inventory),
            "vault_password_file": str(self.folder.vault_password),
            **(built.facts() if built else {}),
        }

    def _require_plain_path(self) -> None:
        if any(character.isspace() for character in str(self.folder.root)):
            raise LabError(
                "the path of a lab must not contain white space, at which kwokctl would cut it off",
                where=str(self.folder.root),
                hint="give another folder",
            )

    def _start(self, built: Built, owner: Process | None, progress: Progress) -> tuple[State, Report]:
        end_orphans(cache_folder(self.environment))
        self._clear()
        state = prepare(self.folder)
        if not ports.is_free(state.git_port):
            raise ports.port_taken(state.git_port, where=str(self.folder.state))
        try:
            return state, self._come_up(built, owner, state, progress)
        except LabError as error:
            # Under load, what waits for the API server gives up before that one answers.
            progress(f"lab: {error.message}; trying once more")
            return state, self._come_up(built, owner, state, progress)

    def _come_up(self, built: Built, owner: Process | None, state: State, progress: Progress) -> Report:
        _keep_previous(self.folder.logs)
        for folder in (self.folder.run, self.folder.home, self._record.parent):
            make_private_directory(str(folder))
        settings = Settings(
            binaries=_as_text(built.binaries),
            git_port=state.git_port,
            git_password_hash=state.git_password_hash,
            record=str(self._record),
            owner=owner,
        )
        settings.write(self.folder.settings)
        progress("lab: starting the control plane")
        self._spawn()
        return self._await_ready(progress)

    def _spawn(self) -> None:
        """Start the agent as a process that belongs to nobody."""
        environment = {name: self.environment[name] for name in _KEPT_ENVIRONMENT if name in self.environment}
        others = self.environment.get("PYTHONPATH")
        own = str(_import_folder(self.folder))
        environment["PYTHONPATH"] = f"{own}{os.pathsep}{others}" if others else own
        with (self.folder.logs / "agent.log").open("ab") as output:
            outcome = subprocess.run(
                [sys.executable, "-P", "-m", _MODULE, str(self.folder.root)],
                cwd="/",
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                check=False,
            )
        if outcome.returncode != 0:
            raise self._agent_failed()

    def _await_ready(self, progress: Progress) -> Report:
        deadline = time.monotonic() + _START_WITHIN
        silent_until = time.monotonic() + 10
        told: set[str] = set()
        while time.monotonic() < deadline:
            report = Report.read(self.folder.report)
            for name, seconds in report.seconds.items() if report else ():
                if name not in told:
                    told.add(name)
                    progress(f"lab: {name.replace('_', ' ')} after {seconds} s")
            if report is None:
                if time.monotonic() > silent_until:
                    break
            elif report.phase == "ready":
                return report
            elif report.phase == "failed":
                self._clear()
                raise LabError(report.message, where=report.where, hint=report.hint)
            elif not report.agent.is_alive:
                break
            time.sleep(0.02)
        self._clear()
        raise self._agent_failed()

    def _agent_failed(self) -> LabError:
        return LabError("the lab's agent did not come up", hint=f"see {self.folder.logs / 'agent.log'}")

    def _clear(self) -> bool:
        """End what is left of the lab and remove what goes with it; return whether there was anything."""
        report = Report.read(self.folder.report)
        remaining: list[Process] = []
        if report is not None:
            # The agent first: it ends all others, and would start ended controllers again.
            remaining += end([report.agent], grace=_STOP_WITHIN)
            remaining += end(report.controller_processes, grace=_STOP_WITHIN)
        ControlPlane(self.folder).delete(report.processes if report else [])
        if remaining:
            names = ", ".join(f"{process.name} ({process.pid})" for process in remaining)
            raise LabError(f"cannot end {names}", where=str(self.folder.root), hint="end these processes by hand")
        found = self.folder.run.exists() or report is not None
        self.folder.remove_run()
        self._record.unlink(missing_ok=True)
        return found

    @property
    def _record(self) -> Path:
        """The file that names the processes of this lab outside of it."""
        folder = cache_folder(self.environment) / "lab" / "running"
        return folder / f"{hashlib.sha256(str(self.folder.root).encode()).hexdigest()[:16]}.json"

    @contextlib.contextmanager
    def _lock(self, progress: Progress) -> Iterator[None]:
        with self.folder.lock.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress("lab: waiting for another process that starts or stops this lab")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield


def end_orphans(cache: Path) -> None:
    """End what is left of labs that nobody will stop: agent dead, and the owner dead or the folder gone."""
    for record in (cache / "lab" / "running").glob("*.json"):
        report = Report.read(record)
        if report is None or report.agent.is_alive:
            continue
        if report.is_orphaned or not LabFolder(Path(report.folder)).run.is_dir():
            end(report.everything, grace=0)
            LabFolder(Path(report.folder)).remove_run()
            record.unlink(missing_ok=True)


def _import_folder(folder: LabFolder) -> Path:
    """Return a folder from which Python can import this collection, wherever Ansible has found it.

    A regular package, because the one that the package `ansible` brings would win over a mere folder.
    """
    root = folder.run / "python"
    package = root / "ansible_collections" / "fluxseed"
    package.mkdir(parents=True)
    for init in (package.parent / "__init__.py", package / "__init__.py"):
        init.touch()
    (package / "gitops").symlink_to(COLLECTION, target_is_directory=True)
    return root


def _keep_previous(logs: Path) -> None:
    """Put the logs of the run before aside and make room for new ones."""
    previous = logs / "previous"
    shutil.rmtree(previous, ignore_errors=True)
    make_private_directory(str(previous))
    for log in logs.glob("*.log"):
        log.replace(previous / log.name)


def _as_text(binaries: Mapping[str, Path]) -> dict[str, str]:
    return {name: str(path) for name, path in binaries.items()}


def _owner(pid: int | None) -> Process | None:
    if pid is None:
        return None
    owner = Process.observe("owner", pid)
    if owner is None:
        raise InvalidInputError(f"there is no process {pid}", where="owner", hint="give the id of a running process")
    return owner


def _require_linux() -> None:
    if sys.platform != "linux":
        raise LabError(
            f"the lab runs on Linux only, this is {sys.platform}",
            hint="give an inventory with a cluster instead (INVENTORY=...)",
        )


def _require_programs(environment: Mapping[str, str]) -> None:
    for program, package in (("git", "git"), ("setpriv", "util-linux")):
        if shutil.which(program, path=environment.get("PATH", os.defpath)) is None:
            raise MissingLibraryError(f"The program {program}", hint=f"install the package {package}")
