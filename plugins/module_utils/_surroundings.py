# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the engine gets to see of this process: its environment, key files, commands and `.sops.yaml`.

Private to the collection. Shared by the modules, the lookup and the command line, so that all of them
look for keys and rules in the same places. Knows no Ansible.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Callable, Mapping, Sequence

from ._errors import FileAccessError, FluxseedError, InvalidInputError
from ._files import read_file, read_file_if_exists
from ._sops.identities import gather
from ._sops.key_ring import KeyRing
from ._sops.keys.base import Surroundings
from ._sops.keys.services import KeyServices

if t.TYPE_CHECKING:
    from ._sops.config import Config

COMMAND_TIMEOUT = 60


def key_ring(
    age_key: str | None = None,
    age_keyfile: str | None = None,
    *,
    sources: Sequence[tuple[str, Callable[[], str]]] = (),
    passphrase: Callable[[str], str | None] | None = None,
) -> KeyRing:
    """Return the identities given, or if none is given those that sops would find here.

    Each of the sources is a label and what reads it; one that fails is told when no key fits. `passphrase` asks somebody
    for the passphrase of what is named.
    """
    explicit: list[tuple[str, str | Callable[[], str]]] = []
    if age_key:
        explicit.append(("age_key", age_key))
    if age_keyfile:
        explicit.append((age_keyfile, text_of(age_keyfile)))
    explicit.extend(sources)
    return gather(surroundings()._replace(passphrase=passphrase), explicit or None)


def key_services() -> KeyServices:
    """Return what wraps data keys for master keys of every kind, with the credentials that are at hand here."""
    return KeyServices(surroundings())


def surroundings() -> Surroundings:
    """Return what the engine gets to see of this process."""
    return Surroundings(
        environment=os.environ,
        home=os.path.expanduser("~"),  # noqa: PTH111 - a text is wanted
        read_file=_text_if_exists,
        run_command=run_command,
    )


def load_config(path: str) -> Config:
    """Return the rules of the configuration file that was named."""
    from ._sops.config import Config  # noqa: PLC0415 - start-up time, decrypting needs no rules

    absolute = os.path.abspath(path)  # noqa: PTH100 - links stay as they are, as in sops
    return Config.parse(text_of(absolute), path=absolute)


def find_config(folder: str) -> Config | None:
    """Return the rules of the nearest `.sops.yaml`, in this folder or above it."""
    from ._sops.config import Config, config_candidates  # noqa: PLC0415 - as above

    for candidate in config_candidates(os.path.abspath(folder)):  # noqa: PTH100 - as above
        content = read_file_if_exists(candidate)
        if content is not None:
            return Config.parse(_decode(content, candidate), path=candidate)
    return None


def text_of(path: str) -> str:
    """Return the text of a file."""
    return _decode(read_file(path), path)


def run_command(command: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return what a command prints. Its output is a secret and in no message."""
    import subprocess  # noqa: PLC0415 - rarely needed, and 5 ms of start-up

    try:
        done = subprocess.run(
            list(command),
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
    except OSError as exc:
        raise FileAccessError(f"cannot be started: {(exc.strerror or '').lower()}", where=command[0]) from exc
    except subprocess.TimeoutExpired:
        raise FluxseedError(f"no answer within {COMMAND_TIMEOUT} seconds", where=command[0]) from None
    if done.returncode:
        raise FluxseedError(f"ended with exit code {done.returncode}", where=command[0])
    return _decode(done.stdout, command[0])


def _text_if_exists(path: str) -> str | None:
    content = read_file_if_exists(path)
    return None if content is None else _decode(content, path)


def _decode(content: bytes, where: str) -> str:
    try:
        # A key file under a passphrase may be binary; its bytes survive as lone surrogates.
        return content.decode("utf-8", "surrogateescape" if content.startswith(b"age-encryption.org/") else "strict")
    except UnicodeDecodeError:
        # The cause would carry the content.
        raise InvalidInputError("this is not UTF-8 text", where=where) from None
