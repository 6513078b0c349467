# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenPGP through the `gpg` program: with the keys and the agent of the user, or with keys given as text alone.

Private to the collection. The arguments that matter, and the form in which a data key is stored, are those of sops.
"""

from __future__ import annotations

import re
import threading
import time
import typing as t
from collections.abc import Sequence

from ..._errors import DataKeyError, EncryptionError, KeyFormatError
from .base import Surroundings
from .pgp import PgpKey
from .pgp_block import PgpPrivateKey, is_one_of, read_private
from .pgp_home import MemoryHome
from .pgp_packets import key_ids
from .pgp_program import Answer, Gpg, cannot_ask, why_not_opened

_LONGEST_DATA_KEY = 4096
"""Bytes; what a message unpacks to is not to fill the memory."""
_REASONS = {
    "1": "gpg knows no such key: import the public key of the recipient",
    "2": "the name stands for several keys: use the fingerprint",
    "3": "the key is not for encryption",
    "4": "the key was revoked: take it out of the rule",
    "5": "the key has expired: ask its owner to extend it, and import it again",
}


class PgpService:
    """Wraps and unwraps data keys with one process each."""

    def __init__(self, surroundings: Surroundings, openpgp_keys: Sequence[tuple[str, str]] = ()) -> None:
        """`openpgp_keys` are private keys as (label, armored text); they alone unwrap then."""
        self._surroundings = surroundings
        self._given = tuple(openpgp_keys)
        self._lock = threading.Lock()
        self._imported: _Imported | None = None
        self._absent: dict[str, str] = {}
        """By key ID, why gpg cannot open what is for that key."""
        self._passphrases: dict[str, str | None] = {}
        self._finding_out = threading.Lock()
        self._found_out: set[str] = set()
        """Recipients of whose private key it is known whether a passphrase is due."""

    def wrap(self, key: PgpKey, data_key: bytes) -> PgpKey:
        """The key holding the data key: an armored message without line break at its end."""
        fingerprint = _checked(key.recipient)
        words = ["--no-default-recipient", "--yes", "--encrypt", "-a", "-r", fingerprint]
        words += ["--trusted-key", _short(fingerprint), "--no-encrypt-to"]
        answer = self._encrypting(fingerprint).ask(words, data_key)
        message = answer.output.strip().decode("ascii", "replace")
        if answer.code or not message:
            raise EncryptionError(f"gpg cannot encrypt: {_why_not_wrapped(answer)}", where=f"pgp {fingerprint}")
        # As in sops, the time of an entry stays when its data key is changed.
        return key.holding(message, key.text("created_at") or time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))

    def unwrap(self, key: PgpKey) -> bytes:
        """The data key. What is for private keys that gpg does not have is not tried again."""
        wanted = key_ids(key.enc)
        known = [self._absent[name] for name in wanted if name in self._absent]
        if known and len(known) == len(wanted):
            raise DataKeyError(known[0])
        gpg, problems = self._decrypting()
        answer = self._answer(gpg, key)
        if answer.code:
            reason = "; ".join((why_not_opened(answer), *problems))
            for missing in answer.each("NO_SECKEY"):
                self._absent[missing] = reason
            raise DataKeyError(reason)
        if not answer.output:
            raise DataKeyError("gpg returned zero bytes: a newer GnuPG may have encrypted it in a way this one lacks")
        return answer.output

    def _answer(self, gpg: Gpg, key: PgpKey) -> Answer:
        """What gpg says; where somebody can be asked, the others wait until one has found out whether that is due."""
        if self._surroundings.passphrase is not None and key.recipient not in self._found_out:
            with self._finding_out:
                if key.recipient not in self._found_out:
                    answer = self._tried(gpg, key)
                    if not answer.code or key.recipient in self._passphrases:
                        self._found_out.add(key.recipient)
                    return answer
        return self._tried(gpg, key)

    def _tried(self, gpg: Gpg, key: PgpKey) -> Answer:
        """With the passphrase if it is known, else without, and with it as soon as that turns out to be due."""
        known = self._passphrases.get(key.recipient)
        answer = self._opened(gpg, key, known)
        if known is None and answer.code and cannot_ask(answer.failure("pkdecrypt_failed")):
            passphrase = self._asked(key.recipient)
            if passphrase is not None:
                return self._opened(gpg, key, passphrase)
        return answer

    def _opened(self, gpg: Gpg, key: PgpKey, passphrase: str | None) -> Answer:
        # In a home of our own no person is behind the agent.
        mode = ["--pinentry-mode", "error"] if self._given and passphrase is None else []
        words = [*mode, "--max-output", str(_LONGEST_DATA_KEY), "-d"]
        return gpg.ask(words, key.enc.encode("utf-8", "replace"), passphrase=passphrase)

    def _asked(self, fingerprint: str) -> str | None:
        with self._lock:
            if fingerprint not in self._passphrases and self._surroundings.passphrase is not None:
                self._passphrases[fingerprint] = self._surroundings.passphrase(f"the OpenPGP key {fingerprint}")
            return self._passphrases.get(fingerprint)

    # --- which home

    def _encrypting(self, fingerprint: str) -> Gpg:
        """Keys given as text come with their public keys; those of other recipients are where they always are."""
        if self._given:
            found = self._import()
            if not self._surroundings.ambient or found.names(fingerprint):
                return found.home.gpg
        return self._own()

    def _decrypting(self) -> tuple[Gpg, Sequence[str]]:
        if not self._given:
            return self._own(), ()
        found = self._import()
        if not found.keys:
            raise DataKeyError("; ".join(found.problems))
        return found.home.gpg, found.problems

    def _own(self) -> Gpg:
        """The home of the user, if the surroundings name one or let it be looked for."""
        environment = dict(self._surroundings.environment)
        if not self._surroundings.ambient and not environment.get("GNUPGHOME"):
            raise DataKeyError("no OpenPGP private key was given")
        if self._surroundings.home:
            environment.setdefault("HOME", self._surroundings.home)
        return Gpg(environment)

    def _import(self) -> _Imported:
        with self._lock:
            if self._imported is None:
                self._imported = _imported(self._surroundings, self._given)
            return self._imported


class _Imported(t.NamedTuple):
    """A home with the keys that were given."""

    home: MemoryHome
    keys: Sequence[PgpPrivateKey]
    problems: Sequence[str]
    """Why a text could not be imported; the others are there."""

    def names(self, fingerprint: str) -> bool:
        """Whether one of the keys is meant by a fingerprint, or by its end."""
        return is_one_of(fingerprint, (name for key in self.keys for name in key.fingerprints))


def _imported(surroundings: Surroundings, given: Sequence[tuple[str, str]]) -> _Imported:
    home = MemoryHome(surroundings.environment)
    keys: list[PgpPrivateKey] = []
    problems = []
    try:
        for label, text in given:
            try:
                found = read_private(text)
            except KeyFormatError as exc:
                problems.append(f"{label} {exc.message}")
                continue
            answer = home.gpg.ask(["--import"], text.encode("utf-8", "replace"))
            if answer.code:
                problems.append(f"gpg does not import {label}: {answer.last_word}")
            else:
                keys += found
    except BaseException:
        home.close()
        raise
    return _Imported(home, keys, problems)


def _checked(fingerprint: str) -> str:
    if not re.fullmatch(r"(0x)?[0-9A-Fa-f]{16,64}!?", fingerprint):
        raise KeyFormatError(
            f"{fingerprint!r} is no fingerprint of an OpenPGP key",
            hint="40 hexadecimal digits; gpg --list-keys --with-subkey-fingerprint shows them",
        )
    return fingerprint


def _short(fingerprint: str) -> str:
    """The last 16 digits, with the exclamation mark that asks for this very subkey."""
    return fingerprint[-17 if fingerprint.endswith("!") else -16 :]


def _why_not_wrapped(answer: Answer) -> str:
    refused = answer.status("INV_RECP")
    reason = refused[0] if refused else ""
    if reason == "0" and answer.status("KEYEXPIRED"):
        reason = "5"
    if reason == "0" and answer.status("KEYREVOKED") is not None:
        reason = "4"
    if reason == "0":
        return "the key has no subkey for encryption that is valid: ask its owner for a newer one"
    return _REASONS.get(reason) or answer.last_word
