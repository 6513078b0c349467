# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of everything that opens or makes SOPS files.

Private to the collection.
"""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  age_key:
    description:
      - One or more age private keys (C(AGE-SECRET-KEY-1...), C(AGE-SECRET-KEY-PQ-1...)), an SSH private key, or an armored OpenPGP
        private key, as text, to open files with.
      - When this or O(age_keyfile) is set, only these keys are tried.
      - If neither is set, keys are looked for where the C(sops) program looks for them, which are the environment variables
        E(SOPS_AGE_KEY), E(SOPS_AGE_KEY_FILE), E(SOPS_AGE_KEY_CMD), E(SOPS_AGE_SSH_PRIVATE_KEY_FILE) and
        E(SOPS_AGE_SSH_PRIVATE_KEY_CMD), C(~/.ssh/id_ed25519) and C(~/.ssh/id_rsa), and C(sops/age/keys.txt) in the configuration
        folder of the user. Then GnuPG of the user and the key services that the file names are asked as well (docs/keys.md of the
        repository).
    type: str
  age_keyfile:
    description:
      - A file with age private keys, as C(age-keygen) writes it, with an SSH private key, or with an armored OpenPGP private key.
      - When this or O(age_key) is set, only these keys are tried.
    type: path
requirements:
  - python >= 3.11 where it runs
  - cryptography >= 42 (47 for post-quantum age keys)
  - pyrage >= 1.2.3
  - PyYAML >= 6.0.1
  - gpg (program) for OpenPGP keys
  - the client of a key service (such as boto3) if files need it
"""

    RULES = r"""
options:
  config_path:
    description:
      - The configuration file with the creation rules.
      - If not set, C(.sops.yaml) is looked for in the folder of the file and then in each folder above it.
    type: path
  age:
    description:
      - The age recipients (public keys, C(age1...) or C(ssh-ed25519 ...)) to encrypt for.
      - They take the place of the recipients of the creation rule. Which values are encrypted is still what the rule says.
      - Without a configuration file, every value is encrypted whose name does not end in C(_unencrypted).
    type: list
    elements: str
"""

    # Names of variables and of the environment are those of the collection community.sops, so that playbooks can move.
    # The private key has no ini entry on purpose.
    PLUGIN = r"""
options:
  age_key:
    vars:
      - name: sops_age_key
    env:
      - name: ANSIBLE_SOPS_AGE_KEY
  age_keyfile:
    vars:
      - name: sops_age_keyfile
    env:
      - name: ANSIBLE_SOPS_AGE_KEYFILE
    ini:
      - section: fluxseed.gitops
        key: age_keyfile
      - section: community.sops
        key: age_keyfile
"""
