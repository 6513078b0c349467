# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of YAML: what is wrong is told with its line and without the text."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import MalformedFileError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml_events import events


@pytest.mark.parametrize("character", ["\x01", "\x7f", "\x80", "\ufffe"], ids=ascii)
def test_a_forbidden_character_is_told_by_its_line_alone(character: str) -> None:
    with pytest.raises(MalformedFileError) as caught:
        list(events(f"a: 1\nb: ä{character}\n", "f.yaml"))
    assert caught.value.where == "f.yaml:2"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
