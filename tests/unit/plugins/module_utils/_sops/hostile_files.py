# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files made to cost time or memory, of any size, with what reading them comes to.

A file is one piece again and again, between a beginning and an end; `@` in a piece is its number.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable

READ = ""
"""The file is read."""
Recipe = Callable[[int], bytes]


class Hostile(t.NamedTuple):
    """How to make a file, and the name of the error that refuses one of 10 MB."""

    outcome: str
    make: Recipe


def much(piece: bytes, before: bytes = b"", after: bytes = b"") -> Recipe:
    def make(size: int) -> bytes:
        room = size - len(before) - len(after)
        if b"@" not in piece:
            return before + piece * (room // len(piece)) + after
        count = room // (len(piece) + len(str(room // len(piece))))
        return before + b"".join([piece.replace(b"@", b"%d" % number) for number in range(count)]) + after

    return make


def nested(opening: bytes, closing: bytes, before: bytes, after: bytes) -> Recipe:
    """As many openings as closings."""

    def make(size: int) -> bytes:
        count = size // (len(opening) + len(closing))
        return before + opening * count + closing * count + after

    return make


def stairs(size: int) -> bytes:
    """Each line is indented one blank more than the one above."""
    count = int((2 * size) ** 0.5)
    return b"".join(b" " * number + b"a:\n" for number in range(count))


def bomb(_size: int) -> bytes:
    """Nine aliases of a list of nine aliases of …."""
    pairs = zip("abcdefghijklmnopqrstuvwx", "bcdefghijklmnopqrstuvwxy", strict=True)
    first = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    return (first + "".join(f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in pairs)).encode()


_TOKEN = b"ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:str]"
_COMMENT_TOKEN = b"ENC[AES256_GCM,data:AAAA,iv:AAAA,tag:AAAA,type:comment]"
_DEEP = b"".join(b" " * number + b"a:\n" for number in range(900)) + b" " * 900 + b"b: 1\n"

# The metadata of each format, without its end.
_YAML = b'sops:\n    lastmodified: "2026-01-02T03:04:05Z"\n    version: 3.13.3\n    mac: ' + _TOKEN + b"\n"
_YAML_AGE = b"    age:\n        - recipient: a\n          enc: b\n"
_YAML_BARE = b'a: 1\nsops:\n    lastmodified: "2026-01-02T03:04:05Z"\n    version: 3.13.3\n' + _YAML_AGE
_JSON = b'"sops": {"lastmodified": "2026-01-02T03:04:05Z", "version": "3.13.3", "mac": "' + _TOKEN + b'"'
_JSON_AGE = b', "age": [{"recipient": "a", "enc": "b"}]'
_DOTENV = b"sops_lastmodified=2026-01-02T03:04:05Z\nsops_version=3.13.3\nsops_mac=" + _TOKEN + b"\n"
_DOTENV_AGE = b"sops_age__list_0__map_enc=x\nsops_age__list_0__map_recipient=x\n"
_INI = b"[sops]\nlastmodified = 2026-01-02T03:04:05Z\nversion = 3.13.3\nmac = " + _TOKEN + b"\n"
_INI_AGE = b"age__list_0__map_enc = x\nage__list_0__map_recipient = x\n"

YAML: dict[str, Hostile] = {
    "deep indentation": Hostile("LimitError", stairs),
    "deep indentation, then comments": Hostile("LimitError", much(b"# c\n", _DEEP)),
    "deep indentation, then comments in many columns": Hostile("LimitError", much(b"# c\n  # d\n\n", _DEEP)),
    "deep dashes": Hostile("MalformedFileError", much(b"- ")),
    "deep dashes in a mapping": Hostile("LimitError", much(b"- ", b"a:\n  ")),
    "deep lists in flow": Hostile("MalformedFileError", much(b"[")),
    "deep lists in flow in a mapping": Hostile("LimitError", much(b"[", b"a: ")),
    "deep lists in flow that are closed": Hostile("LimitError", nested(b"[", b"]", b"a: ", b"\n")),
    "deep mappings in flow": Hostile("EncryptionError", much(b"{")),
    "deep mappings in flow with keys": Hostile("LimitError", much(b"{a: ", b"a: ")),
    "deep mappings on a line": Hostile("MalformedFileError", much(b"a: ")),
    "closing brackets": Hostile("MalformedFileError", much(b"]")),
    "question marks": Hostile("EncryptionError", much(b"? ")),
    "question marks in a list": Hostile("MalformedFileError", much(b"? ", b"a: [")),
    "explicit keys": Hostile("LimitError", much(b"? k@\n")),
    "colons": Hostile("MalformedFileError", much(b":")),
    "colons and blanks": Hostile("MalformedFileError", much(b": ")),
    "commas": Hostile("MalformedFileError", much(b",", b"a: [")),
    "an alias bomb": Hostile("LimitError", bomb),
    "aliases": Hostile("LimitError", much(b"- *a\n", b"a: &a x\nb:\n")),
    "aliases in flow": Hostile("LimitError", much(b"*a,", b"a: &a x\nb: [", b"]\n")),
    "aliases of a long text": Hostile(
        "LimitError", lambda size: b"a: &a " + b"x" * (size // 2) + b"\nb: [" + b"*a," * (size // 6) + b"]\n"
    ),
    "aliases of a long list": Hostile(
        "LimitError", lambda size: b"a: &a [" + b"x," * (size // 4) + b"]\nb: [*a,*a,*a]\n"
    ),
    "an alias of the list it stands in": Hostile("MalformedFileError", much(b"- *a\n", b"a: &a\n")),
    "stars": Hostile("MalformedFileError", much(b"*")),
    "ampersands": Hostile("MalformedFileError", much(b"&a ")),
    "anchors": Hostile("LimitError", much(b"k@: &a@ x\n")),
    "a long anchor": Hostile(READ, much(b"a", b"a: &", b" x\n")),
    "merge keys": Hostile("LimitError", much(b"k@: {<<: *b}\n", b"b: &b {x: 1}\n")),
    "a merge key of many": Hostile("LimitError", much(b"*b,", b"b: &b {x: 1}\nc: {<<: [", b"]}\n")),
    "exclamation marks": Hostile("MalformedFileError", much(b"!")),
    "tags": Hostile("MalformedFileError", much(b"!!str ")),
    "a long tag": Hostile(READ, much(b"a", b"a: !", b" x\n")),
    "a long tag in brackets": Hostile(READ, much(b"a", b"a: !<", b"> x\n")),
    "escapes in a tag": Hostile(READ, much(b"%41", b"a: !", b" x\n")),
    "blanks behind a tag": Hostile(READ, much(b" ", b"a: !!str", b"x\n")),
    "breaks behind a tag": Hostile(READ, much(b"\n ", b"a: !!str", b"x\n")),
    "tagged values": Hostile("LimitError", much(b"k@: !!str x\n")),
    "percent signs": Hostile("MalformedFileError", much(b"%")),
    "directives": Hostile("MalformedFileError", much(b"%X\n", after=b"---\na: 1\n")),
    "directives for the version": Hostile("MalformedFileError", much(b"%YAML 1.1\n", after=b"---\na: 1\n")),
    "directives for tags": Hostile("LimitError", much(b"%TAG !a@! x\n", after=b"---\na: 1\n")),
    "a long directive": Hostile("MalformedFileError", much(b"x", b"%", b"\n---\na: 1\n")),
    "dashes": Hostile("MalformedFileError", much(b"-")),
    "document marks": Hostile("LimitError", much(b"---\n")),
    "document ends": Hostile(READ, much(b"...\n", b"a: 1\n")),
    "documents": Hostile("LimitError", much(b"a: 1\n---\n")),
    "signs of comments": Hostile("EmptyFileError", much(b"#")),
    "empty comments": Hostile("LimitError", much(b"#\n")),
    "comments": Hostile("LimitError", much(b"# c\n", b"a: 1\n")),
    "comments in flow": Hostile("LimitError", much(b"#\n", b"a: [\n", b"1]\n")),
    "comments in many columns": Hostile("LimitError", much(b"# a\n # b\n  # c\n", b"x:\n  y: 1\n")),
    "comments and blank lines": Hostile("LimitError", much(b"#\n\n", b"a: 1\n", b"b: 2\n")),
    "comments and keys": Hostile("LimitError", much(b"# c\nk@: 1\n")),
    "comments behind values": Hostile("LimitError", much(b"k@: v # c\n")),
    "comments behind tabs": Hostile("MalformedFileError", much(b"\t# x\n", b"a: 1\n")),
    "a long comment": Hostile(READ, much(b"#", b"a: 1 ")),
    "single quotes": Hostile("MalformedFileError", much(b"'")),
    "double quotes": Hostile("MalformedFileError", much(b'"')),
    "single quotes in a value": Hostile(READ, much(b"''", b"a: '", b"'\n")),
    "a quote without end": Hostile("MalformedFileError", much(b"x\n", b'a: "')),
    "quotes without end": Hostile("MalformedFileError", much(b'a: "x\n')),
    "lines in quotes": Hostile(READ, much(b"  x\n", b'a: "', b'"\n')),
    "blank lines in quotes": Hostile(READ, much(b"\n", b'a: "x', b'"\n')),
    "backslashes": Hostile("MalformedFileError", much(b"\\")),
    "escapes": Hostile(READ, much(b"\\x41", b'a: "', b'"\n')),
    "escaped breaks": Hostile(READ, much(b"\\\n", b'a: "', b'"\n')),
    "escapes that are none": Hostile("MalformedFileError", much(b"\\q", b'a: "', b'"\n')),
    "signs of literal blocks": Hostile("MalformedFileError", much(b"|")),
    "empty literal blocks": Hostile("MalformedFileError", much(b"a: |\n")),
    "literal blocks": Hostile("LimitError", much(b"k@: |\n  x\n")),
    "a long literal block": Hostile(READ, much(b"  x\n", b"a: |\n")),
    "a literal block of one line": Hostile(READ, much(b"x", b"a: |\n  ", b"\n")),
    "a literal block of blank lines": Hostile(READ, much(b"\n", b"a: |+\n  x\n")),
    "a literal block of comment signs": Hostile(READ, much(b"  #\n", b"a: |\n")),
    "a long folded block": Hostile(READ, much(b"  x\n", b"a: >\n")),
    "plain lines": Hostile(READ, much(b"  x\n", b"a: x\n")),
    "plain text with signs": Hostile(READ, much(b"x#:x", b"a: ", b"\n")),
    "blanks": Hostile(READ, much(b" ", after=b"a: 1\n")),
    "blank lines": Hostile(READ, much(b"\n", after=b"a: 1\n")),
    "lines of blanks": Hostile(READ, much(b"        \n", after=b"a: 1\n")),
    "tabs": Hostile("MalformedFileError", much(b"\t")),
    "tabs before a value": Hostile(READ, much(b"\t", b"a: ", b"x\n")),
    "carriage returns": Hostile(READ, much(b"\r", b"a: 1\r", b"b: 2\r")),
    "keys and carriage returns": Hostile("LimitError", much(b"k@: 1\r\n")),
    "keys and odd breaks": Hostile("LimitError", much(b"k@: 1\xc2\x85")),
    "nulls": Hostile("MalformedFileError", much(b"\x00")),
    "byte order marks": Hostile("MalformedFileError", much(b"\xef\xbb\xbf")),
    "bytes that are not UTF-8": Hostile("MalformedFileError", much(b"\xff")),
    "UTF-16": Hostile("MalformedFileError", much(b"a\x00:\x00 \x001\x00\n\x00", b"\xff\xfe")),
    "characters of four bytes": Hostile(READ, much(b"\xf0\x9f\x98\x80", b"a: ", b"\n")),
    "one long line": Hostile("MalformedFileError", much(b"a")),
    "a long value": Hostile(READ, much(b"x ", b"a: ", b"\n")),
    "a long key": Hostile("MalformedFileError", much(b"a", after=b": 1\n")),
    "a long key in quotes": Hostile("MalformedFileError", much(b"a", b'"', b'": 1\n')),
    "keys": Hostile("LimitError", much(b"k@: 1\n")),
    "keys without values": Hostile("LimitError", much(b"k@:\n")),
    "keys in flow": Hostile("LimitError", much(b"k@: 1,", b"a: {", b"}\n")),
    "numbers as keys": Hostile("EncryptionError", much(b"@: 1\n")),
    "one key many times": Hostile("MalformedFileError", much(b"k: 1\n")),
    "items": Hostile("LimitError", much(b"- x\n", b"a:\n")),
    "items without values": Hostile("LimitError", much(b"-\n", b"a:\n")),
    "items in flow": Hostile("LimitError", much(b"x,", b"a: [", b"]\n")),
    "pairs in flow": Hostile("LimitError", much(b"a: 1, ", b"a: [", b"]\n")),
    "mappings as items": Hostile("LimitError", much(b"- a: 1\n", b"a:\n")),
    "empty mappings": Hostile("LimitError", much(b"- {}\n", b"a:\n")),
    "an integer": Hostile(READ, much(b"9", b"a: ", b"\n")),
    "a hexadecimal number": Hostile(READ, much(b"F", b"a: 0x", b"\n")),
    "a float": Hostile(READ, much(b"9", b"a: 0.", b"\n")),
    "a great exponent": Hostile(READ, much(b"9", b"a: 1e", b"\n")),
    "underscores": Hostile(READ, much(b"_", b"a: 1", b"\n")),
    "a number that nearly is one": Hostile(READ, much(b"1", b"a: ", b"x\n")),
    "a long fraction of a second": Hostile(READ, much(b"1", b"a: 2001-01-01T00:00:00.", b"Z\n")),
    "blanks in a date": Hostile(READ, much(b" ", b"a: 2001-01-01", b"1\n")),
    "dates": Hostile("LimitError", much(b"- 2001-01-01\n", b"a:\n")),
    "floats": Hostile("LimitError", much(b"- 1.5e9\n", b"a:\n")),
    "base64": Hostile(READ, much(b"QUJD", b"a: !!binary ", b"\n")),
    "backticks": Hostile("MalformedFileError", much(b"`")),
    "metadata without end": Hostile("MalformedFileError", much(b"sops:\n")),
    "metadata many times": Hostile("MalformedFileError", much(b"sops: {}\n", b"a: 1\n")),
    "metadata that is a text": Hostile(READ, much(b"x", b"a: 1\nsops: ", b"\n")),
    "metadata that is a deep list": Hostile("LimitError", much(b"- ", b"a: 1\nsops:\n  ")),
    "metadata of many entries": Hostile("LimitError", much(b"    k@: 1\n", b"a: 1\n" + _YAML)),
    "recipients": Hostile(
        "LimitError", much(b"        - recipient: a\n          enc: x\n", b"a: 1\n" + _YAML + b"    age:\n")
    ),
    "empty recipients": Hostile("LimitError", much(b"        - {}\n", b"a: 1\n" + _YAML + b"    age:\n")),
    "key groups": Hostile("LimitError", much(b"        - age: []\n", b"a: 1\n" + _YAML + b"    key_groups:\n")),
    "a long MAC": Hostile(
        READ, much(b"A", _YAML_BARE + b"    mac: ENC[AES256_GCM,data:", b",iv:AAAA,tag:AAAA,type:str]\n")
    ),
    "a long data key": Hostile(
        READ, much(b"            AAAA\n", b"a: 1\n" + _YAML + b"    age:\n        - recipient: a\n          enc: |\n")
    ),
    "a long recipient": Hostile(READ, much(b"a", b"a: 1\n" + _YAML + b"    age: [{enc: b, recipient: age1", b"}]\n")),
    "a long pattern": Hostile(READ, much(b"(a+)+$", b"a: 1\n" + _YAML + _YAML_AGE + b"    encrypted_regex: ", b"\n")),
    "a long suffix": Hostile(READ, much(b"a", b"a: 1\n" + _YAML + _YAML_AGE + b"    encrypted_suffix: ", b"\n")),
    "a long version": Hostile(
        READ,
        much(b"1.", b"a: 1\n" + _YAML.replace(b"    version: 3.13.3\n", b"") + _YAML_AGE + b"    version: ", b"\n"),
    ),
    "a long threshold": Hostile(READ, much(b"9", b"a: 1\n" + _YAML + _YAML_AGE + b"    shamir_threshold: ", b"\n")),
    "tokens": Hostile(READ, much(b"k@: " + _TOKEN + b"\n", after=_YAML + _YAML_AGE)),
    "tokens in comments": Hostile("LimitError", much(b"#" + _COMMENT_TOKEN + b"\n", b"a: 1\n", _YAML + _YAML_AGE)),
    "a token without end": Hostile(READ, much(b"A", b"a: ENC[AES256_GCM,data:", b"\n" + _YAML + _YAML_AGE)),
    "beginnings of tokens": Hostile(READ, much(b"ENC[AES256_GCM,data:", b"a: ", b"x\n" + _YAML + _YAML_AGE)),
}
JSON: dict[str, Hostile] = {
    "deep lists": Hostile("MalformedFileError", much(b"[")),
    "deep lists in an object": Hostile("LimitError", much(b"[", b'{"a": ')),
    "deep lists that are closed": Hostile("LimitError", nested(b"[", b"]", b'{"a": ', b"}")),
    "deep objects": Hostile("LimitError", much(b'{"":')),
    "deep objects that are closed": Hostile("LimitError", nested(b'{"":', b"}", b'{"a": ', b"}")),
    "opening braces": Hostile("MalformedFileError", much(b"{")),
    "closing brackets": Hostile("MalformedFileError", much(b"]", b'{"a": 1')),
    "commas": Hostile("MalformedFileError", much(b",", b'{"a": [')),
    "colons": Hostile("MalformedFileError", much(b":", b'{"a"')),
    "empty lists": Hostile("LimitError", much(b"[],", b'{"a": [', b"1]}")),
    "empty objects": Hostile("LimitError", much(b"{},", b'{"a": [', b"1]}")),
    "quotes": Hostile("MalformedFileError", much(b'"')),
    "strings behind a colon": Hostile("MalformedFileError", much(b'""', b'{"a":')),
    "strings without values": Hostile("MalformedFileError", much(b'"a",', b"{")),
    "a string without end": Hostile("MalformedFileError", much(b"x", b'{"a": "')),
    "a long string": Hostile(READ, much(b"x", b'{"a": "', b'"}')),
    "a long key": Hostile(READ, much(b"x", b'{"', b'": 1}')),
    "control characters": Hostile("MalformedFileError", much(b"\x01", b'{"a": "', b'"}')),
    "breaks in a string": Hostile("MalformedFileError", much(b"\n", b'{"a": "', b'"}')),
    "escapes": Hostile(READ, much(b"\\u0041", b'{"a": "', b'"}')),
    "short escapes": Hostile(READ, much(b"\\n", b'{"a": "', b'"}')),
    "escapes that are none": Hostile("MalformedFileError", much(b"\\q", b'{"a": "', b'"}')),
    "halves of characters": Hostile(READ, much(b"\\ud800", b'{"a": "', b'"}')),
    "halves that fit": Hostile(READ, much(b"\\ud83d\\ude00", b'{"a": "', b'"}')),
    "backslashes": Hostile("MalformedFileError", much(b"\\")),
    "escaped backslashes": Hostile(READ, much(b"\\\\", b'{"a": "', b'"}')),
    "a backslash at the end": Hostile("MalformedFileError", much(b"\\", b'{"a": "')),
    "digits": Hostile("MalformedFileError", much(b"9")),
    "an integer": Hostile("MalformedFileError", much(b"9", b'{"a": ', b"}")),
    "zeros": Hostile("MalformedFileError", much(b"0", b'{"a": ', b"}")),
    "a float": Hostile(READ, much(b"9", b'{"a": 0.', b"}")),
    "a great exponent": Hostile("MalformedFileError", much(b"9", b'{"a": 1e', b"}")),
    "an exponent of zeros": Hostile(READ, much(b"0", b'{"a": 1e', b"}")),
    "signs": Hostile("MalformedFileError", much(b"-", b'{"a": ')),
    "a number that nearly is one": Hostile("MalformedFileError", much(b"1", b'{"a": ', b"x}")),
    "letters": Hostile("MalformedFileError", much(b"x")),
    "blanks": Hostile("MalformedFileError", much(b" ")),
    "blanks before a value": Hostile(READ, much(b" ", b'{"a":', b"1}")),
    "breaks before a value": Hostile(READ, much(b"\n", b'{"a":', b"1}")),
    "blanks in an empty object": Hostile(READ, much(b" ", b"{", b"}")),
    "blanks behind the object": Hostile(READ, much(b" ", b'{"a":1}')),
    "text behind the object": Hostile("MalformedFileError", much(b"x", b'{"a":1}')),
    "nulls": Hostile("MalformedFileError", much(b"\x00")),
    "byte order marks": Hostile("MalformedFileError", much(b"\xef\xbb\xbf")),
    "bytes that are not UTF-8": Hostile("MalformedFileError", much(b"\xff", b'{"a": "', b'"}')),
    "characters of four bytes": Hostile(READ, much(b"\xf0\x9f\x98\x80", b'{"a": "', b'"}')),
    "characters that sops escapes": Hostile(READ, much(b"<", b'{"a": "', b'"}')),
    "keys": Hostile("LimitError", much(b'"k@":1,', b"{", b'"z":1}')),
    "one key many times": Hostile("LimitError", much(b'"k":1,', b"{", b'"z":1}')),
    "numbers": Hostile("LimitError", much(b"1,", b'{"a":[', b"1]}")),
    "floats": Hostile("LimitError", much(b"1.5e9,", b'{"a":[', b"1]}")),
    "strings": Hostile("LimitError", much(b'"x",', b'{"a":[', b"1]}")),
    "truths": Hostile("LimitError", much(b"true,", b'{"a":[', b"1]}")),
    "metadata many times": Hostile("MalformedFileError", much(b'"sops":{},', b"{", b'"z":1}')),
    "metadata of many entries": Hostile("LimitError", much(b',"k@":1', b'{"a":1,' + _JSON, b"}}")),
    "metadata that is a deep list": Hostile("LimitError", much(b"[", b'{"a":1,"sops":{"x":')),
    "recipients": Hostile(
        "LimitError", much(b'{"recipient":"a","enc":"x"},', b'{"a":1,' + _JSON + b',"age":[', b"{}]}}")
    ),
    "key groups": Hostile("LimitError", much(b'{"age":[]},', b'{"a":1,' + _JSON + b',"key_groups":[', b"{}]}}")),
    "a long MAC": Hostile(
        READ,
        much(
            b"A",
            b'{"a":1,' + _JSON[: -len(_TOKEN) - 1] + b"ENC[AES256_GCM,data:",
            b',iv:AAAA,tag:AAAA,type:str]"' + _JSON_AGE + b"}}",
        ),
    ),
    "a long pattern": Hostile(READ, much(b"(a+)+$", b'{"a":1,' + _JSON + _JSON_AGE + b',"encrypted_regex":"', b'"}}')),
    "tokens": Hostile(READ, much(b'"k@":"' + _TOKEN + b'",', b"{", _JSON + _JSON_AGE + b"}}")),
}
DOTENV: dict[str, Hostile] = {
    "one long line": Hostile("MalformedFileError", much(b"a")),
    "a long value": Hostile(READ, much(b"a", b"A=", b"\n")),
    "a long key": Hostile(READ, much(b"a", after=b"=1\n")),
    "equal signs": Hostile(READ, much(b"=")),
    "lines of an equal sign": Hostile("LimitError", much(b"=\n")),
    "lines without one": Hostile("MalformedFileError", much(b"a\n", b"A=1\n")),
    "signs of comments": Hostile(READ, much(b"#")),
    "empty comments": Hostile("LimitError", much(b"#\n", b"A=1\n")),
    "comments": Hostile("LimitError", much(b"# c\n", b"A=1\n")),
    "blanks": Hostile("MalformedFileError", much(b" ")),
    "blank lines": Hostile(READ, much(b"\n", b"A=1\n")),
    "lines of a blank": Hostile("MalformedFileError", much(b" \n")),
    "tabs": Hostile("MalformedFileError", much(b"\t")),
    "carriage returns": Hostile(READ, much(b"\r", b"A=1")),
    "breaks of two characters": Hostile("MalformedFileError", much(b"\r\n", b"A=1")),
    "nulls": Hostile(READ, much(b"\x00", b"A=")),
    "bytes that are not UTF-8": Hostile(READ, much(b"\xff", b"A=")),
    "odd breaks": Hostile(READ, much(b"\xe2\x80\xa8", b"A=")),
    "escapes": Hostile(READ, much(b"\\n", b"A=", b"\n")),
    "backslashes": Hostile(READ, much(b"\\", b"A=", b"\n")),
    "quotes": Hostile(READ, much(b'"', b"A=", b"\n")),
    "keys": Hostile("LimitError", much(b"K@=v\n")),
    "keys without values": Hostile("LimitError", much(b"K@=\n")),
    "one key many times": Hostile("LimitError", much(b"K=v\n")),
    "metadata of many entries": Hostile("LimitError", much(b"sops_k@=1\n", b"A=1\n" + _DOTENV)),
    "metadata of one entry many times": Hostile("LimitError", much(b"sops_a=1\n", b"A=1\n" + _DOTENV)),
    "deep metadata": Hostile(READ, much(b"__map_a", b"A=1\n" + _DOTENV + b"sops_a", b"=x\n")),
    "deep lists in metadata": Hostile(READ, much(b"__list_0", b"A=1\n" + _DOTENV + b"sops_a", b"=x\n")),
    "a long index": Hostile(READ, much(b"9", b"A=1\n" + _DOTENV + b"sops_a__list_", b"=x\n")),
    "far indices": Hostile("LimitError", much(b"sops_a__list_90000@=x\n", b"A=1\n" + _DOTENV)),
    "words of lists": Hostile(READ, much(b"__list_", b"A=1\n" + _DOTENV + b"sops_a", b"=x\n")),
    "underscores": Hostile(READ, much(b"_", b"A=1\n" + _DOTENV + b"sops_", b"=x\n")),
    "recipients": Hostile("LimitError", much(b"sops_age__list_@__map_enc=x\n", b"A=1\n" + _DOTENV)),
    "a long MAC": Hostile(
        READ,
        much(
            b"A",
            b"A=1\n" + _DOTENV_AGE + _DOTENV[: -len(_TOKEN) - 1] + b"ENC[AES256_GCM,data:",
            b",iv:AAAA,tag:AAAA,type:str]\n",
        ),
    ),
    "a long pattern": Hostile(
        READ, much(b"(a+)+$", b"A=1\n" + _DOTENV + _DOTENV_AGE + b"sops_encrypted_regex=", b"\n")
    ),
    "tokens": Hostile(READ, much(b"K@=" + _TOKEN + b"\n", after=_DOTENV + _DOTENV_AGE)),
    "tokens in comments": Hostile("LimitError", much(b"#" + _COMMENT_TOKEN + b"\n", after=_DOTENV + _DOTENV_AGE)),
}
INI: dict[str, Hostile] = {
    "opening brackets": Hostile("MalformedFileError", much(b"[")),
    "closing brackets": Hostile(READ, much(b"]", b"[")),
    "a section without end": Hostile("MalformedFileError", much(b"s", b"[")),
    "a long section": Hostile(READ, much(b"s", b"[", b"]\nk = v\n")),
    "sections": Hostile("LimitError", much(b"[s@]\n")),
    "sections with a key": Hostile("LimitError", much(b"[s@]\nk = v\n")),
    "one section many times": Hostile("LimitError", much(b"[s]\n")),
    "semicolons": Hostile(READ, much(b";")),
    "signs of comments": Hostile(READ, much(b"#")),
    "comments": Hostile("LimitError", much(b";\n", b"[s]\nk = v\n")),
    "comments before all": Hostile("LimitError", much(b"; c\n", after=b"[s]\nk = v\n")),
    "comments behind values": Hostile("LimitError", much(b"k@ = v ; c\n", b"[s]\n")),
    "semicolons behind a value": Hostile(READ, much(b" ;", b"[s]\nk = v")),
    "escaped semicolons": Hostile(READ, much(b"\\;", b"[s]\nk = ", b"\n")),
    "blanks": Hostile(READ, much(b" ")),
    "blanks before a key": Hostile(READ, much(b" ", b"[s]\n", b"k = v\n")),
    "blanks before a value": Hostile(READ, much(b" ", b"[s]\nk =", b"v\n")),
    "blanks behind a value": Hostile(READ, much(b" ", b"[s]\nk = v")),
    "blank lines": Hostile(READ, much(b"\n", b"[s]\nk = v\n")),
    "tabs": Hostile(READ, much(b"\t")),
    "carriage returns": Hostile(READ, much(b"\r", b"[s]\nk = v")),
    "breaks of two characters": Hostile(READ, much(b"\r\n", b"[s]\nk = v")),
    "nulls": Hostile(READ, much(b"\x00", b"[s]\nk = v")),
    "byte order marks": Hostile("MalformedFileError", much(b"\xef\xbb\xbf")),
    "bytes that are not UTF-8": Hostile(READ, much(b"\xff", b"[s]\nk = v")),
    "odd breaks": Hostile(READ, much(b"\xe2\x80\xa8", b"[s]\nk = ")),
    "equal signs": Hostile("MalformedFileError", much(b"=")),
    "equal signs in a value": Hostile(READ, much(b"=", b"[s]\nk = ")),
    "lines of an equal sign": Hostile("MalformedFileError", much(b"=\n", b"[s]\n")),
    "lines without one": Hostile("MalformedFileError", much(b"k\n", b"[s]\n")),
    "colons": Hostile("MalformedFileError", much(b":")),
    "keys": Hostile("LimitError", much(b"k@ = v\n", b"[s]\n")),
    "keys without a name": Hostile("LimitError", much(b"- = v\n", b"[s]\n")),
    "one key many times": Hostile("MalformedFileError", much(b"k = v\n", b"[s]\n")),
    "a long key": Hostile(READ, much(b"k", b"[s]\n", b" = v\n")),
    "a long value": Hostile(READ, much(b"v", b"[s]\nk = ", b"\n")),
    "references": Hostile(READ, much(b"%(k)s", b"[s]\nk = ", b"\n")),
    "backticks": Hostile("MalformedFileError", much(b"`")),
    "backticks without end": Hostile("MalformedFileError", much(b"k = `x\n", b"[s]\n")),
    "keys in backticks": Hostile("LimitError", much(b"`k@` = v\n", b"[s]\n")),
    "double quotes": Hostile(READ, much(b'"', b"[s]\nk = ")),
    "single quotes": Hostile(READ, much(b"'", b"[s]\nk = ")),
    "quotes without end": Hostile("MalformedFileError", much(b'k = "x\n', b"[s]\n")),
    "triple quotes": Hostile("MalformedFileError", much(b'"""')),
    "triple quotes without end": Hostile("MalformedFileError", much(b'k = """\n', b"[s]\n")),
    "values in triple quotes": Hostile("LimitError", much(b'k@ = """\n"""\n', b"[s]\n")),
    "a long value in triple quotes": Hostile("MalformedFileError", much(b"x\n", b'[s]\nk = """')),
    "keys in triple quotes": Hostile("MalformedFileError", much(b'"""k', b"[s]\n")),
    "backslashes": Hostile(READ, much(b"\\", b"[s]\nk = ")),
    "continued lines": Hostile(READ, much(b"v\\\n", b"[s]\nk = ", b"x\n")),
    "continued lines without end": Hostile(READ, much(b"v\\\n", b"[s]\nk = ")),
    "empty continued lines": Hostile(READ, much(b"\\\n", b"[s]\nk = ")),
    "metadata many times": Hostile(READ, much(_INI, b"[s]\nk = v\n")),
    "metadata of many entries": Hostile("LimitError", much(b"k@ = 1\n", b"[s]\nk = v\n" + _INI)),
    "metadata among blank lines": Hostile(READ, much(b"\n", b"[s]\nk = v\n[sops]\n", b"x = y\n")),
    "deep metadata": Hostile(READ, much(b"__map_a", b"[s]\nk = v\n" + _INI + b"a", b" = x\n")),
    "a long index": Hostile(READ, much(b"9", b"[s]\nk = v\n" + _INI + b"a__list_", b" = x\n")),
    "recipients": Hostile("LimitError", much(b"age__list_@__map_enc = x\n", b"[s]\nk = v\n" + _INI)),
    "a long MAC": Hostile(
        READ,
        much(
            b"A",
            b"[s]\nk = v\n" + _INI[: -len(_TOKEN) - 1] + b"ENC[AES256_GCM,data:",
            b",iv:AAAA,tag:AAAA,type:str]\n" + _INI_AGE,
        ),
    ),
    "a long pattern": Hostile(READ, much(b"(a+)+$", b"[s]\nk = v\n" + _INI + _INI_AGE + b"encrypted_regex = ", b"\n")),
    "tokens": Hostile(READ, much(b"k@ = " + _TOKEN + b"\n", b"[s]\n", _INI + _INI_AGE)),
    "tokens in comments": Hostile(
        "LimitError", much(b"; " + _COMMENT_TOKEN + b"\n", b"[s]\n", b"k = v\n" + _INI + _INI_AGE)
    ),
}
BINARY: dict[str, Hostile] = {
    "all bytes": Hostile(READ, much(bytes(range(64)) + bytes(range(65, 256)))),
    "opening brackets": Hostile(READ, much(b"[")),
    "deep objects": Hostile(READ, much(b'{"a":')),
    "nulls": Hostile(READ, much(b"\x00")),
    "a long token": Hostile(
        READ, much(b"A", b'{"data":"ENC[AES256_GCM,data:', b',iv:AAAA,tag:AAAA,type:str]",' + _JSON + _JSON_AGE + b"}}")
    ),
}
FILES: dict[str, dict[str, Hostile]] = {"yaml": YAML, "json": JSON, "dotenv": DOTENV, "ini": INI, "binary": BINARY}
