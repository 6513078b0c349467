# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a key pair is kept: what every place can be asked, and what it is told to hold.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from ..._sops.key_pairs import KeyPair

PRIVATE_SHOWN = "(private key, not shown)"
NOT_YET = "(made by the run)"

SECRET_NAME, SECRET_NAMESPACE = "sops-age", "flux-system"
SECRET_SPEC: dict[str, dict[str, t.Any]] = {
    "name": {"type": "str", "default": SECRET_NAME},
    "namespace": {"type": "str", "default": SECRET_NAMESPACE},
}
"""Options that name the Secret that Flux decrypts with."""


@dataclass(frozen=True)
class Wanted:
    """What a place is to hold."""

    pair: KeyPair | None
    """None in check mode, where the pair is not made yet."""
    is_new: bool
    """The private key has to be written; otherwise it is there already."""

    @property
    def recipient(self) -> str:
        """Return the public part, as far as it is known."""
        return self.pair.recipient if self.pair else NOT_YET

    @property
    def private(self) -> str:
        """Return the private key; in check mode something in its place, to try how it would be written."""
        return self.pair.private if self.pair else NOT_YET


@dataclass(frozen=True)
class Plan:
    """What has to be written."""

    write: Callable[[], None]
    reason: tuple[str, ...] = ()
    """Words for what differs besides the private key."""
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    """What a diff shows; there is no place for a private key in it."""
    changes_content: bool = True
    """Something that is there is written over, which a backup would keep."""


class Place(t.Protocol):
    """A file, variables in one, or an entry of a Secret."""

    @property
    def key(self) -> str:
        """Where the private key is, in the words of messages."""

    @property
    def returned(self) -> Mapping[str, t.Any]:
        """How the result names the place."""

    def locked(self) -> AbstractContextManager[None]:
        """Keep others from writing between reading and writing."""

    def private(self) -> str | None:
        """The text of the private key that is there, if there is any."""

    def public(self) -> str | None:
        """The public part kept beside it, if this place keeps one and it is there."""

    def dangers(self) -> Sequence[str]:
        """What is to be said of whoever else could put another key there, or take this one."""

    def plan(self, wanted: Wanted) -> Plan | None:
        """What has to be written for it, None if all is there."""

    def plan_removal(self) -> Plan | None:
        """What has to be done to take the key out, None if nothing is there."""

    def back_up(self) -> str:
        """Keep a copy of what is there, and name it."""


def shown(pairs: Mapping[str, str]) -> str:
    """What a diff prints."""
    return "".join(f"{name}: {value}\n" for name, value in pairs.items())
