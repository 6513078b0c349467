# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connection: kubeconfig, transport, and how failures are told."""

from __future__ import annotations

import os
import socket
import threading

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import ApiError, KubeconfigError, UnreachableError
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes import connection as client
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes import transport
from ansible_collections.fluxseed.gitops.plugins.module_utils._kubernetes.connection import Connection
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._kubernetes.fake_api import (
    FakeApi,
    kubeconfig,
    served,
    status,
)


@pytest.mark.parametrize(
    ("content", "context", "message"),
    [
        ({}, None, "has no contexts at all"),
        ({"contexts": 1}, None, "is no kubeconfig"),
        (kubeconfig("https://x"), "third", "has no context third .its contexts: first, second"),
        ({**kubeconfig("https://x"), "current-context": None}, None, "sets no current-context .*first, second"),
        ({**kubeconfig("https://x"), "current-context": "gone"}, None, "gone is not among them .*first, second"),
        (kubeconfig("https://x", **{"client-certificate-data": "Zm9v", "client-key-data": "Zm9v"}), None, "malformed"),
    ],
)
def test_an_unusable_kubeconfig_is_named_with_its_contexts(content, context, message):
    with pytest.raises(KubeconfigError, match=message):
        Connection.from_kubeconfig(content, context)


@pytest.mark.parametrize(
    ("content", "message"),
    [("not: [closed", "no valid YAML"), ("- a list", "is no kubeconfig"), ("", "is no kubeconfig")],
)
def test_a_file_that_is_no_kubeconfig_is_named(tmp_path, content, message):
    path = tmp_path / "config"
    path.write_text(content)
    with pytest.raises(KubeconfigError, match=message) as caught:
        Connection.from_kubeconfig(str(path))
    assert str(path) == caught.value.where


def test_a_missing_file_is_an_error_not_a_default(tmp_path):
    with pytest.raises(KubeconfigError, match="no such kubeconfig file"):
        Connection.from_kubeconfig(str(tmp_path / "absent"))


def test_without_a_kubeconfig_the_variable_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    with pytest.raises(KubeconfigError, match="set KUBECONFIG") as caught:
        Connection.from_kubeconfig(None)
    assert str(tmp_path / "absent") == caught.value.where


def test_the_other_context_can_be_named():
    assert Connection.from_kubeconfig(kubeconfig("https://x"), "second").context == "second"


def test_keys_of_a_kubeconfig_leave_no_file_behind(tmp_path, monkeypatch):
    """The `kubernetes` package writes inline keys into temporary files; they are gone, whatever happens."""
    elsewhere, memory = tmp_path / "elsewhere", tmp_path / "memory"
    for folder in (elsewhere, memory):
        folder.mkdir()
    made = []
    monkeypatch.setattr("tempfile.tempdir", str(elsewhere))
    monkeypatch.setattr(transport, "_memory_folder", lambda: made.append(memory) or str(memory))
    with pytest.raises(KubeconfigError):
        Connection.from_kubeconfig(
            kubeconfig("https://x", **{"client-certificate-data": "Zm9v", "client-key-data": "Zm9v"})
        )
    assert made, "the folder of the test was not used"
    assert [*elsewhere.iterdir(), *memory.iterdir()] == []


def test_a_dead_server_is_unreachable_not_empty():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    connection = Connection.from_kubeconfig(kubeconfig(f"http://127.0.0.1:{port}"))
    with pytest.raises(UnreachableError, match=f"127.0.0.1:{port}: the API server does not answer: .*refused"):
        connection.request("GET", "/version")


def test_a_server_that_says_nothing_is_unreachable_after_the_timeout():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection.from_kubeconfig(kubeconfig(f"http://127.0.0.1:{listener.getsockname()[1]}"))
        with pytest.raises(UnreachableError, match="timed out"):
            connection.request("PATCH", "/version", timeout=0.2)


def test_the_token_goes_into_the_header_and_not_into_messages():
    fake = FakeApi()
    fake.script = lambda *_: (403, status("Forbidden", "secrets is forbidden", 403))
    with served(fake) as connection, pytest.raises(ApiError, match=r"secrets is forbidden .*RBAC") as caught:
        connection.request("GET", "/api/v1/secrets")
    assert fake.headers[0]["authorization"] == "Bearer a-token"
    assert "a-token" not in str(caught.value)
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")


def test_what_the_server_quotes_of_its_input_is_not_repeated():
    """The decoder of the API server cites the bytes around an error, which may be those of a Secret."""
    message = 'illegal base64, error found in #10 byte of ...|"c2VjcmV0"|..., bigger context ...|"c2VjcmV0"|...'
    fake = FakeApi()
    fake.script = lambda *_: (400, status("BadRequest", message, 400))
    with served(fake) as connection, pytest.raises(ApiError) as caught:
        connection.request("PATCH", "/api/v1/namespaces/a/secrets/b", body={})
    assert caught.value.message == "illegal base64"


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_throttled_request_is_sent_again(method):
    fake = FakeApi()
    answers = iter([(429, {}), (429, {}), (200, {"gitVersion": "v1"})])
    fake.script = lambda *_: next(answers)
    with served(fake) as connection:
        assert connection.request(method, "/version", body={}) == {"gitVersion": "v1"}


def test_a_server_that_is_away_at_first_is_an_error_at_once():
    fake = FakeApi()
    fake.script = lambda *_: (503, status("ServiceUnavailable", "not ready", 503))
    with served(fake) as connection, pytest.raises(ApiError, match="not ready"):
        connection.request("GET", "/version")
    assert len(fake.requests) == 1


def test_a_server_that_has_answered_may_be_away_for_a_moment():
    fake = FakeApi()
    answers = iter([(200, {}), (503, {}), (502, {}), (200, {"gitVersion": "v1"})])
    fake.script = lambda *_: next(answers)
    with served(fake) as connection:
        connection.request("GET", "/version")
        assert connection.request("PATCH", "/version", body={}) == {"gitVersion": "v1"}


def test_a_server_that_stays_away_is_an_error_in_the_end(monkeypatch):
    monkeypatch.setattr(client, "MAX_AWAY", 0.5)
    with served(FakeApi()) as connection:
        connection.request("GET", "/api/v1/nodes")
        server = connection.server
    with pytest.raises(UnreachableError, match=f"{server}: the API server does not answer"):
        connection.request("GET", "/api/v1/nodes")


def test_an_answer_that_is_no_json_is_not_a_kubernetes_server():
    fake = FakeApi()
    fake.script = lambda *_: (200, b"<html>")
    with served(fake) as connection, pytest.raises(UnreachableError, match="no JSON"):
        connection.request("GET", "/version")


def test_a_watch_yields_events_and_raises_its_own_error():
    lines = b'{"type":"ADDED","object":{"a":1}}\n{"type":"ERROR","object":{"code":410,"reason":"Expired","message":"old"}}\n'
    fake = FakeApi()
    fake.script = lambda *_: (200, lines)
    with served(fake) as connection:
        events = connection.watch("/api/v1/pods", timeout=3)
        assert next(events) == {"type": "ADDED", "object": {"a": 1}}
        with pytest.raises(ApiError, match="old") as caught:
            next(events)
    assert caught.value.status == 410
    assert fake.requests[0][2] == {"watch": "1", "timeoutSeconds": "3"}


def test_a_connection_serves_several_threads():
    fake = FakeApi()
    fake.script = lambda *_: (200, {"ok": True})
    with served(fake) as connection:
        threads = [threading.Thread(target=connection.request, args=("GET", "/version")) for _number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(fake.requests) == 8


def test_a_path_may_start_with_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setitem(os.environ, "HOME", str(tmp_path))
    (tmp_path / "config").write_text("contexts: []\n")
    with pytest.raises(KubeconfigError, match="no contexts at all"):
        Connection.from_kubeconfig("~/config")
