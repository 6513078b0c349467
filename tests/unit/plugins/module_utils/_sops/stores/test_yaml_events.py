# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The events of YAML: what is wrong is told with its line and without the text."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import LimitError, MalformedFileError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.yaml_events import events


@pytest.mark.parametrize("character", ["\x01", "\x7f", "\x80", "\ufffe"], ids=ascii)
def test_a_forbidden_character_is_told_by_its_line_alone(character: str) -> None:
    with pytest.raises(MalformedFileError) as caught:
        list(events(f"a: 1\nb: ä{character}\n", "f.yaml"))
    assert caught.value.where == "f.yaml:2"
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_tabs_before_comments_are_blanks_and_hide_no_other_error() -> None:
    """A tab between the sign of an explicit key and a comment is taken, which libyaml alone does not do."""
    text = "? a\t# c\n:\t # d\n  b\n"
    assert [event.value for event in events(text, None) if hasattr(event, "value")] == ["a", "b"]
    with pytest.raises(MalformedFileError, match="forbids"):
        list(events("? \t# c\n  a\n: b\n\0", None))
    with pytest.raises(MalformedFileError, match="cannot start any token"):
        list(events("? a\n:\t# c\n\tb\n", None))
    with pytest.raises(LimitError, match="more than 20 tabs"):
        list(events("? a\n:\t# c\n" * 21, None))
