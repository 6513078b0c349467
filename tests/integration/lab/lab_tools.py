# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands and eyes for the tests of the lab: its kubectl, its Git, and the processes of the machine."""

from __future__ import annotations

import json
import os
import subprocess
import time
import typing as t
from collections.abc import Callable
from pathlib import Path

from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.lab import Lab
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._vault import VaultFile

GIT_ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "a",
    "GIT_AUTHOR_EMAIL": "a@example.org",
    "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@example.org",
}


class RunningLab:
    """A lab together with what its start returned."""

    def __init__(self, lab: Lab, facts: dict[str, t.Any]) -> None:
        self.lab = lab
        self.facts = facts

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Run the lab's kubectl and return what it prints."""
        done = subprocess.run(
            [self.facts["binaries"]["kubectl"], "--kubeconfig", self.facts["kubeconfig"], *arguments],
            input=stdin,
            env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def get(self, *arguments: str) -> t.Any:
        """Read an object of the cluster."""
        return json.loads(self.kubectl("get", "-o", "json", *arguments))

    @property
    def token(self) -> str:
        """The password for Git."""
        return token_of(self.lab)

    def url(self, password: str) -> str:
        """URL of the repository with a credential in it."""
        return str(self.facts["git_url"]).replace("://", f"://git:{password}@")

    def controller(self, name: str) -> dict[str, t.Any] | None:
        """What the kubelet tells about a controller, while its process runs."""
        for entry in self.lab.status()["controllers"]:
            if entry["name"] == name and entry["process"]:
                return t.cast("dict[str, t.Any]", entry)
        return None

    def pid(self, name: str) -> int | None:
        """Id of the process of a controller."""
        entry = self.controller(name)
        return entry["process"]["pid"] if entry else None


def token_of(lab: Lab) -> str:
    """The password for Git, read as a play reads it."""
    file = VaultFile.with_password_file(str(lab.folder.secrets), str(lab.folder.vault_password))
    return str(file.read()["vault_github_token"])


def git(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run git without anybody's configuration."""
    command = ["git", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=GIT_ENVIRONMENT, capture_output=True, text=True, timeout=30, check=False
    )


def commit(folder: Path, files: dict[str, str]) -> str:
    """Make a work tree with one commit of these files and return its id."""
    if not (folder / ".git").is_dir():
        assert git("init", "-q", "-b", "main", folder).returncode == 0
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    assert git("add", "-A", cwd=folder).returncode == 0
    assert git("commit", "-q", "-m", "x", cwd=folder).returncode == 0
    return git("rev-parse", "HEAD", cwd=folder).stdout.strip()


def until(question: Callable[[], t.Any], seconds: float = 20) -> t.Any:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)
    return answer


def processes_of(folder: Path) -> dict[int, str]:
    """All processes that have the folder in their command line or environment; zombies have neither."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if f"{folder}/".encode() in text or f"{folder}\0".encode() in text:
            found[int(entry.name)] = text.split(b"\0")[0].decode()
    return found


def is_gone(folder: Path) -> bool:
    """Whether no process works in the folder any more."""
    return not processes_of(folder)


def listening(pids: t.Iterable[int]) -> list[tuple[str, int]]:
    """Addresses and ports on which processes listen, IPv4 and IPv6, TCP."""
    inodes = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                address, _separator, port = fields[1].partition(":")
                found.append((address, int(port, 16)))
    return found
