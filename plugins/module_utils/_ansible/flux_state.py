# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states of `flux_seed` for which Git plays no part: halted, going on, and taken out of the cluster.

Private to the collection.
"""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable

from .._errors import FluxseedError, InvalidInputError
from .._flux.removal import Removal
from .._flux.suspension import Suspension
from .._kubernetes.api import Api
from .._kubernetes.connection import Connection
from .border import failure
from .call import Call


def change_state(call: Call, connect: Callable[[], Connection]) -> dict[str, t.Any]:
    """Bring the cluster to the state; a failure comes with all that was done until then.

    Raises:
        InvalidInputError: a removal that nobody has confirmed, or a parameter that could not work.
    """
    params, started = call.params, time.monotonic()
    if params["timeout"] < 1:
        raise InvalidInputError("must be at least one second", where="timeout")
    if params["state"] == "absent" and not params["confirm"]:
        raise InvalidInputError(
            "Flux, its definitions and all objects of its kinds would be deleted, in all namespaces",
            where="state: absent",
            hint="the workloads stay; say confirm: true if that is what you want, or try it in check mode with it",
        )
    connection = connect()
    try:
        work = _work(call, Api(connection))
        try:
            work.run()
        except FluxseedError as error:
            return {**work.as_result(), **failure(error)}
        result = work.as_result()
    finally:
        connection.close()
    result["seconds"] = {"total": round(time.monotonic() - started, 3)}
    return result


def _work(call: Call, api: Api) -> Removal | Suspension:
    params = call.params
    if params["state"] == "absent":
        return Removal(api, timeout=params["timeout"], check_mode=call.check_mode, progress=call.progress)
    return Suspension(
        api,
        suspend=params["state"] == "suspended",
        helm_releases=bool(params.get("helm_releases")),
        check_mode=call.check_mode,
        progress=call.progress,
    )
