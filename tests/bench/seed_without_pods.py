# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seed a cluster as `flux_seed` does, from the fetch to the last write, and leave out every wait for Pods."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.seeding import Seeding
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.settings import Settings
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.wanted import Stage
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.credential import Credential
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.connection import Connection


class WithoutPods(Seeding):
    """A run that ends when everything is written; the definitions are waited for, since other objects need them."""

    def _await_ready(self, api: t.Any, applier: t.Any, stage: Stage, deadline: t.Any) -> None:
        if stage.name == "definitions":
            super()._await_ready(api, applier, stage, deadline)

    def _await(self, *_of_flux: t.Any, **_more: t.Any) -> None:
        """Flux does not run here."""

    def _check_hand_over(self, *_of_flux: t.Any, **_more: t.Any) -> None:
        """Nobody has taken anything over."""


settings = Settings(
    url=os.environ["BENCH_URL"],
    branch="main",
    path="clusters/lab",
    credential=Credential("git", os.environ["BENCH_PASSWORD"]),
    keys=(("age.agekey", os.environ["BENCH_KEY"]),),
    verify=False,  # no controller runs, so no Secret comes from Git
    timeout=60,
)
outcome = WithoutPods(
    settings, lambda: Connection.from_kubeconfig(os.environ["BENCH_KUBECONFIG"]), environment=os.environ
).run()
created = outcome.as_result()["objects"]["created"]
if len(created) != int(os.environ["BENCH_OBJECTS"]):
    raise SystemExit(f"{len(created)} objects were made: the cluster was not empty")
