# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The remote and its credential.

Private to the collection.
"""

from __future__ import annotations

from ..._errors import FluxseedError
from .base import FAIL, OK, UNKNOWN, WARN, Check


def git_credential(branch: str, commit: str | None, error: FluxseedError | None) -> Check:
    """Does the very content of the Git Secret open the remote, and is the branch there?"""
    if error is None:
        return Check("git_credential", OK, f"opens the remote; {branch} is at {str(commit)[:12]}")
    return Check(
        "git_credential", FAIL, f"{error.where}: {error.message}" if error.where else error.message, error.hint or ""
    )


def source_credential(kind: str) -> Check:
    """Does the credential open a source that only source-controller reads?"""
    return Check(
        "source_credential", UNKNOWN, f"the {kind} is read by source-controller alone; it was not tried from here"
    )


def checkout(commit: str, remote: str) -> Check:
    """Is the checkout what the cluster will fetch?"""
    if commit == remote:
        return Check("checkout", OK, f"is at the head of the remote branch, {commit[:12]}")
    evidence = f"is at {commit[:12]}, the head of the remote branch is {remote[:12]}"
    return Check("checkout", WARN, evidence, "the cluster follows the remote: push, or pull")
