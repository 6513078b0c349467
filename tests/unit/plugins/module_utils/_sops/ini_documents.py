# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random INI files, with what go-ini takes: both delimiters, three kinds of quotes, comments, continued lines."""

from __future__ import annotations

import random

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import random_texts

SECTIONS = ("a", "b", "data", "stringData", "s_unencrypted", "with space", "ünï", "a.b", "DEFAULT", "x:y", 'q"q')
KEYS = ("a", "b", "password", "user_unencrypted", "key with space", "ünï", "x-y", "Zz", "a.b", "e_1", "k#h", "tls.crt")
COMMENTS = (" a comment", "no space", "", " sops:enc", " sops:clear", " k = v", " ünï", ";", "# double", " [x]")


ODD = ("x # c", "x ; c", "a#b", "a;b", "'q'", '"q"', "'a", 'a"', "`b`", "%(a)s", "$x", "\\", "a\\tb", "x = y", "x : y")
LONG = ("one", "one\ntwo", "a\n\n b", "# x\ny", 'a"b')
RAW = ("one", "one\ntwo", "a;b", '"x"')


def value(rng: random.Random) -> str:
    """The text behind the delimiter."""
    kinds = (random_texts.word, _odd, _long, _raw, _continued, _free)
    return rng.choices(kinds, (7, 2, 1, 1, 1, 8))[0](rng)


def _odd(rng: random.Random) -> str:
    return rng.choice(ODD)


def _long(rng: random.Random) -> str:
    return '"""' + rng.choice(LONG) + '"""'


def _raw(rng: random.Random) -> str:
    return "`" + rng.choice(RAW) + "`"


def _continued(rng: random.Random) -> str:
    return rng.choice(("first", "a = b", "")) + rng.choice((" \\\n", "\\\n  ")) + rng.choice(("second", "", "[x]"))


def _free(rng: random.Random) -> str:
    text = random_texts.text(rng).replace("\n", "\\n").replace("\r", "\\r")
    quote = rng.choice(("", "", '"', "'"))
    return quote + text + quote


class Writer:
    """Writes one random file."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.lines: list[str] = []

    def content(self) -> bytes:
        rng = self.rng
        eol = rng.choice(("\n",) * 9 + ("\r\n",))
        if rng.random() < 0.2:
            self.keys()
        for _turn in range(rng.randint(1, 4)):
            self.noise()
            section = rng.choice(SECTIONS)
            self.lines.append(f"[{section}]" + rng.choice(("", "", "", "", " ", " ; c", " # c")))
            self.keys()
        self.noise()
        text = eol.join("\n".join(self.lines).split("\n")) + eol
        if rng.random() < 0.1:
            text = text.rstrip("\r\n")
        made = text.encode("utf-8", "surrogatepass")
        return b"\xef\xbb\xbf" + made if rng.random() < 0.02 else made

    def keys(self) -> None:
        used: set[str] = set()
        for _turn in range(self.rng.randint(0, 4)):
            self.noise()
            key = self.rng.choice(KEYS) if self.rng.random() < 0.9 else random_texts.word(self.rng)
            while key in used and self.rng.random() < 0.95:
                key += str(self.rng.randint(0, 9))
            used.add(key)
            if self.rng.random() < 0.05:
                key = self.rng.choice((f'"{key}"', f"`{key}`"))
            lead = self.rng.choice(("",) * 9 + ("  ",))
            delimiter = self.rng.choice((" = ", " = ", "=", ": ", ":", "  =  ", " ="))
            self.lines.append(f"{lead}{key}{delimiter}{value(self.rng)}")

    def noise(self) -> None:
        if self.rng.random() < 0.15:
            self.lines.append("")
        for _turn in range(self.rng.choice((0, 0, 0, 0, 1, 2))):
            self.lines.append(self.rng.choice((";", "#", "; ", "# ", "  ;")) + self.rng.choice(COMMENTS))


def content(rng: random.Random) -> bytes:
    """A file with a few sections."""
    return Writer(rng).content()
