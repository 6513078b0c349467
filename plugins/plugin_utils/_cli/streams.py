# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Standard input and output of a verb, as values, so that a test can hand in its own.

Private to the collection.
"""

from __future__ import annotations

import os
import sys
import typing as t
from collections.abc import Iterable


def ask_passphrase(what: str) -> str | None:
    """Ask on the terminal, whatever is piped in and out; None without one."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return None
    import getpass  # noqa: PLC0415 - start-up time

    try:
        return getpass.getpass(f"Passphrase of {what}: ")
    except EOFError:
        return None


class Streams:
    """Where bytes come from and go to."""

    def __init__(
        self,
        stdin: t.BinaryIO | None = None,
        stdout: t.BinaryIO | None = None,
        stderr: t.TextIO | None = None,
    ) -> None:
        self._stdin = stdin
        self._stdout = stdout
        self._stderr = stderr

    @property
    def has_input(self) -> bool:
        """Whether something is piped in."""
        stdin = self._stdin or sys.stdin
        return stdin is not None and not stdin.isatty()

    def read(self) -> bytes:
        """Return all of standard input."""
        return (self._stdin or sys.stdin.buffer).read()

    def write(self, content: bytes) -> None:
        """Write to standard output."""
        (self._stdout or sys.stdout.buffer).write(content)

    def flush(self) -> None:
        """Write out what is buffered, so that a closed pipe is noticed here."""
        (self._stdout or sys.stdout.buffer).flush()

    def complain(self, text: str) -> None:
        """Write to standard error."""
        (self._stderr or sys.stderr).write(text)

    def warn(self, notices: Iterable[object]) -> None:
        """Write each notice to standard error, on a line of its own."""
        for notice in notices:
            self.complain(f"Warning: {notice}\n")
