# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys that are to be seeded, and key services that Flux has to be allowed to use.

Private to the collection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..._errors import ManifestError
from ..._kubernetes.objects import Object, reference, section
from ..._sops.key_ring import KeyRing
from ..artifact import Files
from ..encrypted import Encrypted
from ..manifests import Components, parse
from ..patching import through
from ..tree import Coverage, Tree
from .base import FAIL, OK, WARN, Check, listing

CONTROLLER = "kustomize-controller"
KEY_SUFFIXES = (".agekey", ".asc")
CREDENTIALS: Mapping[str, str] = {
    "kms": "sops.aws-kms",
    "gcp_kms": "sops.gcp-kms",
    "azure_kv": "sops.azure-kv",
    "hc_vault": "sops.vault-token",
}
"""The entry of the decryption Secret with the credential for each kind of key service."""
IDENTITIES: Mapping[str, str] = {
    "kms": "eks.amazonaws.com/role-arn",
    "gcp_kms": "iam.gke.io/gcp-service-account",
    "azure_kv": "azure.workload.identity/client-id",
}
"""The annotation that gives a ServiceAccount an identity in the cloud."""
_WORDS = {"kms": "AWS KMS", "gcp_kms": "Google Cloud KMS", "azure_kv": "Azure Key Vault", "hc_vault": "Vault"}


def age_key_pair(ring: KeyRing, public_key: str | None) -> Check:
    """Are the keys keys, and is the public key theirs?"""
    fix = "an age key starts with AGE-SECRET-KEY-"
    if ring.failed:
        return Check("age_key_pair", FAIL, listing(ring.failed), fix)
    if not ring.recipients:
        return Check("age_key_pair", FAIL, "there is no age key in the given content", fix)
    mine = ", ".join(ring.recipients)
    if public_key and public_key not in ring.recipients:
        evidence = f"the private key belongs to {mine}, not to {public_key}"
        return Check("age_key_pair", FAIL, evidence, "one of the two variables is of another cluster")
    return Check("age_key_pair", OK, f"the key of {mine}")


def key_names(names: Sequence[str]) -> Check:
    """Does Flux take notice of the entries of the decryption Secret?"""
    known = set(CREDENTIALS.values())
    ignored = [name for name in names if not name.endswith(KEY_SUFFIXES) and name not in known]
    if ignored:
        fix = f"let the name end in {' or '.join(KEY_SUFFIXES)}, or be one of {', '.join(sorted(known))}"
        return Check("key_names", FAIL, f"Flux takes no notice of {listing(ignored, ', ')}", fix)
    return Check("key_names", OK, f"Flux reads {', '.join(names)}")


def key_services(
    tree: Tree, encrypted: Encrypted, components: Components, files: Files, names: Sequence[str]
) -> Iterator[Check]:
    """May kustomize-controller use the key services that the encrypted files need?

    Args:
        tree: all Kustomizations.
        encrypted: their encrypted files.
        components: where the ServiceAccount of the controller stands.
        files: all files of the repository.
        names: the entries of the decryption Secret that is seeded.
    """
    needed = {path: {key.kind for group in groups for key in group} for path, groups in encrypted.recipients()}
    kinds = sorted({kind for found in needed.values() for kind in found if kind not in {"age", "pgp"}})
    # One key that opens a file is enough; with a key of its own none of the services is asked.
    kinds = [kind for kind in kinds if any(kind in found and "age" not in found for found in needed.values())]
    if not kinds:
        yield Check("key_services", OK, "no encrypted file needs a key service")
        return
    annotations = _annotations(tree, encrypted, components, files)
    wrong = []
    for kind in kinds:
        entry, annotation = CREDENTIALS.get(kind, ""), IDENTITIES.get(kind, "")
        if entry in names or (annotation and annotations.get(annotation)):
            continue
        has = f"neither the annotation {annotation} nor" if annotation else "not"
        wrong.append(f"{_WORDS.get(kind, kind)}: {has} an entry {entry or 'for it'} in the decryption Secret")
    if wrong:
        fix = (
            "annotate the ServiceAccount by a patch in flux-system/kustomization.yaml, or give the credential in "
            "decryption_keys; nothing to do where the nodes or the cluster itself give the identity (EKS Pod Identity)"
        )
        yield Check("key_services", WARN, f"{CONTROLLER} may not be allowed to decrypt. {listing(wrong)}", fix)
    else:
        told = ", ".join(_WORDS.get(kind, kind) for kind in kinds)
        yield Check("key_services", OK, f"{CONTROLLER} has an identity or a credential for {told}")


def _annotations(tree: Tree, encrypted: Encrypted, components: Components, files: Files) -> dict[str, str]:
    """Return the annotations of the ServiceAccounts that decrypt, as they arrive in the cluster."""
    found: dict[str, str] = {}
    wanted = {
        (node.namespace, str(named)) for node in tree.nodes if encrypted.among(node.files) and (named := _account(node))
    }
    for item in (*components.objects, *_accounts(tree, files)):
        place = reference(item)
        if place.kind == "ServiceAccount" and (place.name == CONTROLLER or (place.namespace, place.name) in wanted):
            found |= section(item, "metadata", "annotations")
    return found


def _account(node: Coverage) -> str:
    return str(section(node.kustomization, "spec", "decryption").get("serviceAccountName") or "")


def _accounts(tree: Tree, files: Files) -> Iterable[Object]:
    for piece in dict.fromkeys(piece for node in tree.nodes for piece in node.taken.pieces):
        content = files.read(piece.path)
        if b"ServiceAccount" not in content:
            continue
        try:
            objects = parse(content, where=piece.path)
        except ManifestError:
            # Told by the check of the manifests.
            continue
        for found in objects:
            if found.get("kind") == "ServiceAccount":
                yield through(found, piece.layers)[0]
