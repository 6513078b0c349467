# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes this one starts, by Python or by a library that Python does not see into."""

from __future__ import annotations

import contextlib
import os
import resource
import sys
import typing as t
from pathlib import Path

_EVENTS = frozenset(
    {"subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty", "os.spawn", "os.exec", "os.system", "pty.spawn"}
)
BY_A_LIBRARY = "by a library"

_watching: list[list[str]] = []


def _hook(event: str, _arguments: tuple[t.Any, ...]) -> None:
    if event in _EVENTS:
        for started in _watching:
            started.append(event)


# A hook cannot be taken away again, so there is one for all.
sys.addaudithook(_hook)


@contextlib.contextmanager
def watched() -> t.Iterator[list[str]]:
    """The events that started a process in this block; at its end also whether one was started that caused none."""
    started: list[str] = []
    before = _children()
    _watching.append(started)
    try:
        yield started
    finally:
        _watching.remove(started)
    if not started and _children() != before:
        started.append(BY_A_LIBRARY)


def _children() -> tuple[int, frozenset[str]]:
    """What the children that were waited for have used, and those that are there, dead or alive: pyrage waits for none."""
    ours = str(os.getpid())
    there = {stat.parent.name for stat in Path("/proc").glob("[0-9]*/stat") if _parent(stat) == ours}
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_minflt, frozenset(there)


def _parent(stat: Path) -> str:
    try:
        return stat.read_text().rpartition(")")[2].split()[1]
    except OSError:
        return "it has ended"
