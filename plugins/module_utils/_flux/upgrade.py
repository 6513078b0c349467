# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Flux that is there already: who has installed it, and is it newer than the one in Git?

Private to the collection. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from .._kubernetes.objects import Object, labels

VERSION_LABEL = "app.kubernetes.io/version"
_INSTALLER_LABEL = "app.kubernetes.io/managed-by"
_OPERATOR_LABEL = "fluxcd.controlplane.io/name"
_VERSION = re.compile(r"v?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+.*)?$")

Version = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def installed_by(live: Iterable[Object]) -> str:
    """Return what has installed Flux and keeps it so: `Helm`, `flux-operator`; empty when nothing does."""
    for found in live:
        if found.get("kind") != "CustomResourceDefinition":
            continue
        if _OPERATOR_LABEL in labels(found):
            return "flux-operator"
        installer = labels(found).get(_INSTALLER_LABEL, "")
        if installer not in {"", "flux"}:
            return installer
    return ""


def version_of(objects: Iterable[Object]) -> str:
    """Return the highest version in the labels of Deployments, or else of definitions; empty when none has one."""
    listed = list(objects)
    for kind in ("Deployment", "CustomResourceDefinition"):
        told = [labels(found).get(VERSION_LABEL, "") for found in listed if found.get("kind") == kind]
        known = [(parsed, text) for text in told if (parsed := parse_version(text))]
        if known:
            return max(known)[1]
    return ""


def parse_version(text: str) -> Version | None:
    """Return what orders versions as SemVer 2.0.0 does, None for a text that is none."""
    found = _VERSION.match(text)
    if not found:
        return None
    marks = found[4].split(".") if found[4] else []
    order = tuple((not mark.isdigit(), int(mark) if mark.isdigit() else 0, mark) for mark in marks)
    return int(found[1]), int(found[2]), int(found[3]), not marks, order


def is_downgrade(wanted: str, there: str) -> bool:
    """Return whether one version is lower than the other; unknown ones are not."""
    new, old = parse_version(wanted), parse_version(there)
    return new is not None and old is not None and new < old
