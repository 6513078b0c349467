# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A data key for one group, or in parts for several."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import InvalidInputError, UnsupportedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import AgeKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_identities import parse_identity
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp import PgpKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.wrapping import wrap_groups
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.shamir import combine
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

DATA_KEY = bytes(range(32))
PGP = PgpKey({"fp": "A", "enc": "e"})


def test_every_key_of_one_group_gets_the_whole_data_key(keys: Keys, other_keys: Keys) -> None:
    wrapped = wrap_groups([[AgeKey(keys.public), AgeKey(other_keys.public)]], 5, DATA_KEY)
    opened = [
        parse_identity(pair.private).unwrap(key.enc)
        for pair, key in zip((keys, other_keys), wrapped.groups[0], strict=True)
    ]
    assert opened == [DATA_KEY, DATA_KEY]
    assert wrapped.shamir_threshold == 5


def test_every_key_of_a_group_gets_the_same_part(keys: Keys, other_keys: Keys) -> None:
    both = [AgeKey(keys.public), AgeKey(other_keys.public)]
    wrapped = wrap_groups([both, both[:1]], 0, DATA_KEY, bytes)
    mine = parse_identity(keys.private)
    first, second = (mine.unwrap(group[0].enc) or b"" for group in wrapped.groups)
    assert parse_identity(other_keys.private).unwrap(wrapped.groups[0][1].enc) == first
    assert (first[-1], second[-1]) == (1, 2)
    assert combine([first, second]) == DATA_KEY
    assert wrapped.shamir_threshold == 2


def test_a_key_that_stays_keeps_what_it_has_in_one_group_only(keys: Keys) -> None:
    held = AgeKey(keys.public).wrap(DATA_KEY)
    assert wrap_groups([[AgeKey(keys.public), PGP]], 0, DATA_KEY, known=[[PGP, held]]).groups == ((held, PGP),)
    assert wrap_groups([[AgeKey(keys.public)]], 0, DATA_KEY, known=[[held], [held]]).groups != ((held,),)
    assert wrap_groups([[AgeKey(keys.public)]] * 2, 0, DATA_KEY, known=[[held], [held]]).groups[0] != (held,)


@pytest.mark.parametrize("groups", [[[PGP]], [[PGP], [PGP]]], ids=["one", "two"])
def test_a_new_data_key_for_another_kind_is_refused(groups: list[list[PgpKey]]) -> None:
    with pytest.raises(UnsupportedError, match="kind pgp"):
        wrap_groups(groups, 0, DATA_KEY)


def test_there_has_to_be_a_key_in_every_group(keys: Keys) -> None:
    with pytest.raises(InvalidInputError, match="no key group"):
        wrap_groups([], 0, DATA_KEY)
    with pytest.raises(InvalidInputError, match="key group 1"):
        wrap_groups([[AgeKey(keys.public)], []], 0, DATA_KEY)
    with pytest.raises(InvalidInputError, match="only 2 key groups"):
        wrap_groups([[AgeKey(keys.public)]] * 2, 3, DATA_KEY)
