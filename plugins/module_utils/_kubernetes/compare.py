# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What would applying change? Compare a forced dry run on the server with what is there.

Private to the collection. The server fills in defaults and writes quantities in its own way, so
only its own answer tells whether a write is due; equal objects are never written, which keeps their
owner and their resourceVersion.
"""

from __future__ import annotations

import enum
import typing as t
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from .objects import Object, Reference, reference

# Set by the server or by controllers; no part of what is wanted.
_BOOKKEEPING = frozenset(
    {
        "managedFields",
        "resourceVersion",
        "generation",
        "uid",
        "creationTimestamp",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    }
)
MASK = "***"
_ABSENT = object()


class Action(enum.Enum):
    """What a run does to an object."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"


class Difference(t.NamedTuple):
    """One field that differs; values of Secrets are masked."""

    path: str
    before: t.Any
    after: t.Any


@dataclass(frozen=True)
class Planned:
    """One object with what is to be done to it."""

    wanted: Object = field(repr=False)
    action: Action
    differences: tuple[Difference, ...] = ()
    predicted: bool = False
    """The server could not be asked: the namespace or the definition of its kind is not there yet."""
    surplus: tuple[str, ...] = ()
    """Keys of a Secret that have to go and that applying does not remove."""
    heir: str = ""
    """Who is to own the fields of former managers; empty when there are none."""
    stored: tuple[str, ...] = ()
    """Versions of a definition in which objects may still be stored, and that have to go."""
    is_recreated: bool = False
    """An immutable field differs: the object is deleted and made anew."""
    is_kept: bool = False
    """What it says is left to somebody else; only owners and stored versions are put right."""
    is_forced: bool = False
    """Fields are taken from other managers."""

    @property
    def reference(self) -> Reference:
        """Return what identifies the object."""
        return reference(self.wanted)

    @property
    def is_due(self) -> bool:
        """Return whether there is something to write."""
        return self.action is not Action.UNCHANGED


def plan(wanted: Object, live: Object | None, outcome: Object, *, exact_data: bool = False) -> Planned:
    """Compare what is there with the outcome of a forced dry run.

    Args:
        wanted: the manifest.
        live: the object in the cluster, None when absent.
        outcome: what the dry run returned.
        exact_data: keys of a Secret that the manifest lacks are to be removed, whoever set them.
    """
    surplus: tuple[str, ...] = ()
    if exact_data:
        keys = (wanted.get("data") or {}).keys() | (wanted.get("stringData") or {}).keys()
        surplus = tuple(sorted((outcome.get("data") or {}).keys() - keys))
        outcome = {**outcome, "data": {key: outcome["data"][key] for key in sorted(keys)}}
    if live is None:
        return Planned(wanted, Action.CREATED, surplus=surplus)
    differences = tuple(compare(live, outcome))
    return Planned(wanted, Action.CONFIGURED if differences else Action.UNCHANGED, differences, surplus=surplus)


def compare(before: Object, after: Object) -> Iterator[Difference]:
    """Yield the fields that differ, bookkeeping and status left out; values of Secrets are masked."""
    is_secret = after.get("kind") == "Secret"
    for path, old, new in _walk((), _essence(before), _essence(after)):
        # Annotations too: kubectl keeps a copy of the data in one of them.
        hidden = is_secret and path[:2] != ("metadata", "labels")
        yield Difference(".".join(path), _shown(old, hidden=hidden), _shown(new, hidden=hidden))


def _essence(found: Object) -> Object:
    metadata = {key: value for key, value in (found.get("metadata") or {}).items() if key not in _BOOKKEEPING}
    rest = {key: value for key, value in found.items() if key not in {"metadata", "status"}}
    return {"metadata": metadata, **rest}


def _walk(path: tuple[str, ...], before: t.Any, after: t.Any) -> Iterator[tuple[tuple[str, ...], t.Any, t.Any]]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted(before.keys() | after.keys()):
            yield from _walk((*path, str(key)), before.get(key, _ABSENT), after.get(key, _ABSENT))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _walk((*path, str(number)), old, new)
    else:
        yield path, before, after


def _shown(value: t.Any, *, hidden: bool) -> t.Any:
    if value is _ABSENT:
        return None
    if not hidden:
        return value
    return dict.fromkeys(value, MASK) if isinstance(value, Mapping) else MASK
