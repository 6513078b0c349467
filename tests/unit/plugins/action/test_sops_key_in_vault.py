# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key pair in an Ansible Vault file, which needs the controller: made once, never replaced and never shown."""

from __future__ import annotations

import re

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.sops_key import fingerprint, run
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._vault import VaultFile

pyrage = pytest.importorskip("pyrage")

SECRET = VaultSecret(b"password")
PUBLIC, PRIVATE = "sops_age_public_key", "sops_age_private_key"


def pair() -> tuple[str, str]:
    identity = pyrage.x25519.Identity.generate()
    return str(identity.to_public()), str(identity)


def call(*, check_mode=False, warnings=None, vault=True, **params) -> dict:
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
            warn=(warnings if warnings is not None else []).append,
            vault=(lambda path: VaultFile(path, [("default", SECRET)])) if vault else None,
        )
    )


def put(path, text: str) -> bytes:
    path.write_bytes(VaultLib().encrypt(text, secret=SECRET))
    return path.read_bytes()


def text_of(path) -> str:
    return VaultLib([("default", SECRET)]).decrypt(path.read_bytes()).decode()


class TestVaultFile:
    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "group_vars" / "secrets.yml"

    def test_a_pair_is_made_where_there_is_none(self, path):
        """Both variables are there, and they belong together."""
        result = call(vault_file=path)
        found = VaultFile(str(path), [("default", SECRET)]).read()
        assert (result["changed"], result["reason"]) == (True, ["created"])
        assert result["public_key"] == found[PUBLIC]
        assert str(pyrage.x25519.Identity.from_str(found[PRIVATE]).to_public()) == found[PUBLIC]
        assert result["fingerprint"] == fingerprint(found[PUBLIC])
        assert found[PRIVATE] not in str(result)

    def test_a_second_run_changes_nothing(self, path):
        """Not a byte: encryption is never twice the same."""
        first = call(vault_file=path)
        content = path.read_bytes()
        second = call(vault_file=path)
        assert (second["changed"], second["reason"]) == (False, [])
        assert second["public_key"] == first["public_key"]
        assert path.read_bytes() == content

    def test_check_mode_predicts_and_writes_nothing(self, path):
        """The public key of a pair to come is not known."""
        result = call(vault_file=path, check_mode=True)
        assert (result["changed"], result["public_key"], result["fingerprint"]) == (True, None, None)
        assert not path.parent.exists()

    def test_the_diff_shows_names_only(self, path):
        """What appears is said, not what it is."""
        diff = call(vault_file=path)["diff"]
        assert diff["before"] == ""
        assert re.fullmatch(f"{PUBLIC}: age1\\w+\n{PRIVATE}: \\(private key, not shown\\)\n", diff["after"])

    def test_the_rest_of_the_file_stays(self, path):
        """Comments, order and other variables are kept."""
        path.parent.mkdir()
        put(path, "# head\nb: 1   # why\na: 'x'\n")
        call(vault_file=path)
        assert text_of(path).startswith("# head\nb: 1   # why\na: 'x'\nsops_age_public_key: age1")

    def test_several_pairs_fit_into_one_file(self, path):
        """Under names of their own."""
        first = call(vault_file=path)
        second = call(vault_file=path, public_variable="b_public", private_variable="b_private")
        assert first["public_key"] != second["public_key"]
        assert not call(vault_file=path)["changed"]

    def test_a_missing_public_key_is_derived(self, path):
        """The private key stays as it is."""
        public, private = pair()
        path.parent.mkdir()
        put(path, f"{PRIVATE}: {private}\n")
        result = call(vault_file=path)
        assert (result["changed"], result["reason"], result["public_key"]) == (True, ["public_variable"], public)
        assert text_of(path) == f"{PRIVATE}: {private}\n{PUBLIC}: {public}\n"

    def test_a_public_key_of_another_pair_is_replaced_with_a_warning(self, path):
        """Check mode says the same and writes nothing."""
        public, private = pair()
        other, _private = pair()
        path.parent.mkdir()
        content = put(path, f"{PUBLIC}: {other}   # keep\n{PRIVATE}: {private}\n")
        warnings: list[str] = []
        predicted = call(vault_file=path, check_mode=True, warnings=warnings)
        assert path.read_bytes() == content
        result = call(vault_file=path, warnings=warnings)
        assert predicted == result
        assert (result["reason"], result["public_key"]) == (["public_variable"], public)
        assert text_of(path) == f"{PUBLIC}: {public}   # keep\n{PRIVATE}: {private}\n"
        assert len(warnings) == 2
        assert "did not belong" in warnings[0]
        assert other in result["diff"]["before"]
        assert private not in str(result)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (f"{PRIVATE}: AGE-SECRET-KEY-1CANARYCANARY\n", "damaged"),
            (f"{PRIVATE}: canary\n", "starts with AGE-SECRET-KEY-1"),
            (f"{PRIVATE}: ''\n", "no age private key"),
            (f"{PRIVATE}: 17\n", "not the text of an age private key"),
            (f"{PRIVATE}: !vault |\n  canary\n", "not the text of an age private key"),
            (f"{PRIVATE}: '{{{{ canary }}}}'\n", "starts with AGE-SECRET-KEY-1"),
            (f"{PUBLIC}: age1canary\n", f"no {PRIVATE} that belongs to it.*remove {PUBLIC}"),
        ],
    )
    @pytest.mark.parametrize("check_mode", [True, False])
    def test_what_is_broken_is_left_alone(self, path, text, message, check_mode):
        """The error names file and variable and shows nothing of the key."""
        path.parent.mkdir()
        content = put(path, text)
        with pytest.raises(FluxseedError, match=message) as caught:
            call(vault_file=path, check_mode=check_mode)
        assert str(path) in str(caught.value)
        assert "canary" not in str(caught.value).replace(str(path), "").lower()
        assert path.read_bytes() == content

    def test_a_failure_leaves_no_folder_behind(self, path):
        """Nothing half done."""
        with pytest.raises(FluxseedError, match="vault id 'work'"):
            call(vault_file=path, vault_id="work")
        assert not path.parent.exists()

    def test_without_the_passwords_of_the_play_it_is_refused(self, path):
        """On a target there are none."""
        with pytest.raises(FluxseedError, match="connection: local"):
            call(vault_file=path, vault=False)

    def test_both_variables_need_names_of_their_own(self, path):
        """One name for both is a mistake."""
        with pytest.raises(FluxseedError, match="the same variable"):
            call(vault_file=path, public_variable="a", private_variable="a")
