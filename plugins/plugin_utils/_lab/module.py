# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module `flux_lab`.

Private to the collection.
"""

from __future__ import annotations

import time
import typing as t

from ...module_utils._ansible.call import Call
from .kept import State
from .lab import Lab

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "components": {"type": "list", "elements": "str", "default": []},
    "owner": {"type": "int"},
    "path": {"type": "path", "default": ".lab"},
    "state": {"type": "str", "choices": ["built", "started", "stopped"], "default": "started"},
}


def run(call: Call) -> dict[str, t.Any]:
    """Bring the lab into the state asked for, and return where everything is."""
    lab = Lab(call.params["path"])
    began = time.monotonic()
    wanted = call.params["state"]
    if call.check_mode:
        return _predict(lab, call)
    if wanted == "started":
        return lab.start(call.progress, owner=call.params["owner"], components=call.params["components"])
    if wanted == "built":
        built = lab.build(call.progress, components=call.params["components"])
        result = {"changed": bool(built.built), **built.facts()}
    else:
        result = {"changed": lab.stop(call.progress), **lab.facts(None, State.read(lab.folder))}
    seconds = {"total": round(time.monotonic() - began, 2)}
    return {**result, "seconds": seconds}


def _predict(lab: Lab, call: Call) -> dict[str, t.Any]:
    wanted, components = call.params["state"], call.params["components"]
    missing = lab.missing(components=components) if wanted != "stopped" else []
    # Where nothing is missing, `build` only looks.
    built = lab.build(components=components) if wanted != "stopped" and not missing else None
    if wanted == "built":
        return {"changed": bool(missing), **(built.facts() if built else {})}
    running = lab.is_running()
    changed = running or lab.folder.run.exists() if wanted == "stopped" else not running or bool(missing)
    return {"changed": changed, **lab.facts(built, State.read(lab.folder))}
