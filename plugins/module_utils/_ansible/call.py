# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One call of a module: what came in, and how the call may talk while it runs.

Private to the collection. The same `Run` serves the module (in its own process on the target) and
the action plugin (in process on the controller).
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping
from dataclasses import dataclass


def ignore(message: str) -> None:
    """Say nothing: a module prints nothing until it ends."""


@dataclass(frozen=True)
class Call:
    """Validated parameters of one call, plain Python values only, and the mode of the run."""

    params: Mapping[str, t.Any]
    check_mode: bool = False
    diff_mode: bool = False
    progress: Callable[[str], None] = ignore
    """One line about what is being done, shown at once where there is a terminal."""
    warn: Callable[[str], None] = ignore
    vault: t.Any = None
    """Reader and writer of Ansible Vault files; only where the call runs on the controller."""


Run = Callable[[Call], dict[str, t.Any]]
"""Does the work of a module and returns its result; raises `FluxseedError`."""
