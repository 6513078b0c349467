# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab keeps: made once, and then left alone."""

from __future__ import annotations

import json
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError, LabError
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab import kept, ports
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.git_server import GitServer
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.kept import TOKEN_VARIABLE, State, prepare
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.password import PasswordCheck, hash_password, matches
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._lab.paths import LabFolder, cache_folder
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._vault import VaultFile


@pytest.fixture
def folder(tmp_path: Path) -> LabFolder:
    return LabFolder(tmp_path / "lab")


def token_of(folder: LabFolder) -> str:
    """The password for Git, as a play reads it."""
    variables = VaultFile.with_password_file(str(folder.secrets), str(folder.vault_password)).read()
    return str(variables[TOKEN_VARIABLE])


def everything(folder: LabFolder) -> dict[str, bytes]:
    """Content of all files."""
    return {str(path): path.read_bytes() for path in folder.root.rglob("*") if path.is_file()}


class TestPrepare:
    def test_makes_all_that_the_playbooks_need(self, folder):
        """Password, Vault file with a token, inventory, repository, state."""
        state = prepare(folder)
        assert stat.S_IMODE(folder.vault_password.stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.state.stat().st_mode) == 0o600
        assert folder.secrets.read_bytes().startswith(b"$ANSIBLE_VAULT;1.1;AES256\n")
        assert state.git_url in folder.hosts.read_text()
        assert (folder.root / ".gitignore").read_text() == "*\n"
        branch = subprocess.run(
            ["git", "--git-dir", folder.repository, "symbolic-ref", "HEAD"], check=True, capture_output=True, text=True
        )
        assert branch.stdout == "refs/heads/main\n"

    def test_changes_nothing_the_second_time(self, folder):
        """Not one byte."""
        first = prepare(folder)
        before = everything(folder)
        assert prepare(folder) == first
        assert everything(folder) == before

    def test_token_stands_nowhere_in_clear(self, folder):
        """The Vault file has it encrypted, the state as a hash."""
        prepare(folder)
        token = token_of(folder).encode()
        assert len(token) >= 32
        assert not [path for path, content in everything(folder).items() if token in content]

    def test_lost_state_is_made_again_from_the_vault_file(self, folder):
        """The token stays; only the port is another one."""
        prepare(folder)
        token = token_of(folder)
        folder.state.unlink()
        assert matches(token, prepare(folder).git_password_hash)

    def test_token_that_was_changed_counts_from_the_next_start(self, folder):
        """The Vault file is the truth."""
        first = prepare(folder)
        file = VaultFile.with_password_file(str(folder.secrets), str(folder.vault_password))
        file.write(file.plan({TOKEN_VARIABLE: "another"}) or b"")
        second = prepare(folder)
        assert matches("another", second.git_password_hash)
        assert second.git_port == first.git_port

    def test_other_variables_of_the_vault_file_stay(self, folder):
        """Keys are kept there too."""
        prepare(folder)
        file = VaultFile.with_password_file(str(folder.secrets), str(folder.vault_password))
        file.write(file.plan({"sops_age_private_key": "x"}) or b"")
        prepare(folder)
        variables = VaultFile.with_password_file(str(folder.secrets), str(folder.vault_password)).read()
        assert variables["sops_age_private_key"] == "x"

    def test_missing_vault_password_is_an_error(self, folder):
        """A new one could not open the file that is there."""
        prepare(folder)
        folder.vault_password.unlink()
        before = everything(folder)
        with pytest.raises(LabError, match="the password of the lab's Vault file is missing"):
            prepare(folder)
        assert everything(folder) == before

    def test_wrong_vault_password_is_an_error(self, folder):
        """And changes nothing."""
        prepare(folder)
        folder.vault_password.write_text("wrong\n")
        before = everything(folder)
        with pytest.raises(FluxseedError, match=r"secrets\.yml"):
            prepare(folder)
        assert everything(folder) == before

    @pytest.mark.parametrize(
        "content", ["", "{", "[]", '{"git_port": 1}', '{"git_port": "x", "git_password_hash": ""}']
    )
    def test_damaged_state_is_an_error_that_names_the_file(self, folder, content):
        """It is not replaced: the port in it is part of URLs elsewhere."""
        prepare(folder)
        folder.state.write_text(content)
        with pytest.raises(LabError, match=r"state\.json: this is not the state of a lab"):
            prepare(folder)

    def test_inventory_follows_a_lab_that_was_moved(self, folder, tmp_path):
        """Paths in it are absolute."""
        prepare(folder)
        moved = LabFolder(folder.root.rename(tmp_path / "with space & 'quote'"))
        prepare(moved)
        assert json.dumps(str(moved.kubeconfig)) in moved.hosts.read_text()

    def test_settings_of_the_users_git_do_not_matter(self, folder, tmp_path, monkeypatch):
        """Neither the name of the first branch nor a template."""
        config = tmp_path / "gitconfig"
        config.write_text("[init]\n\tdefaultBranch = other\n\ttemplateDir = /nonexistent\n")
        monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
        prepare(folder)
        assert (folder.repository / "HEAD").read_text() == "ref: refs/heads/main\n"

    def test_failing_git_is_told_in_one_line(self, folder):
        """For example where a file stands in the way."""
        folder.git.mkdir(parents=True)
        folder.repository.write_text("")
        with pytest.raises(LabError, match="git init failed") as caught:
            kept._make_repository(folder)
        assert "\n" not in str(caught.value)


class TestPassword:
    def test_hash_is_salted_and_matches_only_its_password(self):
        """Two hashes of one password differ."""
        first, second = hash_password("a"), hash_password("a")
        assert first != second
        assert matches("a", first)
        assert matches("a", second)
        assert not matches("b", first)
        assert "a" not in first.split("$")[1:]

    @pytest.mark.parametrize("stored", ["", "x", "scrypt", "scrypt$", "scrypt$zz$zz", "md5$00$00", "scrypt$00$"])
    def test_malformed_hash_matches_nothing(self, stored):
        """Above all not the empty password."""
        assert not matches("", stored)

    @pytest.mark.parametrize(
        ("header", "accepted"),
        [
            ("Basic Z2l0OnNlY3JldA==", True),  # git:secret
            ("basic Z2l0OnNlY3JldA==", True),
            ("Basic OnNlY3JldA==", True),  # :secret
            ("Basic Z2l0Ondyb25n", False),  # git:wrong
            ("Basic c2VjcmV0", False),  # secret
            ("Basic !!!", False),
            ("Basic gA==", False),
            ("Bearer secret", False),
            ("Basic", False),
            ("", False),
            (None, False),
        ],
    )
    def test_header_needs_the_password_under_any_user_name(self, header, accepted):
        """Forges do not look at the name beside a token either."""
        check = PasswordCheck(hash_password("secret"))
        # Twice: the second answer comes from memory.
        assert (check.accepts(header), check.accepts(header)) == (accepted, accepted)

    def test_right_password_does_not_open_the_door_for_a_wrong_one(self):
        """What is remembered is the password, not that one came."""
        check = PasswordCheck(hash_password("secret"))
        assert check.accepts("Basic Z2l0OnNlY3JldA==")
        assert not check.accepts("Basic Z2l0Ondyb25n")

    @settings(max_examples=20, deadline=None)
    @given(st.text(max_size=20))
    def test_any_text_is_a_password(self, text):
        """Whatever a Vault file may hold."""
        text = text.encode(errors="ignore").decode()
        assert matches(text, hash_password(text))

    def test_server_takes_the_password_of_the_state_as_it_is_now(self, folder):
        """A token is rotated without a new lab; a damaged state changes nothing."""
        first, second = "Basic Z2l0OmZpcnN0", "Basic Z2l0OnNlY29uZA=="
        with ports.free_ports(1) as (port,):
            pass
        folder.root.mkdir(parents=True, exist_ok=True)
        State(port, hash_password("first")).write(folder)
        with GitServer(folder, port, hash_password("first")) as server:
            assert (server.password.accepts(first), server.password.accepts(second)) == (True, False)
            State(port, hash_password("second")).write(folder)
            assert (server.password.accepts(first), server.password.accepts(second)) == (False, True)
            folder.state.write_text("{")
            assert server.password.accepts(second)


class TestPorts:
    def test_are_free_and_different(self):
        """As many as asked for."""
        with ports.free_ports(6) as found:
            assert len(set(found)) == 6
            assert not any(ports.is_free(port) for port in found)
        assert all(ports.is_free(port) for port in found)

    def test_taken_git_port_is_one_clear_line(self, folder):
        """It is never changed by itself: it stands in URLs."""
        with socket.socket() as other:
            other.bind((ports.LOOPBACK, 0))
            other.listen()
            port = other.getsockname()[1]
            with pytest.raises(LabError, match=rf"state\.json: port {port} of the lab's Git server is taken") as caught:
                GitServer(folder, port, "")
        assert "\n" not in str(caught.value)


class TestPaths:
    @pytest.mark.parametrize(
        ("environment", "expected"),
        [
            ({"FLUXSEED_CACHE": "/c", "XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/c"),
            ({"XDG_CACHE_HOME": "/x", "HOME": "/h"}, "/x/fluxseed"),
            ({"FLUXSEED_CACHE": "", "XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/fluxseed"),
        ],
    )
    def test_cache_is_where_the_user_wants_it(self, environment, expected):
        """An empty variable is as good as none."""
        assert cache_folder(environment) == Path(expected)

    def test_state_url_has_no_credentials(self):
        """They come from the Vault file alone."""
        assert State(8080, "scrypt$x$y").git_url == "http://127.0.0.1:8080/lab.git"
