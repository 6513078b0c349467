# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs of many random documents: seeds, failures, and the smallest document that still fails."""

from __future__ import annotations

import random
import re
import typing as t
from collections.abc import Callable, Iterable

from properties import Checker, Mismatch

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import random_documents
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.random_documents import Document

_TRIES = 600
_PLAIN = re.compile(r"[!-\[\]-~]|[ \n]")


class Failure(t.NamedTuple):
    """A document for which a property does not hold."""

    seed: str
    rule: str
    message: str
    document: Document

    def __str__(self) -> str:
        return f"seed {self.seed}: {self.message}\n{case_text(self)}"


def drawn(store: str, seed: str) -> tuple[Document, random.Random]:
    """The document of a seed, and the randomness that is left for the checks."""
    rng = random.Random(f"{store}:{seed}")  # noqa: S311  (test data)
    return random_documents.document(store, rng), rng


def run(checker: Checker, store: str, seeds: Iterable[str]) -> list[Failure]:
    """Check the documents of some seeds; the first failure of each kind comes back, made small."""
    failures: dict[str, Failure] = {}
    for seed in seeds:
        document, rng = drawn(store, seed)
        try:
            checker.check(document, rng)
        except Mismatch as exc:
            checker.count(f"MISMATCH {exc.rule}")
            if exc.rule not in failures:
                failures[exc.rule] = reduced(checker, seed, document, exc)
    return list(failures.values())


def reduced(checker: Checker, seed: str, document: Document, found: Mismatch) -> Failure:
    """The failure with as little text as possible; the message is that of the smaller document."""
    quiet = Checker(checker.library)
    last = found

    def fails(content: bytes) -> bool:
        nonlocal last
        try:
            # A check draws what to edit and to damage; other draws may be needed for a smaller document.
            for turn in range(3):
                quiet.check(document._replace(content=content), random.Random(turn))  # noqa: S311  (test data)
        except Mismatch as exc:
            if exc.rule == found.rule:
                last = exc
                return True
        return False

    content = document.content
    if fails(content):
        content = smaller(content, fails)
    return Failure(seed, found.rule, str(last), document._replace(content=content))


def smaller(content: bytes, fails: Callable[[bytes], bool]) -> bytes:
    """Drop lines, then characters, as long as the result still fails."""
    tries = _TRIES
    for split in (
        lambda data: data.splitlines(keepends=True),
        lambda data: [data[i : i + 1] for i in range(len(data))],
    ):
        parts = split(content)
        size = max(1, len(parts) // 2)
        while parts and size and tries > 0:
            start = 0
            while start < len(parts) and tries > 0:
                tries -= 1
                rest = parts[:start] + parts[start + size :]
                if rest and fails(b"".join(rest)):
                    parts = rest
                else:
                    start += size
            size //= 2
        content = b"".join(parts)
    return content


def case_text(failure: Failure) -> str:
    """The document as a `.case` file (see cases.py in the unit tests)."""
    kind, pattern = failure.document.selector
    head = [f"what: {failure.rule}", f"store: {failure.document.store}", "expect: same", f"seed: {failure.seed}"]
    head.append(f"selector: {kind}: {pattern}")
    if failure.document.mac_only_encrypted:
        head.append("mac_only_encrypted: true")
    return "\n".join(head) + "\n---\n" + escaped(failure.document.content)


def escaped(content: bytes) -> str:
    """The body of a case: ASCII, without blanks at the end of lines."""
    text = "".join(char if _PLAIN.match(char) else _escape(char) for char in content.decode("utf-8", "surrogateescape"))
    text = re.sub(r" (?=\n|\Z)", r"\\x20", text)
    return text if text.endswith("\n") else text + "\\\n"


def _escape(char: str) -> str:
    known = {"\r": "\\r", "\t": "\\t", "\\": "\\\\"}
    code = ord(char)
    wide = f"\\u{code:04X}" if code < 0x10000 else f"\\U{code:08X}"
    return known.get(char) or (f"\\x{code:02X}" if code < 0x100 else wide)
