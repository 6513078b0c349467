# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which private keys can be used where nobody can be asked: as gpg has it, and by the signatures alone."""

from __future__ import annotations

import os
import re
import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import KeyFormatError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import pgp_packets
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_block import (
    check_opens,
    check_unattended,
    read_private,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_home import MemoryHome
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import (
    CERTIFIES,
    ENCRYPTS,
    KEY,
    MADE,
    SIGNS,
    UNLOCKED,
    USER,
    GnupgHome,
    armored,
    number,
    secret_packet,
    signature_packet,
)

Make = t.Callable[[GnupgHome], str]
"""Makes a key in a home and returns its fingerprint."""


@pytest.fixture(scope="module")
def home() -> t.Iterator[GnupgHome]:
    with GnupgHome() as made:
        yield made


# --- against gpg ----------------------------------------------------------------------------------


def usual(home: GnupgHome) -> str:
    return home.new_key(name="usual")


def of_one_part(home: GnupgHome) -> str:
    return home.new_key("single", name="of one part")


def signing(home: GnupgHome) -> str:
    return home.new_key("signing", name="signing")


def locked(home: GnupgHome) -> str:
    return home.new_key(name="locked", locked=True)


def expired(home: GnupgHome) -> str:
    return home.new_key(name="expired", expired=True)


def subkey_expired(home: GnupgHome) -> str:
    return home.new_dated_key(lasts="1d")


def subkey_expires_later(home: GnupgHome) -> str:
    return home.new_dated_key(lasts="50y")


def subkey_renewed(home: GnupgHome) -> str:
    made = home.new_dated_key(lasts="1d")
    home.add_subkey(made)
    return made


def revoked(home: GnupgHome) -> str:
    made = home.new_key(name="revoked")
    home.revoke(made)
    return made


def subkey_revoked(home: GnupgHome) -> str:
    made = home.new_key(name="subkey revoked")
    home.revoke_subkey(made)
    return made


def subkey_replaced(home: GnupgHome) -> str:
    made = subkey_revoked(home)
    home.add_subkey(made)
    return made


def subkey_lost(home: GnupgHome) -> str:
    made = home.new_key(name="subkey lost")
    home.lose_secret(made)
    return made


def gpg_can_use(private: str, fingerprint: str) -> bool:
    """Whether gpg encrypts for it and decrypts that, with this text alone and nobody to ask."""
    with MemoryHome({"PATH": os.environ["PATH"]}) as alone:
        alone.gpg.ask(["--import"], private.encode())
        words = ["--trust-model", "always", "--encrypt", "--recipient", fingerprint]
        encrypted = alone.gpg.ask(words, b"data key")
        opened = alone.gpg.ask(["--pinentry-mode", "error", "--decrypt"], encrypted.output)
        return (encrypted.code, opened.code, opened.output) == (0, 0, b"data key")


@pytest.mark.parametrize(
    ("make", "refused"),
    [
        (usual, ""),
        (of_one_part, ""),
        (subkey_expires_later, ""),
        (subkey_renewed, ""),
        (subkey_replaced, ""),
        (signing, "can sign, and has no subkey for encryption"),
        (locked, "protected by a passphrase"),
        (expired, "which encrypts, expired on 2020-01-02"),
        (subkey_expired, "which encrypts, expired on 2020-01-02"),
        (revoked, "was revoked, and nobody can encrypt for it"),
        (subkey_revoked, "the subkey for encryption of .* was revoked"),
        (subkey_lost, "which encrypts, is exported without its secret"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_key_is_taken_if_gpg_can_encrypt_and_decrypt_with_it(home: GnupgHome, make: Make, refused: str) -> None:
    made = make(home)
    private = home.private(made)
    assert gpg_can_use(private, made) == (not refused)
    if refused:
        with pytest.raises(KeyFormatError, match=refused) as caught:
            check_unattended(private, where="sops.asc")
        assert made in f"{caught.value.message} {caught.value.hint}" or "export it" in (caught.value.hint or "")
    else:
        assert [key.fingerprint for key in check_unattended(private)] == [made]


ENDINGS: dict[str, tuple[str, t.Callable[[GnupgHome, str], None]]] = {
    "expired": ("20200101T120000!", lambda _home, _made: None),
    "revoked": ("", lambda home, made: home.revoke(made)),
    "subkey revoked": ("", lambda home, made: home.revoke_subkey(made)),
}
"""When something is encrypted for the key, and what happens to the key then."""


@pytest.mark.parametrize("name", ENDINGS)
def test_what_nobody_can_encrypt_for_any_more_still_opens(home: GnupgHome, name: str) -> None:
    clock, end = ENDINGS[name]
    made = home.new_dated_key(lasts="1d") if clock else home.new_key(name=f"before it was {name}")
    at = ("--faked-system-time", clock) if clock else ()
    sealed = home.gpg(*at, "--trust-model", "always", "--encrypt", "--recipient", made, data=b"data key")
    end(home, made)
    private = home.private(made)
    with pytest.raises(KeyFormatError):
        check_unattended(private)
    assert [key.fingerprint for key in check_opens(private)] == [made]
    with MemoryHome({"PATH": os.environ["PATH"]}) as alone:
        alone.gpg.ask(["--import"], private.encode())
        assert alone.gpg.ask(["--pinentry-mode", "error", "--decrypt"], sealed).output == b"data key"


@pytest.mark.parametrize("make", [signing, locked, subkey_lost], ids=lambda make: make.__name__)
def test_what_does_not_open_is_refused_for_opening(home: GnupgHome, make: Make) -> None:
    with pytest.raises(KeyFormatError):
        check_opens(home.private(make(home)))


def test_the_primary_key_may_stay_where_it_is(home: GnupgHome) -> None:
    made = home.new_key(name="primary left out")
    private = home.gpg("--armor", "--export-secret-subkeys", made).decode()
    assert gpg_can_use(private, made)
    check_unattended(private)


@pytest.mark.parametrize("make", [signing, expired, subkey_expired, subkey_revoked], ids=lambda make: make.__name__)
def test_who_does_what_the_hint_says_has_a_key_that_is_taken(home: GnupgHome, make: Make) -> None:
    made = make(home)
    with pytest.raises(KeyFormatError) as caught:
        check_unattended(home.private(made))
    commands = re.findall(r"gpg (--quick-[a-z-]+(?: [0-9A-F]{40}| 0| default| encr)+)", caught.value.hint or "")
    assert commands
    for words in commands:
        home.gpg("--passphrase", "", *words.split())
    check_unattended(home.private(made))


# --- by the signatures ----------------------------------------------------------------------------

SUBKEY = secret_packet(7)
PRIMARY = secret_packet() + USER + signature_packet(0x13, flags=CERTIFIES | SIGNS)
BOUND = signature_packet(0x18, flags=ENCRYPTS)
SELF = read_private(UNLOCKED)[0].fingerprint[-16:]
OTHER = "0123456789ABCDEF"
DAY = 86400
NO_USER = "has no valid user ID, and gpg takes no such key"
NOT_FOR_ENCRYPTION = "has no subkey for encryption"
REVOKED = "was revoked"
EXPIRED = "expired on 2026-05-11"

CASES: t.Mapping[str, tuple[bytes, str]] = {
    "one key for everything": (KEY, ""),
    "a subkey": (PRIMARY + SUBKEY + BOUND, ""),
    "the issuer named": (PRIMARY + SUBKEY + signature_packet(0x18, flags=ENCRYPTS, issuer=SELF), ""),
    "no flags, so what the algorithm can do": (secret_packet() + USER + signature_packet(0x13), ""),
    "an algorithm that only signs": (
        secret_packet(algorithm=17, public=number(1024) * 4) + USER + signature_packet(0x13, flags=ENCRYPTS),
        NOT_FOR_ENCRYPTION,
    ),
    "a subkey for storage only": (PRIMARY + SUBKEY + signature_packet(0x18, flags=8), ""),
    "a subkey that only signs": (PRIMARY + SUBKEY + signature_packet(0x18, flags=SIGNS), NOT_FOR_ENCRYPTION),
    "a subkey that nobody has bound": (PRIMARY + SUBKEY, NOT_FOR_ENCRYPTION),
    "a subkey that somebody else has bound": (
        PRIMARY + SUBKEY + signature_packet(0x18, flags=ENCRYPTS, issuer=OTHER),
        NOT_FOR_ENCRYPTION,
    ),
    "a subkey that is there as a public one": (
        PRIMARY + SUBKEY + signature_packet(0x18, flags=SIGNS) + pgp_packets.pack(14, b"x") + BOUND,
        NOT_FOR_ENCRYPTION,
    ),
    "the newest binding counts": (
        PRIMARY + SUBKEY + signature_packet(0x18, made=MADE + 9, flags=ENCRYPTS) + signature_packet(0x18, flags=SIGNS),
        "",
    ),
    "of two of a second the last one": (
        PRIMARY + SUBKEY + BOUND + signature_packet(0x18, flags=SIGNS),
        NOT_FOR_ENCRYPTION,
    ),
    "revoked, by a newer binding too": (
        PRIMARY + SUBKEY + signature_packet(0x28) + signature_packet(0x18, made=MADE + 9, flags=ENCRYPTS),
        REVOKED,
    ),
    "one of two subkeys revoked": (PRIMARY + SUBKEY + BOUND + signature_packet(0x28) + SUBKEY + BOUND, ""),
    "revoked, says somebody else": (PRIMARY + SUBKEY + BOUND + signature_packet(0x28, issuer=OTHER), ""),
    "the key revoked": (secret_packet() + signature_packet(0x20) + KEY.removeprefix(secret_packet()), REVOKED),
    "no user ID": (secret_packet() + SUBKEY + BOUND, NO_USER),
    "a user ID that somebody else has signed": (
        secret_packet() + USER + signature_packet(0x10, flags=ENCRYPTS, issuer=OTHER),
        NO_USER,
    ),
    "all user IDs revoked": (KEY + signature_packet(0x30, made=MADE + 9), NO_USER),
    "one of two user IDs revoked": (
        KEY + USER + signature_packet(0x13, made=MADE + 9, flags=SIGNS) + signature_packet(0x30, made=MADE + 10),
        "",
    ),
    "a user ID taken back and given again": (
        KEY + signature_packet(0x30, made=MADE + 1) + signature_packet(0x13, made=MADE + 2, flags=ENCRYPTS),
        "",
    ),
    "friends of limited time": (KEY + signature_packet(0x10, made=MADE + 9, lasts=1, issuer=OTHER), ""),
    "a key that speaks for itself": (secret_packet() + signature_packet(0x1F, flags=ENCRYPTS), ""),
    "what it says itself comes before its user IDs": (
        secret_packet() + signature_packet(0x1F, flags=SIGNS) + KEY.removeprefix(secret_packet()),
        NOT_FOR_ENCRYPTION,
    ),
    "what it does not say its user IDs do": (
        secret_packet() + signature_packet(0x1F) + KEY.removeprefix(secret_packet()),
        "",
    ),
    "expired": (secret_packet() + USER + signature_packet(0x13, flags=ENCRYPTS, lasts=DAY), EXPIRED),
    "not yet expired": (secret_packet() + USER + signature_packet(0x13, flags=ENCRYPTS, lasts=2 * DAY + 1), ""),
    "without end": (secret_packet() + USER + signature_packet(0x13, flags=ENCRYPTS, lasts=0), ""),
    "extended": (
        secret_packet()
        + USER
        + signature_packet(0x13, flags=ENCRYPTS, lasts=DAY)
        + signature_packet(0x13, made=MADE + 9, flags=ENCRYPTS),
        "",
    ),
    "a primary key that ends before its subkey": (
        secret_packet() + USER + signature_packet(0x13, flags=SIGNS, lasts=DAY) + SUBKEY + BOUND,
        EXPIRED,
    ),
    "one of two subkeys expired": (
        PRIMARY + SUBKEY + signature_packet(0x18, flags=ENCRYPTS, lasts=DAY) + SUBKEY + BOUND,
        "",
    ),
    "a long signature": (PRIMARY + SUBKEY + signature_packet(0x18, flags=ENCRYPTS, filler=200), ""),
    "a very long signature": (PRIMARY + SUBKEY + signature_packet(0x18, flags=ENCRYPTS, filler=9000), ""),
    "a signature of a later version": (PRIMARY + SUBKEY + signature_packet(0x18, flags=ENCRYPTS, version=6), ""),
    "a signature of a version that is not in use": (
        PRIMARY + SUBKEY + signature_packet(0x18, flags=ENCRYPTS, version=3),
        NOT_FOR_ENCRYPTION,
    ),
    "a signature that is cut off": (PRIMARY + SUBKEY + pgp_packets.pack(2, b"\4\x18"), NOT_FOR_ENCRYPTION),
}


@pytest.mark.parametrize(("packets", "refused"), CASES.values(), ids=CASES.keys())
def test_signatures_say_what_a_key_is_for(packets: bytes, refused: str) -> None:
    two_days_on = MADE + 2 * DAY
    if refused:
        with pytest.raises(KeyFormatError, match=refused) as caught:
            check_unattended(armored(packets), now=two_days_on)
        assert caught.value.hint
    else:
        check_unattended(armored(packets), now=two_days_on)
    # To open what there is, none of this matters.
    assert read_private(armored(packets))


# --- whom a message is for ------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2])
def test_a_message_names_the_subkeys_that_open_it(home: GnupgHome, count: int) -> None:
    people = [home.new_key(name=f"reader {number} of {count}") for number in range(count)]
    to_all = [word for person in people for word in ("--recipient", person)]
    # So large that it is written in pieces.
    message = home.gpg("--trust-model", "always", "--armor", "--encrypt", *to_all, data=os.urandom(100_000)).decode()
    assert pgp_packets.key_ids(message) == {home.subkeys(person)[0][-16:] for person in people}


@pytest.mark.parametrize("option", ["--hidden-recipient", "--recipient"])
def test_a_message_for_somebody_who_is_hidden_names_nobody(home: GnupgHome, option: str) -> None:
    words = ("--trust-model", "always", "--armor", "--encrypt", "--recipient", usual(home), option)
    found = pgp_packets.key_ids(home.gpg(*words, usual(home), data=b"x").decode())
    assert len(found) == (0 if option == "--hidden-recipient" else 2)


@pytest.mark.parametrize(
    "message",
    [
        "",
        "OLD",
        UNLOCKED,
        armored(b"\x85\x01", "MESSAGE"),
        armored(b"\x84\x05\x03", "MESSAGE"),
        "-----BEGIN PGP MESSAGE-----",
    ],
    ids=["empty", "noise", "key", "header", "cut off", "no end"],
)
def test_what_is_no_message_names_nobody(message: str) -> None:
    assert pgp_packets.key_ids(message) == frozenset()


def test_a_message_in_a_newer_form_names_nobody() -> None:
    assert pgp_packets.key_ids(armored(pgp_packets.pack(1, b"\6\x15\4" + bytes(40)), "MESSAGE")) == frozenset()
