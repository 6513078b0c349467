# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metadata block: layouts of all ages are read, that of 3.13 is written."""

from __future__ import annotations

import typing as t
from datetime import UTC, datetime

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import MalformedMetadataError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import AgeKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import MasterKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp import PgpKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.metadata import (
    Metadata,
    differs,
    effective_threshold,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.selectors import KINDS, Selector

TIME = "2026-01-02T03:04:05Z"
AGE = [{"recipient": "age1x", "enc": "armour"}]
PGP = {"fp": "ABC", "enc": "e", "created_at": TIME}
PLAIN: dict[str, t.Any] = {"age": AGE, "lastmodified": TIME, "mac": "m", "version": "3.13.3"}
SPLIT: dict[str, t.Any] = {**PLAIN, "age": [], "shamir_threshold": 2}


def of(groups: t.Any) -> Metadata:
    return Metadata.parse({**SPLIT, "key_groups": groups})


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
        ("mac_only_encrypted", "T", "mac_only_encrypted", True),
        ("mac_only_encrypted", "0", "mac_only_encrypted", False),
        ("mac_only_encrypted", "", "mac_only_encrypted", False),
        ("mac_only_encrypted", 0, "mac_only_encrypted", False),
        ("mac_only_encrypted", 0.5, "mac_only_encrypted", True),
        ("mac_only_encrypted", None, "mac_only_encrypted", False),
        ("shamir_threshold", "2", "shamir_threshold", 2),
        ("shamir_threshold", "", "shamir_threshold", 0),
        ("shamir_threshold", None, "shamir_threshold", 0),
        ("shamir_threshold", True, "shamir_threshold", 1),
        ("shamir_threshold", 2.9, "shamir_threshold", 2),
        ("shamir_threshold", "0x10", "shamir_threshold", 16),
        ("shamir_threshold", "010", "shamir_threshold", 8),
        ("shamir_threshold", "0o10", "shamir_threshold", 8),
        ("shamir_threshold", "0b1_1", "shamir_threshold", 3),
        ("shamir_threshold", "+1_0", "shamir_threshold", 10),
        ("Version", "3.9.0", "version", "3.13.3"),
        ("mac", None, "mac", ""),
        ("mac", 5, "mac", "5"),
        ("mac", 1e21, "mac", "1000000000000000000000"),
        ("mac", True, "mac", "1"),
        ("mac", False, "mac", "0"),
    ],
)
def test_weak_types_are_converted(key: str, value: t.Any, attribute: str, expected: t.Any) -> None:
    assert getattr(Metadata.parse({**PLAIN, key: value}), attribute) == expected


def test_names_in_another_case_are_understood() -> None:
    """As long as the name itself is not there; a second spelling of the same name is kept as unknown."""
    data = {"AGE": [{"Recipient": "age1x", "ENC": "e"}], "LastModified": TIME, "Mac": "m", "Version": "3.9.0"}
    metadata = Metadata.parse(data)
    assert metadata.to_data() == {**PLAIN, "age": [{"enc": "e", "recipient": "age1x"}], "version": "3.9.0"}
    assert Metadata.parse({**PLAIN, "MAC": "other"}).to_data()["MAC"] == "other"


@pytest.mark.parametrize("version", ["3.13.3", "v3.9.0", "4.0.0-rc.1+build.5", "1.0", "1.x", "3.14.0-alpha-1"])
def test_versions_of_all_times_are_accepted(version: str) -> None:
    assert Metadata.parse({**PLAIN, "version": version}).version == version


@pytest.mark.parametrize(
    "version", ["", None, "3.7", "3.07.1", "x", "3.1.1-", "3.1.1-01", "3.1.1+", "v1", "3.1.1-a..b", "3.1.1 ", 3.13]
)
def test_what_is_no_version_is_refused(version: t.Any) -> None:
    with pytest.raises(MalformedMetadataError, match="version"):
        Metadata.parse({**PLAIN, "version": version})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"age": []}, "sops: no keys"),
        ({"age": "age1x"}, r"sops.age\[0\]: an entry is not a mapping"),
        ({"age": ["age1x"]}, r"sops.age\[0\]: an entry is not a mapping"),
        ({"age": [{"recipient": ["x"]}]}, r"sops.age\[0\].recipient: recipient is not a string"),
        ({"pgp": [{"fp": "A"}]}, r"sops.pgp\[0\].created_at: created_at is not a time"),
        ({"pgp": [{**PGP, "created_at": datetime(2026, 1, 2, tzinfo=UTC)}]}, r"created_at is not a string \(.*quotes"),
        ({"kms": [{**PGP, "arn": {}}]}, r"sops.kms\[0\].arn: arn is not a string"),
        ({"kms": [{"created_at": TIME, "context": "x"}]}, r"kms\[0\].context: an entry is not a mapping"),
        ({"kms": [{"created_at": TIME, "context": {"a": [1]}}]}, r"context.a: a is not a string"),
        ({"hckms": [{"created_at": TIME, "key_id": "region"}]}, r"hckms\[0\].key_id: .* region:id"),
        ({"lastmodified": "2026-01-02T03:04:05+25:00"}, "lastmodified is not a time"),
        ({"lastmodified": "2026-01-02T03:04:05-05:61"}, "lastmodified is not a time"),
        ({"age": [], "key_groups": [{"age": "x"}]}, r"sops.key_groups\[0\].age\[0\]"),
        ({"age": [], "key_groups": "x"}, r"sops.key_groups\[0\]: an entry is not a mapping"),
        ({"age": [], "key_groups": []}, "no keys"),
        ({"mac_only_encrypted": "maybe"}, "sops.mac_only_encrypted: mac_only_encrypted is neither true nor false"),
        ({"mac_only_encrypted": "tRUE"}, "neither true nor false"),
        ({"mac_only_encrypted": []}, "neither true nor false"),
        ({"shamir_threshold": "x"}, "sops.shamir_threshold: shamir_threshold is not a number"),
        ({"shamir_threshold": "1__0"}, "not a number"),
        ({"shamir_threshold": "9223372036854775808"}, "not a number"),
        pytest.param({"shamir_threshold": "9" * 5000}, "not a number", id="long text"),
        ({"shamir_threshold": float("inf")}, "not a number"),
        ({"shamir_threshold": float("nan")}, "not a number"),
        ({"shamir_threshold": []}, "not a number"),
        pytest.param({"mac": 10**5000}, "mac is not a string", id="long number"),
        pytest.param({10**5000: 1}, "a key of the metadata", id="long number as key"),
        ({"encrypted_regex": "a", "encrypted_suffix": "b"}, "only one"),
        (
            {"lastmodified": datetime(2026, 1, 2, tzinfo=UTC)},
            r"sops.lastmodified: lastmodified is not a string \(a time has to be in quotes\)",
        ),
        ({"lastmodified": "2026-01-02"}, "lastmodified is not a time in RFC 3339 form"),
        ({"lastmodified": None}, "lastmodified is not a time"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_cannot_be_used_is_named(change: dict[t.Any, t.Any], message: str) -> None:
    with pytest.raises(MalformedMetadataError, match=message) as caught:
        Metadata.parse({**PLAIN, **change})
    assert caught.value.exit_code == 1


def test_a_sops_entry_that_is_no_mapping_is_refused() -> None:
    with pytest.raises(MalformedMetadataError, match="not a mapping"):
        Metadata.parse("text")


@pytest.mark.parametrize("field", ["recipient", "Recipient"])
def test_a_private_key_as_recipient_is_refused_and_not_shown(field: str) -> None:
    with pytest.raises(MalformedMetadataError, match="private key") as caught:
        Metadata.parse({**PLAIN, "age": [{field: " AGE-SECRET-KEY-1ABC", "enc": "e"}]})
    assert "ABC" not in str(caught.value)


# --- groups ---------------------------------------------------------------------------------------


def test_flat_lists_win_over_key_groups() -> None:
    groups = [{"age": [{"recipient": "age1y", "enc": "e"}]}]
    assert Metadata.parse({**PLAIN, "key_groups": groups}).recipients == ("age1x",)
    assert Metadata.parse({**PLAIN, "age": [], "key_groups": groups}).recipients == ("age1y",)


def test_a_single_entry_is_a_list_of_one_and_null_an_empty_group() -> None:
    metadata = of([None, {"age": AGE[0], "pgp": {}}])
    assert metadata.groups == ((), (AgeKey("age1x", "armour"),))


def test_groups_are_written_as_sops_does() -> None:
    """`age` and `hc_vault` are there even if empty; other kinds only when used. One group is written flat."""
    groups = [{"pgp": [PGP]}, {"age": AGE}]
    assert of(groups).to_data() == {
        "key_groups": [{"age": [], "hc_vault": [], "pgp": [PGP]}, {"age": AGE, "hc_vault": []}],
        "lastmodified": TIME,
        "mac": "m",
        "shamir_threshold": 2,
        "version": "3.13.3",
    }
    assert list(of(groups).to_data()["key_groups"][0]) == ["age", "hc_vault", "pgp"]
    assert of(groups[1:]).to_data() == {**PLAIN, "shamir_threshold": 2}


def test_keys_of_a_group_come_in_the_order_of_sops() -> None:
    kinds = ["age", "pgp", "hc_vault", "azure_kv", "hckms", "gcp_kms", "kms"]
    entries: dict[str, t.Any] = {kind: [{"created_at": TIME, "key_id": "region:id"}] for kind in kinds[1:]}
    metadata = Metadata.parse({**PLAIN, **entries})
    assert [key.kind for key in metadata.groups[0]] == kinds[::-1]


def test_unknown_keys_are_kept_at_every_level() -> None:
    entry = {"enc": "e", "new": [1], "recipient": "age1x"}
    pgp = {**PGP, "new": {"a": 1}}
    flat = {**PLAIN, "age": [entry], "pgp": [pgp], "new": None}
    assert Metadata.parse(flat).to_data() == flat
    split = {**SPLIT, "key_groups": [{"age": [entry], "hc_vault": [], "pgp": [pgp], "new": "x"}] * 2, "zz": 1}
    del split["age"]
    assert Metadata.parse(split).to_data() == split
    other = Metadata.parse(split)._replace(groups=((AgeKey("a", "e"),),) * 3)
    assert "new" not in other.to_data()["key_groups"][2]


def test_keys_of_other_kinds_are_shown_and_kept() -> None:
    kms = {"arn": "arn:k", "aws_profile": "", "context": {"b": "x", "a": None}, "created_at": TIME, "enc": "e"}
    metadata = Metadata.parse({**PLAIN, "pgp": [PGP], "kms": [kms]})
    assert metadata.recipients == ("arn:k|b:x", "ABC", "age1x")
    assert metadata.to_data()["pgp"] == [PGP]
    assert metadata.to_data()["kms"] == [kms]
    assert [key.enc for key in metadata.groups[0]] == ["e", "e", "armour"]


# --- selector -------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_every_selector_is_read_and_written(kind: str) -> None:
    metadata = Metadata.parse({**PLAIN, kind: "x"})
    assert metadata.selector == Selector(kind, "x")
    assert metadata.to_data() == {**PLAIN, kind: "x"}


def test_a_file_that_names_no_selector_gets_none() -> None:
    """Binary files name none; what is not in a file is not added when something else changes."""
    assert Metadata.parse({**PLAIN, "encrypted_regex": ""}).to_data() == PLAIN
    named = Metadata.parse(PLAIN)._replace(selector_written=True)
    assert named.to_data() == {**PLAIN, "unencrypted_suffix": "_unencrypted"}
    other = Metadata.parse(PLAIN)._replace(selector=Selector("encrypted_suffix", "x"))
    assert other.to_data() == {**PLAIN, "encrypted_suffix": "x"}


# --- a file and a rule ----------------------------------------------------------------------------

X, Y, Z = AgeKey("age1x"), AgeKey("age1y"), PgpKey({"fp": "age1x"})


@pytest.mark.parametrize(
    ("file", "rule", "expected"),
    [
        ([[X, Y]], [[Y, X]], False),
        ([[X, Y]], [[X]], True),
        ([[X]], [[Z]], True),
        ([[X], [Y]], [[X], [Y]], False),
        ([[X], [Y]], [[Y], [X]], True),
        ([[X], [Y]], [[X, Y]], True),
        ([[X]], [[X], [Y]], True),
    ],
    ids=["other order", "fewer", "other kind", "same groups", "groups swapped", "groups joined", "one more group"],
)
def test_keys_are_compared_group_by_group(
    file: list[list[MasterKey]], rule: list[list[MasterKey]], expected: bool
) -> None:
    metadata = Metadata(tuple(map(tuple, file)), Selector(), TIME, "", shamir_threshold=len(file))
    assert differs(metadata, rule) is expected


@pytest.mark.parametrize(
    ("file", "groups", "asked", "expected"),
    [(2, 3, 0, 2), (2, 3, 3, 3), (3, 2, 0, 2), (0, 2, 0, 2), (1, 3, 0, 3), (2, 1, 0, 0), (2, 1, 2, 0), (2, 2, 1, 1)],
)
def test_the_threshold_is_that_of_the_rule_else_of_the_file(file: int, groups: int, asked: int, expected: int) -> None:
    metadata = Metadata(((X,),), Selector(), TIME, "", shamir_threshold=file)
    assert effective_threshold(metadata, [[X]] * groups, asked) == expected


def test_another_threshold_is_a_difference_only_between_groups() -> None:
    several = Metadata(((X,), (Y,), (X,)), Selector(), TIME, "", shamir_threshold=2)
    assert not differs(several, several.groups, 2)
    assert differs(several, several.groups, 3)
    one = Metadata(((X,),), Selector(), TIME, "", shamir_threshold=1)
    assert not differs(one, one.groups, 2)
