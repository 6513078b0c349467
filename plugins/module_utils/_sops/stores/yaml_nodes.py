# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes of a YAML file with their comments, as sops' YAML library makes them.

Private to the collection. Tokens come from `yaml_attachment`. The parser is that of the library, reduced to what
comments depend on: which tokens are looked at when, and which events take what was found up to then.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable

from .yaml_attachment import Lines, Scanner, Token

MAPPING, SEQUENCE, SCALAR, ALIAS = "mapping", "sequence", "scalar", "alias"


class Node:
    """A node; its comments are places of their lines in the text."""

    __slots__ = ("content", "flow", "foot", "head", "kind", "line", "start", "target", "value")

    def __init__(self, kind: str, start: int, value: str = "", *, flow: bool = False) -> None:
        self.kind = kind
        self.start = start
        self.value = value
        self.flow = flow
        self.head: Lines = []
        self.line: Lines = []
        self.foot: Lines = []
        self.content: list[Node] = []
        """Items of a list, or keys and values in turn."""
        self.target: Node | None = None
        """What an alias repeats."""


class Document(t.NamedTuple):
    """The node of a document and the comments of the document itself."""

    root: Node
    head: Lines
    foot: Lines


class Parser:
    """Builds the nodes of all documents, without recursion."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._head: Lines = []
        self._line: Lines = []
        self._foot: Lines = []
        self._stem: Lines | None = None
        self._states: list[Callable[[], None]] = []
        self._state: Callable[[], None] = self._stream_start
        self._open: list[Node] = []
        self._anchors: dict[str, Node] = {}
        self._root: Node | None = None
        self._document_head: Lines = []
        self._done = False
        self.documents: list[Document] = []

    def parse(self) -> list[Document]:
        """All documents of the file."""
        while not self._done:
            self._state()
        return self.documents

    # --- tokens and comments ---

    def _peek(self) -> Token:
        """The next token; it takes the comments that were scanned by now and stand before it."""
        scanner = self._scanner
        token = scanner.peek()
        while scanner.notes_head < len(scanner.notes) and token.start >= scanner.notes[scanner.notes_head].token:
            note = scanner.notes[scanner.notes_head]
            if note.head and token.kind == "BlockEnd":
                break
            self._head += note.head
            self._foot += note.foot
            self._line += note.line
            note.clear()
            scanner.notes_head += 1
        return token

    def _skip(self) -> Token:
        """On to the next token, which is looked at."""
        self._scanner.head += 1
        return self._peek()

    def _take_comments(self, node: Node) -> None:
        node.head, node.line, node.foot = self._head, self._line, self._foot
        self._drop_comments()

    def _drop_comments(self) -> None:
        self._head, self._line, self._foot = [], [], []
        self._stem = None

    def _pop_state(self) -> None:
        self._state = self._states.pop()

    # --- nodes ---

    def _add(self, node: Node) -> None:
        """A complete scalar or alias."""
        self._attach(node)
        self._complete(node)

    def _attach(self, node: Node) -> None:
        if not self._open:
            self._root = node
            return
        self._open[-1].content.append(node)

    def _begin(self, node: Node) -> None:
        self._attach(node)
        self._open.append(node)

    def _end(self, node: Node) -> None:
        """A mapping or list is over; `node` holds the comments of its end."""
        done = self._open.pop()
        done.line, done.foot = node.line, node.foot
        if done.kind == MAPPING and not done.flow and done.foot and len(done.content) > 1:
            done.content[-2].foot, done.foot = done.foot, []
        self._complete(done)

    def _complete(self, node: Node) -> None:
        """Foot comments of a key belong to the value before it, those of a value to its key."""
        if not self._open or self._open[-1].kind != MAPPING:
            return
        parent = self._open[-1]
        content = parent.content
        if len(content) % 2:
            if not parent.flow and node.foot and len(content) > 2:
                content[-3].foot, node.foot = node.foot, []
        elif not content[-2].foot and node.foot:
            content[-2].foot, node.foot = node.foot, []

    def _empty(self, start: int) -> None:
        """A null without text takes no comments."""
        self._add(Node(SCALAR, start))

    # --- states of the parser ---

    def _stream_start(self) -> None:
        self._peek()
        self._scanner.head += 1
        self._state = self._first_document

    def _first_document(self) -> None:
        self._document_start(self._peek(), implicit=True)

    def _next_document(self) -> None:
        token = self._peek()
        while token.kind == "DocumentEnd":
            token = self._skip()
        self._document_start(token, implicit=False)

    def _document_start(self, token: Token, *, implicit: bool) -> None:
        if token.kind == "StreamEnd":
            self._done = True
            return
        self._document_head = []
        self._states.append(self._document_end)
        if implicit and token.kind not in ("Directive", "DocumentStart"):
            self._state = self._block_node
            self._split_head()
            return
        while token.kind == "Directive":
            token = self._skip()
        self._scanner.head += 1
        self._state = self._document_content

    def _split_head(self) -> None:
        """What stands above the last blank line is the head of the document, the rest that of its first node."""
        if None in self._head:
            at = len(self._head) - 1 - self._head[::-1].index(None)
            self._document_head, self._head = self._head[:at], self._head[at + 1 :]

    def _document_content(self) -> None:
        token = self._peek()
        if token.kind in ("Directive", "DocumentStart", "DocumentEnd", "StreamEnd"):
            self._pop_state()
            self._empty(token.start)
        else:
            self._block_node()

    def _document_end(self) -> None:
        if self._peek().kind == "DocumentEnd":
            self._scanner.head += 1
        self._state = self._next_document
        foot = self._foot or self._head
        self._drop_comments()
        self.documents.append(Document(t.cast("Node", self._root), self._document_head, foot))

    def _block_node(self) -> None:
        self._node(is_block=True)

    def _node(self, *, is_block: bool, is_value: bool = False) -> None:
        token = self._peek()
        start = token.start
        if token.kind == "Alias":
            self._pop_state()
            node = Node(ALIAS, start)
            node.target = self._anchors.get(token.value)
            self._take_comments(node)
            self._add(node)
            self._scanner.head += 1
            return
        anchor = ""
        while token.kind in ("Anchor", "Tag"):
            anchor = token.value if token.kind == "Anchor" else anchor
            token = self._skip()
        kind = token.kind
        if is_value and kind == "BlockEntry":
            node = Node(SEQUENCE, start)
            self._state = self._indentless_entry
            self._begin(node)
        elif kind == "Scalar":
            self._pop_state()
            node = Node(SCALAR, start, token.value)
            self._take_comments(node)
            self._add(node)
            self._scanner.head += 1
        elif kind in ("FlowSequenceStart", "FlowMappingStart"):
            is_list = kind == "FlowSequenceStart"
            node = Node(SEQUENCE if is_list else MAPPING, start, flow=True)
            self._state = self._first_flow_item if is_list else self._first_flow_key
            self._take_comments(node)
            self._begin(node)
        elif is_block and kind in ("BlockSequenceStart", "BlockMappingStart"):
            is_list = kind == "BlockSequenceStart"
            node = Node(SEQUENCE if is_list else MAPPING, start)
            self._state = self._first_entry if is_list else self._first_key
            if self._stem is not None:
                node.head, self._stem = self._stem, None
            self._begin(node)
        else:
            self._pop_state()
            node = Node(SCALAR, start)
            self._add(node)
        if anchor:
            self._anchors[anchor] = node

    # --- block lists ---

    def _first_entry(self) -> None:
        self._peek()
        self._skip()
        self._entry()

    def _entry(self) -> None:
        if self._peek().kind == "BlockEntry":
            self._item(self._entry, ("BlockEntry", "BlockEnd"))
            return
        self._pop_state()
        self._end(Node(SEQUENCE, 0))
        self._scanner.head += 1

    def _indentless_entry(self) -> None:
        if self._peek().kind == "BlockEntry":
            self._item(self._indentless_entry, ("BlockEntry", "Key", "Value", "BlockEnd"))
            return
        self._pop_state()
        self._end(Node(SEQUENCE, 0))

    def _item(self, following: Callable[[], None], ends: tuple[str, ...]) -> None:
        above = len(self._head)
        token = self._skip()
        if above and token.kind in ("BlockSequenceStart", "BlockMappingStart"):
            # What stands above the dash is about the container that opens behind it, not about its first item.
            self._stem, self._head = self._head[:above], self._head[above:]
        if token.kind in ends:
            self._state = following
            self._empty(token.start)
        else:
            self._states.append(following)
            self._node(is_block=True)

    # --- block mappings ---

    def _first_key(self) -> None:
        self._peek()
        self._skip()
        self._key()

    def _key(self) -> None:
        if self._peek().kind == "Key":
            token = self._skip()
            if token.kind in ("Key", "Value", "BlockEnd"):
                self._state = self._value
                self._empty(token.start)
            else:
                self._states.append(self._value)
                self._node(is_block=True, is_value=True)
            return
        self._pop_state()
        self._end_with_comments()

    def _end_with_comments(self) -> None:
        end = Node(MAPPING, 0)
        self._take_comments(end)
        self._end(end)
        self._scanner.head += 1

    def _value(self) -> None:
        token = self._peek()
        if token.kind == "Value":
            token = self._skip()
            if token.kind not in ("Key", "Value", "BlockEnd"):
                self._states.append(self._key)
                self._node(is_block=True, is_value=True)
                return
        self._state = self._key
        self._empty(token.start)

    # --- flow ---

    def _first_flow_item(self) -> None:
        self._peek()
        self._skip()
        self._flow_item(first=True)

    def _flow_item(self, *, first: bool = False) -> None:
        token = self._peek()
        if token.kind != "FlowSequenceEnd":
            if not first:
                token = self._skip()
            if token.kind == "Key":
                self._state = self._pair_key
                self._begin(Node(MAPPING, token.start, flow=True))
                self._scanner.head += 1
                return
            if token.kind != "FlowSequenceEnd":
                self._states.append(self._flow_item)
                self._node(is_block=False)
                return
        self._pop_state()
        self._end_with_comments()

    def _pair_key(self) -> None:
        token = self._peek()
        if token.kind not in ("Value", "FlowEntry", "FlowSequenceEnd"):
            self._states.append(self._pair_value)
            self._node(is_block=False)
            return
        self._scanner.head += 1
        self._state = self._pair_value
        self._empty(token.end)

    def _pair_value(self) -> None:
        token = self._peek()
        if token.kind == "Value":
            token = self._skip()
            if token.kind not in ("FlowEntry", "FlowSequenceEnd"):
                self._states.append(self._pair_end)
                self._node(is_block=False)
                return
        self._state = self._pair_end
        self._empty(token.start)

    def _pair_end(self) -> None:
        self._peek()
        self._state = self._flow_item
        self._end(Node(MAPPING, 0))

    def _first_flow_key(self) -> None:
        self._peek()
        self._skip()
        self._flow_key(first=True)

    def _flow_key(self, *, first: bool = False) -> None:
        token = self._peek()
        if token.kind != "FlowMappingEnd":
            if not first:
                token = self._skip()
            if token.kind == "Key":
                token = self._skip()
                if token.kind in ("Value", "FlowEntry", "FlowMappingEnd"):
                    self._state = self._flow_value
                    self._empty(token.start)
                else:
                    self._states.append(self._flow_value)
                    self._node(is_block=False)
                return
            if token.kind != "FlowMappingEnd":
                self._states.append(self._flow_no_value)
                self._node(is_block=False)
                return
        self._pop_state()
        self._end_with_comments()

    def _flow_no_value(self) -> None:
        token = self._peek()
        self._state = self._flow_key
        self._empty(token.start)

    def _flow_value(self) -> None:
        token = self._peek()
        if token.kind == "Value":
            token = self._skip()
            if token.kind not in ("FlowEntry", "FlowMappingEnd"):
                self._states.append(self._flow_key)
                self._node(is_block=False)
                return
        self._state = self._flow_key
        self._empty(token.start)
