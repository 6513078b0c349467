# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The version of the collection, from the one place that states it.

Private to the collection.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from ...module_utils._errors import FluxseedError

_ROOT = Path(__file__).parents[3]


def version() -> str:
    """Return the version; a checkout and the wheel have galaxy.yml, an installed collection has MANIFEST.json."""
    galaxy, manifest = _ROOT / "galaxy.yml", _ROOT / "MANIFEST.json"
    if galaxy.is_file():
        found = re.search(r"^version: (\S+)$", galaxy.read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return found[1]
    elif manifest.is_file():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    raise FluxseedError("neither galaxy.yml nor MANIFEST.json states a version", where=str(_ROOT))
