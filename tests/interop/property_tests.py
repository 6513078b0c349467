# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of properties share: how many documents, and how a failure is told."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, settings
from properties import Checker
from runs import run

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import random_documents

CASES, BLOCKS = 2000, 8

quick = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)


def check_block(checker: Checker, store: str, block: int) -> None:
    size = CASES // BLOCKS
    failures = run(checker, store, (f"test:{number}" for number in range(block * size, (block + 1) * size)))
    assert not failures, "\n\n".join(str(failure) for failure in failures)


def check_document(checker: Checker, store: str, rng: random.Random) -> None:
    # What to damage depends on tokens, which are new each time, so it cannot be drawn by hypothesis.
    checker.check(random_documents.document(store, rng), random.Random(0))  # noqa: S311  (test data)
