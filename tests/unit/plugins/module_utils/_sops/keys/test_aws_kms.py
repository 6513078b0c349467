# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys of AWS KMS: their text, and the name of a session."""

from __future__ import annotations

import socket
import typing as t

import pytest

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.aws_kms import AwsKmsKey
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.aws_kms_service import session_name

ARN = "arn:aws:kms:eu-west-1:123456789012:key/1"


@pytest.mark.parametrize(
    ("entry", "recipient"),
    [
        ({"arn": ARN}, ARN),
        ({"arn": ARN, "role": "arn:aws:iam::1:role/r"}, f"{ARN}+arn:aws:iam::1:role/r"),
        ({"arn": ARN, "context": {"b": "2", "a": "1"}}, f"{ARN}|a:1,b:2"),
        ({"arn": ARN, "context": {}}, ARN),
        ({"arn": ARN, "context": [{"a": "1"}]}, ARN),
        ({"arn": ARN, "aws_profile": "p"}, f"{ARN}||p"),
        ({"arn": ARN, "aws_profile": "p", "context": {"a": "1"}, "role": "r"}, f"{ARN}+r|a:1|p"),
        ({"arn": ARN, "context": {"a": 1, "b": True}}, f"{ARN}|a:1,b:1"),
    ],
    ids=["arn", "role", "context", "empty context", "list", "profile", "all", "numbers"],
)
def test_the_text_of_a_key_is_that_of_sops(entry: dict[str, t.Any], recipient: str) -> None:
    key = AwsKmsKey.parse({**entry, "enc": "", "created_at": "2026-01-02T03:04:05Z"}, where="kms[0]")
    assert key.recipient == recipient


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("laptop", "sops@laptop"),
        ("my-laptop.local", "sops@mylaptop.local"),
        ("host_1=x,y", "sops@host_1=x,y"),
        ("käse", "sops@kse"),
        ("x" * 80, "sops@" + "x" * 59),
    ],
    ids=["plain", "hyphen", "signs", "letters", "long"],
)
def test_a_session_is_named_after_the_host(host: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: host)
    assert session_name() == name
