# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent of a lab: one detached process that owns all others of it.

Private to the collection. It starts the control plane, serves Git, runs the Flux controllers, and ends everything when
it is told to, when the process it was started for has ended, or when the folder of the lab is gone.

Started as `python -m <this module> <folder of the lab>`; its standard output is its log.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import queue
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from types import FrameType

from ...module_utils._errors import FluxseedError
from ...module_utils._kubernetes.connection import Connection
from ...module_utils._kubernetes.transport import preload
from .control_plane import NODE, ControlPlane
from .git_server import GitServer
from .kubelet import Event, Kubelet, Listing, watch
from .paths import LabFolder
from .processes import Process, children, end
from .report import Report, Settings

_PR_SET_CHILD_SUBREAPER = 36
_TICK = 0.1
_LOOK_AROUND = 0.5


class Agent:
    """Runs one lab from its start to its end."""

    def __init__(self, folder: LabFolder) -> None:
        self.folder = folder
        self.settings = Settings.read(folder.settings)
        me = Process.observe("agent", os.getpid())
        if me is None:
            raise RuntimeError("this process is not in /proc")
        self.report = Report("starting", str(folder.root), me, owner=self.settings.owner)
        self.control_plane = ControlPlane(folder)
        self.kubelet: Kubelet | None = None
        self.events: queue.SimpleQueue[Listing | Event] = queue.SimpleQueue()
        self.began = time.monotonic()
        self._run_folder = _identity(folder.run)
        self._end: str | None = None
        self._looked = 0.0
        self._watch: threading.Thread | None = None

    def run(self) -> int:
        """Run the lab until it ends, and return the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        # What kwokctl leaves behind becomes a child of this process, which takes its exit status: no zombies, whatever
        # runs as process 1.
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        failed = False
        try:
            self._start()
            while not self._ends():
                self._work()
        except FluxseedError as exc:
            self._fail(exc.message, exc.hint, exc.where)
            failed = True
        except Exception as exc:
            traceback.print_exc()
            self._fail(f"the lab's agent failed: {exc}", f"see {self.folder.logs / 'agent.log'}", None)
            raise
        finally:
            self._tear_down(keep_report=failed)
        return 1 if failed else 0

    def _start(self) -> None:
        server = GitServer(self.folder, self.settings.git_port, self.settings.git_password_hash)
        threading.Thread(target=server.serve_forever, name="git", daemon=True).start()
        self._write_report()
        # The library takes half a second to import; kwokctl mostly waits.
        threading.Thread(target=preload, name="preload", daemon=True).start()
        self.report.processes = self.control_plane.create(self.settings.binaries, stopped=self._ends)
        self._mark("control_plane")
        self._write_report()
        self.control_plane.wait_ready(self.report.processes, stopped=self._ends)
        if self._ends():
            return
        self.control_plane.write_kubeconfig()
        connection = Connection.from_kubeconfig(str(self.folder.kubeconfig))
        connection.request("POST", "/api/v1/nodes", body=NODE)
        self.kubelet = Kubelet(self.folder, connection, self.control_plane.authority(), self.settings.binaries, log)
        self._watch = threading.Thread(target=watch, args=(connection, self.events, log), name="watch", daemon=True)
        self._watch.start()
        self._mark("api_ready")
        self.report.phase = "ready"
        self._write_report()
        log(f"ready after {self.report.seconds['api_ready']} s")

    def _work(self) -> None:
        """Do one round: at most one message, then what is due."""
        kubelet = self.kubelet
        if kubelet is None:
            return
        message: Listing | Event | None
        try:
            message = self.events.get(timeout=_TICK)
        except queue.Empty:
            message = None
        before = kubelet.report()
        if message is not None:
            kubelet.handle(message)
        kubelet.tick()
        self.report.controllers = kubelet.report()
        if self.report.controllers != before:
            self._write_report()

    def _ends(self) -> bool:
        """Tell whether the lab is to end, and say why once."""
        now = time.monotonic()
        if self._end is None and now - self._looked >= _LOOK_AROUND:
            self._looked = now
            reap([process.pid for process in self.report.processes])
            if self.report.is_orphaned:
                self._end = "the process that the lab was started for has ended"
            elif _identity(self.folder.run) != self._run_folder:
                self._end = "the folder of the lab is gone"
            elif self._watch is not None and not self._watch.is_alive():
                self._end = "the watch of the Deployments has failed"
            if self._end:
                log(f"ends: {self._end}")
        return self._end is not None

    def _on_signal(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - signature of a handler
        self._end = f"signal {number}"

    def _mark(self, name: str) -> None:
        self.report.seconds[name] = round(time.monotonic() - self.began, 2)

    def _fail(self, message: str, hint: str | None, where: str | None) -> None:
        log(f"failed: {message}")
        self.report.phase = "failed"
        self.report.message, self.report.hint, self.report.where = message, hint, where

    def _write_report(self) -> None:
        # A folder that is gone ends the agent with the next look around; a full disk is no reason to end a lab.
        for path in (self.folder.report, Path(self.settings.record)):
            with contextlib.suppress(OSError):
                self.report.write(path)

    def _tear_down(self, *, keep_report: bool) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if self.kubelet is not None:
            self.kubelet.stop()
        ours = _identity(self.folder.run) == self._run_folder
        try:
            self.control_plane.delete(self.report.processes)
            # Whatever kwokctl left behind without telling its id was adopted by this process.
            end(children(), grace=0)
        finally:
            if ours:
                self.folder.remove_run(keep_report=keep_report)
                if keep_report:
                    self.report.write(self.folder.report)
            Path(self.settings.record).unlink(missing_ok=True)
        log("ended")


def reap(pids: list[int]) -> None:
    """Take the exit status of adopted processes that have ended."""
    for pid in pids:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def log(message: str) -> None:
    """Write a line to the log."""
    now = time.strftime("%Y-%m-%d %H:%M:%S")
    print(f"{now} {message}", flush=True)


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def main(arguments: list[str]) -> int:
    """Run the agent of the lab in the folder given, as a process of its own that nobody waits for."""
    if os.fork():
        # Ends the process that the caller has started, and waits for. (No thread runs yet.)
        os._exit(0)
    return Agent(LabFolder(Path(arguments[0]))).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
