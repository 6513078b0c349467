# Copyright (c) 2026, the fluxseed.gitops authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What we refuse, sops refuses with the same exit code, but for the rows that say why not."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import tempfile
import typing as t
from pathlib import Path

import pytest
from oracle_tools import Sops

from ansible_collections.fluxseed.gitops.plugins.module_utils._sops import document
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.config import Rule
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.keys import age
from ansible_collections.fluxseed.gitops.plugins.module_utils._sops.stores.registry import store_for
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.main import main
from ansible_collections.fluxseed.gitops.plugins.plugin_utils._cli.streams import Streams
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops import bad_files
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.bad_files import Bad
from ansible_collections.fluxseed.gitops.tests.unit.plugins.module_utils._sops.support import Keys

pytestmark = pytest.mark.interop
NOBODY = 65534


@pytest.fixture(scope="module")
def good(rule: Rule) -> dict[str, bytes]:
    names = [name for name in bad_files.PLAIN if bad_files.available(name)]
    return {name: document.encrypt(bad_files.PLAIN[name], rule, store=store_for(name, name)).content for name in names}


def exit_code(sops: Sops, command: str, content: bytes, store: str, *options: str) -> int:
    path = sops.folder / f"input.{store}"
    path.write_bytes(content)
    done = sops.run(command, *options, "--input-type", store, "--output-type", store, str(path))
    assert path.read_bytes() == content
    return done.returncode


def expected(bad: Bad) -> int:
    assert (bad.sops is None) == (not bad.why)
    return bad.exit_code if bad.sops is None else bad.sops


@pytest.mark.parametrize("bad", bad_files.TO_DECRYPT, ids=bad_files.ids(bad_files.TO_DECRYPT))
def test_sops_does_not_decrypt_it_either(bad: Bad, good: dict[str, bytes], sops: Sops) -> None:
    assert exit_code(sops, "decrypt", bad.change(good[bad.store]), bad.store) == expected(bad)


@pytest.mark.parametrize("bad", bad_files.TO_ENCRYPT, ids=bad_files.ids(bad_files.TO_ENCRYPT))
def test_sops_does_not_encrypt_it_either(bad: Bad, good: dict[str, bytes], sops: Sops, keys: Keys) -> None:
    assert exit_code(sops, "encrypt", bad.change(good[bad.store]), bad.store, "--age", keys.public) == expected(bad)


@pytest.mark.parametrize("name", bad_files.PLAIN)
def test_sops_opens_the_files_that_were_damaged(name: str, good: dict[str, bytes], sops: Sops) -> None:
    assert exit_code(sops, "decrypt", good[name], name) == 0


# --- the two commands side by side -----------------------------------------------------------------


@pytest.fixture
def ours(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., int]:
    """Our command in process, with the key of the tests and nothing else from outside."""
    for name in [name for name in os.environ if name.startswith("SOPS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nowhere")
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    monkeypatch.setenv("SOPS_AGE_KEY", keys.private)

    def run(*arguments: str) -> int:
        out = io.BytesIO()
        code = main(arguments, Streams(io.BytesIO(), out, io.StringIO()))
        assert code == 0 or out.getvalue() == b""
        return code

    return run


@pytest.mark.parametrize("bad", bad_files.TO_DECRYPT, ids=bad_files.ids(bad_files.TO_DECRYPT))
def test_our_command_leaves_with_that_code_and_the_file_as_it_was(
    bad: Bad, good: dict[str, bytes], ours: t.Callable[..., int], tmp_path: Path
) -> None:
    """In place, where something could be lost."""
    path, content = tmp_path / f"input.{bad.store}", bad.change(good[bad.store])
    path.write_bytes(content)
    assert ours("decrypt", "-i", "--input-type", bad.store, str(path)) == bad.exit_code
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("bad", bad_files.TO_ENCRYPT, ids=bad_files.ids(bad_files.TO_ENCRYPT))
def test_our_command_encrypts_none_of_them(
    bad: Bad,
    good: dict[str, bytes],
    ours: t.Callable[..., int],
    keys: Keys,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    path, content = tmp_path / f"input.{bad.store}", bad.change(good[bad.store])
    path.write_bytes(content)
    assert ours("encrypt", "-i", "--age", keys.public, "--input-type", bad.store, path.name) == bad.exit_code
    assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", bad_files.PLAIN)
def test_the_wrong_key(
    name: str,
    good: dict[str, bytes],
    sops: Sops,
    ours: t.Callable[..., int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = sops.folder / f"input.{name}"
    path.write_bytes(good[name])
    private, _public = age.generate_identity()
    stranger = Sops(sops.program, private, sops.folder)
    monkeypatch.setenv("SOPS_AGE_KEY", private)
    for verb in (["decrypt", "-i"], ["decrypt"]):
        arguments = [*verb, "--input-type", name, "--output-type", name, str(path)]
        assert (stranger.run(*arguments).returncode, ours(*arguments)) == (128, 128)
        assert path.read_bytes() == good[name]


@pytest.fixture
def closed_folder(keys: Keys, ours: t.Callable[..., int], monkeypatch: pytest.MonkeyPatch) -> t.Iterator[Path]:
    """A folder, and a file in it, that may be read only; it is the working directory."""
    with tempfile.TemporaryDirectory() as outer:
        Path(outer).chmod(0o755)
        folder = Path(outer, "folder")
        folder.mkdir()
        (folder / "a.yaml").write_text("a: 1\n")
        # All that our command imports is imported now: another user may not be able to.
        ours("encrypt", "--age", keys.public, "--output", str(folder / "b.yaml"), str(folder / "a.yaml"))
        ours("decrypt", str(folder / "b.yaml"))
        for path in folder.iterdir():
            path.chmod(0o444)
        folder.chmod(0o555)
        monkeypatch.chdir(folder)
        yield folder
        monkeypatch.undo()
        folder.chmod(0o755)


@contextlib.contextmanager
def unprivileged() -> t.Iterator[None]:
    """Modes do not stop root."""
    user = os.geteuid()
    if user:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.mark.parametrize(
    "words",
    [("encrypt", "-i", "a.yaml"), ("encrypt", "--output", "new.yaml", "a.yaml"), ("decrypt", "-i", "b.yaml"), ("decrypt", "--output", "new.yaml", "b.yaml")],
    ids=lambda words: " ".join(words[:2]),
)  # fmt: skip
def test_a_folder_that_may_be_read_only(
    words: tuple[str, ...], closed_folder: Path, sops: Sops, ours: t.Callable[..., int], keys: Keys
) -> None:
    before = {path.name: path.read_bytes() for path in closed_folder.iterdir()}
    arguments = [words[0], *(["--age", keys.public] if words[0] == "encrypt" else []), *words[1:]]
    with sops.program.open("rb") as program:
        theirs = subprocess.run(
            # By its descriptor, as its folder may be closed to others.
            [f"/proc/self/fd/{program.fileno()}", *arguments],
            pass_fds=[program.fileno()],
            env={"HOME": "/nowhere", "SOPS_AGE_KEY": keys.private},
            user=None if os.geteuid() else NOBODY,
            capture_output=True,
            check=False,
        )
    with unprivileged():
        code = ours(*arguments)
    assert (theirs.returncode, code) == (3, 3)
    assert {path.name: path.read_bytes() for path in closed_folder.iterdir()} == before
