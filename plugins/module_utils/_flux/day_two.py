# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A ServiceAccount that can rotate, verify and reconcile, and nothing else.

Private to the collection. Seeding needs all rights, since it binds Flux to cluster-admin; what comes after
needs few. Secrets are named one by one. RBAC knows no fields: who may patch a Kustomization, for a reconcile, may
change its path as well, and Flux would follow. So an admission policy holds this account to annotations and `suspend`.
"""

from __future__ import annotations

import typing as t
from collections.abc import Container, Iterable, Mapping, Sequence

from .._kubernetes.api import Api, concurrently
from .._kubernetes.objects import Object, Reference, reference
from .wanted import Stage, Wanted

DAY_TWO = "app.kubernetes.io/component=day-two,app.kubernetes.io/part-of=flux"
"""Selects what this file makes."""
POLICY_API = "admissionregistration.k8s.io/v1"
_RBAC = "rbac.authorization.k8s.io"
_GROUPS = ("source", "kustomize", "helm", "notification", "image")
_READ = ("get", "list")
_WATCH = (*_READ, "watch")
_PATCHED = {
    "source.toolkit.fluxcd.io": ("gitrepositories", "ocirepositories", "buckets", "helmrepositories", "helmcharts"),
    "kustomize.toolkit.fluxcd.io": ("kustomizations",),
    "helm.toolkit.fluxcd.io": ("helmreleases",),
}
_UNCHANGED_SPEC = (
    "object.spec.all(key, key == 'suspend' || (key in oldObject.spec && object.spec[key] == oldObject.spec[key]))"
    " && oldObject.spec.all(key, key == 'suspend' || key in object.spec)"
)


def account_objects(
    name: str, namespace: str, secrets: Iterable[str], targets: Iterable[Reference], *, with_policy: bool = True
) -> list[Object]:
    """Return the account and what it may do.

    Args:
        name: of the ServiceAccount.
        namespace: of Flux, where the account lives.
        secrets: the Secrets there that are rotated.
        targets: the Secrets that verification compares.
        with_policy: also restrict which fields it may change; for clusters that serve admission policies.
    """
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    cluster_wide = f"{name}-{namespace}"
    readable: dict[str, set[str]] = {}
    for target in targets:
        readable.setdefault(target.namespace, set()).add(target.name)
    made = [
        _object("v1", "ServiceAccount", name, namespace, namespace),
        _role("ClusterRole", cluster_wide, "", namespace, _cluster_rules()),
        _binding("ClusterRole", cluster_wide, "", namespace, subject),
        _role("Role", name, namespace, namespace, _rules_of_flux(sorted(secrets), readable.pop(namespace, set()))),
        _binding("Role", name, namespace, namespace, subject),
    ]
    for other, names in sorted(readable.items()):
        made.append(_role("Role", name, other, namespace, [_rule("", ["secrets"], ["get"], sorted(names))]))
        made.append(_binding("Role", name, other, namespace, subject))
    return made + (_policy(cluster_wide, namespace, name) if with_policy else [])


def account_stage(api: Api, account: Reference, secrets: Iterable[Reference], targets: Iterable[Reference]) -> Stage:
    """Return the objects as a stage of a run; with a policy where the cluster serves admission policies."""
    made = account_objects(
        account.name,
        account.namespace,
        [target.name for target in secrets if target.namespace == account.namespace],
        targets,
        with_policy=api.is_served(POLICY_API, "ValidatingAdmissionPolicy"),
    )
    return Stage("day_two", [Wanted(item) for item in made])


def stale_objects(api: Api, namespace: str, wanted: Container[Reference]) -> list[Reference]:
    """Return what an earlier run has made for Flux in this namespace and is not wanted any more."""
    selector = f"{DAY_TWO},app.kubernetes.io/instance={namespace}"
    kinds = [(f"{_RBAC}/v1", kind) for kind in ("ClusterRoleBinding", "ClusterRole", "RoleBinding", "Role")]
    kinds += [(POLICY_API, "ValidatingAdmissionPolicyBinding"), (POLICY_API, "ValidatingAdmissionPolicy")]
    kinds.append(("v1", "ServiceAccount"))
    found = concurrently(lambda kind: api.list(*kind, labels=selector), kinds)
    listed = [reference(item) for items in found for item in items]
    return [target for target in listed if target not in wanted]


def _cluster_rules() -> list[Object]:
    groups = [f"{group}.toolkit.fluxcd.io" for group in _GROUPS]
    return [
        {"apiGroups": groups, "resources": ["*"], "verbs": list(_WATCH)},
        *(_rule(group, list(resources), ["patch"]) for group, resources in _PATCHED.items()),
        _rule("apiextensions.k8s.io", ["customresourcedefinitions"], _READ),
        _rule("", ["namespaces"], _READ),
        _rule(_RBAC, ["clusterroles", "clusterrolebindings"], _READ),
    ]


def _rules_of_flux(secrets: Sequence[str], readable: Iterable[str]) -> list[Object]:
    """In the namespace of Flux: see whether it works, and replace the Secrets that are not in Git."""
    rules = [
        _rule("apps", ["deployments", "replicasets"], _WATCH),
        _rule("", ["pods", "events"], _WATCH),
        _rule("", ["services", "serviceaccounts", "resourcequotas"], _READ),
        _rule("networking.k8s.io", ["networkpolicies"], _READ),
    ]
    if secrets:
        rules.append(_rule("", ["secrets"], ["get", "patch"], secrets))
    if others := sorted(set(readable) - set(secrets)):
        rules.append(_rule("", ["secrets"], ["get"], others))
    return rules


def _policy(name: str, namespace: str, account: str) -> list[Object]:
    rules = [
        {"apiGroups": [group], "apiVersions": ["*"], "operations": ["UPDATE"], "resources": list(resources)}
        for group, resources in _PATCHED.items()
    ]
    policy = _object(POLICY_API, "ValidatingAdmissionPolicy", name, "", namespace)
    policy["spec"] = {
        "failurePolicy": "Fail",
        "matchConstraints": {"resourceRules": rules},
        "matchConditions": [
            {
                "name": "is-the-account",
                "expression": f"request.userInfo.username == 'system:serviceaccount:{namespace}:{account}'",
            }
        ],
        "validations": [
            {"expression": expression, "message": "this account may change annotations and spec.suspend only"}
            for expression in (_UNCHANGED_SPEC, *map(_unchanged, ("labels", "finalizers", "ownerReferences")))
        ],
    }
    binding = _object(POLICY_API, "ValidatingAdmissionPolicyBinding", name, "", namespace)
    binding["spec"] = {"policyName": name, "validationActions": ["Deny"]}
    return [policy, binding]


def _unchanged(part: str) -> str:
    """Return an expression for metadata that stays: labels tell who owns an object, and finalizers what goes with it."""
    old, new = (
        f"(has({item}.metadata.{part}) ? dyn({item}.metadata.{part}) : dyn(null))" for item in ("oldObject", "object")
    )
    return f"{new} == {old}"


def _rule(group: str, resources: Sequence[str], verbs: Sequence[str], names: Sequence[str] = ()) -> Object:
    rule: Object = {"apiGroups": [group], "resources": list(resources), "verbs": list(verbs)}
    return {**rule, "resourceNames": list(names)} if names else rule


def _role(kind: str, name: str, namespace: str, instance: str, rules: Sequence[Object]) -> Object:
    return {**_object(f"{_RBAC}/v1", kind, name, namespace, instance), "rules": list(rules)}


def _binding(kind: str, name: str, namespace: str, instance: str, subject: Mapping[str, t.Any]) -> Object:
    return {
        **_object(f"{_RBAC}/v1", f"{kind}Binding", name, namespace, instance),
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": name},
        "subjects": [dict(subject)],
    }


def _object(api_version: str, kind: str, name: str, namespace: str, instance: str) -> Object:
    labels = {
        "app.kubernetes.io/component": "day-two",
        "app.kubernetes.io/instance": instance,
        "app.kubernetes.io/part-of": "flux",
    }
    metadata: Object = {"name": name, "labels": labels}
    if namespace:
        metadata["namespace"] = namespace
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata}
