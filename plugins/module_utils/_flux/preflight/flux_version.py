# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of Flux in Git, against that in the cluster.

Private to the collection.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..._kubernetes.objects import Object, Reference
from ..upgrade import is_downgrade, parse_version, version_of
from .base import FAIL, OK, UNKNOWN, WARN, Check


def flux_version(wanted: str, live: Mapping[Reference, Object], *, is_written: bool) -> Check:
    """Is the Flux in Git at least as new as the one in the cluster?

    Args:
        wanted: the version of the components in Git.
        live: the objects of Flux in the cluster.
        is_written: the run would write the components; otherwise Flux does it by itself, as Git says.
    """
    there = version_of(live.values())
    if not there:
        return Check("flux_version", OK, f"{wanted or 'Flux'} in Git, none with a version in the cluster")
    if not parse_version(wanted):
        return Check("flux_version", UNKNOWN, f"the components in Git have no version label, the cluster has {there}")
    if not is_downgrade(wanted, there):
        return Check("flux_version", OK, f"{wanted} in Git, {there} in the cluster")
    fix = "newer definitions cannot be taken back safely: put the newer components into Git"
    return Check(
        "flux_version", FAIL if is_written else WARN, f"{wanted} in Git is older than {there} in the cluster", fix
    )
