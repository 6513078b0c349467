# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The operations on documents do what the verbs of sops do, and either opens the result of the other."""

from __future__ import annotations

import math
import typing as t
from collections.abc import Sequence
from pathlib import Path

import pytest
from oracle_tools import Sops

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys

SUFFIXES = {"yaml": "yaml", "json": "json", "dotenv": "env", "ini": "ini", "binary": "bin"}
FILES = {
    "yaml": b"""\
# top
s: text   # inline
n: 5
f: 1.5
z: null
m:
  k: [1, two, {x: w}]
  l: |
    a
    b
  e: {}
  plain_unencrypted: 7
seq:
- a: 1
  b: 2
- last
""",
    "json": b'{\n  "s": "text",\n  "n": 5,\n  "m": {"k": [1, "two", {"x": "w"}], "e": {}},\n  "z": null\n}\n',
    "dotenv": b"# top\nA=1\n\nB=two words\nC=x\n",
    "ini": b"; top\n[s]\na = 1\n; why\nlong = 2\n\n[t]\nc = d\n",
    "binary": b"\x00\xffbytes\n",
}
SETS = {
    "yaml": [
        ('["s"]', '"new"'), ('["n"]', "6"), ('["n"]', "2.5"), ('["z"]', "true"), ('["s"]', "null"), ('["new"]', '{"a": [1, {"b": "c"}], "d": 5}'),
        ('["m"]["k"][1]', '"TWO"'), ('["m"]["k"][9]', '"end"'), ('["m"]["e"]["x"]["y"]', '"deep"'), ('["seq"][5]["q"]', '"list starts at 0"'),
        ('["seq"][0]["c"]', '"c"'), ('["seq"][1]', '{"x": "y"}'), ('["m"]["l"]', '"one\\ntwo\\n"'),
        ('["m"]', '"gone"'), ('["s"]["below"]', '"x"'), ('["u"][7]', '"x"'),
        ('["m"]["plain_unencrypted"]', '"clear"'),
    ],
    "json": [
        ('["s"]', '"<&>"'), ('["new"]', '{"a": [1, {"b": "c"}]}'), ('["m"]["k"][9]', '"end"'), ('["m"]["e"]["x"]', "1.5"), ('["z"]', '"x"'), ('["m"]', "false"),
    ],
    "dotenv": [('["A"]', '"2"'), ('["N"]', '"a b"'), ('["C"]', '"a\\nb"'), ('["N"]', "true"), ('["N"]', "1.5")],
    "ini": [
        ('["s"]["a"]', '"2"'), ('["s"]["n"]', '"a; b"'), ('["new"]', '{"k": "v"}'),
        ('["new"]["k"]', '"v"'), ('["DEFAULT"]["k"]', '"v"'), ('["t"]["c"]', "true"),
    ],
    "binary": [('["data"]', '"hello"')],
}  # fmt: skip
UNSETS = {
    "yaml": ['["s"]', '["m"]["k"][0]', '["m"]["k"][2]["x"]', '["m"]["l"]', '["m"]', '["seq"][0]', '["seq"][0]["a"]', '["z"]', '["m"]["plain_unencrypted"]'],
    "json": ['["s"]', '["m"]["k"][2]', '["m"]["k"][2]["x"]', '["m"]', '["z"]'],
    "dotenv": ['["A"]', '["C"]'],
    "ini": ['["s"]["long"]', '["t"]', '["t"]["c"]'],
}  # fmt: skip
EXTRACTS = {
    "yaml": ['["s"]', '["n"]', '["f"]', '["z"]', '["m"]', '["m"]["l"]', '["m"]["k"]', '["m"]["k"][2]', '["m"]["e"]', '["seq"]'],
    "json": ['["s"]', '["n"]', '["m"]', '["m"]["k"]', '["m"]["k"][2]', '["m"]["e"]', '["z"]'],
    "dotenv": ['["A"]', '["B"]'],
    "ini": ['["s"]["a"]'],
    "binary": ['["data"]'],
}  # fmt: skip
BAD = [
    ("set", ['["a"'], ['"x"']), ("set", ["a"], ['"x"']), ("set", ["[x]"], ['"x"']), ("set", ['["s"]'], ["nonsense"]), ("set", ['["s"]'], ["{"]),
    ("set", ['["sops"]'], ['"x"']),
    ("unset", ['["a"'], []), ("unset", ['["nope"]'], []), ("unset", ['["m"]["k"][3]'], []),
    ("unset", ['["s"]["below"]'], []), ("unset", ['["m"]["nope"]["x"]'], []),
    ("extract", ['["a"'], []), ("extract", ["[x]"], []), ("extract", ['["nope"]'], []), ("extract", ['["m"]["k"][3]'], []),
]  # fmt: skip


class Both:
    """One encrypted file, given to both programs."""

    def __init__(self, kind: str, sops: Sops, ring: KeyRing, content: bytes) -> None:
        self.store: Store = store_for("", kind)
        self.kind = kind
        self.sops = sops
        self.ring = ring
        self.content = content
        self.path = sops.folder / f"operations.{SUFFIXES[kind]}"

    def theirs(self, *words: str) -> bytes:
        """The file after a verb of sops."""
        self.path.write_bytes(self.content)
        done = self.sops.run(*words[:1], str(self.path), *words[1:])
        assert done.returncode == 0, done.stderr.decode()
        return self.path.read_bytes()

    def opened_by_sops(self, content: bytes) -> bytes:
        self.path.write_bytes(content)
        done = self.sops.run("decrypt", str(self.path))
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def data(self, plain: bytes) -> t.Any:
        return plain if self.kind == "binary" else comparable(self.store.data(plain))

    def agree(self, ours: bytes, theirs: bytes) -> None:
        """Both results hold the same, for both."""
        wanted = self.data(self.opened_by_sops(theirs))
        assert self.data(self.opened_by_sops(ours)) == wanted
        assert self.data(document.decrypt(theirs, self.ring, store=self.store)) == wanted
        assert self.data(document.decrypt(ours, self.ring, store=self.store)) == wanted


def comparable(value: t.Any) -> t.Any:
    """Sops makes floats of numbers that are set, and shows whole ones as integers."""
    if isinstance(value, dict):
        return {key: comparable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [comparable(each) for each in value]
    return int(value) if isinstance(value, float) and math.isfinite(value) and value == int(value) else value


def both_ways(kind: str, sops: Sops, ring: KeyRing, rule: Rule, keys: Keys) -> list[Both]:
    """A file that was written here, and one that sops wrote."""
    path = sops.folder / f"plain.{SUFFIXES[kind]}"
    path.write_bytes(FILES[kind])
    done = sops.run("encrypt", "--age", keys.public, str(path))
    assert done.returncode == 0, done.stderr.decode()
    ours = document.encrypt(FILES[kind], rule, store=store_for("", kind)).content
    return [Both(kind, sops, ring, content) for content in (ours, done.stdout)]


@pytest.mark.parametrize("kind", SETS)
def test_set(kind: str, sops: Sops, ring: KeyRing, rule: Rule, keys: Keys) -> None:
    for number, both in enumerate(both_ways(kind, sops, ring, rule, keys)):
        for path, value in SETS[kind][number % len(SETS[kind]) :: 2]:
            ours = document.set(
                both.content, document.parse_path(path), document.parse_value(value), ring, store=both.store
            )
            both.agree(ours.content, both.theirs("set", path, value))


@pytest.mark.parametrize("kind", UNSETS)
def test_unset(kind: str, sops: Sops, ring: KeyRing, rule: Rule, keys: Keys) -> None:
    for number, both in enumerate(both_ways(kind, sops, ring, rule, keys)):
        for path in UNSETS[kind][number::2]:
            ours = document.unset(both.content, document.parse_path(path), ring, store=both.store)
            both.agree(ours.content, both.theirs("unset", path))


@pytest.mark.parametrize("kind", EXTRACTS)
def test_extract(kind: str, sops: Sops, ring: KeyRing, rule: Rule, keys: Keys) -> None:
    for both in both_ways(kind, sops, ring, rule, keys):
        both.path.write_bytes(both.content)
        for path in EXTRACTS[kind]:
            done = sops.run("decrypt", "--extract", path, str(both.path))
            assert done.returncode == 0, done.stderr.decode()
            assert document.extract(both.content, document.parse_path(path), ring, store=both.store) == done.stdout


@pytest.mark.parametrize("target", ["json", "yaml", "dotenv"])
def test_extract_into_another_format(target: str, sops: Sops, ring: KeyRing, rule: Rule, keys: Keys) -> None:
    both = both_ways("yaml", sops, ring, rule, keys)[0]
    both.path.write_bytes(both.content)
    for path in ('["s"]', '["n"]', '["m"]["k"]', '["m"]["k"][2]', '["m"]["e"]'):
        done = sops.run("decrypt", "--output-type", target, "--extract", path, str(both.path))
        output = store_for("", target)
        code, ours = 0, b""
        try:
            ours = document.extract(
                both.content, document.parse_path(path), ring, store=both.store, output_store=output
            )
        except FluxseedError as exc:
            code = exc.exit_code
        assert (path, code, ours) == (path, done.returncode, done.stdout)


@pytest.mark.parametrize("kind", FILES)
def test_rotate(kind: str, sops: Sops, ring: KeyRing, rule: Rule, keys: Keys) -> None:
    other = Keys(*age.generate_identity())
    for both in both_ways(kind, sops, ring, rule, keys):
        both.path.write_bytes(both.content)
        done = sops.run("rotate", "-i", "--add-age", other.public, str(both.path))
        assert done.returncode == 0, done.stderr.decode()
        theirs = both.path.read_bytes()
        ours = document.rotate(both.content, ring, store=both.store, add=[other.public]).content
        both.agree(ours, theirs)
        recipients = [document.status(content, store=both.store).recipients for content in (ours, theirs)]
        assert recipients == [(keys.public, other.public)] * 2
        removed = document.rotate(
            theirs, gather(NOWHERE, [("x", other.private)]), store=both.store, remove=[other.public]
        )
        assert both.data(both.opened_by_sops(removed.content)) == both.data(FILES[kind])


@pytest.mark.parametrize("kind", FILES)
def test_updatekeys(kind: str, sops: Sops, ring: KeyRing, rule: Rule, keys: Keys, tmp_path: Path) -> None:
    """Also from one group to two and back."""
    other = Keys(*age.generate_identity())
    config = tmp_path / ".sops.yaml"
    groups: Sequence[tuple[str, Rule]] = (
        (f"age: '{keys.public},{other.public}'", Rule.of([keys.public, other.public])),
        (
            f"key_groups: [{{age: ['{keys.public}']}}, {{age: ['{keys.public}', '{other.public}']}}]",
            rule._replace(groups=(*rule.groups, *Rule.of([keys.public, other.public]).groups)),
        ),
        (f"age: '{keys.public}'", rule),
    )
    for both in both_ways(kind, sops, ring, rule, keys):
        for text, wanted in groups:
            config.write_text(f"creation_rules: [{{{text}}}]\n")
            both.path.write_bytes(both.content)
            done = sops.run("--config", str(config), "updatekeys", "-y", str(both.path))
            assert done.returncode == 0, done.stderr.decode()
            theirs = both.path.read_bytes()
            change = document.updatekeys(both.content, wanted, ring, store=both.store)
            both.agree(change.content, theirs)
            states = [document.status(content, store=both.store) for content in (change.content, theirs)]
            assert states[0].recipients == states[1].recipients
            assert states[0].lastmodified == states[1].lastmodified
            assert not document.updatekeys(theirs, wanted, ring, store=both.store).needed
            both.path.write_bytes(change.content)
            again = sops.run("--config", str(config), "updatekeys", "-y", str(both.path))
            assert b"already up to date" in again.stderr
            both.content = change.content


def test_bad_paths_and_values_have_the_same_exit_code(sops: Sops, ring: KeyRing, rule: Rule, keys: Keys) -> None:
    both = both_ways("yaml", sops, ring, rule, keys)[0]
    for verb, path, value in BAD:
        both.path.write_bytes(both.content)
        words = (
            ["decrypt", "--extract", *path, str(both.path)]
            if verb == "extract"
            else [verb, str(both.path), *path, *value]
        )
        done = sops.run(*words)
        with pytest.raises(FluxseedError) as caught:
            ours(verb, both, *path, *value)
        assert (verb, path, caught.value.exit_code) == (verb, path, done.returncode)
        assert both.path.read_bytes() == both.content


def ours(verb: str, both: Both, path: str, value: str = "") -> t.Any:
    if verb == "set":
        parsed = document.parse_path(path)
        return document.set(both.content, parsed, document.parse_value(value), both.ring, store=both.store)
    if verb == "unset":
        return document.unset(both.content, document.parse_path(path), both.ring, store=both.store)
    parsed = document.parse_path(path, for_extract=True)
    return document.extract(both.content, parsed, both.ring, store=both.store)


def test_conversions_open_in_sops(sops: Sops, ring: KeyRing, rule: Rule) -> None:
    """Also values in clear that sops itself would write so that their MAC fails."""
    samples = [
        ("yaml", b"a: 1\nb_unencrypted: 1.0\nc: [x, {d: true}]\n", "json"),
        ("yaml", b"A: x\nB_unencrypted: true\nC_unencrypted: 1.0\nD: 1.0\n", "dotenv"),
        ("yaml", b"s: {a: x, b_unencrypted: 1e6}\n", "ini"),
        ("json", b'{"a": {"b": null}, "c_unencrypted": 1.5}', "yaml"),
        ("dotenv", b"# c\nA=x y\nB_unencrypted=true\n", "yaml"),
        ("dotenv", b"A=x y\n", "json"),
        ("ini", b"[s]\na = x\nb_unencrypted = 1\n", "yaml"),
        ("binary", b"text\n", "yaml"),
        ("yaml", b"data: x\n", "binary"),
    ]
    for source, plain, target in samples:
        store, output = store_for("", source), store_for("", target)
        content = document.encrypt(plain, rule, store=store, output_store=output).content
        both = Both(target, sops, ring, content)
        assert both.data(both.opened_by_sops(content)) == both.data(document.decrypt(content, ring, store=output))


def test_differences_that_are_meant(sops: Sops, ring: KeyRing, rule: Rule, keys: Keys) -> None:
    """An index on a mapping does nothing in sops, a list as value is refused, a bare number becomes a float."""
    both = both_ways("yaml", sops, ring, rule, keys)[0]
    assert both.data(both.opened_by_sops(both.theirs("set", '["m"][0]', '"x"'))) == both.data(FILES["yaml"])
    with pytest.raises(FluxseedError):
        ours("set", both, '["m"][0]', '"x"')
    both.path.write_bytes(both.content)
    assert sops.run("set", str(both.path), '["l"]', "[1]").returncode == 7
    assert both.data(both.opened_by_sops(ours("set", both, '["l"]', "[1]").content))[0]["l"] == [1]
    assert b"type:float" in both.theirs("set", '["f"]', "6").partition(b"\nf: ")[2].partition(b"\n")[0]
    assert b"type:int" in ours("set", both, '["f"]', "6").content.partition(b"\nf: ")[2].partition(b"\n")[0]
