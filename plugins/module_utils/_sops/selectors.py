# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Selectors: which values of a file are encrypted.

Private to the collection. A rule and a file hold at most one. Without any, values are encrypted
unless a key on the way to them ends in `_unencrypted`.
"""

from __future__ import annotations

import re
import typing as t
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from .._errors import ConfigError
from .tree import NULL, Box, Comment, Step, Tree, walk

UNENCRYPTED_SUFFIX = "unencrypted_suffix"
KINDS = (
    UNENCRYPTED_SUFFIX,
    "encrypted_suffix",
    "unencrypted_regex",
    "encrypted_regex",
    "unencrypted_comment_regex",
    "encrypted_comment_regex",
)
DEFAULT_SUFFIX = "_unencrypted"
EMPTY_COMMENT = "#"
"""What stands for an empty comment in a list of an encrypted file: nothing that sops could take for a value."""


class Selector(t.NamedTuple):
    """Kind and pattern, as in the metadata and in a creation rule."""

    kind: str = UNENCRYPTED_SUFFIX
    pattern: str = DEFAULT_SUFFIX

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, t.Any], *, where: str | None = None) -> Selector:
        """The one selector of a rule or of metadata; the default if there is none."""
        given = [(kind, mapping[kind]) for kind in KINDS if mapping.get(kind) not in (None, "")]
        if len(given) > 1:
            raise ConfigError(
                f"{' and '.join(kind for kind, _value in given)} are given together, only one of the selectors can be used",
                where=where,
            )
        if not given:
            return cls()
        kind, pattern = given[0]
        if not isinstance(pattern, str):
            raise ConfigError(f"{kind} is not a string", where=where)
        return cls(kind, pattern)

    def check(self, *, where: str | None = None) -> None:
        """Refuse a pattern that is outside of RE2: sops would take it for one that never matches."""
        if self.kind.endswith("_regex"):
            from .regex import compile_re2  # noqa: PLC0415  (start-up time: few files need it)

            compile_re2(self.pattern, where=f"{where}.{self.kind}" if where else self.kind)

    def __str__(self) -> str:
        return f"{self.kind}: {self.pattern}"


DEFAULT = Selector()


class Selected(t.NamedTuple):
    """Which leaves and comments of a tree are to encrypt, parallel to both; nulls and empty texts never are.

    But for empty comments in lists: sops takes one that it finds there for an empty text, and so for an item.
    """

    leaves: list[bool]
    comments: list[bool]
    refused: t.Callable[[str], bool] | None = None
    """No encrypted comment may pass this test: on reading, what it says would be in clear."""
    exposed: int = -1
    """The first leaf that looks as if a comment asked for its encryption, while sops sees that comment elsewhere."""


class Selection:
    """A selector at work on trees."""

    def __init__(self, selector: Selector, *, where: str | None = None) -> None:
        self._test, self._found = _tests(selector, where)
        self._wanted = selector.kind.startswith("encrypted")
        """Whether what the test finds is encrypted, or what it does not find."""
        self.goes_by_comments = "_comment_" in selector.kind
        self._of = self._by_comments if self.goes_by_comments else self._by_keys

    def of(self, tree: Tree) -> Selected:
        """The leaves and comments to encrypt, or, of an encrypted file, those that should be."""
        return self._of(tree)

    def _by_keys(self, tree: Tree) -> Selected:
        """Each key is looked at once, however many values stand below it: large files come through here."""
        wanted = self._wanted
        boxes = self._found_boxes(tree.boxes)
        if any(boxes.values()):
            keys = self._found({leaf.key for leaf in tree.leaves if not boxes[leaf.box]})
        else:
            keys = self._found({leaf.key for leaf in tree.leaves})
        if keys:
            leaves = [
                (boxes[leaf.box] or (leaf.key in keys and not leaf.box.is_sequence)) is wanted
                and leaf.text != ""
                and leaf.type != NULL
                for leaf in tree.leaves
            ]
        else:
            leaves = [boxes[leaf.box] is wanted and leaf.text != "" and leaf.type != NULL for leaf in tree.leaves]
        lists = in_lists(tree)
        comments = [
            boxes[lists.get(number, comment.box)] is wanted and (comment.text != "" or number in lists)
            for number, comment in enumerate(tree.comments)
        ]
        return Selected(leaves, comments)

    def _found_boxes(self, boxes: Sequence[Box]) -> dict[Box, bool]:
        """Whether a key on the way to each container is found; parents come before what they hold."""
        keys = self._found({box.key for box in boxes})
        if not keys:
            return dict.fromkeys(boxes, False)
        found: dict[Box, bool] = {}
        for box in boxes:
            parent = box.parent
            # An item of a list has no key of its own.
            found[box] = parent is not None and (found[parent] or (box.key in keys and not parent.is_sequence))
        return found

    def _by_comments(self, tree: Tree) -> Selected:
        """A comment holds for the next item of its level, whatever that is, and all that is in it.

        The text of an encrypted comment is its token, as it stands in the file.
        """
        covered, comments = self._covered(tree, tree.steps(tree))
        leaves = [
            flag and leaf.text != "" and leaf.type != NULL for leaf, flag in zip(tree.leaves, covered, strict=True)
        ]
        exposed = -1
        if tree.steps is not walk and tree.branches[0].metadata_span is None:
            meant = self._covered(tree, walk(tree))[0]
            exposed = next(
                (
                    number
                    for number, (leaf, flag) in enumerate(zip(tree.leaves, leaves, strict=True))
                    if meant[number] and not flag and leaf.text != "" and leaf.type != NULL
                ),
                -1,
            )
        return Selected(leaves, comments, None if self._wanted else self._test, exposed)

    def _covered(self, tree: Tree, steps: Sequence[Step]) -> tuple[list[bool], list[bool]]:
        """Which leaves are in reach of an encryption, nulls among them, and which comments are to encrypt."""
        covered, comments = [False] * len(tree.leaves), [False] * len(tree.comments)
        stored = tree.branches[0].metadata_span is not None
        levels = _Levels()
        lists = in_lists(tree)
        lost = set(range(len(tree.comments)))
        for box, leaf_number, comment_number, copy in steps:
            if box is not None:
                levels.open(box)
            elif leaf_number >= 0:
                leaf = tree.leaves[leaf_number]
                levels.close_to(leaf.box)
                covered[leaf_number] = levels.hit is self._wanted
                if not (stored and leaf.box.is_sequence and leaf.text.endswith(_COMMENT_ITEM)):
                    levels.pass_item()
            else:
                comment = tree.comments[comment_number]
                levels.close_to(copy or comment.box)
                selects = self._selects(comment, levels, is_item=comment_number in lists)
                # An alias repeats comments; what is done with one goes by the first time.
                if comment_number in lost:
                    lost.remove(comment_number)
                    comments[comment_number] = selects
        if lost:
            self._cover_lost(tree, lost, covered, comments)
        return covered, comments

    def _cover_lost(self, tree: Tree, lost: set[int], covered: Sequence[bool], comments: list[bool]) -> None:
        """Comments that sops does not see decide nothing; one is encrypted if the value beside it is."""
        own = [(leaf.begin, number) for number, leaf in enumerate(tree.leaves) if leaf.begin >= 0]
        for number in lost:
            comment = tree.comments[number]
            at = bisect_left(own, (comment.order, 0))
            # The value below it, or above it at the end of its container.
            beside = [leaf for _begin, leaf in own[at : at + 1] + own[max(at - 1, 0) : at]]
            flags = [covered[leaf] for leaf in beside if _is_in(tree.leaves[leaf].box, comment.box)]
            comments[number] = (flags[0] if flags else not self._wanted) and comment.text != ""

    def _selects(self, comment: Comment, levels: _Levels, *, is_item: bool) -> bool:
        """Whether a comment is encrypted; one that switches encryption on stays in clear, so that it can be seen."""
        before = levels.hit
        if not before and self._test(comment.text):
            levels.set()
        return (before if self._wanted else not levels.hit) and (comment.text != "" or is_item)


def in_lists(tree: Tree) -> dict[int, Box]:
    """Numbers of the comments that stand in a list, each with it; of an empty one there sops makes an item.

    With an empty comment in the file it counts where sops sees it, which costs a scan by the rules of its YAML library.
    """
    found = {number: comment.box for number, comment in enumerate(tree.comments) if comment.box.is_sequence}
    if tree.steps is walk or not any(comment.text in ("", EMPTY_COMMENT) for comment in tree.comments):
        return found
    if any(box.is_sequence for box in tree.boxes):
        for _box, _leaf, number, inside in tree.steps(tree):
            if number >= 0 and inside is not None and inside.is_sequence:
                found.setdefault(number, inside)
    return found


def _is_in(box: Box | None, outer: Box) -> bool:
    while box is not None and box is not outer:
        box = box.parent
    return box is not None


_COMMENT_ITEM = ",type:comment]"
"""End of a list item that sops makes of an encrypted comment; it is still a comment, not an item."""


class _Levels:
    """The open containers of a walk: whether a comment that counts was met in each since its last item."""

    def __init__(self) -> None:
        self._boxes: list[Box] = []
        self._hits: list[bool] = []
        """Includes the levels above."""

    @property
    def hit(self) -> bool:
        """Whether any comment that is active here was found."""
        return self._hits[-1]

    def open(self, box: Box) -> None:
        """Go into a container."""
        if box.parent is None:
            self._boxes.clear()
            self._hits.clear()
        else:
            self.close_to(box.parent)
        self._boxes.append(box)
        self._hits.append(bool(self._hits) and self._hits[-1])

    def close_to(self, box: Box) -> None:
        """Leave all containers inside of this one; with each, an item of the level above is over."""
        while self._boxes[-1] is not box and len(self._boxes) > 1:
            self._boxes.pop()
            self._hits.pop()
            self.pass_item()

    def pass_item(self) -> None:
        """What the comments of this level were about is over."""
        self._hits[-1] = len(self._hits) > 1 and self._hits[-2]

    def set(self) -> None:
        """A comment of this level counts."""
        self._hits[-1] = True


_Test = t.Callable[[str], bool]
_Found = t.Callable[[set[str]], set[str]]

_NAMES = r"\^(?:\(([A-Za-z0-9_|-]+)\)|([A-Za-z0-9_-]+))\$\Z"
"""The pattern of nearly all rules: whole names, such as `^(data|stringData)$`."""


def _tests(selector: Selector, where: str | None) -> tuple[_Test, _Found]:
    """The test for one text, and the same for many at once."""
    pattern = selector.pattern
    if not selector.kind.endswith("_regex"):

        def found_suffix(keys: set[str]) -> set[str]:
            # Nearly always there is none, and one look at all of them shows it.
            return {key for key in keys if key.endswith(pattern)} if pattern in "\n".join(keys) else set()

        return lambda text: text.endswith(pattern), found_suffix
    names = re.match(_NAMES, pattern)
    if names is not None:
        wanted = set((names[1] or names[2]).split("|"))
        return wanted.__contains__, lambda keys: keys & wanted
    from .regex import compile_re2  # noqa: PLC0415  (start-up time: few files need it)

    compiled = compile_re2(pattern, where=where)
    return compiled.found_in, compiled.found_among
