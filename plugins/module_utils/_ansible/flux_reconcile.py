# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module `flux_reconcile`: a request, and its outcome.

Private to the collection.
"""

from __future__ import annotations

import typing as t

from .._errors import FluxseedError, InvalidInputError
from .._flux.reconcile import KINDS, Reconciling, Wish
from .._kubernetes.api import Api
from .border import failure
from .call import Call
from .cluster import CONNECTION_SPEC, connect

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    **CONNECTION_SPEC,
    "helm_releases": {"type": "bool", "default": False},
    "kind": {"type": "str", "choices": list(KINDS), "default": "Kustomization"},
    "name": {"type": "str", "default": "flux-system"},
    "namespace": {"type": "str", "default": "flux-system"},
    "suspended": {"type": "str", "choices": ["fail", "skip"], "default": "fail"},
    "timeout": {"type": "int", "default": 300},
    "tree": {"type": "bool", "default": True},
    "wait": {"type": "bool", "default": True},
    "with_source": {"type": "bool", "default": True},
}
CONSTRAINTS: dict[str, t.Any] = {}


def run(call: Call) -> dict[str, t.Any]:
    """Reconcile and return what the module returns; a failure comes with all that is known until then."""
    reconciling = Reconciling(wish(call), progress=call.progress)
    connection = connect(call.params)
    try:
        return reconciling.run(Api(connection)).as_result()
    except FluxseedError as error:
        return {**reconciling.outcome.as_result(), **failure(error)}
    finally:
        connection.close()


def wish(call: Call) -> Wish:
    """Return what is asked for.

    Raises:
        InvalidInputError: an option that could not work, in any cluster.
    """
    params = call.params
    for option in ("name", "namespace"):
        if not params[option].strip():
            raise InvalidInputError("is empty", where=option)
    if params["timeout"] < 1:
        raise InvalidInputError("must be at least one second", where="timeout")
    return Wish(
        kind=params["kind"],
        namespace=params["namespace"],
        name=params["name"],
        with_source=params["with_source"],
        tree=params["tree"],
        helm_releases=params["helm_releases"],
        wait=params["wait"],
        skip_suspended=params["suspended"] == "skip",
        timeout=params["timeout"],
        check_mode=call.check_mode,
    )
