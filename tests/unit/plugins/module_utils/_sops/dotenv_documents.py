# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random dotenv files."""

from __future__ import annotations

import random

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import random_texts

KEYS = (
    "A",
    "B",
    "PASSWORD",
    "user_unencrypted",
    "DATA",
    "stringData",
    "export KEY",
    " lead",
    "trail ",
    "a.b",
    "x-y",
    "ünï",
    "",
    "e_1",
    "sops",
    "#x"[1:],
)
COMMENTS = (" a comment", "no space", "", " sops:enc", " sops:clear", "#double", " A=1", " ünï", "\\n", " tab\t")


def value(rng: random.Random) -> str:
    """A value of one line; backslash and n stand for a line break."""
    kind = rng.random()
    if kind < 0.1:
        return "".join(
            rng.choice(("\\n", "a", "\\", "n", " ", "'", '"', "$X", "#", "=")) for _turn in range(rng.randint(1, 8))
        )
    if kind < 0.2:
        return rng.choice(('"', "'")) + random_texts.word(rng) + rng.choice(('"', "'"))
    return random_texts.text(rng).replace("\n", "\\n")


def line(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.15:
        return "#" + rng.choice(COMMENTS)
    if kind < 0.25:
        return ""
    if kind < 0.257:
        return rng.choice(("no delimiter", "  ", " # x", "\t"))
    key = rng.choice(KEYS) if rng.random() < 0.8 else random_texts.word(rng)
    if rng.random() < 0.5:
        key += str(rng.randint(0, 99))
    return f"{key}={value(rng)}"


def content(rng: random.Random) -> bytes:
    """A file, mostly with ordinary line ends."""
    eol = rng.choice(("\n",) * 9 + ("\r\n",))
    text = "".join(line(rng) + eol for _turn in range(rng.randint(0, 10)))
    if rng.random() < 0.15:
        text = text.rstrip("\r\n")
    made = text.encode("utf-8", "surrogatepass")
    if rng.random() < 0.02:
        made = b"\xef\xbb\xbf" + made
    return made
