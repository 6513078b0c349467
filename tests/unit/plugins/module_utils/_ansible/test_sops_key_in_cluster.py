# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key in an entry of a Secret: found, made and taken out as Flux and flux_seed expect it, and nothing else touched."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.sops_key import ARGUMENT_SPEC, run
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    kubeconfig,
    served,
    status,
)

pyrage = pytest.importorskip("pyrage")
pytest.importorskip("kubernetes")

NAMESPACE = "/api/v1/namespaces/flux-system"
SECRET = f"{NAMESPACE}/secrets/sops-age"
WATCH, PRUNE = "reconcile.fluxcd.io/watch", "kustomize.toolkit.fluxcd.io/prune"
MARKS = {"labels": {WATCH: "Enabled"}, "annotations": {PRUNE: "disabled"}}


def pair() -> tuple[str, str]:
    identity = pyrage.x25519.Identity.generate()
    return str(identity.to_public()), str(identity)


class Cluster(FakeApi):
    server = ""

    def call(self, *, check_mode=False, warnings=None, **params) -> dict:
        spec = ARGUMENT_SPEC["kubernetes"]["options"]
        wanted = {name: option.get("default") for name, option in spec.items()}
        defaults = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
        params["kubernetes"] = {**wanted, **params.get("kubernetes", {})}
        return run(
            Call(
                params={**defaults, "kubeconfig": kubeconfig(self.server), **params},
                check_mode=check_mode,
                diff_mode=True,
                warn=(warnings if warnings is not None else []).append,
            )
        )

    def put(self, marks=None, **entries: str) -> None:
        names = {name.replace("_", "."): text for name, text in entries.items()}
        self.objects[SECRET] = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": "sops-age",
                "namespace": "flux-system",
                "uid": "u-1",
                "resourceVersion": "7",
                **(MARKS if marks is None else marks),
            },
            "data": {name: base64.b64encode(text.encode()).decode() for name, text in names.items()},
        }

    @property
    def data(self) -> dict[str, str]:
        return {name: base64.b64decode(value).decode() for name, value in self.objects[SECRET]["data"].items()}


@pytest.fixture
def cluster(monkeypatch) -> Iterator[Cluster]:
    for name in ("KUBECONFIG", "K8S_AUTH_KUBECONFIG", "K8S_AUTH_CONTEXT", "K8S_AUTH_HOST"):
        monkeypatch.delenv(name, raising=False)
    fake = Cluster()
    fake.objects[NAMESPACE] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "flux-system"}}
    with served(fake) as connection:
        fake.server = connection.server
        yield fake


def test_a_secret_is_made_as_flux_seed_makes_it(cluster):
    """Label, annotation, and the key with a line break and without comments, so that flux_seed finds nothing to change."""
    result = cluster.call()
    made = cluster.objects[SECRET]
    assert (result["changed"], result["created"], result["reason"]) == (True, True, ["created"])
    assert result["kubernetes"] == {"name": "sops-age", "namespace": "flux-system", "data_key": "age.agekey"}
    assert made["metadata"] == {"name": "sops-age", "namespace": "flux-system", **MARKS}
    assert re.fullmatch(r"AGE-SECRET-KEY-1\w+\n", cluster.data["age.agekey"])
    assert str(pyrage.x25519.Identity.from_str(cluster.data["age.agekey"].strip()).to_public()) == result["public_key"]
    assert cluster.writes == [("PATCH", SECRET)]
    assert cluster.requests[-1][2] == {
        "fieldManager": "kubectl-sops-key",
        "force": "false",
        "fieldValidation": "Strict",
    }
    assert "AGE-SECRET-KEY" not in str(result)


def test_a_second_run_writes_nothing(cluster):
    """Nor does check mode."""
    assert cluster.call(check_mode=True)["changed"]
    assert not cluster.writes
    public = cluster.call()["public_key"]
    again = cluster.call()
    assert (again["changed"], again["public_key"]) == (False, public)
    assert len(cluster.writes) == 1


def test_other_entries_stay(cluster):
    """Only what is missing is sent, and only if nobody has written the Secret since."""
    cluster.put(other_agekey="x\n")
    result = cluster.call(kubernetes={"data_key": "2026.agekey"})
    assert result["reason"] == ["created"]
    assert set(cluster.data) == {"other.agekey", "2026.agekey"}
    assert set(cluster.bodies[-1]["data"]) == {"2026.agekey"}
    assert cluster.bodies[-1]["metadata"]["resourceVersion"] == "7"


def test_missing_label_and_annotation_are_added(cluster):
    """Flux would not notice a new key otherwise, and might remove the Secret."""
    cluster.put(marks={}, age_agekey=f"{pair()[1]}\n")
    result = cluster.call()
    assert result["reason"] == ["labels", "annotations"]
    assert "data" not in cluster.bodies[-1]
    assert not cluster.call()["changed"]


def test_a_replaced_key_is_kept_in_the_secret_under_a_name_that_flux_does_not_read(cluster):
    """A backup does not leave the cluster."""
    public, private = pair()
    old = pair()[1]
    cluster.put(age_agekey=f"{old}\n")
    with pytest.raises(FluxseedError, match="another key is there"):
        cluster.call(content=private)
    result = cluster.call(content=private, regenerate="always", backup=True)
    assert (result["reason"], result["public_key"]) == (["replaced"], public)
    backup = re.fullmatch(r"Secret flux-system/sops-age, entry (age\.agekey\.\w+\.bak)", result["backup_file"])
    assert backup
    assert cluster.data == {"age.agekey": f"{private}\n", backup[1]: f"{old}\n"}


@pytest.mark.parametrize(("others", "verb"), [({}, "DELETE"), ({"sops_vault-token": "x"}, "PATCH")])
def test_the_entry_is_removed_and_the_secret_only_if_it_is_empty_then(cluster, others, verb):
    """Never what somebody else has put there."""
    cluster.put(age_agekey=f"{pair()[1]}\n", **others)
    deleted = []
    cluster.script = lambda method, path, _query: (200, {}) if method == "DELETE" and not deleted.append(path) else None
    assert cluster.call(state="absent", check_mode=True)["reason"] == ["removed"]
    assert not cluster.writes
    result = cluster.call(state="absent")
    assert (result["reason"], result["diff"]["after"]) == (["removed"], "")
    assert cluster.writes == [(verb, SECRET)]
    if verb == "DELETE":
        assert cluster.bodies[-1]["preconditions"] == {"uid": "u-1", "resourceVersion": "7"}
    else:
        assert cluster.bodies[-1]["data"] == {"age.agekey": None}


def test_what_somebody_else_has_put_there_meanwhile_is_not_written_over(cluster):
    """The server refuses, with the name of the other one."""
    message = 'Apply failed with 1 conflict: conflict with "helm": .data.age.agekey'
    causes = [{"reason": "FieldManagerConflict", "message": 'conflict with "helm"', "field": ".data.age.agekey"}]
    refusal = {**status("Conflict", message, 409), "details": {"causes": causes}}
    cluster.script = lambda method, *_request: (409, refusal) if method == "PATCH" else None
    with pytest.raises(
        FluxseedError, match='Secret flux-system/sops-age: Apply failed with 1 conflict: conflict with "helm"'
    ):
        cluster.call()


def test_an_entry_with_several_keys_is_neither_replaced_nor_removed(cluster):
    """Flux takes several from one entry."""
    cluster.put(age_agekey=f"{pair()[1]}\n{pair()[1]}\n")
    for options in ({"state": "absent"}, {"regenerate": "always"}):
        with pytest.raises(FluxseedError, match="there are 2 keys in it"):
            cluster.call(**options)
    assert not cluster.writes


def test_where_nothing_is_there_is_nothing_to_remove(cluster):
    """The namespace has to be there all the same: a wrong one would look like success."""
    assert not cluster.call(state="absent")["changed"]


@pytest.mark.parametrize("state", ["present", "absent"])
def test_a_namespace_that_is_not_there_is_said_beforehand(cluster, state):
    """In check mode too."""
    cluster.script = lambda _method, path, _query: (
        (404, status("NotFound", "not found", 404)) if path.startswith("/api/v1/namespaces/flux") else None
    )
    for check_mode in (True, False):
        with pytest.raises(FluxseedError, match=r"there is no namespace flux.*Kustomization, flux-system as a rule"):
            cluster.call(kubernetes={"namespace": "flux"}, check_mode=check_mode, state=state)
    assert not cluster.writes


def test_who_may_not_see_namespaces_goes_on(cluster):
    """The server tells when the Secret is written."""
    cluster.script = lambda _method, path, _query: (
        (403, status("Forbidden", "namespaces is forbidden", 403)) if path == NAMESPACE else None
    )
    assert cluster.call()["created"]


def test_a_secret_that_flux_applies_is_left_alone(cluster):
    """It would be set back with the next reconcile."""
    owner = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    cluster.put(marks={"labels": owner}, age_agekey="x")
    with pytest.raises(FluxseedError, match=r"Kustomization flux-system/apps.*change it in Git"):
        cluster.call()
    assert not cluster.writes


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"data_key": "age.key"}, r"age\.key does not end in \.agekey.*for example age\.agekey"),
        ({"data_key": "keys.txt"}, r"keys\.txt does not end in \.agekey"),
        ({"data_key": "sops.asc"}, r"sops\.asc does not end in \.agekey"),
        ({"data_key": "a b.agekey"}, "is no name of an entry in a Secret"),
        ({"data_key": "AGE-SECRET-KEY-1CANARY"}, "a private key stands where a name is due"),
        ({"name": "AGE-SECRET-KEY-1CANARY"}, "a private key stands where a name is due"),
    ],
)
def test_names_that_flux_would_not_look_at_are_refused(cluster, params, message):
    """Before the cluster is asked for anything."""
    with pytest.raises(FluxseedError, match=message) as caught:
        cluster.call(kubernetes=params)
    assert "CANARY" not in str(caught.value)
    assert not cluster.requests


def test_a_pgp_key_has_a_suffix_of_its_own(cluster):
    """Flux tells keys apart by it."""
    with pytest.raises(FluxseedError, match=r"age\.agekey does not end in \.asc.*for example sops\.asc"):
        cluster.call(type="pgp", kubernetes={"data_key": "age.agekey"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("canary\n", "no private key"),
        ("", "there is no private key in it"),
        ("age1qqq\n", "a public key stands where"),
    ],
)
def test_what_is_broken_is_left_alone(cluster, content, message):
    """Flux could not use it either, but it is not known what it was."""
    cluster.put(age_agekey=content)
    for state in ("present", "absent"):
        with pytest.raises(FluxseedError, match=message) as caught:
            cluster.call(state=state)
        assert "Secret flux-system/sops-age, entry age.agekey" in str(caught.value)
        assert "canary" not in str(caught.value)
    assert not cluster.writes
