# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that are measured; the same bytes in every run."""

from __future__ import annotations

import random

_WORDS = ("alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet")


def _text(rng: random.Random) -> str:
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", k=rng.randint(8, 28)))


def _scalar(rng: random.Random) -> str:
    kind = rng.random()
    if kind < 0.75:
        return _text(rng)
    if kind < 0.85:
        return str(rng.randint(0, 10**6))
    if kind < 0.9:
        return rng.choice(("true", "false"))
    if kind < 0.95:
        return f"{rng.random():.4f}"
    return f'"{_text(rng)} {_text(rng)}"'


def plain_yaml(keys: int) -> bytes:
    """Mappings of twenty values each, two levels deep: strings mostly, some numbers and flags."""
    rng = random.Random(keys)  # noqa: S311  (test data)
    lines = []
    for number in range(keys):
        if number % 200 == 0:
            lines.append(f"group{number // 200}:")
        if number % 20 == 0:
            lines.append(f"  part{number // 20}:")
        lines.append(f"    key{number}: {_scalar(rng)}")
    return ("\n".join(lines) + "\n").encode()


def varied_yaml(keys: int) -> bytes:
    """What people write: comments above and behind values, literal blocks, flow collections, lists, blank lines."""
    rng = random.Random(keys + 1)  # noqa: S311  (test data)
    lines = ["# one file with everything"]
    written = 0
    while written < keys:
        lines += ["", f"# section {written}", f"section{written}:"]
        for name in _WORDS:
            kind = rng.random()
            if kind < 0.5:
                remark = "  # rotated in May" if rng.random() < 0.3 else ""
                lines.append(f"  {name}: {_scalar(rng)}{remark}")
                written += 1
            elif kind < 0.65:
                lines += [f"  {name}: |", *(f"    {_text(rng)}" for _line in range(3))]
                written += 1
            elif kind < 0.8:
                lines.append(f"  {name}: {{user: {_text(rng)}, ports: [80, 443], on: true}}")
                written += 4
            else:
                lines += [f"  {name}:", "    # in order of preference", *(f"    - {_text(rng)}" for _item in range(3))]
                written += 3
    return ("\n".join(lines) + "\n").encode()


def small_yaml(number: int) -> bytes:
    """A Kubernetes Secret with three values."""
    rng = random.Random(number)  # noqa: S311  (test data)
    return (
        f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: app{number}\n  namespace: apps\nstringData:\n"
        f"  username: admin\n  password: {_text(rng)}\n  url: postgres://db{number}.example.com/app\n"
    ).encode()
