# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decrypt all files of a folder in one process, as the lookup and the preflight do."""

from __future__ import annotations

import sys
from pathlib import Path

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.document import decrypt
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.module_utils._surroundings import key_ring

ring = key_ring()
for path in sorted(Path(sys.argv[1]).iterdir()):
    sys.stdout.buffer.write(decrypt(path.read_bytes(), ring, store=store_for(path.name), name=str(path)))
