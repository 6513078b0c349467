# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operation would do, and what people see of it.

Private to the collection. Texts for people are made when somebody looks: few callers show a difference.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Sequence
from functools import cached_property

from .values import is_token

if t.TYPE_CHECKING:
    from .metadata import Metadata
    from .notices import Notice
    from .opening import Opened
    from .selectors import Selection
    from .stores.base import Store

HIDDEN = "***"
HIDDEN_CHANGED = "*** (changed)"
HIDDEN_CLEARED = "*** (no longer encrypted)"

_Text = t.Union[str, Callable[[], str]]  # noqa: UP007  (pylint takes | here for an operation)
_Notices = t.Union[Sequence["Notice"], Callable[[], Sequence["Notice"]]]  # noqa: UP007  (as above)


class Change:
    """What an operation would do. Nothing has been written yet."""

    def __init__(
        self,
        *,
        needed: bool,
        reason: tuple[str, ...],
        before: _Text,
        after: _Text,
        content: bytes,
        warnings: _Notices = (),
    ) -> None:
        self.needed = needed
        self.reason = reason
        self.content = content
        self._before = before
        self._after = after
        self._warnings = warnings

    @cached_property
    def before(self) -> str:
        """The file before, every secret value masked."""
        return self._before if isinstance(self._before, str) else self._before()

    @cached_property
    def after(self) -> str:
        """The file after, every secret value masked; a changed one is marked as such."""
        return self._after if isinstance(self._after, str) else self._after()

    @cached_property
    def warnings(self) -> tuple[Notice, ...]:
        """What is odd about the file and does not stop the operation."""
        return tuple(self._warnings() if callable(self._warnings) else self._warnings)

    def with_before(self, before: str) -> Change:
        """The same change of a file that is to be shown in another way."""
        return Change(
            needed=self.needed,
            reason=self.reason,
            before=before,
            after=self._after,
            content=self.content,
            warnings=self._warnings,
        )

    def __repr__(self) -> str:
        return f"Change(needed={self.needed}, reason={self.reason})"


def unchanged(content: bytes, shown: _Text, warnings: _Notices = ()) -> Change:
    """No change at all."""
    return Change(needed=False, reason=(), before=shown, after=shown, content=content, warnings=warnings)


def mark(*, now: bool, before: bool, same: bool) -> str | None:
    """What people see of a value; one that loses its encryption is not shown either, but said to."""
    if not now:
        return HIDDEN_CLEARED if before else None
    return HIDDEN if same else HIDDEN_CHANGED


def hidden(flags: t.Iterable[bool]) -> list[str | None]:
    """Marks for the values that are secret."""
    return [HIDDEN if flag else None for flag in flags]


def masked_old(
    old: Opened,
    store: Store,
    selection: Selection | None = None,
    *,
    changed: t.Container[int] = (),
    metadata: Metadata | None = None,
) -> str:
    """The old file with marks; also for what another selector will hide from now on."""
    selected = old.selected.leaves
    secret = [text is not None or is_token(c.text) for c, text in zip(old.tree.comments, old.comments, strict=True)]
    if selection is not None:
        also = selection.of(old.tree)
        selected = [a or b for a, b in zip(selected, also.leaves, strict=True)]
        secret = [a or b for a, b in zip(secret, also.comments, strict=True)]
    marks = [
        None if not flag else HIDDEN_CHANGED if number in changed else HIDDEN for number, flag in enumerate(selected)
    ]
    return store.emit_masked(old.tree, marks, hidden(secret), footer(metadata or old.metadata))


def footer(metadata: Metadata) -> str:
    """The part of the metadata that people compare."""
    lines = ["sops:", f"    {metadata.selector}"]
    if metadata.shamir_threshold:
        lines.append(f"    shamir_threshold: {metadata.shamir_threshold}")
    for number, group in enumerate(metadata.groups):
        if len(metadata.groups) > 1:
            lines.append(f"    group {number}:")
        lines.extend(f"    {key.kind}: {key.recipient}" for key in group)
    return "\n".join(lines) + "\n"
