# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key pair is made once, kept where asked for, never replaced and never shown."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.sops_key import ARGUMENT_SPEC, run
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError

pyrage = pytest.importorskip("pyrage")


def pair() -> tuple[str, str]:
    identity = pyrage.x25519.Identity.generate()
    return str(identity.to_public()), str(identity)


def call(*, check_mode=False, warnings=None, **params) -> dict:
    defaults = {name: option.get("default") for name, option in ARGUMENT_SPEC.items()}
    given = {name: str(value) if isinstance(value, Path) else value for name, value in params.items()}
    return run(
        Call(
            params={**defaults, **given},
            check_mode=check_mode,
            diff_mode=True,
            warn=(warnings if warnings is not None else []).append,
        )
    )


def test_a_vault_file_needs_the_passwords_of_the_play(tmp_path):
    """On a target there are none."""
    with pytest.raises(FluxseedError, match="connection: local"):
        call(vault_file=tmp_path / "secrets.yml")


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

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("PUBLIC\n", "a public key stands where the private key is due.*give the private key"),
            ("ssh-ed25519 AAAA\n", "a public key stands where the private key is due"),
            (
                "-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
                "a PGP public key stands where the private key is due.*export-secret",
            ),
            ("-----BEGIN OPENSSH PRIVATE KEY-----\n", "this is an SSH key"),
            ("-----BEGIN AGE ENCRYPTED FILE-----\n", "protected by a passphrase"),
            ("age-encryption.org/v1\n", "protected by a passphrase"),
            ("$ANSIBLE_VAULT;1.1;AES256\n3133\n", "still encrypted by Ansible Vault"),
            ("ENC[AES256_GCM,data:x]\n", "still encrypted by SOPS"),
            ("# mine\nPRIVATE OTHER\n", "line 2: there are several words in one line.*one key to a line"),
            ("# mine\nPRIVATE \n", "line 2: there is white space around the key.*take it off"),
            (" PRIVATE\n", "white space around the key"),
            ("AGE-PLUGIN-YUBIKEY-1QQQQ\n", "the key of an age plugin"),
            ("private\n", "this is no private key.*starts with AGE-SECRET-KEY-1"),
            ("PRIVAT\n", "damaged.*a part of it may be missing"),
        ],
    )
    def test_what_is_no_key_is_told_from_what_it_is(self, path, content, message):
        """Each message says what to do, and holds nothing of the file."""
        public, private = pair()
        words = {
            "PUBLIC": public,
            "PRIVATE": private,
            "PRIVAT": private[:-1],
            "OTHER": pair()[1],
            "private": private.lower(),
        }
        for word, key in words.items():
            content = re.sub(rf"\b{word}\b(?! KEY)", key, content)
        path.parent.mkdir()
        path.write_text(content)
        with pytest.raises(FluxseedError, match=message) as caught:
            call(path=path)
        assert str(path) in str(caught.value)
        assert "regenerate: always" in str(caught.value)
        assert not any(key in str(caught.value) for key in words.values())
        assert path.read_text() == content

    def test_line_ends_of_windows_are_no_harm(self, path):
        """Age, sops and Flux take them too."""
        public, private = pair()
        path.parent.mkdir()
        path.write_bytes(f"# mine\r\n{private}\r\n".encode())
        path.chmod(0o600)
        result = call(path=path)
        assert (result["changed"], result["public_key"]) == (False, public)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
    def test_file_and_new_folders_are_given_to_their_owner(self, path):
        """What was there before stays whose it is."""
        result = call(path=path / "keys.txt", owner="12345", group="54321")
        assert result["reason"] == ["created"]
        for each in (path / "keys.txt", path):
            assert (each.stat().st_uid, each.stat().st_gid) == (12345, 54321)
        assert path.parent.parent.stat().st_uid == 0
        assert not call(path=path / "keys.txt", owner="12345", group="54321")["changed"]
        moved = call(path=path / "keys.txt", group="0")
        assert (moved["reason"], moved["diff"]["before"]) == (["owner"], "owner: 12345:54321\n")
        assert (path / "keys.txt").stat().st_gid == 0

    @pytest.mark.parametrize("option", ["owner", "group"])
    def test_an_owner_that_is_not_there_is_said_beforehand(self, path, option):
        """Nothing is written then."""
        with pytest.raises(FluxseedError, match=f"{option} nobody-at-all: there is no such"):
            call(path=path, **{option: "nobody-at-all"})
        assert not path.parent.exists()


class TestGivenKey:
    """A private key that the play brings along."""

    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "keys.txt"

    @pytest.mark.parametrize("form", ["{}", "{}\n", "  {}  \r\n", "# mine\n# public key: x\n{}\n", "\ufeff{}"])
    def test_it_is_stored_without_what_is_around_it(self, path, form):
        """White space, comments and line ends of the editor."""
        public, private = pair()
        result = call(path=path, content=form.format(private))
        assert (result["created"], result["public_key"]) == (True, public)
        assert path.read_text().endswith(f"# public key: {public}\n{private}\n")
        assert not call(path=path, content=private)["changed"]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("PUBLIC", "a public key stands where the private key is due"),
            ("PRIVATE OTHER", "several words in one line"),
            ("PRIVATE\nOTHER\n", "there are 2 keys in it.*give one of them"),
            ("", "there is no private key in it"),
            ("{{ sops_age_private_key }}", "a template that was not resolved.*is the variable in it set"),
            ("PRIVATEX", "damaged"),
        ],
    )
    def test_what_is_no_key_is_refused_beforehand(self, path, content, message):
        """Nothing is written, and nothing of it is told."""
        public, private = pair()
        other = pair()[1]
        content = content.replace("PUBLIC", public).replace("PRIVATE", private).replace("OTHER", other)
        with pytest.raises(FluxseedError, match=message) as caught:
            call(path=path, content=content)
        assert caught.value.where.startswith("content")
        assert private not in str(caught.value)
        assert not path.exists()

    def test_it_has_to_be_of_the_type(self, path):
        """A mistake in either is found at once."""
        with pytest.raises(FluxseedError, match=r"holds a key of type age, and type is age-pq.*set type: age"):
            call(path=path, content=pair()[1], type="age-pq")

    def test_with_state_absent_it_means_nothing(self, path):
        """So it is refused."""
        with pytest.raises(FluxseedError, match="no meaning with state absent"):
            call(path=path, content=pair()[1], state="absent")


class TestRegenerate:
    """What becomes of a key that is there and is not the one wanted, in the sense of community.crypto."""

    @pytest.fixture
    def path(self, tmp_path):
        call(path=tmp_path / "keys.txt")
        return tmp_path / "keys.txt"

    def test_by_default_another_key_is_an_error(self, path):
        """It is never written over in silence."""
        content = path.read_bytes()
        public, private = pair()
        with pytest.raises(FluxseedError, match=f"another key is there.*{public}.*regenerate: always"):
            call(path=path, content=private)
        assert path.read_bytes() == content

    def test_with_never_it_stays_with_a_warning(self, path):
        """The key that is there is returned."""
        content, there = path.read_bytes(), call(path=path)["public_key"]
        warnings: list[str] = []
        result = call(path=path, content=pair()[1], regenerate="never", warnings=warnings)
        assert (result["changed"], result["public_key"]) == (False, there)
        assert "it stays, because regenerate is never" in warnings[0]
        assert path.read_bytes() == content

    @pytest.mark.parametrize("regenerate", ["never", "fail"])
    def test_a_key_of_another_type_is_not_replaced(self, path, regenerate):
        """As with another key."""
        content = path.read_bytes()
        if regenerate == "fail":
            with pytest.raises(FluxseedError, match=r"of type age, and type is pgp.*set type: age"):
                call(path=path, type="pgp", regenerate=regenerate)
        else:
            assert call(path=path, type="pgp", regenerate=regenerate)["type"] == "age"
        assert path.read_bytes() == content

    def test_with_always_the_given_one_takes_its_place(self, path):
        """Once."""
        old = path.read_bytes()
        public, private = pair()
        predicted = call(path=path, content=private, regenerate="always", backup=True, check_mode=True)
        assert path.read_bytes() == old
        result = call(path=path, content=private, regenerate="always", backup=True)
        backup = Path(result.pop("backup_file"))
        assert predicted == result
        assert (result["reason"], result["created"], result["public_key"]) == (["replaced"], False, public)
        assert result["diff"]["before"] == "mode: 0600\nprivate key: (private key, not shown)\n"
        assert backup.read_bytes() == old
        assert stat.S_IMODE(backup.stat().st_mode) == 0o600
        assert not call(path=path, content=private, regenerate="always")["changed"]

    def test_with_always_alone_each_run_makes_another_one(self, path):
        """As the word says."""
        first, second = (call(path=path, regenerate="always") for _number in range(2))
        assert first["reason"] == second["reason"] == ["replaced"]
        assert first["public_key"] != second["public_key"]

    @pytest.mark.parametrize("content", ["broken\n", "", "AGE-SECRET-KEY-1QQ\n"])
    def test_only_with_always_something_broken_is_replaced(self, path, content):
        """Then it was asked for."""
        path.write_text(content)
        for regenerate in ("never", "fail"):
            with pytest.raises(FluxseedError, match=r"nothing was changed.*regenerate: always"):
                call(path=path, regenerate=regenerate)
        assert path.read_text() == content
        assert call(path=path, regenerate="always")["reason"] == ["replaced"]
        assert not call(path=path)["changed"]

    def test_several_keys_are_never_replaced_by_one(self, path):
        """The file of a person holds keys of other clusters too."""
        private = pair()[1]
        path.write_text(f"{pair()[1]}\n{private}\n")
        content = path.read_bytes()
        for given in (None, pair()[1]):
            with pytest.raises(FluxseedError, match="there are 2 keys in it, and all of them would be replaced"):
                call(path=path, content=given, regenerate="always", backup=True)
        assert path.read_bytes() == content
        assert not call(path=path, content=private)["changed"]
        assert len(list(path.parent.iterdir())) == 1

    def test_without_a_change_there_is_no_backup(self, path):
        """Nor for a new file."""
        assert "backup_file" not in call(path=path, backup=True)
        assert "backup_file" not in call(path=path.parent / "other.txt", backup=True)


class TestAbsent:
    @pytest.fixture
    def path(self, tmp_path):
        call(path=tmp_path / "keys.txt")
        return tmp_path / "keys.txt"

    def test_the_file_is_removed_once(self, path):
        """The result says which key it was."""
        public, content = call(path=path)["public_key"], path.read_bytes()
        assert call(path=path, state="absent", check_mode=True)["changed"]
        assert path.exists()
        result = call(path=path, state="absent", backup=True)
        assert (result["reason"], result["public_key"]) == (["removed"], public)
        assert result["diff"] == {
            "before_header": str(path),
            "after_header": str(path),
            "before": "private key: (private key, not shown)\n",
            "after": "",
        }
        assert not path.exists()
        assert Path(result["backup_file"]).read_bytes() == content
        again = call(path=path, state="absent", backup=True)
        assert (again["changed"], again["public_key"]) == (False, None)

    @pytest.mark.parametrize("content", ["user:x:1000:1000\n", "AGE-SECRET-KEY-1QQ\n", "", "TWO"])
    def test_only_a_file_with_one_key_is_removed(self, path, content):
        """A wrong path does no harm."""
        path.write_text(content.replace("TWO", f"{pair()[1]}\n{pair()[1]}\n"))
        with pytest.raises(FluxseedError):
            call(path=path, state="absent")
        assert path.exists()
