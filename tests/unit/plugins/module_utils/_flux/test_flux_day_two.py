# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the account for day two may do; that it works is shown on the lab."""

from __future__ import annotations

import itertools

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.day_two import account_objects
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference, reference

TARGETS = [
    Reference("v1", "Secret", "apps", "database"),
    Reference("v1", "Secret", "apps", "registry"),
    Reference("v1", "Secret", "flux-system", "webhook"),
]


def made(**more):
    found = account_objects("day-two", "flux-system", ["flux-system", "sops-age"], TARGETS, **more)
    return {reference(item): item for item in found}


def rules(found):
    """All rules, each with the namespace of its role."""
    return [(target.namespace, rule) for target, item in found.items() for rule in item.get("rules", [])]


def test_every_secret_is_named():
    about_secrets = [(namespace, rule) for namespace, rule in rules(made()) if "secrets" in rule["resources"]]
    assert [(namespace, rule["verbs"], rule["resourceNames"]) for namespace, rule in about_secrets] == [
        ("flux-system", ["get", "patch"], ["flux-system", "sops-age"]),
        ("flux-system", ["get"], ["webhook"]),
        ("apps", ["get"], ["database", "registry"]),
    ]


def test_nothing_is_created_deleted_or_escalated():
    verbs = set(itertools.chain(*(rule["verbs"] for _namespace, rule in rules(made()))))
    assert verbs == {"get", "list", "watch", "patch"}
    patched = {group for _namespace, rule in rules(made()) if "patch" in rule["verbs"] for group in rule["apiGroups"]}
    assert patched == {"", "source.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io", "helm.toolkit.fluxcd.io"}
    cluster_wide = [rule for namespace, rule in rules(made()) if not namespace]
    assert not any({"secrets", "pods"} & set(rule["resources"]) for rule in cluster_wide)


def test_all_of_it_is_found_again_by_its_labels():
    wanted = {"app.kubernetes.io/component": "day-two", "app.kubernetes.io/instance": "flux-system", "app.kubernetes.io/part-of": "flux"}  # fmt: skip
    assert all(item["metadata"]["labels"] == wanted for item in made().values())


def test_the_policy_is_left_out_where_the_cluster_has_none():
    kinds = {target.kind for target in made(with_policy=False)}
    assert kinds == {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"}
    policy = next(item for target, item in made().items() if target.kind == "ValidatingAdmissionPolicy")
    assert policy["spec"]["matchConditions"][0]["expression"].endswith("'system:serviceaccount:flux-system:day-two'")
