# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reasons for which one of both refuses a document that the other takes: patterns, each with a word for the counts."""

from __future__ import annotations

import re
from collections.abc import Sequence

Reasons = Sequence[tuple[str, str]]

OURS: Reasons = (
    (r"^MalformedFileError: a key occurs twice", "a key twice"),
    (r"^MalformedFileError: a tag touches a comma", "a tag that touches a comma, which is a part of it for sops"),
    (
        r"^EncryptionError: a comment decides what is encrypted, but",
        "a comment that sops takes for one of another item decides",
    ),
    (r"^MalformedFileError: there is text after the closing brace", "text behind the object"),
    (r"^MalformedFileError: the file is not JSON: it ends before", "half a file"),
    (r"^MalformedFileError: something stands behind the closing quotes", "text behind a quoted value"),
    (r"^EncryptionError: an integer beyond 64 bits would lose digits", "an integer beyond 64 bits"),
    (r"^EncryptionError: the value is not what its tag", "a tag that does not fit, null for sops in later documents"),
    (r"^EncryptionError: the encrypted form of a comment matches", "a selector that fits encrypted comments"),
    (r"^EmissionError: the name of a key cannot be written in an INI file", "a key that no quotes of INI keep"),
)
"""Error of ours: it is refused here on purpose."""

THEIRS: Reasons = ((r"^panic: ", "sops crashes"),)
"""Error of sops: it is taken here on purpose."""


def known(reasons: Reasons, said: str) -> str | None:
    """The word for an error; None if it is not among the reasons."""
    return next((word for pattern, word in reasons if re.search(pattern, said)), None)
