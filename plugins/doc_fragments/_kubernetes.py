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
      - If not set, the environment variable E(K8S_AUTH_KUBECONFIG) is used, then the file named in E(KUBECONFIG). Without both, in a Pod with a service
        account, it is that service account, else C(~/.kube/config).
      - With O(host) and O(api_key), a client certificate or a password, no kubeconfig is read. Otherwise these go before what it says.
    type: raw
  context:
    description:
      - The context of the kubeconfig. If not set, E(K8S_AUTH_CONTEXT) is used, else its C(current-context).
    type: str
  host:
    description:
      - The URL of the API server. Also E(K8S_AUTH_HOST).
    type: str
  api_key:
    description:
      - A bearer token for the API server. Also E(K8S_AUTH_API_KEY).
    type: str
  username:
    description:
      - The user name for a server, or a proxy before it, that takes passwords; Kubernetes itself does not. Also E(K8S_AUTH_USERNAME).
    type: str
  password:
    description:
      - The password that goes with O(username). Also E(K8S_AUTH_PASSWORD).
    type: str
  ca_cert:
    description:
      - A file with the certificates of the authorities that the server's certificate may come from. Also E(K8S_AUTH_SSL_CA_CERT).
    type: path
    aliases: [ssl_ca_cert]
  client_cert:
    description:
      - A file with a client certificate. Also E(K8S_AUTH_CERT_FILE).
    type: path
    aliases: [cert_file]
  client_key:
    description:
      - A file with the private key of the client certificate. Also E(K8S_AUTH_KEY_FILE).
    type: path
    aliases: [key_file]
  validate_certs:
    description:
      - Whether to check the certificate of the server. Also E(K8S_AUTH_VERIFY_SSL). If neither is set, the kubeconfig says it, and it is checked.
    type: bool
    aliases: [verify_ssl]
  proxy:
    description:
      - The URL of an HTTP proxy on the way to the API server. Also E(K8S_AUTH_PROXY).
    type: str
  no_proxy:
    description:
      - Hosts, with commas, that are reached without the proxy. Also E(K8S_AUTH_NO_PROXY).
    type: str
  impersonate_user:
    description:
      - The user to act as. Also E(K8S_AUTH_IMPERSONATE_USER).
    type: str
  impersonate_groups:
    description:
      - The groups to act as a member of, together with O(impersonate_user). Also E(K8S_AUTH_IMPERSONATE_GROUPS), with commas.
    type: list
    elements: str
requirements:
  - kubernetes >= 31 (Python) to talk to a cluster
"""
