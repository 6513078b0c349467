# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that have to be refused, made from good ones: damaged in one place each.

Every value of the good files holds `CANARY`, so that a message can be searched for it. Used by the tests here and by those
against sops itself, which compare exit codes.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Callable

from ansible_collections.fluxseed.gitops.plugins.module_utils import _errors
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import UnsupportedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for

CANARY = "c4nary"
PLAIN: dict[str, bytes] = {
    "yaml": b"user: c4nary1\nlist: [c4nary2, {deep: c4nary3}]\ntext: |\n  c4nary4\n  c4nary5\n# c4nary6\nclear_unencrypted: c4nary7\n",
    "json": b'{\n\t"user": "c4nary1",\n\t"list": ["c4nary2", {"deep": "c4nary3"}],\n\t"clear_unencrypted": "c4nary7"\n}\n',
    "dotenv": b"USER=c4nary1\n#c4nary6\nCLEAR_unencrypted=c4nary7\n",
    "ini": b"[db]\nuser = c4nary1\n; c4nary6\nclear_unencrypted = c4nary7\n",
    "binary": b"c4nary1\nc4nary2\x00c4nary3",
}
_TOKEN = re.compile(rb"ENC\[AES256_GCM,data:([^,]*),iv:([^,]*),tag:([^,]*),type:([a-z]*)\]")

Change = Callable[[bytes], bytes]


class Bad(t.NamedTuple):
    """One damaged file."""

    name: str
    store: str
    change: Change
    error: str
    """Name of the class in `_errors`."""
    exit_code: int
    says: str
    """Pattern for message and place together."""
    sops: int | None = None
    """Exit code of sops where it is another one; `why` says why that is right."""
    why: str = ""

    @property
    def kind(self) -> type[_errors.FluxseedError]:
        found: type[_errors.FluxseedError] = getattr(_errors, self.error)
        return found


def available(name: str) -> bool:
    try:
        store_for(name, name)
    except UnsupportedError:
        return False
    return True


# --- ways to damage a file ------------------------------------------------------------------------


def whole(content: bytes) -> Change:
    return lambda _good: content


def swap(old: bytes, new: bytes) -> Change:
    def change(good: bytes) -> bytes:
        assert old in good
        return good.replace(old, new, 1)

    return change


def first_token(template: bytes) -> Change:
    r"""Write the first token anew; `\1` to `\4` are its data, nonce, tag and type."""
    return lambda good: _TOKEN.sub(template, good, count=1)


def cut(at: bytes, keep: int = 0) -> Change:
    """End the file a little after the first place of `at`."""
    return lambda good: good[: good.index(at) + keep]


def line(pattern: bytes, new: bytes) -> Change:
    """Write the first line that matches anew; nothing removes it."""

    def change(good: bytes) -> bytes:
        changed, count = re.subn(rb"(?m)^" + pattern + rb".*\n", new, good, count=1)
        assert count == 1
        return changed

    return change


def member(key: str, value: t.Any = None, *, top: bool = False) -> Change:
    """Set or remove a member of the metadata of a JSON file, or of its top level."""

    def change(good: bytes) -> bytes:
        data = json.loads(good)
        target = data if top else data["sops"]
        if value is None:
            del target[key]
        else:
            target[key] = value
        return json.dumps(data, indent="\t").encode() + b"\n"

    return change


def both(first: Change, second: Change) -> Change:
    return lambda good: second(first(good))


# --- damaged encrypted files ----------------------------------------------------------------------

TOKENS: tuple[tuple[str, bytes, str, str], ...] = (
    ("plain text where an encrypted value is due", b"c4nary8", "DecryptionError", "a plain value where an encrypted one is due"),
    ("truncated base64", rb"ENC[AES256_GCM,data:AAA,iv:\2,tag:\3,type:\4]", "DecryptionError", "not valid base64"),
    ("base64 with other characters", rb"ENC[AES256_GCM,data:A*_=,iv:\2,tag:\3,type:\4]", "DecryptionError", "not valid base64"),
    ("a shorter tag", rb"ENC[AES256_GCM,data:\1,iv:\2,tag:AAAA,type:\4]", "DecryptionError", "does not open"),
    ("a changed value", rb"ENC[AES256_GCM,data:AAAA,iv:\2,tag:\3,type:\4]", "DecryptionError", "does not open"),
    ("a nonce of one byte", rb"ENC[AES256_GCM,data:\1,iv:AA==,tag:\3,type:\4]", "DecryptionError", "does not open"),
    ("an unknown type", rb"ENC[AES256_GCM,data:\1,iv:\2,tag:\3,type:nope]", "DecryptionError", "unknown type"),
    ("a type that the value is not of", rb"ENC[AES256_GCM,data:\1,iv:\2,tag:\3,type:int]", "DecryptionError", "type int"),
    ("no data", rb"ENC[AES256_GCM,data:,iv:\2,tag:\3,type:\4]", "DecryptionError", "a plain value where an encrypted one is due"),
    ("no type", rb"ENC[AES256_GCM,data:\1,iv:\2,tag:\3,type:]", "DecryptionError", "a plain value where an encrypted one is due"),
    ("no end", rb"ENC[AES256_GCM,data:\1,iv:\2,tag:\3,type:str", "DecryptionError", "a plain value where an encrypted one is due"),
    ("another cipher", rb"ENC[AES128_GCM,data:\1,iv:\2,tag:\3,type:\4]", "DecryptionError", "a plain value where an encrypted one is due"),
)  # fmt: skip
_PLACES = {
    "yaml": r"f:1: user",
    "json": r"f:2: user",
    "dotenv": r"f:1: USER",
    "ini": r"f:2: db:user",
    "binary": r"f:2: data",
}


def _damaged_tokens() -> list[Bad]:
    return [
        Bad(name, store, first_token(template), error, 25, f"{_PLACES[store]}: .*{says}")
        for store in PLAIN
        for name, template, error, says in TOKENS
    ]


YAML = [
    Bad("empty", "yaml", whole(b""), "EmptyFileError", 1, "f: the file is empty"),
    Bad("only comments", "yaml", whole(b"# c4nary\n\n"), "EmptyFileError", 1, "f: the file holds no document"),
    Bad("half a file", "yaml", cut(b"list:"), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("broken off in the MAC", "yaml", cut(b" mac:", 40), "MalformedMetadataError", 1, "sops.version"),
    Bad("broken off in a value", "yaml", swap(b"list: [", b'list: ["c4nary'), "MalformedFileError", 1, r"f:\d+: the file is not YAML"),
    Bad("binary junk", "yaml", whole(b"\x00\x01c4nary\x02\x7f"), "MalformedFileError", 1, "f.*: the file is not YAML"),
    Bad("not UTF-8", "yaml", swap(b"c4nary7", b"c4nary\xff"), "MalformedFileError", 1, r"f:\d+: the file is not UTF-8"),
    Bad("UTF-16", "yaml", lambda good: good.decode().encode("utf-16"), "MalformedFileError", 1, "f: the file is UTF-16",
        sops=0, why="sops reads UTF-16 YAML; nobody writes it, and tools on the way to a cluster do not read it"),
    Bad("plain file", "yaml", whole(PLAIN["yaml"]), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("a list", "yaml", whole(b"- c4nary\n"), "MalformedFileError", 1, "f:1: the document is a list"),
    Bad("one value", "yaml", whole(b"c4nary\n"), "MalformedFileError", 1, "f:1: the document is a single value"),
    Bad("two sops blocks", "yaml", lambda good: good + good[good.index(b"\nsops:") + 1 :], "MalformedFileError", 1,
        r"f:\d+: a key occurs twice"),
    Bad("a key twice", "yaml", lambda good: b"user: c4nary\n" + good, "MalformedFileError", 1, "f:2: a key occurs twice"),
    Bad("metadata is text", "yaml", both(cut(b"\nsops:", 1), lambda good: good + b"sops: c4nary\n"), "MalformedMetadataError", 1, "not a mapping"),
    Bad("metadata is a list", "yaml", both(cut(b"\nsops:", 1), lambda good: good + b"sops: [c4nary]\n"), "MalformedMetadataError", 1, "not a mapping"),
    Bad("no keys", "yaml", swap(b"    age:\n", b"    old_age:\n"), "MalformedMetadataError", 1, "no keys in the metadata"),
    Bad("no mac", "yaml", line(rb" +mac:", b""), "MacMismatchError", 51, "the file has no MAC"),
    Bad("a mac in clear", "yaml", line(rb" +mac:", b"    mac: c4nary\n"), "MacMismatchError", 51, "the MAC does not open"),
    Bad("no version", "yaml", line(rb" +version:", b""), "MalformedMetadataError", 1, "sops.version"),
    Bad("a bad version", "yaml", line(rb" +version:", b"    version: c4nary\n"), "MalformedMetadataError", 1, "sops.version"),
    Bad("a bad lastmodified", "yaml", line(rb" +lastmodified:", b"    lastmodified: c4nary\n"), "MalformedMetadataError", 1, "sops.lastmodified"),
    Bad("lastmodified without quotes", "yaml", line(rb" +lastmodified:", b"    lastmodified: 2026-01-02T03:04:05Z\n"),
        "MalformedMetadataError", 1, "sops.lastmodified.*quotes"),
    Bad("another lastmodified", "yaml", line(rb" +lastmodified:",
        b'    lastmodified: "2001-01-02T03:04:05Z"\n'), "MacMismatchError", 51, "the MAC does not open"),
    Bad("a threshold that is no number", "yaml", line(rb" +version:", b"    version: 3.13.3\n    shamir_threshold: c4nary\n"),
        "MalformedMetadataError", 1, "shamir_threshold"),
    Bad("a threshold without end", "yaml", line(rb" +version:", b"    version: 3.13.3\n    shamir_threshold: .inf\n"),
        "MalformedMetadataError", 1, "shamir_threshold",
        sops=0, why="sops makes some integer of it"),
    Bad("two selectors", "yaml", line(rb" +version:", b"    version: 3.13.3\n    encrypted_regex: c4nary\n"), "MalformedMetadataError", 1, "given together"),
    Bad("a pattern outside RE2", "yaml", line(rb" +unencrypted_suffix:", b"    encrypted_regex: (?=x)\n"), "UnsupportedError", 1, "refused",
        sops=51, why="sops takes a pattern that it cannot compile as one that never matches"),
    Bad("an age list that is text", "yaml", swap(b"    age:\n", b"    age: c4nary\n    x:\n"), "MalformedMetadataError", 1, "sops.age"),
    Bad("an age entry without enc", "yaml", swap(b"- enc: |", b"- old: |"), "DataKeyError", 128, "no identity opens the data key"),
    Bad("a damaged data key", "yaml", swap(b"YWdlLWVuY3J5cHRpb24", b"AAAALWVuY3J5cHRpb24"), "DataKeyError", 128, "no identity opens the data key"),
    Bad("a number where a token is due", "yaml", first_token(b"7777777"), "DecryptionError", 25, "f:1: user: .*type int"),
    Bad("a renamed key", "yaml", swap(b"user:", b"USER:"), "DecryptionError", 25, "f:1: USER: .*does not open"),
    Bad("a changed clear value", "yaml", swap(b"c4nary7", b"c4nary8"), "MacMismatchError", 51, "the MAC is not that of the content"),
    Bad("a tag that does not fit", "yaml", swap(b"user: ENC", b"user: !!int ENC"), "EncryptionError", 1, "f:1"),
    Bad("a number as key", "yaml", swap(b"user:", b"5: c4nary\nuser:"), "EncryptionError", 25, "f:1: a key is not a string"),
    Bad("an integer beyond 63 bits", "yaml", swap(b"c4nary7", b"18446744073709551615"), "EncryptionError", 25, r"f:\d+: an integer above"),
    Bad("an alias of nothing", "yaml", first_token(b"*c4nary"), "MalformedFileError", 1, "f:1: an alias names an anchor that is not there"),
]  # fmt: skip
JSON = [
    Bad("empty", "json", whole(b""), "EmptyFileError", 1, "f: the file is empty"),
    Bad("only blanks", "json", whole(b" \n\n"), "MalformedFileError", 1, "f"),
    Bad("half a file", "json", cut(b'"list"', 3), "MalformedFileError", 1, r"f:\d+: "),
    Bad("broken off in the MAC", "json", cut(b'"mac"', 40), "MalformedFileError", 1, r"f:\d+: "),
    Bad("not UTF-8", "json", swap(b"c4nary7", b"c4nary\xff"), "MalformedFileError", 1, r"f:\d+: the file is not UTF-8",
        sops=51, why="sops reads other bytes as U+FFFD, and finds the MAC to be another one"),
    Bad("binary junk", "json", whole(b"\x00\x01c4nary\x02\x7f"), "MalformedFileError", 1, "f:1: "),
    Bad("a list", "json", whole(b'["c4nary"]'), "MalformedFileError", 1, "f:1: "),
    Bad("one value", "json", whole(b'"c4nary"'), "MalformedFileError", 1, "f:1: "),
    Bad("plain file", "json", whole(PLAIN["json"]), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("two sops members", "json", lambda good: good.replace(b"{", b'{"sops": {"x": "c4nary"},', 1), "MalformedFileError", 1, "sops"),
    Bad("metadata is text", "json", member("sops", "c4nary", top=True), "MalformedMetadataError", 1, "not a mapping"),
    Bad("no keys", "json", member("age"), "MalformedMetadataError", 1, "no keys in the metadata"),
    Bad("no mac", "json", member("mac"), "MacMismatchError", 51, "the file has no MAC"),
    Bad("a mac in clear", "json", member("mac", "c4nary"), "MacMismatchError", 51, "the MAC does not open"),
    Bad("no version", "json", member("version"), "MalformedMetadataError", 1, "sops.version"),
    Bad("a bad version", "json", member("version", "c4nary"), "MalformedMetadataError", 1, "sops.version"),
    Bad("a bad lastmodified", "json", member("lastmodified", "c4nary"), "MalformedMetadataError", 1, "sops.lastmodified"),
    Bad("a threshold that is no number", "json", member("shamir_threshold", "c4nary"), "MalformedMetadataError", 1, "shamir_threshold"),
    Bad("a number where a token is due", "json", member("user", 7777777, top=True), "DecryptionError", 25, "user: .*type int"),
    Bad("a changed clear value", "json", swap(b"c4nary7", b"c4nary8"), "MacMismatchError", 51, "the MAC is not that of the content"),
    Bad("a bad escape", "json", first_token(rb"\\q"), "MalformedFileError", 1, r"f:\d+: "),
    Bad("a number out of range", "json", swap(b'"c4nary7"', b"1e4000"), "MalformedFileError", 1, r"f:\d+: "),
]  # fmt: skip
DOTENV = [
    Bad("empty", "dotenv", whole(b""), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("half a file", "dotenv", cut(b"\nCLEAR", 1), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("broken off in the MAC", "dotenv", cut(b"\nsops_mac=", 40), "MalformedMetadataError", 1, "sops.version"),
    Bad("two sops blocks", "dotenv", lambda good: good + good[good.index(b"sops_") :], "MalformedMetadataError", 1, "a metadata key occurs twice"),
    Bad("not UTF-8", "dotenv", swap(b"c4nary7", b"c4nary\xff"), "MacMismatchError", 51, "the MAC is not that of the content"),
    Bad("a line without =", "dotenv", lambda good: b"c4nary\n" + good, "MalformedFileError", 1, "f:1: "),
    Bad("binary junk", "dotenv", whole(b"\x00\x01c4nary\x02\x7f"), "MalformedFileError", 1, "f:1: "),
    Bad("plain file", "dotenv", whole(PLAIN["dotenv"]), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("no keys", "dotenv", lambda good: re.sub(rb"(?m)^sops_age__.*\n", b"", good), "MalformedMetadataError", 1, "no keys in the metadata"),
    Bad("no mac", "dotenv", line(b"sops_mac=", b""), "MacMismatchError", 51, "the file has no MAC"),
    Bad("a mac in clear", "dotenv", line(b"sops_mac=", b"sops_mac=c4nary\n"), "MacMismatchError", 51, "the MAC does not open"),
    Bad("no version", "dotenv", line(b"sops_version=", b""), "MalformedMetadataError", 1, "sops.version"),
    Bad("a bad lastmodified", "dotenv", line(b"sops_lastmodified=", b"sops_lastmodified=c4nary\n"), "MalformedMetadataError", 1, "sops.lastmodified"),
    Bad("a list with a hole", "dotenv", swap(b"sops_age__list_0__map_enc", b"sops_age__list_2__map_enc"), "MalformedMetadataError", 1, "age"),
    Bad("a list of a thousand million", "dotenv", swap(b"sops_age__list_0__map_enc", b"sops_age__list_999999999__map_enc"), "MalformedMetadataError", 1, "age"),
    Bad("one name used in two ways", "dotenv", lambda good: good + b"sops_age=c4nary\n", "MalformedMetadataError", 1, "age"),
    Bad("a changed clear value", "dotenv", swap(b"c4nary7", b"c4nary8"), "MacMismatchError", 51, "the MAC is not that of the content"),
]  # fmt: skip
INI = [
    Bad("empty", "ini", whole(b""), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("half a file", "ini", cut(b"\n[sops]", 1), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("broken off in the MAC", "ini", cut(b"\nmac ", 60), "MalformedMetadataError", 1, "sops.version"),
    Bad("two sops blocks", "ini", lambda good: good + good[good.index(b"[sops]") :], "MalformedMetadataError", 1, "two sections named sops"),
    Bad("one name used in two ways", "ini", lambda good: good + b"age = c4nary\n", "MalformedMetadataError", 1, "age"),
    Bad("a mac in clear", "ini", line(rb"mac +=", b"mac = c4nary\n"), "MacMismatchError", 51, "the MAC does not open"),
    Bad("not UTF-8", "ini", swap(b"c4nary7", b"c4nary\xff"), "MacMismatchError", 51, "the MAC is not that of the content"),
    Bad("a line without =", "ini", swap(b"[db]\n", b"[db]\nc4nary\n"), "MalformedFileError", 1, "f:2: "),
    Bad("a section that is not closed", "ini", swap(b"[db]\n", b"[c4nary\n"), "MalformedFileError", 1, "f:1: "),
    Bad("quotes that are not closed", "ini", first_token(b'"""c4nary'), "MalformedFileError", 1, r"f:\d+: "),
    Bad("binary junk", "ini", whole(b"\x00\x01c4nary\x02\x7f"), "MalformedFileError", 1, "f:1: "),
    Bad("plain file", "ini", whole(PLAIN["ini"]), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("no keys", "ini", lambda good: re.sub(rb"(?m)^age__.*\n", b"", good), "MalformedMetadataError", 1, "no keys in the metadata"),
    Bad("no mac", "ini", line(rb"mac +=", b""), "MacMismatchError", 51, "the file has no MAC"),
    Bad("no version", "ini", line(rb"version +=", b""), "MalformedMetadataError", 1, "sops.version"),
    Bad("a bad lastmodified", "ini", line(rb"lastmodified +=", b"lastmodified = c4nary\n"), "MalformedMetadataError", 1, "sops.lastmodified"),
    Bad("a changed clear value", "ini", swap(b"c4nary7", b"c4nary8"), "MacMismatchError", 51, "the MAC is not that of the content"),
]  # fmt: skip
BINARY = [
    Bad("empty", "binary", whole(b""), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("half a file", "binary", cut(b'"mac"', 40), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("two sops members", "binary", lambda good: good.replace(b"{", b'{"sops": {"x": "c4nary"},', 1), "MetadataNotFoundError", 1, "f: there is no"),
    Bad("plain file", "binary", whole(PLAIN["binary"]), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("JSON without metadata", "binary", whole(PLAIN["json"]), "MetadataNotFoundError", 1, "f: there is no SOPS metadata"),
    Bad("no mac", "binary", member("mac"), "MacMismatchError", 51, "the file has no MAC"),
    Bad("data is a number", "binary", member("data", 7777777, top=True), "DecryptionError", 25, "data: .*type int"),
]  # fmt: skip
TO_DECRYPT = [bad for bad in (*YAML, *JSON, *DOTENV, *INI, *BINARY, *_damaged_tokens()) if available(bad.store)]

# --- plain files that cannot be encrypted ---------------------------------------------------------

TO_ENCRYPT = [
    bad
    for bad in (
        Bad("empty", "yaml", whole(b""), "EmptyFileError", 92, "f: the file is empty"),
        Bad("only comments", "yaml", whole(b"# c4nary\n\n"), "EmptyFileError", 2, "f: the file holds no document"),
        Bad("broken off", "yaml", whole(b'a: c4nary\nb: "c4nary'), "MalformedFileError", 2, "f:2: the file is not YAML"),
        Bad("binary junk", "yaml", whole(b"\x00\x01c4nary\x02\x7f"), "MalformedFileError", 2, "f.*: the file is not YAML"),
        Bad("not UTF-8", "yaml", whole(b"a: 1\nb: c4nary\xff\n"), "MalformedFileError", 2, "f:2: the file is not UTF-8"),
        Bad("a list", "yaml", whole(b"- c4nary\n"), "MalformedFileError", 2, "f:1: the document is a list"),
        Bad("one value", "yaml", whole(b"c4nary\n"), "MalformedFileError", 2, "f:1: the document is a single value"),
        Bad("a list as second document", "yaml", whole(b"a: c4nary\n---\n- c4nary\n"), "MalformedFileError", 2, "f:3: the document is a list"),
        Bad("a key twice", "yaml", whole(b"a: c4nary\na: c4nary\n"), "MalformedFileError", 2, "f:2: a key occurs twice"),
        Bad("a number as key", "yaml", whole(b"5: c4nary\n"), "EncryptionError", 23, "f:1: a key is not a string"),
        Bad("a list as key", "yaml", whole(b"? [c4nary]\n: c4nary\n"), "EncryptionError", 2, "f:1: a key is a mapping or a list"),
        Bad("an integer beyond 63 bits", "yaml", whole(b"a: 1\nb: 18446744073709551615\n"), "EncryptionError", 23, "f:2: "),
        Bad("a tag that does not fit", "yaml", whole(b"a: !!int c4nary\n"), "EncryptionError", 2, "f:1: "),
        Bad("the name of the metadata", "yaml", whole(b"sops: c4nary\n"), "AlreadyEncryptedError", 203, "f.*line 1: the file has a top-level entry sops"),
        Bad("encrypted already", "yaml", lambda good: good, "AlreadyEncryptedError", 203, "top-level entry sops"),
        Bad("an alias of nothing", "yaml", whole(b"a: *c4nary\n"), "MalformedFileError", 2, "f:1: an alias names an anchor that is not there"),
        Bad("an alias in its anchor", "yaml", whole(b"a: &x [c4nary, *x]\n"), "MalformedFileError", 2, "f:1: an alias names an anchor"),
        Bad("an undeclared tag", "yaml", whole(b"a: !c4nary!x y\n"), "MalformedFileError", 2, "f:1: the file is not YAML"),
        Bad("a tab as indentation", "yaml", whole(b"a:\n\tb: c4nary\n"), "MalformedFileError", 2, "f:2: the file is not YAML"),
        Bad("empty", "json", whole(b""), "EmptyFileError", 2, "f: the file is empty"),
        Bad("a list", "json", whole(b'["c4nary"]'), "MalformedFileError", 2, "f:1: "),
        Bad("one value", "json", whole(b'"c4nary"'), "MalformedFileError", 2, "f:1: "),
        Bad("broken off", "json", whole(b'{\n"a": "c4nary'), "MalformedFileError", 2, "f:2: "),
        Bad("a trailing comma", "json", whole(b'{"a": "c4nary",}'), "MalformedFileError", 2, "f:1: "),
        Bad("single quotes", "json", whole(b"{'a': 'c4nary'}"), "MalformedFileError", 2, "f:1: "),
        Bad("a comment", "json", whole(b'// c4nary\n{"a": 1}'), "MalformedFileError", 2, "f:1: "),
        Bad("a byte order mark", "json", whole(b'\xef\xbb\xbf{"a": "c4nary"}'), "MalformedFileError", 2, "f"),
        Bad("a number out of range", "json", whole(b'{"a": 1E400}'), "MalformedFileError", 2, "f:1: "),
        Bad("a word", "json", whole(b'{"a": c4nary}'), "MalformedFileError", 2, "f:1: "),
        Bad("NaN", "json", whole(b'{"a": NaN}'), "MalformedFileError", 2, "f:1: "),
        Bad("a break in a string", "json", whole(b'{"a": "c4nary\n"}'), "MalformedFileError", 2, r"f:[12]: "),
        Bad("the name of the metadata", "json", whole(b'{"sops": "c4nary"}'), "AlreadyEncryptedError", 203, "top-level entry sops"),
        Bad("encrypted already", "json", lambda good: good, "AlreadyEncryptedError", 203, "top-level entry sops"),
        Bad("a line without =", "dotenv", whole(b"A=1\nc4nary\n"), "MalformedFileError", 2, "f:2: "),
        Bad("encrypted already", "dotenv", lambda good: good, "AlreadyEncryptedError", 203, "sops"),
        Bad("a line without =", "ini", whole(b"[s]\na = 1\nc4nary\n"), "MalformedFileError", 2, "f:3: "),
        Bad("a section that is not closed", "ini", whole(b"[c4nary\na = 1\n"), "MalformedFileError", 2, "f:1: "),
        Bad("encrypted already", "ini", lambda good: good, "AlreadyEncryptedError", 203, "sops"),
        Bad("encrypted already", "binary", lambda good: good, "AlreadyEncryptedError", 203, "sops",
            sops=0, why="sops encrypts such a file a second time, which nobody means to do"),
    )
    if available(bad.store)
]  # fmt: skip


def ids(files: list[Bad]) -> list[str]:
    return [f"{bad.store}: {bad.name}" for bad in files]
