# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Contents as sops' library tells them, compared with ours: what counts as the same, and how a difference is told."""

from __future__ import annotations

import re
import typing as t
from collections import Counter

from sops_library import Answer, Content, leaves_in, values_in

_OTHER_STYLE = re.compile(r"[\u2028\u2029]|<<\Z|[ \n\t].*\n|\n", re.DOTALL)
"""Texts that get double quotes here: breaks for old readers only, a merge key, a start that needs a number behind `|`."""


def written_otherwise(store: str, documents: Content, ours: bytes, theirs: bytes) -> str | None:
    """Why a file is written in other bytes than sops does; the content is the same."""
    if any(leaf == ["float", "-0"] for each in documents for leaf in leaves_in(each)):
        return "a negative zero, which sops writes as an integer"
    if store != "yaml":
        return None
    if any(_OTHER_STYLE.match(text) or re.search("[\u2028\u2029]", text) for text in texts_in(documents)):
        return "a text in double quotes on purpose"
    bare = [sorted(re.sub(rb"#[^\n]*|\s", b"", content)) for content in (ours, theirs)]
    return "a comment is in another place" if bare[0] == bare[1] else None


def loosely(content: Content) -> Content:
    """Content in which a whole float is an integer, as it is once it was written."""
    if content[:1] == ["float"] and re.fullmatch("-?[0-9]+", str(content[1])):
        return ["int", "0" if content[1] == "-0" else content[1]]
    return [loosely(each) if isinstance(each, list) else each for each in content]


def texts_in(content: Content) -> t.Iterator[str]:
    """All texts: keys, values, comments."""
    for item in content:
        if isinstance(item, str):
            yield item
        elif isinstance(item, list):
            yield from texts_in(item)


def without_empty_items(content: Content) -> Content:
    """Values without comments, and in lists without empty strings and tokens of comments."""
    kind = content[0] if content else ""
    if kind == "m":
        return ["m", *(["k", item[1], without_empty_items(item[2])] for item in content[1:] if item[0] != "#")]
    if kind == "s":
        return ["s", *(without_empty_items(item) for item in content[1:] if not is_comment_item(item))]
    return content if isinstance(kind, str) else [without_empty_items(each) for each in content]


def is_comment_item(item: Content) -> bool:
    return item[0] == "#" or item == ["str", ""] or (item[0] == "str" and str(item[1]).endswith(",type:comment]"))


def same_without_empty_items(one: Content, other: Content) -> bool:
    return loosely(without_empty_items(one)) == loosely(without_empty_items(other))


def unquoted(content: Content) -> Content:
    """Values without quotes around them, and without comments."""
    if content[:1] == ["str"]:
        return ["str", re.sub(r"\A(['\"])(.*)\1\Z", r"\2", str(content[1]), flags=re.DOTALL)]
    items = [item for item in content if not (isinstance(item, list) and item[:1] == ["#"])]
    return [unquoted(item) if isinstance(item, list) else item for item in items]


def comment_difference(ours: list[str], theirs: list[str]) -> str:
    """In what the comments differ; sops attaches, copies and drops some in ways that depend on its YAML library."""
    missing, surplus = Counter(theirs) - Counter(ours), Counter(ours) - Counter(theirs)
    tests = (
        ("a comment is inline for one, or in another container", ours == theirs),
        ("a comment is in another place", not missing and not surplus),
        ("a comment that sops does not see", not missing),
        ("an empty comment in a list is # for sops", sorted(text or "#" for text in ours) == sorted(theirs)),
        ("a comment that sops has twice", not surplus and set(missing) <= set(ours)),
        ("a comment that sops does not open", all(text.startswith("ENC[AES256_GCM") for text in missing)),
        ("a comment that we do not open", all(text.startswith("ENC[AES256_GCM") for text in surplus)),
    )
    return next((what for what, holds in tests if holds), "a comment that we do not see")


def first_change(old: str, new: str) -> str:
    """Both texts around the first place where they differ."""
    same = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    start = max(0, same - 20)
    return f"{old[start : start + 100]!r} {new[start : start + 100]!r}"


def values_of(answer: Answer) -> Content:
    return [values_in(each) for each in answer.documents]


def first_difference(ours: Content, theirs: Content) -> str:
    """The first value that differs, both sides."""
    pairs = zip(
        (leaf for each in ours for leaf in leaves_in(each)),
        (leaf for each in theirs for leaf in leaves_in(each)),
        strict=False,
    )
    for left, right in pairs:
        if left != right:
            return f"ours {left!r}, sops' {right!r}"
    return f"ours {ours!r}, sops' {theirs!r}"
