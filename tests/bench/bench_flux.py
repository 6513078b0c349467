# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeding beside kubectl and kubernetes.core, on one lab with its real API server and controllers."""

from __future__ import annotations

import datetime as dt
import functools
import os
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import bench_flux_preflight
import flux_opponents
from flux_lab import Bystander, FluxLab, flux_lab
from flux_opponents import Kubectl
from measure import Figures, Result, Run, Sample, alone, in_turn
from measure import process as weighed_process

BIN = Path(sys.executable).parent
IN_PLACE = "changed=0 "
"""What the recap of a play says when nothing was to be done."""
PLAY = """\
- hosts: localhost
  gather_facts: false
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - name: Seed Flux
      fluxseed.gitops.flux_seed:
        kubeconfig: "{{ lookup('ansible.builtin.env', 'BENCH_KUBECONFIG') }}"
        source:
          url: "{{ lookup('ansible.builtin.env', 'BENCH_URL') }}"
          path: clusters/lab
        git_credentials:
          password: "{{ lookup('ansible.builtin.env', 'BENCH_PASSWORD') }}"
        decryption_keys:
          - content: "{{ lookup('ansible.builtin.env', 'BENCH_KEY') }}"
"""

process = functools.partial(weighed_process, weighed=False)


def rows(folder: Path, runs: int) -> Iterator[Result]:
    """Measure; what needs the cluster runs a third as often, but three times at least."""
    yield bench_flux_preflight.run(runs)
    (folder / "lab").mkdir()
    with flux_lab(folder / "lab") as lab:
        bench = FluxBench(folder, lab, max(3, runs // 3))
        yield bench.empty_cluster()
        found = lab.seed()
        if found.get("failed"):
            raise RuntimeError(f"the cluster cannot be seeded: {found['msg']}")
        yield from bench.no_change()
        yield bench.requests()
        yield bench.failure()


class FluxBench:
    """The measurements on one lab."""

    def __init__(self, folder: Path, lab: FluxLab, runs: int) -> None:
        self.folder = folder
        self.lab = lab
        self.runs = runs
        self.kubectl = Kubectl(lab, folder)
        # Bytecode is written and used, as in any installation.
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_LOCALHOST_WARNING": "false",
            # In favour of the opponent: modules go through a pipe and not through files.
            "ANSIBLE_PIPELINING": "true",
            **lab.environment,
        }
        (folder / "seed.yml").write_text(PLAY)

    @property
    def objects(self) -> int:
        """How many objects a run looks at, with the two Secrets that are not in Git."""
        return len(self.lab.manifests) + len(self.lab.secrets)

    def empty_cluster(self) -> Result:
        """From nothing to the last write: the same objects in the same stages, in whole processes.

        Ours fetches the repository and does its preflight in that time.
        """
        script = Path(__file__).with_name("seed_without_pods.py")
        ours, theirs = [sys.executable, str(script)], self.kubectl.stages()
        with self.lab.without_pods():
            pair = in_turn(
                process(ours, environment=self.environment, before=self.lab.clear),
                process(theirs, environment=self.environment, before=self.lab.clear),
                runs=self.runs,
            )
            self.lab.clear()
        components = len(self.lab.manifests) - len(self.lab.of_sync)
        return Result(
            f"seed an empty cluster with the {components} objects of flux install, without waiting for Pods",
            "kubectl apply --server-side, the same files in the same stages",
            pair.ratio,
            1.0,
            "faster",
            pair.ours,
            pair.theirs,
            commands=("python seed_without_pods.py", *self.kubectl.shown(theirs)),
        )

    def no_change(self) -> Iterator[Result]:
        """A cluster that has everything already: the whole play, the task in it, and the call alone."""
        ours = [str(BIN / "ansible-playbook"), "-i", "localhost,", str(self.folder / "seed.yml")]
        theirs = flux_opponents.kubernetes_core(self.lab, self.folder)
        play = alone(process(ours, environment=self.environment, expected=IN_PLACE), runs=self.runs)
        # A minute each, and a round per object, so that once is enough.
        loop = Figures((process(theirs, environment=self.environment, expected=IN_PLACE)(),))
        yield Result(
            f"run without a change, {self.objects} objects, as a play",
            f"a play with a loop of kubernetes.core.k8s (ansible {flux_opponents.version()})",
            loop.median / play.median,
            5.0,
            "faster",
            play,
            loop,
            commands=("ansible-playbook -i localhost, seed.yml", "ansible-playbook -i localhost, loop.yml"),
        )
        task = alone(self._task(ours), runs=self.runs)
        yield Result("the task flux_seed in that play, as Ansible times it", "-", task.median, 1.5, "limit", task)
        called = alone(self._called(), runs=self.runs)
        yield Result("the same call in a warm process", "-", called.median, 1.5, "limit", called)

    def _task(self, play: list[str]) -> Run:
        reports = self.folder / "reports"
        timed = {"ANSIBLE_CALLBACKS_ENABLED": "ansible.builtin.junit", "JUNIT_OUTPUT_DIR": str(reports)}
        whole = process(play, environment={**self.environment, **timed}, expected=IN_PLACE)

        def run() -> Sample:
            whole()
            (report,) = reports.iterdir()
            (case,) = ET.parse(report).iter("testcase")  # noqa: S314 - Ansible wrote it a moment ago
            report.unlink()
            return Sample(float(case.attrib["time"]))

        return run

    def _called(self) -> Run:
        def run() -> Sample:
            began = time.perf_counter()
            self.lab.again()
            return Sample(time.perf_counter() - began)

        return run

    def requests(self) -> Result:
        """What the API server has in its audit log: a dry run of each manifest, and thirty requests for all the rest."""
        began = dt.datetime.now(dt.UTC)
        found = self.lab.again()
        asked, proven = len(self.lab.seeds.requests(began)), found["secrets"]["proven"]
        return Result(
            f"requests of a run without a change, {len(self.lab.manifests)} manifests, besides {proven} for the proof",
            "-",
            asked - proven,
            len(self.lab.manifests) + 30,
            "count",
        )

    def failure(self) -> Result:
        """From the moment at which a bystander sees a Kustomization fail until our run has ended and told why."""
        samples = []
        for _turn in range(self.runs):
            self.lab.break_apps()
            with Bystander(self.lab.seeds, "apps") as bystander:
                found = self.lab.seed()
                ended = time.perf_counter()
            if "apps" not in str(found.get("msg")) or bystander.seen is None:
                raise RuntimeError(f"a broken Kustomization was not told: {found.get('msg')}")
            samples.append(Sample(ended - bystander.seen))
            if len(samples) < self.runs:
                self.lab.mend_apps()
        command = self.kubectl.wait("apps")
        waited = Figures((process(command, environment=self.environment)(),))
        ours = Figures(tuple(samples))
        return Result(
            "a Kustomization has failed: until that is reported",
            "kubectl wait, until its time is over",
            ours.median,
            5.0,
            "limit",
            ours,
            waited,
            commands=self.kubectl.shown(command),
        )
