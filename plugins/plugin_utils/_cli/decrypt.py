# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`fluxseed decrypt`.

Private to the collection.
"""

from __future__ import annotations

import argparse
import os
import typing as t

from .streams import Streams, ask_passphrase

if t.TYPE_CHECKING:
    from ...module_utils._sops.config import Indents
    from ...module_utils._sops.notices import Notice

NEW_FILE_MODE = 0o600


def register(verbs: t.Any) -> None:
    """Add the verb to the command line."""
    from .files import add_file_options  # noqa: PLC0415 - start-up time

    parser = verbs.add_parser(
        "decrypt",
        help="decrypt a file",
        description="Decrypt FILE and print it. Nothing is printed before its integrity (MAC) is checked.",
        allow_abbrev=False,
    )
    add_file_options(parser)
    parser.add_argument(
        "--ignore-mac",
        action="store_true",
        help="do not check that the file is unchanged since its encryption; for rescuing what is left of a damaged file",
    )
    parser.add_argument(
        "--extract",
        metavar="PATH",
        help="""print only this part: '["stringData"]["password"]', or '["hosts"][0]' for the first of a list""",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, streams: Streams) -> None:
    """Decrypt one file."""
    from ...module_utils._sops import document  # noqa: PLC0415 - start-up time
    from ...module_utils._sops.stores.registry import store_for  # noqa: PLC0415
    from ...module_utils._surroundings import key_ring  # noqa: PLC0415
    from .files import FileJob  # noqa: PLC0415

    job = FileJob(options, streams)
    store = store_for(job.name, job.input_type)
    output_store = job.output_store(store, _indents()) if job.changes_format(store) else None
    content, ring = job.read(), key_ring(passphrase=ask_passphrase)
    if options.extract is None:
        warnings: list[Notice] = []
        plain = document.decrypt(
            content,
            ring,
            store=store,
            output_store=output_store,
            ignore_mac=options.ignore_mac,
            name=job.shown,
            warnings=warnings,
        )
        streams.warn(warnings)
    else:
        plain = document.extract(
            content,
            document.parse_path(options.extract, for_extract=True),
            ring,
            store=store,
            output_store=output_store,
            ignore_mac=options.ignore_mac,
            name=job.shown,
        )
    # Decrypted: for its owner only, unless the file is there and has a mode already.
    job.write(plain, mode=NEW_FILE_MODE)


def _indents() -> Indents | None:
    """Those of the configuration, which matters to nothing else here."""
    from .rules import config_for  # noqa: PLC0415 - start-up time

    config = config_for(os.environ.get("SOPS_CONFIG"))
    return config.indents if config else None
