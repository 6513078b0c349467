# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Would it work? Checks before the first write, each with its evidence and the way to fix it.

Private to the collection. A check never writes and never shows a value. `catalogue.py` lists all of them.
"""

from __future__ import annotations

from .ability import cluster_version, egress, images, nodes
from .base import FAIL, OK, UNKNOWN, WARN, Check, failed
from .facts import Facts, Need, gather
from .flux_files import components, gotk_sync, self_management
from .flux_version import flux_version
from .key_material import age_key_pair, key_names, key_services
from .kustomizations import decryption, intervals, references, unknown_fields
from .manifests_in_git import api_versions, manifests, plain_secrets, variables
from .occupancy import (
    access,
    argo_cd,
    cluster,
    flux_manager,
    leftover_definitions,
    namespace,
    second_flux,
    stored_versions,
)
from .remote import checkout, git_credential, source_credential
from .runner import Asked, before_reading, of_cluster, of_repository
from .sops_files import file_size, may_open, sops_files, sops_layout, sops_rules

__all__ = [
    "FAIL",
    "OK",
    "UNKNOWN",
    "WARN",
    "Asked",
    "Check",
    "Facts",
    "Need",
    "access",
    "age_key_pair",
    "api_versions",
    "argo_cd",
    "before_reading",
    "checkout",
    "cluster",
    "cluster_version",
    "components",
    "decryption",
    "egress",
    "failed",
    "file_size",
    "flux_manager",
    "flux_version",
    "gather",
    "git_credential",
    "gotk_sync",
    "images",
    "intervals",
    "key_names",
    "key_services",
    "leftover_definitions",
    "manifests",
    "may_open",
    "namespace",
    "nodes",
    "of_cluster",
    "of_repository",
    "plain_secrets",
    "references",
    "second_flux",
    "self_management",
    "sops_files",
    "sops_layout",
    "sops_rules",
    "source_credential",
    "stored_versions",
    "unknown_fields",
    "variables",
]
