# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: flux_reconcile
short_description: Have Flux reconcile now, and see it through
version_added: 0.1.0
description:
  - Requests a reconcile of a Kustomization and of everything below it, or of a source, as C(flux reconcile) does, and waits until it is done.
  - The source is fetched first. Then the root is reconciled, and when it is done, all Kustomizations that it has applied.
  - Everything has to be ready at the revision that its source offers. If the branch moves on meanwhile, the new revision counts.
  - A failure ends the wait at once, with the message of Flux, the last warnings about the object and the next step. Flux itself keeps trying for ever.
  - What is suspended below the object is listed and not waited for.
author:
  - The fluxseed.gitops authors (!UNKNOWN)
extends_documentation_fragment:
  - fluxseed.gitops._attributes
  - fluxseed.gitops._attributes.in_process
  - fluxseed.gitops._kubernetes
options:
  kind:
    description:
      - The kind of the object.
    type: str
    choices: [Kustomization, GitRepository, OCIRepository, Bucket]
    default: Kustomization
  name:
    description:
      - The name of the object.
    type: str
    default: flux-system
  namespace:
    description:
      - The namespace of the object.
    type: str
    default: flux-system
  with_source:
    description:
      - Whether to have the source of the Kustomization fetched first. Without it the artifact that is there is applied again.
    type: bool
    default: true
  tree:
    description:
      - Whether to go on with all Kustomizations that the Kustomization has applied, and that these have applied.
    type: bool
    default: true
  helm_releases:
    description:
      - Whether to request a reconcile of the HelmReleases of the tree too, and to wait for them.
    type: bool
    default: false
  wait:
    description:
      - Whether to wait for the outcome. If not, the requests are sent, and nothing is known about what becomes of them.
    type: bool
    default: true
  timeout:
    description:
      - How many seconds to wait in all.
    type: int
    default: 300
  suspended:
    description:
      - What to do if the object itself, or its source, is suspended, so that a request would change nothing.
      - V(fail) fails before anything is requested.
      - V(skip) leaves it as it is and goes on with the rest.
    type: str
    choices: [fail, skip]
    default: fail
attributes:
  check_mode:
    details:
      - Returns of which objects a reconcile would be requested. What the reconcile would change in the cluster is not known.
  diff_mode:
    support: none
    details:
      - A request has no content that could differ.
  idempotent:
    support: none
    details:
      - Each run requests a reconcile, and says so.
seealso:
  - module: fluxseed.gitops.flux_seed
  - module: fluxseed.gitops.flux_info
"""

EXAMPLES = r"""
- name: The cluster has what Git has, now
  fluxseed.gitops.flux_reconcile:
    kubeconfig: ~/.kube/config
    context: home

- name: One part of it, without a fetch, and the HelmReleases in it
  fluxseed.gitops.flux_reconcile:
    name: monitoring
    with_source: false
    helm_releases: true
    timeout: 900

- name: Fetch only, after the token was changed
  fluxseed.gitops.flux_reconcile:
    kind: GitRepository
"""

RETURN = r"""
revision:
  description: The revision that the source offers and that was applied. Empty if it was not waited for.
  returned: always
  type: str
  sample: main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa
revision_before:
  description: The revision that the object had before.
  returned: always
  type: str
  sample: main@sha1:017dad62df2823b2b4e50c19e6a9e3ed866280db
reconcile_requested:
  description: Objects of which a reconcile was, or in check mode would be, requested, in this order.
  returned: always
  type: list
  elements: dict
  sample:
    - {kind: GitRepository, namespace: flux-system, name: flux-system}
    - {kind: Kustomization, namespace: flux-system, name: flux-system}
kustomizations:
  description: The Kustomization and all below it. Empty for a source.
  returned: always
  type: list
  elements: dict
  contains:
    namespace:
      description: Its namespace.
      type: str
      sample: flux-system
    name:
      description: Its name.
      type: str
      sample: apps
    ready:
      description: Whether it is ready.
      type: bool
      sample: true
    suspended:
      description: Whether it is suspended. It is not waited for then.
      type: bool
      sample: false
    revision:
      description: The revision that it has applied last.
      type: str
      sample: main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa
suspended:
  description: Objects that are suspended and were not waited for.
  returned: always
  type: list
  elements: dict
  sample: []
seconds:
  description: How long it took.
  returned: always
  type: float
  sample: 2.31
events:
  description: The last warnings about the object that has failed, the newest at the end.
  returned: when there are any
  type: list
  elements: str
  sample: ['HealthCheckFailed: timeout waiting for Deployment/apps/web']
hint:
  description: The next step after a failure.
  returned: when the failure is a known one
  type: str
  sample: 'the Kustomization lacks spec.decryption: add provider sops and its secretRef in Git; that is Kustomization flux-system/apps'
"""

from ..module_utils._ansible.flux_reconcile import ARGUMENT_SPEC, CONSTRAINTS, run
from ..module_utils._ansible.module import run_module


def main() -> None:
    run_module(ARGUMENT_SPEC, run, **CONSTRAINTS)


if __name__ == "__main__":
    main()
