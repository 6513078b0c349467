# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes are told apart by more than their id, and what is told about them survives damage."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import InvalidInputError, LabError
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab import control_plane, manifests
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab import lab as lab_module
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.control_plane import AUDIT_POLICY, ControlPlane
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.lab import Lab, end_orphans
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.paths import LabFolder
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.processes import Process, children, end, mentions
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.report import Report, Settings


@pytest.fixture
def sleeper():
    """A process that does nothing for long."""
    process = subprocess.Popen(["sleep", "600"])
    yield process
    process.kill()
    process.wait()


def observed(pid: int) -> Process:
    process = Process.observe("test", pid)
    assert process is not None
    return process


class TestProcess:
    def test_is_alive_until_it_ends(self, sleeper):
        """A zombie is not alive, although its id is still there."""
        process = observed(sleeper.pid)
        assert process.is_alive
        assert process.memory > 0
        os.kill(sleeper.pid, signal.SIGKILL)
        deadline = time.monotonic() + 60
        while process.is_alive and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not process.is_alive
        assert process.memory == 0
        assert Process.observe("test", sleeper.pid) is None

    @pytest.mark.parametrize("other", [{"started": 1}, {"boot": "another"}])
    def test_recycled_id_is_another_process(self, sleeper, other):
        """It is neither alive nor hit by a signal."""
        stranger = replace(observed(sleeper.pid), **other)
        assert not stranger.is_alive
        stranger.send(signal.SIGKILL)
        assert end([stranger], grace=0.1) == []
        assert sleeper.poll() is None

    def test_end_terminates_first_and_then_kills(self):
        """Also what does not listen."""
        script = (
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(600)"
        )
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as deaf:
            assert deaf.stdout is not None
            deaf.stdout.readline()
            assert end([observed(deaf.pid)], grace=0.2) == []

    def test_survives_json(self, sleeper):
        """As it is kept in files."""
        process = observed(sleeper.pid)
        assert Process.from_json(json.loads(json.dumps(process.to_json()))) == process

    def test_command_line_tells_whose_it_is(self, sleeper):
        """A folder in it is the mark of a lab."""
        deadline = time.monotonic() + 60
        # Right after the start of a process, its command line is empty.
        while not mentions(sleeper.pid, "600") and time.monotonic() < deadline:
            time.sleep(0.01)
        assert mentions(sleeper.pid, "600")
        assert not mentions(sleeper.pid, "700")
        assert not mentions(2**22 + 1, "600")

    def test_children_are_found(self, sleeper):
        """Those of this process, and no others."""
        found = {process.pid for process in children()}
        assert sleeper.pid in found
        assert os.getpid() not in found
        assert os.getppid() not in found


class TestReport:
    def test_survives_the_file(self, tmp_path, sleeper):
        """Agent, owner and all others."""
        process = observed(sleeper.pid)
        report = Report("ready", "/lab", process, owner=process, processes=[process], seconds={"api": 1.0})
        report.write(tmp_path / "agent.json")
        assert Report.read(tmp_path / "agent.json") == report
        assert (tmp_path / "agent.json").stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("content", [None, "", "{", "{}", "[]", '{"agent": {}}'])
    def test_damaged_file_is_no_report(self, tmp_path, content):
        """A crash in the middle must not keep the next start from clearing up."""
        if content is not None:
            (tmp_path / "agent.json").write_text(content)
        assert Report.read(tmp_path / "agent.json") is None

    def test_settings_survive_the_file(self, tmp_path, sleeper):
        """With and without an owner."""
        for owner in (None, observed(sleeper.pid)):
            settings = Settings({"etcd": "/bin/etcd"}, 8080, "scrypt$a$b", "/cache/x.json", owner=owner)
            settings.write(tmp_path / "settings.json")
            assert Settings.read(tmp_path / "settings.json") == settings


class TestControlPlane:
    def test_everything_is_on_loopback_with_explicit_ports(self, tmp_path):
        """Six ports, none left to kwokctl."""
        binaries = {
            name: f"/bin/{name}" for name in ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
        }
        binaries |= {"kwok": "/bin/kwok", "kubectl": "/bin/kubectl"}
        plane = ControlPlane(LabFolder(tmp_path))
        config = plane._config(binaries, [1, 2, 3, 4, 5, 6], tmp_path / "policy")
        options = config["options"]
        assert options["bindAddress"] == "127.0.0.1"
        assert sorted(value for name, value in options.items() if name.endswith("Port")) == [1, 2, 3, 4, 5, 6]
        assert sorted(value for name, value in options.items() if name.endswith("Binary")) == sorted(binaries.values())

    def test_audit_log_never_holds_bodies(self):
        """They hold secrets."""
        assert [rule["level"] for rule in AUDIT_POLICY["rules"]] == ["Metadata"]

    @pytest.mark.parametrize(
        ("log", "expected"),
        [
            ("first\nlast  line\n\n", "last line"),
            ('{"level":"ERROR","msg":"Execute exit","err":"no such\\nport"}\n', "no such port"),
            ('{"level":"fatal","msg":"cannot open db"}', "cannot open db"),
            ("[1]", "[1]"),
            ("", ""),
        ],
    )
    def test_error_carries_the_last_words_of_a_log(self, tmp_path, log, expected):
        """In one line, whether the program logs text or JSON."""
        (tmp_path / "log").write_text(log)
        assert control_plane._last_line(tmp_path / "log") == expected

    def test_process_ids_of_others_are_passed_over(self, tmp_path, sleeper):
        """An old file with an id that somebody else has now."""
        folder = LabFolder(tmp_path)
        pids = folder.cluster / "pids"
        pids.mkdir(parents=True)
        (pids / "etcd.pid").write_text(str(sleeper.pid))
        (pids / "kube-apiserver.pid").write_text("nonsense")
        ControlPlane(folder).delete([])
        assert ControlPlane(folder).processes() == []
        assert sleeper.poll() is None


class TestLab:
    def test_other_systems_are_refused_in_one_line(self, tmp_path, monkeypatch):
        """With the way out."""
        monkeypatch.setattr(lab_module.sys, "platform", "darwin")
        with pytest.raises(LabError, match=r"runs on Linux only, this is darwin \(give an inventory"):
            Lab(tmp_path).build()

    def test_dead_owner_is_refused(self, tmp_path):
        """A lab that would end at once."""
        with pytest.raises(InvalidInputError, match=r"owner: there is no process"):
            Lab(tmp_path).start(owner=2**22 + 1)
        assert list(tmp_path.iterdir()) == []

    def test_path_with_a_space_is_refused(self, tmp_path):
        """Kwokctl would work in another folder."""
        with pytest.raises(LabError, match="must not contain white space"):
            Lab(tmp_path / "my lab").start()
        assert list(tmp_path.iterdir()) == []

    def test_lab_that_never_was_is_stopped_already(self, tmp_path):
        """And no folder is made for it."""
        assert Lab(tmp_path / "none").stop() is False
        assert not (tmp_path / "none").exists()
        assert Lab(tmp_path / "none").status()["phase"] == "stopped"

    def test_orphans_are_ended_only_if_nobody_can_want_them(self, tmp_path, sleeper):
        """Agent dead and owner dead, or agent dead and folder gone."""
        dead = Process("agent", 1, 1, "another boot")
        process = observed(sleeper.pid)
        record = tmp_path / "cache" / "lab" / "running" / "x.json"
        record.parent.mkdir(parents=True)
        lab = tmp_path / "lab"
        (lab / "run").mkdir(parents=True)
        for report in (
            Report("ready", str(lab), process, owner=dead, processes=[process]),
            Report("ready", str(lab), dead, owner=process, processes=[process]),
            Report("ready", str(lab), dead, processes=[process]),
        ):
            report.write(record)
            end_orphans(tmp_path / "cache")
            assert sleeper.poll() is None
            assert record.exists()
        Report("ready", str(lab), dead, owner=dead, processes=[process]).write(record)
        end_orphans(tmp_path / "cache")
        assert not process.is_alive
        assert not record.exists()
        assert not (lab / "run").exists()


class TestManifests:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [("", []), ('{"a": 1}\n{"a": 2}', [{"a": 1}, {"a": 2}]), ('{\n\t"a": {"b": []}\n}\n', [{"a": {"b": []}}])],
    )
    def test_answers_of_go_follow_each_other(self, text, expected):
        """`go mod download -json` prints one object per module, without commas."""
        assert manifests._json_objects(text) == expected

    def test_header_is_that_of_flux(self):
        """Tools read version and components off these lines."""
        lines = manifests._HEADER.format(version="v2.9.5", components="source-controller").splitlines()
        assert lines == [
            "---",
            "# This manifest was generated by flux. DO NOT EDIT.",
            "# Flux Version: v2.9.5",
            "# Components: source-controller",
        ]

    def test_read_only_sources_become_writable_copies(self, tmp_path):
        """As in Go's module cache."""
        source = tmp_path / "source" / "sub"
        source.mkdir(parents=True)
        (source / "file").write_text("x")
        (source / "file").chmod(0o444)
        source.chmod(0o555)
        try:
            manifests._copy(source, tmp_path / "target")
        finally:
            source.chmod(0o755)
        assert Path(tmp_path / "target").stat().st_mode & 0o777 == 0o755
        assert (tmp_path / "target" / "file").stat().st_mode & 0o200
