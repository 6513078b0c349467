# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which keys go, and which files keep them."""

from __future__ import annotations

import base64
import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import KeyInUseError, PreflightError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.planning import MANAGER
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.rotation import (
    Recipients,
    commit_of,
    due,
    insist_on_owner,
    keep_entries,
    needed_by,
    recipients,
    retiring,
    strangers,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.secrets import sops_secret
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.wanted import Stage, Wanted
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.objects import Reference
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.pgp_block import read_private
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import (
    OTHER_PRIVATE,
    OTHER_PUBLIC,
    PRIVATE,
    PUBLIC,
    Repository,
    child,
    encrypted,
    secret,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import UNLOCKED

SECRET = Reference("v1", "Secret", "flux-system", "sops-age")
NEW = (("new.agekey", OTHER_PRIVATE),)
OPENPGP = read_private(UNLOCKED)[0].fingerprint


def live(manager: str = MANAGER, **entries: str) -> dict:
    """The Secret in the cluster; underscores in names stand for dots."""
    data = {name.replace("_", "."): base64.b64encode(value.encode()).decode() for name, value in entries.items()}
    owned = {"f:data": {f"f:{name}": {} for name in data}}
    metadata = {"namespace": "flux-system", "name": "sops-age"}
    metadata["managedFields"] = [{"manager": manager, "operation": "Apply", "fieldsV1": owned}]
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def wanted(keys=NEW) -> dict:
    return sops_secret("flux-system", "sops-age", keys, None)


def files(*texts: str) -> object:
    """The encrypted files of a repository."""
    named = {f"apps/{number}.yaml": text for number, text in enumerate(texts)}
    _tree, found = Repository(**{"clusters/lab/apps.yaml": child("apps"), **named}).walked()
    return found


def test_only_keys_go_and_only_those_that_are_not_listed():
    there = live(old_agekey="x", team_asc="x", new_agekey="x", sops_vault_token="x", notes="x")
    there["data"]["sops.vault-token"] = there["data"].pop("sops.vault.token")
    assert retiring(there, ["new.agekey"]) == ["old.agekey", "team.asc"]
    assert retiring(None, ["new.agekey"]) == []
    assert due(wanted(), NEW, live(new_agekey="x")) is None


def test_until_the_proof_everything_stays_that_an_earlier_run_has_set():
    """Applying without an entry takes it away, if nobody else owns it."""
    there = live(old_agekey=PRIVATE, notes="by hand")
    stage = keep_entries(Stage("secrets", [Wanted(wanted())]), SECRET, {SECRET: there})
    assert sorted(stage.wanted[0].manifest["data"]) == ["new.agekey", "notes", "old.agekey"]
    foreign = keep_entries(Stage("secrets", [Wanted(wanted())]), SECRET, {SECRET: live("kubectl-edit", notes="x")})
    assert sorted(foreign.wanted[0].manifest["data"]) == ["new.agekey"]


def test_what_is_no_key_is_still_there_after_the_removal():
    found = due(wanted(), NEW, live(old_agekey=PRIVATE, notes="by hand"))
    assert found is not None
    assert (sorted(found.manifest["data"]), found.names) == (["new.agekey", "notes"], ("old.agekey",))
    assert PRIVATE not in repr(found)
    assert base64.b64encode(PRIVATE.encode()).decode() not in repr(found)


@pytest.mark.parametrize(
    ("text", "is_needed"),
    [
        (encrypted(secret("x", "{a: b}"), PUBLIC), True),
        (encrypted(secret("x", "{a: b}"), PUBLIC, OTHER_PUBLIC), False),
        (encrypted(secret("x", "{a: b}"), OTHER_PUBLIC), False),
        (secret("x", "{a: b}"), False),
    ],
)
def test_a_file_needs_a_key_when_no_other_one_opens_it(text, is_needed):
    found = due(wanted(), NEW, live(old_agekey=PRIVATE))
    assert found is not None
    if not is_needed:
        found.prove(files(text), "main@sha1:x")
        return
    with pytest.raises(KeyInUseError, match=r"needed at main@sha1:x: old\.agekey by apps/0\.yaml") as caught:
        found.prove(files(text), "main@sha1:x")
    assert PRIVATE not in str(caught.value)


def test_a_key_under_another_name_is_the_same_key():
    found = due(wanted((("renamed.agekey", PRIVATE),)), (("renamed.agekey", PRIVATE),), live(old_agekey=PRIVATE))
    assert found is not None
    found.prove(files(encrypted(secret("x", "{a: b}"), PUBLIC)), "x")


def test_a_key_that_cannot_be_read_may_be_that_of_any_file():
    """A damaged key tells nothing."""
    assert recipients("team.asc", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n").unknown == {"pgp"}
    assert recipients("old.agekey", "AGE-SECRET-KEY-1X").unknown == {"age"}
    found = due(wanted(), NEW, live(old_agekey="AGE-SECRET-KEY-1X"))
    assert found is not None
    found.prove(files(encrypted(secret("x", "{a: b}"), OTHER_PUBLIC)), "x")
    with pytest.raises(KeyInUseError):
        found.prove(files(encrypted(secret("x", "{a: b}"), PUBLIC)), "x")


def of_openpgp(*fingerprints: str) -> str:
    """A file for OpenPGP keys."""
    entries = [f"        - {{fp: {name}, enc: x, created_at: '2026-01-01T00:00:00Z'}}" for name in fingerprints]
    sealed = encrypted(secret("x", "{a: b}"), PUBLIC).splitlines()
    start = next(number for number, line in enumerate(sealed) if line.strip() == "age:")
    end = next(number for number, line in enumerate(sealed) if line.strip().startswith("recipient:")) + 1
    return "\n".join([*sealed[:start], "    pgp:", *entries, *sealed[end:], ""])


@pytest.mark.parametrize(
    ("fingerprints", "is_needed"),
    [
        ([OPENPGP], True),
        ([OPENPGP.lower()], True),
        ([f"{OPENPGP[-16:]}!"], True),
        ([OPENPGP, "B" * 40], True),
        (["B" * 40], False),
        ([OPENPGP[-8:]], False),
    ],
    ids=["whole", "lower case", "subkey", "and another", "another", "too short"],
)
def test_an_openpgp_key_is_needed_by_the_files_that_name_it(fingerprints, is_needed):
    assert recipients("team.asc", UNLOCKED).public == {OPENPGP}
    found = due(wanted(), NEW, live(team_asc=UNLOCKED))
    assert found is not None
    if not is_needed:
        found.prove(files(of_openpgp(*fingerprints)), "x")
        return
    with pytest.raises(KeyInUseError, match=r"team\.asc by apps/0\.yaml"):
        found.prove(files(of_openpgp(*fingerprints)), "x")
    renamed = (("renamed.asc", UNLOCKED), ("sops.vault-token", "x"))
    found = due(wanted(renamed), renamed, live(team_asc=UNLOCKED))
    assert found is not None
    found.prove(files(of_openpgp(*fingerprints)), "x")


def test_files_that_are_not_at_hand_prove_nothing():
    found = due(wanted(), NEW, live(old_agekey=PRIVATE))
    assert found is not None
    with pytest.raises(KeyInUseError, match="not at hand"):
        found.prove(None, "latest@sha256:x")


def test_a_kustomization_with_files_elsewhere_keeps_the_key():
    tree, _files = Repository().walked()

    def kustomization(name: str, named: str = "sops-age", namespace: str = "flux-system") -> dict:
        reference = {"name": named} if named else None
        spec = {"decryption": {"provider": "sops", **({"secretRef": reference} if reference else {})}}
        return {"kind": "Kustomization", "metadata": {"namespace": namespace, "name": name}, "spec": spec}

    known = kustomization("flux-system")
    others = [kustomization("elsewhere"), kustomization("own", "own-keys"), kustomization("tenant", namespace="tenant")]
    assert strangers(SECRET, tree, [known, *others], is_for_all=False) == ["flux-system/elsewhere"]
    assert strangers(SECRET, tree, [known, kustomization("any", "")], is_for_all=True) == ["flux-system/any"]
    found = due(wanted(), NEW, live(old_agekey=PRIVATE))
    assert found is not None
    with pytest.raises(KeyInUseError, match="flux-system/elsewhere decrypts with this Secret"):
        found.insist_on_own_files(tree, others, is_for_all=False)


def test_a_secret_that_flux_applies_is_left_to_it():
    there = live(old_agekey="x")
    insist_on_owner([SECRET], {SECRET: there})
    there["metadata"]["labels"] = {
        "kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "x",
    }
    with pytest.raises(PreflightError, match="applied by Kustomization x/apps"):
        insist_on_owner([SECRET], {SECRET: there})


@pytest.mark.parametrize(
    ("revision", "commit"),
    [
        (f"main@sha1:{'a' * 40}", "a" * 40),
        (f"sha1:{'b' * 40}", "b" * 40),
        (f"v1.2@sha256:{'c' * 64}", "c" * 64),
        (f"main/{'d' * 40}", "d" * 40),
        ("", ""),
        ("main", ""),
    ],
)
def test_the_commit_stands_at_the_end_of_a_revision(revision, commit):
    assert commit_of(revision) == commit


class Key(t.NamedTuple):
    """A key of a file, as far as it is looked at."""

    recipient: str
    kind: str = "age"


class Split:
    """One file whose data key is split over groups of keys."""

    def __init__(self, threshold: int, *groups: list[Key]) -> None:
        self.split = threshold, groups

    def groups(self):
        threshold, groups = self.split
        yield "apps/x.yaml", groups, threshold


OLD, STAYING, OTHER = Key("old"), Key("staying"), Key("other")


@pytest.mark.parametrize(
    ("file", "is_needed"),
    [
        (Split(2, [OLD], [STAYING], [OTHER]), True),
        (Split(2, [OLD, STAYING], [STAYING], [OTHER]), False),
        (Split(0, [OLD], [STAYING]), True),
        (Split(2, [STAYING], [STAYING], [OLD]), False),
        (Split(0, [Key("4F2A", "pgp"), OLD]), True),
        (Split(0, [Key("4F2A", "pgp")]), False),
    ],
)
def test_of_several_groups_as_many_have_to_open_as_the_file_says(file, is_needed):
    assert needed_by(file, Recipients(frozenset({"old"})), ["staying"]) == (["apps/x.yaml"] if is_needed else [])
