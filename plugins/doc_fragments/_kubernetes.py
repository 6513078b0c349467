# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that say which cluster is meant.

Private to the collection.
"""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - The kubeconfig of the cluster, as a path or as a mapping with its content. A mapping is never written to a file.
      - If not set, the file named in the environment variable E(KUBECONFIG) is used, else C(~/.kube/config).
    type: raw
  context:
    description:
      - The context of the kubeconfig. If not set, its C(current-context) is used.
    type: str
requirements:
  - kubernetes >= 31 (Python)
"""
