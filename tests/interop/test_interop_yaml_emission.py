# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML that is written anew is that of sops, byte for byte; aliases over secrets open there."""

from __future__ import annotations

import json
import random
import typing as t

import pytest
from oracle_tools import Sops
from sops_library import Answer, Library, content_of

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import (
    CommentNode,
    MappingNode,
    ScalarNode,
    SequenceNode,
    documents_of,
    from_data,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import yaml_documents

pytestmark = pytest.mark.interop

INDENTS = (0, 1, 2, 3, 9, 12)


def random_documents(seed: int, number: int, store: YamlStore) -> t.Iterator[tuple[str, MappingNode]]:
    """Documents that end in a value, as the metadata comes there; without the line separators that are quoted otherwise."""
    rng = yaml_documents.seeded(seed)
    while number:
        text = yaml_documents.document(rng).replace("\\u2028", "x").replace("\u2028", "x").rstrip("\n")
        text += "\n" if text.startswith("{") else "\n\nlast: 1\n"
        try:
            (root,) = documents_of(store.load(text.encode()))
        except FluxseedError:
            continue
        number -= 1
        yield text, root


def bare(node: t.Any) -> t.Any:
    """A node without comments."""
    if isinstance(node, ScalarNode):
        return node
    items = [item for item in node.items if not isinstance(item, CommentNode)]
    if isinstance(node, SequenceNode):
        return SequenceNode([bare(item) for item in items])
    return MappingNode([(key, bare(value)) for key, value in items])


def written_by_sops(library: Library, contents: t.Sequence[tuple[bytes, int]]) -> t.Iterator[Answer]:
    return library.ask_all([{"op": "load", "store": "yaml", "data": data, "indent": n} for data, n in contents])


def test_values_are_laid_out_as_by_sops(library: Library, store: YamlStore) -> None:
    """Without comments, no byte differs."""
    rng = random.Random(1)  # noqa: S311  (test data)
    ours = []
    for _text, root in random_documents(1, 500, store):
        indent = rng.choice(INDENTS)
        ours.append((store.emit([bare(root)], indent=indent), indent))
    for (content, _indent), answer in zip(ours, written_by_sops(library, ours), strict=True):
        assert (answer.plain or b"").decode() == content.decode()


def test_comments_are_placed_as_by_sops(library: Library, store: YamlStore) -> None:
    """But for the few that sops moves behind another value: tree and bytes are the same for 19 of 20 documents."""
    documents = list(random_documents(2, 500, store))
    answers = written_by_sops(library, [(text.encode(), 0) for text, _root in documents])
    same_tree = same_bytes = 0
    for (_text, root), answer in zip(documents, answers, strict=True):
        same_tree += content_of([root]) == answer.documents
        same_bytes += store.emit([root]) == answer.plain
    assert same_tree >= 0.97 * len(documents)
    assert same_bytes >= 0.92 * len(documents)


ALPHABET = " \n\t#:-a'\"?,[]{}&*!|>%@`~013.=_eyNé\U0001f600\x85\xa0\ufeff\r\n\n  xB+/\\$;\x7f\x00"


def is_written_otherwise(text: str) -> bool:
    """What sops reads back as another value, or not at all, at some of the places below."""
    return "\n" in text and text[0] in " \t\n"


def test_texts_are_quoted_as_by_sops(library: Library, store: YamlStore) -> None:
    rng = random.Random(3)  # noqa: S311  (test data)

    def text() -> str:
        made = "".join(rng.choice(ALPHABET) for _turn in range(rng.choice((0, 1, 2, 3, 5, 8, 40, 140))))
        return text() if is_written_otherwise(made) else made

    ours = []
    for _turn in range(500):
        inner = {f"a{text()}": text(), f"b{text()}": [text(), [text(), {"c": text(), f"d{text()}": {"e": text()}}]]}
        indent = rng.choice(INDENTS)
        ours.append((store.emit([t.cast("MappingNode", from_data(inner))], indent=indent), indent))
    for (content, _indent), answer in zip(ours, written_by_sops(library, ours), strict=True):
        assert (answer.plain or b"").decode() == content.decode()


@pytest.mark.parametrize("text", ["\ta\nb", "\nb", " a\nb"], ids=["tab", "break", "blank"])
def test_sops_loses_texts_that_are_quoted_here(text: str, library: Library, store: YamlStore) -> None:
    """Why they are written otherwise: in a list, sops writes them so that it reads something else, or nothing."""
    plain = json.dumps({"l": [text, "x"]}).encode()
    theirs = library.ask("load", store="yaml", data=plain).plain or b""
    again = library.ask("load", store="yaml", data=theirs)
    (root,) = documents_of(store.load(plain))
    assert again.documents != content_of([root])
    ours = library.ask("load", store="yaml", data=store.emit([root]))
    assert ours.documents == content_of([root])
    assert ours.plain == theirs


ALIASES = (
    "a: &x {p: 1}\nb: *x\n",
    "a: &x\n  # c\n  p: s # d\n  l: [1, &y {q: 2}, *y]\nb: *x # e\nc: {<<: *x, r: 3}\nd: {<<: [*x, *y]}\n",
    "u: &u user\n*u : admin\nl: [*u, *u]\n",
    "&k name: v\nother: *k\n",
    "a: &x ~\nb: *x\nc: &y []\nd: *y\n",
    "a: !!binary &x aGVsbG8=\nb: *x\nc: !mine &y text\nd: *y\ne: !!float &z 1\nf: *z\n",
)


@pytest.mark.parametrize("regex", [None, "^(a|u|name)$", "^(b|c|other|l)$"])
def test_aliases_over_secrets_open_in_sops(
    regex: str | None, sops: Sops, rule: Rule, store: YamlStore, ring: KeyRing
) -> None:
    """All documents as one file: the same data for sops, for us, and in the file that sops makes itself."""
    plain = "---\n".join(ALIASES).encode()
    used = Rule.of(rule.age, encrypted_regex=regex)
    content = document.encrypt(plain, used, store=store).content
    decrypted, said = sops.decrypt(content)
    assert store.data(decrypted) == store.data(plain)
    assert b"possibly unencrypted comment" not in said
    assert document.values(content, ring, store=store) == store.data(plain)
    theirs = sops.encrypt(plain, rule.age[0], *(["--encrypted-regex", regex] if regex else []))
    assert document.values(theirs, ring, store=store) == store.data(plain)
    assert not document.edit(content, plain, ring, store=store).needed
