# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys made here are keys of age, and the other way round."""

from __future__ import annotations

import subprocess
import typing as t
from pathlib import Path

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_identities import parse_identity

pytestmark = pytest.mark.interop

Find = t.Callable[[str], Path]


def test_age_keygen_derives_the_same_public_key(age_program: Find) -> None:
    private, public = age.generate_identity()
    done = subprocess.run(
        [str(age_program("age-keygen")), "-y"], input=private.encode(), capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == public == age.public_key(private)


def test_a_key_file_of_age_keygen_is_read(age_program: Find) -> None:
    text = subprocess.run([str(age_program("age-keygen"))], capture_output=True, check=True).stdout.decode()
    (identity,) = age.parse_identities(text)
    assert f"# public key: {identity.recipient}\n" in text


def test_age_opens_what_is_wrapped_here(age_program: Find, tmp_path: Path) -> None:
    private, public = age.generate_identity()
    key = tmp_path / "key.txt"
    key.write_text(private + "\n")
    wrapped = age.AgeKey(public).wrap(b"k" * 32).enc
    done = subprocess.run(
        [str(age_program("age")), "-d", "-i", str(key)], input=wrapped.encode(), capture_output=True, check=True
    )
    assert done.stdout == b"k" * 32


def test_what_age_wraps_is_opened_here(age_program: Find) -> None:
    private, public = age.generate_identity()
    done = subprocess.run(
        [str(age_program("age")), "-a", "-r", public], input=b"k" * 32, capture_output=True, check=True
    )
    assert parse_identity(private).unwrap(done.stdout.decode()) == b"k" * 32
