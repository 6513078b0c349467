# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Metadata as flat keys."""

from __future__ import annotations

import typing as t
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    LimitError,
    MalformedMetadataError,
    SopsError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.flatten import flatten, unflatten


def test_keys_are_sorted_at_every_level_and_values_are_texts() -> None:
    data = {
        "version": "3.13.3",
        "age": [{"recipient": "age1x", "enc": "a\nb\n"}, {"recipient": "age1y", "enc": "c"}],
        "shamir_threshold": 2,
        "mac_only_encrypted": True,
        "unknown": {"f": 1.5, "n": None, "off": False},
        "key_groups": [{"age": [{"enc": "d"}], "hc_vault": []}],
        "kms": [],
        "empty": {},
    }
    assert flatten(data, "sops_") == [
        ("sops_age__list_0__map_enc", "a\nb\n"),
        ("sops_age__list_0__map_recipient", "age1x"),
        ("sops_age__list_1__map_enc", "c"),
        ("sops_age__list_1__map_recipient", "age1y"),
        ("sops_key_groups__list_0__map_age__list_0__map_enc", "d"),
        ("sops_mac_only_encrypted", "true"),
        ("sops_shamir_threshold", "2"),
        ("sops_unknown__map_f", "1.5"),
        ("sops_unknown__map_n", ""),
        ("sops_unknown__map_off", "false"),
        ("sops_version", "3.13.3"),
    ]


@pytest.mark.parametrize(
    ("pairs", "data"),
    [
        pytest.param([], {}, id="nothing"),
        pytest.param([("a", "1")], {"a": "1"}, id="plain"),
        pytest.param([("a__map_b", "1"), ("a__map_", "2")], {"a": {"b": "1", "": "2"}}, id="mapping"),
        pytest.param([("a__list_1", "y"), ("a__list_0", "x")], {"a": ["x", "y"]}, id="any order"),
        pytest.param([("a__list_x", "1")], {"a": ["1"]}, id="no number counts as 0"),
        pytest.param([("a__list_", "1")], {"a": ["1"]}, id="nothing counts as 0"),
        pytest.param([("a__list_+000", "1")], {"a": ["1"]}, id="signs and zeros"),
        pytest.param([("a__list_-0", "1")], {"a": ["1"]}, id="minus zero"),
        pytest.param([("__map_a", "1")], {"": {"a": "1"}}, id="empty first name"),
        pytest.param([("a__map__list_0", "1")], {"a": {"_list_0": "1"}}, id="signs that overlap"),
        pytest.param([("a__map_b__list_0__list_0", "1")], {"a": {"b": [["1"]]}}, id="list in a list"),
    ],
)
def test_flat_keys_are_read_as_by_sops(pairs: list[tuple[str, str]], data: dict[str, t.Any]) -> None:
    assert unflatten(pairs) == data


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        pytest.param([("a", "1"), ("a", "2")], "sops.a: Duplicate value", id="twice"),
        pytest.param([("a__list_0", "1"), ("a__list_x", "2")], r"sops.a\[0\]: Duplicate value", id="item twice"),
        pytest.param([("a", "1"), ("a__map_b", "2")], "sops.a: Type mismatch", id="text and mapping"),
        pytest.param([("a__list_0", "1"), ("a__map_b", "2")], "sops.a: Type mismatch", id="list and mapping"),
        pytest.param([("a__list_1", "1")], "sops.a: Incomplete list", id="begins with 1"),
        pytest.param([("a__list_0", "1"), ("a__list_2", "2")], "sops.a: Incomplete list", id="gap"),
        pytest.param([("a__list_-1", "1")], "sops.a: Incomplete list", id="negative"),
        pytest.param([("a__map_b__list_1000000000", "1")], "sops.a.b: Incomplete list", id="a thousand million"),
        pytest.param([("a__list_" + "9" * 100_000, "1")], "sops.a: Incomplete list", id="long number"),
        pytest.param([("S3cret!__list_1", "1")], "^sops: Incomplete list", id="a name that is not one of metadata"),
    ],
)
def test_malformed_keys_are_refused_with_their_place(pairs: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(MalformedMetadataError, match=message):
        unflatten(pairs)


def test_what_cannot_be_metadata_is_refused_before_it_costs_time() -> None:
    with pytest.raises(LimitError, match="deeper"):
        unflatten([("a" + "__map_a" * 100_000, "1")])
    with pytest.raises(LimitError, match="more than"):
        unflatten((f"a{number}", "1") for number in range(1_000_000))
    data: dict[str, t.Any] = {}
    for _turn in range(1000):
        data = {"a": data}
    with pytest.raises(LimitError, match="deeper"):
        flatten(data)


def test_entries_that_would_be_one_are_refused() -> None:
    with pytest.raises(MalformedMetadataError, match="same flat key"):
        flatten({"a": {"b": "1"}, "a__map_b": "2"})


NAMES = st.text("abc", min_size=1, max_size=4)


def containers(inner: st.SearchStrategy[t.Any]) -> st.SearchStrategy[t.Any]:
    return st.lists(inner, min_size=1, max_size=3) | st.dictionaries(NAMES, inner, min_size=1, max_size=3)


@settings(deadline=None, max_examples=40)
@given(st.dictionaries(NAMES, st.recursive(st.text(max_size=5), containers, max_leaves=8), max_size=4))
def test_what_is_flattened_comes_back(data: dict[str, t.Any]) -> None:
    assert unflatten(flatten(data)) == data


PIECES = st.sampled_from(["a", "b", "__map_", "__list_", "0", "1", "9" * 30, "-", "_", "\udcff"])


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.lists(PIECES, max_size=8).map("".join), st.text(max_size=3)), max_size=8))
def test_any_keys_are_read_or_refused_by_the_error_tree(pairs: list[tuple[str, str]]) -> None:
    with suppress(SopsError):
        unflatten(pairs)
