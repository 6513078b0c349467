# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The age format, read strictly: one table of what is damaged, and where. All test vectors of age are in `tests/interop`."""

from __future__ import annotations

import binascii
import os
import sys
from collections.abc import Callable
from random import Random

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    DataKeyError,
    KeyFormatError,
    MissingLibraryError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import primitives
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import (
    age,
    age_bech32,
    age_format,
    age_hybrid,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_format import AgeFileError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_identities import (
    OpeningIdentity,
    parse_identity,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_passphrase import Passphrase
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_ssh import SshIdentity
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.ssh_keys import ssh_key

FILE_KEY, NONCE = b"f" * 16, b"n" * 16
STANZA = ("kind", ("argument",), bytes(range(61)))
CONTENT = age_format.sealed(STANZA, FILE_KEY, b"plain", lambda size: NONCE[:size])
ARMOR = age_format.armored(CONTENT)
Change = Callable[[bytes], bytes]


def test_what_is_written_is_read() -> None:
    file = age_format.parse(age_format.dearmored(ARMOR.encode()))
    assert (file.content, list(file.stanzas), file.kinds) == (CONTENT, [STANZA], {"kind"})
    assert age_format.opened(file, FILE_KEY) == b"plain"


@pytest.mark.parametrize("size", [0, 1, 47, 48, 49, 95, 96, 97])
def test_a_body_of_any_length_ends_with_a_short_line(size: int) -> None:
    stanza = ("kind", (), bytes(size))
    file = age_format.parse(age_format.sealed(stanza, FILE_KEY, b"", os.urandom))
    assert list(file.stanzas) == [stanza]
    assert age_format.opened(file, FILE_KEY) == b""


HEADERS: dict[str, Change] = {
    "nothing": lambda _content: b"",
    "another version": lambda content: content.replace(b"/v1", b"/v2", 1),
    "CRLF": lambda content: content.replace(b"\n", b"\r\n"),
    "no stanza": lambda content: b"age-encryption.org/v1\n" + content[content.index(b"---") :],
    "a stanza without a type": lambda content: content.replace(b"-> kind argument", b"->", 1),
    "an empty argument": lambda content: content.replace(b"kind argument", b"kind  argument", 1),
    "a control character": lambda content: content.replace(b"argument", b"arg\x07ment", 1),
    "a character beyond ASCII": lambda content: content.replace(b"argument", b"arg\xc3\xbcment", 1),
    "another start": lambda content: content.replace(b"-> ", b"=> ", 1),
    "no space behind the start": lambda content: content.replace(b"-> ", b"->", 1),
    "a long line": lambda content: content.replace(b"argument\n", b"argument\nAAAA", 1),
    "padding": lambda content: content.replace(b"\n---", b"=\n---", 1),
    "no short line": lambda content: content[: content.index(b"argument\n") + 9 + 65] + b"--- ",
    "another spelling of the same bytes": lambda content: content.replace(b"PA\n", b"PB\n", 1),
    "no MAC": lambda content: content[: content.index(b"---")] + b"---\n" + NONCE,
    "a short MAC": lambda content: content.replace(b"--- ", b"--- AAAA\n", 1),
    "a MAC without a space": lambda content: content.replace(b"--- ", b"---", 1),
    "cut off in the header": lambda content: content[: content.index(b"---")],
    "cut off behind the header": lambda content: content[: content.index(NONCE)],
    "a passphrase among others": lambda content: content.replace(b"-> kind", b"-> scrypt\n\n-> kind", 1),
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_malformed_header_is_refused(name: str) -> None:
    changed = HEADERS[name](CONTENT)
    assert changed != CONTENT
    with pytest.raises(AgeFileError, match="the wrapped data key is damaged: ") as caught:
        age_format.parse(changed)
    assert caught.value.part == "header"


ARMORS: dict[str, Callable[[str], str]] = {
    "nothing": lambda _armor: "",
    "another first line": lambda armor: armor.replace("BEGIN AGE", "BEGIN PGP"),
    "a space before": lambda armor: " " + armor,
    "a space behind a line": lambda armor: armor.replace("\n", " \n", 2),
    "no last line": lambda armor: armor.partition("-----END")[0],
    "text behind": lambda armor: armor + "x",
    "text before": lambda armor: "x\n" + armor,
    "an empty line": lambda armor: armor.replace("-----\n", "-----\n\n", 1),
    "a long line": lambda armor: armor.replace("\n", "", 2).replace("FILE-----", "FILE-----\n", 1),
    "another character": lambda armor: armor.replace("YWdl", "YW*l", 1),
    "an umlaut": lambda armor: armor.replace("YWdl", "YW\u00e4l", 1),
    "no padding": lambda armor: armor.replace("=\n-", "\n-", 1),
}


@pytest.mark.parametrize("name", ARMORS)
def test_malformed_armor_is_refused(name: str) -> None:
    assert "=\n-" in ARMOR
    with pytest.raises(AgeFileError) as caught:
        age_format.parse_enc(ARMORS[name](ARMOR))
    assert caught.value.part == "armor"


@pytest.mark.parametrize("around", ["{}", "\n \n\t{}".replace("\t", ""), "{}\n\n  \t", "\r\n{}"], ids=ascii)
def test_white_space_around_armor_does_not_matter(around: str) -> None:
    assert age_format.parse_enc(around.format(ARMOR)).content == CONTENT


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda content: content.replace(b"argument", b"Argument", 1), "HMAC"),
        (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "payload"),
        (lambda content: content[:-1], "payload"),
        (lambda content: content + b"x", "payload"),
        (lambda content: content[: content.index(NONCE) + 16], "payload"),
    ],
    ids=["header", "last byte", "cut off", "longer", "empty"],
)
def test_what_was_changed_is_noticed(change: Change, part: str) -> None:
    with pytest.raises(AgeFileError) as caught:
        age_format.opened(age_format.parse(change(CONTENT)), FILE_KEY)
    assert caught.value.part == part


@pytest.mark.parametrize(
    ("change", "part"),
    [
        (lambda content: content.replace(b"-> X25519 ", b"-> X25519 x ", 1), "header"),
        (lambda content: content.replace(b"\n--- ", b"\n-> other\n\n--- ", 1), "HMAC"),
        (lambda content: content + b"x", "payload"),
    ],
    ids=["stanza", "header", "longer"],
)
def test_the_library_below_tells_the_same(change: Change, part: str) -> None:
    private, public = age.generate_identity()
    content = age_format.parse_enc(age.AgeKey(public).wrap(b"d" * 32).enc).content
    with pytest.raises(AgeFileError) as caught:
        parse_identity(private).open(age_format.parse(change(content)))
    assert caught.value.part == part


@pytest.mark.parametrize("kind", ["x25519", "post-quantum", "ssh-ed25519"])
def test_damage_of_any_sort_is_an_error_of_the_file_or_nothing_at_all(kind: str) -> None:
    """Random bytes changed, left out or put in: what opens all the same is the same file."""
    if kind == "ssh-ed25519":
        pair = ssh_key("ed25519")
        identity: OpeningIdentity = SshIdentity("x", pair.private, passphrase=None)
        public = pair.public
    else:
        private, public = age.generate_identity(post_quantum=kind == "post-quantum")
        identity = parse_identity(private)
    enc = age.AgeKey(public).wrap(b"d" * 32).enc
    content = age_format.dearmored(enc.encode())
    random = Random(kind)  # noqa: S311  (repeatable)
    for _turn in range(300):
        place, size = random.randrange(len(content)), random.randrange(3)
        changed = (
            content[:place] + bytes(random.choices(b"\n\r ->=A\0\xff", k=random.randrange(3))) + content[place + size :]
        )
        try:
            opened = identity.unwrap(age_format.armored(changed))
        except AgeFileError:
            continue
        assert opened is None or (opened, changed) == (b"d" * 32, content)


def test_only_small_things_are_sealed() -> None:
    for file_key, plain in ((b"short", b""), (FILE_KEY, bytes(65537))):
        with pytest.raises(ValueError, match="one chunk"):
            age_format.sealed(STANZA, file_key, plain, os.urandom)


# --- stanzas of our own ---------------------------------------------------------------------------


def _low_order(share: str) -> str:
    content = age_format.unpadded(share)[:-32] + bytes(32)
    return binascii.b2a_base64(content, newline=False).rstrip(b"=").decode()


@pytest.fixture(scope="module")
def hybrid() -> tuple[str, str, age_format.Stanza]:
    private, public = age.generate_identity(post_quantum=True)
    (stanza,) = age_format.parse_enc(age.AgeKey(public).wrap(b"d" * 32).enc).stanzas
    return private, public, stanza


@pytest.mark.parametrize(
    "change",
    [
        lambda kind, _arguments, body: (kind, (), body),
        lambda kind, arguments, body: (kind, (*arguments, "x"), body),
        lambda kind, arguments, body: (kind, (arguments[0][:-4],), body),
        lambda kind, arguments, body: (kind, arguments, body + b"x"),
        lambda kind, arguments, body: (kind, (_low_order(arguments[0]),), body),
    ],
    ids=["no share", "two shares", "short share", "long body", "share of low order"],
)
def test_a_post_quantum_stanza_has_its_exact_form(
    change: Callable[..., age_format.Stanza], hybrid: tuple[str, str, age_format.Stanza]
) -> None:
    content = age_format.sealed(change(*hybrid[2]), FILE_KEY, b"", os.urandom)
    with pytest.raises(AgeFileError) as caught:
        parse_identity(hybrid[0]).open(age_format.parse(content))
    assert caught.value.part == "header"


def test_other_stanzas_are_passed_over(hybrid: tuple[str, str, age_format.Stanza]) -> None:
    file = age_format.parse(CONTENT)
    assert parse_identity(hybrid[0]).open(file) is None
    assert Passphrase("x").open(file) is None
    assert parse_identity(age.generate_identity()[0]).open(file) is None


@pytest.mark.parametrize(
    "arguments", [(), ("AAAA", "1"), ("A" * 22, "01"), ("A" * 22, "100"), ("A" * 22, "23")], ids=str
)
def test_a_passphrase_stanza_has_its_exact_form(arguments: tuple[str, ...]) -> None:
    content = age_format.sealed(("scrypt", arguments, bytes(32)), FILE_KEY, b"", os.urandom)
    with pytest.raises(AgeFileError) as caught:
        Passphrase("x").open(age_format.parse(content))
    assert caught.value.part == "header"


@pytest.mark.parametrize("size", [1215, 1217])
def test_a_post_quantum_recipient_has_its_exact_length(size: int) -> None:
    with pytest.raises(KeyFormatError):
        age.check_recipient(age_bech32.encode("age1pq", bytes(size)))


def test_a_post_quantum_recipient_that_is_no_key_is_refused() -> None:
    with pytest.raises(KeyFormatError):
        age.check_recipient(age_bech32.encode("age1pq", b"\xff" * 1216))
    with pytest.raises(KeyFormatError):
        age_hybrid.sealer(age_bech32.encode("age1pq1x", bytes(1216)))


def test_a_post_quantum_identity_has_its_exact_length() -> None:
    with pytest.raises(KeyFormatError, match="an age identity is damaged"):
        parse_identity(age_bech32.encode("age-secret-key-pq-", bytes(31)).upper())


# --- Bech32 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", range(12))
def test_bech32_both_ways(size: int) -> None:
    content = os.urandom(size)
    text = age_bech32.encode("age1x", content)
    assert age_bech32.decode(text) == ("age1x", content)
    assert age_bech32.decode(text.upper()) == ("AGE1X", content)


def test_bech32_is_that_of_age() -> None:
    for _time in range(20):
        private, public = age.generate_identity()
        for text in (private, public):
            prefix, content = age_bech32.decode(text)
            assert len(content) == 32
            assert age_bech32.encode(prefix.lower(), content) == text.lower()


# The first three are of BIP 173.
@pytest.mark.parametrize(
    "text", ["A1G7SGD8", "10a06t8", "1qzzfhee", "", "age", "age1", "Age1" + "q" * 10, "age1" + "b" * 10, "age1qqqqqqqq"]
)
def test_malformed_bech32_is_refused(text: str) -> None:
    with pytest.raises(KeyFormatError):
        age_bech32.decode(text)


@pytest.mark.parametrize(
    "text", ["A12UEL5L", "an83characterlonghumanreadablepartthatcontainsthenumber1andtheexcludedcharactersbio1tt5tgs"]
)
def test_bech32_of_bip_173(text: str) -> None:
    assert age_bech32.decode(text)[1] == b""


def test_padding_that_is_not_zero_is_refused() -> None:
    values = [0] * 6 + [1]
    expanded = [ord(each) >> 5 for each in "age"] + [0] + [ord(each) & 31 for each in "age"]
    check = age_bech32._polymod(expanded + values + [0] * 6) ^ 1
    values += [check >> 5 * (5 - place) & 31 for place in range(6)]
    with pytest.raises(KeyFormatError, match="length"):
        age_bech32.decode("age1" + "".join(age_bech32._ALPHABET[value] for value in values))


# --- libraries ------------------------------------------------------------------------------------


def test_an_older_cryptography_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    private, public = age.generate_identity(post_quantum=True)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.hpke", None)
    monkeypatch.delattr("cryptography.hazmat.primitives.hpke", raising=False)
    for call in (lambda: parse_identity(private), lambda: age.check_recipient(public)):
        with pytest.raises(MissingLibraryError, match="cryptography 47 or newer"):
            call()


def test_no_cryptography_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(primitives, "HAS_CRYPTOGRAPHY", False)
    with pytest.raises(MissingLibraryError, match="cryptography"):
        age.generate_identity(post_quantum=True)


def test_no_pyrage_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    public = age.generate_identity()[1]
    monkeypatch.setitem(sys.modules, "pyrage", None)
    for call in (age.generate_identity, lambda: age.check_recipient(public)):
        with pytest.raises(MissingLibraryError, match="pyrage"):
            call()


def test_an_older_pyrage_has_no_tagged_recipients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("pyrage.tag")
    with pytest.raises(MissingLibraryError, match=r"pyrage 1\.4"):
        age.check_recipient(age_bech32.encode("age1tag", bytes(33)))


def test_errors_of_a_file_are_errors_of_a_data_key() -> None:
    """The ring tries the next identity, and tells them all."""
    assert issubclass(AgeFileError, DataKeyError)
