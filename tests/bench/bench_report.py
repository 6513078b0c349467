# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The figures as a line, as a table and as a plot."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from measure import Figures, Result

_MARK = {True: "yes", False: "**no**"}
OURS, THEIRS, WANTED = "#2a6f97", "#c9ada7", "#9a031e"


def line(result: Result) -> str:
    """One row for the terminal."""
    mark = "ok " if result.holds else "NOT"
    return f"{mark} {_reached(result):>9} (wanted {_wanted(result)})  {result.case}; {_times(result)}"


def write(results: Sequence[Result], folder: Path, *, runs: int, machine: str) -> None:
    """Write benchmarks.md and benchmarks.svg."""
    (folder / "benchmarks.md").write_text(_page(results, runs=runs, machine=machine), encoding="utf-8")
    _plot([result for result in results if result.kind == "faster"], folder / "benchmarks.svg")


def _page(results: Sequence[Result], *, runs: int, machine: str) -> str:
    rows = [
        f"| {result.case} | {result.opponent} | {_seconds(result.ours)} | {_seconds(result.theirs)} | "
        f"{_memory(result)} | {_reached(result)} | {_wanted(result)} | {_MARK[result.holds]} |"
        for result in results
    ]
    commands = [command for result in results for command in result.commands]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            f"Written by `make bench`: {runs} runs of each, ours and the opponent in turn, medians with the fastest and the",
            f"slowest run; the ratio is the median of the ratios run by run. {machine}; sops is built from its sources at the",
            "version that `lab/oracles` pins. What needs a cluster has the embedded lab, with the versions that `lab` pins, on the same",
            "machine, and runs a third as often; an opponent that takes half a minute runs once. Times are those of one machine on one",
            "day, ratios travel better.",
            "",
            "![how many times faster than the opponent](benchmarks.svg)",
            "",
            "| case | opponent | ours | opponent's time | peak memory, ours / theirs | reached | wanted | holds |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            "The commands, with the key in the environment:",
            "",
            "```",
            *commands,
            "```",
            "",
        ]
    )


def _seconds(figures: Figures | None) -> str:
    if figures is None:
        return "-"
    low, high = figures.spread
    unit, factor = ("ms", 1e3) if figures.median < 1 else ("s", 1.0)
    return f"{figures.median * factor:.3g} {unit} ({low * factor:.3g} to {high * factor:.3g})"


def _times(result: Result) -> str:
    if result.theirs is None:
        return _seconds(result.ours)
    memory = f"; memory {_memory(result)}" if result.memory_counts else ""
    return f"{_seconds(result.ours)} against {_seconds(result.theirs)}{memory}"


def _memory(result: Result) -> str:
    if not result.memory_ratio or result.ours is None or result.theirs is None:
        return "-"
    return f"{result.ours.memory / 1e6:.0f} / {result.theirs.memory / 1e6:.0f} MB"


def _reached(result: Result) -> str:
    return f"{result.reached:.2f}x" if result.kind == "faster" else _figure(result.reached, result.kind)


def _wanted(result: Result) -> str:
    return (
        f"at least {result.wanted:g}x" if result.kind == "faster" else f"at most {_figure(result.wanted, result.kind)}"
    )


def _figure(value: float, kind: str) -> str:
    if kind == "limit":
        return f"{value:.3g} s" if value >= 1 else f"{value * 1e3:.3g} ms"
    return f"{value:g}" if kind == "count" else f"{value:.2f}".removesuffix("0")


def _plot(results: Sequence[Result], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "fluxseed"
    from matplotlib import pyplot as plt

    names = [f"{result.case}\nagainst {result.opponent}" for result in results]
    figure, axes = plt.subplots(figsize=(9, 0.62 * len(results) + 1.2), layout="constrained")
    places = range(len(results))
    axes.barh(places, [result.reached for result in results], color=OURS, height=0.6)
    axes.axvline(1, color=THEIRS, linewidth=6, zorder=0, label="the opponent")
    axes.plot([result.wanted for result in results], places, "|", color=WANTED, markersize=16, markeredgewidth=2.5, label="wanted")  # fmt: skip
    for place, result in zip(places, results, strict=True):
        axes.text(result.reached * 1.04, place, f"{result.reached:.1f}x", va="center")
    axes.set_xscale("log")
    axes.set_xlim(0.5, max(result.reached for result in results) * 2)
    axes.set_yticks(list(places), names)
    axes.invert_yaxis()
    axes.set_xlabel("times as fast as the opponent (logarithmic)")
    axes.legend(loc="lower right", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
