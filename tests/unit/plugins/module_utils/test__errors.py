# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an error tells a person, and what a script reads off it."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils import _errors as errors


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (errors.GitError("no such branch"), "no such branch"),
        (errors.GitError("no such branch", where="origin"), "origin: no such branch"),
        (errors.GitError("no such branch", where="origin", hint="try main"), "origin: no such branch (try main)"),
        (errors.MissingLibraryError("pyrage"), "pyrage is required and was not found"),
    ],
)
def test_the_text_says_where_what_and_the_next_step(error: errors.FluxseedError, text: str) -> None:
    """Place first, then the fact, then what to do."""
    assert str(error) == text


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.MalformedFileError, 2),
        (errors.EmptyFileError, 92),
        (errors.MetadataNotFoundError, 1),
        (errors.AlreadyEncryptedError, 203),
        (errors.EncryptionError, 23),
        (errors.DecryptionError, 25),
        (errors.MacMismatchError, 51),
        (errors.DataKeyError, 128),
        (errors.KubernetesError, 1),
    ],
)
def test_the_exit_code_is_the_one_sops_has(kind: type[errors.FluxseedError], code: int) -> None:
    """Scripts written for sops go on working."""
    assert kind.exit_code == code
