# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random YAML documents in the styles people write: comments, blocks, flow, quotes, odd scalars.

Used by the property tests here and, batched, by the tests against sops itself.
"""

from __future__ import annotations

import json
import random

PLAIN = (
    "true", "False", "yes", "on", "n", "null", "~", "", "0", "-0", "007", "0o17", "0x1F", "-0b11", "1_000", "12345678901234567",
    "9223372036854775807", "-9223372036854775808", "1.5", ".5", "5.", "1e3", "-1E-7", "1.0", "0.1", "1e100", ".inf", "-.Inf", ".nan",
    "2024-01-01", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43.1", "2001-13-01", "190:20:30", "1.2.3.4", "08", "09.5",
    "a b c", "a:b", "a#b", "-x", "?x", "it's", 'a"b', "=", "word", "x/y.z", "user@example.com", "äöü", "日本", "😀 smile", "a, b",
    "ENC[x]", "18446744073709551616", "1e400", "+12", "0x", "a: b"[:1],
)  # fmt: skip
STRINGS = (
    "", " ", " lead", "trail ", "true", "123", "1.5", "null", "2024-01-01", "a: b", "a #b", "# c", "- x", "tab\tx", "line\nbreak",
    "two\n\nlines\n", "it's", 'say "hi"', "back\\slash", "é", "😀", "\u2028", "\x85", "\x00\x01", "x" * 200, "{a}", "[b]", "*a",
    "&a", "!t", "%d", "@h", "`c`", "|", ">", "y", "no", "1:20", "...", "---", "a\r\nb", "\ufeff", "~", ": x", "x:",
)  # fmt: skip
BODIES = (
    ("one line",), ("line 1", "line 2"), ("line 1", "", "line 3"), ("-----BEGIN KEY-----", "abc==", "-----END KEY-----"), ("# not a comment", "x: y"),
    ("if true; then", "\techo hi", "fi"), ("trailing ", "blank"), ("ünïcödé", "😀"), ("first", "  deeper", "back"),
)  # fmt: skip
KEYS = (
    "a",
    "b",
    "password",
    "user_unencrypted",
    "data",
    "stringData",
    "k8s.io/name",
    "key with space",
    "ünï",
    "x-y",
    "yes",
    "Zz",
    "e_1",
    "tls.crt",
)
COMMENTS = (" a comment", "no space", " with: colon", " ünï", "# double", " 'quoted'", " - item")


def seeded(seed: int) -> random.Random:
    """The same documents for the same seed."""
    return random.Random(seed)  # noqa: S311  (test data)


class Writer:
    """Writes one random document."""

    def __init__(self, rng: random.Random, *, lists_of_comments: bool = True, eol: str = "\n") -> None:
        self.rng = rng
        self.lines: list[str] = []
        self.lists_of_comments = lists_of_comments
        self.eol = eol

    def document(self) -> str:
        if self.rng.random() < 0.05:
            return self.flow_mapping(2) + "\n"
        self.mapping(0, 0, "")
        self.noise(0)
        return self.eol.join(self.lines) + self.eol

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def noise(self, column: int, *, in_list: bool = False) -> None:
        if self.chance(0.1):
            self.lines.append("")
        if self.chance(0.15) and (self.lists_of_comments or not in_list):
            for _turn in range(self.rng.randint(1, 2)):
                self.lines.append(" " * column + "#" + self.rng.choice(COMMENTS))
            if self.chance(0.3):
                self.lines.append("")

    def inline(self) -> str:
        return "  #" + self.rng.choice(COMMENTS) if self.chance(0.12) else ""

    def key(self, used: set[str]) -> str:
        key = self.rng.choice(KEYS)
        while key in used:
            key += str(self.rng.randint(0, 9))
        used.add(key)
        style = self.rng.random()
        return json.dumps(key, ensure_ascii=False) if style < 0.1 else f"'{key}'" if style < 0.15 else key

    def mapping(self, column: int, depth: int, first: str) -> None:
        used: set[str] = set()
        for number in range(self.rng.randint(1, 4)):
            lead = " " * column
            if number == 0 and first:
                lead = first
            else:
                self.noise(column)
            self.value(lead + self.key(used) + ":", column, depth, in_list=False)

    def sequence(self, column: int, depth: int) -> None:
        for number in range(self.rng.randint(1, 4)):
            if number:
                self.noise(column, in_list=True)
            lead = " " * column + "-"
            kind = self.rng.random()
            if depth < 4 and kind < 0.3:
                self.mapping(column + 2, depth + 1, lead + " ")
            else:
                self.value(lead, column, depth, in_list=True)

    def value(self, lead: str, column: int, depth: int, *, in_list: bool) -> None:
        kind = self.rng.random()
        if depth < 4 and kind < 0.15 and not in_list:
            self.lines.append(lead + self.inline())
            self.mapping(column + self.rng.choice((2, 2, 4, 1)), depth + 1, "")
        elif depth < 4 and kind < 0.3 and not in_list:
            self.lines.append(lead + self.inline())
            self.sequence(column + self.rng.choice((0, 2, 2, 4)), depth + 1)
        elif kind < 0.36:
            self.lines.append(f"{lead} {self.flow(2)}{self.inline()}")
        elif kind < 0.46:
            self.block(lead, column)
        else:
            self.lines.append(f"{lead} {self.scalar()}".rstrip() + self.inline())

    def block(self, lead: str, column: int) -> None:
        header = self.rng.choice(("|", "|", "|", "|-", "|+", ">", ">-"))
        body = self.rng.choice(BODIES)
        self.lines.append(f"{lead} {header}{self.inline()}")
        indent = " " * (column + self.rng.choice((1, 2, 2, 4)))
        self.lines.extend(indent + line if line else "" for line in body)
        if header == "|+" and self.chance(0.3):
            self.lines.append("")

    def scalar(self) -> str:
        style = self.rng.random()
        if style < 0.6:
            return self.rng.choice(PLAIN)
        text = self.rng.choice(STRINGS)
        if style < 0.8 and text.isprintable():
            return "'" + text.replace("'", "''") + "'"
        return json.dumps(
            text, ensure_ascii=(self.chance(0.2) or not text.isprintable()) and max(text, default="") < "\U00010000"
        )

    def flow(self, depth: int) -> str:
        return self.flow_mapping(depth) if self.chance(0.5) else self.flow_sequence(depth)

    def flow_item(self, depth: int) -> str:
        if depth and self.chance(0.25):
            return self.flow(depth - 1)
        scalar = self.scalar()
        return '"x"' if (any(char in scalar for char in ",[]{}") and scalar[:1] not in "'\"") or not scalar else scalar

    def size(self, depth: int) -> int:
        # sops writes a comment around an empty list or mapping of a block so that it cannot read it back.
        return self.rng.randint(1 if depth == 2 else 0, 3)

    def flow_mapping(self, depth: int) -> str:
        used: set[str] = set()
        items = [f"{self.key(used)}: {self.flow_item(depth)}" for _turn in range(self.size(depth))]
        return "{" + ", ".join(items) + "}"

    def flow_sequence(self, depth: int) -> str:
        return "[" + ", ".join(self.flow_item(depth) for _turn in range(self.size(depth))) + "]"


def document(rng: random.Random, *, lists_of_comments: bool = True, eol: str = "\n") -> str:
    """One document; `lists_of_comments` also puts comments between the items of lists."""
    return Writer(rng, lists_of_comments=lists_of_comments, eol=eol).document()
