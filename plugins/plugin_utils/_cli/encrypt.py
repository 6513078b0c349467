# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`fluxseed encrypt`.

Private to the collection.
"""

from __future__ import annotations

import argparse
import os
import typing as t

from .streams import Streams

SELECTORS = (
    ("--encrypted-regex", "REGEX", "encrypt only values below a name that matches, for example '^(data|stringData)$'"),
    ("--unencrypted-regex", "REGEX", "encrypt all values but those below a name that matches"),
    ("--encrypted-suffix", "SUFFIX", "encrypt only values below a name that ends so"),
    ("--unencrypted-suffix", "SUFFIX", "encrypt all values but those below such names"),
    ("--encrypted-comment-regex", "REGEX", "encrypt only what a comment that matches stands above"),
    ("--unencrypted-comment-regex", "REGEX", "encrypt all values but what a comment that matches stands above"),
)


def register(verbs: t.Any) -> None:
    """Add the verb to the command line."""
    from .files import add_file_options  # noqa: PLC0415 - start-up time

    parser = verbs.add_parser(
        "encrypt",
        help="encrypt a file",
        description="Encrypt FILE by the creation rule that covers it and print it. Layout and comments are kept.",
        allow_abbrev=False,
    )
    add_file_options(parser)
    parser.add_argument(
        "--age",
        metavar="RECIPIENTS",
        default=os.environ.get("SOPS_AGE_RECIPIENTS"),
        help="age public keys separated by commas, in place of those of the rule [SOPS_AGE_RECIPIENTS]",
    )
    for option, metavar, help_text in SELECTORS:
        parser.add_argument(option, metavar=metavar, help=help_text)
    parser.add_argument(
        "--mac-only-encrypted",
        action="store_true",
        help="let the integrity check cover the encrypted values only, so that clear ones may be changed by hand",
    )
    parser.add_argument(
        "--config",
        metavar="PATH",
        default=os.environ.get("SOPS_CONFIG"),
        help="file with the creation rules; else .sops.yaml, here or in a folder above [SOPS_CONFIG]",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, streams: Streams) -> None:
    """Encrypt one file."""
    from ...module_utils._sops.document import encrypt  # noqa: PLC0415 - start-up time
    from ...module_utils._sops.stores.registry import store_for  # noqa: PLC0415
    from ...module_utils._surroundings import key_services  # noqa: PLC0415
    from .files import FileJob  # noqa: PLC0415
    from .rules import config_for, rule_for  # noqa: PLC0415

    job = FileJob(options, streams)
    config = config_for(options.config)
    indents = config.indents if config else None
    store = store_for(job.name, job.input_type, indents)
    rule = rule_for(job.name, options, config)
    output_store = job.output_store(store, indents)
    change = encrypt(job.read(), rule, store=store, output_store=output_store, name=job.shown, services=key_services())
    streams.warn(change.warnings)
    job.write(change.content, mode=None)
