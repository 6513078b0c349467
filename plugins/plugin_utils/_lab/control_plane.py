# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control plane of a lab: etcd, API server, controller-manager, scheduler and kwok, run by kwokctl.

Private to the collection.
"""

from __future__ import annotations

import base64
import contextlib
import json
import platform
import ssl
import subprocess
import time
import typing as t
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

from ...module_utils._errors import LabError
from .paths import LabFolder
from .ports import LOOPBACK, free_ports
from .processes import Process, end, mentions
from .report import write_json

COMPONENTS = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok-controller")
"""Names of the processes, as kwokctl calls them."""

BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kwokctl", "kubectl")

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}

NODE: dict[str, t.Any] = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {
        "name": "lab-0",
        "annotations": {"kwok.x-k8s.io/node": "fake"},
        "labels": {
            "type": "kwok",
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": _ARCHITECTURES.get(platform.machine(), platform.machine()),
            "kubernetes.io/hostname": "lab-0",
        },
    },
    "status": {
        "capacity": {"cpu": "32", "memory": "256Gi", "pods": "110"},
        "allocatable": {"cpu": "32", "memory": "256Gi", "pods": "110"},
    },
}

# Who did what, never with which content: bodies of requests hold secrets.
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [{"level": "Metadata"}],
}

_READY_WITHIN = 90.0


class ControlPlane:
    """Started once, never stopped and continued: leases of the old run would block the new one for minutes."""

    def __init__(self, folder: LabFolder) -> None:
        self.folder = folder

    def create(self, binaries: Mapping[str, str], *, stopped: Callable[[], bool]) -> list[Process]:
        """Start the processes and return them; the API server may need another second or two.

        Args:
            binaries: path by name.
            stopped: asked while waiting; true gives up.
        """
        config = self.folder.run / "kwokctl.json"
        policy = self.folder.run / "audit-policy.json"
        policy.write_text(json.dumps(AUDIT_POLICY))
        with free_ports(6) as ports:
            config.write_text(json.dumps(self._config(binaries, ports, policy)))
        # An empty kubeconfig keeps kwokctl from editing the user's.
        command = [
            binaries["kwokctl"],
            "create",
            "cluster",
            "--name",
            "lab",
            "--config",
            str(config),
            "--kubeconfig",
            "",
        ]
        self._kwokctl(command, stopped)
        processes = self.processes()
        if stopped():
            return processes
        if len(processes) < len(COMPONENTS):
            running = {process.name for process in processes}
            raise self._failed(next(name for name in COMPONENTS if name not in running))
        return processes

    def wait_ready(self, processes: list[Process], *, stopped: Callable[[], bool]) -> None:
        """Return when the API server says that it is ready."""
        deadline = time.monotonic() + _READY_WITHIN
        while not self.is_ready():
            if stopped():
                return
            for process in processes:
                if not process.is_alive:
                    raise self._failed(process.name)
            if time.monotonic() > deadline:
                raise self._failed("kube-apiserver", f"is not ready after {_READY_WITHIN:.0f} s")
            time.sleep(0.05)

    def is_ready(self) -> bool:
        """Ask the API server once."""
        pki = self.folder.cluster / "pki"
        try:
            server = self._server()
            tls = ssl.create_default_context(cafile=str(pki / "ca.crt"))
            tls.verify_flags &= ~ssl.VERIFY_X509_STRICT  # its CA lacks the key identifiers Python 3.13 insists on
            tls.load_cert_chain(pki / "admin.crt", pki / "admin.key")
            opener = urllib.request.build_opener(
                urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=tls)
            )
            with opener.open(f"{server}/readyz", timeout=2) as answer:
                return bool(answer.status == 200)
        except (OSError, LabError):  # URLError and SSLError are OSErrors
            return False

    def write_kubeconfig(self) -> None:
        """Write the administrator's kubeconfig with everything inside, so that it can be passed on as a value."""
        pki = self.folder.cluster / "pki"

        def inline(name: str) -> str:
            return base64.b64encode((pki / name).read_bytes()).decode()

        cluster = {"server": self._server(), "certificate-authority-data": inline("ca.crt")}
        user = {"client-certificate-data": inline("admin.crt"), "client-key-data": inline("admin.key")}
        write_kubeconfig(self.folder.kubeconfig, cluster, user)

    def authority(self) -> dict[str, str]:
        """Return the cluster entry of a kubeconfig."""
        return {
            "server": self._server(),
            "certificate-authority": str(self.folder.cluster / "pki" / "ca.crt"),
        }

    def processes(self) -> list[Process]:
        """Return what kwokctl has started and still runs, from its process ids.

        An id alone is no proof: only a process that has the folder of this lab in its command line is ours.
        """
        found = []
        for name in COMPONENTS:
            try:
                pid = int((self.folder.cluster / "pids" / f"{name}.pid").read_text())
            except (OSError, ValueError):
                continue
            process = Process.observe(name, pid)
            if process is not None and mentions(pid, str(self.folder.cluster)):
                found.append(process)
        return found

    def _ended(self) -> str | None:
        """Return the name of a component that was started and does not run any more."""
        pids = self.folder.cluster / "pids"
        started = {name for name in COMPONENTS if (pids / f"{name}.pid").is_file()}
        if len(self.processes()) == len(started):
            return None
        # The id is there a moment before the command line.
        time.sleep(0.1)
        running = {process.name for process in self.processes()}
        return next((name for name in COMPONENTS if name in started - running), None)

    def delete(self, processes: list[Process]) -> None:
        """Kill the processes and keep their logs; nothing in the data is worth a slow end."""
        remaining = end({process.pid: process for process in [*processes, *self.processes()]}.values(), grace=0)
        self.keep_logs()
        if remaining:
            names = ", ".join(f"{process.name} ({process.pid})" for process in remaining)
            raise LabError(f"cannot end {names}", where=str(self.folder.root), hint="end these processes by hand")

    def keep_logs(self) -> None:
        """Move the logs of the processes out of the folder that will be deleted."""
        logs = self.folder.cluster / "logs"
        if logs.is_dir() and self.folder.logs.is_dir():
            for log in logs.glob("*.log"):
                log.replace(self.folder.logs / log.name)

    def _config(self, binaries: Mapping[str, str], ports: list[int], policy: Path) -> dict[str, t.Any]:
        etcd, etcd_peer, apiserver, controller_manager, scheduler, kwok = ports
        # With one copy of each there is nobody to elect, and a lease costs seconds.
        alone = [{"key": "leader-elect", "value": "false"}]
        return {
            "apiVersion": "config.kwok.x-k8s.io/v1alpha1",
            "kind": "KwokctlConfiguration",
            "options": {
                "runtime": "binary",
                "bindAddress": LOOPBACK,
                # All explicit: what kwokctl chooses by itself collides between labs that start together.
                "etcdPort": etcd,
                "etcdPeerPort": etcd_peer,
                "kubeApiserverPort": apiserver,
                "kubeControllerManagerPort": controller_manager,
                "kubeSchedulerPort": scheduler,
                "kwokControllerPort": kwok,
                "disableQPSLimits": True,
                "etcdBinary": binaries["etcd"],
                "kubeApiserverBinary": binaries["kube-apiserver"],
                "kubeControllerManagerBinary": binaries["kube-controller-manager"],
                "kubeSchedulerBinary": binaries["kube-scheduler"],
                "kwokControllerBinary": binaries["kwok"],
                "kubectlBinary": binaries["kubectl"],
            },
            "componentsPatches": [
                {"name": "kube-controller-manager", "extraArgs": alone},
                {"name": "kube-scheduler", "extraArgs": alone},
                {
                    "name": "etcd",
                    "extraArgs": [
                        # A lost write after a power cut does not matter here; waiting for the disk does.
                        {"key": "unsafe-no-fsync", "value": "true"},
                        # A single member need not wait for the votes of others: half a second less at the start.
                        {"key": "heartbeat-interval", "value": "10"},
                        {"key": "election-timeout", "value": "50"},
                    ],
                },
                {
                    "name": "kube-apiserver",
                    "extraArgs": [
                        {"key": "audit-policy-file", "value": str(policy)},
                        {"key": "audit-log-path", "value": str(self.folder.logs / "audit.log")},
                    ],
                },
            ],
        }

    def _kwokctl(self, command: list[str], stopped: Callable[[], bool]) -> None:
        log = self.folder.logs / "kwokctl.log"
        environment = {
            # kubectl is looked for on PATH first; a plain one keeps other programs of the user out of this.
            "PATH": f"{Path(command[0]).parent}:/usr/bin:/bin",
            "HOME": str(self.folder.home),
            "KWOK_WORKDIR": str(self.folder.kwok),
            # Passed on to all components. Collecting garbage less often takes a third off the CPU time until the API is
            # ready; the limit keeps a lab that lives for long from growing for it.
            "GOGC": "400",
            "GOMEMLIMIT": "512MiB",
        }
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=self.folder.run,
            )
        while process.poll() is None:
            ended = self._ended()
            if ended or stopped():
                # It would wait for two minutes for a component that is not there any more.
                process.kill()
                process.wait()
                if ended:
                    raise self._failed(ended)
                return
            time.sleep(0.05)
        if process.returncode != 0:
            raise self._failed("kwokctl", f"ended with {process.returncode}")

    def _server(self) -> str:
        """Return the address of the API server, which only the configuration knows."""
        try:
            options = json.loads((self.folder.run / "kwokctl.json").read_text())["options"]
        except (OSError, ValueError) as exc:
            raise LabError("has no control plane", where=str(self.folder.root), hint="start the lab") from exc
        return f"https://{LOOPBACK}:{options['kubeApiserverPort']}"

    def _failed(self, name: str, what: str = "ended right after its start") -> LabError:
        self.keep_logs()
        log = self.folder.logs / f"{name}.log"
        last = _last_line(log)
        message = f"{name} of the lab's control plane {what}"
        return LabError(f"{message}: {last}" if last else message, hint=f"see {log}")


def write_kubeconfig(path: Path, cluster: Mapping[str, str], user: Mapping[str, str]) -> None:
    """Write a kubeconfig with one context named lab, readable by the owner only. JSON is YAML."""
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": dict(cluster)}],
        "users": [{"name": "lab", "user": dict(user)}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
    }
    write_json(path, content)


def _last_line(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ""
    last = next((line.strip() for line in reversed(lines) if line.strip()), "")
    with contextlib.suppress(ValueError, AttributeError):
        # etcd and kwokctl log in JSON.
        entry = json.loads(last)
        last = str(entry.get("err") or entry.get("error") or entry.get("msg") or last)
    return " ".join(last.split())[:300]
