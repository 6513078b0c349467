# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter gives what .sops.yaml takes for a private key, and tells nothing of it when it cannot."""

from __future__ import annotations

import re

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.fluxseed.gitops.plugins.filter.sops_public_key import FilterModule

pyrage = pytest.importorskip("pyrage")

public_of = FilterModule().filters()["sops_public_key"]


def pair() -> tuple[str, str]:
    identity = pyrage.x25519.Identity.generate()
    return str(identity.to_public()), str(identity)


@pytest.mark.parametrize("form", ["{}", "{}\n", " {} \r\n", "# created: x\n# public key: y\n{}\n"])
def test_an_age_key_gives_its_public_key(form):
    """Comments and white space around it are no harm."""
    public, private = pair()
    assert public_of(form.format(private)) == public


def test_several_keys_give_several_lines():
    """As age-keygen -y does it."""
    (first, one), (second, other) = pair(), pair()
    assert public_of(f"{one}\n{other}\n") == f"{first}\n{second}"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("PUBLIC", "a public key stands where the private key is due"),
        ("PRIVATE PRIVATE", "several words in one line"),
        ("PRIVATEX", "damaged"),
        ("", "there is no private key in it"),
        (17, "the text of a private key is needed"),
        (None, "the text of a private key is needed"),
        (["PRIVATE"], "the text of a private key is needed"),
    ],
)
def test_what_is_no_private_key_is_said_without_repeating_it(value, message):
    """The message ends up in the output of a play."""
    public, private = pair()
    if isinstance(value, str):
        value = re.sub("PUBLIC", public, value).replace("PRIVATE", private)
    with pytest.raises(AnsibleFilterError, match=message) as caught:
        public_of(value)
    assert private[:-1] not in str(caught.value)
