# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every check by its name: what it asks, when, and what its results mean.

Private to the collection. The table in docs/preflight.md and the list in the documentation of the module are held
against this one by a test, and this one against the code.
"""

from __future__ import annotations

import typing as t

from .base import FAIL, OK, UNKNOWN, WARN

REMOTE, REPOSITORY, CLUSTER = "remote", "repository", "cluster"


class Entry(t.NamedTuple):
    """One check."""

    name: str
    looks_at: str
    asks: str
    results: tuple[str, ...]


CATALOGUE = (
    Entry(
        "git_credential",
        REMOTE,
        "Does the very content of the Git Secret open the remote, and is the branch, tag or commit there?",
        (OK, FAIL),
    ),
    Entry(
        "source_credential",
        REMOTE,
        "Does the credential open the registry or bucket? Only source-controller can tell.",
        (UNKNOWN,),
    ),
    Entry("checkout", REMOTE, "Is the checkout what the cluster will fetch?", (OK, WARN)),
    Entry(
        "components",
        REPOSITORY,
        "Is `gotk-components.yaml` a Flux of a known version that can follow this source?",
        (OK, FAIL, UNKNOWN),
    ),
    Entry(
        "gotk_sync",
        REPOSITORY,
        "Does `gotk-sync.yaml` follow what the parameters say, with the Secrets that are seeded, and without unknown fields?",
        (OK, FAIL),
    ),
    Entry("key_names", REPOSITORY, "Does Flux take notice of the entries of the decryption Secret?", (OK, FAIL)),
    Entry("age_key_pair", REPOSITORY, "Are the age keys keys, and is the public key theirs?", (OK, FAIL)),
    Entry(
        "sops_files",
        REPOSITORY,
        "Is every encrypted file below the path opened by the keys, MAC included? Files that cannot be tried from here (a key "
        "service without a credential, or out of reach; no `gpg`) are unknown.",
        (OK, FAIL, UNKNOWN),
    ),
    Entry(
        "sops_rules",
        REPOSITORY,
        "Is every encrypted file for those whom the nearest `.sops.yaml` names?",
        (OK, WARN, FAIL, UNKNOWN),
    ),
    Entry(
        "sops_layout",
        REPOSITORY,
        "Are apiVersion, kind and metadata of encrypted objects in clear?",
        (OK, WARN, FAIL),
    ),
    Entry("file_size", REPOSITORY, "Is every file of a generator or patch at most 5 MiB?", (OK, FAIL)),
    Entry(
        "decryption",
        REPOSITORY,
        "Has every Kustomization that covers encrypted files `spec.decryption`, with a Secret that will be in its namespace? What parents patch in counts.",
        (OK, WARN, FAIL, UNKNOWN),
    ),
    Entry(
        "key_services",
        REPOSITORY,
        "If files need a key service (KMS, Vault): has kustomize-controller an identity in Git, or a credential in the Secret?",
        (OK, WARN),
    ),
    Entry("plain_secrets", REPOSITORY, "Is there a Secret in clear?", (OK, WARN)),
    Entry(
        "references",
        REPOSITORY,
        "Can every reference of every kustomization file and every `spec.path` be followed?",
        (OK, WARN, FAIL, UNKNOWN),
    ),
    Entry(
        "unknown_fields",
        REPOSITORY,
        "Has every Kustomization only fields that its definition knows, such as no `decryption` at a wrong indentation?",
        (OK, FAIL),
    ),
    Entry("manifests", REPOSITORY, "Is every file of objects YAML, and does it hold objects?", (OK, FAIL)),
    Entry(
        "self_management",
        REPOSITORY,
        "Is `flux-system` part of what the root Kustomization builds, so that Flux keeps itself as Git says?",
        (OK, WARN),
    ),
    Entry(
        "intervals",
        REPOSITORY,
        "Is a change in Git seen, and what has failed tried again, within a quarter of an hour?",
        (OK, WARN),
    ),
    Entry(
        "api_versions",
        REPOSITORY,
        "Does this Flux still serve the versions of its kinds that Git uses?",
        (OK, FAIL, UNKNOWN),
    ),
    Entry("variables", REPOSITORY, "Is every variable set that Flux will substitute?", (OK, WARN, UNKNOWN)),
    Entry(
        "cluster_version",
        CLUSTER,
        "Is this Flux made for this version of Kubernetes?",
        (OK, WARN, FAIL, UNKNOWN),
    ),
    Entry("nodes", CLUSTER, "Is a node ready?", (OK, WARN, UNKNOWN)),
    Entry("network", CLUSTER, "Is there a Pod network (CNI)?", (OK, WARN, UNKNOWN)),
    Entry("access", CLUSTER, "May this user do what this run has to do?", (OK, FAIL)),
    Entry("namespace", CLUSTER, "Is no namespace of Flux being deleted?", (OK, FAIL)),
    Entry("flux_manager", CLUSTER, "Is Flux kept by Helm or an operator?", (OK, WARN, FAIL)),
    Entry(
        "flux_version",
        CLUSTER,
        "Is the Flux in Git at least as new as the one in the cluster?",
        (OK, WARN, FAIL, UNKNOWN),
    ),
    Entry(
        "second_flux",
        CLUSTER,
        "Is there another Flux, which would reconcile the same objects?",
        (OK, WARN, FAIL, UNKNOWN),
    ),
    Entry("argo_cd", CLUSTER, "Does Argo CD apply the same objects?", (OK, FAIL)),
    Entry(
        "leftover_definitions",
        CLUSTER,
        "Are there definitions of an earlier Flux that this one does not bring?",
        (OK, WARN),
    ),
    Entry(
        "stored_versions",
        CLUSTER,
        "Are objects stored in a version that the new definitions do not have? They are migrated first.",
        (OK, WARN),
    ),
    Entry(
        "cluster",
        CLUSTER,
        "Does nobody else apply the Secrets, and does Flux not follow another path here?",
        (OK, FAIL),
    ),
    Entry("images", CLUSTER, "Can the nodes pull the images? Only those that run already tell.", (OK, UNKNOWN)),
    Entry(
        "egress", CLUSTER, "Can the cluster reach the source? Only an artifact that was fetched tells.", (OK, UNKNOWN)
    ),
)
"""All checks, in the order in which they are made."""


def table() -> str:
    """Return the catalogue as a table in Markdown."""
    rows = [f"| `{entry.name}` | {entry.looks_at} | {entry.asks} | {', '.join(entry.results)} |" for entry in CATALOGUE]
    return "\n".join(("| check | looks at | asks | results |", "|---|---|---|---|", *rows))
