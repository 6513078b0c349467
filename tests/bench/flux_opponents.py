# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Others that bring the same objects into the same cluster: kubectl, and the module kubernetes.core.k8s."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import yaml
from flux_lab import FIRST, NAMESPACE, PART_OF, SYNC, FluxLab
from services import environment

REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements" / "bench-opponent.txt"
PATIENCE = 30
"""Seconds that `kubectl wait` is given; it has no other way to end where something has failed."""
PLAY = """\
- hosts: localhost
  gather_facts: false
  vars:
    ansible_connection: local
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    manifests: "{{ lookup('ansible.builtin.file', 'manifests.json') | from_json }}"
    secrets: "{{ lookup('ansible.builtin.env', 'BENCH_SECRETS') | from_json }}"
  tasks:
    - name: Apply what Flux is started with
      kubernetes.core.k8s:
        kubeconfig: "{{ lookup('ansible.builtin.env', 'BENCH_KUBECONFIG') }}"
        definition: "{{ item }}"
      loop: "{{ manifests + secrets['items'] }}"
      loop_control:
        label: "{{ item.kind }} {{ item.metadata.name }}"
"""


class Kubectl:
    """The commands of a person with the same files."""

    def __init__(self, lab: FluxLab, folder: Path) -> None:
        facts = lab.seeds.facts
        self._command = [facts["binaries"]["kubectl"], "--kubeconfig", facts["kubeconfig"]]
        self._folder = folder
        first = [item for item in lab.manifests if item["kind"] in FIRST]
        rest = [item for item in lab.manifests if item["kind"] not in (*FIRST, *SYNC)]
        for name, items in (("definitions", first), ("components", rest), ("sync", lab.of_sync)):
            (folder / f"{name}.yaml").write_text(yaml.dump_all(items, Dumper=yaml.CSafeDumper))

    def stages(self) -> list[str]:
        """Return the command that applies the files stage by stage, as our run does; the Secrets come from the environment."""
        apply = ["apply", "--server-side", "--field-manager=kubectl-flux-seed", "--filename"]
        return self._shell(
            self._line(*apply, str(self._folder / "definitions.yaml")),
            self._line("wait", "--for=condition=Established", "crd", "--selector", PART_OF),
            'printf %s "$BENCH_SECRETS" | ' + self._line(*apply, "-"),
            self._line(*apply, str(self._folder / "components.yaml")),
            self._line(*apply, str(self._folder / "sync.yaml")),
        )

    def wait(self, name: str) -> list[str]:
        """Return the command that waits for a Kustomization, which has failed and stays so, until its time is over."""
        where = ("--namespace", NAMESPACE.name, f"--timeout={PATIENCE}s")
        line = self._line("wait", "--for=condition=Ready", f"kustomization/{name}", *where)
        return self._shell(f"! {line} 2>/dev/null")

    def shown(self, command: list[str]) -> tuple[str, ...]:
        """Return the lines of a command with short names, the same on every machine."""
        lines = command[-1].replace(shlex.join(self._command), "kubectl").replace(f"{self._folder}/", "")
        return tuple(lines.removeprefix("! ").removesuffix(" 2>/dev/null").split(" &&\n"))

    def _line(self, *words: str) -> str:
        return shlex.join([*self._command, *words])

    def _shell(self, *lines: str) -> list[str]:
        return ["sh", "-c", " &&\n".join(lines)]


def kubernetes_core(lab: FluxLab, folder: Path) -> list[str]:
    """Return the command that runs kubernetes.core.k8s for each object; its Ansible has an environment of its own."""
    (folder / "manifests.json").write_text(json.dumps(lab.manifests))
    (folder / "loop.yml").write_text(PLAY)
    return [str(environment(REQUIREMENTS) / "bin" / "ansible-playbook"), "-i", "localhost,", str(folder / "loop.yml")]


def version() -> str:
    """Return the version of the package `ansible`, which brings kubernetes.core."""
    return next(line for line in REQUIREMENTS.read_text().splitlines() if line.startswith("ansible==")).rpartition("=")[
        2
    ]
