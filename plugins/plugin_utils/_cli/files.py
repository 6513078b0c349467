# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options and file handling that the verbs on one file share.

Private to the collection.
"""

from __future__ import annotations

import argparse
import os
import typing as t

from ...module_utils._errors import FileAccessError, FluxseedError
from ...module_utils._files import read_file, replace_file
from ...module_utils._sops.stores.base import Store
from ...module_utils._sops.stores.registry import store_for
from .streams import Streams

if t.TYPE_CHECKING:
    from ...module_utils._sops.config import Indents

TYPES = ("yaml", "json", "dotenv", "ini", "binary")
STANDARD_INPUT = "-"


class ConflictingOptionsError(FluxseedError):
    """Options that exclude each other."""

    exit_code = 8


class NoFileError(FluxseedError):
    """No file was named, or there is none of that name."""

    exit_code = 100


class OutputError(FileAccessError):
    """The result cannot be written."""

    exit_code = 3


def add_file_options(parser: argparse.ArgumentParser) -> None:
    """Add what `encrypt` and `decrypt` have in common."""
    parser.add_argument("file", metavar="FILE", nargs="?", help="the file; '-' or nothing reads standard input")
    parser.add_argument("-i", "--in-place", action="store_true", help="write the result back to FILE")
    parser.add_argument("--output", metavar="PATH", help="write the result to this file instead of standard output")
    parser.add_argument(
        "--input-type", metavar="TYPE", help=f"format of the input, instead of by its name: {', '.join(TYPES)}"
    )
    parser.add_argument("--output-type", metavar="TYPE", help="format of the result, instead of that of the input")
    parser.add_argument(
        "--filename-override",
        metavar="NAME",
        help="take this name for format and rule, for example with standard input",
    )


def known_type(word: str | None) -> str | None:
    """The format named; an unknown word counts as none, as in sops."""
    return word if word in TYPES else None


def read_existing(file: str) -> bytes:
    """The content of a file that has to be there."""
    if not os.path.exists(file):  # noqa: PTH110 - start-up time
        raise NoFileError(f'cannot operate on non-existent file "{file}"')
    return read_file(file)


def write_result(file: str, content: bytes, *, mode: int | None = None) -> None:
    """Give a file this content; what goes wrong has an exit code of its own."""
    try:
        replace_file(file, content, mode=mode)
    except FileAccessError as exc:
        raise OutputError(exc.message, where=exc.where, hint=exc.hint) from exc


class FileJob:
    """One verb on one file: where it comes from, what it is called, where the result goes."""

    def __init__(self, options: argparse.Namespace, streams: Streams) -> None:
        self._options = options
        self._streams = streams
        file: str | None = options.file
        if file is None and not streams.has_input:
            raise NoFileError("no file specified", hint="name a file, or pipe it in with --filename-override")
        self.is_standard_input = file is None or file == STANDARD_INPUT
        self._file = "" if file is None else file
        if options.in_place and options.output:
            raise ConflictingOptionsError("cannot operate on both --output and --in-place")
        if options.in_place and self.is_standard_input:
            raise ConflictingOptionsError("standard input cannot be changed in place")
        if self.is_standard_input and not (options.filename_override or options.input_type):
            raise NoFileError(
                "standard input has no name to tell its format by",
                hint="add --filename-override with the name that the file would have",
            )

    @property
    def shown(self) -> str:
        """The name in messages."""
        return "standard input" if self.is_standard_input else self._file

    @property
    def name(self) -> str:
        """The name that decides about format and rule."""
        return self._options.filename_override or self._file or STANDARD_INPUT

    @property
    def input_type(self) -> str | None:
        """The format asked for; an unknown word counts as none, as in sops."""
        return known_type(self._options.input_type)

    def changes_format(self, store: Store) -> bool:
        """Whether the result is of another format than the input."""
        return self._options.output_type in TYPES and self._options.output_type != store.name

    def output_store(self, store: Store, indents: Indents | None) -> Store | None:
        """The store of another format than that of the input, None if the format stays."""
        return store_for(self.name, self._options.output_type, indents) if self.changes_format(store) else None

    def read(self) -> bytes:
        """Return the input."""
        if self.is_standard_input:
            return self._streams.read()
        return read_existing(self._file)

    def write(self, content: bytes, *, mode: int | None) -> None:
        """Write the result; `mode` is for a new file."""
        target = self._file if self._options.in_place else self._options.output
        if not target:
            self._streams.write(content)
            return
        exists = os.path.exists(target)  # noqa: PTH110 - as above
        write_result(target, content, mode=None if exists else mode)
