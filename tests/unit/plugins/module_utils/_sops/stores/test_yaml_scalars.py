# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scalars: the types that sops sees, and spellings that every reader takes back."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml_scalars import (
    Untypable,
    resolve,
    resolve_tagged,
    spell_float_as_sops,
    spell_string,
    spell_typed,
)

TYPED = {
    "bool": {"true": "True", "TRUE": "True", "False": "False"},
    "null": {"": "", "~": "", "null": "", "NULL": ""},
    "int": {
        "0": "0", "-0": "0", "+12": "12", "00": "0", "0x1F": "31", "-0x10": "-16", "0o17": "15", "017": "15", "-017": "-15", "0b101": "5", "-0b1": "-1",
        "0b-101": "-5", "1_000": "1000", "1__0": "10", "0x_1F": "31",
        "9223372036854775807": "9223372036854775807", "-9223372036854775808": "-9223372036854775808",
    },
    "float": {
        "08": "8", "09": "9", "09.5": "9.5", "1.5": "1.5", ".5": "0.5",
        "5.": "5", "1e3": "1000", "1E+3": "1000", "12e03": "12000", "-.5": "-0.5", ".5_5": "0.55",
        "18446744073709551616": "18446744073709552000", "-9223372036854775809": "-9223372036854776000", ".inf": "+Inf",
        "-.INF": "-Inf", "+.Inf": "+Inf", ".NaN": "NaN",
        "-0.0": "-0", "1e-7": "0.0000001",
    },
    "time": {
        "2024-01-01": "2024-01-01T00:00:00Z", "2024-1-2": "2024-01-02T00:00:00Z", "2001-12-14T21:59:43.10-05:00": "2001-12-14T21:59:43.1-05:00",
        "2001-12-14t21:59:43Z": "2001-12-14T21:59:43Z", "2001-12-14 21:59:43.1": "2001-12-14T21:59:43.1Z", "2001-12-14T21:59:43+00:00": "2001-12-14T21:59:43Z",
    },
    "str": {
        text: text
        for text in (
            "yes", "no", "on", "off", "y", "n", "tRUE", "nULL", "0x", "0b2", "0o8", "_1", "1e400", "1e", "0x1p-2", "190:20:30", "12:30:45", "2001-13-01",
            "2001-12-14T21:59:43", "2001-12-14 21:59:43Z", "2001-12-14 21:59:43.10 -5", "<<", "=", "1.2.3.4", ".", "-", "+", "._5", "abc", "ENC[x]",
        )
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "kind", "data"), [(text, kind, data) for kind, table in TYPED.items() for text, data in table.items()]
)
def test_plain_scalars_have_the_types_of_sops(text: str, kind: str, data: str) -> None:
    """Not those of YAML 1.1: the type and the bytes decide about token and MAC."""
    assert resolve(text) == (kind, data)


@pytest.mark.parametrize("text", ["9223372036854775808", "18446744073709551615", "2001-12-14T21:59:43+24:00"])
def test_what_sops_cannot_encrypt_is_refused(text: str) -> None:
    with pytest.raises(Untypable, match="put it in quotes"):
        resolve(text)


@pytest.mark.parametrize(
    ("text", "tag", "result"),
    [
        ("5", "str", ("str", "5")),
        ("5", "float", ("float", "5")),
        ("5", "int", ("int", "5")),
        ("true", "bool", ("bool", "True")),
        ("", "null", ("null", "")),
        ("aGk=", "binary", ("str", "hi")),
        ("/w==", "binary", ("str", "\udcff")),
    ],
)
def test_core_tags_are_honoured(text: str, tag: str, result: tuple[str, str]) -> None:
    assert resolve_tagged(text, f"tag:yaml.org,2002:{tag}", plain=True) == result


@pytest.mark.parametrize(
    ("text", "tag"), [("yes", "bool"), ("x", "int"), ("1.5", "int"), ("x", "null"), ("x!", "binary")]
)
def test_a_value_that_is_not_of_its_tag_is_refused(text: str, tag: str) -> None:
    with pytest.raises(Untypable):
        resolve_tagged(text, f"tag:yaml.org,2002:{tag}", plain=True)


def test_other_tags_leave_strings() -> None:
    assert resolve_tagged("5", "!mine", plain=True) == ("str", "5")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"), (1e6, "1e+06"), (1234567.25, "1.23456725e+06"), (1e-5, "1e-05"), (0.0001, "0.0001"),
        (1e100, "1e+100"), (-0.0, "-0"), (0.0, "0"), (100000.0, "100000"),
        (685230.15, "685230.15"), (123456789.0, "1.23456789e+08"), (-1.5, "-1.5"), (math.inf, ".inf"), (-math.inf, "-.inf"), (math.nan, ".nan"),
    ],
)  # fmt: skip
def test_floats_of_new_files_are_written_as_sops_does(value: float, text: str) -> None:
    assert spell_float_as_sops(value) == text


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(
    [*sorted(TYPED["str"]), "1:20", "0x1F", "#a", "a: b"]
)


@given(TEXTS, st.sampled_from(["", "'", '"']), st.booleans())
def test_any_string_is_read_back_wherever_it_stands(text: str, style: str, flow: bool) -> None:
    """Both here and by a loader for YAML 1.1, as the tools around use."""
    spelled = spell_string(text, style, flow=flow)
    line = f"k: [{spelled}, {spelled}]\n" if flow else f"k: {spelled}\n"
    expected = [text, text] if flow else text
    assert YamlStore().data(line.encode()) == [{"k": expected}]
    assert yaml.load(line, yaml.CSafeLoader) == {"k": expected}


@pytest.mark.parametrize(("text", "style", "spelled"), [
    ("abc", "", "abc"), ("abc", "'", "'abc'"), ("abc", '"', '"abc"'), ("true", "", '"true"'), ("", "", '""'),
    ("", "'", "''"), ("it's", "'", "'it''s'"), ("a: b", "", "'a: b'"),
    ("yes", "", '"yes"'), ("a\tb", "'", '"a\\tb"'), ("\udcff", "", "!!binary /w=="), ("12:30:45", "", '"12:30:45"'),
])  # fmt: skip
def test_quotes_are_kept_or_chosen(text: str, style: str, spelled: str) -> None:
    assert spell_string(text, style, flow=False) == spelled


@given(st.floats() | st.integers(-(2**63), 2**63 - 1) | st.booleans())
def test_typed_values_are_read_back_with_their_type(value: float | bool) -> None:
    kind, data = resolve(spell_typed(*resolve(str(value).lower() if isinstance(value, bool) else _yaml_number(value))))
    assert (kind, data) == resolve(str(value).lower() if isinstance(value, bool) else _yaml_number(value))


def _yaml_number(value: float) -> str:
    return {"inf": ".inf", "-inf": "-.inf", "nan": ".nan"}.get(repr(value), repr(value))
