# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No operation tells a value: not in errors, not in what people see of a change, not in warnings or representations."""

from __future__ import annotations

import typing as t
from collections.abc import Callable

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.opening import open_file
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.paths import Path
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import bad_files
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.bad_files import CANARY, Bad
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.test_bad_input import (
    assert_holds_no_value,
)

CLEAR = f"{CANARY}7"
"""The one value of the good files that stands in clear in them."""
PATHS: dict[str, Path] = {
    "yaml": ("list", 1, "deep"),
    "json": ("list", 1, "deep"),
    "dotenv": ("USER",),
    "ini": ("db", "user"),
    "binary": ("data",),
}
STORES = list(PATHS)


class Subject(t.NamedTuple):
    """A file with all that an operation on it needs."""

    store: str
    content: bytes
    ring: KeyRing
    rule: Rule
    other: Keys

    def ask(self, **more: t.Any) -> dict[str, t.Any]:
        return {"store": store_for(self.store, self.store), "name": "f", **more}


Operation = Callable[[Subject], t.Any]

WRITING: dict[str, Operation] = {
    "set": lambda s: document.set(s.content, PATHS[s.store], f"{CANARY}9", s.ring, **s.ask()),
    "unset": lambda s: document.unset(s.content, PATHS[s.store], s.ring, **s.ask()),
    "rotate": lambda s: document.rotate(s.content, s.ring, **s.ask()),
    "rotate to another": lambda s: document.rotate(s.content, s.ring, **s.ask(add=[s.other.public])),
    "updatekeys": lambda s: document.updatekeys(
        s.content, Rule.of([s.other.public, *_recipients(s.rule)]), s.ring, store=store_for("", s.store), name="f"
    ),
    "edit": lambda s: document.edit(s.content, bad_files.PLAIN[s.store].replace(b"1", b"9"), s.ring, **s.ask()),
}
READING: dict[str, Operation] = {
    "extract": lambda s: document.extract(s.content, PATHS[s.store], s.ring, **s.ask()),
    "conversion": lambda s: document.decrypt(s.content, s.ring, **s.ask(output_store=store_for("", "yaml"))),
}


def _recipients(rule: Rule) -> list[str]:
    return [key.recipient for group in rule.groups for key in group]


@pytest.fixture(scope="module", params=STORES)
def subject(request: pytest.FixtureRequest, rule: Rule, ring: KeyRing, other_keys: Keys) -> Subject:
    kind = request.param
    content = document.encrypt(bad_files.PLAIN[kind], rule, store=store_for(kind, kind)).content
    return Subject(kind, content, ring, rule, other_keys)


def error_of(operation: Operation, subject: Subject) -> FluxseedError | None:
    try:
        operation(subject)
    except FluxseedError as exc:
        return exc
    return None


def without_clear(text: str) -> str:
    return text.replace(CLEAR, "")


# --- what works -----------------------------------------------------------------------------------


def test_a_change_tells_no_value(subject: Subject) -> None:
    operations = dict(WRITING)
    if subject.store == "binary":
        del operations["unset"]
    for operation in operations.values():
        change = t.cast("t.Any", operation(subject))
        assert change.needed
        for told in (
            change.before,
            change.after,
            repr(change),
            str(change),
            repr(change.warnings),
            repr(change.reason),
        ):
            assert CANARY not in without_clear(told)
        assert CANARY.encode() not in change.content.replace(CLEAR.encode(), b"")


def test_what_is_opened_has_no_value_in_its_representation(subject: Subject) -> None:
    opened = open_file(subject.content, subject.ring, store_for("", subject.store), "f", ignore_mac=False)
    for each in (opened.cipher, subject.ring, opened.tree, opened.metadata):
        assert CANARY not in without_clear(repr(each))


def test_reading_gives_the_value_itself(subject: Subject) -> None:
    for operation in READING.values():
        assert CANARY.encode() in t.cast("bytes", operation(subject))


# --- what does not --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def good(rule: Rule) -> dict[str, bytes]:
    """One encrypted file of each store."""
    return {name: document.encrypt(bad_files.PLAIN[name], rule, store=store_for(name, name)).content for name in STORES}


@pytest.mark.parametrize("bad", bad_files.TO_DECRYPT, ids=bad_files.ids(bad_files.TO_DECRYPT))
def test_a_bad_file_has_the_same_error_whatever_is_done(
    bad: Bad, good: dict[str, bytes], rule: Rule, ring: KeyRing, other_keys: Keys
) -> None:
    """Exit code, class and place; `updatekeys`, as in sops, reads no value and applies no selector, so it may find nothing."""
    subject = Subject(bad.store, bad.change(good[bad.store]), ring, rule, other_keys)
    for operation, run in {**WRITING, **READING}.items():
        blind = operation == "updatekeys" and (bad.exit_code in (25, 51) or "RE2" in bad.name)
        error = error_of(run, subject)
        if error is None:
            assert blind, operation
            continue
        assert_holds_no_value(error)
        assert "f" in (error.where or "")
        assert blind or (error.__class__, error.exit_code) == (bad.kind, bad.exit_code), operation


@pytest.mark.parametrize("path", [(CANARY, "x", 7), ("list", 99, CANARY), ("user", CANARY)], ids=str)
def test_a_path_that_leads_nowhere_shows_no_value(path: Path, subject: Subject) -> None:
    """The path itself is of the caller, and shown; what stands around it is not."""
    for operation in (document.extract, document.unset):
        with pytest.raises(FluxseedError) as caught:
            operation(subject.content, path, subject.ring, **subject.ask())
        for number in range(1, 8):
            assert f"{CANARY}{number}" not in str(caught.value)
