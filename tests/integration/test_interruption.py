# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A play that is killed leaves nothing that the next run cannot finish."""

from __future__ import annotations

import os
import signal
import subprocess
import time

import pytest
from homelab import Homelab

pytestmark = pytest.mark.lab

MOMENTS = [1.5, 2.5, 3.5, 4.5, 5.5, 7.0]
"""Seconds after the start of the play: from the key over the repository to the last stage of the seed."""


def kill_after(homelab: Homelab, seconds: float) -> bool:
    """Start the play, kill all its processes at once; return whether it was still running."""
    environment = {**os.environ, "PATH": f"{homelab.bin}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("KUBECONFIG", None)
    play = subprocess.Popen(
        [str(word) for word in homelab.playbook_command("fluxseed.gitops.provision")],
        cwd=homelab.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(seconds)
    running = play.poll() is None
    if running:
        os.killpg(play.pid, signal.SIGKILL)
    play.wait()
    return running


def test_killed_at_many_points_it_converges_in_the_end(homelab: Homelab) -> None:
    """Each run goes on from where the one before was killed; the last one is left alone."""
    killed = [kill_after(homelab, seconds) for seconds in MOMENTS]
    assert any(killed)
    homelab.provision()
    assert sorted(homelab.secrets()) == ["apps/database", "apps/registry", "monitoring/grafana-admin"]
    assert homelab.provision().changed == 0
