# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`fluxseed set`.

Private to the collection.
"""

from __future__ import annotations

import argparse
import typing as t

from .streams import Streams, ask_passphrase


def register(verbs: t.Any) -> None:
    """Add the verb to the command line."""
    from .files import TYPES  # noqa: PLC0415 - start-up time

    parser = verbs.add_parser(
        "set",
        help="change one value of an encrypted file",
        description="Put VALUE at PATH of the encrypted FILE. Only that value, mac and lastmodified change in the text.",
        allow_abbrev=False,
    )
    parser.add_argument("file", metavar="FILE", help="an encrypted file; it is changed in place")
    parser.add_argument("path", metavar="PATH", help="""where: '["stringData"]["password"]', or '["hosts"][0]'""")
    parser.add_argument(
        "value",
        metavar="VALUE",
        nargs="?",
        help="the value as JSON, a text in double quotes; other users of this machine can see it here: use --value-stdin",
    )
    parser.add_argument("--value-stdin", action="store_true", help="read the JSON value from standard input")
    parser.add_argument("--value-file", action="store_true", help="VALUE is the name of a file with the JSON value")
    parser.add_argument(
        "--ignore-mac", action="store_true", help="do not check that the file is unchanged since its encryption"
    )
    parser.add_argument(
        "--idempotent",
        action="store_true",
        help="accepted as by sops: a value that is there already never changes the file",
    )
    parser.add_argument(
        "--input-type", metavar="TYPE", help=f"format of FILE, instead of by its name: {', '.join(TYPES)}"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, streams: Streams) -> None:
    """Change one file."""
    from ...module_utils._files import folder_lock  # noqa: PLC0415 - start-up time
    from ...module_utils._sops import document  # noqa: PLC0415
    from ...module_utils._sops.stores.registry import store_for  # noqa: PLC0415
    from ...module_utils._surroundings import key_ring  # noqa: PLC0415
    from .files import known_type, read_existing, write_result  # noqa: PLC0415

    store = store_for(options.file, known_type(options.input_type))
    path = document.parse_path(options.path)
    value = document.parse_value(_value(options, streams))
    with folder_lock(options.file):
        content = read_existing(options.file)
        change = document.set(
            content,
            path,
            value,
            key_ring(passphrase=ask_passphrase),
            store=store,
            ignore_mac=options.ignore_mac,
            name=options.file,
        )
        streams.warn(change.warnings)
        if change.needed:
            write_result(options.file, change.content)


def _value(options: argparse.Namespace, streams: Streams) -> str:
    from ...module_utils._surroundings import text_of  # noqa: PLC0415
    from .files import ConflictingOptionsError, NoFileError  # noqa: PLC0415

    if options.value_stdin:
        if options.value is not None:
            raise ConflictingOptionsError("a value is given twice: as an argument and with --value-stdin")
        return streams.read().decode("utf-8", "strict")
    if options.value is None:
        raise NoFileError("no value is given", hint="give it as JSON, or use --value-stdin or --value-file")
    return text_of(options.value) if options.value_file else options.value
