# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs for the tests of this folder: one that is shared, and folders for some of their own."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from lab_tools import RunningLab

from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.lab import Lab


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningLab]:
    """A lab that ends with the tests of the module, however they end."""
    lab = Lab(tmp_path_factory.mktemp("lab") / "lab")
    yield RunningLab(lab, lab.start(print, owner=os.getpid()))
    lab.stop()
    shutil.rmtree(lab.folder.root)


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    """A lab that is not started yet."""
    lab = Lab(tmp_path / "lab")
    yield lab
    lab.stop()
    shutil.rmtree(lab.folder.root, ignore_errors=True)
