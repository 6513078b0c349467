# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which mapping or list a comment of a YAML file belongs to.

Private to the collection. An encrypted comment is bound to the path of its container, and sops' YAML
library has its own idea of that: it hangs comments on nodes as head, line or foot comment. The
rules below follow it (0.03 % of the comments of real files come out otherwise). Selectors that go by
comments need them where sops has them, and take the longer way of `yaml_walk`.
"""

from __future__ import annotations

import re
import typing as t
from bisect import bisect_left
from collections.abc import Sequence

from ..tree import Box, Comment, Tree

_PIECE = re.compile("#([^\r\n\x85\u2028\u2029]*)|(-)|\r\n|[\n\r\x85\u2028\u2029]")
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_OWN_LINE = re.compile("(?:\r\n|[\n\r\x85\u2028\u2029])([ \t]*)#[^\r\n\x85\u2028\u2029]*")
_PROPERTY_AT_END = re.compile("(?:\\A|[ \t])[&!][^ \t]*(?:[ \t]+#.*)?\\Z")
_new_comment = tuple.__new__
_FOOT = re.compile(
    "[ \t]*(?:\r\n|[\n\r\x85\u2028\u2029])"
    "(?:[ \t]*#[^\r\n\x85\u2028\u2029]*[\n\r\x85\u2028\u2029])*?"
    "[ \t]*#[^\r\n\x85\u2028\u2029]*(?:\r\n|[\n\r\x85\u2028\u2029][ \t]*[\n\r\x85\u2028\u2029])"
)


class Before(t.NamedTuple):
    """The token before a gap."""

    box: Box
    """Container of a comment on its line."""
    order: int
    """Place of such a comment among the items, -1 for where it stands."""
    inline: bool
    """Such a comment stands behind a value."""
    outer: Box
    """Container of the token itself."""
    opens: bool
    """It ends in a colon or dash, so nothing stands there yet."""


class After(t.NamedTuple):
    """The token after a gap."""

    box: Box
    column: int
    dash: Box | None
    """The block list whose dash stands between gap and token."""


class _Found:
    __slots__ = ("after_dash", "blank", "column", "end", "line", "start", "text")

    def __init__(self, start: int, end: int, text: str, column: int, line: int, after_dash: bool) -> None:
        self.start = start
        self.end = end
        self.text = text
        self.column = column
        self.line = line
        self.after_dash = after_dash
        self.blank = False


class _Group(t.NamedTuple):
    is_foot: bool
    mark: int | None
    comments: list[_Found]


class Previous(t.NamedTuple):
    """The last token."""

    box: Box
    """The container that it is in, or that it opens or closes."""
    outer: Box
    """The container that it is in; for a closing bracket that around the brackets."""
    opens: bool


def are_too_many(tree: Tree, start: int, end: int, limit: int) -> bool:
    """Whether the comments between two tokens would be more than a limit, with those before; seen before it costs time."""
    left = limit - len(tree.comments)
    if end - start <= left:
        return False
    text = tree.text
    return text.count("#", start, end) > left < text.count("\n", start, end) + text.count("\r", start, end) + 1


def between(
    tree: Tree, start: int, end: int, previous: Previous, after: After, closed: Sequence[Box], inner_indent: int
) -> None:
    """Add the comments between two tokens to the tree."""
    before = Before(*_behind(tree, start, *previous), previous.outer, previous.opens)
    single = _single(tree.text, start, end, before, after, closed, inner_indent)
    if single is not None:
        tree.comments.append(single)
    else:
        tree.comments.extend(attach(tree.text, start, end, before, after, closed, inner_indent))


def _single(
    text: str, start: int, end: int, before: Before, after: After, closed: Sequence[Box], inner_indent: int
) -> Comment | None:
    """What `attach` says of the one comment of a gap where that is plain, None where it is not. Most comments are such."""
    gap = text[start:end]
    at = gap.find("#")
    if at < 0 or gap.find("#", at + 1) >= 0 or "\r" in gap or not gap.isascii():
        return None
    stop = gap.find("\n", at)
    stop = len(gap) if stop < 0 else stop
    order, inline = start + at, False
    if after.dash is not None and "-" in gap[:at]:
        box: Box | None = after.box
    elif "\n" in gap[:at]:
        if before.outer.flow and not closed:
            box = after.box if before.opens else before.outer
        else:
            box = _own_line_box(gap, at, stop, before, after, inner_indent)
    else:
        is_dash = before.opens and before.box.is_sequence and not before.box.flow
        box = after.box if is_dash else before.box
        if before.order >= 0:
            order, inline = before.order, before.inline
    return None if box is None else Comment(start + at + 1, start + stop, gap[at + 1 : stop], box, order, inline)


def _own_line_box(gap: str, at: int, stop: int, before: Before, after: After, inner_indent: int) -> Box | None:
    """Container of the one comment of a gap, None if it can be at the foot of a block."""
    line_start = gap.rfind("\n", 0, at) + 1
    column = at - line_start
    stands_apart = line_start == gap.find("\n") + 1 and gap.count("\n", stop) > 1
    if stands_apart and (not before.opens or column < inner_indent):
        return None
    if after.column < inner_indent and column != after.column:
        return None
    return after.dash if after.dash is not None and "-" in gap[stop:] else after.box


def _behind(tree: Tree, at: int, p_box: Box, p_outer: Box, p_opens: bool) -> tuple[Box, int, bool]:
    """Container and order of a comment on the line of the token that ends here, and whether it is inline."""
    if p_box is not p_outer and p_outer.is_sequence:
        return p_outer, p_box.begin, True
    if p_box is not p_outer or (p_box.flow and p_box.parent is None and tree.text[at - 1] == "}"):
        return p_box, p_box.begin, False
    if tree.aliases and tree.aliases[-1].end == at:
        return p_box, tree.aliases[-1].start, True
    last = tree.leaves[-1] if tree.leaves else None
    if last is None or last.box is not p_box or (p_opens and (last.end != at or p_box.is_sequence)):
        return p_box, -1, False
    return p_box, last.begin, not p_opens


def attach(
    text: str, start: int, end: int, before: Before, after: After, closed: Sequence[Box], inner_indent: int
) -> list[Comment]:
    """The comments between two tokens, each with its container.

    `closed` are the block containers that end in between, innermost first; `inner_indent` is the
    indentation of the innermost block that is open after the first token.
    """
    found, has_dash = _find(text, start, end, dash=after.dash is not None)
    if not has_dash:
        after = after._replace(dash=None)
    boxes: dict[int, Box] = {}
    own_lines: list[_Found] = []
    for comment in found:
        if comment.after_dash:
            boxes[comment.start] = after.box
        elif comment.line == 0:
            is_dash = before.opens and before.box.is_sequence and not before.box.flow
            boxes[comment.start] = after.box if is_dash else before.box
        else:
            own_lines.append(comment)
    if own_lines:
        if before.outer.flow and not closed:
            box = after.box if before.opens else before.outer
            boxes.update((comment.start, box) for comment in own_lines)
        else:
            _attach_block(own_lines, before, after, closed, inner_indent, boxes)
    return [_comment(each, boxes[each.start], before) for each in found]


def _comment(found: _Found, box: Box, before: Before) -> Comment:
    start = found.start
    if found.line or found.after_dash or before.order < 0:
        return _new_comment(Comment, (start + 1, found.end, found.text, box, start, False))
    return Comment(found.start + 1, found.end, found.text, box, before.order, before.inline)


def _find(text: str, start: int, end: int, *, dash: bool) -> tuple[list[_Found], bool]:
    """The comments of a gap, and whether the dash of an item stands in it."""
    gap = text[start:end]
    if gap.isascii() and "\r" not in gap:
        return _find_in_lines(text, start, end, dash=dash)
    found: list[_Found] = []
    line = 0
    # The second search goes no further than the first: few files have such breaks, and most of the text would be read.
    line_start = text.rfind("\n", 0, start) + 1
    line_start = max(line_start, text.rfind("\r", line_start, start) + 1)
    after_dash = False
    blank_run = 0
    for match in _PIECE.finditer(text, start, end):
        piece = match[0]
        if piece[0] == "#":
            found.append(_Found(match.start(), match.end(), match[1], match.start() - line_start, line, after_dash))
            blank_run = 0
        elif match[2]:
            after_dash = after_dash or dash
        else:
            line += 1
            line_start = match.end()
            blank_run += 1
            if found and (blank_run > 1 or piece == "\r\n"):
                found[-1].blank = True
    return found, after_dash


def _find_in_lines(text: str, start: int, end: int, *, dash: bool) -> tuple[list[_Found], bool]:
    """The same where lines end in nothing but line feeds; there can be millions of blank ones."""
    found: list[_Found] = []
    line = 0
    line_start = text.rfind("\n", 0, start) + 1
    line_start = max(line_start, text.rfind("\r", line_start, start) + 1)
    after_dash = False
    at = start
    while at < end:
        sign = text.find("#", at, end)
        stop = end if sign < 0 else sign
        breaks = text.count("\n", at, stop)
        if breaks > 1 and found:
            found[-1].blank = True
        if dash and not after_dash:
            after_dash = text.find("-", at, stop) >= 0
        if sign < 0:
            break
        if breaks:
            line += breaks
            line_start = text.rfind("\n", at, sign) + 1
        at = text.find("\n", sign, end)
        at = end if at < 0 else at
        found.append(_Found(sign, at, text[sign + 1 : at], sign - line_start, line, after_dash))
    return found, after_dash


def _attach_block(
    comments: list[_Found],
    before: Before,
    after: After,
    closed: Sequence[Box],
    inner_indent: int,
    boxes: dict[int, Box],
) -> None:
    target = after.dash or after.box
    groups = _group(comments, before, after.column, inner_indent)
    ends = _block_ends(groups, closed)
    for group in groups:
        box = target
        if group.is_foot:
            if group.mark is None:
                box = target if before.opens else before.outer
            else:
                box = _foot_box(group.mark, closed, ends) or target
        for comment in group.comments:
            boxes[comment.start] = box


def _group(comments: list[_Found], before: Before, next_column: int, inner_indent: int) -> list[_Group]:
    groups: list[_Group] = []
    current: list[_Found] = []
    mark: int | None = None
    adjacent = comments[0].line == 1
    for comment in comments:
        if current and comment.column < inner_indent and comment.column != current[0].column:
            groups.append(_Group(True, mark, current))
            mark, current = comment.start, []
        current.append(comment)
        if comment.blank:
            left = current[0].column < inner_indent
            if adjacent and ((current[0].line == 1 and not before.opens) or left):
                groups.append(_Group(True, current[0].start if left else mark, current))
                mark, current = comment.end + 1, []
            adjacent = False
    if current:
        is_foot = next_column < inner_indent and next_column != current[0].column
        groups.append(_Group(is_foot, mark if is_foot else current[0].start, current))
    return groups


def _block_ends(groups: list[_Group], closed: Sequence[Box]) -> dict[Box, int]:
    """Where each closing block ends for the library: it moves down to a comment in its own column."""
    ends = {}
    position = -1
    for box in closed:
        limit = position
        for group in reversed(groups):
            if group.comments[-1].end < limit:
                break
            if group.comments[0].column == box.indent:
                position = group.comments[0].start
        ends[box] = position
    return ends


def _foot_box(mark: int, closed: Sequence[Box], ends: dict[Box, int]) -> Box | None:
    passed = False
    for box in closed:
        passed = passed or mark <= ends[box]
        if passed and not box.is_sequence:
            return box
    return None


class Marker(t.NamedTuple):
    """The start of a document that is not the first."""

    number: int
    dots: int
    """End of the end marker of the document before, -1 if there is none."""
    start: int
    end: int


def foot_end(text: str, marker: int) -> int:
    """End of the comments right below a marker line, if a blank line follows; else `marker`, the end of the marker.

    To the YAML library of sops they are about what stands above them. A break of two characters counts for two.
    """
    foot = _FOOT.match(text, marker)
    return marker if foot is None else foot.end()


def settle(tree: Tree, markers: Sequence[Marker]) -> None:
    """Give the comments around document markers to the documents that sops gives them to; they are in file order."""
    starts = [comment.start for comment in tree.comments]
    for number, dots, start, end in markers:
        branch, previous = tree.branches[number], tree.branches[number - 1]
        if dots >= 0:
            for index in range(bisect_left(starts, foot_end(tree.text, dots)), bisect_left(starts, start)):
                tree.comments[index] = tree.comments[index]._replace(box=branch.root)
        box, order = previous.root, branch.start
        if dots >= 0:
            # Above there is nothing but the end of the document before, so it is the document that they come behind.
            is_last = number + 1 == len(tree.branches)
            box, order = branch.root, len(tree.text) if is_last else tree.branches[number + 1].start
        for index in range(bisect_left(starts, end), bisect_left(starts, foot_end(tree.text, end))):
            tree.comments[index] = tree.comments[index]._replace(box=box, order=order)


def header_comment(text: str, start: int, end: int, box: Box, begin: int) -> Comment | None:
    """The comment on the header line of a block scalar, or between properties and value."""
    line = _BREAK.search(text, start, end)
    stop = line.start() if line else end
    sign = text.find("#", start, stop)
    return None if sign < 0 else Comment(sign + 1, stop, text[sign + 1 : stop], box, begin, inline=True)
