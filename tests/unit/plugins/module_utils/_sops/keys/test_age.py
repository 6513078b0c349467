# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""age recipients and key pairs of every kind."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    KeyFormatError,
    UnsupportedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age, age_bech32
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_identities import parse_identity
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.ssh_keys import ssh_key

DATA_KEY = bytes(range(32))


@pytest.fixture(params=[False, True], ids=["x25519", "post-quantum"])
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    return age.generate_identity(post_quantum=request.param)


def test_a_generated_pair_belongs_together(pair: tuple[str, str]) -> None:
    private, public = pair
    assert private.startswith("AGE-SECRET-KEY-PQ-1" if public.startswith("age1pq1") else "AGE-SECRET-KEY-1")
    assert private == private.upper()
    assert age.public_key(private + "\n") == public
    assert age.check_recipient(f" {public}\r\n") == public


def test_what_is_wrapped_opens_with_the_identity_only(pair: tuple[str, str]) -> None:
    private, public = pair
    wrapped = age.AgeKey(public).wrap(DATA_KEY)
    assert wrapped.enc.startswith("-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert wrapped.enc.endswith("-----END AGE ENCRYPTED FILE-----\n")
    assert max(map(len, wrapped.enc.splitlines())) == 64
    mine = parse_identity(private)
    assert mine.recipient == public
    assert mine.unwrap(wrapped.enc) == DATA_KEY
    assert mine.unwrap("\r\n" + wrapped.enc.replace("\n", "\r\n")) == DATA_KEY
    for post_quantum in (False, True):
        assert parse_identity(age.generate_identity(post_quantum=post_quantum)[0]).unwrap(wrapped.enc) is None


def test_a_data_key_is_wrapped_anew_each_time(pair: tuple[str, str]) -> None:
    key = age.AgeKey(pair[1])
    assert len({key.wrap(DATA_KEY).enc for _time in range(3)}) == 3


def test_a_damaged_wrap_is_an_error_not_somebody_elses(pair: tuple[str, str]) -> None:
    enc = age.AgeKey(pair[1]).wrap(DATA_KEY).enc
    lines = enc.splitlines()
    changed = "\n".join([*lines[:-2], ("B" if lines[-2][0] == "A" else "A") + lines[-2][1:], lines[-1]])
    for damaged in (enc.replace("BEGIN", "BEGUN"), changed, enc[: len(enc) // 2], enc + "x"):
        with pytest.raises(DataKeyError, match="the wrapped data key is damaged"):
            parse_identity(pair[0]).unwrap(damaged)


def test_more_than_a_data_key_can_take_is_not_even_looked_at(pair: tuple[str, str]) -> None:
    with pytest.raises(DataKeyError, match="no data key takes more"):
        parse_identity(pair[0]).unwrap(age.AgeKey(pair[1]).wrap(DATA_KEY).enc + " " * 70_000)


def test_ssh_recipients_may_have_a_comment() -> None:
    public = ssh_key("ed25519").public + " me at home"
    assert age.check_recipient(public + "\n") == public
    assert "ssh-ed25519" in _header(age.AgeKey(public).wrap(DATA_KEY).enc)


@pytest.mark.parametrize("name", ["tag", "tagpq", "yubikey"])
def test_an_empty_recipient_of_any_kind_is_refused(name: str) -> None:
    """A plugin decides itself what its recipients hold; the kinds that are known have to hold keys."""
    recipient = age_bech32.encode(f"age1{name}", b"")
    if name == "yubikey":
        assert age.check_recipient(recipient) == recipient
    else:
        with pytest.raises(KeyFormatError, match="is not an age recipient"):
            age.check_recipient(recipient)


def test_the_public_key_of_a_plugins_identity_is_known_to_the_plugin_alone() -> None:
    with pytest.raises(UnsupportedError, match="only the plugin knows"):
        age.public_key(age_bech32.encode("age-plugin-yubikey-", b"x").upper())


def _header(enc: str) -> str:
    import base64

    return base64.b64decode("".join(enc.splitlines()[1:-1])).decode("latin-1").partition("\n---")[0]
