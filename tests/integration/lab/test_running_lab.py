# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A running lab: its API server, its Git server, and its kubelet for the controllers of Flux."""

from __future__ import annotations

import concurrent.futures
import http.client
import json
import os
import signal
import stat
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lab_tools import RunningLab, commit, git, listening, until

pytestmark = pytest.mark.lab

SOURCE, KUSTOMIZE = "source-controller", "kustomize-controller"


class TestControlPlane:
    def test_answers_with_a_ready_node(self, running: RunningLab):
        """Pods can be scheduled at once."""
        until(lambda: "Ready" in running.kubectl("get", "nodes", "--no-headers").split())
        assert running.kubectl("get", "--raw", "/readyz") == "ok"

    def test_kubeconfig_is_the_owners_and_complete(self, running: RunningLab):
        """It can be passed on as a value: certificates are inside."""
        path = Path(running.facts["kubeconfig"])
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        text = path.read_text()
        assert "client-key-data" in text
        assert str(running.lab.folder.run) not in text

    def test_listens_on_loopback_only(self, running: RunningLab):
        """Nobody else on the network can reach any part of it."""
        pids = [process["pid"] for process in running.lab.status()["processes"]]
        assert len(pids) == 6
        found = listening(pids)
        assert len(found) >= 7
        assert {address for address, _port in found} == {"0100007F"}

    def test_second_start_changes_nothing(self, running: RunningLab):
        """Same processes, and no waiting."""
        before = [process["pid"] for process in running.lab.status()["processes"]]
        began = time.monotonic()
        result = running.lab.start()
        assert result["changed"] is False
        assert time.monotonic() - began < 10
        assert [process["pid"] for process in running.lab.status()["processes"]] == before
        assert {**result, "seconds": 0} == {**running.facts, "changed": False, "seconds": 0}

    def test_status_tells_what_runs(self, running: RunningLab):
        """Every process with its memory."""
        status = running.lab.status()
        assert status["phase"] == "ready"
        assert status["api"] is True
        assert status["owner"] == os.getpid()
        assert [process["name"] for process in status["processes"]][:6] == [
            "agent",
            "etcd",
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kwok-controller",
        ]
        assert all(process["alive"] and process["memory"] > 10_000_000 for process in status["processes"])

    def test_audit_log_tells_who_did_what_but_not_with_which_content(self, running: RunningLab):
        """A secret that is sent to the API server stands in no log."""
        canary = "canary-of-the-audit-log"
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "canary"}, "stringData": {"a": canary}}
        running.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(secret))
        log = running.lab.folder.logs / "audit.log"
        entries = until(
            lambda: [json.loads(line) for line in log.read_text().splitlines() if '"name":"canary"' in line]
        )
        assert entries[0]["level"] == "Metadata"
        logs = [*running.lab.folder.logs.rglob("*.log"), *(running.lab.folder.cluster / "logs").glob("*")]
        assert len(logs) > 5
        assert not [path for path in logs if canary in path.read_text(errors="replace")]


class TestGit:
    def test_is_pushed_by_path_and_cloned_with_the_password(self, running: RunningLab, tmp_path: Path):
        """What was pushed is what is cloned."""
        head = commit(tmp_path / "work", {"file": "content\n"})
        assert git("push", "-qf", running.facts["git_repository"], "main", cwd=tmp_path / "work").returncode == 0
        assert git("clone", "-q", running.url(running.token), tmp_path / "clone").returncode == 0
        assert git("rev-parse", "HEAD", cwd=tmp_path / "clone").stdout.strip() == head

    @pytest.mark.parametrize("password", ["wrong", ""])
    def test_wrong_password_is_refused(self, running: RunningLab, tmp_path: Path, password: str):
        """As a forge would."""
        done = git("clone", "-q", running.url(password), tmp_path / "clone")
        assert done.returncode != 0
        assert "Authentication failed" in done.stderr

    def test_nothing_is_told_without_a_password(self, running: RunningLab):
        """Not even whether there is a repository."""
        for path in ("/lab.git/info/refs?service=git-upload-pack", "/lab.git/HEAD", "/other.git/HEAD", "/"):
            connection = http.client.HTTPConnection(urlsplit(running.facts["git_url"]).netloc, timeout=10)
            connection.request("GET", path)
            assert connection.getresponse().status == 401
            connection.close()

    def test_push_over_http_is_refused(self, running: RunningLab, tmp_path: Path):
        """The token only reads, as the one Flux gets should."""
        commit(tmp_path / "work", {"file": "other\n"})
        done = git("push", "-f", running.url(running.token), "main:other", cwd=tmp_path / "work")
        assert done.returncode != 0
        assert "403" in done.stderr
        assert "other" not in git("ls-remote", running.facts["git_repository"]).stdout

    def test_one_commit_can_be_fetched_by_its_id(self, running: RunningLab, tmp_path: Path):
        """Shallow, as the seeding does."""
        head = commit(tmp_path / "work", {"file": "third\n"})
        commit(tmp_path / "work", {"file": "fourth\n"})
        assert git("push", "-qf", running.facts["git_repository"], "main", cwd=tmp_path / "work").returncode == 0
        git("init", "-q", tmp_path / "fetched")
        done = git("fetch", "-q", "--depth=1", running.url(running.token), head, cwd=tmp_path / "fetched")
        assert done.returncode == 0, done.stderr

    def test_serves_many_at_once(self, running: RunningLab):
        """Flux, the seeding and a person."""
        url = running.url(running.token)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            codes = list(pool.map(lambda _: git("ls-remote", url).returncode, range(16)))
        assert codes == [0] * 16


class TestKubelet:
    """The tests build on each other, from the first manifest to the last."""

    def test_runs_the_real_controllers_when_their_deployments_come_up(self, running: RunningLab):
        """Namespace and CRDs, then everything else, as a person would apply it."""
        running.kubectl("apply", "--server-side", "-f", running.facts["gotk_components"])
        assert until(lambda: running.pid(SOURCE))
        assert until(lambda: running.pid(KUSTOMIZE))

    def test_controllers_listen_on_loopback_with_the_rights_of_their_accounts(self, running: RunningLab):
        """Not with those of the administrator, and reachable from here only."""
        for name in (SOURCE, KUSTOMIZE):
            pid = running.pid(name)
            assert pid is not None
            found = until(lambda pid=pid: listening([pid]))
            assert {address for address, _port in found} == {"0100007F"}
            environment = dict(
                entry.split("=", 1) for entry in Path(f"/proc/{pid}/environ").read_text().rstrip("\0").split("\0")
            )
            assert set(environment) == {"PATH", "KUBECONFIG", "RUNTIME_NAMESPACE", "HOME", "TMPDIR"}
            assert not list(Path(environment["HOME"]).iterdir())
            kubeconfig = json.loads(Path(environment["KUBECONFIG"]).read_text())
            assert set(kubeconfig["users"][0]["user"]) == {"token"}

    def test_what_is_in_git_arrives_in_the_cluster(self, running: RunningLab, tmp_path: Path):
        """Password, clone, artifact, apply: the whole way through both controllers."""
        config_map = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: arrived\n  namespace: default\n"
        head = commit(tmp_path / "work", {"apps/config.yaml": config_map})
        assert git("push", "-qf", running.facts["git_repository"], "main", cwd=tmp_path / "work").returncode == 0
        objects = [
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"name": "flux-system", "namespace": "flux-system"},
                "stringData": {"username": "git", "password": running.token},
            },
            {
                "apiVersion": "source.toolkit.fluxcd.io/v1",
                "kind": "GitRepository",
                "metadata": {"name": "flux-system", "namespace": "flux-system"},
                "spec": {
                    "interval": "1m",
                    "url": running.facts["git_url"],
                    "ref": {"branch": "main"},
                    "secretRef": {"name": "flux-system"},
                },
            },
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {"name": "apps", "namespace": "flux-system"},
                "spec": {
                    "interval": "10m",
                    "path": "./apps",
                    "prune": True,
                    "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
                },
            },
        ]
        listing = {"apiVersion": "v1", "kind": "List", "items": objects}
        running.kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(listing))

        def revision() -> bool:
            found = running.get("kustomization", "apps", "-n", "flux-system")
            return bool(found.get("status", {}).get("lastAppliedRevision") == f"main@sha1:{head}")

        until(revision, 30)
        assert running.get("configmap", "arrived")["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == "apps"

    def test_controller_that_crashes_is_started_again(self, running: RunningLab):
        """After a pause, and counted."""
        before = running.pid(KUSTOMIZE)
        assert before is not None
        os.kill(before, signal.SIGKILL)
        after = until(lambda: running.pid(KUSTOMIZE) not in (None, before) and running.controller(KUSTOMIZE))
        assert after["restarts"] >= 1
        assert after["last_exit"] == -signal.SIGKILL

    def test_changed_flag_restarts_that_controller_only(self, running: RunningLab):
        """With the new flag on its command line."""
        source, kustomize = running.pid(SOURCE), running.pid(KUSTOMIZE)
        patch = [{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--concurrent=7"}]
        running.kubectl("patch", "-n", "flux-system", "deploy", SOURCE, "--type=json", "-p", json.dumps(patch))
        after = until(lambda: running.pid(SOURCE) not in (None, source) and running.pid(SOURCE))
        assert "--concurrent=7" in Path(f"/proc/{after}/cmdline").read_text().split("\0")
        assert running.pid(KUSTOMIZE) == kustomize
        until(lambda: not Path(f"/proc/{source}/cmdline").exists() or not Path(f"/proc/{source}/cmdline").read_text())

    def test_scaled_to_zero_it_is_gone_and_comes_back(self, running: RunningLab):
        """As its Pod would be."""
        before = running.pid(KUSTOMIZE)
        running.kubectl("scale", "-n", "flux-system", "deploy", KUSTOMIZE, "--replicas=0")
        until(lambda: running.pid(KUSTOMIZE) is None)
        assert not Path(f"/proc/{before}/cmdline").exists() or not Path(f"/proc/{before}/cmdline").read_text()
        assert running.pid(SOURCE)
        running.kubectl("scale", "-n", "flux-system", "deploy", KUSTOMIZE, "--replicas=1")
        assert until(lambda: running.pid(KUSTOMIZE)) != before

    def test_deleted_it_is_gone(self, running: RunningLab):
        """And so are its files."""
        running.kubectl("delete", "-n", "flux-system", "deploy", SOURCE)
        until(lambda: running.controller(SOURCE) is None)
        assert not list((running.lab.folder.run / "controllers").glob(f"{SOURCE}-*"))
        assert running.pid(KUSTOMIZE)

    def test_logs_are_there(self, running: RunningLab):
        """One per program."""
        names = {path.name for path in running.lab.folder.logs.glob("*.log")}
        assert {"agent.log", "audit.log", "source-controller.log", "kustomize-controller.log"} <= names

    def test_the_token_stands_in_no_file_of_the_lab(self, running: RunningLab):
        """Nor in a log; only the API server has it, in the Secret that was applied."""
        token = running.token.encode()
        found = [
            path
            for path in running.lab.folder.root.rglob("*")
            if path.is_file()
            and not path.is_relative_to(running.lab.folder.cluster / "etcd")
            and token in path.read_bytes()
        ]
        assert found == []
