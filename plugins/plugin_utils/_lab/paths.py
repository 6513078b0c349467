# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the lab keeps what: its folder, the cache shared by all labs, and the sources of its binaries.

Private to the collection.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

COLLECTION = Path(__file__).resolve().parents[3]
"""Root of the collection, in a checkout as well as installed."""

SOURCES = COLLECTION / "lab"
"""Pins and own Go sources of the binaries."""


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """Return the folder for what is built or downloaded once: `FLUXSEED_CACHE`, else below `XDG_CACHE_HOME`."""
    environment = os.environ if environment is None else environment
    if environment.get("FLUXSEED_CACHE"):
        return Path(environment["FLUXSEED_CACHE"]).expanduser().absolute()
    if environment.get("XDG_CACHE_HOME"):
        return Path(environment["XDG_CACHE_HOME"]).absolute() / "fluxseed"
    home = Path(environment["HOME"]) if environment.get("HOME") else Path.home()
    return home / ".cache" / "fluxseed"


@dataclass(frozen=True)
class LabFolder:
    """The files of one lab. All of `run` goes with the control plane; the rest stays until somebody removes it."""

    root: Path

    @property
    def lock(self) -> Path:
        """Held while the lab is started or stopped."""
        return self.root / ".lock"

    @property
    def state(self) -> Path:
        """What stays over a rebuild: the Git port and the hash of the Git password."""
        return self.root / "state.json"

    @property
    def vault_password(self) -> Path:
        """Password of the Vault file, made once."""
        return self.root / "vault-password"

    @property
    def inventory(self) -> Path:
        """Inventory folder with the lab as its only cluster."""
        return self.root / "inventory"

    @property
    def hosts(self) -> Path:
        """The inventory file."""
        return self.inventory / "hosts.yml"

    @property
    def secrets(self) -> Path:
        """Variables of the lab in one Ansible Vault file."""
        return self.inventory / "group_vars" / "all" / "secrets.yml"

    @property
    def git(self) -> Path:
        """Folder served by the Git server."""
        return self.root / "git"

    @property
    def repository(self) -> Path:
        """The bare repository: pushed to by path, read over HTTP."""
        return self.git / "lab.git"

    @property
    def flux_manifests(self) -> Path:
        """The files of Flux for a repository of this lab."""
        return self.root / "flux-system"

    @property
    def kubeconfig(self) -> Path:
        """Administrator's access to the API server, as long as there is one."""
        return self.root / "kubeconfig"

    @property
    def logs(self) -> Path:
        """Logs of the last run; those of the run before stand in `previous`."""
        return self.root / "logs"

    @property
    def run(self) -> Path:
        """Everything that is deleted with the control plane."""
        return self.root / "run"

    @property
    def settings(self) -> Path:
        """What the agent is to run, written by the one who starts it."""
        return self.run / "settings.json"

    @property
    def report(self) -> Path:
        """What the agent runs, written by the agent."""
        return self.run / "agent.json"

    @property
    def kwok(self) -> Path:
        """Work folder of kwokctl."""
        return self.run / "kwok"

    @property
    def cluster(self) -> Path:
        """Folder of the control plane: certificates, process ids, logs and the data of etcd."""
        return self.kwok / "clusters" / "lab"

    @property
    def home(self) -> Path:
        """An empty home folder for programs that would otherwise look into the user's."""
        return self.run / "home"

    def remove_run(self, *, keep_report: bool = False) -> None:
        """Remove all that goes with the control plane; `keep_report` leaves the agent's last words."""
        self.kubeconfig.unlink(missing_ok=True)
        if keep_report and self.run.is_dir():
            for entry in self.run.iterdir():
                if entry.is_dir() and not entry.is_symlink():
                    shutil.rmtree(entry, ignore_errors=True)
                elif entry != self.report:
                    entry.unlink(missing_ok=True)
        else:
            shutil.rmtree(self.run, ignore_errors=True)
