# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GnuPG homes in memory: where, for whom, and that nothing is left of them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    EncryptionError,
    InvalidInputError,
    UnsupportedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import pgp_home
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_block import check_unattended, public_of
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_generation import generate
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_home import MemoryHome, memory_folder
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import around

PATH_ALONE = {"PATH": os.environ["PATH"]}
MOUNTED = "1 2 0:3 / {} rw - {} none rw\n"


def is_gone(folder: str) -> bool:
    """Whether the folder and the agent with its socket are gone."""
    with socket.socket(socket.AF_UNIX) as agent:
        return not Path(folder).exists() and agent.connect_ex(f"{folder}/S.gpg-agent") != 0


def await_end(folder: str) -> None:
    for _number in range(500):
        if is_gone(folder):
            break
        time.sleep(0.02)
    assert is_gone(folder)


def test_a_home_is_in_memory_for_its_owner_only_and_gone_at_the_end() -> None:
    with MemoryHome(PATH_ALONE) as home:
        assert Path(home.folder).stat().st_mode & 0o777 == 0o700
        assert pgp_home._is_in_memory(home.folder)
        assert home.gpg.ask(["--list-secret-keys"]).code == 0
        assert not is_gone(home.folder)
    assert is_gone(home.folder)


def test_a_home_goes_with_what_uses_it_and_with_an_error() -> None:
    home = MemoryHome(PATH_ALONE)
    folder = home.folder
    del home
    assert is_gone(folder)
    with pytest.raises(ValueError, match="on the way"), MemoryHome(PATH_ALONE) as home:
        raise ValueError("on the way")
    assert is_gone(home.folder)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT], ids=lambda end: end.name)
def test_a_home_goes_when_a_signal_ends_the_run(end: signal.Signals) -> None:
    script = """\
        import os, time
        from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_home import MemoryHome
        home = MemoryHome({"PATH": os.environ["PATH"]})
        home.gpg.ask(["--list-secret-keys"])
        print(home.folder, flush=True)
        time.sleep(60)
    """
    running = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert running.stdout is not None
    with running:
        folder = running.stdout.readline().decode().strip()
        assert Path(folder).is_dir()
        running.send_signal(end)
    await_end(folder)


def test_a_copy_of_the_process_leaves_the_home_alone() -> None:
    with MemoryHome(PATH_ALONE) as home:
        child = os.fork()
        if child == 0:
            home.close()
            os._exit(0)
        os.waitpid(child, 0)
        assert Path(home.folder).is_dir()
    assert is_gone(home.folder)


@pytest.fixture
def copy_of_this_process() -> t.Iterator[t.Callable[[], int]]:
    """Make copies, as Ansible makes its workers; they live until the test ends."""
    copies: list[int] = []

    def make() -> int:
        copy = os.fork()
        if copy == 0:
            time.sleep(60)
            os._exit(0)
        copies.append(copy)
        return copy

    yield make
    for copy in copies:
        os.kill(copy, signal.SIGKILL)
        os.waitpid(copy, 0)


def test_a_home_goes_at_once_though_copies_of_the_process_live_on(
    copy_of_this_process: t.Callable[[], int],
) -> None:
    with MemoryHome(PATH_ALONE) as first, MemoryHome(PATH_ALONE) as second:
        assert first.gpg.ask(["--list-secret-keys"]).code == 0
        copy_of_this_process()
        before = time.monotonic()
    assert time.monotonic() - before < pgp_home._GRACE / 2
    assert is_gone(first.folder)
    assert is_gone(second.folder)


def test_a_home_goes_with_the_process_that_made_it_though_a_copy_lives_on() -> None:
    script = """\
        import os, signal, time
        from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_home import MemoryHome
        home = MemoryHome({"PATH": os.environ["PATH"]})
        copy = os.fork()
        if copy == 0:
            time.sleep(60)
            os._exit(0)
        print(home.folder, copy, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    made = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE)
    assert made.stdout is not None
    folder, copy = made.stdout.readline().decode().split()
    try:
        made.wait()
        await_end(folder)
        os.kill(int(copy), 0)  # it is there
    finally:
        os.kill(int(copy), signal.SIGKILL)
        made.stdout.close()


def test_a_home_goes_though_the_process_that_watches_it_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pgp_home, "_WATCH", "exec sleep 60")
    monkeypatch.setattr(pgp_home, "_GRACE", 0.1)
    with MemoryHome(PATH_ALONE) as home:
        pass
    assert is_gone(home.folder)


@pytest.mark.parametrize(
    ("kind", "environment", "found"),
    [
        ("tmpfs", True, True),
        ("ramfs", True, True),
        ("ext4", True, False),
        ("tmpfs", False, False),
    ],
)
def test_a_folder_counts_if_its_file_system_is_in_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, environment: bool, found: bool
) -> None:
    """Of the folders that the environment and the system name; with several mounts on one place the last one counts."""
    runtime = tmp_path / "run"
    runtime.mkdir()
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        MOUNTED.format("/", "ext4") + MOUNTED.format(runtime, "ext4") + MOUNTED.format(runtime, kind), encoding="utf-8"
    )
    monkeypatch.setattr(pgp_home, "MOUNTS", str(mounts))
    monkeypatch.setattr(pgp_home, "_LONGEST", 300)
    variables = {"XDG_RUNTIME_DIR": str(runtime)} if environment else {}
    if found:
        assert memory_folder(variables) == str(runtime)
    else:
        with pytest.raises(UnsupportedError, match="no memory-backed folder") as caught:
            memory_folder(variables)
        assert "tmpfs at /dev/shm" in str(caught.value)


def test_a_folder_too_deep_for_sockets_is_passed_over() -> None:
    assert len(memory_folder({"XDG_RUNTIME_DIR": "/run/" + "x" * 100})) < 80


def test_without_a_table_of_mounts_there_is_no_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pgp_home, "MOUNTS", str(tmp_path / "none"))
    with pytest.raises(UnsupportedError):
        MemoryHome(PATH_ALONE)


# --- new keys -------------------------------------------------------------------------------------


def test_a_new_key_signs_and_its_subkey_encrypts_and_nothing_stays() -> None:
    pair = generate(around(PATH_ALONE), name="flux", comment="home cluster", algorithm="ed25519")
    (key,) = check_unattended(pair.private)
    assert (key.fingerprint, len(key.parts)) == (pair.fingerprint, 2)
    assert public_of(pair.private) == pair
    with MemoryHome(PATH_ALONE) as home:
        assert home.gpg.ask(["--import"], pair.public.encode()).code == 0
        listing = home.gpg.ask(["--with-colons", "--list-keys"]).output.decode()
    fields = [line.split(":") for line in listing.splitlines()]
    assert [(line[0], line[6], line[11].lower()[:1]) for line in fields if line[0] in ("pub", "sub")] == [
        ("pub", "", "s"),
        ("sub", "", "e"),
    ]
    assert [line[9] for line in fields if line[0] == "uid"] == ["flux (home cluster)"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'gpg: no luck' >&2; exit 2", "gpg made no key: no luck"),
        ("exit 0", "gpg made no key"),
        ("echo '[GNUPG:] KEY_CREATED B ABCD' >&2", "does not give out the key"),
    ],
    ids=["failure", "silence", "no export"],
)
def test_a_program_that_makes_no_key(tmp_path: Path, script: str, message: str) -> None:
    program = tmp_path / "gpg"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(EncryptionError, match=message):
        generate(around({**PATH_ALONE, "SOPS_GPG_EXEC": str(program)}), name="flux", algorithm="ed25519")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"algorithm": "dsa"}, "none of rsa4096, ed25519"),
        ({"name": ""}, "is empty"),
        ({"name": "a\n%no-protection"}, "line break"),
        ({"name": "a", "comment": "b) <c@d>"}, "line break"),
    ],
    ids=["algorithm", "empty", "two lines", "marks"],
)
def test_what_would_not_be_a_name_is_refused(settings: dict[str, t.Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        generate(around(PATH_ALONE), **{"name": "flux", **settings})
