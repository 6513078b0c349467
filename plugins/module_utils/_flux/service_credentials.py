# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Credentials of key services in the decryption Secret, as settings for the clients of these services.

Private to the collection. Pure. With them preflight opens a file exactly as kustomize-controller will; see its package
`internal/decryptor` for the names and the forms of the entries.
"""

from __future__ import annotations

import json
import typing as t
from collections.abc import Iterable, Mapping

from .._errors import ManifestError
from .manifests import load

AWS_KMS, AZURE_KV, GCP_KMS = "sops.aws-kms", "sops.azure-kv", "sops.gcp-kms"
VAULT_TOKEN = "sops.vault-token"  # noqa: S105 - a name
KINDS: Mapping[str, str] = {AWS_KMS: "kms", AZURE_KV: "azure_kv", GCP_KMS: "gcp_kms", VAULT_TOKEN: "hc_vault"}
"""The kind of key that each entry is the credential for."""
WAYS = (
    "AWS_CA_BUNDLE",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_KMS",
    "AWS_ENDPOINT_URL_STS",
    "SOPS_GCP_KMS_CLIENT_TYPE",
    "SOPS_GCP_KMS_ENDPOINT",
    "SOPS_GCP_KMS_UNIVERSE_DOMAIN",
    "SOPS_HC_VAULT_ALLOWLIST",
    "VAULT_CACERT",
    "VAULT_CAPATH",
    "VAULT_NAMESPACE",
    "VAULT_SKIP_VERIFY",
)
"""What of the environment says how a service is reached from here; no credential is found through it."""
_AWS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_AZURE = {
    "AZURE_TENANT_ID": ("tenantId", "tenant"),
    "AZURE_CLIENT_ID": ("clientId", "appId"),
    "AZURE_CLIENT_SECRET": ("clientSecret", "password"),
    "AZURE_CLIENT_CERTIFICATE_PASSWORD": ("clientCertificatePassword",),
    "AZURE_AUTHORITY_HOST": ("authorityHost",),
}


class Services(t.NamedTuple):
    """What the entries of a decryption Secret say about key services."""

    environment: Mapping[str, str]
    """Settings as the clients know them from the environment."""
    kinds: frozenset[str]
    """The kinds of key that can be tried with them."""
    files: Mapping[str, str]
    """Texts that the settings name like files."""


def services_of(entries: Iterable[tuple[str, str]], environment: Mapping[str, str]) -> Services:
    """Return what is known about key services.

    Args:
        entries: names and contents, checked before; others than credentials are passed over.
        environment: where the ways to the services are taken from.
    """
    found = {name: environment[name] for name in WAYS if name in environment}
    kinds: set[str] = set()
    files: dict[str, str] = {}
    for name, content in entries:
        if name == VAULT_TOKEN:
            settings = {"VAULT_TOKEN": content.strip()}
        elif name == AWS_KMS:
            given = _mapping(content)
            settings = {key.upper(): str(given[key]) for key in _AWS if given.get(key)}
        elif name == GCP_KMS:
            settings = {"GOOGLE_CREDENTIALS": json.dumps(_mapping(content))}
        elif name == AZURE_KV:
            settings = _azure(_mapping(content), files)
        else:
            continue
        found.update(settings)
        if settings:
            kinds.add(KINDS[name])
    return Services(found, frozenset(kinds), files)


def _azure(given: Mapping[str, t.Any], files: dict[str, str]) -> dict[str, str]:
    """A secret or a certificate of an application; a mere clientId is an identity of the machine, which is not here."""
    settings = {name: next((str(given[key]) for key in keys if given.get(key)), "") for name, keys in _AZURE.items()}
    certificate = given.get("clientCertificate")
    if certificate:
        settings["AZURE_CLIENT_CERTIFICATE_PATH"] = AZURE_KV
        files[AZURE_KV] = str(certificate)
    is_application = settings["AZURE_TENANT_ID"] and (settings["AZURE_CLIENT_SECRET"] or certificate)
    return {name: value for name, value in settings.items() if value} if is_application else {}


def _mapping(content: str) -> Mapping[str, t.Any]:
    try:
        found = load(content.encode(), where="")
    except ManifestError:
        found = None
    return found if isinstance(found, Mapping) else {}
