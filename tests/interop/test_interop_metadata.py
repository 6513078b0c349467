# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Odd metadata: sops and we take the same, and understand it alike."""

from __future__ import annotations

import typing as t

from sops_library import Library

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import MalformedMetadataError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.metadata import Metadata
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore

USUAL = {
    "age": "[{recipient: age1x, enc: e}]",
    "lastmodified": '"2026-01-02T03:04:05Z"',
    "mac": "m",
    "unencrypted_suffix": "_unencrypted",
    "version": "3.13.3",
}
ODD = {
    "mac": [
        "5",
        "1.5",
        "true",
        "null",
        "1e30",
        "[]",
        "{}",
        "[1]",
        "2024-01-01",
        '""',
        "0x10",
        "-0.0",
        ".inf",
    ],
    "lastmodified": [
        '"2026-01-02T3:04:05Z"',
        '"2026-01-02T03:04:05+00:00"',
        '"2026-01-02T03:04:05.123Z"',
        '"2026-01-02T03:04:05,5Z"',
        '"2026-01-02 03:04:05Z"',
        '"2026-02-30T03:04:05Z"',
        '"2026-01-02T24:04:05Z"',
        '"2026-01-02T03:04:60Z"',
        '"2026-01-02T03:04:05+24:00"',
        '"2026-01-02T03:04:05+25:00"',
        '"2026-01-02T03:04:05+99:99"',
        '"2026-01-02T03:04:05+05:60"',
        '"2026-01-02T03:04:05+05:61"',
        '"2026-01-02t03:04:05z"',
        '"2026-01-02T03:04:05"',
        "2026-01-02T03:04:05Z",
        "5",
        "null",
        '"0000-01-02T03:04:05Z"',
        '"2026-01-02T03:4:05Z"',
        '"2026-1-02T03:04:05Z"',
        "'2026-01-02T03:04:05-00:00'",
        '"2026-01-02T03:04:05Z "',
        '"12026-01-02T03:04:05Z"',
    ],
    "shamir_threshold": [
        '"2"',
        "2",
        "2.7",
        "true",
        "null",
        '""',
        '"x"',
        '"0x2"',
        '"010"',
        '"08"',
        '"1_0"',
        '"1__0"',
        '"_1"',
        '"1_"',
        '"0_1"',
        '"0x_1"',
        '" 2"',
        "[]",
        "{}",
        '"-1"',
        '"+1"',
        "1e3",
        '"9223372036854775807"',
        '"9223372036854775808"',
        '"0b11"',
        '"0o7"',
        '"0O7"',
        '"1.0"',
        '"0x"',
        '"0_"',
        "2024-01-01",
    ],
    "mac_only_encrypted": [
        "true",
        '"true"',
        '"True"',
        '"TRUE"',
        '"tRUE"',
        '"t"',
        '"T"',
        '"1"',
        "1",
        "0",
        "2",
        "0.5",
        '""',
        "null",
        '"yes"',
        "yes",
        "[]",
        "{}",
        '"no"',
        "-1",
    ],
    "encrypted_regex": [
        "a",
        "5",
        "true",
        "null",
        '""',
        "[]",
        "{a: 1}",
    ],
    "age": [
        "[]",
        "{}",
        "null",
        "{recipient: age1x, enc: e}",
        "[null]",
        "[{}]",
        "[{recipient: 5, enc: true}]",
        '["x"]',
        "x",
        "5",
        "[[{recipient: a, enc: e}]]",
        "[{Recipient: a, ENC: e}]",
        "[{recipient: [], enc: e}]",
        "[{recipient: {}, enc: e}]",
        "true",
        '""',
    ],
    "pgp": [
        '[{fp: A, enc: e, created_at: "2026-01-02T03:04:05Z"}]',
        "[{fp: A, enc: e}]",
        "[{fp: A, enc: e, created_at: 2026-01-02T03:04:05Z}]",
        '[{fp: 5, enc: null, created_at: "2026-01-02T03:04:05+01:00"}]',
        '{fp: A, created_at: "2026-01-02T03:04:05Z"}',
        "[null]",
    ],
    "kms": [
        '[{arn: A, created_at: "2026-01-02T03:04:05Z", context: {a: b}}]',
        '[{arn: A, created_at: "2026-01-02T03:04:05Z", context: {a: 5, b: null}}]',
        '[{arn: A, created_at: "2026-01-02T03:04:05Z", context: []}]',
        '[{arn: A, created_at: "2026-01-02T03:04:05Z", context: [{a: b}, {c: d}]}]',
        '[{arn: A, created_at: "2026-01-02T03:04:05Z", context: x}]',
        '[{arn: A, created_at: "2026-01-02T03:04:05Z", context: {a: [1]}}]',
    ],
    "hckms": [
        '[{key_id: "a:b", created_at: "2026-01-02T03:04:05Z"}]',
        '[{key_id: "a", created_at: "2026-01-02T03:04:05Z"}]',
    ],
    "key_groups": [
        "[{age: [{recipient: a, enc: e}]}]",
        "[null]",
        "{}",
        "{age: [{recipient: a, enc: e}]}",
    ],
    "LastModified": [
        "x",
    ],
    "MAC": [
        "[]",
    ],
    "extra": [
        "[1]",
    ],
}
"""Each value instead of the usual one, as YAML. Unlike sops we refuse a threshold of .nan or .inf, and take bad key_groups
beside a flat list, as both ignore them then."""
SAME = {"encrypted_regex", "mac", "mac_only_encrypted", "shamir_threshold"}
"""Where the value itself is compared; times are kept as they stand, where sops writes them anew."""


def text_with(key: str, value: str) -> bytes:
    block = {**USUAL, key: value}
    if key in ("key_groups", "pgp", "kms", "hckms"):
        block["age"] = "[]"
    if key == "encrypted_regex":
        del block["unencrypted_suffix"]
    return ("a: 1\nsops:\n" + "".join(f"    {name}: {text}\n" for name, text in block.items())).encode()


def test_both_take_and_refuse_the_same(library: Library, store: YamlStore) -> None:
    cases = [(key, value, text_with(key, value)) for key, values in ODD.items() for value in values]
    answers = library.ask_all(
        [{"op": "reformat", "store": "yaml", "data": content, "key": bytes(32)} for _key, _value, content in cases]
    )
    for (key, value, content), answer in zip(cases, answers, strict=True):
        try:
            ours: dict[str, t.Any] | None = Metadata.parse(store.metadata(store.load(content))).to_data()
        except MalformedMetadataError:
            ours = None
        assert (ours is None) is bool(answer.error), (key, value)
        if ours is not None and answer.encrypted is not None:
            theirs = store.metadata(store.load(answer.encrypted))
            assert {name: ours.get(name) for name in SAME} == {name: theirs.get(name) for name in SAME}, (key, value)
