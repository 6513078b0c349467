# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON store: what it reads and refuses, what it keeps, and how it lays out new files."""

from __future__ import annotations

import difflib
import json
import re
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    AlreadyEncryptedError,
    EmissionError,
    EmptyFileError,
    EncryptionError,
    LimitError,
    MalformedFileError,
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
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores import json_text
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.json import JsonStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import Limits
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.values import Cipher
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

STORE = JsonStore()
TOKEN = re.compile(rb'"ENC\[[^"]*"')


def there_and_back(plain: bytes, rule: Rule, ring: KeyRing) -> bytes:
    content = document.encrypt(plain, rule, store=STORE).content
    json.loads(content)
    return document.decrypt(content, ring, store=STORE)


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b" \n", "f:2: .*nothing but blanks"),
        (b"[1]", "f:1: the file is a list"),
        (b'"x"', "f:1: the file is a single value"),
        (b"5", "f:1: the file is a single value"),
        (b"null", "f:1: the file is a single value"),
        (b"a: 1\n", "f:1: .*does not begin with {"),
        (b'\xef\xbb\xbf{"a": 1}', "f: the file begins with a byte order mark"),
        (b'{"a": "\xff"}', "f:1: the file is not UTF-8"),
        (b'{"a": 1', "f:1: .*ends before its object is closed"),
        (b'{"a": 1,\n', "f:2: .*ends before"),
        (b'{"a": 1, "b":', "f:1: .*ends before"),
        (b'{"a": [1,', "f:1: .*ends before"),
        (b'{"a', "f:1: .*a string is not closed"),
        (b'{"a": "x', "f:1: .*a string is not closed"),
        (b'{\n"a": "x\ny"}', "f:2: .*control character"),
        (b'{"a": "\\x"}', "f:1: .*bad escape"),
        (b'{"a": "\\u12G4"}', "f:1: .*bad escape"),
        (b'{"a": 1,}', "f:1: .*a key in double quotes is missing"),
        (b"{'a': 1}", "f:1: .*a key in double quotes is missing"),
        (b"{1: 2}", "f:1: .*a key in double quotes is missing"),
        (b'{,"a": 1}', "f:1: .*a key in double quotes is missing"),
        (b'{"a"}', "f:1: .*a colon is missing"),
        (b'{"a": [1,]}', "f:1: .*a value is missing"),
        (b'{"a":: 1}', "f:1: .*a value is missing"),
        (b'{"a": +1}', "f:1: .*a value is missing"),
        (b'{"a": .5}', "f:1: .*a value is missing"),
        (b'{"a": NaN}', "f:1: .*a value is missing"),
        (b'{"a": \x0c1}', "f:1: .*a value is missing"),
        (b'{"a": 01}', "f:1: .*a comma or a closing bracket"),
        (b'{"a": 5.}', "f:1: .*a comma or a closing bracket"),
        (b'{"a": 1 "b": 2}', "f:1: .*a comma or a closing bracket"),
        (b'{"a": 1 /* c */}', "f:1: .*a comma or a closing bracket"),
        (b'{"a": [1}}', "f:1: .*a comma or a closing bracket"),
        (b'{"a": 1]', "f:1: .*a comma or a closing bracket"),
        (b'{"a": 1E400}', "f:1: a number is out of range"),
        (b'{"a": [-1e400]}', "f:1: a number is out of range"),
        (b'{"a": ' + b"9" * 5000 + b"}", "f:1: a number is out of range"),
        (b'{"a": 1}\n{"b": 2}\n', "f:2: there is text after the closing brace"),
        (b'{"sops": {}, "a": 1,\n"sops": {}}', "f:2: the entry sops occurs twice"),
    ],
    ids=repr,
)
def test_what_is_not_one_json_object_is_refused_with_its_line(text: bytes, message: str) -> None:
    with pytest.raises(MalformedFileError, match=message) as caught:
        STORE.load(text, where="f")
    assert caught.value.exit_code == 2


def test_an_empty_file_has_the_exit_code_of_any_broken_one() -> None:
    with pytest.raises(EmptyFileError) as caught:
        STORE.load(b"", where="f")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("text", "kind", "data"),
    [
        ("0", "int", "0"),
        ("-0", "int", "0"),
        ("-17", "int", "-17"),
        ("9223372036854775807", "int", "9223372036854775807"),
        ("-9223372036854775808", "int", "-9223372036854775808"),
        ("9223372036854775808", "float", "9223372036854776000"),
        ("1.0", "float", "1"),
        ("1e2", "float", "100"),
        ("-0.0", "float", "-0"),
        ("1E-7", "float", "0.0000001"),
        ("1e-400", "float", "0"),
        ("true", "bool", "True"),
        ("false", "bool", "False"),
        ("null", "null", ""),
        ('"x"', "str", "x"),
        ('"\\u00e9\\n\\ud83d\\ude00"', "str", "é\n😀"),
        ('"\\ud800"', "str", "\ufffd"),
        ('"\\ud800\\ud800x"', "str", "\ufffd\ufffdx"),
        ('"\\udc00\\ud83d\\ude00"', "str", "\ufffd😀"),
    ],
)
def test_values_are_typed_as_by_sops(text: str, kind: str, data: str) -> None:
    (leaf,) = STORE.load(f'{{"k": {text}}}'.encode()).leaves
    assert (leaf.type, leaf.text, leaf.path, leaf.key) == (kind, data, "k:", "k")


def test_paths_leave_out_the_indices_of_lists() -> None:
    tree = STORE.load(b'{"a": {"b": 1, "l": ["x", {"y": "z"}, ["q"]]}, "": 2, "a": 3}')
    assert [(leaf.text, leaf.path) for leaf in tree.leaves] == [
        ("1", "a:b:"), ("x", "a:l:"), ("z", "a:l:y:"), ("q", "a:l:"), ("2", ":"), ("3", "a:"),
    ]  # fmt: skip


def test_data_is_plain_python_and_the_last_of_two_keys_counts() -> None:
    text = b'{"a": [1, 1.5, {"b": null}, []], "c": true, "d": "x", "c": false, "sops": 5}'
    assert STORE.data(text) == [{"a": [1, 1.5, {"b": None}, []], "c": False, "d": "x", "sops": 5}]


@pytest.mark.parametrize(
    "body", [b"[" * 10_000_000, b'{"a":' * 200_000, b'{"a": ' + b"[" * 5000], ids=["10 MB of [", "objects", "lists"]
)
def test_deep_nesting_is_refused_at_once(body: bytes) -> None:
    with pytest.raises(MalformedFileError):
        STORE.load(body if body[:1] == b"{" else b'{"a": ' + body)


def test_limits_are_errors_of_their_own() -> None:
    with pytest.raises(LimitError, match="nested deeper than 1000"):
        STORE.load(b'{"a": ' + b"[" * 1000)
    with pytest.raises(LimitError, match="more than 3 values"):
        STORE.load(b'{"a": [1, 2, 3]}', limits=Limits(nodes=3))
    with pytest.raises(LimitError, match="bytes"):
        STORE.load(b"{}", limits=Limits(size=1))
    STORE.load(b'{"a": ' + b"[" * 999 + b"]" * 999 + b"}")


@settings(max_examples=200)
@given(st.binary(max_size=80) | st.text('{}[]":,sop \n\\u01eE-.tfn<', max_size=60).map(str.encode))
def test_any_bytes_are_read_or_refused_by_the_error_tree(content: bytes) -> None:
    for each in (content, b'{"a": ' + content + b"}", b'{"sops": ' + content + b', "a": 1}'):
        try:
            tree = STORE.load(each, where="f")
        except SopsError:
            continue
        STORE.emit_plain(tree, [None] * len(tree.leaves), [])
        json.loads(each)


# --- splicing -------------------------------------------------------------------------------------

LAYOUTS: dict[str, dict[str, t.Any]] = {
    "python": {},
    "compact": {"separators": (",", ":")},
    "two": {"indent": 2},
    "four ascii": {"indent": 4, "ensure_ascii": True},
    "utf-8": {"indent": 2, "ensure_ascii": False},
    "tab": {"indent": "\t", "ensure_ascii": False},
    "none": {"indent": ""},
    "wide colon": {"indent": 2, "separators": (",", " : ")},
}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
KEYS = st.text(max_size=5).filter(lambda key: key != "sops")
DOCUMENTS = st.dictionaries(
    KEYS,
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
    ),
    max_size=5,
)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(max_examples=25)
@given(data=DOCUMENTS, eol=st.sampled_from(["\n", "\r\n"]), end=st.sampled_from(["", "\n"]))
def test_output_of_json_dumps_comes_back_byte_for_byte(
    layout: str, data: dict[str, t.Any], eol: str, end: str, rule: Rule, ring: KeyRing
) -> None:
    text = json.dumps(json.loads(_surrogates_gone(json.dumps(data))), **LAYOUTS[layout])
    plain = (text.replace("\n", eol) + end).encode()
    assert there_and_back(plain, rule, ring) == plain


def _surrogates_gone(text: str) -> str:
    return re.sub(r"\\ud[89a-f][0-9a-f]{2}", "?", text)


@pytest.mark.parametrize(
    "plain",
    [
        b"{}", b"{}\n", b"{ }", b"{\n}\n", b"\n {\r\n\t}", b'{"a":1}', b'{"a": 1}', b'{ "a": 1 }', b'{"a":1,\n "b":2}', b'{\n"a": "x"}',
        b'{\n  "a" : "x"\n, "b" : [ 1,2 ]\n}\n', b'{\n  "a": 1,\n\n  "b": 2\n\n}\n\n', b'  {\n    "a": 1\n  }\n', b'{"a":\n  1}', b'{"a": 1, "a": 2}',
        b'{"a": "</a>/&\x7f"}', b'{"a": "\\u003c\\u2028\\u0026\xc3\xa9"}', b'{"a": "\\/x\\/"}', b'{"a": "\\/\\u00e9"}',
        b'{"a": "\\u00E9\\u001F"}', b'{"a": "\\u007f"}', b'{"a": "\\u2028\\n\\t\\b\\f\\r\\"\\\\"}', b'{"a": "\\\\u003c\\u00e9"}',
        b'{"a": 1.0, "b": 100.5, "c": 1e+16, "d": 1e-7, "e": 1e-07, "f": 1e21, "g": -0.0, "h": -0}'.replace(b"1e21", b"1e+21"),
        b'{"a": 9223372036854775808, "b": 18446744073709551616, "b2": -18446744073709552000, "b3": 1e+19, "c": [], "d": {}, "e": [[], {}], "f": "", "g": null}',
        '{"é": "ü", "k_unencrypted": "\\u0061\\/", "l": [1, 1]}'.encode(),
    ],
    ids=repr,
)  # fmt: skip
def test_files_of_other_writers_come_back_byte_for_byte(plain: bytes, rule: Rule, ring: KeyRing) -> None:
    assert there_and_back(plain, rule, ring) == plain


@pytest.mark.parametrize(
    ("plain", "back"),
    [
        (b'{"a": "\\u0061\\u000a"}', b'{"a": "a\\n"}'),
        (b'{"a": "\\ud800"}', '{"a": "\ufffd"}'.encode()),
        (b'{"a": 1E2}', b'{"a": 100.0}'),
        (b'{"a": 1.50}', b'{"a": 1.5}'),
        (b'{"a": 1e-400}', b'{"a": 0.0}'),
    ],
    ids=repr,
)
def test_odd_spellings_come_back_as_usual_ones_of_the_same_value_and_type(
    plain: bytes, back: bytes, rule: Rule, ring: KeyRing
) -> None:
    assert there_and_back(plain, rule, ring) == back
    assert [leaf[3:6] for leaf in STORE.load(plain).leaves] == [leaf[3:6] for leaf in STORE.load(back).leaves]
    content = document.encrypt(plain, rule, store=STORE).content
    assert not document.edit(content, back, ring, store=STORE).needed


@pytest.mark.parametrize(
    ("plain", "block"),
    [
        (b'{\n  "a": 1\n}\n', b'1",\n  "sops": {\n    "age": [\n      {\n        "enc": "'),
        (b'{\r\n\t"a": 1\r\n}', b'1",\r\n\t"sops": {\r\n\t\t"age": [\r\n\t\t\t{\r\n\t\t\t\t"enc": "'),
        (b'{"a": 1}', b'1", "sops": {"age": [{"enc": "'),
        (b'{"a":1}', b'1","sops":{"age":[{"enc":"'),
        (b'{"a" : 1,"b" : 2}', b'1","sops" : {"age" : [{"enc" : "'),
        (b"{}", b'{\n\t"sops": {\n\t\t"age": [\n\t\t\t{\n\t\t\t\t"enc": "'),
        (b"{ }", b'{"sops": {\n\t"age": [\n\t\t{\n\t\t\t"enc": "'),
        (b'{\n"a": 1\n}', b'1",\n"sops": {\n"age": [\n{\n"enc": "'),
    ],
    ids=repr,
)
def test_metadata_is_laid_out_as_the_file_is(plain: bytes, block: bytes, rule: Rule) -> None:
    content = document.encrypt(plain, rule, store=STORE).content
    assert block in TOKEN.sub(b'1"', content)


@pytest.mark.parametrize(
    "plain", [b'{"a": "x", "b": "y"}', b'{\n  "a": "\\u00e9",\n  "b": "y"\n}\n', b'{\n\t"a": 1.0\n}'], ids=repr
)
def test_an_edit_of_one_value_changes_its_span_the_mac_and_the_time(plain: bytes, rule: Rule, ring: KeyRing) -> None:
    content = document.encrypt(plain, rule, store=STORE).content
    changed = document.edit(content, re.sub(rb'("a": )[^,\n}]*', rb'\1"new"', plain), ring, store=STORE).content
    old, new = (re.split(r"[,{\n]\s*(?=\")", text.decode()) for text in (content, changed))
    lines = [line[1:] for line in difflib.ndiff(old, new) if line[:1] == "+"]
    assert {line.strip().partition(":")[0] for line in lines} - {'"lastmodified"'} == {'"a"', '"mac"'}
    assert document.values(changed, ring, store=STORE)[0]["a"] == "new"


def test_a_file_laid_out_in_another_way_keeps_its_metadata_as_it_stands(rule: Rule, ring: KeyRing) -> None:
    """Metadata in front, or spelled with needless escapes, or alone: an edit does not touch it."""
    content = document.encrypt(b'{"a": 1, "b": 2}', rule, store=STORE).content
    odd = content.replace(b'"version": ', b'"version"  :\t').replace(b"AES", b"\\u0041ES")
    edited = document.edit(odd, b'{"a": 1, "b": 3}', ring, store=STORE).content
    assert b'"version"  :\t' in edited
    assert edited[: edited.index(b'"b"')] == odd[: odd.index(b'"b"')]
    assert document.decrypt(edited, ring, store=STORE) == b'{"a": 1, "b": 3}'


@pytest.mark.parametrize(
    ("plain", "change"),
    [
        (b"{}", b'{"a": 1}'),
        (b'{"a": 1}', b"{}"),
        (b"{ }", b'{"a": 1}'),
        (b'{\n  "a": 1\n}', b"{}"),
        (b"{ }", b"{}"),
        (b"{}", b"{ }"),
    ],
    ids=repr,
)
def test_objects_may_become_empty_and_full(plain: bytes, change: bytes, rule: Rule, ring: KeyRing) -> None:
    content = document.encrypt(plain, rule, store=STORE).content
    edited = document.edit(content, change, ring, store=STORE)
    assert document.decrypt(edited.content, ring, store=STORE) == change
    assert not document.edit(edited.content, change, ring, store=STORE).needed


def test_metadata_that_stands_alone_stays_as_it_is() -> None:
    old = b'{ "sops" : {"mac": "x", "lastmodified": "y"} }'
    block = STORE.metadata_block(STORE.load(old), {"mac": "z", "lastmodified": "y"})
    assert STORE.emit_encrypted(STORE.load(b"{}"), [], [], {}, block=block) == old.replace(b'"x"', b'"z"')


@pytest.mark.parametrize("text", ["\x7f", "a\x7f/"], ids=repr)
def test_rare_signs_have_marks_too(text: str, rule: Rule, ring: KeyRing) -> None:
    plain = json.dumps({"a": text}, ensure_ascii=False).replace("\x7f", "\\u007f").encode()
    assert there_and_back(plain, rule, ring) == plain


def test_metadata_that_is_not_last_is_taken_out(rule: Rule, ring: KeyRing) -> None:
    data = json.loads(document.encrypt(b'{"a": "x", "b": "y"}', rule, store=STORE).content)
    for order in (("sops", "a", "b"), ("a", "sops", "b"), ("a", "b", "sops")):
        content = json.dumps({key: data[key] for key in order}).encode()
        assert document.decrypt(content, ring, store=STORE) == b'{"a": "x", "b": "y"}'
        edited = document.edit(content, b'{"a": "x", "b": "z"}', ring, store=STORE).content
        assert document.values(edited, ring, store=STORE) == [{"a": "x", "b": "z"}]


def test_list_items_that_are_comments_of_another_format_are_left_out(ring: KeyRing, rule: Rule) -> None:
    """As sops makes them when it converts YAML, and drops them when it decrypts."""
    for items, kept in (("cxc", "x"), ("xcc", "x"), ("ccx", "x"), ("cc", ""), ("xcx", "xx"), ("xyc", "xy")):
        text = json.dumps({"l": list(items)}).encode()
        tree = STORE.load(text)
        values = [("comment", " c") if leaf.text == "c" else None for leaf in tree.leaves]
        assert json.loads(STORE.emit_plain(tree, values, [])) == {"l": list(kept)}


def test_a_file_with_metadata_or_its_name_is_not_encrypted(rule: Rule) -> None:
    with pytest.raises(AlreadyEncryptedError, match="line 2"):
        document.encrypt(b'{"a": 1,\n"sops": null}', rule, store=STORE)


def test_an_integer_that_would_lose_digits_is_refused_unless_it_stays_in_clear(rule: Rule, ring: KeyRing) -> None:
    with pytest.raises(EncryptionError, match=r"line 2: b: .*would lose digits"):
        document.encrypt(b'{"a": 1,\n"b": 18446744073709551615}', rule, store=STORE)
    plain = b'{"b_unencrypted": 18446744073709551615}'
    assert there_and_back(plain, rule, ring) == plain


def test_no_secret_is_seen_in_masked_texts(rule: Rule, ring: KeyRing) -> None:
    plain = b'{\r\n  "a": "secret",\r\n  "b_unencrypted": "clear"\r\n}'
    change = document.encrypt(plain, rule, store=STORE)
    assert change.before == '{\n  "a": "***",\n  "b_unencrypted": "clear"\n}\n'
    assert change.after.startswith(f"{change.before}sops:\n")
    edited = document.edit(change.content, plain.replace(b"secret", b"other"), ring, store=STORE)
    assert '"a": "*** (changed)"' in edited.after
    assert edited.before.startswith(change.before)


def test_rotation_and_other_keys_keep_every_spelling(keys: Keys, other_keys: Keys, rule: Rule, ring: KeyRing) -> None:
    plain = b'{\n  "a": "\\u00e9",\n  "b": [1e+16, "\\/"],\n  "c": "x"\n}\n'
    content = document.encrypt(plain, rule, store=STORE).content
    both = Rule.of([keys.public, other_keys.public])
    for change in (document.updatekeys(content, both, ring, store=STORE), document.rotate(content, ring, store=STORE)):
        assert change.content != content
        assert document.decrypt(change.content, ring, store=STORE) == plain


def test_a_colon_on_a_line_of_its_own_is_not_repeated(rule: Rule, ring: KeyRing) -> None:
    plain = b'{\n "a"\n :\n 1\n}'
    assert there_and_back(plain, rule, ring) == plain


def test_status_needs_no_key(rule: Rule) -> None:
    content = document.encrypt(b'{"a": 1}', rule, store=STORE).content
    assert document.is_encrypted(content)
    assert document.status(content, store=STORE).encrypted
    assert not document.status(b'{"a": 1}', store=STORE).encrypted
    assert not document.is_encrypted(b'{"a": 1}')


def test_values_of_another_writer_that_json_cannot_hold_are_named(rule: Rule) -> None:
    tree = STORE.load(b'{"a": "x",\n"b": "y"}')
    with pytest.raises(EmissionError, match="line 2: b: a value is not UTF-8"):
        STORE.emit_plain(tree, [None, ("str", "\udcff")], [])
    with pytest.raises(EmissionError, match="line 2: b: JSON cannot hold a number"):
        STORE.emit_plain(tree, [None, ("float", "NaN")], [])
    assert (
        STORE.emit_plain(tree, [("time", "2001-12-14T21:59:43Z"), ("null", "")], [])
        == b'{"a": "2001-12-14T21:59:43Z",\n"b": null}'
    )


def test_metadata_whose_times_are_missing_is_written_anew() -> None:
    assert STORE.metadata_block(STORE.load(b'{"sops": {"mac": "x"}}'), {"mac": "y", "lastmodified": "z"}) is None
    assert STORE.metadata_block(STORE.load(b'{"a": 1}'), {}) is None


# --- spellings ------------------------------------------------------------------------------------


@given(
    st.text('é<>&\u2028/\x7f\x1f\n"\\uab', max_size=10),
    st.sampled_from(["", "a", "h", "au", "s", "/", "a/", "d", "ah", "hu"]),
)
def test_a_token_remembers_the_spelling_of_its_value(text: str, marks: str) -> None:
    spelled = json_text.spell_string(text, marks)
    assert json.loads(spelled) == text
    token = Cipher(bytes(32)).encrypt(b"x", "str", "a:")
    marked = json_text.spell_token(token, json_text.marks_of_string(text, spelled))
    assert json.loads(marked) == token
    assert json_text.spell_string(text, json_text.marks_of_token(marked)) == spelled


@pytest.mark.parametrize(
    ("data", "spelled"),
    [
        ("1", "1"), ("1000000", "1000000"), ("1234567.25", "1234567.25"), ("0.00001", "0.00001"), ("0.0000001", "1e-7"), ("-0", "-0.0"),
        ("1" + "0" * 21, "1e+21"), ("1" + "0" * 20, "1" + "0" * 20), ("1" + "0" * 100, "1e+100"), ("0." + "0" * 9 + "15", "1.5e-10"), ("-2.5", "-2.5"),
    ],
)  # fmt: skip
def test_floats_of_whole_files_are_spelled_as_by_sops(data: str, spelled: str) -> None:
    assert json_text.spell_float_as_sops(data) == spelled


# --- whole files ----------------------------------------------------------------------------------


def test_new_files_are_laid_out_as_by_sops() -> None:
    node = MappingNode([
        ("a", ScalarNode("str", "<é\u2028\x7f>\n")),
        CommentNode(" dropped"),
        ("b", SequenceNode([CommentNode(" dropped"), ScalarNode("int", "1"), SequenceNode([]), MappingNode([])])),
        ("c", SequenceNode([CommentNode(" dropped")])),
        ("d", ScalarNode("float", "1")),
        ("e", ScalarNode("null", "")),
        ("f", ScalarNode("bool", "True")),
        ("g", ScalarNode("time", "2001-12-14T21:59:43Z")),
    ])  # fmt: skip
    text = STORE.emit([node], {"mac": "m", "age": [{"enc": "x\ny"}]}).decode()
    assert text == (
        '{\n\t"a": "\\u003cé\\u2028\x7f\\u003e\\n",\n\t"b": [\n\t\t1,\n\t\t[],\n\t\t{}\n\t],\n\t"c": [],\n\t"d": 1,\n\t"e": null,\n\t"f": true,\n'
        '\t"g": "2001-12-14T21:59:43Z",\n\t"sops": {\n\t\t"mac": "m",\n\t\t"age": [\n\t\t\t{\n\t\t\t\t"enc": "x\\ny"\n\t\t\t}\n\t\t]\n\t}\n}\n'
    )
    assert (
        STORE.emit([MappingNode([("a", SequenceNode([ScalarNode("int", "1")]))])], indent=2)
        == b'{\n  "a": [\n    1\n  ]\n}\n'
    )
    assert STORE.emit([MappingNode([("a", ScalarNode("int", "1"))])], indent=0) == b'{\n"a": 1\n}\n'
    assert STORE.emit([MappingNode()], indent=-1) == b"{}\n"


def as_floats(data: t.Any) -> t.Any:
    """Whole floats lose their type, as in sops."""
    return json.loads(json.dumps(data), parse_int=float)


@settings(max_examples=40)
@given(DOCUMENTS.filter(lambda data: "\\ud" not in json.dumps(data) or "\\ud8" not in json.dumps(data)))
def test_new_files_hold_the_data_they_were_made_from(data: dict[str, t.Any]) -> None:
    try:
        content = STORE.dump(data)
    except EmissionError:
        assert re.search(r"\\ud[89a-f]", json.dumps(data))
        return
    assert as_floats(STORE.data(content)) == as_floats([data])


@pytest.mark.parametrize(
    ("documents", "metadata", "indent", "message"),
    [
        ([MappingNode(), MappingNode()], None, None, "one document, not 2"),
        ([], None, None, "one document, not 0"),
        ([MappingNode([("a", ScalarNode("float", "+Inf"))])], None, None, "infinite"),
        ([MappingNode([("a", ScalarNode("str", "\udc80"))])], None, None, "not UTF-8"),
        ([MappingNode([("sops", ScalarNode("str", ""))])], {}, None, "the name sops"),
        ([MappingNode()], None, -2, "indentation"),
    ],
    ids=["two", "none", "infinite", "bytes", "name", "indent"],
)
def test_what_json_cannot_hold_is_an_emission_error(
    documents: list[MappingNode], metadata: dict[str, t.Any] | None, indent: int | None, message: str
) -> None:
    with pytest.raises(EmissionError, match=message) as caught:
        STORE.emit(documents, metadata, indent=indent)
    assert caught.value.exit_code == 4


def test_a_document_has_to_be_a_mapping() -> None:
    with pytest.raises(EmissionError, match="mapping"):
        STORE.dump([1])


def test_the_store_is_found_by_name() -> None:
    assert store_for("a.json").name == "json"
    assert store_for("a.txt", "json").name == "json"


def test_deep_documents_are_written_without_recursion() -> None:
    node: t.Any = ScalarNode("int", "1")
    for _turn in range(5000):
        node = SequenceNode([node])
    assert STORE.emit([MappingNode([("a", node)])], indent=0).count(b"[") == 5000
