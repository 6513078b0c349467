# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""flux_seed at the border: parameters, refusals before any cluster is asked, results."""

from __future__ import annotations

import json
import re
import subprocess

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.fluxseed.gitops.plugins.doc_fragments._kubernetes import ModuleDocFragment
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible import border, flux_seed
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import InvalidInputError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.preflight import Check
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.report import Outcome
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.verify import Proof
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.compare import plan
from ansible_collections.fluxseed.gitops.plugins.modules import flux_seed as module
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import (
    OTHER_PUBLIC,
    PRIVATE,
    PUBLIC,
    Repository,
    child,
    encrypted,
    secret,
)

DEAD = {
    "current-context": "a",
    "clusters": [{"name": "a", "cluster": {"server": "http://127.0.0.1:1"}}],
    "users": [],
    "contexts": [{"name": "a", "context": {"cluster": "a"}}],
}
URL = "http://127.0.0.1:1/lab.git"


def params(**more):
    wanted = {
        "source": {"url": URL, "path": "clusters/lab"},
        "git_credentials": {"password": "a-token-of-git"},
        "decryption_keys": [{"content": PRIVATE}],
        "kubeconfig": DEAD,
        **more,
    }
    validated = ArgumentSpecValidator(flux_seed.ARGUMENT_SPEC).validate(wanted)
    assert validated.error_messages == []
    return validated.validated_parameters


@pytest.fixture
def checkout(tmp_path):
    """Make a checkout out of files; its remote does not answer."""

    def make(**files: str) -> str:
        repository = Repository(
            **{"clusters/lab/apps.yaml": child("apps"), "apps/db.yaml": encrypted(secret("db", "{a: b}"))}
        )
        sync = "clusters/lab/flux-system/gotk-sync.yaml"
        repository[sync] = repository[sync].replace("https://git.example.com/me/lab.git", URL)
        for path, content in {**repository, **files}.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(content)
        for command in ("init -q", "add -A", "-c user.name=a -c user.email=a@b commit -q -m one"):
            subprocess.run(["git", *command.split()], cwd=tmp_path, check=True)
        return str(tmp_path)

    return make


def run(wanted, **how):
    told: list[str] = []
    result = border.guarded(flux_seed.run, Call(wanted, warn=told.append, **how))
    return result, told


def source(folder: str) -> dict[str, str]:
    return {"url": URL, "path": "clusters/lab", "checkout": folder}


def test_defaults():
    settings = flux_seed.settings(params(), check_mode=False)
    assert (settings.branch, settings.preflight, settings.verify, settings.timeout) == ("main", "enforce", True, 300)
    assert settings.credential.username == "git"
    assert settings.keys[0][0] == "age.agekey"


def test_settings_do_not_show_secrets():
    shown = repr(flux_seed.settings(params(), check_mode=False))
    assert PRIVATE not in shown
    assert "a-token-of-git" not in shown


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"source": {"url": "git@x:y", "path": "a"}}, "write ssh://git@x/y"),
        ({"source": {"url": "https://a:b@x/y", "path": "a"}}, "holds a password"),
        ({"source": {"url": URL, "path": " "}}, "source.path: is empty"),
        ({"source": {"url": URL, "path": "a", "branch": ""}}, "source.branch: is empty"),
        ({"git_credentials": {"password": ""}}, "git_credentials.password: is empty"),
        ({"decryption_keys": [{"name": "age.key", "content": "x"}]}, "does not end in .agekey"),
        ({"decryption_keys": [{"content": "\n"}]}, "is empty"),
        ({"decryption_keys": [{"content": "x"}, {"content": "y"}]}, "the same name"),
        ({"timeout": 0}, "at least one second"),
    ],
)
def test_parameters_that_could_not_work_anywhere(more, message):
    with pytest.raises(InvalidInputError, match=message):
        flux_seed.settings(params(**more), check_mode=False)


def test_a_kubeconfig_is_a_path_or_a_mapping(checkout):
    result, _told = run(params(source=source(checkout()), preflight="skip", kubeconfig=["a"]))
    assert result["msg"] == "kubeconfig: must be a path or a mapping"


def test_a_remote_that_refuses_stops_before_the_cluster_is_asked(checkout):
    result, _told = run(params(source=source(checkout())))
    assert result["failed"]
    assert not result["changed"]
    assert result["msg"].startswith(f"a preflight check failed, nothing was written: git_credential: {URL}: ")
    assert next((check["name"], check["result"]) for check in result["checks"]) == ("git_credential", "fail")


def test_all_failing_checks_are_told_together(checkout):
    folder = checkout(**{"apps/x.yaml": encrypted(secret("x", "{a: b}"), OTHER_PUBLIC)})
    result, _told = run(params(source=source(folder), age_public_key=OTHER_PUBLIC))
    assert result["msg"].startswith("3 preflight checks failed, nothing was written")
    assert all(text in result["msg"] for text in ("git_credential: ", f"belongs to {PUBLIC}", "apps/x.yaml"))


@pytest.mark.parametrize("preflight", ["warn", "skip"])
def test_a_dead_cluster_is_an_error_never_an_empty_one(checkout, preflight):
    result, told = run(params(source=source(checkout()), preflight=preflight), check_mode=True)
    assert "http://127.0.0.1:1: the API server does not answer" in result["msg"]
    assert bool(told) == (preflight == "warn")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"path": "clusters/lob"}, "has no such folder .in ./clusters there are: lab"),
        ({"path": "nowhere/lab"}, "there is no ./nowhere either"),
        ({"path": "apps"}, "there is one for these paths: clusters/lab"),
    ],
)
def test_a_path_without_flux_is_told_with_what_there_is(checkout, more, message):
    result, _told = run(params(source={**source(checkout()), **more}, preflight="skip"))
    assert re.search(message, result["msg"])


def test_no_result_holds_a_secret(checkout):
    folder = checkout()
    for wanted in (params(source=source(folder)), params(source=source(folder), preflight="warn")):
        result, told = run(wanted, diff_mode=True)
        text = json.dumps([result, told])
        assert PRIVATE not in text
        assert "a-token-of-git" not in text


def test_the_report_is_for_a_person():
    made = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"namespace": "a", "name": "b"},
        "data": {"token": "c2VjcmV0"},
    }
    changed = {**made, "data": {"token": "bmV3"}}
    outcome = Outcome(
        revision="main@sha1:abc",
        flux_version="v2.9.5",
        planned=[plan(made, None, made), plan(changed, made, changed), plan(made, made, made)],
        proof=Proof(3, 2, ["x.yaml: is no Secret"]),
        sops_files=3,
        checks=[Check("a", "ok", "fine"), Check("b", "warn", "odd", "do it")],
        seconds={"git": 0.123, "total": 1.5},
    )
    assert outcome.report() == [
        "Revision main@sha1:abc, Flux v2.9.5",
        "Objects: 1 created, 1 configured, 1 unchanged",
        "SOPS files: 3 opened, MAC included",
        "Secrets: 2 of 3 proven equal to Git, 1 not compared",
        "Not compared: x.yaml: is no Secret",
        "Preflight warn: b: odd (do it)",
        "Seconds: 1.5 (git 0.1)",
    ]
    result = outcome.as_result()
    assert result["changed"]
    assert result["objects"]["created"] == [{"kind": "Secret", "namespace": "a", "name": "b"}]
    first, second = outcome.as_diff()
    assert first["after"] == "apiVersion: v1\nkind: Secret\ndata.token: ***\n"
    assert (second["before"], second["after"]) == ("data.token: *** (before)\n", "data.token: *** (after)\n")


def compare(documented, specified):
    """Options are documented as they are, those inside of options too."""
    assert documented.keys() == specified.keys()
    for name, option in documented.items():
        spec = specified[name]
        for part in ("type", "default", "choices", "elements", "aliases"):
            assert (name, part, option.get(part)) == (name, part, spec.get(part))
        assert option.get("required", False) == spec.get("required", False)
        compare(option.get("suboptions", {}), spec.get("options", {}))


def test_the_documentation_has_every_option_and_every_result():
    documented = yaml.safe_load(module.DOCUMENTATION)["options"]
    documented |= yaml.safe_load(ModuleDocFragment.DOCUMENTATION)["options"]
    compare(documented, flux_seed.ARGUMENT_SPEC)
    of_other_states, of_failures = {"kept", "suspended_by_git"}, {"events", "hint"}
    of_success = Outcome().as_result().keys() - {"changed"}
    assert yaml.safe_load(module.RETURN).keys() == of_success | of_other_states | of_failures
    assert len(yaml.safe_load(module.EXAMPLES)) >= 3
