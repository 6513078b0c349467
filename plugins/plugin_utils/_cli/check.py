# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`fluxseed check`.

Private to the collection.
"""

from __future__ import annotations

import argparse
import os
import sys
import typing as t
from collections.abc import Iterator, Sequence

from ...module_utils._errors import PreflightError
from .streams import Streams, ask_passphrase

if t.TYPE_CHECKING:
    from ...module_utils._flux.offline import Checked
    from ...module_utils._flux.preflight.base import Check

DESCRIPTION = """\
Would Flux be able to apply this folder, and decrypt what is encrypted in it? Nothing is written, no cluster is needed,
and no value is shown.

The files are those that git tracks or would take with `git add`. Every Kustomization below the root is walked as Flux
does it, every encrypted file that one of them covers is decrypted in memory, MAC included, and its recipients are
compared with .sops.yaml. Without a private key all other checks are done, and sops_files is unknown."""

EPILOG = """\
exit codes:
  0  nothing failed; there may be warnings, and checks that could not tell
  1  the folder, or a file of Flux in it, cannot be read
  2  a check failed; with --strict also if there is a warning or a check that could not tell

examples:
  fluxseed check --flux clusters/home           one cluster
  fluxseed check --flux .                       all clusters of the repository
  fluxseed check --flux . --output json         for programs: {"clusters": […]}, each with its checks"""

WIDEST_NAME = 18
COLOURS = {"ok": "32", "warn": "33", "fail": "31", "unknown": "36"}


class ChecksFailedError(PreflightError):
    """A check failed."""

    exit_code = 2


def register(verbs: t.Any) -> None:
    """Add the verb to the command line."""
    from .main import _RawFormatter  # noqa: PLC0415 - only for --help

    parser = verbs.add_parser(
        "check",
        help="check a repository for Flux, without a cluster",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=_RawFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--flux",
        metavar="PATH",
        required=True,
        help="the folder of a cluster, in which flux-system/gotk-sync.yaml is, or one that has several such folders",
    )
    parser.add_argument("--output", choices=["table", "json"], default="table", help="the form of the result")
    parser.add_argument("--strict", action="store_true", help="let warnings and unknown results fail too")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, streams: Streams) -> None:
    """Check one folder.

    Raises:
        ChecksFailedError: after the result was printed.
    """
    from ...module_utils._flux.offline import check_work_tree  # noqa: PLC0415 - start-up time
    from ...module_utils._surroundings import key_ring  # noqa: PLC0415

    found = check_work_tree(options.flux, key_ring(passphrase=ask_passphrase), os.environ)
    text = _json(found) if options.output == "json" else "".join(f"{line}\n" for line in _table(found, _terminal()))
    streams.write(text.encode("utf-8", "surrogateescape"))
    streams.flush()
    wrong = {"fail", "warn", "unknown"} if options.strict else {"fail"}
    checks = [check for cluster in found for check in cluster.checks]
    failed = [check for check in checks if check.result in wrong]
    if failed:
        names = ", ".join(dict.fromkeys(check.name for check in failed))
        raise ChecksFailedError(f"{len(failed)} of {len(checks)} checks failed: {names}")


def _json(found: Sequence[Checked]) -> str:
    import json  # noqa: PLC0415 - start-up time

    clusters = [{**cluster._asdict(), "checks": [check._asdict() for check in cluster.checks]} for cluster in found]
    return json.dumps({"clusters": clusters}, indent=2) + "\n"


class _Terminal(t.NamedTuple):
    width: int = 0
    """0: lines are as long as they are."""
    has_colours: bool = False


def _terminal() -> _Terminal:
    if not sys.stdout.isatty():
        return _Terminal()
    return _Terminal(os.get_terminal_size().columns, "NO_COLOR" not in os.environ)


def _table(found: Sequence[Checked], terminal: _Terminal) -> Iterator[str]:
    for number, cluster in enumerate(found):
        if number:
            yield ""
        files = sum(entry["encrypted"] for entry in cluster.kustomizations)
        version = f", Flux {cluster.flux_version}" if cluster.flux_version else ""
        yield f"./{cluster.path}: {len(cluster.kustomizations)} Kustomizations, {files} encrypted files{version}"
        for check in cluster.checks:
            yield from _rows(check, terminal)


def _rows(check: Check, terminal: _Terminal) -> Iterator[str]:
    result = f"{check.result:<7}"
    if terminal.has_colours:
        result = f"\033[{COLOURS[check.result]}m{result}\033[0m"
    indent = " " * (9 + WIDEST_NAME)
    lines = _wrapped(check.evidence, terminal.width - len(indent))
    yield f"{result}  {check.name:<{WIDEST_NAME}}{lines[0]}"
    yield from (indent + line for line in lines[1:])
    if check.fix and check.result != "ok":
        yield from (indent + line for line in _wrapped(f"-> {check.fix}", terminal.width - len(indent)))


def _wrapped(text: str, width: int) -> list[str]:
    if width < 30:
        return text.splitlines() or [""]
    import textwrap  # noqa: PLC0415 - start-up time

    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
