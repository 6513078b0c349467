# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a file around and in its values: what may change there, and what is changed there for a test."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import Leaf, Tree


def own_leaves(tree: Tree) -> list[Leaf]:
    """Leaves that stand in the text, copies of aliases left out."""
    return [leaf for leaf in tree.leaves if leaf.begin >= 0]


def outside(tree: Tree, *, loose: bool = False) -> list[str]:
    """The text between the values; `loose` without blanks and breaks.

    A block scalar includes its break and the comment behind its header, other scalars do not.
    """
    parts, done = [tree.prefix], 0
    for leaf in own_leaves(tree):
        # A tag may go: it would give the token a type.
        parts.append(tree.text[done : min(leaf.start, leaf.begin)])
        done = leaf.end
        if loose and leaf.style in ("|", ">"):
            header = re.match(r"[|>][-+0-9]*(.*)", tree.text[leaf.start : leaf.end])
            parts.append(header[1] if header else "")
    parts.append(tree.text[done:])
    return ["".join("".join(parts).split())] if loose else parts


def masked(tree: Tree, number: int) -> str:
    """The text without one value, the MAC and the time."""
    leaf = tree.leaves[number]
    # A block scalar ends behind its breaks.
    end = leaf.end
    if leaf.style in ("|", ">"):
        end = leaf.start + len(tree.text[leaf.start : leaf.end].rstrip("\r\n"))
    text = tree.text[: leaf.start] + "<value>" + tree.text[end:]
    text = re.sub(r"ENC\[AES256_GCM,data:[^,\]]{170,174},iv:[^\]]*type:str\]", "<mac>", text)
    return tree.prefix + re.sub(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", "<time>", text)


def plain_text(tree: Tree, number: int, new: str | None) -> bytes | None:
    """The file with another text for one value."""
    if new is None:
        return None
    leaf = tree.leaves[number]
    text = tree.prefix + tree.text[: leaf.start] + new + tree.text[leaf.end :]
    return text.encode("utf-8", "surrogateescape")


def only_differs(before: Tree, after: Tree, number: int) -> bool:
    """Whether two trees differ in one value alone."""
    if len(before.leaves) != len(after.leaves) or outside(before) != outside(after):
        return False
    pairs = zip(before.leaves, after.leaves, strict=True)
    return (
        all(
            (old.type, old.text, old.path) == (new.type, new.text, new.path)
            for index, (old, new) in enumerate(pairs)
            if index != number
        )
        and after.leaves[number].text != before.leaves[number].text
    )


def replacement(store: str, leaf: Leaf, text: str) -> str | None:
    """Another value, written in the way of the old one; None where that is not simple."""
    spelled = text[leaf.start : leaf.end]
    if store == "binary":
        return "changed"
    if store == "ini":
        # Other quotes make something else of a comment behind them.
        new = "changed\n" if "\n" in spelled else "changed"
        return None if leaf.style == "\\" else f"{leaf.style}{new}{leaf.style}"
    if store == "json" or (store == "yaml" and leaf.style == '"'):
        return '"changed \\u00e4"'
    if store == "yaml" and leaf.style in ("|", ">"):
        return None
    if spelled[:1] == "'" and spelled[-1:] == "'" and len(spelled) > 1:
        return "'changed'"
    return "changed"


def damaged(content: bytes, rng: random.Random) -> bytes:
    """A file after an accident: a byte, a piece or a line lost, doubled or replaced."""
    start = rng.randrange(len(content))
    end = min(len(content), start + rng.choice((1, 1, 1, 5, 50, 500)))
    kind = rng.random()
    if kind < 0.25:
        return content[:start] + content[end:]
    if kind < 0.5:
        return (
            content[:start]
            + rng.choice((b"x", b"\x00", b"\xff", b":", b"#", b"\n", b"'", b'"', b" ", b"-", b"]", b"}"))
            + content[start + 1 :]
        )
    if kind < 0.6:
        return content[:start]
    lines = content.splitlines(keepends=True)
    line = rng.randrange(len(lines))
    if kind < 0.75:
        del lines[line]
    elif kind < 0.9:
        lines.insert(line, lines[line])
    else:
        lines.insert(line, lines.pop(rng.randrange(len(lines))))
    return b"".join(lines)


def unusual(store: str, leaf: Leaf, spelled: str) -> str | None:
    """Why the spelling of a value is not kept by encryption; None if it should be."""
    if store == "yaml":
        return next((reason for reason, test in _UNUSUAL if test(leaf, spelled)), None)
    if store == "json":
        return "an escape or a spelling of a number" if "\\" in spelled or leaf.type in ("float", "int") else None
    if store == "ini":
        return "a continued line" if "\\" in spelled else None
    return None


_UNUSUAL: tuple[tuple[str, Callable[[Leaf, str], bool]], ...] = (
    ("a tag or an anchor", lambda leaf, _spelled: leaf.begin != leaf.start),
    ("folded text", lambda leaf, _spelled: leaf.style == ">"),
    ("literal text with blanks, breaks or odd characters", lambda leaf, _spelled: leaf.style == "|"),
    ("a break within a value", lambda _leaf, spelled: re.search("[\r\n\x85\u2028\u2029]", spelled) is not None),
    ("a spelling of an integer", lambda leaf, spelled: leaf.type == "int" and spelled != leaf.text),
    ("a spelling of a float, bool or time", lambda leaf, _spelled: leaf.type in ("float", "bool", "time")),
    ("an escape", lambda leaf, _spelled: leaf.style == '"'),
    ("quotes in flow", lambda leaf, _spelled: leaf.box.flow),
    ("quotes around odd characters", lambda leaf, spelled: leaf.style == "'" and not spelled.isprintable()),
)
"""What a token has no place for, in the order of testing."""
