# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same key service, used by sops and by this collection."""

from __future__ import annotations

import os
import re
import subprocess
import threading
import time
import typing as t
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from oracle_tools import YAML, find

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import DataKeyError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.encrypted import key_ring
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import MasterKey, Surroundings
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.services import IN_FLIGHT
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.stored import StoredKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.metadata import Metadata
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore

PLAIN = b"a: 1\nb:\n    - x\n"
STORE = YamlStore()
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\Z")


class Gate:
    """Counts who waits at a server, and lets nobody through before so many are there at once."""

    def __init__(self, together: int = 1) -> None:
        self.most = 0
        self._now, self._together, self._lock, self._is_open = 0, together, threading.Lock(), threading.Event()

    def pass_through(self) -> None:
        """Wait for the others, but not for ever: a test says then that they did not come."""
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            if self._now >= self._together:
                self._is_open.set()
        self._is_open.wait(10)
        if self._together > 1:
            # Long enough for one more to be seen, if there were one.
            time.sleep(0.02)
        with self._lock:
            self._now -= 1


class Held(t.NamedTuple):
    """As much of a file as a ring looks at."""

    groups: tuple[tuple[MasterKey, ...], ...]
    shamir_threshold: int = 0


@dataclass
class Side:
    """Settings for one service, with a folder for rules and a home."""

    folder: Path
    environment: Mapping[str, str]
    config: str = field(default="")

    def with_rule(self, rule: str) -> Side:
        """The same with a creation rule in YAML, one line of a mapping."""
        path = self.folder / ".sops.yaml"
        path.write_text(f"creation_rules:\n  - {rule}\n")
        return Side(self.folder, self.environment, str(path))

    def with_settings(self, **environment: str) -> Side:
        """The same with other settings; an empty one is not set."""
        known = {**self.environment, **environment}
        return Side(self.folder, {name: value for name, value in known.items() if value}, self.config)

    # --- sops -----------------------------------------------------------------------------------------

    def sops(self, *arguments: str, data: bytes) -> subprocess.CompletedProcess[bytes]:
        """Run sops with these settings and nothing else from outside."""
        environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"], **self.environment}
        command = [str(find("sops")), *(["--config", self.config] if self.config else []), *arguments]
        return subprocess.run(
            command, input=data, capture_output=True, cwd=self.folder, env=environment, check=False, timeout=120
        )

    def sealed_by_sops(self) -> bytes:
        """PLAIN, encrypted by sops as the rule says."""
        done = self.sops("encrypt", "--filename-override", str(self.folder / "a.yaml"), *YAML, data=PLAIN)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def opened_by_sops(self, content: bytes) -> bytes:
        """What sops says a file holds; the MAC is verified."""
        done = self.sops("decrypt", *YAML, "/dev/stdin", data=content)
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    # --- this collection ------------------------------------------------------------------------------

    def surroundings(self, *, ambient: bool = True) -> Surroundings:
        """The same settings for this collection."""
        return Surroundings(self.environment, str(self.folder), _text, lambda _words, _more: "", ambient=ambient)

    def sealed_here(self, plain: bytes = PLAIN) -> bytes:
        """A file, encrypted by this collection as the rule says."""
        rule = Config.parse(Path(self.config).read_text(), path=self.config).rule_for(str(self.folder / "a.yaml"))
        ring = gather(self.surroundings())
        return document.encrypt(plain, rule, store=STORE, services=ring.services).content

    def opened_here(self, content: bytes) -> bytes:
        """What this collection says a file holds."""
        return document.decrypt(content, gather(self.surroundings()), store=STORE)

    def opened_as_flux(self, content: bytes, *entries: tuple[str, str]) -> bytes:
        """What a file holds for whom has entries of a decryption Secret, and of these settings only the ways."""
        return document.decrypt(content, key_ring(entries, self.environment), store=STORE)

    def refusal(self, content: bytes) -> DataKeyError:
        """Why this collection does not open a file."""
        try:
            self.opened_here(content)
        except DataKeyError as exc:
            return exc
        raise AssertionError("the file was opened")

    def check_many_at_once(self, key: StoredKey) -> None:
        """More files than may be in flight, each with a data key of its own; `key` says which key wraps them."""
        ring = gather(self.surroundings())
        data_keys = [bytes([number]) * 32 for number in range(IN_FLIGHT + 4)]
        wrapped = ring.services.wrap_all([(key, data_key) for data_key in data_keys])
        files = [Held(((found,),)) for found in wrapped]
        later = gather(self.surroundings())
        later.prefetch(files)
        assert [later.data_key(file) for file in files] == data_keys

    def check_both_ways(self) -> dict[str, t.Any]:
        """Each opens what the other has encrypted, and both write the same fields; returns the only entry."""
        theirs, ours = self.sealed_by_sops(), self.sealed_here()
        assert self.opened_here(theirs) == PLAIN
        assert self.opened_by_sops(ours) == PLAIN
        assert self.opened_here(ours) == PLAIN
        entries = [entry(content) for content in (theirs, ours)]
        assert [without_enc(found) for found in entries] == [without_enc(entries[0])] * 2
        assert list(entries[0]) == list(entries[1])
        assert all(_TIME.match(found["created_at"]) for found in entries)
        stored = STORE.metadata(STORE.load(theirs))
        assert Metadata.parse(stored).to_data() == stored
        return entries[1]


def entry(content: bytes) -> dict[str, t.Any]:
    """The only entry of the only list of keys in a file."""
    stored = STORE.metadata(STORE.load(content))
    (found,) = (value for value in stored.values() if isinstance(value, Sequence) and not isinstance(value, str))
    (only,) = found
    return dict(only)


def without_enc(found: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """An entry without what differs each time."""
    return {name: value for name, value in found.items() if name not in ("enc", "created_at")}


def changed(content: bytes, old: str, new: str) -> bytes:
    """A file with another text in its metadata."""
    assert old.encode() in content
    return content.replace(old.encode(), new.encode())


def _text(path: str) -> str | None:
    place = Path(path)
    return place.read_text() if place.is_file() else None
