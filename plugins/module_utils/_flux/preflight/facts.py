# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts about a cluster, read before anything else: a few requests, all at the same time.

Private to the collection. What the user may not read is unknown (None); a cluster that does not answer is an error.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..._errors import ApiError
from ..._kubernetes.api import KNOWN, Api, concurrently
from ..._kubernetes.objects import Object, Reference, reference
from ..installed import PART_OF_FLUX

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@dataclass(frozen=True)
class Facts:
    """What was read."""

    version: str
    groups: Mapping[str, Sequence[str]]
    """Versions of each API group."""
    nodes: Sequence[Object] | None
    deployments: Sequence[Object] | None
    """Those of any Flux."""
    may_do_all: bool
    """The user is an administrator; nothing else need be asked."""


class Need(t.NamedTuple):
    """Something that the user has to be allowed to do."""

    verb: str
    group: str
    resource: str
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        named = f"{what}/{self.name}" if self.name else what
        return f"{self.verb} {named}" + (f" in {self.namespace}" if self.namespace else "")


ALL = Need("*", "*", "*")


def gather(api: Api) -> Facts:
    """Ask the cluster.

    Raises:
        ApiError: it refuses even what everybody may ask, as with an expired credential.
        UnreachableError: it does not answer.
    """
    questions: list[Callable[[], t.Any]] = [
        lambda: str(api.connection.request("GET", "/version").get("gitVersion") or ""),
        lambda: _groups(api),
        lambda: _if_allowed(lambda: api.list("v1", "Node")),
        lambda: _if_allowed(lambda: api.list("apps/v1", "Deployment", labels=PART_OF_FLUX)),
        lambda: is_allowed(api, ALL),
    ]
    return Facts(*concurrently(lambda question: question(), questions))


def is_allowed(api: Api, need: Need) -> bool:
    """Ask whether the user may do something; everybody may ask that."""
    asked = {"verb": need.verb, "group": need.group, "resource": need.resource}
    asked |= {key: value for key, value in (("namespace", need.namespace), ("name", need.name)) if value}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": asked},
    }
    # A question that happens to be a POST: with the dry run nobody takes it for a write.
    answer = api.connection.request("POST", _REVIEWS, body=review, query={"dryRun": "All"})
    return bool((answer.get("status") or {}).get("allowed"))


def refused(api: Api, needs: Iterable[Need]) -> list[Need]:
    """Return what the user may not do of this."""
    asked = list(dict.fromkeys(needs))
    return [
        need
        for need, allowed in zip(asked, concurrently(lambda need: is_allowed(api, need), asked), strict=True)
        if not allowed
    ]


def resource_of(target: Reference, definitions: Sequence[Object]) -> tuple[str, str] | None:
    """Return group and resource of an object, None when only the cluster could tell."""
    group = target.api_version.rpartition("/")[0]
    known = KNOWN.get((target.api_version, target.kind))
    if known:
        return group, known[0]
    for definition in definitions:
        spec = definition.get("spec") or {}
        names = spec.get("names") or {}
        if (spec.get("group"), names.get("kind")) == (group, target.kind):
            return group, str(names.get("plural"))
    return None


def needs_to_read(targets: Iterable[Reference], definitions: Sequence[Object]) -> list[Need]:
    """Return what it takes to look at objects: Secrets are read one by one, all others may be listed."""
    needs: dict[Need, None] = {}
    for target in targets:
        found = resource_of(target, definitions)
        if found is None:
            continue
        named = target.name if target.kind == "Secret" else ""
        needs[Need("get", *found, target.namespace, named)] = None
        if target.kind != "Secret":
            needs[Need("list", *found, target.namespace)] = None
    return list(needs)


def needs_to_write(
    wanted: Iterable[Object], live: Mapping[Reference, Object], definitions: Sequence[Object]
) -> list[Need]:
    """Return what it takes to apply objects; who makes one has to be allowed to create, and to patch it."""
    needs: dict[Need, None] = {}
    for item in wanted:
        target = reference(item)
        found = resource_of(target, definitions)
        if found is None:
            continue
        needs[Need("patch", *found, target.namespace, target.name)] = None
        if target not in live:
            # A name plays no part in the right to create.
            needs[Need("create", *found, target.namespace)] = None
            bound = (item.get("roleRef") or {}).get("name")
            if bound == "cluster-admin":
                needs[Need("bind", found[0], "clusterroles", "", bound)] = None
    return list(needs)


def _groups(api: Api) -> dict[str, list[str]]:
    listed = api.connection.request("GET", "/apis").get("groups") or []
    return {str(group["name"]): [str(entry["version"]) for entry in group.get("versions") or []] for group in listed}


def _if_allowed(question: Callable[[], list[Object]]) -> list[Object] | None:
    try:
        return question()
    except ApiError as exc:
        if exc.status != 403:
            raise
        return None
