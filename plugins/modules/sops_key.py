# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sops_key
short_description: Keep a key pair for SOPS
version_added: 0.1.0
description:
  - Makes sure that a cluster or a person has a key pair for SOPS, and returns its public key.
  - The pair is made in memory and put into variables under Ansible Vault, into a private file, or into a Kubernetes Secret.
    The private key is never returned, shown in a diff or written anywhere else. A task that needs it reads it from there, for
    example with M(ansible.builtin.include_vars).
  - A private key that is there is replaced only with O(regenerate=always). If it is damaged, the module fails and changes nothing.
author:
  - The fluxseed.gitops authors (!UNKNOWN)
extends_documentation_fragment:
  - fluxseed.gitops._attributes
  - fluxseed.gitops._attributes.in_process
  - fluxseed.gitops._kubernetes
options:
  type:
    description:
      - V(age) is an age key (X25519), which every SOPS and every Flux reads.
      - V(age-pq) is a hybrid age key that withstands quantum computers. SOPS 3.12, age 1.3, Flux 2.9 and newer read it.
      - V(pgp) is an OpenPGP key without a passphrase. To make one takes the C(gpg) program, to look at one does not.
    type: str
    choices: [age, age-pq, pgp]
    default: age
  state:
    description:
      - V(present) makes sure that there is a key.
      - V(absent) takes the key out again, so that nothing is left of it in this place. From O(vault_file) only the two variables are removed. A file
        that holds anything else than one key and comments is not removed. A Secret is deleted if nothing else is in it.
      - With V(absent), a key of another O(type), and what is damaged, is an error and stays. Folders are not made.
    type: str
    choices: [present, absent]
    default: present
  regenerate:
    description:
      - What happens if there is a private key already, as in M(community.crypto.openssl_privatekey).
      - V(never) keeps it, with a warning if it is of another O(type), or another one than O(content). It has to be readable.
      - V(fail) fails if it is of another O(type), or another one than O(content). It has to be readable.
      - V(always) replaces it, by O(content) if that is another key, else by a new pair, in B(every) run. It is replaced even if it is damaged. Whatever
        was encrypted for the old key alone cannot be opened any more then, so consider O(backup).
      - Several keys in one place, as in the key file of a person, are never replaced or removed.
    type: str
    choices: [never, fail, always]
    default: fail
  content:
    description:
      - A private key that is there already, to be kept instead of a new one. It is checked first.
      - An age key (C(AGE-SECRET-KEY-1...), C(AGE-SECRET-KEY-PQ-1...)) or an armored PGP private key without a passphrase, as O(type) says.
        Comments and white space around it are left out.
    type: str
  backup:
    description:
      - Whether to keep a copy of what is about to be changed or removed. RV(backup_file) names it.
      - The copy of a file is made beside it, as other modules do it. That of an entry in a Secret is another entry of the same Secret, with a name
        that Flux takes no notice of.
    type: bool
    default: false
  vault_file:
    description:
      - A variables file. It is made if it does not exist, encrypted with Ansible Vault as a whole and for its owner only.
      - If it is there and encrypted as a whole, it stays so, with its vault id. If it is in clear, the private key is put into it as a single
        encrypted value (C(!vault)).
      - Everything else in the file stays as it is, comments and order included.
      - The vault passwords are those of the play. They are there in the process of Ansible only, so the connection has to be local,
        without C(become) and C(async).
      - One of O(vault_file), O(path) and O(kubernetes) is needed.
    type: path
  public_variable:
    description:
      - The name of the variable with the public key in O(vault_file). For a PGP key it holds the fingerprint, since that is what SOPS takes.
      - If not set, V(sops_age_public_key), or V(sops_pgp_fingerprint) with O(type=pgp).
      - If it does not belong to the private key beside it, it is derived anew, with a warning.
      - If there is a public key without a private one, the module fails, because a new pair could not open what was encrypted
        for the old one.
    type: str
  private_variable:
    description:
      - The name of the variable with the private key in O(vault_file).
      - If not set, V(sops_age_private_key), or V(sops_pgp_private_key) with O(type=pgp).
    type: str
  vault_id:
    description:
      - The vault id whose password encrypts a new O(vault_file), or a new single value in it. What is there keeps its own.
      - Needed only if the play has passwords for several vault ids and C(vault_encrypt_identity) is not configured.
    type: str
  path:
    description:
      - A key file, for the owner only (mode V(0600)). Folders that are missing are made with mode V(0700).
      - An age key is written as C(age-keygen) does it, a PGP key in armor.
      - A key file that others may read gets mode V(0600) again. If it holds several keys, as that of the C(sops) program may, the first one counts.
      - Folders that are there stay as they are. If others may write in one of them, which has no sticky bit, the module warns, because they could put
        a key of their own in the place of this one.
      - Symbolic links are followed, to the file and to folders on the way to it, if they belong to root or to the user whom the module runs as, even if the
        file does not exist yet. With V(absent) a link to the file goes with it. The link of another user is an error, so that root does not put, change or
        remove a file where the owner of a folder leads it; name the path that the link leads to, or run the task as that user (C(become_user)).
      - One of O(vault_file), O(path) and O(kubernetes) is needed.
    type: path
  owner:
    description:
      - The name or number of the user who owns the file in O(path) and the folders made for it.
    type: str
  group:
    description:
      - The name or number of the group that owns the file in O(path) and the folders made for it.
    type: str
  kubernetes:
    description:
      - A Secret that Flux decrypts with. Its other entries stay. The label that makes Flux notice changes, and the annotation that
        keeps Flux from removing it are set, as M(fluxseed.gitops.flux_seed) does it.
      - The namespace has to be there. A Secret that Flux itself applies from Git is not touched.
      - The cluster is named by O(kubeconfig), O(context) and the other options of a connection.
      - One of O(vault_file), O(path) and O(kubernetes) is needed.
      - The key is then in the cluster alone and goes with it. Keep a copy in O(vault_file), and give it here as O(content).
    type: dict
    suboptions:
      name:
        description:
          - The name of the Secret.
        type: str
        default: sops-age
      namespace:
        description:
          - The namespace of the Secret, which is that of the Kustomizations that name it.
        type: str
        default: flux-system
      data_key:
        description:
          - The name of the entry. Flux reads age keys from entries that end in V(.agekey), PGP keys from those that end in V(.asc), and takes no
            notice of others, so these are refused.
          - If not set, V(age.agekey), or V(sops.asc) with O(type=pgp).
        type: str
  pgp_name:
    description:
      - The name in the user id of a new PGP key, without line breaks, angle brackets and round brackets.
    type: str
    default: SOPS
  pgp_algorithm:
    description:
      - The algorithm of a new PGP key. V(ed25519) stands for a pair of ed25519 and cv25519.
    type: str
    choices: [rsa4096, ed25519]
    default: rsa4096
attributes:
  check_mode:
    details:
      - The public key of a pair that does not exist yet cannot be known in check mode, RV(public_key) is V(none) then. Whether one could be made
        (libraries, the C(gpg) program, O(pgp_name)) is found out.
  idempotent:
    support: partial
    details:
      - With O(regenerate=always) and without O(content), each run makes another pair.
seealso:
  - module: fluxseed.gitops.sops_secret
  - module: fluxseed.gitops.flux_seed
  - plugin: fluxseed.gitops.sops_public_key
    plugin_type: filter
requirements:
  - pyrage >= 1.2.3
  - cryptography >= 47 for post-quantum age keys
  - gpg (program) to make a PGP key
"""

EXAMPLES = r"""
- name: The cluster has a key pair, kept in a variables file under Ansible Vault
  fluxseed.gitops.sops_key:
    vault_file: "{{ inventory_dir }}/group_vars/all/secrets.yml"
  register: cluster_key

- name: The play uses it at once (variables files made during a run are not seen by it)
  ansible.builtin.include_vars:
    file: "{{ inventory_dir }}/group_vars/all/secrets.yml"
  no_log: true

- name: A second cluster has its pair in the same file, under other names
  fluxseed.gitops.sops_key:
    vault_file: "{{ inventory_dir }}/group_vars/all/secrets.yml"
    public_variable: staging_age_public_key
    private_variable: staging_age_private_key

- name: A person has a key pair where the sops program looks for it
  fluxseed.gitops.sops_key:
    path: ~/.config/sops/age/keys.txt
  register: my_key

- name: Files of this repository are encrypted for both
  ansible.builtin.copy:
    dest: "{{ playbook_dir }}/.sops.yaml"
    mode: "0644"
    content: |
      creation_rules:
        - encrypted_regex: ^(data|stringData)$
          age: {{ cluster_key.recipient }},{{ my_key.recipient }}

- name: Flux has the key of the Vault file in the cluster
  fluxseed.gitops.sops_key:
    kubernetes:
      name: sops-age
      namespace: flux-system
    content: "{{ sops_age_private_key }}"
    kubeconfig: ~/.kube/config
    context: home

- name: A PGP key for Flux, in the same Vault file
  fluxseed.gitops.sops_key:
    type: pgp
    pgp_name: cluster home
    vault_file: "{{ inventory_dir }}/group_vars/all/secrets.yml"

- name: The key of a cluster that is gone is taken out of the Vault file, of which a copy is kept
  fluxseed.gitops.sops_key:
    state: absent
    vault_file: "{{ inventory_dir }}/group_vars/all/secrets.yml"
    public_variable: staging_age_public_key
    private_variable: staging_age_private_key
    backup: true
"""

RETURN = r"""
public_key:
  description:
    - The public key of an age pair, or the armored public key of a PGP pair.
    - V(none) in check mode if there is no pair yet, and where there was nothing to remove.
  returned: success
  type: str
  sample: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
recipient:
  description: What C(.sops.yaml) takes, the age public key or the fingerprint of the PGP key. V(none) where RV(public_key) is.
  returned: success
  type: str
  sample: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
fingerprint:
  description:
    - The fingerprint of a PGP key. For an age key the first 16 hexadecimal digits of the SHA-256 of the public key, to compare keys by eye.
    - V(none) where RV(public_key) is.
  returned: success
  type: str
  sample: 5e6b1c7bd9b3a4b2
type:
  description: The type of the pair. V(none) where RV(public_key) is.
  returned: success
  type: str
  sample: age
created:
  description: Whether a private key was put, or in check mode would be put, where none was.
  returned: success
  type: bool
  sample: true
path:
  description: The file that keeps the private key.
  returned: with O(vault_file) or O(path)
  type: str
  sample: /home/me/homelab/inventory/group_vars/all/secrets.yml
kubernetes:
  description: The entry of the Secret that keeps the private key.
  returned: with O(kubernetes)
  type: dict
  sample: {name: sops-age, namespace: flux-system, data_key: age.agekey}
backup_file:
  description: The copy of what was changed or removed.
  returned: changed, with O(backup), and if something was there before
  type: str
  sample: /home/me/.config/sops/age/keys.txt.4711.2026-11-22@12:00:00~
reason:
  description:
    - What was, or in check mode would be, changed.
    - V(created) means a new private key, V(replaced) another one in the place of one that was there, V(removed) that it was taken out,
      V(public_variable) that the public key was missing or wrong, V(mode) and V(owner) that others could read or owned the file,
      V(labels) and V(annotations) that the Secret lacked those that Flux looks at.
  returned: success
  type: list
  elements: str
  sample: [created]
"""

from ..module_utils._ansible.module import run_module
from ..module_utils._ansible.sops_key import ARGUMENT_SPEC, CONSTRAINTS, run


def main() -> None:
    run_module(ARGUMENT_SPEC, run, **CONSTRAINTS)


if __name__ == "__main__":
    main()
