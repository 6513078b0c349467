# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: flux_seed
short_description: Start Flux on a cluster from the manifests in Git
version_added: 0.1.0
description:
  - Puts Flux on a cluster, with its Git credential and its decryption keys in place before the first sync, and waits until the cluster
    has what Git has.
  - The manifests are C(flux-system/gotk-components.yaml) and C(flux-system/gotk-sync.yaml) below O(source.path), as C(flux bootstrap) or
    C(flux install --export) write them. Git is only read.
  - Before anything is written, it checks that it would work. The credential has to open the remote, and the key has to open every file encrypted
    with SOPS that the cluster would read.
  - Each object is read, compared by a dry run on the server, and written only if it differs. An interrupted run is healed by the next one.
  - Once Flux has applied its own components from Git, they are not written any more. What is missing is repaired, and what differs is reported.
  - At the end, every secret that came from Git can be compared with the one in the cluster. That a Kustomization is ready is no proof of that.
author:
  - The fluxseed.gitops authors (!UNKNOWN)
extends_documentation_fragment:
  - fluxseed.gitops._attributes
  - fluxseed.gitops._attributes.in_process
  - fluxseed.gitops._kubernetes
options:
  source:
    description:
      - Where the manifests are, and what the cluster is to follow. C(gotk-sync.yaml) has to say the same.
    type: dict
    required: true
    suboptions:
      url:
        description:
          - The URL of the repository, starting with V(https://) or V(http://), without a credential in it.
        type: str
        required: true
      branch:
        description:
          - The branch that the cluster follows.
        type: str
        default: main
      path:
        description:
          - The folder of the cluster in the repository, for example V(clusters/home).
        type: str
        required: true
      checkout:
        description:
          - A clone of the repository on the machine where this runs. The manifests are read from its C(HEAD); uncommitted changes are not seen.
          - A warning is given when C(HEAD) is not the head of the remote branch, which is what the cluster follows.
          - If not set, the head of the branch is fetched with O(git_credentials) into a private folder, which is removed at the end.
        type: path
  git_credentials:
    description:
      - The credential with which Flux reads the repository. It goes into the Secret that C(spec.secretRef) of the GitRepository names. Other keys
        in that Secret are removed.
      - Not needed for a public repository whose GitRepository names no Secret.
    type: dict
    suboptions:
      username:
        description:
          - The user name. Most Git servers take any with a token.
        type: str
        default: git
      password:
        description:
          - The password or token. Reading is all it has to be able to do.
          - It is given to C(git) through a pipe, never as an argument or in a file.
        type: str
        required: true
  decryption_keys:
    description:
      - The private keys with which Flux decrypts. They go into the Secret that C(spec.decryption.secretRef) of the root Kustomization names,
        V(sops-age) if it names none. Other keys in that Secret are kept.
      - If keys are given and no encrypted file is covered by the path, that is a failure, because most likely the path is wrong.
    type: list
    elements: dict
    suboptions:
      name:
        description:
          - The name of the entry in the Secret. It has to end in V(.agekey), because Flux takes no notice of other names.
        type: str
        default: age.agekey
      content:
        description:
          - The text of an age identity file, one or more lines starting with V(AGE-SECRET-KEY-).
        type: str
        required: true
  age_public_key:
    description:
      - The public key that belongs to one of the private ones. If it does not, nothing is written.
    type: str
  preflight:
    description:
      - What to do with the checks before the first write.
      - V(enforce) writes nothing if one of them fails.
      - V(warn) gives a warning for each that fails, and goes on.
      - V(only) does the checks and nothing else, and fails if one of them does.
      - V(skip) leaves them out.
    type: str
    choices: [enforce, warn, only, skip]
    default: enforce
  verify:
    description:
      - Whether to compare every encrypted Secret in Git with the one in the cluster, in memory. A difference is a failure.
      - Other encrypted objects, and Secrets that a generator, a prefix or a substitution changes, are listed as not compared.
      - In check mode this is done only if nothing would change.
    type: bool
    default: true
  timeout:
    description:
      - How many seconds all waiting of the run may take together.
      - A failure that its controller reports ends the waiting at once.
    type: int
    default: 300
attributes:
  check_mode:
    details:
      - Tries everything by dry runs on the server. What cannot be tried there, because its namespace or its definition is missing yet, is predicted.
  diff_mode:
    details:
      - Shows the fields that differ. Values and annotations of Secrets are masked.
requirements:
  - pyrage (Python)
  - PyYAML (Python)
  - git 2.31 or newer
seealso:
  - module: fluxseed.gitops.sops_key
  - module: fluxseed.gitops.sops_secret
"""

EXAMPLES = r"""
- name: Flux runs on the cluster, and every secret from Git has arrived
  fluxseed.gitops.flux_seed:
    source:
      url: https://git.example.com/me/homelab.git
      path: clusters/home
    git_credentials:
      password: "{{ vault_github_token }}"
    decryption_keys:
      - content: "{{ sops_age_private_key }}"
    age_public_key: "{{ sops_age_public_key }}"
    kubeconfig: ~/.kube/config
    context: home
  register: seed

- name: Say what was done
  ansible.builtin.debug:
    msg: "{{ seed.report }}"

- name: Would it work? Nothing is written
  fluxseed.gitops.flux_seed:
    source:
      url: https://git.example.com/me/homelab.git
      path: clusters/home
    git_credentials:
      password: "{{ vault_github_token }}"
    decryption_keys:
      - content: "{{ sops_age_private_key }}"
    preflight: only

- name: With the kubeconfig of a k3s server as data, which is never written to a file
  fluxseed.gitops.flux_seed:
    source:
      url: https://git.example.com/me/homelab.git
      branch: production
      path: clusters/k3s
      checkout: "{{ playbook_dir }}/.."
    git_credentials:
      username: flux
      password: "{{ vault_github_token }}"
    decryption_keys:
      - name: current.agekey
        content: "{{ sops_age_private_key }}"
      - name: previous.agekey
        content: "{{ vault_previous_age_private_key }}"
    kubeconfig: "{{ k3s_kubeconfig }}"
    timeout: 600
"""

RETURN = r"""
revision:
  description: The revision of the repository that the cluster has applied, or in check mode the one it is to apply.
  returned: when the repository could be read
  type: str
  sample: main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa
flux_version:
  description: The version of Flux in C(gotk-components.yaml). Empty if its labels do not tell.
  returned: when the repository could be read
  type: str
  sample: v2.9.5
objects:
  description: What was, or in check mode would be, done to the objects that the module cares for itself.
  returned: always
  type: dict
  contains:
    created:
      description: Objects that were not there.
      type: list
      elements: dict
      sample: [{kind: Secret, namespace: flux-system, name: sops-age}]
    configured:
      description: Objects that were there and differed.
      type: list
      elements: dict
      sample: []
    unchanged:
      description: How many objects were as they should be.
      type: int
      sample: 25
drift:
  description: Objects of Flux that differ from Git and are left to Flux, because it manages itself.
  returned: always
  type: list
  elements: dict
  sample: []
reconcile_requested:
  description: Objects of which a reconcile was requested.
  returned: always
  type: list
  elements: dict
  sample: [{kind: GitRepository, namespace: flux-system, name: flux-system}]
kustomizations:
  description: The root Kustomization and all below it.
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
secrets:
  description: The comparison of Secrets in Git with those in the cluster. All counts are zero if it was not done.
  returned: always
  type: dict
  contains:
    compared:
      description: How many Secrets were compared.
      type: int
      sample: 3
    proven:
      description: How many have the same keys and values.
      type: int
      sample: 3
    not_compared:
      description: What could not be compared, each with the reason.
      type: list
      elements: str
      sample: []
sops_files:
  description: How many files encrypted with SOPS the key has opened, MAC included.
  returned: always
  type: int
  sample: 3
checks:
  description: The checks before the first write.
  returned: always
  type: list
  elements: dict
  contains:
    name:
      description:
        - The name of the check, one of V(git_credential), V(checkout), V(gotk_sync), V(age_key_pair), V(sops_files), V(decryption), V(references),
          V(self_management), V(cluster).
      type: str
      sample: sops_files
    result:
      description: One of V(ok), V(warn), V(fail), V(unknown).
      type: str
      sample: ok
    evidence:
      description: What was found.
      type: str
      sample: the key opens all 3 encrypted files, MAC included
    fix:
      description: What to do about it. Empty if there is nothing to do.
      type: str
      sample: ''
seconds:
  description: How long each stage took, and V(total).
  returned: always
  type: dict
  sample: {git: 0.3, preflight: 0.1, connect: 0.1, plan: 0.3, apply: 1.2, await: 4.0, verify: 0.1, total: 6.0}
report:
  description: The outcome in lines for a person.
  returned: always
  type: list
  elements: str
  sample:
    - Revision main@sha1:2e2b1ff3b4ae9d45b4a2a3c7f1a4d1e7c0b9f7aa, Flux v2.9.5
    - 'Objects: 26 created, 0 configured, 0 unchanged'
    - 'Kustomizations: 3 of 3 ready'
    - 'Secrets: 3 of 3 proven equal to Git'
"""

from ..module_utils._ansible.flux_seed import ARGUMENT_SPEC, CONSTRAINTS, run
from ..module_utils._ansible.module import run_module


def main() -> None:
    run_module(ARGUMENT_SPEC, run, **CONSTRAINTS)


if __name__ == "__main__":
    main()
