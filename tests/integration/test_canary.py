# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The private key and the Git token are looked for wherever they must not be."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml
from homelab import Homelab

pytestmark = pytest.mark.lab


class Watch(threading.Thread):
    """Samples the arguments of all processes, and the files of Ansible's temporary folders, while a play runs.

    What it saw is kept; a secret that is only known later can be looked for in it.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        super().__init__(daemon=True)
        self.folders = list(folders)
        self.seen: dict[str, set[bytes]] = {}
        self.done = threading.Event()

    def run(self) -> None:
        """Look around until told to stop."""
        while not self.done.wait(0.02):
            for process in Path("/proc").glob("[0-9]*"):
                self.look(f"arguments of {process.name}", process / "cmdline")
            for folder in self.folders:
                for path in files_below(folder):
                    self.look(str(path), path)

    def look(self, name: str, path: Path) -> None:
        """Keep what a file holds at this moment."""
        try:
            content = path.read_bytes()
        except OSError:
            return  # gone already, or never readable: the next sample comes soon
        if content:
            self.seen.setdefault(name, set()).add(content)

    def places(self, secret: bytes) -> list[str]:
        """Where the secret was seen."""
        return [name for name, contents in self.seen.items() if any(secret in content for content in contents)]


def files_below(folder: Path) -> Iterator[Path]:
    """All regular files below a folder, which may change meanwhile."""
    for root, _folders, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            if path.is_file() and not path.is_symlink():
                yield path


def holds(path: Path, secret: bytes) -> bool:
    """Tell whether the file holds the secret; a file that went away meanwhile holds nothing."""
    try:
        return secret in path.read_bytes()
    except FileNotFoundError:
        return False


def test_no_secret_is_left_or_shown_anywhere_but_in_the_storage_of_the_api_server(homelab: Homelab) -> None:
    """Lab folder, logs, repository, Ansible's folders while it runs, arguments of processes, output with -vvv."""
    home = homelab.folder / "home"
    local_temp = homelab.folder / "local-temp"
    home.mkdir()
    homelab.environment = {
        "HOME": str(home),
        "ANSIBLE_LOCAL_TEMP": str(local_temp),
        "ANSIBLE_REMOTE_TEMP": str(home / ".ansible" / "tmp"),
        "ANSIBLE_LOG_PATH": str(homelab.folder / "ansible.log"),
        # The cache stays where it is: the home folder is another one only to see all that is written there.
        "FLUXSEED_CACHE": os.environ.get("FLUXSEED_CACHE", str(Path.home() / ".cache" / "fluxseed")),
    }
    watch = Watch([home, local_temp, Path.home() / ".ansible" / "tmp"])
    watch.start()
    try:
        outputs = [homelab.provision("-vvv", "--diff").output, homelab.provision("-vvv", "--diff").output]
        failed = homelab.provision("-vvv", "-e", "flux_seed_path=clusters/none", check=False).output
    finally:
        watch.done.set()
        watch.join()

    text = homelab.run(
        "ansible-vault", "view", "--vault-password-file", homelab.lab / "vault-password",
        homelab.lab / "inventory/group_vars/all/secrets.yml",
    ).output  # fmt: skip
    variables = yaml.safe_load(text)
    values = [variables["sops_age_private_key"], variables["vault_github_token"]]
    values += [value for secret in homelab.secrets().values() for key, value in secret.items() if "user" not in key]
    storage = homelab.lab / "run" / "kwok" / "clusters" / "lab" / "etcd"
    assert len(values) == 5
    assert watch.places(b"ansible-playbook"), "the watch saw nothing, so it proves nothing"
    for value in values:
        secret = value.encode()
        assert watch.places(secret) == []
        assert not any(value in output for output in [*outputs, failed])
        left = [path for path in files_below(homelab.folder) if storage not in path.parents and holds(path, secret)]
        assert left == []
