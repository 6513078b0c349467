# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The `gpg` program, started once per question: its surroundings, its answer, and what its status lines mean.

Private to the collection. What is secret goes through pipes; arguments hold fingerprints and names of files only.
Status lines are those of GnuPG's DETAILS document; they are the same in every language.
"""

from __future__ import annotations

import os
import subprocess
import threading
import typing as t
from collections.abc import Mapping, Sequence

from ..._errors import DataKeyError, MissingLibraryError

TIMEOUT = 60
"""Seconds; a person may have to type a passphrase into a window."""
AT_ONCE = 4
"""Processes at the same time: they share one agent, whose locked memory is small."""
_STATUS = "[GNUPG:] "
# An agent outlives the run, and hands the environment that it was started with to what it starts. Any other variable may
# hold a secret, so a list of those that do not is the only one that stays complete.
_PASSED_ON = frozenset(
    (
        *("PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "GNUPGHOME", "QUBES_GPG_DOMAIN"),
        *("LANG", "LANGUAGE", "LOCPATH", "LOCALE_ARCHIVE", "TZ", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
        # Where pinentry is to ask.
        *("GPG_TTY", "TERM", "COLUMNS", "LINES", "INSIDE_EMACS", "TMUX", "PINENTRY_USER_DATA", "PINENTRY_GEOM_HINT"),
        *("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY", "SSH_AUTH_SOCK"),
        *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "XMODIFIERS", "DBUS_SESSION_BUS_ADDRESS", "DESKTOP_SESSION"),
        *("XDG_RUNTIME_DIR", "XDG_SESSION_TYPE", "XDG_CURRENT_DESKTOP", "XDG_DATA_DIRS", "XDG_CONFIG_HOME"),
        *("GTK_IM_MODULE", "GTK_THEME", "QT_IM_MODULE", "QT_QPA_PLATFORM", "QT_QPA_PLATFORMTHEME", "QT_PLUGIN_PATH"),
    )
)
_SYSTEM_ERROR = 0x8000
# Codes of libgpg-error.
_TIMEOUT, _NO_PINENTRY = 62, 85
_CANCELLED = "the question for the passphrase of the private key was cancelled"
_REFUSALS = {
    11: "the passphrase of the private key is wrong",
    77: "gpg-agent, which holds the private keys, cannot be started",
    99: _CANCELLED,
    198: _CANCELLED,
}
_DAMAGES = {
    "DECRYPTION_FAILED": "gpg cannot decrypt the wrapped data key: it is damaged, or a newer GnuPG has made it",
    "NODATA": "the wrapped data key is damaged: it is no OpenPGP message",
}
_slots = threading.BoundedSemaphore(AT_ONCE)


class Answer(t.NamedTuple):
    """What one run of `gpg` has said."""

    code: int
    output: bytes
    statuses: Sequence[Sequence[str]]
    """Status lines as words."""
    last_word: str
    """The last line for people, without the name of the program."""

    def status(self, name: str) -> Sequence[str] | None:
        """The words after a status, of its last line; None without one."""
        return next((words[1:] for words in reversed(self.statuses) if words[0] == name), None)

    def each(self, name: str) -> list[str]:
        """The first word after a status, of each of its lines."""
        return [words[1] for words in self.statuses if words[0] == name and len(words) > 1]

    def failure(self, operation: str) -> int:
        """The code (libgpg-error) with which an operation has failed, 0 if it has not."""
        for words in self.statuses:
            if words[0] in ("ERROR", "FAILURE") and words[1:2] == [operation] and words[2:3] and words[2].isdigit():
                return int(words[2]) & 0xFFFF
        return 0


class Gpg:
    """The program with one GnuPG home."""

    def __init__(self, environment: Mapping[str, str], *, home: str | None = None) -> None:
        """`home` is where keys are; without it GNUPGHOME of the environment, or what `gpg` takes by itself."""
        self.program = environment.get("SOPS_GPG_EXEC") or "gpg"
        self.environment = {
            name: value for name, value in environment.items() if name in _PASSED_ON or name.startswith("LC_")
        }
        if home is not None:
            self.environment["GNUPGHOME"] = home

    def ask(
        self, words: Sequence[str], data: bytes = b"", *, passphrase: str | None = None, timeout: float = TIMEOUT
    ) -> Answer:
        """Run it without a terminal. Raises `MissingLibraryError` or `DataKeyError` if there is no answer."""
        command = [self.program, "--batch", "--no-tty", "--status-fd", "2"]
        if passphrase is None:
            return self._run([*command, *words], data, (), timeout)
        reading, writing = os.pipe()
        try:
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(passphrase.encode() + b"\n")
            command += ["--pinentry-mode", "loopback", "--passphrase-fd", str(reading)]
            return self._run([*command, *words], data, (reading,), timeout)
        finally:
            os.close(reading)

    def _run(self, command: Sequence[str], data: bytes, inherited: Sequence[int], timeout: float) -> Answer:
        try:
            with _slots:
                done = subprocess.run(
                    command,
                    input=data,
                    env=self.environment,
                    capture_output=True,
                    pass_fds=inherited,
                    timeout=timeout,
                    check=False,
                )
        except (FileNotFoundError, PermissionError):
            raise MissingLibraryError(
                f"the program {self.program}", hint="install GnuPG where this runs, or name it in SOPS_GPG_EXEC"
            ) from None
        except OSError as exc:
            raise _no_answer(f"{self.program} cannot be started: {(exc.strerror or '').lower()}") from None
        except subprocess.TimeoutExpired:
            # What it has said so far is in the cause.
            raise _no_answer(
                f"gpg gave no answer within {timeout:.0f} seconds; is its agent waiting for a passphrase or a card?"
            ) from None
        lines = done.stderr.decode("utf-8", "replace").splitlines()
        statuses = [words for line in lines if line.startswith(_STATUS) and (words := line[len(_STATUS) :].split())]
        spoken = [line for line in lines if not line.startswith(_STATUS)]
        return Answer(done.returncode, done.stdout, statuses, spoken[-1].partition(": ")[2] if spoken else "")


def _no_answer(message: str) -> DataKeyError:
    error = DataKeyError(message)
    error.is_undecided = True
    return error


def cannot_ask(code: int) -> bool:
    """Whether a passphrase was due, and the agent could not ask for it."""
    return code in (_NO_PINENTRY, _TIMEOUT) or bool(code & _SYSTEM_ERROR)


def why_not_opened(answer: Answer) -> str:
    """Why a message was not decrypted, and what to do."""
    code = answer.failure("pkdecrypt_failed")
    missing = answer.status("NO_SECKEY")
    if code in _REFUSALS:
        return _REFUSALS[code]
    if cannot_ask(code):
        return (
            "the private key is protected by a passphrase, and gpg-agent cannot ask for it here: on a terminal set "
            "GPG_TTY=$(tty), else unlock the key beforehand, or give one without passphrase"
        )
    if missing:
        return f"gpg has no private key for it (key ID {missing[0]}): import it, or set GNUPGHOME"
    for name, meaning in _DAMAGES.items():
        if answer.status(name) is not None:
            return meaning
    return f"gpg cannot decrypt the wrapped data key, exit code {answer.code}: {answer.last_word}"
