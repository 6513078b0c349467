# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML from nodes: the layout of sops 3.13.3, recorded from it, and what is written otherwise on purpose."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    EmissionError,
    FluxseedError,
    InvalidInputError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import (
    CommentNode,
    MappingNode,
    Node,
    ScalarNode,
    SequenceNode,
    documents_of,
    from_data,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import COMMENT, FLOAT, STR
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import yaml_documents

STORE = YamlStore()


def emitted(text: str, indent: int | None = None) -> str:
    """A plain file written anew."""
    return STORE.emit(documents_of(STORE.load(text.encode())), indent=indent).decode()


def written(data: t.Any) -> str:
    """What stands behind the key of a single value."""
    return STORE.dump({"k": data}).decode().removeprefix("k: ").removesuffix("\n")


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("", '""'), ("word", "word"), ("a b", "a b"), ("true", '"true"'), ("y", '"y"'), ("yEs", "yEs"), ("1:20", '"1:20"'), ("0x1F", '"0x1F"'),
        ("2024-01-01", '"2024-01-01"'), ("18446744073709551615", '"18446744073709551615"'), ("-", "'-'"), ("- x", "'- x'"), ("-x", "-x"), ("?", "'?'"),
        (": x", "': x'"), (":x", ":x"), ("x:", "'x:'"), ("a: b", "'a: b'"), ("a:b", "a:b"), ("a #b", "'a #b'"), ("a#b", "a#b"), ("#", "'#'"), ("it's", "it's"),
        ("'q'", "'''q'''"), (" x", "' x'"), ("x ", "'x '"), ("---", "'---'"), ("...x", "'...x'"), ("tab\t", '"tab\\t"'), ("\U0001f600", '"\\U0001F600"'),
        ("\xe9\u65e5", "\xe9\u65e5"), ("\x85", '"\\N"'), ("\x7f", '"\\x7F"'),
        ("a\ufeff", '"a\\uFEFF"'), ("\xa0", "\xa0"), ("a\u2028b", '"a\\Lb"'), ("<<", '"<<"'), ("=", "="),
    ],
)  # fmt: skip
def test_strings_are_quoted_as_by_sops(text: str, spelled: str) -> None:
    assert written(text) == spelled


def test_a_mark_at_the_start_makes_sops_escape_every_character() -> None:
    assert written("\ufeffa b") == r'"\uFEFF\x61\x20\x62"'


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("a\nb", "|-\n    a\n    b"), ("a\n\nb\n", "|\n    a\n\n    b"),
        ("a\n\n", "|+\n    a\n"), ("\n", "|4+\n"), (" a\nb", "|4-\n     a\n    b"), ("\na\n", "|4\n\n    a"),
        ("a\n\tb", "|-\n    a\n    \tb"), ("a \nb", r'"a \nb"'), ("a\nb ", r'"a\nb "'), ("a\r\nb", r'"a\r\nb"'), ("a\n\U0001f600", r'"a\n\U0001F600"'),
    ],
)  # fmt: skip
def test_texts_with_breaks_are_literal_blocks_if_they_can(text: str, spelled: str) -> None:
    assert written(text) == spelled


def test_a_block_that_sops_reads_as_null_is_quoted() -> None:
    r"""[BUG] sops: a text that starts with a tab becomes null."""
    assert written("\ta\nb") == r'"\ta\nb"'


@pytest.mark.parametrize(
    ("indent", "text"),
    [(2, "l:\n  - |2-\n\n    a\n  - k: |2-\n       b\n      c\n"), (4, 'l:\n    - "\\na"\n    - k: " b\\nc"\n')],
)
def test_a_block_whose_number_would_be_wrong_is_quoted(indent: int, text: str) -> None:
    """[BUG] sops counts the width of a level, also where a block is indented by another number."""
    document = t.cast("MappingNode", from_data({"l": ["\na", {"k": " b\nc"}]}))
    assert STORE.emit([document], indent=indent).decode() == text
    assert STORE.data(text.encode()) == [{"l": ["\na", {"k": " b\nc"}]}]


@pytest.mark.parametrize(
    ("number", "spelled"),
    [
        (1.0, "1"), (1e6, "1e+06"), (1234567.25, "1.23456725e+06"), (1e-5, "1e-05"),
        (1e100, "1e+100"), (-0.0, "-0"), (100000.0, "100000"), (685230.15, "685230.15"),
        (123456789.0, "1.23456789e+08"), (0.0001, "0.0001"), (float("inf"), ".inf"), (float("-inf"), "-.inf"), (float("nan"), ".nan"), (-1.5e-7, "-1.5e-07"),
    ],
)  # fmt: skip
def test_floats_are_spelled_as_by_sops(number: float, spelled: str) -> None:
    assert written(number) == spelled


def test_bytes_that_are_no_text_are_binary() -> None:
    assert written(b"\xff\xff") == "!!binary //8="
    assert written(b"\xff" * 53) == "!!binary |\n    " + "/" * 70 + "\n    8="
    assert STORE.data(STORE.dump({"k": b"\xff" * 53})) == [{"k": "\udcff" * 53}]
    assert STORE.dump({"\udcff": 1}) == b"!!binary /w==: 1\n"


def test_long_keys_and_keys_with_breaks_are_explicit() -> None:
    data = {"k" * 128: 1, "k" * 129: [1], "a\nb": {"c": 1, "d": 2}, "\xe9" * 65: {}, "c\nd\n": "e\nf"}
    assert STORE.dump(data).decode() == (
        f"{'k' * 128}: 1\n? {'k' * 129}\n:   - 1\n? |-\n    a\n    b\n:   c: 1\n    d: 2\n? {chr(0xE9) * 65}\n: {{}}\n"
        "? |\n    c\n    d\n: |-\n    e\n    f\n"
    )
    assert STORE.data(STORE.dump(data)) == [data]


NESTED = "l:\n- k: {x: 1}\n  e: |\n    text\n- |\n  x\n- - - deep\nm: {p: {o: []}}\n"


@pytest.mark.parametrize(
    ("indent", "text"),
    [
        (None, "l:\n    - k:\n        x: 1\n      e: |\n        text\n    - |\n      x\n    - - - deep\nm:\n    p:\n        o: []\n"),
        (0, "l:\n    - k:\n        x: 1\n      e: |\n        text\n    - |\n      x\n    - - - deep\nm:\n    p:\n        o: []\n"),
        (2, "l:\n  - k:\n      x: 1\n    e: |\n      text\n  - |\n    x\n  - - - deep\nm:\n  p:\n    o: []\n"),
        (1, "l:\n  - k:\n      x: 1\n    e: |\n      text\n  - |\n    x\n  - - - deep\nm:\n  p:\n    o: []\n"),
        (10, "l:\n  - k:\n      x: 1\n    e: |\n      text\n  - |\n    x\n  - - - deep\nm:\n  p:\n    o: []\n"),
        (3, "l:\n   - k:\n      x: 1\n     e: |\n      text\n   - |\n     x\n   - - - deep\nm:\n   p:\n      o: []\n"),
    ],
)  # fmt: skip
def test_blocks_start_at_multiples_of_the_indent(indent: int | None, text: str) -> None:
    assert emitted(NESTED, indent) == text


def test_a_negative_indent_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="-1"):
        emitted(NESTED, -1)


def test_documents_are_separated_and_may_be_empty() -> None:
    assert emitted("# a\n---\n# b\n---\n{}\n---\nk: 1\n# c\n") == "# a\n# b\n{}\n---\n{}\n---\nk: 1\n# c\n"


@pytest.mark.parametrize(
    ("text", "laid_out"),
    [
        ("# a\nk: 1 # b\n# c\n\nm: 2\n", "# a\nk: 1 # b\n# c\nm: 2\n"),
        ("k: # a\n  # b\n  m: | # c\n    x\n", "# a\nk:\n    # b\n    m: | # c\n        x\n"),
        ("k: [a] # b\nl: {a: 1} # c\n", "k:\n    # b\n    - a\nl:\n    # c\n    a: 1\n"),
        ("l:\n# a\n- x # b\n# c\n- z\n# d\nm: 1\n", "l:\n    # a\n    - x # b\n    # c\n    - z\n# d\nm: 1\n"),
        ("l:\n- - # a\n    k: v\n- - - # b\n      - x\n", "l:\n    - # a\n      - k: v\n    - - # b\n        - - x\n"),
        ("l:\n- # a\n  k: 1\n  # b\n", "l:\n    # a\n    - k: 1\n      # b\n"),
        ("k: {} # a\nl:\n- {} # b\n- [] # c\n", "k: {\n    # a\n}\nl:\n    - {} # b\n    - [] # c\n"),
        ("#\nk: 1 #\n##x\n", "#\nk: 1 #\n##x\n"),
        ("? |\n  a\n\n:\n  # c\n  - x\n", "? |\n    a\n:   # c\n    - x\n"),
    ],
)
def test_comments_stand_where_sops_puts_them(text: str, laid_out: str) -> None:
    assert emitted(text) == laid_out


@pytest.mark.parametrize(
    ("text", "laid_out"),
    [
        ("k: [] # a\nm: 1\n", "k: [\n    # a\n]\nm: 1\n"),
        ("l:\n- [a] # b\n- c\n", "l:\n    # b\n    - - a\n    - c\n"),
        ("a: &x {b: 1}\nc: *x # d\ne: 1\n", "a:\n    b: 1\n# d\nc:\n    b: 1\ne: 1\n"),
    ],
)
def test_comments_that_sops_moves_or_drops_stay(text: str, laid_out: str) -> None:
    """[BUG] sops puts them behind the next value, wherever that is."""
    assert emitted(text) == laid_out


def test_a_comment_below_the_last_item_of_a_list_stays_there() -> None:
    """[BUG] sops puts it behind the next value, if the item is a mapping or list."""
    items = SequenceNode([from_data({"a": 1}), CommentNode(" b")])
    text = STORE.emit([MappingNode([("l", items), ("m", from_data([]))])]).decode()
    assert text == "l:\n    - a: 1\n    # b\nm: []\n"


def test_comments_from_other_formats_cannot_become_content() -> None:
    document = MappingNode([CommentNode("a\rb: 1\n#c\u2028d\udcff\x07"), ("k", ScalarNode(STR, "v"))])
    assert STORE.emit([document]).decode() == "#a\n# b: 1\n#c\n# d\ufffd\ufffd\nk: v\n"
    document = MappingNode(
        [CommentNode("a\nb", inline=True), CommentNode("c", inline=True), ("k", ScalarNode(STR, "v"))]
    )
    assert STORE.data(STORE.emit([document])) == [{"k": "v"}]


def test_the_merge_key_is_tagged_as_by_sops_unless_it_holds_a_value() -> None:
    data = {"<<": {"a": 1}, "l": {"<<": [{"a": 1}]}, "m": {"<<": [1]}, "o": {"<<": "<<"}}
    text = STORE.dump(data).decode()
    assert text == (
        '!!merge <<:\n    a: 1\nl:\n    !!merge <<:\n        - a: 1\nm:\n    "<<":\n        - 1\no:\n    "<<": "<<"\n'
    )
    assert documents_of(STORE.load(text.encode())) == [from_data(data)]


def test_metadata_is_the_last_item_of_every_document() -> None:
    """Comments in lists are lines, not items as in sops 3.13.3, which 3.13.2 cannot verify."""
    items = SequenceNode([CommentNode("ENC[c]"), ScalarNode(STR, "ENC[v]")])
    documents = [MappingNode([("l", items), CommentNode(" end")]), MappingNode()]
    block = 'sops:\n    lastmodified: "2026-01-02T03:04:05Z"\n    version: 3.13.3\n'
    content = STORE.emit(documents, {"lastmodified": "2026-01-02T03:04:05Z", "version": "3.13.3"})
    assert content.decode() == f"l:\n    #ENC[c]\n    - ENC[v]\n# end\n{block}---\n{block}"


def test_a_type_that_no_file_has_is_refused() -> None:
    with pytest.raises(EmissionError, match="comment"):
        STORE.emit([MappingNode([("k", ScalarNode(COMMENT, "x"))])])


def test_depth_is_no_obstacle() -> None:
    node: Node = ScalarNode(FLOAT, "1.5")
    for number in range(3000):
        node = SequenceNode([node]) if number % 2 else MappingNode([("k", node)])
    assert STORE.emit([MappingNode([("k", node)])]).endswith(b"1.5\n")


TEXTS = st.text(st.sampled_from(" \n\t\r#:-'\"?,[]{}&*!|>%@`~01.xyé\x85\xa0\u2028\ufeff\U0001f600"), max_size=12)


@given(TEXTS, TEXTS, st.sampled_from([0, 2, 3, 9]))
def test_any_text_is_read_back_wherever_it_stands(text: str, other: str, indent: int) -> None:
    data = {f"a{text}": other, text: {other: [text, [other, {"b": text, f"{other}c": text}]]}, "z": text}
    document = t.cast("MappingNode", from_data(data))
    assert STORE.data(STORE.emit([document], indent=indent)) == [data]


@given(st.integers(0, 2**32), st.sampled_from([0, 2, 3, 9]))
def test_what_is_written_keeps_values_and_comments_and_is_stable(seed: int, indent: int) -> None:
    text = yaml_documents.document(yaml_documents.seeded(seed))
    try:
        tree = STORE.load(text.encode())
    except FluxseedError:  # what is refused is tested elsewhere
        return
    content = STORE.emit(documents_of(tree), indent=indent)
    again = STORE.load(content)
    # A whole float comes back as an integer, as in sops.
    assert [leaf.text for leaf in again.leaves] == [leaf.text if leaf.text != "-0" else "0" for leaf in tree.leaves]
    assert [leaf.path for leaf in again.leaves] == [leaf.path for leaf in tree.leaves]
    assert sorted(comment.text for comment in again.comments) == sorted(comment.text for comment in tree.comments)
