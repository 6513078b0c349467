# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is to be so, as the caller says it.

Private to the collection. Pure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field

from .._git.credential import Credential, Proxy
from .._git.host_keys import known_hosts
from .._git.remote import Ref
from .decryption_entries import is_age
from .registries import ImagePull, SourceCredential

GIT, OCI, BUCKET = "git", "oci", "bucket"
KINDS = {GIT: "GitRepository", OCI: "OCIRepository", BUCKET: "Bucket"}
"""Kind of the source: in options and in the cluster."""
SECRET, WORKLOAD_IDENTITY, CONTROLLER = "secret", "workload_identity", "controller"
"""Where the keys for decryption are: in a Secret that `spec.decryption` names, nowhere, in one for all of the controller."""


@dataclass(frozen=True)
class Pinned:
    """A file by path or URL, with the SHA-256 of what is expected there."""

    place: str
    sha256: str


@dataclass(frozen=True)
class Settings:
    """What is to be so."""

    url: str
    branch: str
    path: str
    tag: str = ""
    commit: str = ""
    kind: str = GIT
    checkout: str | None = None
    manifests: tuple[Pinned, ...] = ()
    """Files in which the manifests are, in place of those in the repository."""
    credential: Credential | None = None
    proxy: Proxy | None = None
    source_credential: SourceCredential | None = None
    """For a registry or a bucket; `credential` is for Git."""
    image_pull: ImagePull | None = None
    decryption: str = SECRET
    keys: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Name and content of the entries of the decryption Secret; the name says of which kind they are."""
    age_public_key: str | None = None
    preflight: str = "enforce"
    verify: bool = True
    day_two_service_account: str = ""
    """Name of a restricted ServiceAccount to be made; none when empty."""
    timeout: float = 300
    check_mode: bool = False
    helm_releases: bool = False
    """Wait for the HelmReleases of the tree too."""
    force_components: bool = False
    """Write the components as Git has them, though Flux manages itself."""

    @property
    def ref(self) -> Ref:
        """Return what of the repository is followed."""
        return Ref(self.branch, self.tag, self.commit)

    @property
    def is_git(self) -> bool:
        """Return whether the cluster follows a Git repository, whose head can be asked for."""
        return self.kind == GIT

    @property
    def age_keys(self) -> tuple[tuple[str, str], ...]:
        """Return those keys that are age keys."""
        return tuple((name, content) for name, content in self.keys if is_age(name))

    @property
    def has_source_secret(self) -> bool:
        """Return whether there is something for the Secret that `spec.secretRef` of the source names."""
        if self.is_git:
            return self.credential is not None
        return bool(self.source_credential and self.source_credential.data(self.kind, self.url))

    def with_host_key(self, environment: Mapping[str, str]) -> Settings:
        """Return the same with the host key of the SSH server, fetched if only its fingerprint is given.

        Raises:
            GitError: the server has another key, or does not answer.
        """
        credential = self.credential
        if credential is None or credential.known_hosts or not credential.host_key_fingerprint:
            return self
        line = known_hosts(self.url, credential.host_key_fingerprint, environment)
        return dataclasses.replace(self, credential=dataclasses.replace(credential, known_hosts=line))
