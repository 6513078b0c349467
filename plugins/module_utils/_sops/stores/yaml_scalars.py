# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Scalars of YAML: what type a text has for sops, and how a value is spelled.

Private to the collection. Types are those of sops' YAML library: YAML 1.2 with some leftovers of
1.1. A loader for 1.1 would see other types, so a file would get another MAC.
"""

from __future__ import annotations

import math
import re
from binascii import a2b_base64, b2a_base64

from ..._errors import EncryptionError
from ..patterns import compiled
from ..tree import BOOL, FLOAT, INT, NULL, STR, TIME
from ..values import format_float, format_time, to_bytes

WORDS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("true", "True", "TRUE"), (BOOL, "True")),
    **dict.fromkeys(("false", "False", "FALSE"), (BOOL, "False")),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), (NULL, "")),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), (FLOAT, "+Inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), (FLOAT, "-Inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), (FLOAT, "NaN")),
}
"""Plain scalars that are no strings as words."""
_STARTS = frozenset("+-.0123456789tTfFnN~")
_USUAL = r"(?:([1-9][0-9]{0,17})|(0\.[0-9]{0,8}[1-9]|[1-9][0-9]{0,5}\.[0-9]{0,8}[1-9])|([0-9][0-9A-Za-z]*[G-NP-SU-WYZg-np-su-wyz][ -~]*))\Z"
"""An integer, a float, or a text: it holds a letter that none of them has, nor any time."""
_DOT_FLOAT = r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?\Z"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"
_INTS = (
    (r"([-+]?)0[xX]([0-9a-fA-F]+)\Z", 16),
    (r"([-+]?)0[oO]([0-7]+)\Z", 8),
    (r"([-+]?)0[bB]([01]+)\Z", 2),
    (r"([-+]?)0([0-7]+)\Z", 8),
    (r"([-+]?)(0|[1-9][0-9]*)\Z", 10),
)
_ODD_INTS = (
    (r"0b([-+][01]+)\Z", 2),
    (r"0o([-+][0-7]+)\Z", 8),
    (r"-0b([01]+)\Z", 2),
)
_NUMBER_ENDS = frozenset("0123456789abcdefABCDEF.")
_DATE = r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})\Z"
_T_TIME = (
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})[Tt]([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]+))?"
    r"(?:Z|([-+])([0-9]{2}):([0-9]{2}))\Z"
)
_SPACE_TIME = r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2}) +([0-9]{1,2}):([0-9]{1,2}):([0-9]{1,2})(?:[.,]([0-9]+))?\Z"

_CORE_TAGS = {
    f"tag:yaml.org,2002:{name}": name for name in ("str", "int", "float", "bool", "null", "timestamp", "binary")
}
CORE_TAG = r"!!(?:str|int|float|bool|null|timestamp|binary)(?=[ \t\r\n]|\Z)[ \t]*|!<tag:yaml\.org,2002:[a-z]+>[ \t]*"


class Untypable(Exception):  # noqa: N818  (not an error of its own: the scanner adds the place)
    """The scalar has no type that sops can encrypt, or not that of its tag."""


def resolve(text: str) -> tuple[str, str]:
    """Type and byte form of a plain scalar."""
    if text and text[0] not in _STARTS:
        return STR, text
    known = WORDS.get(text)
    if known is not None:
        return known
    usual = compiled(_USUAL).match(text)
    if usual is not None:
        group = usual.lastindex
        return (INT, text) if group == 1 else (STR, text) if group == 3 else (FLOAT, format_float(float(text)))
    return _odd(text) or (STR, text)


def _odd(text: str) -> tuple[str, str] | None:
    if text[0] == ".":
        return _float(text.replace("_", "")) if compiled(_DOT_FLOAT).match(text) else None
    if text[0] in "tTfFnN~":
        return None
    time = _timestamp(text) if text[4:5] == "-" and text[:4].isdigit() else None
    return _number(text) if time is None else (TIME, time)


def _number(text: str) -> tuple[str, str] | None:
    plain = text.replace("_", "")
    if plain[-1:] not in _NUMBER_ENDS:
        return None
    for pattern, base in _INTS:
        match = compiled(pattern).match(plain)
        if match is not None:
            digits = match[1] + match[2]
            # Python refuses to read thousands of decimal digits; such a number is beyond every float, too.
            return _float(plain) if base == 10 and len(digits) > 400 else _integer(int(digits, base), plain, base)
    if compiled(_FLOAT).match(plain):
        return _float(plain)
    for pattern, base in _ODD_INTS:
        match = compiled(pattern).match(plain)
        if match is not None:
            return _integer(int(match[1], base), plain, base)
    return None


def _integer(number: int, plain: str, base: int) -> tuple[str, str] | None:
    if -(2**63) <= number < 2**63:
        return INT, str(number)
    if 0 <= number < 2**64 and plain[0] not in "+-":
        raise Untypable("an integer above 2^63-1 cannot be encrypted: put it in quotes")
    if base == 10 or compiled(_FLOAT).match(plain):
        return _float(plain)
    return None


def _float(plain: str) -> tuple[str, str] | None:
    value = float(plain)
    return None if math.isinf(value) else (FLOAT, format_float(value))


def _timestamp(text: str) -> str | None:
    match = compiled(_DATE).match(text)
    if match is not None:
        return format_time((*match.groups(), "0", "0", "0", None, None, None, None))
    match = compiled(_T_TIME).match(text)
    if match is not None:
        time = format_time(match.groups())
        if time is None and match[8] is not None and _timestamp_without_offset(match):
            raise Untypable("a time with an offset of a day or more cannot be encrypted: put it in quotes")
        if match[9] is not None and int(match[9]) >= 24:
            raise Untypable("a time with an offset of a day or more cannot be encrypted: put it in quotes")
        return time
    match = compiled(_SPACE_TIME).match(text)
    if match is not None:
        return format_time((*match.groups(), None, None, None))
    return None


def _timestamp_without_offset(match: re.Match[str]) -> bool:
    return int(match[9]) == 24 and format_time((*match.groups()[:7], None, None, None)) is not None


def resolve_tagged(text: str, tag: str, *, plain: bool) -> tuple[str, str]:
    """Type and byte form of a scalar with a tag; tags of applications do not change a string."""
    name = _CORE_TAGS.get(tag)
    if name is None or name == "str":
        return STR, text
    if name == "binary":
        try:
            raw = a2b_base64("".join(text.split()), strict_mode=True)
        except ValueError:
            raise Untypable("the text tagged !!binary is not base64") from None
        return STR, raw.decode("utf-8", "surrogateescape")
    kind, data = resolve(text)
    wanted = {"int": INT, "float": FLOAT, "bool": BOOL, "null": NULL, "timestamp": TIME}[name]
    if kind == wanted:
        return kind, data
    if wanted == FLOAT and kind == INT:
        return FLOAT, format_float(float(data))
    if wanted == NULL and not plain and not text:
        return NULL, ""
    raise Untypable(f"the value is not what its tag !!{name} says")


# --- spelling -------------------------------------------------------------------------------------

_SAFE = re.compile(
    r"(?:[A-Za-z_/]|[0-9][0-9A-FN-PTXZa-fn-ptxz_/.+]*+[G-MQ-SU-WYg-mq-su-wy=@~$%^()*])[A-Za-z0-9_/.+=@~$%^()*-]*+"
    r"(?:[ :][A-Za-z0-9_/.+=@~$%^()*-]++)*+\Z"
)
"""Words that start with a letter, or with a digit and hold something that no number and no time has."""
_WORDS_1_1 = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null"])
_LONGEST_WORD = 5
_BASE_60 = r"[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?\Z"
_DATE_LIKE = r"[0-9]{4}-[0-9]"
_ODD_NUMBER = r"[-+]?(?:0[xob]?[0-9a-fA-F_]+|[0-9][0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|\.[0-9_]+)\Z"
_BAD_START = r"[#,\[\]{}&*!|>'\"%@`]|[-?:](?: |\Z)|---|\.\.\."
_BAD_INSIDE = r": |:\Z| #|[\s]\Z"
_BAD_IN_FLOW = r"[,\[\]{}?:]"
_UNPRINTABLE = "[^ -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]"
"""Also breaks and tabs: what cannot stand in a plain or single-quoted scalar on one line."""

_ESCAPES = {
    "\0": "\\0", "\a": "\\a", "\b": "\\b", "\t": "\\t", "\n": "\\n", "\v": "\\v", "\f": "\\f", "\r": "\\r",
    "\x1b": "\\e", '"': '\\"', "\\": "\\\\", "\x85": "\\N", "\xa0": "\\_", "\u2028": "\\L", "\u2029": "\\P",
}  # fmt: skip
_ASTRAL = "[\U00010000-\U0010ffff]"
_TO_ESCAPE = '["\\\\]|[^ -~\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u2028\u2029]'


def is_safe(text: str, *, flow: bool) -> bool:
    """Whether the text is a plain string for every reader anywhere; a quick test that most texts pass."""
    if _SAFE.match(text) is None or (flow and ":" in text):
        return False
    return len(text) > _LONGEST_WORD or text.lower() not in _WORDS_1_1


def fits_plain(text: str, *, flow: bool) -> bool:
    """Whether every reader takes this plain text back as the same string."""
    if is_safe(text, flow=flow):
        return True
    if (
        not text
        or text[0] == " "
        or _is_unprintable(text)
        or compiled(_BAD_START).match(text)
        or compiled(_BAD_INSIDE).search(text)
    ):
        return False
    if flow and compiled(_BAD_IN_FLOW).search(text):
        return False
    return not looks_typed(text)


def looks_typed(text: str) -> bool:
    """Whether a plain scalar with this text has, for some reader, another type than string."""
    try:
        if resolve(text)[0] != STR:
            return True
    except Untypable:
        return True
    return (
        text.lower() in _WORDS_1_1
        or text in ("=", "<<")
        or bool(compiled(_BASE_60).match(text) or compiled(_DATE_LIKE).match(text) or compiled(_ODD_NUMBER).match(text))
    )


def is_quoted_by_sops(text: str) -> bool:
    """Whether sops quotes the text because, plain, it could be taken for something else than a string."""
    try:
        if resolve(text)[0] != STR:
            return True
    except Untypable:
        return True
    usual_case = text in (text.lower(), text.upper(), text.capitalize())
    return (usual_case and text.lower() in _WORDS_1_1) or bool(compiled(_BASE_60).match(text))


def double_quoted(text: str, *, as_sops: bool = False) -> str:
    """The text in double quotes; always possible. sops also escapes what lies beyond the first 65,536 characters."""
    escaped = compiled(_TO_ESCAPE).sub(_escape, text)
    if as_sops:
        # Behind a byte order mark it takes every character for one.
        escaped = (
            re.sub(".", _escape, text, flags=re.DOTALL)
            if text[:1] == "\ufeff"
            else compiled(_ASTRAL).sub(_escape, escaped)
        )
    return f'"{escaped}"'


def _escape(match: re.Match[str]) -> str:
    char = match[0]
    short = _ESCAPES.get(char)
    if short is not None:
        return short
    code = ord(char)
    return f"\\x{code:02X}" if code < 256 else f"\\u{code:04X}" if code < 65536 else f"\\U{code:08X}"


def single_quoted(text: str) -> str:
    """The text in single quotes; only for what `fits_single` takes."""
    return "'" + text.replace("'", "''") + "'"


def fits_single(text: str) -> bool:
    """Whether the text can stand in single quotes on one line."""
    return not _is_unprintable(text)


def _is_unprintable(text: str) -> bool:
    """Whether a character needs an escape; what Python calls printable never does."""
    return not text.isprintable() and compiled(_UNPRINTABLE).search(text) is not None


def is_utf8(text: str) -> bool:
    """Whether the text holds no undecodable bytes."""
    return text.isascii() or not re.search("[\ud800-\udfff]", text)


def spell_string(text: str, style: str, *, flow: bool) -> str:
    """A string on one line, in the quotes it had if they fit."""
    if not is_utf8(text):
        return "!!binary " + b2a_base64(to_bytes(text), newline=False).decode("ascii")
    if style == '"':
        return double_quoted(text)
    if (style != "'" or flow) and fits_plain(text, flow=flow):
        return text
    if style == "'" and fits_single(text) and (text or not flow):
        return single_quoted(text)
    if not text or not fits_single(text) or looks_typed(text):
        return double_quoted(text)
    return single_quoted(text)


def spell_typed(kind: str, data: str) -> str:
    """A value that is no string, so that it is read back with its type."""
    if kind == BOOL:
        return data.lower()
    if kind == FLOAT:
        return {"+Inf": ".inf", "-Inf": "-.inf", "NaN": ".nan"}.get(data) or _spell_float(data)
    return data


def _spell_float(data: str) -> str:
    if len(data) > 24:
        from decimal import Decimal  # noqa: PLC0415 - start-up time

        mantissa, _separator, exponent = f"{Decimal(data).normalize():e}".partition("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}e{exponent}"
    return data if "." in data else f"{data}.0"


def spell_float_as_sops(value: float) -> str:
    """A float as sops writes it in YAML: exponent below 1e-4 and from 1e6 on, no `.0`."""
    if math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    if value == 0:
        return "-0" if math.copysign(1, value) < 0 else "0"
    from decimal import Decimal  # noqa: PLC0415 - start-up time

    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    if not isinstance(exponent, int):
        raise EncryptionError("a float cannot be written")
    point = len(digits) + exponent - 1
    text = "".join(map(str, digits))
    if -5 < point < 6:
        return format_float(value)
    mantissa = text[0] + ("." + text[1:] if len(text) > 1 else "")
    return f"{'-' if sign else ''}{mantissa}e{'-' if point < 0 else '+'}{abs(point):02d}"
