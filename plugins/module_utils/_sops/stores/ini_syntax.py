# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys and values of an INI line, read as sops' INI library (go-ini 1.67.3) reads them.

Private to the collection. What is said here decides about paths and values, and with them about every
token and the MAC, so it follows that library in its oddities too.
"""

from __future__ import annotations

import re
import typing as t

SPACE = "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
"""What counts as white space; Python's own idea has a few characters more."""
PLAIN, SINGLE, DOUBLE, TICK, TRIPLE, JOINED = "", "'", '"', "`", '"""', "\\"
"""Spellings of a value; a joined one runs over lines that end in a backslash."""
RAW = (TICK, TRIPLE)
"""Quotes in which everything counts as it stands, line breaks included."""

_NOT_SPACE = re.compile(f"[^{SPACE}]")
_SIGN = re.compile("[#;]")
_DELIMITER = re.compile("[=:]")


class IniSyntaxError(Exception):
    """A line is not well formed; the message says how."""


class Value(t.NamedTuple):
    """A value with its place."""

    start: int
    end: int
    """The span includes the quotes."""
    style: str
    text: str
    following: int
    """Where the next line begins."""
    comment: int = -1
    """Where the sign of a comment behind the value stands, -1 if there is none."""
    comment_counts: bool = True
    """Whether the library takes that comment; it drops what stands behind quotes of one line."""


def line_end(text: str, at: int) -> int:
    """Where the next line begins."""
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def skip_space(text: str, at: int, stop: int) -> int:
    """The first position that holds no white space, or `stop`."""
    found = _NOT_SPACE.search(text, at, stop)
    return found.start() if found else stop


def trimmed_end(text: str, start: int, stop: int) -> int:
    """End of what is left of a span without white space at its end."""
    return start + len(text[start:stop].rstrip(SPACE))


def sign_in(text: str, start: int, stop: int) -> int:
    """The first sign of a comment in a span, -1 without any."""
    found = _SIGN.search(text, start, stop)
    return found.start() if found else -1


def read_key(text: str, start: int, stop: int) -> tuple[str, int]:
    """Name of the key of a line and where its value begins."""
    quote = ""
    if text[start] == '"':
        # The library counts bytes, the line break included.
        long = len(text[start : min(start + 8, stop)].encode("utf-8", "surrogateescape")) > 6
        quote = TRIPLE if long and text.startswith(TRIPLE, start) else DOUBLE
    elif text[start] == TICK:
        quote = TICK
    inner = start + len(quote)
    close = inner
    if quote:
        close = text.find(quote, inner, stop)
        if close < 0:
            raise IniSyntaxError("the quotes of a key are not closed")
    delimiter = _DELIMITER.search(text, close + len(quote), stop)
    if delimiter is None:
        raise IniSyntaxError("a line has neither = nor :")
    name = text[inner : close if quote else delimiter.start()].strip(SPACE)
    if not name:
        raise IniSyntaxError("a key is empty")
    return name, delimiter.end()


def read_value(text: str, at: int) -> Value:
    """The value that begins at a position behind its delimiter."""
    stop = line_end(text, at)
    start = skip_space(text, at, stop)
    if start == stop:
        return Value(at, at, PLAIN, "", stop)
    if text[start] == TICK:
        return _quoted(text, start, stop, TICK)
    if text.startswith(TRIPLE, start) and stop - start > 3:
        return _quoted(text, start, stop, TRIPLE)
    return _unquoted(text, start, stop)


def _quoted(text: str, start: int, stop: int, quote: str) -> Value:
    inner = start + len(quote)
    close = text.rfind(quote, inner, stop)
    if close >= 0:
        end = close + len(quote)
        return Value(start, end, quote, text[inner:close], stop, _behind(text, end, stop), comment_counts=False)
    while close < 0:
        line = stop
        if line >= len(text):
            raise IniSyntaxError("the quotes of a value are not closed")
        stop = line_end(text, line)
        close = text.rfind(quote, line, stop)
        if close >= 0 and text[close + len(quote) : stop].rstrip(SPACE).endswith("\\"):
            close = -1
    end = close + len(quote)
    return Value(start, end, quote, text[inner:close], stop, _behind(text, end, stop))


def _behind(text: str, end: int, stop: int) -> int:
    """The comment behind closing quotes; anything else there is lost in sops, and would stay in clear here."""
    behind = skip_space(text, end, stop)
    if behind == stop:
        return -1
    if text[behind] not in "#;":
        raise IniSyntaxError("something stands behind the closing quotes of a value, which sops would drop")
    return behind


def _unquoted(text: str, start: int, stop: int) -> Value:
    end = trimmed_end(text, start, stop)
    if text[end - 1] == "\\":
        return _joined(text, start, end, stop)
    comment = sign_in(text, start, end)
    if comment >= 0:
        end = trimmed_end(text, start, comment)
    quote = text[start] if end > start + 1 and text[start] in "'\"" else ""
    if quote and text.find(quote, start + 1, end) == end - 1:
        return Value(start, end, quote, text[start + 1 : end - 1], stop, comment)
    return Value(start, end, PLAIN, text[start:end], stop, comment)


def _joined(text: str, start: int, end: int, stop: int) -> Value:
    """A value that goes on in the next line, comments and all."""
    parts = [text[start : end - 1]]
    following = stop
    while following < len(text):
        stop = line_end(text, following)
        first = skip_space(text, following, stop)
        following = stop
        if first == stop:
            break
        end = trimmed_end(text, first, stop)
        if text[end - 1] != "\\":
            parts.append(text[first:end])
            break
        parts.append(text[first : end - 1])
    return Value(start, end, JOINED, "".join(parts), following)
