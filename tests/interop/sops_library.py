# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sops' own library, asked over a pipe (`lab/oracle`), and the content of files in a form that can be compared."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
import typing as t
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.nodes import (
    CommentNode,
    MappingNode,
    ScalarNode,
    SequenceNode,
)

Content = list[t.Any]
"""A node as `lab/oracle/documents.go` describes it."""
_BINARY = ("data", "key", "text")


class Answer(t.NamedTuple):
    """What sops made of one request; `error` is empty if it did what was asked."""

    documents: Content
    """The typed content of the plain file."""
    plain: bytes | None
    encrypted: bytes | None
    mac: str
    warnings: int
    error: str
    code: int
    more: dict[str, t.Any]


class Library:
    """A running `sops-oracle`."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen([str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.communicate()

    def ask(self, operation: str, **request: t.Any) -> Answer:
        """One request and its answer."""
        self._send([{"op": operation, **request}])
        return self._receive()

    def ask_all(self, requests: Sequence[dict[str, t.Any]]) -> list[Answer]:
        """Many requests, sent while the answers come in."""
        sender = threading.Thread(target=self._send, args=(requests,))
        sender.start()
        answers = [self._receive() for _request in requests]
        sender.join()
        return answers

    def _send(self, requests: Iterable[dict[str, t.Any]]) -> None:
        pipe = t.cast("t.IO[bytes]", self._process.stdin)
        for request in requests:
            for name in _BINARY:
                if name in request:
                    request[name] = base64.b64encode(request[name]).decode()
            if "parts" in request:
                request["parts"] = [base64.b64encode(part).decode() for part in request["parts"]]
            pipe.write(json.dumps(request).encode() + b"\n")
        pipe.flush()

    def _receive(self) -> Answer:
        line = t.cast("t.IO[bytes]", self._process.stdout).readline()
        if not line:
            raise RuntimeError("sops-oracle has ended")
        reply = json.loads(line)
        return Answer(
            documents=reply.get("documents") or [],
            plain=_bytes(reply.get("plain")),
            encrypted=_bytes(reply.get("encrypted")),
            mac=reply.get("mac", ""),
            warnings=reply.get("warnings", 0),
            error=reply.get("error", ""),
            code=reply.get("code", 0),
            more=reply,
        )


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


# --- content --------------------------------------------------------------------------------------


def content_of(documents: Sequence[MappingNode]) -> Content:
    """Our nodes in the form of the oracle."""
    return [_content(document) for document in documents]


def _content(node: t.Any) -> Content:
    if isinstance(node, MappingNode):
        return ["m", *(_item(item) for item in node.items)]
    if isinstance(node, SequenceNode):
        return ["s", *(_content(item) for item in node.items)]
    if isinstance(node, CommentNode):
        return ["#", _text(node.text), node.inline]
    if node.type == "null":
        return ["null"]
    return [node.type, _text(node.text)]


def _item(item: t.Any) -> Content:
    return _content(item) if isinstance(item, CommentNode) else ["k", _text(item[0]), _content(item[1])]


def _text(text: str) -> t.Any:
    try:
        text.encode()
    except UnicodeEncodeError:
        return {"b64": base64.b64encode(text.encode("utf-8", "surrogateescape")).decode()}
    return text


def nodes_of(documents: Content) -> list[MappingNode]:
    """The inverse of `content_of`."""
    return [t.cast("MappingNode", _node(document)) for document in documents]


def _node(content: Content) -> t.Any:
    kind = content[0]
    if kind == "m":
        return MappingNode(
            [_node(item) if item[0] == "#" else (_plain(item[1]), _node(item[2])) for item in content[1:]]
        )
    if kind == "s":
        return SequenceNode([_node(item) for item in content[1:]])
    if kind == "#":
        return CommentNode(_plain(content[1]), content[2])
    return ScalarNode(kind, _plain(content[1]) if len(content) > 1 else "")


def _plain(text: t.Any) -> str:
    return text if isinstance(text, str) else base64.b64decode(text["b64"]).decode("utf-8", "surrogateescape")


def values_in(content: Content) -> Content:
    """The content without comments."""
    kind = content[0] if content else ""
    if kind == "m":
        return ["m", *(["k", item[1], values_in(item[2])] for item in content[1:] if item[0] != "#")]
    if kind == "s":
        return ["s", *(values_in(item) for item in content[1:] if item[0] != "#")]
    return content


def comments_in(content: Content) -> list[str]:
    """The texts of all comments in order."""
    if content[0] == "#":
        return [str(content[1])]
    if content[0] == "k":
        return comments_in(content[2])
    if content[0] in ("m", "s"):
        return [text for item in content[1:] for text in comments_in(item)]
    return []


def leaves_in(content: Content) -> Iterator[Content]:
    """All values in order."""
    if content[0] in ("m", "s", "k"):
        for item in content[1 if content[0] != "k" else 2 :]:
            yield from leaves_in(item)
    elif content[0] != "#":
        yield content
