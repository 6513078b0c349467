# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing YAML by splicing: tokens into the spans of values, values into the spans of tokens.

Private to the collection. Everything outside of the spans stays byte for byte. A token keeps the
quotes, or the header of the literal block, of the text it replaces, so that decryption can give them
back; every reader takes that.
"""

from __future__ import annotations

import re
import typing as t
from bisect import bisect_left
from collections.abc import Sequence

from ..patterns import compiled
from ..tree import COMMENT, STR, AnyEdit, Branch, Edit, Leaf, Tree, apply_edits
from .base import METADATA_KEY, Block, Typed
from .yaml_lines_metadata import spell_usual
from .yaml_scalars import CORE_TAG, double_quoted, is_safe, is_utf8, spell_string, spell_typed

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_BREAKS = "\r\n\x85\u2028\u2029"
_QUOTES = ("'", '"')
_HEADER = r"[|>][-+0-9]*"
_BLANK = frozenset(" \t" + _BREAKS)
_ENDS = _BLANK | {""}
"""What can follow a plain scalar: a blank, a break, the end of the text."""
_BAD_LINE = "[ \t]\\Z|[^\t -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]"
_COMMENT_LINE = "(?:[ \t]*(?:\r\n|[\n\r\x85\u2028\u2029]))*([ ]*)#"
_BLANK_RUN = re.compile("(?:[ \t]*[\r\n\x85\u2028\u2029])*(?:[ \t]*\\Z)?")
_BLANK_LINE = "[ \t]*(?:[\r\n\x85\u2028\u2029]|\\Z)"


class _Literal(t.NamedTuple):
    """Parts of a block scalar: header, rest of the header line (stays), body."""

    header_end: int
    line_end: int
    body_end: int
    column: int
    digit: str


def _literal(text: str, leaf: Leaf) -> _Literal:
    match = compiled(_HEADER).match(text, leaf.start)
    header = match[0] if match else ""
    header_end = leaf.start + len(header)
    line_break = _BREAK.search(text, header_end, leaf.end)
    if line_break is None:
        return _Literal(header_end, leaf.end, leaf.end, leaf.box.indent + 2, "")
    line_end = line_break.start()
    if "+" in header:
        last = text[leaf.end - 2 : leaf.end]
        body_end = leaf.end - (2 if last == "\r\n" else 1 if last[-1:] and last[-1] in _BREAKS else 0)
    else:
        content = line_end + len(text[line_end : leaf.end].rstrip(" " + _BREAKS))
        after = _BREAK.search(text, content, leaf.end)
        body_end = after.start() if after else leaf.end
    body_end = max(body_end, line_end)
    digits = [char for char in header if char.isdigit()]
    if digits:
        return _Literal(header_end, line_end, body_end, leaf.box.indent + int(digits[0]), digits[0])
    first = re.compile("([ ]*)[^ \r\n\x85\u2028\u2029]").search(text, line_break.end(), body_end)
    column = len(first[1]) if first else leaf.box.indent + 2
    return _Literal(header_end, line_end, body_end, column, "")


def _line_break(text: str) -> str:
    match = _BREAK.search(text)
    return match[0] if match and match[0] in ("\r\n", "\r") else "\n"


# --- tokens into a plain file ---------------------------------------------------------------------


def encrypted(
    tree: Tree,
    tokens: Sequence[str | None],
    comments: Sequence[str | None],
    metadata: dict[str, t.Any],
    styles: Sequence[str | None] | None,
    block: Block | None,
) -> str:
    """The plain file `tree` with tokens and metadata."""
    text = tree.text
    edits: list[AnyEdit] = []
    add = edits.append
    for leaf, token, style in zip(tree.leaves, tokens, styles or [None] * len(tree.leaves), strict=True):
        if token is None or leaf.begin < 0:
            continue
        start, end, own, _kind, _text, _path, box, _key, begin = leaf
        if style is None:
            style = own  # noqa: PLW2901
        # Nearly all values are of the first three forms, and large files have many.
        if begin == start and not own and not style and not box.flow and text[end : end + 1] in _ENDS:
            add((start, end, token))
        elif begin == start and own in _QUOTES and style in _QUOTES:
            add((start, end, f"{style}{token}{style}"))
        elif begin == start and box.flow:
            quote = style if style in _QUOTES else "'"
            add((start, end, f"{quote}{token}{quote}"))
        else:
            _put_token(text, leaf, token, style, edits)
    _put_comments(tree, comments, edits)
    new_line = _line_break(text)
    for branch in tree.branches:
        _add_metadata(tree, branch, tokens, metadata, block, new_line, edits)
    return apply_edits(text, edits)


def metadata_edits(tree: Tree) -> list[AnyEdit]:
    """Where metadata will come into a plain file, with a mapping of the same shape; nothing for an encrypted one."""
    edits: list[AnyEdit] = []
    if tree.branches[0].metadata_span is None:
        clear: list[str | None] = [None] * len(tree.leaves)
        for branch in tree.branches:
            _add_metadata(tree, branch, clear, {"mac": "x"}, None, _line_break(tree.text), edits)
    return edits


def _put_token(text: str, leaf: Leaf, token: str, style: str, edits: list[AnyEdit]) -> None:
    lead = ""
    if leaf.begin < leaf.start:
        properties = text[leaf.begin : leaf.start]
        kept = compiled(CORE_TAG).sub("", properties)
        if kept != properties:
            edits.append(Edit(leaf.begin, leaf.start, kept))
        if kept and kept[-1] not in _BLANK:
            lead = " "
    if leaf.style in ("|", ">"):
        parts = _literal(text, leaf)
        body = text[parts.line_end : parts.body_end]
        keeps_block = style == "|" and leaf.style == "|" and body.strip(" " + _BREAKS)
        # A text that decryption cannot write as a block again would lose its block at the next edit.
        if keeps_block and _literal_form(text, leaf, parts, leaf.text, "\n") is not None:
            header = f"|{parts.digit}-"
            new_body = _line_break(body) + " " * parts.column + token
        else:
            header = _quote(token, style)
            new_body = ""
        gap = " " if text[parts.header_end : parts.header_end + 1] == "#" else ""
        edits.append(Edit(leaf.start, parts.header_end, lead + header + gap))
        edits.append(Edit(parts.line_end, parts.body_end, new_body))
        return
    if leaf.box.flow and style not in ("'", '"'):
        style = "'"
    after = text[leaf.end : leaf.end + 1]
    if style not in ("'", '"') and after and after not in _BLANK:
        style = '"'
    edits.append(Edit(leaf.start, leaf.end, lead + _quote(token, style)))


def _quote(token: str, style: str) -> str:
    return f"{style}{token}{style}" if style in ("'", '"') else token


def _put_comments(tree: Tree, comments: Sequence[str | None], edits: list[AnyEdit]) -> None:
    for comment, new in zip(tree.comments, comments, strict=True):
        if new is not None:
            edits.append(Edit(comment.start, comment.end, new))


def _add_metadata(
    tree: Tree,
    branch: Branch,
    tokens: Sequence[str | None],
    metadata: dict[str, t.Any],
    block: Block | None,
    new_line: str,
    edits: list[AnyEdit],
) -> None:
    text = tree.text
    if branch.root.flow and not branch.empty:
        lead = ", " if branch.root.seen else ""
        # A comma that touches a tag is a part of it for sops.
        if lead and _may_end_in_tag(text, branch.root_begin, branch.last_end):
            lead = " , "
        from . import yaml_emitter  # noqa: PLC0415  (start-up time: few files need it)

        edits.append(Edit(branch.last_end, branch.last_end, f'{lead}"sops": {yaml_emitter.flow(metadata)}'))
        return
    column = 0 if branch.empty else branch.root.indent
    if block is not None and block.column == column:
        lines = block.text.split("\n")
        new_line = block.line_break
    else:
        lines = (spell_usual(metadata) or _emitted(metadata)).rstrip("\n").split("\n")
        lines = [" " * column + line if line else "" for line in lines]
    if branch.null_span is not None and branch.null_span[0] < branch.null_span[1]:
        edits.append(Edit(*branch.null_span, ""))
    at = branch.end
    body = new_line.join(lines)
    if at == 0 or text[at - 1] in _BREAKS:
        body += new_line
    else:
        # No final break in the file: none after the metadata either, which is how decryption knows.
        body = new_line + body
        _end_open_literal(tree, tokens, at, edits)
    edits.append(Edit(at, at, body))


def _emitted(metadata: dict[str, t.Any]) -> str:
    from ..nodes import MappingNode, from_data  # noqa: PLC0415  (start-up time: few files have other metadata than usual)
    from . import yaml_emitter  # noqa: PLC0415

    return yaml_emitter.emit([MappingNode([(METADATA_KEY, from_data(metadata))])])


def _may_end_in_tag(text: str, start: int, end: int) -> bool:
    """Whether the last word is like a tag, not a value in quotes."""
    word = max(text.rfind(sign, start, end) for sign in " \t,{[" + _BREAKS) + 1
    is_tag = text.startswith("!", word) or text.find('":!', word, end) >= 0 or text.find("':!", word, end) >= 0
    return is_tag and text[end - 1] not in _QUOTES


def _end_open_literal(tree: Tree, tokens: Sequence[str | None], at: int, edits: list[AnyEdit]) -> None:
    """A clear block scalar at the end of a text without final break must not gain one in its value."""
    last = max((i for i, leaf in enumerate(tree.leaves) if leaf.begin >= 0), default=-1)
    if last < 0:
        return
    leaf = tree.leaves[last]
    if tokens[last] is None and leaf.style in ("|", ">") and leaf.end == at:
        header_end = _literal(tree.text, leaf).header_end
        header = tree.text[leaf.start : header_end]
        edits.append(Edit(leaf.start, header_end, re.sub("[-+]", "", header) + "-"))


# --- values into an encrypted file ----------------------------------------------------------------


def plain(tree: Tree, values: Sequence[Typed | None], comments: Sequence[str | None]) -> str:
    """The encrypted file `tree` with values, without metadata."""
    text = tree.text
    new_line = _line_break(text)
    edits: list[AnyEdit] = []
    add = edits.append
    comment_items: list[tuple[Leaf, str]] = []
    ends_in_block = False
    for leaf, value in zip(tree.leaves, values, strict=True):
        start, end, style, _kind, _text, _path, box, _key, begin = leaf
        if begin < 0:
            continue
        if value is None:
            ends_in_block = style in ("|", ">")
            continue
        kind, data = value
        # Nearly all values are of this form, and large files have many.
        if begin == start and (style != '"' if box.flow else not style and text[end : end + 1] in _ENDS):
            spelled = (
                (data if is_safe(data, flow=box.flow) else "")
                if kind == STR
                else ""
                if kind == COMMENT
                else spell_typed(kind, data)
            )
            if spelled:
                add((start, end, spelled))
                ends_in_block = False
                continue
        if kind == COMMENT:
            comment_items.append((leaf, data))
        else:
            ends_in_block = _put_value(tree, leaf, value, new_line, edits)
    _put_comment_items(tree, comment_items, edits)
    _put_comments(tree, comments, edits)
    removals = [_drop_metadata(tree, branch, ends_in_block) for branch in tree.branches if branch.metadata_span]
    return apply_edits(text, [*_outside(edits, removals), *removals])


def _outside(edits: list[AnyEdit], removals: Sequence[AnyEdit]) -> list[AnyEdit]:
    """Edits that do not fall into what is removed anyway; nearly all stand before that."""
    if not removals:
        return edits
    starts = [removal[0] for removal in removals]
    first = starts[0]

    def is_outside(end: int) -> bool:
        return end > removals[bisect_left(starts, end) - 1][1]

    return [edit for edit in edits if edit[1] <= first or is_outside(edit[1])]


def _put_value(tree: Tree, leaf: Leaf, value: Typed, new_line: str, edits: list[AnyEdit]) -> bool:
    """Write one value; true if it became a literal block."""
    kind, data = value
    text = tree.text
    lead = " " if leaf.begin < leaf.start and text[leaf.start - 1] not in _BLANK else ""
    is_block = leaf.style in ("|", ">")
    parts = _literal(text, leaf) if is_block else None
    if kind == STR and not leaf.box.flow and (leaf.style == "|" or "\n" in data) and is_utf8(data):
        header_and_body = _literal_form(text, leaf, parts, data, new_line)
        if header_and_body is not None:
            header, body = header_and_body
            if parts is not None:
                edits.append(Edit(leaf.start, parts.header_end, lead + header))
                edits.append(Edit(parts.line_end, parts.body_end, body))
            else:
                line_break = _BREAK.search(text, leaf.end)
                line_end = line_break.start() if line_break else len(text)
                edits.append(Edit(leaf.start, leaf.end, lead + header))
                edits.append(Edit(line_end, line_end, body))
            return True
    spelled = spell_string(data, leaf.style, flow=leaf.box.flow) if kind == STR else spell_typed(kind, data)
    if parts is not None:
        edits.append(Edit(leaf.start, parts.header_end, lead + spelled))
        edits.append(Edit(parts.line_end, parts.body_end, ""))
        return False
    after = text[leaf.end : leaf.end + 1]
    gap = ""
    if spelled[-1] not in "'\"" and after and after not in _BLANK and not leaf.box.flow:
        # Something is glued to the closing quote of the token, which plain text needs apart.
        spelled, gap = (double_quoted(data), "") if kind == STR else (spelled, " ")
    edits.append(Edit(leaf.start, leaf.end, lead + spelled + gap))
    return False


def _literal_form(text: str, leaf: Leaf, parts: _Literal | None, data: str, new_line: str) -> tuple[str, str] | None:
    """Header and body of a literal block for this text, None if it cannot stand there safely."""
    lines = (data.removesuffix("\n")).split("\n")
    if not any(lines) or any(compiled(_BAD_LINE).search(line) for line in lines):
        return None
    first = next(line for line in lines if line)
    column = parts.column if parts is not None else leaf.box.indent + 2
    digit = parts.digit if parts is not None else ""
    if not digit and first[0] in " \t":
        digit = str(column - leaf.box.indent)
    if column <= 0 or (digit and not 1 <= int(digit) <= 9):
        return None
    chomp = "+" if data.endswith("\n\n") else "" if data.endswith("\n") else "-"
    line_break = _BREAK.search(text, parts.body_end if parts is not None else leaf.end)
    following = line_break.end() if line_break else len(text)
    comment = compiled(_COMMENT_LINE).match(text, following)
    if comment is not None and len(comment[1]) >= column:
        return None
    if (chomp == "+" and compiled(_BLANK_LINE).match(text, following)) or _is_content(text, following, column):
        return None
    if parts is not None and (own := _BREAK.match(text, parts.line_end)) is not None and own[0] in "\r\n":
        # A file can have line ends of several kinds.
        new_line = own[0]
    body = new_line.join(" " * column + line if line else "" for line in lines)
    return f"|{digit}{chomp}", new_line + body


def _is_content(text: str, index: int, column: int) -> bool:
    """Whether a block of this column would take blank lines from here on for more of its text, or trip over a tab."""
    blank = _BLANK_RUN.match(text, index)
    if blank is None or (not blank[0].strip(" ") and blank.end() < len(text)):
        return False
    return any(len(line) > column or "\t" in line for line in _BREAK.split(blank[0]))


def _put_comment_items(tree: Tree, comments: Sequence[tuple[Leaf, str]], edits: list[AnyEdit]) -> None:
    """Comments that sops wrote as items of a list become comment lines again."""
    items: dict[int, list[Leaf]] = {}
    for leaf, comment in comments:
        items.setdefault(id(leaf.box), []).append(leaf)
        dash = tree.text.rfind("-", 0, leaf.begin)
        edits.append(Edit(dash, leaf.end, f"#{comment}"))
    for leaves in items.values():
        box = leaves[0].box
        if box.count == len(leaves):
            at = tree.text.rfind("-", 0, leaves[0].begin)
            indent = " " * box.indent
            edits.append(Edit(at, at, f"[]{_line_break(tree.text)}{indent}"))


def _drop_metadata(tree: Tree, branch: Branch, ends_in_block: bool) -> Edit:
    text = tree.text
    start, end = branch.metadata_span or (0, 0)
    if branch.root.flow:
        if len(branch.root.seen) > 1 and branch.metadata_before > branch.root_begin + 1:
            return Edit(branch.metadata_before, end, "")
        comma = re.compile(r"\s*,\s*").match(text, end)
        return Edit(start, comma.end() if comma else end, "")
    start -= branch.root.indent
    line_break = _BREAK.search(text, end)
    end = line_break.end() if line_break else len(text)
    if len(branch.root.seen) == 1:
        return Edit(start, end, "{}" + (line_break[0] if line_break else ""))
    if line_break is None and start > 0 and not ends_in_block:
        # The plain text had no final break either.
        start -= 2 if text[start - 2 : start] == "\r\n" else 1
    return Edit(start, end, "")


# --- for people -----------------------------------------------------------------------------------


def masked(tree: Tree, marks: Sequence[str | None], comments: Sequence[str | None], footer: str) -> str:
    """The text with marks in place of values, and `footer` in place of the metadata."""
    text = tree.text
    edits: list[AnyEdit] = []
    for leaf, mark in zip(tree.leaves, marks, strict=True):
        if mark is None or leaf.begin < 0:
            continue
        if leaf.style in ("|", ">"):
            parts = _literal(text, leaf)
            edits.append(Edit(leaf.start, parts.header_end, mark))
            edits.append(Edit(parts.line_end, parts.body_end, ""))
        else:
            edits.append(Edit(leaf.start, leaf.end, mark))
    _put_comments(tree, comments, edits)
    removals = [_drop_metadata(tree, branch, False) for branch in tree.branches if branch.metadata_span]
    body = apply_edits(text, [*_outside(edits, removals), *removals]).replace("\r\n", "\n")
    if body and not body.endswith("\n"):
        body += "\n"
    return body + footer


# --- metadata as it stands ------------------------------------------------------------------------


def metadata_block(tree: Tree, changes: dict[str, str]) -> Block | None:
    """The metadata of the first document with some of its texts exchanged."""
    branch = tree.branches[0]
    if branch.metadata_span is None or branch.root.flow:
        return None
    start, end = branch.metadata_span
    edits = []
    for key, value in changes.items():
        leaf = branch.metadata_leaves.get(key)
        if leaf is None or leaf.style in ("|", ">") or leaf.box.flow:
            return None
        if value == leaf.text:
            continue
        quote = leaf.style if leaf.style in ("'", '"') else "" if value.startswith("ENC[") else '"'
        edits.append(Edit(leaf.start - start, leaf.end - start, f"{quote}{value}{quote}"))
    text = apply_edits(tree.text[start:end], edits)
    return Block(
        branch.root.indent, " " * branch.root.indent + _BREAK.sub("\n", text), _line_break(tree.text[start:end])
    )
