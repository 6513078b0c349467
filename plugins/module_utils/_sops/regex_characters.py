# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Classes of characters as RE2 has them: ASCII classes by name, Unicode categories, and case that is ignored.

Private to the collection.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Mapping

Test = Callable[[str], bool]
Ranges = tuple[tuple[str, str], ...]

_DIGIT: Ranges = (("0", "9"),)
_WORD: Ranges = (("0", "9"), ("A", "Z"), ("_", "_"), ("a", "z"))
PERL: Mapping[str, Ranges] = {"d": _DIGIT, "s": (("\t", "\n"), ("\f", "\r"), (" ", " ")), "w": _WORD}
POSIX: Mapping[str, Ranges] = {
    "alnum": (("0", "9"), ("A", "Z"), ("a", "z")),
    "alpha": (("A", "Z"), ("a", "z")),
    "ascii": (("\x00", "\x7f"),),
    "blank": (("\t", "\t"), (" ", " ")),
    "cntrl": (("\x00", "\x1f"), ("\x7f", "\x7f")),
    "digit": _DIGIT,
    "graph": (("!", "~"),),
    "lower": (("a", "z"),),
    "print": ((" ", "~"),),
    "punct": (("!", "/"), (":", "@"), ("[", "`"), ("{", "~")),
    "space": (("\t", "\r"), (" ", " ")),
    "upper": (("A", "Z"),),
    "word": _WORD,
    "xdigit": (("0", "9"), ("A", "F"), ("a", "f")),
}
_CATEGORIES = frozenset(
    "C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs".split()  # noqa: SIM905  (a list of 36 words)
)
_LAST_CASED = 0x1E944
"""Last character with another case; those behind have none."""


def in_ranges(ranges: Ranges) -> Test:
    """The test for a class given by its ranges."""
    return lambda char: any(low <= char <= high for low, high in ranges)


def category(name: str) -> Test | None:
    """The test for a Unicode category such as `L` or `Lu`; None if there is none of this name."""
    if name == "Any":
        return lambda _char: True
    if name not in _CATEGORIES:
        return None
    if name == "C":
        # In Go, what is not assigned belongs to no category.
        return lambda char: unicodedata.category(char) in ("Cc", "Cf", "Co", "Cs")
    return lambda char: unicodedata.category(char).startswith(name)


def folded(test: Test) -> Test:
    """The same class without regard to case: any of the forms of a character will do."""
    return lambda char: any(map(test, _forms(char)))


def _fold(char: str) -> str:
    """One form for all that differ in case only."""
    if char == "\u0131":
        # The dotless i is a letter of its own, though its capital is I.
        return char
    upper = char.upper()
    lower = (upper if len(upper) == 1 else char).lower()
    return lower if len(lower) == 1 else char


@functools.cache
def _all_forms() -> dict[str, list[str]]:
    forms: dict[str, list[str]] = {}
    for code in range(128, _LAST_CASED):
        char = chr(code)
        fold = _fold(char)
        if fold != char:
            forms.setdefault(fold, [fold]).append(char)
    return forms


_ASCII_FORMS = {"k": ("k", "K", "\u212a"), "s": ("s", "S", "\u017f")}


def _forms(char: str) -> tuple[str, ...] | list[str]:
    """All characters that differ from this one in case only, itself included."""
    fold = _fold(char)
    if fold.isascii():
        return _ASCII_FORMS.get(fold) or (fold, fold.upper())
    return _all_forms().get(fold) or (char,)
