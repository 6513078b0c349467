# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module `flux_info`: the state of Flux in a cluster.

Private to the collection.
"""

from __future__ import annotations

import typing as t

from .._flux.info import status
from .._flux.info_table import lines
from .._kubernetes.api import Api
from .call import Call
from .cluster import CONNECTION_SPEC, connect

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {**CONNECTION_SPEC}
CONSTRAINTS: dict[str, t.Any] = {}


def run(call: Call) -> dict[str, t.Any]:
    """Look, and return what the module returns."""
    connection = connect(call.params)
    try:
        found = status(Api(connection))
    finally:
        connection.close()
    return {"changed": False, **found.as_result(), "report": lines(found)}
