# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What people give as age keys by mistake: each message says what to do, and none holds a private key."""

from __future__ import annotations

import os
import re
import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    EncryptionError,
    KeyFormatError,
    MalformedMetadataError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age, age_bech32
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_passphrase import Passphrase
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.private_texts import (
    AROUND,
    PRIVATE,
    told_of,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.protected import protected
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.ssh_keys import ssh_key
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys, damaged, holding

X = Keys(*age.generate_identity())
Y = Keys(*age.generate_identity())
PQ = Keys(*age.generate_identity(post_quantum=True))
SSH = ssh_key("ed25519")
MISSING_RECIPIENT = age_bech32.encode("age1missing", b"0123")
MISSING_IDENTITY = age_bech32.encode("age-plugin-missing-", b"0123").upper()

SHORT_RSA = (
    "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQC7hZIZXUlNJu7XhF1C0RQxXgD4s3C9PnSHqRxXqVHBOMHbzvtPp3aG+yAcDc9eTnNIZaZw4"
    "0YPQ7PhuBfRlcDsDBRPWcLqUJpsVOkpSHTYuG4p0aGhVyPMyLJCzIzZlqxLyZ0sS6sHbx6sYf0pCzmrWWBZHEWSgFHUtdVyF3FkZQ=="
)

RECIPIENTS: dict[str, tuple[str, str]] = {
    "a private key": (X.private, "a private key stands where a recipient is due.*give the public key"),
    "a private post-quantum key": (PQ.private.lower(), "a private key stands where a recipient is due"),
    "an identity of a plugin": (MISSING_IDENTITY, "a private key stands where a recipient is due"),
    "a private SSH key": (SSH.private, "a private key stands where a recipient is due"),
    "nothing": ("", "starts with age1 or ssh-"),
    "another word": ("alice@example.com", "starts with age1 or ssh-, this one does not: alice@example.com"),
    "a fingerprint": ("85D77543B3D624B63CEA9E6DBC17301B491B3F21", "starts with age1 or ssh-"),
    "capital letters": (X.public.upper(), "starts with age1 or ssh-"),
    "two keys in one line": (f"{X.public} {Y.public}", "several words stand.*separate recipients by commas"),
    "a damaged key": (damaged(X.public), "a character is wrong or missing, its checksum does not fit"),
    "a key that is cut off": (X.public[:-9], "a character is wrong or missing"),
    "a damaged post-quantum key": (damaged(PQ.public), "a character is wrong or missing"),
    "a damaged recipient of a plugin": (damaged(MISSING_RECIPIENT), "a character is wrong or missing"),
    "a damaged tag": ("age1tag1qqqqqqqq", "a character is wrong or missing"),
    "an SSH key that is cut off": (SSH.public[:40], "the SSH public key is cut off or damaged"),
    "an SSH key of another type": (ssh_key("ecdsa").public, "starts with age1 or ssh-"),
    "a DSA key": ("ssh-dss AAAAB3NzaC1kc3MAAA==", "types ssh-ed25519 and ssh-rsa only"),
    "an RSA key of 1024 bits": (
        SHORT_RSA,
        "an RSA key needs 2048 bits or more",
    ),
}

KEY_FILES: dict[str, tuple[str, str]] = {
    "a public key": (X.public, "line 1: a public key stands where a private key is due: give the private key"),
    "an SSH public key": (f"# mine\n{SSH.public}\n", "line 2: a public key stands where a private key is due"),
    "a space before": (f" {X.private}\n", "line 1: there is white space before or after the private key: take it off"),
    "a space behind": (f"{X.private} \r\n", "line 1: there is white space before or after the private key"),
    "two keys in one line": (f"{X.private} {Y.private}\n", "line 1: several words stand in one line: put one private key"),
    "a damaged key": (f"{Y.private}\n{damaged(X.private)}\n", "line 2: an age identity is damaged: its checksum"),
    "a damaged post-quantum key": (damaged(PQ.private), "line 1: an age identity is damaged: its checksum"),
    "a damaged identity of a plugin": (damaged(MISSING_IDENTITY), "line 1: an identity of an age plugin is damaged"),
    "small letters": (X.private.lower(), "line 1: an age private key is written in capital letters"),
    "an SSH key": (SSH.private, "line 1: this is no age private key: name the file of an SSH key in SOPS_AGE_SSH_PRIVATE_KEY_FILE"),
    "an OpenPGP key": ("-----BEGIN PGP PRIVATE KEY BLOCK-----\n", "give OpenPGP keys to gpg"),
    "another text": ("apiVersion: v1\n", "line 1: an age private key starts with AGE-SECRET-KEY-1, AGE-SECRET-KEY-PQ-1 or"),
    "a file for a recipient": (age.AgeKey(Y.public).wrap(b"x").enc, "encrypted for a recipient and not with a passphrase"),
    "a damaged protected file": ("-----BEGIN AGE ENCRYPTED FILE-----\nAAAA\n", "protected by a passphrase is damaged"),
    "a protected file of another version": ("age-encryption.org/v2\n", "its first line is not age-encryption.org/v1"),
}  # fmt: skip

SSH_FILES: dict[str, tuple[str, str]] = {
    "another type": (ssh_key("ecdsa").private, "types ssh-ed25519 and ssh-rsa only: make one with ssh-keygen -t ed25519"),
    "another type in an older format": (ssh_key("ecdsa", form="PEM").private, "types ssh-ed25519 and ssh-rsa only"),
    "a public key": (SSH.public, "types ssh-ed25519 and ssh-rsa only"),
    "a key that is cut off": (SSH.private[:90], "the SSH private key is damaged"),
    "a protected key without its public one": (
        ssh_key("rsa", "x", "PKCS8").private, "expected beside it with .pub at the end",
    ),
}  # fmt: skip


def surroundings(
    environment: dict[str, str], files: dict[str, str], ask: t.Callable[[str], str | None] | None = None
) -> Surroundings:
    return Surroundings(environment, "/home/me", files.get, lambda _words, _extra: "", ask)


def told(keys: Surroundings, recipient: str = X.public) -> str:
    with pytest.raises(DataKeyError) as caught:
        gather(keys).data_key(holding(age.AgeKey(recipient).wrap(b"d" * 32)))
    return str(caught.value)


@pytest.mark.parametrize("name", RECIPIENTS)
def test_a_wrong_recipient(name: str) -> None:
    text, message = RECIPIENTS[name]
    with pytest.raises(KeyFormatError, match=message) as caught:
        age.check_recipient(text, where=".sops.yaml")
    assert str(caught.value).startswith(".sops.yaml: ")
    _assert_nothing_private(str(caught.value))


@pytest.mark.parametrize("change", [str, str.lower, str.upper], ids=["as it is", "small", "capital"])
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("form", PRIVATE)
def test_a_private_key_is_not_told_whatever_is_around_it(
    form: str, around: str, change: t.Callable[[str], str]
) -> None:
    """Neither where a recipient is given, nor where one is read from a file."""
    text = AROUND[around].format(change(PRIVATE[form]))
    with pytest.raises(KeyFormatError, match="a private key stands where a recipient is due") as caught:
        age.check_recipient(text, where=".sops.yaml")
    assert told_of(PRIVATE[form], str(caught.value)) == []
    with pytest.raises(MalformedMetadataError, match="a private key stands where a recipient is due") as stored:
        age.AgeKey.parse({"recipient": text, "enc": ""}, where="sops.age[0]")
    assert told_of(PRIVATE[form], str(stored.value)) == []


def test_of_a_long_text_that_is_no_recipient_only_the_beginning_is_told() -> None:
    """It may be a private key that lost its prefix."""
    body = X.private.rpartition("-")[2]
    with pytest.raises(KeyFormatError, match=f"this one does not: {body[:12]}…") as caught:
        age.check_recipient(body)
    assert body[:13] not in str(caught.value)


@pytest.mark.parametrize("name", KEY_FILES)
def test_a_wrong_key_file(name: str) -> None:
    """The source is named; nothing of its text is."""
    text, message = KEY_FILES[name]
    said = told(surroundings({"SOPS_AGE_KEY_FILE": "/k"}, {"/k": text}))
    assert re.search(f"Failed: SOPS_AGE_KEY_FILE: .*{message}", said)
    _assert_nothing_private(said)


@pytest.mark.parametrize("name", SSH_FILES)
def test_a_wrong_ssh_key(name: str) -> None:
    text, message = SSH_FILES[name]
    said = told(surroundings({"SOPS_AGE_SSH_PRIVATE_KEY_FILE": "/k"}, {"/k": text}))
    assert re.search(f"Failed: SOPS_AGE_SSH_PRIVATE_KEY_FILE: .*{message}", said)
    _assert_nothing_private(said)


@pytest.mark.parametrize("text", ["{}\r\n", "# x\r\n\r\n{}", "{}"], ids=["CRLF", "CRLF and comments", "no line end"])
def test_line_ends_do_not_matter(text: str) -> None:
    ring = gather(surroundings({"SOPS_AGE_KEY_FILE": "/k"}, {"/k": text.format(X.private)}))
    assert ring.recipients == (X.public,)


@pytest.mark.parametrize("give", ["", "wrong", None], ids=["empty", "wrong", "nobody"])
def test_a_wrong_passphrase(give: str | None) -> None:
    """Asked once, told each time; another key may open the file all the same."""
    asked = []

    def ask(name: str) -> str | None:
        asked.append(name)
        return give

    recipients = {X.public: protected(X.private, "right"), SSH.public: ssh_key("ed25519", "right").private}
    for recipient, text in recipients.items():
        ring = gather(surroundings({}, {}, ask), [("the key", text)])
        for _time in range(2):
            with pytest.raises(DataKeyError) as caught:
                ring.data_key(holding(age.AgeKey(recipient).wrap(b"d" * 32)))
            expected = "nobody can be asked for it" if give is None else "the one given is wrong"
            assert f"the key is protected by a passphrase, and {expected}" in str(caught.value)
            assert caught.value.is_undecided
    assert asked == ["the key", "the key"]


def test_a_plugin_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    said = told(surroundings({"SOPS_AGE_KEY": MISSING_IDENTITY}, {}))
    assert "the program age-plugin-missing is not on PATH: install the age plugin missing" in said
    _assert_nothing_private(said)
    assert age.check_recipient(MISSING_RECIPIENT) == MISSING_RECIPIENT
    with pytest.raises(EncryptionError, match=r"cannot encrypt for age1missing1.*age-plugin-missing is not on PATH"):
        age.AgeKey(MISSING_RECIPIENT).wrap(b"d" * 32)


def test_a_passphrase_is_not_shown() -> None:
    assert "secret" not in repr(Passphrase("secret"))


def _assert_nothing_private(text: str) -> None:
    for private in (X.private, Y.private, PQ.private, MISSING_IDENTITY):
        assert private[20:40].lower() not in text.lower()
    assert SSH.private.splitlines()[2][:20] not in text
