# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The MAC: known answers, and what counts as its additional data."""

from __future__ import annotations

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import MacMismatchError, MalformedMetadataError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import mac
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.values import Cipher

ONE = "4DFF4EA340F0A823F15D3F4F01AB62EAE0E5DA579CCB851F8DB9DFE84C58B2B37B89903A740E1EE172DA793A6E79D560E5F7F9BD058A12A280433ED6FA46510A"
X_ONLY = "F2FCD883120AC9CC76A0079910AFF53A3F3A4AFB78C110FB8C8B361E38777DE722FABB66A132749D5C71138D4B1E3BFDF7CAD284A785AF59ABA5109BDDD799A0"
WHEN = "2026-01-02T03:04:05Z"


@pytest.mark.parametrize(
    ("values", "only_encrypted", "start"),
    [
        ([], False, "CF83E1357EEFB8BD"),
        ([b"1"], False, ONE),
        ([b"x"], True, X_ONLY),
        ([], True, "1EE9AD533B409ABB860E3F836F93434D"),
    ],
)
def test_known_answers(values: list[bytes], only_encrypted: bool, start: str) -> None:
    assert mac.compute(values, only_encrypted=only_encrypted).startswith(start)


def test_values_are_joined_without_separator() -> None:
    """The hash is over the plain concatenation, so an empty string adds nothing."""
    assert mac.compute([b"a", b"", b"b"], only_encrypted=False) == mac.compute([b"ab"], only_encrypted=False)


@pytest.mark.parametrize(
    ("lastmodified", "data"),
    [
        (WHEN, WHEN),
        ("2026-01-02T03:04:05+00:00", WHEN),
        ("2026-01-02T03:04:05.75Z", WHEN),
        ("2026-01-02T03:04:05+02:00", "2026-01-02T03:04:05+02:00"),
    ],
)
def test_additional_data_is_in_whole_seconds(lastmodified: str, data: str) -> None:
    assert mac.additional_data(lastmodified) == data


@pytest.mark.parametrize("lastmodified", ["", "yesterday", "2026-01-02", "2026-13-02T03:04:05Z"])
def test_other_times_are_refused(lastmodified: str) -> None:
    with pytest.raises(MalformedMetadataError, match="RFC 3339"):
        mac.additional_data(lastmodified)


def test_a_sealed_mac_verifies_only_with_its_content_and_time() -> None:
    cipher = Cipher(b"k" * 32)
    stored = mac.seal(ONE, cipher, WHEN)
    mac.verify(stored, ONE, cipher, WHEN)
    for bad in ((stored, X_ONLY, WHEN), (stored, ONE, "2026-01-02T03:04:06Z"), ("", ONE, WHEN), ("x", ONE, WHEN)):
        with pytest.raises(MacMismatchError):
            mac.verify(bad[0], bad[1], cipher, bad[2])
