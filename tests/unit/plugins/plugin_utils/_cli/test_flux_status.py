# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`fluxseed flux-status`: what is printed, and with which exit code. A server plays the cluster."""

from __future__ import annotations

import io
import json

import pytest
import yaml

from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.main import main
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.streams import Streams
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    kubeconfig,
    served,
)

GROUP, VERSION = "kustomize.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io/v1"


def cluster(ready):
    fake = FakeApi()
    group = {"name": GROUP, "preferredVersion": {"groupVersion": VERSION}}
    fake.objects["/apis"] = {"groups": [group]}
    fake.groups = {VERSION: [("Kustomization", "kustomizations", True)]}
    condition = {
        "type": "Ready",
        "status": ready,
        "reason": "BuildFailed",
        "message": "configuring decryption is required",
    }
    fake.objects[f"/apis/{VERSION}/namespaces/flux-system/kustomizations/apps"] = {
        "metadata": {"namespace": "flux-system", "name": "apps", "generation": 1},
        "spec": {},
        "status": {
            "observedGeneration": 1,
            "lastAppliedRevision": "v1",
            "lastAttemptedRevision": "v1",
            "conditions": [condition],
        },
    }
    return fake


def run(server, tmp_path, *options):
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(kubeconfig(server)))
    printed, complaint = io.BytesIO(), io.StringIO()
    code = main(["flux-status", "--kubeconfig", str(file), *options], Streams(io.BytesIO(), printed, complaint))
    return code, printed.getvalue().decode(), complaint.getvalue()


@pytest.mark.parametrize(("ready", "code"), [("True", 0), ("Unknown", 0), ("False", 1)])
def test_only_a_failure_is_one(tmp_path, ready, code):
    with served(cluster(ready)) as connection:
        outcome, table, complaint = run(connection.server, tmp_path)
    assert outcome == code
    assert "flux-system/apps" in table
    assert ("failed: Kustomization flux-system/apps" in complaint) == bool(code)


def test_programs_get_all_of_it(tmp_path):
    with served(cluster("False")) as connection:
        code, text, _complaint = run(connection.server, tmp_path, "--output", "json")
    found = json.loads(text)
    assert (code, found["ready"], found["kustomizations"][0]["state"]) == (1, False, "failed")


def test_a_cluster_without_flux_is_told(tmp_path):
    fake = FakeApi()
    fake.objects["/apis"] = {"groups": []}
    with served(fake) as connection:
        code, text, complaint = run(connection.server, tmp_path)
    assert (code, text) == (1, "")
    assert "Flux is not installed" in complaint


def test_a_server_that_does_not_answer_is_an_error(tmp_path):
    code, text, complaint = run("http://127.0.0.1:9", tmp_path)
    assert (code, text) == (1, "")
    assert "does not answer" in complaint
    assert "not installed" not in complaint
