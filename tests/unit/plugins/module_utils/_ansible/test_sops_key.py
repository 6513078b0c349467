# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key pair is made once, kept where asked for, never replaced and never shown."""

from __future__ import annotations

import re
import stat

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.sops_key import fingerprint, run
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError

pyrage = pytest.importorskip("pyrage")

PUBLIC, PRIVATE = "sops_age_public_key", "sops_age_private_key"


def pair() -> tuple[str, str]:
    identity = pyrage.x25519.Identity.generate()
    return str(identity.to_public()), str(identity)


def call(*, check_mode=False, **params) -> dict:
    return run(
        Call(
            params={
                "path": None,
                "vault_file": None,
                "vault_id": None,
                "public_variable": PUBLIC,
                "private_variable": PRIVATE,
                **{name: str(value) for name, value in params.items()},
            },
            check_mode=check_mode,
            diff_mode=True,
        )
    )


def test_a_vault_file_needs_the_passwords_of_the_play(tmp_path):
    """On a target there are none."""
    with pytest.raises(FluxseedError, match="connection: local"):
        call(vault_file=tmp_path / "secrets.yml")


def test_a_fingerprint_is_short_and_depends_on_the_key_alone():
    """It is compared by eye."""
    assert fingerprint("age1a") == fingerprint("age1a") != fingerprint("age1b")
    assert re.fullmatch("[0-9a-f]{16}", fingerprint("age1a"))


class TestKeyFile:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "age" / "keys.txt"

    def test_a_key_file_is_as_age_keygen_writes_it(self, path):
        """Private, in a private folder."""
        result = call(path=path)
        text = path.read_text()
        assert re.fullmatch(
            r"# created: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n# public key: (age1\w+)\nAGE-SECRET-KEY-1[0-9A-Z]+\n", text
        )
        assert result["public_key"] in text
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert "AGE-SECRET-KEY-1" not in str(result)

    def test_a_second_run_changes_nothing(self, path):
        """Not a byte."""
        first = call(path=path)
        content = path.read_bytes()
        second = call(path=path)
        assert (second["changed"], second["public_key"]) == (False, first["public_key"])
        assert path.read_bytes() == content

    def test_check_mode_writes_nothing(self, path):
        """Neither file nor folder."""
        assert call(path=path, check_mode=True)["changed"]
        assert not path.parent.exists()

    def test_a_file_that_others_may_read_is_closed(self, path):
        """Its content stays."""
        call(path=path)
        content = path.read_bytes()
        path.chmod(0o644)
        assert call(path=path, check_mode=True)["reason"] == ["mode"]
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
        result = call(path=path)
        assert (result["changed"], result["reason"]) == (True, ["mode"])
        assert result["diff"]["before"] == "mode: 0644\n"
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert path.read_bytes() == content

    def test_the_first_of_several_keys_counts(self, path):
        """Sops' own key file may hold many."""
        public, private = pair()
        path.parent.mkdir()
        path.write_text(f"# mine\n{private}\n{pair()[1]}\n")
        path.chmod(0o600)
        assert call(path=path)["public_key"] == public

    @pytest.mark.parametrize("content", [b"", b"# nothing\n", b"canary\n", b"\xff\xfe", b"AGE-SECRET-KEY-1CANARY\n"])
    def test_what_is_broken_is_left_alone(self, path, content):
        """A key file is never replaced."""
        path.parent.mkdir()
        path.write_bytes(content)
        with pytest.raises(FluxseedError, match="nothing was changed") as caught:
            call(path=path)
        assert "canary" not in str(caught.value).lower().replace(str(path).lower(), "")
        assert path.read_bytes() == content
