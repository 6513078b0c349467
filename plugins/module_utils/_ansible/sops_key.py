# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The work of the module `sops_key`: a key pair in the place where it is kept.

Private to the collection.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from .._errors import InvalidInputError, KeyFormatError
from .._sops.key_pairs import (
    AGE,
    TYPES,
    KeyPair,
    check_can_generate,
    generate,
    holds_private_key,
    read,
    read_one,
    recognize,
)
from .._surroundings import surroundings
from .call import Call
from .cluster import CONNECTION_SPEC, connect
from .key_places.base import SECRET_SPEC, Place, Plan, Wanted, shown
from .key_places.file import KeyFile
from .key_places.variables import VaultVariables, default_names

NEVER, FAIL, ALWAYS = "never", "fail", "always"
PRESENT, ABSENT = "present", "absent"
KEPT = "nothing was changed; put the right key there, or have it replaced with regenerate: always"
NOT_REMOVED = (
    "nothing was removed; look whether this is the right place, and take it out by hand if it is not wanted any more"
)

ARGUMENT_SPEC: dict[str, dict[str, t.Any]] = {
    "backup": {"type": "bool", "default": False},
    "content": {"type": "str", "no_log": True},
    "group": {"type": "str"},
    "kubernetes": {
        "type": "dict",
        "options": {"data_key": {"type": "str", "no_log": False}, **SECRET_SPEC},
    },
    "owner": {"type": "str"},
    "path": {"type": "path"},
    "pgp_algorithm": {"type": "str", "choices": ["rsa4096", "ed25519"], "default": "rsa4096"},
    "pgp_name": {"type": "str", "default": "SOPS"},
    "private_variable": {"type": "str"},
    "public_variable": {"type": "str"},
    "regenerate": {"type": "str", "choices": [NEVER, FAIL, ALWAYS], "default": FAIL},
    "state": {"type": "str", "choices": [PRESENT, ABSENT], "default": PRESENT},
    "type": {"type": "str", "choices": list(TYPES), "default": AGE},
    "vault_file": {"type": "path"},
    "vault_id": {"type": "str"},
    **CONNECTION_SPEC,
}
PLACES = ("kubernetes", "path", "vault_file")
CONSTRAINTS: dict[str, t.Any] = {
    "mutually_exclusive": [PLACES],
    "required_by": {
        "group": ("path",),
        "owner": ("path",),
        "private_variable": ("vault_file",),
        "public_variable": ("vault_file",),
        "vault_id": ("vault_file",),
    },
    "required_one_of": [PLACES],
}


@dataclass(frozen=True)
class Outcome:
    """What was found or made. There is no place for a private key in it."""

    pair: KeyPair | None
    reason: tuple[str, ...] = ()
    plan: Plan | None = None
    backup: str | None = None

    def as_result(self, place: Place, *, diff: bool) -> dict[str, t.Any]:
        """Return the result of the module."""
        result: dict[str, t.Any] = {
            "changed": self.plan is not None,
            "created": "created" in self.reason,
            "fingerprint": self.pair.fingerprint if self.pair else None,
            "public_key": self.pair.public_key if self.pair else None,
            "reason": list(self.reason),
            "recipient": self.pair.recipient if self.pair else None,
            "type": self.pair.type if self.pair else None,
            **place.returned,
        }
        if self.backup:
            result["backup_file"] = self.backup
        if diff:
            result["diff"] = {
                "before_header": place.key,
                "after_header": place.key,
                "before": shown(self.plan.before if self.plan else {}),
                "after": shown(self.plan.after if self.plan else {}),
            }
        return result


def run(call: Call) -> dict[str, t.Any]:
    """Make sure that there is a key pair, or none, and say which."""
    params = call.params
    check_names(params)
    given = _given(params)
    place = _place(call)
    with place.locked():
        outcome = _absent(call, place) if params["state"] == ABSENT else _present(call, place, given)
    return outcome.as_result(place, diff=call.diff_mode)


def check_names(params: Mapping[str, t.Any]) -> None:
    """Refuse a private key where a name or a path is due, without repeating it: those are shown and logged."""
    for name, value in params.items():
        if ARGUMENT_SPEC.get(name, {}).get("no_log"):
            continue
        for part, text in value.items() if isinstance(value, Mapping) else ((None, value),):
            if holds_private_key(text):
                raise InvalidInputError(
                    "a private key stands where a name is due",
                    where=f"{name}.{part}" if part else name,
                    hint="give it as content",
                )


def _given(params: Mapping[str, t.Any]) -> KeyPair | None:
    """Return the pair that is to be kept, where the play brings its own."""
    if params["content"] is None:
        return None
    if params["state"] == ABSENT:
        raise InvalidInputError("has no meaning with state absent", where="content", hint="leave it out")
    pair = read_one(params["content"], where="content")
    if pair.type != params["type"]:
        raise InvalidInputError(
            f"holds a key of type {pair.type}, and type is {params['type']}",
            where="content",
            hint=f"set type: {pair.type}",
        )
    return pair


def _place(call: Call) -> Place:
    params = call.params
    kind = params["type"]
    makes_folders = not call.check_mode and params["state"] == PRESENT
    if params["vault_file"]:
        defaults = default_names(kind)
        names = (params["public_variable"] or defaults[0], params["private_variable"] or defaults[1])
        return VaultVariables(
            call.vault, params["vault_file"], names=names, vault_id=params["vault_id"], makes_folders=makes_folders
        )
    if params["path"]:
        return KeyFile(params["path"], owner=params["owner"], group=params["group"], makes_folders=makes_folders)
    from .key_places.secret import SecretEntry, check_entry, default_entry  # noqa: PLC0415 - start-up time

    wanted = params["kubernetes"]
    return SecretEntry(
        lambda: connect(params),
        name=wanted["name"],
        namespace=wanted["namespace"],
        entry=check_entry(wanted["data_key"] or default_entry(kind), kind),
    )


def _present(call: Call, place: Place, given: KeyPair | None) -> Outcome:
    params = call.params
    there = _look(place, params["regenerate"], given)
    pair, public = there.pair, there.public
    reason = ""
    is_new = pair is None or _is_replaced(call, place, pair, given)
    if is_new:
        _insist_on_one(place, there.others + 1, "replaced")
        if not there.is_taken and public is not None and params["regenerate"] != ALWAYS:
            _insist_on_its_key(place, public, given)
        reason, pair = "replaced" if there.is_taken else "created", given
        pair = pair or _new_pair(call)
    elif pair is not None and public is not None and public != pair.recipient:
        call.warn(
            f"{place.key}: the public key beside it did not belong to it and was derived anew; whatever was encrypted for "
            f"{public} alone cannot be opened with this private key. Encrypt it for {pair.recipient} (docs/day-two.md says how), "
            "or put the private key of the old one back"
        )
    for danger in place.dangers():
        call.warn(danger)
    plan = place.plan(Wanted(pair, is_new))
    if plan is None:
        return Outcome(pair)
    backup = _write(call, place, plan)
    return Outcome(pair, (*((reason,) if reason else ()), *plan.reason), plan, backup)


def _absent(call: Call, place: Place) -> Outcome:
    try:
        text = place.private()
        found = recognize(text, where=place.key) if text is not None else ()
    except KeyFormatError as exc:
        raise _with_hint(exc, NOT_REMOVED) from None
    _insist_on_one(place, len(found), "removed")
    if found and found[0].type != call.params["type"]:
        raise InvalidInputError(
            f"the key that is there is of type {found[0].type}, and type is {call.params['type']}; nothing was removed",
            where=place.key,
            hint=f"set type: {found[0].type} if it is the one that is not wanted any more",
        )
    plan = place.plan_removal()
    if plan is None:
        return Outcome(None)
    backup = _write(call, place, plan)
    return Outcome(found[0] if found else None, ("removed",), plan, backup)


def _write(call: Call, place: Place, plan: Plan) -> str | None:
    if call.check_mode:
        return None
    backup = place.back_up() if call.params["backup"] and plan.changes_content else None
    plan.write()
    return backup


class _There(t.NamedTuple):
    """What a place holds before the run."""

    is_taken: bool
    """Something stands where the private key is due."""
    pair: KeyPair | None
    """The pair that counts, None if there is none, or only something that may be replaced."""
    public: str | None = None
    others: int = 0
    """How many more pairs there are."""


def _look(place: Place, regenerate: str, given: KeyPair | None) -> _There:
    """Return what is there; of several pairs the one that was given counts, else the first."""
    try:
        text = place.private()
        pairs = () if text is None else read(text, where=place.key)
        same = (pair for pair in pairs if given and pair.recipient == given.recipient)
        pair = next(same, pairs[0] if pairs else None)
        return _There(text is not None, pair, place.public(), max(len(pairs) - 1, 0))
    except KeyFormatError as exc:
        if regenerate == ALWAYS:
            return _There(is_taken=True, pair=None)
        raise _with_hint(exc, KEPT) from None


def _with_hint(exc: KeyFormatError, hint: str) -> KeyFormatError:
    return KeyFormatError(exc.message, where=exc.where, hint="; ".join(filter(None, (exc.hint, hint))))


def _new_pair(call: Call) -> KeyPair | None:
    """Return a new pair; in check mode none, once it is known that the run could make one."""
    kind, name, algorithm = (call.params[option] for option in ("type", "pgp_name", "pgp_algorithm"))
    here = surroundings()
    check_can_generate(kind, here, name=name, algorithm=algorithm)
    return None if call.check_mode else generate(kind, here, name=name, algorithm=algorithm)


def _is_replaced(call: Call, place: Place, found: KeyPair, given: KeyPair | None) -> bool:
    """Return whether another key takes the place of this one, which happens only if that was asked for."""
    wanted, regenerate = call.params["type"], call.params["regenerate"]
    if regenerate == ALWAYS:
        return given is None or given.recipient != found.recipient
    if given is not None and given.recipient != found.recipient:
        message, hint = f"another key is there, {found.recipient}, and not the one of content, {given.recipient}", ""
    elif found.type != wanted:
        message, hint = (
            f"the key that is there is of type {found.type}, and type is {wanted}",
            f"set type: {found.type}; or ",
        )
    else:
        return False
    if regenerate == FAIL:
        raise InvalidInputError(
            message, where=place.key, hint=f"{hint}have it replaced with regenerate: always, perhaps with backup: true"
        )
    call.warn(f"{place.key}: {message}; it stays, because regenerate is never")
    return False


def _insist_on_one(place: Place, count: int, fate: str) -> None:
    if count > 1:
        raise InvalidInputError(
            f"there are {count} keys in it, and all of them would be {fate}",
            where=place.key,
            hint="take the key out by hand that is not wanted any more",
        )


def _insist_on_its_key(place: Place, public: str, given: KeyPair | None) -> None:
    if given is not None and given.recipient == public:
        return
    what = "the key of content does not belong to it" if given else "no private key that belongs to it"
    raise InvalidInputError(
        f"there is the public key {public} beside it, and {what}",
        where=place.key,
        hint="put the private key back (give it as content), remove the public key to have a new pair made, or set "
        "regenerate: always",
    )
