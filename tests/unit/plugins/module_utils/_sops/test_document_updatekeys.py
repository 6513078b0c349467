# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other keys for a file: nothing but the entries of keys that differ changes."""

from __future__ import annotations

import difflib
import json
import re
import typing as t
from collections.abc import Callable
from datetime import datetime

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    FluxseedError,
    MetadataNotFoundError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys

FILES = {
    "yaml": b"# c\na:   one   # d\nb_unencrypted: [x,  y]\n---\nc: |\n  text\n",
    "json": b'{\n  "a": 1,\n  "b":   ["x"]\n}\n',
    "dotenv": b"# c\nA=1\n\nB=x\n",
    "ini": b"; c\n[s]\na=1\n  b = 2\n",
    "binary": b"\x00\x01\xff",
}
Clock = t.Callable[[], datetime]


def changed(old: bytes, new: bytes) -> list[str]:
    """Lines removed and added, without their content."""
    lines = difflib.unified_diff(old.decode().splitlines(), new.decode().splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def rule_of(*groups: t.Sequence[Keys], threshold: int = 0) -> Rule:
    rules = [Rule.of([key.public for key in group]) for group in groups]
    return rules[0]._replace(groups=tuple(rule.groups[0] for rule in rules), shamir_threshold=threshold)


def ring_of(*keys: Keys) -> KeyRing:
    return gather(NOWHERE, [(key.public, key.private) for key in keys])


@pytest.mark.parametrize("kind", FILES)
def test_a_key_that_comes_adds_its_lines_and_nothing_else(
    kind: str, rule: Rule, ring: KeyRing, keys: Keys, other_keys: Keys, clock: Clock
) -> None:
    store = store_for("", kind)
    content = document.encrypt(FILES[kind], rule, store=store, clock=clock).content
    change = document.updatekeys(content, rule_of([keys, other_keys]), ring, store=store)
    lines = changed(content, change.content)
    assert lines
    assert all(line[0] == "+" for line in lines)
    assert not any("lastmodified" in line or '"mac"' in line or "mac:" in line for line in lines)
    assert change.reason == ("recipients",)
    assert document.decrypt(change.content, ring_of(other_keys), store=store) == FILES[kind]
    assert f"+    age: {other_keys.public}" in changed(change.before.encode(), change.after.encode())
    back = document.updatekeys(change.content, rule, ring_of(other_keys), store=store)
    assert back.content == content


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_is_in_line_needs_no_key(kind: str, keys: Keys, other_keys: Keys, clock: Clock) -> None:
    store = store_for("", kind)
    content = document.encrypt(FILES[kind], rule_of([keys, other_keys]), store=store, clock=clock).content
    change = document.updatekeys(content, rule_of([other_keys, keys]), gather(NOWHERE, []), store=store)
    assert (change.needed, change.content, change.reason) == (False, content, ())
    assert change.before == change.after


def test_values_are_not_read_and_the_mac_is_not_checked(
    rule: Rule, ring: KeyRing, keys: Keys, other_keys: Keys, store: Store
) -> None:
    content = document.encrypt(b"a: 1\nb: 2\n", rule, store=store).content
    damaged = re.sub(rb"(?m)^b: .*", b"b: not a token", content)
    change = document.updatekeys(damaged, rule_of([keys, other_keys]), ring, store=store)
    assert b"b: not a token\n" in change.content
    assert "not a token" in change.after


def test_selector_version_and_unknown_keys_stay_in_any_layout(
    rule: Rule, ring: KeyRing, keys: Keys, other_keys: Keys, store: Store
) -> None:
    content = document.encrypt(b"a: 1\n", rule, store=store).content
    old = content.replace(b"    version: 3.13.3\n", b"    # a note\n    version: '3.7.1'\n    zz: [1]\n    kms: []\n")
    change = document.updatekeys(old, rule_of([keys, other_keys]), ring, store=store)
    assert all(line[0] == "+" for line in changed(old, change.content))
    assert b"    # a note\n    version: '3.7.1'\n    zz: [1]\n    kms: []\n" in change.content


def test_metadata_in_flow_style_is_written_anew(
    rule: Rule, ring: KeyRing, keys: Keys, other_keys: Keys, store: Store
) -> None:
    content = document.encrypt(b"{a: 1}\n", rule, store=store).content
    change = document.updatekeys(content, rule_of([keys, other_keys]), ring, store=store)
    assert document.decrypt(change.content, ring_of(other_keys), store=store) == b"{a: 1}\n"


def in_one_line(content: bytes) -> bytes:
    """The metadata in flow style, below a block mapping."""
    (metadata,) = [each["sops"] for each in store_for("", "yaml").data(content)]
    return content[: content.index(b"sops:")] + b"sops: " + json.dumps(metadata, default=str).encode() + b"\n"


@pytest.mark.parametrize(
    "relaid",
    [
        pytest.param(in_one_line, id="flow"),
        pytest.param(lambda content: content.replace(b"\n    age:", b"\n    # note\n    age:"), id="a comment first"),
        pytest.param(lambda content: content.replace(b"\nsops:", b"\n'sops': # note"), id="quotes and a comment"),
        pytest.param(lambda content: content.replace(b"\nsops:", b"\n!!map sops:"), id="a tag"),
        pytest.param(lambda content: content.replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(lambda content: content + b"---\nb_unencrypted: 2\n", id="a document without metadata"),
    ],
)
def test_metadata_in_other_layouts_is_taken_over(
    relaid: Callable[[bytes], bytes], rule: Rule, ring: KeyRing, keys: Keys, other_keys: Keys, store: Store
) -> None:
    content = relaid(document.encrypt(b"a: 1\n", rule, store=store).content)
    change = document.updatekeys(content, rule_of([keys, other_keys]), ring, store=store)
    assert change.needed
    old, new = (document.decrypt(each, ring, store=store, ignore_mac=True) for each in (content, change.content))
    assert store.data(old) == store.data(new)
    assert set(document.status(change.content, store=store).recipients) == {keys.public, other_keys.public}


@pytest.mark.parametrize("kind", FILES)
def test_from_one_group_to_several_and_back(
    kind: str, rule: Rule, ring: KeyRing, keys: Keys, other_keys: Keys, clock: Clock
) -> None:
    store = store_for("", kind)
    content = document.encrypt(FILES[kind], rule, store=store, clock=clock).content
    split = document.updatekeys(content, rule_of([keys], [other_keys]), ring, store=store)
    assert document.status(split.content, store=store).shamir_threshold == 2
    assert split.after.endswith(
        f"    shamir_threshold: 2\n    group 0:\n    age: {keys.public}\n    group 1:\n    age: {other_keys.public}\n"
    )
    with pytest.raises(DataKeyError):
        document.decrypt(split.content, ring, store=store)
    both = ring_of(keys, other_keys)
    assert document.decrypt(split.content, both, store=store) == FILES[kind]
    back = document.updatekeys(split.content, rule, both, store=store)
    assert document.status(back.content, store=store).shamir_threshold == 0
    assert document.decrypt(back.content, ring, store=store) == FILES[kind]


def test_another_threshold_is_a_change(keys: Keys, other_keys: Keys, store: Store) -> None:
    three = rule_of([keys], [other_keys], [keys])
    content = document.encrypt(b"a: 1\n", three, store=store).content
    change = document.updatekeys(
        content, rule_of([keys], [other_keys], [keys], threshold=2), ring_of(keys, other_keys), store=store
    )
    assert change.reason == ("threshold",)
    assert document.decrypt(change.content, ring_of(keys), store=store) == b"a: 1\n"


def test_a_file_that_is_not_encrypted_is_refused(rule: Rule, ring: KeyRing, store: Store) -> None:
    with pytest.raises(MetadataNotFoundError, match=r"s\.yaml: there is no SOPS metadata"):
        document.updatekeys(b"a: 1\n", rule, ring, store=store, name="s.yaml")


def test_without_the_key_nothing_is_written(rule: Rule, keys: Keys, other_keys: Keys, store: Store) -> None:
    content = document.encrypt(b"a: 1\n", rule, store=store).content
    with pytest.raises(DataKeyError) as caught:
        document.updatekeys(content, rule_of([keys, other_keys]), ring_of(other_keys), store=store, name="s.yaml")
    assert caught.value.exit_code == 128
    assert isinstance(caught.value, FluxseedError)
