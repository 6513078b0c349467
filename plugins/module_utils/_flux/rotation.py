# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a decryption key out of a cluster, after the proof that no file needs it any more.

Private to the collection. A new key comes in with the other Secrets, before the sync. An old one goes
only after it, and only if every encrypted file of the revision that the cluster then has is for a key that stays.
"""

from __future__ import annotations

import base64
import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .._errors import KeyFormatError, KeyInUseError, PreflightError
from .._kubernetes.api import Api
from .._kubernetes.compare import Action, Planned
from .._kubernetes.objects import Object, Reference, reference
from .._sops.keys.base import MasterKey
from .._sops.keys.pgp_block import is_one_of, read_private
from .decryption_entries import is_pgp
from .encrypted import Encrypted, key_ring
from .manifests import decryption_secret
from .planning import MANAGER
from .secrets import flux_owner
from .suspension import owners
from .tree import Tree
from .wanted import Stage

RETIRED_SUFFIXES = (".agekey", ".asc")
"""Entries that are keys of files. Logins of a KMS and whatever else somebody has put there stay."""


@dataclass(frozen=True)
class Recipients:
    """Whose files an entry of the Secret opens."""

    public: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    """Kinds of keys in it whose public part cannot be told here; every file for such a kind may be meant."""

    def are_among(self, keys: Iterable[MasterKey]) -> bool:
        """Return whether one of these keys of a file is, or may be, meant."""
        return any(
            key.recipient in self.public
            or key.kind in self.unknown
            or (key.kind == "pgp" and is_one_of(key.recipient, self.public))
            for key in keys
        )


def retiring(live: Object | None, wanted: Iterable[str]) -> list[str]:
    """Return the entries of the Secret in the cluster that are keys and are not wanted any more."""
    there = (live or {}).get("data") or {}
    return sorted(name for name in there.keys() - set(wanted) if name.endswith(RETIRED_SUFFIXES))


def with_kept(manifest: Object, live: Object | None) -> Object:
    """Return the manifest with the entries that an earlier run has set; applying would take them away otherwise."""
    there = (live or {}).get("data") or {}
    kept = {
        name: value
        for name, value in there.items()
        if name not in manifest["data"] and MANAGER in owners(live or {}, "data", name)
    }
    return {**manifest, "data": {**kept, **manifest["data"]}}


def commit_of(revision: str) -> str:
    """Return the commit in the revision that a GitRepository reports, such as `main@sha1:…`; empty without one."""
    found = re.search(r"(?:^|[/:])([0-9a-f]{40}|[0-9a-f]{64})$", revision)
    return found.group(1) if found else ""


def recipients(name: str, content: str) -> Recipients:
    """Return whose files an entry opens."""
    if is_pgp(name):
        try:
            return Recipients(frozenset(found for key in read_private(content) for found in key.fingerprints))
        except KeyFormatError:
            return Recipients(unknown=frozenset({"pgp"}))
    ring = key_ring([(name, content)])
    return Recipients(frozenset(ring.recipients), frozenset({"age"} if ring.failed else ()))


def needed_by(encrypted: Encrypted, entry: Recipients, staying: Iterable[str]) -> list[str]:
    """Return the files that the entry opens and that none of the public keys that stay can open."""
    stays = Recipients(frozenset(staying))
    files = []
    for path, groups, threshold in encrypted.groups():
        needed = max(threshold, 2) if len(groups) > 1 else 1
        if sum(stays.are_among(group) for group in groups) >= needed:
            continue
        if any(entry.are_among(group) for group in groups):
            files.append(path)
    return files


@dataclass(frozen=True)
class Retirement:
    """Keys that are to be taken out of the decryption Secret."""

    manifest: Object = field(repr=False)
    """The Secret with the keys that are wanted, and those alone."""
    live: Object = field(repr=False)
    names: tuple[str, ...]
    keys: tuple[tuple[str, str], ...] = field(repr=False)

    @property
    def target(self) -> Reference:
        """Return which Secret it is."""
        return reference(self.manifest)

    def prove(self, encrypted: Encrypted | None, revision: str) -> None:
        """Make sure that no file of this revision needs one of them any more.

        Raises:
            KeyInUseError: with every file that needs one; or the files (None) are not at hand.
        """
        if encrypted is None:
            raise KeyInUseError(
                f"whether {', '.join(self.names)} is still needed cannot be told: the content at {revision} is not at hand",
                where=str(self.target),
                hint="give the checkout that it was made from as source.checkout, or keep the key in decryption_keys",
            )
        readable = [entry for entry in self.keys if entry[0].endswith(RETIRED_SUFFIXES)]
        staying = [key for name, content in readable for key in recipients(name, content).public]
        wrong = []
        for name in self.names:
            content = base64.b64decode(self.live["data"][name] or "").decode(errors="replace")
            if files := needed_by(encrypted, recipients(name, content), staying):
                wrong.append(f"{name} by {', '.join(files)}")
        if wrong:
            raise KeyInUseError(
                f"a key that is not in decryption_keys any more is still needed at {revision}: {'; '.join(wrong)}",
                where=str(self.target),
                hint="encrypt these files for the keys that stay (docs/day-two.md says how), commit, run again; or give this key too",
            )

    def insist_on_own_files(self, tree: Tree, kustomizations: Iterable[Object], *, is_for_all: bool) -> None:
        """Make sure that nothing else decrypts with this Secret, whose files are not at hand.

        Raises:
            KeyInUseError: with the Kustomizations.
        """
        if found := strangers(self.target, tree, kustomizations, is_for_all=is_for_all):
            raise KeyInUseError(
                f"whether {', '.join(self.names)} is still needed cannot be told: {', '.join(found)} decrypts with this "
                "Secret, and its files are not in this repository",
                where=str(self.target),
                hint="give it a Secret of its own, or keep the key in decryption_keys",
            )

    def planned(self, before: Planned) -> Planned:
        """Return what was done to the Secret in all."""
        action = Action.CONFIGURED if before.action is Action.UNCHANGED else before.action
        return dataclasses.replace(before, action=action, surplus=(*before.surplus, *self.names))

    def carry_out(self, api: Api) -> Object:
        """Write the Secret without these entries, whoever has set them."""
        applied = api.apply(self.manifest, manager=MANAGER)
        if left := (applied.get("data") or {}).keys() & set(self.names):
            applied = api.merge(self.target, {"data": dict.fromkeys(sorted(left))}, manager=MANAGER)
        return applied


def keep_entries(stage: Stage, target: Reference, live: Mapping[Reference, Object]) -> Stage:
    """Return the stage with the decryption Secret as it is to be until the proof: nothing of it goes."""
    return dataclasses.replace(
        stage,
        wanted=[
            dataclasses.replace(item, manifest=with_kept(item.manifest, live.get(target)))
            if item.reference == target and not item.exact_data
            else item
            for item in stage.wanted
        ],
    )


def due(manifest: Object, keys: Sequence[tuple[str, str]], live: Object | None) -> Retirement | None:
    """Return what is to be taken out of the Secret in the cluster, None when there is nothing."""
    names = retiring(live, manifest["data"].keys())
    if live is None or not names:
        return None
    # What is no key stays, also where an earlier run has set it.
    others = {name: value for name, value in with_kept(manifest, live)["data"].items() if name not in names}
    return Retirement({**manifest, "data": others}, live, tuple(names), tuple(keys))


def insist_on_owner(targets: Iterable[Reference], live: Mapping[Reference, Object]) -> None:
    """Refuse to write Secrets that Flux applies from Git: both would overwrite them for ever.

    Raises:
        PreflightError: with the Kustomization that applies it.
    """
    for target in targets:
        if owner := flux_owner(live.get(target)):
            raise PreflightError(
                f"is applied by Kustomization {owner}, nothing was written",
                where=str(target),
                hint="take it out of Git, annotated with kustomize.toolkit.fluxcd.io/prune: disabled, or change it there",
            )


def strangers(target: Reference, tree: Tree, kustomizations: Iterable[Object], *, is_for_all: bool) -> list[str]:
    """Return the Kustomizations that decrypt with this Secret and whose files are not among those at hand."""
    known = {node.name for node in tree.nodes}
    names = []
    for found in kustomizations:
        named = reference(found)
        name = decryption_secret(found)
        # The Secret of the controller serves all that decrypt and name none.
        uses = name == "" if is_for_all else (named.namespace, name) == (target.namespace, target.name)
        if uses and f"{named.namespace}/{named.name}" not in known:
            names.append(f"{named.namespace}/{named.name}")
    return sorted(names)
