# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measuring two things in turn, so that a machine whose speed drifts treats both alike."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


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
    command: Sequence[str], *, environment: Mapping[str, str], before: Callable[[], t.Any] = lambda: None
) -> Run:
    """A whole process, from its start to its end; what it prints is thrown away, a failure is an error."""

    def run() -> Sample:
        before()
        start = time.perf_counter()
        child = subprocess.Popen(
            list(command), env=dict(environment), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        _pid, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
        return Sample(seconds, usage.ru_maxrss * 1024)

    return run


def call(function: Callable[[], t.Any], *, times: int = 1) -> Run:
    """A function in this process; the time of one call, averaged over `times`."""

    def run() -> Sample:
        start = time.perf_counter()
        for _turn in range(times):
            function()
        return Sample((time.perf_counter() - start) / times)

    return run
