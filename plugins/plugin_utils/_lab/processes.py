# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes that outlive the one who started them: told apart by start time, so that a recycled id is never hit.

Private to the collection. Linux only: it reads `/proc`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import time
import typing as t
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True)
class Process:
    """One process: `started` is in clock ticks since boot, `boot` names the boot itself."""

    name: str
    pid: int
    started: int
    boot: str

    @classmethod
    def observe(cls, name: str, pid: int) -> Process | None:
        """Return the process that has this id now; None if there is none, or only its zombie."""
        started = _start_time(pid)
        return None if started is None else cls(name, pid, started, _boot_id())

    @classmethod
    def from_json(cls, value: Mapping[str, t.Any]) -> Process:
        """Read what `to_json` returned."""
        return cls(str(value["name"]), int(value["pid"]), int(value["started"]), str(value["boot"]))

    def to_json(self) -> dict[str, t.Any]:
        """Return the process as a JSON object."""
        return asdict(self)

    @property
    def is_alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        return self.started == _start_time(self.pid) and self.boot == _boot_id()

    @property
    def memory(self) -> int:
        """Resident memory in bytes; 0 for a dead process."""
        if not self.is_alive:
            return 0
        try:
            pages = int((PROC / str(self.pid) / "statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if this very process still runs."""
        if self.is_alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)


def children() -> list[Process]:
    """Return the children of this process, adopted ones included."""
    found = []
    for entry in PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))) is not None and int(fields[1]) == os.getpid():
            process = Process.observe("child", int(entry.name))
            if process is not None:
                found.append(process)
    return found


def mentions(pid: int, text: str) -> bool:
    """Tell whether the command line of a process contains a text, such as the folder it works in."""
    try:
        return text.encode() in (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False


def end(processes: Iterable[Process], *, grace: float) -> list[Process]:
    """Terminate processes, kill those that still run after `grace` seconds, and return what even then is alive."""
    remaining = [process for process in processes if process.is_alive]
    for number, seconds in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
        if number == signal.SIGTERM and not grace:
            continue
        for process in remaining:
            process.send(number)
        deadline = time.monotonic() + seconds
        while remaining and time.monotonic() < deadline:
            for process in remaining:
                _reap(process.pid)
            remaining = [process for process in remaining if process.is_alive]
            if remaining:
                time.sleep(0.01)
    return remaining


def _reap(pid: int) -> None:
    """Take the exit status of a child, so that it does not stay as a zombie; others are no child of ours."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def _start_time(pid: int) -> int | None:
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def _stat(pid: int) -> list[str] | None:
    """Return the fields of a process from its state on."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name of the program stands in parentheses and may itself contain spaces and parentheses.
    return text.rpartition(")")[2].split()


def _boot_id() -> str:
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
