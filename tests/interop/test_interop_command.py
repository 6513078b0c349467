# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random documents through the sops command itself, many in one file: the library says the same, an older release opens ours."""

from __future__ import annotations

import io
import random
import re
import typing as t

import pytest
from contents import first_difference, loosely
from oracle_tools import Sops
from properties import DATA_KEY, GROUPS, PUBLIC
from sops_library import Library, values_in

from ansible_collections.fluxseed.gitops.plugins.module_utils._errors import FluxseedError
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.key_ring import KeyRing
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.metadata import Metadata
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.main import main
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.streams import Streams
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import (
    ini_documents,
    json_documents,
    random_texts,
    yaml_wild_documents,
)
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

pytestmark = pytest.mark.interop

DOCUMENTS, BATCHES = 200, 3


def yaml_batch(library: Library, rng: random.Random) -> bytes:
    texts: list[bytes] = []
    while len(texts) < DOCUMENTS:
        text = yaml_wild_documents.WildWriter(rng).document().encode()
        if is_plain_sailing(library, "yaml", text):
            texts.append(text)
    return b"---\n".join(texts)


def json_batch(library: Library, rng: random.Random) -> bytes:
    members: list[bytes] = []
    while len(members) < DOCUMENTS:
        text = json_documents.Writer(rng).content().strip()
        # The older release reads integers in clear as floats.
        if is_plain_sailing(library, "json", text) and not re.search(rb"[0-9]{16}", text):
            members.append(b'"d%d": ' % len(members) + text)
    return b"{" + b",\n".join(members) + b"}\n"


def dotenv_batch(_library: Library, rng: random.Random) -> bytes:
    lines = []
    for number in range(DOCUMENTS):
        value = random_texts.text(rng).replace("\n", "\\n")
        lines.append(f"#{random_texts.word(rng)}\n" if number % 7 == 0 else f"KEY_{number}={value}\n")
    return "".join(lines).encode()


def ini_batch(library: Library, rng: random.Random) -> bytes:
    sections: list[bytes] = []
    while len(sections) < DOCUMENTS:
        number = len(sections)
        text = f"[s{number}]\n"
        text += "".join(f"k{key} = {ini_documents.value(rng)}\n" for key in range(rng.randint(1, 4)))
        if is_plain_sailing(library, "ini", text.encode()):
            sections.append(text.encode())
    return b"\n\n".join(sections)


BATCH: dict[str, t.Callable[[Library, random.Random], bytes]] = {
    "yaml": yaml_batch,
    "json": json_batch,
    "dotenv": dotenv_batch,
    "ini": ini_batch,
}


def is_plain_sailing(library: Library, store: str, text: bytes) -> bool:
    """Whether sops reads back what it writes of this document, and we take it."""
    rule = {"unencrypted_suffix": "_unencrypted"}
    made = library.ask("encrypt", store=store, data=text, key=DATA_KEY, selectors=rule, groups=GROUPS)
    if made.encrypted is None or made.plain is None:
        return False
    again = library.ask("load", store=store, data=made.plain)
    opened = library.ask("decrypt", store=store, data=made.encrypted, key=DATA_KEY)
    try:
        document.encrypt(text, Rule.of([PUBLIC]), store=store_for("a file", store))
    except FluxseedError:
        return False
    wanted = loosely(values(made.documents))
    # INI and dotenv files of sops may not say the same as the tree they are written from.
    return loosely(values(again.documents)) == wanted == loosely(values(opened.documents))


def values(documents: list[t.Any]) -> list[t.Any]:
    return [values_in(each) for each in documents]


def same(ours: list[t.Any], theirs: list[t.Any]) -> None:
    """The same values; a whole float may have become an integer."""
    left, right = loosely(values(ours)), loosely(values(theirs))
    if left != right:
        pytest.fail(first_difference(left, right))


def words(store: str) -> list[str]:
    return ["--input-type", store, "--output-type", store]


def data_key(content: bytes, store: str, ring: KeyRing) -> bytes:
    bridge = store_for("a file", store)
    return ring.data_key(Metadata.parse(bridge.metadata(bridge.load(content))))


@pytest.fixture(scope="module", params=[(store, number) for store in BATCH for number in range(BATCHES)], ids=str)
def batch(request: pytest.FixtureRequest, library: Library) -> tuple[str, bytes]:
    store, number = request.param
    return store, BATCH[store](library, random.Random(f"{store}:{number}"))  # noqa: S311  (test data)


def test_the_command_and_its_library_say_the_same(
    batch: tuple[str, bytes], library: Library, keys: Keys, sops: Sops, ring: KeyRing
) -> None:
    """What the other tests learn from the library holds for the command."""
    store, plain = batch
    done = sops.run("encrypt", "--age", keys.public, *words(store), "/dev/stdin", data=plain)
    assert done.returncode == 0, done.stderr.decode()
    opened = sops.run("decrypt", *words(store), "/dev/stdin", data=done.stdout)
    assert opened.returncode == 0, opened.stderr.decode()
    key = data_key(done.stdout, store, ring)
    answer = library.ask("decrypt", store=store, data=done.stdout, key=key)
    assert opened.stdout == answer.plain
    same(answer.documents, library.ask("load", store=store, data=plain).documents)


def test_ours_open_in_the_command_and_in_an_older_one(
    batch: tuple[str, bytes], library: Library, keys: Keys, sops: Sops, older_sops: Sops
) -> None:
    """Comments in lists, too, which one release could not read back from itself."""
    store, plain = batch
    content = document.encrypt(plain, Rule.of([keys.public]), store=store_for("a file", store)).content
    wanted = library.ask("load", store=store, data=plain).documents
    for command in (sops, older_sops):
        opened = command.run("decrypt", *words(store), "/dev/stdin", data=content)
        assert opened.returncode == 0, opened.stderr.decode()
        same(library.ask("load", store=store, data=opened.stdout).documents, wanted)


INDENTS = "creation_rules: [{age: KEY}]\nstores: {yaml: {indent: 2}, json: {indent: 3}, json_binary: {indent: 1}}\n"


@pytest.mark.parametrize(
    ("kind", "output"),
    [("yaml", "json"), ("json", "yaml"), ("yaml", "binary"), ("binary", "binary"), ("binary", "json")],
)
def test_files_written_anew_are_indented_as_the_configuration_says(
    kind: str, output: str, sops: Sops, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By `encrypt` and by `decrypt`, line by line but for tokens, keys and the time."""
    plain = {
        "yaml": b"a:\n    b: [1, {c: d}]\ndata: x\n",
        "json": b'{"a": {"b": [1, {"c": "d"}]}}',
        "binary": b"\x00x",
    }[kind]
    folder = sops.folder / f"{kind}-{output}"
    folder.mkdir()
    (folder / ".sops.yaml").write_text(INDENTS.replace("KEY", keys.public))
    (folder / "plain").write_bytes(plain)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SOPS_AGE_KEY", keys.private)
    beside = Sops(sops.program, sops.private, folder)

    def compare(*words: str) -> bytes:
        out = io.BytesIO()
        code = main(words, Streams(io.BytesIO(), out, io.StringIO()))
        theirs = beside.run(*words)
        assert code == theirs.returncode
        assert layout(out.getvalue()) == layout(theirs.stdout)
        return theirs.stdout

    sealed = compare("encrypt", "--input-type", kind, "--output-type", output, "plain")
    if sealed:
        (folder / "sealed").write_bytes(sealed)
        compare("decrypt", "--input-type", output, "--output-type", kind, "sealed")


def layout(content: bytes) -> bytes:
    content = re.sub(rb"ENC\[[^]]*\]|\d+-\d+-\d+T[^\"]*", b"", content)
    return re.sub(rb"(?s)-----BEGIN.*?-----END AGE ENCRYPTED FILE-----", b"", content)
