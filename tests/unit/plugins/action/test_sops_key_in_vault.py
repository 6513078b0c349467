# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key pair in an Ansible Vault file, which needs the controller: made once, never replaced and never shown."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.key_places.variables import VaultVariables
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.sops_key import ARGUMENT_SPEC, run
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._vault import VaultFile

pyrage = pytest.importorskip("pyrage")

SECRET = VaultSecret(b"password")
PUBLIC, PRIVATE = "sops_age_public_key", "sops_age_private_key"


def pair() -> tuple[str, str]:
    identity = pyrage.x25519.Identity.generate()
    return str(identity.to_public()), str(identity)


def call(*, check_mode=False, warnings=None, vault=True, **params) -> dict:
    defaults = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
    given = {name: str(value) if isinstance(value, Path) else value for name, value in params.items()}
    return run(
        Call(
            params={**defaults, **given},
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
        assert (result["created"], result["type"], result["recipient"]) == (True, "age", found[PUBLIC])
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
            (f"{PRIVATE}: age1canary\n", "a public key stands where the private key is due"),
            (f"{PUBLIC}: AGE-SECRET-KEY-1CANARY\n", "a private key stands where the public key is due.*swapped"),
            (f"{PUBLIC}: AGE-SECRET-KEY-1CANARY\n{PRIVATE}: age1canary\n", "stands where"),
            (f"{PRIVATE}: ''\n", "there is no private key"),
            (f"{PRIVATE}: 17\n", "not the text of a private key"),
            (f"{PRIVATE}: !vault |\n  canary\n", "no vault password at hand opens this value"),
            (f"{PRIVATE}: '{{{{ canary }}}}'\n", "a template that was not resolved"),
            (f"{PUBLIC}: age1canary\n", "no private key that belongs to it.*remove the public key"),
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
        for check_mode in (True, False):
            with pytest.raises(FluxseedError, match="vault id 'work'"):
                call(vault_file=path, vault_id="work", check_mode=check_mode)
        assert not path.parent.exists()

    def test_without_the_passwords_of_the_play_it_is_refused(self, path):
        """On a target there are none."""
        with pytest.raises(FluxseedError, match="connection: local"):
            call(vault_file=path, vault=False)

    def test_both_variables_need_names_of_their_own(self, path):
        """One name for both is a mistake."""
        with pytest.raises(FluxseedError, match="the same variable"):
            call(vault_file=path, public_variable="a", private_variable="a")

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"public_variable": "not a name"}, "'not a name' is no name of a variable"),
            (
                {"private_variable": "AGE-SECRET-KEY-1CANARY"},
                "private_variable: a private key stands where a name is due",
            ),
            ({"vault_id": "AGE-SECRET-KEY-1CANARY"}, "vault_id: a private key stands where a name is due"),
        ],
    )
    def test_names_have_to_be_names(self, path, params, message):
        """A key in their place is not repeated."""
        with pytest.raises(FluxseedError, match=message) as caught:
            call(vault_file=path, **params)
        assert "CANARY" not in str(caught.value)

    def test_a_given_key_is_stored_beside_its_public_one(self, path):
        """Also where the public one is there already: that is how a lost private key is put back."""
        public, private = pair()
        path.parent.mkdir()
        put(path, f"{PUBLIC}: {public}\n")
        with pytest.raises(FluxseedError, match="the key of content does not belong to it"):
            call(vault_file=path, content=pair()[1])
        assert call(vault_file=path, content=private)["reason"] == ["created"]
        assert text_of(path) == f"{PUBLIC}: {public}\n{PRIVATE}: {private}\n"
        assert not call(vault_file=path, content=private)["changed"]

    def test_with_always_both_are_replaced(self, path):
        """And the file before is kept."""
        first = call(vault_file=path)
        content = path.read_bytes()
        second = call(vault_file=path, regenerate="always", backup=True)
        assert (second["reason"], second["created"]) == (["replaced"], False)
        assert first["public_key"] != second["public_key"]
        assert Path(second["backup_file"]).read_bytes() == content
        assert second["backup_file"].endswith("~")
        assert call(vault_file=path)["public_key"] == second["public_key"]

    def test_with_always_what_is_broken_is_replaced_without_showing_it(self, path):
        """Swapped variables too."""
        path.parent.mkdir()
        put(path, f"{PUBLIC}: AGE-SECRET-KEY-1CANARY\n{PRIVATE}: age1x\n")
        result = call(vault_file=path, regenerate="always")
        assert result["reason"] == ["replaced"]
        assert "CANARY" not in str(result)
        assert not call(vault_file=path)["changed"]

    def test_the_variables_are_removed_and_nothing_else(self, path):
        """Not the file either."""
        path.parent.mkdir()
        put(path, "# head\nb: 1   # why\na: 'x'\n")
        public = call(vault_file=path)["public_key"]
        content = path.read_bytes()
        predicted = call(vault_file=path, state="absent", check_mode=True)
        assert path.read_bytes() == content
        result = call(vault_file=path, state="absent", backup=True)
        assert Path(result.pop("backup_file")).read_bytes() == content
        assert result == predicted
        assert (result["reason"], result["public_key"]) == (["removed"], public)
        assert result["diff"]["before"] == f"{PUBLIC}: {public}\n{PRIVATE}: (private key, not shown)\n"
        assert text_of(path) == "# head\nb: 1   # why\na: 'x'\n"
        assert not call(vault_file=path, state="absent")["changed"]

    def test_without_a_file_there_is_nothing_to_remove(self, path):
        """And none is made, nor a folder."""
        assert not call(vault_file=path, state="absent")["changed"]
        assert not path.parent.exists()

    def test_a_key_of_another_type_is_not_removed(self, path):
        """Whoever names the variables may have mixed them up."""
        public = call(vault_file=path)["public_key"]
        names = {"public_variable": PUBLIC, "private_variable": PRIVATE}
        for check_mode in (True, False):
            with pytest.raises(
                FluxseedError, match=r"is of type age, and type is pgp; nothing was removed.*set type: age"
            ):
                call(vault_file=path, type="pgp", state="absent", check_mode=check_mode, **names)
        assert call(vault_file=path)["public_key"] == public

    @pytest.mark.parametrize("value", ["canary", "AGE-SECRET-KEY-1CANARY", "''", "17"])
    def test_what_is_broken_is_not_removed(self, path, value):
        """It is not known what it is."""
        path.parent.mkdir()
        content = put(path, f"{PRIVATE}: {value}\n")
        with pytest.raises(FluxseedError, match=r"nothing was removed.*take it out by hand") as caught:
            call(vault_file=path, state="absent")
        assert "canary" not in str(caught.value).lower()
        assert path.read_bytes() == content

    @pytest.mark.parametrize(
        ("value", "is_shown"),
        [
            (f"age1{'q' * 58}", True),
            (f"age1pq1{'q' * 200}", True),
            ("0123456789ABCDEF" * 2 + "01234567", True),
            # OpenPGP from version 5 on.
            ("0123456789ABCDEF" * 4, True),
            ("0123456789ABCDEF" * 3, False),
            ("canary", False),
        ],
    )
    def test_a_public_key_of_every_type_is_known_as_such(self, path, value, is_shown):
        """It is compared with what belongs to the private key; whatever else stands there may be a secret."""
        path.parent.mkdir()
        put(path, f"{PUBLIC}: '{value}'\n")
        place = VaultVariables(
            lambda name: VaultFile(name, [("default", SECRET)]),
            str(path),
            names=(PUBLIC, PRIVATE),
            vault_id=None,
            makes_folders=False,
        )
        assert (place.public() == value) is is_shown
        assert is_shown or value not in str(place.public())


class TestFileInClear:
    """A variables file in which single values are encrypted."""

    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "secrets.yml"
        path.write_text("# head\nb: 1   # why\n")
        return path

    def test_only_the_private_key_is_encrypted(self, path):
        """The public key is for everybody, and the rest keeps its bytes."""
        public = call(vault_file=path)["public_key"]
        text = path.read_text()
        assert text.startswith(
            f"# head\nb: 1   # why\n{PUBLIC}: {public}\n{PRIVATE}: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n"
        )
        assert "AGE-SECRET-KEY" not in text
        again = call(vault_file=path)
        assert (again["changed"], again["public_key"]) == (False, public)
        assert path.read_text() == text

    def test_a_wrong_public_key_is_derived_anew_and_the_private_one_keeps_its_bytes(self, path):
        """Encrypting it again would be a difference in Git for nothing."""
        public = call(vault_file=path)["public_key"]
        text = path.read_text()
        path.write_text(text.replace(public, pair()[0]))
        assert call(vault_file=path)["reason"] == ["public_variable"]
        assert path.read_text() == text

    def test_a_private_key_in_clear_is_an_error(self, path):
        """It is not known who has read it."""
        path.write_text(f"{PRIVATE}: {pair()[1]}\n")
        with pytest.raises(
            FluxseedError, match=r"in clear in a file that is not encrypted.*ansible-vault encrypt.*another key"
        ):
            call(vault_file=path)
        result = call(vault_file=path, regenerate="always")
        assert result["reason"] == ["replaced"]
        assert "AGE-SECRET-KEY" not in path.read_text()

    def test_the_variables_are_removed_and_nothing_else(self, path):
        """All lines of the encrypted value."""
        call(vault_file=path)
        assert call(vault_file=path, state="absent")["reason"] == ["removed"]
        assert path.read_text() == "# head\nb: 1   # why\n"
