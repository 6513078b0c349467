# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random texts and numbers that all generators of documents share.

Everything draws from a `random.Random`, so that one generator serves long runs with a seed and hypothesis
(`st.randoms(use_true_random=False)`), which can then make a failing document smaller.
"""

from __future__ import annotations

import random

WORDS = (
    "true", "False", "yes", "no", "on", "null", "~", "nan", "", "x", "word", "two words", "password", "0", "-1", "007", "0x1F", "1.5", "1e3",
    "2024-01-01", "12:30:45", "äöü", "日本", "😀", "user@example.com", "https://e.x/y?z=1&a=b", "ENC[x]", "C:\\dir", "it's", 'a"b', "a=b", "100%",
    "ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]", "<html>", "-----BEGIN KEY-----", "sops", "key: value", "a #b", "<<", "=", "a;b",
)  # fmt: skip
PIECES = (
    "a", "b", "Z", "0", "9", " ", " ", "  ", "\n", "\n", "\t", "\r", ":", ": ", "#", " #", ",", "[", "]", "{", "}", "&", "*", "!", "|", ">", "'", '"',
    "%", "@", "`", "-", "- ", "?", "? ", "\\", "\\n", "/", "=", ";", "<", "~", ".", "_", "$", "é", "ß", "日", "😀", "\u00a0", "\u2028", "\u2029",
    "\x85", "\ufeff", "\x00", "\x07", "\x1b", "\x7f", "\ue000", "\ufffd",
)  # fmt: skip
SAFE = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./"


def text(rng: random.Random) -> str:
    """A string for a value: often a word, else pieces put together."""
    kind = rng.random()
    if kind < 0.4:
        return rng.choice(WORDS)
    if kind < 0.6:
        return word(rng)
    if kind < 0.62:
        return "x" * rng.randint(100, 3000)
    return "".join(rng.choice(PIECES) for _turn in range(rng.randint(1, 8)))


def word(rng: random.Random) -> str:
    """Letters and digits without any meaning."""
    return "".join(rng.choice(SAFE) for _turn in range(rng.randint(1, 12)))


def integer(rng: random.Random) -> str:
    """A decimal integer, also at the ends of 64 bits."""
    kind = rng.random()
    if kind < 0.1:
        return rng.choice(("9223372036854775807", "-9223372036854775808", "9223372036854775806", "0", "-1"))
    return str(rng.randint(-(10 ** rng.randint(1, 18)), 10 ** rng.randint(1, 18)))


def number(rng: random.Random) -> str:
    """A float in one of its spellings."""
    value = rng.uniform(-1, 1) * 10.0 ** rng.randint(-30, 30)
    kind = rng.random()
    if kind < 0.4:
        return repr(round(value, rng.randint(0, 6)))
    if kind < 0.7:
        return f"{value:.{rng.randint(1, 17)}e}"
    return repr(value)


def moment(rng: random.Random) -> str:
    """A time as YAML has it."""
    day = f"{rng.randint(1, 9999):04d}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
    if rng.random() < 0.3:
        return day
    clock = f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}:{rng.randint(0, 59):02d}"
    fraction = rng.choice(("", "", ".5", ".120", ".123456789"))
    return f"{day}T{clock}{fraction}{rng.choice(('Z', 'Z', '+01:00', '-05:30', '+00:00'))}"
