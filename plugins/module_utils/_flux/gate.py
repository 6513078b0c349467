# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate before the first write: the checks of a run in their order, and whether it may go on.

Private to the collection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from .._errors import PreflightError
from .._kubernetes.api import Api
from .._kubernetes.objects import Object, Reference
from .._sops.key_ring import KeyRing
from . import preflight
from .agreement import disagreements
from .desired import Desired
from .preflight import Check
from .secrets import flux_owner
from .settings import Settings
from .wanted import Stage


class PreflightRefusedError(PreflightError):
    """The checks that failed, together with all others."""

    def __init__(self, checks: list[Check]) -> None:
        failed = preflight.failed(checks)
        count = "a preflight check" if len(failed) == 1 else f"{len(failed)} preflight checks"
        super().__init__(f"{count} failed, nothing was written: " + "; ".join(map(str, failed)))
        self.checks = checks


class Gate:
    """The checks of one run.

    Each method raises `PreflightRefusedError` when a check has failed; with `preflight: warn` it warns, and with
    `skip` there are no checks.
    """

    def __init__(self, settings: Settings, checks: list[Check], warn: Callable[[str], None]) -> None:
        self._settings = settings
        self._checks = checks
        self._warn = warn
        self._facts: preflight.Facts | None = None
        self._told: list[Check] = []

    def check_repository(self, desired: Desired, ring: KeyRing | None) -> None:
        """Check what Git has, and whether the keys open it."""
        settings = self._settings
        if settings.preflight == "skip":
            self._checks.clear()
            return
        asked = preflight.Asked(
            follows=str(settings.ref),
            disagreements=disagreements(desired, settings),
            ring=ring,
            entries=[name for name, _content in settings.keys],
            has_age_keys=bool(settings.age_keys),
            public_key=settings.age_public_key,
        )
        self._checks += preflight.of_repository(desired, asked)
        self._insist()

    def check_access(self, api: Api, desired: Desired, places: Collection[Reference]) -> None:
        """Check what has to be clear before the cluster is looked at."""
        if self._settings.preflight == "skip":
            return
        self._facts = preflight.gather(api)
        self._checks += preflight.before_reading(api, self._facts, desired, places)
        self._insist()

    def check_cluster(
        self, api: Api, desired: Desired, stages: Mapping[str, Stage], live: Mapping[Reference, Object]
    ) -> None:
        """Check what the cluster has."""
        if self._facts is None:
            return
        self._checks += preflight.of_cluster(api, self._facts, desired, stages, live)
        if desired.installer:
            self._insist()
            return
        components = [item for name in ("definitions", "components") if name in stages for item in stages[name].wanted]
        is_written = any(not (item.left_to_flux and flux_owner(live.get(item.reference))) for item in components)
        self._checks.append(preflight.flux_version(desired.components.version, live, is_written=is_written))
        self._insist()

    def _insist(self) -> None:
        failed = preflight.failed(self._checks)
        if not failed:
            return
        if self._settings.preflight != "warn":
            raise PreflightRefusedError(self._checks)
        for check in failed:
            if check not in self._told:
                self._warn(f"preflight: {check}")
        self._told = failed
