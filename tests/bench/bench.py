# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make bench`: the engines beside sops, a plain YAML load, kubectl and kubernetes.core, in one run.

Writes the table to docs/benchmarks.md and the plot to docs/benchmarks.svg. Ends with 1 if a row is not reached.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench_cases import Bench
from measure import Result

ROOT = Path(__file__).resolve().parents[2]


PARTS = ("processes", "many", "calls", "keys", "flux")
"""In this order, because of the memory (see bench_cases)."""


def main() -> int:
    """Measure, print, write the documents."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15, help="counted runs of each command (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "docs", help="folder for the table and the plot")
    parser.add_argument("--only", choices=PARTS, help="one part of the measurements; nothing is written then")
    options = parser.parse_args()
    results: list[Result] = []
    for result in _results(PARTS if options.only is None else (options.only,), options.runs):
        _take(result, results)
    if options.only is None:
        from bench_report import write

        write(results, options.output, runs=options.runs, machine=_machine())
        print(f"written: {options.output / 'benchmarks.md'} and benchmarks.svg")
    missed = [result.case for result in results if not result.holds]
    for case in missed:
        print(f"not reached: {case}")
    return 1 if missed else 0


def _results(parts: Sequence[str], runs: int) -> Iterator[Result]:
    with tempfile.TemporaryDirectory(prefix="fluxseed-bench-") as folder:
        if set(parts) & {"processes", "many", "calls"}:
            sops, age_keygen = _oracle("sops"), _oracle("age-keygen")
            bench = Bench(Path(folder), sops, *_key_pair(age_keygen), runs)
            if "processes" in parts:
                yield from bench.processes()
            if "many" in parts:
                yield bench.many_files()
            if "calls" in parts:
                yield from bench.in_process()
        if "keys" in parts:
            import bench_keys_age
            import bench_keys_kms
            import bench_keys_pgp

            for kind in (bench_keys_age, bench_keys_pgp, bench_keys_kms):
                yield from kind.run(runs)
        if "flux" in parts:
            from bench_flux import rows

            yield from rows(Path(folder), runs)


def _oracle(name: str) -> Path:
    """Ask another process, so that this one stays small (see bench_cases)."""
    code = (
        "from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.build import oracle;"
        f"print(oracle({name!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    return Path(done.stdout.strip().splitlines()[-1])


def _key_pair(age_keygen: Path) -> tuple[str, str]:
    done = subprocess.run([str(age_keygen)], check=True, capture_output=True, text=True)
    private = done.stdout.strip().splitlines()[-1]
    public = next(line.rpartition(" ")[2] for line in done.stdout.splitlines() if "public key" in line)
    return private, public


def _take(result: Result, results: list[Result]) -> None:
    from bench_report import line

    print(line(result), flush=True)
    for command in result.commands:
        print(f"      $ {command}", flush=True)
    results.append(result)


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


if __name__ == "__main__":
    sys.exit(main())
