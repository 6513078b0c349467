# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where identities come from, and what is said when none fits."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    DecryptionOrderError,
    FileAccessError,
    UnsupportedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age import AgeKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import MasterKey, Surroundings
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp import PgpKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.wrapping import wrap_groups
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.metadata import Metadata
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.selectors import Selector
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys, damaged

DATA_KEY = b"d" * 32


def surroundings(
    environment: dict[str, str] | None = None,
    files: dict[str, str] | None = None,
    command: t.Callable[[t.Sequence[str], t.Mapping[str, str]], str] | None = None,
) -> Surroundings:
    def no_command(words: t.Sequence[str], extra: t.Mapping[str, str]) -> str:
        raise AssertionError(words)

    return Surroundings(environment or {}, "/home/me", (files or {}).get, command or no_command)


def metadata_for(*recipients: str) -> Metadata:
    keys = tuple(AgeKey(recipient).wrap(DATA_KEY) for recipient in recipients)
    return Metadata((keys,), Selector(), "2026-01-02T03:04:05Z", "")


@pytest.mark.parametrize(
    "make",
    [
        lambda private: surroundings({"SOPS_AGE_KEY": f"# mine\n{private} "}),
        lambda private: surroundings({"SOPS_AGE_KEY_FILE": "/k"}, {"/k": private}),
        lambda private: surroundings({}, {"/home/me/.config/sops/age/keys.txt": private}),
        lambda private: surroundings({"XDG_CONFIG_HOME": "/c"}, {"/c/sops/age/keys.txt": private}),
        lambda private: surroundings(
            {"SOPS_AGE_KEY_CMD": "get 'a key'"},
            command=lambda words, _extra: private if words == ["get", "a key"] else "",
        ),
    ],
)
def test_each_source_of_sops_is_read(keys: Keys, make: t.Callable[[str], Surroundings]) -> None:
    assert gather(make(keys.private)).data_key(metadata_for(keys.public)) == DATA_KEY


def test_all_sources_are_used_together(keys: Keys, other_keys: Keys) -> None:
    ring = gather(surroundings({"SOPS_AGE_KEY": keys.private, "SOPS_AGE_KEY_FILE": "/k"}, {"/k": other_keys.private}))
    assert set(ring.recipients) == {keys.public, other_keys.public}


def test_explicit_keys_switch_the_others_off(keys: Keys, other_keys: Keys) -> None:
    ring = gather(surroundings({"SOPS_AGE_KEY": keys.private}), [("parameter", other_keys.private)])
    assert ring.recipients == (other_keys.public,)
    with pytest.raises(DataKeyError):
        ring.data_key(metadata_for(keys.public))


def test_no_explicit_key_is_not_the_same_as_none_asked_for(keys: Keys) -> None:
    assert gather(surroundings({"SOPS_AGE_KEY": keys.private}), []).recipients == ()


def test_any_recipient_of_the_file_will_do(keys: Keys, other_keys: Keys) -> None:
    ring = gather(surroundings(), [("x", keys.private)])
    assert ring.data_key(metadata_for(other_keys.public, keys.public)) == DATA_KEY


def test_the_command_learns_the_recipient_and_runs_once_for_it(keys: Keys) -> None:
    calls = []

    def command(words: t.Sequence[str], extra: t.Mapping[str, str]) -> str:
        calls.append(dict(extra))
        return keys.private

    ring = gather(surroundings({"SOPS_AGE_KEY_CMD": "x"}, command=command))
    ring.data_key(metadata_for(keys.public))
    ring.data_key(metadata_for(keys.public))
    assert calls == [{"SOPS_AGE_RECIPIENT": keys.public}]


def test_a_data_key_is_unwrapped_once(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = gather(surroundings(), [("x", keys.private)])
    metadata = metadata_for(keys.public)
    ring.data_key(metadata)
    monkeypatch.setattr(ring, "_identities", [])
    assert ring.data_key(metadata) == DATA_KEY


def test_failures_are_named_and_keep_nothing_secret(keys: Keys, other_keys: Keys) -> None:
    """The message lists what was looked at, what failed, what is at hand and what is needed."""
    bad = damaged(keys.private)

    def read(path: str) -> str | None:
        raise FileAccessError("permission denied", where=path)

    def command(words: t.Sequence[str], extra: t.Mapping[str, str]) -> str:
        raise OSError(2, "No such file or directory")

    environment = {
        "SOPS_AGE_KEY": bad,
        "SOPS_AGE_KEY_FILE": "/k",
        "SOPS_AGE_KEY_CMD": "x",
        "SOPS_AGE_SSH_PRIVATE_KEY_FILE": "/ssh",
    }
    ring = gather(Surroundings(environment, "/home/me", read, command))
    with pytest.raises(DataKeyError) as caught:
        ring.data_key(metadata_for(other_keys.public), where="a.yaml")
    text = str(caught.value)
    causes = ("SOPS_AGE_KEY: line 1: an age identity is damaged", "SOPS_AGE_KEY_FILE: permission denied")
    for part in ("a.yaml", other_keys.public, *causes, "SOPS_AGE_KEY_CMD: No such file", "SSH", "keys.txt"):
        assert part in text
    assert bad not in text
    assert caught.value.exit_code == 128


def test_a_named_key_file_that_is_missing_is_a_failure_the_default_one_is_not() -> None:
    ring = gather(surroundings({"SOPS_AGE_KEY_FILE": "/k"}))
    assert ring.failed == ("SOPS_AGE_KEY_FILE: there is no file '/k'",)


def test_a_key_given_as_the_path_of_a_file_is_not_shown(keys: Keys) -> None:
    ring = gather(surroundings({"SOPS_AGE_KEY_FILE": keys.private}))
    assert ring.failed == ("SOPS_AGE_KEY_FILE: a key stands where the path of a file is due",)


PGP = PgpKey({"fp": "ABC", "enc": "e", "created_at": "2026-01-02T03:04:05Z"})


def test_a_file_for_other_kinds_of_keys_only_is_named(keys: Keys) -> None:
    with pytest.raises(DataKeyError, match="pgp ABC"):
        KeyRing().data_key(Metadata(((PGP,),), Selector(), "2026-01-02T03:04:05Z", ""))
    with pytest.raises(UnsupportedError, match="pgp"):
        KeyRing().services.wrap(PGP, DATA_KEY)


def _refuse() -> str:
    raise FileAccessError("no vault password at hand opens it", where="/vault")


PGP_ONLY = Metadata(((PGP,),), Selector(), "2026-01-02T03:04:05Z", "")


@pytest.mark.parametrize(
    ("given", "failure"),
    [
        (_refuse, "no vault password at hand opens it"),
        ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nbroken\n", "cut off|damaged|broken"),
        ("age1public", "a public key stands where a private key is due"),
    ],
    ids=["vault", "cut off", "public"],
)
def test_a_source_that_failed_is_named_for_other_kinds_of_keys_too(
    given: str | t.Callable[[], str], failure: str
) -> None:
    ring = gather(surroundings(), [("the source", given)])
    with pytest.raises(DataKeyError, match=f"Looked in: the source[.] Failed: the source: .*({failure})") as caught:
        ring.data_key(PGP_ONLY)
    assert caught.value.message.startswith(
        "the data key cannot be had: pgp ABC: keys were given, and none of this kind"
    )


def test_where_age_keys_were_looked_for_does_not_help_with_other_kinds() -> None:
    """But for a source that failed: nobody knows what is in it."""
    ring = gather(surroundings({"SOPS_AGE_KEY_FILE": "/k", "SOPS_GPG_EXEC": "/nowhere/gpg"}))
    with pytest.raises(
        DataKeyError, match=r"pgp ABC: .*[.] Failed: SOPS_AGE_KEY_FILE: there is no file '/k'"
    ) as caught:
        ring.data_key(PGP_ONLY)
    assert "Looked in" not in caught.value.message


def test_an_entry_without_a_data_key_is_passed_over(keys: Keys) -> None:
    good = AgeKey(keys.public).wrap(DATA_KEY)
    ring = gather(surroundings(), [("x", keys.private)])
    metadata = metadata_for()
    assert ring.data_key(metadata._replace(groups=((AgeKey(keys.public), good),))) == DATA_KEY
    with pytest.raises(DataKeyError, match="holds no data key"):
        ring.data_key(metadata._replace(groups=((AgeKey(keys.public),),)))


# --- groups ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trio() -> list[Keys]:
    return [Keys(*age.generate_identity()) for _number in range(3)]


def split_for(groups: t.Sequence[t.Sequence[MasterKey]], threshold: int) -> Metadata:
    wrapped = wrap_groups(groups, threshold, DATA_KEY)
    return Metadata(wrapped.groups, Selector(), "2026-01-02T03:04:05Z", "", shamir_threshold=wrapped.shamir_threshold)


@pytest.mark.parametrize("holders", [(0, 1), (0, 2), (1, 2), (0, 1, 2)], ids=str)
def test_enough_groups_open_a_split_data_key(trio: list[Keys], holders: tuple[int, ...]) -> None:
    metadata = split_for([[AgeKey(pair.public)] for pair in trio], 2)
    ring = gather(surroundings(), [("x", trio[number].private) for number in holders])
    assert ring.data_key(metadata) == DATA_KEY
    assert ring.data_key(metadata) == DATA_KEY


@pytest.mark.parametrize(("threshold", "opens"), [(0, False), (2, True)])
def test_without_a_threshold_all_groups_are_needed(trio: list[Keys], threshold: int, opens: bool) -> None:
    metadata = split_for([[AgeKey(pair.public)] for pair in trio], threshold)
    assert metadata.shamir_threshold == (threshold or 3)
    ring = gather(surroundings(), [("x", pair.private) for pair in trio[:2]])
    if opens:
        assert ring.data_key(metadata) == DATA_KEY
    else:
        with pytest.raises(DataKeyError, match="3 key groups are needed, 2 opened"):
            ring.data_key(metadata)


def test_a_file_that_does_not_say_its_threshold_opens_with_two_parts_or_more(trio: list[Keys]) -> None:
    metadata = split_for([[AgeKey(pair.public)] for pair in trio], 2)._replace(shamir_threshold=0)
    ring = gather(surroundings(), [("x", pair.private) for pair in trio[1:]])
    assert ring.data_key(metadata) == DATA_KEY
    with pytest.raises(DataKeyError, match="2 key groups are needed, 1 opened"):
        gather(surroundings(), [("x", trio[0].private)]).data_key(metadata)


def test_too_few_groups_are_listed_group_by_group_and_key_by_key(trio: list[Keys]) -> None:
    damaged = AgeKey(trio[1].public, "-----BEGIN AGE ENCRYPTED FILE-----\n")
    opened = split_for([[AgeKey(trio[0].public)], [AgeKey(trio[1].public)], [AgeKey(trio[2].public)]], 2)
    metadata = opened._replace(groups=(opened.groups[0], (damaged, PGP), ()))
    ring = gather(surroundings(), [("x", pair.private) for pair in trio[:2]])
    with pytest.raises(DataKeyError) as caught:
        ring.data_key(metadata, where="a.yaml")
    assert caught.value.exit_code == 128
    lines = caught.value.message.splitlines()
    assert lines[0] == "no identity opens enough of the data key: 2 key groups are needed, 1 opened"
    assert lines[1:3] == ["Group 0: SUCCESS", "Group 1: FAILED"]
    assert lines[3].startswith(f"  {trio[1].public}: FAILED - the wrapped data key is damaged")
    assert lines[4] == "  pgp ABC: FAILED - keys were given, and none of this kind is among them"
    assert lines[5:7] == ["Group 2: FAILED", "  the group lists no key"]


@pytest.mark.parametrize(
    ("order", "first"), [(None, "age"), ("pgp,age", "pgp"), ("kms", "pgp"), ("age,pgp,unknown", "age")], ids=str
)
def test_kinds_are_tried_in_order(keys: Keys, order: str | None, first: str) -> None:
    """By default age before pgp; kinds that are not named come last, as they stand in the file."""
    stranger = AgeKey(age.generate_identity()[1]).wrap(DATA_KEY)
    metadata = Metadata(((PGP, stranger),), Selector(), "2026-01-02T03:04:05Z", "")
    for ring in (
        gather(surroundings(), [("x", keys.private)], order=order),
        gather(surroundings({"SOPS_DECRYPTION_ORDER": order or ""})),
    ):
        with pytest.raises(DataKeyError) as caught:
            ring.data_key(metadata)
        text = caught.value.message
        assert (text.index("pgp ABC") < text.index(stranger.recipient)) is (first == "pgp")


def test_a_kind_named_twice_in_the_order_is_an_error() -> None:
    with pytest.raises(DecryptionOrderError) as caught:
        gather(surroundings({"SOPS_DECRYPTION_ORDER": "age,pgp,age"}))
    assert caught.value.exit_code == 112
