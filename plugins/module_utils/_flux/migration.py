# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stored versions: before a definition drops a version, no object may be stored in it any more.

Private to the collection. What `flux migrate` does: each object of the kind is written once, which
stores it in the present version, and then the definition forgets the old one. It may be interrupted
anywhere: as long as the definition names the old version, the next run does all of it again.
"""

from __future__ import annotations

import time
import typing as t
from collections.abc import Callable, Iterable, Mapping

from .._errors import ApiError
from .._kubernetes.api import Api, concurrently
from .._kubernetes.objects import Object, Reference, reference
from .._kubernetes.ownership import in_version, replacing

_SETTLE = 2.0
"""Seconds that an API server has to notice a new storage version; it does not tell when it has."""
_ATTEMPTS = 8


def stored_versions(definition: Mapping[str, t.Any]) -> list[str]:
    """Return the versions in which objects may be stored."""
    return list((definition.get("status") or {}).get("storedVersions") or [])


def dropped(live: Mapping[str, t.Any], wanted: Mapping[str, t.Any]) -> tuple[str, ...]:
    """Return the stored versions that a new definition does not have; the API refuses it because of them."""
    names = {version["name"] for version in _versions(wanted)}
    return tuple(version for version in stored_versions(live) if version not in names)


def storage_version(definition: Mapping[str, t.Any]) -> str:
    """Return the version in which objects are stored from now on."""
    return next((version["name"] for version in _versions(definition) if version.get("storage")), "")


def transition(live: Mapping[str, t.Any], wanted: Object) -> Object:
    """Return the new definition with the stored versions of the old one still in it, which the API accepts."""
    gone = dropped(live, wanted)
    old = [{**version, "storage": False} for version in _versions(live) if version["name"] in gone]
    return {**wanted, "spec": {**wanted["spec"], "versions": [*_versions(wanted), *old]}}


def migrate(api: Api, live: Object, wanted: Object, *, manager: str, progress: Callable[[str], None]) -> None:
    """Rewrite every object of a definition in the storage version of the new one, and forget all others.

    Raises:
        ApiError: an object could not be rewritten; the definition still names its version then.
    """
    target, version = reference(live), storage_version(wanted)
    if storage_version(live) != version:
        api.apply(transition(live, wanted), manager=manager)
        time.sleep(_SETTLE)
        api.forget()
    names = live["spec"]["names"]
    api_version = f"{live['spec']['group']}/{version}"
    found = api.list(api_version, names["kind"])
    concurrently(lambda item: _rewrite(api, item, manager), found)
    api.merge(target, {"status": {"storedVersions": [version]}}, manager=manager, subresource="status")
    progress(f"{target}: {len(found)} objects rewritten as {version}")


def _rewrite(api: Api, found: Object, manager: str) -> None:
    target: Reference = reference(found)
    current: Object | None = found
    for attempt in range(_ATTEMPTS):
        if current is None:
            return
        entries = in_version(current, target.api_version)
        try:
            if entries:
                api.json_patch(target, replacing(current, entries), manager=manager)
            else:
                api.merge(target, {}, manager=manager)
        except ApiError as exc:
            # Its controller has written it in between; or it is gone, which will do as well.
            if exc.status not in {404, 409, 422} or attempt == _ATTEMPTS - 1:
                raise
            current = api.get(target)
            continue
        return


def _versions(definition: Mapping[str, t.Any]) -> Iterable[t.Any]:
    return (definition.get("spec") or {}).get("versions") or []
