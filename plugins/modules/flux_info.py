# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: flux_info
short_description: Show what Flux has applied in a cluster, and what keeps it
version_added: 0.1.0
description:
  - Returns all Kustomizations of a cluster as a tree, with their revision, state and age, with what they decrypt and whether the Secret for it is there.
  - Returns sources, HelmReleases and the controllers of Flux too, and who else keeps Flux installed.
  - An object counts as ready only if it is ready at the revision that its source offers now.
  - Nothing is written, and no value of a Secret is returned. Fails if there is no Flux in the cluster.
author:
  - The fluxseed.gitops authors (!UNKNOWN)
extends_documentation_fragment:
  - fluxseed.gitops._attributes
  - fluxseed.gitops._attributes.in_process
  - fluxseed.gitops._kubernetes
attributes:
  check_mode:
    details:
      - Does the same in check mode, since nothing is written.
  diff_mode:
    support: none
    details:
      - Nothing is changed.
seealso:
  - module: fluxseed.gitops.flux_reconcile
  - module: fluxseed.gitops.flux_seed
"""

EXAMPLES = r"""
- name: How is Flux?
  fluxseed.gitops.flux_info:
    context: home
  register: flux

- name: Say it
  ansible.builtin.debug:
    msg: "{{ flux.report }}"

- name: Go on only if everything is ready
  ansible.builtin.assert:
    that: flux.ready
    fail_msg: "{{ flux.failed_objects }}"

- name: Which Kustomizations decrypt with a Secret that is not there?
  ansible.builtin.debug:
    msg: "{{ flux.kustomizations | selectattr('decryption') | selectattr('decryption.secret_exists', 'false') | map(attribute='name') | list }}"
"""

RETURN = r"""
version:
  description: The version of Flux by the labels of its controllers. Empty if these do not tell.
  returned: success
  type: str
  sample: v2.9.5
namespaces:
  description: The namespaces of Flux itself.
  returned: success
  type: list
  elements: str
  sample: [flux-system]
self_managed:
  description: Whether Flux applies its own components from Git.
  returned: success
  type: bool
  sample: true
installers:
  description: Who else keeps Flux installed, such as Helm or the Flux operator, each with the object that tells.
  returned: success
  type: list
  elements: str
  sample: []
controller_key:
  description: The Secret with which kustomize-controller decrypts for Kustomizations that name none. Empty if it was told none.
  returned: success
  type: str
  sample: ''
ready:
  description: Whether everything is ready, leaving out what is suspended.
  returned: success
  type: bool
  sample: true
failed_objects:
  description: What has failed.
  returned: success
  type: list
  elements: dict
  sample: [{kind: Kustomization, namespace: flux-system, name: apps}]
kustomizations:
  description: All Kustomizations, each below the one that has applied it.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: C(Kustomization).
      type: str
      sample: Kustomization
    namespace:
      description: Its namespace.
      type: str
      sample: flux-system
    name:
      description: Its name.
      type: str
      sample: apps
    depth:
      description: How many Kustomizations are above it.
      type: int
      sample: 1
    parent:
      description: Namespace and name of the Kustomization that has applied it. Empty for a root.
      type: str
      sample: flux-system/flux-system
    state:
      description: One of V(ready), V(in progress), V(failed), V(suspended), V(being deleted).
      type: str
      sample: ready
    suspended:
      description: Whether it is suspended.
      type: bool
      sample: false
    message:
      description: What Flux says about it.
      type: str
      sample: 'ReconciliationSucceeded: Applied revision: main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa'
    hint:
      description: The next step if it has failed. Empty if the failure is not a known one.
      type: str
      sample: ''
    age:
      description: Seconds since its condition has changed last. None if it has none.
      type: int
      sample: 3600
    managers:
      description: Who owns fields of the object, its status left out.
      type: list
      elements: str
      sample: [kustomize-controller]
    revision:
      description: The revision that it has applied last.
      type: str
      sample: main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa
    attempted_revision:
      description: The revision that it has tried last.
      type: str
      sample: main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa
    path:
      description: Its folder in the source.
      type: str
      sample: ./apps
    source:
      description: The source that it follows, and the revision that this offers now.
      type: dict
      sample: {kind: GitRepository, namespace: flux-system, name: flux-system, revision: main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa}
    depends_on:
      description: Namespace and name of the Kustomizations that it waits for.
      type: list
      elements: str
      sample: [flux-system/infrastructure]
    prune:
      description: Whether it removes what is no longer in Git.
      type: bool
      sample: true
    decryption:
      description:
        - With what it decrypts. None if it does not.
        - C(secret_exists) tells whether the Secret is there and has entries, None if that could not be read. C(entries) are the names of its entries.
      type: dict
      sample: {provider: sops, secret: sops-age, service_account: '', secret_exists: true, entries: [age.agekey]}
sources:
  description:
    - All GitRepositories, OCIRepositories and Buckets, with C(kind), C(namespace), C(name), C(state), C(suspended), C(message), C(hint), C(age) and
      C(managers) as above.
  returned: success
  type: list
  elements: dict
  contains:
    revision:
      description: The revision that it offers.
      type: str
      sample: main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa
    url:
      description: Its URL, or the endpoint of the bucket.
      type: str
      sample: https://git.example.com/me/homelab.git
    secret:
      description: The Secret with its credential. Empty if it names none.
      type: str
      sample: flux-system
helm_releases:
  description: All HelmReleases, with the same entries. C(revision) is the version of the chart that was installed last.
  returned: success
  type: list
  elements: dict
  sample: []
components:
  description: The controllers of Flux, with the same entries, C(version) and C(image).
  returned: success
  type: list
  elements: dict
  sample: []
report:
  description: The state in lines for a person, as C(fluxseed flux-status) prints it.
  returned: success
  type: list
  elements: str
  sample:
    - Flux v2.9.5 in flux-system
    - It manages itself from Git
"""

from ..module_utils._ansible.flux_info import ARGUMENT_SPEC, CONSTRAINTS, run
from ..module_utils._ansible.module import run_module


def main() -> None:
    run_module(ARGUMENT_SPEC, run, **CONSTRAINTS)


if __name__ == "__main__":
    main()
