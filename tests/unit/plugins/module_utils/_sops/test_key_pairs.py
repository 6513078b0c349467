# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pairs of every type are made and read alike; what is no private key is told from what it is."""

from __future__ import annotations

import os
import re

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import InvalidInputError, KeyFormatError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import key_pairs
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_pairs import KeyPair, read, read_one
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings

pytest.importorskip("pyrage")

HERE = Surroundings(dict(os.environ), home="", read_file=lambda _path: None, run_command=lambda _command, _more: "")
STARTS = {"age": "AGE-SECRET-KEY-1", "age-pq": "AGE-SECRET-KEY-PQ-1", "pgp": "-----BEGIN PGP PRIVATE KEY BLOCK-----"}
RECIPIENTS = {"age": r"age1[0-9a-z]{58}", "age-pq": r"age1pq1[0-9a-z]{1952}", "pgp": r"[0-9A-F]{40}"}


@pytest.fixture(scope="module", params=key_pairs.TYPES)
def pair(request) -> KeyPair:
    return key_pairs.generate(request.param, HERE, name="test", algorithm="ed25519")


def test_a_pair_has_the_form_of_its_type(pair):
    """As others write and read it."""
    assert pair.private.startswith(STARTS[pair.type])
    assert pair.private == pair.private.strip()
    assert re.fullmatch(RECIPIENTS[pair.type], pair.recipient)


def test_the_private_key_is_enough_to_know_the_rest(pair):
    """Also with what an editor adds."""
    assert read(pair.private, where="x") == key_pairs.recognize(pair.private, where="x") == (pair,)
    assert (
        read_one(f"\n  {pair.private.replace(chr(10), chr(13) + chr(10))}  \r\n", where="x").recipient == pair.recipient
    )


def test_a_pair_does_not_show_its_private_key(pair):
    """A traceback may print it."""
    assert STARTS[pair.type] not in repr(pair)
    assert pair.recipient in repr(pair)


def test_a_fingerprint_is_short_and_depends_on_the_key_alone(pair):
    """It is compared by eye; that of a PGP key is what everybody calls so."""
    assert pair.fingerprint == read(pair.private, where="x")[0].fingerprint
    assert len(pair.fingerprint) == (40 if pair.type == "pgp" else 16)


def test_several_age_keys_are_several_pairs():
    """Of both kinds, as age takes them from one file."""
    pairs = [key_pairs.generate(kind, HERE, name="", algorithm="") for kind in ("age", "age-pq", "age")]
    text = "# mine\n" + "\n".join(pair.private for pair in pairs)
    assert read(text, where="x") == tuple(pairs)
    with pytest.raises(KeyFormatError, match="there are 3 keys in it"):
        read_one(text, where="x")


def test_a_type_that_is_none_is_refused():
    """With those that are."""
    with pytest.raises(InvalidInputError, match=r"there is no type ssh.*age, age-pq, pgp"):
        key_pairs.generate("ssh", HERE, name="", algorithm="")


@pytest.mark.parametrize("kind", key_pairs.TYPES)
def test_where_a_pair_can_be_made_that_is_known_before(kind):
    """For all types; nothing of it is left."""
    key_pairs.check_can_generate(kind, HERE, name="Jörg + 2 %k", algorithm="ed25519")
    made = key_pairs.generate(kind, HERE, name="Jörg + 2 %k", algorithm="ed25519")
    assert read(made.private, where="x") == (made,)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\tb", "a <b>", "a>", "(a)", "a)"])
def test_names_are_refused_beforehand_as_they_are_when_a_pair_is_made(name):
    """What goes through is a line of a user ID."""
    for question in (key_pairs.check_can_generate, key_pairs.generate):
        with pytest.raises(InvalidInputError, match="is empty, or holds a line break"):
            question("pgp", HERE, name=name, algorithm="ed25519")


def test_a_part_of_a_key_is_none(pair):
    """Whatever it is cut off from; nothing of it is told."""
    for part in (pair.private[:-5], pair.private[: len(pair.private) // 2]):
        with pytest.raises(KeyFormatError) as caught:
            read(part, where="the variable")
        assert "the variable" in str(caught.value)
        assert not any(line in str(caught.value) for line in part.splitlines() if len(line) > 20 and line[0] != "-")


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("AGE-SECRET-KEY-1QQ", True),
        ("x age-secret-key-pq-1qq", True),
        ("AGE-PLUGIN-YUBIKEY-1QQ", True),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----", True),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", True),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----", False),
        ("age1qq", False),
        ("/home/me/keys.txt", False),
        (None, False),
        (17, False),
    ],
)
def test_a_private_key_is_known_wherever_it_stands(text, is_one):
    """So that it is not repeated as a name, a path or a public key."""
    assert key_pairs.holds_private_key(text) is is_one
