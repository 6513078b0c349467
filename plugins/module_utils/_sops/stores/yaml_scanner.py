# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pass over the events of a YAML text: every value and comment with its position and path.

Private to the collection.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ..._errors import EncryptionError, LimitError, MalformedFileError
from ..tree import NULL, STR, Alias, Box, Branch, Comment, Leaf, Limits, Tree, line_of
from . import yaml_comments
from .base import METADATA_KEY, place
from .yaml_data import Builder
from .yaml_events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    events,
)
from .yaml_scalars import Untypable, resolve, resolve_tagged

_PROPERTIES = re.compile(
    "(?:&[0-9A-Za-z_-]+|!<[^>]*>|![^\\s,\\[\\]{}]*|#[^\r\n\x85\u2028\u2029]*|[ \t\r\n\x85\u2028\u2029]+)*"
)
_HASH_IN_PROPERTIES = re.compile("#([^\r\n\x85\u2028\u2029]*)")
_CORE_PREFIX = "tag:yaml.org,2002:"
_new_leaf = tuple.__new__
_Anchor: t.TypeAlias = "tuple[int, int, str, str | None, int, int]"
"""First leaf, last leaf + 1, path, text if it is a single value (without a leaf if it is a key), first container, last + 1."""


class Scanner:
    """One pass over the events of a text."""

    def __init__(self, text: str, prefix: str, where: str | None, limits: Limits) -> None:
        self.text = text
        self.where = where
        self.limits = limits
        self.tree = Tree(text, prefix, [], [], [], [], [])
        self.closed: list[Box] = []
        self.copies = 0
        self.markers: list[yaml_comments.Marker] = []
        """Starts of later documents, where there are comments."""

    # --- errors

    def fail(self, message: str, index: int, kind: type[MalformedFileError] = MalformedFileError) -> t.NoReturn:
        raise kind(message, where=place(self.where, line_of(self.text, index)))

    def refuse(self, message: str, index: int, exit_code: int | None = None) -> t.NoReturn:
        raise EncryptionError(message, where=place(self.where, line_of(self.text, index)), exit_code=exit_code)

    # --- the pass

    def scan(self) -> Tree:  # noqa: C901, PLR0912, PLR0915  (one loop on purpose: it runs for every token)
        text = self.text
        tree = self.tree
        leaves = tree.leaves
        closed = self.closed
        never = len(text) + 1
        hash_at = text.find("#")
        if hash_at < 0:
            hash_at = never
        pos = 0
        box: Box | None = None
        branch: Branch | None = None
        anchors: dict[str, _Anchor] = {}
        open_anchors: list[tuple[str, Box, int, int]] = []
        depth = 0
        limits = self.limits
        max_depth, max_nodes = limits.depth, limits.nodes
        root = Box(None, "", "")
        p_box = p_outer = root
        p_opens = False
        collector: Builder | None = None
        for event in events(text, self.where):
            cls = event.__class__
            if collector is not None and branch is not None and box is not None:
                done = collector.feed(event)
                if cls is ScalarEvent and collector.finished_key is not None:
                    self.remember_metadata(branch, collector.finished_key, event, box)
                if event.end_mark.index > event.start_mark.index:
                    branch.end = event.end_mark.index
                if done:
                    branch.metadata = collector.take()
                    collector = None
                    pos = self.end_of_metadata(branch)
                    hash_at = text.find("#", pos)
                    if hash_at < 0:
                        hash_at = never
                    closed.clear()
                    p_box = p_outer = box
                    p_opens = False
                    box.expects_key = True
                continue

            if cls is ScalarEvent:
                start = event.start_mark.index
                end = event.end_mark.index
                style = event.style or ""
                tag = event.tag
                anchor = event.anchor
                begin = start
                if box is None:
                    if branch is None or style or tag or resolve(event.value)[0] != NULL:
                        self.fail("the document is a single value, not a mapping", start)
                    branch.null_span = (start, end)
                    if hash_at < start:
                        self.gap(pos, start, p_box, p_outer, p_opens, root, 0, None, root.indent)
                    pos = end
                    continue
                is_bare = False
                if hash_at < start:
                    is_bare = start == end and not (style or box.flow or box.is_sequence) and text[start - 1] != ":"
                    if is_bare:
                        # A key without a colon, as in `? key`: the place of its value is that of the next token.
                        begin = start = end = pos
                    else:
                        dash = box if box.is_sequence and not box.flow else None
                        self.gap(pos, start, p_box, p_outer, p_opens, box, box.indent, dash, _inner(closed, box))
                if closed:
                    closed.clear()
                if anchor is not None or tag is not None:
                    start = _PROPERTIES.match(text, begin, end).end()  # type: ignore[union-attr]
                    if hash_at < start:
                        self.property_comments(begin, start, box, inline=not box.expects_key)
                    if tag is not None and box.flow and text.startswith(",", start):
                        self.check_tag_in_flow(begin, start)
                value = event.value
                if box.expects_key:
                    if (tag is not None or not (style or _plain_key(value))) and (
                        self.typed(value, tag, style, start)[0] != STR
                    ):
                        self.refuse("a key is not a string: put it in quotes", begin)
                    if value in box.seen:
                        self.fail("a key occurs twice in the same mapping", begin)
                    box.seen.add(value)
                    box.last = value
                    box.expects_key = False
                    if anchor is not None:
                        anchors[anchor] = (len(leaves), len(leaves), "", value, 0, 0)
                    if hash_at < end:
                        hash_at = text.find("#", end)
                        if hash_at < 0:
                            hash_at = never
                    before_token = pos
                    pos = end
                    p_box = p_outer = box
                    p_opens = True
                    if value == METADATA_KEY and box.parent is None and branch is not None:
                        branch.metadata_span = (begin, end)
                        branch.metadata_before = before_token
                        collector = Builder(self.where, limits, nested=True)
                    continue
                if box.is_sequence:
                    path = box.path
                    key = box.key
                    box.count += 1
                else:
                    key = box.last
                    path = f"{box.path}{key}:"
                    box.expects_key = True
                if tag is None:
                    if style:
                        kind, data = STR, value
                    else:
                        try:
                            kind, data = resolve(value)
                        except Untypable as exc:
                            self.refuse(str(exc), begin)
                else:
                    kind, data = self.typed(value, tag, style, start)
                if anchor is not None:
                    anchors[anchor] = (len(leaves), len(leaves) + 1, path, data, 0, 0)
                leaves.append(_new_leaf(Leaf, (start, end, style, kind, data, path, box, key, begin)))
                if len(leaves) > max_nodes:
                    self.fail(f"the file holds more than {max_nodes} values", begin, LimitError)
                if style == "|" or style == ">":  # noqa: PLR1714  (faster)
                    if hash_at < end:
                        comment = yaml_comments.header_comment(text, start, end, box, begin)
                        if comment is not None:
                            tree.comments.append(comment)
                    pos = start + len(text[start:end].rstrip(" \t\r\n\x85\u2028\u2029"))
                else:
                    pos = end
                if hash_at < end:
                    hash_at = text.find("#", end)
                    if hash_at < 0:
                        hash_at = never
                p_box = p_outer = box
                p_opens = kind == NULL and start == end and not is_bare
                continue

            if cls is MappingStartEvent or cls is SequenceStartEvent:
                begin = event.start_mark.index
                end = event.end_mark.index
                flow = bool(event.flow_style)
                sequence = cls is SequenceStartEvent
                parent = box
                start = begin
                if parent is None:
                    if sequence or branch is None:
                        self.fail("the document is a list, not a mapping", begin)
                    opened = branch.root
                    opened.flow = flow
                    branch.empty = False
                    branch.root_begin = begin
                elif parent.expects_key:
                    self.refuse(
                        "a key is a mapping or a list, only strings can be keys", begin, MalformedFileError.exit_code
                    )
                elif parent.is_sequence:
                    parent.count += 1
                    opened = Box(parent, parent.key, parent.path, is_sequence=sequence, flow=flow)
                else:
                    key = parent.last
                    opened = Box(parent, key, f"{parent.path}{key}:", is_sequence=sequence, flow=flow)
                    parent.expects_key = True
                indentless = sequence and not flow and end > begin and text[end - 1] == "-"
                opened.indent = event.end_mark.column - (1 if indentless else 0)
                if parent is not None:
                    opened.begin = begin
                    opened.first = len(leaves)
                    tree.boxes.append(opened)
                    if len(tree.boxes) > max_nodes:
                        self.fail(f"the file holds more than {max_nodes} mappings and lists", begin, LimitError)
                if hash_at < begin:
                    dash = parent if parent is not None and parent.is_sequence and not parent.flow else None
                    # What stands between a colon and a bracket on lines of its own is inside for sops.
                    inside = not flow or parent is None or (p_opens and not parent.is_sequence)
                    target = opened if inside or parent is None else parent
                    column = parent.indent if dash is not None and parent is not None else opened.indent
                    self.gap(pos, begin, p_box, p_outer, p_opens, target, column, dash, _inner(closed, parent or root))
                if closed:
                    closed.clear()
                if event.anchor is not None or event.tag is not None:
                    start = _PROPERTIES.match(text, begin, end).end()  # type: ignore[union-attr]
                    if hash_at < start:
                        self.property_comments(begin, start, opened)
                if event.anchor is not None:
                    anchors.pop(event.anchor, None)
                    open_anchors.append((event.anchor, opened, len(leaves), len(tree.boxes) - 1))
                depth += 1
                if depth > max_depth:
                    self.fail(f"the file is nested deeper than {max_depth} levels", begin, LimitError)
                pos = end if flow or indentless else start
                if hash_at < pos:
                    hash_at = text.find("#", pos)
                    if hash_at < 0:
                        hash_at = never
                box = opened
                p_box = p_outer = opened
                p_opens = not flow
                continue

            if cls is MappingEndEvent or cls is SequenceEndEvent:
                if box is None:
                    break
                ended = box
                depth -= 1
                if ended.flow:
                    end = event.end_mark.index
                    begin = event.start_mark.index
                    if hash_at < begin:
                        self.gap(pos, begin, p_box, p_outer, False, ended, 0, None, 0)
                    if ended.parent is None and branch is not None:
                        branch.last_end = pos
                        branch.end = begin
                    if hash_at < end:
                        hash_at = text.find("#", end)
                        if hash_at < 0:
                            hash_at = never
                    pos = end
                    p_box = ended
                    p_outer = ended.parent or root
                    p_opens = False
                    closed.clear()
                else:
                    closed.append(ended)
                if open_anchors and open_anchors[-1][1] is ended:
                    name, _box, first, first_box = open_anchors.pop()
                    anchors[name] = (first, len(leaves), ended.path, None, first_box, len(tree.boxes))
                box = ended.parent
                continue

            if cls is AliasEvent:
                start = event.start_mark.index
                end = event.end_mark.index
                if box is None:
                    self.fail("the document is an alias, not a mapping", start)
                if hash_at < start:
                    dash = box if box.is_sequence and not box.flow else None
                    self.gap(pos, start, p_box, p_outer, p_opens, box, box.indent, dash, _inner(closed, box))
                closed.clear()
                known = anchors.get(event.anchor)
                if known is None:
                    self.fail("an alias names an anchor that is not there, or contains itself", start)
                if hash_at < end:
                    hash_at = text.find("#", end)
                    if hash_at < 0:
                        hash_at = never
                pos = end
                p_box = p_outer = box
                if box.expects_key:
                    self.key_from(known, start, end, box)
                    p_opens = True
                    continue
                p_opens = False
                self.copy(known, start, end, box)
                box.count += 1
                box.expects_key = not box.is_sequence
                continue

            if cls is DocumentStartEvent:
                begin = event.start_mark.index
                end = event.end_mark.index
                explicit = bool(event.explicit)
                if len(tree.branches) >= limits.documents:
                    self.fail(f"the file holds more than {limits.documents} documents", begin, LimitError)
                if explicit and event.version is not None and tuple(event.version) != (1, 1):
                    self.fail("the %YAML directive is not 1.1, which sops does not read: remove it", begin)
                if explicit and event.tags and _renames_core_tags(event.tags):
                    self.fail("a %TAG directive gives the tags of YAML another name: remove it", begin)
                if explicit:
                    if hash_at < begin:
                        self.gap(pos, begin, p_box, p_outer, p_opens, root, root.indent, None, _inner(closed, root))
                    closed.clear()
                # What stands above the first document is part of it.
                root = Box(None, "", "", begin=begin, first=len(leaves)) if tree.branches else root
                tree.boxes.append(root)
                branch = Branch(root, begin, explicit)
                tree.branches.append(branch)
                anchors.clear()
                if explicit:
                    if len(tree.branches) > 1 and (hash_at < never or tree.comments):
                        dots = pos if p_opens and text[pos - 3 : pos] == "..." else -1
                        self.markers.append(yaml_comments.Marker(len(tree.branches) - 1, dots, begin, end))
                    if hash_at < end:
                        self.directive_comments(begin, end, root)
                        hash_at = text.find("#", end)
                        if hash_at < 0:
                            hash_at = never
                    pos = end
                    p_box = p_outer = root
                    p_opens = True
                box = None
                continue

            if cls is DocumentEndEvent:
                box = None
                if branch is None:
                    break
                # What follows is read as if the metadata stood there: it will.
                if event.explicit:
                    begin = event.start_mark.index
                    if hash_at < begin:
                        self.gap(pos, begin, p_box, p_outer, p_opens, root, root.indent, None, _inner(closed, root))
                    closed.clear()
                    if not branch.root.flow or branch.empty:
                        branch.end = begin
                    pos = event.end_mark.index
                    if hash_at < pos:
                        hash_at = text.find("#", pos)
                        if hash_at < 0:
                            hash_at = never
                    p_box = p_outer = root
                    p_opens = True
                elif not branch.root.flow or branch.empty:
                    branch.end = -1
                continue

            if cls is StreamEndEvent:
                if hash_at < len(text):
                    self.gap(pos, len(text), p_box, p_outer, p_opens, root, root.indent, None, _inner(closed, root))
                break

        self.finish()
        if "<<" in text:
            # sops checks merge keys in the first document only, and itself writes some with a value.
            checked = tree.branches[1].start if len(tree.branches) > 1 else len(text)
            for number, leaf in enumerate(leaves):
                if leaf.key != "<<":
                    continue
                at = leaf.start if leaf.begin >= 0 else self.alias_of_item(number, leaf)
                # In quotes it is a key as any other.
                if 0 <= at < checked and text[text.rfind("<<", 0, at) - 1] not in "'\"":
                    self.fail("a merge key (<<) holds a value, not a mapping", at)
        return tree

    def alias_of_item(self, number: int, leaf: Leaf) -> int:
        """Where the alias stands that repeats a value or a list of them, -1 for what is deeper in its copy."""
        for alias in self.tree.aliases:
            if alias.copy <= number < alias.copy_end and (
                alias.box == alias.box_end or self.tree.boxes[alias.copy_box] is leaf.box
            ):
                return alias.start
        return -1

    def finish(self) -> None:
        """Documents without an end marker end where the next one starts."""
        branches = self.tree.branches
        for number, branch in enumerate(branches):
            if branch.end == -1:
                branch.end = branches[number + 1].start if number + 1 < len(branches) else len(self.text)
        # The parser may drop an alias or comment out of order only through gaps found late; keep file order.
        self.tree.comments.sort(key=_start)
        if self.markers and self.tree.comments:
            yaml_comments.settle(self.tree, self.markers)

    # --- pieces that are not on the hot path

    def typed(self, value: str, tag: str | None, style: str, index: int) -> tuple[str, str]:
        try:
            # A lone ! leaves the type of a plain scalar as it is.
            if tag is None or (tag == "!" and not style):
                return resolve(value)
            return resolve_tagged(value, tag, plain=not style)
        except Untypable as exc:
            self.refuse(str(exc), index, None if tag is None else MalformedFileError.exit_code)

    def gap(
        self,
        start: int,
        end: int,
        p_box: Box,
        p_outer: Box,
        p_opens: bool,
        n_box: Box,
        n_column: int,
        dash: Box | None,
        inner: int,
    ) -> None:
        if yaml_comments.are_too_many(self.tree, start, end, self.limits.comments):
            self.fail(f"the file holds more than {self.limits.comments} comments", start, LimitError)
        previous = yaml_comments.Previous(p_box, p_outer, p_opens)
        following = yaml_comments.After(n_box, n_column, dash)
        yaml_comments.between(self.tree, start, end, previous, following, self.closed, inner)

    def check_tag_in_flow(self, begin: int, end: int) -> None:
        """Refuse a tag that touches a comma: the YAML library of sops takes that for a part of the tag."""
        words = self.text[begin:end].split()
        if words and words[-1][0] == "!" and not self.text[end - 1].isspace():
            self.fail("a tag touches a comma, which is a part of it for sops: put a blank between them", begin)

    def property_comments(self, begin: int, end: int, box: Box, *, inline: bool = False) -> None:
        for match in _HASH_IN_PROPERTIES.finditer(self.text, begin, end):
            order = begin if inline else match.start(1)
            self.tree.comments.append(Comment(match.start(1), match.end(1), match[1], box, order, inline))

    def directive_comments(self, begin: int, end: int, box: Box) -> None:
        """Comments between directives; a `#` inside of a directive does not open one."""
        for match in re.finditer("(?:^|[ \t\r\n])#([^\r\n]*)", self.text[begin:end]):
            at = begin + match.start(1)
            self.tree.comments.append(Comment(at, begin + match.end(1), match[1], box, at, inline=False))

    def remember_metadata(self, branch: Branch, key: str, event: t.Any, box: Box) -> None:
        start, end = event.start_mark.index, event.end_mark.index
        style = event.style or ""
        branch.metadata_leaves[key] = Leaf(start, end, style, STR, event.value, "", box, key, start)

    def end_of_metadata(self, branch: Branch) -> int:
        """Set the span of the metadata, from the key to the end of its last value; blank lines stay out."""
        key_start = (branch.metadata_span or (0, 0))[0]
        end = key_start + len(self.text[key_start : branch.end].rstrip(" \t\r\n\x85\u2028\u2029"))
        branch.metadata_span = (key_start, end)
        return end

    def key_from(self, known: _Anchor, start: int, end: int, box: Box) -> None:
        """Take the text of an anchor as the key."""
        first, last, _path, value, _first_box, _last_box = known
        if value is None or (first < last and self.tree.leaves[first].type != STR):
            self.refuse("a key is not a string", start)
        if value == METADATA_KEY and box.parent is None:
            self.refuse("the name of the metadata is an alias", start)
        if value in box.seen:
            self.fail("a key occurs twice in the same mapping", start)
        box.seen.add(value)
        box.last = value
        box.expects_key = False
        target = len(self.tree.leaves)
        self.tree.aliases.append(Alias(start, end, first, last, target, target, 0, 0, 0))

    def copy(self, known: _Anchor, start: int, end: int, box: Box) -> None:
        """Repeat the leaves and containers of an anchor under the path of the alias."""
        first, last, old_path, single, first_box, last_box = known
        leaves = self.tree.leaves
        key = box.key if box.is_sequence else box.last
        path = box.path if box.is_sequence else f"{box.path}{key}:"
        self.copies += last - first + last_box - first_box
        if self.copies > self.limits.copies:
            self.fail(f"aliases add more than {self.limits.copies} values", start, LimitError)
        target, target_box = len(leaves), len(self.tree.boxes)
        if single is not None:
            kind = leaves[first].type if first < last else STR
            leaves.append(Leaf(start, end, "", kind, single, path, box, key, -1))
        else:
            boxes = self.copy_boxes(known, start, box, key, path)
            for leaf in leaves[first:last]:
                new_path = path + leaf.path[len(old_path) :]
                new_key = leaf.key if new_path != path else key
                leaves.append(leaf._replace(path=new_path, box=boxes[leaf.box], key=new_key, begin=-1))
        self.tree.aliases.append(Alias(start, end, first, last, target, len(leaves), first_box, last_box, target_box))

    def copy_boxes(self, known: _Anchor, start: int, parent: Box, key: str, path: str) -> dict[Box, Box]:
        """Repeat the containers of an anchor; the copy of each."""
        first, _last, old_path, _single, first_box, last_box = known
        shift = len(self.tree.leaves) - first
        boxes: dict[Box, Box] = {}
        for each in self.tree.boxes[first_box:last_box]:
            copied = Box(
                parent if each.parent is None else boxes.get(each.parent, parent),
                key if each.path == old_path else each.key,
                path + each.path[len(old_path) :],
                is_sequence=each.is_sequence,
                flow=each.flow,
                indent=each.indent,
                begin=start,
                first=each.first + shift,
            )
            boxes[each] = copied
            self.tree.boxes.append(copied)
        return boxes


def _renames_core_tags(directives: Mapping[str, str]) -> bool:
    """Whether such a tag could stay before a token, and type it."""
    return any(
        handle != "!!" and (_CORE_PREFIX.startswith(prefix) or prefix.startswith(_CORE_PREFIX))
        for handle, prefix in directives.items()
    )


def _inner(closed: Sequence[Box], box: Box) -> int:
    """Indentation of the innermost block that was open after the previous token."""
    return closed[0].indent if closed else box.indent


def _plain_key(value: str) -> bool:
    return bool(value) and value[0].isalpha() and value[0] not in "tTfFnN"


def _start(comment: Comment) -> int:
    return comment.start
