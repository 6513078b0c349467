# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that say which cluster is meant, shared by all modules that talk to one.

Private to the collection.
"""

from __future__ import annotations

import os
import typing as t
from collections.abc import Mapping

if t.TYPE_CHECKING:
    from .._kubernetes.connection import Connection

CONNECTION_SPEC: dict[str, dict[str, t.Any]] = {
    "api_key": {"type": "str", "no_log": True},
    "ca_cert": {"type": "path", "aliases": ["ssl_ca_cert"]},
    "client_cert": {"type": "path", "aliases": ["cert_file"]},
    "client_key": {"type": "path", "aliases": ["key_file"], "no_log": False},
    "context": {"type": "str"},
    "host": {"type": "str"},
    "impersonate_groups": {"type": "list", "elements": "str"},
    "impersonate_user": {"type": "str"},
    "kubeconfig": {"type": "raw", "no_log": True},
    "no_proxy": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "proxy": {"type": "str"},
    "username": {"type": "str"},
    "validate_certs": {"type": "bool", "aliases": ["verify_ssl"]},
}


def connect(params: Mapping[str, t.Any]) -> Connection:
    """Return the connection that the options name; the server is not talked to yet.

    Raises:
        KubeconfigError: the kubeconfig or the context cannot be used; the message lists the contexts.
        InvalidInputError: an option has no meaning.
    """
    from .._kubernetes.connection import Connection  # noqa: PLC0415 - start-up time: the options alone need none of it
    from .._kubernetes.login import Login  # noqa: PLC0415 - as above

    return Connection.open(Login.of(params, os.environ), os.environ)
