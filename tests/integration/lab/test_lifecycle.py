# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab comes and goes: started, stopped, crashed, left alone, and several at once."""

from __future__ import annotations

import concurrent.futures
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lab_tools import RunningLab, commit, git, is_gone, processes_of, until

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import LabError
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.kept import prepare
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.lab import Lab

pytestmark = pytest.mark.lab

START = "import sys; from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.lab import Lab; Lab(sys.argv[1]).start(print)"


SOURCE, KUSTOMIZE = "source-controller", "kustomize-controller"

# Tells its version, as kwokctl asks for it, and then fails.
BROKEN = """#!/bin/sh
case "$*" in *version*) echo "Kubernetes v1.36.3"; exit 0;; esac
echo "no such flag" >&2
exit 1
"""


def kept(lab: Lab) -> dict[str, bytes]:
    """Content of everything that a stop must not touch."""
    folder = lab.folder
    return {
        str(path): path.read_bytes()
        for path in folder.root.rglob("*")
        if path.is_file()
        and folder.logs not in path.parents
        and folder.run not in path.parents
        and path != folder.kubeconfig
    }


def test_stop_leaves_nothing_behind_and_the_next_start_finds_everything(lab: Lab, tmp_path: Path):
    """Repository, password, Vault file and Git port stay; processes and their data go."""
    first = RunningLab(lab, lab.start(print))
    first.kubectl("apply", "--server-side", "-f", first.facts["gotk_components"])
    until(lambda: first.pid("source-controller") and first.pid("kustomize-controller"))
    token = first.token
    head = commit(tmp_path / "work", {"a": "b\n"})
    git("push", "-q", first.facts["git_repository"], "main", cwd=tmp_path / "work")
    before = kept(lab)

    assert lab.stop() is True
    assert is_gone(lab.folder.root)
    assert not lab.folder.run.exists()
    assert not lab.folder.kubeconfig.exists()
    assert (lab.folder.logs / "kube-apiserver.log").exists()
    assert lab.status()["phase"] == "stopped"
    assert kept(lab) == before
    assert lab.stop() is False

    second = RunningLab(lab, lab.start(print))
    assert second.facts["changed"] is True
    assert second.facts["git_url"] == first.facts["git_url"]
    assert head in git("ls-remote", second.url(token)).stdout
    assert kept(lab) == before
    assert (lab.folder.logs / "previous" / "kube-apiserver.log").exists()
    # Another cluster, not the old one continued.
    assert "flux-system" not in second.kubectl("get", "namespaces")


def test_two_labs_run_side_by_side(tmp_path: Path):
    """Even if they are started at the same moment."""
    labs = [Lab(tmp_path / name) for name in ("one", "two")]
    try:
        with concurrent.futures.ThreadPoolExecutor() as pool:
            one, two = (
                RunningLab(lab, facts)
                for lab, facts in zip(labs, pool.map(lambda lab: lab.start(owner=os.getpid()), labs), strict=True)
            )
        one.kubectl("create", "namespace", "only-in-one")
        assert "only-in-one" not in two.kubectl("get", "namespaces")
        assert "Authentication failed" in git("ls-remote", two.url(one.token)).stderr
        labs[0].stop()
        assert two.kubectl("get", "--raw", "/readyz") == "ok"
        assert git("ls-remote", two.url(two.token)).returncode == 0
    finally:
        for lab in labs:
            lab.stop()


def test_started_twice_at_once_it_is_started_once(lab: Lab):
    """The second waits, says so, and finds it running."""
    said: list[str] = []
    with concurrent.futures.ThreadPoolExecutor() as pool:
        results = list(pool.map(lambda _: lab.start(said.append), range(2)))
    assert sorted(result["changed"] for result in results) == [False, True]
    assert any("waiting for another process" in line for line in said)


def test_ends_with_its_owner(lab: Lab):
    """However that ends; nobody else has to clean up."""
    with subprocess.Popen(["sleep", "600"]) as owner:
        lab.start(owner=owner.pid)
        owner.kill()
    until(lambda: is_gone(lab.folder.root))
    until(lambda: not lab.folder.run.exists())
    assert lab.status()["phase"] == "stopped"


def test_ends_when_its_folder_is_removed(lab: Lab):
    """As `rm -r` or a cleaned work folder does."""
    started = RunningLab(lab, lab.start())
    started.kubectl("apply", "--server-side", "-f", started.facts["gotk_components"])
    until(lambda: started.pid("source-controller"))
    assert len(processes_of(lab.folder.root)) >= 7
    shutil.rmtree(lab.folder.root, ignore_errors=True)
    until(lambda: is_gone(lab.folder.root))


def test_survives_the_interruption_of_its_starter(lab: Lab):
    """Ctrl-C in the middle of a start: the agent goes on, and the next start finds it, or starts anew."""
    with subprocess.Popen([sys.executable, "-c", START, str(lab.folder.root)], start_new_session=True) as starter:
        until(lab.folder.report.exists)
        os.killpg(starter.pid, signal.SIGINT)
    assert starter.returncode != 0
    lab.start()
    assert lab.status()["api"] is True
    agent = lab.status()["processes"][0]["pid"]
    time.sleep(1)
    assert lab.status()["processes"][0]["pid"] == agent


@pytest.mark.parametrize("victim", ["agent", "kube-apiserver"])
def test_crashed_lab_is_cleared_away_and_started_again(lab: Lab, victim: str):
    """A new cluster on the old files."""
    first = RunningLab(lab, lab.start())
    first.kubectl("apply", "--server-side", "-f", first.facts["gotk_components"])
    until(lambda: first.pid("source-controller") and first.pid("kustomize-controller"))
    old = processes_of(lab.folder.root)
    os.kill(next(process["pid"] for process in lab.status()["processes"] if process["name"] == victim), signal.SIGKILL)
    if victim == "agent":
        # Linux ends the controllers with it.
        until(lambda: not {SOURCE, KUSTOMIZE} & {Path(name).name for name in processes_of(lab.folder.root).values()})

    second = RunningLab(lab, lab.start())
    assert second.facts["changed"] is True
    assert second.facts["git_url"] == first.facts["git_url"]
    assert not set(old) & set(processes_of(lab.folder.root))
    assert second.kubectl("get", "--raw", "/readyz") == "ok"


def test_what_a_dead_owner_and_a_dead_agent_left_is_ended_by_the_next_start_of_any_lab(tmp_path: Path):
    """A killed test run leaves a control plane that nobody knows of any more."""
    lost, other = Lab(tmp_path / "lost"), Lab(tmp_path / "other")
    try:
        with subprocess.Popen(["sleep", "600"]) as owner:
            lost.start(owner=owner.pid)
            os.kill(lost.status()["processes"][0]["pid"], signal.SIGKILL)
            owner.kill()
        assert processes_of(lost.folder.root)
        other.start(owner=os.getpid())
        assert is_gone(lost.folder.root)
        assert not lost.folder.run.exists()
    finally:
        other.stop()
        lost.stop()


def test_taken_git_port_is_an_error_and_nothing_is_started(lab: Lab):
    """The port stands in URLs, so another one would not do."""
    port = prepare(lab.folder).git_port
    before = kept(lab)
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(LabError, match=f"port {port} of the lab's Git server is taken by another program"),
    ):
        lab.start()
    assert is_gone(lab.folder.root)
    # The lock file is all that a failed start may add.
    assert {name for name in kept(lab) if not name.endswith("/.lock")} == set(before)


def test_failing_control_plane_names_its_log_and_leaves_nothing(lab: Lab, tmp_path: Path):
    """Here a program that ends at once takes the place of the API server."""
    given = tmp_path / "bin"
    given.mkdir()
    for name, path in lab.build().binaries.items():
        (given / name).symlink_to(path)
    (given / "kube-apiserver").unlink()
    (given / "kube-apiserver").write_text(BROKEN)
    (given / "kube-apiserver").chmod(0o755)
    broken = Lab(lab.folder.root, environment={**os.environ, "FLUXSEED_LAB_BIN": str(given)})
    with pytest.raises(
        LabError, match=r"control plane .*: .*no such flag \(see .*/logs/kube-apiserver\.log\)"
    ) as caught:
        broken.start()
    assert "\n" not in str(caught.value)
    assert is_gone(lab.folder.root)
    assert lab.start()["changed"] is True


def test_a_component_that_gives_up_once_is_started_again(lab: Lab, tmp_path: Path):
    """On a machine under load the controller manager ends before the API server answers."""
    given, flag = tmp_path / "bin", tmp_path / "has-failed"
    given.mkdir()
    for name, path in lab.build().binaries.items():
        (given / name).symlink_to(path)
    manager = given / "kube-controller-manager"
    real = manager.readlink()
    manager.unlink()
    manager.write_text(f'#!/bin/sh\n[ -e {flag} ] && exec {real} "$@"\ntouch {flag}\nexit 1\n')
    manager.chmod(0o755)
    told: list[str] = []
    again = Lab(lab.folder.root, environment={**os.environ, "FLUXSEED_LAB_BIN": str(given)})
    assert again.start(told.append)["changed"] is True
    assert [line for line in told if "kube-controller-manager" in line and line.endswith("trying once more")]
