# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The INI store: what go-ini reads, and text that stays as it is."""

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
    documents_of,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.ini import IniStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import Limits
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import flat_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.flat_stores import (
    METADATA,
    assert_sealed,
    seal,
    token,
)

STORE = IniStore()


def read(text: str) -> list[tuple[str, str]]:
    return [(leaf.path, leaf.text) for leaf in STORE.load(flat_documents.as_bytes(text)).leaves]


def test_the_name_of_a_file_gives_this_store() -> None:
    assert store_for("my.ini").name == "ini"
    assert store_for("x", "ini").name == "ini"


# --- reading


@pytest.mark.parametrize(
    ("text", "path"),
    [
        pytest.param("a=1", "DEFAULT:a:", id="before any section"),
        pytest.param("[s]\na = 1\n", "s:a:", id="equals sign"),
        pytest.param("[s]\na : x = y\n", "s:a:", id="colon first"),
        pytest.param("[ s ]\n\ta = 1\n", " s :a:", id="a name of a section is verbatim"),
        pytest.param("[s]x]\na = 1\n", "s]x:a:", id="it ends at the last bracket"),
        pytest.param("[s] ; [c]\na = 1\n", "s] ; [c:a:", id="even at one in a comment"),
        pytest.param("[DEFAULT]\na = 1\n", "DEFAULT:a:", id="DEFAULT with a header"),
        pytest.param('"a = b" = 1\n', "DEFAULT:a = b:", id="double quotes"),
        pytest.param('"""a"b"""x = 1\n', 'DEFAULT:a"b:', id="triple quotes and something behind them"),
        pytest.param("` a:b ` = 1\n", "DEFAULT:a:b:", id="back quotes"),
        pytest.param("a b = 1\n", "DEFAULT:a b:", id="blanks"),
        pytest.param("\xa0a\x85 = 1\n", "DEFAULT:a:", id="blanks of Unicode"),
        pytest.param("\x1fa = 1\n", "DEFAULT:\x1fa:", id="no blank for Go"),
        pytest.param("- = 1\n", "DEFAULT:#1:", id="counted key"),
        pytest.param("\ufeffa = 1\n", "DEFAULT:a:", id="byte order mark"),
    ],
)  # fmt: skip
def test_keys_are_read_as_by_sops(text: str, path: str) -> None:
    assert [leaf.path for leaf in STORE.load(text.encode()).leaves] == [path]


@pytest.mark.parametrize(
    ("text", "value", "comments"),
    [
        pytest.param("x y ", "x y", [], id="trimmed"),
        pytest.param("", "", [], id="empty"),
        pytest.param("   ", "", [], id="blank"),
        pytest.param("x ; c", "x", ["c"], id="comment behind"),
        pytest.param("x#y;z", "x", ["y;z"], id="a sign anywhere"),
        pytest.param("; c", "", ["c"], id="comment alone"),
        pytest.param("'x' # c", "x", ["c"], id="single quotes"),
        pytest.param('"x"', "x", [], id="double quotes"),
        pytest.param('"x;y"', '"x', ['y"'], id="a sign in quotes counts"),
        pytest.param("'it's'", "'it's'", [], id="quotes within"),
        pytest.param('"', '"', [], id="one quote"),
        pytest.param('""', "", [], id="nothing in quotes"),
        pytest.param('"""', '"""', [], id="three quotes at the end of the file"),
        pytest.param("`x;#y`", "x;#y", [], id="back quotes"),
        pytest.param('"""x"y"""', 'x"y', [], id="triple quotes"),
        pytest.param('"""x""""', 'x"', [], id="four quotes"),
        pytest.param("`x\n y ; z\n`", "x\n y ; z\n", [], id="lines in back quotes"),
        pytest.param('"""x\n\ny""" # c', "x\n\ny", ["c"], id="comment behind lines"),
        pytest.param('"""x\n""" \\\ny"""', 'x\n""" \\\ny', [], id="a backslash behind closing quotes"),
        pytest.param("x \\\n  y ; z \\\n z", "x y ; z z", [], id="continued lines"),
        pytest.param("x \\\n\ny = 1", "x ", [], id="continued in an empty line"),
        pytest.param("x \\", "x ", [], id="continued at the end"),
        pytest.param("%(a)s $b", "%(a)s $b", [], id="nothing is put in"),
        pytest.param("\udcff", "\udcff", [], id="not UTF-8"),
    ],
)
def test_values_are_read_as_by_sops(text: str, value: str, comments: list[str]) -> None:
    tree = STORE.load(flat_documents.as_bytes(f"a = {text}"))
    assert tree.leaves[0].text == value
    assert [comment.text for comment in tree.comments] == comments


def content_of(text: str) -> list[t.Any]:
    """Sections with keys, and comments as `;text`, in the order of sops."""

    def shown(node: t.Any) -> t.Any:
        return [
            f";{item.text}" if isinstance(item, CommentNode)
            else (item[0], shown(item[1])) if isinstance(item[1], MappingNode)
            else item[0]
            for item in node.items
        ]  # fmt: skip

    return t.cast("list[t.Any]", shown(documents_of(STORE.load(text.encode()))[0]))


def test_a_comment_is_first_in_its_section_and_follows_its_key() -> None:
    text = "; k\na = 1 # i\n\n# s\n;t\n[s] ; u\n; l\n\n  ; m\nb = 2\nc =\n[t]\n"
    assert content_of(text) == [
        ("DEFAULT", ["a", ";k\n# i"]),
        ("s", [";s\n;t\n; u", "b", ";l\n; m", "c"]),
        ("t", []),
    ]


def test_comments_that_sops_loses_are_kept_after_all_others() -> None:
    text = "a = `x` ; behind\nb = 1\n; end 1\n  ;; end 2"
    assert content_of(text) == [("DEFAULT", ["a", "b"]), ";behind", ";end 1", ";end 2"]
    assert [comment.box.path for comment in STORE.load(text.encode()).comments] == ["", "", ""]


def test_repeated_sections_are_apart() -> None:
    text = "[s]\na = 1\n[t]\n[s]\na = 2\n"
    assert read(text) == [("s:a:", "1"), ("s:a:", "2")]
    assert content_of(text) == [("DEFAULT", []), ("s", ["a"]), ("t", []), ("s", ["a"])]
    assert STORE.data(text.encode()) == [{"DEFAULT": {}, "s": {"a": "2"}, "t": {}}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("[s]\nS3cret\n", "f:2: a line has neither = nor :", id="no delimiter"),
        pytest.param("= S3cret\n", "f:1: a key is empty", id="no key"),
        pytest.param('"" = S3cret\n', "f:1: a key is empty", id="no key in quotes"),
        pytest.param('"S3cret = 1\n', "f:1: the quotes of a key", id="open quotes of a key"),
        pytest.param('"S3cret"\n', "f:1: a line has neither", id="a quoted key alone"),
        pytest.param("a = 1\n[S3cret\n", "f:2: the name of a section is not closed", id="open section"),
        pytest.param("[]\n", "f:1: the name of a section is empty", id="section without a name"),
        pytest.param("\na = `S3cret\n\n", "f:2: the quotes of a value are not closed", id="open quotes"),
        pytest.param('a = """S3cret', "f:1: the quotes of a value", id="open quotes in the last line"),
        pytest.param("[s]\na = 1\na = S3cret\n", "f:3: a key occurs twice", id="a key twice"),
        pytest.param("a = `x` S3cret\n", "f:1: something stands behind", id="text that sops drops"),
    ],
)
def test_bad_input_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(MalformedFileError, match=message) as caught:
        STORE.load(text.encode(), where="f")
    assert caught.value.exit_code == 2
    assert "S3cret" not in str(caught.value)


def test_limits_are_kept() -> None:
    with pytest.raises(LimitError, match="bytes"):
        STORE.load(b"a = 1\n" * 10, limits=Limits(size=10))
    with pytest.raises(LimitError, match=r"f:3: .*more than 2 values"):
        STORE.load(b"a=1\nb=2\nc=3\n", where="f", limits=Limits(nodes=2))
    with pytest.raises(MalformedFileError, match="UTF-16"):
        STORE.load("a=1".encode("utf-16"))


# --- splicing


def test_metadata_is_the_last_section() -> None:
    content = assert_sealed(STORE, b"[s]\na   : 'x' ; c\n")
    assert content.decode() == (
        f"[s]\na   : '{token(0)}' ; {token(1000, 'comment')}\n\n[sops]\n"
        "age__list_0__map_enc       = -----BEGIN-----\\nabc\\n-----END-----\\n\n"
        "age__list_0__map_recipient = age1x\n"
        "lastmodified               = 2026-01-02T03:04:05Z\n"
        "mac                        = ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]\n"
        "unencrypted_suffix         = _unencrypted\n"
        "version                    = 3.13.3\n"
    )


ENDS = (
    "", "\n", "\n\n", "a=1", "a=1\n", "a=1\n\n\n", "a=1\r\n", "a=1\r\nb=2", "a=1\r", "a=1\nb=2\r", "a=1\nb=2\r\n", "a=1\r\nb=2\n",
    "a=", "[s]", "[s]\r\n\r\n", "; c", "a = 1\n; c\n ;;d\n", "\ufeffa=1\n", "  \n\t",
)  # fmt: skip


@pytest.mark.parametrize("text", [pytest.param(text, id=repr(text)) for text in ENDS])
def test_the_end_of_a_file_comes_back(text: str) -> None:
    assert_sealed(STORE, text.encode())


VALUES = (
    "x", "'x'", '"x y" ; c', "`x;y`", "`x` ; c", '"""x"""', '"""x""" # c', '"""x"y""""', "`a\n b\n`", "`a\n b\n` ; c", '"""a\n\r\nb"""   ; c',
    'a"b', "a'b", "a`b", "'a\"b'", "x\\y", "x#c", "x ; c ; d", "\\x", "'", "  x  ", "[x]", "'\"\\ # c", "x\\;", "=", "`\"a'b\n\"`", "\udcff\udc80",
)  # fmt: skip


@pytest.mark.parametrize("value", [pytest.param(value, id=ascii(value)) for value in VALUES])
@pytest.mark.parametrize("lead", ["a = ", "a:", "  'a'\t="])
def test_values_come_back_in_their_quotes(lead: str, value: str) -> None:
    assert_sealed(STORE, flat_documents.as_bytes(f"[s]\n{lead}{value}\n; next\nb = 1\n"))


COMMENTS = (
    "; one\na = 1\n", "; one\n; two\na = 1\n", "  # one\n  # two\n  # three \n  a = 1\n", "; one\n\n; two\na = 1\n", "; one\n # two\na = 1 ; three\n",
    ";;;;;\n; one\n;;;;;\na = 1\n", ";  \n; two\na = 1\n", ";one  \r\n;two\t\r\na = 1\r\n", ";one \r\n\r\n; two \r\na = 1 # x \r\n", "; one\n;\n; two\n[s]\n",
    "[s] ; one\na = 1\n", "  [s]\t;;  # one  \n", "; zero\n[s] # one\n", "; zero\n\n; half\n[s] # one\n", "; c\n[s] ;\n", "[s] ;\n", "; \n;\na = 1\n",
    "; one\n; two\n[s]\n; three\n\n; four\n", "a = 1 ; one\n\n; two\n; three\nb = 2\n", "#; one\n;# two\na = 1\n",
)  # fmt: skip


@pytest.mark.parametrize("text", [pytest.param(text, id=ascii(text)) for text in COMMENTS])
def test_comments_come_back_line_by_line(text: str) -> None:
    assert_sealed(STORE, text.encode())


def test_a_comment_of_lines_one_below_the_other_is_one_line_as_in_sops() -> None:
    content = seal(STORE, b"  ; one\n  ; two\n  a = 1\n").content
    assert content.startswith(f"  ; {token(1000, 'comment')}\n  a = {token(0)}\n".encode())


def test_the_lines_of_other_comments_leave_their_signs() -> None:
    content = seal(STORE, b"; one\n\n# two\na = 1 ; three\n").content
    assert content.startswith(f"; {token(1000, 'comment')}\n\n#\na = {token(0)} ;\n".encode())


def test_no_token_stands_behind_the_name_of_a_section() -> None:
    """The name ends at the last bracket of its line, and a token has one."""
    content = seal(STORE, b"  [s] ; one\n").content
    assert content.startswith(f"  ; {token(1000, 'comment')}\n  [s] ; ;\n".encode())


def test_a_comment_of_sops_opens_to_its_lines() -> None:
    text = f"[s]\n  ; {token(1, 'comment')}\na = 1 ; {token(2, 'comment')}\n"
    tree = STORE.load(text.encode())
    assert [comment.text for comment in tree.comments] == [token(1, "comment")]
    # A line that was added to an encrypted comment by hand stays.
    assert STORE.emit_plain(tree, [None], ["one\n;two\nthree\n"]) == (
        f"[s]\n  ; one\n  ;two\n  ; three\n  ;\na = 1 ; {token(2, 'comment')}\n".encode()
    )


@pytest.mark.parametrize(
    ("content", "line_break"),
    [
        pytest.param(b"[q]\r\nt = `a\n`", "\r\n", id="in the last value"),
        pytest.param(b"[q]\r\nt = `a\n`\r\nu = `\n\n`", "\r\n", id="in several"),
        pytest.param(b"t = `a\n`", "\n", id="in a value alone"),
        pytest.param(b"t = `a\r\n`\n", "\n", id="behind a value"),
        pytest.param(b"t = 1", "\n", id="none"),
    ],
)
def test_the_metadata_has_the_line_breaks_of_the_file_and_not_of_a_value(content: bytes, line_break: str) -> None:
    tree = STORE.load(content)
    text = STORE.emit_encrypted(tree, [None] * len(tree.leaves), [], {"mac": "x"}).decode()
    assert text[len(content) :].startswith(line_break)
    assert f"[sops]{line_break}mac = x" in text
    assert STORE.emit_plain(STORE.load(text.encode()), [None] * len(tree.leaves), []) == content


def test_lines_that_do_not_fit_the_marks_are_put_where_the_token_stands() -> None:
    tree = STORE.load(f"; {token(1, 'comment')}\n;\na = 1 ;\n".encode())
    assert STORE.emit_plain(tree, [None], ["one\n; two"]) == b"; one\n; two\n;\na = 1 ;\n"
    tree = STORE.load(f"a = 1 ; {token(1, 'comment')}\n".encode())
    assert STORE.emit_plain(tree, [None], ["one"]) == b"a = 1 ; one\n"
    # There is no place for a second line behind a value: the comment stays encrypted.
    assert STORE.emit_plain(tree, [None], ["one\ntwo"]) == tree.text.encode()


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([1, 2]))
def test_random_files_come_back_byte_for_byte(seed: int, every: int) -> None:
    content = flat_documents.as_bytes(flat_documents.ini(flat_documents.seeded(seed)))
    try:
        tree = STORE.load(content)
    except MalformedFileError:
        return
    if any(leaf.style == "\\" for leaf in tree.leaves):
        return
    assert_sealed(STORE, content, every=every)


PIECES = st.sampled_from(
    ["a", "=", ":", " ", "\n", "\r\n", "[s]\n", "[sops]\n", "; c", "#", "\\", '"', "'", "`", '"""', "x=1\n", "\xa0", "\ufeff", "\udcff"]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES, max_size=25).map("".join).map(flat_documents.as_bytes) | st.binary(max_size=40))
def test_any_bytes_are_read_or_refused_by_the_error_tree(content: bytes) -> None:
    try:
        tree = STORE.load(content, where="f")
        STORE.metadata(tree)
    except SopsError:
        return
    STORE.data(content)
    if tree.branches[0].metadata_span is not None:
        return
    if any(leaf.style == "\\" for leaf in tree.leaves):
        sealed = seal(STORE, content)
        again = STORE.load(sealed.opened(STORE))
        assert [(leaf.path, leaf.text) for leaf in again.leaves] == [(leaf.path, leaf.text) for leaf in tree.leaves]
    else:
        assert_sealed(STORE, content)


def test_continued_lines_become_one() -> None:
    sealed = seal(STORE, b"[s]\na = x \\\n  y\nb = 1\n")
    assert sealed.opened(STORE) == b"[s]\na = x y\nb = 1\n"


def test_metadata_is_read_in_every_layout() -> None:
    text = '[sops] ; c\n; c\nage__list_0__map_enc = """a\nb"""\nage__list_1__map_enc = a\\nb\nversion = `3`\n\n[s]\na = 1\n; end\n'
    tree = STORE.load(text.encode())
    assert STORE.metadata(tree) == {"age": [{"enc": "a\nb"}, {"enc": "a\nb"}], "version": "3"}
    assert STORE.emit_plain(tree, [None], [None]) == b"\n[s]\na = 1\n; end\n"
    assert STORE.metadata(STORE.load(b"a = 1\n")) is None
    assert STORE.metadata(STORE.load(b"[sops]\n")) is None
    with pytest.raises(MalformedMetadataError, match="two sections"):
        STORE.metadata(STORE.load(b"[sops]\na = 1\n[sops]\nb = 1\n"))


def test_the_metadata_can_be_kept_as_it_stands() -> None:
    tree = STORE.load(b"a = 1\r\n\r\n[sops]\r\nmac=old\r\n odd : 'x'\r\nlastmodified = \"then\" ; c\r\n")
    block = STORE.metadata_block(tree, {"mac": "new", "lastmodified": "now"})
    assert block is not None
    assert block.text == "[sops]\nmac=new\n odd : 'x'\nlastmodified = \"now\" ; c"
    assert STORE.metadata_block(tree, {"version": "3"}) is None
    assert STORE.metadata_block(STORE.load(b"a = 1\n"), {"mac": "x"}) is None
    plain = STORE.load(b"a = 1\r\n")
    lines = block.text.replace("\n", "\r\n")
    assert STORE.emit_encrypted(plain, ["t"], [], {}, block=block) == f"a = t\r\n\r\n{lines}\r\n".encode()
    assert set(tree.branches[0].metadata_leaves) == {"mac", "odd", "lastmodified"}
    assert STORE.metadata_block(tree, {"mac": "old"}) is not None


def test_a_token_keeps_the_quotes_it_had_unless_they_would_hide_a_comment() -> None:
    def sealed(value: str, style: str) -> str:
        tree = STORE.load(f"a = {value}\n".encode())
        content = STORE.emit_encrypted(tree, ["t"], [None] * len(tree.comments), {}, styles=[style])
        return content.decode().splitlines()[0]

    assert sealed("`x`", "") == "a = t"
    assert sealed("x", '"""') == 'a = """t"""'
    assert sealed("x", "\\") == "a = t"
    assert sealed("x ; c", "'") == "a = 't' ; c"
    assert sealed("x ; c", "`") == "a = t ; c"
    assert sealed("`x` ; c", "") == "a = `t` ; c"
    assert sealed('"""x\ny""" ; c', '"""') == "a = t ; c"
    assert sealed("`x\ny` ; c", "`") == "a = 't' ; c"


def test_people_see_marks() -> None:
    text = f"; {token(1, 'comment')}\r\n[s]\r\na = 'x'\r\n\r\n[sops]\r\nmac = x\r\n"
    tree = STORE.load(text.encode())
    assert STORE.emit_masked(tree, ["***"], ["***"], "sops:\n") == "; ***\n[s]\na = ***\nsops:\n"
    assert STORE.emit_masked(STORE.load(b"a = 1"), [None], [], "") == "a = 1\n"


def test_values_of_other_types_and_odd_texts_are_written_so_that_they_come_back() -> None:
    text = "".join(f"k{number} = {token(number)}\n" for number in range(8)) + f"i = {token(9)} ; c\n"
    tree = STORE.load(text.encode())
    values = [
        ("bool", "True"), ("float", "1"), ("str", "a\nb"), ("str", "a;b"), ("str", " a "), ("str", '"a"'), ("str", "a\\"), ("str", "`a"),
        ("str", 'a;b`"'),
    ]  # fmt: skip
    content = STORE.emit_plain(tree, values, [None])
    assert content.decode() == (
        'k0 = true\nk1 = 1.0\nk2 = """a\nb"""\nk3 = `a;b`\nk4 = " a "\nk5 = \'"a"\'\nk6 = "a\\"\nk7 = """`a"""\ni = """a;b`"""" ; c\n'
    )
    with pytest.raises(EmissionError, match=r"DEFAULT:i: .*mixture") as caught:
        STORE.emit_plain(tree, [*values[:-1], ("str", 'S3cret"""`\n')], [None])
    assert "S3cret" not in str(caught.value)


# --- documents


def test_an_edit_changes_one_line_the_mac_and_the_time(rule: Rule, ring: KeyRing) -> None:
    plain = b"; c\n;  d\n\n;e\n[s] # f\na = 'one' ; g\nb : `two\nlines` # h\n\n# end\n"
    old = document.encrypt(plain, rule, store=STORE).content
    assert document.decrypt(old, ring, store=STORE) == plain
    assert document.values(old, ring, store=STORE) == [{"DEFAULT": {}, "s": {"a": "one", "b": "two\nlines"}}]
    assert not document.edit(old, plain, ring, store=STORE).needed
    new = document.edit(old, plain.replace(b"one", b"1"), ring, store=STORE).content
    changed = {
        after.partition(b"=")[0].strip()
        for before, after in zip(old.split(b"\n"), new.split(b"\n"), strict=True)
        if before != after
    }
    assert changed - {b"lastmodified"} == {b"a", b"mac"}


def test_a_section_with_the_name_of_metadata_is_refused(rule: Rule) -> None:
    with pytest.raises(AlreadyEncryptedError) as caught:
        document.encrypt(b"[sops]\na = 1\n", rule, store=STORE)
    assert caught.value.exit_code == 203
    assert document.encrypt(b"sops = 1\n[ sops ]\na = 1\n", rule, store=STORE).needed


# --- new files


def section(name: str, *items: t.Any) -> tuple[str, MappingNode]:
    return name, MappingNode([(item, ScalarNode("str", "x")) if isinstance(item, str) else item for item in items])


def emitted(*sections: t.Any, metadata: dict[str, t.Any] | None = None) -> str:
    return STORE.emit([MappingNode(list(sections))], metadata, indent=4).decode("utf-8", "surrogateescape")


def test_new_files_are_laid_out_as_by_sops() -> None:
    text = emitted(
        section("DEFAULT", "a", ("long key", ScalarNode("str", ""))),
        CommentNode("at the top level"),
        section("s", CommentNode(" section\n#two"), "a:b", CommentNode(" of a\n;b"), "ü", 'q"', "b`"),
        section("empty"),
        section("DEFAULT", ("f", ScalarNode("float", "1000000")), ("b", ScalarNode("bool", "True"))),
    )
    assert text == (
        'a        = x\nlong key = \n\n;  section\n# two\n[s]\n; of a\n; b\n`a:b`    = x\nü       = x\n`q"`     = x\n"""b`""" = x\n\n'
        "[empty]\n\n[DEFAULT]\nf = 1E+06\nb = true\n"
    )


@pytest.mark.parametrize(
    ("value", "spelled"),
    [
        ("a b", "a b"), (" a", '" a"'), ("a\n", '"""a\n"""'), ("a`", '"""a`"""'), ("a#", "`a#`"), ("a;`", '"""a;`"""'), ("a'b", "a'b"),
        ('"', '"'), ("'a'", "\"'a'\""), ('"a"', "'\"a\"'"), ("a\\", '"a\\"'),
        ('"""', "'\"\"\"'"), ("\udcff", "\udcff"), ('"""a', "'\"\"\"a'"), ('"""a\'', '`"""a\'`'),
    ],
)  # fmt: skip
def test_values_of_new_files_are_read_back(value: str, spelled: str) -> None:
    """As sops writes them; where that is read back as something else, in other quotes."""
    text = emitted(section("s", ("a", ScalarNode("str", value))))
    assert text == f"[s]\na = {spelled}\n"
    assert read(text) == [("s:a:", value)]


@pytest.mark.parametrize("key", ["#a", ";a", "[a", "-x", 'a"=`', "#1", "ü:", 'a"`'])
def test_keys_of_new_files_are_read_back_or_refused(key: str) -> None:
    try:
        text = emitted(section("s", key))
    except EmissionError:
        assert "`" in key
        return
    assert read(text) == [(f"s:{key}:", "x")]


@pytest.mark.parametrize("name", ["default", "Default"])
def test_a_first_section_that_is_not_quite_DEFAULT_keeps_its_name(name: str) -> None:  # noqa: N802  (its name)
    """Sops writes it without a header, so that its values have another path when they are read back."""
    assert read(emitted(section(name, "a"))) == [(f"{name}:a:", "x")]


def test_an_empty_default_section_is_not_written() -> None:
    assert emitted(section("DEFAULT"), section("s")) == "[s]\n"
    assert emitted(section("DEFAULT", CommentNode("c"))) == "; c\n"
    assert emitted() == ""
    assert STORE.emit([]) == b""


def test_clear_values_of_an_encrypted_file_stand_in_the_form_that_the_mac_is_over() -> None:
    text = emitted(
        section("s", ("b", ScalarNode("bool", "True")), ("f", ScalarNode("float", "1"))), metadata={"mac": "x"}
    )
    assert text == "[s]\nb = True\nf = 1\n\n[sops]\nmac = x\n"


def test_metadata_of_a_new_file_comes_back() -> None:
    odd = {**METADATA, "encrypted_regex": '"x#;`"', "unknown key=": "\\"}
    text = emitted(section("s", "a"), metadata=odd)
    assert STORE.metadata(STORE.load(text.encode())) == odd


@pytest.mark.parametrize(
    ("items", "metadata", "error", "message"),
    [
        pytest.param([("a", ScalarNode("str", "x"))], None, EmissionError, "only sections", id="top-level value"),
        pytest.param([section("s", ("a", MappingNode()))], None, EmissionError, "s:a: a mapping", id="mapping"),
        pytest.param([section("s", ("a", ScalarNode("null", "")))], None, ConversionError, "a null", id="null"),
        pytest.param([section("s", "a", "a")], None, ConversionError, "s:a: a key occurs twice", id="a key twice"),
        pytest.param([section("", "a")], None, EmissionError, "name of a section", id="section without a name"),
        pytest.param([section("a\nb")], None, EmissionError, "name of a section", id="section with a break"),
        pytest.param([section("s", " a")], None, EmissionError, "name of a key", id="key with a blank"),
        pytest.param([section("s", "")], None, EmissionError, "name of a key", id="empty key"),
        pytest.param([section("s", "a\nb")], None, EmissionError, "name of a key", id="key with a break"),
        pytest.param([section("s", "-")], None, EmissionError, "name of a key", id="a dash"),
        pytest.param([section("sops", "a")], {}, AlreadyEncryptedError, "named sops", id="reserved"),
    ],
)
def test_what_would_be_read_back_as_something_else_is_refused(
    items: list[t.Any], metadata: dict[str, str] | None, error: type[SopsError], message: str
) -> None:
    with pytest.raises(error, match=message):
        STORE.emit([MappingNode(items)], metadata)


def test_several_documents_are_refused() -> None:
    with pytest.raises(ConversionError, match="2 documents"):
        STORE.emit([MappingNode(), MappingNode()])


TEXTS = st.text(st.sampled_from("ab \"'`;#\\=:[]\n\r-\xa0é"), max_size=8)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(TEXTS, st.dictionaries(TEXTS, TEXTS, max_size=3), max_size=3))
def test_data_is_written_so_that_it_is_read_back_or_refused(data: dict[str, dict[str, str]]) -> None:
    try:
        content = STORE.dump(data)
    except EmissionError:
        return
    assert STORE.data(content) == [{"DEFAULT": {}, **data}]


def test_only_mappings_are_files() -> None:
    with pytest.raises(EmissionError):
        STORE.dump([1])
