# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a data key to master keys: to one group as it is, to several in parts.

Private to the collection.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Callable, Sequence

from ..._errors import InvalidInputError
from .base import MasterKey
from .services import KeyServices

Groups = tuple[tuple[MasterKey, ...], ...]


class Wrapped(t.NamedTuple):
    """Groups that hold a data key, and the threshold to store with them."""

    groups: Groups
    shamir_threshold: int


def wrap_groups(
    groups: Sequence[Sequence[MasterKey]],
    shamir_threshold: int,
    data_key: bytes,
    randomness: Callable[[int], bytes] = os.urandom,
    *,
    known: Sequence[Sequence[MasterKey]] = (),
    services: KeyServices | None = None,
) -> Wrapped:
    """Wrap a data key for every master key.

    `known` are groups that hold this very data key already: with one group before and after, a key that stays
    keeps what it has, so it need not be usable here. With several groups every part is new. A threshold of 0 with
    several groups is their number; with one group it says nothing and is kept. Without `services` only age recipients
    can be wrapped for.
    """
    _check(groups)
    services = services or KeyServices()
    if len(groups) == 1:
        held = {(key.kind, key.recipient): key for key in known[0] if key.enc} if len(known) == 1 else {}
        new = [key for key in groups[0] if (key.kind, key.recipient) not in held]
        wrapped = iter(services.wrap_all([(key, data_key) for key in new]))
        group = tuple(held.get((key.kind, key.recipient)) or next(wrapped) for key in groups[0])
        return Wrapped((group,), shamir_threshold)
    from ..shamir import split  # noqa: PLC0415  (start-up time: few files need it)

    threshold = shamir_threshold or len(groups)
    shares = split(data_key, len(groups), threshold, randomness)
    pairs = zip(groups, shares, strict=True)
    wrapped = iter(services.wrap_all([(key, share) for group, share in pairs for key in group]))
    return Wrapped(tuple(tuple(next(wrapped) for _key in group) for group in groups), threshold)


def _check(groups: Sequence[Sequence[MasterKey]]) -> None:
    if not groups:
        raise InvalidInputError("there is no key group, so nobody could open the file")
    for number, group in enumerate(groups):
        if not group:
            raise InvalidInputError(f"key group {number} holds no key, so its part of the data key would be lost")
