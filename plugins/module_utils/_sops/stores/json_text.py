# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""JSON scalars as text: how they are spelled, and how a token remembers the spelling of what it replaces.

Private to the collection. One text has many spellings in JSON (`é` or `\u00e9`, `<` or `\u003c`), and a token is plain
ASCII. So that decryption can give back the spelling that stood there, a token whose value is not spelled in the
shortest way has some signs of its last part escaped: `…,type:str\u005d` for a value of Python's `json.dumps`. Every
reader of JSON takes that for the same token.
"""

from __future__ import annotations

import re
from json.encoder import encode_basestring, encode_basestring_ascii

from ..tree import BOOL, FLOAT, INT, NULL
from ..values import format_float

ASCII, HTML, SEPARATORS, SLASH, DELETE, UPPER = "a", "h", "s", "/", "d", "u"
"""What is escaped beyond need: all but ASCII, `<>&`, U+2028 and U+2029, slashes, U+007F; and hex digits in capitals."""

_USUAL = ("", ASCII, HTML, ASCII + UPPER, SEPARATORS, SLASH, ASCII + SLASH, DELETE, ASCII + HTML, HTML + UPPER)
"""Python, Go, .NET, JavaScript, PHP, jq: the first that fits counts."""

_CARRIERS = {SEPARATORS: ",", SLASH: "y", DELETE: "p", HTML: ":", ASCII: "]"}
_TAIL = re.compile(r'(,|\\u002[cC])t(y|\\u0079)(p|\\u0070)e(:|\\u003[aA])[a-z]+(\]|\\u005[dD])"\Z')
_HTML = re.compile("[<>&]")
_SEPARATORS = re.compile("[\u2028\u2029]")
_ESCAPE = re.compile(r"\\(?:u[0-9a-f]{4}|.)")
_LEAST_WHOLE, _LEAST_EXPONENT = 1e-6, 1e21


def spell_string(text: str, marks: str = "") -> str:
    """A string in quotes."""
    spelled = encode_basestring_ascii(text) if ASCII in marks else encode_basestring(text)
    if not marks:
        return spelled
    if HTML in marks:
        spelled = _HTML.sub(_escaped, spelled)
    if HTML in marks or SEPARATORS in marks:
        spelled = _SEPARATORS.sub(_escaped, spelled)
    if SLASH in marks:
        spelled = spelled.replace("/", "\\/")
    if DELETE in marks:
        spelled = spelled.replace("\x7f", "\\u007f")
    if UPPER in marks:
        spelled = _ESCAPE.sub(_in_capitals, spelled)
    return spelled


def spell_string_as_sops(text: str) -> str:
    """A string in quotes, with the escapes of Go."""
    return spell_string(text, HTML)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _in_capitals(match: re.Match[str]) -> str:
    escape = match[0]
    return "\\u" + escape[2:].upper() if escape[1] == "u" else escape


def marks_of_string(text: str, spelled: str) -> str:
    """The marks under which the text is spelled like this; none if there are no such."""
    return next((marks for marks in _USUAL if spell_string(text, marks) == spelled), "")


# --- numbers and words ----------------------------------------------------------------------------


def spell_float_as_sops(text: str) -> str:
    """A float from its byte form, an exponent only for the very large and small, no `.0`; a negative zero keeps one."""
    value = float(text)
    if value == 0 and text.startswith("-"):
        return "-0.0"
    if value and not _LEAST_WHOLE <= abs(value) < _LEAST_EXPONENT:
        mantissa, _separator, exponent = repr(value).partition("e")
        return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0')}"
    return format_float(value)


def spell_typed(kind: str, text: str, marks: str = "") -> str:
    """What is no string, from its byte form; a float stays one when it is read again."""
    if kind == NULL:
        return "null"
    if kind == BOOL:
        return text.lower()
    return dict(_numbers(kind, text)).get(marks) or _numbers(kind, text)[0][1]


def marks_of_number(kind: str, text: str, spelled: str) -> str:
    """The marks under which the number is spelled like this; none if there are no such."""
    if kind not in (INT, FLOAT):
        return ""
    return next((marks for marks, each in _numbers(kind, text) if each == spelled), "")


def _numbers(kind: str, text: str) -> list[tuple[str, str]]:
    if kind == INT:
        return [("", text), (ASCII, "-0")] if text == "0" else [("", text)]
    value = float(text)
    usual = spell_float_as_sops(text)
    if "." not in usual and "e" not in usual and abs(value) < 2**63:
        usual += ".0"
    spellings = [("", usual), (ASCII, repr(value))]
    if not -(2**63) <= value < 2**63:
        spellings.append((HTML, str(int(value))))
    return spellings


def loses_digits(text: str, spelled: str) -> bool:
    """Whether an integer, a float by its size, has digits that its byte form has not."""
    return spelled.lstrip("-").isdigit() and int(spelled) not in (int(text), int(float(text)))


# --- tokens ---------------------------------------------------------------------------------------


def spell_token(token: str, marks: str) -> str:
    """A token in quotes that carries the marks."""
    head, separator, kind = token.rpartition(",type:")
    tail = separator + kind
    for mark, carrier in _CARRIERS.items():
        if mark in marks:
            code = f"{ord(carrier):04x}"
            tail = tail.replace(carrier, "\\u" + (code.upper() if UPPER in marks else code), 1)
    return f'"{head}{tail}"'


def marks_of_token(spelled: str) -> str:
    """The marks that a token in quotes carries."""
    match = _TAIL.search(spelled)
    if match is None:
        return ""
    found = [mark for mark, part in zip(_CARRIERS, match.groups(), strict=True) if len(part) > 1]
    if any(part[-1] in "ACD" for part in match.groups() if len(part) > 1):
        found.append(UPPER)
    return "".join(found)
