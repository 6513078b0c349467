# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small things that several tests of the engine share."""

from __future__ import annotations

import typing as t

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import MasterKey, Surroundings

NOWHERE = Surroundings({}, "/nowhere", lambda _path: None, lambda _words, _environment: "")
"""Surroundings without any key."""


class Held(t.NamedTuple):
    """What holds a data key."""

    groups: tuple[tuple[MasterKey, ...], ...]
    shamir_threshold: int = 0


def holding(*keys: MasterKey) -> Held:
    """One group of keys that hold the same data key."""
    return Held((keys,))


class Keys(t.NamedTuple):
    """An age key pair."""

    private: str
    public: str


def damaged(key: str) -> str:
    """The key with one wrong character at its end. Bech32 notices each single one; it is never by chance the right one."""
    other = "q" if key[-1] in "pP" else "p"
    return key[:-1] + (other.upper() if key.isupper() else other)
