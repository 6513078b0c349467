# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sops_key
short_description: Keep an age key pair for SOPS
version_added: 0.1.0
description:
  - Makes sure that a cluster or a person has an age key pair, and returns its public key.
  - The pair is made in memory and put either into a variables file under Ansible Vault or into a private file.
    The private key is never returned, shown in a diff or written anywhere else.
  - A key that is there is never replaced. If it is damaged, the module fails and changes nothing.
author:
  - The fluxseed.gitops authors (!UNKNOWN)
extends_documentation_fragment:
  - fluxseed.gitops._attributes
  - fluxseed.gitops._attributes.in_process
options:
  vault_file:
    description:
      - A variables file that is encrypted with Ansible Vault as a whole. It is made if it does not exist, for its owner only.
      - Everything else in the file stays as it is, comments and order included, and so does its vault id.
      - The vault passwords are those of the play. They are there in the process of Ansible only, so the connection has to be local,
        without C(become) and C(async).
      - Either this or O(path) is needed.
    type: path
  public_variable:
    description:
      - The name of the variable with the public key in O(vault_file).
      - If it does not belong to the private key beside it, it is derived anew, with a warning.
      - If there is a public key without a private one, the module fails, because a new pair could not open what was encrypted
        for the old one.
    type: str
    default: sops_age_public_key
  private_variable:
    description:
      - The name of the variable with the private key in O(vault_file).
    type: str
    default: sops_age_private_key
  vault_id:
    description:
      - The vault id whose password encrypts a new O(vault_file). An existing file keeps its own.
      - Needed only if the play has passwords for several vault ids and C(vault_encrypt_identity) is not configured.
    type: str
  path:
    description:
      - A key file as C(age-keygen) writes it, for the owner only (mode V(0600)). Folders that are missing are made with mode V(0700).
      - A key file that others may read gets mode V(0600) again.
      - Either this or O(vault_file) is needed.
    type: path
attributes:
  check_mode:
    details:
      - The public key of a pair that does not exist yet cannot be known in check mode, RV(public_key) is V(none) then.
seealso:
  - module: fluxseed.gitops.sops_secret
requirements:
  - pyrage >= 1.2.3
"""

EXAMPLES = r"""
- name: The cluster has a key pair, kept in a variables file under Ansible Vault
  fluxseed.gitops.sops_key:
    vault_file: "{{ inventory_dir }}/group_vars/all/secrets.yml"
  register: cluster_key

- name: The play uses it at once (variables files made during a run are not seen by it)
  ansible.builtin.include_vars:
    file: "{{ inventory_dir }}/group_vars/all/secrets.yml"

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
          age: {{ cluster_key.public_key }},{{ my_key.public_key }}
"""

RETURN = r"""
public_key:
  description: The public key. V(none) in check mode if there is no pair yet.
  returned: success
  type: str
  sample: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
fingerprint:
  description: The first 16 hexadecimal digits of the SHA-256 of the public key, to compare keys by eye.
  returned: success
  type: str
  sample: 5e6b1c7bd9b3a4b2
path:
  description: The file that keeps the private key.
  returned: success
  type: str
  sample: /home/me/homelab/inventory/group_vars/all/secrets.yml
reason:
  description:
    - What was, or in check mode would be, changed.
    - V(created) means a new pair, V(public_variable) that the public key was missing or wrong, V(mode) that others could read the file.
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
