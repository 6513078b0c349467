# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors as a person at a terminal reads them.

Private to the collection. The first line begins as that of sops does, where scripts look for it. No message holds a
private key to begin with; all is masked once more here, since people put keys in all kinds of places.
"""

from __future__ import annotations

from ...module_utils._errors import (
    AlreadyEncryptedError,
    DataKeyError,
    DecryptionError,
    FluxseedError,
    MacMismatchError,
    MetadataNotFoundError,
    unexpected,
)
from ...module_utils._sops.private_keys import masked

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
    return _laid_out(lines, error.hint)


def describe_usage(message: str, program: str) -> str:
    """Return the text for a command line that is not understood; it may hold anything that stands there."""
    return f"{_laid_out([message], None)}See '{program} --help'.\n"


def describe_unexpected(exc: Exception) -> str:
    """Return the text for what nobody has thought of: its kind and its place, and nothing that it says itself."""
    if isinstance(exc, OSError) and exc.strerror:
        return _laid_out([f"{unexpected(exc)}: {exc.strerror}"], None)
    return _laid_out([unexpected(exc)], "this is a bug of fluxseed, please report it")


def _laid_out(lines: list[str], hint: str | None) -> str:
    told = [f"Error: {lines[0]}", *lines[1:], *([f"Hint: {hint}"] if hint else [])]
    return "".join(f"{masked(line)}\n" for line in told)
