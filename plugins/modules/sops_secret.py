# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: sops_secret
short_description: Keep a file encrypted with SOPS
version_added: 0.1.0
description:
  - Makes sure that a file has the content wanted, encrypted with SOPS by the creation rule that covers it.
  - Only what differs is changed. Values that stay keep their ciphertext, and a file with the content wanted keeps every byte.
  - A file whose recipients or selection of encrypted values differ from its rule is brought in line with the rule.
  - A file that exists is opened first, to compare it, so a private key that fits is needed from the second run on.
  - No C(sops) program is needed. The files are those of SOPS, and both can read each other's.
author:
  - The fluxseed.gitops authors (!UNKNOWN)
extends_documentation_fragment:
  - fluxseed.gitops._attributes
  - fluxseed.gitops._attributes.in_process
  - fluxseed.gitops._sops
  - fluxseed.gitops._sops.rules
  - fluxseed.gitops._key_sources
  - fluxseed.gitops._kubernetes
options:
  path:
    description:
      - The file. Its name says the format. V(.yaml), V(.yml), V(.json), V(.env) and V(.ini) are what they seem, anything else is a
        binary file, encrypted as a whole.
      - Folders that are missing are made.
      - A file that is not encrypted yet is replaced by the encrypted one.
    type: path
    required: true
  content:
    description:
      - What the file holds once decrypted, as a mapping or as the text of a file.
      - A text is kept as it is, with its comments and its layout, and may hold several YAML documents. One without a line break at
        its end gets one, save for a binary file.
      - A mapping is compared by its values. If they are the same, the file keeps the text it has. If not, its text is written anew,
        and comments in the file are lost.
      - Nothing of it is ever logged, returned or shown in a diff, save for values that the rule leaves in clear.
    type: raw
    required: true
  mode:
    description:
      - The permissions of the file as an octal number in quotes.
      - If not set, an existing file keeps its permissions, and a new one gets what the umask leaves.
    type: raw
attributes:
  check_mode:
    details:
      - Needs a private key for a file that exists, as the run itself does, because the content has to be compared.
  diff_mode:
    details:
      - Encrypted values are shown as marks that tell only whether they differ.
seealso:
  - module: fluxseed.gitops.sops_key
  - plugin: fluxseed.gitops.sops
    plugin_type: lookup
"""

EXAMPLES = r"""
- name: A Secret of the cluster is in the repository, encrypted by the rule in .sops.yaml
  fluxseed.gitops.sops_secret:
    path: "{{ playbook_dir }}/apps/database/secret.yaml"
    vault_file: "{{ inventory_dir }}/group_vars/all/secrets.yml"  # has the key: a file that exists is opened and compared
    content:
      apiVersion: v1
      kind: Secret
      metadata:
        name: database
        namespace: apps
      stringData:
        username: app
        password: "{{ vault_database_password }}"

- name: The text is kept as written, comments and several documents included
  fluxseed.gitops.sops_secret:
    path: "{{ playbook_dir }}/apps/grafana/secret.yaml"
    content: "{{ lookup('ansible.builtin.template', 'grafana-secret.yaml.j2') }}"
    age_key: "{{ sops_age_private_key }}"

- name: The private key is taken from the Vault file, without its variables being loaded into the play
  fluxseed.gitops.sops_secret:
    path: "{{ playbook_dir }}/apps/grafana/secret.yaml"
    content: "{{ lookup('ansible.builtin.template', 'grafana-secret.yaml.j2') }}"
    vault_file: "{{ inventory_dir }}/group_vars/all/secrets.yml"
    vault_variable: sops_age_private_key

- name: The private key is the one that Flux has in the cluster
  fluxseed.gitops.sops_secret:
    path: "{{ playbook_dir }}/apps/grafana/secret.yaml"
    content: "{{ lookup('ansible.builtin.template', 'grafana-secret.yaml.j2') }}"
    kubernetes:
      name: sops-age
      namespace: flux-system
    context: home

- name: The environment file of a service
  fluxseed.gitops.sops_secret:
    path: "{{ playbook_dir }}/services/web.env"
    vault_file: "{{ inventory_dir }}/group_vars/all/secrets.yml"
    content:
      DATABASE_URL: "postgres://app:{{ vault_database_password }}@db/app"
      LOG_LEVEL: info

- name: Without a .sops.yaml, the recipients are named
  fluxseed.gitops.sops_secret:
    path: "{{ playbook_dir }}/vars/tokens.yaml"
    content:
      github_token: "{{ vault_github_token }}"
    age:
      - "{{ cluster_key.public_key }}"
    age_key: "{{ sops_age_private_key }}"
    mode: "0600"
"""

RETURN = r"""
path:
  description: The file, as given.
  returned: success
  type: str
  sample: /home/me/homelab/apps/database/secret.yaml
reason:
  description:
    - Why the file was, or in check mode would be, written.
    - V(created) means that there was none, V(encrypted) that it was not encrypted, V(content) that values or text differed,
      V(recipients) and V(selector) that it deviated from its rule, V(mode) that its permissions differed.
  returned: success
  type: list
  elements: str
  sample: [content]
recipients:
  description:
    - The age recipients of the rule, or all recipients of a file that no rule covers.
    - OpenPGP keys and key services of a rule are not listed.
  returned: success
  type: list
  elements: str
  sample: [age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p]
"""

from ..module_utils._ansible.module import run_module
from ..module_utils._ansible.sops_secret import ARGUMENT_SPEC, CONSTRAINTS, run


def main() -> None:
    run_module(ARGUMENT_SPEC, run, **CONSTRAINTS)


if __name__ == "__main__":
    main()
