# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a check is, and what it can say.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Iterable, Sequence

OK, WARN, FAIL, UNKNOWN = "ok", "warn", "fail", "unknown"
_LISTED = 5


class Check(t.NamedTuple):
    """One question with its answer."""

    name: str
    result: str
    evidence: str
    fix: str = ""

    def __str__(self) -> str:
        return f"{self.name}: {self.evidence}" + (f" ({self.fix})" if self.fix else "")


def failed(checks: Iterable[Check]) -> list[Check]:
    """Return the checks that say that it would not work."""
    return [check for check in checks if check.result == FAIL]


def listing(items: Sequence[str], separator: str = "; ") -> str:
    """Return the first few of them, and how many more there are."""
    more = len(items) - _LISTED
    return separator.join(items[:_LISTED]) + (f"{separator}and {more} more" if more > 0 else "")
