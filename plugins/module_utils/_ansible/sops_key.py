# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module `sops_key`: an age key pair in the place where it is kept.

Private to the collection.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass, field

from .._errors import FluxseedError, InvalidInputError, KeyFormatError
from .._files import (
    DIRECTORY,
    PRIVATE_DIRECTORY,
    PRIVATE_FILE,
    file_mode,
    folder_lock,
    read_file_if_exists,
    replace_file,
    set_mode,
)
from .._sops.keys.age import generate_identity, parse_identities
from .call import Call

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "path": {"type": "path"},
    "private_variable": {"type": "str", "default": "sops_age_private_key"},
    "public_variable": {"type": "str", "default": "sops_age_public_key"},
    "vault_file": {"type": "path"},
    "vault_id": {"type": "str"},
}
CONSTRAINTS: dict[str, t.Any] = {
    "mutually_exclusive": [("path", "vault_file"), ("path", "vault_id")],
    "required_one_of": [("path", "vault_file")],
}

PRIVATE_SHOWN = "(private key, not shown)"
NOT_YET = "(made by the run)"


@dataclass(frozen=True)
class Outcome:
    """What was found or made. There is no place for a private key in it."""

    public_key: str | None
    reason: tuple[str, ...] = ()
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)

    def as_result(self, *, place: str, diff: bool) -> dict[str, t.Any]:
        """Return the result of the module."""
        result: dict[str, t.Any] = {
            "changed": bool(self.reason),
            "public_key": self.public_key,
            "fingerprint": fingerprint(self.public_key) if self.public_key else None,
            "path": place,
            "reason": list(self.reason),
        }
        if diff:
            result["diff"] = {
                "before_header": place,
                "after_header": place,
                "before": _lines(self.before),
                "after": _lines(self.after),
            }
        return result


def run(call: Call) -> dict[str, t.Any]:
    """Make sure that there is a key pair, and say which."""
    vault_file = call.params["vault_file"]
    place = vault_file or call.params["path"]
    outcome = _in_vault(call, vault_file) if vault_file else _in_file(call, place)
    return outcome.as_result(place=place, diff=call.diff_mode)


def fingerprint(public_key: str) -> str:
    """Return a short name of a public key that can be compared by eye."""
    return hashlib.sha256(public_key.encode()).hexdigest()[:16]


def _in_vault(call: Call, path: str) -> Outcome:
    if call.vault is None:
        raise InvalidInputError(
            "vault_file needs the vault passwords of the play, which only Ansible's own process has",
            where="vault_file",
            hint="use 'connection: local' or 'delegate_to: localhost', 'become: false', and no 'async'",
        )
    public_name, private_name = call.params["public_variable"], call.params["private_variable"]
    if public_name == private_name:
        raise InvalidInputError("both name the same variable", where="public_variable, private_variable")
    with folder_lock(path, make=None if call.check_mode else DIRECTORY):
        file = call.vault(path).with_vault_id(call.params["vault_id"])
        found = file.read()
        if private_name in found:
            private, public = None, _public_of(found[private_name], where=f"{path}, variable {private_name}")
            if found.get(public_name) == public:
                return Outcome(public)
            if public_name in found:
                call.warn(
                    f"{path}: {public_name} did not belong to {private_name} and was derived anew; whatever was encrypted for "
                    "the old public key alone cannot be opened with this private key"
                )
            reason, wanted = "public_variable", {public_name: public}
        elif public_name in found:
            raise InvalidInputError(
                f"there is a {public_name}, but no {private_name} that belongs to it",
                where=path,
                hint=f"put the private key back with 'ansible-vault edit', or remove {public_name} to have a new pair made",
            )
        else:
            private, public = generate_identity()
            reason, wanted = "created", {public_name: public, private_name: private}
        content = file.plan(wanted)
        if content is not None and not call.check_mode:
            file.write(content)
    # A key made in check mode is thrown away: the run will make another one.
    shown = None if private and call.check_mode else public
    before = {name: _shown(found[name], name == private_name) for name in (public_name, private_name) if name in found}
    after = {**before, public_name: shown or NOT_YET, private_name: PRIVATE_SHOWN}
    return Outcome(shown, (reason,), before, after)


def _in_file(call: Call, path: str) -> Outcome:
    with folder_lock(path, make=None if call.check_mode else PRIVATE_DIRECTORY):
        content = read_file_if_exists(path)
        if content is None:
            private, public = generate_identity()
            if not call.check_mode:
                replace_file(path, _key_file(private, public), mode=PRIVATE_FILE)
            shown = None if call.check_mode else public
            after = {"mode": _octal(PRIVATE_FILE), "public key": shown or NOT_YET, "private key": PRIVATE_SHOWN}
            return Outcome(shown, ("created",), {}, after)
        public = _public_of_file(content, where=path)
        mode = file_mode(path)
        if mode is None or not mode & 0o077:
            return Outcome(public)
        if not call.check_mode:
            set_mode(path, PRIVATE_FILE)
        return Outcome(public, ("mode",), {"mode": _octal(mode)}, {"mode": _octal(PRIVATE_FILE)})


def _public_of(value: t.Any, *, where: str) -> str:
    """Derive the public key from what a variable holds. Nothing that is there already is ever replaced."""
    if not isinstance(value, str):
        raise KeyFormatError("this is not the text of an age private key", where=where, hint=_KEEP)
    return _first_public(value.strip(), where=where)


def _public_of_file(content: bytes, *, where: str) -> str:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise KeyFormatError("this is not the text of an age key file", where=where, hint=_KEEP) from None
    return _first_public(text, where=where)


_KEEP = "nothing was changed; put the right key there, or remove it to have a new pair made"


def _first_public(text: str, *, where: str) -> str:
    try:
        identities = parse_identities(text)
    except FluxseedError as exc:
        exc.where, exc.hint = f"{where}, {exc.where}" if exc.where else where, exc.hint or _KEEP
        raise
    if not identities:
        raise KeyFormatError("there is no age private key in it", where=where, hint=_KEEP)
    return identities[0].recipient


def _key_file(private: str, public: str) -> bytes:
    now = dt.datetime.now(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return f"# created: {now}\n# public key: {public}\n{private}\n".encode()


def _shown(value: t.Any, private: bool) -> str:
    return PRIVATE_SHOWN if private else str(value)


def _octal(mode: int) -> str:
    return f"{mode:04o}"


def _lines(values: Mapping[str, str]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in values.items())
