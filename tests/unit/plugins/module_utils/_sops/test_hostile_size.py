# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Input made to cost time or memory: refused or done within about a second; the bound here allows for a busy machine."""

from __future__ import annotations

import contextlib
import time
import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError, LimitError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.regex import compile_re2
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import bad_files

BOUND = 5.0
"""Seconds of processor time; measured are fractions of one."""
MIB = 1024 * 1024
SIZE = 64 * 1024
"""Enough to see a cost that grows with the square."""
BOMB = b"a: &a [x, x, x, x, x, x, x, x, x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (name, name, b", ".join([b"*%c" % (name - 1)] * 9)) for name in range(ord("b"), ord("z"))
)
STORES = [name for name in bad_files.PLAIN if bad_files.available(name)]
_META = b"sops_lastmodified=2026-01-02T03:04:05Z\nsops_version=3.13.3\nsops_mac=x\n"

CHARACTERS = {
    "[": b"[" * 10 * MIB,
    "{": b"{" * 10 * MIB,
    "dashes": b"- " * 5 * MIB,
    "quotes": b'"' * 10 * MIB,
    "question marks": b"? " * SIZE,
    "colons": b": " * SIZE,
    "equal signs": b"=" * SIZE,
    "backslashes": b"\\" * SIZE,
    "backticks": b"`" * SIZE,
    "commas in a list": b"[" + b"," * SIZE,
    "blanks": b" " * SIZE,
    "tabs": b"\t" * SIZE,
    "breaks": b"\n" * SIZE,
    "carriage returns": b"\r" * SIZE,
    "nulls": b"\x00" * SIZE,
    "letters": b"a" * SIZE,
    "ampersands": b"&" * SIZE,
    "stars": b"*" * SIZE,
    "exclamation marks": b"!" * SIZE,
    "percent signs": b"%" * SIZE,
    "document marks": b"---\n" * 5000,
    "sections": b"[s]\n" * 5000,
    "open objects": b'{"a":' * 20_000,
}  # fmt: skip
"""Refused by every store that reads text, or read in time."""


YAML = {
    "an alias bomb": BOMB,
    "an alias bomb of mappings": b"a: &a {k: v}\n" + b"".join(b"k%d: &a {<<: *a, l: *a}\n" % number for number in range(40)),
    "deep indentation": b"".join(b" " * number + b"a:\n" for number in range(2000)),
    "deep flow": b"a: " + b"{a: " * 5000 + b"x" + b"}" * 5000,
    "comments": b"a: 1\n" + b"# c\n" * 20_000,
    "blank lines among comments": b"a: 1\n" + b"#\n\n" * 10_000 + b"b: 2\n",
    "comments before deep closings": b"".join(b" " * number + b"a:\n" for number in range(500)) + b" " * 500 + b"b: 1\n" + b"# c\n" * 10_000,
    "an integer of a million digits": b"a: " + b"9" * 200_000 + b"\n",
    "a float of a million digits": b"a: 0." + b"9" * 200_000 + b"\n",
    "a hexadecimal number of a million digits": b"a: 0x" + b"F" * 200_000 + b"\n",
    "underscores": b"a: 1" + b"_" * 200_000 + b"\n",
    "a number that nearly is one": b"a: " + b"1" * 200_000 + b"x\n",
    "a long line": b"a: " + b"x " * 50_000 + b"\n",
    "a long key": b"a" * MIB + b": 1\n",
    "a long quoted key": b'"' + b"a" * MIB + b'": 1\n',
    "a long block": b"a: |\n" + b"  x\n" * 20_000,
    "escapes": b'a: "' + b"\\x41" * 200_000 + b'"\n',
    "anchors": b"".join(b"k%d: &a%d x\n" % (number, number) for number in range(3000)),
    "properties": b"a: " + b"!!str " + b" " * 200_000 + b"x\n",
    "breaks after a tag": b"a: !!str" + b"\n " * 200_000 + b"x\n",
    "documents": b"a: 1\n---\n" * 2000,
    "duplicate sops blocks": b"a: 1\n" + b"sops: {}\n" * 10_000,
    "directives": b"%YAML 1.1\n" * 200_000 + b"---\na: 1\n",
    "tag directives": b"".join(b"%%TAG !a%d! x\n" % number for number in range(5000)) + b"---\na: 1\n",
    "comments behind values": b"".join(b"k%d: v # c\n" % number for number in range(3000)),
    "empty mappings": b"a:\n" + b"  - {}\n" * 20_000,
    "nested lists": b"a: " + b"- " * 900 + b"x\n",
    "merge keys": b"b: &b {x: 1}\n" + b"".join(b"k%d: {<<: *b}\n" % number for number in range(3000)),
}  # fmt: skip
JSON = {
    "deep lists": b'{"a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
    "deep objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "an integer of a million digits": b'{"a": ' + b"9" * 200_000 + b"}",
    "a float of a million digits": b'{"a": 0.' + b"9" * 200_000 + b"}",
    "a great exponent": b'{"a": 1e' + b"9" * 20_000 + b"}",
    "escapes": b'{"a": "' + b"\\u0041" * 200_000 + b'"}',
    "a string without end": b'{"a": "' + b"x" * MIB,
    "many keys": b"{" + b",".join(b'"k%d": 1' % number for number in range(5000)) + b"}",
    "one key many times": b"{" + b",".join([b'"k": 1'] * 20_000) + b"}",
    "blanks between all": b'{ "a" : ' + b" " * MIB + b"1 }",
}
DOTENV = {
    "lines without sign": b"A=1\n" + b"a\n" * 20_000,
    "many keys": b"".join(b"K%d=v\n" % number for number in range(5000)),
    "one key many times": b"K=v\n" * 20_000,
    "breaks in a value": b"A=" + b"\\n" * 200_000 + b"\n",
    "a far index": b"A=1\n" + _META + b"sops_age__list_999999999__map_enc=x\n",
    "many far indices": b"A=1\n"
    + _META
    + b"".join(b"sops_a__list_%d=x\n" % (10**9 - number) for number in range(3000)),
    "many metadata lines": b"A=1\n"
    + _META
    + b"".join(b"sops_age__list_%d__map_enc=x\n" % number for number in range(5000)),
    "deep metadata": b"A=1\n" + _META + b"sops_a" + b"__map_a" * 20_000 + b"=x\n",
    "deep lists in metadata": b"A=1\n" + _META + b"sops_a" + b"__list_0" * 20_000 + b"=x\n",
    "an index of a million digits": b"A=1\n" + _META + b"sops_a__list_" + b"9" * 200_000 + b"=x\n",
}
INI = {
    "many keys": b"[s]\n" + b"".join(b"k%d = v\n" % number for number in range(5000)),
    "one key many times": b"[s]\n" + b"k = v\n" * 20_000,
    "many sections": b"".join(b"[s%d]\nk = v\n" % number for number in range(3000)),
    "comments": b"[s]\n" + b"; c\n" * 10_000 + b"k = v\n",
    "continued lines": b"[s]\nk = v\\\n" + b"v\\\n" * 10_000,
    "quotes without end": b'[s]\nk = """' + b"x\n" * 20_000,
    "quotes that open again and again": b"[s]\n" + b'k = """\n' * 20_000,
    "backticks that open again and again": b"[s]\n" + b"k = `x\n" * 20_000,
    "a far index": b"[s]\nk = v\n[sops]\n" + _META.replace(b"sops_", b"") + b"age__list_999999999__map_enc = x\n",
    "metadata among blank lines": b"[s]\nk = v\n[sops]\n" + b"\n" * SIZE + b"x = y\n",
}
BINARY = {"a megabyte": bytes(range(256)) * 4 * 1024}
OF_STORE: dict[str, dict[str, bytes]] = {"yaml": YAML, "json": JSON, "dotenv": DOTENV, "ini": INI, "binary": BINARY}
CASES = [(name, which) for name in STORES for which in OF_STORE[name]]


class Watch:
    """Seconds of processor time spent in each step."""

    def __init__(self) -> None:
        self.steps: dict[str, float] = {}
        self.longest = 0
        """Length of the longest message: none repeats the input."""

    def __call__(self, name: str, step: t.Callable[[], object]) -> None:
        begin = time.process_time()
        try:
            step()
        except FluxseedError as exc:
            self.longest = max(self.longest, len(str(exc)))
        self.steps[name] = round(time.process_time() - begin, 2)


def run(name: str, content: bytes) -> dict[str, float]:
    store = store_for(name, name)
    watch = Watch()
    watch("load", lambda: store.load(content))
    watch("data", lambda: store.data(content))
    watch("is_encrypted", lambda: document.is_encrypted(content))
    watch("is_encrypted with marks", lambda: document.is_encrypted(b"[sops]\nsops mac\n" + content))
    watch("status", lambda: document.status(content, store=store))
    assert watch.longest < 1000
    return watch.steps


@pytest.mark.parametrize("name", [name for name in STORES if name != "binary"])
@pytest.mark.parametrize("which", CHARACTERS)
def test_much_of_one_character(which: str, name: str) -> None:
    steps = run(name, CHARACTERS[which])
    assert max(steps.values()) < BOUND, steps


@pytest.mark.parametrize(("name", "which"), CASES, ids=[f"{name}: {which}" for name, which in CASES])
def test_input_made_to_cost(name: str, which: str) -> None:
    steps = run(name, OF_STORE[name][which])
    assert max(steps.values()) < BOUND, steps


def test_an_alias_bomb_is_a_limit() -> None:
    with pytest.raises(LimitError, match=r"f:\d+: aliases add more than 100000 values"):
        store_for("yaml", "yaml").load(BOMB, where="f")


PATTERNS = {
    source[:20]: source
    for source in (
        "(a+)+$", "(a|a)*$", "(a*)*b", "(.*)*x", "(a|ab)*c", "((a?){50})+b", "(a{1,30}){1,30}b", "a{1000}{1000}", "((a{100}){100}){100}",
        "(" * 5000 + ")" * 5000, "a" * 10_000, "(a?){20}a{20}", "^.*a.*b.*c.*d.*$", "(x[^x]*)*y", "[ab]*[ab]*[ab]*[ab]*c",
        "a*a*a*a*a*a*a*a*a*b", "(?i)" + "(k|s)*" * 20, "(.{0,999}){999}", "x*" * 900,
    )
}  # fmt: skip


@pytest.mark.parametrize("which", PATTERNS)
def test_a_pattern_that_could_take_forever_is_refused_or_ends_soon(which: str) -> None:
    begin = time.process_time()
    with contextlib.suppress(FluxseedError):
        pattern = compile_re2(PATTERNS[which], where="f")
        for size in (30, 1000, 10_000):
            pattern.found_in("a" * size + "!")
    assert time.process_time() - begin < BOUND


def test_a_configuration_of_many_rules_is_read_in_time() -> None:
    text = "creation_rules:\n" + "".join(f"  - path_regex: ^a{number}/.*$\n    age: x\n" for number in range(500))
    begin = time.process_time()
    with pytest.raises(FluxseedError):
        Config.parse(text, path="d/.sops.yaml").rule_for("d/zzz")
    assert time.process_time() - begin < BOUND
