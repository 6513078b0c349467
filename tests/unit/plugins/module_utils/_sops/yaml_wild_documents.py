# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random YAML documents with everything that is rare: tags, anchors, aliases, long scalars, comments in odd places."""

from __future__ import annotations

import json
import random

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import random_texts, yaml_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.yaml_documents import Writer

COMMENTS = (
    *yaml_documents.COMMENTS,
    "",
    "",
    " sops:enc",
    " sops:clear",
    "\ttab",
    " trailing ",
    "!",
    " ENC[x]",
    " - a: b",
)
TAGGED = (
    "!!str 5", "!!int 7", "!!int 0x1F", "!!float 1", "!!float 1.5", "!!bool true", "!!null ''", "!mine v", "! v", "!!binary aGk=", "!!binary /w==",
    "!!timestamp 2024-01-01", "!!str true", '!!str "q"', "!<tag:yaml.org,2002:str> 1", "!!str", "!!int x", "!!bool yes",
)  # fmt: skip
WEIGHTS = (
    "free_text",
    "free_text",
    "long",
    "tags",
    "anchors",
    "aliases",
    "explicit",
    "odd_comments",
    "odd_comments",
    "open_flow",
)
"""Each document draws a few of these."""


class WildWriter(Writer):
    """A writer that also does what few people do."""

    def __init__(self, rng: random.Random, *, eol: str = "\n") -> None:
        super().__init__(rng, eol=eol)
        self.wild = {rng.choice(WEIGHTS) for _turn in range(rng.randint(0, 3))}
        self.anchors: list[str] = []
        self.open: list[str] = []
        """Anchors of containers that are not complete, which an alias must not name."""

    def has(self, feature: str, probability: float) -> bool:
        return feature in self.wild and self.chance(probability)

    # --- keys and scalars ---

    def key(self, used: set[str]) -> str:
        if not self.has("free_text", 0.2):
            return super().key(used)
        key = random_texts.text(self.rng)
        while key in used:
            key += "x"
        used.add(key)
        return double_quoted(key)

    def scalar(self) -> str:
        if self.has("free_text", 0.7):
            return self.free_scalar()
        if self.has("tags", 0.2):
            return self.rng.choice(TAGGED)
        text = super().scalar()
        if text and self.has("anchors", 0.2):
            return f"&{self.anchor()} {text}"
        return text

    def free_scalar(self) -> str:
        kind = self.rng.random()
        if kind < 0.15:
            return random_texts.integer(self.rng)
        if kind < 0.3:
            return random_texts.number(self.rng)
        if kind < 0.4:
            return random_texts.moment(self.rng)
        text = random_texts.text(self.rng)
        if kind < 0.6 and text.isprintable():
            return "'" + text.replace("'", "''") + "'"
        if kind < 0.75:
            return random_texts.word(self.rng)
        return double_quoted(text)

    def anchor(self) -> str:
        name = f"a{len(self.anchors)}"
        self.anchors.append(name)
        return name

    # --- comments ---

    def noise(self, column: int, *, in_list: bool = False) -> None:
        if not self.has("odd_comments", 0.5):
            super().noise(column, in_list=in_list)
            return
        for _turn in range(self.rng.randint(1, 3)):
            self.lines.append(
                " " * self.rng.choice((0, column, column, column + 1, column + 2, column + 4)) + self.comment()
            )
            if self.chance(0.3):
                self.lines.append(self.rng.choice(("", "", "  ")))

    def comment(self) -> str:
        return "#" + self.rng.choice(COMMENTS)

    def inline(self) -> str:
        if self.has("odd_comments", 0.3):
            return self.rng.choice((" ", "  ", "\t")) + self.comment()
        return super().inline()

    # --- values ---

    def value(self, lead: str, column: int, depth: int, *, in_list: bool) -> None:
        if self.has("aliases", 0.3) and (usable := [name for name in self.anchors if name not in self.open]):
            self.lines.append(f"{lead} *{self.rng.choice(usable)}{self.inline()}")
        elif not in_list and depth < 4 and self.has("aliases", 0.3):
            self.anchored(lead, column, depth)
        elif self.has("long", 0.4):
            self.long(lead, column)
        elif self.has("open_flow", 0.3):
            self.open_flow(lead, column)
        elif not in_list and self.has("explicit", 0.3):
            self.explicit(lead, column, depth)
        else:
            super().value(lead, column, depth, in_list=in_list)

    def anchored(self, lead: str, column: int, depth: int) -> None:
        name = self.anchor()
        self.lines.append(f"{lead} &{name}{self.inline()}")
        self.open.append(name)
        if self.chance(0.6):
            self.mapping(column + 2, depth + 1, "")
        else:
            self.sequence(column + 2, depth + 1)
        self.open.remove(name)

    def explicit(self, lead: str, column: int, depth: int) -> None:
        key = lead[:-1]
        indent = " " * column
        if key.startswith(indent) and not key.startswith(indent + "-"):
            key = key[column:]
        elif not key.startswith(indent + "- "):
            super().value(lead, column, depth, in_list=False)
            return
        else:
            indent, key = key[:column], key[column:]
        self.lines.append(f"{indent}? {key}{self.inline()}")
        if self.chance(0.8):
            self.value(" " * column + ":", column, 4, in_list=True)

    def long(self, lead: str, column: int) -> None:
        indent = " " * (column + self.rng.choice((1, 2, 4)))
        first, *others = self.rng.choice(
            (("one two", "three"), ("a", "", "b"), ("x:y", "z"), ("ünï", "# no", "c"), ("tail ", "d"))
        )
        kind = self.rng.choice(("", "'", '"', '"\\'))
        if kind == "":
            others = [line for line in others if "#" not in line]
        glue = "\\" if kind == '"\\' else ""
        kind = kind[:1]
        self.lines.append(f"{lead} {kind}{first}{glue}")
        self.lines.extend(indent + line if line else "" for line in others)
        self.lines[-1] += kind + self.inline()

    def open_flow(self, lead: str, column: int) -> None:
        indent = " " * (column + 2)
        is_list = self.chance(0.5)
        used: set[str] = set()
        self.lines.append(f"{lead} {'[' if is_list else '{'}{self.inline()}")
        for _turn in range(self.rng.randint(0, 3)):
            if self.chance(0.2):
                self.lines.append(indent + self.comment())
            item = self.flow_item(1) if is_list else f"{self.key(used)}: {self.flow_item(1)}"
            self.lines.append(f"{indent}{item},{self.inline()}")
        self.lines.append(f"{indent}{']' if is_list else '}'}{self.inline()}")


def double_quoted(text: str) -> str:
    """Text in double quotes, readable for every YAML library."""
    quoted = json.dumps(text, ensure_ascii=False)
    odd = [char for char in set(quoted) if not char.isprintable() and char != " "]
    for char in odd:
        code = ord(char)
        quoted = quoted.replace(char, f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}")
    return quoted


def content(rng: random.Random) -> bytes:
    """A file: one document or several, with or without markers, any line end, maybe a byte order mark."""
    eol = rng.choice(("\n",) * 9 + ("\r\n",))
    parts: list[str] = []
    for number in range(rng.choice((1, 1, 1, 1, 1, 2, 3))):
        if number or rng.random() < 0.1:
            parts.append("---" + rng.choice(("", "", "", " # c", " ")) + eol)
        if rng.random() < 0.05:
            parts.append(rng.choice(("", "{}" + eol, "# only" + eol)))
            continue
        writer = WildWriter(rng, eol=eol) if rng.random() < 0.8 else Writer(rng, eol=eol)
        text = writer.document()
        parts.append(text)
        if rng.random() < 0.04:
            parts.append("..." + eol)
    whole = "".join(parts)
    if rng.random() < 0.1:
        whole = whole.rstrip("\r\n")
    return (("\ufeff" if rng.random() < 0.03 else "") + whole).encode()
