# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sops_public_key
short_description: The public key that belongs to a private one
version_added: 0.1.0
description:
  - Returns what C(.sops.yaml) takes for a private key, without a program and without writing anything.
  - For an age key that is its public key, as C(age-keygen -y) prints it, also for a post-quantum one. If the text has several age keys, each gives
    a line.
  - For an armored PGP private key it is the fingerprint, since that is what SOPS takes. The armored public key is what
    M(fluxseed.gitops.sops_key) returns.
author:
  - The fluxseed.gitops authors (!UNKNOWN)
positional: _input
options:
  _input:
    description:
      - The text of a private key, with comments or without (C(AGE-SECRET-KEY-1...), C(AGE-SECRET-KEY-PQ-1...),
        C(-----BEGIN PGP PRIVATE KEY BLOCK-----)).
    type: str
    required: true
requirements:
  - python >= 3.11 where it runs
  - pyrage >= 1.2.3
  - cryptography >= 47 for post-quantum age keys
seealso:
  - module: fluxseed.gitops.sops_key
"""

EXAMPLES = r"""
- name: The rules of a repository, for the key in the Vault file
  ansible.builtin.copy:
    dest: "{{ playbook_dir }}/.sops.yaml"
    mode: "0644"
    content: |
      creation_rules:
        - encrypted_regex: ^(data|stringData)$
          age: {{ sops_age_private_key | fluxseed.gitops.sops_public_key }}

- name: The private key is the one of this cluster
  ansible.builtin.assert:
    that: sops_age_private_key | fluxseed.gitops.sops_public_key == sops_age_public_key
"""

RETURN = r"""
_value:
  description: The public key of each age key, one to a line, or the fingerprint of the PGP key.
  type: str
  sample: age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ..module_utils._ansible.border import plain
from ..module_utils._errors import FluxseedError
from ..module_utils._sops.key_pairs import read, tidy


def sops_public_key(private: t.Any) -> str:
    """Return the recipients that belong to the private keys of a text."""
    text = plain(private)
    if not isinstance(text, str):
        raise AnsibleFilterError("sops_public_key: the text of a private key is needed")
    try:
        return "\n".join(pair.recipient for pair in read(tidy(text), where="sops_public_key"))
    except FluxseedError as exc:
        raise AnsibleFilterError(str(exc)) from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable[[t.Any], str]]:
        """Return the filters by their names."""
        return {"sops_public_key": sops_public_key}
