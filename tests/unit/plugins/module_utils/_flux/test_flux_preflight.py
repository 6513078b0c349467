# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preflight: what is found before anything is written."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import GitAuthenticationError
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux import preflight
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.encrypted import key_ring, secret_texts
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.preflight.base import Check
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Config
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.base import Surroundings
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.services import KeyServices
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._flux.repository import (
    OTHER_PRIVATE,
    OTHER_PUBLIC,
    PRIVATE,
    PUBLIC,
    SYNC,
    URL,
    Repository,
    child,
    encrypted,
    results,
    secret,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import GnupgHome

RING = key_ring([("age.agekey", PRIVATE)])
SECRET = encrypted(secret("db", "{password: correct-horse, short: abc}"))


def lab(**more: str) -> Repository:
    return Repository(**{"clusters/lab/apps.yaml": child("apps"), "apps/db.yaml": SECRET, **more})


def test_a_credential_that_opens_the_remote():
    assert preflight.git_credential("main", "a" * 40, None).result == "ok"


def test_a_credential_that_does_not():
    check = preflight.git_credential("main", None, GitAuthenticationError("refused", where=URL, hint="try"))
    assert check == ("git_credential", "fail", f"{URL}: refused", "try")


def test_a_checkout_behind_the_remote_is_a_warning():
    assert preflight.checkout("a" * 40, "a" * 40).result == "ok"
    assert preflight.checkout("a" * 40, "b" * 40).result == "warn"


def test_disagreements_are_a_failure():
    """What can disagree is in test_flux_agreement.py."""
    assert preflight.gotk_sync(lab().sync, [], follows="main").evidence.endswith(
        f"follows main at {URL}, path ./clusters/lab"
    )
    check = preflight.gotk_sync(lab().sync, ["its URL is a, not b"], follows="main")
    assert (check.result, check.evidence.partition(": ")[2]) == ("fail", "its URL is a, not b")


@pytest.mark.parametrize(
    ("key", "public", "result"),
    [
        (PRIVATE, None, "ok"),
        (PRIVATE, PUBLIC, "ok"),
        (f"# a comment\n{OTHER_PRIVATE}\n{PRIVATE}\n", PUBLIC, "ok"),
        (PRIVATE, OTHER_PUBLIC, "fail"),
        (PUBLIC, PUBLIC, "fail"),
        ("nonsense", None, "fail"),
        ("# nothing", None, "fail"),
    ],
    ids=["alone", "pair", "one-of-two", "another-public-key", "public-for-private", "nonsense", "only-a-comment"],
)
def test_the_keys_are_keys_and_a_pair(key, public, result):
    check = preflight.age_key_pair(key_ring([("age.agekey", key)]), public)
    assert check.result == result
    assert PRIVATE not in str(check)
    assert OTHER_PRIVATE not in str(check)


def test_every_file_of_the_tree_is_opened():
    assert preflight.sops_files(lab().walked()[1], RING).evidence == "the key opens all 1 encrypted files, MAC included"


def test_a_file_for_another_key_is_named():
    repository = lab(**{"apps/other.yaml": encrypted(secret("x", "{a: b}"), OTHER_PUBLIC)})
    check = preflight.sops_files(repository.walked()[1], RING)
    assert check.result == "fail"
    assert check.evidence.startswith("1 of 2 encrypted files cannot be used: apps/other.yaml: ")
    assert OTHER_PUBLIC in check.evidence


def test_a_file_that_was_edited_after_its_encryption_is_named():
    """The controller does not look at the MAC; a changed name goes unnoticed there."""
    check = preflight.sops_files(lab(**{"apps/db.yaml": SECRET.replace("name: db", "name: xy")}).walked()[1], RING)
    assert check.result == "fail"
    assert "MAC" in check.evidence


def test_a_key_without_files_and_files_without_a_key_are_mistakes():
    nothing = Repository().walked()[1]
    assert preflight.sops_files(nothing, RING).result == "fail"
    assert preflight.sops_files(nothing, None).result == "ok"
    assert preflight.sops_files(lab().walked()[1], None).result == "fail"


GENERATED = {"apps/kustomization.yaml": "secretGenerator: [{name: a, envs: [a.env]}]\nresources: [db.yaml]"}


def test_what_a_secret_generator_reads_is_opened_in_its_own_format():
    files = {**GENERATED, "apps/a.env": encrypted("PASSWORD=secret\n", name="a.env")}
    check = preflight.sops_files(lab(**files).walked()[1], RING)
    assert check.result == "ok"
    assert check.evidence.startswith("the key opens all 2 ")


KMS = {"created_at": "2026-01-01T00:00:00Z", "enc": "x", "arn": "arn:aws:kms:eu-west-1:1:key/a", "aws_profile": ""}


def sealed_for(kind: str, entry: dict[str, str]) -> str:
    """A file whose only key is of another kind than age."""
    lines = [line for line in encrypted("PASSWORD=secret\n", name="a.env").splitlines() if "sops_age" not in line]
    lines += [f"sops_{kind}__list_0__map_{name}={value}" for name, value in entry.items()]
    return "\n".join(lines) + "\n"


def opened_with(ring: KeyRing, sealed: str) -> Check:
    return preflight.sops_files(lab(**GENERATED, **{"apps/a.env": sealed}).walked()[1], ring)


def test_files_under_kinds_of_keys_that_are_not_opened_here_are_unknown():
    """Neither proven nor disproven: the controller may have an identity of its own."""
    check = opened_with(RING, sealed_for("kms", KMS))
    assert (check.result, check.evidence[:35]) == ("unknown", "1 of 2 files could not be tried: ap")


@pytest.fixture(scope="module")
def gnupg() -> t.Iterator[GnupgHome]:
    with GnupgHome() as home:
        yield home


@pytest.fixture(scope="module")
def team(gnupg: GnupgHome) -> str:
    return gnupg.new_key(name="team")


@pytest.fixture(scope="module")
def for_team(gnupg: GnupgHome, team: str) -> str:
    rule = Config.parse(f"creation_rules: [{{pgp: {team}}}]\n", path="/x/.sops.yaml").rule_for("/x/a.env")
    services = KeyServices(gnupg.surroundings())
    return document.encrypt(b"PASSWORD=secret\n", rule, store=store_for("a.env"), services=services).content.decode()


def test_an_openpgp_key_of_the_decryption_secret_opens_its_files(gnupg: GnupgHome, team: str, for_team: str):
    """With nothing else: no home of the user, no agent."""
    keys = [("age.agekey", PRIVATE), ("team.asc", gnupg.private(team))]
    check = opened_with(key_ring(keys, {"PATH": gnupg.environment["PATH"]}), for_team)
    assert (check.result, check.evidence) == ("ok", "the key opens all 2 encrypted files, MAC included")


def test_a_file_for_another_openpgp_key_is_a_failure(gnupg: GnupgHome, for_team: str):
    """Flux has no other OpenPGP keys than those of the Secret."""
    other = gnupg.private(gnupg.new_key(name="other"))
    for keys in ([("age.agekey", PRIVATE)], [("age.agekey", PRIVATE), ("other.asc", other)]):
        check = opened_with(key_ring(keys, gnupg.environment), for_team)
        assert (check.result, "apps/a.env" in check.evidence) == ("fail", True)


def test_without_the_program_gpg_an_openpgp_file_is_unknown(gnupg: GnupgHome, team: str, for_team: str):
    keys = [("age.agekey", PRIVATE), ("team.asc", gnupg.private(team))]
    check = opened_with(key_ring(keys, {"PATH": "/nowhere"}), for_team)
    assert check.result == "unknown"
    assert f"pgp {team}: the program gpg is required and was not found" in check.evidence


def test_without_an_identity_files_are_tried_where_each_has_a_key_of_another_kind(gnupg: GnupgHome, for_team: str):
    """`fluxseed check --flux` of somebody whose keys are all in gpg, or whose cloud knows him."""
    nobody, of_gpg = gather(Surroundings({}, "", lambda _path: None, lambda *_words: "")), gather(gnupg.surroundings())
    only_team = lab(**{"apps/kustomization.yaml": GENERATED["apps/kustomization.yaml"].replace("db.yaml", "ns.yaml")}, **{
        "apps/a.env": for_team, "apps/ns.yaml": "{apiVersion: v1, kind: Namespace, metadata: {name: x}}"
    }).walked()[1]  # fmt: skip
    assert len(only_team) == 1
    assert preflight.may_open(only_team, of_gpg)
    assert preflight.sops_files(only_team, of_gpg).result == "ok"
    assert not preflight.may_open(lab(**GENERATED, **{"apps/a.env": for_team}).walked()[1], nobody)
    assert preflight.may_open(lab().walked()[1], RING)
    assert not preflight.may_open(Repository().walked()[1], RING)


@pytest.mark.parametrize(
    ("decryption", "result", "evidence"),
    [
        ("  decryption: {provider: sops, secretRef: {name: sops-age}}\n", "ok", "seeded Secret"),
        ("", "fail", "flux-system/apps covers apps/db.yaml"),
        ("  decryption: {provider: sops, secretRef: {name: other}}\n", "warn", "reads flux-system/other"),
        ("  decryption: {provider: sops}\n", "warn", "(none named)"),
        ("  patches: [{patch: x}]\n", "fail", "no decryption"),
    ],
)
def test_who_covers_encrypted_files_decrypts_them(decryption, result, evidence):
    repository = lab(**{"clusters/lab/apps.yaml": child("apps", decryption)})
    (check,) = preflight.decryption(*repository.walked(), repository.sync)
    assert check.result == result
    assert evidence in check.evidence


def test_references_that_lead_nowhere():
    more = {
        "clusters/lab/gone.yaml": child("gone"),
        "apps/kustomization.yaml": "resources: [db.yaml, missing.yaml, 'https://example.com/x.yaml']",
    }
    checks = list(preflight.references(lab(**more).walked()[0]))
    assert results(checks) == [("references", "fail"), ("references", "warn"), ("references", "unknown")]
    assert "flux-system/gone: spec.path ./gone" in checks[0].evidence
    assert results(preflight.references(lab().walked()[0])) == [("references", "ok")]


def test_flux_outside_of_its_own_build():
    inside, outside = lab(), lab(**{"clusters/lab/kustomization.yaml": "resources: [apps.yaml]"})
    assert preflight.self_management(inside.walked()[0].nodes[0], inside.components).result == "ok"
    assert preflight.self_management(outside.walked()[0].nodes[0], outside.components).result == "warn"


@pytest.mark.parametrize(
    ("spec", "result", "told"),
    [
        ("interval: 10m", "ok", "tried again after 10m (spec.retryInterval makes that shorter)"),
        ("interval: 10h, retryInterval: 30s", "ok", "tried again after 10m"),
        ("interval: 1h0.5m", "warn", "flux-system/apps tries again after 1h0.5m ("),
        ("interval: 1m, retryInterval: 901s", "warn", "flux-system/apps tries again after 901s"),
        ("interval: '${INTERVAL}'", "ok", "tried again after 10m"),
    ],
    ids=["interval", "retry", "long", "long retry", "variable"],
)
def test_how_long_a_failure_waits_for_its_next_try(spec, result, told):
    text = child("apps", "  " + spec.replace(", ", "\n  ") + "\n")
    check = looked_at_every("1m", "10m", **{"clusters/lab/apps.yaml": text})
    assert check.result == result
    assert told in str(check)


def test_a_source_that_looks_seldom():
    check = looked_at_every("1h", "10m")
    assert check.result == "warn"
    assert "GitRepository flux-system looks every 1h" in check.evidence


def looked_at_every(source: str, root: str, **more: str) -> preflight.Check:
    sync = SYNC.replace("  ref:", f"  interval: {source}\n  ref:").replace("  path:", f"  interval: {root}\n  path:")
    repository = lab(**{"clusters/lab/flux-system/gotk-sync.yaml": sync, **more})
    return preflight.intervals(repository.walked()[0], repository.sync)


def test_texts_to_hide_are_those_that_no_message_holds_by_chance():
    _tree, files = lab().walked()
    texts = set(secret_texts(files.opened("apps/db.yaml", RING)))
    assert "correct-horse" in texts
    assert "abc" not in texts
    assert "correct-horse" not in repr(files.opened("apps/db.yaml", RING))
