# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options for private keys that are kept where the sops program cannot look.

Private to the collection.
"""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  vault_file:
    description:
      - A variables file with private keys to open files with, encrypted with Ansible Vault as a whole or value by value (C(!vault)).
      - The vault passwords are those of the play. They are there in the process of Ansible only, so the connection has to be local, without
        C(become) and C(async).
      - When this, O(kubernetes), O(age_key) or O(age_keyfile) is set, only the keys given are tried. One that cannot be read does not stop the
        others, and is told if no other one opens the file.
    type: path
  vault_variable:
    description:
      - The name of the variable in O(vault_file) with the private key, an age key or an armored PGP private key.
    type: str
    default: sops_age_private_key
  kubernetes:
    description:
      - A Secret of a cluster with the private keys that Flux decrypts with, to open files with. All its entries that end in C(.agekey) or C(.asc) are
        taken.
      - The cluster is named by O(kubeconfig), O(context) and the other options of a connection, which have no meaning without this one.
      - When this, O(vault_file), O(age_key) or O(age_keyfile) is set, only the keys given are tried.
    type: dict
    suboptions:
      name:
        description:
          - The name of the Secret.
        type: str
        default: sops-age
      namespace:
        description:
          - The namespace of the Secret.
        type: str
        default: flux-system
"""
