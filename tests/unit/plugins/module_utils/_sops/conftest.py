# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys, a ring and a store for the tests of the engine."""

from __future__ import annotations

import typing as t
from datetime import UTC, datetime

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.identities import gather
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.base import Store
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml import YamlStore
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import NOWHERE, Keys


@pytest.fixture(scope="session")
def keys() -> Keys:
    return Keys(*age.generate_identity())


@pytest.fixture(scope="session")
def other_keys() -> Keys:
    return Keys(*age.generate_identity())


@pytest.fixture(scope="session")
def ring(keys: Keys) -> KeyRing:
    return gather(NOWHERE, [("test", keys.private)])


@pytest.fixture(scope="session")
def rule(keys: Keys) -> Rule:
    return Rule.of([keys.public])


@pytest.fixture(scope="session")
def store() -> Store:
    return YamlStore()


@pytest.fixture
def clock() -> t.Callable[[], datetime]:
    return lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
