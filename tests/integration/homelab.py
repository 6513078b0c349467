# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A homelab of its own for a story: a lab, its inventory and repository, driven as a person would."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True)
class Outcome:
    """What a command printed and how it ended."""

    code: int
    output: str

    @property
    def changed(self) -> int:
        """Sum of `changed=` over the hosts of the recap."""
        return sum(int(number) for number in re.findall(r"changed=(\d+)", self.output))


@dataclass
class Homelab:
    """A lab folder, and the commands of README on it."""

    folder: Path
    bin: Path = Path(sys.executable).parent
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def lab(self) -> Path:
        """The folder that `make` calls `.lab`."""
        return self.folder / ".lab"

    @property
    def repository(self) -> Path:
        """Work tree of the sample repository."""
        return self.lab / "repository"

    def run(self, *command: str | Path, check: bool = True, timeout: float = 240) -> Outcome:
        """Run a command in the folder; with `check` a failure fails the test and shows the output."""
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "false", **self.environment}
        environment["PATH"] = f"{self.bin}{os.pathsep}{environment['PATH']}"
        environment.pop("KUBECONFIG", None)
        done = subprocess.run(
            [str(word) for word in command],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
        outcome = Outcome(done.returncode, done.stdout.decode(errors="replace"))
        if check and outcome.code != 0:
            raise AssertionError(f"{command[0]} ended with {outcome.code}\n{outcome.output}")
        return outcome

    def flux_lab(self, state: str) -> Outcome:
        """Call the module as `make apply` and `make destroy` do; the lab ends with this test run."""
        options = {"state": state, "path": str(self.lab), "owner": os.getpid()}
        return self.run(
            self.bin / "ansible", "localhost", "-c", "local", "-i", "localhost,", "-m", "fluxseed.gitops.flux_lab",
            "-a", json.dumps(options),
        )  # fmt: skip

    def playbook(self, playbook: str | Path, *arguments: str | Path, check: bool = True) -> Outcome:
        """Run a playbook with the inventory and the vault password of the lab."""
        return self.run(*self.playbook_command(playbook), *arguments, check=check)

    def playbook_command(self, playbook: str | Path) -> list[str | Path]:
        """Return the command that `make provision` uses on the lab."""
        return [
            self.bin / "ansible-playbook", "-i", self.lab / "inventory", "--vault-password-file", self.lab / "vault-password",
            playbook,
        ]  # fmt: skip

    def provision(self, *arguments: str, check: bool = True) -> Outcome:
        """`make provision` on a started lab."""
        return self.playbook("fluxseed.gitops.provision", *arguments, check=check)

    def kubectl(self, *arguments: str) -> str:
        """Ask the cluster with somebody else's program."""
        return self.run(
            self.status()["binaries"]["kubectl"], "--kubeconfig", self.lab / "kubeconfig", *arguments
        ).output

    def status(self) -> dict[str, t.Any]:
        """Facts of the running lab, as the module returns them."""
        output = self.flux_lab("started").output
        return t.cast("dict[str, t.Any]", json.loads(output[output.index("{") :]))

    def secrets(self) -> dict[str, dict[str, str]]:
        """Values of all Secrets that Flux applied, by namespace/name."""
        found = json.loads(
            self.kubectl("get", "secrets", "-A", "-l", "kustomize.toolkit.fluxcd.io/name", "-o", "json")
        )["items"]
        return {
            f"{secret['metadata']['namespace']}/{secret['metadata']['name']}": {
                key: base64.b64decode(value).decode() for key, value in secret["data"].items()
            }
            for secret in found
        }

    def git(self, *arguments: str) -> str:
        """Run git in the sample repository."""
        identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgSign=false"]
        return self.run("git", "-C", self.repository, *identity, *arguments).output.strip()

    def publish(self, message: str) -> str:
        """Commit everything and push it; return the commit."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", self.status()["git_repository"], "HEAD:refs/heads/main")
        return self.git("rev-parse", "HEAD")

    def written(self) -> int:
        """Number of write requests, dry runs left out, that a person's tools (not the cluster itself) made so far."""
        count = 0
        for line in (self.lab / "logs" / "audit.log").read_text().splitlines():
            event = json.loads(line)
            if (
                event["verb"] in WRITES
                and event["stage"] == "ResponseComplete"
                and "dryRun=" not in event["requestURI"]
                and event.get("userAgent", "").startswith("fluxseed")
            ):
                count += 1
        return count
