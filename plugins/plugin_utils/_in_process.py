# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Base of the action plugins that run their module in the process of Ansible itself.

Private to the collection. Saves the start of a Python process, keeps arguments out of files, and
lets long work be seen while it goes on.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ..module_utils._ansible.border import (
    ArgumentSpec,
    guarded,
    has_secrets,
    masked,
    masked_text,
    plain,
    secret_values,
    shown_params,
)
from ..module_utils._ansible.call import Call, ignore

display = Display()


class InProcessAction(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """Run `RUN` here if the connection is local without become, else the module of the same name there."""

    ARGUMENT_SPEC: t.ClassVar[ArgumentSpec]
    RUN: t.ClassVar[staticmethod[[Call], dict[str, t.Any]]]
    CONSTRAINTS: t.ClassVar[Mapping[str, t.Any]] = {}
    """`required_one_of` and the like, as in the module's `main()`."""
    ALWAYS_IN_PROCESS: t.ClassVar[bool] = False
    """The module file is documentation only."""

    _supports_async = True
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        """Do the task."""
        result: dict[str, t.Any] = super().run(tmp, task_vars)
        obstacle = self._obstacle()
        if obstacle is None:
            result.update(self._run_here())
        elif self.ALWAYS_IN_PROCESS:
            raise AnsibleActionFail(
                f"{self._task.action} runs in the process of Ansible itself, which {obstacle} does not allow; "
                "set 'connection: local' (or 'delegate_to: localhost') and 'become: false', without 'async'"
            )
        else:
            self._warn_about_files()
            wrapped = self._task.async_val
            result.update(self._execute_module(task_vars=task_vars, wrap_async=wrapped))
        return result

    def _obstacle(self) -> str | None:
        """Name what keeps the task from running in process, if anything does."""
        if self._connection.transport != "local":
            return f"the connection '{self._connection.transport}'"
        if self._play_context.become or self._connection.become:
            return "'become'"
        if self._task.async_val:
            return "'async'"
        return None

    def _warn_about_files(self) -> None:
        if not has_secrets(self.ARGUMENT_SPEC):
            return
        if self._task.async_val:
            display.warning(
                f"{self._task.action}: with 'async', Ansible keeps the arguments of the task, secrets among them, in a "
                "file on the target while it runs; run it without 'async' to avoid that"
            )
        elif not self._is_pipelining_enabled("new"):
            display.warning(
                f"{self._task.action}: without pipelining, Ansible keeps the arguments of the task, secrets among "
                "them, in a file on the target while it runs; set 'ansible_pipelining: true' to avoid that"
            )

    def _run_here(self) -> dict[str, t.Any]:
        outcome = ArgumentSpecValidator(dict(self.ARGUMENT_SPEC), **self.CONSTRAINTS).validate(plain(self._task.args))
        for warning in outcome._warnings:  # noqa: SLF001 - as AnsibleModule does
            display.warning(
                f"{self._task.action}: both '{warning['option']}' and its alias '{warning['alias']}' are set"
            )
        if outcome.error_messages:
            # Before validation is through, every part of a secret option may be in a message.
            return plain_failure(remove_values(outcome.errors.msg, outcome._no_log_values))  # noqa: SLF001
        params = plain(outcome.validated_parameters)
        secrets = secret_values(self.ARGUMENT_SPEC, params)

        def warn(message: str) -> None:
            display.warning(masked_text(message, secrets))

        def progress(message: str) -> None:
            # From a worker this is sent to the main process at once, not kept until the task ends.
            display.display(masked_text(message, secrets))

        call = Call(
            params=params,
            check_mode=bool(self._task.check_mode),
            diff_mode=bool(self._task.diff),
            progress=ignore if self._task.no_log else progress,
            warn=warn,
            vault=self._vault_file,
        )
        with self._task_environment():
            result = guarded(type(self).RUN, call)
        result["invocation"] = {"module_args": shown_params(self.ARGUMENT_SPEC, params)}
        return masked(result, secrets)

    def _vault_file(self, path: str) -> t.Any:
        from ._vault import VaultFile, play_secrets  # noqa: PLC0415 - most tasks need none

        return VaultFile(path, play_secrets(self._loader))

    @contextmanager
    def _task_environment(self) -> Iterator[None]:
        """Apply the task's `environment` keyword, which a module would find in its own process."""
        wanted: dict[str, t.Any] = {}
        self._compute_environment_string(wanted)
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update({plain(name): str(plain(value)) for name, value in wanted.items()})
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = value


def plain_failure(message: str) -> dict[str, t.Any]:
    """Return a failed result with nothing but a message."""
    return {"failed": True, "changed": False, "msg": message}
