# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of Flux in a cluster: who manages it, what follows which source, and whether it is where Git is.

Private to the collection. The facade for the module `flux_info` and the verb `flux-status`. Nothing is written.
"""

from __future__ import annotations

import datetime as dt
import typing as t
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from .._errors import ApiError, FluxError
from .._kubernetes.api import Api
from .._kubernetes.objects import Object, Reference, conditions, labels, reference
from .._kubernetes.readiness import Readiness, State, readiness
from .forest import SOURCE_KINDS, children, source_reference
from .hints import flatten, hint_for
from .installed import Installed, look
from .judgement import Request, artifact_revision, is_suspended, judge_kustomization, judge_release, judge_source
from .manifests import KUSTOMIZE_GROUP, source_of

SUSPENDED = "suspended"
_KEY_FLAG = "--sops-age-secret"
_WORDS = {
    State.CURRENT: "ready",
    State.IN_PROGRESS: "in progress",
    State.FAILED: "failed",
    State.TERMINATING: "being deleted",
}


@dataclass(frozen=True)
class Status:
    """What was found, in the form in which results have it."""

    version: str
    namespaces: Sequence[str]
    self_managed: bool
    installers: Sequence[str]
    controller_key: str
    components: Sequence[Mapping[str, t.Any]]
    sources: Sequence[Mapping[str, t.Any]]
    kustomizations: Sequence[Mapping[str, t.Any]]
    helm_releases: Sequence[Mapping[str, t.Any]]

    @property
    def failed(self) -> list[Mapping[str, t.Any]]:
        """Return what has failed."""
        every = (*self.components, *self.sources, *self.kustomizations, *self.helm_releases)
        return [entry for entry in every if entry["state"] == _WORDS[State.FAILED]]

    @property
    def is_ready(self) -> bool:
        """Return whether everything that is not suspended is ready."""
        every = (*self.components, *self.sources, *self.kustomizations, *self.helm_releases)
        return all(entry["state"] in {_WORDS[State.CURRENT], SUSPENDED} for entry in every)

    def as_result(self) -> dict[str, t.Any]:
        """Return what the module returns."""
        return {
            "version": self.version,
            "namespaces": list(self.namespaces),
            "self_managed": self.self_managed,
            "installers": list(self.installers),
            "controller_key": self.controller_key,
            "ready": self.is_ready,
            "failed_objects": [{key: entry[key] for key in ("kind", "namespace", "name")} for entry in self.failed],
            "components": [dict(entry) for entry in self.components],
            "sources": [dict(entry) for entry in self.sources],
            "kustomizations": [dict(entry) for entry in self.kustomizations],
            "helm_releases": [dict(entry) for entry in self.helm_releases],
        }


def status(api: Api, now: dt.datetime | None = None) -> Status:
    """Look at all of Flux in a cluster.

    Raises:
        FluxError: there is no Flux.
        ApiError: the cluster refused a question.
        UnreachableError: it did not answer.
    """
    found = look(api)
    if not found.kinds:
        raise FluxError("Flux is not installed", where=api.connection.server, hint="flux_seed brings it")
    listed = {kind: _listed(api, found, kind) for kind in (*SOURCE_KINDS, "Kustomization", "HelmRelease")}
    secrets = {
        target: api_secret(api, target) for item in listed["Kustomization"] if (target := decryption_target(item))
    }
    return describe(found, listed, secrets, now or dt.datetime.now(dt.UTC))


def api_secret(api: Api, target: Reference) -> Sequence[str] | None:
    """Return the names of the entries of a Secret, none when it is absent, None when it may not be read."""
    try:
        return sorted((api.get(target) or {}).get("data") or {})
    except ApiError as exc:
        if exc.status in {401, 403}:
            return None
        raise


def describe(
    found: Installed,
    listed: Mapping[str, Sequence[Object]],
    secrets: Mapping[Reference, Sequence[str] | None],
    now: dt.datetime,
) -> Status:
    """Put together what was read; pure."""
    sources = {reference(item): item for kind in SOURCE_KINDS for item in listed[kind]}
    versions = [labels(item).get("app.kubernetes.io/version") or "" for item in found.deployments]
    definitions = [item for item in found.definitions if reference(item).name.startswith("gitrepositories.")]
    return Status(
        version=next(filter(None, versions), ""),
        namespaces=found.namespaces,
        self_managed=any(f"{KUSTOMIZE_GROUP}/name" in labels(item) for item in definitions),
        installers=found.managers,
        controller_key=next(filter(None, map(_key_of_controller, found.deployments)), ""),
        components=[_component(item, now) for item in found.deployments],
        sources=[_source(item, now) for item in sources.values()],
        kustomizations=list(_tree(listed["Kustomization"], sources, secrets, now)),
        helm_releases=[_release(item, now) for item in listed["HelmRelease"]],
    )


def decryption_target(kustomization: Object) -> Reference | None:
    """Return the Secret with which a Kustomization decrypts, None when it names none."""
    decryption = (kustomization.get("spec") or {}).get("decryption") or {}
    name = (decryption.get("secretRef") or {}).get("name")
    return Reference("v1", "Secret", reference(kustomization).namespace, str(name)) if name else None


def _tree(
    listed: Iterable[Object],
    sources: Mapping[Reference, Object],
    secrets: Mapping[Reference, Sequence[str] | None],
    now: dt.datetime,
) -> Iterable[dict[str, t.Any]]:
    """Yield all Kustomizations, each below the one that has applied it."""
    every = {reference(item): item for item in listed}
    below = {
        target: [kid for kid in children(item, target.api_version) if kid in every] for target, item in every.items()
    }
    owned = {kid for target, kids in below.items() for kid in kids if kid != target}
    # What only circles own would be left out; Flux itself applies its own root.
    pending = [(target, 0, "") for target in reversed([*sorted(every.keys() - owned), *sorted(owned)])]
    shown: set[Reference] = set()
    while pending:
        target, depth, parent = pending.pop()
        if target in shown:
            continue
        shown.add(target)
        yield {**_kustomization(every[target], sources, secrets, now), "depth": depth, "parent": parent}
        path = f"{target.namespace}/{target.name}"
        pending += [(kid, depth + 1, path) for kid in sorted(below[target], reverse=True)]


def _kustomization(
    found: Object,
    sources: Mapping[Reference, Object],
    secrets: Mapping[Reference, Sequence[str] | None],
    now: dt.datetime,
) -> dict[str, t.Any]:
    spec, state = found.get("spec") or {}, found.get("status") or {}
    following = next((source_reference(found, target.api_version) for target in sources), None)
    wanted = artifact_revision(sources.get(following)) if following else ""
    kind, namespace, name = source_of(found)
    return {
        **_entry(found, judge_kustomization(found, Request(revision=wanted or None)), now),
        "revision": state.get("lastAppliedRevision") or "",
        "attempted_revision": state.get("lastAttemptedRevision") or "",
        "path": str(spec.get("path") or ""),
        "source": {"kind": kind, "namespace": namespace, "name": name, "revision": wanted},
        "depends_on": [
            f"{entry.get('namespace') or reference(found).namespace}/{entry.get('name')}"
            for entry in spec.get("dependsOn") or []
        ],
        "prune": bool(spec.get("prune")),
        "decryption": _decryption(found, secrets),
    }


def _decryption(found: Object, secrets: Mapping[Reference, Sequence[str] | None]) -> dict[str, t.Any] | None:
    decryption = (found.get("spec") or {}).get("decryption")
    if not decryption:
        return None
    target = decryption_target(found)
    entries = secrets.get(target) if target else None
    return {
        "provider": str(decryption.get("provider") or ""),
        "secret": target.name if target else "",
        "service_account": str(decryption.get("serviceAccountName") or ""),
        "secret_exists": None if entries is None else bool(entries),
        "entries": list(entries or ()),
    }


def _source(found: Object, now: dt.datetime) -> dict[str, t.Any]:
    spec = found.get("spec") or {}
    return {
        **_entry(found, judge_source(found), now),
        "revision": artifact_revision(found),
        "url": str(spec.get("url") or spec.get("endpoint") or ""),
        "secret": str((spec.get("secretRef") or {}).get("name") or ""),
    }


def _release(found: Object, now: dt.datetime) -> dict[str, t.Any]:
    history = (found.get("status") or {}).get("history") or [{}]
    return {**_entry(found, judge_release(found), now), "revision": str(history[0].get("chartVersion") or "")}


def _component(found: Object, now: dt.datetime) -> dict[str, t.Any]:
    containers = (((found.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or [{}]
    return {
        **_entry(found, readiness(found), now, told_by="Available"),
        "version": labels(found).get("app.kubernetes.io/version") or "",
        "image": str(containers[0].get("image") or ""),
    }


def _entry(found: Object, judged: Readiness, now: dt.datetime, told_by: str = "Ready") -> dict[str, t.Any]:
    """Return what every object has."""
    suspended = is_suspended(found)
    word = SUSPENDED if suspended and judged.state is not State.TERMINATING else _WORDS[judged.state]
    condition = conditions(found).get(told_by) or {}
    told = flatten(f"{condition.get('reason') or ''}: {condition.get('message') or ''}").strip(": ")
    return {
        **reference(found).entry,
        "state": word,
        "suspended": suspended,
        "message": judged.message if judged.state is State.FAILED else told or judged.message,
        "hint": hint_for(judged.message) or "" if judged.state is State.FAILED else "",
        "age": _age(condition.get("lastTransitionTime"), now),
        "managers": managers(found),
    }


def managers(found: Object) -> list[str]:
    """Return who owns fields of an object, its status left out."""
    listed = (found.get("metadata") or {}).get("managedFields") or []
    return sorted({str(entry.get("manager") or "") for entry in listed if not entry.get("subresource")})


def _age(since: t.Any, now: dt.datetime) -> int | None:
    try:
        began = dt.datetime.fromisoformat(str(since))
    except ValueError:
        return None
    return max(0, int((now - began).total_seconds()))


def _key_of_controller(deployment: Object) -> str:
    """Return the Secret of `--sops-age-secret`, with which a controller decrypts where a Kustomization names none."""
    containers = (((deployment.get("spec") or {}).get("template") or {}).get("spec") or {}).get("containers") or []
    arguments = [str(argument) for container in containers for argument in container.get("args") or []]
    for argument, following in zip(arguments, [*arguments[1:], ""], strict=False):
        name, _equals, value = argument.partition("=")
        if name == _KEY_FLAG:
            return value or following
    return ""


def _listed(api: Api, found: Installed, kind: str) -> list[Object]:
    served = found.kind(kind)
    return api.list(served.api_version, kind) if served else []
