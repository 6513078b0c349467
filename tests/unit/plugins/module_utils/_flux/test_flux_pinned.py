# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests by path or URL: taken with their checksum only."""

from __future__ import annotations

import contextlib
import hashlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import (
    FileAccessError,
    InvalidInputError,
    ManifestError,
)
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.pinned import check, fetch
from ansible_collections.fluxseed.gitops.plugins.module_utils._flux.settings import Pinned
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils.loopback import served

CONTENT = b"kind: Namespace\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Files(BaseHTTPRequestHandler):
    """One file, and a way to it."""

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        code = {"/install.yaml": 200, "/latest": 302}.get(self.path, 404)
        self.send_response(code)
        if code == 302:
            self.send_header("Location", "/install.yaml")
        self.end_headers()
        self.wfile.write(CONTENT if code == 200 else b"")


@contextlib.contextmanager
def files_served():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
    with served(server):
        yield f"http://127.0.0.1:{server.server_port}"


def test_a_file(tmp_path):
    path = tmp_path / "install.yaml"
    path.write_bytes(CONTENT)
    assert fetch(Pinned(str(path), DIGEST), {}) == (str(path), CONTENT)


@pytest.mark.parametrize("path", ["/install.yaml", "/latest"])
def test_a_url(path):
    with files_served() as url:
        assert fetch(Pinned(url + path, DIGEST), {}).content == CONTENT


def test_another_content_is_refused_with_both_checksums(tmp_path):
    path = tmp_path / "install.yaml"
    path.write_bytes(CONTENT + b"\n")
    with pytest.raises(ManifestError) as caught:
        fetch(Pinned(str(path), DIGEST), {})
    found = hashlib.sha256(CONTENT + b"\n").hexdigest()
    assert caught.value.where == str(path)
    assert f"expected is the SHA-256 {DIGEST}, found {found}" in str(caught.value)


def test_what_is_not_there(tmp_path):
    with pytest.raises(FileAccessError, match="cannot be read: No such file"):
        fetch(Pinned(str(tmp_path / "absent"), DIGEST), {})
    with files_served() as url, pytest.raises(FileAccessError, match="HTTP 404"):
        fetch(Pinned(url + "/absent", DIGEST), {})
    with pytest.raises(FileAccessError, match="cannot be fetched"):
        fetch(Pinned("http://127.0.0.1:1/install.yaml", DIGEST), {})


@pytest.mark.parametrize(
    ("place", "digest", "message"),
    [
        ("", DIGEST, "source.manifests.from: is empty"),
        ("install.yaml", "", "sha256 of install.yaml: must be 64 hexadecimal digits"),
        ("install.yaml", "abc", "must be 64 hexadecimal digits"),
        ("install.yaml", DIGEST.upper(), "must be 64 hexadecimal digits"),
        ("ftp://example.com/install.yaml", DIGEST, "a URL with https://"),
        ("https://me:hunter2@example.com/install.yaml", DIGEST, "holds a credential"),
        ("https://me:hunter2@example.com/install.yaml", "", "https://example.com/install.yaml: must be 64"),
    ],
)
def test_what_could_not_be_had(place, digest, message):
    with pytest.raises(InvalidInputError, match=message) as caught:
        check(Pinned(place, digest))
    assert "hunter2" not in str(caught.value)
