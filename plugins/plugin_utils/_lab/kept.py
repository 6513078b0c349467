# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab keeps over a rebuild: vault password, Vault file, inventory, Git repository, and its state.

Private to the collection. Made at the first start; whatever is there already is left as it is.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import typing as t
from dataclasses import asdict, dataclass
from pathlib import Path

from ...module_utils._errors import LabError, MissingLibraryError
from ...module_utils._files import (
    PRIVATE_FILE,
    make_directory,
    make_private_directory,
    read_file_if_exists,
    replace_file,
)
from ...module_utils._flux.repository_manifests import Following, plan_files
from .password import hash_password, matches
from .paths import LabFolder
from .ports import LOOPBACK, free_port

TOKEN_VARIABLE = "vault_github_token"  # noqa: S105 - the name, not the token

# What Git of the user or of the machine is set to must not change the lab's repository.
_GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "LC_ALL": "C"}
_INVENTORY = """\
# The lab as a cluster of the playbooks. Written by each start of the lab; put your own variables into
# group_vars or host_vars beside this file.
clusters:
  hosts:
    lab:
      ansible_connection: local
      flux_lab_path: {path}
      flux_seed_kubeconfig: {kubeconfig}
      flux_seed_git_url: {git_url}
"""


@dataclass(frozen=True)
class State:
    """Kept in `state.json`; the Git password is there as a hash only, and the server follows it while it runs."""

    git_port: int
    git_password_hash: str

    @classmethod
    def read(cls, folder: LabFolder) -> State | None:
        """Read the state; None if there is none yet."""
        content = read_file_if_exists(str(folder.state))
        if content is None:
            return None
        try:
            value = json.loads(content)
            return cls(int(value["git_port"]), str(value["git_password_hash"]))
        except (ValueError, KeyError, TypeError) as exc:
            raise LabError(
                "this is not the state of a lab",
                where=str(folder.state),
                hint="remove the file to have it made anew; the lab's Git port, and so its Git URL, may then change",
            ) from exc

    def write(self, folder: LabFolder) -> None:
        """Write the state."""
        content = json.dumps(asdict(self), indent=2) + "\n"
        replace_file(str(folder.state), content.encode(), mode=PRIVATE_FILE)

    @property
    def git_url(self) -> str:
        """URL of the repository, without credentials."""
        return f"http://{LOOPBACK}:{self.git_port}/lab.git"


def prepare(folder: LabFolder) -> State:
    """Make what is missing, and return the state."""
    make_private_directory(str(folder.root))
    _write_once(folder.root / ".gitignore", "*\n")
    _make_vault_password(folder)
    token = _token(folder)
    before = State.read(folder)
    port = before.git_port if before else free_port()
    # The Vault file is the truth: a token that was changed there is the password from the next start on.
    stored = before.git_password_hash if before and matches(token, before.git_password_hash) else hash_password(token)
    state = State(port, stored)
    if state != before:
        state.write(folder)
    _make_repository(folder)
    _write_inventory(folder, state)
    return state


def write_flux_manifests(folder: LabFolder, state: State, components: Path) -> None:
    """Write what `fluxseed flux-manifests` would write into a repository of this lab."""
    make_directory(str(folder.flux_manifests))
    following = Following(url=state.git_url, path="clusters/lab")
    there = {path.name: path.read_bytes() for path in folder.flux_manifests.iterdir()}
    # Made anew rather than followed up: a lab may go back to an older Flux, its repository may not.
    files = plan_files(components.read_bytes(), following, {}, where=str(components))
    for name, content in files.changed.items():
        if there.get(name) != content:
            replace_file(str(folder.flux_manifests / name), content)


def _make_vault_password(folder: LabFolder) -> None:
    if folder.vault_password.exists():
        return
    if folder.secrets.exists():
        raise LabError(
            "the password of the lab's Vault file is missing",
            where=str(folder.vault_password),
            hint=f"put it back, or remove {folder.secrets} to have a new token and later a new key made",
        )
    _write_once(folder.vault_password, secrets.token_urlsafe(32) + "\n", PRIVATE_FILE)


def _token(folder: LabFolder) -> str:
    """Return the password for Git from the Vault file, after making one if there is none."""
    try:
        from .._vault import VaultFile  # noqa: PLC0415 - needs ansible-core, which other commands of the lab do not
    except ImportError as exc:
        raise MissingLibraryError(
            "ansible-core", hint="pip install 'fluxseed[ansible]', or pip install ansible-core"
        ) from exc
    file = VaultFile.with_password_file(str(folder.secrets), str(folder.vault_password))
    token = file.read().get(TOKEN_VARIABLE)
    if isinstance(token, str) and token:
        return token
    token = secrets.token_urlsafe(32)
    content = file.plan({TOKEN_VARIABLE: token})
    if content is not None:
        make_private_directory(str(folder.secrets.parent))
        file.write(content)
    return token


def _make_repository(folder: LabFolder) -> None:
    if (folder.repository / "HEAD").is_file():
        return
    make_directory(str(folder.git))
    # No hooks and no description from the templates of the machine.
    _git("init", "--quiet", "--bare", "--initial-branch=main", "--template=", str(folder.repository))
    # As the big forges have it: single commits and partial clones can be fetched, pushing needs another way.
    for name, value in (
        ("http.receivepack", "false"),
        ("uploadpack.allowFilter", "true"),
        ("uploadpack.allowReachableSHA1InWant", "true"),
    ):
        _git("--git-dir", str(folder.repository), "config", name, value)


def _write_inventory(folder: LabFolder, state: State) -> None:
    make_directory(str(folder.inventory))
    text = _INVENTORY.format(
        # A JSON string is a YAML string, whatever characters a path has.
        path=json.dumps(str(folder.root)),
        kubeconfig=json.dumps(str(folder.kubeconfig)),
        git_url=json.dumps(state.git_url),
    )
    # Paths and port follow the lab; a folder that was moved stays usable.
    if read_file_if_exists(str(folder.hosts)) != text.encode():
        replace_file(str(folder.hosts), text.encode())


def _git(*arguments: str) -> None:
    environment = {"PATH": os.environ.get("PATH", os.defpath), **_GIT}
    try:
        outcome = subprocess.run(["git", *arguments], env=environment, capture_output=True, text=True, check=False)
    except FileNotFoundError as exc:
        raise MissingLibraryError("The program git") from exc
    if outcome.returncode != 0:
        reason: t.Any = " ".join(outcome.stderr.split())
        raise LabError(f"git {arguments[0]} failed: {reason}")


def _write_once(path: Path, text: str, mode: int | None = None) -> None:
    if not path.exists():
        replace_file(str(path), text.encode(), mode=mode)
