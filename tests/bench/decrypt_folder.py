# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decrypt all files of a folder in one process, as the lookup and the preflight do."""

from __future__ import annotations

import os
import sys

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.document import decrypt
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.module_utils._surroundings import key_ring

ring = key_ring()
for entry in os.scandir(sys.argv[1]):
    with open(entry.path, "rb") as file:  # noqa: PTH123 - as any caller that counts milliseconds
        sys.stdout.buffer.write(decrypt(file.read(), ring, store=store_for(entry.name), name=entry.path))
