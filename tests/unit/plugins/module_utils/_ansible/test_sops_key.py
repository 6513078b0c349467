# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A key pair is made once, kept where asked for, never replaced and never shown."""

from __future__ import annotations

import os
import re
import stat
import sys
from pathlib import Path

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.call import Call
from ansible_collections.fluxseed.gitops.plugins.module_utils._ansible.sops_key import ARGUMENT_SPEC, run
from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import pgp_home
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.openpgp import GnupgHome

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

    @pytest.mark.parametrize("option", ["path", "owner", "group", "pgp_name"])
    def test_a_key_in_place_of_a_name_is_not_repeated(self, path, option):
        """Names are shown in messages, and kept in logs."""
        with pytest.raises(FluxseedError, match=f"{option}: a private key stands where a name is due") as caught:
            call(**{"path": path, option: f"{path.parent}/{pair()[1]}"})
        assert "AGE-SECRET" not in str(caught.value)

    @pytest.mark.parametrize(
        ("mode", "is_told"), [(0o777, True), (0o770, True), (0o702, True), (0o755, False), (0o1777, False)]
    )
    @pytest.mark.parametrize("folder", [".", ".."])
    def test_a_folder_in_which_others_may_write_is_told(self, path, mode, is_told, folder):
        """They could put a key of their own there; the folder is somebody else's to change. With the sticky bit they could not."""
        path.parent.mkdir(mode=0o700)
        there = (path.parent / folder).resolve()
        there.chmod(mode)
        warnings: list[str] = []
        predicted, made, again = (
            call(path=path, check_mode=check, warnings=warnings)["changed"] for check in (True, False, False)
        )
        assert (predicted, made, again) == (True, True, False)
        expected = f"others may write in the folder {there}, and could put a key of their own in the place of {path}"
        assert [text.partition(";")[0] for text in warnings] == [expected] * 3 * is_told
        assert all(text.endswith(f"chmod go-w {there}") for text in warnings)
        assert stat.S_IMODE(there.stat().st_mode) == mode
        there.chmod(0o700)


class TestNewPair:
    """Check mode says what the run would say, also when no pair can be made."""

    @pytest.fixture
    def path(self, tmp_path):
        return tmp_path / "keys" / "key"

    @pytest.fixture
    def refused(self, path):
        """The error of both, which are the same."""

        def refused(**params) -> str:
            errors = []
            for check_mode in (True, False):
                with pytest.raises(FluxseedError) as caught:
                    call(path=path, check_mode=check_mode, **params)
                errors.append(str(caught.value))
            assert errors[0] == errors[1]
            assert not path.parent.exists()
            return errors[0]

        return refused

    @pytest.mark.parametrize("name", ["me <a@b>", "", " ", "two\nlines", "who (what)"])
    def test_a_name_that_no_pgp_key_can_have(self, refused, name):
        """The option is named as it is called."""
        assert refused(type="pgp", pgp_name=name).startswith(
            "pgp_name: is empty, or holds a line break or one of < > ( )"
        )

    @pytest.mark.parametrize(
        ("program", "message"),
        [
            ("/nowhere/gpg", "the program /nowhere/gpg is required and was not found (install GnuPG"),
            ("/bin/false", "gpg does not work here: exit code 1 (look at SOPS_GPG_EXEC"),
        ],
    )
    def test_no_gpg(self, refused, monkeypatch, program, message):
        """It is what makes PGP keys."""
        monkeypatch.setenv("SOPS_GPG_EXEC", program)
        assert refused(type="pgp").startswith(message)

    def test_no_memory(self, refused, monkeypatch, tmp_path):
        """A PGP key is never on a disk in clear."""
        (tmp_path / "mounts").write_text("")
        monkeypatch.setattr(pgp_home, "MOUNTS", str(tmp_path / "mounts"))
        assert re.match(r"a PGP key is made in memory only.*mount a tmpfs", refused(type="pgp"))

    @pytest.mark.parametrize(
        ("kind", "library"), [("age", "pyrage"), ("age-pq", "cryptography.hazmat.primitives.hpke")]
    )
    def test_no_library(self, refused, monkeypatch, kind, library):
        """Or one that is too old."""
        monkeypatch.setitem(sys.modules, library, None)
        package, _dot, module = library.rpartition(".")
        if package:
            monkeypatch.delattr(sys.modules[package], module, raising=False)
        assert library.partition(".")[0] in refused(type=kind)

    def test_what_is_there_needs_nothing_of_it(self, path, monkeypatch):
        """Looking at a key is not making one."""
        made = call(path=path, type="pgp", pgp_algorithm="ed25519")
        monkeypatch.setenv("SOPS_GPG_EXEC", "/nowhere/gpg")
        assert call(path=path, type="pgp", pgp_name="<>")["recipient"] == made["recipient"]


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

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("user:x:1000:1000\n", "this is no private key.*nothing was removed.*by hand"),
            ("AGE-SECRET-KEY-1QQ\n", "damaged.*nothing was removed.*by hand"),
            ("", "there is no private key in it.*nothing was removed.*by hand"),
            ("\xff", "not the text of a key file.*nothing was removed.*by hand"),
            ("TWO", "there are 2 keys in it, and all of them would be removed.*by hand"),
        ],
    )
    def test_only_a_file_with_one_key_is_removed(self, path, content, message):
        """A wrong path does no harm."""
        path.write_bytes(content.replace("TWO", f"{pair()[1]}\n{pair()[1]}\n").encode("latin-1"))
        for check_mode in (True, False):
            with pytest.raises(FluxseedError, match=message):
                call(path=path, state="absent", check_mode=check_mode)
        assert path.exists()

    @pytest.mark.parametrize("wanted", ["age", "age-pq", "pgp"])
    @pytest.mark.parametrize("there", ["age", "age-pq", "pgp"])
    def test_only_a_key_of_the_type_is_removed(self, tmp_path, there, wanted):
        """The message says which type to set for the other one."""
        path = tmp_path / "other"
        call(path=path, type=there, pgp_algorithm="ed25519")
        for check_mode in (True, False):
            if there == wanted:
                assert call(path=path, type=wanted, state="absent", check_mode=check_mode)["reason"] == ["removed"]
                continue
            message = f"is of type {there}, and type is {wanted}; nothing was removed .set type: {there} "
            with pytest.raises(FluxseedError, match=message):
                call(path=path, type=wanted, state="absent", check_mode=check_mode)
        assert path.exists() is (there != wanted)

    @pytest.mark.parametrize("state", [{"expired": True}, {"locked": True}])
    def test_a_pgp_key_that_is_of_no_use_can_be_removed(self, tmp_path, state):
        """It is a key of the type, and was one that could be used."""
        path = tmp_path / "key.asc"
        with GnupgHome() as home:
            fingerprint = home.new_key(**state)
            path.write_text(home.private(fingerprint))
        with pytest.raises(FluxseedError, match="nothing was changed"):
            call(path=path, type="pgp")
        with pytest.raises(FluxseedError, match="is of type pgp, and type is age; nothing was removed"):
            call(path=path, state="absent")
        removed = call(path=path, type="pgp", state="absent")
        assert (removed["reason"], removed["recipient"]) == (["removed"], fingerprint)
        assert removed["public_key"].startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----")
        assert not path.exists()

    def test_without_a_file_no_folder_is_made(self, tmp_path):
        """Nothing is there afterwards, so nothing is put there."""
        for check_mode in (True, False):
            assert not call(path=tmp_path / "a" / "b" / "keys.txt", state="absent", check_mode=check_mode)["changed"]
        assert list(tmp_path.iterdir()) == []
