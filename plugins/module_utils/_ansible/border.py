# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The border between Ansible and a run: plain values in, failures and masked values out.

Private to the collection. Used by modules and action plugins alike, so that both behave the same.
"""

from __future__ import annotations

import datetime as dt
import typing as t
from collections.abc import Iterator, Mapping, Sequence

from ansible.module_utils.common.parameters import remove_values

from .._errors import FluxseedError, InvalidInputError, MissingLibraryError, NotReadyError, unexpected
from .._sops import private_keys
from .call import Call, Run

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
SHORTEST_MASKED = 8
"""Masking shorter values would turn paths, counts and messages into asterisks and hide next to nothing."""

ArgumentSpec = Mapping[str, Mapping[str, t.Any]]


_EXACT: Mapping[type, t.Callable[[t.Any], t.Any]] = {
    # Called on the type: a subclass may answer with itself.
    str: str.__str__,
    int: int.__int__,
    float: float.__float__,
    dt.date: lambda value: value.isoformat(),  # what a module gets, through JSON
}


def plain(value: t.Any) -> t.Any:
    """Return the value as exact built-in types.

    Ansible hands over subclasses that carry tags, decrypt or template on access; YAML emitters and
    type comparisons trip over them.
    """
    if value is None or isinstance(value, bool):
        return value
    for kind, exact in _EXACT.items():
        if isinstance(value, kind):
            return exact(value)
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):  # also Ansible's own lists, which template on access
        return [plain(item) for item in value]
    if type(value).__module__.partition(".")[0] == "ansible":
        return str.__str__(str(value))  # inline Vault values, which are no strings but stand for one
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    raise InvalidInputError(f"a value of the Python type {type(value).__name__} cannot be used here")


def guarded(run: Run, call: Call) -> dict[str, t.Any]:
    """Call `run`; whatever it raises becomes a failed result without values and without a traceback."""
    try:
        return run(call)
    except FluxseedError as error:
        return failure(error)
    except Exception as exc:  # noqa: BLE001 - the message of a foreign exception may hold a secret
        return {"failed": True, "msg": unexpected(exc), "hint": "this is a bug of the collection, please report it"}


def failure(error: FluxseedError) -> dict[str, t.Any]:
    """Return the failed result for an error: `msg` in full, its parts for programs beside it."""
    result: dict[str, t.Any] = {"failed": True, "msg": str(error)}
    if error.where:
        result["where"] = error.where
    if error.hint:
        result["hint"] = error.hint
    if isinstance(error, MissingLibraryError):
        result["library"] = error.library
    if isinstance(error, NotReadyError) and error.events:
        result["events"] = list(error.events)
    return result


def secret_values(spec: ArgumentSpec, params: Mapping[str, t.Any]) -> set[str]:
    """Return the secret strings among the parameters that masking has to look for.

    Options that hold text (`str`, `path`, lists of them) count as a whole. A mapping or raw value is
    opaque: it mixes secrets with names that are used everywhere (`kind: Secret`), so its parts are
    not looked for; it is kept out of logs and results instead. What another option shows in
    clear is no secret either.
    """
    shown = "\n".join(_strings(spec, params, secret=False))
    return {
        value for value in _strings(spec, params, secret=True) if len(value) >= SHORTEST_MASKED and value not in shown
    }


def shown_params(spec: ArgumentSpec, params: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Return the parameters as they may be shown: whatever is `no_log` is replaced."""
    shown: dict[str, t.Any] = {}
    for name, value in params.items():
        option = spec.get(name, {})
        if value is not None and option.get("no_log"):
            shown[name] = HIDDEN
        elif option.get("options") and isinstance(value, Mapping):
            shown[name] = shown_params(option["options"], value)
        elif option.get("options") and isinstance(value, list):
            shown[name] = [shown_params(option["options"], item) for item in value if isinstance(item, Mapping)]
        else:
            shown[name] = value
    return shown


def masked(result: Mapping[str, t.Any], secrets: set[str]) -> dict[str, t.Any]:
    """Return the result with every secret in its texts replaced: the second net, results hold none.

    Private keys are replaced wherever they come from, such as an option that is for public ones.
    """
    clean: dict[str, t.Any] = _without_private_keys(plain(remove_values(dict(result), secrets)))
    # Flags stay flags, and keep Ansible's own contract.
    clean.update({key: value for key, value in result.items() if value is None or isinstance(value, bool)})
    return clean


def masked_text(text: str, secrets: set[str]) -> str:
    """Return one line for the screen with every secret in it replaced."""
    return str(_without_private_keys(plain(remove_values(text, secrets))))


def _without_private_keys(value: t.Any) -> t.Any:
    if isinstance(value, str):
        return private_keys.masked(value)
    if isinstance(value, dict):
        return {name: _without_private_keys(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_without_private_keys(item) for item in value]
    return value


def has_secrets(spec: ArgumentSpec) -> bool:
    """Tell whether any option, at any depth, is marked as `no_log`."""
    return any(option.get("no_log") or has_secrets(option.get("options") or {}) for option in spec.values())


def _strings(spec: ArgumentSpec, params: Mapping[str, t.Any], *, secret: bool) -> Iterator[str]:
    for name, option in spec.items():
        value = params.get(name)
        if value is None:
            continue
        if option.get("options") and not option.get("no_log"):
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, Mapping):
                    yield from _strings(option["options"], item, secret=secret)
        elif bool(option.get("no_log")) is secret:
            yield from _leaves(option, value, secret=secret)


def _leaves(option: Mapping[str, t.Any], value: t.Any, *, secret: bool) -> Iterator[str]:
    if secret and option.get("type", "str") in {"dict", "raw", "json", "jsonarg"}:
        return
    if isinstance(value, str):
        yield value
        if secret and value.strip() != value:
            yield value.strip()
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves({}, item, secret=secret)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves({}, item, secret=secret)
