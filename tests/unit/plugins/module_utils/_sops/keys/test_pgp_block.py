# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is read in armored private keys, without gpg; where gpg is asked, it is to compare."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import KeyFormatError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import pgp_block, pgp_packets
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import (
    ELSEWHERE,
    KEY,
    LOCKED,
    UNLOCKED,
    GnupgHome,
    armored,
    number,
    secret_packet,
)

FINGERPRINT = "7A5FDE28F2A1DAAAC8320F8D93B5DD59471531D4"
"""Of the packets that all texts here have."""


@pytest.fixture(scope="module")
def home() -> t.Iterator[GnupgHome]:
    with GnupgHome() as made:
        yield made


@pytest.mark.parametrize("kind", ["ed25519", "rsa2048", "nistp256"])
def test_fingerprints_and_public_key_are_those_that_gpg_says(home: GnupgHome, kind: str) -> None:
    made = home.new_key(kind, name=kind)
    pair = pgp_block.public_of(home.private(made))
    assert (pair.fingerprint, pair.public) == (made, home.public(made))
    (key,) = pgp_block.read_private(home.private(made))
    assert key.fingerprints == (made, *home.subkeys(made))


def test_a_passphrase_is_seen_and_a_primary_key_that_was_left_out(home: GnupgHome) -> None:
    locked, free = home.new_key(name="locked", locked=True), home.new_key(name="unlocked")
    (key,) = pgp_block.read_private(home.private(locked))
    assert [part.needs_passphrase for part in key.parts] == [True, True]
    (key,) = pgp_block.read_private(home.gpg("--armor", "--export-secret-subkeys", free).decode())
    assert (key.fingerprint, key.needs_passphrase) == (free, False)
    assert [part.is_elsewhere for part in key.parts] == [True, False]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: "\n".join(f"  {line}  " for line in text.splitlines()),
        lambda text: "# a note\n" + text + "\nanother\n",
        lambda text: text.replace("BLOCK-----\n\n", "BLOCK-----\nVersion: GnuPG v2\nComment: mine\n\n"),
        lambda text: "\n".join(line for line in text.splitlines() if not line.startswith("=")),
    ],
    ids=["crlf", "blanks", "text around", "headers", "no checksum"],
)
def test_what_editors_do_to_a_text_does_no_harm(change: t.Callable[[str], str]) -> None:
    assert [key.fingerprint for key in pgp_block.check_unattended(change(UNLOCKED))] == [FINGERPRINT]


def test_several_keys_in_one_text_and_in_one_block() -> None:
    both = armored(KEY + KEY)
    assert len(pgp_block.check_unattended(UNLOCKED + UNLOCKED)) == 2
    assert len(pgp_block.check_unattended(both)) == 2
    with pytest.raises(KeyFormatError, match="holds 2 keys where one is due"):
        pgp_block.public_of(both)


@pytest.mark.parametrize(
    ("algorithm", "public"),
    [
        (1, number(2048) + number(17)),
        (16, number(1024) * 3),
        (17, number(1024) * 4),
        (18, bytes.fromhex("0a2b060104019755010501") + number(263) + bytes.fromhex("03010809")),
        (25, bytes(32)),
        (28, bytes(57)),
    ],
    ids=["RSA", "ElGamal", "DSA", "ECDH", "X25519", "Ed448"],
)
def test_the_public_part_of_every_algorithm_ends_where_it_ends(algorithm: int, public: bytes) -> None:
    (key,) = pgp_block.read_private(armored(secret_packet(algorithm=algorithm, public=public)))
    assert key.public.endswith(public)


def test_keys_of_later_versions_are_named_by_their_longer_fingerprint() -> None:
    material = bytes(32)
    body = b"\x06" + bytes(4) + b"\x1b" + len(material).to_bytes(4) + material
    locked = body + b"\xfe\x1c\x09\x04\x08" + bytes(24)
    for secret, needs in ((body + b"\x00" + bytes(32), False), (locked, True)):
        (key,) = pgp_block.read_private(armored(pgp_packets.pack(5, secret)))
        assert (len(key.fingerprint), key.needs_passphrase) == (64, needs)


@pytest.mark.parametrize(
    ("old", "header", "length"),
    [
        (secret_packet(), 2, lambda size: size.to_bytes(1)),
        (secret_packet(), 2, lambda size: b"\xff" + size.to_bytes(4)),
        (
            secret_packet(algorithm=1, public=number(2048) + number(17)),
            3,
            lambda size: (size - 192 + (192 << 8)).to_bytes(2),
        ),
    ],
    ids=["one byte", "five bytes", "two bytes"],
)
def test_packets_with_headers_of_the_newer_format(old: bytes, header: int, length: t.Callable[[int], bytes]) -> None:
    body = old[header:]
    new = b"\xc5" + length(len(body)) + body
    assert pgp_block.read_private(armored(new)) == pgp_block.read_private(armored(old))


CUT = UNLOCKED[: len(UNLOCKED) // 2]
DATA_LINE = UNLOCKED.splitlines()[2]
OTHER_LETTER = DATA_LINE.replace(DATA_LINE[20], "B" if DATA_LINE[20] != "B" else "C", 1)
NO_CRC = "\n".join(line for line in UNLOCKED.splitlines() if not line.startswith("="))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no armored OpenPGP key"),
        ("AGE-SECRET-KEY-1", "no armored OpenPGP key"),
        (UNLOCKED.replace("PRIVATE", "PUBLIC"), "is a PGP PUBLIC KEY BLOCK, not a PGP PRIVATE KEY BLOCK"),
        (UNLOCKED.replace("PRIVATE KEY BLOCK", "MESSAGE"), "is a PGP MESSAGE"),
        (armored(pgp_packets.pack(6, b"\4")), "holds no private key"),
        (CUT, "is cut off"),
        (UNLOCKED.replace("\n", " "), "lost its line breaks.*block with |"),
        (UNLOCKED.replace(DATA_LINE, OTHER_LETTER), "its checksum does not fit"),
        (NO_CRC.replace(DATA_LINE, DATA_LINE[:-4]), "damaged"),
        (UNLOCKED.replace(DATA_LINE, DATA_LINE.replace("A", "!")), "no base64"),
        (armored(b"\x05\x00"), "packets do not fit"),
        (armored(b"\xc5\xe0" + bytes(40)), "packets do not fit"),
        (armored(b"\x97" + bytes(40)), "packets do not fit"),
        (armored(secret_packet()[:-3]), "packets do not fit"),
        (armored(secret_packet(rest=b"\0" + number(255) + b"\0\0")), "checksum of its secret part"),
        (armored(secret_packet(algorithm=99)), "algorithm that is not known here, number 99"),
        (armored(pgp_packets.pack(5, b"\3" + bytes(20))), "version that is not in use"),
        (LOCKED, f"{FINGERPRINT} is protected by a passphrase, and nobody can be asked"),
        (ELSEWHERE, "without its secret"),
    ],
    ids=[
        "empty",
        "age",
        "public",
        "message",
        "public packet",
        "cut off",
        "folded",
        "letter",
        "line",
        "base64",
        "noise",
        "partial length",
        "open length",
        "packet",
        "sum",
        "algorithm",
        "version",
        "passphrase",
        "elsewhere",
    ],
)
def test_bad_keys_are_refused_in_words_that_hold_nothing_of_them(text: str, message: str) -> None:
    with pytest.raises(KeyFormatError, match=message) as caught:
        pgp_block.check_unattended(text, where="sops.asc")
    assert caught.value.where == "sops.asc"
    assert caught.value.hint
    assert caught.value.__cause__ is None
    assert DATA_LINE[8:24] not in str(caught.value)


def test_a_pair_never_shows_its_private_key() -> None:
    assert UNLOCKED.splitlines()[2] not in repr(pgp_block.public_of(UNLOCKED))
