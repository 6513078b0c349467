# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF001  (letters that look alike are the point)
"""All six selectors, and a MAC over encrypted values only: the command sops and we agree on what is encrypted."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
from oracle_tools import YAML, Sops
from sops_library import Library, leaves_in

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import EncryptionError, UnsupportedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config, Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.regex import compile_re2
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.selectors import KINDS, Selection, Selector
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import NULL
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.values import is_token
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.active_comments import ACTIVE
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

PLAIN = b"""\
# a file
kind: Secret
name_clear: n
data:
    # on: the password
    password: hunter2
    port: 5432
    empty: ""
    nothing: null
    name_clear: [a, {b: true}]
other: # on
    deep: 1.5
    list:
        - x
        - y # on
        # not for the eyes of all
        - z
apart:
    - o
    # on
    # hidden
    - x
# on
last: 2024-01-02
end: e
"""
PATTERNS = {
    "unencrypted_suffix": "_clear",
    "encrypted_suffix": "ata",
    "unencrypted_regex": "^(kind|list|name)",
    "encrypted_regex": "^(data|list)$",
    "unencrypted_comment_regex": " on",
    "encrypted_comment_regex": "^ on",
}


def rule_from(folder: Path, keys: Keys, text: str) -> Rule:
    """The rule that sops will read, read by us."""
    content = f"creation_rules:\n    - age: {keys.public}\n      {text}\n"
    (folder / ".sops.yaml").write_text(content)
    return Config.parse(content, path=str(folder / ".sops.yaml")).rule_for(str(folder / "a.yaml"))


def by_sops(sops: Sops, folder: Path) -> bytes:
    done = sops.run(
        "--config",
        str(folder / ".sops.yaml"),
        "encrypt",
        "--filename-override",
        str(folder / "a.yaml"),
        *YAML,
        data=PLAIN,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def tokens_of(content: bytes) -> list[tuple[str, bool]]:
    """Path of each value and whether it is encrypted; comments that sops made items left out."""
    tree = YamlStore().load(content)
    return [
        (leaf.path, is_token(leaf.text))
        for leaf in tree.leaves
        if not leaf.text.endswith(",type:comment]") and leaf.text
    ]


@pytest.mark.parametrize("only_encrypted", [False, True], ids=["whole", "mac_only_encrypted"])
@pytest.mark.parametrize("kind", KINDS)
def test_both_ways(
    sops: Sops, keys: Keys, ring: KeyRing, store: YamlStore, tmp_path: Path, kind: str, only_encrypted: bool
) -> None:
    """The rule stands in a `.sops.yaml` that both read; each opens what the other wrote."""
    flag = "\n      mac_only_encrypted: true" if only_encrypted else ""
    rule = rule_from(tmp_path, keys, f"{kind}: '{PATTERNS[kind]}'{flag}")
    ours = document.encrypt(PLAIN, rule, store=store).content
    theirs = by_sops(sops, tmp_path)
    assert tokens_of(ours) == tokens_of(theirs)
    plain, _said = sops.decrypt(ours)
    assert store.data(plain) == store.data(PLAIN)
    # Also with comments in lists under encrypted_comment_regex, which sops 3.13.3 itself cannot read back (issue 2281).
    assert store.data(document.decrypt(theirs, ring, store=store)) == store.data(PLAIN)
    own = sops.run("decrypt", *YAML, "/dev/stdin", data=theirs)
    assert (own.returncode == 0) is (kind != "encrypted_comment_regex")
    # What is in clear may be changed by hand only if the MAC does not cover it.
    change = ours.replace(b"end: e", b"end: f") if b"end: e" in ours else None
    if change is not None:
        assert (sops.run("decrypt", *YAML, "/dev/stdin", data=change).returncode == 0) is only_encrypted
        if only_encrypted:
            assert document.decrypt(change, ring, store=store).endswith(b"end: f\n")


def test_comments_hold_for_the_same_values(library: Library, store: YamlStore) -> None:
    """Every document of the table, both ways of switching, one question each."""
    cases = [
        (name, text, Selector(kind, "^ on$"))
        for name, text in ACTIVE.items()
        for kind in ("encrypted_comment_regex", "unencrypted_comment_regex")
    ]
    answers = library.ask_all(
        [
            {
                "op": "encrypt",
                "store": "yaml",
                "data": text.encode(),
                "key": bytes(32),
                "selectors": {each.kind: each.pattern},
            }
            for _name, text, each in cases
        ]
    )
    written = [t.cast("bytes", answer.encrypted) for answer in answers]
    trees = library.ask_all([{"op": "load", "store": "yaml", "data": content} for content in written])
    for (name, text, selector), answer in zip(cases, trees, strict=True):
        theirs = [
            is_token(str(leaf[1]))
            for document_ in answer.documents
            for item in document_[1:]
            if item[0] == "k" and item[1] != "sops"
            for leaf in leaves_in(item)
            if leaf[0] != "null" and leaf[1] != "" and not str(leaf[1]).endswith(",type:comment]")
        ]
        tree = store.load(text.encode())
        flags = Selection(selector).of(tree).leaves
        ours = [flag for leaf, flag in zip(tree.leaves, flags, strict=True) if leaf.type != NULL and leaf.text]
        assert ours == theirs, (name, selector)


def test_a_comment_that_would_switch_encryption_off_is_refused_by_both(
    sops: Sops, keys: Keys, store: YamlStore, tmp_path: Path
) -> None:
    rule = rule_from(tmp_path, keys, "unencrypted_comment_regex: GCM")
    with pytest.raises(EncryptionError) as caught:
        document.encrypt(PLAIN, rule, store=store)
    done = sops.run(
        "--config",
        str(tmp_path / ".sops.yaml"),
        "encrypt",
        "--filename-override",
        str(tmp_path / "a.yaml"),
        *YAML,
        data=PLAIN,
    )
    assert done.returncode == caught.value.exit_code == 23


PATTERN_PAIRS = [
    (pattern, text)
    for pattern in (
        "(a+)+$", "^(a|ab)*c", "(?U)a+?b", "(?)a", "^*a", r"\b*", r"\B", r"a\Q\E*$", r"^\Qab\E*$", r"\pL", r"\p{^Lu}", r"\pC", r"(?i)\p{Lu}",
        "(?i)^[^k]$", "(?i)[k-s]", r"(?i)\w", "(?i)ß", "(?i)σ", "(?i)ı", "(?i)İ", "(?i)ǅ", "[é-ö]", r"[\pL1]$", "[[:word:]-]", "[]-a]", r"\101",
        r"\x{0000000041}", "(?P<1>a)(?<1>b)", "(?m)$\n^b", "a{02}", "(a{100}){11}", "a**", "a{1001}", "[b-a]", r"\C", "(?i-)a", "a|*", "(?=a)",
    )
    for text in ("", "a", "ab", "aab", "baaa", "A", "k", "K", "K", "ſ", "ẞ", "ς", "I", "i", "ǆ", "ñ", "1", "-", "^", "a\nb", "a{02}", "\x00", "é")
]  # fmt: skip


def test_patterns_mean_the_same(library: Library) -> None:
    answers = library.ask_all(
        [{"op": "regex", "pattern": pattern, "text": text.encode()} for pattern, text in PATTERN_PAIRS]
    )
    for (pattern, text), answer in zip(PATTERN_PAIRS, answers, strict=True):
        try:
            ours: bool | None = compile_re2(pattern).found_in(text)
        except UnsupportedError:
            ours = None
        assert ours is (None if answer.error else answer.more["matched"]), (pattern, text)
