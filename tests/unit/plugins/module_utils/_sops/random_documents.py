# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random documents of all stores, with the settings to encrypt them by."""

from __future__ import annotations

import random
import typing as t
from collections.abc import Callable

from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import (
    dotenv_documents,
    ini_documents,
    json_documents,
    random_texts,
    yaml_wild_documents,
)

PATTERNS: dict[str, tuple[str, ...]] = {
    "unencrypted_suffix": ("_unencrypted", "_unencrypted", "a", "e_1", "word"),
    "encrypted_suffix": ("word", "a", "ta", "ünï", "1"),
    "encrypted_regex": (
        "^(data|stringData|DATA)$",
        "^(data|password|a|b|l)",
        "[a-m]",
        "(?i)^[A-P]",
        "ü",
        "^$",
        "\\d$",
        "key",
    ),
    "unencrypted_regex": ("^(a|b)$", "nencrypted", "\\d", "(?i)data", "^x-y$", "[[:upper:]]", " "),
    "encrypted_comment_regex": ("sops:enc", "comment", "^ "),
    "unencrypted_comment_regex": ("sops:clear", "comment", "double"),
}


class Document(t.NamedTuple):
    """A plain file and how it is to be encrypted."""

    store: str
    content: bytes
    selector: tuple[str, str]
    """Kind and pattern."""
    mac_only_encrypted: bool = False
    groups: int = 1
    """Key groups; more than one share the data key."""
    threshold: int = 0


def binary(rng: random.Random) -> bytes:
    """Anything."""
    kind = rng.random()
    if kind < 0.3:
        return bytes(rng.randrange(256) for _turn in range(rng.randint(0, 300)))
    if kind < 0.9:
        return "".join(random_texts.text(rng) for _turn in range(rng.randint(0, 5))).encode()
    return rng.choice((b"", b"\x00", b"\xff\xfe", b'{"data": "x"}', b"\xef\xbb\xbfx", b"{", b"a: 1\n", b"\r\n"))


CONTENTS: dict[str, Callable[[random.Random], bytes]] = {
    "yaml": yaml_wild_documents.content,
    "json": json_documents.content,
    "dotenv": dotenv_documents.content,
    "ini": ini_documents.content,
    "binary": binary,
}
STORES = tuple(CONTENTS)


def document(store: str, rng: random.Random) -> Document:
    """One random document of a store; half of them with the selector that sops takes by default."""
    kind = "unencrypted_suffix" if rng.random() < 0.5 else rng.choice(tuple(PATTERNS))
    content = CONTENTS[store](rng)
    pattern = rng.choice(PATTERNS[kind])
    groups = rng.choice((1,) * 9 + (2, 3))
    return Document(
        store,
        content,
        (kind, pattern),
        mac_only_encrypted=rng.random() < 0.15,
        groups=groups,
        threshold=rng.randint(2, groups) if groups > 1 else 0,
    )
