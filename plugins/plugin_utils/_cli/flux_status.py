# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`fluxseed flux-status`.

Private to the collection.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import typing as t

from .streams import Streams


def register(verbs: t.Any) -> None:
    """Add the verb to the command line."""
    parser = verbs.add_parser(
        "flux-status",
        help="show what Flux in a cluster has applied, and what keeps it",
        description="Show all Kustomizations of a cluster as a tree, with revision, age, decryption and, where they are "
        "not ready, the message of Flux; sources, HelmReleases and controllers too. The exit code is 1 if something "
        "has failed.",
        allow_abbrev=False,
    )
    parser.add_argument(
        "--kubeconfig", metavar="FILE", help="default: K8S_AUTH_KUBECONFIG, KUBECONFIG, then ~/.kube/config"
    )
    parser.add_argument("--context", metavar="NAME", help="default: the current context of the kubeconfig")
    parser.add_argument("--output", choices=("table", "json"), default="table", help="default: table")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, streams: Streams) -> None:
    """Print the state of Flux.

    Raises:
        NotReadyError: something has failed; all is printed before.
    """
    from ...module_utils._errors import NotReadyError  # noqa: PLC0415 - start-up time
    from ...module_utils._flux.info import status  # noqa: PLC0415
    from ...module_utils._flux.info_table import lines  # noqa: PLC0415
    from ...module_utils._kubernetes.api import Api  # noqa: PLC0415
    from ...module_utils._kubernetes.connection import Connection  # noqa: PLC0415
    from ...module_utils._kubernetes.login import Login  # noqa: PLC0415

    given = {"kubeconfig": options.kubeconfig, "context": options.context}
    connection = Connection.open(Login.of(given, os.environ), os.environ)
    try:
        found = status(Api(connection))
    finally:
        connection.close()
    told = [json.dumps(found.as_result(), indent=2)] if options.output == "json" else lines(found, _width())
    streams.write("".join(f"{line}\n" for line in told).encode())
    # What follows is told on standard error; the two would come in any order otherwise.
    streams.flush()
    if found.failed:
        names = ", ".join(f"{entry['kind']} {entry['namespace']}/{entry['name']}" for entry in found.failed)
        raise NotReadyError(f"failed: {names}")


def _width() -> int:
    """Return the width of the terminal, 0 where there is none: what is piped is not cut."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
