# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which controller is to run, and with which command, is read off the Deployments."""

from __future__ import annotations

import copy
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.pods import Addresses, Pod, command_line, wanted

ADDRESSES = Addresses(health_port=1111, storage_port=2222, storage_path=Path("/run/storage"))


def deployment(
    *, image: str = "ghcr.io/fluxcd/source-controller:v1.9.5", args: t.Sequence[str] = ()
) -> dict[str, t.Any]:
    """A Deployment that is fully rolled out."""
    return {
        "metadata": {"name": "source-controller", "uid": "1", "generation": 3},
        "spec": {
            "replicas": 1,
            "template": {
                "metadata": {"labels": {"app": "source-controller"}},
                "spec": {
                    "serviceAccountName": "source-controller",
                    "containers": [{"name": "manager", "image": image, "args": list(args)}],
                },
            },
        },
        "status": {"observedGeneration": 3, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1},
    }


class TestWanted:
    def test_available_replica_is_a_pod(self):
        """With controller, flags and ServiceAccount of the template."""
        pod = wanted(deployment(args=["--log-level=info"]), None)
        assert pod is not None
        assert (pod.controller, pod.args, pod.service_account) == (
            "source-controller",
            ("--log-level=info",),
            "source-controller",
        )

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("spec", "replicas"), 0),
            (("status", "availableReplicas"), 0),
            (("status",), {}),
        ],
    )
    def test_without_an_available_replica_nothing_runs(self, path, value):
        """Scaled to 0, not scheduled yet, or never looked at by the controller-manager."""
        found = deployment()
        running = wanted(found, None)
        _set(found, path, value)
        assert wanted(found, running) is None

    def test_missing_replicas_means_one(self):
        """As the API defines it."""
        found = deployment()
        del found["spec"]["replicas"]
        assert wanted(found, None) is not None

    @pytest.mark.parametrize(
        ("image", "controller"),
        [
            ("ghcr.io/fluxcd/source-controller:v1.9.5", "source-controller"),
            ("localhost:5000/mirror/kustomize-controller@sha256:abc", "kustomize-controller"),
            ("localhost:5000/mirror/kustomize-controller:v1@sha256:abc", "kustomize-controller"),
            ("source-controller", "source-controller"),
            ("ghcr.io/fluxcd/helm-controller:v1.3.0", None),
            ("", None),
        ],
    )
    def test_image_tells_the_controller(self, image, controller):
        """Whatever registry it comes from; what the lab has no program for stays played by kwok alone."""
        pod = wanted(deployment(image=image), None)
        assert (pod.controller if pod else None) == controller

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            (("spec", "template", "spec", "containers", 0, "args"), ["--concurrent=9"]),
            (("spec", "template", "metadata", "annotations"), {"kubectl.kubernetes.io/restartedAt": "now"}),
            (("spec", "template", "spec", "containers", 0, "image"), "ghcr.io/fluxcd/source-controller:v9"),
            (("metadata", "uid"), "2"),
        ],
    )
    def test_another_template_is_another_pod(self, path, value):
        """Flags, a restart by annotation, an upgrade, a Deployment deleted and made again."""
        found = deployment()
        before = wanted(found, None)
        _set(found, path, value)
        assert wanted(found, before) != before

    @pytest.mark.parametrize("path", [("spec", "replicas"), ("metadata", "labels"), ("spec", "paused")])
    def test_the_same_template_is_the_same_pod(self, path):
        """Changes beside the template restart nothing."""
        found = deployment()
        before = wanted(found, None)
        _set(found, path, {"replicas": 2, "labels": {"a": "b"}, "paused": True}[path[-1]])
        assert wanted(found, before) == before

    @pytest.mark.parametrize("status", [{"observedGeneration": 3}, {"observedGeneration": 4, "updatedReplicas": 0}])
    def test_old_pod_stays_until_the_new_one_is_available(self, status):
        """As the rolling update of a Deployment has it."""
        found = deployment()
        before = wanted(found, None)
        changed = copy.deepcopy(found)
        changed["metadata"]["generation"] = 4
        changed["spec"]["template"]["spec"]["containers"][0]["args"] = ["--concurrent=9"]
        changed["status"] |= status
        assert wanted(changed, before) == before


class TestCommandLine:
    def test_addresses_and_paths_are_those_of_this_machine(self):
        """Everything that would point into the cluster is replaced, the rest is passed on in its order."""
        args = (
            "--events-addr=http://notification-controller.$(RUNTIME_NAMESPACE).svc.cluster.local./",
            "--watch-all-namespaces=true",
            "--log-level=debug",
            "--enable-leader-election",
            "--storage-path=/data",
            "--storage-addr",
            ":9090",
            "--storage-adv-addr=source-controller.$(RUNTIME_NAMESPACE).svc.cluster.local.",
            "--concurrent=20",
        )
        assert command_line(_pod("source-controller", *args), "/bin/sc", ADDRESSES) == [
            "/bin/sc",
            "--watch-all-namespaces=true",
            "--log-level=debug",
            "--concurrent=20",
            "--events-addr=",
            "--metrics-addr=0",
            "--health-addr=127.0.0.1:1111",
            "--storage-path=/run/storage",
            "--storage-addr=127.0.0.1:2222",
            "--storage-adv-addr=127.0.0.1:2222",
        ]

    def test_only_source_controller_has_a_storage(self):
        """kustomize-controller does not know these flags."""
        assert not [word for word in command_line(_pod("kustomize-controller"), "kc", ADDRESSES) if "storage" in word]

    @pytest.mark.parametrize(
        ("args", "expected"),
        [
            ((), ["--requeue-dependency=1s"]),
            (("--requeue-dependency=30s",), ["--requeue-dependency=30s"]),
            (("--requeue-dependency", "30s"), ["--requeue-dependency"]),
        ],
    )
    def test_dependencies_are_looked_at_soon_unless_told_otherwise(self, args, expected):
        """A flag of the user wins."""
        words = command_line(_pod("kustomize-controller", *args), "kc", ADDRESSES)
        assert [word for word in words if word.startswith("--requeue-dependency")] == expected


def _pod(controller: str, *args: str) -> Pod:
    return Pod(deployment=controller, controller=controller, args=args, service_account=controller, template="x")


def _set(value: t.Any, path: t.Sequence[str | int], new: t.Any) -> None:
    for step in path[:-1]:
        value = value[step]
    value[path[-1]] = new
