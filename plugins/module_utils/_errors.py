# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The error tree of the collection: what can go wrong, as types that a caller can react to.

Private to the collection. A message says what was found, where, what was expected and what to do
next. It never holds a value of a secret.
"""

from __future__ import annotations

import os


class FluxseedError(Exception):
    """Root of all errors raised on purpose.

    `where` names the file (with line), object or parameter; `hint` the next step. Both are kept
    apart from the message so that each surface can lay them out in its own way. `exit_code` is that of
    the class; an instance has its own where the same finding ends two commands of sops in two ways.
    """

    exit_code = 1

    def __init__(
        self, message: str, *, where: str | None = None, hint: str | None = None, exit_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint
        if exit_code is not None:
            self.exit_code = exit_code

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}" if self.where else self.message
        return f"{text} ({self.hint})" if self.hint else text


def unexpected(exc: BaseException) -> str:
    """Say what happened and where, and nothing of what a foreign exception says itself: it may quote a secret."""
    place = ""
    trace = exc.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        file = os.path.basename(code.co_filename)  # noqa: PTH119 - start-up time
        place = f" at {file}:{trace.tb_lineno} in {code.co_name}"
        trace = trace.tb_next
    return f"unexpected {type(exc).__name__}{place}"


class InvalidInputError(FluxseedError):
    """A parameter, or a combination of parameters, is not acceptable."""


class MissingLibraryError(FluxseedError):
    """A third-party Python library or a program is not there."""

    def __init__(self, library: str, *, hint: str | None = None) -> None:
        super().__init__(f"{library} is required and was not found", hint=hint)
        self.library = library


class FileAccessError(FluxseedError):
    """A file cannot be read or written."""


# --- SOPS -----------------------------------------------------------------------------------------
# Exit codes are those of the sops command, so that scripts keep working.


class SopsError(FluxseedError):
    """Root of the errors about SOPS files, keys and rules."""


class MalformedFileError(SopsError):
    """The text is not a document of its store: syntax, structure, encoding or a limit."""

    exit_code = 2


class EmptyFileError(MalformedFileError):
    """The input holds no document at all."""

    exit_code = 92


class LimitError(MalformedFileError):
    """A parser limit was met; the input is refused before it costs time or memory."""


class MetadataNotFoundError(SopsError):
    """The file has no SOPS metadata, so it is not encrypted."""


class MalformedMetadataError(SopsError):
    """The SOPS metadata is there but cannot be used."""


class AlreadyEncryptedError(SopsError):
    """The input of an encryption is encrypted already, or uses the name of the metadata."""

    exit_code = 203


class EncryptionError(SopsError):
    """A value cannot be encrypted (for example a key that is not a string)."""

    exit_code = 23


class DecryptionError(SopsError):
    """A value cannot be decrypted: changed, moved, or not a token where one is due."""

    exit_code = 25


class MacMismatchError(SopsError):
    """The file was changed after its encryption: its MAC is not that of its content."""

    exit_code = 51


class DataKeyError(SopsError):
    """No identity at hand opens the data key of the file.

    `is_undecided` says that a key could not be tried, for want of a program, a library or an answer: elsewhere it may open.
    """

    exit_code = 128
    is_undecided = False


class EmissionError(SopsError):
    """The content cannot be written in the format asked for."""

    exit_code = 4


class ConversionError(EmissionError):
    """Another format would lose a part of the content, or nobody could verify the result."""


class TreePathError(SopsError):
    """A path into a document is not well formed."""

    exit_code = 7


class PathNotFoundError(SopsError):
    """A path into a document leads nowhere."""


class ValueFormatError(SopsError):
    """A value that is to be set is not what a document can hold."""

    exit_code = 7


class DecryptionOrderError(SopsError):
    """The order in which kinds of keys are tried names one twice."""

    exit_code = 112


class KeyFormatError(SopsError):
    """A recipient or an identity is not well formed."""


class UnsupportedError(SopsError):
    """The file needs something that this version cannot do; nothing was guessed."""


class ConfigError(SopsError):
    """The `.sops.yaml` file is malformed."""


class NoMatchingRuleError(ConfigError):
    """No creation rule covers the path, or the rule names no key."""


# --- Git ------------------------------------------------------------------------------------------


class GitError(FluxseedError):
    """Git could not do what was asked."""


class GitAuthenticationError(GitError):
    """The remote refused the credential."""


class GitReferenceError(GitError):
    """The branch, tag or commit is not in the remote."""


class GitUnreachableError(GitError):
    """The remote did not answer; nothing is known about its content."""


# --- Kubernetes -----------------------------------------------------------------------------------


class KubernetesError(FluxseedError):
    """Root of the errors about a cluster."""


class KubeconfigError(KubernetesError):
    """The kubeconfig, or the context named, cannot be used."""


class UnreachableError(KubernetesError):
    """The API server did not answer: an error, never "not installed"."""


class ApiError(KubernetesError):
    """The API server refused a request.

    `status` is the HTTP status, `reason` the machine-readable reason of the Status object, `causes` has reason,
    message and field of each of its causes.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        reason: str = "",
        causes: tuple[tuple[str, str, str], ...] = (),
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.status = status
        self.reason = reason
        self.causes = causes


class ConflictError(KubernetesError):
    """Fields that differ from what is wanted belong to another manager, which would set them again."""


# --- Flux -----------------------------------------------------------------------------------------


class FluxError(FluxseedError):
    """Root of the errors about seeding Flux."""


class ManifestError(FluxError):
    """A manifest in Git is missing, malformed or names something else than the parameters."""


class PreflightError(FluxError):
    """A check before the first write failed; nothing was written."""


class NotReadyError(FluxError):
    """An object that was waited for has failed, with the reason the controller gives.

    `events` are the last warnings about it that the cluster keeps.
    """

    def __init__(
        self, message: str, *, where: str | None = None, hint: str | None = None, events: tuple[str, ...] = ()
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.events = events

    def __str__(self) -> str:
        told = "; last warnings: " + "; ".join(self.events) if self.events else ""
        return super().__str__() + told


class WaitTimeoutError(FluxError):
    """An object that was waited for did not become ready in time."""


class KeyInUseError(FluxError):
    """A decryption key cannot be taken out of the cluster: a file that the cluster reads needs it."""


class VerificationError(FluxError):
    """A secret in the cluster is not the one in Git."""


# --- Ansible Vault --------------------------------------------------------------------------------


class VaultFileError(FluxseedError):
    """An Ansible Vault file cannot be opened, or holds something else than variables."""


# --- Lab ------------------------------------------------------------------------------------------


class LabError(FluxseedError):
    """The embedded lab cannot do what was asked."""
