# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of the metadata, converted as sops converts them: a number where text is due becomes text, and so on.

Private to the collection. Files are not always of one mind about types: dotenv and INI know only strings,
and people write `shamir_threshold: "2"`. What cannot be converted is a typed error with its place, never a guess.
"""

from __future__ import annotations

import re
import typing as t
from collections.abc import Collection, Mapping

from .._errors import MalformedMetadataError
from .mac import additional_data
from .values import format_float

_TRUE = ("1", "t", "T", "TRUE", "true", "True")
_FALSE = ("", "0", "f", "F", "FALSE", "false", "False")
_INTEGER = r"([+-]?)(0[xX][0-9A-Fa-f_]+|0[bB][01_]+|0[oO]?[0-7_]+|0|[1-9][0-9_]*)\Z"
_MAX_DIGITS = 80
"""More than the longest form of 64 bits; Python refuses thousands of digits in its own way."""


def own_spelling(data: Mapping[t.Any, t.Any], names: Collection[str]) -> dict[str, t.Any]:
    """The mapping with known keys in their own spelling: another case is accepted if that key is not there."""
    try:
        result = {str(key): value for key, value in data.items()}
    except ValueError:
        # Python refuses to print a number of some thousand digits.
        raise MalformedMetadataError("a key of the metadata is not a string", where="sops") from None
    if result.keys() <= set(names):
        return result
    for key in list(result):
        folded = key.casefold()
        if folded in names and folded not in result:
            result[folded] = result.pop(key)
    return result


def text(value: t.Any, where: str) -> str:
    """A string; null is the empty one."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int) and abs(value) < 2**64:
        return str(value)
    if isinstance(value, float):
        return format_float(value)
    name = where.rpartition(".")[2]
    hint = "a time has to be in quotes" if name in ("lastmodified", "created_at") else None
    raise MalformedMetadataError(f"{name} is not a string", where=where, hint=hint)


def number(value: t.Any, where: str) -> int:
    """An integer; of a string, in any base that Go knows a prefix for."""
    if value is None or value == "":
        return 0
    if isinstance(value, str):
        return _parse_integer(value, where)
    try:
        if isinstance(value, bool | int | float):
            return int(value)
    except (ValueError, OverflowError):
        pass
    return _fail("a number", where)


def flag(value: t.Any, where: str) -> bool:
    """True or false; of a number, whether it is not zero."""
    if isinstance(value, str):
        if value not in _TRUE and value not in _FALSE:
            raise MalformedMetadataError(f"{where.rpartition('.')[2]} is neither true nor false", where=where)
        return value in _TRUE
    if value is None or isinstance(value, bool | int | float):
        return bool(value)
    raise MalformedMetadataError(f"{where.rpartition('.')[2]} is neither true nor false", where=where)


def items(value: t.Any) -> list[t.Any]:
    """A list; a single value is a list of one, an empty mapping an empty list."""
    if value is None or value == {}:
        return []
    return value if isinstance(value, list) else [value]


def mapping(value: t.Any, where: str) -> Mapping[t.Any, t.Any]:
    """A mapping; null is the empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise MalformedMetadataError("an entry is not a mapping", where=where)
    return value


def time(value: t.Any, where: str) -> str:
    """A time in RFC 3339 form, as it is written."""
    given = text(value, where)
    if not _is_time(given):
        raise MalformedMetadataError(f"{where.rpartition('.')[2]} is not a time in RFC 3339 form", where=where)
    return given


def _is_time(given: str) -> bool:
    try:
        additional_data(given)
    except MalformedMetadataError:
        return False
    return given[-1] == "Z" or (int(given[-5:-3]) <= 24 and int(given[-2:]) <= 60)


def _parse_integer(given: str, where: str) -> int:
    match = re.match(_INTEGER, given)
    if match is None or "__" in given or given.endswith("_"):
        _fail("a number", where)
    digits = match[2].replace("_", "")
    if len(digits) > _MAX_DIGITS:
        _fail("a number", where)
    if len(digits) > 1 and digits[0] == "0" and digits[1].isdigit():
        digits = f"0o{digits[1:]}"
    value = int(match[1] + digits, 0)
    if not -(2**63) <= value < 2**63:
        _fail("a number", where)
    return value


def _fail(expected: str, where: str) -> t.NoReturn:
    raise MalformedMetadataError(f"{where.rpartition('.')[2]} is not {expected}", where=where)
