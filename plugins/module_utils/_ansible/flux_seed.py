# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module `flux_seed`: parameters in, a seeded and proven cluster out.

Private to the collection.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Mapping

from .._errors import FluxseedError, InvalidInputError
from .._flux.seeding import Seeding
from .._flux.settings import Settings
from .border import failure
from .call import Call
from .cluster import CONNECTION_SPEC, connect
from .flux_inputs import INPUT_SPEC, inputs
from .flux_state import change_state

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "age_public_key": {"type": "str", "no_log": False},
    "confirm": {"type": "bool", "default": False},
    "day_two_service_account": {"type": "str"},
    "force_components": {"type": "bool", "default": False},
    "helm_releases": {"type": "bool", "default": False},
    "preflight": {"type": "str", "choices": ["enforce", "warn", "only", "skip"], "default": "enforce"},
    "state": {"type": "str", "choices": ["present", "absent", "suspended", "resumed"], "default": "present"},
    "timeout": {"type": "int", "default": 300},
    "verify": {"type": "bool", "default": True},
    **CONNECTION_SPEC,
    **INPUT_SPEC,
}
CONSTRAINTS: dict[str, t.Any] = {"required_if": [("state", "present", ("source",))]}


def run(call: Call) -> dict[str, t.Any]:
    """Seed the cluster and return what the module returns; a failure comes with all that is known until then."""
    params = call.params
    if params.get("state", "present") != "present":
        return change_state(call, lambda: connect(params))
    seeding = Seeding(
        settings(params, check_mode=call.check_mode),
        lambda: connect(params),
        environment=os.environ,
        progress=call.progress,
        warn=call.warn,
    )
    try:
        outcome = seeding.run()
    except FluxseedError as error:
        return {**seeding.outcome.as_result(), **failure(error)}
    result = outcome.as_result()
    if call.diff_mode:
        result["diff"] = outcome.as_diff()
    return result


def settings(params: Mapping[str, t.Any], *, check_mode: bool) -> Settings:
    """Return what is to be so.

    Raises:
        InvalidInputError: a parameter that could not work, in any cluster.
    """
    found = inputs(params)
    if params["timeout"] < 1:
        raise InvalidInputError("must be at least one second", where="timeout")
    return Settings(
        **found,
        age_public_key=params.get("age_public_key"),
        preflight=params["preflight"],
        verify=params["verify"],
        day_two_service_account=params.get("day_two_service_account") or "",
        timeout=params["timeout"],
        check_mode=check_mode,
        force_components=params["force_components"],
        helm_releases=params["helm_releases"],
    )
