# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Shamir's scheme: known answers of the field, and that any large enough choice of shares gives the secret back."""

from __future__ import annotations

import itertools
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DataKeyError, InvalidInputError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.shamir import combine, divide, multiply, split


@pytest.mark.parametrize(
    ("left", "right", "product"), [(3, 7, 9), (3, 0, 0), (0, 3, 0), (1, 255, 255), (0x53, 0xCA, 1), (0x57, 0x83, 0xC1)]
)
def test_products_of_the_field(left: int, right: int, product: int) -> None:
    assert multiply(left, right) == product == multiply(left=right, right=left)


def test_quotients_of_the_field() -> None:
    assert (divide(6, 3), divide(0, 7), divide(3, 3), divide(1, 0x53)) == (2, 0, 1, 0xCA)
    assert all(multiply(divide(a, b), b) == a for a in range(0, 256, 25) for b in range(1, 256))


def test_shares_are_as_sops_makes_them() -> None:
    """With the coefficients 1, 2, … for each byte: value at 1, 2, 3, and the number of the share last."""
    shares = split(b"\x00\xff", 3, 2, lambda count: bytes(range(1, count + 1)))
    assert shares == [bytes((1, 0xFD, 1)), bytes((2, 0xFB, 2)), bytes((3, 0xF9, 3))]
    assert [share[-1] for share in split(bytes(32), 5, 3, os.urandom)] == [1, 2, 3, 4, 5]


@settings(max_examples=30, deadline=None)
@given(st.binary(min_size=1, max_size=33), st.integers(2, 6), st.data())
def test_any_choice_of_enough_shares_gives_the_secret_back(secret: bytes, parts: int, data: st.DataObject) -> None:
    threshold = data.draw(st.integers(2, parts))
    shares = split(secret, parts, threshold, os.urandom)
    assert {len(share) for share in shares} == {len(secret) + 1}
    for count in range(threshold, parts + 1):
        for chosen in itertools.islice(itertools.permutations(shares, count), 6):
            assert combine(chosen) == secret


def test_too_few_shares_fit_any_secret() -> None:
    """One share less than needed says nothing: for each possible byte there is one polynomial."""
    found = {combine([split(b"s", 3, 3, lambda _count, c=c: bytes((c, 9)))[0], bytes((7, 2))])[0] for c in range(256)}
    assert len(found) == 256


def test_the_most_parts_there_can_be() -> None:
    shares = split(b"key", 255, 2, os.urandom)
    assert combine([shares[254], shares[100]]) == b"key"


@pytest.mark.parametrize(
    ("secret", "parts", "threshold", "message"),
    [
        (b"s", 2, 1, "shamir_threshold is 1, .* 2 or more"),
        (b"s", 2, 0, "2 or more"),
        (b"s", 2, -1, "2 or more"),
        (b"s", 2, 3, "only 2 key groups"),
        (b"s", 256, 2, "256 key groups are too many"),
        (b"", 2, 2, "empty"),
    ],
)
def test_limits_of_splitting(secret: bytes, parts: int, threshold: int, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        split(secret, parts, threshold, os.urandom)


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([], "not enough"),
        ([b"secret\x01"], "not enough"),
        ([b"secret\x01", b"tersec\x01"], "same part"),
        ([b"secret\x01", b"secre\x02"], "same length"),
        ([b"\x01", b"\x02"], "same length"),
    ],
    ids=["none", "one", "same number", "lengths", "empty"],
)
def test_shares_that_do_not_fit_are_refused_without_showing_them(shares: list[bytes], message: str) -> None:
    with pytest.raises(DataKeyError, match=message) as caught:
        combine(shares)
    assert "secre" not in str(caught.value)
    assert caught.value.exit_code == 128
