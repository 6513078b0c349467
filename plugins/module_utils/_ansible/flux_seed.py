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
from pathlib import Path

from .._errors import FluxseedError, InvalidInputError
from .._flux.secrets import KEY_SUFFIX
from .._flux.seeding import Seeding, Settings
from .._git.program import Credential, check_url
from .._kubernetes.connection import Connection
from .border import failure
from .call import Call

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "age_public_key": {"type": "str", "no_log": False},
    "context": {"type": "str"},
    "decryption_keys": {
        "type": "list",
        "elements": "dict",
        "no_log": False,
        "options": {
            "content": {"type": "str", "required": True, "no_log": True},
            "name": {"type": "str", "default": "age.agekey"},
        },
    },
    "git_credentials": {
        "type": "dict",
        "options": {
            "password": {"type": "str", "required": True, "no_log": True},
            "username": {"type": "str", "default": "git"},
        },
    },
    "kubeconfig": {"type": "raw", "no_log": True},
    "preflight": {"type": "str", "choices": ["enforce", "warn", "only", "skip"], "default": "enforce"},
    "source": {
        "type": "dict",
        "required": True,
        "options": {
            "branch": {"type": "str", "default": "main"},
            "checkout": {"type": "path"},
            "path": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
        },
    },
    "timeout": {"type": "int", "default": 300},
    "verify": {"type": "bool", "default": True},
}
CONSTRAINTS: dict[str, t.Any] = {}


def run(call: Call) -> dict[str, t.Any]:
    """Seed the cluster and return what the module returns; a failure comes with all that is known until then."""
    params = call.params
    seeding = Seeding(
        settings(params, check_mode=call.check_mode),
        lambda: Connection.from_kubeconfig(_kubeconfig(params.get("kubeconfig")), params.get("context")),
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
    source, credentials = params["source"], params.get("git_credentials")
    check_url(source["url"])
    for option in ("branch", "path"):
        if not source[option].strip():
            raise InvalidInputError("is empty", where=f"source.{option}")
    if params["timeout"] < 1:
        raise InvalidInputError("must be at least one second", where="timeout")
    if credentials and not credentials["password"]:
        raise InvalidInputError("is empty", where="git_credentials.password", hint="is the variable for it set?")
    keys = [(entry["name"], entry["content"]) for entry in params.get("decryption_keys") or []]
    for name, content in keys:
        if not name.endswith(KEY_SUFFIX):
            raise InvalidInputError(
                f"{name} does not end in {KEY_SUFFIX}",
                where="decryption_keys.name",
                hint="Flux takes no notice of other names",
            )
        if not content.strip():
            raise InvalidInputError("is empty", where=f"decryption_keys: {name}", hint="is the variable for it set?")
    if len({name for name, _content in keys}) < len(keys):
        raise InvalidInputError("two keys have the same name", where="decryption_keys")
    return Settings(
        url=source["url"],
        branch=source["branch"],
        path=source["path"],
        checkout=source.get("checkout"),
        credential=Credential(credentials["username"], credentials["password"]) if credentials else None,
        keys=tuple(keys),
        age_public_key=params.get("age_public_key"),
        preflight=params["preflight"],
        verify=params["verify"],
        timeout=params["timeout"],
        check_mode=check_mode,
    )


def _kubeconfig(given: t.Any) -> str | Mapping[str, t.Any] | None:
    if given is None or isinstance(given, Mapping):
        return given
    if isinstance(given, str):
        return os.pathsep.join(str(Path(path).expanduser()) for path in given.split(os.pathsep)) if given else None
    raise InvalidInputError("must be a path or a mapping", where="kubeconfig")
