# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Seeding: Flux on a cluster from the manifests in Git, its credential and keys in place before the first sync.

Private to the collection. The facade of `_flux`. A run is the sum of independent facts: each object
is read, compared and repaired by itself, so that an interrupted run is healed by the next one.
"""

from __future__ import annotations

import posixpath
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from .._errors import FluxseedError, GitError, ManifestError, PreflightError
from .._git.program import Credential, Git
from .._git.remote import Remote, checkout
from .._git.snapshot import Snapshot
from .._kubernetes import connection as transport
from .._kubernetes.api import Api
from .._kubernetes.compare import MASK
from .._kubernetes.connection import Connection
from .._kubernetes.objects import Reference, reference
from .._kubernetes.readiness import State, readiness
from .._kubernetes.wait import Deadline, wait_until_ready
from .._sops.identities import KeyRing
from . import preflight
from .encrypted import Encrypted, key_ring, secret_texts
from .judgement import artifact_revision, judge_kustomization, judge_source
from .manifests import COMPONENTS_FILE, SYNC_FILE, Components, Sync, clean_path
from .preflight import Check
from .report import Outcome
from .secrets import git_secret, sops_secret
from .stages import Applier, Stage, Wanted
from .tree import Tree, walk
from .verify import prove
from .waiting import Waiting, tree_below

FLUX_FOLDER = "flux-system"


def silence(message: str) -> None:
    """Say nothing."""


@dataclass(frozen=True)
class Settings:
    """What is to be so."""

    url: str
    branch: str
    path: str
    checkout: str | None = None
    credential: Credential | None = None
    keys: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    age_public_key: str | None = None
    preflight: str = "enforce"
    verify: bool = True
    timeout: float = 300
    check_mode: bool = False


@dataclass(frozen=True)
class Desired:
    """What Git has at one commit."""

    components: Components
    sync: Sync
    tree: Tree
    encrypted: Encrypted
    commit: str


class PreflightRefusedError(PreflightError):
    """The checks that failed, together with all others."""

    def __init__(self, checks: list[Check]) -> None:
        failed = preflight.failed(checks)
        count = "a preflight check" if len(failed) == 1 else f"{len(failed)} preflight checks"
        super().__init__(f"{count} failed, nothing was written: " + "; ".join(map(str, failed)))
        self.checks = checks


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
        self._git = Git(environment)
        self._progress = progress
        self._warn = warn
        self.outcome = Outcome(check_mode=settings.check_mode)
        """What is known so far, also when the run fails."""
        self._ring: KeyRing | None = None
        self._told: list[Check] = []

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
            with self._snapshot() as (snapshot, commit):
                desired = self._desired(snapshot, commit)
                self.outcome.flux_version = desired.components.version
                self.outcome.revision = f"{self._settings.branch}@sha1:{commit}"
                with self._stage("preflight"):
                    self._check_repository(desired)
            with self._stage("connect"):
                connection = self._connect()
            try:
                self._run_on(connection, desired, deadline)
            finally:
                connection.close()
        finally:
            self.outcome.seconds["total"] = time.monotonic() - started
        return self.outcome

    def _run_on(self, connection: Connection, desired: Desired, deadline: Deadline) -> None:
        settings, outcome, api = self._settings, self.outcome, Api(connection)
        with self._stage("plan"):
            applier = Applier(api, check_mode=settings.check_mode, progress=self._progress)
            stages = self._stages(desired, applier)
            self._check_cluster(desired, applier, stages)
            if settings.preflight == "only":
                return
            applier.plan(list(stages.values()))
        source, root = reference(desired.sync.source), reference(desired.sync.root)
        fresh = source not in applier.live
        with self._stage("apply"):
            wrote = self._apply(api, applier, stages, deadline)
        outcome.planned = list(applier.done.values())
        outcome.drift = list(applier.drift.values())
        if applier.drift:
            self._warn(
                "Flux manages itself and will bring these in line with Git: " + ", ".join(map(str, applier.drift))
            )
        stale = artifact_revision(applier.live.get(source)) != outcome.revision
        waiting = Waiting(api, source, root, deadline, self._progress, hide=self._hider(desired))
        with self._stage("await"):
            if settings.check_mode:
                self._foresee(api, applier, source, root, stale=stale)
            else:
                try:
                    arrived = waiting.arrive(ask_source=wrote or stale, ask_tree=wrote and not fresh, fresh=fresh)
                finally:
                    outcome.requested, outcome.kustomizations = list(waiting.requested), list(waiting.tree.values())
                if arrived.revision and arrived.revision != outcome.revision:
                    self._warn(f"the branch has moved on: Flux applied {arrived.revision}, not {outcome.revision}")
                    outcome.revision = arrived.revision
                outcome.suspended = arrived.suspended
        if settings.verify and not (settings.check_mode and outcome.changed):
            with self._stage("verify"):
                self._verify(api, desired)

    # --- what Git has ---------------------------------------------------------------------------

    @contextmanager
    def _snapshot(self) -> Iterator[tuple[Snapshot, str]]:
        """Open the source, and prove the credential on the way; yields the commit of the remote too."""
        settings, checks = self._settings, self.outcome.checks
        remote = Remote(self._git, settings.url, settings.credential)
        started = time.monotonic()
        if settings.checkout is None:
            with ExitStack() as stack:
                try:
                    snapshot = stack.enter_context(remote.fetched(settings.branch))
                except GitError as exc:
                    checks.append(preflight.git_credential(settings.branch, None, exc))
                    raise
                self.outcome.seconds["git"] = time.monotonic() - started
                checks.append(preflight.git_credential(settings.branch, snapshot.commit, None))
                yield snapshot, snapshot.commit
            return
        with checkout(self._git, settings.checkout) as snapshot:
            commit = snapshot.commit
            if settings.preflight != "skip":
                commit = self._remote_commit(remote, snapshot)
            self.outcome.seconds["git"] = time.monotonic() - started
            yield snapshot, commit

    def _remote_commit(self, remote: Remote, snapshot: Snapshot) -> str:
        settings, checks = self._settings, self.outcome.checks
        try:
            commit = remote.head(settings.branch)
        except GitError as exc:
            checks.append(preflight.git_credential(settings.branch, None, exc))
            return snapshot.commit
        checks.append(preflight.git_credential(settings.branch, commit, None))
        same = preflight.checkout(snapshot.commit, commit)
        checks.append(same)
        if same.result != preflight.OK:
            self._warn(str(same))
        return commit

    def _desired(self, snapshot: Snapshot, commit: str) -> Desired:
        components_file = _flux_file(snapshot, self._settings.path, COMPONENTS_FILE)
        sync_file = _flux_file(snapshot, self._settings.path, SYNC_FILE)
        components = Components.parse(snapshot.read(components_file), where=components_file)
        sync = Sync.parse(snapshot.read(sync_file), where=sync_file)
        tree = walk(snapshot, sync.root)
        encrypted = Encrypted(snapshot, tree)
        return Desired(components, sync, tree, encrypted, commit)

    # --- preflight ------------------------------------------------------------------------------

    def _check_repository(self, desired: Desired) -> None:
        settings, checks = self._settings, self.outcome.checks
        if settings.keys:
            self._ring = key_ring(settings.keys)
        if settings.preflight == "skip":
            checks.clear()
            return
        sync, components = desired.sync, desired.components
        checks.append(
            preflight.gotk_sync(
                sync,
                components,
                url=settings.url,
                branch=settings.branch,
                path=settings.path,
                has_credential=settings.credential is not None,
            )
        )
        if self._ring:
            checks.append(preflight.age_key_pair(self._ring, settings.age_public_key))
        checks.append(preflight.sops_files(desired.encrypted, self._ring))
        checks += preflight.decryption(desired.tree, desired.encrypted, sync)
        checks += preflight.references(desired.tree)
        checks.append(preflight.self_management(desired.tree.nodes[0], components))
        if self._ring:
            opened = desired.encrypted.open(self._ring)
            self.outcome.sops_files = sum(1 for file in opened if file.is_open)
        self._insist()

    def _check_cluster(self, desired: Desired, applier: Applier, stages: Mapping[str, Stage]) -> None:
        if self._settings.preflight == "skip":
            return
        secrets = [item.reference for item in stages["secrets"].wanted]
        self.outcome.checks += preflight.cluster(applier.live, secrets, desired.sync)
        self._insist()

    def _insist(self) -> None:
        failed = preflight.failed(self.outcome.checks)
        if not failed:
            return
        if self._settings.preflight != "warn":
            raise PreflightRefusedError(self.outcome.checks)
        for check in failed:
            if check not in self._told:
                self._warn(f"preflight: {check}")
        self._told = failed

    # --- the cluster ----------------------------------------------------------------------------

    def _stages(self, desired: Desired, applier: Applier) -> dict[str, Stage]:
        """Look at the cluster and return what is to be there, in the order of writing."""
        settings, sync, components = self._settings, desired.sync, desired.components
        of_git = Reference("v1", "Secret", reference(sync.source).namespace, sync.git_secret)
        of_sops = Reference("v1", "Secret", sync.namespace, sync.sops_secret)
        manifests = {reference(item): item for item in (*components.objects, sync.source, sync.root, *sync.others)}
        # Kinds that this run defines itself are not served yet; nothing of them can be there.
        applier.look({*manifests, of_git, of_sops}, manifests)
        first = ("Namespace", "CustomResourceDefinition")
        rest = [item for item in components.objects if item["kind"] not in first]
        secrets = []
        if settings.credential and sync.git_secret:
            secret = git_secret(of_git.namespace, of_git.name, settings.credential, applier.live.get(of_git))
            secrets.append(Wanted(secret, exact_data=True))
        if settings.keys:
            secrets.append(
                Wanted(sops_secret(of_sops.namespace, of_sops.name, settings.keys, applier.live.get(of_sops)))
            )
        return {
            "definitions": Stage(
                "definitions", [Wanted(item, left_to_flux=True) for item in components.of_kind(*first)]
            ),
            "secrets": Stage("secrets", secrets),
            "components": Stage("components", [Wanted(item, left_to_flux=True) for item in rest]),
            "source": Stage("source", [Wanted(item) for item in (*sync.others, sync.source)]),
            "root": Stage("root", [Wanted(sync.root)]),
        }

    def _apply(self, api: Api, applier: Applier, stages: Mapping[str, Stage], deadline: Deadline) -> bool:
        wrote = applier.write(stages["definitions"], deadline)
        if not self._settings.check_mode:
            self._await_ready(api, applier, stages["definitions"], deadline)
        wrote |= applier.write(stages["secrets"], deadline)
        wrote |= applier.write(stages["components"], deadline)
        if not self._settings.check_mode:
            self._await_ready(api, applier, stages["components"], deadline)
        wrote |= applier.write(stages["source"], deadline)
        wrote |= applier.write(stages["root"], deadline)
        return wrote

    def _await_ready(self, api: Api, applier: Applier, stage: Stage, deadline: Deadline) -> None:
        kinds = ("Namespace", "CustomResourceDefinition", "Deployment")
        waited = [item.reference for item in stage.wanted if item.reference.kind in kinds]
        pending = [target for target in waited if not readiness(applier.live.get(target) or {}).is_ready]
        if pending:
            wait_until_ready(api, pending, deadline, self._progress)

    def _foresee(self, api: Api, applier: Applier, source: Reference, root: Reference, *, stale: bool) -> None:
        """Say what is there now, and whether a run would request a reconcile."""
        live = applier.live.get(source)
        if live is None:
            return
        listed = {reference(found): found for found in api.list(root.api_version, "Kustomization")}
        tree = tree_below(root, listed)
        self.outcome.kustomizations = list(tree.values())
        failed = judge_source(live).state is State.FAILED or any(
            judge_kustomization(found).state is State.FAILED for found in tree.values()
        )
        self.outcome.would_request = stale or failed

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


def _flux_file(snapshot: Snapshot, path: str, name: str) -> str:
    """Return the path of one of Flux's files, or say what there is instead."""
    folder = clean_path(path)
    wanted = posixpath.join(folder, FLUX_FOLDER, name)
    if wanted in snapshot:
        return wanted
    paths = snapshot.paths()
    if folder and not any(item.startswith(f"{folder}/") for item in paths):
        parent = posixpath.dirname(folder)
        beside = sorted(
            {item.removeprefix(f"{parent}/").split("/")[0] for item in paths if item.startswith(f"{parent}/")}
        )
        hint = f"in ./{parent} there are: {', '.join(beside[:10])}" if beside else f"there is no ./{parent} either"
        raise ManifestError(f"the commit {snapshot.commit[:12]} has no such folder", where=f"./{folder}", hint=hint)
    found = sorted(posixpath.dirname(posixpath.dirname(item)) for item in paths if posixpath.basename(item) == name)
    hint = f"there is one for these paths: {', '.join(found[:5])}" if found else "flux install --export writes it"
    raise ManifestError(f"is not in the commit {snapshot.commit[:12]}", where=wanted, hint=hint)


def _import_ahead() -> None:
    try:
        transport.preload()
    except FluxseedError:
        # Raised again, and reported, where the library is used.
        return
