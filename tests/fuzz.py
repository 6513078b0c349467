# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many random documents against sops' own library: `make fuzz N=100000 SEED=0`.

The properties are those of `tests/interop/properties.py`. The first failures of each kind (`--keep`) are made small and
written as `.case` files below the folder for temporary files, with their seeds; the exit code is 1 then.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import re
import sys
import tempfile
import time
import typing as t
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "interop"))

from oracle_tools import find
from properties import Checker
from runs import Failure, case_text, run
from sops_library import Library

SHARES = {"yaml": 40, "json": 20, "ini": 20, "dotenv": 15, "binary": 5}
"""Cases of each store in a hundred."""
BLOCK = 100
FOLDER = Path(tempfile.gettempdir()) / "fluxseed-fuzz"
_TELL = 10.0
_MOST = 20
"""Kinds of failures after which a run ends."""


class Block(t.NamedTuple):
    """Some cases of one store."""

    store: str
    seed: str
    first: int
    count: int

    def seeds(self) -> Iterator[str]:
        return (f"{self.seed}:{number}" for number in range(self.first, self.first + self.count))


class Outcome(t.NamedTuple):
    block: Block
    counts: Counter[str]
    failures: list[Failure]


_checkers: list[Checker] = []
"""The one of this process."""


def begin() -> None:
    """Start the oracle of a worker; it ends with its input."""
    _checkers.append(Checker(Library(find("sops-oracle"))))


def work(block: Block) -> Outcome:
    checker = _checkers[0]
    checker.counts.clear()
    failures = run(checker, block.store, block.seeds())
    return Outcome(block, checker.counts.copy(), failures)


def blocks(stores: list[str], seed: str, cases: int) -> list[Block]:
    """All blocks, the stores mixed so that a short run sees them all."""
    whole = sum(SHARES[store] for store in stores)
    listed: list[tuple[float, Block]] = []
    for store in stores:
        total = round(cases * SHARES[store] / whole)
        starts = range(0, total, BLOCK)
        listed.extend((start / total, Block(store, seed, start, min(BLOCK, total - start))) for start in starts)
    return [block for _place, block in sorted(listed)]


class Report:
    """What was found so far."""

    def __init__(self, cases: int, keep: int) -> None:
        self.cases = cases
        self.most = keep
        self.counts: dict[str, Counter[str]] = {}
        self.failures: dict[tuple[str, str], list[Failure]] = {}
        self.done = 0
        self.started = self.told = time.monotonic()

    def take(self, outcome: Outcome) -> None:
        self.done += outcome.block.count
        self.counts.setdefault(outcome.block.store, Counter()).update(outcome.counts)
        for failure in outcome.failures:
            kept = self.failures.setdefault((outcome.block.store, failure.rule), [])
            if len(kept) < self.most:
                kept.append(failure)
                self.keep(failure)
        if time.monotonic() - self.told > _TELL:
            self.told = time.monotonic()
            print(f"fuzz: {self.line()}", flush=True)

    def keep(self, failure: Failure) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W+", "-", f"{failure.document.store}-{failure.rule}-{failure.seed}")
        path = FOLDER / f"{name}.case"
        path.write_text(case_text(failure), "ascii")
        print(f"fuzz: MISMATCH in {failure.document.store}, seed {failure.seed}: {failure.message[:500]}", flush=True)
        print(f"fuzz: written to {path}", flush=True)

    def line(self) -> str:
        rate = self.done / max(time.monotonic() - self.started, 0.001)
        return f"{self.done:,} of {self.cases:,} cases, {rate:.0f} per second, {len(self.failures)} kinds of mismatches"

    def summary(self) -> str:
        lines = [f"fuzz: {self.line()}, {time.monotonic() - self.started:.0f} s"]
        for store, counts in self.counts.items():
            lines.append(f"{store}:")
            lines.extend(f"  {count:8,} {what}" for what, count in counts.most_common())
        return "\n".join(lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", default="0")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--store", action="append", choices=tuple(SHARES), help="only this one; may be given again")
    parser.add_argument("--skip", type=int, default=0, help="leave out so many cases, which an earlier run has done")
    parser.add_argument("--keep", type=int, default=3, help="documents to write out for each kind of failure")
    parser.add_argument("--minutes", type=float, help="end after this time, however many cases were done")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    program = find("sops-oracle")
    todo = blocks(options.store or list(SHARES), options.seed, options.cases)[options.skip // BLOCK :]
    report = Report(sum(block.count for block in todo), options.keep)
    print(f"fuzz: {report.cases:,} cases, seed {options.seed}, {options.jobs} jobs, {program}", flush=True)
    limit = report.started + options.minutes * 60 if options.minutes else None
    context = multiprocessing.get_context("spawn")
    with context.Pool(options.jobs, begin) as pool:
        try:
            for outcome in pool.imap_unordered(work, todo):
                report.take(outcome)
                if len(report.failures) >= _MOST or (limit is not None and time.monotonic() > limit):
                    break
        except KeyboardInterrupt:
            print(f"fuzz: stopped; go on with --skip {(options.skip + report.done) // 1000 * 1000}", flush=True)
        pool.terminate()
    print(report.summary(), flush=True)
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
