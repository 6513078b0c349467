# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs for the stories of this folder."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from homelab import Homelab

from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.build import oracle


@pytest.fixture(scope="module")
def homelab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Homelab]:
    """A started lab with nothing on its cluster; it is deleted when the stories of the module are told."""
    home = Homelab(tmp_path_factory.mktemp("homelab"))
    home.flux_lab("started")
    yield home
    home.flux_lab("stopped")
    shutil.rmtree(home.folder)


@pytest.fixture(scope="session")
def sops() -> Path:
    """The sops command, built from its sources at the pinned version."""
    return oracle("sops")


@pytest.fixture(scope="session")
def age_keygen() -> Path:
    """The age-keygen command, built in the same way."""
    return oracle("age-keygen")
