# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make torture`: the seed is killed at every write request, and the next run has to finish it.

For each n the process that seeds is killed (SIGKILL) as soon as its n-th write request has been answered, on an empty
cluster; then a second run, left alone, has to bring everything, and a third one has nothing to do. A kill before the
answer is the same to the cluster as a kill after it, or as one at n - 1.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "integration"))

from seeds import Seeds, started

from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.connection import Connection

WRITES = frozenset({"PATCH", "POST", "PUT", "DELETE"})


class Killing:
    """A connection that ends its process with the n-th write."""

    def __init__(self, real: Connection, last: int) -> None:
        self._real, self._left, self._lock = real, last, threading.Lock()

    def __getattr__(self, name: str) -> t.Any:
        return getattr(self._real, name)

    def request(self, method: str, path: str, **how: t.Any) -> dict[str, t.Any]:
        """Pass a request on, and end here if it was the one."""
        answer = self._real.request(method, path, **how)
        if method in WRITES and "dryRun" not in (how.get("query") or {}) and "selfsubject" not in path:
            with self._lock:
                self._left -= 1
                if self._left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        return answer


def child(arguments: argparse.Namespace) -> int:
    """Seed once, in this process, which may not survive it."""
    described = json.loads(sys.stdin.read())
    seeds = Seeds(Path(described["folder"]), described["facts"], *described["secrets"])
    connect = t.cast("t.Callable[[], Connection]", lambda: Killing(seeds.connect(), arguments.kill))
    found = seeds.seed(connect)
    print(json.dumps({"changed": found["changed"], "proven": found["secrets"]["proven"]}))
    return 0


def seeded_by_child(seeds: Seeds, kill: int) -> int:
    """Run the seed in a process of its own and return how it ended."""
    secrets = [seeds.password, seeds.key, seeds.recipient]
    described = json.dumps({"folder": str(seeds.folder), "facts": seeds.facts, "secrets": secrets})
    command = [sys.executable, __file__, "--kill", str(kill)]
    return subprocess.run(command, input=described, text=True, stdout=subprocess.DEVNULL, check=False).returncode


def torture(first: int, last: int) -> int:
    """Kill at each n of a range, or until a run has fewer writes than that."""
    seconds, failed, done = [], [], 0
    with tempfile.TemporaryDirectory(prefix="fluxseed-torture-") as name, started(Path(name) / "work") as seeds:
        for number in range(first, last + 1):
            if number > first:
                seeds.reset()
            code = seeded_by_child(seeds, number)
            if code == 0:
                print(f"{number}: the run ends by itself before its {number}th write")
                break
            began = time.monotonic()
            healed = seeds.seed()
            seconds.append(time.monotonic() - began)
            again = seeds.seed()
            objects = {kind: len(entries) for kind, entries in healed["objects"].items()}
            good = code == -signal.SIGKILL and healed["secrets"]["proven"] == 1 and not again["changed"]
            done += 1
            failed += [] if good else [number]
            print(f"{number}: {'healed' if good else 'NOT HEALED'} in {seconds[-1]:.1f} s {objects}", flush=True)
    if seconds:
        print(f"killed at {done} writes, {done - len(failed)} healed; median {statistics.median(seconds):.1f} s")
    return 1 if failed or not seconds else 0


def main() -> int:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--last", type=int, default=1000)
    parser.add_argument("--kill", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    return child(arguments) if arguments.kill else torture(arguments.first, arguments.last)


if __name__ == "__main__":
    sys.exit(main())
