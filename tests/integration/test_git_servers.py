# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of Git credential against a real server of its kind, without a cluster."""

from __future__ import annotations

import base64
import os
import subprocess
from pathlib import Path

import git_servers as servers
import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    GitAuthenticationError,
    GitError,
    GitReferenceError,
    GitUnreachableError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._git import access
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.credential import Credential, Proxy
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.host_keys import fingerprint, known_hosts
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.program import Git
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.remote import Ref, Remote

PASSPHRASE = "a passphrase, with  blanks "
TOKEN = "a-bearer-token"


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    done = subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """`lab.git` with two commits on main, an annotated tag on the first and a plain one on the second."""
    folder = tmp_path_factory.mktemp("git")
    work = folder / "work"
    work.mkdir()
    git(work, "init", "-q", "-b", "main")
    for name in ("one", "two"):
        (work / name).write_text(name)
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", name)
        git(work, "tag", *(["-a", "-m", "annotated"] if name == "one" else []), f"v-{name}")
    git(folder, "clone", "-q", "--bare", str(work), "lab.git")
    return folder


@pytest.fixture
def ssh(root, tmp_path):
    """An SSH server, and a credential that opens it."""
    public, private = servers.key(tmp_path)
    with servers.ssh(servers.SshGit(root, public)) as server:
        yield server, Credential(identity=private, known_hosts=server.known_hosts)


def remote(url: str, credential: Credential | None = None, proxy: Proxy | None = None) -> Remote:
    return Remote(Git(dict(os.environ), timeout=30), url, credential, proxy)


@pytest.fixture
def memory(tmp_path, monkeypatch) -> Path:
    """The folder in which private keys lie while a program reads them."""
    folder = tmp_path / "memory"
    folder.mkdir()
    monkeypatch.setattr(access, "MEMORY_FOLDER", str(folder))
    return folder


# --- SSH ----------------------------------------------------------------------------------------------


def test_ssh_with_the_key_and_the_host_key(ssh, root, memory):
    server, credential = ssh
    credential.check(server.url)
    with remote(server.url, credential).fetched("main") as snapshot:
        assert snapshot.read("two") == b"two"
    assert remote(server.url, credential).head("main") == git(root / "work", "rev-parse", "HEAD")
    assert list(memory.iterdir()) == []


def test_ssh_with_a_passphrase(root, tmp_path):
    public, private = servers.key(tmp_path, PASSPHRASE)
    with servers.ssh(servers.SshGit(root, public)) as server:
        good = Credential(identity=private, known_hosts=server.known_hosts, passphrase=PASSPHRASE)
        assert remote(server.url, good).head("main")
        for passphrase in ("", "wrong"):
            bad = Credential(identity=private, known_hosts=server.known_hosts, passphrase=passphrase)
            with pytest.raises(GitAuthenticationError) as caught:
                remote(server.url, bad).head("main")
            assert PASSPHRASE not in str(caught.value)


def test_ssh_with_a_key_that_the_server_does_not_know(ssh, tmp_path):
    server, credential = ssh
    stranger = Credential(identity=servers.key(tmp_path)[1], known_hosts=credential.known_hosts)
    with pytest.raises(GitAuthenticationError, match=r"refused the SSH key .*deploy key"):
        remote(server.url, stranger).head("main")


@pytest.mark.parametrize("kind", ["changed", "unknown"])
def test_ssh_never_trusts_another_host_key(ssh, kind):
    server, credential = ssh
    other = servers.SshGit(server.root, server.client, port=server.port).known_hosts
    known = other if kind == "changed" else other.replace(str(server.port), "1")
    with pytest.raises(GitAuthenticationError, match="host key of the server is not in known_hosts"):
        remote(server.url, Credential(identity=credential.identity, known_hosts=known)).head("main")


def test_a_host_key_is_fetched_only_with_its_fingerprint(ssh):
    server, credential = ssh
    wanted = fingerprint(server.known_hosts)
    line = known_hosts(server.url, wanted, os.environ)
    assert line == server.known_hosts
    assert remote(server.url, Credential(identity=credential.identity, known_hosts=line)).head("main")
    other = fingerprint(servers.SshGit(server.root, server.client, port=1).known_hosts)
    with pytest.raises(GitAuthenticationError) as caught:
        known_hosts(server.url, other, os.environ)
    assert other in str(caught.value)
    assert wanted in str(caught.value)


def test_a_host_without_ssh_is_unreachable():
    with pytest.raises(GitUnreachableError, match="no SSH server answers"):
        known_hosts("ssh://git@127.0.0.1:1/lab.git", "SHA256:" + "A" * 43, os.environ)


# --- HTTPS --------------------------------------------------------------------------------------------


def test_a_private_authority(root, tmp_path):
    authority = servers.Authority()
    with servers.http(root, tls=servers.tls_of(tmp_path, authority.server())) as server:
        assert remote(server.url, Credential(ca_crt=authority.crt)).head("main")
        with pytest.raises(GitUnreachableError, match=r"git_credentials.ca_crt"):
            remote(server.url).head("main")
        with pytest.raises(GitUnreachableError, match=r"git_credentials.ca_crt"):
            remote(server.url, Credential(ca_crt=servers.Authority().crt)).head("main")


def test_an_expired_certificate_is_named(root, tmp_path):
    authority = servers.Authority()
    with (
        servers.http(root, tls=servers.tls_of(tmp_path, authority.server(days=-1))) as server,
        pytest.raises(GitUnreachableError, match="expired"),
    ):
        remote(server.url, Credential(ca_crt=authority.crt)).head("main")


def test_a_client_certificate(root, tmp_path, memory):
    authority = servers.Authority()
    mine = authority.client("flux")
    credential = Credential(ca_crt=authority.crt, tls_crt=mine.crt, tls_key=mine.pem_key)
    with servers.http(root, tls=servers.tls_of(tmp_path, authority.server(), authority.crt)) as server:
        credential.check(server.url)
        with remote(server.url, credential).fetched("main") as snapshot:
            assert snapshot.read("one") == b"one"
        with pytest.raises(GitError):
            remote(server.url, Credential(ca_crt=authority.crt)).head("main")
    assert list(memory.iterdir()) == []


def test_a_bearer_token_goes_with_every_request(root):
    with servers.http(root, lambda given: given == f"Bearer {TOKEN}") as server:
        with remote(server.url, Credential(bearer_token=TOKEN)).fetched("main") as snapshot:
            assert snapshot.read("one") == b"one"
        assert set(server.seen) == {f"Bearer {TOKEN}"}
        with pytest.raises(GitAuthenticationError) as caught:
            remote(server.url, Credential(bearer_token="another-token")).head("main")
    assert "another-token" not in str(caught.value)


def test_a_public_repository_needs_no_credential(root):
    with servers.http(root) as server:
        assert remote(server.url).head("main")
        assert set(server.seen) == {None}


@pytest.mark.parametrize("password", ["a password: @/%", "wrong"])
def test_a_proxy_with_a_password(root, tmp_path, password):
    pair = base64.b64encode(b"user:a password: @/%").decode()
    tunnels = servers.Tunnels(f"Basic {pair}")
    authority = servers.Authority()
    credential = Credential(ca_crt=authority.crt)
    proxy = Proxy(tunnels.address, "user", password)
    with (
        servers.served(tunnels),
        servers.http(root, tls=servers.tls_of(tmp_path, authority.server())) as server,
    ):
        reached = remote(server.url, credential, proxy)
        if password == "wrong":
            with pytest.raises(GitUnreachableError, match="source_proxy") as caught:
                reached.head("main")
            assert "wrong" not in str(caught.value)
        else:
            assert reached.head("main")
            assert (f"127.0.0.1:{server.server_port}", f"Basic {pair}") in tunnels.seen


# --- what is followed ---------------------------------------------------------------------------------


@pytest.mark.parametrize("tag", ["v-one", "v-two"])
def test_a_tag_stands_for_its_commit(root, tag):
    wanted = git(root / "work", "rev-parse", f"{tag}^{{commit}}")
    with servers.http(root) as server:
        assert remote(server.url).head(Ref(tag=tag)) == wanted
        with remote(server.url).fetched(Ref(tag=tag)) as snapshot:
            assert (snapshot.commit, "two" in snapshot) == (wanted, tag == "v-two")


def test_a_missing_tag_is_told_with_those_there_are(root):
    with servers.http(root) as server, pytest.raises(GitReferenceError, match=r"no tag v-on .*its tags: v-one, v-two"):
        remote(server.url).head(Ref(tag="v-on"))


@pytest.mark.parametrize("branch", ["", "main"])
def test_a_commit_that_is_not_the_head(root, branch):
    wanted = git(root / "work", "rev-parse", "HEAD^")
    with (
        servers.http(root) as server,
        remote(server.url).fetched(Ref(branch, commit=wanted)) as snapshot,
    ):
        assert (snapshot.commit, snapshot.paths()) == (wanted, ["one"])


def test_a_commit_that_is_nowhere(root):
    with servers.http(root) as server, pytest.raises(GitReferenceError, match=r"no commit 0{40} on the branch main"):
        remote(server.url).fetched(Ref("main", commit="0" * 40)).__enter__()
