# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The YAML store: what it refuses, and how it lays out new files."""

from __future__ import annotations

import typing as t
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    EmissionError,
    EmptyFileError,
    EncryptionError,
    InvalidInputError,
    LimitError,
    MalformedFileError,
    SopsError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import Limits

STORE = YamlStore()


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (b"", EmptyFileError, "empty"),
        (b"# only\n\n", EmptyFileError, "no document"),
        (b"- a\n", MalformedFileError, "is a list"),
        (b"text\n", MalformedFileError, "single value"),
        (b"a: 1\n---\n- b\n", MalformedFileError, "f:3: the document is a list"),
        (b"a: 1\nb: [\n", MalformedFileError, "f:3: the file is not YAML"),
        (b"a: 1\nb: 2\na: 3\n", MalformedFileError, "f:3: a key occurs twice"),
        (b"a: 1\n1: 2\n", EncryptionError, "f:2: a key is not a string"),
        (b"true: 2\n", EncryptionError, "not a string"),
        (b"? [a]\n: b\n", EncryptionError, "a mapping or a list"),
        (b"!!int 5: b\n", EncryptionError, "not a string"),
        (b"a: 18446744073709551615\n", EncryptionError, "f:1: an integer above"),
        (b"a: !!bool maybe\n", EncryptionError, "not what its tag"),
        (b"a: *x\n", MalformedFileError, "anchor"),
        (b"a: &x [*x]\n", MalformedFileError, "contains itself"),
        (b"a: \xff\n", MalformedFileError, "f:1: the file is not UTF-8"),
        (b"a: \x00\n", MalformedFileError, "character"),
        (b"\xff\xfea\x00", MalformedFileError, "UTF-16"),
        (b"%YAML 1.2\n---\na: 1\n", MalformedFileError, "%YAML"),
        (b"%TAG !y! tag:yaml.org,2002:\n---\na: !y!int 1\n", MalformedFileError, "%TAG"),
        (b"a: &x 1\n*x : v\n", EncryptionError, "f:2: a key is not a string"),
        (b"a: &x {b: c}\n*x : v\n", EncryptionError, "not a string"),
        (b"a: &x k\nk: 1\n*x : v\n", MalformedFileError, "f:3: a key occurs twice"),
        (b"a: &x sops\n*x : v\n", EncryptionError, "f:2: the name of the metadata is an alias"),
        (b"a: " + b"[" * 10_000_000, LimitError, "deeper"),
    ],
)
def test_bad_input_is_refused_with_its_place(text: bytes, error: type[SopsError], message: str) -> None:
    with pytest.raises(error, match=message):
        STORE.load(text, where="f")


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        (b"a: 1\n", Limits(size=3)),
        (b"a: {b: {c: 1}}\n", Limits(depth=2)),
        (b"---\n---\n---\n", Limits(documents=2)),
        (b"a: [1, 2, 3]\n", Limits(nodes=2)),
    ],
)
def test_each_limit_is_a_refusal(text: bytes, limits: Limits) -> None:
    with pytest.raises(LimitError):
        STORE.load(text, limits=limits)


def test_a_bomb_of_aliases_is_refused_quickly() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    text = "\n".join(lines).encode()
    for read in (STORE.load, STORE.data):
        with pytest.raises(LimitError):
            read(text)


def test_no_message_shows_a_value() -> None:
    for text in (
        b"a: hunter2\na: hunter2",
        b"a: !!int hunter2",
        b"a: 'hunter2",
        b"a: hunter2: b",
        b"hunter2",
        b"a: \x01hunter2",
    ):
        with pytest.raises(SopsError) as caught:
            STORE.load(text)
        assert "hunter2" not in str(caught.value)


def test_paths_leave_out_list_indices() -> None:
    tree = STORE.load(b"a: {b: 1, l: [x, {y: z}, [q]]}\n? e\n: v\n")
    assert [(leaf.path, leaf.text) for leaf in tree.leaves] == [
        ("a:b:", "1"),
        ("a:l:", "x"),
        ("a:l:y:", "z"),
        ("a:l:", "q"),
        ("e:", "v"),
    ]


def test_aliases_repeat_their_anchor_under_their_own_path() -> None:
    tree = STORE.load(b"a: &x {k: [1, {m: 2}]}\nb: *x\nc: [*x]\nd: &s one\ne: *s\n<<: *x\n")
    assert [leaf.path for leaf in tree.leaves] == [
        "a:k:", "a:k:m:", "b:k:", "b:k:m:", "c:k:", "c:k:m:", "d:", "e:", "<<:k:", "<<:k:m:",
    ]  # fmt: skip
    assert [box.path for box in (tree.leaves[5].box, tree.leaves[5].box.parent) if box] == ["c:k:", "c:k:"]


def test_data_is_what_a_reader_of_the_file_gets() -> None:
    text = b"a: &x {k: 1}\nb: {<<: *x, m: 017}\nc: 2024-01-01\nd: yes\ne: [~, 1.5]\n---\n# nothing\n---\nx: 18446744073709551615\n"
    assert STORE.data(text) == [
        {"a": {"k": 1}, "b": {"k": 1, "m": 15}, "c": datetime(2024, 1, 1, tzinfo=UTC), "d": "yes", "e": [None, 1.5]},
        None,
        {"x": 18446744073709551615},
    ]


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("# top\na: 1\n", [""]),
        ("a: 1 # inline\n", [""]),
        ("a: # key line\n  b: 1\n", [""]),
        ("a:\n  # head\n  b: 1\n", ["a:"]),
        ("a:\n  b: 1\n  # foot\nc: 2\n", ["a:"]),
        ("a:\n  b: 1\n# foot\nc: 2\n", [""]),
        ("a:\n  b: 1\n\n  # late\n", ["a:"]),
        ("a:\n  b: 1\n\n  # late\n---\nc: 1\n", ["a:"]),
        ("a:\n- x\n# between\n- y\n", ["a:"]),
        ("a:\n  - # dash\n    b: 1\n", ["a:"]),
        ("a: [1] # flow end\n", ["a:"]),
        ("a: [ # in flow\n  1 ]\n", ["a:"]),
        ("a: &x # property\n  b: 1\n", ["a:"]),
        ("a: | # header\n  text # not one\n", [""]),
        ("a: 'x # not one'\nb: x#y\n", []),
        ('a: "x"#glued\n', [""]),
        ("--- # start\na: 1\n... # end\n", ["", ""]),
        ("a:\n  - x: 1\n    # deep\n  - y\n", ["a:"]),
    ],
)
def test_comments_belong_to_a_container(text: str, paths: list[str]) -> None:
    assert [comment.box.path for comment in STORE.load(text.encode()).comments] == paths


def test_a_new_file_is_laid_out_as_sops_does() -> None:
    """Indent 4, lists below keys, items at +2, then the next multiple of 4."""
    data = {
        "l": [{"k": {"x": 1}, "enc": "text\nmore\n"}, ["a", []], {}],
        "s": {
            "a": "true",
            "b": "yes",
            "c": "a: b",
            "d": "",
            "e": "line\nno end",
            "f": " x",
            "g": 1.0,
            "h": None,
            "i": False,
        },
        "t": [date(2024, 1, 1), datetime(2001, 12, 14, 21, 59, 43, 100000, tzinfo=UTC)],
    }
    assert STORE.dump(data).decode() == (
        "l:\n    - k:\n        x: 1\n      enc: |\n        text\n        more\n    - - a\n      - []\n    - {}\n"
        's:\n    a: "true"\n    b: "yes"\n    c: \'a: b\'\n    d: ""\n'
        "    e: |-\n        line\n        no end\n    f: ' x'\n    g: 1\n    h: null\n    i: false\n"
        "t:\n    - 2024-01-01T00:00:00Z\n    - 2001-12-14T21:59:43.1Z\n"
    )


@pytest.mark.parametrize("data", [[1], "x", {1: 2}, {"a": 2**63}, {"a": object()}])
def test_what_a_file_cannot_hold_is_refused(data: t.Any) -> None:
    with pytest.raises(EmissionError):
        STORE.dump(data)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
)
KEYS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n"), max_size=12)


@settings(max_examples=50)
@given(
    st.dictionaries(
        KEYS,
        st.recursive(
            LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=15
        ),
        max_size=4,
    )
)
def test_new_files_hold_the_data_they_were_made_from(data: dict[str, t.Any]) -> None:
    assert STORE.data(STORE.dump(data)) == [data]


@given(st.text(st.sampled_from("ab:-?[]{},#&*!|>'\"%@ \n\t\r\ufeff~<01."), max_size=40))
def test_any_text_is_read_or_refused_by_the_error_tree(text: str) -> None:
    content = text.encode()
    try:
        STORE.load(content, where="f")
    except SopsError:
        return
    STORE.data(content)


def test_the_type_can_be_given() -> None:
    assert store_for("a.txt", "yaml").name == "yaml"
    assert store_for("a.yml").name == "yaml"
    with pytest.raises(InvalidInputError, match="not a type"):
        store_for("a.yaml", "toml")
