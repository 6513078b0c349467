# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of Flux as a table for a person.

Private to the collection. Pure.
"""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from .info import Status

HEADINGS = ("KUSTOMIZATION", "STATE", "AGE", "REVISION", "DECRYPTION", "MESSAGE")
_NARROWEST = 20


def lines(status: Status, width: int = 0) -> list[str]:
    """Return the lines of the report; messages are cut at `width`, 0 keeps them whole."""
    told = [f"Flux {status.version or 'of unknown version'} in {', '.join(status.namespaces) or 'no namespace'}"]
    told.append("It manages itself from Git" if status.self_managed else "It does not manage itself from Git")
    told += [f"Kept by another installer: {by}" for by in status.installers]
    if status.controller_key:
        told.append(f"The controller decrypts with {status.controller_key} where a Kustomization names no Secret")
    told.append("")
    told += table([HEADINGS, *map(_kustomization, status.kustomizations)], width)
    others = (
        ("SOURCE", status.sources),
        ("HELMRELEASE", status.helm_releases),
        ("COMPONENT", status.components),
    )
    for heading, entries in others:
        if entries:
            rows = [_other(entry, named=heading == "SOURCE") for entry in entries]
            told += ["", *table([(heading, "STATE", "AGE", "REVISION", "MESSAGE"), *rows], width)]
    told += [f"{_name(entry)}: {entry['hint']}" for entry in status.failed if entry["hint"]]
    return told


def table(rows: Sequence[Sequence[str]], width: int = 0) -> list[str]:
    """Return rows as lines with straight columns; the last column takes what is left of the width."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]) - 1)]
    room = max(width - sum(widths) - 2 * len(widths), _NARROWEST) if width else 0
    told = []
    for row in rows:
        last = row[-1] if not room or len(row[-1]) <= room else row[-1][: room - 1] + "…"
        cells = [cell.ljust(size) for cell, size in zip(row, widths, strict=False)]
        told.append("  ".join([*cells, last]).rstrip())
    return told


def age(seconds: int | None) -> str:
    """Return a time in the largest unit that is full, as kubectl does."""
    if seconds is None:
        return "-"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


def short(revision: str) -> str:
    """Return a revision with its hash cut, as git shows it."""
    head, separator, digest = revision.rpartition(":")
    return f"{head}{separator}{digest[:8]}" if separator and len(digest) >= 40 else revision


def _kustomization(entry: Mapping[str, t.Any]) -> tuple[str, ...]:
    indent = "  " * entry["depth"]
    return (
        f"{indent}{entry['namespace']}/{entry['name']}",
        entry["state"],
        age(entry["age"]),
        short(entry["revision"]) or "-",
        _decryption(entry["decryption"]),
        entry["message"] if entry["state"] != "ready" else "",
    )


def _decryption(found: Mapping[str, t.Any] | None) -> str:
    if found is None:
        return "-"
    if not found["secret"]:
        return found["service_account"] or "controller"
    return f"{found['secret']} (missing)" if found["secret_exists"] is False else str(found["secret"])


def _other(entry: Mapping[str, t.Any], *, named: bool) -> tuple[str, ...]:
    name = f"{entry['namespace']}/{entry['name']}"
    return (
        f"{entry['kind']} {name}" if named else name,
        entry["state"],
        age(entry["age"]),
        short(entry.get("revision") or entry.get("version") or "") or "-",
        entry["message"] if entry["state"] != "ready" else "",
    )


def _name(entry: Mapping[str, t.Any]) -> str:
    return f"{entry['kind']} {entry['namespace']}/{entry['name']}"
