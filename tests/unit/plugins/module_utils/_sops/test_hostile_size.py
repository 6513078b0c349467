# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Input made to cost time or memory, at 10 MB: read, or refused by an error of our tree.

No test here looks at a clock; `make hostile` runs those that take long. What costs more than in proportion to its size does not end at this size, and the time
limit of the test run ends it.
"""

from __future__ import annotations

import contextlib
import typing as t
from collections.abc import Callable

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError, LimitError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config, Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.regex import compile_re2
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import hostile_files
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.hostile_files import FILES, READ

SIZE = 10 * 1024 * 1024
REFUSED = "MalformedFileError"
SMALL = 128 * 1024
"""For what works on files that can be read: a cost that grows with the square is seen in thousands of values too."""
CASES = [
    # Most of what no grammar knows is refused at once; the others take minutes together and have a target of their own.
    pytest.param(name, which, id=f"{name}: {which}", marks=() if file.outcome == REFUSED else pytest.mark.hostile)
    for name, files in FILES.items()
    for which, file in files.items()
]


class FixedRing(KeyRing):
    """Opens every file with the same data key."""

    def data_key(self, *_arguments: t.Any, **_named: t.Any) -> bytes:
        return b"f" * 32


def outcome(step: Callable[[], object]) -> str:
    """Name of the error that a step ends in; its message does not repeat the input."""
    caught: FluxseedError | None = None
    try:
        step()
    except FluxseedError as exc:
        caught = exc
    assert len(str(caught)) < 1000
    return READ if caught is None else type(caught).__name__


@pytest.mark.parametrize(("name", "which"), CASES)
def test_ten_megabytes_are_read_or_refused(name: str, which: str) -> None:
    store, hostile = store_for(name, name), FILES[name][which]
    content = hostile.make(SIZE)
    assert outcome(lambda: store.load(content, where="f")) == hostile.outcome
    outcome(lambda: document.is_encrypted(content))
    if name == "yaml" or hostile.outcome == READ:  # the others take their data from what they have loaded
        outcome(lambda: store.data(content, where="f"))
    if hostile.outcome == READ:
        outcome(lambda: document.status(content, store=store, name="f"))


@pytest.mark.hostile
@pytest.mark.parametrize(("name", "which"), CASES)
def test_what_can_be_read_is_encrypted_and_decrypted_or_refused(name: str, which: str, rule: Rule) -> None:
    store = store_for(name, name)
    content = FILES[name][which].make(SMALL)
    outcome(lambda: document.encrypt(content, rule, store=store, name="f"))
    outcome(lambda: document.decrypt(content, FixedRing(), store=store, name="f", ignore_mac=True))


@pytest.mark.parametrize("name", FILES)
def test_more_than_the_largest_file_is_a_limit(name: str) -> None:
    with pytest.raises(LimitError, match=r"f: the file has more than \d+ bytes"):
        store_for(name, name).load(bytes(64 * 1024 * 1024 + 1), where="f")


def test_an_alias_bomb_is_a_limit() -> None:
    with pytest.raises(LimitError, match=r"f:\d+: aliases add more than 100000 values"):
        store_for("yaml", "yaml").load(hostile_files.bomb(SIZE), where="f")


PATTERNS = {
    source[:20]: source
    for source in (
        "(a+)+$", "(a|a)*$", "(a*)*b", "(.*)*x", "(a|ab)*c", "((a?){50})+b", "(a{1,30}){1,30}b", "a{1000}{1000}", "((a{100}){100}){100}",
        "(" * 5000 + ")" * 5000, "a" * 10_000, "(a?){20}a{20}", "^.*a.*b.*c.*d.*$", "(x[^x]*)*y", "[ab]*[ab]*[ab]*[ab]*c",
        "a*a*a*a*a*a*a*a*a*b", "(?i)" + "(k|s)*" * 20, "(.{0,999}){999}", "x*" * 900,
    )
}  # fmt: skip


@pytest.mark.parametrize("which", PATTERNS)
def test_a_pattern_that_could_take_forever_is_refused_or_ends(which: str) -> None:
    with contextlib.suppress(FluxseedError):
        pattern = compile_re2(PATTERNS[which], where="f")
        for size in (30, 1000, 10_000, 1_000_000):
            pattern.found_in("a" * size + "!")


@pytest.mark.parametrize("piece", ["(a+)+$", "(", ")", "[", "a{9}", "a|", "\\", "(?i)", "(?P<a>", "[[:alpha:]]", "\\Q"])
def test_ten_megabytes_of_a_pattern_are_refused(piece: str) -> None:
    with pytest.raises(FluxseedError) as caught:
        compile_re2(piece * (SIZE // len(piece)), where="f")
    assert len(str(caught.value)) < 1000


def test_a_configuration_of_many_rules_is_read() -> None:
    text = "creation_rules:\n" + "".join(f"  - path_regex: ^a{number}/.*$\n    age: x\n" for number in range(500))
    with pytest.raises(FluxseedError):
        Config.parse(text, path="d/.sops.yaml").rule_for("d/zzz")
