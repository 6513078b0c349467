# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing JSON by splicing: tokens into the spans of values, values into the spans of tokens.

Private to the collection. Everything outside of the spans stays byte for byte; the metadata is laid out as the
file is.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence
from json.decoder import scanstring  # type: ignore[attr-defined]  # (missing in typeshed)

from ..._errors import EmissionError, EncryptionError
from ..nodes import from_data
from ..tree import COMMENT, FLOAT, STR, TIME, Edit, Leaf, Tree, apply_edits
from ..values import is_token
from .base import METADATA_KEY, Block, Typed
from .json_emitter import Layout, require_finite, require_text, write
from .json_scanner import JsonBranch
from .json_text import (
    loses_digits,
    marks_of_number,
    marks_of_string,
    marks_of_token,
    spell_string,
    spell_string_as_sops,
    spell_token,
    spell_typed,
)

_BLANKS = re.compile(r"[ \t\r\n]*")
_BREAK = re.compile(r"\r\n|[\r\n]")
_INDENT = re.compile(r"[ \t]*")
_COMMA_AFTER = re.compile(r"[ \t\r\n]*,[ \t\r\n]*")
_ALONE = -1
"""Column of a block that is all there is between the braces."""


def branch_of(tree: Tree) -> JsonBranch:
    """The only document."""
    return t.cast("JsonBranch", tree.branches[0])


def _where(tree: Tree, leaf: Leaf) -> str:
    return f"line {tree.line_of(leaf.start)}: {leaf.path.removesuffix(':')}"


# --- tokens into a plain file ---------------------------------------------------------------------


def encrypted(
    tree: Tree,
    tokens: Sequence[str | None],
    metadata: Mapping[str, t.Any],
    styles: Sequence[str | None] | None,
    block: Block | None,
) -> str:
    """The plain file `tree` with tokens and metadata."""
    edits = [
        Edit(leaf.start, leaf.end, _spelled_token(tree, leaf, token, styles[number] if styles is not None else None))
        for number, (leaf, token) in enumerate(zip(tree.leaves, tokens, strict=True))
        if token is not None
    ]
    edits.append(_metadata_edit(tree, metadata, block))
    return apply_edits(tree.text, edits)


def _spelled_token(tree: Tree, leaf: Leaf, token: str, style: str | None) -> str:
    if style is not None and len(style) > 1 and _is_spelling_of(style, token):
        return style
    if not leaf.style:
        spelled = tree.text[leaf.start : leaf.end]
        if leaf.type == FLOAT and loses_digits(leaf.text, spelled):
            raise EncryptionError(
                "an integer beyond 64 bits would lose digits: SOPS keeps it as a float",
                where=_where(tree, leaf),
                hint="make it a string",
            )
        marks = marks_of_number(leaf.type, leaf.text, spelled)
        return spell_token(token, marks) if marks else f'"{token}"'
    if leaf.style == '"':
        return f'"{token}"'
    return spell_token(token, marks_of_string(leaf.text, leaf.style))


def _is_spelling_of(style: str, token: str) -> bool:
    """Whether the old spelling, which has escapes, is that of the same token."""
    return bool(scanstring(style, 1, True)[0] == token)


def _metadata_edit(tree: Tree, metadata: Mapping[str, t.Any], block: Block | None) -> Edit:
    branch = branch_of(tree)
    inner = branch.root_begin + 1
    if block is not None and block.column == _ALONE and branch.empty and branch.close == inner:
        return Edit(inner, inner, block.text)
    layout, separator, end = _layout(tree)
    at = inner if branch.empty else branch.last_end
    if block is None or block.column == _ALONE:
        member = spell_string_as_sops(METADATA_KEY) + layout.colon + write(from_data(dict(metadata)), layout)
        if block is not None:
            member = block.text.strip(" \t\r\n")
        return Edit(at, at, separator + member + end)
    if "," in block.text[: block.column] and not branch.empty:
        return Edit(at, at, block.text)
    return Edit(at, at, separator + block.text[block.column :] + end)


def _layout(tree: Tree) -> tuple[Layout, str, str]:
    """Layout of the outermost object, what stands between its members, and what closes it if it is empty."""
    text, branch = tree.text, branch_of(tree)
    if branch.empty:
        line_break = (_BREAK.search(text) or ["\n"])[0]
        layout = Layout(line_break=line_break, base="\t")
        if branch.close > branch.root_begin + 1:
            # The blanks between the braces come back only if the metadata does not stand between them.
            return layout._replace(base=""), "", ""
        return layout, f"{line_break}\t", line_break
    last = branch.members[-1]
    separator = _separator(text, branch)
    colon = text[last.key_end : last.value_start]
    if _BREAK.search(colon):
        colon = ": "
    line_breaks = list(_BREAK.finditer(separator))
    if not line_breaks:
        return Layout(line_break="", colon=colon, comma=separator), separator, ""
    base = _indent(separator[line_breaks[-1].end() :])
    before_brace = text[last.value_end if branch.metadata_span is None else branch.last_end : branch.close]
    closing = list(_BREAK.finditer(before_brace))
    outer = _indent(before_brace[closing[-1].end() :]) if closing else ""
    unit = base.removeprefix(outer) if base.startswith(outer) else base
    return Layout(line_break=line_breaks[-1][0], base=base, unit=unit, colon=colon), separator, ""


def _indent(text: str) -> str:
    return t.cast("re.Match[str]", _INDENT.match(text))[0]


def _separator(text: str, branch: JsonBranch) -> str:
    if len(branch.members) > 1:
        return text[branch.members[-2].value_end : branch.members[-1].key_start]
    member = branch.members[0]
    lead = text[branch.root_begin + 1 : member.key_start]
    if _BREAK.search(lead):
        return f",{lead}"
    colon = text[member.key_end : member.value_start]
    return ", " if lead or colon[-1] in " \t" else ","


# --- values into an encrypted file ----------------------------------------------------------------


def plain(tree: Tree, values: Sequence[Typed | None]) -> str:
    """The encrypted file `tree` with values, without metadata."""
    comments = [value is not None and value[0] == COMMENT for value in values]
    edits = [
        Edit(leaf.start, leaf.end, _spelled_value(tree, leaf, *value))
        for leaf, value, comment in zip(tree.leaves, values, comments, strict=True)
        if value is not None and not comment
    ]
    if any(comments):
        edits += _drop_items(tree, comments)
    removal = _metadata_removal(tree)
    return apply_edits(tree.text, edits if removal is None else [*edits, removal])


def _spelled_value(tree: Tree, leaf: Leaf, kind: str, text: str) -> str:
    marks = marks_of_token(leaf.style) if len(leaf.style) > 1 else ""
    try:
        if kind == FLOAT:
            require_finite(text)
        elif kind in (STR, TIME):
            require_text(text)
    except EmissionError as exc:
        # Found out for errors only: to count the lines above every value would take longer than all else.
        exc.where = _where(tree, leaf)
        raise
    if kind not in (STR, TIME):
        return spell_typed(kind, text, marks)
    return spell_token(text, marks) if marks and is_token(text) else spell_string(text, marks)


def _drop_items(tree: Tree, comments: Sequence[bool]) -> list[Edit]:
    """Items of lists that are comments of another format: JSON has no comments, sops drops them too."""
    text = tree.text
    edits: list[Edit] = []
    number = len(comments) - 1
    while number >= 0:
        leaf = tree.leaves[number]
        if comments[number]:
            comma = _COMMA_AFTER.match(text, leaf.end)
            if comma is not None:
                edits.append(Edit(leaf.start, comma.end(), ""))
            else:
                start, number = _last_items(tree, comments, number)
                edits.append(Edit(start, leaf.end, ""))
        number -= 1
    return edits


def _last_items(tree: Tree, comments: Sequence[bool], number: int) -> tuple[int, int]:
    """Where the comments that end a list begin, with the comma before them, and the number of the first."""
    text = tree.text
    while True:
        before = len(text[: tree.leaves[number].start].rstrip(" \t\r\n"))
        if text[before - 1] != ",":
            return before, number
        before -= 1
        ended = len(text[:before].rstrip(" \t\r\n"))
        if not (number and comments[number - 1] and tree.leaves[number - 1].end == ended):
            return ended, number
        number -= 1


def _metadata_removal(tree: Tree) -> Edit | None:
    branch = branch_of(tree)
    if branch.metadata_span is None:
        return None
    start, end = branch.metadata_span
    inner = branch.root_begin + 1
    if branch.metadata_before > inner:
        return Edit(branch.metadata_before, end, "")
    if branch.members:
        return Edit(start, branch.members[0].key_start, "")
    return Edit(inner, end, "") if start == inner else Edit(inner, branch.close, "")


def masked(tree: Tree, marks: Sequence[str | None], footer: str) -> str:
    """The text with marks in place of values, and `footer` in place of the metadata."""
    edits = [
        Edit(leaf.start, leaf.end, f'"{mark}"')
        for leaf, mark in zip(tree.leaves, marks, strict=True)
        if mark is not None
    ]
    removal = _metadata_removal(tree)
    body = apply_edits(tree.text, edits if removal is None else [*edits, removal]).replace("\r\n", "\n")
    return (body if body.endswith("\n") else f"{body}\n") + footer


# --- metadata as it stands ------------------------------------------------------------------------


def metadata_block(tree: Tree, changes: Mapping[str, str]) -> Block | None:
    """The metadata as it stands, with some of its texts exchanged; the column is where its key begins."""
    branch = branch_of(tree)
    edits = metadata_edits(tree, changes)
    if branch.metadata_span is None or edits is None:
        return None
    key_start, end = branch.metadata_span
    inner = branch.root_begin + 1
    start, column = branch.metadata_before, key_start - branch.metadata_before
    if start == inner:
        if branch.members:
            start, column = key_start, 0
        elif key_start == inner:
            column = 0
        else:
            end, column = branch.close, _ALONE
    moved = [Edit(edit.start - start, edit.end - start, edit.text) for edit in edits]
    return Block(column, apply_edits(tree.text[start:end], moved))


def metadata_edits(tree: Tree, changes: Mapping[str, str]) -> list[Edit] | None:
    """Edits that give some texts of the metadata another value; None if one of them is not there."""
    edits = []
    for key, value in changes.items():
        leaf = branch_of(tree).metadata_leaves.get(key)
        if leaf is None:
            return None
        if leaf.text != value:
            edits.append(Edit(leaf.start, leaf.end, spell_string(value)))
    return edits
