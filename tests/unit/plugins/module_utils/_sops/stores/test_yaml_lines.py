# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fast lane of YAML: whatever it reads, it reads exactly as the general scanner does."""

from __future__ import annotations

import random
import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import MappingNode, from_data
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores import (
    yaml_emitter,
    yaml_lines,
    yaml_lines_metadata,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml_scanner import Scanner
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import DEFAULT_LIMITS, Box, Limits, Tree
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import cases, yaml_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.yaml_documents import Writer, seeded

METADATA = """\
sops:
    age:
        - recipient: age1qqq
          enc: |
            -----BEGIN AGE ENCRYPTED FILE-----
            YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IFgyNTUxOSA=
            -----END AGE ENCRYPTED FILE-----
    lastmodified: "2026-01-02T03:04:05Z"
    mac: ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:str]
    mac_only_encrypted: true
    shamir_threshold: 2
    unencrypted_suffix: _unencrypted
    version: 3.13.3
"""


KEYS_IN_FLOW = ("a", "b_", "tls.crt", "x-y", "sops", "on")
FLOW_SCALARS = (
    "x", "two words", "12", "-1", "1.5", "true", "null", "~", "on", "'it'", '"x # y"', "'a, b: [c]'", '""', "''", "2024-01-01",
    "a/b.c", "-x", "x=", '"ENC[AES256_GCM,data:YQ==,type:str]"', "+1", "a@b", ".5", "a - b", "0x1F", "'}'",
)  # fmt: skip


class SimpleWriter(Writer):
    """A writer of files that are, nearly always, of simple form."""

    def key(self, used: set[str]) -> str:
        key = self.rng.choice(("a", "password", "data", "tls.crt", "x-y", "k8s.io/name", "Zz", "e_1", "sops", "ünï"))
        while key in used or (key == "sops" and self.chance(0.9)):
            key += str(self.rng.randint(0, 9))
        used.add(key)
        if self.chance(0.9):
            return key
        key = self.rng.choice((key, key, f"on {len(used)}", f"{len(used)}", f"a: b{len(used)}", f"#{len(used)}"))
        used.add(key)
        return self.rng.choice((f'"{key}"', f"'{key}'"))

    def scalar(self) -> str:
        if self.chance(0.3):
            return self.rng.choice(
                ("word", "two words", "ENC[AES256_GCM,data:YQ==,type:str]", "a:b", "a#b", "'it'", '"x # y"')
            )
        if self.chance(0.7):
            return self.rng.choice(("'a: b'", '""', "''", "12", "1.5", "true", "null", "~", "2024-01-01", "-x", "ä b"))
        return super().scalar() if self.chance(0.1) else "x"

    def flow(self, depth: int) -> str:
        if self.chance(0.01):
            return super().flow(depth)
        return self.rng.choice(("{}", "[]", "[ ]", "{  }")) if self.chance(0.1) else self.simple_flow(depth)

    def simple_flow(self, depth: int) -> str:
        used: set[str] = set()
        is_mapping = self.chance(0.5)
        items = []
        for _turn in range(self.rng.randint(1, 4)):
            item = self.simple_flow(depth - 1) if depth and self.chance(0.25) else self.rng.choice(FLOW_SCALARS)
            items.append(f"{self.rng.choice(KEYS_IN_FLOW)}{len(used)}: {item}" if is_mapping else item)
            used.add(item)
        text = self.rng.choice((", ", ", ", ",", " , ", ",  ")).join(items)
        gap = self.rng.choice(("", "", "", " "))
        return f"{{{gap}{text}{gap}}}" if is_mapping else f"[{gap}{text}{gap}]"

    def block(self, lead: str, column: int) -> None:
        indent = " " * (column + self.rng.choice((1, 2, 2, 4)))
        self.lines.append(f"{lead} {self.rng.choice(('|', '|', '|-'))}{self.rng.choice(('', '', ' '))}")
        self.lines.extend(
            indent + line if line else ""
            for line in self.rng.choice((("one",), ("1", "", "3"), ("# text", "x: y"), ("a", "  b", "c")))
        )
        self.lines.extend([""] * self.rng.choice((0, 0, 1, 2)))

    def document(self) -> str:
        self.mapping(0, 0, "")
        self.noise(0)
        return "\n".join(self.lines) + "\n"


def simple_file(rng: random.Random) -> str:
    """One or more simple documents, often with metadata, sometimes with what stands around it."""
    parts = []
    for _turn in range(rng.choice((1, 1, 1, 2, 3))):
        text = SimpleWriter(rng).document()
        if rng.random() < 0.5 and "\nsops:" not in f"\n{text}":
            text += rng.choice(("", "", "# above\n", "\n")) + METADATA
            text += rng.choice(("", "", "", "# below\n", "\n    # inside\n", "after: 1\n"))
        parts.append(text)
    return rng.choice(("", "", "# head\n", "---\n", "# head\n---\n", "\n")) + "---\n".join(parts)


def mutated(text: str, rng: random.Random) -> str:
    """The text with one thing wrong, as after a slip of the hand."""
    lines = text.split("\n")
    at = rng.randrange(len(lines))
    line = lines[at]
    spot = rng.randrange(len(line) + 1)
    kind = rng.randrange(9)
    if kind == 0:
        return text[: rng.randrange(len(text))] + rng.choice(("", "\n"))
    if kind == 1:
        other = rng.randrange(len(lines))
        lines[at], lines[other] = lines[other], line
    elif kind == 2:
        lines[at] = " " * rng.randint(1, 3) + line
    elif kind == 3:
        lines[at] = line[rng.randint(1, 3) :]
    elif kind == 4:
        lines.insert(at, line)
    elif kind == 5:
        del lines[at]
    elif kind == 6:
        lines.insert(
            at, rng.choice(("---", "...", "%YAML 1.1", "- x", "k: v", "-", "?", "  ", " # c", "sops:", "sops: 1"))
        )
    else:
        odd = (
            "\t",
            "\r",
            "\x85",
            "\xa0",
            "\x00",
            "\u2028",
            "#",
            " #",
            ": ",
            ":",
            "- ",
            "'",
            '"',
            "|",
            ">",
            "&a ",
            "*a",
            "!t ",
            "[",
            "{",
            " ",
            "%",
            "@",
            "\\",
            "]",
            "}",
            ",",
            "{}",
            "[a]",
        )
        lines[at] = line[:spot] + rng.choice(odd) + line[spot:]
    return "\n".join(lines)


def shape(tree: Tree) -> list[t.Any]:
    """All that a tree says, containers by their number."""
    numbers = {box: number for number, box in enumerate(tree.boxes)}

    def plain(value: t.Any) -> t.Any:
        if isinstance(value, Box):
            return numbers[value]
        if isinstance(value, tuple):
            return tuple(map(plain, value))
        return {key: plain(each) for key, each in value.items()} if isinstance(value, dict) else value

    return [
        (tree.text, tree.prefix, tree.aliases),
        [plain(tuple(leaf)) for leaf in tree.leaves],
        [plain(tuple(comment)) for comment in tree.comments],
        # The lane forgets the keys of what it has left.
        [{name: plain(getattr(box, name)) for name in Box.__slots__ if name != "seen"} for box in tree.boxes],
        [branch.root.seen for branch in tree.branches],
        [{name: plain(getattr(branch, name)) for name in branch.__slots__} for branch in tree.branches],
        [repr(branch.metadata) for branch in tree.branches],
    ]


def read_alike(text: str, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Whether the lane takes the text; if so, both readers say the same of it."""
    lane = yaml_lines.scan(text, "", limits)
    if lane is None:
        return False
    assert shape(lane) == shape(Scanner(text, "", None, limits).scan())
    return True


SEEDS = pytest.mark.parametrize("seed", range(3))


@SEEDS
def test_simple_files_are_read_as_the_scanner_reads_them(seed: int) -> None:
    rng = seeded(seed)
    taken = sum(read_alike(simple_file(rng)) for _turn in range(300))
    assert taken >= 200


@SEEDS
def test_files_of_all_kinds_are_read_as_the_scanner_reads_them(seed: int) -> None:
    rng = seeded(seed)
    taken = sum(read_alike(yaml_documents.document(rng)) for _turn in range(400))
    assert taken >= 40


@SEEDS
def test_a_damaged_file_is_left_to_the_scanner_or_read_as_by_it(seed: int) -> None:
    rng = seeded(seed)
    taken = 0
    for _turn in range(800):
        text = simple_file(rng)
        for _again in range(rng.choice((1, 1, 2))):
            text = mutated(text, rng) or "\n"
        try:
            taken += read_alike(text)
        except FluxseedError:
            pytest.fail(f"the scanner refuses what the lane takes: {text!r}")
    assert taken >= 100


@pytest.mark.parametrize("case", cases.read_all(), ids=lambda case: case.name)
def test_hard_files_are_read_as_the_scanner_reads_them(case: cases.Case) -> None:
    text = case.body.decode("utf-8", "replace")
    read_alike(text)
    rng = seeded(len(text))
    for _turn in range(20 if text and len(text) < 5000 else 0):
        read_alike(mutated(text, rng) or "\n")


@pytest.mark.parametrize("regex", [None, "^(data|stringData)$", "^data"], ids=["suffix", "names", "other"])
@pytest.mark.parametrize("recipients", [1, 2])
def test_the_usual_metadata_is_read_as_the_scanner_reads_it(store: Store, recipients: int, regex: str | None) -> None:
    """Also when lines of it are cut, changed, doubled or moved."""
    rule = Rule.of([age.generate_identity()[1] for _turn in range(recipients)], encrypted_regex=regex)
    text = document.encrypt(b"a: 1\ndata:\n  b: x # y\n---\ndata: z\n", rule, store=store).content.decode()
    assert read_alike(text)
    rng = seeded(recipients)
    for _turn in range(60):
        damaged = mutated(text, rng)
        try:
            expected = shape(Scanner(damaged, "", None, DEFAULT_LIMITS).scan())
        except FluxseedError:
            assert yaml_lines.scan(damaged, "", DEFAULT_LIMITS) is None
            continue
        lane = yaml_lines.scan(damaged, "", DEFAULT_LIMITS)
        assert lane is None or shape(lane) == expected


def test_what_the_engine_writes_is_simple(store: Store, rule: Rule) -> None:
    plain = (
        b"# c\na: b\nlist:\n  - x: 1\n    y: |\n      two\n      lines\n  - z # why\nquoted: 'q'\nempty:\n---\nb: 2\n"
    )
    content = document.encrypt(plain, rule, store=store).content
    assert read_alike(plain.decode())
    assert read_alike(content.decode())


@pytest.mark.parametrize(
    "text",
    [
        "a: 1",
        "a: 1\r\n",
        "a:\t1\n",
        "a: &x 1\n",
        "a: *x\n",
        "a: !!str 1\n",
        "a: {x}\n",
        "a: {x: }\n",
        "a: {x: 1, x: 2}\n",
        "a: {x: [1}]\n",
        "a: {x: 1,}\n",
        "a: [1,\n  2]\n",
        "a: [x: 1]\n",
        "a: [&x 1]\n",
        "a: ['it''s']\n",
        "a: [1] x\n",
        "a: [1]#c\n",
        "a: {true: 1}\n",
        "a: [[1]x]\n",
        "a: [18446744073709551615]\n",
        "{a: 1}\n",
        "a: >\n  x\n",
        "a: |2\n  x\n",
        "a: |+\n  x\n",
        "a: | # c\n  x\n",
        "a: |\n\n  x\n",
        "a: x\n  y\n",
        'a: "\\n"\n',
        "a: 'it''s'\n",
        'a: "x"#c\n',
        "a : 1\n",
        "? a\n: 1\n",
        "- a\n",
        "text\n",
        "# c\n",
        "---\n",
        "--- # c\na: 1\n",
        "a: 1\n...\n",
        "%YAML 1.1\n---\na: 1\n",
        " a: 1\n",
        "a:\n  -\n",
        "a:\n  - - x\n",
        "true: 1\n",
        "'<<': 1\n",
        '"sops":\n  mac: x\n',
        '"a\\n": 1\n',
        "'a''b': 1\n",
        "'a: b': 1\n",
        '"a" : 1\n',
        '"a": 1\na: 2\n',
        '"": 1\n',
        "1: 1\n",
        "a: 1\na: 2\n",
        "a: 18446744073709551615\n",
        "sops: 1\n",
        "sops:\n",
        "sops:\n- a\n",
        "a: 1\nsops:\n    x: 2024-01-01\n",
        "a: 1\nsops:\n    # c\n    mac: x\n    version: y\n",
        "a: \u2028\n",
        "a: \xa0\n",
        "",
    ],
    ids=repr,
)
def test_what_is_not_simple_is_left_to_the_scanner(text: str) -> None:
    assert yaml_lines.scan(text, "", DEFAULT_LIMITS) is None


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("a:\n  b:\n    c: 1\n", Limits(depth=2)),
        ("a: [[1]]\n", Limits(depth=2)),
        ("a: 1\nb: 2\n", Limits(nodes=1)),
        ("a: 1\n---\nb: 2\n", Limits(documents=1)),
    ],
    ids=["depth", "depth of flow", "nodes", "documents"],
)
def test_limits_hold(text: str, limits: Limits) -> None:
    assert read_alike(text)
    assert yaml_lines.scan(text, "", limits) is None


@pytest.mark.parametrize("recipients", [1, 3])
@pytest.mark.parametrize(
    "more",
    [
        {"unencrypted_suffix": "_unencrypted"},
        {"encrypted_regex": "^(data|stringData)$"},
        {"encrypted_regex": "^data"},
        {"unencrypted_suffix": "_No-x"},
        {"mac_only_encrypted": True},
        {"pgp": [{"created_at": "2026-01-02T03:04:05Z", "enc": "x", "fp": "y"}]},
        {"version": "3.13.3-rc.1"},
        {"mac": ""},
        {"lastmodified": "soon"},
    ],
    ids=lambda more: next(iter(more)),
)
def test_the_usual_metadata_is_spelled_as_the_emitter_spells_it(more: dict[str, t.Any], recipients: int) -> None:
    armor = "-----BEGIN AGE ENCRYPTED FILE-----\nYWdlLWVu\nY3J5cA==\n-----END AGE ENCRYPTED FILE-----\n"
    metadata: dict[str, t.Any] = {
        "age": [{"enc": armor, "recipient": f"age1q{number}"} for number in range(recipients)],
        "lastmodified": "2026-01-02T03:04:05Z",
        "mac": "ENC[AES256_GCM,data:YQ==,iv:YQ==,tag:YQ==,type:str]",
        "version": "3.13.3",
    }
    metadata = dict(sorted({**metadata, **more}.items()))
    expected = yaml_emitter.emit([MappingNode([("sops", from_data(metadata))])])
    assert yaml_lines_metadata.spell_usual(metadata) in (None, expected)
    if more.keys() == {"unencrypted_suffix"} and "-" not in more["unencrypted_suffix"]:
        assert yaml_lines_metadata.spell_usual(metadata) == expected


def test_other_armor_is_not_spelled_in_the_usual_form() -> None:
    common = {"lastmodified": "2026-01-02T03:04:05Z", "mac": "ENC[x]", "version": "3.13.3"}
    for enc in ("one\ntwo", "one \ntwo\n", " one\n", "one\n\ntwo\n", "", "a: b\n"):
        assert yaml_lines_metadata.spell_usual({"age": [{"enc": enc, "recipient": "age1q"}], **common}) is None
