# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A toy plugin of age, to test with: its recipients and identities hold the same bytes, so it keeps nothing secret.

`write(folder)` puts an executable `age-plugin-toy` into a folder, which has to be on PATH then. It notes each start in
`starts` beside it. The protocol is https://c2sp.org/age-plugin.
"""

from __future__ import annotations

import sys
from pathlib import Path

PROGRAM = '''\
#!{python}
import base64, hashlib, os, sys

NAME = "toy"
SOURCE, TARGET = sys.stdin.buffer, sys.stdout.buffer


def receive():
    words = SOURCE.readline().decode().split()[1:]
    body = ""
    while True:
        line = SOURCE.readline().decode().rstrip("\\n")
        body += line
        if len(line) < 64:
            return words, base64.b64decode(body + "=" * (-len(body) % 4))


def send(*words, body=b""):
    text = base64.b64encode(body).decode().rstrip("=")
    lines = [text[start:start + 64] for start in range(0, len(text) + 1, 64)]
    TARGET.write(("-> " + " ".join(words) + "\\n" + "\\n".join(lines) + "\\n").encode())
    TARGET.flush()


def all_received():
    received = []
    while True:
        words, body = receive()
        if words[0] == "done":
            return received
        received.append((words, body))


def secret(text):
    """The data part of a recipient or an identity, without its checksum."""
    return text.lower().rpartition("1")[2][:-6].encode()


def masked(key, content):
    return bytes(a ^ b for a, b in zip(content, hashlib.sha256(key).digest()))


def tag(key):
    return hashlib.sha256(b"tag" + key).hexdigest()[:8]


def wrap(received):
    keys = [secret(words[1]) for words, _ in received if words[0] in ("add-recipient", "add-identity")]
    files = [body for words, body in received if words[0] == "wrap-file-key"]
    for number, file_key in enumerate(files):
        for key in keys:
            send("recipient-stanza", str(number), NAME, tag(key), body=masked(key, file_key))
            receive()


def unwrap(received):
    keys = {{tag(secret(words[1])): secret(words[1]) for words, _ in received if words[0] == "add-identity"}}
    if os.environ.get("TOY_ASKS"):
        send("msg", body=b"touch the toy")
        receive()
        send("confirm", base64.b64encode(b"yes").decode().rstrip("="), body=b"really?")
        receive()
        send("request-public", body=b"your name")
        receive()
        send("request-secret", body=b"PIN of the toy")
        answer, pin = receive()
        if (answer[0], pin) != ("ok", b"1234"):
            send("error", "internal", body=b"the toy wants its PIN")
            receive()
            return
    opened = set()
    for words, body in received:
        if words[0] == "recipient-stanza" and words[2] == NAME and words[3] in keys and words[1] not in opened:
            opened.add(words[1])
            send("file-key", words[1], body=masked(keys[words[3]], body))
            receive()


with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "starts"), "a") as file:
    file.write(sys.argv[1] + "\\n")
(wrap if sys.argv[1].endswith("recipient-v1") else unwrap)(all_received())
send("done")
'''


def write(folder: Path) -> Path:
    """The program, in the folder."""
    path = folder / "age-plugin-toy"
    path.write_text(PROGRAM.format(python=sys.executable))
    path.chmod(0o755)
    return path


def starts(folder: Path) -> list[str]:
    """How the program was started, each time."""
    path = folder / "starts"
    return path.read_text().splitlines() if path.exists() else []
