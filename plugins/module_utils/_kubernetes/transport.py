# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an API server is reached: the kubeconfig with all its logins, certificates, the pool of connections.

Private to the collection. The `kubernetes` package reads the kubeconfig and sets up the connection pool.
Nothing of its generated models or of its discovery is used.
"""

from __future__ import annotations

import os
import ssl
import tempfile
import threading
import typing as t
from collections.abc import Mapping
from pathlib import Path

from .._errors import KubeconfigError, MissingLibraryError
from .login import Login

# The package remembers its files by their content, for the whole process: two threads would share them.
_LOADING = threading.Lock()


def prepared(login: Login, environment: Mapping[str, str]) -> tuple[t.Any, t.Any]:
    """Return the package's configuration for a login, and its pool of connections; nothing is sent yet.

    Raises:
        KubeconfigError: it cannot be read, or has no such context (then with the list of contexts).
        MissingLibraryError: the `kubernetes` package is not there.
    """
    kube_config, client = _library()
    configuration = client.Configuration()
    # The package puts inline certificates and keys into files. They live in memory, and only until
    # the TLS context has read them.
    with _LOADING, tempfile.TemporaryDirectory(prefix="fluxseed-", dir=_memory_folder()) as folder:
        if login.is_complete:
            where: str = login.host or ""
            source: str | dict[str, t.Any] = {}
        elif login.is_in_cluster(environment):
            where, source = "the service account of this Pod", {}
            _load_service_account(kube_config, configuration)
        else:
            where, source = _source(login.kubeconfig)
            _load(kube_config, configuration, source, where, login.context, folder)
        _override(configuration, login)
        try:
            return configuration, _pool(client, configuration)
        except (OSError, ValueError, TypeError) as exc:
            raise _kubeconfig_error(kube_config, source, where, login.context, exc) from exc


def preload() -> None:
    """Import the `kubernetes` package, which takes half a second: call it from a thread while waiting for something."""
    _library()


def _library() -> tuple[t.Any, t.Any]:
    try:
        from kubernetes import client  # noqa: PLC0415 - takes half a second, so on first use only
        from kubernetes.client import rest  # noqa: F401, PLC0415 - not reachable as an attribute in every version
        from kubernetes.config import kube_config  # noqa: PLC0415
    except ImportError as exc:
        raise MissingLibraryError(
            "The Python library kubernetes", hint="pip install kubernetes, for the Python that runs this"
        ) from exc
    return kube_config, client


def _load(
    kube_config: t.Any,
    configuration: t.Any,
    source: str | dict[str, t.Any],
    where: str,
    context: str | None,
    folder: str,
) -> None:
    load = kube_config.load_kube_config_from_dict if isinstance(source, dict) else kube_config.load_kube_config
    try:
        load(source, context=context, client_configuration=configuration, temp_file_path=folder)
    except (kube_config.ConfigException, OSError, ValueError, TypeError, KeyError, AttributeError) as exc:
        raise _kubeconfig_error(kube_config, source, where, context, exc) from exc
    except Exception as exc:
        if type(exc).__module__.startswith("yaml"):
            raise KubeconfigError("is no valid YAML", where=where, hint="kubectl config view shows it") from exc
        raise


def _load_service_account(kube_config: t.Any, configuration: t.Any) -> None:
    from kubernetes.config import incluster_config  # noqa: PLC0415 - present wherever _library() succeeded

    try:
        incluster_config.load_incluster_config(client_configuration=configuration)
    except (kube_config.ConfigException, OSError) as exc:
        raise KubeconfigError(f"cannot be used: {exc}", where="the service account of this Pod") from exc


def _override(configuration: t.Any, login: Login) -> None:
    """Let what was given by itself go before what the kubeconfig says."""
    for attribute, value in (
        ("host", login.host),
        ("username", login.username),
        ("password", login.password),
        ("ssl_ca_cert", login.ca_cert),
        ("cert_file", login.client_cert),
        ("key_file", login.client_key),
        ("verify_ssl", login.validate_certs),
        ("proxy", login.proxy),
        ("no_proxy", login.no_proxy),
    ):
        if value is not None:
            setattr(configuration, attribute, value)


def _source(kubeconfig: str | Mapping[str, t.Any] | None) -> tuple[str, str | dict[str, t.Any]]:
    """Return a name for messages, and a path (or several, as in KUBECONFIG) or the content."""
    if kubeconfig is not None and not isinstance(kubeconfig, str):
        return "kubeconfig", dict(kubeconfig)
    paths = kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"
    present = [path for path in paths.split(os.pathsep) if path and Path(path).expanduser().is_file()]
    if not present:
        hint = "give a path or the content" if kubeconfig else "give a kubeconfig, or set KUBECONFIG"
        raise KubeconfigError("there is no such kubeconfig file", where=paths, hint=hint)
    return paths, os.pathsep.join(present)


def _kubeconfig_error(
    kube_config: t.Any, source: str | dict[str, t.Any], where: str, context: str | None, exc: Exception
) -> KubeconfigError:
    try:
        content = source if isinstance(source, dict) else kube_config.KubeConfigMerger(source).config.value
        names = [str(entry["name"]) for entry in content.get("contexts") or []]
        current = content.get("current-context")
    except (kube_config.ConfigException, OSError, TypeError, KeyError, AttributeError):
        return KubeconfigError("is no kubeconfig", where=where, hint="it needs clusters, users and contexts")
    listing = "its contexts: " + ", ".join(names) if names else "it has no contexts at all"
    if context is not None and context not in names:
        return KubeconfigError(f"has no context {context}", where=where, hint=listing)
    if context is None and current not in names:
        found = f"its current-context {current} is not among them" if current else "it sets no current-context"
        return KubeconfigError(found, where=where, hint="name a context; " + listing)
    if isinstance(exc, ssl.SSLError):
        return KubeconfigError("a certificate or key in it is malformed", where=where, hint=listing)
    return KubeconfigError(f"cannot be used: {exc}", where=where, hint=listing)


def _pool(client: t.Any, configuration: t.Any) -> t.Any:
    """Return the package's connection pool with a TLS context that is made once, not per connection."""
    pool = client.rest.RESTClientObject(configuration).pool_manager
    tls = ssl.create_default_context(cafile=configuration.ssl_ca_cert or None)
    # Cluster CAs often lack the key identifiers that Python 3.13 began to insist on; no other client does.
    tls.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not configuration.verify_ssl:
        import urllib3  # noqa: PLC0415 - present wherever _library() succeeded

        # Whoever said so knows; a warning with every request would tell nobody anything.
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    if configuration.cert_file:
        tls.load_cert_chain(configuration.cert_file, configuration.key_file)
    for option in ("ca_certs", "ca_cert_data", "cert_file", "key_file"):
        pool.connection_pool_kw.pop(option, None)
    pool.connection_pool_kw["ssl_context"] = tls
    return pool


def _memory_folder() -> str | None:
    """Return a folder that is memory, where the system has one."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108 - a private folder is made in it
