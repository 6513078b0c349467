# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private key is known, and masked, in whatever form it comes and whatever stands around it."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import private_keys
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.private_texts import AROUND, PRIVATE

CASES: dict[str, t.Callable[[str], str]] = {"as it is": str, "small": str.lower, "capital": str.upper}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("form", PRIVATE)
def test_a_private_key_is_known_and_taken_out(form: str, around: str, case: str) -> None:
    key = CASES[case](PRIVATE[form])
    text = AROUND[around].format(key)
    assert private_keys.is_in(text)
    masked = private_keys.masked(text)
    assert private_keys.MASK in masked
    assert not any(line in masked for line in key.splitlines() if line and not line.startswith("-----"))


@pytest.mark.parametrize("form", ["an SSH key", "a PGP key"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\\n", "\\\\n", " ", "", "\n> ", "\n# "], ids=repr)
def test_the_lines_of_a_block_may_be_joined_by_anything(form: str, line_end: str) -> None:
    masked = private_keys.masked(f"before {line_end.join(PRIVATE[form].splitlines())} behind")
    assert masked == f"before {private_keys.MASK} behind"


@pytest.mark.parametrize("form", PRIVATE)
def test_a_key_without_its_blanks_is_one_too(form: str) -> None:
    masked = private_keys.masked(f"before {''.join(PRIVATE[form].split())} behind")
    assert masked == f"before {private_keys.MASK} behind"


@pytest.mark.parametrize("form", ["an SSH key", "a PGP key"])
def test_a_block_that_is_cut_off_is_taken_out_to_its_end(form: str) -> None:
    assert private_keys.masked(f"before {PRIVATE[form][:90]}") == f"before {private_keys.MASK}"


@pytest.mark.parametrize(
    "text",
    [
        "an age private key starts with AGE-SECRET-KEY-1, AGE-SECRET-KEY-PQ-1 or AGE-PLUGIN-, this one does not",
        "give the line that begins with AGE-SECRET-KEY-, such as AGE-SECRET-KEY-1...",
        "a PGP one with -----BEGIN PGP PRIVATE KEY BLOCK-----",
        "it starts with -----BEGIN OPENSSH PRIVATE KEY----- (ssh-keygen writes it)",
        "the program age-plugin-fido2-hmac is not on PATH: install the age plugin fido2-hmac",
        "Identities at hand: age-plugin-yubikey (identity 01234567)",
    ],
)
def test_the_words_of_a_message_stay(text: str) -> None:
    assert private_keys.masked(text) == text


@pytest.mark.parametrize(
    "text", ["age1qqqqqq", "-----BEGIN PGP PUBLIC KEY BLOCK-----\nabc", "-----BEGIN CERTIFICATE-----\nabc"]
)
def test_what_is_public_is_no_private_key(text: str) -> None:
    assert not private_keys.is_in(text)
    assert private_keys.masked(text) == text
