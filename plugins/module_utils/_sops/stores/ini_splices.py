# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing INI by splicing: tokens into the spans of values, values into the spans of tokens.

Private to the collection. Everything outside of the spans stays byte for byte. A token keeps the quotes of
the text it replaces. A comment of several lines becomes one token, as in sops; where its lines are not simply
one below the other, their signs stay as marks of where the text goes on decryption.
"""

from __future__ import annotations

import typing as t
from collections.abc import Sequence

from ..tree import Comment, Edit, Leaf, apply_edits
from .base import Block, Typed
from .flat_text import text_of
from .ini_emitter import metadata_lines, spell_value
from .ini_scanner import IniTree, Piece, Stored
from .ini_syntax import DOUBLE, JOINED, PLAIN, RAW, SINGLE, SPACE, TICK, TRIPLE, line_end, skip_space

_QUOTED = (PLAIN, SINGLE, DOUBLE)


def _line_break(tree: IniTree) -> str:
    """The line break of a file: its last one outside of values, next to which the metadata stands."""
    text = tree.text
    at = text.rfind("\n")
    for leaf in reversed(tree.leaves):
        if leaf.end <= at:
            break
        if leaf.start <= at:
            at = text.rfind("\n", 0, leaf.start)
    if at < 0:
        at = text.rfind("\n")
    return "\r\n" if text[: at + 1].endswith("\r\n") else "\n"


# --- tokens into a plain file ---------------------------------------------------------------------


def encrypted(
    tree: IniTree,
    tokens: Sequence[str | None],
    comments: Sequence[str | None],
    metadata: dict[str, t.Any],
    styles: Sequence[str | None] | None,
    block: Block | None,
) -> str:
    """The plain file with tokens, and the metadata at its end."""
    edits = [
        _token(tree.text, leaf, token, styles[number] if styles is not None else None)
        for number, (leaf, token) in enumerate(zip(tree.leaves, tokens, strict=True))
        if token is not None
    ]
    edits += _close_comments(tree, comments)
    new_line = _line_break(tree)
    body = apply_edits(tree.text, edits)
    lines = block.text.split("\n") if block is not None else metadata_lines(metadata)
    section = new_line.join(lines)
    if not body:
        return section + new_line
    if body.endswith("\n"):
        return body + new_line + section + new_line
    # No final break in the file: none after the metadata either, which is how decryption knows.
    return body + new_line + new_line + section


def _token(text: str, leaf: Leaf, token: str, style: str | None) -> Edit:
    quote = _token_style(text, leaf, leaf.style if style is None else style)
    return Edit(leaf.start, leaf.end, f"{quote}{token}{quote}")


def _token_style(text: str, leaf: Leaf, style: str) -> str:
    own = leaf.style
    if style == JOINED:
        style = PLAIN
    if own == JOINED or skip_space(text, leaf.end, line_end(text, leaf.end)) == line_end(text, leaf.end):
        return style
    # Something is behind the value. What it is depends on the quotes.
    if own not in RAW:
        return style if style in _QUOTED else own
    if "\n" in text[leaf.start : leaf.end]:
        # A comment behind quotes is one only if they close on a later line than they open.
        return PLAIN if own == TRIPLE else SINGLE
    return own


def _close_comments(tree: IniTree, comments: Sequence[str | None]) -> list[Edit]:
    edits: list[Edit] = []
    for comment, pieces, token in zip(tree.comments, tree.pieces, comments, strict=True):
        if token is not None:
            _close_comment(tree, comment, pieces, token, edits)
    return edits


def _close_comment(tree: IniTree, comment: Comment, pieces: Sequence[Piece], token: str, edits: list[Edit]) -> None:
    text = tree.text
    first, last = pieces[0], pieces[-1]
    if first.in_header:
        line = text.rfind("\n", 0, first.start) + 1
        indent = text[line : skip_space(text, line, first.start)]
        edits.append(Edit(line, line, f"{indent}{text[first.start]} {token}{_line_break(tree)}"))
        edits.append(Edit(comment.start, comment.end, text[first.start]))
    elif last.own_line and _expanded(text, first, comment.text) == text[comment.start : last.end]:
        edits.append(Edit(comment.start, last.end, token))
    else:
        edits.append(Edit(comment.start, comment.end, token))
        edits.extend(Edit(each.start + 1, each.end, "") for each in pieces[1:])


def _expanded(text: str, first: Piece, comment: str) -> str:
    """The lines of a comment, one below the other and in one column."""
    line = text.rfind("\n", 0, first.start) + 1
    indent = text[line : first.start]
    own, *others = comment.split("\n")
    return f"\n{indent}".join((own, *map(_signed, others)))


def _signed(line: str) -> str:
    return line if line[:1] in ("#", ";") else f"; {line}".rstrip(" ")


# --- values into an encrypted file ----------------------------------------------------------------


def plain(tree: IniTree, values: Sequence[Typed | None], comments: Sequence[str | None]) -> str:
    """The encrypted file with values, without metadata."""
    edits = [
        _value(tree.text, leaf, text_of(value))
        for leaf, value in zip(tree.leaves, values, strict=True)
        if value is not None
    ]
    for comment, pieces, new in zip(tree.comments, tree.pieces, comments, strict=True):
        if new is not None:
            _open_comment(tree.text, comment, pieces, new, edits)
    return apply_edits(tree.text, edits + _removals(tree))


def _value(text: str, leaf: Leaf, value: str) -> Edit:
    styles: tuple[str, ...] = (leaf.style,)
    if leaf.style == SINGLE and "\n" in value:
        # So it is in a token in place of a text in back quotes with a comment behind it.
        styles = (TICK, TRIPLE)
    # Behind raw quotes of one line a comment would be lost, unless it is one that is lost already.
    stop = line_end(text, leaf.end)
    sign = skip_space(text, leaf.end, stop)
    behind = text[leaf.end : sign + 1] if sign < stop and leaf.style in _QUOTED else ""
    return Edit(leaf.start, leaf.end, spell_value(value, styles, leaf.path.removesuffix(":"), behind))


def _open_comment(text: str, comment: Comment, pieces: Sequence[Piece], new: str, edits: list[Edit]) -> None:
    parts = new.split("\n")
    first, last = pieces[0], pieces[-1]
    if len(parts) == len(pieces):
        for number, (piece, part) in enumerate(zip(pieces, parts, strict=True)):
            # White space at the end of its line is still there.
            edits.append(
                Edit(piece.start, piece.end, _signed(part).rstrip(SPACE))
                if number
                else Edit(comment.start, comment.end, part.rstrip(SPACE))
            )
    elif last.in_header and len(parts) == len(pieces) - 1 == 1:
        # There is no place for a token behind the name of a section, so it has a line of its own, and a sign here.
        line = text.rfind("\n", 0, first.start) + 1
        edits.append(Edit(line, line_end(text, line), ""))
        edits.append(Edit(last.end - 1, last.end, parts[0]))
    elif first.own_line:
        edits.append(Edit(comment.start, comment.end, _expanded(text, first, new)))


def _removals(tree: IniTree) -> list[Edit]:
    """The section of the metadata, with the empty line before it."""
    stored: Stored | None = tree.branches[0].metadata
    if stored is None:
        return []
    text = tree.text
    start = stored.start
    before = 2 if text[start - 2 : start] == "\r\n" else 1
    if start >= before and (start == before or text[start - before - 1] == "\n"):
        start -= before
        if start and stored.end == len(text) and not text.endswith("\n"):
            # The plain text had no final break either.
            start -= before
    return [Edit(start, stored.end, "")]


# --- for people -----------------------------------------------------------------------------------


def masked(tree: IniTree, marks: Sequence[str | None], comments: Sequence[str | None], footer: str) -> str:
    """The text with marks in place of values, and `footer` in place of the metadata."""
    edits = [
        Edit(leaf.start, leaf.end, mark) for leaf, mark in zip(tree.leaves, marks, strict=True) if mark is not None
    ]
    edits += _close_comments(tree, comments)
    body = apply_edits(tree.text, edits + _removals(tree)).replace("\r\n", "\n")
    return body + ("\n" if body and not body.endswith("\n") else "") + footer


# --- metadata as it stands ------------------------------------------------------------------------


def metadata_block(tree: IniTree, changes: dict[str, str]) -> Block | None:
    """The metadata as they stand, with some of their texts exchanged."""
    stored: Stored | None = tree.branches[0].metadata
    known = {leaf.key: leaf for leaf in stored.entries} if stored is not None else {}
    if stored is None or not set(changes) <= set(known):
        return None
    edits = []
    for key, value in changes.items():
        leaf = known[key]
        if value != leaf.text:
            spelled = spell_value(value, (leaf.style,), None)
            edits.append(Edit(leaf.start - stored.start, leaf.end - stored.start, spelled))
    text = apply_edits(tree.text[stored.start : stored.end], edits)
    return Block(0, text.replace("\r\n", "\n").removesuffix("\n"))
