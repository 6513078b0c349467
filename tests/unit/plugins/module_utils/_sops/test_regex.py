# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: RUF001  (letters that look alike are the point)
"""RE2 patterns on `re`: equal meaning, or refused."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import LimitError, SopsError, UnsupportedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.regex import compile_re2


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("^(data|stringData)$", "data", True),
        ("^(data|stringData)$", "data\n", False),
        ("^(data|stringData)$", "metadata", False),
        ("pass", "my-password", True),
        ("Pass", "password", False),
        ("(?i)PASS", "password", True),
        ("(?i:PASS)x", "passX", False),
        ("(?i)k", "\u212a", True),
        ("a(?i)b", "aB", True),
        ("a(?i)b", "AB", False),
        (r"\d", "\u0663", False),
        (r"\w", "ä", False),
        (r"\bkey\b", "äkeyä", True),
        (r"\s", "\v", False),
        ("[[:alpha:]]+", "12", False),
        ("[[:^digit:]]", "12", False),
        (r"[^\d]", "1", False),
        (r"\Qa.b\E$", "a.b", True),
        (r"\Qa.b\E$", "axb", False),
        (r"\x{1F600}", "\U0001f600", True),
        (r"\x41", "A", True),
        ("a{,2}", "a{,2}", True),
        ("a{,2}b", "aab", False),
        ("a{2}b", "aab", True),
        ("x{", "x{", True),
        (".", "\n", False),
        ("(?s).", "\n", True),
        ("^b", "a\nb", False),
        ("(?m)^b", "a\nb", True),
        (r"a\z", "a\n", False),
        (r"\Aa", "ba", False),
        ("(?P<n>a)(?<m>b)", "ab", True),
        ("", "anything", True),
        ("[]a]", "]", True),
        ("[a-]", "-", True),
        (r"(.*/)?secrets/.*\.ya?ml$", "clusters/lab/secrets/x.yaml", True),
        (r"^clusters/([^/]+/)*secrets\.yaml$", "clusters/a/b/secrets.yaml", True),
        (r"^(apps|infra)/.+\.(yaml|yml)$", "apps/x/y.yml", True),
    ],
)
def test_meaning_is_that_of_re2(pattern: str, text: str, found: bool) -> None:
    assert compile_re2(pattern).found_in(text) is found


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("(a+)+$", "aab", False),
        ("(a|a)*$", "b", True),
        ("^(a|ab)*c", "aababc", True),
        ("^(?:a*)*$", "aaa", True),
        ("(?U)a+?b", "aab", True),
        ("(?)a", "a", True),
        ("(?U-s)a", "a", True),
        ("^*a", "ba", True),
        (r"\b*", "", True),
        (r"\B", "", True),
        (r"\B", "a", False),
        (r"a\Q\E*$", "baaa", True),
        (r"^\Qab\E*$", "abbb", True),
        (r"^\Q.*", ".*", True),
        (r"\pL", "ǆ", True),
        (r"\PL", "ǆ", False),
        (r"\p{^Lu}", "A", False),
        (r"\P{^Lu}", "A", True),
        (r"\p{Any}", "\u0378", True),
        (r"\pC", "\u0378", False),
        (r"\pC", "\x00", True),
        (r"(?i)\p{Lu}", "a", True),
        (r"(?i)^[^k]$", "K", False),
        (r"(?i)[k-s]", "ſ", True),
        (r"(?i)\w", "ſ", True),
        (r"(?i)^\W$", "K", False),
        ("(?i)ß", "ẞ", True),
        ("(?i)σ", "ς", True),
        ("(?i)ı", "I", False),
        ("(?i)İ", "i", False),
        ("(?i)𐐀", "𐐨", True),
        ("(?i)ǅ", "ǆ", True),
        ("[é-ö]", "ñ", True),
        ("[^a]", "\n", True),
        (r"[\d_]", "_", True),
        (r"[\pL1]$", "1", True),
        (r"[a\-z]", "b", False),
        ("[[:word:]-]", "-", True),
        ("[[:digit]", ":", True),
        ("[]-a]", "^", True),
        (r"\101", "A", True),
        (r"\0", "\x00", True),
        (r"\x{0000000041}", "A", True),
        (r"\_", "_", True),
        (r"\a\f\v", "\a\f\v", True),
        ("(?P<1>a)(?<1>b)", "ab", True),
        ("(?m)a$", "a\nb", True),
        ("(?m)a$^b", "a\nb", False),
        ("(?m)$\n^b", "a\nb", True),
        (r"é\b", "é", False),
        ("a{02}", "a{02}", True),
        ("^(a{3}){2}$", "aaaaaa", True),
        ("^a{2,}$", "aaaa", True),
        ("^a{0}$", "a", False),
        ("^(|a)b$", "b", True),
        ("^(?:(?:a?){3}){3}$", "a" * 10, False),
        ("[^\\x00-\\x{10FFFF}]", "a", False),
        ("^.$", "\udcff", True),
        ("\ufffd", "\udcff", True),
    ],
)
def test_meaning_is_that_of_go(pattern: str, text: str, found: bool) -> None:
    """Each of these was put to Go's regexp, too (tests/interop); so were 160,000 random pairs."""
    assert compile_re2(pattern).found_in(text) is found
    if "\\Q" not in pattern:
        assert compile_re2(f"(?:{pattern}|zz)").found_in(text) is found


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", r"(a)\1", "(?>a)", "a++", "a*+", "a**", "(?(1)a|b)", "(?P=n)", "(?#c)", "(?L)a", "(?i-)a", "(?--i)a",
        "(", ")", "a)", "[", "[a", "[b-a]", "*a", "(*a)", "a|*", "a{1001}", "a{2,1}", "a{1,1001}", "(a{100}){11}", "(a|b{501}){2}", "a{999999999}",
        r"\p{Greek}", r"\p{Xx}", r"\p{", r"\p", r"\Z", r"\K", r"\C", r"\é", "\\", r"\8", r"\x", r"\x{110000}", r"[\b]", "[[:nope:]]", "(?<>a)",
        "(?<n-m>a)", "(" * 120 + ")" * 120, "a" * 3000, "a\udcff",
    ],
)  # fmt: skip
def test_what_re2_does_not_have_is_refused(pattern: str) -> None:
    """Sops would take such a selector as one that never matches and leave secrets in clear."""
    with pytest.raises(UnsupportedError, match=r"rule 1: the pattern .* is refused"):
        compile_re2(pattern, where="rule 1")


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "^(a|a)*$",
        "(a|ab)*c",
        "(a*)*c",
        "([a-z]+)*x",
        "(a{2,3})*c",
        "((a|b)*)*c",
        "(.*)+x",
        "a?" * 100 + "a" * 100 + "b",
        "(x+x+)+y",
        ".*a.*b.*c.*d$",
        "(a|b|ab)*(a|b|ab)*(a|b|ab)*x",
    ],
    ids=lambda pattern: pattern[:30],
)
def test_no_pattern_takes_more_than_a_look_at_each_character(pattern: str) -> None:
    """What makes a backtracking engine run forever is searched in linear time."""
    compiled = compile_re2(pattern)
    assert compiled.found_in("a" * 20_000 + "!") is False
    assert compiled.found_in("ab" * 60) is False


def test_what_costs_too_much_in_spite_of_that_is_refused_in_time() -> None:
    rng = random.Random(1)  # noqa: S311  (a test)
    with pytest.raises(LimitError, match="too long for the pattern"):
        compile_re2("a[ab]{900}(a|b{3})[^ab]").found_in("".join(rng.choice("ab") for _turn in range(5_000)))
    with pytest.raises(LimitError):
        compile_re2("(a|b{500}c{500})" * 30).found_in("é")


@pytest.mark.parametrize("pattern", ["^a", "(a|b)*a", "(?i)É"])
def test_many_texts_at_once_are_searched_like_each(pattern: str) -> None:
    compiled = compile_re2(pattern)
    for texts in (set[str](), {"a", "b", ""}, {"a", "É", "é"}, {"a" * 300, "b"}):
        assert compiled.found_among(texts) == {text for text in texts if compiled.found_in(text)}


def test_patterns_are_compiled_once() -> None:
    assert compile_re2("once") is compile_re2("once")
    many = [compile_re2(f"x{number}") for number in range(600)]
    assert [pattern.source for pattern in many] == [f"x{number}" for number in range(600)]


@given(st.text("ab|()*+?[]{}2,^$.\\dwpLQEiéß", max_size=12), st.text("abéß", max_size=30))
def test_any_pattern_is_compiled_or_refused(pattern: str, text: str) -> None:
    try:
        compile_re2(pattern).found_in(text)
    except SopsError as exc:
        assert repr(pattern) in str(exc)  # noqa: PT017
