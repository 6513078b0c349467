# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ..module_utils._ansible.border import failure, plain
from ..module_utils._ansible.sops_key import ARGUMENT_SPEC, CONSTRAINTS, check_names, run
from ..module_utils._errors import FluxseedError
from ..plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction):
    ARGUMENT_SPEC = ARGUMENT_SPEC
    CONSTRAINTS = CONSTRAINTS
    RUN = staticmethod(run)

    def _execute_module(self, **keywords: t.Any) -> dict[str, t.Any]:
        # A module writes its arguments to the log of its host before a line of ours runs.
        try:
            check_names(plain(self._task.args))
        except FluxseedError as error:
            return failure(error)
        return t.cast("dict[str, t.Any]", super()._execute_module(**keywords))
