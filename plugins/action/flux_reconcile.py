# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ..module_utils._ansible.flux_reconcile import ARGUMENT_SPEC, CONSTRAINTS, run
from ..plugin_utils._in_process import InProcessAction


class ActionModule(InProcessAction):
    ARGUMENT_SPEC = ARGUMENT_SPEC
    CONSTRAINTS = CONSTRAINTS
    RUN = staticmethod(run)
