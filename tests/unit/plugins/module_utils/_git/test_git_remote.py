# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Git itself, against a real server with a password on the loopback."""

from __future__ import annotations

import base64
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    GitAuthenticationError,
    GitError,
    GitReferenceError,
    GitUnreachableError,
    InvalidInputError,
    MissingLibraryError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._git import remote as remote_module
from ansible_collections.fluxseed.gitops.plugins.module_utils._git import web
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.credential import Credential, check_url
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.program import Git, scrub
from ansible_collections.fluxseed.gitops.plugins.module_utils._git.remote import Remote, checkout

PASSWORD = "s3cret token/with:odd@chars"
CREDENTIAL = Credential("git", PASSWORD)
FILES = {
    "apps/a.yaml": b"kind: A\n",
    "apps/raw.bin": bytes(range(256)),
    "empty": b"",
    "with space/\u00fc.yaml": b"kind: B\n",
}


def git(folder: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    for role in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{role}_NAME": "test", f"GIT_{role}_EMAIL": "test@example.com"}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True)
    return done.stdout.strip()


class Server:
    """`git http-backend` behind a password."""

    def __init__(self, root: Path) -> None:
        self.seen: list[str | None] = []
        wanted = "Basic " + base64.b64encode(f"git:{PASSWORD}".encode()).decode()
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

            def do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                server.seen.append(self.headers.get("Authorization"))
                if self.path.startswith("/moved/"):
                    return self.reply(302, [("Location", server.elsewhere + self.path)], b"")
                is_public = self.path.startswith("/open.git") and self.headers.get("Authorization") is None
                if not is_public and self.headers.get("Authorization") != wanted:
                    return self.reply(401, [("WWW-Authenticate", 'Basic realm="test"')], b"")
                path, _mark, query = self.path.partition("?")
                environment = {
                    "PATH": os.environ["PATH"],
                    "GIT_PROJECT_ROOT": str(root),
                    "GIT_HTTP_EXPORT_ALL": "1",
                    "REQUEST_METHOD": self.command,
                    "PATH_INFO": path,
                    "QUERY_STRING": query,
                    "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                    "CONTENT_LENGTH": str(len(body)),
                    "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                    "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                }
                done = subprocess.run(
                    ["git", "http-backend"], input=body, env=environment, capture_output=True, check=False
                )
                head, _blank, content = done.stdout.partition(b"\r\n\r\n")
                headers = [tuple(line.split(": ", 1)) for line in head.decode().split("\r\n") if ": " in line]
                code = next((int(value.split()[0]) for name, value in headers if name == "Status"), 200)
                return self.reply(code, [pair for pair in headers if pair[0] != "Status"], content)

            def reply(self, code, headers, content) -> None:
                self.send_response(code)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do  # noqa: N815

        self.elsewhere = ""
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.http.shutdown()
        self.thread.join()
        self.http.server_close()


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A clone with two commits on main and one branch more; `root/lab.git` is what the server has."""
    root = tmp_path_factory.mktemp("git")
    folder = root / "work"
    folder.mkdir()
    git(root, "init", "-q", "--bare", "-b", "main", "lab.git")
    git(root, "init", "-q", "--bare", "-b", "main", "void.git")
    git(root, "init", "-q", "--bare", "-b", "main", "open.git")
    git(folder, "init", "-q", "-b", "main")
    for path, content in FILES.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / "link.yaml").symlink_to("apps/a.yaml")
    (folder / ".gitattributes").write_text("apps export-ignore\n*.yaml export-subst text eol=crlf\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "one")
    git(folder, "commit", "-q", "--allow-empty", "-m", "two")
    git(folder, "push", "-q", "../lab.git", "main", "main:production", "main:staging")
    git(folder, "push", "-q", "../open.git", "main")
    return folder


@pytest.fixture(scope="module")
def server(work):
    running = Server(work.parent)
    yield running
    running.stop()


@pytest.fixture
def remote(server) -> Remote:
    server.seen.clear()
    return Remote(Git(os.environ), f"{server.url}/lab.git", CREDENTIAL)


def test_the_head_of_a_branch(remote, work):
    assert remote.head("main") == git(work, "rev-parse", "HEAD")


def test_a_missing_branch_is_told_with_those_there_are(remote):
    with pytest.raises(GitReferenceError, match=r"no branch prodution .its branches: production, main, staging"):
        remote.head("prodution")


def test_a_missing_branch_is_told_by_a_fetch_too(remote):
    with pytest.raises(GitReferenceError, match="its branches: main"), remote.fetched("mian"):
        pass


def test_an_empty_repository_says_so(server):
    with pytest.raises(GitReferenceError, match="the repository is empty"):
        Remote(Git(os.environ), f"{server.url}/void.git", CREDENTIAL).head("main")


def test_one_commit_is_fetched_and_nothing_is_left(remote, work, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(remote_module, "MEMORY_FOLDER", str(memory))
    with remote.fetched("main") as snapshot:
        assert [len(list(memory.iterdir())), snapshot.commit] == [1, git(work, "rev-parse", "HEAD")]
        assert snapshot.paths() == sorted([*FILES, ".gitattributes"])
        assert {path: snapshot.read(path) for path in FILES} == FILES
        assert "apps/a.yaml" in snapshot
        assert "link.yaml" not in snapshot
        with pytest.raises(GitError, match="is not in this commit"):
            snapshot.read("link.yaml")
    assert list(tmp_path.iterdir()) == [memory]
    assert list(memory.iterdir()) == []


@pytest.mark.parametrize("credential", [Credential("git", "wrong-" + PASSWORD), Credential("git", "x"), None])
def test_a_refused_credential_is_told_without_showing_it(server, credential):
    remote = Remote(Git(os.environ), f"{server.url}/lab.git", credential)
    with pytest.raises(GitAuthenticationError) as caught, remote.fetched("main"):
        pass
    assert PASSWORD not in str(caught.value)
    with pytest.raises(GitAuthenticationError):
        remote.branches()


def test_a_public_repository_needs_no_credential(server):
    with Remote(Git(os.environ), f"{server.url}/open.git").fetched("main") as snapshot:
        assert "apps/a.yaml" in snapshot


def test_a_wrong_credential_for_a_public_repository_is_refused_as_flux_will_be(server):
    """Flux sends it with the first request, and many servers refuse that; git alone would not notice."""
    remote = Remote(Git(os.environ), f"{server.url}/open.git", Credential("git", "expired-token"))
    with pytest.raises(GitAuthenticationError, match="refused the credential"):
        remote.branches()
    with pytest.raises(GitAuthenticationError, match="refused the credential"), remote.fetched("main"):
        pass
    with Remote(Git(os.environ), remote.url, CREDENTIAL).fetched("main") as snapshot:
        assert "apps/a.yaml" in snapshot


@pytest.mark.parametrize(
    ("environment", "proxies"),
    [
        ({}, {}),
        ({"https_proxy": "http://p:1"}, {"https": "http://p:1"}),
        ({"HTTPS_PROXY": "http://p:1", "no_proxy": "example.com"}, {}),
        ({"ALL_PROXY": "http://p:1", "NO_PROXY": "other.org"}, {"http": "http://p:1", "https": "http://p:1"}),
    ],
)
def test_the_probe_uses_the_proxies_that_git_uses(environment, proxies):
    assert web.proxies("git.example.com:443", environment) == proxies


def test_an_unknown_repository_is_a_matter_of_rights_or_spelling(server):
    with pytest.raises(GitAuthenticationError, match="no such repository"):
        Remote(Git(os.environ), f"{server.url}/gone.git", CREDENTIAL).branches()


def test_a_dead_server_is_unreachable():
    with pytest.raises(GitUnreachableError, match=r"[Cc]onnect"):
        Remote(Git(os.environ), "http://127.0.0.1:1/lab.git", CREDENTIAL).branches()


def test_the_credentials_of_the_user_play_no_part(server, tmp_path, monkeypatch):
    """Neither `.netrc`, nor a helper in a configuration file, nor the environment opens the remote."""
    token = base64.b64encode(f"git:{PASSWORD}".encode()).decode()
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login git password {PASSWORD}\n")
    (tmp_path / ".gitconfig").write_text(f"[http]\n\textraHeader = Authorization: Basic {token}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "http.extraHeader")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", f"Authorization: Basic {token}")
    with pytest.raises(GitAuthenticationError):
        Remote(Git(os.environ), f"{server.url}/lab.git", Credential("git", "other-password")).branches()


def test_the_password_is_in_no_argument_and_in_no_variable(remote, tmp_path):
    """A stand-in for git writes down what it was given, and what it could read from the pipe."""
    program = tmp_path / "git"
    program.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" > "$(dirname "$0")/arguments"\nenv > "$(dirname "$0")/variables"\n'
        'ls "$HOME" > "$(dirname "$0")/home"\n'
    )
    program.chmod(0o755)
    Git({"PATH": f"{tmp_path}:/usr/bin:/bin"}).run(["ls-remote", remote.url], url=remote.url, credential=CREDENTIAL)
    told = "".join((tmp_path / name).read_text() for name in ("arguments", "variables", "home"))
    assert PASSWORD not in told
    assert base64.b64encode(f"git:{PASSWORD}".encode()).decode() not in told
    assert PASSWORD not in repr(CREDENTIAL)
    assert "GIT_TERMINAL_PROMPT=0" in told


def test_a_redirect_to_another_host_is_not_given_the_credential(server, work):
    other = Server(work.parent)
    server.elsewhere = other.url
    try:
        with pytest.raises(GitError):
            Remote(Git(os.environ), f"{server.url}/moved/lab.git", CREDENTIAL).branches()
        assert other.seen
        assert not [header for header in other.seen if header and PASSWORD in base64.b64decode(header[6:]).decode()]
    finally:
        other.stop()


def test_proxy_and_authorities_of_the_environment_are_kept():
    kept = {"https_proxy": "http://proxy:1", "SSL_CERT_FILE": "/ca", "PATH": "/bin"}
    variables = Git({**kept, "GIT_DIR": "/x", "GIT_ASKPASS": "/y", "SSH_AUTH_SOCK": "/z"}).surroundings("/home", {})
    assert kept.items() <= variables.items()
    assert not variables.keys() & {"GIT_DIR", "SSH_AUTH_SOCK"}
    assert (variables["HOME"], variables["GIT_ASKPASS"]) == ("/home", "true")


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("git@example.com:me/lab.git", "write ssh://git@example.com/me/lab.git"),
        ("example.com:me/lab.git", "write ssh://git@example.com/me/lab.git"),
        ("ssh://-oProxyCommand=x/lab.git", "must start with https"),
        ("git://example.com/lab.git", "must start with https"),
        ("ssh://git:hunter2@example.com/lab.git", "holds a password"),
        ("file:///srv/lab.git", "must start with https"),
        ("/srv/lab.git", "must start with https"),
        ("https:///lab.git", "must start with https"),
        ("https://me:hunter2@example.com/lab.git", "holds a password"),
    ],
)
def test_urls_that_cannot_work_are_refused(url, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        check_url(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("password", ["two\nlines", "nul\0", "x" * 100_000])
def test_passwords_that_no_helper_can_answer_are_refused(password):
    with pytest.raises(InvalidInputError) as caught:
        Remote(Git(os.environ), "http://127.0.0.1:1/a.git", Credential("git", password)).branches()
    assert password not in str(caught.value)


@pytest.mark.parametrize(
    "form", [PASSWORD, quote(PASSWORD, safe=""), base64.b64encode(f"git:{PASSWORD}".encode()).decode()]
)
def test_texts_of_others_are_scrubbed(form):
    assert scrub(f"fatal: <{form}> at https://git:abc@host/x", CREDENTIAL) == "fatal: <***> at https://host/x"


def test_without_git_the_error_names_it(tmp_path):
    with pytest.raises(MissingLibraryError, match="program git"):
        Remote(Git({"PATH": str(tmp_path)}), "http://127.0.0.1:1/a.git").branches()
    with pytest.raises(MissingLibraryError, match="program git"), checkout(Git({"PATH": str(tmp_path)}), str(tmp_path)):
        pass


def test_a_checkout_is_read_at_its_commit(work):
    """Uncommitted changes are not what the cluster will get."""
    changed = work / "apps" / "a.yaml"
    changed.write_bytes(b"changed\n")
    (work / "new.yaml").write_text("new\n")
    try:
        for folder in (work, work / "apps"):
            with checkout(Git(os.environ), str(folder)) as snapshot:
                assert snapshot.commit == git(work, "rev-parse", "HEAD")
                assert snapshot.read("apps/a.yaml") == b"kind: A\n"
                assert "new.yaml" not in snapshot
    finally:
        changed.write_bytes(FILES["apps/a.yaml"])
        (work / "new.yaml").unlink()


def test_a_folder_that_is_no_checkout_is_named(tmp_path):
    with pytest.raises(GitError, match="no Git checkout") as caught, checkout(Git(os.environ), str(tmp_path)):
        pass
    assert caught.value.where == str(tmp_path)
