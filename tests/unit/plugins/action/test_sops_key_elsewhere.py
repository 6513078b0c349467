# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where sops_key runs as a module, in a process of its own, a private key among its names does not get there."""

from __future__ import annotations

import os

import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from ansible_collections.fluxseed.gitops.plugins.action.sops_key import ActionModule
from ansible_collections.fluxseed.gitops.plugins.plugin_utils import _in_process

KEY = "AGE-SECRET-KEY-1CANARY"


@pytest.fixture
def started(monkeypatch) -> list[dict]:
    """What modules are started with."""
    started: list[dict] = []

    def start(self, **_keywords):
        started.append(self._task.args)
        return {"changed": False}

    monkeypatch.setattr(ActionBase, "_execute_module", start)
    # A test runner has its own idea of it.
    monkeypatch.setattr(_in_process.display, "warning", lambda _message: None)
    return started


def act(args: dict) -> dict:
    task = Task()
    task.action, task.args = "fluxseed.gitops.sops_key", args
    task.check_mode, task.diff, task.async_val = False, False, 0
    context, loader = PlayContext(), DataLoader()
    connection = connection_loader.get("local", context, os.devnull)
    connection.transport = "ssh"
    return ActionModule(task, connection, context, loader, Templar(loader=loader), None).run(task_vars={})


@pytest.mark.parametrize(
    ("args", "where"),
    [
        ({"path": KEY}, "path"),
        ({"path": f"/etc/{KEY.lower()}"}, "path"),
        ({"path": "/a", "owner": KEY}, "owner"),
        ({"vault_file": "/a", "private_variable": KEY}, "private_variable"),
        ({"vault_file": "/a", "public_variable": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n"}, "public_variable"),
        ({"kubernetes": {"data_key": KEY}}, "kubernetes.data_key"),
        ({"path": "/a", "pgp-name": KEY}, "pgp-name"),
    ],
)
def test_a_private_key_in_place_of_a_name_is_not_sent(started, args, where):
    """The module would write it to the log of its host, before a line of it runs."""
    result = act(args)
    assert (result["failed"], result["where"]) == (True, where)
    assert result["msg"] == f"{where}: a private key stands where a name is due (give it as content)"
    assert "canary" not in str(result).lower()
    assert started == []


@pytest.mark.parametrize("args", [{"path": "/a"}, {"path": "/a", "content": KEY}, {"kubernetes": {}, "api_key": KEY}])
def test_where_it_belongs_it_is_sent(started, args):
    """Those options are not logged."""
    assert act(args) == {"changed": False}
    assert started == [args]
