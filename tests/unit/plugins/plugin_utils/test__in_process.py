# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A task runs in the process of Ansible where it can, as its module elsewhere, with the same outcome."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.border import plain
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.plugin_utils import _in_process
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._vault import VaultFile

SPEC = {
    "path": {"type": "path", "required": True},
    "count": {"type": "int", "default": 1},
    "state": {"choices": ["present", "absent"], "default": "present"},
    "password": {"type": "str", "no_log": True},
    "content": {"type": "raw", "no_log": True},
}
SECRET = "canary-secret"


class Shown(list):
    """Stands in for the display, which a test runner has its own idea of."""

    def display(self, message):
        self.append(message)

    def warning(self, message):
        self.append(f"warning: {message}")


@pytest.fixture
def shown(monkeypatch):
    shown = Shown()
    monkeypatch.setattr(_in_process, "display", shown)
    return shown


@pytest.fixture
def act(shown):
    """Run a task and return its result."""

    def act(run, args, *, spec=None, transport="local", become=False, always=False, **keywords):
        executed = []

        class Action(_in_process.InProcessAction):
            ARGUMENT_SPEC = SPEC if spec is None else spec
            ALWAYS_IN_PROCESS = always
            RUN = staticmethod(run)

            def _execute_module(self, **kwargs):
                executed.append(kwargs)
                return {"changed": False, "ran": "as module"}

        task = Task()
        task.action, task.args = "fluxseed.gitops.example", args
        for name, value in {"check_mode": False, "diff": False, "async_val": 0, **keywords}.items():
            setattr(task, name, value)
        context = PlayContext()
        context.become = become
        connection = connection_loader.get("local", context, os.devnull)
        connection.transport = transport
        loader = DataLoader()
        action = Action(task, connection, context, loader, Templar(loader=loader), None)
        result = action.run(task_vars={})
        return SimpleNamespace(result=result, executed=executed)

    return act


def nothing(_call):
    return {"changed": False}


class TestInProcess:
    def test_parameters_are_validated_and_plain(self, act):
        """Defaults are filled in, types are those of the spec, and no value is a subclass."""
        calls = []

        def run(call):
            calls.append(call)
            return {"changed": True}

        outcome = act(run, {"path": "~/a", "count": "3", "content": {"a": [1]}})
        params = calls[0].params
        assert params == {
            "path": str(Path("~/a").expanduser()),
            "count": 3,
            "state": "present",
            "password": None,
            "content": {"a": [1]},
        }
        assert outcome.result["changed"] is True
        assert outcome.executed == []

    @pytest.mark.parametrize("check_mode", [True, False])
    @pytest.mark.parametrize("diff", [True, False])
    def test_modes_reach_the_run(self, act, check_mode, diff):
        """Check and diff mode are those of the task."""
        calls = []

        def run(call):
            calls.append(call)
            return {"changed": False}

        act(run, {"path": "/a"}, check_mode=check_mode, diff=diff)
        assert (calls[0].check_mode, calls[0].diff_mode) == (check_mode, diff)

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ({}, "missing required arguments: path"),
            ({"path": "/a", "colour": "red"}, "colour. Supported parameters include"),
            ({"path": "/a", "count": "many"}, "count"),
            ({"path": "/a", "state": "gone"}, "value of state must be one of: present, absent"),
        ],
    )
    def test_wrong_parameters_fail_before_the_run(self, act, args, message):
        """With the message that the module would give."""

        def run(_call):
            raise AssertionError("the run was started")

        result = act(run, args).result
        assert result["failed"] is True
        assert message in result["msg"]

    def test_wrong_parameters_do_not_show_secrets(self, act):
        """A secret in the wrong place is not quoted."""
        result = act(nothing, {"path": "/a", "count": SECRET, "password": SECRET}).result
        assert result["failed"]
        assert SECRET not in str(result)

    def test_secrets_in_a_result_are_masked(self, act):
        """The second net: results should hold none."""
        result = act(lambda _call: {"changed": True, "msg": f"is {SECRET}"}, {"path": "/a", "password": SECRET}).result
        assert result["msg"] == "is ********"
        assert SECRET not in str(result)

    def test_short_parts_of_content_do_not_spoil_the_result(self, act):
        """`{a: 1}` does not turn every 1 into asterisks."""
        result = act(
            lambda _call: {"changed": True, "path": "/srv/1/kind"},
            {"path": "/srv/1", "content": {"a": "1", "b": "kind"}},
        ).result
        assert result["path"] == "/srv/1/kind"
        assert result["invocation"]["module_args"]["content"] == "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"

    def test_an_error_is_a_failed_result(self, act):
        """With the parts of the message beside it."""

        def run(_call):
            raise FluxseedError(f"broken {SECRET}", where="/a", hint="repair it")

        result = act(run, {"path": "/a", "password": SECRET}).result
        assert (result["failed"], result["where"], result["hint"]) == (True, "/a", "repair it")
        assert result["msg"] == "/a: broken ******** (repair it)"

    def test_an_unexpected_error_shows_no_value(self, act):
        """Not even the text of the exception."""
        result = act(lambda call: int(call.params["password"]), {"path": "/a", "password": SECRET}).result
        assert "unexpected ValueError" in result["msg"]
        assert SECRET not in str(result)

    def test_progress_and_warnings_are_shown_masked(self, act, shown):
        """At once, in the order in which they come."""

        def run(call):
            call.progress(f"building {SECRET}")
            assert shown == ["building ********"]
            call.warn("old")
            return {"changed": False}

        act(run, {"path": "/a", "password": SECRET})
        assert shown == ["building ********", "warning: old"]

    def test_a_task_with_no_log_shows_no_progress(self, act, shown):
        """Who wants silence gets it."""

        def run(call):
            call.progress("building")
            return {"changed": False}

        act(run, {"path": "/a"}, no_log=True)
        assert shown == []

    def test_the_environment_of_the_task_holds_during_the_run(self, act, monkeypatch):
        """As it would for a module, and only as long."""
        monkeypatch.setenv("FLUXSEED_B", "before")
        monkeypatch.delenv("FLUXSEED_A", raising=False)
        seen = []

        def run(_call):
            seen.append((os.environ["FLUXSEED_A"], os.environ["FLUXSEED_B"]))
            return {"changed": False}

        act(run, {"path": "/a"}, environment=[{"FLUXSEED_A": 1, "FLUXSEED_B": "during"}])
        assert seen == [("1", "during")]
        assert "FLUXSEED_A" not in os.environ
        assert os.environ["FLUXSEED_B"] == "before"

    def test_the_run_can_open_vault_files(self, act):
        """With the passwords of the play."""
        files = []

        def run(call):
            files.append(call.vault("/a"))
            return {"changed": False}

        act(run, {"path": "/a"})
        assert isinstance(files[0], VaultFile)


class TestAsModule:
    @pytest.mark.parametrize("keywords", [{"transport": "ssh"}, {"become": True}, {"async_val": 10}])
    def test_elsewhere_the_module_runs(self, act, keywords):
        """Another connection, another user and a background job need a process of their own."""

        def run(_call):
            raise AssertionError("the run was started in process")

        outcome = act(run, {"path": "/a"}, **keywords)
        assert outcome.result["ran"] == "as module"
        assert outcome.executed[0]["wrap_async"] == keywords.get("async_val", 0)

    def test_missing_pipelining_is_warned_about(self, act, shown):
        """Arguments would lie in a file; the variable to set is named."""
        act(nothing, {"path": "/a"}, transport="ssh")
        assert len(shown) == 1
        assert "ansible_pipelining: true" in shown[0]

    def test_async_is_warned_about(self, act, shown):
        """There the arguments lie in a file whatever is set."""
        act(nothing, {"path": "/a"}, async_val=10)
        assert "without 'async'" in shown[0]

    def test_a_module_without_secrets_warns_of_nothing(self, act, shown):
        """Paths may lie in a file."""
        act(nothing, {"path": "/a"}, spec={"path": {"type": "path"}}, transport="ssh")
        assert shown == []

    @pytest.mark.parametrize(
        ("keywords", "obstacle"),
        [({"transport": "ssh"}, "connection 'ssh'"), ({"become": True}, "'become'"), ({"async_val": 10}, "'async'")],
    )
    def test_what_runs_in_process_only_says_what_stands_in_the_way(self, act, keywords, obstacle):
        """And what to set instead."""
        with pytest.raises(AnsibleActionFail, match=r"connection: local") as caught:
            act(nothing, {"path": "/a"}, always=True, **keywords)
        assert obstacle in str(caught.value)


class TestValuesOfAnsible:
    def test_tagged_strings_of_ansible_are_strings(self):
        """ansible-core 2.19 tags what comes from a playbook."""
        datatag = pytest.importorskip("ansible.module_utils._internal._datatag")
        from ansible._internal._datatag._tags import TrustedAsTemplate

        tagged = TrustedAsTemplate().tag("x")
        assert isinstance(tagged, datatag.AnsibleTaggedObject)
        assert {type(plain(tagged))} == {str}

    def test_inline_vault_values_are_opened(self):
        """A `!vault` value stands for its text."""
        yaml_objects = pytest.importorskip("ansible.parsing.vault")
        if not hasattr(yaml_objects, "EncryptedString"):
            pytest.skip("before ansible-core 2.19")
        secret = VaultSecret(b"password")
        context = yaml_objects.VaultSecretsContext
        before = context._current
        context._current = context(secrets=[("default", secret)])
        try:
            text = VaultLib().encrypt("hidden", secret=secret).decode()
            assert plain({"a": yaml_objects.EncryptedString(ciphertext=text)}) == {"a": "hidden"}
        finally:
            context._current = before
