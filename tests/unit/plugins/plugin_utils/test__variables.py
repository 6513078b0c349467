# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a variables file is changed where a value stands and nowhere else."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import VaultFileError
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._variables import OtherTag, Variables

CANARY = "canary-5f1d"


def changed(text: str, **values: str | OtherTag) -> str | None:
    result = Variables(text, where="f.yml").with_values(values)
    return None if result is None else result.text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("---\n", "---\nkey: new\n"),
        ("", "key: new\n"),
        ("# only a comment\n", "# only a comment\nkey: new\n"),
        ("a: 1\n", "a: 1\nkey: new\n"),
        ("a: 1", "a: 1\nkey: new\n"),
        ("a: 1\r\n", "a: 1\r\nkey: new\r\n"),
        ("a:\n- x\n- y   # z\n\n\n", "a:\n- x\n- y   # z\n\n\nkey: new\n"),
        ("key: old   # why\nb:   'x'\n", "key: new   # why\nb:   'x'\n"),
        ("key: 'old'\n", "key: new\n"),
        ('"key" : "old"\n', '"key" : new\n'),
        ("key:\nb: 1\n", "key: new\nb: 1\n"),
        ("key:   # empty\nb: 1\n", "key: new   # empty\nb: 1\n"),
        ("key: ~\n", "key: new\n"),
        ("  key: old\n  b: 1\n", "  key: new\n  b: 1\n"),
        ("{a: 1, key: old, b: 2}\n", "{a: 1, key: new, b: 2}\n"),
        ("a: |\n  text\n  more\n", "a: |\n  text\n  more\nkey: new\n"),
        (
            "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3133\nkey: old\n",
            "a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3133\nkey: new\n",
        ),
        ("a: !unsafe '{{ x }}'\nkey: old\n", "a: !unsafe '{{ x }}'\nkey: new\n"),
        ("ä: ö\nkey: old # ü\n", "ä: ö\nkey: new # ü\n"),
        ("key: old\n...\n", "key: new\n...\n"),
        ("key: |\n  old\n  text\n\n# why\nb: 1\n", "key: new\n\n# why\nb: 1\n"),
        ("key: >-\n  old\n  text\nb: 1\n", "key: new\nb: 1\n"),
        ("key: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3133\nb: 1   # why\n", "key: new\nb: 1   # why\n"),
        ("key: !vault x   # why\nb: 1\n", "key: new   # why\nb: 1\n"),
    ],
)
def test_everything_but_the_value_stays(before, after):
    """Comments, quotes, order, blank lines and line ends of the rest are kept."""
    assert changed(before, key="new") == after


LINES = "-----BEGIN X-----\n\nab+c=\n-----END X-----\n"
SEALED = OtherTag("!vault", "$ANSIBLE_VAULT;1.1;AES256\n3133\n")


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("a: 1\n", LINES, "a: 1\nkey: |\n  -----BEGIN X-----\n\n  ab+c=\n  -----END X-----\n"),
        ("key: old\nb: 1\n", LINES, "key: |\n  -----BEGIN X-----\n\n  ab+c=\n  -----END X-----\nb: 1\n"),
        ("key: |\n    old\n    old\n\nb: 1\n", "x\ny", "key: |-\n  x\n  y\n\nb: 1\n"),
        ("  key: old\n  b: 1\n", "x\ny\n", "  key: |\n    x\n    y\n  b: 1\n"),
        ("key: old   # why\n", "x\ny\n", 'key: "x\\ny\\n"   # why\n'),
        ("{a: 1, key: old}\n", "x\ny\n", '{a: 1, key: "x\\ny\\n"}\n'),
        ("a: 1\r\n", "x\ny\n", "a: 1\r\nkey: |\r\n  x\r\n  y\r\n"),
        ("a: 1\n", SEALED, "a: 1\nkey: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3133\n"),
        ("key: old   # why\n", SEALED, 'key: !vault "$ANSIBLE_VAULT;1.1;AES256\\n3133\\n"   # why\n'),
    ],
)
def test_several_lines_are_written_as_a_block(before, value, after):
    """Unless something stands behind the value on its line."""
    assert changed(before, key=value) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1\n", None),
        ("key: x\n", ""),
        ("---\nkey: x\n", "---\n"),
        ("# head\nkey: x   # why\nb: 1\n", "# head\nb: 1\n"),
        ("b: 1\nkey: x", "b: 1\n"),
        ("key: |\n  x\n  y\n\n# next\nb: 1\n", "\n# next\nb: 1\n"),
        ("b: 1\nkey: !vault |\n  x\n  y\nother: 'z'\nc: 2\n", "b: 1\nc: 2\n"),
        ("b: 1\r\nkey: x\r\nc: 2\r\n", "b: 1\r\nc: 2\r\n"),
        ("key:\nb: 1\n", "b: 1\n"),
    ],
)
def test_variables_are_removed_and_the_rest_stays(before, after):
    """Comments of others, order and line ends are kept."""
    result = Variables(before, where="f.yml").without(["key", "other"])
    assert (None if result is None else result.text) == after


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"{{a: {CANARY}, key: x}}\n", "starts at the margin"),
        (f"  a: {CANARY}\n  key: x\n", "starts at the margin"),
        (f"key: [{CANARY}]\n", "not a single value"),
        (f"key: &x {CANARY}\nb: *x\n", "without touching others.*remove key by hand"),
    ],
)
def test_what_cannot_be_removed_is_refused_without_quoting_it(text, message):
    """Nothing is guessed."""
    with pytest.raises(VaultFileError, match=message) as caught:
        Variables(text, where="f.yml").without(["key"])
    assert CANARY not in str(caught.value)


def test_a_value_that_is_there_changes_nothing():
    """Setting what is set already is no change, however it is written."""
    assert changed("key: 'new'\n", key="new") is None


def test_several_values_are_changed_and_added_at_once():
    """Positions stay right when more than one value changes."""
    text = "b: long old value\nx: 1\na: o\n"
    assert changed(text, a="AAAA", b="B", c="C") == "b: B\nx: 1\na: AAAA\nc: C\n"


@pytest.mark.parametrize(
    "value", ["yes", "null", "1", "1.5", "a: b", "# x", "", "{{ x }}", "'", '"', "ü", "a\nb", "- a"]
)
def test_values_that_yaml_would_read_otherwise_are_quoted(value):
    """What is put in is what comes out."""
    text = changed("a: 1\n", key=value)
    assert yaml.safe_load(text) == {"a": 1, "key": value}


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"])))
def test_any_text_survives(value):
    """Every string that YAML can hold is read back as it was."""
    file = Variables("a: 1\n", where="f.yml").with_values({"key": value})
    assert file.values() == {"a": 1, "key": value}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- a\n- b\n", "not a mapping"),
        (f"text {CANARY}\n", "not a mapping"),
        (f"a: [{CANARY}\n", "not YAML"),
        (f"a: '{CANARY}\n", "not YAML"),
        (f"a: {CANARY}: b\n", "not YAML"),
        (f"a: 1\n---\nb: {CANARY}\n", "not YAML"),
        (f"key: {CANARY}\nkey: b\n", "set twice"),
        (f"key: [{CANARY}]\n", "not a single value"),
        (f"{{a: {CANARY}}}\n", "starts at the margin"),
        (f"  a: {CANARY}\n", "starts at the margin"),
        (f"a: 1\n...\n# {CANARY}\n", "without touching others"),
        (f"a: |\n  {CANARY}", "without touching others"),
        (f"b: &x {CANARY}\nkey: *x\n", "without touching others"),
        (f"a: {CANARY}\x00\n", "not YAML"),
    ],
)
def test_what_cannot_be_edited_is_refused_without_quoting_it(text, message):
    """The text was encrypted: no message holds any of it."""
    with pytest.raises(VaultFileError, match=message) as caught:
        changed(text, key="new")
    error = caught.value
    assert "f.yml" in error.where
    assert CANARY not in f"{error}{error.__cause__}{error.__context__ if not error.__suppress_context__ else ''}"


def test_tagged_values_are_there_but_closed():
    """An inline vault value is neither opened nor taken for a string."""
    values = Variables("a: !vault |\n  x\nb: !unsafe '{{ x }}'\nc: [!other y]\n", where="f").values()
    assert values == {"a": OtherTag("!vault", "x\n"), "b": "{{ x }}", "c": [OtherTag("!other", "y")]}
    assert "x\n" not in repr(values["a"])
