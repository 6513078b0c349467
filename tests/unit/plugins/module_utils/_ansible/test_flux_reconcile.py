# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""flux_reconcile and flux_info at the border, on a server that plays a cluster: options, refusals, results."""

from __future__ import annotations

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fluxseed.gitops.plugins.doc_fragments._kubernetes import ModuleDocFragment
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible import border, flux_info, flux_reconcile
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.modules import flux_info as info_module
from ansible_collections.fluxseed.gitops.plugins.modules import flux_reconcile as reconcile_module
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    kubeconfig,
    served,
    status,
)

HEAD = "main@sha1:" + "a" * 40
SOURCES, KUSTOMIZE = "source.toolkit.fluxcd.io/v1", "kustomize.toolkit.fluxcd.io/v1"


def cluster(*, suspended=()):
    """A source, a root and a child at rest, and a controller that answers a request at once."""
    fake = FakeApi()
    fake.groups = {
        SOURCES: [("GitRepository", "gitrepositories", True), ("Bucket", "buckets", True)],
        KUSTOMIZE: [("Kustomization", "kustomizations", True)],
    }
    named = [("GitRepository", "flux-system"), ("Kustomization", "flux-system"), ("Kustomization", "apps")]
    for kind, name in named:
        entries = [{"id": "flux-system_apps_kustomize.toolkit.fluxcd.io_Kustomization"}]
        reported = {
            "observedGeneration": 1,
            "artifact": {"revision": HEAD},
            "lastAppliedRevision": HEAD,
            "lastAttemptedRevision": HEAD,
            "conditions": [{"type": "Ready", "status": "True", "reason": "R", "message": "m"}],
            "inventory": {"entries": entries if name == "flux-system" else []},
        }
        group, plural = (SOURCES, "gitrepositories") if kind == "GitRepository" else (KUSTOMIZE, "kustomizations")
        fake.objects[f"/apis/{group}/namespaces/flux-system/{plural}/{name}"] = {
            "apiVersion": group,
            "kind": kind,
            "metadata": {"namespace": "flux-system", "name": name, "generation": 1, "resourceVersion": "5"},
            "spec": {
                "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
                "suspend": (kind, name) in suspended,
            },
            "status": reported,
        }

    def answer(method, path, query):
        if "watch" in query:
            # Whoever follows has to list anew, which is all that this fake can do.
            return 410, status("Expired", "too old", 410)
        if method == "PATCH":
            asked = fake.bodies[-1]["metadata"]["annotations"]["reconcile.fluxcd.io/requestedAt"]
            fake.objects[path]["status"]["lastHandledReconcileAt"] = asked
        return None

    fake.script = answer
    return fake


def reconcile(fake, *, check_mode=False, **options):
    with served(fake) as connection:
        given = {"kubeconfig": kubeconfig(connection.server), "timeout": 10, **options}
        validated = ArgumentSpecValidator(flux_reconcile.ARGUMENT_SPEC).validate(given)
        assert validated.error_messages == []
        return border.guarded(flux_reconcile.run, Call(params=validated.validated_parameters, check_mode=check_mode))


def asked(fake):
    return [path.rsplit("/", 2)[1:] for _method, path in fake.writes]


SOURCE, ROOT, APPS = ["gitrepositories", "flux-system"], ["kustomizations", "flux-system"], ["kustomizations", "apps"]


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({}, [SOURCE, ROOT, APPS]),
        ({"with_source": False}, [ROOT, APPS]),
        ({"tree": False}, [SOURCE, ROOT]),
        ({"name": "apps"}, [SOURCE, APPS]),
        ({"kind": "GitRepository"}, [SOURCE]),
    ],
    ids=["default", "without the source", "without the tree", "a child", "a source"],
)
@pytest.mark.parametrize("how", [{}, {"wait": False}], ids=["seen through", "not waited for"])
def test_what_is_asked(options, wanted, how):
    fake = cluster()
    result = reconcile(fake, **options, **how)
    assert "failed" not in result, result
    assert asked(fake) == wanted
    assert result["changed"]
    assert result["revision"] == ("" if how else HEAD)


@pytest.mark.parametrize("options", [{}, {"name": "apps", "with_source": False}, {"kind": "GitRepository"}])
def test_check_mode_says_the_same_and_asks_nothing(options):
    fake = cluster()
    predicted = reconcile(fake, check_mode=True, **options)
    assert fake.writes == []
    assert predicted["reconcile_requested"] == reconcile(fake, **options)["reconcile_requested"]
    assert predicted["changed"]


@pytest.mark.parametrize(
    ("suspended", "message"),
    [
        ([("Kustomization", "flux-system")], "Kustomization flux-system/flux-system: is suspended"),
        ([("GitRepository", "flux-system")], "GitRepository flux-system/flux-system: is suspended"),
    ],
    ids=["root", "source"],
)
def test_a_suspended_object_is_refused_unless_told(suspended, message):
    fake = cluster(suspended=suspended)
    result = reconcile(fake)
    assert (result["failed"], result["changed"], fake.writes) == (True, False, [])
    assert message in result["msg"]
    skipped = reconcile(fake, suspended="skip")
    assert "failed" not in skipped
    assert [entry["kind"] for entry in skipped["suspended"]] == [kind for kind, _name in suspended]


def test_a_suspended_child_is_listed():
    fake = cluster(suspended=[("Kustomization", "apps")])
    result = reconcile(fake)
    assert asked(fake) == [SOURCE, ROOT]
    assert [entry["name"] for entry in result["suspended"]] == ["apps"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "nope"}, "does not exist (there are: flux-system/apps, flux-system/flux-system)"),
        ({"kind": "Bucket", "name": "b"}, "does not exist (there is none of this kind)"),
        ({"kind": "OCIRepository", "name": "b"}, "the cluster does not serve OCIRepository"),
        ({"name": " "}, "name: is empty"),
        ({"timeout": 0}, "timeout: must be at least one second"),
    ],
    ids=["a name", "a kind", "a kind that is not served", "nothing", "no time"],
)
def test_what_cannot_be_reconciled_is_refused(options, message):
    fake = cluster()
    result = reconcile(fake, **options)
    assert result["failed"]
    assert message in result["msg"]
    assert fake.writes == []


def test_a_failure_comes_with_what_was_done_until_then():
    fake = cluster()
    failed = {
        "type": "Ready",
        "status": "False",
        "reason": "BuildFailed",
        "message": "configuring decryption is required",
    }
    event = {"type": "Warning", "reason": "BuildFailed", "message": "another one", "lastTimestamp": "2026"}
    answer = fake.script

    def script(method, path, query):
        if path.endswith("/events"):
            return 200, {"items": [event]}
        if method == "PATCH" and path.endswith("/apps"):
            fake.objects[path]["status"]["conditions"] = [failed]
        return answer(method, path, query)

    fake.script = script
    result = reconcile(fake)
    assert result["failed"]
    assert "BuildFailed: configuring decryption is required" in result["msg"]
    assert "that is Kustomization flux-system/apps" in result["hint"]
    assert result["events"] == ["BuildFailed: another one"]
    assert [entry["name"] for entry in result["reconcile_requested"]] == ["flux-system", "flux-system", "apps"]


def test_a_cluster_without_flux_is_told():
    fake = FakeApi()
    fake.objects["/apis"] = {"groups": []}
    with served(fake) as connection:
        params = {"kubeconfig": kubeconfig(connection.server)}
        result = border.guarded(flux_info.run, Call(params=params))
    assert result["failed"]
    assert "Flux is not installed" in result["msg"]


@pytest.mark.parametrize(
    ("module", "spec"),
    [(reconcile_module, flux_reconcile.ARGUMENT_SPEC), (info_module, flux_info.ARGUMENT_SPEC)],
    ids=["flux_reconcile", "flux_info"],
)
def test_options_are_documented_as_they_are(module, spec):
    documented = yaml.safe_load(module.DOCUMENTATION).get("options") or {}
    documented |= yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    assert documented.keys() == spec.keys()
    for name, option in documented.items():
        assert (option.get("type"), option.get("default"), option.get("choices")) == (
            spec[name].get("type"),
            spec[name].get("default"),
            spec[name].get("choices"),
        ), name


def test_results_are_documented_as_they_are():
    result = reconcile(cluster())
    documented = yaml.safe_load(reconcile_module.RETURN)
    assert result.keys() - {"changed"} <= documented.keys()
    assert documented["kustomizations"]["contains"].keys() == result["kustomizations"][0].keys()
