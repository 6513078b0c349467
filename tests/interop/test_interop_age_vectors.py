# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The test vectors of age (https://c2sp.org/CCTV/age): each opens, or is refused for the reason that it names."""

from __future__ import annotations

import base64
import functools
import hashlib
import typing as t
import zlib
from dataclasses import dataclass, field

import pytest
from oracle_tools import age_vectors

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age_format
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_format import AgeFile, AgeFileError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_identities import parse_identity
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys.age_passphrase import Passphrase

pytestmark = pytest.mark.interop

NUMBER = 147
"""Those of October 2025, which are 143, and four about carriage returns in armor."""
OUTCOMES = {"header": "header failure", "HMAC": "HMAC failure", "armor": "armor failure", "payload": "payload failure"}


@dataclass
class Vector:
    """One file: what is expected of it, and the age file itself."""

    name: str
    content: bytes
    expect: str = ""
    payload: str = ""
    file_key: bytes = b""
    is_armored: bool = False
    openers: list[t.Any] = field(default_factory=list)


def read(name: str, content: bytes) -> Vector:
    head, _blank, body = content.partition(b"\n\n")
    vector = Vector(name, body)
    for line in head.decode().split("\n"):
        key, _colon, value = line.partition(": ")
        match key:
            case "expect":
                vector.expect = value
            case "payload":
                vector.payload = value
            case "file key":
                vector.file_key = bytes.fromhex(value)
            case "identity":
                vector.openers.append(parse_identity(value))
            case "passphrase":
                vector.openers.append(Passphrase(value))
            case "armored":
                vector.is_armored = True
            case "compressed":
                vector.content = zlib.decompress(body)
            case _:
                assert key == "comment", f"an unknown key: {key}"
    return vector


@pytest.fixture(scope="module")
def vectors() -> dict[str, Vector]:
    return {path.name: read(path.name, path.read_bytes()) for path in sorted(age_vectors().iterdir())}


def parsed(vector: Vector) -> AgeFile:
    return age_format.parse(age_format.dearmored(vector.content) if vector.is_armored else vector.content)


def outcome(opening: t.Callable[[], bytes | None]) -> str:
    """In the words of the vectors, with the hash of what was opened."""
    try:
        plain = opening()
    except AgeFileError as exc:
        return OUTCOMES[exc.part]
    return "no match" if plain is None else f"success {hashlib.sha256(plain).hexdigest()}"


def wanted(vectors: t.Iterable[Vector]) -> dict[str, str]:
    return {
        vector.name: f"success {vector.payload}" if vector.expect == "success" else vector.expect for vector in vectors
    }


def opened(vector: Vector) -> bytes | None:
    file = parsed(vector)
    return next((plain for opener in vector.openers if (plain := opener.open(file)) is not None), None)


def unwrapped(vector: Vector) -> bytes | None:
    enc = vector.content.decode("latin-1") if vector.is_armored else age_format.armored(vector.content)
    return next((plain for opener in vector.openers if (plain := opener.unwrap(enc)) is not None), None)


def test_all_vectors_are_there(vectors: dict[str, Vector]) -> None:
    assert len(vectors) == NUMBER


def test_each_vector_has_the_outcome_that_it_asks_for(vectors: dict[str, Vector]) -> None:
    found = {name: outcome(functools.partial(opened, vector)) for name, vector in vectors.items()}
    assert found == wanted(vectors.values())


def test_what_holds_a_data_key_is_as_strict_as_a_file(vectors: dict[str, Vector]) -> None:
    """`unwrap` reads armor; a vector that is none is put in armor, unless it is larger than any data key."""
    some = [
        vector
        for vector in vectors.values()
        if vector.openers
        and len(vector.content) < 40_000
        and not any(isinstance(opener, Passphrase) for opener in vector.openers)
    ]
    assert len(some) > 90
    assert {vector.name: outcome(functools.partial(unwrapped, vector)) for vector in some} == wanted(some)


def test_our_own_payload_reader_agrees(vectors: dict[str, Vector]) -> None:
    """With the file key at hand all that reaches the payload can be read without the library that reads most files."""
    some = [
        vector for vector in vectors.values() if vector.expect in ("success", "payload failure") and vector.file_key
    ]
    assert len(some) > 30
    found = {
        vector.name: outcome(lambda vector=vector: age_format.opened(parsed(vector), vector.file_key))
        for vector in some
    }
    assert found == wanted(some)


def test_armor_is_written_as_it_is_read(vectors: dict[str, Vector]) -> None:
    for vector in vectors.values():
        if vector.is_armored and vector.expect == "success":
            canonical = vector.content.strip().replace(b"\r\n", b"\n") + b"\n"
            assert age_format.armored(age_format.dearmored(vector.content)).encode() == canonical, vector.name


def test_a_passphrase_that_would_take_hours_is_refused_before_it_is_tried() -> None:
    content = b"age-encryption.org/v1\n-> scrypt " + base64.b64encode(b"s" * 16).rstrip(b"=") + b" 23\n"
    content += base64.b64encode(b"k" * 32).rstrip(b"=") + b"\n--- " + base64.b64encode(b"m" * 32).rstrip(b"=") + b"\n"
    with pytest.raises(AgeFileError, match="work factor of 23"):
        Passphrase("x").open(age_format.parse(content + b"n" * 32))
