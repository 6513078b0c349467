# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens, their cipher, and the byte form of values."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DecryptionError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.values import (
    Cipher,
    format_float,
    is_token,
    normalise,
    parse_float,
    parse_time,
)

KEY = b"f" * 32
VECTOR = (
    "ENC[AES256_GCM,data:oYyi,iv:MyIDYbT718JRr11QtBkcj3Dwm4k1aCGZBVeZf0EyV8o=,tag:t5z2Z023Up0kxwCgw1gNxg==,type:str]"
)


def test_the_vector_of_the_reference_opens() -> None:
    """A token made by sops' own test suite gives its plaintext."""
    assert Cipher(KEY).decrypt(VECTOR, "bar:") == (b"foo", "str")


def test_a_token_is_bound_to_its_path() -> None:
    """A value that was moved to another key does not open."""
    with pytest.raises(DecryptionError, match="does not open"):
        Cipher(KEY).decrypt(VECTOR, "")


def test_a_new_token_has_a_nonce_of_32_bytes_and_a_separate_tag() -> None:
    """With the nonce of the vector, the very same token comes out."""
    nonce = bytes.fromhex("33220361b4fbd7c251af5d50b4191c8f70f09b89356821990557997f413257ca")
    assert Cipher(KEY, lambda count: nonce[:count]).encrypt(b"foo", "str", "bar:") == VECTOR


def test_text_after_the_bracket_is_ignored_as_sops_does() -> None:
    assert Cipher(KEY).decrypt(VECTOR + " rest", "bar:") == (b"foo", "str")


@pytest.mark.parametrize(
    "token",
    [
        "plain text",
        "",
        "ENC[AES256_GCM,data:,iv:AAAA,tag:AAAA,type:str]",
        "ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:]",
        VECTOR.replace("oYyi", "oYy"),
        VECTOR.replace("oYyi", "oYy!"),
        VECTOR.replace("type:str", "type:thing"),
        VECTOR.replace("oYyi", "oYyj"),
        VECTOR.replace("\u002c", "\n", 1),
    ],
)
def test_what_is_no_good_token_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(DecryptionError) as caught:
        Cipher(KEY).decrypt(token, "bar:")
    assert not token or token not in str(caught.value)


def test_is_token_knows_the_form_only() -> None:
    assert is_token(VECTOR)
    assert not is_token("ENC[something]")


@given(st.binary(min_size=1), st.text(st.characters(exclude_categories=["Cs"])))
def test_what_is_encrypted_comes_back(data: bytes, path: str) -> None:
    cipher = Cipher(KEY)
    assert cipher.decrypt(cipher.encrypt(data, "str", path), path) == (data, "str")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (0.1, "0.1"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (2.0**64, "18446744073709552000"),
        (-0.0, "-0"),
        (1234567.25, "1234567.25"),
        (1e100, "1" + "0" * 100),
        (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
        (math.nan, "NaN"),
    ],
)
def test_floats_are_positional(value: float, text: str) -> None:
    assert format_float(value) == text


@given(st.floats(allow_nan=False))
def test_floats_read_back_the_same(value: float) -> None:
    assert parse_float(format_float(value)) == value


@pytest.mark.parametrize(
    ("kind", "data", "text"),
    [
        ("int", b"+5", "5"),
        ("int", b"007", "7"),
        ("int", b"-0", "0"),
        ("bool", b"t", "True"),
        ("bool", b"0", "False"),
        ("float", b"1e3", "1000"),
        ("float", b"0x1p-2", "0.25"),
        ("float", b"inf", "+Inf"),
        ("float", b"nan", "NaN"),
        ("time", b"2001-12-14T21:59:43.10+00:00", "2001-12-14T21:59:43.1Z"),
        ("time", b"2001-12-14T21:59:43-05:00", "2001-12-14T21:59:43-05:00"),
        ("bytes", b"\xff", "\udcff"),
    ],
)
def test_other_spellings_are_normalised_for_the_mac(kind: str, data: bytes, text: str) -> None:
    assert normalise(data, kind) == text


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("int", b"0x10"), ("int", b"9223372036854775808"), ("bool", b"yes"),
        ("float", b"1_0"), ("float", b"1e400"), ("time", b"2001-12-14"), ("time", b"2001-13-01T00:00:00Z"),
    ],
)  # fmt: skip
def test_a_value_that_is_not_of_its_type_is_refused(kind: str, data: bytes) -> None:
    with pytest.raises(DecryptionError, match=f"type {kind}"):
        normalise(data, kind)


def test_times_become_datetimes() -> None:
    assert parse_time("2001-12-14T21:59:43.1Z") == datetime(2001, 12, 14, 21, 59, 43, 100000, tzinfo=UTC)
    zone = timezone(-timedelta(hours=5))
    assert parse_time("2001-12-14T21:59:43-05:00") == datetime(2001, 12, 14, 21, 59, 43, tzinfo=zone)
    assert parse_time("2001-12-14T21:59:43+24:00") == "2001-12-14T21:59:43+24:00"


def test_a_data_key_of_another_length_is_refused() -> None:
    with pytest.raises(DecryptionError, match="16 bytes"):
        Cipher(b"x" * 16)
