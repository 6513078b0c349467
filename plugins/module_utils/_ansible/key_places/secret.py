# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A private key in an entry of a Kubernetes Secret, as Flux reads it.

Private to the collection. Whatever else is in the Secret stays. Everything is sent so that flux_seed, and Flux after
it, can go on with the Secret: labels, form and manager are those of flux_seed.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import re
import typing as t
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from ..._errors import ApiError, InvalidInputError, KeyFormatError, KubernetesError
from ..._flux.secrets import NOT_PRUNED, WATCHED, flux_owner, sops_secret
from ..._kubernetes.api import Api
from ..._kubernetes.connection import Connection
from ..._kubernetes.objects import Object, Reference, labels, section
from ..._sops.key_pairs import PGP
from .base import PRIVATE_SHOWN, Plan, Wanted

MANAGER = "kubectl-sops-key"
"""Managers whose names begin with kubectl give way to flux_seed and to Flux."""


def default_entry(kind: str) -> str:
    """Name of the entry for a type of key."""
    return "sops.asc" if kind == PGP else "age.agekey"


def check_entry(name: str, kind: str) -> str:
    """Refuse the name of an entry that Flux would not look at for a key of this type."""
    suffix = ".asc" if kind == PGP else ".agekey"
    if not re.fullmatch(r"[-._a-zA-Z0-9]+", name):
        raise InvalidInputError(f"{name!r} is no name of an entry in a Secret", where="kubernetes.data_key")
    if not name.endswith(suffix):
        raise InvalidInputError(
            f"{name} does not end in {suffix}, and Flux takes no notice of a key of type {kind} under another name",
            where="kubernetes.data_key",
            hint=f"for example {default_entry(kind)}",
        )
    return name


class SecretEntry:
    """One entry of a Secret in one cluster."""

    def __init__(self, connect: Callable[[], Connection], *, name: str, namespace: str, entry: str) -> None:
        self._target = Reference("v1", "Secret", namespace, name)
        self.key = f"{self._target}, entry {entry}"
        self.returned: Mapping[str, t.Any] = {"kubernetes": {"name": name, "namespace": namespace, "data_key": entry}}
        self._entry = entry
        self._connect = connect
        self._api: Api | None = None
        self._live: Object | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Read the Secret; it is written only as it was read, so that nothing needs to be locked."""
        connection = self._connect()
        try:
            self._api = Api(connection)
            self._live = self._api.get(self._target)
            if self._live is None:
                self._insist_on_namespace(self._api)
            elif owner := flux_owner(self._live):
                raise KubernetesError(
                    f"Flux applies this Secret from Git (Kustomization {owner}), and would undo what is written here",
                    where=str(self._target),
                    hint="change it in Git, or name another Secret",
                )
            yield
        finally:
            connection.close()

    def private(self) -> str | None:
        """Return what the entry holds."""
        data = section(self._live or {}, "data")
        if self._entry not in data:
            return None
        try:
            return base64.b64decode(data[self._entry] or "").decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            raise KeyFormatError("this is not the text of a private key", where=self.key) from None

    def public(self) -> None:
        """Return nothing: the Secret holds the private key only."""

    def dangers(self) -> tuple[str, ...]:
        """Return nothing: who may write it is up to the cluster."""
        return ()

    def plan(self, wanted: Wanted) -> Plan | None:
        """Return what differs: the entry, or the label and the annotation that Flux looks at."""
        manifest = sops_secret(self._target.namespace, self._target.name, [(self._entry, wanted.private)], self._live)
        marks: dict[str, dict[str, str]] = {"labels": dict(WATCHED), "annotations": dict(NOT_PRUNED)}
        missing = {
            part: {name: value for name, value in wanted_marks.items() if self._marks(part).get(name) != value}
            for part, wanted_marks in marks.items()
        }
        lacking = {part: names for part, names in missing.items() if names}
        if not wanted.is_new and not lacking:
            return None
        before: dict[str, str] = {}
        after: dict[str, str] = {}
        if wanted.is_new:
            if self._entry in section(self._live or {}, "data"):
                before[self._entry] = PRIVATE_SHOWN
            after |= {"public key": wanted.recipient, self._entry: PRIVATE_SHOWN}
        for part, names in lacking.items():
            after |= {f"{part} {name}": value for name, value in names.items()}
        reason = tuple(lacking) if self._live is not None else ()
        change: Object = {"metadata": dict(lacking)}
        if wanted.is_new:
            change["data"] = manifest["data"]

        def write() -> None:
            if self._live is None:
                # Not by force: a Secret that has come up since is not written over.
                self._cluster.apply(manifest, manager=MANAGER, force=False)
            else:
                self._merge(change)

        return Plan(write, reason, before, after, changes_content=bool(before))

    def plan_removal(self) -> Plan | None:
        """Return the removal of the entry, and of the Secret if nothing else is in it."""
        data = section(self._live or {}, "data")
        if self._entry not in data:
            return None
        before = {self._entry: PRIVATE_SHOWN}
        return Plan(self._remove, before=before)

    def _remove(self) -> None:
        # What was backed up in between counts.
        if set(section(self._live or {}, "data")) == {self._entry}:
            metadata = section(self._live or {}, "metadata")
            self._cluster.delete(self._target, uid=metadata.get("uid"), version=metadata.get("resourceVersion"))
        else:
            self._merge({"data": {self._entry: None}})

    def back_up(self) -> str:
        """Keep the key in the Secret itself, under a name that Flux takes no notice of: it does not leave the cluster."""
        moment = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
        name = f"{self._entry}.{moment}.bak"
        self._live = self._merge({"data": {name: section(self._live or {}, "data")[self._entry]}})
        return f"{self._target}, entry {name}"

    def _merge(self, change: Object) -> Object:
        version = section(self._live or {}, "metadata").get("resourceVersion")
        bound = {**change, "metadata": {**change.get("metadata", {}), "resourceVersion": version}}
        return self._cluster.merge(self._target, bound, manager=MANAGER)

    @property
    def _cluster(self) -> Api:
        if self._api is None:
            raise RuntimeError("the Secret was not read")
        return self._api

    def _marks(self, part: str) -> Mapping[str, t.Any]:
        return labels(self._live or {}) if part == "labels" else section(self._live or {}, "metadata", part)

    def _insist_on_namespace(self, api: Api) -> None:
        try:
            found = api.get(Reference("v1", "Namespace", "", self._target.namespace))
        except ApiError as exc:
            if exc.status == 403:
                return  # The server tells when the Secret is written.
            raise
        if found is None:
            raise KubernetesError(
                f"there is no namespace {self._target.namespace} in the cluster",
                where=str(self._target),
                hint="Flux reads the key in the namespace of the Kustomization, flux-system as a rule; name that one, "
                "or make the namespace first",
            )
