# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every module's `main()` calls.

Private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule

from .border import ArgumentSpec, guarded, masked, plain, secret_values, shown_params
from .call import Call, Run


def run_module(argument_spec: ArgumentSpec, run: Run, **constraints: t.Any) -> None:
    """Run a module in its own process and print its result.

    `constraints` are the further arguments of `AnsibleModule` (`required_one_of`, …). Check mode is
    supported unless they say otherwise.
    """
    constraints.setdefault("supports_check_mode", True)
    module = AnsibleModule(argument_spec=argument_spec, **constraints)
    params = plain(module.params)
    # AnsibleModule looks for every part of a secret mapping, be it "1" or "kind", and would tear the result apart.
    secrets = secret_values(argument_spec, params)
    module.no_log_values = secrets
    call = Call(params=params, check_mode=module.check_mode, diff_mode=module._diff, warn=module.warn)  # noqa: SLF001
    result = guarded(run, call)
    result["invocation"] = {"module_args": shown_params(argument_spec, params)}
    result = masked(result, secrets)
    if result.pop("failed", False):
        module.fail_json(**result)
    module.exit_json(**result)
