# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds for every random yaml file, here and in sops; see properties.py."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from properties import Checker
from property_tests import BLOCKS, check_block, check_document, quick

pytestmark = pytest.mark.interop

STORE = "yaml"


@pytest.mark.parametrize("block", range(BLOCKS))
def test_random_files(block: int, checker: Checker) -> None:
    """Two thousand documents, the same in every run."""
    check_block(checker, STORE, block)


@quick
@given(rng=st.randoms(use_true_random=False))
def test_files_drawn_by_hypothesis(rng: random.Random, checker: Checker) -> None:
    """Some more, which hypothesis makes smaller when one fails."""
    check_document(checker, STORE, rng)
