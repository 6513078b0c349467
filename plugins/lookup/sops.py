# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: sops
short_description: Read files encrypted with SOPS
version_added: 0.1.0
description:
  - Returns the decrypted text of files on the controller. The integrity of each file is checked first.
  - The name of a file says its format. V(.yaml), V(.yml), V(.json), V(.env) and V(.ini) are what they seem, anything else is a
    binary file, whose content has to be UTF-8 text here.
  - No C(sops) program is needed.
author:
  - The fluxseed.gitops authors (!UNKNOWN)
extends_documentation_fragment:
  - fluxseed.gitops._sops
  - fluxseed.gitops._sops.plugin
  - fluxseed.gitops._key_sources
  - fluxseed.gitops._kubernetes
options:
  _terms:
    description:
      - Paths of files. A relative path is looked for as P(ansible.builtin.file#lookup) does, in C(files/) of the role, then beside
        the playbook.
    type: list
    elements: str
    required: true
  rstrip:
    description:
      - Whether white space and line ends are removed from the end of the text.
      - Set it to V(false) for content in which they matter, such as SSH private keys.
    type: bool
    default: true
  empty_on_not_exist:
    description:
      - Whether a file that does not exist gives an empty text instead of an error.
    type: bool
    default: false
seealso:
  - module: fluxseed.gitops.sops_secret
"""

EXAMPLES = r"""
- name: One value of an encrypted file
  ansible.builtin.set_fact:
    database_password: "{{ (lookup('fluxseed.gitops.sops', 'secrets.sops.yaml') | from_yaml).database_password }}"
  no_log: true

- name: The certificate key in an encrypted binary file, every byte of it
  ansible.builtin.copy:
    content: "{{ lookup('fluxseed.gitops.sops', 'tls.key.sops', rstrip=false) }}"
    dest: /etc/ssl/private/example.key
    mode: "0600"

- name: With a key from an Ansible Vault file instead of the keys of the user
  ansible.builtin.set_fact:
    secret: "{{ lookup('fluxseed.gitops.sops', 'apps/database/secret.yaml', age_key=sops_age_private_key) | from_yaml }}"
  no_log: true

- name: With the key that Flux has in the cluster
  ansible.builtin.set_fact:
    secret: "{{ lookup('fluxseed.gitops.sops', 'apps/database/secret.yaml', kubernetes={}, context='home') | from_yaml }}"
  no_log: true

- name: With a variable of a Vault file whose variables are not those of the play
  ansible.builtin.set_fact:
    secret: "{{ lookup('fluxseed.gitops.sops', 'apps/database/secret.yaml', vault_file=other_vault_file, vault_variable='age_key') | from_yaml }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: The decrypted text of each file.
  type: list
  elements: str
"""

import os
import typing as t

from ansible.errors import AnsibleError, AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible.utils.display import Display

from ..module_utils._ansible.border import plain
from ..module_utils._ansible.key_sources import SOURCE_SPEC, sources
from ..module_utils._errors import DataKeyError, FluxseedError, unexpected
from ..module_utils._files import read_file
from ..module_utils._sops import document, private_keys
from ..module_utils._sops.key_ring import KeyRing
from ..module_utils._sops.notices import Notice
from ..module_utils._sops.stores.registry import store_for
from ..module_utils._surroundings import key_ring

display = Display()

OPTION_VARIABLES = ("sops_age_key", "sops_age_keyfile")

KEY_OPTIONS = ("age_key", "age_keyfile", *SOURCE_SPEC)

_rings: dict[tuple[str, ...], KeyRing] = {}


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        """Return the decrypted text of each term."""
        self.set_options(var_options=self._option_variables(variables or {}), direct=kwargs)
        return [self._text(term, variables) for term in terms]

    def _option_variables(self, variables: dict[str, t.Any]) -> dict[str, t.Any]:
        """Return the variables that set options, with their templates resolved, which Ansible leaves to the plugin."""
        return {name: self._templar.template(variables[name]) for name in OPTION_VARIABLES if name in variables}

    def _text(self, term: str, variables: dict[str, t.Any] | None) -> str:
        path = self.find_file_in_search_path(variables, "files", term, ignore_missing=True)
        if not path:
            if self.get_option("empty_on_not_exist"):
                return ""
            raise AnsibleLookupError(f"could not locate file in lookup: {term}")
        display.vvvv(f"fluxseed.gitops.sops: {term} is {path}")
        try:
            text = self._decrypt(str(path)).decode("utf-8")
        except FluxseedError as exc:
            told = private_keys.masked(str(exc) if exc.where else f"{path}: {exc}")
            raise AnsibleLookupError(f"cannot decrypt {told}") from None
        except UnicodeDecodeError:
            raise AnsibleLookupError(f"cannot decrypt {path}: its content is not UTF-8 text") from None
        except AnsibleError:
            raise
        except Exception as exc:  # noqa: BLE001 - the message of a foreign exception may hold a secret
            raise AnsibleLookupError(f"cannot decrypt {path}: {unexpected(exc)}") from None
        return text.rstrip() if self.get_option("rstrip") else text

    def _decrypt(self, path: str) -> bytes:
        content = read_file(path)
        store = store_for(path)
        options = {name: plain(self.get_option(name)) for name in KEY_OPTIONS}
        choice = (*(repr(options[name]) for name in KEY_OPTIONS), *_environment())
        known = choice in _rings
        ring = self._ring(choice, options)
        warnings: list[Notice] = []
        try:
            text = document.decrypt(content, ring, store=store, name=path, warnings=warnings)
        except DataKeyError as exc:
            if not known:
                raise
            # A key may have been made since it was first looked for. If not, the ring is kept with what it knows, such as
            # which service is down, and nobody who did not answer is asked once more.
            fresh = self._made(options)
            if exc.is_undecided and (fresh.recipients, fresh.failed) == (ring.recipients, ring.failed):
                raise
            text = document.decrypt(content, fresh, store=store, name=path, warnings=warnings)
            _rings[choice] = fresh
        for warning in warnings:
            display.warning(str(warning))
        return text

    def _ring(self, choice: tuple[str, ...], options: dict[str, t.Any]) -> KeyRing:
        """Return the identities for these options, read once per process."""
        if choice not in _rings:
            _rings[choice] = self._made(options)
        return _rings[choice]

    def _made(self, options: dict[str, t.Any]) -> KeyRing:
        return key_ring(options["age_key"], options["age_keyfile"], sources=sources(options, self._vault_file))

    def _vault_file(self, path: str) -> t.Any:
        from ..plugin_utils._vault import VaultFile, play_secrets  # noqa: PLC0415 - few need it

        return VaultFile(path, play_secrets(self._loader))


def _environment() -> list[str]:
    """Return what else decides which keys are found."""
    return [
        f"{name}={value}"
        for name, value in sorted(os.environ.items())
        if name.startswith("SOPS_") or name in {"HOME", "XDG_CONFIG_HOME"}
    ]
