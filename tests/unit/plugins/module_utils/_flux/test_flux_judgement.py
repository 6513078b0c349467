# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Judging objects of Flux: conditions as real controllers set them, and what each means for a run."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.hints import flatten, hint_for, is_passing
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.judgement import (
    Request,
    is_lasting,
    judge_kustomization,
    judge_source,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.readiness import State

HEAD = "main@sha1:" + "a" * 40
OLD = "main@sha1:" + "b" * 40
WRONG_KEY = (
    "decryption failed for 'Secret.v1.[noGrp]/app-secret': failed to decrypt and format 'apps/app-secret' Secret data: "
    "cannot get sops data key: Failed to get the data key required to decrypt the SOPS file.\n\nGroup 0: FAILED\n"
    "  age1abc: FAILED\n    - | failed to create reader for decrypting sops data key with\n      | age: identity did not "
    "match any of the recipients: incorrect\n      | identity for recipient block\n"
)
NO_DECRYPTION = (
    "Secret/apps/app-secret is SOPS encrypted, configuring decryption is required for this secret to be reconciled"
)
AUTHENTICATION = (
    "failed to checkout and determine revision: unable to clone 'https://x': authentication required: <html>No</html>"
)
NO_PATH = "kustomization path not found: stat /tmp/kustomization-1/clusters/nope: no such file or directory"
NO_SECRET = "failed to get secret 'flux-system/flux-system': secrets \"flux-system\" not found"
NO_BRANCH = (
    "failed to checkout and determine revision: unable to clone 'x': couldn't find remote ref \"refs/heads/nope\""
)


def thing(ready, reason="", message="", *, generation=1, seen=None, extra=(), **status):
    own = {"type": "Ready", "status": ready, "reason": reason, "message": message}
    own["observedGeneration"] = generation if seen is None else seen
    return {
        "metadata": {"generation": generation},
        "status": {"observedGeneration": generation, "conditions": [own, *extra], **status},
    }


def retrying():
    return {"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry"}


def kustomization(ready, reason="", message="", **status):
    return thing(ready, reason, message, **{"lastAttemptedRevision": HEAD, **status})


def applied(**status):
    return kustomization(
        "True", "ReconciliationSucceeded", f"Applied revision: {HEAD}", lastAppliedRevision=HEAD, **status
    )


def source(ready, reason="", message="", **status):
    return thing(ready, reason, message, **status)


STORED = {"artifact": {"revision": HEAD}}


@pytest.mark.parametrize(
    ("found", "request_", "state"),
    [
        (source("True", "Succeeded", "stored artifact", **STORED), Request(), State.CURRENT),
        (source("True", "Succeeded", "stored artifact"), Request(), State.IN_PROGRESS),
        (source("True", **STORED) | {"metadata": {"generation": 2}}, Request(), State.IN_PROGRESS),
        ({"metadata": {"generation": 1}, "status": {"observedGeneration": -1}}, Request(), State.IN_PROGRESS),
        (source("Unknown", "Progressing", "building artifact"), Request(), State.IN_PROGRESS),
        (source("False", "GitOperationFailed", AUTHENTICATION, observedGeneration=-1), Request(), State.FAILED),
        (source("False", "AuthenticationFailed", NO_SECRET, observedGeneration=-1), Request(), State.FAILED),
        (source("False", "GitOperationFailed", NO_BRANCH), Request(), State.FAILED),
        (source("False", "GitOperationFailed", NO_BRANCH, generation=2, seen=1), Request(), State.IN_PROGRESS),
        (source("False", "GitOperationFailed", AUTHENTICATION), Request("new"), State.IN_PROGRESS),
        (source("False", "X", AUTHENTICATION, lastHandledReconcileAt="new"), Request("new"), State.FAILED),
        (source("True", lastHandledReconcileAt="old", **STORED), Request("new"), State.IN_PROGRESS),
        (source("True", lastHandledReconcileAt="new", **STORED), Request("new"), State.CURRENT),
        (
            source("False", extra=[{"type": "Stalled", "status": "True", "reason": "URLInvalid"}]),
            Request(),
            State.FAILED,
        ),
    ],
)
def test_source(found, request_, state):
    """An answer to an older request, or about an older spec, says nothing."""
    assert judge_source(found, request_).state is state


@pytest.mark.parametrize(
    ("found", "request_", "state"),
    [
        (applied(), Request(None, revision=HEAD), State.CURRENT),
        (applied(), Request(None, revision=None), State.CURRENT),
        (applied(), Request(None, revision=OLD), State.IN_PROGRESS),
        (applied(observedGeneration=0), Request(None, revision=HEAD), State.IN_PROGRESS),
        (applied(lastHandledReconcileAt="new"), Request("new", revision=HEAD), State.CURRENT),
        (applied(), Request("new", revision=HEAD), State.IN_PROGRESS),
        (kustomization("True", lastAppliedRevision=OLD), Request(None, revision=HEAD), State.IN_PROGRESS),
        (
            kustomization("False", "BuildFailed", WRONG_KEY, extra=[retrying()]),
            Request(None, revision=HEAD),
            State.FAILED,
        ),
        (
            kustomization("False", "BuildFailed", WRONG_KEY, extra=[retrying()], observedGeneration=-1),
            Request(None, revision=HEAD),
            State.FAILED,
        ),
        (kustomization("False", "BuildFailed", WRONG_KEY), Request("new", revision=HEAD), State.IN_PROGRESS),
        (
            kustomization("False", "BuildFailed", WRONG_KEY, lastHandledReconcileAt="new"),
            Request("new", revision=HEAD),
            State.FAILED,
        ),
        # It failed at the revision before; the one that counts is still to come.
        (
            kustomization("False", "BuildFailed", WRONG_KEY, lastAttemptedRevision=OLD),
            Request(None, revision=HEAD),
            State.IN_PROGRESS,
        ),
        (kustomization("False", "ReconciliationFailed", NO_DECRYPTION), Request(None, revision=HEAD), State.FAILED),
        (kustomization("False", "HealthCheckFailed", "timeout"), Request(None, revision=HEAD), State.FAILED),
        (
            kustomization("Unknown", "Progressing", "Reconciliation in progress"),
            Request(None, revision=HEAD),
            State.IN_PROGRESS,
        ),
        (
            kustomization("False", "DependencyNotReady", "dependency 'x'"),
            Request(None, revision=HEAD),
            State.IN_PROGRESS,
        ),
        (
            kustomization("False", "ArtifactFailed", "Source artifact not found, retrying in 30s"),
            Request(None, revision=HEAD),
            State.IN_PROGRESS,
        ),
        (
            kustomization("False", "ReconciliationFailed", 'no matches for kind "X" in version "y"'),
            Request(None, revision=HEAD),
            State.IN_PROGRESS,
        ),
        # The path is looked up before the revision is noted.
        (
            kustomization("False", "ArtifactFailed", NO_PATH, lastAttemptedRevision=None),
            Request(None, revision=HEAD),
            State.FAILED,
        ),
        ({"metadata": {"deletionTimestamp": "x"}}, Request(), State.TERMINATING),
        ({"metadata": {"generation": 1}}, Request(), State.IN_PROGRESS),
    ],
)
def test_kustomization(found, request_, state):
    """A Kustomization has failed when the try that counts has, not when it gives up, which it never does."""
    assert judge_kustomization(found, request_).state is state


@pytest.mark.parametrize(
    ("asked", "version", "handled", "state"),
    [
        ("ours", "7", "ours", State.CURRENT),
        ("ours", "7", "older", State.IN_PROGRESS),
        ("later", "9", "later", State.CURRENT),
        ("later", "9", "ours", State.IN_PROGRESS),
        # The object as it was before the request: the answer is to an older one.
        ("older", "6", "older", State.IN_PROGRESS),
    ],
    ids=["answered", "not yet", "another one has asked since", "the later one not yet", "before the request"],
)
def test_an_answer_to_a_later_request_counts(asked, version, handled, state):
    """Two runs at once overwrite each other's request, and Flux answers only the last one."""
    found = applied(lastHandledReconcileAt=handled)
    found["metadata"] |= {"annotations": {"reconcile.fluxcd.io/requestedAt": asked}, "resourceVersion": version}
    assert judge_kustomization(found, Request("ours", 7, HEAD)).state is state


KMS = (
    "cannot get sops data key: Failed to get the data key required to decrypt the SOPS file. Group 0: FAILED arn:aws:kms:x:"
    " FAILED failed to decrypt sops data key with AWS KMS: operation error KMS: Decrypt, get identity: get credentials"
)


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ('secrets "sops-age" not found', "Secret is missing in the namespace"),
        (WRONG_KEY, "encrypted for another key"),
        ("failed to load age identities. Did not find keys in locations 'X'", "must end in .agekey"),
        ("failed to import 'age.agekey' data from sops: malformed secret key", "starts with AGE-SECRET-KEY-"),
        ("failed to import 'sops.asc' data from sops decryption Secret", "armored private key without a passphrase"),
        (NO_DECRYPTION, "lacks spec.decryption"),
        (".sops: field not declared in schema", "lacks spec.decryption"),
        ("error unmarshaling JSON: Object 'Kind' is missing in '{}'", "set encrypted_regex"),
        ("failed to decode Kubernetes YAML from x: missing Resource metadata", "set encrypted_regex"),
        ('dry-run failed: no matches for kind "ENC[AES256_GCM,data:x]" in version "ENC[x]"', "set encrypted_regex"),
        ('ConfigMap/apps/x not found: namespaces "apps" not found', "the namespace comes from something else"),
        ("error decrypting sops tree: Input string does not match sops' data format", "encrypt it again"),
        (AUTHENTICATION, "refuses the credential"),
        ("unable to authenticate, attempted methods [none publickey]", "refuses the credential"),
        ("knownhosts: key is unknown", "known_hosts"),
        (NO_BRANCH, "spec.ref.branch"),
        (NO_PATH, "names a folder"),
        ('no matches for kind "X"', "dependsOn"),
        (KMS, "could not use the key service"),
        ("cannot get sops data key: failed to decrypt sops data key from Vault transit backend 'x'", "key service"),
        (f"cannot get sops data key: {KMS} identity did not match any of the recipients", "encrypted for another key"),
        (".stringData.pin: expected string, got &value.valueUnstructured{Value:4711}", "put numbers and booleans"),
        (".data: expected map, got &{[one]}", "put numbers and booleans"),
        ('spec.host: Invalid value: "x": must be a DNS name', "correct it in Git"),
    ],
)
def test_each_known_message_has_its_hint(message, hint):
    assert hint in (hint_for(message) or "")


@pytest.mark.parametrize(
    ("message", "told"),
    [
        # From the controllers and the API server of the lab, with values in place of which there are others here.
        (
            "(a/b; /v1, Kind=Secret): .stringData.pin: expected string, got &value.valueUnstructured{Value:hunter2}\n",
            ".stringData.pin: expected string, got ***",
        ),
        (
            '.data.a: expected string, got &x{V:{"b":"hunter2: \\n"}}\n  .data.c: expected string, got &{[hunter2\nhunter2]}',
            ".data.a: expected string, got *** .data.c: expected string, got ***",
        ),
        (
            'is invalid: spec.x[0].host: Invalid value: "hunter2": must be',
            "spec.x[0].host: Invalid value: ***: must be",
        ),
        ('spec.type: Unsupported value: "hunter2": supported values: "a", "b"', '***: supported values: "a", "b"'),
        (
            "[spec.a: Invalid value: 4711: must be, <nil>: Invalid value: null: x]",
            "***: must be, <nil>: Invalid value: null",
        ),
        ('data[1 x hunter2]: Invalid value: "1 x hunter2": a valid', "data[***]: Invalid value: ***: a valid"),
        ('spec.a: Duplicate value: {"x":"hunter2"}: no', "spec.a: Duplicate value: ***: no"),
        ('Invalid value: "say \\"hunter2\\" twice": no', "Invalid value: ***: no"),
        ('error found in #9 byte of ...|hunter2|..., bigger context ...|"a":"hunter2"|...', "***"),
        ('metadata.name: Invalid value: "My_Name": a lowercase', 'Invalid value: "My_Name": a lowercase'),
        (
            'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": no',
            '"<secret contents redacted>": no',
        ),
        (".spec.replicas: expected numeric (int or float), got string", "got string"),
    ],
    ids=[
        "typed",
        "several",
        "string",
        "enum",
        "number",
        "entry",
        "mapping",
        "quotes",
        "json",
        "name",
        "redacted",
        "kind",
    ],
)
def test_what_the_api_server_quotes_of_an_object_is_not_told(message, told):
    """It may have been decrypted; the field and the reason stay."""
    flat = flatten(message)
    assert told in flat
    assert "hunter2" not in flat
    assert "4711" not in flat


def test_an_unknown_message_has_none():
    assert hint_for("something new") is None


def test_messages_come_in_one_line_without_the_bars_of_sops():
    flat = flatten(WRONG_KEY)
    assert "|" not in flat
    assert "identity did not match any of the recipients: incorrect identity for recipient block" in flat
    assert flatten("a || b") == "a || b"


@pytest.mark.parametrize(
    "key",
    [
        "AGE-SECRET-KEY-1ABCDEF",
        "age-secret-key-1abcdef",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----",
    ],
)
def test_messages_come_without_private_keys(key):
    assert flatten(f"cannot read '{key}' here") == "cannot read '***' here"


@pytest.mark.parametrize(
    ("message", "passing", "lasting"),
    [
        (AUTHENTICATION, False, True),
        (NO_SECRET, False, True),
        (NO_BRANCH, False, True),
        ("dial tcp: connection refused", True, False),
        ("failed calling webhook", True, False),
        (WRONG_KEY, False, False),
        ('no matches for kind "X" in version "y"', True, False),
        ('no matches for kind "ENC[x]" in version "y"', False, False),
        ('namespaces "apps" not found', True, True),
    ],
)
def test_some_failures_pass_by_themselves(message, passing, lasting):
    assert (is_passing(message), is_lasting(message)) == (passing, lasting)
