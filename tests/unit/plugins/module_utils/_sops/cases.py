# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
r"""Reader of `.case` files: hard files as data, escaped so that the tree itself stays plain ASCII.

A case has a header (`name: value` lines), a line `---` and a body. In the body `\r`, `\t`, `\xHH`, `\uHHHH` and
`\UHHHHHHHH` stand for characters, `\\` for a backslash, and a backslash at the end of a line joins it with the next.
"""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "data" / "sops"
_ESCAPE = re.compile(r"\\(\n|r|t|\\|x[0-9A-F]{2}|u[0-9A-F]{4}|U[0-9A-F]{8})")


class Case(t.NamedTuple):
    name: str
    header: dict[str, str]
    body: bytes


def read(path: Path) -> Case:
    head, _separator, body = path.read_text("ascii").partition("\n---\n")
    header = dict(line.split(": ", 1) for line in head.splitlines())
    return Case(path.stem, header, _ESCAPE.sub(_character, body).encode("utf-8", "surrogateescape"))


def read_all() -> list[Case]:
    return [read(path) for path in sorted(FOLDER.glob("*.case"))]


def selector(case: Case) -> dict[str, str]:
    """The selector of a case, by its name: `selector: encrypted_suffix _enc`, or `regex: …` for the most frequent one."""
    if "regex" in case.header:
        return {"encrypted_regex": case.header["regex"]}
    kind, _blank, pattern = case.header.get("selector", "").partition(" ")
    return {kind: pattern} if kind else {}


def _character(match: re.Match[str]) -> str:
    name = match[1]
    if name[0] in "xuU" and len(name) > 1:
        return chr(int(name[1:], 16))
    return {"\n": "", "r": "\r", "t": "\t", "\\": "\\"}[name]
