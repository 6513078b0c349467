# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring two things in turn, so that a machine whose speed drifts treats both alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Sample:
    """One run."""

    seconds: float
    memory: int = 0
    """Peak of the process in bytes, 0 if it was not a process of its own."""


@dataclass(frozen=True)
class Figures:
    """The runs of one contestant."""

    samples: tuple[Sample, ...]

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(sample.seconds for sample in self.samples)

    @property
    def spread(self) -> tuple[float, float]:
        """Fastest and slowest run in seconds."""
        seconds = [sample.seconds for sample in self.samples]
        return min(seconds), max(seconds)

    @property
    def memory(self) -> int:
        """Median of the peaks in bytes."""
        return int(statistics.median(sample.memory for sample in self.samples))


@dataclass(frozen=True)
class Pair:
    """Ours and theirs, run in turn."""

    ours: Figures
    theirs: Figures

    @property
    def ratio(self) -> float:
        """How many times ours is faster: the median of the ratios run by run."""
        pairs = zip(self.ours.samples, self.theirs.samples, strict=True)
        return statistics.median(theirs.seconds / ours.seconds for ours, theirs in pairs)


@dataclass(frozen=True)
class Result:
    """One row of the table."""

    case: str
    opponent: str
    reached: float
    """How many times faster; for the other kinds the figure itself."""
    wanted: float
    kind: str = "faster"
    """`faster`: at least `wanted` times; `limit`: at most `wanted` seconds; `growth` and `count`: at most `wanted`."""
    ours: Figures | None = None
    theirs: Figures | None = None
    memory_counts: bool = False
    commands: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the row is reached."""
        if self.kind != "faster":
            return self.reached <= self.wanted
        return self.reached >= self.wanted and (not self.memory_counts or self.memory_ratio <= 1)

    @property
    def memory_ratio(self) -> float:
        """Our peak memory over theirs."""
        if self.ours is None or self.theirs is None or not self.theirs.memory:
            return 0.0
        return self.ours.memory / self.theirs.memory


Run = Callable[[], Sample]


def in_turn(ours: Run, theirs: Run, *, runs: int) -> Pair:
    """Measure both `runs` times after one run of each that does not count."""
    ours()
    theirs()
    samples = [(ours(), theirs()) for _turn in range(runs)]
    return Pair(Figures(tuple(pair[0] for pair in samples)), Figures(tuple(pair[1] for pair in samples)))


def alone(run: Run, *, runs: int) -> Figures:
    """Measure one thing `runs` times after a run that does not count."""
    run()
    return Figures(tuple(run() for _turn in range(runs)))


def process(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    before: Callable[[], t.Any] = lambda: None,
    expected: str = "",
    weighed: bool = True,
) -> Run:
    """A whole process, from its start to its end; a failure is an error.

    What it prints is thrown away, or has to hold what is `expected`. Its memory means nothing where this process is bigger.
    """

    def run() -> Sample:
        before()
        with tempfile.TemporaryFile() if expected else Path(os.devnull).open("wb") as output:
            start = time.perf_counter()
            child = subprocess.Popen(list(command), env=dict(environment), stdin=subprocess.DEVNULL, stdout=output)
            _pid, status, usage = os.wait4(child.pid, 0)
            seconds = time.perf_counter() - start
            child.returncode = os.waitstatus_to_exitcode(status)
            printed = os.pread(output.fileno(), 1 << 20, 0).decode(errors="replace") if expected else ""
        if child.returncode or expected not in printed:
            raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}\n{printed[-2000:]}")
        return Sample(seconds, usage.ru_maxrss * 1024 if weighed else 0)

    return run


def call(function: Callable[[], t.Any], *, times: int = 1) -> Run:
    """A function in this process; the time of one call, averaged over `times`."""

    def run() -> Sample:
        start = time.perf_counter()
        for _turn in range(times):
            function()
        return Sample((time.perf_counter() - start) / times)

    return run
