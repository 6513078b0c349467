# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events that a cluster keeps about an object for an hour or so.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable

from .._errors import KubernetesError
from .api import Api
from .objects import Object, Reference

LIMIT = 3


def warnings_about(api: Api, target: Reference, *, limit: int = LIMIT) -> tuple[str, ...]:
    """Return the last warnings about an object, the newest at the end; none when they may not be read."""
    # Those of objects without a namespace are kept in `default`.
    where = Reference("v1", "Event", target.namespace or "default", "")
    selector = f"type=Warning,involvedObject.kind={target.kind},involvedObject.name={target.name}"
    try:
        answer = api.connection.request("GET", api.path(where), query={"fieldSelector": selector}, timeout=5)
    except KubernetesError:
        # They are told along with a failure, which must not be lost for want of them.
        return ()
    return latest(answer.get("items") or [], limit)


def latest(events: Iterable[Object], limit: int = LIMIT) -> tuple[str, ...]:
    """Return reason and message of the newest events; what was said several times is told once."""
    told: dict[str, None] = {}
    for event in sorted(events, key=_moment):
        text = " ".join(f"{event.get('reason') or ''}: {event.get('message') or ''}".split())
        told.pop(text, None)
        told[text] = None
    return tuple(told)[-limit:]


def _moment(event: t.Mapping[str, t.Any]) -> str:
    series = event.get("series") or {}
    moments = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    return next((str(moment) for moment in moments if moment), "")
