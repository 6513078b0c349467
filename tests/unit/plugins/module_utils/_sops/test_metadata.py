# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata block: layouts of all ages are read, that of 3.13 is written."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import MalformedMetadataError, UnsupportedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.metadata import Metadata, differs
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.selectors import Selector

AGE = [{"recipient": "age1x", "enc": "armour"}]
PLAIN: dict[str, t.Any] = {"age": AGE, "lastmodified": "2026-01-02T03:04:05Z", "mac": "m", "version": "3.13.3"}


def test_what_is_written_is_what_was_read_in_order() -> None:
    data = {**PLAIN, "encrypted_regex": "^data$", "mac_only_encrypted": True, "zz_new": {"kept": [1]}}
    written = Metadata.parse(data).to_data()
    assert written == data
    assert list(written) == sorted(data)


def test_old_layouts_with_empty_lists_are_read() -> None:
    old = {**PLAIN, "kms": [], "gcp_kms": None, "azure_kv": [], "hc_vault": {}, "pgp": [], "version": "3.6.1"}
    metadata = Metadata.parse(old)
    assert metadata.recipients == ("age1x",)
    assert metadata.selector == Selector()


@pytest.mark.parametrize(
    ("key", "value", "attribute", "expected"),
    [
        ("mac_only_encrypted", "true", "mac_only_encrypted", True),
        ("mac_only_encrypted", 0, "mac_only_encrypted", False),
        ("shamir_threshold", "2", "shamir_threshold", 2),
        ("Version", "3.9.0", "version", "3.13.3"),
        ("mac", None, "mac", ""),
    ],
)
def test_weak_types_are_converted(key: str, value: t.Any, attribute: str, expected: t.Any) -> None:
    assert getattr(Metadata.parse({**PLAIN, key: value}), attribute) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": []}, "no keys"),
        ({"age": "age1x"}, "not a list"),
        ({"age": [{"recipient": "age1x"}]}, "enc is missing"),
        ({"age": ["age1x"]}, "not a mapping"),
        ({"version": ""}, "version"),
        ({"version": "3.7"}, "version"),
        ({"mac_only_encrypted": "maybe"}, "neither true nor false"),
        ({"shamir_threshold": "x"}, "not a number"),
        ({"encrypted_regex": "a", "encrypted_suffix": "b"}, "only one"),
        ({"lastmodified": object()}, "not a string"),
    ],
)
def test_what_cannot_be_used_is_named(change: dict[str, t.Any], message: str) -> None:
    with pytest.raises(MalformedMetadataError, match=message):
        Metadata.parse({**PLAIN, **change})


def test_a_sops_entry_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(MalformedMetadataError, match="not a mapping"):
        Metadata.parse("text")


def test_flat_lists_win_over_key_groups() -> None:
    groups = [{"age": [{"recipient": "age1y", "enc": "e"}]}]
    assert Metadata.parse({**PLAIN, "key_groups": groups}).recipients == ("age1x",)
    assert Metadata.parse({**PLAIN, "age": [], "key_groups": groups}).recipients == ("age1y",)


def test_a_split_data_key_is_refused_by_name() -> None:
    group = {"age": AGE}
    metadata = Metadata.parse({**PLAIN, "age": [], "key_groups": [group, group], "shamir_threshold": 2})
    with pytest.raises(UnsupportedError, match="2 key groups"):
        list(metadata.keys)


def test_keys_of_other_kinds_are_shown_and_kept() -> None:
    pgp = {"fp": "ABC", "enc": "e", "created_at": "2026-01-02T03:04:05Z"}
    metadata = Metadata.parse({**PLAIN, "pgp": [pgp]})
    assert metadata.recipients == ("ABC", "age1x")
    assert metadata.to_data()["pgp"] == [pgp]


def test_order_of_recipients_is_no_difference() -> None:
    metadata = Metadata.parse(
        {**PLAIN, "age": [{"recipient": "age1x", "enc": "e"}, {"recipient": "age1y", "enc": "e"}]}
    )
    assert not differs(metadata, ["age1y", "age1x"])
    assert differs(metadata, ["age1x"])
