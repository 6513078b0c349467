# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random JSON documents in the layouts people write."""

from __future__ import annotations

import json
import random

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import random_texts

KEYS = (
    "a",
    "b",
    "data",
    "password",
    "user_unencrypted",
    "stringData",
    "key with space",
    "ünï",
    "",
    "x-y",
    "Zz",
    "e_1",
    "😀",
    'q"q',
    "auths",
)
SPACES = ("", "", " ", "\n", "\t", "  ", "\r\n")
ODD_NUMBERS = (
    "-0", "-0.0", "0.0", "1E5", "1e-7", "1e21", "1e20", "123456789012345678901", "9223372036854775808", "-9223372036854775809", "1.0", "10e0", "1E400",
    "0.1e1", "1e+2", "5e-324", "1.7976931348623157e308", "18446744073709551616",
)  # fmt: skip


class Writer:
    """Writes one random document: compact, indented by something, or with blanks at random."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.indent = rng.choice((None, None, "\t", "  ", "    ", ""))
        self.eol = rng.choice(("\n",) * 6 + ("\r\n",))
        self.colon = rng.choice((": ", ": ", ": ", ":", " : "))
        self.wild = self.indent is None and rng.random() < 0.4

    def content(self) -> bytes:
        text = self.members(0, keep=0.97)
        text = self.blank() + text + self.rng.choice(("\n", "\n", "", self.eol, "\n\n"))
        return text.encode("utf-8", "surrogatepass")

    def blank(self) -> str:
        return self.rng.choice(SPACES) if self.wild else ""

    def lay(self, opening: str, items: list[str], closing: str, depth: int) -> str:
        if not items:
            return opening + self.blank() + closing
        if self.indent is None:
            comma = "," if self.wild else self.rng.choice((", ", ","))
            return opening + comma.join(self.blank() + item + self.blank() for item in items) + closing
        inner = self.eol + self.indent * (depth + 1)
        return opening + inner + ("," + inner).join(items) + self.eol + self.indent * depth + closing

    def members(self, depth: int, *, keep: float = 0.9) -> str:
        count = self.rng.randint(1, 4) if self.rng.random() < keep else 0
        used: list[str] = []
        items = []
        for _turn in range(count):
            key = self.rng.choice(KEYS) if self.rng.random() < 0.8 else random_texts.text(self.rng)
            # sops takes a key twice; we do not, and say so.
            while key in used and self.rng.random() < 0.99:
                key += str(self.rng.randint(0, 9))
            used.append(key)
            items.append(self.string(key) + self.blank() + self.colon + self.value(depth + 1))
        return self.lay("{", items, "}", depth)

    def value(self, depth: int) -> str:
        kind = self.rng.random()
        if depth < 5 and kind < 0.15:
            return self.members(depth)
        if depth < 5 and kind < 0.3:
            items = [self.value(depth + 1) for _turn in range(self.rng.randint(0, 4))]
            return self.lay("[", items, "]", depth)
        if kind < 0.65:
            return self.string(random_texts.text(self.rng))
        if kind < 0.75:
            return random_texts.integer(self.rng)
        if kind < 0.85:
            return self.rng.choice(ODD_NUMBERS) if self.rng.random() < 0.4 else random_texts.number(self.rng)
        return self.rng.choice(("true", "false", "null"))

    def string(self, text: str) -> str:
        quoted = json.dumps(text, ensure_ascii=self.rng.random() < 0.3)
        kind = self.rng.random()
        if kind < 0.05:
            quoted = quoted.replace("/", "\\/")
        elif kind < 0.08:
            quoted = quoted.replace("<", "\\u003c").replace("a", "\\u0061")
        elif kind < 0.09:
            quoted = quoted[:-1] + self.rng.choice(("\\ud800", "\\udc00x", "\\ud83d\\ude00")) + '"'
        return quoted


def content(rng: random.Random) -> bytes:
    """A file with one object, now and then with something behind it."""
    made = Writer(rng).content()
    if rng.random() < 0.01:
        made = rng.choice((b"[]", b"1", b"", b"\xef\xbb\xbf" + made, made + b"x", b'"a"', made + b"{}"))
    return made
