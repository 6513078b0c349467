# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML text for plain data, laid out as sops lays it out: for metadata and for new files.

Private to the collection.
"""

from __future__ import annotations

import json
import re
import typing as t
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from ..._errors import EncryptionError, LimitError
from ..values import format_time
from .yaml_scalars import double_quoted, is_quoted_by_sops, is_utf8, single_quoted, spell_float_as_sops, spell_string

INDENT = 4
_MAX_DEPTH = 1000
_TO_ESCAPE = re.compile("[^\n -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]|[\u2028\u2029]")
_TO_QUOTE = re.compile(r" |[#,\[\]{}&*!|>'\"%@`]|[-?:](?: |\Z)|---|\.\.\.|.*(?:: |:\Z| #| \Z)", re.DOTALL)


def dump(data: t.Any) -> str:
    """A document with this mapping."""
    if not isinstance(data, Mapping):
        raise EncryptionError("a document has to be a mapping")
    if not data:
        return "{}\n"
    lines: list[str] = []
    _mapping(data, 0, "", lines, 0)
    return "\n".join(lines) + "\n"


def flow(data: t.Any) -> str:
    """The data on one line, which is also JSON."""
    return json.dumps(data, ensure_ascii=False)


def _next_column(column: int) -> int:
    """A nested block starts at the next multiple of the indent."""
    return (column // INDENT + 1) * INDENT


def _mapping(data: Mapping[t.Any, t.Any], column: int, first: str, lines: list[str], depth: int) -> None:
    lead = first or " " * column
    for key, value in data.items():
        if not isinstance(key, str):
            raise EncryptionError("a key is not a string")
        spelled = _key(key)
        _entry(f"{lead}{spelled}:", value, column, _next_column(column), lines, depth)
        lead = " " * column


def _entry(start: str, value: t.Any, column: int, nested: int, lines: list[str], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise LimitError(f"the data is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, Mapping) and value:
        lines.append(start)
        _mapping(value, nested, "", lines, depth + 1)
    elif _is_list(value) and value:
        lines.append(start)
        _sequence(value, nested, "", lines, depth + 1)
    else:
        _scalar_lines(start, value, _next_column(column), lines)


def _sequence(data: Sequence[t.Any], column: int, first: str, lines: list[str], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise LimitError(f"the data is nested deeper than {_MAX_DEPTH} levels")
    lead = (first or " " * column) + "-"
    for value in data:
        if isinstance(value, Mapping) and value:
            _mapping(value, column + 2, f"{lead} ", lines, depth + 1)
        elif _is_list(value) and value:
            _sequence(value, column + 2, f"{lead} ", lines, depth + 1)
        else:
            _scalar_lines(lead, value, _next_column(column), lines)
        lead = " " * column + "-"


def _is_list(value: t.Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _scalar_lines(start: str, value: t.Any, column: int, lines: list[str]) -> None:
    if isinstance(value, str) and "\n" in value and fits_literal(value):
        body = value.removesuffix("\n")
        chomp = "" if value.endswith("\n") else "-"
        lines.append(f"{start} |{chomp}")
        lines.extend(" " * column + line if line else "" for line in body.split("\n"))
    else:
        lines.append(f"{start} {_scalar(value)}")


def fits_literal(text: str) -> bool:
    """Whether sops writes the text as a literal block, and reads it back."""
    return (
        is_utf8(text)
        and not _TO_ESCAPE.search(text)
        and text[:1] not in (" ", "\n")
        and not text.endswith(("\n\n", " "))
        and " \n" not in text
    )


def _key(key: str) -> str:
    if "\n" in key or len(key) > 1000:
        raise EncryptionError("a key has a line break or more than 1000 characters")
    return _string(key)


def _scalar(value: t.Any) -> str:
    for kind, spell in _SPELLINGS:
        if isinstance(value, kind):
            return spell(value)
    raise EncryptionError(f"a value is of type {type(value).__name__}, which YAML files of sops do not have")


def _integer(value: int) -> str:
    if not -(2**63) <= value < 2**63:
        raise EncryptionError("an integer above 2^63-1 cannot be encrypted: make it a string")
    return str(value)


def _time(value: datetime) -> str:
    parts = [f"{part:02d}" for part in (value.month, value.day, value.hour, value.minute, value.second)]
    offset = value.utcoffset()
    minutes = 0 if offset is None else int(offset.total_seconds()) // 60
    sign, size = ("-", -minutes) if minutes < 0 else ("+", minutes)
    text = format_time(
        (f"{value.year:04d}", *parts, f"{value.microsecond:06d}", sign, f"{size // 60:02d}", f"{size % 60:02d}")
    )
    if text is None:
        raise EncryptionError("a time cannot be written")
    return text


def _string(text: str) -> str:
    if not is_utf8(text):
        return spell_string(text, "", flow=False)
    if not text or _TO_ESCAPE.search(text) or "\n" in text or is_quoted_by_sops(text):
        return double_quoted(text, escape_astral=True)
    if _TO_QUOTE.match(text):
        return single_quoted(text)
    return text


_SPELLINGS: tuple[tuple[t.Any, t.Callable[[t.Any], str]], ...] = (
    (type(None), lambda _value: "null"),
    (bool, lambda value: "true" if value else "false"),
    (int, _integer),
    (float, spell_float_as_sops),
    (str, _string),
    (bytes, lambda value: spell_string(value.decode("utf-8", "surrogateescape"), "", flow=False)),
    (datetime, _time),
    (date, lambda value: f"{value.isoformat()}T00:00:00Z"),
    (Mapping, lambda _value: "{}"),
    (Sequence, lambda _value: "[]"),
)
"""The first kind that fits counts: a truth value is also an int, a datetime also a date."""
