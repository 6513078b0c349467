# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""RE2 patterns on `re`: equal meaning, or refused."""

from __future__ import annotations

import time

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
    "pattern",
    [
        "(?=a)", "(?!a)", "(?<=a)b", "(?<!a)b", r"(a)\1", "(?>a)", "a++", "a*+", "a**", "(?(1)a|b)", "(?P=n)", "(?#c)", "(?L)a", "(?U)a+",
        "(", ")", "a)", "[", "[b-a]", "*a", "a{1001}", "a{2,1}", r"\pL", r"\p{Greek}", r"\Z", r"\K", r"\é", "\\", "[[:nope:]]", "(?P<n>a)(?P<n>b)",
        r"\x", "(?i)ä", "^*", "(" * 60 + ")" * 60, "a" * 3000,
    ],
)  # fmt: skip
def test_what_re2_and_python_do_not_share_is_refused(pattern: str) -> None:
    """Sops would take such a selector as one that never matches and leave secrets in clear."""
    with pytest.raises(UnsupportedError, match="refused"):
        compile_re2(pattern, where="rule 1")


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a|a)*$",
        "(a|ab)*c",
        "(a*)*",
        "([a-z]+)*x",
        "(a{2,3})*b",
        "((a|b)*)*",
        "(.*)+x",
        "a?" * 21 + "a" * 21,
        "(x+x+)+y",
    ],
)
def test_what_could_backtrack_forever_is_refused(pattern: str) -> None:
    with pytest.raises(UnsupportedError, match="refused"):
        compile_re2(pattern)


def test_a_text_that_is_too_long_for_the_pattern_is_refused() -> None:
    pattern = compile_re2(".*a.*b.*c.*d$")
    assert pattern.found_in("xaxbxcxd")
    with pytest.raises(LimitError, match="too long"):
        pattern.found_in("x" * 100_000)


@given(st.text("ab|()*+?[]{}2,^$.\\dw", max_size=12), st.text("ab", max_size=30))
def test_any_pattern_is_compiled_or_refused_quickly(pattern: str, text: str) -> None:
    started = time.monotonic()
    try:
        compile_re2(pattern).found_in(text)
    except SopsError as exc:
        assert pattern in str(exc) or repr(pattern) in str(exc)  # noqa: PT017
    assert time.monotonic() - started < 1
