# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the Flux controllers as a kubelet would: a real process exactly while its Deployment has an available replica.

Private to the collection.
"""

from __future__ import annotations

import os
import queue
import shutil
import subprocess
import tempfile
import time
import typing as t
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...module_utils._errors import ApiError, KubernetesError, LabError
from ...module_utils._kubernetes.connection import Connection
from .control_plane import write_kubeconfig
from .paths import LabFolder
from .pods import Addresses, Pod, command_line, wanted
from .ports import free_port
from .processes import Process

NAMESPACE = "flux-system"
_DEPLOYMENTS = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments"

_GRACE = 10.0
_SHORT_GRACE = 0.5
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 30.0
_STABLE_AFTER = 60.0
_TOKEN_LIFE = 10 * 365 * 24 * 3600
_WATCH = 240.0


class Listing(t.NamedTuple):
    """All Deployments there are."""

    deployments: Sequence[Mapping[str, t.Any]]


class Event(t.NamedTuple):
    """One Deployment that was made, changed or deleted."""

    deployment: Mapping[str, t.Any]
    deleted: bool


def watch(connection: Connection, events: queue.SimpleQueue[Listing | Event], log: Callable[[str], None]) -> t.NoReturn:
    """Report the Deployments of Flux for ever: a listing first and after each interruption, events in between."""
    complaint = ""
    while True:
        try:
            answer = connection.request("GET", _DEPLOYMENTS)
            version = answer["metadata"]["resourceVersion"]
            events.put(Listing(answer.get("items") or []))
            complaint = ""
            while True:
                for event in connection.watch(_DEPLOYMENTS, query={"resourceVersion": version}, timeout=_WATCH):
                    version = event["object"]["metadata"]["resourceVersion"]
                    events.put(Event(event["object"], event["type"] == "DELETED"))
        except KubernetesError as exc:
            # Nothing is known about the Deployments now; what runs goes on, as on a node that lost its API server.
            expired = isinstance(exc, ApiError) and exc.status == 410
            if not expired and str(exc) != complaint:
                complaint = str(exc)
                log(f"kubelet: {complaint}")
            time.sleep(0.5)


@dataclass
class Container:
    """The process that plays one Pod. A restart keeps folder and ports, as a restart within a Pod does."""

    pod: Pod
    folder: Path
    addresses: Addresses
    process: subprocess.Popen[bytes] | None = None
    identity: Process | None = None
    restarts: int = -1
    last_exit: int | None = None
    complaint: str | None = None
    pause: float = _FIRST_PAUSE
    started: float = 0.0
    start_at: float = 0.0
    temporary: Path | None = None


@dataclass
class Kubelet:
    """Holds one container per Deployment.

    To be used from one thread that lives as long as the agent: Linux ends the controllers together with the
    thread that started them.
    """

    folder: LabFolder
    connection: Connection
    authority: Mapping[str, str]
    binaries: Mapping[str, str]
    log: Callable[[str], None]
    containers: dict[str, Container] = field(default_factory=dict)
    _ports: dict[str, tuple[int, int]] = field(default_factory=dict)
    _pods: int = 0

    def handle(self, message: Listing | Event) -> None:
        """Start and stop what a message from `watch` asks for."""
        if isinstance(message, Listing):
            present = {deployment["metadata"]["name"] for deployment in message.deployments}
            for name in self.containers.keys() - present:
                self._stop(name, "its Deployment is gone")
            for deployment in message.deployments:
                self._apply(deployment)
        elif message.deleted or message.deployment["metadata"].get("deletionTimestamp"):
            self._stop(message.deployment["metadata"]["name"], "its Deployment is deleted")
        else:
            self._apply(message.deployment)

    def tick(self) -> bool:
        """Start what is due, notice what has ended; return whether anything changed."""
        changed = False
        now = time.monotonic()
        for container in self.containers.values():
            if container.process is not None and (code := container.process.poll()) is not None:
                self._ended(container, code, now)
                changed = True
            if container.process is None and now >= container.start_at:
                self._start(container, now)
                changed = True
        return changed

    def stop(self) -> None:
        """Stop all controllers at once; the cluster they work for is about to go."""
        for container in self.containers.values():
            if container.process is not None:
                container.process.terminate()
        for name in list(self.containers):
            self._stop(name, "the lab ends", grace=_SHORT_GRACE)

    def report(self) -> list[dict[str, t.Any]]:
        """Return what runs, for `status`."""
        return [
            {
                "name": container.pod.controller,
                "deployment": name,
                "process": container.identity.to_json() if container.identity and container.process else None,
                "args": list(container.pod.args),
                "restarts": max(container.restarts, 0),
                "last_exit": container.last_exit,
                "message": container.complaint,
                "health_port": container.addresses.health_port,
            }
            for name, container in self.containers.items()
        ]

    def _apply(self, deployment: Mapping[str, t.Any]) -> None:
        name = deployment["metadata"]["name"]
        current = self.containers.get(name)
        pod = wanted(deployment, current.pod if current else None)
        if pod == (current.pod if current else None):
            return
        if current is not None:
            self._stop(name, "its Pod is replaced" if pod else "its Deployment has no available replica")
        if pod is not None:
            self._pods += 1
            folder = self.folder.run / "controllers" / f"{name}-{self._pods}"
            health, storage = self._ports.setdefault(name, (free_port(), free_port()))
            self.containers[name] = Container(pod, folder, Addresses(health, storage, folder / "storage"))

    def _start(self, container: Container, now: float) -> None:
        try:
            self._prepare(container)
            container.process = self._run(container)
        except (KubernetesError, LabError, OSError) as exc:
            if container.complaint != str(exc):
                container.complaint = str(exc)
                self.log(f"kubelet: {container.pod.controller} waits: {exc}")
            self._back_off(container, now)
            return
        container.identity = Process.observe(container.pod.controller, container.process.pid)
        container.started = now
        container.restarts += 1
        container.complaint = None
        self.log(f"kubelet: {container.pod.controller} started (process {container.process.pid})")

    def _run(self, container: Container) -> subprocess.Popen[bytes]:
        command = command_line(container.pod, self.binaries[container.pod.controller], container.addresses)
        environment = {
            "PATH": "/usr/bin:/bin",
            "KUBECONFIG": str(container.folder / "kubeconfig"),
            "RUNTIME_NAMESPACE": NAMESPACE,
            # Nobody's keys in the home, and nobody else's folders among the temporary ones: kustomize-controller
            # reads the first and at start deletes from the second.
            "HOME": str(container.folder / "home"),
            "TMPDIR": str(container.temporary),
        }
        with (self.folder.logs / f"{container.pod.controller}.log").open("ab") as output:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=container.folder,
            )

    def _prepare(self, container: Container) -> None:
        """Make the folders of a new Pod, and access to the API with the rights of its ServiceAccount."""
        if container.restarts >= 0:
            return
        if container.pod.controller not in self.binaries:
            raise LabError(f"there is no binary of {container.pod.controller}", hint="stop the lab and start it again")
        for name in ("home", "storage"):
            (container.folder / name).mkdir(parents=True, exist_ok=True, mode=0o700)
        if container.temporary is None:
            # kustomize-controller makes GnuPG homes in it, and the path of a socket has 107 bytes at most.
            memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a private folder is made in it
            container.temporary = Path(tempfile.mkdtemp(prefix="fluxseed-", dir=memory))
        account = container.pod.service_account
        answer = self.connection.request(
            "POST",
            f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token",
            body={
                "apiVersion": "authentication.k8s.io/v1",
                "kind": "TokenRequest",
                "spec": {"expirationSeconds": _TOKEN_LIFE},
            },
            timeout=5,
        )
        write_kubeconfig(container.folder / "kubeconfig", self.authority, {"token": answer["status"]["token"]})

    def _ended(self, container: Container, code: int, now: float) -> None:
        container.process = None
        container.identity = None
        container.last_exit = code
        if now - container.started > _STABLE_AFTER:
            container.pause = _FIRST_PAUSE
        self._back_off(container, now)
        pause = container.start_at - now
        self.log(f"kubelet: {container.pod.controller} ended with {code}, starts again in {pause:.2f} s")

    @staticmethod
    def _back_off(container: Container, now: float) -> None:
        container.start_at = now + container.pause
        container.pause = min(container.pause * 2, _LONGEST_PAUSE)

    def _stop(self, name: str, why: str, *, grace: float = _GRACE) -> None:
        container = self.containers.pop(name, None)
        if container is None:
            return
        process = container.process
        if process is not None:
            process.terminate()
            try:
                process.wait(grace)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            self.log(f"kubelet: {container.pod.controller} stopped: {why}")
        shutil.rmtree(container.folder, ignore_errors=True)
        if container.temporary is not None:
            shutil.rmtree(container.temporary, ignore_errors=True)
