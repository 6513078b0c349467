# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make many`: how many clusters one control node carries, measured on labs.

Three labs are seeded side by side, then as many hosts as asked for check one of them, with several numbers of forks.
The cluster is on the same machine and takes its share of it, so a control node of its own does better.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
import typing as t
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from seeds import Seeds, started

BIN = Path(sys.executable).parent
PLAY = """\
- name: Seed the clusters
  hosts: clusters
  gather_facts: false
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    flux_seed_path: clusters/lab
    vault_github_token: "{{ lookup('ansible.builtin.env', 'MANY_PASSWORD_' ~ lab) }}"
    sops_age_private_key: "{{ lookup('ansible.builtin.env', 'MANY_KEY_' ~ lab) }}"
    sops_age_public_key: "{{ many_public_key }}"
  roles:
    - fluxseed.gitops.flux_seed
"""


@dataclass(frozen=True)
class Run:
    """What one play took."""

    hosts: int
    forks: int
    changed: int
    wall: float
    cpu: float
    peak: int
    """Memory of the play and its forks, in bytes; pages that they share count once."""

    def __str__(self) -> str:
        rate = self.hosts * 60 / self.wall
        return (
            f"{self.hosts:4} hosts, {self.forks:3} forks: {self.wall:6.1f} s, {rate:5.0f} hosts a minute, "
            f"{self.cpu / self.hosts:4.2f} s of one core a host, {self.peak >> 20:5} MiB at most, changed={self.changed}"
        )


class Memory(threading.Thread):
    """Samples the memory of a process and its descendants."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid = pid
        self.peak = 0
        self.done = threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        while not self.done.wait(0.3):
            self.peak = max(self.peak, sum(map(proportional, descendants(self.pid))))


def descendants(pid: int) -> Iterator[int]:
    """Yield a process and all below it."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from descendants(int(child))


def proportional(pid: int) -> int:
    """Return the share of a process in memory; none when it has ended meanwhile."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:")), 0)


def play(folder: Path, labs: Sequence[Seeds], hosts: int, forks: int, *arguments: str) -> Run:
    """Run the role on this many hosts, spread over the labs."""
    inventory = {
        f"cluster{number:03}": {
            "lab": number % len(labs),
            "flux_seed_git_url": labs[number % len(labs)].facts["git_url"],
            "flux_seed_kubeconfig": labs[number % len(labs)].facts["kubeconfig"],
            "many_public_key": labs[number % len(labs)].recipient,
        }
        for number in range(hosts)
    }
    (folder / "inventory.json").write_text(json.dumps({"clusters": {"hosts": inventory}}))
    (folder / "play.yml").write_text(PLAY)
    environment = {
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORKS": str(forks),
        "ANSIBLE_DISPLAY_OK_HOSTS": "false",
    }
    environment["PATH"] = f"{BIN}{os.pathsep}{environment['PATH']}"
    environment.pop("KUBECONFIG", None)
    for number, lab in enumerate(labs):
        environment |= {f"MANY_PASSWORD_{number}": lab.password, f"MANY_KEY_{number}": lab.key}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    with (folder / "output.log").open("wb") as output:
        command = [BIN / "ansible-playbook", "-i", folder / "inventory.json", folder / "play.yml", *arguments]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment)
        memory = Memory(process.pid)
        memory.start()
        code = process.wait()
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    memory.done.set()
    memory.join()
    text = (folder / "output.log").read_text()
    if code:
        raise SystemExit(f"the play ended with {code}\n{text[-4000:]}")
    recap = text[text.rindex("PLAY RECAP") :]
    changed = sum(int(line.partition("changed=")[2].split()[0]) for line in recap.splitlines() if "changed=" in line)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(hosts, forks, changed, wall, cpu, memory.peak)


def sentence(runs: Sequence[Run]) -> str:
    """Say what one control node carries."""
    best = min(runs, key=lambda run: run.wall / run.hosts)
    lean, wide = min(runs, key=lambda run: run.forks), max(runs, key=lambda run: run.forks)
    a_fork = (wide.peak - lean.peak) / max(1, wide.forks - lean.forks)
    cpu = best.cpu / best.hosts
    return (
        f"One control node: {cpu:.1f} s of one core for each cluster that is checked or run without a change, so about "
        f"{60 / cpu:.0f} clusters a minute and core; {lean.peak / 2**20:.0f} MiB with {lean.forks} forks, and "
        f"{a_fork / 2**20:.0f} MiB for each fork more."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labs", type=int, default=3, help="labs that are seeded side by side")
    parser.add_argument("--hosts", type=int, default=200, help="hosts of the simulation")
    parser.add_argument(
        "--forks", type=int, nargs="+", default=[5, 20], help="numbers of forks to try, all hosts with the largest"
    )
    wanted = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="fluxseed-many-") as name, ExitStack() as first:
        folder = Path(name)
        labs = [first.enter_context(started(_made(folder / "0")))]
        with ExitStack() as others:
            labs += [others.enter_context(started(_made(folder / str(number)))) for number in range(1, wanted.labs)]
            print(f"== {wanted.labs} labs side by side: from empty clusters, again, and in check mode")
            for more in ((), (), ("--check",)):
                print(play(folder, labs, wanted.labs, wanted.labs, *more), flush=True)
        print(f"== {wanted.hosts} hosts and one API server, in check mode")
        runs: list[t.Any] = []
        for forks in sorted(wanted.forks):
            # All hosts once; for the other numbers of forks a few rounds tell as much.
            hosts = wanted.hosts if forks == max(wanted.forks) else min(wanted.hosts, 4 * forks)
            runs.append(play(folder, labs[:1], hosts, forks, "--check"))
            print(runs[-1], flush=True)
        print(sentence(runs))
    return 0


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


if __name__ == "__main__":
    sys.exit(main())
