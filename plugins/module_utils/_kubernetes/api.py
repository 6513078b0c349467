# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading and writing objects of one cluster by their kind and name.

Private to the collection.
"""

from __future__ import annotations

import threading
import time
import typing as t
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from .._errors import ApiError
from .connection import Connection
from .objects import Object, Reference, reference, with_data

PARALLEL = 8
"""How many requests are on their way at the same time."""
_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)

# Kinds whose address needs no discovery: plural, and whether they live in a namespace.
KNOWN: Mapping[tuple[str, str], tuple[str, bool]] = {
    ("v1", "Namespace"): ("namespaces", False),
    ("v1", "Node"): ("nodes", False),
    ("v1", "Pod"): ("pods", True),
    ("v1", "Event"): ("events", True),
    ("v1", "Secret"): ("secrets", True),
    ("v1", "ConfigMap"): ("configmaps", True),
    ("v1", "Service"): ("services", True),
    ("v1", "ServiceAccount"): ("serviceaccounts", True),
    ("v1", "ResourceQuota"): ("resourcequotas", True),
    ("v1", "LimitRange"): ("limitranges", True),
    ("apps/v1", "Deployment"): ("deployments", True),
    ("apps/v1", "ReplicaSet"): ("replicasets", True),
    ("networking.k8s.io/v1", "NetworkPolicy"): ("networkpolicies", True),
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): ("clusterroles", False),
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): ("clusterrolebindings", False),
    ("rbac.authorization.k8s.io/v1", "Role"): ("roles", True),
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): ("rolebindings", True),
    ("apiextensions.k8s.io/v1", "CustomResourceDefinition"): ("customresourcedefinitions", False),
}

_In = t.TypeVar("_In")
_Out = t.TypeVar("_Out")


class Api:
    """Objects of one cluster; safe to use from several threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._discovered: dict[str, dict[str, tuple[str, bool]]] = {}
        self._lock = threading.Lock()

    def is_served(self, api_version: str, kind: str) -> bool:
        """Return whether the cluster knows this kind in this version."""
        return self._resource(api_version, kind) is not None

    def forget(self) -> None:
        """Forget which kinds are served: new definitions were made."""
        with self._lock:
            self._discovered.clear()

    def get(self, wanted: Reference) -> Object | None:
        """Return the object, or None when it is absent, also because its kind is; any other trouble is an error."""
        if not self.is_served(wanted.api_version, wanted.kind):
            return None
        try:
            return self.connection.request("GET", self.path(wanted))
        except ApiError as exc:
            if exc.status == 404:
                return None
            raise

    def list(self, api_version: str, kind: str, namespace: str = "", *, labels: str = "") -> list[Object]:
        """Return all objects of a kind, of one namespace or (empty) of all; none when the kind is not served."""
        if not self.is_served(api_version, kind):
            return []
        query = {"labelSelector": labels} if labels else {}
        found: list[Object] = []
        while True:
            address = self.path(Reference(api_version, kind, namespace, ""))
            answer = self.connection.request("GET", address, query={"limit": "500", **query})
            # Items of a list lack what the list itself says.
            found += [{"apiVersion": api_version, "kind": kind, **item} for item in answer.get("items") or []]
            following = (answer.get("metadata") or {}).get("continue")
            if not following:
                return found
            query["continue"] = following

    def apply(self, wanted: Object, *, manager: str, dry_run: bool = False, force: bool = True) -> Object:
        """Apply on the server's side: what `manager` states is so afterwards.

        Unknown and duplicate fields are an error. A dry run returns what would be, and writes nothing. Without force
        a field that another manager has set otherwise is an error (409, with the managers among its causes).
        """
        query = {"fieldManager": manager, "force": "true" if force else "false", "fieldValidation": "Strict"}
        if dry_run:
            query["dryRun"] = "All"
        return self._write("PATCH", reference(wanted), with_data(wanted), query, "application/apply-patch+yaml")

    def merge(self, target: Reference, change: Mapping[str, t.Any], *, manager: str, subresource: str = "") -> Object:
        """Merge a few fields into an object; None deletes a field."""
        query = {"fieldManager": manager}
        return self._write("PATCH", target, change, query, "application/merge-patch+json", subresource)

    def json_patch(self, target: Reference, operations: Sequence[Mapping[str, t.Any]], *, manager: str) -> Object:
        """Change an object step by step; one `test` that fails leaves it as it is (an error with status 422)."""
        query = {"fieldManager": manager}
        return self._write("PATCH", target, list(operations), query, "application/json-patch+json")

    def delete(
        self, target: Reference, *, uid: str | None = None, version: str | None = None, propagation: str = "Background"
    ) -> bool:
        """Delete an object; return whether it was there.

        Args:
            target: the object.
            uid: delete only this very object, not another one that has got the same name since.
            version: delete it only if nobody has written it since it had this `resourceVersion`.
            propagation: what becomes of the objects that it owns: Background, Foreground or Orphan.
        """
        options: Object = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        preconditions = {name: value for name, value in (("uid", uid), ("resourceVersion", version)) if value}
        if preconditions:
            options["preconditions"] = preconditions
        try:
            self._write("DELETE", target, options, {}, "application/json")
        except ApiError as exc:
            if exc.status == 404:
                return False
            raise
        return True

    def delete_all(self, api_version: str, kind: str, namespace: str = "") -> bool:
        """Delete all objects of a kind in one namespace; finalizers may make them last."""
        return self.delete(Reference(api_version, kind, namespace, ""))

    def path(self, wanted: Reference) -> str:
        """Return the address of an object, or of a collection when the name is empty."""
        resource = self._resource(wanted.api_version, wanted.kind)
        if resource is None:
            raise ApiError(
                f"the cluster does not serve {wanted.kind} in {wanted.api_version}",
                status=404,
                reason="NotServed",
                where=str(wanted),
                hint="its CustomResourceDefinition is not there, or of another version",
            )
        plural, namespaced = resource
        parts = [_root(wanted.api_version)]
        if namespaced and wanted.namespace:
            parts.append(f"namespaces/{wanted.namespace}")
        parts.append(plural)
        if wanted.name:
            parts.append(wanted.name)
        return "/".join(parts)

    def is_namespaced(self, api_version: str, kind: str) -> bool:
        """Return whether objects of this kind live in a namespace; kinds that are not served are taken to."""
        resource = self._resource(api_version, kind)
        return resource is None or resource[1]

    def _write(
        self,
        method: str,
        target: Reference,
        body: t.Any,
        query: Mapping[str, str],
        content_type: str,
        subresource: str = "",
    ) -> Object:
        path = self.path(target) + (f"/{subresource}" if subresource else "")
        pauses = iter(_PAUSES)
        while True:
            try:
                return self.connection.request(method, path, query=query, body=body, content_type=content_type)
            except ApiError as exc:
                # Somebody else has written at the same moment; who owns a field is another matter.
                if exc.status == 409 and exc.reason == "Conflict" and not exc.causes and (pause := next(pauses, None)):
                    time.sleep(pause)
                    continue
                raise ApiError(
                    exc.message,
                    status=exc.status,
                    reason=exc.reason,
                    causes=exc.causes,
                    where=str(target),
                    hint=exc.hint,
                ) from exc

    def _resource(self, api_version: str, kind: str) -> tuple[str, bool] | None:
        known = KNOWN.get((api_version, kind))
        if known:
            return known
        with self._lock:
            if api_version not in self._discovered:
                self._discovered[api_version] = self._discover(api_version)
            return self._discovered[api_version].get(kind)

    def _discover(self, api_version: str) -> dict[str, tuple[str, bool]]:
        try:
            answer = self.connection.request("GET", _root(api_version))
        except ApiError as exc:
            if exc.status == 404:
                return {}
            raise
        return {
            entry["kind"]: (entry["name"], bool(entry.get("namespaced")))
            for entry in answer.get("resources") or []
            if "/" not in entry["name"]
        }


def concurrently(work: Callable[[_In], _Out], items: Iterable[_In]) -> list[_Out]:
    """Return the results in the order of the items; the first failure is raised after all have ended."""
    listed = list(items)
    if len(listed) < 2:
        return [work(item) for item in listed]
    with ThreadPoolExecutor(max_workers=min(PARALLEL, len(listed))) as pool:
        return list(pool.map(work, listed))


def _root(api_version: str) -> str:
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
