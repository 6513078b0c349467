# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeding: Flux on a cluster from the manifests in Git, its credential and keys in place before the first sync.

Private to the collection. The facade of `_flux`. A run is the sum of independent facts: each object
is read, compared and repaired by itself, so that an interrupted run is healed by the next one.
"""

from __future__ import annotations

import dataclasses
import posixpath
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

from .._errors import FluxseedError
from .._kubernetes import transport
from .._kubernetes.api import Api, concurrently
from .._kubernetes.compare import MASK
from .._kubernetes.connection import Connection
from .._kubernetes.objects import Object, Reference, reference
from .._kubernetes.readiness import State, readiness
from .._kubernetes.wait import Deadline, silence
from .._sops.key_ring import KeyRing
from . import rotation
from .adoption import left_over
from .advice import Advisor
from .day_two import account_stage, stale_objects
from .desired import Desired
from .diagnosis import await_components
from .encrypted import Encrypted, key_ring, secret_texts
from .forest import tree_below
from .gate import Gate
from .judgement import artifact_revision, is_suspended, judge_kustomization, judge_source
from .report import Outcome
from .settings import CONTROLLER, WORKLOAD_IDENTITY, Settings
from .source import opened, remote_of
from .stages import Applier
from .upgrade import installed_by
from .verify import pair, prove
from .waiting import Waiting
from .wanted import Stage, manifests_of, secrets_of, stages_of


class Seeding:
    """One run against one cluster."""

    def __init__(
        self,
        settings: Settings,
        connect: Callable[[], Connection],
        *,
        environment: Mapping[str, str],
        progress: Callable[[str], None] = silence,
        warn: Callable[[str], None] = silence,
    ) -> None:
        self._settings = settings
        self._connect = connect
        self._environment = environment
        self._progress = progress
        self._warn = warn
        self.outcome = Outcome(check_mode=settings.check_mode)
        """What is known so far, also when the run fails."""
        self._ring: KeyRing | None = None
        self._keys_secret: Object | None = None
        """The decryption Secret with the keys that are wanted, and those alone."""

    def run(self) -> Outcome:
        """Check, write what differs, wait, prove; a later part only when the earlier one went well.

        Raises:
            FluxseedError: why it stopped; `outcome` has what was found and done until then.
        """
        started = time.monotonic()
        deadline = Deadline(self._settings.timeout)
        # The import takes as long as the fetch does, and waits for nothing.
        threading.Thread(target=_import_ahead, daemon=True).start()
        try:
            with ExitStack() as stack:
                with self._stage("git"):
                    found = stack.enter_context(
                        opened(self._settings, self._environment, self.outcome.checks, self._warn)
                    )
                self._settings, desired = found.settings, found.desired
                self.outcome.flux_version, self.outcome.revision = desired.components.version, found.revision
                with self._stage("preflight"):
                    self._open_keys(desired)
                    gate = Gate(found.settings, self.outcome.checks, self._warn)
                    gate.check_repository(desired, self._ring)
            with self._stage("connect"):
                connection = self._connect()
            try:
                self._run_on(connection, desired, gate, deadline)
            finally:
                connection.close()
        finally:
            self.outcome.seconds["total"] = time.monotonic() - started
        return self.outcome

    def _run_on(self, connection: Connection, desired: Desired, gate: Gate, deadline: Deadline) -> None:
        settings, api = self._settings, Api(connection)
        applier = Applier(api, check_mode=settings.check_mode, progress=self._progress)
        source = reference(desired.sync.source)
        with self._stage("plan"):
            gate.check_access(api, desired, self._places(desired))
            stages = self._look(desired, applier)
            gate.check_cluster(api, desired, stages, applier.live)
            if settings.preflight == "only":
                return
            applier.plan(list(stages.values()))
            due = [item.reference for item in stages["secrets"].wanted if applier.done[item.reference].is_due]
            rotation.insist_on_owner(due, applier.live)
        fresh = source not in applier.live
        # What a registry or a bucket has is for source-controller to find out, in its interval.
        stale = settings.is_git and artifact_revision(applier.live.get(source)) != self.outcome.revision
        with self._stage("apply"):
            wrote = self._apply(api, applier, stages, deadline)
        with self._stage("await"):
            if settings.check_mode:
                self._foresee(api, applier, desired, stale=stale)
            else:
                self._await(api, desired, deadline, wrote=wrote, stale=stale, fresh=fresh)
                self._check_hand_over(applier, desired, wrote=wrote)
        self._retire_keys(api, applier, desired)
        if settings.verify and not (settings.check_mode and self.outcome.changed):
            with self._stage("verify"):
                self._verify(api, desired)
        if settings.day_two_service_account:
            with self._stage("day_two"):
                self._grant(api, applier, desired, stages["secrets"], deadline)

    def _open_keys(self, desired: Desired) -> None:
        """Read the given keys; without one for SOPS nothing can be proven later."""
        settings = self._settings
        if settings.keys or (settings.decryption == WORKLOAD_IDENTITY and len(desired.encrypted)):
            self._ring = key_ring(settings.keys, self._environment)
        if self._ring and settings.preflight != "skip":
            self.outcome.sops_files = sum(1 for file in desired.encrypted.open(self._ring) if file.is_open)

    def _places(self, desired: Desired) -> set[Reference]:
        """Return all objects that this run looks at."""
        secrets = (place for place in secrets_of(desired, self._settings) if place.name)
        return {*manifests_of(desired), *secrets}

    def _look(self, desired: Desired, applier: Applier) -> dict[str, Stage]:
        """Look at the cluster and return what is to be there, in the order of writing."""
        manifests = manifests_of(desired)
        # Kinds that this run defines itself are not served yet; nothing of them can be there.
        applier.look(self._places(desired), manifests)
        installer = desired.installer or installed_by(applier.live.values())
        if installer:
            self._warn(f"{installer} has installed Flux here: its components and its sync are left to {installer}")
        stages = stages_of(desired, self._settings, applier.live, only_secrets=bool(installer))
        of_sops = secrets_of(desired, self._settings).keys
        secrets = stages["secrets"]
        self._keys_secret = next((item.manifest for item in secrets.wanted if item.reference == of_sops), None)
        return {**stages, "secrets": rotation.keep_entries(secrets, of_sops, applier.live)}

    def _apply(self, api: Api, applier: Applier, stages: Mapping[str, Stage], deadline: Deadline) -> bool:
        """Write what differs; a stage is ready before the next one begins."""
        outcome, wrote = self.outcome, False
        try:
            for stage in stages.values():
                wrote |= applier.write(stage, deadline)
                if not self._settings.check_mode:
                    self._await_ready(api, applier, stage, deadline)
        except FluxseedError:
            # What was written until here stays written, and is told.
            outcome.planned = list(applier.written)
            raise
        outcome.planned = list(applier.done.values())
        outcome.drift = list(applier.drift.values())
        if outcome.drift:
            listed = ", ".join(map(str, applier.drift))
            self._warn(f"Flux manages itself and will bring these in line with Git: {listed}")
        if applier.not_compared:
            listed = ", ".join(map(str, sorted(applier.not_compared)))
            self._warn(f"this user may not even try to write these, so they were not compared with Git: {listed}")
        return wrote

    def _await_ready(self, api: Api, applier: Applier, stage: Stage, deadline: Deadline) -> None:
        kinds = ("Namespace", "CustomResourceDefinition", "Deployment")
        waited = [item.reference for item in stage.wanted if item.reference.kind in kinds]
        pending = [target for target in waited if not readiness(applier.live.get(target) or {}).is_ready]
        if pending:
            await_components(api, {target: applier.live.get(target) for target in pending}, deadline, self._progress)

    def _await(self, api: Api, desired: Desired, deadline: Deadline, *, wrote: bool, stale: bool, fresh: bool) -> None:
        """Wait until the cluster has what Git has."""
        outcome = self.outcome
        source, root = reference(desired.sync.source), reference(desired.sync.root)
        waiting = Waiting(
            api,
            source,
            root,
            deadline,
            self._progress,
            hide=self._hider(desired),
            advise=self._advisor(api, desired),
            helm_releases=self._settings.helm_releases,
        )
        try:
            arrived = waiting.arrive(ask_source=wrote or stale, ask_tree=wrote and not fresh, fresh=fresh)
        finally:
            outcome.requested, outcome.kustomizations = list(waiting.requested), list(waiting.tree.values())
        if arrived.revision and arrived.revision != outcome.revision:
            if outcome.revision:
                self._warn(f"the branch has moved on: Flux applied {arrived.revision}, not {outcome.revision}")
            outcome.revision = arrived.revision
        outcome.suspended = arrived.suspended

    def _advisor(self, api: Api, desired: Desired) -> Advisor:
        """Return what knows the next step after a failure, from the cluster and from Git."""
        paths = desired.files.paths() if desired.files else []
        folders = sorted({folder for path in paths if (folder := posixpath.dirname(path))})
        remote = remote_of(self._settings, self._environment) if self._settings.is_git else None
        return Advisor(api, lambda: sorted(remote.branches()) if remote else (), lambda: folders)

    def _check_hand_over(self, applier: Applier, desired: Desired, *, wrote: bool) -> None:
        """Tell what Flux applies and yet does not own alone."""
        if wrote:
            manifests = manifests_of(desired)
            applier.look(set(manifests), manifests)
        found = left_over(applier.live, self.outcome.kustomizations)
        if found:
            listed = ", ".join(map(str, found))
            self._warn(f"Flux has not taken these over completely, and what Git drops in them may stay: {listed}")

    def _foresee(self, api: Api, applier: Applier, desired: Desired, *, stale: bool) -> None:
        """Say what is there now, and whether a run would request a reconcile."""
        live, root = applier.live.get(reference(desired.sync.source)), reference(desired.sync.root)
        if live is None:
            return
        listed = {reference(found): found for found in api.list(root.api_version, "Kustomization")}
        tree = tree_below(root, listed)
        self.outcome.kustomizations = list(tree.values())
        failed = judge_source(live).state is State.FAILED or any(
            judge_kustomization(found).state is State.FAILED for found in tree.values()
        )
        self.outcome.would_request = stale or failed

    def _retire_keys(self, api: Api, applier: Applier, desired: Desired) -> None:
        """Take out the keys that are not wanted any more, after the proof that no file needs them."""
        wanted, settings = self._keys_secret, self._settings
        found = rotation.due(wanted, settings.keys, applier.live.get(reference(wanted))) if wanted else None
        if found is None:
            return
        with self._stage("rotation"):
            source = api.get(reference(desired.sync.source))
            found.prove(*self._files_of_cluster(source, desired))
            listed = api.list(desired.sync.root["apiVersion"], "Kustomization")
            found.insist_on_own_files(desired.tree, listed, is_for_all=settings.decryption == CONTROLLER)
            if not settings.check_mode:
                applier.live[found.target] = found.carry_out(api)
                self._progress(f"{found.target}: removed {', '.join(found.names)}")
            applier.done[found.target] = found.planned(applier.done[found.target])
            self.outcome.planned = list(applier.done.values())

    def _files_of_cluster(self, source: Object | None, desired: Desired) -> tuple[Encrypted | None, str]:
        """Return the encrypted files of the revision that the cluster has, or after a real run would have."""
        settings, revision = self._settings, artifact_revision(source)
        if not settings.is_git:
            return (desired.encrypted if desired.commit else None), revision
        commit = rotation.commit_of(revision)
        is_moving = settings.check_mode and not is_suspended(source or {})
        if not commit or commit == desired.commit or is_moving:
            return desired.encrypted, self.outcome.revision
        then = dataclasses.replace(settings, checkout=None, tag="", commit=commit)
        with opened(then, self._environment, [], self._warn) as found:
            return found.desired.encrypted, revision

    def _grant(self, api: Api, applier: Applier, desired: Desired, secrets: Stage, deadline: Deadline) -> None:
        """Make the account for day two, with the Secrets as they are now, and take away what it needs no more."""
        outcome = self.outcome
        found = pair(desired.tree, desired.encrypted, self._ring or key_ring([]), outcome.kustomizations)
        stage = account_stage(
            api,
            Reference("v1", "ServiceAccount", desired.sync.namespace, self._settings.day_two_service_account),
            [item.reference for item in secrets.wanted],
            [item.target for item in found.expected],
        )
        targets = {item.reference for item in stage.wanted}
        applier.look(targets, {})
        applier.plan([stage])
        applier.write(stage, deadline)
        outcome.planned = list(applier.done.values())
        outcome.deleted = stale_objects(api, desired.sync.namespace, targets)
        if not self._settings.check_mode:
            concurrently(api.delete, outcome.deleted)

    def _verify(self, api: Api, desired: Desired) -> None:
        if self._ring is None:
            return
        kustomizations = self.outcome.kustomizations
        proof = prove(api, desired.tree, desired.encrypted, self._ring, kustomizations)
        self.outcome.proof = proof
        self.outcome.sops_files = sum(1 for file in desired.encrypted.open(self._ring) if file.is_open)
        for warning in proof.warnings:
            self._warn(warning)
        proof.insist()

    def _hider(self, desired: Desired) -> Callable[[str], str]:
        """Return what takes the values of the encrypted files out of a text; those that any text may hold are left."""
        if self._ring is None:
            return str
        values = {text for file in desired.encrypted.open(self._ring) for text in secret_texts(file)}

        def hide(text: str) -> str:
            for value in values:
                text = text.replace(value, MASK)
            return text

        return hide

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.outcome.seconds[name] = time.monotonic() - started


def _import_ahead() -> None:
    try:
        transport.preload()
    except FluxseedError:
        # Raised again, and reported, where the library is used.
        return
