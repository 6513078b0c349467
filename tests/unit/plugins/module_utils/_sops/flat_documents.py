# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random dotenv and INI files as people write them, with what is odd in them.

Used by the property tests here and, batched, by the tests against sops itself.
"""

from __future__ import annotations

import random

WORDS = (
    "word", "a b c", "0", "1.5", "true", "https://example.com/a?b=c&d=e", "it's", 'a"b', "x=y", "a:b", "%(x)s", "$HOME", "${X}", "äöü", "日本",
    "😀 smile", "\\", "a\\b", "c:\\dir", "a\\nb", "\\\\n", "x" * 200, "ENC[x]", "null", "[b]", "\x1f", "\x7f", "é\u2028f", "a\xa0b", "\udcff\udc80",
)  # fmt: skip
KEYS = (
    "a",
    "PASSWORD",
    "user_unencrypted",
    "db.url",
    "k8s/name",
    "key with space",
    "ünï",
    "x-y",
    "Zz",
    "e_1",
    "export A",
    "a\\b",
)
COMMENTS = (
    " a comment",
    "no space",
    " with = equals",
    " ünï",
    "; double",
    "  two spaces  ",
    "",
    " -----",
    " a; b # c",
    " 'q'",
)
SECTIONS = (
    "a",
    "b",
    "db",
    "section_unencrypted",
    "with space",
    " padded ",
    "a.b",
    "DEFAULT",
    "default",
    "ünï",
    "x]y",
    "a;b",
    "# c",
)


def seeded(seed: int) -> random.Random:
    """The same files for the same seed."""
    return random.Random(seed)  # noqa: S311  (test data)


def dotenv(rng: random.Random, *, repeated: bool = True) -> str:
    """One dotenv file; with `repeated`, keys can occur twice."""
    eol = rng.choice(("\n", "\n", "\n", "\r\n"))
    lines: list[str] = []
    used: set[str] = set()
    for _turn in range(rng.randint(0, 8)):
        kind = rng.random()
        if kind < 0.15:
            lines.append("#" + rng.choice(COMMENTS))
        elif kind < 0.25 and eol == "\n":
            lines.append("")
        else:
            key = rng.choice((*KEYS, "", " lead", "trail ", "export B", '"q"', "a:b"))
            if repeated or key not in used:
                used.add(key)
                lines.append(
                    f"{key}={rng.choice((*WORDS, '', ' ', ' lead', 'trail ', chr(34) + 'q' + chr(34), '# x', 'a=b=c', chr(13)))}"
                )
    text = eol.join(lines)
    return text + (eol if text and rng.random() < 0.85 else "")


class IniWriter:
    """Writes one random INI file."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.eol = rng.choice(("\n", "\n", "\n", "\r\n"))
        self.lines: list[str] = []

    def document(self) -> str:
        if self.chance(0.4):
            self.keys()
        for _turn in range(self.rng.randint(0, 3)):
            self.noise()
            behind = f" {self.rng.choice(';#')}{self.rng.choice(COMMENTS)}" if self.chance(0.15) else ""
            self.lines.append(f"{self.indent()}[{self.rng.choice(SECTIONS)}]{behind}")
            self.keys()
        self.noise()
        return self.eol.join(self.lines) + (self.eol if self.lines and self.chance(0.85) else "")

    def chance(self, probability: float) -> bool:
        return self.rng.random() < probability

    def indent(self) -> str:
        return self.rng.choice(("", "", "", "  ", "\t"))

    def noise(self) -> None:
        while self.chance(0.35):
            if self.chance(0.3):
                self.lines.append(self.rng.choice(("", "", "  ")))
            else:
                indent = self.indent()
                sign = self.rng.choice(";;#")
                self.lines.append(f"{indent}{sign}{self.rng.choice(COMMENTS)}")
                while self.chance(0.3):
                    self.lines.append(f"{indent}{sign}{self.rng.choice(COMMENTS)}")

    def keys(self) -> None:
        used: set[str] = set()
        for _turn in range(self.rng.randint(0, 4)):
            key = self.rng.choice(KEYS)
            if key in used:
                continue
            used.add(key)
            self.noise()
            quote = self.rng.choice(("", "", "", '"', "`", '"""'))
            delimiter = self.rng.choice((" = ", " = ", "=", ":", " : ", "   =   "))
            self.lines.append(f"{self.indent()}{quote}{key}{quote}{delimiter}{self.value()}")
        if self.chance(0.1):
            self.lines.append(f"- = {self.value()}")

    def value(self) -> str:
        word = self.rng.choice(WORDS)
        behind = f" {self.rng.choice(';#')}{self.rng.choice(COMMENTS)}" if self.chance(0.2) else ""
        quote = self.rng.choice(("`", '"""'))
        return self.rng.choice(
            (
                *[word.rstrip("\\") + behind] * 5,
                f"'{word}'{behind}" if "'" not in word else f'"{word}"{behind}',
                f'"{word}"{behind}',
                f"`{word}; #`{behind}",
                f'""" {word}`"""{behind}',
                self.eol.join((f"{quote}first {word}", "", "  second = x ; y", f"third{quote}{behind}")),
                f"{word} \\{self.eol}  next{self.eol}" if self.chance(0.3) else word.rstrip("\\"),
                behind.lstrip(),
            )
        )


def ini(rng: random.Random) -> str:
    """One INI file."""
    return IniWriter(rng).document()


def as_bytes(text: str) -> bytes:
    """The file; some of them are not UTF-8."""
    return text.encode("utf-8", "surrogateescape")
