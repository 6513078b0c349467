# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypting and decrypting from one format into another."""

from __future__ import annotations

import json

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    AlreadyEncryptedError,
    ConversionError,
    EmissionError,
    FluxseedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.notices import COMMENTS_LOST, Notice
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

SAMPLES = [
    ("yaml", b"a: 1\nb: [x, {c: true}]\n", "json", b'{\n\t"a": 1,\n\t"b": [\n\t\t"x",\n\t\t{\n\t\t\t"c": true\n\t\t}\n\t]\n}\n'),
    ("yaml", b"# c\nA: x\nB: 5\n", "dotenv", b"# c\nA=x\nB=5\n"),
    ("yaml", b"s:\n  a: x\n", "ini", b"[s]\na = x\n"),
    ("yaml", b"data: x\n", "binary", b"x"),
    ("json", b'{"a": {"b": null}, "c": 1.5}', "yaml", b"a:\n    b: null\nc: 1.5\n"),
    ("json", b'{"A": "x"}', "dotenv", b"A=x\n"),
    ("dotenv", b"# c\nA=x y\n", "yaml", b"# c\nA: x y\n"),
    ("dotenv", b"A=x y\n", "json", b'{\n\t"A": "x y"\n}\n'),
    ("ini", b"[s]\na = x\n", "yaml", b"DEFAULT: {}\ns:\n    a: x\n"),
    ("ini", b"[s]\na = x\n", "json", b'{\n\t"DEFAULT": {},\n\t"s": {\n\t\t"a": "x"\n\t}\n}\n'),
    ("binary", b"text", "yaml", b"data: text\n"),
    ("binary", b"text\n", "json", b'{\n\t"data": "text\\n"\n}\n'),
]  # fmt: skip
IDS = [f"{source}-{target}" for source, _plain, target, _expected in SAMPLES]


@pytest.mark.parametrize(("source", "plain", "target", "expected"), SAMPLES, ids=IDS)
def test_on_the_way_in_and_on_the_way_out(
    rule: Rule, ring: KeyRing, source: str, plain: bytes, target: str, expected: bytes
) -> None:
    store, output = store_for("", source), store_for("", target)
    there = document.encrypt(plain, rule, store=store, output_store=output)
    assert document.decrypt(there.content, ring, store=output) == expected
    assert "***" in there.after
    here = document.encrypt(plain, rule, store=store).content
    assert document.decrypt(here, ring, store=store, output_store=output) == expected


def test_the_same_format_keeps_the_layout(rule: Rule, ring: KeyRing) -> None:
    store = store_for("", "yaml")
    content = document.encrypt(b"a:   1\n", rule, store=store, output_store=store_for("", "yaml")).content
    assert document.decrypt(content, ring, store=store, output_store=store_for("", "yaml")) == b"a:   1\n"


@pytest.mark.parametrize(
    ("plain", "target", "message"),
    [
        (b"a: 1\n---\nb: 2\n", "json", r"s\.yaml: the file holds 2 documents, a file of type json only one"),
        (b"a: x\n---\nb: y\n", "dotenv", "the file holds 2 documents"),
        (b"a: x\nb: null\n", "dotenv", r's\.yaml:2: \["b"\]: a null cannot be written into a file of type dotenv'),
        (b"s: {b: }\n", "ini", r's\.yaml:1: \["s"\]\["b"\]: a null'),
    ],
)
def test_what_would_be_lost_is_refused_on_both_ways(
    rule: Rule, ring: KeyRing, plain: bytes, target: str, message: str
) -> None:
    """Sops writes these without a word."""
    store, output = store_for("", "yaml"), store_for("", target)
    with pytest.raises(ConversionError, match=message) as caught:
        document.encrypt(plain, rule, store=store, output_store=output, name="s.yaml")
    assert caught.value.exit_code == 4
    content = document.encrypt(plain, rule, store=store).content
    with pytest.raises(ConversionError, match=message):
        document.decrypt(content, ring, store=store, output_store=output, name="s.yaml")


@pytest.mark.parametrize(
    ("plain", "target", "expected"),
    [
        (b"a_unencrypted: 1.0\nb: x\n", "dotenv", b"a_unencrypted=1\nb=x\n"),
        (b"a_unencrypted: true\nb: x\n", "dotenv", b"a_unencrypted=True\nb=x\n"),
        (b"s: {a_unencrypted: 1e6}\n", "ini", b"[s]\na_unencrypted = 1000000\n"),
    ],
)
def test_values_in_clear_are_spelled_so_that_the_mac_holds(
    rule: Rule, ring: KeyRing, plain: bytes, target: str, expected: bytes
) -> None:
    """Sops spells them so that its own MAC fails."""
    output = store_for("", target)
    content = document.encrypt(plain, rule, store=store_for("", "yaml"), output_store=output).content
    assert document.decrypt(content, ring, store=output) == expected


@pytest.mark.parametrize(
    ("plain", "source", "target"),
    [
        (b'{"s": {"a": "1", "a": "2"}}', "json", "ini"),
        (b'{"a": "1", "a": "2"}', "json", "yaml"),
    ],
)
def test_a_result_that_nobody_could_verify_is_refused(rule: Rule, plain: bytes, source: str, target: str) -> None:
    with pytest.raises(ConversionError, match=r"^f: "):
        document.encrypt(plain, rule, store=store_for("", source), output_store=store_for("", target), name="f")


def test_values_in_clear_that_read_the_same_pass(keys: Keys, ring: KeyRing) -> None:
    rule = Rule.of([keys.public], encrypted_regex="^b$")
    output = store_for("", "json")
    content = document.encrypt(
        b"a: 2024-01-02\nb: 1.0\nc: 1.0\n", rule, store=store_for("", "yaml"), output_store=output
    ).content
    assert json.loads(document.decrypt(content, ring, store=output)) == {"a": "2024-01-02T00:00:00Z", "b": 1, "c": 1}


@pytest.mark.parametrize(
    ("plain", "target"), [(b"a: {b: 1}\n", "dotenv"), (b"a: 1\n", "ini"), (b"a: .nan\n", "json"), (b"a: x\n", "binary")]
)
def test_what_a_format_cannot_hold_is_refused(ring: KeyRing, rule: Rule, plain: bytes, target: str) -> None:
    store, output = store_for("", "yaml"), store_for("", target)
    content = document.encrypt(plain, rule, store=store).content
    with pytest.raises(EmissionError) as caught:
        document.decrypt(content, ring, store=store, output_store=output)
    assert caught.value.exit_code == 4


def test_comments_that_are_dropped_are_told(rule: Rule, ring: KeyRing) -> None:
    store, output = store_for("", "yaml"), store_for("", "json")
    plain = b"# a\na: 1 # b\nl:\n# c\n- 1\n"
    change = document.encrypt(plain, rule, store=store, output_store=output, name="s.yaml")
    assert [str(notice) for notice in change.warnings] == [
        "s.yaml: 3 comments are dropped: files of type json have none"
    ]
    told: list[Notice] = []
    content = document.encrypt(plain, rule, store=store).content
    document.decrypt(content, ring, store=store, output_store=output, warnings=told)
    assert [notice.kind for notice in told] == [COMMENTS_LOST]


def test_metadata_is_refused_in_any_format(rule: Rule) -> None:
    with pytest.raises(AlreadyEncryptedError):
        document.encrypt(b"sops: 1\n", rule, store=store_for("", "yaml"), output_store=store_for("", "json"))
    with pytest.raises(FluxseedError):
        document.encrypt(b"sops_x: 1\n", rule, store=store_for("", "yaml"), output_store=store_for("", "dotenv"))
