# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dotenv store: lines as they stand."""

from __future__ import annotations

import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    AlreadyEncryptedError,
    ConversionError,
    EmissionError,
    LimitError,
    MalformedFileError,
    MalformedMetadataError,
    SopsError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import (
    CommentNode,
    MappingNode,
    ScalarNode,
    SequenceNode,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.dotenv import DotenvStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import Limits, walk
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import flat_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.flat_stores import (
    METADATA,
    assert_sealed,
    seal,
)

STORE = DotenvStore()


def read(content: bytes) -> list[tuple[str, str]]:
    return [(leaf.path, leaf.text) for leaf in STORE.load(content).leaves]


def test_the_name_of_a_file_gives_this_store() -> None:
    assert store_for("production.env").name == "dotenv"
    assert store_for("x", "dotenv").name == "dotenv"


@pytest.mark.parametrize(
    ("content", "pairs"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"A=1\n\nB=2", [("A:", "1"), ("B:", "2")], id="two"),
        pytest.param(b" foo = bar \n", [(" foo :", " bar ")], id="spaces"),
        pytest.param(b"export A=1\n", [("export A:", "1")], id="export"),
        pytest.param(b"A='x'\nB=\"y\"\n", [("A:", "'x'"), ("B:", '"y"')], id="quotes"),
        pytest.param(b"A=b=c\n", [("A:", "b=c")], id="equals signs"),
        pytest.param(b"=x\n", [(":", "x")], id="no key"),
        pytest.param(b"A=\n", [("A:", "")], id="empty"),
        pytest.param(b"A=1\r\nB=\r\n", [("A:", "1\r"), ("B:", "\r")], id="a carriage return is part of the value"),
        pytest.param(b"A=x\\ny\nB=\\\\nz\n", [("A:", "x\ny"), ("B:", "\\\nz")], id="two characters for a break"),
        pytest.param(b"A=x # c\n", [("A:", "x # c")], id="no comments behind values"),
        pytest.param(b" # c=1\n", [(" # c:", "1")], id="no comments behind blanks"),
        pytest.param(b"A=1\nA=2\n", [("A:", "1"), ("A:", "2")], id="a key twice"),
        pytest.param(b"\xef\xbb\xbfA=1\n", [("\ufeffA:", "1")], id="a byte order mark is part of the key"),
        pytest.param(b"A=\xff\x80\n", [("A:", "\udcff\udc80")], id="not UTF-8"),
        pytest.param(b"sops=1\nsops_mac=x\n", [("sops:", "1")], id="metadata is no data"),
    ],
)
def test_a_file_is_read_as_sops_reads_it(content: bytes, pairs: list[tuple[str, str]]) -> None:
    assert read(content) == pairs


def test_comments_begin_in_the_first_column() -> None:
    tree = STORE.load(b"#a\r\nA=1\n# b\n#\n")
    assert [(comment.text, comment.box.path) for comment in tree.comments] == [("a\r", ""), (" b", ""), ("", "")]
    assert [step[1:3] for step in walk(tree)] == [(-1, -1), (-1, 0), (0, -1), (-1, 1), (-1, 2)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"A=1\nS3cret\n", "f:2: a line has no equals sign .begin a comment", id="no equals sign"),
        pytest.param(b"A=1\r\n\r\nB=2\r\n", "f:2: .*carriage return", id="an empty line with a carriage return"),
        pytest.param(b"\xef\xbb\xbf# c\n", "f:1: a line has no equals sign", id="a comment behind a byte order mark"),
        pytest.param(b" # c\n", "f:1: a line has no equals sign", id="a comment behind a blank"),
        pytest.param("A=1\n".encode("utf-16"), "UTF-16", id="UTF-16"),
    ],
)
def test_bad_input_is_refused_with_its_place(content: bytes, message: str) -> None:
    with pytest.raises(MalformedFileError, match=message) as caught:
        STORE.load(content, where="f")
    assert caught.value.exit_code == 2
    assert "S3cret" not in str(caught.value)


def test_limits_are_kept() -> None:
    with pytest.raises(LimitError, match="bytes"):
        STORE.load(b"A=1\n" * 10, limits=Limits(size=10))
    with pytest.raises(LimitError, match=r"f:3: .*more than 2 values"):
        STORE.load(b"A=1\nB=2\nC=3\n", where="f", limits=Limits(nodes=2))


# --- splicing


def test_metadata_stands_at_the_end() -> None:
    content = assert_sealed(STORE, b"# c\n\nA=1\n")
    assert content.decode().splitlines() == [
        "#ENC[AES256_GCM,data:1000,iv:+/A=,tag:AA==,type:comment]",
        "",
        "A=ENC[AES256_GCM,data:0000,iv:+/A=,tag:AA==,type:str]",
        "sops_age__list_0__map_enc=-----BEGIN-----\\nabc\\n-----END-----\\n",
        "sops_age__list_0__map_recipient=age1x",
        "sops_lastmodified=2026-01-02T03:04:05Z",
        "sops_mac=ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]",
        "sops_unencrypted_suffix=_unencrypted",
        "sops_version=3.13.3",
    ]


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(content, id=repr(content))
        for content in (b"", b"\n", b"\n\n", b"A=1", b"A=1\n", b"A=1\n\n\n", b"#c", b"A=1\r\nB=2\r\n", b"A=1\r", b"A=", b"A=x\\ny\\\\n")
    ],
)  # fmt: skip
def test_the_end_of_a_file_comes_back(content: bytes) -> None:
    assert_sealed(STORE, content)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 2]))
def test_random_files_come_back_byte_for_byte(seed: int, every: int) -> None:
    content = flat_documents.as_bytes(flat_documents.dotenv(flat_documents.seeded(seed)))
    try:
        STORE.load(content)
    except MalformedFileError:
        return
    assert_sealed(STORE, content, every=every)


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text("A=\n\r#\\n sops_mac\ufeff", max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_by_the_error_tree(content: bytes) -> None:
    try:
        tree = STORE.load(content, where="f")
    except SopsError:
        return
    STORE.data(content)
    if tree.branches[0].metadata_span is None:
        assert_sealed(STORE, content)


def test_metadata_in_the_middle_is_found_and_taken_out() -> None:
    tree = STORE.load(b"A=1\nsops_version=1\nB=2\nsops_mac=x\nC=3\nsops_x=y")
    assert STORE.metadata(tree) == {"version": "1", "mac": "x", "x": "y"}
    assert STORE.emit_plain(tree, [None] * 3, []) == b"A=1\nB=2\nC=3"
    tree = STORE.load(b"sops_version=1\nsops_mac=x\nA=1")
    assert STORE.emit_plain(tree, [None], []) == b"A=1"


def test_a_file_of_metadata_alone_is_empty() -> None:
    tree = STORE.load(b"sops_version=1\nsops_mac=x")
    assert STORE.emit_plain(tree, [], []) == b""
    assert STORE.metadata(STORE.load(b"A=1\n")) is None


def test_malformed_metadata_is_refused_when_asked_for() -> None:
    tree = STORE.load(b"sops_a=1\nsops_a=2\n")
    with pytest.raises(MalformedMetadataError, match="Duplicate value"):
        STORE.metadata(tree)


def test_values_of_other_types_are_written_as_sops_writes_them() -> None:
    sealed = seal(STORE, b"A=x\nB=x\nC=x\nD=x\nE=x\n")
    values = [("bool", "True"), ("int", "5"), ("float", "1000000"), ("time", "2001-12-14T21:59:43.1Z"), ("str", "a\nb")]
    assert STORE.emit_plain(sealed.tree, values, []) == b"A=true\nB=5\nC=1E+06\nD=2001-12-14T21:59:43Z\nE=a\\nb\n"


def test_the_metadata_can_be_kept_as_it_stands() -> None:
    tree = STORE.load(b"A=1\nsops_mac=old\nsops_odd=x\\ny\nsops_lastmodified=then\n")
    block = STORE.metadata_block(tree, {"mac": "new", "lastmodified": "now"})
    assert block is not None
    assert block.text == "sops_mac=new\nsops_odd=x\\ny\nsops_lastmodified=now"
    assert STORE.metadata_block(tree, {"version": "3"}) is None
    plain = STORE.load(b"A=1\n")
    assert STORE.emit_encrypted(plain, ["t"], [], {}, block=block) == f"A=t\n{block.text}\n".encode()
    assert set(tree.branches[0].metadata_leaves) == {"mac", "odd", "lastmodified"}


def test_people_see_marks() -> None:
    tree = STORE.load(b"# c\r\nA=1\r\nB_unencrypted=2\r\nsops_mac=x\n")
    assert STORE.emit_masked(tree, ["***", None], ["***"], "sops:\n") == "#***\nA=***\nB_unencrypted=2\nsops:\n"
    assert STORE.emit_masked(STORE.load(b"A=1"), ["***"], [], "") == "A=***\n"
    assert STORE.emit_masked(STORE.load(b""), [], [], "") == ""


# --- documents


def test_an_edit_changes_one_line_the_mac_and_the_time(rule: Rule, ring: KeyRing) -> None:
    plain = b"# c\nA=1\nB=two\nC=x\\ny\r\n"
    old = document.encrypt(plain, rule, store=STORE).content
    assert document.decrypt(old, ring, store=STORE) == plain
    assert document.values(old, ring, store=STORE) == [{"A": "1", "B": "two", "C": "x\ny\r"}]
    assert not document.edit(old, plain, ring, store=STORE).needed
    new = document.edit(old, plain.replace(b"two", b"2"), ring, store=STORE).content
    changed = {
        after.partition(b"=")[0]
        for before, after in zip(old.split(b"\n"), new.split(b"\n"), strict=True)
        if before != after
    }
    assert changed - {b"sops_lastmodified"} == {b"B", b"sops_mac"}


def test_one_of_two_equal_lines_changes_alone(rule: Rule, ring: KeyRing) -> None:
    plain = b"# c\nA=1\nA=1\nA=2\n# c\n"
    old = document.encrypt(plain, rule, store=STORE).content
    new = document.edit(old, plain.replace(b"A=1", b"A=3", 1), ring, store=STORE).content
    same = [before == after for before, after in zip(old.split(b"\n"), new.split(b"\n"), strict=True)]
    assert same[:5] == [True, False, True, True, True]


def test_a_key_with_the_prefix_of_metadata_is_refused(rule: Rule) -> None:
    with pytest.raises(AlreadyEncryptedError) as caught:
        document.encrypt(b"A=1\nsops_mine=2\n", rule, store=STORE)
    assert caught.value.exit_code == 203
    assert document.encrypt(b"A=1\nsops=2\n", rule, store=STORE).needed


# --- new files


def mapping(*items: t.Any) -> list[MappingNode]:
    return [MappingNode(list(items))]


def test_new_files_are_laid_out_as_by_sops() -> None:
    documents = mapping(
        CommentNode(" c"),
        ("s", ScalarNode("str", " a\nb ")),
        ("i", ScalarNode("int", "5")),
        ("b", ScalarNode("bool", "False")),
        ("f", ScalarNode("float", "1")),
        ("g", ScalarNode("float", "-0")),
        ("h", ScalarNode("float", "1234567.25")),
        ("j", ScalarNode("float", "0.00001")),
        ("k", ScalarNode("float", "+Inf")),
        ("t", ScalarNode("time", "2001-12-14T21:59:43.1-05:00")),
        CommentNode("two\nlines"),
    )
    assert STORE.emit(documents, indent=4).decode().splitlines() == [
        "# c", "s= a\\nb ", "i=5", "b=false", "f=1.0", "g=-0.0", "h=1.23456725E+06", "j=1E-05", "k=+Inf",
        "t=2001-12-14T21:59:43-05:00", "#two", "#lines",
    ]  # fmt: skip


def test_clear_values_of_an_encrypted_file_stand_in_the_form_that_the_mac_is_over() -> None:
    """They are read back as texts: sops writes `true`, adds `True` to the MAC, and nobody can verify the file."""
    documents = mapping(("b", ScalarNode("bool", "True")), ("f", ScalarNode("float", "1")))
    assert STORE.emit(documents, {"mac": "x"}) == b"b=True\nf=1\nsops_mac=x\n"


def test_metadata_of_a_new_file_comes_last() -> None:
    content = STORE.emit(mapping(("A", ScalarNode("str", "t"))), METADATA)
    assert STORE.metadata(STORE.load(content)) == METADATA
    assert content.startswith(b"A=t\nsops_age__list_0__map_enc=")


@pytest.mark.parametrize(
    ("documents", "metadata", "error", "message"),
    [
        pytest.param([MappingNode(), MappingNode()], None, ConversionError, "2 documents", id="two documents"),
        pytest.param(mapping(("a", MappingNode())), None, EmissionError, "entry 1: a mapping", id="mapping"),
        pytest.param(mapping(("a", SequenceNode())), None, EmissionError, "entry 1: a list", id="list"),
        pytest.param(mapping(("a", ScalarNode("null", ""))), None, ConversionError, "a null", id="null"),
        pytest.param(mapping(("a=b", ScalarNode("str", "x"))), None, EmissionError, "equals sign", id="equals sign"),
        pytest.param(mapping(("a\nb", ScalarNode("str", "x"))), None, EmissionError, "line break", id="line break"),
        pytest.param(mapping(("#a", ScalarNode("str", "x"))), None, EmissionError, "begins with #", id="comment sign"),
        pytest.param(mapping(("sops_a", ScalarNode("str", "x"))), {}, AlreadyEncryptedError, "sops_", id="reserved"),
        pytest.param(mapping(("a", ScalarNode("str", "x\\ny"))), {}, ConversionError, "read back", id="backslash n"),
        pytest.param(
            mapping(("a", ScalarNode("str", "\ud800"))), None, EmissionError, "half of", id="half a character"
        ),
    ],
)
def test_what_would_be_read_back_as_something_else_is_refused(
    documents: list[MappingNode], metadata: dict[str, str] | None, error: type[SopsError], message: str
) -> None:
    with pytest.raises(error, match=message):
        STORE.emit(documents, metadata)


def test_data_is_written_and_read() -> None:
    assert STORE.emit([]) == b""
    assert STORE.dump({"A": "x\ny", "B": 5, "sops_c": True}) == b"A=x\\ny\nB=5\nsops_c=true\n"
    assert STORE.data(b"A=1\nB=x\\ny\nA=2\n") == [{"A": "2", "B": "x\ny"}]
    with pytest.raises(EmissionError):
        STORE.dump([1])
