# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The short ways for comments say what the long one says."""

from __future__ import annotations

import random
import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores import yaml_comments
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml_comments import After, Before
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.tree import Box
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.yaml_documents import seeded

SEEDS = pytest.mark.parametrize("seed", range(4))


def gap(rng: random.Random) -> str:
    """What can stand between two tokens, and what cannot."""
    return "".join(rng.choice(("\n", "\n", " ", "  ", "#", "-", "a")) for _turn in range(rng.randint(0, 12)))


def boxes(rng: random.Random) -> list[Box]:
    """Nested containers, outermost first."""
    found: list[Box] = []
    for number in range(4):
        sequence, flow = rng.random() < 0.4, rng.random() < 0.2
        parent = found[-1] if found else None
        found.append(Box(parent, "k", "k:" * number, is_sequence=sequence, flow=flow, indent=2 * number))
    return found


@SEEDS
def test_a_single_comment_gets_the_container_that_the_long_way_gives_it(seed: int) -> None:
    rng = seeded(seed)
    short = 0
    for _turn in range(3000):
        text, nested = gap(rng), boxes(rng)
        opens, at = rng.random() < 0.5, rng.randrange(4)
        before = Before(rng.choice(nested), rng.choice((-1, 0, 5)), rng.random() < 0.5, nested[at], opens)
        after = After(rng.choice(nested), rng.choice((0, 2, 4)), rng.choice((None, nested[0])))
        closed = nested[: at if rng.random() < 0.5 else 0 : -1]
        arguments: t.Any = (text, 0, len(text), before, after, closed, rng.choice((0, 2, 4)))
        single = yaml_comments._single(*arguments)
        if single is not None:
            short += 1
            assert yaml_comments.attach(*arguments) == [single], repr(text)
    assert short > 300


@SEEDS
def test_lines_are_searched_as_texts_with_other_breaks_are(seed: int) -> None:
    rng = seeded(seed)

    def listed(text: str, end: int, *, dash: bool) -> t.Any:
        found, has_dash = yaml_comments._find(text, start, end, dash=dash)
        return [[getattr(each, name) for name in each.__slots__] for each in found], has_dash

    for _turn in range(2000):
        text, dash = gap(rng), rng.random() < 0.5
        start = rng.randint(0, len(text))
        # A comment of its own behind all others, with a character beyond ASCII, calls for the long way.
        found, has_dash = listed(f"{text}\n#", len(text) + 2, dash=dash)
        long_found, long_has_dash = listed(f"{text}\n#ü", len(text) + 3, dash=dash)
        assert found[:-1] == long_found[:-1]
        assert has_dash == long_has_dash
