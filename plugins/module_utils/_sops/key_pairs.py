# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Key pairs of every type that a person can make: made in memory, and read from the text of a private key.

Private to the collection. Reading is strict, since age, sops and Flux are, and each message says what to do; none
holds anything of the text.
"""

from __future__ import annotations

import hashlib
import re
import typing as t
from dataclasses import dataclass, field

from .._errors import EncryptionError, InvalidInputError, KeyFormatError, UnsupportedError
from . import private_keys
from .keys import age
from .keys.base import Surroundings

AGE, AGE_PQ, PGP = "age", "age-pq", "pgp"
TYPES = (AGE, AGE_PQ, PGP)

_PQ_PREFIX, _AGE_PREFIX, _PLUGIN_PREFIX = "AGE-SECRET-KEY-PQ-1", "AGE-SECRET-KEY-1", "AGE-PLUGIN-"
_PGP_BEGINS = "-----BEGIN PGP PRIVATE KEY BLOCK-----"
_STARTS = f"an age private key starts with {_AGE_PREFIX} or {_PQ_PREFIX}, a PGP one with {_PGP_BEGINS}"

# What people give by mistake: how it begins, what it is, and what to do.
_MISTAKES: tuple[tuple[str, str, str], ...] = (
    (
        r"age1|ssh-|ecdsa-",
        "a public key stands where the private key is due",
        "give the private key that belongs to it",
    ),
    (
        r"-----BEGIN PGP PUBLIC",
        "a PGP public key stands where the private key is due",
        "gpg --armor --export-secret-keys",
    ),
    (r"-----BEGIN (?:OPENSSH|RSA|EC|DSA) ", "this is an SSH key, which is not of a type that is kept here", _STARTS),
    (r"-----BEGIN AGE ENC|age-encryption\.org/", "this key is protected by a passphrase", "decrypt it with age first"),
    (r"\$ANSIBLE_VAULT;", "this is still encrypted by Ansible Vault", "give the variable, not the text of the file"),
    (r"ENC\[AES256_GCM,", "this is still encrypted by SOPS", "decrypt it first"),
    (r"\{\{|\{%", "this is a template that was not resolved", "is the variable in it set?"),
)


@dataclass(frozen=True)
class KeyPair:
    """A private key and what belongs to it."""

    type: str
    recipient: str
    """What `.sops.yaml` and sops take: the age public key, or the fingerprint of the PGP key."""
    private: str = field(repr=False)
    """The key without comments and without a line break at its end."""
    public_key: str = field(default="", repr=False)
    """What others encrypt with: the age public key again, or the armored PGP public key."""

    @property
    def fingerprint(self) -> str:
        """Return the fingerprint of a PGP key, and for age a short name of the public key; both are compared by eye."""
        if self.type == PGP:
            return self.recipient
        return hashlib.sha256(self.recipient.encode()).hexdigest()[:16]


def generate(kind: str, surroundings: Surroundings, *, name: str, algorithm: str) -> KeyPair:
    """A new pair in memory; name and algorithm are for PGP keys.

    Raises:
        InvalidInputError: the name or the algorithm has no meaning.
        MissingLibraryError: pyrage, or the gpg program.
    """
    if kind in (AGE, AGE_PQ):
        private, public = age.generate_identity(post_quantum=True) if kind == AGE_PQ else age.generate_identity()
        return KeyPair(kind, public, private, public)
    if kind == PGP:
        from .keys import pgp_generation  # noqa: PLC0415  (few need it, and start-up time counts)

        made = pgp_generation.generate(surroundings, name=name, algorithm=algorithm)
        return KeyPair(PGP, made.fingerprint, made.private.strip(), made.public)
    raise InvalidInputError(f"there is no type {kind}", where="type", hint=", ".join(TYPES))


def check_can_generate(kind: str, surroundings: Surroundings, *, name: str, algorithm: str) -> None:
    """Find out whether a new pair could be made here, and keep none.

    Raises:
        InvalidInputError: the name or the algorithm has no meaning.
        MissingLibraryError: pyrage, a newer cryptography, or the gpg program.
        UnsupportedError: there is no memory for the home that gpg needs.
        EncryptionError: what is named as gpg does not work.
    """
    if kind != PGP:
        # It takes less than a millisecond; nothing tells better whether it can be done.
        generate(kind, surroundings, name=name, algorithm=algorithm)
        return
    from .keys import pgp_generation, pgp_home, pgp_program  # noqa: PLC0415  (as above)

    pgp_generation.user_id_part("pgp_name", name)
    answer = pgp_program.Gpg(surroundings.environment).ask(["--version"])
    if answer.code:
        raise EncryptionError(
            f"gpg does not work here: {answer.last_word or f'exit code {answer.code}'}",
            hint="look at SOPS_GPG_EXEC, or install GnuPG",
        )
    try:
        pgp_home.memory_folder(surroundings.environment)
    except UnsupportedError:
        raise UnsupportedError(
            "a PGP key is made in memory only, and there is no memory-backed folder here",
            hint="mount a tmpfs at /dev/shm, or make the key elsewhere and give it as content",
        ) from None


def read(text: str, *, where: str) -> tuple[KeyPair, ...]:
    """The pairs of a text with private keys: one or more age keys, a line each, or one armored PGP key.

    Raises:
        KeyFormatError: there is none, or something in the text is none.
        MissingLibraryError: pyrage.
    """
    if "\0" in text:
        raise KeyFormatError("this is not the text of a private key", where=where, hint=_STARTS)
    if _PGP_BEGINS in text:
        from .keys import pgp_block  # noqa: PLC0415  (as above)

        held = pgp_block.public_of(text, where=where)
        return (KeyPair(PGP, held.fingerprint, text.strip(), held.public),)
    pairs = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        if line and not line.startswith("#"):
            pairs.append(_age_pair(line, where=where if "\n" not in text.strip() else f"{where}, line {number}"))
    if not pairs:
        raise KeyFormatError("there is no private key in it", where=where, hint=_STARTS)
    return tuple(pairs)


def recognize(text: str, *, where: str) -> tuple[KeyPair, ...]:
    """The pairs of a text as `read` gives them, and PGP keys of no use too: expired, revoked, or under a passphrase.

    Raises:
        KeyFormatError: there is none, or something in the text is none.
    """
    if _PGP_BEGINS not in text:
        return read(text, where=where)
    from .keys import pgp_block, pgp_packets  # noqa: PLC0415  (as above)

    return tuple(
        KeyPair(PGP, held.fingerprint, text.strip(), pgp_packets.armor(held.public))
        for held in pgp_block.read_private(text, where=where)
    )


def read_one(text: str, *, where: str) -> KeyPair:
    """The only pair of a text that somebody gave: white space around its lines is taken off first.

    Raises:
        KeyFormatError: there is none, or there are several.
        MissingLibraryError: pyrage.
    """
    found = read(tidy(text), where=where)
    if len(found) > 1:
        raise KeyFormatError(f"there are {len(found)} keys in it", where=where, hint="give one of them")
    return found[0]


def tidy(text: str) -> str:
    """The text without white space around its lines, as it comes in from editors and templates."""
    return "\n".join(line.strip() for line in text.strip().lstrip("\ufeff").splitlines())


def holds_private_key(text: t.Any) -> bool:
    """Whether something that is to be shown, such as a name or a public key, is a private key."""
    return isinstance(text, str) and private_keys.is_in(text)


def _age_pair(line: str, *, where: str) -> KeyPair:
    for pattern, message, hint in _MISTAKES:
        if re.match(pattern, line.lstrip()):
            raise KeyFormatError(message, where=where, hint=hint)
    if len(line.split()) > 1:
        raise KeyFormatError("there are several words in one line", where=where, hint="one key to a line")
    if line != line.strip():
        raise KeyFormatError(
            "there is white space around the key, which age, sops and Flux do not take", where=where, hint="take it off"
        )
    if line.startswith(_PLUGIN_PREFIX):
        raise KeyFormatError("the key of an age plugin is not handled here", where=where, hint=_STARTS)
    if not line.startswith((_AGE_PREFIX, _PQ_PREFIX)):
        raise KeyFormatError("this is no private key", where=where, hint=_STARTS)
    try:
        recipient = age.public_key(line)
    except KeyFormatError as exc:
        raise KeyFormatError(exc.message, where=where, hint=exc.hint or "a part of it may be missing") from None
    return KeyPair(AGE_PQ if line.startswith(_PQ_PREFIX) else AGE, recipient, line, recipient)
