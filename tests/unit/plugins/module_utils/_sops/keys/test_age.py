# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""age recipients and identities."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    KeyFormatError,
    UnsupportedError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age

DATA_KEY = bytes(range(32))


def test_a_generated_pair_belongs_together() -> None:
    private, public = age.generate_identity()
    assert private.startswith("AGE-SECRET-KEY-1")
    assert age.public_key(private + "\n") == public


def test_what_is_wrapped_opens_with_the_identity_only() -> None:
    private, public = age.generate_identity()
    other, _public = age.generate_identity()
    wrapped = age.AgeKey(public).wrap(DATA_KEY)
    assert wrapped.enc.startswith("-----BEGIN AGE ENCRYPTED FILE-----\n")
    assert wrapped.enc.endswith("-----END AGE ENCRYPTED FILE-----\n")
    assert age.AgeIdentity(private).unwrap(wrapped.enc) == DATA_KEY
    assert age.AgeIdentity(private).unwrap("\r\n" + wrapped.enc.replace("\n", "\r\n")) == DATA_KEY
    assert age.AgeIdentity(other).unwrap(wrapped.enc) is None


def test_a_damaged_wrap_is_an_error_not_somebody_elses() -> None:
    private, public = age.generate_identity()
    with pytest.raises(DataKeyError, match="damaged"):
        age.AgeIdentity(private).unwrap(age.AgeKey(public).wrap(DATA_KEY).enc.replace("BEGIN", "BEGUN"))


@pytest.mark.parametrize(
    ("recipient", "error", "message"),
    [
        ("age1nonsense", KeyFormatError, "checksum"),
        ("ABC", KeyFormatError, "starts with age1"),
        ("age1pq1xyz", UnsupportedError, "post-quantum"),
        ("age1yubikey1xyz", UnsupportedError, "plugin"),
        ("ssh-ed25519 AAAA", UnsupportedError, "SSH"),
    ],
)
def test_recipients_are_checked(recipient: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        age.check_recipient(recipient)


def test_key_files_may_have_comments_and_crlf() -> None:
    private, public = age.generate_identity()
    text = f"# created: today\r\n# public key: {public}\r\n\r\n{private}\r\n"
    assert [identity.recipient for identity in age.parse_identities(text)] == [public]


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("AGE-SECRET-KEY-1ABC\n", KeyFormatError, "line 1: an age identity is damaged"),
        ("# x\nnonsense\n", KeyFormatError, "line 2"),
        (" AGE-SECRET-KEY-1ABC\n", KeyFormatError, "line 1"),
        ("AGE-PLUGIN-YUBIKEY-1ABC", UnsupportedError, "plugin"),
        ("AGE-SECRET-KEY-PQ-1ABC", UnsupportedError, "post-quantum"),
        ("-----BEGIN AGE ENCRYPTED FILE-----\n", UnsupportedError, "passphrase"),
    ],
)
def test_other_identities_are_refused_without_being_shown(text: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        age.parse_identities(text)
    assert "1ABC" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_an_identity_never_shows_its_private_key() -> None:
    private, public = age.generate_identity()
    assert repr(age.AgeIdentity(private)) == f"AgeIdentity({public})"
