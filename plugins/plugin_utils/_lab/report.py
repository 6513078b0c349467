# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent of a lab is told, and what it tells: two JSON files that a reader sees whole or not at all.

Private to the collection. No secrets: the password of the Git server appears as a hash.
"""

from __future__ import annotations

import json
import os
import typing as t
from dataclasses import dataclass, field
from pathlib import Path

from .processes import Process


@dataclass(frozen=True)
class Settings:
    """What the agent is to run."""

    binaries: dict[str, str]
    git_port: int
    git_password_hash: str
    record: str
    """File outside of the lab that names what the agent runs, should the lab's folder be lost."""
    owner: Process | None = None

    @classmethod
    def read(cls, path: Path) -> Settings:
        """Read what `write` wrote."""
        content = json.loads(path.read_text())
        owner = content.pop("owner")
        return cls(**content, owner=Process.from_json(owner) if owner else None)

    def write(self, path: Path) -> None:
        """Write the file."""
        owner = self.owner.to_json() if self.owner else None
        write_json(path, {**self.__dict__, "owner": owner})


@dataclass
class Report:
    """What the agent runs, and how far it is."""

    phase: str
    """starting, then ready; failed ends the agent."""
    folder: str
    agent: Process
    owner: Process | None = None
    processes: list[Process] = field(default_factory=list)
    controllers: list[dict[str, t.Any]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    message: str = ""
    hint: str | None = None
    where: str | None = None

    @classmethod
    def read(cls, path: Path) -> Report | None:
        """Read what `write` wrote; None if there is nothing, or nothing that can be read."""
        try:
            content = json.loads(path.read_text())
            return cls(
                **{
                    **content,
                    "agent": Process.from_json(content["agent"]),
                    "owner": Process.from_json(content["owner"]) if content["owner"] else None,
                    "processes": [Process.from_json(process) for process in content["processes"]],
                }
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Write the file."""
        write_json(path, self.to_json())

    def to_json(self) -> dict[str, t.Any]:
        """Return the report as a JSON object."""
        return {
            **self.__dict__,
            "agent": self.agent.to_json(),
            "owner": self.owner.to_json() if self.owner else None,
            "processes": [process.to_json() for process in self.processes],
        }

    @property
    def everything(self) -> list[Process]:
        """All processes of the lab, the agent first."""
        return [self.agent, *self.controller_processes, *self.processes]

    @property
    def controller_processes(self) -> list[Process]:
        """The Flux controllers that run."""
        return [Process.from_json(entry["process"]) for entry in self.controllers if entry["process"]]

    @property
    def is_orphaned(self) -> bool:
        """Whether the process that the lab was started for has ended."""
        return self.owner is not None and not self.owner.is_alive


def write_json(path: Path, content: t.Any) -> None:
    """Replace a file of the owner's in one step. Not synced to disk: after a power cut, nothing it tells is true."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file, indent=1)
    temporary.replace(path)
