# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as a person at a terminal reads them.

Private to the collection. The first line begins as that of sops does, where scripts look for it.
"""

from __future__ import annotations

from ...module_utils._errors import (
    AlreadyEncryptedError,
    DataKeyError,
    DecryptionError,
    FluxseedError,
    MacMismatchError,
    MetadataNotFoundError,
)

HEADLINES: dict[type[FluxseedError], str] = {
    AlreadyEncryptedError: "the file is already encrypted: it has a top-level entry called 'sops'",
    DataKeyError: "Failed to get the data key required to decrypt the SOPS file.",
    DecryptionError: "Error decrypting tree",
    MacMismatchError: "MAC mismatch",
    MetadataNotFoundError: "sops metadata not found",
}


def describe(error: FluxseedError) -> str:
    """Return the text for standard error: what happened, where, and what to do next."""
    lines = [headline for kind, headline in HEADLINES.items() if isinstance(error, kind)]
    detail = f"{error.where}: {error.message}" if error.where else error.message
    if detail not in lines:
        lines.append(detail)
    lines[0] = f"Error: {lines[0]}"
    if error.hint:
        lines.append(f"Hint: {error.hint}")
    return "".join(f"{line}\n" for line in lines)
