# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random regular expressions, here and in sops' library; and that the oracle is the pinned sops."""

from __future__ import annotations

import random

import pytest
from sops_library import Library

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.regex import compile_re2
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab import components

pytestmark = pytest.mark.interop

ATOMS = (
    "a", "b", "K", "é", "\u017f", ".", "\\d", "\\W", "\\s", "\\b", "\\B", "^", "$", "\\A", "\\z", "[a-c]", "[^a]", "[[:alpha:]]", "[[:^digit:]x]",
    "\\pL", "\\PN", "\\x41", "\\x{1F600}", "\\Qa.b\\E", "\\.", "\\n", "(?i)", "(?s)", "(?m)", "(?U)", "(?-i)", "(?i:k)", "[\\d-]", "[]a]",
    "\\C", "\\Z", "(?=a)", "\\1", "(?P<n>a)", "(?<m>b)", "{,2}", "{", "}", "]", "\\", "[", "_", "data",
)  # fmt: skip
REPEATS = ("*", "+", "?", "*?", "+?", "??", "{2}", "{1,}", "{0,3}", "{3,1}", "{1001}", "**", "{2}?")
TEXTS = (
    "",
    "a",
    "aa",
    "ab",
    "b",
    "K",
    "k",
    "\u212a",
    "s",
    "\u017f",
    "é",
    "É",
    "data",
    "stringData",
    "a.b",
    "x-y",
    "1",
    "a\nb",
    "\n",
    " ",
    "_",
    "\u03b1",
    "😀",
    "{,2}",
    "]a",
)
PATTERNS, TURNS = 200, 5


def pattern(rng: random.Random) -> str:
    """A few atoms, some repeated, some in groups, some of them wrong. Names of scripts are refused here."""
    parts = [rng.choice(ATOMS) for _turn in range(rng.randint(1, 4))]
    parts = [part + rng.choice(REPEATS) if rng.random() < 0.3 else part for part in parts]
    if rng.random() < 0.3:
        parts.insert(rng.randint(0, len(parts)), "|")
    if rng.random() < 0.3:
        parts = ["(", *parts, rng.choice((")", ")", ")*", ""))]
    return "".join(parts)


@pytest.mark.parametrize("turn", range(TURNS))
def test_patterns_find_the_same(turn: int, library: Library) -> None:
    """A pattern that RE2 refuses is refused here; any other finds the same keys."""
    rng = random.Random(turn)  # noqa: S311  (test data)
    asked = [pattern(rng) for _turn in range(PATTERNS)]
    requests = [{"op": "regex", "pattern": source, "text": text.encode()} for source in asked for text in TEXTS]
    answers = iter(library.ask_all(requests))
    for source in asked:
        theirs = [next(answers) for _text in TEXTS]
        assert finds(source) == (None if theirs[0].error else [answer.more["matched"] for answer in theirs]), source


def finds(source: str) -> list[bool] | None:
    """In which of the texts a pattern is found; None if it is refused."""
    try:
        compiled = compile_re2(source)
    except FluxseedError:
        return None
    return [compiled.found_in(text) for text in TEXTS]


def test_the_oracle_is_built_from_the_sops_that_the_command_is() -> None:
    """Both folders pin the same release."""
    groups = components.load()
    module = "github.com/getsops/sops/v3"
    assert groups["oracle"].version(module) == groups["oracles"].version(module)
